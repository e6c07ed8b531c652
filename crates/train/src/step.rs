//! One run of the training graph: a batch in, loss and gradients out.

use crate::Error;
use crate::batch::{Batch, Head};
use crate::dropout::Dropout;
use crate::optimiser::{AdamW, Applied, Rates, Step};
use crate::resident::{self, Input, Resident};
use crate::scaler::Scaler;
use crate::sums::Sums;
use crate::weights::Weights;
use crm_ai_infer::Runtime;
use crm_ai_model::{Arithmetic, Pooling, TrainingGraph};
use crm_ai_wire::training::FailureKind;
use ort::ep::{CPU, CUDA};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::TensorRef;
use std::borrow::Cow;
use std::slice;

/// Padded tokens that go through the graph at a time, on the processor: larger batches are cut into
/// parts and their gradients summed. What a part needs then stays in the caches, matrix products
/// are fastest at about so many rows, and memory does not grow with the batch (docs/benchmarks.md).
const PART_TOKENS: usize = 512;
/// The same on a graphics processor, where large products are the faster ones.
const PART_TOKENS_CUDA: usize = 16_384;

/// Result of a run of the graph.
#[derive(Debug)]
pub struct Gradients {
    /// The batch's loss.
    pub loss: f32,
    /// [texts, classes].
    pub logits: Vec<f32>,
    /// The gradient of each weight, in the order of the weights.
    pub of_weights: Vec<Vec<f32>>,
}

/// A session of the training graph, with its weights beside it.
#[derive(Debug)]
pub struct Stepper {
    session: Session,
    /// Older than the device's where these say so.
    weights: Weights,
    /// The device's half, where weights stay there.
    resident: Option<Resident>,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Scales the loss of a graph that computes in fp16.
    pub(crate) scaler: Option<Scaler>,
    loss: String,
    logits: String,
    head: Head,
    dropout: Dropout,
    pooling: Pooling,
    arithmetic: Arithmetic,
    threads: usize,
    /// Padded tokens of a part at most.
    pub part_tokens: usize,
    sums: Sums,
}

impl Stepper {
    /// Makes the session: on the processor, or on the CUDA device of that number, where weights
    /// then stay. `largest` is the largest batch, texts and tokens, that will come; `seed` decides
    /// a new head and the dropout masks.
    pub fn new(
        runtime: &Runtime,
        graph: TrainingGraph,
        device: Option<i32>,
        threads: usize,
        largest: (usize, usize),
        seed: i64,
    ) -> Result<Self, Error> {
        Self::make(runtime, graph, (device, device.is_some()), threads, largest, seed)
    }

    /// As [`Stepper::new`] on the processor, by the graphs that a device runs: for tests, since it
    /// is slower.
    pub fn resident_on_processor(
        runtime: &Runtime,
        graph: TrainingGraph,
        threads: usize,
        largest: (usize, usize),
        seed: i64,
    ) -> Result<Self, Error> {
        Self::make(runtime, graph, (None, true), threads, largest, seed)
    }

