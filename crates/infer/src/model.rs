//! A loaded model: tokeniser, sessions, head.

use crate::runtime::{Device, Runtime};
use crate::session::{Sessions, WorkerSlot};
use crate::tokeniser::{Tokeniser, Tokens};
use crate::{Error, Stop, onnx_file};
use crm_ai_model::{Checkpoint, Precision, Task};
use std::path::Path;

/// Options for loading a model.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// The arithmetic of the matrix products; a folder with its own ONNX file keeps that file's.
    pub precision: Precision,
    /// Device.
    pub device: Device,
    /// Threads that will ask it at the same time.
    pub workers: usize,
}

/// Properties of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// `model_type` of the checkpoint's configuration, or `onnx`.
    pub architecture: String,
    /// Class names in the order of the probabilities; empty for an encoder.
    pub labels: Vec<String>,
    /// True if a text may have several of them at a time: each probability is one of its own.
    pub multi_label: bool,
    /// True if it judges records, not texts.
    pub records: bool,
    /// Length of a sentence vector; 0 where the model gives none.
    pub dimensions: usize,
    /// Longest input in tokens, special ones included.
    pub max_tokens: usize,
    /// Divisor of the logits before the softmax.
    pub temperature: f32,
    /// The arithmetic that `crm_ai.json` asks for, where it does.
    pub precision: Option<Precision>,
    /// Number of parameters; 0 where the model's file does not tell.
    pub parameters: u64,
}

/// A model in memory, ready for `workers` threads at once.
#[derive(Debug)]
pub struct Model {
    info: Info,
    tokeniser: Tokeniser,
    sessions: Sessions,
    workers: usize,
}

impl Model {
    /// Loads the model in `folder`: `tokenizer.json` with `config.json` and `model.safetensors`, or
    /// with `model.onnx`. The checkpoint is read once and held once.
    pub fn load(runtime: &Runtime, folder: &Path, options: &LoadOptions) -> Result<Self, Error> {
        let workers = options.workers.max(1);
        if !folder.join("model.safetensors").exists() && folder.join("model.onnx").exists() {
            let (info, tokeniser, sessions) = onnx_file::load(runtime, folder, options, workers)?;
            return Ok(Self { info, tokeniser, sessions, workers });
        }
        let checkpoint = Checkpoint::open(folder)?;
        let config = checkpoint.config();
        let max_tokens = checkpoint.max_tokens() as usize;
        let tokeniser = Tokeniser::read(folder, max_tokens, Some(config.vocab_size))?;
        let (labels, dimensions) = match checkpoint.task() {
            Task::Classify(labels) => (labels.clone(), 0),
            Task::Embed => (Vec::new(), config.hidden_size as usize),
        };
        let info = Info {
            architecture: config.model_type.clone(),
            labels,
            multi_label: config.multi_label,
            records: false,
            dimensions,
            max_tokens,
            temperature: checkpoint.settings().temperature.unwrap_or(1.0),
            precision: checkpoint.settings().precision,
            parameters: checkpoint.parameters(),
        };
        let graph = checkpoint.inference_graph(options.precision)?;
        let sessions = Sessions::of_graph(runtime, graph, options.device, workers)?;
        Ok(Self { info, tokeniser, sessions, workers })
    }

    /// The model's properties.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Estimated memory of the weights, counting the packed copies that ONNX Runtime makes; all
    /// workers share them.
    pub fn memory_bytes(&self) -> u64 {
        self.sessions.bytes
    }

    /// A text's beginning whose tokens are those of the whole: of a text that is longer than the
    /// limit no more than it takes to tell, where that is safe.
    pub fn readable<'t>(&self, text: &'t str) -> &'t str {
        self.tokeniser.readable(text)
    }

    /// Turns a text into tokens, cut at the model's limit. Any text is allowed, an empty one too.
    pub fn tokenise(&self, text: &str) -> Result<Tokens, Error> {
        self.tokeniser.tokenise(text)
    }

    /// Number of the session that answers who has that worker slot; each runs one batch at a time.
    pub fn slot(&self, worker_slot: WorkerSlot) -> usize {
        self.sessions.slot(worker_slot)
    }

    /// Calibrated probabilities of the classes for each text: row-major [batch, labels]. Each row
    /// sums to 1, unless a text may have several labels.
    pub fn classify(
        &self,
        worker_slot: impl Into<WorkerSlot>,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        self.classify_unless(&Stop::default(), worker_slot.into(), batch)
    }

    /// The same, unless it is asked to end before.
    pub fn classify_unless(
        &self,
        stop: &Stop,
        worker_slot: WorkerSlot,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        let mut rows = self.logits_unless(stop, worker_slot, batch)?;
        for row in rows.chunks_exact_mut(self.info.labels.len()) {
            match self.info.multi_label {
                true => sigmoid(row, self.info.temperature),
                false => softmax(row, self.info.temperature),
            }
        }
        Ok(rows)
    }

    /// Sentence vectors of unit length: row-major [batch, dimensions].
    pub fn embed(
        &self,
        worker_slot: impl Into<WorkerSlot>,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        self.embed_unless(&Stop::default(), worker_slot.into(), batch)
    }

    /// The same, unless it is asked to end before.
    pub fn embed_unless(
        &self,
        stop: &Stop,
        worker_slot: WorkerSlot,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        if self.info.dimensions == 0 {
            return Err(Error::WrongTask { answers: "classes", asked: "vectors" });
        }
        self.run(stop, worker_slot, batch)
    }

    /// Logits for each text, before temperature and softmax: row-major [batch, labels].
    pub fn logits(
        &self,
        worker_slot: impl Into<WorkerSlot>,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        self.logits_unless(&Stop::default(), worker_slot.into(), batch)
    }

    fn logits_unless(
        &self,
        stop: &Stop,
        worker_slot: WorkerSlot,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        if self.info.labels.is_empty() {
            return Err(Error::WrongTask { answers: "vectors", asked: "classes" });
        }
        self.run(stop, worker_slot, batch)
    }

    fn run(
        &self,
        stop: &Stop,
        worker_slot: WorkerSlot,
        batch: &[&Tokens],
    ) -> Result<Vec<f32>, Error> {
        let workers = self.workers;
        if let WorkerSlot::Worker(worker) = worker_slot
            && worker >= workers
        {
            return Err(Error::Worker { worker, workers });
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if batch.iter().any(|tokens| tokens.is_empty()) {
            return Err(Error::Tokenizer);
        }
        self.sessions.run(worker_slot, batch, stop)
    }
}

/// Turns logits into probabilities, each on its own: 1 / (1 + exp(−x / temperature)).
pub fn sigmoid(row: &mut [f32], temperature: f32) {
    row.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value / temperature).exp()));
}

/// Turns logits into probabilities: exp((x − max) / temperature), divided by their sum.
pub fn softmax(row: &mut [f32], temperature: f32) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in row.iter_mut() {
        *value = ((*value - largest) / temperature).exp();
    }
    let sum: f32 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
