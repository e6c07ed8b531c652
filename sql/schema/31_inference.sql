-- Inference: sentiment, classification, sentence vectors, models over columns.

CREATE OR REPLACE FUNCTION crm_ai.batching_support(_request internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'batching_support_wrapper';
COMMENT ON FUNCTION crm_ai.batching_support IS
    'internal: lets the planner load the library in time for batching';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment(note text)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment IS 'negative, neutral or positive';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_score(note text)
RETURNS real
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_score_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_score IS 'P(positive) - P(negative), from -1 to 1';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_level(note text)
RETURNS smallint
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_level_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_level IS
    'sentiment from 1 (very negative) to 5 (very positive)';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_detail(note text)
RETURNS @extschema@.crm_sentiment_result
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_detail_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_detail IS
    'label, score, level, probabilities and the version that judged';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_at(version text, note text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_at_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_at IS
    'crm_sentiment by an exact version, name@version: for generated columns and indexes';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_score_at(version text, note text)
RETURNS real
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_score_at_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_score_at IS
    'crm_sentiment_score by an exact version, name@version';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_level_at(version text, note text)
RETURNS smallint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_sentiment_level_at_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_level_at IS
    'crm_sentiment_level by an exact version, name@version';

CREATE OR REPLACE FUNCTION @extschema@.crm_sentiment_batch(notes text[])
RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'crm_sentiment_batch_wrapper';
COMMENT ON FUNCTION @extschema@.crm_sentiment_batch IS
    'crm_sentiment for an array: in order, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_classify(model text, body text)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_classify_wrapper';
COMMENT ON FUNCTION @extschema@.crm_classify IS
    'the most probable class of a text by a model, given as name or name@version';

CREATE OR REPLACE FUNCTION @extschema@.crm_classify_at(model_version text, body text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_classify_at_wrapper';
COMMENT ON FUNCTION @extschema@.crm_classify_at IS
    'crm_classify by an exact version, name@version: for generated columns and indexes';

CREATE OR REPLACE FUNCTION @extschema@.crm_classify_batch(model text, bodies text[])
RETURNS text[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'crm_classify_batch_wrapper';
COMMENT ON FUNCTION @extschema@.crm_classify_batch IS
    'crm_classify for an array: in order, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_classify_detail(model text, body text)
RETURNS TABLE (label text, probability real)
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'crm_classify_detail_wrapper';
COMMENT ON FUNCTION @extschema@.crm_classify_detail IS
    'every class of a model with its probability, the most probable first';

CREATE OR REPLACE FUNCTION @extschema@.crm_embed(body text, model text DEFAULT 'minilm')
RETURNS real[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_embed_wrapper';
COMMENT ON FUNCTION @extschema@.crm_embed IS 'unit-length sentence vector of a text';

CREATE OR REPLACE FUNCTION @extschema@.crm_embed_at(model_version text, body text)
RETURNS real[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_embed_at_wrapper';
COMMENT ON FUNCTION @extschema@.crm_embed_at IS
    'crm_embed by an exact version, name@version: for generated columns and indexes';

CREATE OR REPLACE FUNCTION @extschema@.crm_embed_batch(bodies text[], model text DEFAULT 'minilm')
RETURNS TABLE ("position" integer, embedding real[])
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'crm_embed_batch_wrapper';
COMMENT ON FUNCTION @extschema@.crm_embed_batch IS
    'crm_embed for an array: one row per text, in order, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_predict(model text, record jsonb)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT crm_ai.batching_support
AS 'MODULE_PATHNAME', 'crm_predict_wrapper';
COMMENT ON FUNCTION @extschema@.crm_predict IS
    'what a model over columns says of a record: {"label", "probability", "probabilities"}';

CREATE OR REPLACE FUNCTION @extschema@.crm_predict_batch(model text, records jsonb[])
RETURNS jsonb[]
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'crm_predict_batch_wrapper';
COMMENT ON FUNCTION @extschema@.crm_predict_batch IS
    'crm_predict for an array: in order, NULL for NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_enrich()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'crm_enrich_wrapper';
COMMENT ON FUNCTION @extschema@.crm_enrich IS
    'trigger: fills columns with what our functions make of others; arguments ''target=function(column[, literal])''';

CREATE OR REPLACE FUNCTION crm_ai.engine_stats()
RETURNS TABLE (
    version text, pid integer, uptime interval, device text, threads integer, memory_bytes bigint,
    connections integer, queue_rows bigint, requests bigint, rows bigint, batches bigint,
    cached bigint, cache_bytes bigint, rows_per_second double precision, truncated bigint,
    rejected bigint, abandoned bigint, errors bigint, models jsonb,
    sandbox text
)
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'engine_stats_wrapper';
COMMENT ON FUNCTION crm_ai.engine_stats IS
    'one row of figures when the model engine is up, none when it is not';

CREATE OR REPLACE FUNCTION crm_ai.progress_reports()
RETURNS TABLE (
    pid integer, datid oid, role oid, command text, phase text, relid oid, run bigint, unit text,
    done bigint, total bigint, rate double precision, time_left interval, started_at timestamptz
)
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'progress_reports_wrapper';
COMMENT ON FUNCTION crm_ai.progress_reports IS 'internal: behind crm_ai.progress';
