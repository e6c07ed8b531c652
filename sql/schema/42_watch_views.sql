-- Watches as each role may see them: its own, or all for an administrator.

CREATE OR REPLACE VIEW crm_ai.watches WITH (security_barrier) AS
SELECT w.id, w.source, w.text_column, w.model, w.target_column, w.version_column, w.owner,
    w.on_promotion, w.backfill_rate, s.version, s.rows_done,
    coalesce(p.waiting, 0) AS rows_waiting,
    greatest(date_part('epoch', clock_timestamp() - p.oldest), 0) AS lag_seconds,
    s.backfill IS NULL AS is_backfilled,
    (SELECT count(*) FROM crm_ai.watch_error e WHERE e.watch = w.id) AS rows_failed,
    s.failures, s.error_state, s.error_at, s.next_try, w.created_at,
    s.disabled_at, s.disabled_reason
FROM crm_ai.watch w
JOIN crm_ai.watch_state s ON s.watch = w.id
LEFT JOIN (
    SELECT q.watch, count(*) AS waiting, min(q.queued_at) AS oldest
    FROM crm_ai.pending q GROUP BY q.watch
) p ON p.watch = w.id
WHERE pg_has_role(w.owner, 'USAGE') OR pg_has_role('crm_ai_admin', 'USAGE');
COMMENT ON VIEW crm_ai.watches IS
    'columns that are filled after commit: progress, backlog, failures, and why one is switched off';

CREATE OR REPLACE VIEW crm_ai.watch_errors WITH (security_barrier) AS
SELECT e.watch, w.source, w.target_column, e.key, e.state, e.failed_at
FROM crm_ai.watch_error e JOIN crm_ai.watches w ON w.id = e.watch;
COMMENT ON VIEW crm_ai.watch_errors IS
    'rows that a watch could not judge or write, by primary key, each with the SQLSTATE';
