//! Tests of the crate with ONNX Runtime, at `CRM_AI_ONNXRUNTIME`, by default where the set-up puts
//! it.

#[cfg(test)]
mod parity;
#[cfg(test)]
mod resident;
#[cfg(test)]
mod run;
#[cfg(test)]
mod support;
#[cfg(test)]
mod table;
