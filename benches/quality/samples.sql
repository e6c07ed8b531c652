-- Everyday sentences written for this model, "text TAB label"; those without a label are for the
-- engine's tests. They come through the standard input.
CREATE TEMP TABLE sample (text text, label text);
\copy sample FROM pstdin

SELECT count(*) AS rows, count(*) FILTER (WHERE crm_sentiment(text) = label) AS right
FROM sample WHERE label <> '';
SELECT text AS wrong, label, crm_sentiment(text) AS guess
FROM sample WHERE label <> '' AND crm_sentiment(text) <> label;
