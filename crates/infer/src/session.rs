//! One model in ONNX Runtime: a light session for each worker, the weights once for all.
//!
//! `ort` lets a session be run by one caller at a time. So each worker has a session of its own,
//! and all of them are given the same weight buffers and one container for the packed copies that
//! matrix products make. A session then costs its graph and its scratch memory only. Many texts are
//! answered fastest by as many workers with one thread each; a text that comes alone, by one more
//! session with several threads.

use crate::runtime::{Device, Runtime};
use crate::{Error, Stop, Tokens, pooling};
use crm_ai_model::{Graph, Output, Pooling, Weight, WeightData};
use ort::ep::{CPU, CUDA};
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights, SessionBuilder};
use ort::session::{RunOptions, Session};
use ort::value::{DynValue, Tensor};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs of at least that many padded tokens give their scratch memory back at their end; smaller
/// ones keep it, as getting it again costs time.
const KEPT_TOKENS_MAX: usize = 4096;

/// Threads of the session for texts that come alone, at most: a text of some tokens has no more
/// work to share out.
const ALONE_THREADS_MAX: usize = 4;

/// Worker slot of a request, which decides the session that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerSlot {
    /// One of the workers, which all may ask at the same time; its number is below
    /// [`LoadOptions::workers`](crate::LoadOptions::workers) and belongs to one thread.
    Worker(usize),
    /// The only one to ask at the moment: it may use the other workers' processors too.
    Alone,
}

impl From<usize> for WorkerSlot {
    fn from(worker: usize) -> Self {
        Self::Worker(worker)
    }
}

/// A session and the options of its runs, which go on one at a time.
pub(crate) struct Lane {
    pub session: Session,
    pub options: Arc<RunOptions>,
    /// Options of a run after which the scratch memory is given back.
    shrinking: Arc<RunOptions>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Lane {
    pub fn new(session: Session) -> ort::Result<Self> {
        let mut shrinking = RunOptions::new()?;
        shrinking.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
        Ok(Self { session, options: Arc::new(RunOptions::new()?), shrinking: Arc::new(shrinking) })
    }
}

/// The sessions of one model.
pub(crate) struct Sessions {
    sessions: Vec<Mutex<Lane>>,
    /// The session with several threads, where there are several processors to use.
    wide: Option<Mutex<Lane>>,
    outlets: Outlets,
    /// Memory that the weights hold, packed copies included.
    pub bytes: u64,
}

/// Inputs and outputs of a graph.
#[derive(Debug, Clone)]
pub(crate) struct Outlets {
    pub inputs: Inputs,
    /// Name of the output that is read.
    pub output: String,
    pub answer: Answer,
    /// Last axis of the output.
    pub width: usize,
}

/// Names of a graph's inputs.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    pub ids: String,
    pub mask: String,
    pub types: Option<String>,
}

