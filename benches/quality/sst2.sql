-- Accuracy on sentences that are positive or negative: the score's sign decides. Lines of
-- "sentence TAB 0 or 1" come through the standard input.
CREATE TEMP TABLE line (line text);
\copy line FROM pstdin (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')

SELECT count(*) AS rows, round(avg((guess = truth)::int), 3) AS accuracy
FROM (SELECT split_part(line, E'\t', 2) = '1' AS truth,
          crm_sentiment_score(split_part(line, E'\t', 1)) >= 0 AS guess
      FROM line WHERE split_part(line, E'\t', 2) IN ('0', '1')) judged;
