//! Protocol of a run worker and its trainer.
//!
//! The worker writes a [`Job`] as JSON into a file and the rows beside it, one JSON object a line
//! ([`TextRow`] or [`TableRow`]); the trainer writes [`Event`]s to its standard output, one JSON
//! object a line, and the new model's folder to [`Job::output`]. Paths are relative to the
//! trainer's working directory.

use crm_ai_metrics::{Comparison, Decision, Evaluation, Minimums, Promote};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One training run as the trainer sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The run's number, for messages alone.
    pub run: i64,
    /// Rows as lines of JSON.
    pub rows: PathBuf,
    /// Folder for the new model, which the trainer makes; what is in it is whole once
    /// [`Event::Finished`] was written.
    pub output: PathBuf,
    /// Folder for checkpoints. A trainer that finds a checkpoint of this very job goes on from it.
    pub checkpoint: PathBuf,
    /// The training task.
    pub task: Task,
    /// The champion, for the comparison on the held-out rows.
    pub champion: Option<ModelFolder>,
    /// Share of the rows held out, above 0 and below 1.
    pub test_size: f64,
    /// Decides the split together with each row's content, and every draw.
    pub seed: i64,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Threads that the trainer may use.
    pub threads: usize,
    /// Condition for the promotion of the new version.
    pub promote: Promote,
    /// Lowest figures for the promotion of the new version.
    #[serde(default)]
    pub minimums: Minimums,
}

/// A model in a folder and the arithmetic that it is served with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// `fp32` or `int8`.
    pub precision: String,
}

/// Training task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A classifier of texts; rows are [`TextRow`]s.
    Text(TextTask),
    /// A classifier of records; rows are [`TableRow`]s.
    Table(TableTask),
}

/// Training of a classifier of texts. Fields named as options are read from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextTask {
    /// The checkpoint to begin with.
    #[serde(default)]
    pub base: PathBuf,
    /// The weights that are trained.
    pub method: Method,
    /// Passes over the training rows.
    pub epochs: u32,
    /// Rows of one step.
    pub batch_size: u32,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises; `None` for none.
    pub warmup_steps: Option<u32>,
    /// Decoupled weight decay of AdamW.
    pub weight_decay: f64,
    /// Longest input in tokens; what is longer is cut.
    pub max_tokens: u32,
    /// Labels that stand for several classes.
    pub label_sets: BTreeMap<String, Vec<String>>,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// True if a text may have several labels: a row's label is then a JSON array of them, in
    /// order and without repetitions.
    #[serde(default)]
    pub multi_label: bool,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// Arithmetic of the matrix products of a fine-tune.
    pub mixed_precision: MixedPrecision,
    /// Tokens that the vocabulary is to know as such, each with words that describe it, from whose
    /// vectors it begins.
    #[serde(default)]
    pub new_tokens: BTreeMap<String, String>,
    /// Pooling of the tokens' vectors; `None`: that of the base.
    #[serde(default)]
    pub pooling: Option<Pooling>,
    /// Share of the base's own weights in the new model's, from 0 to below 1.
    #[serde(default)]
    pub base_share: f64,
    /// True if the base's classes and head are kept, which the rows' labels must then be of.
    #[serde(default)]
    pub keep_labels: bool,
}

impl TextTask {
    /// Error message for options of the loss that are incompatible with several labels.
    pub const NEEDS_PLAIN_LOSS: &str =
        "label_sets, label_smoothing and class_weights do not apply to several labels";

    /// True if the loss is that of rows of one class each, all alike: what several labels need.
    pub fn has_plain_loss(&self) -> bool {
        self.label_sets.is_empty()
            && self.label_smoothing == 0.0
            && self.class_weights == ClassWeights::Equal
    }
}

/// The weights that are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All weights.
    FineTune,
    /// A classifier on the frozen encoder.
    Head,
    /// Whichever suits the number of rows.
    Auto,
}

impl Method {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::FineTune => "fine_tune",
            Self::Head => "head",
            Self::Auto => "auto",
        }
    }
}

/// Weights of the classes of a text classifier in the loss.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// All the same.
    #[default]
    Equal,
    /// By the inverse of their frequency: n / (k · n_c), as scikit-learn's `balanced`.
    Balanced,
    /// As given; 1 where a class is not named.
    Given(BTreeMap<String, f64>),
}

/// Arithmetic of the matrix products of a fine-tune; all else is in 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MixedPrecision {
    /// In fp16 on a CUDA device, in fp32 on the processor.
    #[default]
    Auto,
    /// 32-bit floating point.
    Fp32,
    /// IEEE 754 binary16, with loss scaling.
    Fp16,
    /// The 16-bit type with the exponent of 32 bits.
    Bf16,
}

