-- Customers as a table that came from elsewhere, then cleaned and judged in two statements.
CREATE EXTENSION crm_ai;

CREATE TABLE customer (
    customer_id integer PRIMARY KEY,
    name text,
    suburb text,
    state text,
    phone text,
    note text
);
\copy customer FROM 'scripts/demo/customers.csv' (FORMAT csv, HEADER)

CREATE TABLE customer_clean AS
SELECT customer_id, crm_clean_text(name) AS name,
    crm_normalize_phone(phone, 'AU') AS phone, (crm_phone(phone, 'AU')).kind AS phone_kind,
    crm_clean_text(note) AS note
FROM customer
ORDER BY customer_id;

ALTER TABLE customer_clean ADD PRIMARY KEY (customer_id),
    ADD sentiment text, ADD score real, ADD level smallint;

UPDATE customer_clean
SET sentiment = crm_sentiment(note), score = crm_sentiment_score(note),
    level = crm_sentiment_level(note);
