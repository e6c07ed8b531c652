//! A batch in the form of the training graph's inputs.

use crate::dataset::Example;
use crate::loss::Loss;
use crm_ai_model::Pooling;

/// Score of a padded position or of a class outside a label's set: its exponential is zero.
const MASKED: f32 = -10_000.0;

/// Output layer of a graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Number of classes.
    pub classes: usize,
    /// True if a text may have several.
    pub multi_label: bool,
}

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
    /// [texts, classes]: `set_bias` of the graph, or `target` where a text may have several.
    pub truth: Vec<f32>,
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
            truth: vec![if loss.multi_label { 0.0 } else { MASKED }; texts * classes],
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
            let own = if loss.multi_label { 1.0 } else { 0.0 };
            truth.iter().for_each(|&class| batch.truth[text * classes + class] = own);
            batch.weight.push(weight * loss.weight_of(truth) * unit);
            if loss.smoothing > 0.0 {
                batch.spread.extend(loss.class_weights.iter().map(|own| weight * own * smoothed));
            }
        }
        batch
    }

    /// One text of one token, to see whether the graph can be run at all.
    pub(crate) fn to_try(head: Head, has_spread: bool) -> Self {
        Self {
            texts: 1,
            tokens: 1,
            ids: vec![0],
            mask_bias: vec![0.0],
            pool: vec![1.0],
            truth: vec![0.0; head.classes],
            weight: vec![1.0],
            spread: if has_spread { vec![0.0; head.classes] } else { Vec::new() },
        }
    }

    /// The batch in parts of at most `limit` padded tokens, or of one text where that is longer,
    /// each padded to its own longest text. Rows keep what they count for in the whole batch.
    pub(crate) fn parts(&self, limit: usize) -> Vec<Self> {
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
            truth: by_class(&self.truth),
            weight: by_class(&self.weight),
            spread: by_class(&self.spread),
        }
    }

    /// The inputs of 32-bit floats that are made of the batch, with their shapes.
    pub(crate) fn floats(&self, head: Head) -> Vec<(&'static str, Vec<usize>, &[f32])> {
        let Self { texts, tokens, .. } = *self;
        let Head { classes, multi_label } = head;
        let truth = if multi_label { "target" } else { "set_bias" };
        let mut floats = vec![
            ("mask_bias", vec![texts, 1, 1, tokens], &self.mask_bias[..]),
            ("pool", vec![texts, 1, tokens], &self.pool),
            (truth, vec![texts, classes], &self.truth),
            ("weight", vec![texts, 1], &self.weight),
        ];
        if !self.spread.is_empty() {
            floats.push(("spread", vec![texts, classes], &self.spread));
        }
        floats
    }

    pub(crate) fn of(examples: &[Example], rows: &[usize], loss: &Loss, pooling: Pooling) -> Self {
        let rows = rows.iter().map(|&row| {
            let Example { tokens, classes, weight } = &examples[row];
            (&tokens[..], &classes[..], *weight)
        });
        Self::new(rows, loss, pooling)
    }
}
