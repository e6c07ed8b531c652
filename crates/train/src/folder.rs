//! The new model's folder, in Hugging Face's form.

use crate::Error;
use crate::weights::Weights;
use crm_ai_model::Pooling;
use crm_ai_wire::training::FailureKind;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files of the base that the new model keeps.
const KEPT: [&str; 4] =
    ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"];

/// The weights' file.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// The `problem_type` of classifiers whose labels do not exclude each other.
const MULTI_LABEL: &str = "multi_label_classification";
/// The arithmetic that the new model is served with, and judged in.
pub(crate) const PRECISION: &str = "fp32";

/// Tensors by name: shape and numbers.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Settings for serving the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Serving {
    pub pooling: Pooling,
    pub max_tokens: u32,
    pub temperature: f64,
    pub multi_label: bool,
}

/// The weights as the checkpoint's tensors.
pub(crate) fn tensors(weights: &Weights) -> Tensors {
    let mut tensors = Tensors::new();
    for weight in &weights.0 {
        let parts = weight.parameter.tensors.len();
        let mut shape: Vec<usize> =
            weight.parameter.shape.iter().map(|&length| length as usize).collect();
        if let Some(rows) = shape.first_mut() {
            *rows /= parts;
        }
        let chunks = weight.values.chunks_exact(weight.values.len() / parts);
        for (name, values) in weight.parameter.tensors.iter().zip(chunks) {
            tensors.insert(name.clone(), (shape.clone(), values.to_vec()));
        }
    }
    tensors
}

/// Writes a classifier's folder anew.
pub(crate) fn write(
    folder: &Path,
    base: &Path,
    tensors: &Tensors,
    labels: &[String],
    serving: Serving,
) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(folder)?,
    }
    for name in KEPT {
        match fs::copy(base.join(name), folder.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            outcome => drop(outcome?),
        }
    }
    write_json(&folder.join("config.json"), &config(base, labels, serving.multi_label)?)?;
    write_serving(folder, serving)?;
    write_tensors(&folder.join(WEIGHTS), tensors, prefix(base))
}

/// True if the model in a folder lets a text have several labels.
pub(crate) fn is_multi_label(folder: &Path) -> bool {
    let json = fs::read(folder.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_slice(&json).unwrap_or_default();
    config["problem_type"] == MULTI_LABEL
}

/// The prefix of the names of the encoder's tensors in a classifier's checkpoint.
fn prefix(base: &Path) -> &'static str {
    let json = fs::read(base.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_slice(&json).unwrap_or_default();
    match config["model_type"].as_str() {
        Some("distilbert") => "distilbert.",
        Some("roberta" | "xlm-roberta") => "roberta.",
        _ => "bert.",
    }
}

/// A tensor's name in the new model: the base's own, but the encoder's with the family's prefix.
fn full_name(name: &str, prefix: &str) -> String {
    let is_bare = ["embeddings.", "encoder.", "transformer.", "pooler."]
        .iter()
        .any(|part| name.starts_with(part));
    if is_bare { format!("{prefix}{name}") } else { name.to_owned() }
}

/// Writes `crm_ai.json`.
pub(crate) fn write_serving(folder: &Path, serving: Serving) -> Result<(), Error> {
    let pooling = match serving.pooling {
        Pooling::Cls => "cls",
        Pooling::Mean => "mean",
    };
    let settings = json!({
        "max_tokens": serving.max_tokens,
        "pooling": pooling,
        "precision": PRECISION,
        "temperature": serving.temperature as f32,
    });
    write_json(&folder.join("crm_ai.json"), &settings)
}

/// The base's configuration with other classes.
fn config(base: &Path, labels: &[String], multi_label: bool) -> Result<Value, Error> {
    let malformed = || Error::new(FailureKind::Model, "the base model's config.json is malformed");
    let json = fs::read(base.join("config.json"))?;
    let mut config: Value = serde_json::from_slice(&json).map_err(|_| malformed())?;
    let kind = config["model_type"].as_str().unwrap_or("bert");
    let family = match kind {
        "distilbert" => "DistilBert",
        "roberta" => "Roberta",
        "xlm-roberta" => "XLMRoberta",
        _ => "Bert",
    };
    let architecture = format!("{family}ForSequenceClassification");
    let map = config.as_object_mut().ok_or_else(malformed)?;
    map.insert("architectures".to_owned(), json!([architecture]));
    map.insert("torch_dtype".to_owned(), json!("float32"));
    for name in ["id2label", "label2id", "problem_type", "_name_or_path", "num_labels"] {
        map.remove(name);
    }
    let ids: serde_json::Map<_, _> =
        labels.iter().enumerate().map(|(at, name)| (at.to_string(), json!(name))).collect();
    let back: serde_json::Map<_, _> =
        labels.iter().enumerate().map(|(at, name)| (name.clone(), json!(at))).collect();
    map.insert("id2label".to_owned(), Value::Object(ids));
    map.insert("label2id".to_owned(), Value::Object(back));
    let problem = if multi_label { MULTI_LABEL } else { "single_label_classification" };
    map.insert("problem_type".to_owned(), json!(problem));
    Ok(config)
}

/// Writes indented JSON.
pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(std::io::Error::from)?;
    text.push(b'\n');
    Ok(fs::write(path, text)?)
}

fn write_tensors(path: &Path, tensors: &Tensors, prefix: &str) -> Result<(), Error> {
    let bytes: Vec<(String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| (full_name(name, prefix), shape, little_endian(values)))
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, (*shape).clone(), bytes)?))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()
        .map_err(unwritten)?;
    write_views(path, views)
}

/// Writes tensors, with the mark by which `transformers` knows the file.
pub(crate) fn write_views<'t>(
    path: &Path,
    views: impl IntoIterator<Item = (&'t str, TensorView<'t>)>,
) -> Result<(), Error> {
    let format = [("format".to_owned(), "pt".to_owned())].into();
    serialize_to_file(views, Some(format), path).map_err(unwritten)
}

/// Numbers as files hold them.
pub(crate) fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn unwritten(error: SafeTensorError) -> Error {
    match error {
        SafeTensorError::IoError(error) => Error::from(error),
        other => Error::new(FailureKind::System, format!("writing the weights: {other}")),
    }
}
