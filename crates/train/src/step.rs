//! One run of the training graph: a batch in, loss and gradients out.

use crate::Error;
use crate::dataset::Example;
use crate::loss::Loss;
use crate::optimiser::{AdamW, Applied, Rates};
use crate::scaler::Scaler;
use crate::sums::Sums;
use crate::weights::Weights;
use crm_ai_infer::Runtime;
use crm_ai_model::{Arithmetic, Pooling, TrainingGraph, Window};
use crm_ai_wire::training::FailureKind;
use ort::ep::{CPU, CUDA};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::TensorRef;
use std::borrow::Cow;

/// Score of a padded position or of a class outside a label's set: its exponential is zero.
const MASKED: f32 = -10_000.0;
/// Padded tokens that go through the graph at a time, on the processor: larger batches are cut into
/// parts and their gradients summed. What a part needs then stays in the caches, matrix products
/// are fastest at about so many rows, and memory does not grow with the batch (docs/benchmarks.md).
const PART_TOKENS: usize = 512;
/// The same on a graphics processor, where large products are the faster ones.
const PART_TOKENS_CUDA: usize = 16_384;
/// Numbers in a dropout mask at least; windows begin anywhere in it.
const MASK_NUMBERS_MIN: usize = 1 << 22;
/// Numbers in a dropout mask at most: one gigabyte.
const MASK_NUMBERS_MAX: usize = 1 << 28;

/// A batch in the form of the graph's inputs.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Texts.
    pub texts: usize,
    /// Tokens of the longest.
    pub tokens: usize,
    /// [texts, tokens].
    pub ids: Vec<i64>,
    /// [texts, 1, 1, tokens].
    pub mask_bias: Vec<f32>,
    /// [texts, 1, tokens].
    pub pool: Vec<f32>,
    /// [texts, classes].
    pub set_bias: Vec<f32>,
    /// [texts, 1].
    pub weight: Vec<f32>,
    /// [texts, classes]: what smoothing asks of each class; empty without smoothing.
    pub spread: Vec<f32>,
}

impl Batch {
    /// Pads rows, each its tokens, the classes that are true of it and what it counts for.
    pub fn new<'a>(
        rows: impl Iterator<Item = (&'a [u32], &'a [usize], f32)> + Clone,
        loss: &Loss,
        pooling: Pooling,
    ) -> Self {
        let classes = loss.class_weights.len();
        let texts = rows.clone().count();
        let tokens = rows.clone().map(|(ids, ..)| ids.len()).max().unwrap_or(0);
        let total: f32 =
            rows.clone().map(|(_, truth, weight)| weight * loss.weight_of(truth)).sum();
        // A batch without any weight teaches nothing.
        let unit = if total > 0.0 { 1.0 / total } else { 0.0 };
        let smoothed = loss.smoothing * unit / classes as f32;
        let mut batch = Self {
            texts,
            tokens,
            ids: vec![0; texts * tokens],
            mask_bias: vec![MASKED; texts * tokens],
            pool: vec![0.0; texts * tokens],
            set_bias: vec![MASKED; texts * classes],
            weight: Vec::with_capacity(texts),
            spread: Vec::new(),
        };
        for (text, (ids, truth, weight)) in rows.enumerate() {
            let start = text * tokens;
            let own = start..start + ids.len();
            batch.ids[own.clone()].iter_mut().zip(ids).for_each(|(to, &id)| *to = id.into());
            batch.mask_bias[own.clone()].fill(0.0);
            match pooling {
                Pooling::Mean => batch.pool[own].fill(1.0 / ids.len() as f32),
                Pooling::Cls => batch.pool[start] = 1.0,
            }
            truth.iter().for_each(|&class| batch.set_bias[text * classes + class] = 0.0);
            batch.weight.push(weight * loss.weight_of(truth) * unit);
            if loss.smoothing > 0.0 {
                batch.spread.extend(loss.class_weights.iter().map(|own| weight * own * smoothed));
            }
        }
        batch
    }

    /// The batch in parts of at most `limit` padded tokens, or of one text where that is longer,
    /// each padded to its own longest text. Rows keep what they count for in the whole batch.
    fn parts(&self, limit: usize) -> Vec<Self> {
        let tokens = self.tokens.max(1);
        let count = (self.texts * tokens).div_ceil(limit.max(1));
        let size = self.texts.div_ceil(count.max(1)).max(1).min((limit / tokens).max(1));
        (0..self.texts).step_by(size).map(|at| self.part(at, (at + size).min(self.texts))).collect()
    }

    /// Rows from `first` to before `end`.
    fn part(&self, first: usize, end: usize) -> Self {
        let rows = first * self.tokens..end * self.tokens;
        let masks = self.mask_bias[rows.clone()].chunks_exact(self.tokens);
        let length = |row: &[f32]| row.iter().filter(|bias| **bias == 0.0).count();
        let tokens = masks.map(length).max().unwrap_or(0);
        let cut = |numbers: &[f32]| -> Vec<f32> {
            let rows = numbers[rows.clone()].chunks_exact(self.tokens);
            rows.flat_map(|row| &row[..tokens]).copied().collect()
        };
        let ids = self.ids[rows.clone()].chunks_exact(self.tokens);
        let by_class = |numbers: &[f32]| {
            let classes = numbers.len() / self.texts;
            numbers[first * classes..end * classes].to_vec()
        };
        Self {
            texts: end - first,
            tokens,
            ids: ids.flat_map(|row| &row[..tokens]).copied().collect(),
            mask_bias: cut(&self.mask_bias),
            pool: cut(&self.pool),
            set_bias: by_class(&self.set_bias),
            weight: by_class(&self.weight),
            spread: by_class(&self.spread),
        }
    }

    pub(crate) fn of(examples: &[Example], rows: &[usize], loss: &Loss, pooling: Pooling) -> Self {
        let rows = rows.iter().map(|&row| {
            let Example { tokens, classes, weight } = &examples[row];
            (&tokens[..], &classes[..], *weight)
        });
        Self::new(rows, loss, pooling)
    }
}

