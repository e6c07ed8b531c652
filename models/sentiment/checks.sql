-- A model on the rows that were kept for checks: psql -v model=MODEL -f checks.sql, after rows.sql.
-- 'levels' counts the five levels, 'reviews' positive against negative, 'intents' the three sides.
CREATE TEMPORARY TABLE answer AS
SELECT part, text, row.label AS truth, detail.label, detail.probability, side(row.label) AS side
FROM sentiment_check AS row, crm_classify_detail(:'model', row.text) AS detail;

CREATE TEMPORARY TABLE judged AS
SELECT part, truth, side, (array_agg(label ORDER BY probability DESC))[1] AS guess,
    sum(probability) FILTER (WHERE label = truth) AS probability,
    coalesce(sum(probability) FILTER (WHERE side(label) = 'negative'), 0) AS negative,
    coalesce(sum(probability) FILTER (WHERE side(label) = 'neutral'), 0) AS neutral,
    coalesce(sum(probability) FILTER (WHERE side(label) = 'positive'), 0) AS positive
FROM answer GROUP BY part, text, truth, side;

SELECT part AS :"model", count(*) AS rows,
    round(avg((CASE part
        WHEN 'levels' THEN guess = truth
        WHEN 'reviews' THEN (positive >= negative) = (side = 'positive')
        ELSE side = CASE greatest(negative, neutral, positive)
            WHEN negative THEN 'negative' WHEN neutral THEN 'neutral' ELSE 'positive' END
    END)::int), 3) AS accuracy,
    round(-avg(ln(CASE part
        WHEN 'levels' THEN probability
        WHEN 'reviews' THEN
            CASE side WHEN 'positive' THEN positive ELSE negative END / (positive + negative)
        ELSE CASE side WHEN 'positive' THEN positive WHEN 'negative' THEN negative ELSE neutral END
    END))::numeric, 3) AS log_loss
FROM judged GROUP BY part ORDER BY part;
DROP TABLE answer, judged;
