//! Interface of a model to the engine.

use crate::queue::BatchLimits;
use crm_ai_infer::{Info, Stop, Tokens, WorkerSlot};
use crm_ai_wire::{ErrorCode, ModelInfo, Precision, Task};
use std::path::Path;
use std::sync::Arc;

/// Longest message of a failure.
const MESSAGE_BYTES_MAX: usize = 1000;

/// A text of one line and some length.
pub(crate) fn plain(text: &str) -> String {
    let shown = &text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)];
    shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Failure of a request. The message contains no customer's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Error code, which the backend turns into an SQLSTATE.
    pub code: ErrorCode,
    /// Message for a person.
    pub message: String,
}

impl Failure {
    /// A failure of that kind. A message may repeat what a model's file says, so it is cut at some
    /// length and kept on one line.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let is_plain = message.len() <= MESSAGE_BYTES_MAX && !message.contains(char::is_control);
        let message = if is_plain { message } else { plain(&message) };
        Self { code, message }
    }

    /// True if it counts as an error. A missing artifact does not: it is streamed, the request is
    /// sent again, and nobody sees a failure.
    pub fn is_error(&self) -> bool {
        self.code != ErrorCode::UnknownModel
    }
}

/// A text or a record as a model takes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A text's tokens.
    Text(Tokens),
    /// A record's features.
    Record(Box<[f32]>),
}

impl Input {
    /// The input's share of a batch's budget: a text's tokens. All records of a model are equally
    /// long and cheap, so each counts as one.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Text(tokens) => tokens.len(),
            Self::Record(_) => 1,
        }
    }

    /// True if a text was cut at the model's limit.
    pub fn is_truncated(&self) -> bool {
        matches!(self, Self::Text(Tokens { truncated: true, .. }))
    }
}

/// A model in memory.
pub trait Predictor: Send + Sync {
    /// The model's properties.
    fn info(&self) -> &Info;

    /// Memory that it holds.
    fn memory_bytes(&self) -> u64;

    /// A text's beginning with which [`prepare`](Self::prepare) gives what it gives with the whole.
    fn readable<'t>(&self, text: &'t str) -> &'t str {
        text
    }

    /// Turns a text into tokens, cut at the model's limit, or a record's JSON into features.
    fn prepare(&self, text: &str) -> Result<Input, Failure>;

    /// Judges prepared inputs: row-major [batch, labels] probabilities or [batch, dimensions]
    /// vectors. A worker slot belongs to the calling thread alone. Fails when it is asked to stop
    /// before it is done.
    fn run(
        &self,
        worker_slot: WorkerSlot,
        task: Task,
        batch: &[&Input],
        stop: &Stop,
    ) -> Result<Vec<f32>, Failure>;

    /// The part of the model that is busy while a batch runs in that worker slot; each part runs
    /// one batch at a time.
    fn slot(&self, worker_slot: WorkerSlot) -> usize {
        match worker_slot {
            WorkerSlot::Worker(worker) => worker,
            WorkerSlot::Alone => usize::MAX,
        }
    }
}

/// Numbers that a model gives for each text or record: one per label, or the vector's length; 0 for
/// a task that is not the model's.
pub fn width(info: &Info, task: Task) -> usize {
    match task {
        Task::Classify if info.records => 0,
        Task::Classify => info.labels.len(),
        Task::Embed => info.dimensions,
        Task::Predict if info.records => info.labels.len(),
        Task::Predict => 0,
    }
}

/// Reads artifacts.
pub trait Loader: Send + Sync {
    /// Loads the model in `folder` so that `workers` threads can ask it at once.
    fn load(
        &self,
        folder: &Path,
        precision: Precision,
        workers: usize,
    ) -> Result<Arc<dyn Predictor>, Failure>;

    /// Finds out what the model in `folder` is; `workers` threads may share what is measured. May
    /// give up when it is not wanted any more.
    fn describe(
        &self,
        folder: &Path,
        workers: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<ModelInfo, Failure>;

    /// Device of models: `cpu` or `cuda`.
    fn device(&self) -> &'static str;

    /// Bounds of a batch that suit the device.
    fn limits(&self) -> BatchLimits;
}