/// Content of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// [batch, labels].
    Logits,
    /// [batch, width].
    Embedding,
    /// [batch, tokens, width], still to be pooled.
    Tokens(Pooling),
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sessions").field("outlets", &self.outlets).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Makes `workers` sessions of a built graph, whose weights move into ONNX Runtime's hands.
    pub fn of_graph(
        runtime: &Runtime,
        graph: Graph,
        device: Device,
        workers: usize,
    ) -> Result<Self, Error> {
        let Graph { model, weights, output, width } = graph;
        let bytes = weights.iter().map(|w| w.bytes() * (1 + u64::from(w.packed))).sum();
        let weights = weights.into_iter().map(shared).collect::<Result<Vec<_>, _>>()?;
        let packed = PrepackedWeights::new();
        let make = |threads| -> ort::Result<Session> {
            let mut builder = builder(runtime, device, threads)?;
            for (name, value) in &weights {
                builder = builder.with_external_initializer(name, Arc::clone(value))?;
                // Only what is added both ways is found in the container of packed weights; on
                // another device than the processor the runtime copies each weight there.
                if device == Device::Cpu {
                    builder = builder.with_initializer(name, Arc::clone(value))?;
                }
            }
            // The graph is built as it should run: fusions would depend on the runtime's version.
            builder
                .with_optimization_level(GraphOptimizationLevel::Disable)?
                .with_prepacked_weights(&packed)?
                .commit_from_memory(&model)
        };
        let outlets = Outlets {
            inputs: Inputs { ids: "input_ids".into(), mask: "attention_mask".into(), types: None },
            output: output.name().to_owned(),
            answer: match output {
                Output::Logits => Answer::Logits,
                Output::Embedding => Answer::Embedding,
            },
            width: width as usize,
        };
        Self::new(make, device, workers, |_| Ok(outlets), bytes)
    }

    /// Makes `workers` sessions of a model's own ONNX file; `outlets` looks at the first one.
    pub fn of_file(
        runtime: &Runtime,
        path: &Path,
        device: Device,
        workers: usize,
        outlets: impl FnOnce(&Session) -> Result<Outlets, Error>,
    ) -> Result<Self, Error> {
        let file_bytes = path.metadata().map_or(0, |metadata| metadata.len());
        let sessions =
            session_count(device, workers) + usize::from(alone_threads(device, workers) > 1);
        let bytes = file_bytes * sessions as u64;
        let make = |threads| builder(runtime, device, threads)?.commit_from_file(path);
        Self::new(make, device, workers, outlets, bytes)
    }

    fn new(
        make: impl Fn(usize) -> ort::Result<Session>,
        device: Device,
        workers: usize,
        outlets: impl FnOnce(&Session) -> Result<Outlets, Error>,
        bytes: u64,
    ) -> Result<Self, Error> {
        let failed = |error: ort::Error| match Error::of_runtime(&error, "loading the model") {
            Error::Runtime { reason } => Error::InvalidModel { reason },
            other => other,
        };
        let make = |threads| make(threads).and_then(Lane::new).map_err(failed);
        let first = make(1)?;
        let outlets = outlets(&first.session)?;
        let mut sessions = vec![Mutex::new(first)];
        for _ in 1..session_count(device, workers) {
            sessions.push(Mutex::new(make(1)?));
        }
        let wide = match alone_threads(device, workers) {
            1 => None,
            threads => Some(Mutex::new(make(threads)?)),
        };
        Ok(Self { sessions, wide, outlets, bytes })
    }

    /// Number of the session that answers who has that worker slot.
    pub fn slot(&self, worker_slot: WorkerSlot) -> usize {
        match (worker_slot, &self.wide) {
            (WorkerSlot::Alone, Some(_)) => self.sessions.len(),
            (WorkerSlot::Alone, None) => 0,
            (WorkerSlot::Worker(worker), _) => worker % self.sessions.len(),
        }
    }

    /// The content of the output.
    pub fn answer(&self) -> Answer {
        self.outlets.answer
    }

    /// Width of an answer's row.
    pub fn width(&self) -> usize {
        self.outlets.width
    }

    /// Runs a batch, padded to its longest text, and gives the answers: [batch, width].
    pub fn run(
        &self,
        worker_slot: WorkerSlot,
        batch: &[&Tokens],
        stop: &Stop,
    ) -> Result<Vec<f32>, Error> {
        let failed = |error: ort::Error| Error::of_runtime(&error, "running a batch");
        let tokens = batch.iter().map(|text| text.len()).max().unwrap_or(0);
        let slot = self.slot(worker_slot);
        let lane = self.sessions.get(slot).or(self.wide.as_ref()).unwrap_or(&self.sessions[0]);
        // A run that panicked left the session as it was: it holds no state between runs.
        let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        let Lane { session, options, shrinking } = &mut *lane;
        let inputs = self.padded(batch, tokens).map_err(failed)?;
        let is_large = batch.len() * tokens > KEPT_TOKENS_MAX;
        let options = if is_large { shrinking } else { options };
        let outputs = stop
            .during(options, || session.run_with_options(inputs, &**options))?
            .map_err(failed)?;
        let Outlets { output, answer, width, .. } = &self.outlets;
        let output = outputs
            .get(output)
            .ok_or_else(|| Error::Runtime { reason: format!("the output {output} is missing") })?;
        let (_, numbers) = output.try_extract_tensor::<f32>().map_err(failed)?;
        let per_text = if matches!(answer, Answer::Tokens(_)) { tokens * width } else { *width };
        if numbers.len() != batch.len() * per_text {
            let reason = format!("{} numbers where {per_text} a text are due", numbers.len());
            return Err(Error::Runtime { reason });
        }
        let rows = match answer {
            Answer::Logits => numbers.to_vec(),
            Answer::Embedding => pooling::unit_rows(numbers.to_vec(), *width),
            Answer::Tokens(kind) => {
                let texts = batch.iter().zip(numbers.chunks_exact(per_text));
                let pooled = texts
                    .flat_map(|(text, rows)| {
                        pooling::pool(&rows[..text.len() * width], *width, *kind)
                    })
                    .collect();
                pooling::unit_rows(pooled, *width)
            }
        };
        if rows.iter().all(|number| number.is_finite()) { Ok(rows) } else { Err(Error::NotFinite) }
    }

    /// The inputs: ids, mask and, where the model wants them, token types (all 0).
    fn padded(&self, batch: &[&Tokens], tokens: usize) -> ort::Result<Vec<(String, DynValue)>> {
        let shape = [batch.len(), tokens];
        let mut ids = vec![0_i64; batch.len() * tokens];
        let mut mask = vec![0_i64; batch.len() * tokens];
        let rows = ids.chunks_exact_mut(tokens).zip(mask.chunks_exact_mut(tokens));
        for (text, (ids, mask)) in batch.iter().zip(rows) {
            ids.iter_mut().zip(&text.ids).for_each(|(id, &token)| *id = token.into());
            mask[..text.len()].fill(1);
        }
        let mut inputs = vec![
            (self.outlets.inputs.ids.clone(), Tensor::from_array((shape, ids))?.into_dyn()),
            (self.outlets.inputs.mask.clone(), Tensor::from_array((shape, mask))?.into_dyn()),
        ];
        if let Some(name) = &self.outlets.inputs.types {
            let types = vec![0_i64; batch.len() * tokens];
            inputs.push((name.clone(), Tensor::from_array((shape, types))?.into_dyn()));
        }
        Ok(inputs)
    }
}

