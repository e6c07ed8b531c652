-- 0.1.0 to 0.2.0: changes of what is there. scripts/extension_sql.sh appends the functions, views,
-- triggers and rights of sql/schema, which replace those of 0.1.0: every name in them is bound anew.

-- Constraints and index conditions of 0.1.0 were bound under the installing session's search path.
ALTER TABLE crm_ai.model
    DROP CONSTRAINT model_name_check,
    ADD CONSTRAINT model_name_check
        CHECK (name !~ '@' AND pg_catalog.length(name) BETWEEN 1 AND 63);
ALTER TABLE crm_ai.version
    DROP CONSTRAINT version_version_check,
    ADD CONSTRAINT version_version_check CHECK (version > 0),
    DROP CONSTRAINT version_precision_check,
    ADD CONSTRAINT version_precision_check CHECK (precision IN ('fp32', 'int8'));
ALTER TABLE crm_ai.deployment
    DROP CONSTRAINT deployment_action_check,
    ADD CONSTRAINT deployment_action_check
        CHECK (action IN ('builtin', 'first', 'promote', 'rollback', 'train'));
ALTER TABLE crm_ai.run
    DROP CONSTRAINT run_kind_check,
    ADD CONSTRAINT run_kind_check CHECK (kind IN ('text', 'table')),
    DROP CONSTRAINT run_state_check,
    ADD CONSTRAINT run_state_check
        CHECK (state IN ('queued', 'running', 'evaluating', 'succeeded', 'failed', 'cancelled'));
DROP INDEX crm_ai.run_open;
CREATE INDEX run_open ON crm_ai.run (id) WHERE state IN ('queued', 'running', 'evaluating');
ALTER TABLE crm_ai.schedule
    DROP CONSTRAINT schedule_kind_check,
    ADD CONSTRAINT schedule_kind_check CHECK (kind IN ('text', 'table'));
ALTER TABLE crm_ai.watch
    DROP CONSTRAINT watch_on_promotion_check,
    ADD CONSTRAINT watch_on_promotion_check CHECK (on_promotion IN ('keep', 'rescore')),
    DROP CONSTRAINT watch_backfill_rate_check,
    ADD CONSTRAINT watch_backfill_rate_check CHECK (backfill_rate >= 0);
ALTER TABLE crm_ai.watch_state
    DROP CONSTRAINT watch_state_backfill_check,
    ADD CONSTRAINT watch_state_backfill_check CHECK (backfill IN ('missing', 'stale'));

-- Tables are read through views that show what a role may see.
REVOKE ALL ON crm_ai.model, crm_ai.version, crm_ai.deployment, crm_ai.model_grant FROM PUBLIC;

-- Row security kept roles with pg_read_all_data from dumping the table; a view takes its name.
DROP POLICY of_own_runs ON crm_ai.run_metrics;
ALTER TABLE crm_ai.run_metrics DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON crm_ai.run_metrics FROM PUBLIC;
ALTER TABLE crm_ai.run_metrics RENAME TO run_metric;
ALTER INDEX crm_ai.run_metrics_pkey RENAME TO run_metric_pkey;

-- Watches that fail again and again are switched off.
ALTER TABLE crm_ai.watch_state
    ADD COLUMN timeouts integer NOT NULL DEFAULT 0,
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN disabled_reason text;

-- Watches that were ended are noted.
CREATE TABLE crm_ai.watch_ended (
    watch integer PRIMARY KEY
);
SELECT pg_catalog.pg_extension_config_dump('crm_ai.watch_ended', '');
INSERT INTO crm_ai.watch_ended
SELECT s.watch FROM crm_ai.watch_state s
WHERE NOT EXISTS (SELECT FROM crm_ai.watch w WHERE w.id = s.watch);

-- Without an identity, a publication FOR ALL TABLES would refuse the DELETE of every batch.
ALTER TABLE crm_ai.pending REPLICA IDENTITY FULL;

-- What stands beside a name is told.
ALTER TYPE @extschema@.crm_name_info
    ADD ATTRIBUTE job_title text,
    ADD ATTRIBUTE note text;

-- Cleaning of tables gains an argument.
DROP FUNCTION crm_ai.clean_table(
    regclass, text, jsonb, text[], text[], text[], boolean, boolean);

-- The engine's figures gain a column.
DROP VIEW crm_ai.status;
DROP FUNCTION crm_ai.engine_stats();

-- Searches for duplicates.
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

CREATE TYPE @extschema@.crm_dedupe_report AS (
    target text,
    rows bigint,
    clusters bigint,
    duplicates bigint,
    largest_cluster bigint,
    pairs bigint,
    compared bigint,
    expected_pairs double precision,
    kinds jsonb,
    blocking jsonb
);
COMMENT ON TYPE @extschema@.crm_dedupe_report IS 'what crm_ai.dedupe and crm_ai.link found; rows = clusters + duplicates';

-- Training functions gain the argument options.
DROP FUNCTION
    crm_ai.train, crm_ai.train_table, crm_ai.schedule_retrain, crm_ai.schedule_retrain_table;
