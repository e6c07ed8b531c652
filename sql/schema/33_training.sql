-- Training runs, schedules and evaluation. The functions that users call pack their options as JSON
-- for the ones in Rust. New options are keys of the argument options; src/run/options has them all.

CREATE OR REPLACE FUNCTION crm_ai.start_run(model text, kind text, source text, options jsonb)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'start_run_wrapper';
COMMENT ON FUNCTION crm_ai.start_run IS 'internal: behind crm_ai.train and crm_ai.train_table';

CREATE OR REPLACE FUNCTION crm_ai.train(
    model text, source text, text_column text, label_column text,
    base text DEFAULT NULL, epochs integer DEFAULT 3, batch_size integer DEFAULT 16,
    learning_rate double precision DEFAULT 5e-5, warmup_steps integer DEFAULT NULL,
    weight_decay double precision DEFAULT 0.01, max_tokens integer DEFAULT 128,
    test_size double precision DEFAULT 0.2, seed integer DEFAULT 42, method text DEFAULT 'auto',
    device text DEFAULT 'auto', label_sets jsonb DEFAULT NULL, weight_column text DEFAULT NULL,
    promote text DEFAULT 'if_better', label_smoothing double precision DEFAULT 0,
    class_weights jsonb DEFAULT NULL, mixed_precision text DEFAULT 'auto',
    new_tokens jsonb DEFAULT NULL, pooling text DEFAULT NULL,
    base_share double precision DEFAULT 0, options jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN crm_ai.start_run(model, 'text', source, jsonb_build_object(
    'text_column', text_column, 'label_column', label_column, 'base', base, 'epochs', epochs,
    'batch_size', batch_size, 'learning_rate', learning_rate, 'warmup_steps', warmup_steps,
    'weight_decay', weight_decay, 'max_tokens', max_tokens, 'test_size', test_size,
    'seed', seed, 'method', method, 'device', device, 'label_sets', label_sets,
    'weight_column', weight_column, 'promote', promote, 'label_smoothing', label_smoothing,
    'class_weights', class_weights, 'mixed_precision', mixed_precision,
    'new_tokens', new_tokens, 'pooling', pooling,
    'base_share', base_share, 'options', options));
COMMENT ON FUNCTION crm_ai.train IS
    'trains a text classifier on labelled rows in the background; gives the run''s number at once';

CREATE OR REPLACE FUNCTION crm_ai.train_table(
    model text, source text, target_column text, rounds integer DEFAULT 1000,
    learning_rate double precision DEFAULT 0.05, test_size double precision DEFAULT 0.2,
    seed integer DEFAULT 42, device text DEFAULT 'auto', balance_classes boolean DEFAULT false,
    promote text DEFAULT 'if_better', options jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN crm_ai.start_run(model, 'table', source, jsonb_build_object(
    'target_column', target_column, 'rounds', rounds, 'learning_rate', learning_rate,
    'test_size', test_size, 'seed', seed, 'device', device, 'balance_classes', balance_classes,
    'promote', promote, 'options', options));
COMMENT ON FUNCTION crm_ai.train_table IS
    'trains a model over columns on labelled rows in the background; gives the run''s number at once';

CREATE OR REPLACE FUNCTION crm_ai.wait(run bigint, timeout interval DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'wait_wrapper';
COMMENT ON FUNCTION crm_ai.wait IS
    'waits for a run''s end, showing how far it is; gives its state, raises its error';

CREATE OR REPLACE FUNCTION crm_ai.cancel(run bigint)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'cancel_wrapper';
COMMENT ON FUNCTION crm_ai.cancel IS 'ends a run that is queued or running';

CREATE OR REPLACE FUNCTION crm_ai.add_schedule(
    model text, kind text, schedule text, source text, options jsonb, min_new_rows integer,
    keep_versions integer
) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'add_schedule_wrapper';
COMMENT ON FUNCTION crm_ai.add_schedule IS
    'internal: behind crm_ai.schedule_retrain and crm_ai.schedule_retrain_table';

CREATE OR REPLACE FUNCTION crm_ai.schedule_retrain(
    model text, schedule text, source text, text_column text, label_column text,
    min_new_rows integer DEFAULT 0, keep_versions integer DEFAULT 5,
    base text DEFAULT NULL, epochs integer DEFAULT 3, batch_size integer DEFAULT 16,
    learning_rate double precision DEFAULT 5e-5, warmup_steps integer DEFAULT NULL,
    weight_decay double precision DEFAULT 0.01, max_tokens integer DEFAULT 128,
    test_size double precision DEFAULT 0.2, seed integer DEFAULT 42, method text DEFAULT 'auto',
    device text DEFAULT 'auto', label_sets jsonb DEFAULT NULL, weight_column text DEFAULT NULL,
    promote text DEFAULT 'if_better', label_smoothing double precision DEFAULT 0,
    class_weights jsonb DEFAULT NULL, mixed_precision text DEFAULT 'auto',
    new_tokens jsonb DEFAULT NULL, pooling text DEFAULT NULL,
    base_share double precision DEFAULT 0, options jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN crm_ai.add_schedule(model, 'text', schedule, source, jsonb_build_object(
    'text_column', text_column, 'label_column', label_column, 'base', base, 'epochs', epochs,
    'batch_size', batch_size, 'learning_rate', learning_rate, 'warmup_steps', warmup_steps,
    'weight_decay', weight_decay, 'max_tokens', max_tokens, 'test_size', test_size,
    'seed', seed, 'method', method, 'device', device, 'label_sets', label_sets,
    'weight_column', weight_column, 'promote', promote, 'label_smoothing', label_smoothing,
    'class_weights', class_weights, 'mixed_precision', mixed_precision,
    'new_tokens', new_tokens, 'pooling', pooling,
    'base_share', base_share, 'options', options), min_new_rows, keep_versions);
COMMENT ON FUNCTION crm_ai.schedule_retrain IS
    'trains a model again and again by a cron schedule in the server''s time zone; gives the schedule''s number';

CREATE OR REPLACE FUNCTION crm_ai.schedule_retrain_table(
    model text, schedule text, source text, target_column text,
    min_new_rows integer DEFAULT 0, keep_versions integer DEFAULT 5, rounds integer DEFAULT 1000,
    learning_rate double precision DEFAULT 0.05, test_size double precision DEFAULT 0.2,
    seed integer DEFAULT 42, device text DEFAULT 'auto', balance_classes boolean DEFAULT false,
    promote text DEFAULT 'if_better', options jsonb DEFAULT '{}'
) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN crm_ai.add_schedule(model, 'table', schedule, source, jsonb_build_object(
    'target_column', target_column, 'rounds', rounds, 'learning_rate', learning_rate,
    'test_size', test_size, 'seed', seed, 'device', device, 'balance_classes', balance_classes,
    'promote', promote, 'options', options), min_new_rows, keep_versions);
COMMENT ON FUNCTION crm_ai.schedule_retrain_table IS
    'trains a model over columns again and again by a cron schedule; gives the schedule''s number';

CREATE OR REPLACE FUNCTION crm_ai.unschedule(schedule bigint)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'unschedule_wrapper';
COMMENT ON FUNCTION crm_ai.unschedule IS 'removes a schedule; a run that it has asked for goes on';

CREATE OR REPLACE FUNCTION crm_ai.evaluate(model text, source text, text_column text, label_column text)
RETURNS @extschema@.crm_evaluation
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'evaluate_wrapper';
COMMENT ON FUNCTION crm_ai.evaluate IS
    'how good a text classifier is on labelled rows, with intervals, figures of each class and the confusion matrix';

CREATE OR REPLACE FUNCTION crm_ai.evaluate_table(model text, source text, target_column text)
RETURNS @extschema@.crm_evaluation
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'evaluate_table_wrapper';
COMMENT ON FUNCTION crm_ai.evaluate_table IS
    'how good a model over columns is on labelled rows, as crm_ai.evaluate tells it';
