//! Errors of a checkpoint. Messages name files, tensors and settings, never a text.

use crate::safetensors::Dtype;
use std::io;

/// A model's folder cannot be turned into a graph.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// Name of the file inside the model's folder.
        file: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file is larger than any honest one.
    #[error("{file} holds {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Name of the file inside the model's folder.
        file: &'static str,
        /// Its length, or the length that its header claims.
        bytes: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// A file is not of its format.
    #[error("{file} is malformed: {reason}")]
    Malformed {
        /// Name of the file inside the model's folder.
        file: &'static str,
        /// The expected format.
        reason: String,
    },
    /// The model is of a kind that this program does not build.
    #[error(
        "model type {0} is not supported; supported are bert, distilbert, roberta, xlm-roberta"
    )]
    ModelType(String),
    /// A setting of the model that this program does not build.
    #[error("setting {setting} of the model is not supported: {reason}")]
    Setting {
        /// Key in the model's configuration.
        setting: &'static str,
        /// The supported values.
        reason: String,
    },
    /// The checkpoint lacks a tensor.
    #[error("tensor {0} is missing")]
    MissingTensor(String),
    /// A tensor has another shape than the configuration says.
    #[error("tensor {name} has shape {found:?} where {expected:?} was expected")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape in the checkpoint.
        found: Vec<u64>,
        /// The shape that follows from the configuration.
        expected: Vec<u64>,
    },
    /// A tensor's numbers are of a type that weights never have.
    #[error("tensor {name} is of type {dtype} where F32, F16 or BF16 was expected")]
    TensorType {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
    /// A weight is infinite or not a number.
    #[error("tensor {0} holds a value that is not finite")]
    NotFinite(String),
}

impl Error {
    pub(crate) fn malformed(file: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { file, reason: reason.into() }
    }

    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }
}
