//! Writes the graph that the engine serves, for plain ONNX Runtime.

use crate::Failure;
use crm_ai_model::{Checkpoint, Precision, WeightData};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes into `target`: `graph.onnx`, whose weights are external; `weights.bin`, their numbers
/// back to back in little-endian; `weights.json`, for each its name, shape, type and bytes.
pub fn write(
    folder: &Path,
    precision: crm_ai_wire::Precision,
    target: &Path,
) -> Result<(), Failure> {
    let precision = match precision {
        crm_ai_wire::Precision::Fp32 => Precision::Fp32,
        crm_ai_wire::Precision::Int8 => Precision::Int8,
    };
    let graph = Checkpoint::open(folder)?.inference_graph(precision)?;
    std::fs::write(target.join("graph.onnx"), &graph.model)?;
    let mut numbers = BufWriter::new(File::create(target.join("weights.bin"))?);
    let mut list = Vec::new();
    for weight in &graph.weights {
        let kind = match &weight.data {
            WeightData::F32(values) => {
                for value in values {
                    numbers.write_all(&value.to_le_bytes())?;
                }
                "float32"
            }
            WeightData::I8(values) => {
                for value in values {
                    numbers.write_all(&value.to_le_bytes())?;
                }
                "int8"
            }
        };
        let (name, shape, bytes) = (&weight.name, &weight.shape, weight.bytes());
        list.push(json!({ "name": name, "shape": shape, "type": kind, "bytes": bytes }));
    }
    numbers.flush()?;
    std::fs::write(target.join("weights.json"), serde_json::to_vec(&list)?)?;
    Ok(())
}
