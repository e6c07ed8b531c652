//! A linear-chain CRF trained by stochastic gradients.
//!
//! Adaptive subgradients with regularised dual averaging (Duchi, Hazan and Singer, 2011, section
//! 5.3): the L1 penalty leaves most weights at exactly zero. `crfs` trains the same model, but its
//! trainers pass over all weights for every row: hours for what takes a minute here.

use std::collections::HashMap;
use std::fmt::Write;

/// Step size, L1 penalty per row, passes over the rows.
const ETA: f64 = 0.2;
const L1: f64 = 3e-6;
const EPOCHS: usize = 20;

/// A row in numbers: attributes and label of each token.
struct Sequence {
    tokens: Vec<Vec<usize>>,
    labels: Vec<usize>,
    weight: f64,
}

/// A row as attributes of each word, the words' labels, and what the row counts.
pub type Example = (Vec<Vec<String>>, Vec<String>, f64);

/// Fits the examples and gives the weights in the form of `crfs::Model::dump`, which `tagger::pack`
/// reads.
pub fn fit(examples: impl IntoIterator<Item = Example>) -> String {
    let mut trainer = Trainer::default();
    for (tokens, labels, weight) in examples {
        trainer.add(tokens, &labels, weight);
    }
    trainer.train()
}

/// The rows in numbers, and the names of attributes and labels.
#[derive(Default)]
struct Trainer {
    attributes: HashMap<String, usize>,
    names: Vec<String>,
    labels: Vec<String>,
    sequences: Vec<Sequence>,
}

/// Sums of gradients and of their squares; weights follow from them.
struct Weights {
    gradients: Vec<f64>,
    squares: Vec<f64>,
    /// Pairs that occur: only these have weights.
    is_seen: Vec<bool>,
    steps: f64,
}

impl Weights {
    fn new(count: usize) -> Self {
        Self {
            gradients: vec![0.0; count],
            squares: vec![0.0; count],
            is_seen: vec![false; count],
            steps: 0.0,
        }
    }

    fn get(&self, at: usize) -> f64 {
        let sum = self.gradients[at];
        let excess = sum.abs() - L1 * self.steps;
        if excess <= 0.0 || !self.is_seen[at] {
            return 0.0;
        }
        -sum.signum() * ETA * excess / (1e-2 + self.squares[at].sqrt())
    }

    fn add(&mut self, at: usize, gradient: f64) {
        if self.is_seen[at] {
            self.gradients[at] += gradient;
            self.squares[at] += gradient * gradient;
        }
    }
}

impl Trainer {
    fn add(&mut self, tokens: Vec<Vec<String>>, labels: &[String], weight: f64) {
        let tokens = tokens
            .into_iter()
            .map(|attributes| attributes.into_iter().map(|name| self.attribute(name)).collect())
            .collect();
        let labels = labels.iter().map(|label| self.label(label)).collect();
        self.sequences.push(Sequence { tokens, labels, weight });
    }

    fn attribute(&mut self, name: String) -> usize {
        let next = self.names.len();
        *self.attributes.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }

    fn label(&mut self, name: &str) -> usize {
        self.labels.iter().position(|label| label == name).unwrap_or_else(|| {
            self.labels.push(name.to_owned());
            self.labels.len() - 1
        })
    }

    fn train(&self) -> String {
        let count = self.labels.len();
        let mut states = Weights::new(self.names.len() * count);
        let mut transitions = Weights::new(count * count);
        for row in &self.sequences {
            for (token, label) in row.tokens.iter().zip(&row.labels) {
                token.iter().for_each(|attribute| states.is_seen[attribute * count + label] = true);
            }
            for pair in row.labels.windows(2) {
                transitions.is_seen[pair[0] * count + pair[1]] = true;
            }
        }
        // A stride that shares no factor with the count visits every row once.
        let stride = stride(self.sequences.len());
        for epoch in 0..EPOCHS {
            let mut loss = 0.0;
            for step in 0..self.sequences.len() {
                let row = &self.sequences[step * stride % self.sequences.len()];
                loss += row.weight * self.step(row, &mut states, &mut transitions);
                states.steps += 1.0;
                transitions.steps += 1.0;
            }
            eprintln!("epoch {epoch}: loss {loss:.1}");
        }
        self.dump(&states, &transitions)
    }

