-- What each column of the views holds.

COMMENT ON COLUMN crm_ai.models.name IS 'name of the model';
COMMENT ON COLUMN crm_ai.models.owner IS 'role that may promote, grant and drop it';
COMMENT ON COLUMN crm_ai.models.champion IS 'version that unversioned calls use; null without one';
COMMENT ON COLUMN crm_ai.models.task IS 'classify, embed or predict';
COMMENT ON COLUMN crm_ai.models.labels IS 'classes of the champion, in the order of its outputs';
COMMENT ON COLUMN crm_ai.models.dimensions IS 'length of the champion''s vectors';
COMMENT ON COLUMN crm_ai.models.builtin IS 'part of the package; cannot be dropped';
COMMENT ON COLUMN crm_ai.models.versions IS 'number of versions';
COMMENT ON COLUMN crm_ai.models.created_at IS 'time of the first import or training';

COMMENT ON COLUMN crm_ai.versions.model IS 'name of the model';
COMMENT ON COLUMN crm_ai.versions.version IS 'number of the version';
COMMENT ON COLUMN crm_ai.versions.name IS 'model@version, as calls take it';
COMMENT ON COLUMN crm_ai.versions.is_champion IS 'used by unversioned calls';
COMMENT ON COLUMN crm_ai.versions.sha256 IS 'SHA-256 of the manifest of the files';
COMMENT ON COLUMN crm_ai.versions.precision IS 'arithmetic: fp32 or int8';
COMMENT ON COLUMN crm_ai.versions.int8_agreement IS
    'share of sample texts whose int8 label equals the fp32 label, 0 to 1';
COMMENT ON COLUMN crm_ai.versions.architecture IS 'bert, distilbert, roberta, onnx or table';
COMMENT ON COLUMN crm_ai.versions.labels IS 'classes, in the order of the outputs';
COMMENT ON COLUMN crm_ai.versions.dimensions IS 'length of the vectors';
COMMENT ON COLUMN crm_ai.versions.max_tokens IS
    'longest input in tokens; longer texts are truncated';
COMMENT ON COLUMN crm_ai.versions.temperature IS 'divisor of the logits before softmax';
COMMENT ON COLUMN crm_ai.versions.parameters IS 'number of parameters';
COMMENT ON COLUMN crm_ai.versions.bytes IS
    'size of the files in the registry; null for built-in versions';
COMMENT ON COLUMN crm_ai.versions.builtin IS 'part of the package';
COMMENT ON COLUMN crm_ai.versions.source IS 'where the version came from';
COMMENT ON COLUMN crm_ai.versions.created_by IS 'role that imported or trained it';
COMMENT ON COLUMN crm_ai.versions.created_at IS 'time of import or training';
COMMENT ON COLUMN crm_ai.versions.run IS 'training run that made it';
COMMENT ON COLUMN crm_ai.versions.figures IS 'metrics on the held-out rows';

COMMENT ON COLUMN crm_ai.deployments.id IS 'number of the change';
COMMENT ON COLUMN crm_ai.deployments.model IS 'name of the model';
COMMENT ON COLUMN crm_ai.deployments.version IS 'version that became champion, or was refused';
COMMENT ON COLUMN crm_ai.deployments.action IS 'builtin, first, promote, rollback or train';
COMMENT ON COLUMN crm_ai.deployments.deployed_by IS 'name of the role';
COMMENT ON COLUMN crm_ai.deployments.deployed_at IS 'time of the change';
COMMENT ON COLUMN crm_ai.deployments.promoted IS
    'false where the promotion gate refused the version';
COMMENT ON COLUMN crm_ai.deployments.reason IS 'decision of the promotion gate';
COMMENT ON COLUMN crm_ai.deployments.run IS 'training run that made the version';
COMMENT ON COLUMN crm_ai.deployments.figures IS 'metrics that the decision rests on';

