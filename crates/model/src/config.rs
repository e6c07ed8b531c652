//! A checkpoint's `config.json`, checked: sizes, activation, labels.

use crate::Error;
use crate::safetensors::read_small;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

const FILE: &str = "config.json";
/// The `problem_type` of classifiers whose labels do not exclude each other.
const MULTI_LABEL: &str = "multi_label_classification";
/// Largest configuration that is read; a model with 100,000 labels has about 5 MB.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Largest of any size that the configuration names; the largest vocabularies have about a million
/// entries. Tensors are held against these sizes, so they also bound what is allocated.
const SIZE_MAX: u64 = 16_000_000;
/// Most layers: the graph has about 20 nodes for each.
const LAYERS_MAX: u64 = 512;

/// The families whose graphs are built. They share one encoder and differ in names and heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// BERT.
    Bert,
    /// DistilBERT: no token types, no pooler, a rectified dense layer in the head.
    DistilBert,
    /// RoBERTa and XLM-RoBERTa: positions start after the padding id, a two-layer head.
    Roberta,
}

/// The function between the two matrices of a feed-forward block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x·Φ(x) with the error function.
    Gelu,
    /// The approximation of GELU by the hyperbolic tangent.
    GeluTanh,
    /// max(x, 0).
    Relu,
}

/// The sizes and settings of an encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Family of the checkpoint's tensor names and head.
    pub family: Family,
    /// `model_type` as written.
    pub model_type: String,
    /// True if `architectures` names a sequence classifier; `None` where it names nothing.
    pub names_classifier: Option<bool>,
    /// Entries of the vocabulary.
    pub vocab_size: u64,
    /// Width of a token's vector.
    pub hidden_size: u64,
    /// Encoder layers.
    pub layers: u64,
    /// Attention heads; divides `hidden_size`.
    pub heads: u64,
    /// Width between the two matrices of a feed-forward block.
    pub intermediate_size: u64,
    /// Rows of the table of positions.
    pub max_positions: u64,
    /// Row of the first token's position.
    pub first_position: u64,
    /// Rows of the table of token types; 0 where there is none.
    pub type_vocab_size: u64,
    /// Added to the variance in layer normalisation.
    pub layer_norm_epsilon: f32,
    /// The feed-forward blocks' activation.
    pub activation: Activation,
    /// Share of the numbers in token rows that training drops out.
    pub hidden_dropout: f32,
    /// Share of the attention weights that training drops out.
    pub attention_dropout: f32,
    /// Class names by index, where the configuration has any.
    pub labels: Vec<String>,
    /// True if a text may have several of them at a time (`multi_label_classification`).
    pub multi_label: bool,
}

/// `config.json` as it is written; only what matters here.
#[derive(Deserialize)]
struct Raw {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    vocab_size: Option<u64>,
    #[serde(alias = "dim")]
    hidden_size: Option<u64>,
    #[serde(alias = "n_layers")]
    num_hidden_layers: Option<u64>,
    #[serde(alias = "n_heads")]
    num_attention_heads: Option<u64>,
    #[serde(alias = "hidden_dim")]
    intermediate_size: Option<u64>,
    max_position_embeddings: Option<u64>,
    type_vocab_size: Option<u64>,
    layer_norm_eps: Option<f64>,
    #[serde(alias = "activation")]
    hidden_act: Option<String>,
    #[serde(alias = "dropout")]
    hidden_dropout_prob: Option<f32>,
    #[serde(alias = "attention_dropout")]
    attention_probs_dropout_prob: Option<f32>,
    position_embedding_type: Option<String>,
    pad_token_id: Option<u64>,
    #[serde(default)]
    is_decoder: bool,
    problem_type: Option<String>,
    #[serde(default)]
    id2label: Option<BTreeMap<String, String>>,
}

