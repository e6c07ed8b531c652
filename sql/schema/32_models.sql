-- Registry operations: import, export, promotion, rights.

CREATE OR REPLACE FUNCTION crm_ai.import_model(name text, path text, "precision" text DEFAULT 'auto')
RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'import_model_wrapper';
COMMENT ON FUNCTION crm_ai.import_model IS
    'reads a model folder under crm_ai.import_directory into the registry; gives the new version';

CREATE OR REPLACE FUNCTION crm_ai.export_model(name text, path text, format text DEFAULT 'huggingface')
RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'export_model_wrapper';
COMMENT ON FUNCTION crm_ai.export_model IS
    'writes a version into a new folder under crm_ai.import_directory';

CREATE OR REPLACE FUNCTION crm_ai.promote(model text, version integer)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'promote_wrapper';
COMMENT ON FUNCTION crm_ai.promote IS 'makes a version the champion, which unversioned calls use';

CREATE OR REPLACE FUNCTION crm_ai.rollback(model text)
RETURNS integer
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'rollback_wrapper';
COMMENT ON FUNCTION crm_ai.rollback IS 'makes the champion before the present one champion again';

CREATE OR REPLACE FUNCTION crm_ai.drop_version(model text, version integer)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'drop_version_wrapper';
COMMENT ON FUNCTION crm_ai.drop_version IS
    'removes a version that is not the champion, and its artifact when no other version uses it';

CREATE OR REPLACE FUNCTION crm_ai.drop_model(model text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'drop_model_wrapper';
COMMENT ON FUNCTION crm_ai.drop_model IS 'removes a model with all its versions';

CREATE OR REPLACE FUNCTION crm_ai.grant_model(model text, role text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'grant_model_wrapper';
COMMENT ON FUNCTION crm_ai.grant_model IS 'lets a role, or public, use a model';

CREATE OR REPLACE FUNCTION crm_ai.revoke_model(model text, role text)
RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'revoke_model_wrapper';
COMMENT ON FUNCTION crm_ai.revoke_model IS 'takes crm_ai.grant_model back';

-- Makes a built-in model known; called by the install and upgrade scripts alone. `info` is what
-- `crm_ai_engine describe` prints of the model's folder. A built-in model's first thousand
-- version numbers belong to the package; versions that users add come after them.
CREATE OR REPLACE FUNCTION crm_ai.register_builtin(
    model text, version integer, sha256 text, info jsonb
) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    INSERT INTO crm_ai.model (name, owner, builtin, last_version)
    VALUES ($1, (SELECT extowner FROM pg_extension WHERE extname = 'crm_ai'), true, 1000)
    ON CONFLICT (name) DO NOTHING;
    INSERT INTO crm_ai.version (model, version, sha256, precision, architecture, labels,
        dimensions, max_tokens, temperature, parameters, int8_agreement, builtin, source)
    SELECT $1, $2, $3, $4->>'precision', $4->>'architecture',
        ARRAY(SELECT jsonb_array_elements_text($4->'labels')), ($4->>'dimensions')::integer,
        ($4->>'max_tokens')::integer, ($4->>'temperature')::real, ($4->>'parameters')::bigint,
        ($4->>'int8_agreement')::real, true, 'builtin';
    INSERT INTO crm_ai.deployment (id, model, version, action, builtin, deployed_by)
    SELECT coalesce(max(id), 0) + 1, $1, $2, 'builtin', true, current_user
    FROM crm_ai.deployment WHERE builtin;
END;
COMMENT ON FUNCTION crm_ai.register_builtin IS 'internal: makes a built-in model known';