COMMENT ON COLUMN crm_ai.status.engine_up IS 'whether the engine replies';
COMMENT ON COLUMN crm_ai.status.version IS 'version of the engine';
COMMENT ON COLUMN crm_ai.status.pid IS 'process ID of the engine';
COMMENT ON COLUMN crm_ai.status.uptime IS 'time since the engine started';
COMMENT ON COLUMN crm_ai.status.device IS 'cpu or cuda';
COMMENT ON COLUMN crm_ai.status.threads IS 'number of worker threads';
COMMENT ON COLUMN crm_ai.status.memory_bytes IS 'resident memory of the engine';
COMMENT ON COLUMN crm_ai.status.connections IS 'open connections from backends';
COMMENT ON COLUMN crm_ai.status.queue_rows IS 'texts that wait or are in work';
COMMENT ON COLUMN crm_ai.status.requests IS 'requests answered since the start';
COMMENT ON COLUMN crm_ai.status.rows IS 'texts answered since the start';
COMMENT ON COLUMN crm_ai.status.batches IS
    'batches run by models since the start; for pg_monitor and crm_ai_admin';
COMMENT ON COLUMN crm_ai.status.cached IS
    'texts answered from the cache since the start; for pg_monitor and crm_ai_admin';
COMMENT ON COLUMN crm_ai.status.cache_bytes IS
    'memory of the answer cache; for pg_monitor and crm_ai_admin';
COMMENT ON COLUMN crm_ai.status.rows_per_second IS
    'texts answered per second over the last ten seconds';
COMMENT ON COLUMN crm_ai.status.truncated IS
    'texts longer than their model reads, since the start; for pg_monitor and crm_ai_admin';
COMMENT ON COLUMN crm_ai.status.rejected IS 'requests refused because the queue was full';
COMMENT ON COLUMN crm_ai.status.abandoned IS
    'requests dropped because the caller left, cancelled or passed its deadline';
COMMENT ON COLUMN crm_ai.status.errors IS 'requests that failed';
COMMENT ON COLUMN crm_ai.status.models IS
    'loaded models with memory and last use; for pg_monitor and crm_ai_admin';
COMMENT ON COLUMN crm_ai.status.sandbox IS
    'confinement in force, such as landlock,seccomp,no_new_privs';

COMMENT ON COLUMN crm_ai.runs.id IS 'number of the run';
COMMENT ON COLUMN crm_ai.runs.model IS 'name of the model';
COMMENT ON COLUMN crm_ai.runs.kind IS 'text or table';
COMMENT ON COLUMN crm_ai.runs.role IS 'role whose rights read the rows';
COMMENT ON COLUMN crm_ai.runs.state IS
    'queued, running, evaluating, succeeded, failed or cancelled';
