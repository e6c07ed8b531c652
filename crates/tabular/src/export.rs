//! Trees as an ONNX graph: features → sums → calibrated logits → probabilities.
//!
//! Sums come from one TreeEnsembleRegressor of the operator set `ai.onnx.ml`, in 32-bit floating
//! point; the logits from an element-wise product and sum, so that they are equal on every machine
//! and in every batch. Missing values are NaNs, for which each node names a side.

use crate::tree::{Forest, Node};
use crm_ai_onnx::{
    AttributeProto, AttributeType, Dimension, DimensionProto, ElementType, GraphProto, ModelProto,
    NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorType, TypeProto,
    ValueInfoProto,
};

/// Version of the standard operators.
const OPSET: i64 = 17;
/// Version of the operators of classical machine learning; 3 is read by ONNX Runtime since 1.11.
const OPSET_ML: i64 = 3;
/// ONNX file format that belongs to these.
const IR_VERSION: i64 = 8;
/// Domain of the operators of classical machine learning.
const DOMAIN_ML: &str = "ai.onnx.ml";

/// The model: `features` [n, width] gives `logits` and `probabilities` [n, classes].
pub(crate) fn model(forest: &Forest, labels: &[String]) -> ModelProto {
    let classes = labels.len() as i64;
    let graph = GraphProto {
        node: vec![
            ensemble(forest),
            node("Mul", &["sums", "scale"], "scaled", Vec::new()),
            node("Add", &["scaled", "offset"], "logits", Vec::new()),
            node("Softmax", &["logits"], "probabilities", vec![int("axis", -1)]),
        ],
        name: "trees".to_owned(),
        initializer: vec![row("scale", &forest.scale), row("offset", &forest.offset)],
        input: vec![matrix("features", forest.width as i64)],
        output: vec![matrix("logits", classes), matrix("probabilities", classes)],
    };
    let operators = [("", OPSET), (DOMAIN_ML, OPSET_ML)];
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "crm_ai".to_owned(),
        graph: Some(graph),
        opset_import: operators
            .map(|(domain, version)| OperatorSetIdProto { domain: domain.to_owned(), version })
            .to_vec(),
    }
}

/// The attributes of all nodes of all trees, in columns.
#[derive(Default)]
struct Nodes {
    trees: Vec<i64>,
    ids: Vec<i64>,
    features: Vec<i64>,
    thresholds: Vec<f32>,
    modes: Vec<&'static str>,
    lefts: Vec<i64>,
    rights: Vec<i64>,
    missing_left: Vec<i64>,
}

/// The leaves' values, in columns.
#[derive(Default)]
struct Leaves {
    trees: Vec<i64>,
    ids: Vec<i64>,
    sums: Vec<i64>,
    values: Vec<f32>,
}

fn ensemble(forest: &Forest) -> NodeProto {
    let (mut nodes, mut leaves) = (Nodes::default(), Leaves::default());
    for (number, tree) in forest.trees.iter().enumerate() {
        for (id, node) in tree.0.iter().enumerate() {
            nodes.trees.push(number as i64);
            nodes.ids.push(id as i64);
            let (mode, feature, threshold, left, right, missing_left) = match *node {
                Node::Leaf(value) => {
                    leaves.trees.push(number as i64);
                    leaves.ids.push(id as i64);
                    leaves.sums.push((number % forest.sums) as i64);
                    leaves.values.push(value);
                    ("LEAF", 0, 0.0, 0, 0, false)
                }
                Node::Split { feature, threshold, missing_left, left, right } => {
                    ("BRANCH_LEQ", feature, threshold, left, right, missing_left)
                }
            };
            nodes.modes.push(mode);
            nodes.features.push(i64::from(feature));
            nodes.thresholds.push(threshold);
            nodes.lefts.push(i64::from(left));
            nodes.rights.push(i64::from(right));
            nodes.missing_left.push(i64::from(missing_left));
        }
    }
    let attributes = vec![
        int("n_targets", forest.sums as i64),
        string("aggregate_function", "SUM"),
        string("post_transform", "NONE"),
        ints("nodes_treeids", nodes.trees),
        ints("nodes_nodeids", nodes.ids),
        ints("nodes_featureids", nodes.features),
        floats("nodes_values", nodes.thresholds),
        strings("nodes_modes", &nodes.modes),
        ints("nodes_truenodeids", nodes.lefts),
        ints("nodes_falsenodeids", nodes.rights),
        ints("nodes_missing_value_tracks_true", nodes.missing_left),
        ints("target_treeids", leaves.trees),
        ints("target_nodeids", leaves.ids),
        ints("target_ids", leaves.sums),
        floats("target_weights", leaves.values),
    ];
    let node = node("TreeEnsembleRegressor", &["features"], "sums", attributes);
    NodeProto { domain: DOMAIN_ML.to_owned(), ..node }
}

fn node(kind: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: kind.to_owned(),
        attribute,
        domain: String::new(),
    }
}

/// A constant row.
fn row(name: &str, values: &[f32]) -> TensorProto {
    TensorProto {
        dims: vec![values.len() as i64],
        data_type: ElementType::Float as i32,
        name: name.to_owned(),
        raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        ..TensorProto::default()
    }
}

/// A matrix with any number of rows.
fn matrix(name: &str, width: i64) -> ValueInfoProto {
    let dim = [Dimension::Param("n".to_owned()), Dimension::Value(width)]
        .map(|value| DimensionProto { value: Some(value) })
        .to_vec();
    let shape = Some(TensorShapeProto { dim });
    let tensor_type = Some(TensorType { elem_type: ElementType::Float as i32, shape });
    ValueInfoProto { name: name.to_owned(), kind: Some(TypeProto { tensor_type }) }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_owned(), kind: kind as i32, ..AttributeProto::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, AttributeType::Int) }
}

fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { ints, ..attribute(name, AttributeType::Ints) }
}

fn floats(name: &str, floats: Vec<f32>) -> AttributeProto {
    AttributeProto { floats, ..attribute(name, AttributeType::Floats) }
}

fn string(name: &str, text: &str) -> AttributeProto {
    AttributeProto { s: text.as_bytes().to_vec(), ..attribute(name, AttributeType::String) }
}

fn strings(name: &str, texts: &[&str]) -> AttributeProto {
    let strings = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}
