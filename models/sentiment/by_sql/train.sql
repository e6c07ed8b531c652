-- Trains the champion of sentiment_next, a classifier of the five levels, on: psql -f train.sql, after
-- rows.sql.
SELECT crm_ai.train('sentiment_next', 'SELECT text, label FROM sentiment_row', 'text', 'label',
    base => 'continue', method => 'fine_tune', epochs => 2, batch_size => 32,
    learning_rate => 5e-5, warmup_steps => 300, max_tokens => 64, test_size => 0.01, seed => 5,
    label_sets => '{"any negative": ["very negative", "negative"],
        "any positive": ["positive", "very positive"],
        "not very positive": ["very negative", "negative", "neutral", "positive"]}',
    promote => 'never') AS run \gset
SELECT crm_ai.wait(:run);
