-- What the registry and the engine show to everyone: names, versions and figures, no bytes.

CREATE VIEW crm_ai.models AS
SELECT m.name, m.owner, champion.version AS champion,
    CASE WHEN v.architecture = 'table' THEN 'predict'
        WHEN pg_catalog.cardinality(v.labels) > 0 THEN 'classify' ELSE 'embed' END AS task,
    v.labels, v.dimensions, m.builtin,
    (SELECT pg_catalog.count(*) FROM crm_ai.version all_versions
     WHERE all_versions.model = m.name) AS versions,
    m.created_at
FROM crm_ai.model m
LEFT JOIN LATERAL (
    SELECT d.version FROM crm_ai.deployment d
    WHERE d.model = m.name AND d.promoted ORDER BY d.id DESC LIMIT 1
) champion ON true
LEFT JOIN crm_ai.version v ON v.model = m.name AND v.version = champion.version;
COMMENT ON VIEW crm_ai.models IS 'every model with its champion, the version that unversioned calls use';

CREATE VIEW crm_ai.versions AS
SELECT v.model, v.version, v.model || '@' || v.version AS name,
    coalesce(v.version = m.champion, false) AS is_champion,
    v.sha256, v.precision, v.int8_agreement, v.architecture, v.labels, v.dimensions,
    v.max_tokens, v.temperature, v.parameters, a.bytes, v.builtin, v.source, v.created_by,
    v.created_at, v.run, v.figures
FROM crm_ai.version v
JOIN crm_ai.models m ON m.name = v.model
LEFT JOIN crm_ai.artifact a ON a.sha256 = v.sha256;
COMMENT ON VIEW crm_ai.versions IS 'every version of every model, and what its artifact is';

CREATE VIEW crm_ai.deployments AS
SELECT d.id, d.model, d.version, d.action, d.deployed_by, d.deployed_at, d.promoted, d.reason,
    d.run, d.figures
FROM crm_ai.deployment d;
COMMENT ON VIEW crm_ai.deployments IS
    'every change of champion, with who made it, when and why, and those that the gate refused';

CREATE VIEW crm_ai.status AS
SELECT s.pid IS NOT NULL AS engine_up, s.*
FROM (VALUES (1)) one LEFT JOIN crm_ai.engine_stats() s ON true;
COMMENT ON VIEW crm_ai.status IS
    'one row: whether the engine is up, and its figures when it is; never starts it, never fails';

GRANT SELECT ON crm_ai.models, crm_ai.versions, crm_ai.deployments, crm_ai.status TO PUBLIC;
