-- Accuracy on sentences of five levels. Lines of "level from 0, space, sentence" come through the
-- standard input.
CREATE TEMP TABLE line (line text);
\copy line FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')

CREATE TEMP TABLE judged AS
SELECT 1 + left(line, 1)::int AS truth, crm_sentiment_level(substr(line, 3)) AS guess,
    (SELECT max(probability)
     FROM crm_classify_detail(current_setting('crm_ai.sentiment_model'), substr(line, 3))
    ) AS confidence
FROM line WHERE line ~ '^[0-4] ';

SELECT truth AS "people \ model",
    count(*) FILTER (WHERE guess = 1) AS "1", count(*) FILTER (WHERE guess = 2) AS "2",
    count(*) FILTER (WHERE guess = 3) AS "3", count(*) FILTER (WHERE guess = 4) AS "4",
    count(*) FILTER (WHERE guess = 5) AS "5"
FROM judged GROUP BY truth ORDER BY truth;

SELECT count(*) AS rows, round(avg((guess = truth)::int), 3) AS accuracy,
    round(avg((abs(guess - truth) <= 1)::int), 3) AS within_one_level
FROM judged;

\ir calibration.sql
