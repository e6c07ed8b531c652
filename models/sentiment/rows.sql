-- The rows that the sentiment model learns from, made from the data folder.
--
--     psql -v data=FOLDER -v here=FOLDER -f rows.sql
--
-- data is the folder of the files that data.sha256 lists, here this one; the server reads both.
-- Makes the tables sentiment_row (text, label), to learn from, and sentiment_check (part, text,
-- label), rows that are never learnt from. A label is one of five levels, or stands for some of
-- them (label_sets in train.sql). Everything is drawn by hashes of the texts: the same data give
-- the same rows.

-- Draws ------------------------------------------------------------------------------------------

CREATE FUNCTION draw(key text, number int) RETURNS float8
RETURN (hashtextextended(key, number) & 1048575) / 1048576.0;
COMMENT ON FUNCTION draw IS 'A number in [0, 1) that depends on key and number alone';

CREATE FUNCTION pick(choices text[], key text, number int) RETURNS text
RETURN choices[1 + floor(draw(key, number) * cardinality(choices))::int];
COMMENT ON FUNCTION pick IS 'One of the choices, all as probable';

CREATE FUNCTION pick_weighted(choices jsonb, key text, number int) RETURNS text
RETURN (
    SELECT name FROM (
        SELECT name, sum(weight::float8) OVER (ORDER BY name) AS until
        FROM jsonb_each_text(choices) AS choice (name, weight)
    ) AS stairs
    WHERE until > draw(key, number) * (SELECT sum(value::float8) FROM jsonb_each_text(choices))
    ORDER BY until LIMIT 1
);
COMMENT ON FUNCTION pick_weighted IS 'One of the keys, as probable as its value tells';

CREATE FUNCTION normal(body text) RETURNS text IMMUTABLE
RETURN regexp_replace(lower(body), '[^a-z0-9]+', '', 'g');
COMMENT ON FUNCTION normal IS 'Without case, spaces and signs, to compare across spellings';

CREATE FUNCTION bucket(body text) RETURNS bigint
RETURN ('x' || left(encode(sha256(convert_to(normal(body), 'UTF8')), 'hex'), 8))::bit(32)::bigint % 100;
COMMENT ON FUNCTION bucket IS 'A number of 0 to 99 for a text; some are kept for checks';

-- Files ------------------------------------------------------------------------------------------

CREATE FUNCTION lines(file text) RETURNS SETOF text
BEGIN ATOMIC
    SELECT body FROM string_to_table(pg_read_file(file), E'\n') AS body WHERE body <> '';
END;
COMMENT ON FUNCTION lines IS 'The lines of a file on the server';

CREATE FUNCTION numbered(file text) RETURNS TABLE (body text, mark int)
BEGIN ATOMIC
    SELECT regexp_replace(line, '\t[^\t]*$', ''), substring(line FROM '\t(\d)\s*$')::int
    FROM lines(file) AS line WHERE line ~ '\t\d\s*$';
END;
COMMENT ON FUNCTION numbered IS 'A file of lines "text TAB number"';

CREATE FUNCTION led(file text) RETURNS TABLE (body text, mark int)
BEGIN ATOMIC
    SELECT substr(line, 3), left(line, 1)::int FROM lines(file) AS line WHERE line ~ '^\d ';
END;
COMMENT ON FUNCTION led IS 'A file of lines "number text"';

CREATE TEMPORARY TABLE level AS
SELECT mark, name FROM unnest(ARRAY['very negative', 'negative', 'neutral', 'positive',
    'very positive']) WITH ORDINALITY AS name (name, place), LATERAL (SELECT place - 1 AS mark) AS m;

-- What a row may be of: a source and how often its rows are written the way customers write.
CREATE TEMPORARY TABLE row_of (source text, body text, label text, rate float8);

-- Films ------------------------------------------------------------------------------------------