    fn make(
        runtime: &Runtime,
        graph: TrainingGraph,
        (device, is_resident): (Option<i32>, bool),
        threads: usize,
        largest: (usize, usize),
        seed: i64,
    ) -> Result<Self, Error> {
        let session = session(runtime, &graph.model, device, threads)?;
        let part_tokens = if device.is_none() { PART_TOKENS } else { PART_TOKENS_CUDA };
        let (texts, tokens) = largest;
        let in_part = (texts.min((part_tokens / tokens.max(1)).max(1)), tokens);
        let dropout = Dropout::new(&graph, in_part, seed)?;
        let classes = graph.parameters.last().map_or(0, |bias| bias.shape[0] as usize);
        let graphs = is_resident.then(|| resident::graphs(&graph.parameters));
        let mut stepper = Self {
            session,
            weights: Weights::new(graph.parameters, seed),
            resident: None,
            optimiser: AdamW::new(threads),
            scaler: (graph.arithmetic == Arithmetic::Fp16).then(Scaler::new),
            loss: graph.loss,
            logits: graph.logits,
            head: Head { classes, multi_label: graph.multi_label },
            dropout,
            pooling: graph.pooling,
            arithmetic: graph.arithmetic,
            threads,
            part_tokens,
            sums: Sums::default(),
        };
        if let Some(graphs) = graphs {
            let Self { session, weights, loss, dropout, .. } = &stepper;
            let mut resident = Resident::new(runtime, (session, device), &graphs, weights, loss)?;
            resident.bind_masks(dropout)?;
            stepper.resident = Some(resident);
            let in_parts = texts > 1 && texts * tokens > part_tokens;
            stepper.try_out(if in_parts { 2 } else { 1 })?;
        }
        Ok(stepper)
    }

    /// A step of that many parts that changes nothing: what a device cannot do shows before the
    /// fit has begun.
    fn try_out(&mut self, parts: usize) -> Result<(), Error> {
        let has_spread = self.session.inputs().iter().any(|input| input.name() == "spread");
        let part = Batch::to_try(self.head, has_spread);
        self.differentiate(&vec![part; parts], 1.0, 0)?;
        let step = Step { rate: 0.0, decay: 0.0, corrections: (1.0, 1.0), clip: 0.0 };
        self.device()?.update(step)?;
        // Whatever became of the device's weights, they are sent again.
        self.device()?.expect_change();
        Ok(())
    }

    fn device(&mut self) -> Result<&mut Resident, Error> {
        self.resident.as_mut().ok_or_else(no_device)
    }

    /// The weights as they are now.
    pub fn weights(&mut self) -> Result<&Weights, Error> {
        if let Some(resident) = &mut self.resident {
            resident.fetch(&mut self.weights)?;
        }
        Ok(&self.weights)
    }

    /// The weights, to be changed.
    pub fn weights_mut(&mut self) -> Result<&mut Weights, Error> {
        if let Some(resident) = &mut self.resident {
            resident.fetch(&mut self.weights)?;
            resident.expect_change();
        }
        Ok(&mut self.weights)
    }

    /// Pooling of the tokens' vectors.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Arithmetic of the matrix products.
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Steps done, those included that were left out since gradients overflowed.
    pub(crate) fn steps_done(&self) -> u64 {
        self.optimiser.steps + self.scaler.map_or(0, |scaler| scaler.skipped)
    }

    /// Learns from a batch; gives the loss before, or `None` where the gradients overflowed under
    /// loss scaling, so that the step was left out. `seed` decides what is dropped out.
    pub fn learn(&mut self, batch: &Batch, rates: Rates, seed: u64) -> Result<Option<f32>, Error> {
        let in_parts = batch.texts * batch.tokens > self.part_tokens && batch.texts > 1;
        let (loss, applied) = match (self.resident.is_some(), in_parts) {
            (false, false) => self.learn_at_once(batch, rates, seed)?,
            (false, true) => self.learn_in_parts(batch, rates, seed)?,
            (true, false) => self.learn_on_device(slice::from_ref(batch), rates, seed)?,
            (true, true) => self.learn_on_device(&batch.parts(self.part_tokens), rates, seed)?,
        };
        let scaler = self.scaler.as_mut();
        match applied {
            Applied::Step if loss.is_finite() => {
                scaler.into_iter().for_each(Scaler::succeed);
                Ok(Some(loss))
            }
            Applied::Overflow if scaler.is_some_and(Scaler::overflow) => Ok(None),
            _ => Err(no_number()),
        }
    }

