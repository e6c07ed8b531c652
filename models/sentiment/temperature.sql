-- The temperatures with the least log-loss on sentences of five levels that were not learnt from (Guo
-- et al. 2017, "On Calibration of Modern Neural Networks"): those of SST-5's development set, and those
-- kept for checks. psql -v model=MODEL -v data=FOLDER -f temperature.sql, after rows.sql. MODEL is
-- name@version; its own temperature is taken out of its probabilities first.
CREATE TEMPORARY TABLE sentence_of AS
SELECT 'development' AS part, body AS text,
    ('{very negative,negative,neutral,positive,very positive}'::text[])[mark + 1] AS label
FROM led(:'data' || '/sst/stsa.fine.dev')
UNION ALL SELECT 'kept', text, label FROM sentiment_check WHERE part = 'levels';

CREATE TEMPORARY TABLE answer AS
SELECT part, row.text, row.label AS truth, detail.label,
    ln(greatest(detail.probability, 1e-30)) * own.temperature AS logit
FROM crm_ai.versions AS own, sentence_of AS row,
    crm_classify_detail(:'model', row.text) AS detail
WHERE own.name = :'model';

SELECT DISTINCT ON (part) part, temperature::numeric(4, 2)
FROM generate_series(0.5, 2, 0.01) AS temperature, LATERAL (
    SELECT part, avg(loss) AS loss FROM (
        SELECT part, ln(sum(exp(logit / temperature)))
            - sum(logit / temperature) FILTER (WHERE label = truth) AS loss
        FROM answer GROUP BY part, text
    ) AS losses
    GROUP BY part
) AS fit
ORDER BY part, loss;