-- The development sets, which no row may repeat.
CREATE TEMPORARY TABLE held AS
SELECT DISTINCT normal(body) AS body
FROM (SELECT body FROM numbered(:'data' || '/sst/sst2_dev.tsv')
      UNION ALL SELECT body FROM led(:'data' || '/sst/stsa.fine.dev')) AS dev;

CREATE TEMPORARY TABLE sentence AS
SELECT body, mark FROM led(:'data' || '/sst/stsa.fine.train')
WHERE normal(body) NOT IN (SELECT body FROM held);

CREATE TABLE sentiment_check AS
SELECT 'levels' AS part, sentence.body AS text, level.name AS label
FROM sentence JOIN level USING (mark) WHERE bucket(body) < 10;

CREATE FUNCTION runs(body text) RETURNS SETOF text
BEGIN ATOMIC
    SELECT normal(array_to_string(word[first:last], ' '))
    FROM string_to_array(body, ' ') AS word, generate_series(1, cardinality(word)) AS first,
        generate_series(first, cardinality(word)) AS last;
END;
COMMENT ON FUNCTION runs IS 'Every run of one or more words of a text';

-- What is not learnt from: the phrases that only sentences kept for checks have, as the treebank has
-- none that only the development sets have, and these sentences themselves.
CREATE TEMPORARY TABLE span AS
SELECT runs(text) AS body FROM sentiment_check
EXCEPT SELECT runs(body) FROM sentence WHERE bucket(body) >= 10
UNION SELECT normal(text) FROM sentiment_check
UNION SELECT body FROM held;

-- Most phrases of a few words are neutral; one in twelve of those is enough.
INSERT INTO row_of
SELECT 'phrases', body, name, 0.1
FROM numbered(:'data' || '/sst/sst5_train_phrases.tsv') AS phrase JOIN level USING (mark)
WHERE NOT EXISTS (SELECT FROM span WHERE span.body = normal(phrase.body)) AND normal(body) <> ''
  AND (mark <> 2 OR regexp_count(body, '\w+') >= 4 OR draw(body, 1) * 12 < 1);

INSERT INTO row_of
SELECT 'sentences', body, name, 0.1 * copy FROM sentence JOIN level USING (mark),
    generate_series(1, 2) AS copy
WHERE bucket(body) >= 10;

INSERT INTO row_of
SELECT 'plain', body, CASE mark WHEN 0 THEN 'any negative' ELSE 'any positive' END, 0.1
FROM numbered(:'data' || '/sst/sst2_train_sentences.tsv') AS plain
WHERE NOT EXISTS (SELECT FROM span WHERE span.body = normal(plain.body));

-- Reviews ----------------------------------------------------------------------------------------

CREATE TEMPORARY TABLE review AS
SELECT body, CASE mark WHEN 0 THEN 'any negative' ELSE 'any positive' END AS label
FROM (
    SELECT * FROM numbered(:'data' || '/uci_sentiment_sentences/amazon_cells_labelled.txt')
    UNION ALL SELECT * FROM numbered(:'data' || '/uci_sentiment_sentences/imdb_labelled.txt')
    UNION ALL SELECT * FROM numbered(:'data' || '/uci_sentiment_sentences/yelp_labelled.txt')
    UNION ALL SELECT * FROM led(:'data' || '/customer_reviews/custrev.all')
) AS reviews WHERE mark IN (0, 1);

INSERT INTO sentiment_check SELECT 'reviews', body, label FROM review WHERE bucket(body) < 8;
INSERT INTO row_of SELECT 'reviews', body, label, 0.4 * copy FROM review, generate_series(1, 2) AS copy
WHERE bucket(body) >= 8;

-- 'great' is five stars; 'other' is one to four: not very positive is all that it tells.
CREATE TEMPORARY TABLE food (product text, review text, score text);
\set file :data '/modeldata/small_fine_foods_train.csv'
COPY food (product, review, score) FROM :'file' WITH (FORMAT csv, HEADER);
INSERT INTO row_of
SELECT 'food', left(crm_clean_text(review), 420), CASE
        WHEN score <> 'great' THEN 'not very positive'
        WHEN draw(review, 1) < 0.25 THEN 'positive' ELSE 'very positive' END, 0.4
