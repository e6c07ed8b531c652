//! How good a model is on labelled rows.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use crate::error::Error;
    use crate::run::Columns;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Judges the rows of a source and compares with their labels.
    #[pg_extern(volatile, parallel_unsafe, requires = ["types"])]
    fn evaluate(
        model: Option<&str>,
        source: Option<&str>,
        text_column: Option<&str>,
        label_column: Option<&str>,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_evaluation")> {
        let (Some(model), Some(source), Some(text), Some(label)) =
            (model, source, text_column, label_column)
        else {
            return Err(Error::null_argument("no argument may be NULL").into());
        };
        let columns = Columns::Text { text, label, weight: None };
        Ok(super::evaluate(fcinfo, model, source, columns)?)
    }

    /// The same for a model over columns.
    #[pg_extern(volatile, parallel_unsafe, requires = ["types"])]
    fn evaluate_table(
        model: Option<&str>,
        source: Option<&str>,
        target_column: Option<&str>,
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<pgrx::composite_type!('static, "crm_evaluation")> {
        let (Some(model), Some(source), Some(target)) = (model, source, target_column) else {
            return Err(Error::null_argument("no argument may be NULL").into());
        };
        Ok(super::evaluate(fcinfo, model, source, Columns::Table { target })?)
    }
}

use crate::api::predict::{check_length, target_of};
use crate::client::{self, Target};
use crate::error::{Error, Result};
use crate::pg::composite::{Row, result_row, set};
use crate::pg::query;
use crate::run::{Columns, label_set};
use crate::settings;
use crate::store::labelled;
use crate::store::versions::{self, Version};
use crm_ai_metrics::{Evaluation, Judged, JudgedSets};
use crm_ai_wire::{Reply, Task};
use pgrx::JsonB;
use serde_json::{Map, Value, json};

/// Rows that the engine is asked about at once.
const BATCH_ROWS: usize = 1024;
/// Decides the bootstrap's draws, so that the same rows give the same intervals.
const SEED: u64 = 42;

fn evaluate(
    fcinfo: pg_sys::FunctionCallInfo,
    model: &str,
    source: &str,
    columns: Columns<'_>,
) -> Result<Row> {
    let version = versions::resolve(model)?;
    let sql = labelled::query_of(source, columns)?;
    let task = match columns {
        Columns::Text { .. } => Task::Classify,
        Columns::Table { .. } => Task::Predict,
    };
    let mut judging = Judging::new(target_of(&version, task));
    let rows_max = settings::max_rows();
    query::read(&sql, &[], |row| {
        let (Some(text), Some(label)) = (row.text(1), row.text(2)) else {
            judging.null_rows += 1;
            return Ok(true);
        };
        check_length(&text)?;
        if judging.truth.len() as u64 >= rows_max {
            return Err(labelled::too_many_rows(rows_max));
        }
        let several = match columns {
            Columns::Text { .. } => row.text(4),
            Columns::Table { .. } => None,
        };
        judging.multi_label |= several.is_some();
        let labels = several.map_or_else(|| Ok(vec![label]), |json| label_set(&json))?;
        judging.add(text, labels)?;
        Ok(true)
    })?;
    let null_rows = judging.null_rows;
    let evaluation = judging.finish()?;
    row_of(fcinfo, &version, null_rows, &evaluation)
}

/// Rows that are judged as they come.
struct Judging {
    target: Target,
    /// Not judged yet.
    texts: Vec<String>,
    /// The model's classes, then those that it does not know.
    labels: Vec<String>,
    /// Number of the model's classes.
    width: usize,
    /// [rows, width].
    probabilities: Vec<f32>,
    /// Each row's label, or its labels where it may have several.
    truth: Vec<Vec<String>>,
    /// Whether rows may have several labels.
    multi_label: bool,
    null_rows: i64,
}

impl Judging {
    fn new(target: Target) -> Self {
        Self {
            target,
            texts: Vec::with_capacity(BATCH_ROWS),
            labels: Vec::new(),
            width: 0,
            probabilities: Vec::new(),
            truth: Vec::new(),
            multi_label: false,
            null_rows: 0,
        }
    }

    fn add(&mut self, text: String, labels: Vec<String>) -> Result<()> {
        self.texts.push(text);
        self.truth.push(labels);
        if self.texts.len() == BATCH_ROWS { self.judge() } else { Ok(()) }
    }

