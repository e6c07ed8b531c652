-- Customers as a CRM export holds them: the same rows for the same number, whoever makes them.
-- psql variable `rows`: how many.

CREATE FUNCTION pg_temp.pick(seed bigint, salt integer, among integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(seed, salt) & 2147483647)::integer % among;

CREATE UNLOGGED TABLE bench_raw AS
WITH made AS (
    -- One row in twenty is an earlier one once more.
    SELECT i AS place, CASE WHEN i > 20 AND pg_temp.pick(i, 1, 20) = 0
        THEN i - 1 - pg_temp.pick(i, 2, 20) ELSE i END AS n
    FROM generate_series(1, :rows) i
), words AS (
    SELECT '{Ann,Bob,Carla,David,Elena,Frank,Grace,Hugo,Irene,James,José,Łukasz}'::text[] AS given,
        '{Lee,Smith,O''Neil,McDonald,de la Cruz,Brown,Garcia,Müller,Nguyen,Johnson}'::text[] AS family,
        '{212,312,415,650,713,305,206,617}'::text[] AS area,
        '{gmail.com,Example.com,YAHOO.com,example.org,gmial.com}'::text[] AS domain,
        '{Main St,Oak Avenue,W. 5th Street,Lincoln Blvd,Park Road}'::text[] AS street,
        '{"Springfield, IL 62701","Chicago, IL 60601","New York, NY 10001","Austin, TX 78701"}'::text[] AS city
)
SELECT 'C' || lpad(n::text, 8, '0') AS customer_id,
    CASE pg_temp.pick(n, 3, 6)
        WHEN 0 THEN upper(g || ' ' || f) WHEN 1 THEN f || ', ' || g
        WHEN 2 THEN 'Dr. ' || g || ' ' || f WHEN 3 THEN ' ' || g || '  ' || f
        ELSE g || ' ' || f END AS name,
    CASE pg_temp.pick(n, 4, 25)
        WHEN 0 THEN NULL WHEN 1 THEN 'n/a' WHEN 2 THEN lower(g) || '@'
        WHEN 3 THEN g || ' <' || lower(g) || n || '@' || d || '>'
        ELSE lower(g) || '.' || n || '@' || d END AS email,
    CASE pg_temp.pick(n, 5, 20)
        WHEN 0 THEN NULL WHEN 1 THEN 'call me' WHEN 2 THEN e || '.0' WHEN 3 THEN a || e
        WHEN 4 THEN '+1 ' || a || ' 555 ' || e WHEN 5 THEN a || '-253-' || e || ' x12'
        ELSE '(' || a || ') 253-' || e END AS phone,
    CASE pg_temp.pick(n, 6, 30) WHEN 0 THEN NULL WHEN 1 THEN 'PO Box ' || pg_temp.pick(n, 7, 9999) || ', ' || c
        ELSE 1 + pg_temp.pick(n, 8, 9999) || ' ' || s || ', ' || c END AS address,
    CASE pg_temp.pick(n, 9, 4) WHEN 0 THEN '03/04/2024' WHEN 1 THEN '25/12/2023'
        ELSE (date '2020-01-01' + pg_temp.pick(n, 10, 1500))::text END AS signed_up,
    CASE pg_temp.pick(n, 11, 4) WHEN 0 THEN 'Yes' WHEN 1 THEN 'no' WHEN 2 THEN '1' ELSE 'FALSE' END
        AS is_active,
    CASE pg_temp.pick(n, 12, 5) WHEN 0 THEN 'Wants a call&nbsp;back <b>soon</b>'
        WHEN 1 THEN 'cafÃ© owner, pays late' ELSE 'ordinary  customer, no. ' || n END AS note
FROM made, words,
    LATERAL (SELECT given[1 + pg_temp.pick(n, 13, 12)] AS g, family[1 + pg_temp.pick(n, 14, 10)] AS f,
        area[1 + pg_temp.pick(n, 15, 8)] AS a, domain[1 + pg_temp.pick(n, 16, 5)] AS d,
        street[1 + pg_temp.pick(n, 17, 5)] AS s, city[1 + pg_temp.pick(n, 18, 4)] AS c,
        lpad(pg_temp.pick(n, 19, 10000)::text, 4, '0') AS e) drawn
ORDER BY place;
ANALYZE bench_raw;
