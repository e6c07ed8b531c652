//! Evaluation of a model on labelled rows.

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
    #[pg_extern(volatile, parallel_unsafe)]
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
    #[pg_extern(volatile, parallel_unsafe)]
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

use crate::client::InferenceTarget;
use crate::error::{Error, Result};
use crate::judge::texts::{ask_target, target_of, too_long};
use crate::pg::composite::{Row, result_row, set};
use crate::pg::{memory, query};
use crate::run::{Columns, check_new_label, label_set};
use crate::settings;
use crate::store::versions::{self, Version};
use crate::store::{labelled, models};
use crm_ai_metrics::{self as metrics, Evaluation, JudgedSets};
use crm_ai_wire::Task;
use pgrx::JsonB;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Rows that the engine is asked about at once, and bytes of their texts.
const BATCH_ROWS: usize = 1024;
const BATCH_BYTES: usize = 16 << 20;
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
    let (task, has_several) = match columns {
        Columns::Text { label, .. } => (Task::Classify, labelled::holds_labels(source, label)?),
        Columns::Table { .. } => (Task::Predict, false),
    };
    let labels = models::labels(&version.model, version.number)?;
    let mut judging = Judging::new(target_of(&version, task), labels, has_several);
    let rows_max = settings::max_rows();
    let mut null_rows = 0;
    query::read(&sql, &[], |row| {
        pgrx::check_for_interrupts!();
        let (Some(text), Some(label)) = (judged_text(row, 1)?, judged_text(row, 2)?) else {
            null_rows += 1;
            return Ok(true);
        };
        if judging.rows() >= rows_max {
            return Err(labelled::too_many_rows(rows_max));
        }
        let labels = match has_several {
            true => labels_of(&judged_text(row, 4)?.unwrap_or_default())?,
            false => vec![label],
        };
        judging.add(text, &labels)?;
        Ok(true)
    })?;
    let evaluation = judging.finish()?;
    row_of(fcinfo, &version, null_rows, &evaluation)
}

/// The labels in a JSON array.
fn labels_of(json: &str) -> Result<Vec<String>> {
    memory::check_room_for_json(json.len())?;
    label_set(json)
}

/// A column of a row, no longer than a text may be; `None` for NULL.
fn judged_text(row: &query::Row, column: i32) -> Result<Option<String>> {
    row.text_within(column, settings::max_text_bytes(), too_long)
}

/// The model's answers for the rows so far. Of each row a few numbers are kept, whatever the number
/// of classes.
enum Judged {
    One(metrics::Judged),
    Several(JudgedSets),
}

/// Rows that are judged as they come.
struct Judging {
    target: InferenceTarget,
    /// Not judged yet, each with the numbers of its classes.
    texts: Vec<String>,
    classes: Vec<Vec<usize>>,
    bytes: usize,
    judged: Judged,
    /// Numbers of the classes by their names: the model's, then those that it does not know.
    numbers: HashMap<String, usize>,
}

impl Judging {
    fn new(target: InferenceTarget, labels: Vec<String>, has_several: bool) -> Self {
        let numbers = labels.iter().cloned().zip(0..).collect();
        let judged = match has_several {
            true => Judged::Several(JudgedSets::of_classes(labels)),
            false => Judged::One(metrics::Judged::of_classes(labels)),
        };
        let (texts, classes) = (Vec::new(), Vec::new());
        Self { target, texts, classes, bytes: 0, judged, numbers }
    }

    fn rows(&self) -> u64 {
        let judged = match &self.judged {
            Judged::One(judged) => judged.rows(),
            Judged::Several(judged) => judged.rows(),
        };
        (judged + self.texts.len()) as u64
    }

    fn add(&mut self, text: String, labels: &[String]) -> Result<()> {
        let classes = labels.iter().map(|label| self.class(label)).collect::<Result<_>>()?;
        self.bytes += text.len();
        self.texts.push(text);
        self.classes.push(classes);
        let is_full = self.texts.len() == BATCH_ROWS || self.bytes >= BATCH_BYTES;
        if is_full { self.judge() } else { Ok(()) }
    }

    /// The number of a class; a new one for a label that the model does not know.
    fn class(&mut self, label: &str) -> Result<usize> {
        if let Some(&known) = self.numbers.get(label) {
            return Ok(known);
        }
        check_new_label(label, self.numbers.len())?;
        let number = match &mut self.judged {
            Judged::One(judged) => judged.add_unknown(label.to_owned()),
            Judged::Several(judged) => judged.add_unknown(label.to_owned()),
        };
        self.numbers.insert(label.to_owned(), number);
        Ok(number)
    }

    fn judge(&mut self) -> Result<()> {
        if self.texts.is_empty() {
            return Ok(());
        }
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let mut classes = self.classes.iter();
        for answer in ask_target(self.target, &texts)? {
            for (probabilities, classes) in answer.rows().zip(&mut classes) {
                let pushed = match &mut self.judged {
                    Judged::One(judged) => judged.push(classes, probabilities),
                    Judged::Several(judged) => judged.push(classes, probabilities),
                };
                pushed.map_err(|error| Error::internal(format!("evaluation: {error}")))?;
            }
        }
        self.texts.clear();
        self.classes.clear();
        self.bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Evaluation> {
        self.judge()?;
        if self.rows() == 0 {
            return Err(Error::no_rows("the source has no row with text and label"));
        }
        let pause = || {
            pgrx::check_for_interrupts!();
        };
        Ok(match &self.judged {
            Judged::One(judged) => Evaluation::of_with_pauses(judged, SEED, &pause),
            Judged::Several(judged) => judged.evaluate_with_pauses(SEED, &pause),
        })
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
    check_room_for_json(evaluation)?;
    set(&mut row, "classes", JsonB(classes(evaluation)))?;
    set(&mut row, "confusion", JsonB(confusion(evaluation)))?;
    Ok(row)
}

/// Fails unless there is room for the classes and the confusion matrix as JSON.
fn check_room_for_json(evaluation: &Evaluation) -> Result<()> {
    const VALUE_BYTES: usize = 200;
    let of = |class: usize| evaluation.classes[class].label.len() + VALUE_BYTES;
    let classes: usize = (0..evaluation.classes.len()).map(of).sum();
    let cells: usize = evaluation.confusion.cells().map(|(_, given, _)| of(given)).sum();
    memory::check_room(4 * (2 * classes + cells), "the evaluation")
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
    let mut rows: Map<String, Value> = Map::new();
    for (truth, given, count) in evaluation.confusion.cells() {
        let [truth, given] = [truth, given].map(|class| &evaluation.classes[class].label);
        let row = rows.entry(truth.clone()).or_insert_with(|| json!({}));
        row[given.as_str()] = count.into();
    }
    Value::Object(rows)
}