    fn judge(&mut self) -> Result<()> {
        if self.texts.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        for reply in client::infer(self.target, &texts)? {
            let Reply::Scores(scores) = reply else {
                return Err(Error::internal(
                    "the model engine answered something else than classes",
                ));
            };
            self.width = scores.labels.len();
            self.labels = scores.labels;
            (0..scores.rows.len()).for_each(|row| self.probabilities.extend(scores.rows.row(row)));
        }
        self.texts.clear();
        pgrx::check_for_interrupts!();
        Ok(())
    }

    fn finish(mut self) -> Result<Evaluation> {
        self.judge()?;
        if self.truth.is_empty() {
            return Err(Error::no_rows("the source has no row with text and label"));
        }
        let mut truth = Vec::with_capacity(self.truth.len());
        for labels in &self.truth {
            let mut place = |label: &String| {
                let known = self.labels.iter().position(|class| class == label);
                known.unwrap_or_else(|| {
                    self.labels.push(label.clone());
                    self.labels.len() - 1
                })
            };
            truth.push(labels.iter().map(&mut place).collect::<Vec<_>>());
        }
        let unknown = self.labels.len() - self.width;
        let probabilities = if unknown == 0 {
            self.probabilities
        } else {
            let zeros = std::iter::repeat_n(0.0, unknown);
            let rows = self.probabilities.chunks_exact(self.width);
            rows.flat_map(|row| row.iter().copied().chain(zeros.clone())).collect()
        };
        let evaluation = match self.multi_label {
            true => JudgedSets::new(self.labels, &truth, probabilities)
                .map(|judged| judged.evaluate(SEED)),
            false => Judged::new(self.labels, &truth, &probabilities)
                .map(|judged| Evaluation::of(&judged, SEED)),
        };
        evaluation.map_err(|error| Error::internal(format!("evaluation: {error}")))
    }
}

fn row_of(
    fcinfo: pg_sys::FunctionCallInfo,
    version: &Version,
    null_rows: i64,
    evaluation: &Evaluation,
) -> Result<Row> {
    let mut row = result_row(fcinfo)?;
    set(&mut row, "model", version.model.clone())?;
    set(&mut row, "version", version.number)?;
    set(&mut row, "rows", evaluation.rows.cast_signed())?;
    set(&mut row, "null_rows", null_rows)?;
    for (column, figure) in [
        ("accuracy", evaluation.accuracy),
        ("accuracy_low", evaluation.accuracy_interval.low),
        ("accuracy_high", evaluation.accuracy_interval.high),
        ("macro_f1", evaluation.macro_f1),
        ("macro_f1_low", evaluation.macro_f1_interval.low),
        ("macro_f1_high", evaluation.macro_f1_interval.high),
        ("log_loss", evaluation.log_loss),
        ("calibration_error", evaluation.calibration_error),
        ("micro_f1", evaluation.micro_f1.unwrap_or(evaluation.accuracy)),
    ] {
        set(&mut row, column, figure)?;
    }
    if let Some(auc) = evaluation.auc {
        set(&mut row, "auc", auc)?;
    }
    set(&mut row, "classes", JsonB(classes(evaluation)))?;
    set(&mut row, "confusion", JsonB(confusion(evaluation)))?;
    Ok(row)
}

fn classes(evaluation: &Evaluation) -> Value {
    let figures = evaluation.classes.iter().map(|class| {
        let figures = json!({ "precision": class.precision, "recall": class.recall,
            "f1": class.f1, "rows": class.rows });
        (class.label.clone(), figures)
    });
    Value::Object(figures.collect())
}

/// For each true class with rows, how many of them were given which class.
fn confusion(evaluation: &Evaluation) -> Value {
    let labels: Vec<&str> = evaluation.classes.iter().map(|class| class.label.as_str()).collect();
    let rows = labels.iter().zip(&evaluation.confusion).filter_map(|(truth, row)| {
        let given: Map<String, Value> = labels
            .iter()
            .zip(row)
            .filter(|(_, count)| **count > 0)
            .map(|(label, count)| ((*label).to_owned(), json!(count)))
            .collect();
        (!given.is_empty()).then(|| ((*truth).to_owned(), Value::Object(given)))
    });
    Value::Object(rows.collect())
}