/// Pooling of the tokens' vectors to the text's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The first token's, through a dense layer, as `transformers`' classifiers do it.
    Cls,
    /// The mean over the tokens, as sentence encoders do it.
    Mean,
}

/// Training of a classifier of records. Fields are read from the options of the same names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableTask {
    /// Boosting rounds at most.
    pub rounds: u32,
    /// Shrinkage of each round.
    pub learning_rate: f64,
    /// True if rare classes weigh more, by the inverse of their frequency.
    pub balance_classes: bool,
}

/// A labelled text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextRow {
    /// The text.
    pub text: String,
    /// Its label.
    pub label: String,
    /// Weight of the row; 1 where it is absent.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f32,
}

fn one() -> f32 {
    1.0
}

// Serde wants a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(weight: &f32) -> bool {
    *weight == 1.0
}

/// A labelled record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRow {
    /// Its columns but the target, as `to_jsonb` writes them.
    pub record: serde_json::Map<String, serde_json::Value>,
    /// The target in its text form.
    pub label: String,
}

/// Message of a trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The rows were read and split; the work begins.
    Started(Started),
    /// Some steps are done.
    Progress(Progress),
    /// Something the run's owner should know, without customers' texts.
    Notice {
        /// The sentence.
        text: String,
    },
    /// All steps are done; the held-out rows are judged.
    Evaluating,
    /// The output folder is whole.
    Finished(Box<Outcome>),
    /// The run cannot succeed. The trainer ends with exit code 1 after it.
    Failed(Failure),
}

/// Facts known before the first step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The method, chosen where `auto` was asked for: `fine_tune`, `head` or `trees`.
    pub method: String,
    /// Device: `cpu` or `cuda:N`.
    pub device: String,
    /// Rows that are learnt from.
    pub train_rows: u64,
    /// Rows that are held out.
    pub test_rows: u64,
    /// Rows whose text and label an earlier row has.
    pub duplicate_rows: u64,
    /// Rows whose text another row labels otherwise.
    pub conflicting_rows: u64,
    /// Rows of each class.
    pub classes: BTreeMap<String, u64>,
    /// Steps in all.
    pub steps: u64,
    /// The step of the checkpoint that the run goes on from; 0 where it begins.
    pub resumed_at: u64,
}

/// Progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub of: u64,
    /// Passes over the training rows, in parts of one.
    pub epoch: f64,
    /// Mean loss of the steps since the last report; of a head, the regularised loss of its last
    /// fit. `None` while nothing is fitted yet.
    pub loss: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Rows learnt from in a second, lately.
    pub rows_per_second: f64,
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The new model on the held-out rows, as it will be served.
    pub evaluation: Evaluation,
    /// The champion on the same rows.
    pub champion: Option<Evaluation>,
    /// The two side by side.
    pub comparison: Option<Comparison>,
    /// Decision of the gate.
    pub decision: Decision,
    /// Importance of each feature, largest first; for tables alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub importances: Vec<(String, f64)>,
    /// Seconds that learning took, without the evaluation.
    pub seconds: f64,
    /// Energy of the whole run in joules.
    pub joules: f64,
    /// Source of the energy figure: `rapl`, `nvml` or `estimate`.
    pub joules_source: String,
}

/// Failure of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Kind of error.
    pub kind: FailureKind,
    /// The message, without customers' texts.
    pub message: String,
    /// The next step; empty if there is none.
    pub hint: String,
}

/// Kinds of failures, each with a SQLSTATE of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An argument's value: 22023.
    Argument,
    /// The rows cannot be learnt from, such as only one class: 22000.
    Data,
    /// The base's files: 22P02.
    Model,
    /// Too many classes or rows: 54000.
    Limit,
    /// Out of memory: 53200.
    Memory,
    /// Out of disk: 53100.
    Disk,
    /// Anything else: 58000.
    System,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line_of_json_each() {
        let notice = Event::Notice { text: "two\nlines".to_owned() };
        let line = serde_json::to_string(&notice).unwrap();
        assert_eq!(line, r#"{"event":"notice","text":"two\nlines"}"#);
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), notice);
        let failed = Event::Failed(Failure {
            kind: FailureKind::Data,
            message: "one class".to_owned(),
            hint: String::new(),
        });
        let line = serde_json::to_string(&failed).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), failed);
    }

    #[test]
    fn a_row_without_a_weight_counts_once() {
        let row: TextRow = serde_json::from_str(r#"{"text":"t","label":"l"}"#).unwrap();
        assert_eq!(row.weight, 1.0);
        assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"text":"t","label":"l"}"#);
    }
}
