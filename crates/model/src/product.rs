//! Matrix products of activations with weights, in floating point or in 8-bit integers.
//!
//! The integer form, for each row x of activations and each column w of weights:
//! s = max|x| / 127, q = round(x / s) + 128 (unsigned byte), t = max|w| / 63, v = round(w / t)
//! (signed byte), x·w ≈ s · t · Σ (q − 128) v. What GELU gives is hardly negative: there zero's
//! code is 24 in place of 128, which makes the steps half as wide. The scale belongs to the row, so
//! an answer never depends on its neighbours. Weights stay within ±63 because processors without
//! VNNI add two products of bytes into 16 bits: 2 · 255 · 63 = 32,130 never saturates, so that
//! every processor computes the same integers.

use crate::Error;
use crate::graph::{Builder, Value, WeightData, int};
use crate::safetensors::SafeTensors;
use crate::settings::Precision;

/// Largest magnitude of a quantised weight.
const WEIGHT_MAX: f32 = 63.0;
/// Largest magnitude of a quantised activation.
const ACTIVATION_MAX: f32 = 127.0;
/// The unsigned byte that stands for zero.
const ZERO_POINT: u8 = 128;
/// The code of zero where activations are negative by a little only.
const SKEWED_ZERO: u8 = 24;
/// Least magnitude that a row or column is scaled by, so that zeros stay zeros.
const MAGNITUDE_MIN: f32 = 1e-20;

/// A graph under construction with the weights that its products read.
pub(crate) struct Products<'a> {
    pub graph: Builder,
    tensors: &'a SafeTensors,
    precision: Precision,
}

/// Activations [rows, width] that one or more products read.
pub(crate) struct Rows {
    width: u64,
    form: Form,
}

enum Form {
    Float(Value),
    Bytes(Bytes),
}

/// Activations in bytes.
struct Bytes {
    /// [rows, width].
    codes: Value,
    /// [rows, 1].
    scales: Value,
    /// The code of zero, a scalar.
    zero: Value,
}

/// Known range of the numbers in a row.
pub(crate) enum Range {
    /// Anything around zero.
    Symmetric,
    /// Never below the negative of this number, of any size above zero.
    AtLeast(f32),
}

impl<'a> Products<'a> {
    pub fn new(graph: Builder, tensors: &'a SafeTensors, precision: Precision) -> Self {
        Self { graph, tensors, precision }
    }

    /// Makes activations ready for products; matrices that read the same share one quantisation.
    pub fn rows(&mut self, value: &Value, width: u64, range: Range) -> Rows {
        let form = match self.precision {
            Precision::Fp32 => Form::Float(value.clone()),
            Precision::Int8 => Form::Bytes(self.quantise_rows(value, range)),
        };
        Rows { width, form }
    }

    /// `rows` times the transposed matrix `name`.weight [out, width], without its bias.
    pub fn product(&mut self, rows: &Rows, name: &str, out: u64) -> Result<Value, Error> {
        match &rows.form {
            Form::Float(value) => {
                let matrix = self.matrix(name, out, rows.width)?;
                Ok(self.graph.op("Gemm", &[value, &matrix], vec![int("transB", 1)]))
            }
            Form::Bytes(bytes) => self.byte_product(bytes, name, out, rows.width),
        }
    }

    /// The same with the bias `name`.bias.
    pub fn product_with_bias(&mut self, rows: &Rows, name: &str, out: u64) -> Result<Value, Error> {
        if let Form::Float(value) = &rows.form {
            return self.float_product(&value.clone(), name, rows.width, out);
        }
        let product = self.product(rows, name, out)?;
        let bias = self.bias(name, out)?;
        Ok(self.graph.op("Add", &[&product, &bias], vec![]))
    }

    /// A product with bias that is computed in floating point whatever the precision.
    pub fn float_product(
        &mut self,
        rows: &Value,
        name: &str,
        width: u64,
        out: u64,
    ) -> Result<Value, Error> {
        let matrix = self.matrix(name, out, width)?;
        let bias = self.bias(name, out)?;
        Ok(self.graph.op("Gemm", &[rows, &matrix, &bias], vec![int("transB", 1)]))
    }

    /// The bias [out] of the matrix `name`.
    pub fn bias(&mut self, name: &str, out: u64) -> Result<Value, Error> {
        let name = format!("{name}.bias");
        let values = self.tensors.read(&name, &[out])?;
        Ok(self.graph.vector(&name, &[out], values))
    }

    /// Scale and offset of a layer normalisation; old checkpoints call them gamma and beta.
    pub fn norm(&mut self, name: &str, width: u64) -> Result<(Value, Value), Error> {
        let old = self.tensors.contains(&format!("{name}.gamma"));
        let [scale, offset] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        let mut read = |part: &str| {
            let name = format!("{name}.{part}");
            let values = self.tensors.read(&name, &[width])?;
            Ok(self.graph.vector(&name, &[width], values))
        };
        Ok((read(scale)?, read(offset)?))
    }

