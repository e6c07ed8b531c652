-- Runs and schedules as each role may see them: the role that asked, the model's owner, and
-- administrators.

CREATE OR REPLACE VIEW crm_ai.runs WITH (security_barrier) AS
SELECT r.id, r.model, r.kind, r.role, r.state, r.step, r.of, r.epoch, r.loss, r.learning_rate,
    r.rows_per_second, r.eta, r.method, r.device, r.joules AS energy, r.joules_source AS
    energy_source, r.seconds, r.sqlstate, r.error, r.hint, r.version, r.promoted, r.reason,
    r.champion, r.figures, r.source, r.options, r.schedule, r.asked_at, r.started_at, r.ended_at,
    r.read_at, r.rows, r.null_rows, r.new_rows, r.rows_sha256, r.classes, r.train_rows,
    r.test_rows, r.duplicate_rows, r.conflicting_rows, r.query, r.notices, r.attempts
FROM crm_ai.run r
WHERE pg_has_role(r.role, 'USAGE') OR pg_has_role('crm_ai_admin', 'USAGE')
    OR EXISTS (SELECT FROM crm_ai.model m
               WHERE m.name = r.model AND m.created_at <= r.asked_at
                   AND pg_has_role(m.owner, 'USAGE'));
COMMENT ON VIEW crm_ai.runs IS
    'training runs: progress, what they learnt from, results, energy in joules';

CREATE OR REPLACE VIEW crm_ai.run_metrics WITH (security_barrier) AS
SELECT x.run, x.step, x.at, x.of, x.epoch, x.loss, x.learning_rate, x.rows_per_second
FROM crm_ai.run_metric x
JOIN crm_ai.runs r ON r.id = x.run;
COMMENT ON VIEW crm_ai.run_metrics IS 'measurements of training runs by step';

CREATE OR REPLACE VIEW crm_ai.schedules WITH (security_barrier) AS
SELECT s.id, s.model, s.kind, s.role, s.schedule, s.source, s.options, s.min_new_rows,
    s.keep_versions, s.next_at, s.last_at, s.last_run, r.state AS last_state, s.created_at
FROM crm_ai.schedule s
LEFT JOIN crm_ai.run r ON r.id = s.last_run
WHERE pg_has_role(s.role, 'USAGE') OR pg_has_role('crm_ai_admin', 'USAGE')
    OR EXISTS (SELECT FROM crm_ai.model m
               WHERE m.name = s.model AND pg_has_role(m.owner, 'USAGE'));
COMMENT ON VIEW crm_ai.schedules IS 'schedules of training: when each was last and will be next';
