-- Who may do what; docs/security.md says why. Functions are everybody's unless they are taken from
-- PUBLIC here. Models have grants of their own, which each call checks.

-- Called by the extension alone.
REVOKE ALL ON FUNCTION
    crm_ai.register_builtin, crm_ai.register_scheduler, crm_ai.watch_queue, crm_ai.keep_own_rows
FROM PUBLIC;

-- Administrators.
REVOKE ALL ON FUNCTION crm_ai.import_model, crm_ai.export_model FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm_ai.import_model, crm_ai.export_model TO crm_ai_admin;

-- Trainers: for models that they own, and on rows that they may read.
REVOKE ALL ON FUNCTION
    crm_ai.promote, crm_ai.rollback, crm_ai.drop_version, crm_ai.drop_model, crm_ai.grant_model,
    crm_ai.revoke_model, crm_ai.start_run, crm_ai.train, crm_ai.train_table, crm_ai.wait,
    crm_ai.cancel, crm_ai.evaluate, crm_ai.evaluate_table, crm_ai.add_schedule,
    crm_ai.schedule_retrain, crm_ai.schedule_retrain_table, crm_ai.unschedule
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    crm_ai.promote, crm_ai.rollback, crm_ai.drop_version, crm_ai.drop_model, crm_ai.grant_model,
    crm_ai.revoke_model, crm_ai.start_run, crm_ai.train, crm_ai.train_table, crm_ai.wait,
    crm_ai.cancel, crm_ai.evaluate, crm_ai.evaluate_table, crm_ai.add_schedule,
    crm_ai.schedule_retrain, crm_ai.schedule_retrain_table, crm_ai.unschedule
TO crm_ai_trainer;

-- Users: for tables that they may write, and models that they may use.
REVOKE ALL ON FUNCTION crm_ai.watch, crm_ai.unwatch, crm_ai.resume_watch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm_ai.watch, crm_ai.unwatch, crm_ai.resume_watch TO crm_ai_user;

GRANT SELECT ON
    crm_ai.models, crm_ai.versions, crm_ai.deployments, crm_ai.status, crm_ai.runs,
    crm_ai.run_metrics, crm_ai.schedules, crm_ai.watches, crm_ai.watch_errors, crm_ai.progress
TO PUBLIC;

-- Settings are the administrators', but for the two that name places on the server's disk: whoever
-- sets crm_ai.engine_path runs a program as the server. Rights on settings belong to the cluster;
-- the lock is that of 10_registry.sql.
LOCK TABLE pg_catalog.pg_auth_members IN SHARE ROW EXCLUSIVE MODE;
DO $$
BEGIN
    -- PostgreSQL 14 has no rights on settings: there they are the superusers'.
    IF pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
        RETURN;
    END IF;
    EXECUTE 'GRANT SET ON PARAMETER crm_ai.max_text_bytes TO crm_ai_admin';
    EXECUTE 'GRANT ALTER SYSTEM ON PARAMETER
        crm_ai.default_region, crm_ai.sentiment_model, crm_ai.batching, crm_ai.batch_rows,
        crm_ai.timeout, crm_ai.max_text_bytes, crm_ai.threads, crm_ai.memory_limit,
        crm_ai.queue_rows, crm_ai.cache_size, crm_ai.device, crm_ai.max_running, crm_ai.max_rows,
        crm_ai.max_run_time, crm_ai.train_memory, crm_ai.train_threads, crm_ai.train_nice,
        crm_ai.link_memory, crm_ai.link_threads,
        crm_ai.watch_timeout, crm_ai.databases
        TO crm_ai_admin';
END
$$;

COMMENT ON TABLE crm_ai.model IS 'models and their owners';
COMMENT ON TABLE crm_ai.version IS 'versions of models, each an artifact with its precision';
COMMENT ON TABLE crm_ai.deployment IS 'changes of champion, oldest first';
COMMENT ON TABLE crm_ai.artifact IS 'imported artifacts and their manifests';
COMMENT ON TABLE crm_ai.artifact_chunk IS 'bytes of imported artifacts';
COMMENT ON TABLE crm_ai.model_grant IS 'roles that may use a model besides its owner';
COMMENT ON TABLE crm_ai.run IS 'training runs; crm_ai.runs shows them';
COMMENT ON TABLE crm_ai.run_metric IS 'measurements of runs by step; crm_ai.run_metrics shows them';
COMMENT ON TABLE crm_ai.run_cancel IS 'runs that were asked to end';
COMMENT ON TABLE crm_ai.run_seen IS 'hashes of the rows that each model''s last run saw';
COMMENT ON TABLE crm_ai.schedule IS 'schedules of training; crm_ai.schedules shows them';
COMMENT ON TABLE crm_ai.watch IS 'columns that are filled after commit; crm_ai.watches shows them';
COMMENT ON TABLE crm_ai.watch_state IS 'state of each watch';
COMMENT ON TABLE crm_ai.watch_ended IS 'watches that were ended and not yet removed as a whole';
COMMENT ON TABLE crm_ai.pending IS 'keys of rows that wait for a watch';
COMMENT ON TABLE crm_ai.watch_error IS
    'keys of rows that a watch could not judge or write; crm_ai.watch_errors shows them';