    fn learn_at_once(
        &mut self,
        batch: &Batch,
        rates: Rates,
        seed: u64,
    ) -> Result<(f32, Applied), Error> {
        let Self { session, weights, optimiser, loss, dropout, head, scaler, .. } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        let starts = dropout.starts(batch, seed);
        let inputs = inputs(weights, batch, (dropout, &starts), *head, scaler.map(|_| &scale))?;
        let outputs = session.run(inputs)?;
        let value = first(output(&outputs, loss)?);
        let gradient = |name: &str| output(&outputs, name).ok();
        let applied = optimiser.step(weights, gradient, &batch.ids, rates, scale[0]);
        Ok((value, applied.ok_or_else(no_gradient)?))
    }

    /// The same for a batch that goes through the graph part by part.
    fn learn_in_parts(
        &mut self,
        batch: &Batch,
        rates: Rates,
        seed: u64,
    ) -> Result<(f32, Applied), Error> {
        let Self { session, weights, optimiser, loss, dropout, head, scaler, sums, .. } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        sums.clear();
        let mut total = 0.0;
        for (at, part) in batch.parts(self.part_tokens).iter().enumerate() {
            let starts = dropout.starts(part, seed.wrapping_add(at as u64));
            let inputs = inputs(weights, part, (dropout, &starts), *head, scaler.map(|_| &scale))?;
            let outputs = session.run(inputs)?;
            // Rows count for the same as in the whole batch, so losses and gradients add up.
            total += first(output(&outputs, loss)?);
            let gradient = |name: &str| output(&outputs, name).ok();
            sums.add(weights, gradient, &part.ids, self.threads).ok_or_else(no_gradient)?;
        }
        let gradient = |name: &str| sums.get(name);
        let applied = optimiser.step(weights, gradient, &sums.ids, rates, scale[0]);
        Ok((total, applied.ok_or_else(no_gradient)?))
    }

    /// The same for weights that stay on the device.
    fn learn_on_device(
        &mut self,
        parts: &[Batch],
        rates: Rates,
        seed: u64,
    ) -> Result<(f32, Applied), Error> {
        let scale = self.scaler.map_or(1.0, |scaler| scaler.scale);
        let (loss, squares) = self.differentiate(parts, scale, seed)?;
        let Some(step) = self.optimiser.begin(squares, rates, scale) else {
            return Ok((loss, Applied::Overflow));
        };
        self.device()?.update(step)?;
        Ok((loss, Applied::Step))
    }

    /// Leaves a batch's gradients on the device; gives the loss and the sum of their squares.
    fn differentiate(
        &mut self,
        parts: &[Batch],
        scale: f32,
        seed: u64,
    ) -> Result<(f32, f64), Error> {
        let Self { session, weights, resident, dropout, head, scaler, .. } = self;
        let resident = resident.as_mut().ok_or_else(no_device)?;
        resident.send(weights)?;
        resident.differentiate(session, parts, |at, part| {
            let mut inputs: Vec<Input> = Vec::new();
            for (name, shape, values) in part.floats(*head) {
                inputs.push((name, resident::tensor(shape, values)?));
            }
            if scaler.is_some() {
                inputs.push(("loss_scale", resident::tensor(vec![1], &[scale])?));
            }
            inputs.push(("ids", resident::tensor(vec![part.texts, part.tokens], &part.ids)?));
            let starts = dropout.starts(part, seed.wrapping_add(at as u64));
            if !starts.is_empty() {
                inputs.push(("dropout_at", resident::tensor(vec![starts.len()], &starts)?));
            }
            Ok(inputs)
        })
    }

    /// Loss, logits and the gradient of every weight for a batch, without learning; in fp16 the
    /// gradients are those of the scaled loss.
    pub fn gradients(&mut self, batch: &Batch) -> Result<Gradients, Error> {
        self.weights()?;
        let Self { session, weights, loss, logits, dropout, head, scaler, .. } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        let starts = dropout.starts(batch, 0);
        let inputs = inputs(weights, batch, (dropout, &starts), *head, scaler.map(|_| &scale))?;
        let outputs = session.run(inputs)?;
        let value = first(output(&outputs, loss)?);
        let of_weights = weights
            .0
            .iter()
            .map(|weight| Ok(output(&outputs, weight.gradient())?.to_vec()))
            .collect::<Result<_, Error>>()?;
        Ok(Gradients { loss: value, logits: output(&outputs, logits)?.to_vec(), of_weights })
    }
}

