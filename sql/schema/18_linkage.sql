-- Searches for duplicates. Nothing here is granted to anyone.

CREATE TABLE crm_ai.linkage (
    target_schema text NOT NULL,
    target_name text NOT NULL,
    -- Another with every search, so that sessions see that theirs is old.
    id bigint GENERATED ALWAYS AS IDENTITY,
    owner regrole NOT NULL,
    -- Names, not numbers: a table that is restored from a dump has another.
    source text NOT NULL,
    right_source text,
    key text NOT NULL,
    -- What was learned, as JSON: no value of the table is in it, but hashes of common ones.
    model text,
    made_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (target_schema, target_name)
);
SELECT pg_catalog.pg_extension_config_dump('crm_ai.linkage', '');
SELECT pg_catalog.pg_extension_config_dump('crm_ai.linkage_id_seq', '');
COMMENT ON TABLE crm_ai.linkage IS 'searches for duplicates, and what each has learned';