FROM food WHERE draw(review, 0) < 0.4;

-- Messages by intent -----------------------------------------------------------------------------

CREATE TEMPORARY TABLE message (source text, body text, intent text);
CREATE TEMPORARY TABLE bank (text text, category text);
\set file :data '/banking77/train.csv'
COPY bank FROM :'file' WITH (FORMAT csv, HEADER);
\set file :data '/banking77/test.csv'
COPY bank FROM :'file' WITH (FORMAT csv, HEADER);
INSERT INTO message SELECT 'bank', trim(text, E' \n'), category FROM bank;
INSERT INTO message
SELECT 'clinc', trim(pair ->> 0), pair ->> 1
FROM jsonb_each(pg_read_file(:'data' || '/clinc150/data_full.json')::jsonb) AS part,
    jsonb_array_elements(part.value) AS pair;

-- intents.tsv: intents that report something gone wrong, and unclear ones, which are left out. The
-- others ask or request: neutral, unless the customer is upset.
CREATE TEMPORARY TABLE intent (intent text, kind text);
\set file :here '/intents.tsv'
COPY intent FROM :'file';

CREATE TEMPORARY TABLE judged AS
SELECT source, body, CASE
        WHEN message.intent = 'thank_you' THEN '{"neutral": 15, "positive": 70, "very positive": 15}'
        WHEN kind IS NULL THEN '{"neutral": 97, "negative": 3}'
        WHEN is_upset THEN '{"very negative": 8, "negative": 78, "neutral": 14}'
        WHEN is_question THEN '{"any negative": 45, "neutral": 55}'
        ELSE '{"very negative": 4, "negative": 71, "neutral": 25}'
    END::jsonb AS labels, CASE
        WHEN message.intent = 'thank_you' THEN 'any positive'
        WHEN kind IS NULL THEN 'neutral'
        WHEN is_upset THEN 'any negative'
    END AS certain
FROM message LEFT JOIN intent USING (intent), LATERAL (SELECT
    body ~* ('\y(still|twice|again|wrong|stuck|never|keeps?|days|weeks?|ridiculous|not happy|upset'
        '|stolen|stole|lost|gone|missing)\y|!') AS is_upset,
    body ~* ('^\s*(what|where|when|who|which|how|is|are|can|could|do|does|did|will|would|why|may'
        '|should|am)\y|\?$') AS is_question) AS tone
WHERE kind IS DISTINCT FROM 'unclear' AND (kind = 'problem' OR NOT is_upset);

INSERT INTO sentiment_check
SELECT DISTINCT 'intents', body, certain FROM judged WHERE bucket(body) < 2 AND certain IS NOT NULL;
INSERT INTO row_of
SELECT source, body, pick_weighted(labels, body, 3), 0.8 FROM judged
WHERE bucket(body) >= 2 AND draw(body, 2) < CASE source WHEN 'bank' THEN 0.6 ELSE 0.35 END;

-- Service messages -------------------------------------------------------------------------------

-- patterns.tsv and slots.tsv, written for this model: sentences with slots, and what fills them.
CREATE TEMPORARY TABLE pattern (part text, labels text, body text);
\set file :here '/patterns.tsv'
COPY pattern FROM :'file';
CREATE TEMPORARY TABLE slot (name text, value text);
\set file :here '/slots.tsv'
COPY slot FROM :'file';
CREATE TEMPORARY TABLE choice AS
SELECT part, labels, array_agg(body ORDER BY body) AS bodies FROM pattern GROUP BY part, labels;
CREATE TEMPORARY TABLE filling AS
SELECT name, array_agg(value ORDER BY value) AS choices FROM slot GROUP BY name;

CREATE FUNCTION filled(body text, key text) RETURNS text LANGUAGE plpgsql STABLE AS $$
-- A pattern with a value in each of its slots.
DECLARE
    slot text;
    number int := 10;