    /// Takes one row's gradients into account; gives its negative log-likelihood.
    fn step(&self, row: &Sequence, states: &mut Weights, transitions: &mut Weights) -> f64 {
        let count = self.labels.len();
        let length = row.tokens.len();
        let factors: Vec<f64> = (0..count * count).map(|at| transitions.get(at).exp()).collect();
        let mut scores = vec![0.0; length * count];
        for (token, scores) in row.tokens.iter().zip(scores.chunks_exact_mut(count)) {
            for attribute in token {
                for (label, score) in scores.iter_mut().enumerate() {
                    *score += states.get(attribute * count + label);
                }
            }
        }
        let (alphas, betas, log_norm) = forward_backward(&scores, &factors, count);
        let mut gold = 0.0;
        for (at, token) in row.tokens.iter().enumerate() {
            gold += scores[at * count + row.labels[at]];
            for label in 0..count {
                let marginal = alphas[at * count + label] * betas[at * count + label];
                let gradient = row.weight * (marginal - f64::from(label == row.labels[at]));
                if gradient.abs() > 1e-6 {
                    token.iter().for_each(|name| states.add(name * count + label, gradient));
                }
            }
        }
        for at in 1..length {
            gold += transitions.get(row.labels[at - 1] * count + row.labels[at]);
            let mut pairs = vec![0.0; count * count];
            for (pair, value) in pairs.iter_mut().enumerate() {
                let (from, to) = (pair / count, pair % count);
                *value = alphas[(at - 1) * count + from]
                    * factors[pair]
                    * scores[at * count + to].exp()
                    * betas[at * count + to];
            }
            let sum: f64 = pairs.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            for (pair, value) in pairs.iter().enumerate() {
                let is_gold = pair == row.labels[at - 1] * count + row.labels[at];
                transitions.add(pair, row.weight * (value / sum - f64::from(is_gold)));
            }
        }
        log_norm - gold
    }

    fn dump(&self, states: &Weights, transitions: &Weights) -> String {
        let count = self.labels.len();
        let mut dump = String::from("LABELS = {\n");
        // Writing to a string cannot fail.
        for (at, label) in self.labels.iter().enumerate() {
            let _ = writeln!(dump, "  {at:>5}: {label}");
        }
        dump.push_str("}\n\nTRANSITIONS = {\n");
        for pair in 0..count * count {
            let (from, to) = (&self.labels[pair / count], &self.labels[pair % count]);
            let _ = writeln!(dump, "  (1) {from} --> {to}: {:.6}", transitions.get(pair));
        }
        dump.push_str("}\n\nSTATE_FEATURES = {\n");
        for (at, name) in self.names.iter().enumerate() {
            for (label, target) in self.labels.iter().enumerate() {
                let weight = states.get(at * count + label);
                if weight != 0.0 {
                    let _ = writeln!(dump, "  (0) {name} --> {target}: {weight:.6}");
                }
            }
        }
        dump.push_str("}\n\n");
        dump
    }
}

/// Forward and backward variables, scaled so that their product is the marginal probability, and
/// the logarithm of the normaliser. Scores are shifted token by token to keep `exp` in range, so
/// `scores` must be within some hundreds of zero.
fn forward_backward(scores: &[f64], factors: &[f64], count: usize) -> (Vec<f64>, Vec<f64>, f64) {
    let length = scores.len() / count;
    let mut alphas = vec![0.0; scores.len()];
    let mut scales = vec![0.0; length];
    let mut log_norm = 0.0;
    for at in 0..length {
        for to in 0..count {
            let before = if at == 0 {
                1.0
            } else {
                (0..count)
                    .map(|from| alphas[(at - 1) * count + from] * factors[from * count + to])
                    .sum()
            };
            alphas[at * count + to] = before * scores[at * count + to].exp();
        }
        let row = &mut alphas[at * count..(at + 1) * count];
        scales[at] = row.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        row.iter_mut().for_each(|value| *value /= scales[at]);
        log_norm += scales[at].ln();
    }
    let mut betas = vec![1.0; scores.len()];
    for at in (0..length.saturating_sub(1)).rev() {
        for from in 0..count {
            let next = (0..count).map(|to| {
                let on = (at + 1) * count + to;
                factors[from * count + to] * scores[on].exp() * betas[on]
            });
            betas[at * count + from] = next.sum::<f64>() / scales[at + 1];
        }
    }
    (alphas, betas, log_norm)
}

/// A step through `count` rows that visits each once: near the golden section, without a divisor in
/// common with it.
fn stride(count: usize) -> usize {
    let mut stride = (count * 618 / 1000).max(1);
    while divisor(stride, count) > 1 {
        stride += 1;
    }
    stride
}

/// Greatest common divisor, by Euclid.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}