fn first(numbers: &[f32]) -> f32 {
    numbers.first().copied().unwrap_or(f32::NAN)
}

fn no_number() -> Error {
    let message = "the loss or its gradients became infinite or no number";
    Error::new(FailureKind::Data, message).hint("a smaller learning_rate may help")
}

fn no_device() -> Error {
    Error::new(FailureKind::System, "no weights are on a device")
}

fn no_gradient() -> Error {
    Error::new(FailureKind::System, "a gradient is missing")
}

/// A session of a training run's graph: on the processor, or on the CUDA device of that number.
pub(crate) fn session(
    runtime: &Runtime,
    model: &[u8],
    device: Option<i32>,
    threads: usize,
) -> Result<Session, Error> {
    let provider = match device {
        None => CPU::default().with_arena_allocator(true).build(),
        Some(device) => CUDA::default().with_device_id(device).build(),
    };
    let session = Session::builder(runtime.environment())
        .and_then(|builder| Ok(builder.with_intra_threads(threads)?))
        .and_then(|builder| Ok(builder.with_inter_threads(1)?))
        // Threads that wait awake would take the processors from the database.
        .and_then(|builder| Ok(builder.with_intra_op_spinning(false)?))
        .and_then(|builder| Ok(builder.with_memory_pattern(false)?))
        // The graph is built as it should run; the runtime would fold transposes back.
        .and_then(|b| Ok(b.with_optimization_level(GraphOptimizationLevel::Disable)?))
        .and_then(|b| Ok(b.with_execution_providers([provider.error_on_failure()])?))
        .and_then(|mut builder| builder.commit_from_memory(model))?;
    Ok(session)
}

type Inputs<'v> = Vec<(Cow<'v, str>, SessionInputValue<'v>)>;

fn inputs<'v>(
    weights: &'v Weights,
    batch: &'v Batch,
    (dropout, starts): (&'v Dropout, &'v [i64]),
    head: Head,
    scale: Option<&'v [f32; 1]>,
) -> Result<Inputs<'v>, Error> {
    let mut inputs: Inputs<'v> = Vec::new();
    let mut add = |name: &'v str, shape: Vec<usize>, values: &'v [f32]| {
        let value = TensorRef::from_array_view((shape, values))?;
        inputs.push((name.into(), value.into()));
        Ok::<(), ort::Error>(())
    };
    for weight in &weights.0 {
        let shape = weight.parameter.shape.iter().map(|&length| length as usize).collect();
        add(&weight.parameter.name, shape, &weight.values)?;
    }
    for (name, shape, values) in batch.floats(head) {
        add(name, shape, values)?;
    }
    if let Some(scale) = scale {
        add("loss_scale", vec![1], scale)?;
    }
    inputs.extend(dropout.masks().map(|(name, mask)| (name.into(), mask.into())));
    let ids = TensorRef::from_array_view((vec![batch.texts, batch.tokens], &batch.ids[..]))?;
    inputs.push(("ids".into(), ids.into()));
    if !starts.is_empty() {
        let starts = TensorRef::from_array_view((vec![starts.len()], starts))?;
        inputs.push(("dropout_at".into(), starts.into()));
    }
    Ok(inputs)
}

fn output<'o>(outputs: &'o SessionOutputs<'_>, name: &str) -> Result<&'o [f32], Error> {
    let value = outputs
        .get(name)
        .ok_or_else(|| Error::new(FailureKind::System, format!("the output {name} is missing")))?;
    Ok(value.try_extract_tensor::<f32>()?.1)
}
