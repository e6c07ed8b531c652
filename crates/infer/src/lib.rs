//! Answers texts and records with a model: tokenise, pad, run, head.
//!
//! [`Runtime`] loads ONNX Runtime's library, [`Model`] loads a model's folder once and answers from
//! as many worker threads as it was loaded for; [`TableModel`] does so for records. Batching is the
//! caller's: an answer never depends on what shares its batch, so any grouping gives the same
//! answers. This is the only crate that knows ONNX Runtime when models are served.

mod agreement;
mod error;
mod model;
mod onnx_file;
mod plain;
mod pooling;
mod runtime;
mod session;
mod stop;
mod table;
mod tokeniser;

pub use agreement::int8_agreement;
pub use crm_ai_model::Precision;
pub use error::Error;
pub use model::{Info, LoadOptions, Model, sigmoid, softmax};
pub use runtime::{Device, Runtime};
pub use session::WorkerSlot;
pub use stop::Stop;
pub use table::TableModel;
pub use tokeniser::Tokens;