    fn matrix(&mut self, name: &str, out: u64, width: u64) -> Result<Value, Error> {
        let name = format!("{name}.weight");
        let values = self.tensors.read(&name, &[out, width])?;
        Ok(self.graph.matrix(&name, &[out, width], WeightData::F32(values)))
    }

    fn quantise_rows(&mut self, value: &Value, range: Range) -> Bytes {
        let graph = &mut self.graph;
        let axis = graph.integers(&[1], &[1]);
        let (zero, scales) = match range {
            Range::Symmetric => (ZERO_POINT, symmetric_scales(graph, value, &axis)),
            Range::AtLeast(least) => skewed_scales(graph, value, &axis, least),
        };
        let rows = graph.op("Shape", &[&scales], vec![]);
        let zero = graph.byte(zero);
        let zeros = graph.op("Expand", &[&zero, &rows], vec![]);
        let codes = graph.op("QuantizeLinear", &[value, &scales, &zeros], vec![int("axis", 0)]);
        let scales = graph.op("Unsqueeze", &[&scales, &axis], vec![]);
        Bytes { codes, scales, zero }
    }

    fn byte_product(
        &mut self,
        bytes: &Bytes,
        name: &str,
        out: u64,
        width: u64,
    ) -> Result<Value, Error> {
        let weight = format!("{name}.weight");
        let values = self.tensors.read(&weight, &[out, width])?;
        let (values, steps) = quantise_columns(&values, width as usize);
        let graph = &mut self.graph;
        let matrix = graph.matrix(&weight, &[width, out], WeightData::I8(values));
        let steps = graph.vector(&format!("{name}.scale"), &[out], steps);
        let one = graph.scalar(1.0);
        let inputs = [&bytes.codes, &matrix, &one, &steps, &bytes.zero];
        let product = graph.contrib("MatMulIntegerToFloat", &inputs, vec![]);
        Ok(graph.op("Mul", &[&product, &bytes.scales], vec![]))
    }
}

/// [rows]: max|x| / 127.
fn symmetric_scales(graph: &mut Builder, value: &Value, axis: &Value) -> Value {
    let largest = graph.op("ReduceMax", &[value, axis], vec![int("keepdims", 0)]);
    let smallest = graph.op("ReduceMin", &[value, axis], vec![int("keepdims", 0)]);
    let opposite = graph.op("Neg", &[&smallest], vec![]);
    let least = graph.scalar(MAGNITUDE_MIN);
    let magnitude = graph.op("Max", &[&largest, &opposite, &least], vec![]);
    let steps = graph.scalar(ACTIVATION_MAX);
    graph.op("Div", &[&magnitude, &steps], vec![])
}

/// The code of zero, and [rows]: the least scale that holds both `-least` and max x.
fn skewed_scales(graph: &mut Builder, value: &Value, axis: &Value, least: f32) -> (u8, Value) {
    let zero = if least > 0.0 { SKEWED_ZERO } else { 0 };
    let largest = graph.op("ReduceMax", &[value, axis], vec![int("keepdims", 0)]);
    let steps = graph.scalar(f32::from(u8::MAX - zero));
    let scales = graph.op("Div", &[&largest, &steps], vec![]);
    let floor = graph.scalar((least / f32::from(zero.max(1))).max(MAGNITUDE_MIN));
    (zero, graph.op("Max", &[&scales, &floor], vec![]))
}

/// Quantises a matrix [out, width] to its transpose [width, out] with one scale for each of the
/// `out` columns.
fn quantise_columns(values: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let out = values.len() / width;
    let mut codes = vec![0; values.len()];
    let mut steps = Vec::with_capacity(out);
    for (column, weights) in values.chunks_exact(width).enumerate() {
        let magnitude = weights.iter().fold(MAGNITUDE_MIN, |most, weight| most.max(weight.abs()));
        let step = magnitude / WEIGHT_MAX;
        steps.push(step);
        for (row, weight) in weights.iter().enumerate() {
            // Within ±63 by the choice of the step.
            codes[row * out + column] = (weight / step).round_ties_even() as i8;
        }
    }
    (codes, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of two products of bytes must fit 16 bits, or processors would differ.
    #[test]
    fn no_pair_of_products_saturates() {
        let matrix: Vec<f32> = (0..96).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
        let (codes, _) = quantise_columns(&matrix, 12);
        let most = codes.iter().map(|code| i32::from(code.abs())).max().unwrap();
        assert_eq!(most, 63);
        assert!(2 * 255 * most <= i32::from(i16::MAX));
    }

    /// Transposed, one scale for each output, within half a step.
    #[test]
    fn quantised_weights_are_the_weights() {
        let (out, width) = (3, 4);
        let matrix = [0.5, -1.0, 0.25, 0.0, 10.0, 20.0, -30.0, 40.0, 0.0, 0.0, 0.0, 0.0];
        let (codes, steps) = quantise_columns(&matrix, width);
        for column in 0..out {
            for row in 0..width {
                let weight = f32::from(codes[row * out + column]) * steps[column];
                let distance = (weight - matrix[column * width + row]).abs();
                assert!(distance <= 0.5001 * steps[column], "{column} {row}: {distance}");
            }
        }
    }
}