/// What a run of the graph gives.
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
    /// The weights.
    pub weights: Weights,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Scales the loss of a graph that computes in fp16.
    pub(crate) scaler: Option<Scaler>,
    loss: String,
    logits: String,
    classes: usize,
    windows: Vec<Window>,
    /// Masks for token rows and for attention; empty where nothing is dropped out.
    masks: [Vec<f32>; 2],
    pooling: Pooling,
    arithmetic: Arithmetic,
    threads: usize,
    /// Padded tokens of a part at most.
    pub part_tokens: usize,
    sums: Sums,
}

impl Stepper {
    /// Makes the session. `largest` is the largest batch, texts and tokens, that will come;
    /// `seed` decides a new head and the dropout masks.
    pub fn new(
        runtime: &Runtime,
        graph: TrainingGraph,
        device: Option<i32>,
        threads: usize,
        largest: (usize, usize),
        seed: i64,
    ) -> Result<Self, Error> {
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
            .and_then(|mut builder| builder.commit_from_memory(&graph.model))?;
        let part_tokens = if device.is_none() { PART_TOKENS } else { PART_TOKENS_CUDA };
        let (texts, tokens) = largest;
        let largest = (texts.min((part_tokens / tokens.max(1)).max(1)), tokens);
        let masks = masks(&graph, largest, seed)?;
        let classes = graph.parameters.last().map_or(0, |bias| bias.shape[0] as usize);
        Ok(Self {
            session,
            weights: Weights::new(graph.parameters, seed),
            optimiser: AdamW::new(threads),
            scaler: (graph.arithmetic == Arithmetic::Fp16).then(Scaler::new),
            loss: graph.loss,
            logits: graph.logits,
            classes,
            windows: graph.windows,
            masks,
            pooling: graph.pooling,
            arithmetic: graph.arithmetic,
            threads,
            part_tokens,
            sums: Sums::default(),
        })
    }

