-- Runs and schedules as those see them who may: the role that asked, the model's owner, and
-- administrators.

CREATE VIEW crm_ai.runs WITH (security_barrier) AS
SELECT r.id, r.model, r.kind, r.role, r.state, r.step, r.of, r.epoch, r.loss, r.learning_rate,
    r.rows_per_second, r.eta, r.method, r.device, r.joules AS energy, r.joules_source AS
    energy_source, r.seconds, r.sqlstate, r.error, r.hint, r.version, r.promoted, r.reason,
    r.champion, r.figures, r.source, r.options, r.schedule, r.asked_at, r.started_at, r.ended_at,
    r.read_at, r.rows, r.null_rows, r.new_rows, r.rows_sha256, r.classes, r.train_rows,
    r.test_rows, r.duplicate_rows, r.conflicting_rows, r.query, r.notices, r.attempts
FROM crm_ai.run r
WHERE pg_catalog.pg_has_role(r.role, 'USAGE')
    OR pg_catalog.pg_has_role('crm_ai_admin', 'USAGE')
    OR EXISTS (SELECT FROM crm_ai.model m
               WHERE m.name = r.model AND m.created_at <= r.asked_at
                   AND pg_catalog.pg_has_role(m.owner, 'USAGE'));
COMMENT ON VIEW crm_ai.runs IS
    'training runs: how far they are, what they learnt from, what came of them, energy in joules';

CREATE VIEW crm_ai.schedules WITH (security_barrier) AS
SELECT s.id, s.model, s.kind, s.role, s.schedule, s.source, s.options, s.min_new_rows,
    s.keep_versions, s.next_at, s.last_at, s.last_run, r.state AS last_state, s.created_at
FROM crm_ai.schedule s
LEFT JOIN crm_ai.run r ON r.id = s.last_run
WHERE pg_catalog.pg_has_role(s.role, 'USAGE')
    OR pg_catalog.pg_has_role('crm_ai_admin', 'USAGE')
    OR EXISTS (SELECT FROM crm_ai.model m
               WHERE m.name = s.model AND pg_catalog.pg_has_role(m.owner, 'USAGE'));
COMMENT ON VIEW crm_ai.schedules IS 'when models are trained again, next and last';

GRANT SELECT ON crm_ai.runs, crm_ai.schedules TO PUBLIC;

ALTER TABLE crm_ai.run_metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_own_runs ON crm_ai.run_metrics FOR SELECT TO PUBLIC
    USING (run IN (SELECT id FROM crm_ai.runs));
GRANT SELECT ON crm_ai.run_metrics TO PUBLIC;

-- A schedule that is made, or restored from a dump, registers its database.
CREATE TRIGGER register AFTER INSERT ON crm_ai.schedule
    FOR EACH STATEMENT EXECUTE FUNCTION crm_ai.register_scheduler();
