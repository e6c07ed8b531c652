//! Hugging Face checkpoints turned into ONNX graphs.
//!
//! [`Checkpoint`] opens a folder of the BERT family (`config.json`, `model.safetensors`, optional
//! `crm_ai.json` and `1_Pooling/config.json`) and checks it; [`Checkpoint::inference_graph`] builds
//! the [`Graph`] that answers texts: a classifier's logits or an encoder's sentence vectors, in
//! 32-bit floating point or 8-bit integers. Pure data in, pure data out: this crate knows neither
//! ONNX Runtime nor tokenizers. Files are a stranger's: whatever they hold, the answer is a graph
//! or an [`Error`], and no more memory is taken than the files are long.

mod checkpoint;
mod config;
mod error;
mod graph;
mod inference;
mod product;
mod safetensors;
mod settings;
mod training;

pub use checkpoint::{Checkpoint, Task};
pub use config::{Activation, Config, Family};
pub use error::Error;
pub use graph::{Graph, Output, Weight, WeightData};
pub use safetensors::Dtype;
pub use settings::{Pooling, Precision, Settings};
pub use training::{
    Arithmetic, Gradient, Moving, Parameter, TrainingGraph, TrainingOptions, UpdateGraphs, Window,
};
