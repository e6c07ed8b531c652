//! Rare messages, carried as JSON: what a model is, how the engine does.

use crate::Digest;
use serde::{Deserialize, Serialize};

/// The arithmetic of a version's graph. It belongs to the version, never to the machine: a stored
/// answer must not differ on a standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Precision {
    /// 32-bit floating point throughout.
    Fp32 = 0,
    /// 8-bit integer matrix products with per-row scales, the rest in 32-bit floating point.
    Int8 = 1,
}

impl Precision {
    /// The name used in SQL and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Int8 => "int8",
        }
    }

    /// The precision of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Fp32, Self::Int8].into_iter().find(|precision| precision.name() == name)
    }
}

/// Description of an artifact by the engine that read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// `model_type` of the checkpoint's config, or `onnx`.
    pub architecture: String,
    /// Class names in the order of the scores; empty for an encoder without a classifier.
    pub labels: Vec<String>,
    /// Length of a sentence vector; 0 where the model gives none.
    pub dimensions: u32,
    /// Longest input in tokens, special ones included; the rest is cut and reported.
    pub max_tokens: u32,
    /// Divisor of the logits before the softmax.
    pub temperature: f32,
    /// The arithmetic that the artifact's `crm_ai.json` asks for, fp32 where it does not.
    pub precision: Precision,
    /// Share of the sample's labels on which int8 and fp32 agree, where it was measured.
    pub int8_agreement: Option<f32>,
    /// Number of parameters of the checkpoint.
    pub parameters: u64,
}

/// One model in the engine's memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelStats {
    /// The artifact.
    pub sha256: Digest,
    /// The arithmetic it is loaded with.
    pub precision: Precision,
    /// Estimated memory of its graph and weights.
    pub memory_bytes: u64,
    /// Requests answered since it was loaded.
    pub requests: u64,
    /// Texts judged since it was loaded.
    pub rows: u64,
}

/// The engine's state; holds no customer's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineStats {
    /// Version of the engine's program.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Time since the engine started.
    pub uptime_seconds: f64,
    /// Device of models: `cpu` or `cuda`.
    pub device: String,
    /// Worker threads.
    pub threads: u32,
    /// Resident memory of the process.
    pub memory_bytes: u64,
    /// Open connections.
    pub connections: u32,
    /// Texts waiting or being judged.
    pub queue_rows: u64,
    /// Requests answered.
    pub requests: u64,
    /// Texts judged.
    pub rows: u64,
    /// Batches run.
    pub batches: u64,
    /// Texts of those judged whose answers were kept from earlier requests.
    pub cached: u64,
    /// Memory that kept answers take.
    pub cache_bytes: u64,
    /// Texts judged per second over the last ten seconds.
    pub rows_per_second: f64,
    /// Texts cut at their model's limit.
    pub truncated: u64,
    /// Requests refused because the queue was full.
    pub rejected: u64,
    /// Requests dropped because their caller left, cancelled or passed its deadline.
    pub abandoned: u64,
    /// Requests that ended in an error.
    pub errors: u64,
    /// Models in memory.
    pub models: Vec<ModelStats>,
    /// Active confinement of the engine's process: those of `landlock`, `seccomp` and
    /// `no_new_privs`, separated by commas.
    #[serde(default)]
    pub sandbox: String,
}