/// A graphics processor runs one batch at a time: one session, its weights there once.
fn session_count(device: Device, workers: usize) -> usize {
    if device == Device::Cpu { workers } else { 1 }
}

/// Threads for texts that come alone.
fn alone_threads(device: Device, workers: usize) -> usize {
    if device == Device::Cpu { workers.min(ALONE_THREADS_MAX) } else { 1 }
}

/// Options that all sessions share: no plan kept per shape (shapes differ with every batch), and
/// threads that wait for each other awake during a run, asleep between runs.
pub(crate) fn builder(
    runtime: &Runtime,
    device: Device,
    threads: usize,
) -> ort::Result<SessionBuilder> {
    let provider = match device {
        Device::Cpu => CPU::default().with_arena_allocator(true).build(),
        Device::Cuda => CUDA::default().build(),
    };
    Ok(Session::builder(&runtime.environment)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(threads > 1)?
        .with_config_entry("session.force_spinning_stop", "1")?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_execution_providers([provider.error_on_failure()])?)
}

/// A weight as a value that several sessions can hold; the buffer moves, it is not copied.
fn shared(weight: Weight) -> Result<(String, Arc<DynValue>), Error> {
    let shape: Vec<i64> = weight.shape.iter().map(|&dim| dim as i64).collect();
    let value = match weight.data {
        WeightData::F32(values) => Tensor::from_array((shape, values)).map(Tensor::into_dyn),
        WeightData::I8(values) => Tensor::from_array((shape, values)).map(Tensor::into_dyn),
    };
    let value = value.map_err(|error| Error::of_runtime(&error, "loading the model"))?;
    Ok((weight.name, Arc::new(value)))
}
