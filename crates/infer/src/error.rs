//! Errors of loading and running a model. No message contains a text or a token of one.

use crm_ai_model as model;

/// A model could not be loaded or did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ONNX Runtime's library is missing or of another version.
    #[error("cannot load ONNX Runtime: {reason}")]
    Library {
        /// The loader's message.
        reason: String,
    },
    /// The folder holds no model that can be served.
    #[error("invalid model: {reason}")]
    InvalidModel {
        /// The problem.
        reason: String,
    },
    /// Classes were asked of an encoder, or vectors of a classifier.
    #[error("the model answers with {answers}, not with {asked}")]
    WrongTask {
        /// The model's kind of answer.
        answers: &'static str,
        /// The kind of answer asked for.
        asked: &'static str,
    },
    /// Memory ran out.
    #[error("out of memory while {during}")]
    OutOfMemory {
        /// The operation.
        during: &'static str,
    },
    /// The answer holds a number that is infinite or none.
    #[error("the model answered with a number that is not finite")]
    NotFinite,
    /// A caller named a worker that the model was not loaded for.
    #[error("worker {worker} of a model loaded for {workers}")]
    Worker {
        /// The worker named.
        worker: usize,
        /// Number of sessions.
        workers: usize,
    },
    /// The tokenizer refused a text.
    #[error("the tokenizer failed")]
    Tokenizer,
    /// A record is no JSON object.
    #[error("a record is not a JSON object")]
    Record,
    /// The run was asked to end before it had an answer.
    #[error("the run was ended")]
    Stopped,
    /// ONNX Runtime failed.
    #[error("ONNX Runtime failed: {reason}")]
    Runtime {
        /// The message.
        reason: String,
    },
}

impl Error {
    pub(crate) fn invalid(reason: impl ToString) -> Self {
        Self::InvalidModel { reason: reason.to_string() }
    }

    /// The library was refused, or it failed when it was set up.
    pub(crate) fn of_library(reason: &str) -> Self {
        if is_about_memory(reason) {
            Self::OutOfMemory { during: "loading ONNX Runtime" }
        } else {
            Self::Library { reason: reason.to_owned() }
        }
    }

    /// A failure of a session.
    pub(crate) fn of_runtime(error: &ort::Error, during: &'static str) -> Self {
        let reason = error.message();
        if is_about_memory(reason) {
            Self::OutOfMemory { during }
        } else {
            Self::Runtime { reason: reason.to_owned() }
        }
    }
}

/// ONNX Runtime has no error code for memory; its messages tell, and so do the loader's.
fn is_about_memory(reason: &str) -> bool {
    ["allocate memory", "bad_alloc", "failed to map segment"]
        .iter()
        .any(|part| reason.contains(part))
}

impl From<model::Error> for Error {
    fn from(error: model::Error) -> Self {
        Self::invalid(error)
    }
}
