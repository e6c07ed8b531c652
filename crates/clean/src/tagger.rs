//! Linear-chain conditional random fields: labels for the tokens of a short text.
//!
//! A model is trained by an example of this crate, packed by `pack` and compiled in. Reading is
//! done here and not by the crate `crfs` (CRFsuite in Rust), which tells neither scores nor
//! marginal probabilities: a doubtful reading must be told from a sure one. Formulas: Sutton and
//! McCallum, An Introduction to Conditional Random Fields (2012), sections 2.3 and 4.1.

mod pack;

pub use pack::{PackError, pack};

use std::collections::HashMap;

/// Takes the attributes of the tokens, in order. Implemented by `Scores`, which reads a text, and
/// by `Vec<Vec<String>>`, which keeps the attributes for training: both see the same ones.
pub trait AttributeSink {
    /// Opens the next token; attributes that follow are its own.
    fn next_token(&mut self);
    /// Adds an attribute (`word=street`) to the open token. Unknown ones are passed over.
    fn put(&mut self, attribute: &str);
}

impl AttributeSink for Vec<Vec<String>> {
    fn next_token(&mut self) {
        self.push(Vec::new());
    }

    fn put(&mut self, attribute: &str) {
        if let Some(token) = self.last_mut() {
            token.push(attribute.to_owned());
        }
    }
}

/// A trained model.
#[derive(Debug)]
pub struct Tagger {
    labels: Vec<String>,
    /// Row: label of a token; column: label of the next one.
    transitions: Vec<f64>,
    /// Row-wise exponentials of `transitions`.
    factors: Vec<f64>,
    /// Hash of an attribute → its range in `weights`.
    attributes: HashMap<u64, (u32, u32), PassThrough>,
    weights: Vec<(u8, f32)>,
}

/// A packed model that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a packed sequence model, or cut short")]
pub struct ModelError;

/// Reading of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Most probable sequence of labels (Viterbi), one for each token, as positions in
    /// `Tagger::labels`.
    pub labels: Vec<usize>,
    /// Probability of that whole sequence, 0 to 1.
    pub probability: f64,
    /// Marginal probabilities: one row for each token, one column for each label.
    marginals: Vec<f64>,
    label_count: usize,
}

impl Reading {
    /// Probability that a token has a label, over all sequences; 0 outside the text.
    pub fn marginal(&self, token: usize, label: usize) -> f64 {
        if label >= self.label_count {
            return 0.0;
        }
        self.marginals.get(token * self.label_count + label).copied().unwrap_or(0.0)
    }

    /// Marginal probability of each token's own label.
    pub fn certainties(&self) -> impl Iterator<Item = f64> + '_ {
        self.labels.iter().enumerate().map(|(token, &label)| self.marginal(token, label))
    }
}

/// The weights of a text's attributes, added up: see `Tagger::scores`.
#[derive(Debug)]
pub struct Scores<'t> {
    tagger: &'t Tagger,
    /// One row for each token, one column for each label.
    states: Vec<f64>,
}

impl AttributeSink for Scores<'_> {
    fn next_token(&mut self) {
        self.states.resize(self.states.len() + self.tagger.labels.len(), 0.0);
    }

    fn put(&mut self, attribute: &str) {
        let Some(&(start, end)) = self.tagger.attributes.get(&pack::hash(attribute)) else {
            return;
        };
        let open = self.states.len().saturating_sub(self.tagger.labels.len());
        let weights = self.tagger.weights.get(start as usize..end as usize).unwrap_or_default();
        for &(label, weight) in weights {
            if let Some(state) = self.states.get_mut(open + usize::from(label)) {
                *state += f64::from(weight);
            }
        }
    }
}

impl Tagger {
    /// Reads what `pack` wrote.
    pub fn new(packed: &[u8]) -> Result<Self, ModelError> {
        let model = pack::unpack(packed)?;
        let factors = model.transitions.iter().map(|weight| weight.exp()).collect();
        Ok(Self {
            labels: model.labels,
            transitions: model.transitions,
            factors,
            attributes: model.attributes,
            weights: model.weights,
        })
    }

    /// Names of the labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Starts a text without tokens. Memory: 8 bytes for each token and label, three times over
    /// while `read` works; callers bound the number of tokens.
    pub fn scores(&self) -> Scores<'_> {
        Scores { tagger: self, states: Vec::new() }
    }
}

