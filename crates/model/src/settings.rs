//! Settings in a model's folder beside the checkpoint: `crm_ai.json` (serving) and the pooling of a
//! sentence-transformers model.

use crate::Error;
use crate::safetensors::read_small;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;

const FILE: &str = "crm_ai.json";
const POOLING_FILE: &str = "1_Pooling/config.json";
const FILE_BYTES_MAX: u64 = 1 << 16;
/// Longest input of a model in tokens: what a text takes grows with the square of its length.
pub const TOKENS_MAX: u32 = 8192;

/// The arithmetic of a graph's matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    Fp32,
    /// 8-bit integers with a scale for each row of activations and each column of weights.
    Int8,
}

/// Pooling of the tokens' vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first token's vector.
    Cls,
    /// The mean over the text's tokens.
    Mean,
}

/// `crm_ai.json`; every key may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Divisor of the logits before the softmax; 1 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Longest input in tokens, special ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The arithmetic that the model is to be served with; absent or `auto`: whichever a
    /// measurement advises.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "precision")]
    pub precision: Option<Precision>,
    /// Pooling of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
}

impl Settings {
    /// Reads `folder/crm_ai.json`; where that names no pooling, `folder/1_Pooling/config.json`.
    /// Neither file has to be there.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut settings: Self = match read_small(folder, FILE, FILE_BYTES_MAX)? {
            Some(json) => serde_json::from_slice(&json)
                .map_err(|error| Error::malformed(FILE, error.to_string()))?,
            None => Self::default(),
        };
        if settings.temperature.is_some_and(|value| !(value.is_finite() && value > 0.0)) {
            return Err(Error::setting("temperature", "must be positive"));
        }
        if settings.max_tokens.is_some_and(|value| value < 2) {
            return Err(Error::setting("max_tokens", "must be at least 2"));
        }
        if settings.max_tokens.is_some_and(|value| value > TOKENS_MAX) {
            return Err(Error::setting("max_tokens", format!("must be at most {TOKENS_MAX}")));
        }
        if settings.pooling.is_none() {
            settings.pooling = sentence_pooling(folder)?;
        }
        Ok(settings)
    }
}

fn precision<'d, D: Deserializer<'d>>(deserialiser: D) -> Result<Option<Precision>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Raw {
        Auto,
        Fp32,
        Int8,
    }
    Ok(match Option::<Raw>::deserialize(deserialiser)? {
        None | Some(Raw::Auto) => None,
        Some(Raw::Fp32) => Some(Precision::Fp32),
        Some(Raw::Int8) => Some(Precision::Int8),
    })
}

/// The pooling that a sentence-transformers model names.
fn sentence_pooling(folder: &Path) -> Result<Option<Pooling>, Error> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        pooling_mode_cls_token: bool,
        #[serde(default)]
        pooling_mode_mean_tokens: bool,
        #[serde(default)]
        pooling_mode_max_tokens: bool,
        #[serde(default)]
        pooling_mode_mean_sqrt_len_tokens: bool,
        #[serde(default)]
        pooling_mode_weightedmean_tokens: bool,
        #[serde(default)]
        pooling_mode_lasttoken: bool,
    }
    let Some(json) = read_small(folder, POOLING_FILE, FILE_BYTES_MAX)? else { return Ok(None) };
    let raw: Raw = serde_json::from_slice(&json)
        .map_err(|error| Error::malformed(POOLING_FILE, error.to_string()))?;
    let others = raw.pooling_mode_max_tokens
        || raw.pooling_mode_mean_sqrt_len_tokens
        || raw.pooling_mode_weightedmean_tokens
        || raw.pooling_mode_lasttoken;
    match (raw.pooling_mode_cls_token, raw.pooling_mode_mean_tokens, others) {
        (true, false, false) => Ok(Some(Pooling::Cls)),
        (false, true, false) => Ok(Some(Pooling::Mean)),
        _ => Err(Error::setting("pooling_mode", "supported are cls or mean, one of them")),
    }
}
