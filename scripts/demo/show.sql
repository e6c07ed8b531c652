-- What the demo shows.
\pset footer off
\echo
\echo '== phones: as typed, and as they can be dialled (region AU)'
SELECT customer_id, raw.name, '[' || raw.phone || ']' AS typed, clean.phone, info.extension,
    info.region, info.kind, info.problem
FROM customer raw
JOIN customer_clean clean USING (customer_id),
    crm_phone(raw.phone, 'AU') info
WHERE customer_id <= 1016
ORDER BY customer_id;

\echo '== phones: what became of them'
SELECT CASE WHEN clean.phone IS NOT NULL THEN 'valid'
            ELSE coalesce((crm_phone(raw.phone, 'AU')).problem, 'missing') END AS outcome,
    count(*) AS customers
FROM customer raw JOIN customer_clean clean USING (customer_id)
GROUP BY outcome ORDER BY customers DESC, outcome;

\echo '== notes: as they came, and cleaned'
SELECT customer_id, left(regexp_replace(raw.note, E'[\\n\\r]', '⏎', 'g'), 60) AS came,
    left(clean.note, 60) AS cleaned
FROM customer raw JOIN customer_clean clean USING (customer_id)
WHERE raw.note <> clean.note
ORDER BY customer_id LIMIT 6;

\echo '== notes: judged'
SELECT customer_id, name, left(note, 70) AS note, sentiment, round(score::numeric, 2) AS score,
    level
FROM customer_clean
WHERE customer_id <= 1020
ORDER BY customer_id;

SELECT sentiment, count(*) AS customers, round(avg(score)::numeric, 2) AS mean_score
FROM customer_clean GROUP BY sentiment ORDER BY sentiment;

\echo '== whom to call first'
SELECT name, phone, left(note, 70) AS note, round(score::numeric, 2) AS score
FROM customer_clean WHERE phone IS NOT NULL ORDER BY score, customer_id LIMIT 5;

\echo '== the engine'
\x on
SELECT * FROM crm_ai.status;
