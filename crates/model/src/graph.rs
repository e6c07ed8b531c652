//! Puts nodes, constants and weights together to an ONNX model.
//!
//! Weights above [`INLINE_BYTES_MAX`] are not copied into the model's bytes: the model names them
//! as external, and the session is given the buffers themselves. So weights exist once, however
//! many sessions share them.

use crm_ai_onnx::*;
use prost::Message;

/// ONNX operator set; the first with Gelu and, since 17, LayerNormalization.
const OPSET: i64 = 20;
/// ONNX file format that belongs to the operator set.
const IR_VERSION: i64 = 9;
/// Operators of ONNX Runtime's own, of which the graphs use a few fused ones.
const CONTRIB: &str = "com.microsoft";
/// Larger constants are handed over apart from the model's bytes.
const INLINE_BYTES_MAX: usize = 4096;

/// The numbers of one weight.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightData {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// Signed bytes.
    I8(Vec<i8>),
}

/// A weight that a session has to be given under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// Name of the initialiser in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Its numbers, row-major.
    pub data: WeightData,
    /// True if ONNX Runtime keeps a second, packed copy (matrices of products).
    pub packed: bool,
}

impl Weight {
    /// Length of the numbers in bytes.
    pub fn bytes(&self) -> u64 {
        match &self.data {
            WeightData::F32(values) => 4 * values.len() as u64,
            WeightData::I8(values) => values.len() as u64,
        }
    }
}

/// Output of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `logits`, [batch, labels].
    Logits,
    /// `embedding`, [batch, dimensions], rows of unit length.
    Embedding,
}

impl Output {
    /// Name of the graph's output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Embedding => "embedding",
        }
    }
}

/// An inference graph and the weights that belong to it.
///
/// Inputs: `input_ids` and `attention_mask`, both int64 [batch, tokens]. No row may be all padding.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The ONNX model; its weights are external.
    pub model: Vec<u8>,
    /// The weights by name.
    pub weights: Vec<Weight>,
    /// Output of the graph.
    pub output: Output,
    /// Width of an answer's row.
    pub width: u64,
}

/// Name of a value in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(pub String);

/// A graph under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    nodes: Vec<NodeProto>,
    initialisers: Vec<TensorProto>,
    weights: Vec<Weight>,
    inputs: Vec<ValueInfoProto>,
}

impl Builder {
    /// Declares an int64 input [batch, tokens].
    pub fn input(&mut self, name: &str) -> Value {
        self.declare(name, ElementType::Int64, &[Dim::Any("batch"), Dim::Any("tokens")])
    }

    /// Declares an input of any type and shape.
    pub fn declare(&mut self, name: &str, kind: ElementType, dims: &[Dim]) -> Value {
        self.inputs.push(value_info(name, kind, dims));
        Value(name.to_owned())
    }

    /// Adds an operator of the standard set with several outputs.
    pub fn op_many(
        &mut self,
        kind: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
        outputs: usize,
    ) -> Vec<Value> {
        let first = self.node("", kind, inputs, attributes);
        let others = (1..outputs).map(|output| Value(format!("{}.{output}", first.0)));
        let all: Vec<Value> = std::iter::once(first.clone()).chain(others).collect();
        if let Some(node) = self.nodes.last_mut() {
            node.output = all.iter().map(|value| value.0.clone()).collect();
        }
        all
    }

    /// Adds an operator of the standard set with one output.
    pub fn op(&mut self, kind: &str, inputs: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        self.node("", kind, inputs, attributes)
    }

    /// Gives the only output of the operator that was added last a name of its own, under which it
    /// can be asked for.
    pub fn name_last(&mut self, name: String) -> Value {
        if let Some(node) = self.nodes.last_mut() {
            node.output = vec![name.clone()];
        }
        Value(name)
    }

    /// Adds an operator of ONNX Runtime's own with one output.
    pub fn contrib(
        &mut self,
        kind: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        self.node(CONTRIB, kind, inputs, attributes)
    }

