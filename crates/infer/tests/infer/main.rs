//! Tests of the crate against ONNX Runtime and real models.
//!
//! They want what the set-up fetches: ONNX Runtime at `CRM_AI_ONNXRUNTIME` (by default
//! `.cache/onnxruntime/libonnxruntime.so`) and MiniLM-L6 at `CRM_AI_MINILM` (by default
//! `.cache/models/minilm`). Without them they fail and say so.

#[cfg(test)]
mod independence;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod records;
#[cfg(test)]
mod support;
