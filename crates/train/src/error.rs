//! Errors of a run. No message contains a customer's text.

use crm_ai_wire::training::{Failure, FailureKind};

/// A run's failure, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: FailureKind,
    message: String,
    hint: &'static str,
}

impl Error {
    pub(crate) fn new(kind: FailureKind, message: impl ToString) -> Self {
        Self { kind, message: message.to_string(), hint: "" }
    }

    pub(crate) fn data(message: impl ToString) -> Self {
        Self::new(FailureKind::Data, message)
    }

    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// As the trainer tells it.
    pub fn to_failure(&self) -> Failure {
        let hint = match self.kind {
            _ if !self.hint.is_empty() => self.hint,
            FailureKind::Memory => {
                "raise crm_ai.train_memory, or ask for a smaller batch_size or max_tokens"
            }
            FailureKind::Disk => "make room on the disk of the server's data directory",
            _ => "",
        };
        Failure { kind: self.kind, message: self.message.clone(), hint: hint.to_owned() }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::new(FailureKind::Disk, "the disk is full")
            }
            ErrorKind::OutOfMemory => Self::new(FailureKind::Memory, "out of memory"),
            _ => Self::new(FailureKind::System, format!("a file of the run: {error}")),
        }
    }
}

impl From<crm_ai_model::Error> for Error {
    fn from(error: crm_ai_model::Error) -> Self {
        Self::new(FailureKind::Model, format!("the base model: {error}"))
    }
}

impl From<crm_ai_infer::Error> for Error {
    fn from(error: crm_ai_infer::Error) -> Self {
        let kind = match &error {
            crm_ai_infer::Error::InvalidModel { .. } => FailureKind::Model,
            crm_ai_infer::Error::OutOfMemory { .. } => FailureKind::Memory,
            _ => FailureKind::System,
        };
        Self::new(kind, error)
    }
}

impl From<ort::Error> for Error {
    fn from(error: ort::Error) -> Self {
        let reason = error.message();
        if reason.contains("Failed to allocate memory") || reason.contains("bad_alloc") {
            return Self::new(FailureKind::Memory, "out of memory while training");
        }
        Self::new(FailureKind::System, format!("ONNX Runtime failed: {reason}"))
    }
}

impl From<crm_ai_metrics::Error> for Error {
    fn from(error: crm_ai_metrics::Error) -> Self {
        Self::new(FailureKind::System, error)
    }
}