impl Config {
    /// Reads and checks `folder/config.json`.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let json = read_small(folder, FILE, FILE_BYTES_MAX)?
            .ok_or_else(|| Error::malformed(FILE, "file not found"))?;
        let raw = serde_json::from_slice(&json)
            .map_err(|error| Error::malformed(FILE, error.to_string()))?;
        Self::check(raw)
    }

    /// Longest input in tokens that the table of positions allows.
    pub fn max_tokens(&self) -> u64 {
        self.max_positions - self.first_position
    }

    fn check(raw: Raw) -> Result<Self, Error> {
        let model_type = raw.model_type.clone().unwrap_or_default();
        let family = match model_type.as_str() {
            "bert" => Family::Bert,
            "distilbert" => Family::DistilBert,
            "roberta" | "xlm-roberta" => Family::Roberta,
            other => return Err(Error::ModelType(other.chars().take(64).collect())),
        };
        refuse_unbuilt(&raw)?;
        let hidden_size = size("hidden_size", raw.hidden_size)?;
        let heads = size("num_attention_heads", raw.num_attention_heads)?;
        if !hidden_size.is_multiple_of(heads) {
            return Err(Error::setting("num_attention_heads", "must divide hidden_size"));
        }
        let layers = size("num_hidden_layers", raw.num_hidden_layers)?;
        if layers > LAYERS_MAX {
            let reason = format!("at most {LAYERS_MAX}");
            return Err(Error::setting("num_hidden_layers", reason));
        }
        let first_position = match family {
            Family::Roberta => raw.pad_token_id.unwrap_or(1).saturating_add(1),
            _ => 0,
        };
        let max_positions = size("max_position_embeddings", raw.max_position_embeddings)?;
        // A text is two tokens at least: the special ones.
        if max_positions < first_position.saturating_add(2) {
            return Err(Error::setting("max_position_embeddings", "at least two tokens"));
        }
        Ok(Self {
            family,
            model_type,
            names_classifier: names_classifier(raw.architectures.as_deref()),
            vocab_size: size("vocab_size", raw.vocab_size)?,
            hidden_size,
            layers,
            heads,
            intermediate_size: size("intermediate_size", raw.intermediate_size)?,
            max_positions,
            first_position,
            type_vocab_size: match family {
                Family::DistilBert => 0,
                _ => size("type_vocab_size", Some(raw.type_vocab_size.unwrap_or(2)))?,
            },
            layer_norm_epsilon: epsilon(raw.layer_norm_eps)?,
            activation: activation(raw.hidden_act.as_deref())?,
            hidden_dropout: dropout("hidden_dropout_prob", raw.hidden_dropout_prob)?,
            attention_dropout: dropout(
                "attention_probs_dropout_prob",
                raw.attention_probs_dropout_prob,
            )?,
            labels: labels(raw.id2label.as_ref())?,
            multi_label: raw.problem_type.as_deref() == Some(MULTI_LABEL),
        })
    }
}

fn refuse_unbuilt(raw: &Raw) -> Result<(), Error> {
    if raw.is_decoder {
        return Err(Error::setting("is_decoder", "only encoders are built"));
    }
    if raw.position_embedding_type.as_deref().is_some_and(|kind| kind != "absolute") {
        return Err(Error::setting("position_embedding_type", "only absolute positions are built"));
    }
    let is_built = |kind: &str| kind == "single_label_classification" || kind == MULTI_LABEL;
    if !raw.problem_type.as_deref().is_none_or(is_built) {
        return Err(Error::setting("problem_type", "only classification is built"));
    }
    Ok(())
}

fn size(setting: &'static str, value: Option<u64>) -> Result<u64, Error> {
    match value {
        Some(value) if (1..=SIZE_MAX).contains(&value) => Ok(value),
        Some(_) => Err(Error::setting(setting, format!("must be from 1 to {SIZE_MAX}"))),
        None => Err(Error::setting(setting, "must be given")),
    }
}

fn epsilon(value: Option<f64>) -> Result<f32, Error> {
    let value = value.unwrap_or(1e-12);
    if value > 0.0 && value < 1.0 {
        Ok(value as f32)
    } else {
        Err(Error::setting("layer_norm_eps", "must lie between 0 and 1"))
    }
}

/// A rate of dropout; 0.1 is what Hugging Face's configurations mean by saying nothing.
fn dropout(setting: &'static str, rate: Option<f32>) -> Result<f32, Error> {
    let rate = rate.unwrap_or(0.1);
    if (0.0..1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(Error::setting(setting, "must be at least 0 and below 1"))
    }
}

fn activation(name: Option<&str>) -> Result<Activation, Error> {
    match name.unwrap_or("gelu") {
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        _ => Err(Error::setting("hidden_act", "supported are gelu, gelu_new and relu")),
    }
}

fn names_classifier(architectures: Option<&[String]>) -> Option<bool> {
    let name = architectures?.first()?;
    Some(name.ends_with("ForSequenceClassification"))
}

fn labels(id2label: Option<&BTreeMap<String, String>>) -> Result<Vec<String>, Error> {
    let Some(map) = id2label else { return Ok(Vec::new()) };
    (0..map.len())
        .map(|index| map.get(&index.to_string()).cloned())
        .collect::<Option<_>>()
        .ok_or_else(|| Error::setting("id2label", "must name the classes 0, 1, 2, …"))
}
