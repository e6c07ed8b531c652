-- The registry and the engine as each role may see them: models that it may use, and their
-- versions and deployments; no bytes.

CREATE OR REPLACE VIEW crm_ai.models WITH (security_barrier) AS
SELECT m.name, m.owner, champion.version AS champion,
    CASE WHEN v.architecture = 'table' THEN 'predict'
        WHEN cardinality(v.labels) > 0 THEN 'classify' ELSE 'embed' END AS task,
    v.labels, v.dimensions, m.builtin,
    (SELECT count(*) FROM crm_ai.version all_versions
     WHERE all_versions.model = m.name) AS versions,
    m.created_at
FROM crm_ai.model m
LEFT JOIN LATERAL (
    SELECT d.version FROM crm_ai.deployment d
    WHERE d.model = m.name AND d.promoted ORDER BY d.id DESC LIMIT 1
) champion ON true
LEFT JOIN crm_ai.version v ON v.model = m.name AND v.version = champion.version
WHERE m.builtin OR pg_has_role(m.owner, 'USAGE') OR pg_has_role('crm_ai_admin', 'USAGE')
    OR EXISTS (SELECT FROM crm_ai.model_grant g
               WHERE g.model = m.name
                   AND (g.grantee = 0::oid OR pg_has_role(g.grantee, 'USAGE')));
COMMENT ON VIEW crm_ai.models IS
    'models that the current role may use, each with its champion, the version that unversioned calls use';

CREATE OR REPLACE VIEW crm_ai.versions WITH (security_barrier) AS
SELECT v.model, v.version, v.model || '@' || v.version::text AS name,
    coalesce(v.version = m.champion, false) AS is_champion,
    v.sha256, v.precision, v.int8_agreement, v.architecture, v.labels, v.dimensions,
    v.max_tokens, v.temperature, v.parameters, a.bytes, v.builtin, v.source, v.created_by,
    v.created_at, v.run, v.figures
FROM crm_ai.version v
JOIN crm_ai.models m ON m.name = v.model
LEFT JOIN crm_ai.artifact a ON a.sha256 = v.sha256;
COMMENT ON VIEW crm_ai.versions IS 'versions of the models that the current role may use';

CREATE OR REPLACE VIEW crm_ai.deployments WITH (security_barrier) AS
SELECT d.id, d.model, d.version, d.action, d.deployed_by, d.deployed_at, d.promoted, d.reason,
    d.run, d.figures
FROM crm_ai.deployment d
JOIN crm_ai.models m ON m.name = d.model;
COMMENT ON VIEW crm_ai.deployments IS
    'changes of champion of the models that the current role may use: who, when and why; also those that the gate refused';

CREATE OR REPLACE VIEW crm_ai.status AS
SELECT s.pid IS NOT NULL AS engine_up, s.*
FROM (VALUES (1)) one LEFT JOIN crm_ai.engine_stats() s ON true;
COMMENT ON VIEW crm_ai.status IS
    'one row: whether the engine is up, and its figures when it is; never starts it, never fails';

CREATE OR REPLACE VIEW crm_ai.progress WITH (security_barrier) AS
SELECT p.pid, d.datname, p.role::regrole AS role, p.command, p.phase, p.relid, p.run, p.unit,
    p.done, p.total, p.rate, p.time_left, p.started_at
FROM crm_ai.progress_reports() p
LEFT JOIN pg_database d ON d.oid = p.datid;
COMMENT ON VIEW crm_ai.progress IS
    'long operations that are running, in all databases, of roles whose rights the current role has; empty unless crm_ai is in shared_preload_libraries';