COMMENT ON COLUMN crm_ai.runs.step IS 'training steps done';
COMMENT ON COLUMN crm_ai.runs.of IS 'total number of steps';
COMMENT ON COLUMN crm_ai.runs.epoch IS 'passes over the training rows done';
COMMENT ON COLUMN crm_ai.runs.loss IS 'training loss of the last step';
COMMENT ON COLUMN crm_ai.runs.learning_rate IS 'learning rate of the last step';
COMMENT ON COLUMN crm_ai.runs.rows_per_second IS 'training rows per second';
COMMENT ON COLUMN crm_ai.runs.eta IS 'estimated time left';
COMMENT ON COLUMN crm_ai.runs.method IS 'fine_tune, head or trees';
COMMENT ON COLUMN crm_ai.runs.device IS 'cpu or cuda';
COMMENT ON COLUMN crm_ai.runs.energy IS 'energy used, in joules';
COMMENT ON COLUMN crm_ai.runs.energy_source IS 'how the energy was measured, or estimate';
COMMENT ON COLUMN crm_ai.runs.seconds IS 'duration of the training in seconds';
COMMENT ON COLUMN crm_ai.runs.sqlstate IS 'SQLSTATE of the failure';
COMMENT ON COLUMN crm_ai.runs.error IS 'message of the failure';
COMMENT ON COLUMN crm_ai.runs.hint IS 'hint of the failure';
COMMENT ON COLUMN crm_ai.runs.version IS 'version that the run made';
COMMENT ON COLUMN crm_ai.runs.promoted IS 'whether that version became champion';
COMMENT ON COLUMN crm_ai.runs.reason IS 'decision of the promotion gate';
COMMENT ON COLUMN crm_ai.runs.champion IS 'version it was compared with';
COMMENT ON COLUMN crm_ai.runs.figures IS 'metrics on the held-out rows';
COMMENT ON COLUMN crm_ai.runs.source IS 'table or query as given';
COMMENT ON COLUMN crm_ai.runs.options IS 'options as given';
COMMENT ON COLUMN crm_ai.runs.schedule IS 'schedule that started it; null for a call';
COMMENT ON COLUMN crm_ai.runs.asked_at IS 'time of the call';
COMMENT ON COLUMN crm_ai.runs.started_at IS 'start of the work';
COMMENT ON COLUMN crm_ai.runs.ended_at IS 'end of the run';
COMMENT ON COLUMN crm_ai.runs.read_at IS 'time of the snapshot that was read';
COMMENT ON COLUMN crm_ai.runs.rows IS 'labelled rows read';
COMMENT ON COLUMN crm_ai.runs.null_rows IS 'rows skipped for a null text or label';
COMMENT ON COLUMN crm_ai.runs.new_rows IS 'rows that the last successful run did not have';
COMMENT ON COLUMN crm_ai.runs.rows_sha256 IS 'SHA-256 of the rows read';
COMMENT ON COLUMN crm_ai.runs.classes IS 'number of rows by class';
COMMENT ON COLUMN crm_ai.runs.train_rows IS 'rows trained on';
COMMENT ON COLUMN crm_ai.runs.test_rows IS 'rows held out';
COMMENT ON COLUMN crm_ai.runs.duplicate_rows IS 'rows whose text occurs before with the same label';
COMMENT ON COLUMN crm_ai.runs.conflicting_rows IS 'rows whose text occurs with another label';
COMMENT ON COLUMN crm_ai.runs.query IS 'query that read the rows';
COMMENT ON COLUMN crm_ai.runs.notices IS 'notices of the trainer';
COMMENT ON COLUMN crm_ai.runs.attempts IS 'number of times a worker started the run';

COMMENT ON COLUMN crm_ai.run_metrics.run IS 'number of the run';
COMMENT ON COLUMN crm_ai.run_metrics.step IS 'step';
COMMENT ON COLUMN crm_ai.run_metrics.at IS 'time of the measurement';
COMMENT ON COLUMN crm_ai.run_metrics.of IS 'total number of steps';
COMMENT ON COLUMN crm_ai.run_metrics.epoch IS 'passes over the training rows done';
COMMENT ON COLUMN crm_ai.run_metrics.loss IS 'training loss';
COMMENT ON COLUMN crm_ai.run_metrics.learning_rate IS 'learning rate';
COMMENT ON COLUMN crm_ai.run_metrics.rows_per_second IS 'training rows per second';

COMMENT ON COLUMN crm_ai.schedules.id IS 'number of the schedule';
COMMENT ON COLUMN crm_ai.schedules.model IS 'name of the model';
COMMENT ON COLUMN crm_ai.schedules.kind IS 'text or table';
COMMENT ON COLUMN crm_ai.schedules.role IS 'role whose rights the runs have';
COMMENT ON COLUMN crm_ai.schedules.schedule IS 'cron expression';
COMMENT ON COLUMN crm_ai.schedules.source IS 'table or query';
COMMENT ON COLUMN crm_ai.schedules.options IS 'options of the runs';
COMMENT ON COLUMN crm_ai.schedules.min_new_rows IS
    'number of new rows below which a run is skipped';
COMMENT ON COLUMN crm_ai.schedules.keep_versions IS
    'number of newest versions to keep; older ones are dropped, never the champion';
COMMENT ON COLUMN crm_ai.schedules.next_at IS 'time of the next run';
COMMENT ON COLUMN crm_ai.schedules.last_at IS 'time of the last run';
COMMENT ON COLUMN crm_ai.schedules.last_run IS 'number of the last run';
COMMENT ON COLUMN crm_ai.schedules.last_state IS 'state of the last run';
COMMENT ON COLUMN crm_ai.schedules.created_at IS 'time of the call';

