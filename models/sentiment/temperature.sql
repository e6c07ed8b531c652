-- The temperature with the least log-loss on the rows of five levels that were not learnt from:
-- psql -v model=MODEL -f temperature.sql, after rows.sql. MODEL is name@version; its own
-- temperature is taken out of its probabilities first (Guo et al. 2017, "On Calibration of Modern
-- Neural Networks").
CREATE TEMPORARY TABLE answer AS
SELECT row.text, row.label AS truth, detail.label,
    ln(greatest(detail.probability, 1e-30)) * own.temperature AS logit
FROM crm_ai.versions AS own, sentiment_check AS row,
    crm_classify_detail(:'model', row.text) AS detail
WHERE own.name = :'model' AND row.part = 'levels';

SELECT temperature::numeric(4, 2)
FROM generate_series(0.5, 3, 0.01) AS temperature, LATERAL (
    SELECT avg(loss) AS loss FROM (
        SELECT ln(sum(exp(logit / temperature)))
            - sum(logit / temperature) FILTER (WHERE label = truth) AS loss
        FROM answer GROUP BY text
    ) AS losses
) AS fit
ORDER BY loss LIMIT 1;