BEGIN
    LOOP
        slot := substring(body FROM '\{(\w+)\}');
        EXIT WHEN slot IS NULL;
        number := number + 1;
        body := regexp_replace(body, '\{\w+\}', coalesce(
            (SELECT pick(choices, key, number) FROM filling WHERE name = slot),
            'https://t.co/' || left(md5(key), 8)));
    END LOOP;
    RETURN body;
END $$;

-- A drawn, filled pattern of a part and a label.
CREATE FUNCTION one_of(wanted_part text, wanted_labels text, key text, number int)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT filled(pick(bodies, key, number), key || number) FROM choice
    WHERE part = wanted_part AND labels = wanted_labels
$$;

-- A sentence with a full stop, an exclamation mark, or neither.
CREATE FUNCTION stopped(body text, key text, number int) RETURNS text LANGUAGE sql AS $$
    SELECT body || CASE WHEN body ~ '[.!?]$' THEN ''
        WHEN draw(key, number) < 0.15 THEN '!'
        WHEN draw(key, number) < 0.7 THEN '.' ELSE '' END
$$;

-- negative, neutral or positive, where the label tells it.
CREATE FUNCTION side(label text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN label LIKE 'not %' THEN NULL WHEN label LIKE '%negative' THEN 'negative'
        WHEN label LIKE '%positive' THEN 'positive' ELSE 'neutral' END
$$;

-- A message has one or two sentences of its level; some have a context, a tail and a greeting.
INSERT INTO row_of
SELECT 'service', concat(
        CASE WHEN draw(key, 1) < 0.1 THEN one_of('greeting', '', key, 100) END,
        CASE WHEN draw(key, 2) < 0.2
            THEN stopped(one_of('context', '', key, 200), key, 3) || ' ' END,
        stopped(one_of('core', core, key, 300), key, 4),
        CASE WHEN draw(key, 5) < 0.25
            THEN ' ' || stopped(one_of('core', core, key, 400), key, 6) END,
        CASE WHEN draw(key, 7) < 0.2 THEN ' ' || one_of('tail', side(core), key, 500) END),
    pick_weighted(CASE core
        WHEN 'very negative' THEN '{"very negative": 85, "negative": 15}'
        WHEN 'negative' THEN '{"very negative": 12, "negative": 80, "neutral": 8}'
        WHEN 'neutral' THEN '{"neutral": 94, "negative": 3, "positive": 3}'
        WHEN 'positive' THEN '{"neutral": 8, "positive": 80, "very positive": 12}'
        ELSE '{"positive": 15, "very positive": 85}' END::jsonb, key, 9), 1.0
FROM (
    SELECT 'message ' || number AS key, pick_weighted('{"very negative": 10, "negative": 38,
        "neutral": 30, "positive": 14, "very positive": 8}', 'message ' || number, 0) AS core
    FROM generate_series(1, 14000) AS number
) AS messages;

-- Two sides in one message; the last one mostly decides.
INSERT INTO row_of
SELECT 'service', filled(body, 'mixed ' || body || number),
    pick_weighted(labels::jsonb, body, number), 1.0
FROM pattern, generate_series(1, 80) AS number WHERE part = 'mixed';

-- Written the way customers write ----------------------------------------------------------------

CREATE TEMPORARY TABLE sign (kind text, side text, body text);
\set file :here '/signs.tsv'
COPY sign FROM :'file';

-- An emoji or a hashtag that fits the label.
CREATE FUNCTION sign_of(wanted text, label text, key text, number int) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT pick(array_agg(body ORDER BY body), key, number) FROM sign
    WHERE kind = wanted AND sign.side = side(label)
$$;

-- Without the treebank's spaces: "did n't , it 's" is "didn't, it's".
CREATE FUNCTION joined(body text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(
        replace(replace(body, '-lrb- ', '('), ' -rrb-', ')'),
        '`` ?| ?''''', '"', 'g'),
        ' (n[''’]t|[''’](s|re|ve|ll|d|m))\y', '\1', 'g'),
        ' ([.,;:!?)])', '\1', 'g')
$$;

-- One longer word with two letters swapped, one lost, or one doubled.
CREATE FUNCTION mistyped(body text, key text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(body, '\y' || word || '\y', CASE floor(draw(key, 30) * 3)
        WHEN 0 THEN left(word, at) || substr(word, at + 2, 1) || substr(word, at + 1, 1)
            || substr(word, at + 3)
        WHEN 1 THEN left(word, at) || substr(word, at + 2)
        ELSE left(word, at) || substr(word, at, 1) || substr(word, at + 1) END)
    FROM (
        SELECT word, 1 + floor(draw(key, 31) * (length(word) - 3))::int AS at
        FROM regexp_split_to_table(body, '[^A-Za-z]+') AS word WHERE length(word) > 4
        ORDER BY draw(word || key, 32) LIMIT 1
    ) AS chosen
$$;

-- A row with mentions, links, emoji, typos and greetings; rate scales how often.
CREATE FUNCTION as_written(body text, label text, rate float8, key text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    brand text := (SELECT pick(choices, key, 40) FROM filling WHERE name = 'brand');
BEGIN
    IF draw(key, 41) < least(0.5, rate + 0.1) THEN body := joined(body); END IF;
    IF draw(key, 42) < 0.15 * rate THEN body := regexp_replace(body, '[.,;:''"]', '', 'g'); END IF;
    IF draw(key, 43) < 0.12 * rate THEN body := coalesce(mistyped(body, key), body); END IF;
    IF draw(key, 44) < 0.12 * rate THEN
        body := concat(body, ' ', repeat(sign_of('emoji', label, key, 45),
            pick('{1,1,1,2,3}', key, 46)::int));
    END IF;
    IF draw(key, 47) < 0.05 * rate THEN
        body := concat(body, ' ', sign_of('hashtag', label, key, 48));
    END IF;
    IF draw(key, 49) < 0.3 * rate THEN
        body := concat('@', brand, pick('{"","",Support,_help,care}', key, 50), ' ', body);
    ELSIF draw(key, 51) < 0.06 * rate THEN
        body := pick('{"Hi, ","Hello, ","Hi team, ","hey ","Dear team, "}', key, 52) || body;
    END IF;
    IF draw(key, 53) < 0.04 * rate THEN body := body || ' https://t.co/' || left(md5(key), 8); END IF;
    IF side(label) = 'negative' AND draw(key, 54) < 0.05 * rate THEN
        body := body || pick('{!!,!!!," Please help.",?!}', key, 55);
    END IF;
    RETURN trim(body);
END $$;

CREATE TABLE sentiment_row AS
SELECT source, as_written(body, label, rate, source || number || body) AS text, label
FROM (SELECT *, row_number() OVER (PARTITION BY source, body ORDER BY label, rate) AS number
      FROM row_of) AS numbered;

-- Longer messages: some rows of one side joined.
INSERT INTO sentiment_row
SELECT 'joined', string_agg(text, ' '), 'any ' || tone
FROM (
    SELECT text, side(label) AS tone,
        row_number() OVER (PARTITION BY side(label) ORDER BY draw(text || source, 60)) / 3 AS place
    FROM (SELECT DISTINCT text, label, source FROM sentiment_row) AS texts
    WHERE source <> 'food' AND side(label) <> 'neutral'
) AS rows WHERE place <= 1200
GROUP BY tone, place;

DELETE FROM sentiment_row USING held WHERE held.body = normal(text);

SELECT source, count(*) AS rows, sum(regexp_count(text, '\w+|[^\w\s]')) AS words
FROM sentiment_row GROUP BY source ORDER BY source;
SELECT part, label, count(*) AS rows FROM sentiment_check GROUP BY part, label ORDER BY part, label;
