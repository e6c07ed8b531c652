-- The expected calibration error of judged (truth, guess, confidence): 15 bins of equal width on the
-- confidence, |share of right answers - mean confidence| weighted by rows (Guo et al. 2017, "On
-- Calibration of Modern Neural Networks").
SELECT round(sum(rows * abs(right_share - confidence) / total)::numeric, 3) AS calibration_error
FROM (
    SELECT count(*) AS rows, avg((guess = truth)::int)::float8 AS right_share,
        avg(confidence) AS confidence, (sum(count(*)) OVER ())::float8 AS total
    FROM judged GROUP BY least(floor(confidence * 15), 14)
) AS bins;
