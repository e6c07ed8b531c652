//! Records of a run's worker while it works.

use super::registry;
use crate::error::Result;
use crm_ai_wire::training::{Progress, Started};
use pgrx::JsonB;
use pgrx::datum::DatumWithOid;
use std::collections::BTreeMap;

/// A count as SQL has it.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The rows that a run learns from.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The query that gave them.
    pub query: String,
    /// Rows with text and label.
    pub rows: u64,
    /// Rows left out because one of the two is NULL.
    pub null_rows: u64,
    /// Rows that the model's last run had not seen; `None` where there was none.
    pub new_rows: Option<u64>,
    /// Hash over all rows, whatever their order.
    pub sha256: String,
    /// Rows of each label.
    pub classes: BTreeMap<String, u64>,
    /// True if the label column holds several labels a row.
    pub multi_label: bool,
    /// Eight bytes of each row's hash, sorted.
    pub hashes: Vec<u64>,
}

/// Records the rows.
pub fn record_snapshot(run: i64, snapshot: &Snapshot) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET query = $2, rows = $3, null_rows = $4, new_rows = $5,
                   rows_sha256 = $6, classes = $7, read_at = clock_timestamp()
               WHERE id = $1";
    let classes = serde_json::to_value(&snapshot.classes).unwrap_or_default();
    let arguments = [
        run.into(),
        snapshot.query.as_str().into(),
        count(snapshot.rows).into(),
        count(snapshot.null_rows).into(),
        snapshot.new_rows.map(count).into(),
        snapshot.sha256.as_str().into(),
        JsonB(classes).into(),
    ];
    registry::change(sql, &arguments)?;
    Ok(())
}

/// Records that the trainer has begun.
pub fn record_start(run: i64, started: &Started) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET method = $2, device = $3, train_rows = $4, test_rows = $5,
                   duplicate_rows = $6, conflicting_rows = $7, step = $8, of = $9
               WHERE id = $1";
    let arguments = [
        run.into(),
        started.method.as_str().into(),
        started.device.as_str().into(),
        count(started.train_rows).into(),
        count(started.test_rows).into(),
        count(started.duplicate_rows).into(),
        count(started.conflicting_rows).into(),
        count(started.resumed_at).into(),
        count(started.steps).into(),
    ];
    registry::change(sql, &arguments)?;
    // What an earlier attempt measured after its last checkpoint is measured again.
    let sql = "DELETE FROM crm_ai.run_metric WHERE run = $1 AND step > $2";
    registry::change(sql, &[run.into(), count(started.resumed_at).into()])?;
    Ok(())
}

/// Records how far the trainer is; `seconds_left` by its pace so far.
pub fn record_progress(run: i64, done: &Progress, seconds_left: Option<f64>) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET step = $2, of = $3, epoch = $4, loss = $5, learning_rate = $6,
                   rows_per_second = $7, eta = make_interval(secs => $8)
               WHERE id = $1";
    let figures = || -> Vec<DatumWithOid<'_>> {
        vec![
            run.into(),
            count(done.step).into(),
            count(done.of).into(),
            done.epoch.into(),
            done.loss.into(),
            done.learning_rate.into(),
            done.rows_per_second.into(),
        ]
    };
    let mut arguments = figures();
    arguments.push(seconds_left.into());
    registry::change(sql, &arguments)?;
    let sql = "INSERT INTO crm_ai.run_metric
                   (run, step, of, epoch, loss, learning_rate, rows_per_second)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (run, step) DO NOTHING";
    registry::change(sql, &figures())?;
    Ok(())
}

/// Records a sentence of the trainer's.
pub fn record_notice(run: i64, text: &str) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET notices = notices || $2 WHERE id = $1";
    registry::change(sql, &[run.into(), text.into()])?;
    Ok(())
}

/// Records that the held-out rows are being judged.
pub fn record_evaluating(run: i64) -> Result<()> {
    let sql = "UPDATE crm_ai.run SET state = 'evaluating', step = of, eta = NULL WHERE id = $1";
    registry::change(sql, &[run.into()])?;
    Ok(())
}

/// The hashes of the rows of a model's last run: eight bytes each, sorted.
pub fn seen(model: &str) -> Result<Option<Vec<u64>>> {
    let sql = "SELECT hashes FROM crm_ai.run_seen WHERE model = $1";
    let bytes: Option<Vec<u8>> = registry::value(sql, &[model.into()])?;
    Ok(bytes.map(|bytes| {
        let (numbers, _) = bytes.as_chunks::<8>();
        numbers.iter().map(|number| u64::from_be_bytes(*number)).collect()
    }))
}

/// Keeps the hashes of a run's rows as those that the model has seen.
pub fn keep_seen(model: &str, run: i64, hashes: &[u64]) -> Result<()> {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
    let sql = "INSERT INTO crm_ai.run_seen (model, run, hashes) VALUES ($1, $2, $3)
               ON CONFLICT (model) DO UPDATE SET run = excluded.run, hashes = excluded.hashes";
    registry::change(sql, &[model.into(), run.into(), bytes.into()])?;
    Ok(())
}