COMMENT ON COLUMN crm_ai.watches.id IS 'number of the watch';
COMMENT ON COLUMN crm_ai.watches.source IS 'watched table';
COMMENT ON COLUMN crm_ai.watches.text_column IS 'column that is judged';
COMMENT ON COLUMN crm_ai.watches.model IS 'model as given';
COMMENT ON COLUMN crm_ai.watches.target_column IS 'column that is written';
COMMENT ON COLUMN crm_ai.watches.version_column IS 'column that receives model@version';
COMMENT ON COLUMN crm_ai.watches.owner IS 'role whose rights the watch has';
COMMENT ON COLUMN crm_ai.watches.on_promotion IS 'keep or rescore';
COMMENT ON COLUMN crm_ai.watches.backfill_rate IS 'existing rows queued per second';
COMMENT ON COLUMN crm_ai.watches.version IS 'version used last';
COMMENT ON COLUMN crm_ai.watches.rows_done IS 'rows written';
COMMENT ON COLUMN crm_ai.watches.rows_waiting IS 'rows in the queue';
COMMENT ON COLUMN crm_ai.watches.lag_seconds IS 'age of the oldest row in the queue, in seconds';
COMMENT ON COLUMN crm_ai.watches.is_backfilled IS 'all existing rows are queued';
COMMENT ON COLUMN crm_ai.watches.rows_failed IS 'rows in crm_ai.watch_errors';
COMMENT ON COLUMN crm_ai.watches.failures IS 'consecutive failures';
COMMENT ON COLUMN crm_ai.watches.error_state IS 'SQLSTATE of the last failure';
COMMENT ON COLUMN crm_ai.watches.error_at IS 'time of the last failure';
COMMENT ON COLUMN crm_ai.watches.next_try IS 'time of the next attempt after a failure';
COMMENT ON COLUMN crm_ai.watches.created_at IS 'time of the call';
COMMENT ON COLUMN crm_ai.watches.disabled_at IS 'time when the watch was switched off';
COMMENT ON COLUMN crm_ai.watches.disabled_reason IS 'why it was switched off';

COMMENT ON COLUMN crm_ai.watch_errors.watch IS 'number of the watch';
COMMENT ON COLUMN crm_ai.watch_errors.source IS 'watched table';
COMMENT ON COLUMN crm_ai.watch_errors.target_column IS 'column that was to be written';
COMMENT ON COLUMN crm_ai.watch_errors.key IS 'primary key of the row';
COMMENT ON COLUMN crm_ai.watch_errors.state IS 'SQLSTATE';
COMMENT ON COLUMN crm_ai.watch_errors.failed_at IS 'time of the last attempt';

COMMENT ON COLUMN crm_ai.progress.pid IS 'process ID';
COMMENT ON COLUMN crm_ai.progress.datname IS 'database';
COMMENT ON COLUMN crm_ai.progress.role IS 'role whose rights the operation has';
COMMENT ON COLUMN crm_ai.progress.command IS 'clean_table, dedupe, link, train or import_model';
COMMENT ON COLUMN crm_ai.progress.phase IS 'current part of the operation';
COMMENT ON COLUMN crm_ai.progress.relid IS 'OID of the source table; null for runs and imports';
COMMENT ON COLUMN crm_ai.progress.run IS 'number of the training run';
COMMENT ON COLUMN crm_ai.progress.unit IS 'what is counted: rows, steps or bytes';
COMMENT ON COLUMN crm_ai.progress.done IS 'units of the phase done';
COMMENT ON COLUMN crm_ai.progress.total IS
    'total units of the phase, estimated for tables; null where unknown';
COMMENT ON COLUMN crm_ai.progress.rate IS 'units per second, mean of the phase';
COMMENT ON COLUMN crm_ai.progress.time_left IS 'estimated time left of the phase';
COMMENT ON COLUMN crm_ai.progress.started_at IS 'start of the operation';