impl Scores<'_> {
    /// Finds the most probable labels and how sure they are. No tokens give an empty reading of
    /// probability 1.
    pub fn read(self) -> Reading {
        let label_count = self.tagger.labels.len();
        if self.states.is_empty() || label_count == 0 {
            return Reading { labels: vec![], probability: 1.0, marginals: vec![], label_count };
        }
        let (labels, best) = self.viterbi();
        let (marginals, log_norm) = self.marginals();
        Reading { labels, probability: (best - log_norm).exp().min(1.0), marginals, label_count }
    }

    /// Best sequence and its score.
    fn viterbi(&self) -> (Vec<usize>, f64) {
        let count = self.tagger.labels.len();
        let mut rows = self.states.chunks_exact(count);
        let mut scores = rows.next().unwrap_or_default().to_vec();
        let mut back: Vec<usize> = Vec::with_capacity(self.states.len());
        for row in rows {
            let mut next = vec![f64::NEG_INFINITY; count];
            let mut from = vec![0; count];
            for (i, weights) in self.tagger.transitions.chunks_exact(count).enumerate() {
                for (j, weight) in weights.iter().enumerate() {
                    let score = scores[i] + weight;
                    if score > next[j] {
                        next[j] = score;
                        from[j] = i;
                    }
                }
            }
            for (score, state) in next.iter_mut().zip(row) {
                *score += state;
            }
            back.extend_from_slice(&from);
            scores = next;
        }
        let (mut label, best) = argmax(&scores);
        let mut labels = vec![label];
        for from in back.chunks_exact(count).rev() {
            label = from[label];
            labels.push(label);
        }
        labels.reverse();
        (labels, best)
    }

    /// Marginal probabilities by the forward-backward algorithm, each token's row scaled to keep
    /// the numbers in range, and the logarithm of the normaliser.
    fn marginals(&self) -> (Vec<f64>, f64) {
        let count = self.tagger.labels.len();
        let mut log_norm = 0.0;
        let mut states = self.states.clone();
        for row in states.chunks_exact_mut(count) {
            let (_, top) = argmax(row);
            row.iter_mut().for_each(|state| *state = (*state - top).exp());
            log_norm += top;
        }
        let mut alphas: Vec<f64> = Vec::with_capacity(states.len());
        for (token, row) in states.chunks_exact(count).enumerate() {
            let mut alpha = vec![if token == 0 { 1.0 } else { 0.0 }; count];
            if token > 0 {
                let before = &alphas[(token - 1) * count..];
                for (weights, before) in self.tagger.factors.chunks_exact(count).zip(before) {
                    for (sum, weight) in alpha.iter_mut().zip(weights) {
                        *sum += before * weight;
                    }
                }
            }
            alpha.iter_mut().zip(row).for_each(|(sum, state)| *sum *= state);
            log_norm += normalise(&mut alpha).ln();
            alphas.extend_from_slice(&alpha);
        }
        let mut beta = vec![1.0; count];
        for (row, state) in
            alphas.chunks_exact_mut(count).rev().zip(states.chunks_exact(count).rev())
        {
            row.iter_mut().zip(&beta).for_each(|(alpha, beta)| *alpha *= beta);
            normalise(row);
            let reached: Vec<f64> = state.iter().zip(&beta).map(|(s, b)| s * b).collect();
            for (sum, weights) in beta.iter_mut().zip(self.tagger.factors.chunks_exact(count)) {
                *sum = weights.iter().zip(&reached).map(|(weight, next)| weight * next).sum();
            }
            normalise(&mut beta);
        }
        (alphas, log_norm)
    }
}

/// Position and value of the largest number, the first of equals.
fn argmax(values: &[f64]) -> (usize, f64) {
    let first = (0, values.first().copied().unwrap_or(0.0));
    values.iter().enumerate().fold(
        first,
        |best, (i, &value)| {
            if value > best.1 { (i, value) } else { best }
        },
    )
}

/// Scales the numbers so that their sum is 1; gives the sum, never 0.
fn normalise(values: &mut [f64]) -> f64 {
    let sum = values.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    values.iter_mut().for_each(|value| *value /= sum);
    sum
}

/// The keys are hashes already.
#[derive(Debug, Clone, Default)]
struct PassThrough;

impl std::hash::BuildHasher for PassThrough {
    type Hasher = Key;

    fn build_hasher(&self) -> Key {
        Key(0)
    }
}

/// Hands the key on as its own hash.
struct Key(u64);

impl std::hash::Hasher for Key {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests;
