-- The confusion matrix of airline customers' tweets: rows are what people said, columns what
-- crm_sentiment says. The tweets come through the standard input.
CREATE TEMP TABLE tweet (
    tweet_id text, airline_sentiment text, negativereason text, airline text, text text,
    tweet_created text
);
\copy tweet FROM pstdin (FORMAT csv, HEADER)

CREATE TEMP TABLE judged AS
SELECT airline_sentiment AS truth, (answer).label AS guess,
    greatest((answer).negative, (answer).neutral, (answer).positive) AS confidence
FROM (SELECT airline_sentiment, crm_sentiment_detail(text) AS answer FROM tweet) answers;

SELECT truth AS "customers \ model",
    count(*) FILTER (WHERE guess = 'negative') AS negative,
    count(*) FILTER (WHERE guess = 'neutral') AS neutral,
    count(*) FILTER (WHERE guess = 'positive') AS positive
FROM judged GROUP BY truth ORDER BY truth;

CREATE TEMP TABLE class AS
SELECT class, round(hits / nullif(guessed, 0), 3) AS precision,
    round(hits / nullif(said, 0), 3) AS recall, round(2 * hits / (guessed + said), 3) AS f1
FROM (SELECT class, count(*) FILTER (WHERE truth = class AND guess = class)::numeric AS hits,
          count(*) FILTER (WHERE guess = class) AS guessed,
          count(*) FILTER (WHERE truth = class) AS said
      FROM judged, unnest(ARRAY['negative', 'neutral', 'positive']) AS class
      GROUP BY class) counts;

SELECT * FROM class ORDER BY class;

SELECT count(*) AS rows, round(avg((truth = guess)::int), 3) AS accuracy,
    (SELECT round(avg(f1), 3) FROM class) AS macro_f1
FROM judged;

\ir calibration.sql
