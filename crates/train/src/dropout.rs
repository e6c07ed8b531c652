//! Dropout masks: drawn once, with a window for each use.

use crate::Error;
use crate::batch::Batch;
use crm_ai_model::{TrainingGraph, Window};
use crm_ai_wire::training::FailureKind;
use ort::value::Tensor;

/// Numbers in a dropout mask at least; windows begin anywhere in it.
const MASK_NUMBERS_MIN: usize = 1 << 22;
/// Numbers in a dropout mask at most: one gigabyte.
const MASK_NUMBERS_MAX: usize = 1 << 28;
/// The graph's inputs that take the masks of token rows and of attention.
const INPUTS: [&str; 2] = ["dropout_hidden", "dropout_attention"];

/// The masks of a training graph.
#[derive(Debug)]
pub(crate) struct Dropout {
    windows: Vec<Window>,
    /// For token rows and for attention; none where nothing is dropped out.
    masks: [Option<Tensor<f32>>; 2],
}

impl Dropout {
    /// Masks of 0 and 1/(1 − rate), drawn once: fresh ones for every step would cost too much.
    /// `largest` is the largest batch, texts and tokens, that goes through the graph at a time.
    pub fn new(graph: &TrainingGraph, largest: (usize, usize), seed: i64) -> Result<Self, Error> {
        let mut masks = [None, None];
        for (at, mask) in masks.iter_mut().enumerate() {
            let rate = graph.rates[at];
            if rate == 0.0 {
                continue;
            }
            let windows = graph.windows.iter().filter(|window| mask_of(**window) == at);
            let longest =
                windows.map(|window| window.length(largest.0, largest.1)).max().unwrap_or(0);
            let length = (longest + longest / 4).max(MASK_NUMBERS_MIN);
            if length > MASK_NUMBERS_MAX {
                return Err(Error::new(FailureKind::Limit, "the batches are too large")
                    .hint("choose a smaller batch_size or max_tokens"));
            }
            let mut random = fastrand::Rng::with_seed((seed as u64) ^ (0xD0 + at as u64));
            let kept = 1.0 / (1.0 - rate);
            let draw = |_| if random.f32() < rate { 0.0 } else { kept };
            let numbers: Vec<f32> = (0..length).map(draw).collect();
            *mask = Some(Tensor::from_array(([length], numbers))?);
        }
        Ok(Self { windows: graph.windows.clone(), masks })
    }

    /// The masks by the names of the inputs that take them.
    pub fn masks(&self) -> impl Iterator<Item = (&'static str, &Tensor<f32>)> {
        INPUTS.into_iter().zip(&self.masks).filter_map(|(name, mask)| Some((name, mask.as_ref()?)))
    }

    /// The first place of each window in its mask, for the input `dropout_at`; empty without
    /// dropout.
    pub fn starts(&self, batch: &Batch, seed: u64) -> Vec<i64> {
        let mut random = fastrand::Rng::with_seed(seed);
        let length_of = |at: usize| {
            let mask = self.masks[at].as_ref();
            mask.map_or(0, |mask| mask.shape().num_elements())
        };
        let lengths = [0, 1].map(length_of);
        self.windows
            .iter()
            .map(|&window| {
                let length = window.length(batch.texts, batch.tokens);
                random.usize(..=lengths[mask_of(window)].saturating_sub(length)) as i64
            })
            .collect()
    }
}

/// The mask that a window belongs to.
fn mask_of(window: Window) -> usize {
    usize::from(matches!(window, Window::Attention(_)))
}