    /// How the text's vector is made.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// What the matrix products are computed in.
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
        let (loss, applied) = if batch.texts * batch.tokens > self.part_tokens && batch.texts > 1 {
            self.learn_in_parts(batch, rates, seed)?
        } else {
            self.learn_at_once(batch, rates, seed)?
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
        let Self { session, weights, optimiser, loss, windows, masks, classes, scaler, .. } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        let starts = starts(windows, masks, batch, seed);
        let inputs = inputs(weights, batch, (masks, &starts), *classes, scaler.map(|_| &scale))?;
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
        let Self {
            session, weights, optimiser, loss, windows, masks, classes, scaler, sums, ..
        } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        sums.clear();
        let mut total = 0.0;
        for (at, part) in batch.parts(self.part_tokens).iter().enumerate() {
            let starts = starts(windows, masks, part, seed.wrapping_add(at as u64));
            let inputs = inputs(weights, part, (masks, &starts), *classes, scaler.map(|_| &scale))?;
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

    /// Loss, logits and the gradient of every weight for a batch, without learning; in fp16 the
    /// gradients are those of the scaled loss.
    pub fn gradients(&mut self, batch: &Batch) -> Result<Gradients, Error> {
        let Self { session, weights, loss, logits, windows, masks, classes, scaler, .. } = self;
        let scale = scaler.map_or([1.0], |scaler| [scaler.scale]);
        let starts = starts(windows, masks, batch, 0);
        let inputs = inputs(weights, batch, (masks, &starts), *classes, scaler.map(|_| &scale))?;
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

fn no_gradient() -> Error {
    Error::new(FailureKind::System, "a gradient is missing")
}

/// Masks of 0 and 1/(1 − rate), drawn once: fresh ones for every step would cost too much.
fn masks(
    graph: &TrainingGraph,
    largest: (usize, usize),
    seed: i64,
) -> Result<[Vec<f32>; 2], Error> {
    let mut masks = [Vec::new(), Vec::new()];
    for (at, mask) in masks.iter_mut().enumerate() {
        let rate = graph.rates[at];
        if rate == 0.0 {
            continue;
        }
        let windows = graph.windows.iter().filter(|window| mask_of(**window) == at);
        let longest = windows.map(|window| window.length(largest.0, largest.1)).max().unwrap_or(0);
        let length = (longest + longest / 4).max(MASK_NUMBERS_MIN);
        if length > MASK_NUMBERS_MAX {
            return Err(Error::new(FailureKind::Limit, "the batches are too large")
                .hint("choose a smaller batch_size or max_tokens"));
        }
        let mut random = fastrand::Rng::with_seed((seed as u64) ^ (0xD0 + at as u64));
        let kept = 1.0 / (1.0 - rate);
        mask.extend((0..length).map(|_| if random.f32() < rate { 0.0 } else { kept }));
    }
    Ok(masks)
}

/// Which mask a window is cut from.
fn mask_of(window: Window) -> usize {
    usize::from(matches!(window, Window::Attention(_)))
}

/// Where each window begins in its mask.
fn starts(windows: &[Window], masks: &[Vec<f32>; 2], batch: &Batch, seed: u64) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(seed);
    windows
        .iter()
        .map(|&window| {
            let length = window.length(batch.texts, batch.tokens);
            random.usize(..=masks[mask_of(window)].len().saturating_sub(length)) as i64
        })
        .collect()
}

type Inputs<'v> = Vec<(Cow<'v, str>, SessionInputValue<'v>)>;

fn inputs<'v>(
    weights: &'v Weights,
    batch: &'v Batch,
    (masks, starts): (&'v [Vec<f32>; 2], &'v [i64]),
    classes: usize,
    scale: Option<&'v [f32; 1]>,
) -> Result<Inputs<'v>, Error> {
    let Batch { texts, tokens, .. } = *batch;
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
    add("mask_bias", vec![texts, 1, 1, tokens], &batch.mask_bias)?;
    add("pool", vec![texts, 1, tokens], &batch.pool)?;
    add("set_bias", vec![texts, classes], &batch.set_bias)?;
    add("weight", vec![texts, 1], &batch.weight)?;
    if !batch.spread.is_empty() {
        add("spread", vec![texts, classes], &batch.spread)?;
    }
    if let Some(scale) = scale {
        add("loss_scale", vec![1], scale)?;
    }
    for (name, mask) in ["dropout_hidden", "dropout_attention"].into_iter().zip(masks) {
        if !mask.is_empty() {
            add(name, vec![mask.len()], mask)?;
        }
    }
    let ids = TensorRef::from_array_view((vec![texts, tokens], &batch.ids[..]))?;
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
