-- Watches: columns that are filled after commit.

CREATE OR REPLACE FUNCTION crm_ai.watch(
    source regclass, text_column text, model text, target_column text,
    version_column text DEFAULT NULL, on_promotion text DEFAULT 'keep',
    backfill_rate integer DEFAULT 100
) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'watch_wrapper';
COMMENT ON FUNCTION crm_ai.watch IS
    'fills a column with a model''s answers to another after commit; gives the number of the watch';

CREATE OR REPLACE FUNCTION crm_ai.unwatch(source regclass, target_column text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'unwatch_wrapper';
COMMENT ON FUNCTION crm_ai.unwatch IS
    'ends the watch that fills a column; what it has written stays';

CREATE OR REPLACE FUNCTION crm_ai.watch_queue()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'watch_queue_wrapper';
COMMENT ON FUNCTION crm_ai.watch_queue IS
    'internal: trigger of crm_ai.watch that queues a changed row';

CREATE OR REPLACE FUNCTION crm_ai.register_scheduler()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'register_scheduler_wrapper';
COMMENT ON FUNCTION crm_ai.register_scheduler IS
    'internal: trigger that registers the database for a scheduler';

CREATE OR REPLACE FUNCTION crm_ai.resume_watch(source regclass, target_column text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'resume_watch_wrapper';
COMMENT ON FUNCTION crm_ai.resume_watch IS
    'switches a watch on again that was switched off for repeated failures';

CREATE OR REPLACE FUNCTION crm_ai.keep_own_rows()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'keep_own_rows_wrapper';
COMMENT ON FUNCTION crm_ai.keep_own_rows IS
    'internal: trigger that keeps a publisher''s registry out of a subscriber''s';
