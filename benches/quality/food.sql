-- The area under the ROC curve of the expected level, five stars against fewer, on food reviews:
-- Mann and Whitney's statistic, ties by half. The reviews come through the standard input.
CREATE TEMP TABLE food (product text, review text, score text);
\copy food FROM pstdin (FORMAT csv, HEADER)

CREATE TEMP TABLE judged AS
SELECT score = 'great' AS is_great, sum(level.place * detail.probability) AS expected
FROM food,
    crm_classify_detail(current_setting('crm_ai.sentiment_model'), crm_clean_text(review)) AS detail
    JOIN unnest(ARRAY['very negative', 'negative', 'neutral', 'positive', 'very positive'])
        WITH ORDINALITY AS level (label, place) USING (label)
GROUP BY food.ctid, score;

SELECT count(*) AS rows, round((
        (sum(place) FILTER (WHERE is_great) - great * (great + 1) / 2) / (great * (count(*) - great))
    )::numeric, 3) AS area_under_roc
FROM (
    SELECT is_great, rank() OVER w + (count(*) OVER (PARTITION BY expected) - 1) / 2.0 AS place,
        count(*) FILTER (WHERE is_great) OVER () AS great
    FROM judged WINDOW w AS (ORDER BY expected)
) AS ranks
GROUP BY great;