    /// A constant of 64-bit integers; shape [] for one number given as a scalar.
    pub fn integers(&mut self, values: &[i64], shape: &[u64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.inline(ElementType::Int64, shape, bytes)
    }

    /// A scalar of 32-bit floating point.
    pub fn scalar(&mut self, value: f32) -> Value {
        self.inline(ElementType::Float, &[], value.to_le_bytes().to_vec())
    }

    /// A scalar byte.
    pub fn byte(&mut self, value: u8) -> Value {
        self.inline(ElementType::Uint8, &[], vec![value])
    }

    /// A weight that no product packs: tables, biases, scales.
    pub fn vector(&mut self, name: &str, shape: &[u64], values: Vec<f32>) -> Value {
        self.weight(name, shape, WeightData::F32(values), false)
    }

    /// A matrix of products, which ONNX Runtime packs when the session is made.
    pub fn matrix(&mut self, name: &str, shape: &[u64], data: WeightData) -> Value {
        self.weight(name, shape, data, true)
    }

    /// Ends the graph with `value` as its output.
    pub fn finish(mut self, value: &Value, output: Output, width: u64) -> Graph {
        let named = NodeProto {
            input: vec![value.0.clone()],
            output: vec![output.name().to_owned()],
            name: output.name().to_owned(),
            op_type: "Identity".to_owned(),
            ..NodeProto::default()
        };
        self.nodes.push(named);
        let dims = [Dim::Any("batch"), Dim::Of(width)];
        let outputs = vec![value_info(output.name(), ElementType::Float, &dims)];
        let weights = std::mem::take(&mut self.weights);
        Graph { model: self.encode("inference", outputs), weights, output, width }
    }

    /// Ends the graph with several outputs of 32-bit floating point, each under its value's own
    /// name; gives the model's bytes.
    pub fn finish_many(self, outputs: &[(Value, Vec<Dim>)]) -> Vec<u8> {
        let outputs = outputs
            .iter()
            .map(|(value, dims)| value_info(&value.0, ElementType::Float, dims))
            .collect();
        self.encode("training", outputs)
    }

    fn encode(self, name: &str, output: Vec<ValueInfoProto>) -> Vec<u8> {
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "crm_ai".to_owned(),
            opset_import: [("", OPSET), (CONTRIB, 1)]
                .map(|(domain, version)| OperatorSetIdProto { domain: domain.into(), version })
                .to_vec(),
            graph: Some(GraphProto {
                node: self.nodes,
                name: name.to_owned(),
                initializer: self.initialisers,
                input: self.inputs,
                output,
            }),
        };
        model.encode_to_vec()
    }

    fn node(
        &mut self,
        domain: &str,
        kind: &str,
        inputs: &[&Value],
        attribute: Vec<AttributeProto>,
    ) -> Value {
        let name = format!("{kind}_{}", self.nodes.len());
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: kind.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
        Value(name)
    }

    fn inline(&mut self, kind: ElementType, shape: &[u64], bytes: Vec<u8>) -> Value {
        let name = format!("constant_{}", self.initialisers.len());
        self.initialisers.push(TensorProto {
            dims: dims(shape),
            data_type: kind as i32,
            name: name.clone(),
            raw_data: Some(bytes),
            ..TensorProto::default()
        });
        Value(name)
    }

    fn weight(&mut self, name: &str, shape: &[u64], data: WeightData, packed: bool) -> Value {
        let weight = Weight { name: name.to_owned(), shape: shape.to_vec(), data, packed };
        let kind = match &weight.data {
            WeightData::F32(_) => ElementType::Float,
            WeightData::I8(_) => ElementType::Int8,
        };
        let mut tensor = TensorProto {
            dims: dims(shape),
            data_type: kind as i32,
            name: name.to_owned(),
            ..TensorProto::default()
        };
        if weight.bytes() <= INLINE_BYTES_MAX as u64 {
            tensor.raw_data = Some(match weight.data {
                WeightData::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                WeightData::I8(values) => values.iter().map(|&value| value as u8).collect(),
            });
        } else {
            tensor.data_location = DataLocation::External as i32;
            // The location is never opened: the session is given the buffer before it looks.
            let location =
                StringStringEntryProto { key: "location".into(), value: "weights".into() };
            tensor.external_data = vec![location];
            self.weights.push(weight);
        }
        self.initialisers.push(tensor);
        Value(name.to_owned())
    }
}

fn dims(shape: &[u64]) -> Vec<i64> {
    shape.iter().map(|&dim| dim as i64).collect()
}

/// Length of an axis of an input or output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dim {
    /// This length.
    Of(u64),
    /// Any length, the same wherever the name is.
    Any(&'static str),
}

fn value_info(name: &str, kind: ElementType, dims: &[Dim]) -> ValueInfoProto {
    let dimension = |dim: &Dim| match dim {
        Dim::Of(length) => Dimension::Value(*length as i64),
        Dim::Any(name) => Dimension::Param((*name).to_owned()),
    };
    let dim = dims.iter().map(|dim| DimensionProto { value: Some(dimension(dim)) }).collect();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorType { elem_type: kind as i32, shape });
    ValueInfoProto { name: name.to_owned(), kind: Some(TypeProto { tensor_type }) }
}

/// An integer setting of an operator.
pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    let kind = AttributeType::Int as i32;
    AttributeProto { name: name.into(), i, kind, ..AttributeProto::default() }
}

/// A floating-point setting of an operator.
pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    let kind = AttributeType::Float as i32;
    AttributeProto { name: name.into(), f, kind, ..AttributeProto::default() }
}

/// A list of integers as a setting of an operator.
pub(crate) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let kind = AttributeType::Ints as i32;
    AttributeProto { name: name.into(), ints: ints.to_vec(), kind, ..AttributeProto::default() }
}

/// A word as a setting of an operator.
pub(crate) fn string(name: &str, s: &str) -> AttributeProto {
    let kind = AttributeType::String as i32;
    AttributeProto { name: name.into(), s: s.into(), kind, ..AttributeProto::default() }
}
