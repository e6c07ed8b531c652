//! Tests of runs over records, through ONNX Runtime.

#[cfg(test)]
mod table;
