//! Errors of this crate. No message contains a record's value.

/// A model cannot be trained, or a model's file is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rows cannot be learnt from.
    #[error("{0}")]
    Data(String),
    /// `features.json` is no description of features.
    #[error("features.json is malformed: {0}")]
    Malformed(String),
    /// A record is no JSON object.
    #[error("a record is not a JSON object")]
    Record,
    /// There are more classes or columns than a model can have.
    #[error("{0}")]
    Limit(String),
    /// The caller wants no model any more.
    #[error("the training was given up")]
    Stopped,
}
