-- Trains sentiment_next from the base encoder: psql -v here=FOLDER -f train.sql, after rows.sql. All
-- rows twice; a fifth of the base stays, for texts unlike the rows. emoji.tsv: emoji, which the base's
-- vocabulary lacks, and the words that each begins from.
CREATE TEMPORARY TABLE emoji (token text, words text);
\set file :here '/emoji.tsv'
COPY emoji FROM :'file';

SELECT crm_ai.train('sentiment_next', 'sentiment_row', 'text', 'label',
    method => 'fine_tune', pooling => 'cls', epochs => 2, batch_size => 32, learning_rate => 8e-5,
    warmup_steps => 300, max_tokens => 64, test_size => 0.01, seed => 6, label_smoothing => 0.1,
    label_sets => '{"any negative": ["very negative", "negative"],
        "any positive": ["positive", "very positive"],
        "not very positive": ["very negative", "negative", "neutral", "positive"]}',
    base_share => 0.2,
    new_tokens => (SELECT jsonb_object_agg(token, words) FROM emoji),
    promote => 'never') AS run \gset
SELECT crm_ai.wait(:run);
