-- Cleaning and inference are PUBLIC (a model's own grants are checked at each call); acts are not.

REVOKE ALL ON FUNCTION
    crm_ai.import_model(text, text, text), crm_ai.export_model(text, text, text),
    crm_ai.promote(text, integer), crm_ai.rollback(text),
    crm_ai.drop_version(text, integer), crm_ai.drop_model(text),
    crm_ai.grant_model(text, text), crm_ai.revoke_model(text, text),
    crm_ai.watch(regclass, text, text, text, text, text, integer), crm_ai.unwatch(regclass, text),
    crm_ai.watch_queue(), crm_ai.register_scheduler()
FROM PUBLIC;

-- For tables that the caller may write, and models that the caller may use.
GRANT EXECUTE ON FUNCTION
    crm_ai.watch(regclass, text, text, text, text, text, integer), crm_ai.unwatch(regclass, text)
TO crm_ai_user;

GRANT EXECUTE ON FUNCTION crm_ai.import_model(text, text, text), crm_ai.export_model(text, text, text)
TO crm_ai_admin;

-- Open to trainers, for the models that they own; an administrator may act on any.
GRANT EXECUTE ON FUNCTION
    crm_ai.promote(text, integer), crm_ai.rollback(text),
    crm_ai.drop_version(text, integer), crm_ai.drop_model(text),
    crm_ai.grant_model(text, text), crm_ai.revoke_model(text, text)
TO crm_ai_trainer;

REVOKE ALL ON FUNCTION
    crm_ai.start_run(text, text, text, jsonb),
    crm_ai.train(text, text, text, text, text, integer, integer, double precision, integer,
        double precision, integer, double precision, integer, text, text, jsonb, text, text,
        double precision, jsonb, text, jsonb, text, double precision),
    crm_ai.wait(bigint, interval), crm_ai.cancel(bigint),
    crm_ai.evaluate(text, text, text, text),
    crm_ai.evaluate_table(text, text, text),
    crm_ai.train_table(text, text, text, integer, double precision, double precision, integer, text,
        boolean, text),
    crm_ai.schedule_retrain_table(text, text, text, text, integer, integer, integer,
        double precision, double precision, integer, text, boolean, text),
    crm_ai.add_schedule(text, text, text, text, jsonb, integer, integer),
    crm_ai.schedule_retrain(text, text, text, text, text, integer, integer, text, integer, integer,
        double precision, integer, double precision, integer, double precision, integer, text, text,
        jsonb, text, text, double precision, jsonb, text, jsonb, text, double precision),
    crm_ai.unschedule(bigint)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    crm_ai.start_run(text, text, text, jsonb),
    crm_ai.train(text, text, text, text, text, integer, integer, double precision, integer,
        double precision, integer, double precision, integer, text, text, jsonb, text, text,
        double precision, jsonb, text, jsonb, text, double precision),
    crm_ai.wait(bigint, interval), crm_ai.cancel(bigint),
    crm_ai.evaluate(text, text, text, text),
    crm_ai.evaluate_table(text, text, text),
    crm_ai.train_table(text, text, text, integer, double precision, double precision, integer, text,
        boolean, text),
    crm_ai.schedule_retrain_table(text, text, text, text, integer, integer, integer,
        double precision, double precision, integer, text, boolean, text),
    crm_ai.add_schedule(text, text, text, text, jsonb, integer, integer),
    crm_ai.schedule_retrain(text, text, text, text, text, integer, integer, text, integer, integer,
        double precision, integer, double precision, integer, double precision, integer, text, text,
        jsonb, text, text, double precision, jsonb, text, jsonb, text, double precision),
    crm_ai.unschedule(bigint)
TO crm_ai_trainer;

-- Settings are the administrators', but for the two that name places on the server's disk: whoever
-- sets crm_ai.engine_path runs a program as the server.
GRANT SET ON PARAMETER crm_ai.max_text_bytes TO crm_ai_admin;
GRANT ALTER SYSTEM ON PARAMETER
    crm_ai.default_region, crm_ai.sentiment_model, crm_ai.batching, crm_ai.batch_rows,
    crm_ai.timeout, crm_ai.max_text_bytes,
    crm_ai.threads, crm_ai.memory_limit, crm_ai.queue_rows, crm_ai.cache_size, crm_ai.device,
    crm_ai.max_running, crm_ai.max_rows, crm_ai.max_run_time, crm_ai.train_memory,
    crm_ai.train_threads, crm_ai.train_nice,
    crm_ai.databases
TO crm_ai_admin;

-- Lets the planner load the library in a session's first statement.
ALTER FUNCTION crm_sentiment(text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_score(text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_level(text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_detail(text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_classify(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_embed(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_at(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_score_at(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_sentiment_level_at(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_classify_at(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_embed_at(text, text) SUPPORT crm_ai.batching_support;
ALTER FUNCTION crm_predict(text, jsonb) SUPPORT crm_ai.batching_support;

COMMENT ON FUNCTION crm_normalize_phone(text, text) IS 'E.164 form of a valid phone number, else NULL; region '''' means only numbers with their country code';
COMMENT ON FUNCTION crm_normalize_phone(text) IS 'E.164 form of a valid phone number, else NULL; region from crm_ai.default_region';
COMMENT ON FUNCTION crm_phone(text, text) IS 'all that is known of a phone number: formats, region, kind, validity, problem';
COMMENT ON FUNCTION crm_find_phones(text, text) IS 'phone numbers inside free text, with their positions in characters';
COMMENT ON FUNCTION crm_phone_digits(text, integer) IS 'the digits of a text, left-padded with 0 to a width';
COMMENT ON FUNCTION crm_clean_text(text) IS 'text in NFC without mark-up, control and zero-width characters, mojibake repaired where certain, white space folded';
COMMENT ON FUNCTION crm_normalize_email(text) IS 'the deliverable form of an e-mail address, else NULL';
COMMENT ON FUNCTION crm_email(text) IS 'all that is known of an e-mail address: parts, canonical form, validity, kind of provider, problem';
COMMENT ON FUNCTION crm_normalize_name(text) IS 'a person''s or organisation''s name in standard spelling and order, else NULL';
COMMENT ON FUNCTION crm_name(text) IS 'the parts of a person''s or organisation''s name, and what is doubtful about it';
COMMENT ON FUNCTION crm_normalize_address(text) IS 'a postal address on one line in its standard form, else NULL';
COMMENT ON FUNCTION crm_address(text) IS 'the parts of a postal address, and what is doubtful about it';
COMMENT ON FUNCTION crm_clean_row(jsonb, jsonb) IS 'a record cleaned by its columns'' kinds, given or guessed: {"row", "problems", "ok"}';
COMMENT ON FUNCTION crm_clean() IS 'trigger: cleans columns before a row is written; arguments ''column=kind'' and ''on_invalid=keep'', null or error';
COMMENT ON FUNCTION crm_enrich() IS 'trigger: fills columns with what our functions make of others; arguments ''target=function(column[, literal])''';
COMMENT ON FUNCTION crm_ai.clean_record(text, text) IS 'internal: behind crm_clean_row';
COMMENT ON FUNCTION crm_ai.clean_values(text[], text) IS 'internal: behind crm_ai.clean_table';
COMMENT ON FUNCTION crm_ai.profile(regclass, integer) IS 'what is in each column of a table, and what ails it, from a sample of its rows';
COMMENT ON FUNCTION crm_ai.clean_table(regclass, text, jsonb, text[], text[], text[], boolean, boolean) IS 'cleans a table into target, target_rejects and target_changes, or in place; nothing is lost';
COMMENT ON FUNCTION crm_ai.undo_clean(text) IS 'takes back what crm_ai.clean_table did to a table in place';
COMMENT ON FUNCTION crm_sentiment(text) IS 'negative, neutral or positive';
COMMENT ON FUNCTION crm_sentiment_score(text) IS 'P(positive) - P(negative), from -1 to 1';
COMMENT ON FUNCTION crm_sentiment_level(text) IS 'sentiment from 1 (very negative) to 5 (very positive)';
COMMENT ON FUNCTION crm_sentiment_detail(text) IS 'label, score, level, probabilities and the version that judged';
COMMENT ON FUNCTION crm_sentiment_at(text, text) IS 'crm_sentiment by an exact version, name@version: for generated columns and indexes';
COMMENT ON FUNCTION crm_sentiment_score_at(text, text) IS 'crm_sentiment_score by an exact version, name@version';
COMMENT ON FUNCTION crm_sentiment_level_at(text, text) IS 'crm_sentiment_level by an exact version, name@version';
COMMENT ON FUNCTION crm_sentiment_batch(text[]) IS 'crm_sentiment for an array: in order, NULL for NULL';
COMMENT ON FUNCTION crm_classify(text, text) IS 'the most probable class of a text by a model, given as name or name@version';
COMMENT ON FUNCTION crm_classify_at(text, text) IS 'crm_classify by an exact version, name@version: for generated columns and indexes';
COMMENT ON FUNCTION crm_classify_batch(text, text[]) IS 'crm_classify for an array: in order, NULL for NULL';
COMMENT ON FUNCTION crm_classify_detail(text, text) IS 'every class of a model with its probability, the most probable first';
COMMENT ON FUNCTION crm_embed(text, text) IS 'unit-length sentence vector of a text';
COMMENT ON FUNCTION crm_embed_at(text, text) IS 'crm_embed by an exact version, name@version: for generated columns and indexes';
COMMENT ON FUNCTION crm_embed_batch(text[], text) IS 'crm_embed for an array: one row per text, in order, NULL for NULL';
COMMENT ON FUNCTION crm_predict(text, jsonb) IS 'what a model over columns says of a record: {"label", "probability", "probabilities"}';
COMMENT ON FUNCTION crm_predict_batch(text, jsonb[]) IS 'crm_predict for an array: in order, NULL for NULL';
COMMENT ON FUNCTION crm_ai.batching_support(internal) IS 'internal: lets the planner load the library in time for batching';
COMMENT ON FUNCTION crm_ai.engine_stats() IS 'one row of figures when the model engine is up, none when it is not';
COMMENT ON FUNCTION crm_ai.import_model(text, text, text) IS 'reads a model folder under crm_ai.import_directory into the registry; gives the new version';
COMMENT ON FUNCTION crm_ai.export_model(text, text, text) IS 'writes a version into a new folder under crm_ai.import_directory';
COMMENT ON FUNCTION crm_ai.promote(text, integer) IS 'makes a version the champion, which unversioned calls use';
COMMENT ON FUNCTION crm_ai.rollback(text) IS 'makes the champion before the present one champion again';
COMMENT ON FUNCTION crm_ai.drop_version(text, integer) IS 'removes a version that is not the champion, and its artifact when no other version uses it';
COMMENT ON FUNCTION crm_ai.drop_model(text) IS 'removes a model with all its versions';
COMMENT ON FUNCTION crm_ai.grant_model(text, text) IS 'lets a role, or public, use a model';
COMMENT ON FUNCTION crm_ai.revoke_model(text, text) IS 'takes crm_ai.grant_model back';
COMMENT ON FUNCTION crm_ai.watch(regclass, text, text, text, text, text, integer) IS 'fills a column with a model''s answers to another after commit; gives the number of the watch';
COMMENT ON FUNCTION crm_ai.unwatch(regclass, text) IS 'ends the watch that fills a column; what it has written stays';
COMMENT ON FUNCTION crm_ai.watch_queue() IS 'internal: trigger of crm_ai.watch that queues a changed row';
COMMENT ON FUNCTION crm_ai.register_scheduler() IS 'internal: trigger that registers the database for a scheduler';
COMMENT ON TABLE crm_ai.watch IS 'columns that are filled after commit';
COMMENT ON TABLE crm_ai.watch_state IS 'how each watch stands';
COMMENT ON TABLE crm_ai.pending IS 'keys of rows that wait for a watch';
COMMENT ON TABLE crm_ai.watch_error IS 'keys of rows that a watch could not judge or write';
COMMENT ON FUNCTION crm_ai.register_builtin(text, integer, text, jsonb) IS 'internal: makes a built-in model known';
COMMENT ON TABLE crm_ai.model IS 'models and their owners';
COMMENT ON TABLE crm_ai.version IS 'versions of models, each an artifact with its arithmetic';
COMMENT ON TABLE crm_ai.deployment IS 'every change of champion, oldest first';
COMMENT ON TABLE crm_ai.artifact IS 'imported artifacts and their manifests';
COMMENT ON TABLE crm_ai.artifact_chunk IS 'bytes of imported artifacts';
COMMENT ON TABLE crm_ai.model_grant IS 'who besides its owner may use a model';
COMMENT ON FUNCTION crm_ai.start_run(text, text, text, jsonb) IS 'internal: behind crm_ai.train and crm_ai.train_table';
COMMENT ON FUNCTION crm_ai.train(text, text, text, text, text, integer, integer, double precision, integer, double precision, integer, double precision, integer, text, text, jsonb, text, text, double precision, jsonb, text, jsonb, text, double precision) IS 'trains a text classifier on labelled rows in the background; gives the run''s number at once';
COMMENT ON FUNCTION crm_ai.wait(bigint, interval) IS 'waits for a run''s end, showing how far it is; gives its state, raises its error';
COMMENT ON FUNCTION crm_ai.cancel(bigint) IS 'ends a run that is queued or running';
COMMENT ON TABLE crm_ai.run IS 'training runs; crm_ai.runs shows them';
COMMENT ON TABLE crm_ai.run_metrics IS 'what training runs measured, step by step';
COMMENT ON TABLE crm_ai.run_cancel IS 'runs that were asked to end';
COMMENT ON TABLE crm_ai.run_seen IS 'hashes of the rows that each model''s last run saw';
COMMENT ON TABLE crm_ai.schedule IS 'when models are trained again; crm_ai.schedules shows it';
COMMENT ON FUNCTION crm_ai.evaluate(text, text, text, text) IS 'how good a text classifier is on labelled rows, with intervals, figures of each class and the confusion matrix';
COMMENT ON FUNCTION crm_ai.add_schedule(text, text, text, text, jsonb, integer, integer) IS 'internal: behind crm_ai.schedule_retrain and crm_ai.schedule_retrain_table';
COMMENT ON FUNCTION crm_ai.schedule_retrain(text, text, text, text, text, integer, integer, text, integer, integer, double precision, integer, double precision, integer, double precision, integer, text, text, jsonb, text, text, double precision, jsonb, text, jsonb, text, double precision) IS 'trains a model again and again by a cron schedule in the server''s time zone; gives the schedule''s number';
COMMENT ON FUNCTION crm_ai.unschedule(bigint) IS 'removes a schedule; a run that it has asked for goes on';
COMMENT ON FUNCTION crm_ai.evaluate_table(text, text, text) IS 'how good a model over columns is on labelled rows, as crm_ai.evaluate tells it';
COMMENT ON FUNCTION crm_ai.train_table(text, text, text, integer, double precision, double precision, integer, text, boolean, text) IS 'trains a model over columns on labelled rows in the background; gives the run''s number at once';
COMMENT ON FUNCTION crm_ai.schedule_retrain_table(text, text, text, text, integer, integer, integer, double precision, double precision, integer, text, boolean, text) IS 'trains a model over columns again and again by a cron schedule; gives the schedule''s number';
