-- Trains sentiment_next from the base encoder: psql -f train.sql, after rows.sql. Half of the phrases,
-- chosen by their hash, all else once.
SELECT crm_ai.train('sentiment_next', $$
    SELECT text, label FROM sentiment_row
    WHERE source <> 'phrases' OR ('x' || left(md5(text), 8))::bit(32)::bigint % 100 < 50
    $$, 'text', 'label', method => 'fine_tune', epochs => 1, batch_size => 32,
    learning_rate => 8e-5, warmup_steps => 150, max_tokens => 48, test_size => 0.01, seed => 6,
    label_smoothing => 0.1,
    label_sets => '{"any negative": ["very negative", "negative"],
        "any positive": ["positive", "very positive"],
        "not very positive": ["very negative", "negative", "neutral", "positive"]}',
    promote => 'never') AS run \gset
SELECT crm_ai.wait(:run);
