//! Fits a conditional random field by stochastic gradient with AdaGrad (Duchi, Hazan and Singer,
//! 2011), L1 by truncation, and the mean of the weights of the later epochs. Only the weights of a
//! row's own attributes are touched, which makes it many times faster than batch methods here.

use crate::rows::Random;
use std::collections::HashMap;
use std::fmt::Write;

/// A row as attributes of each word, the words' labels, and what the row counts.
pub type Example = (Vec<Vec<String>>, Vec<String>, f64);

/// What steers the fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub epochs: usize,
    pub rate: f64,
    pub l1: f64,
    pub l2: f64,
    /// Share of attributes that are hidden from the model at each step.
    pub dropout: f64,
    /// Attributes of fewer words than this are left out.
    pub count_min: usize,
}

struct Model {
    labels: Vec<String>,
    names: Vec<String>,
    /// One row for each attribute, then one for each label: its transitions.
    weights: Vec<f64>,
    squares: Vec<f64>,
    /// Sum of the weights after each of the later epochs.
    sums: Vec<f64>,
}

/// Rows of `weights` that each word touches, and its label.
struct Instance {
    words: Vec<Vec<usize>>,
    labels: Vec<usize>,
    weight: f64,
}

/// Fits the examples and writes the model in the form that `tagger::pack` reads.
pub fn fit(examples: &[Example], settings: Settings) -> String {
    let (mut model, instances) = index(examples, settings.count_min);
    let mut random = Random(7);
    let mut order: Vec<usize> = (0..instances.len()).collect();
    for epoch in 0..settings.epochs {
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        let loss: f64 =
            order.iter().map(|&at| model.step(&instances[at], settings, &mut random)).sum();
        if epoch * 2 >= settings.epochs {
            model.sums.iter_mut().zip(&model.weights).for_each(|(sum, weight)| *sum += weight);
        }
        println!("epoch {epoch}: loss {:.4} for each row", loss / instances.len() as f64);
    }
    let kept = (0..settings.epochs).filter(|epoch| epoch * 2 >= settings.epochs).count();
    model.dump(kept as f64)
}

fn index(examples: &[Example], count_min: usize) -> (Model, Vec<Instance>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let words = || examples.iter().flat_map(|(words, ..)| words);
    for attribute in words().flatten() {
        *counts.entry(attribute).or_default() += 1;
    }
    let mut names: Vec<&str> =
        counts.iter().filter(|(_, count)| **count >= count_min).map(|(name, _)| *name).collect();
    names.sort_unstable();
    let ids: HashMap<&str, usize> =
        names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let mut labels: Vec<String> =
        examples.iter().flat_map(|(_, labels, _)| labels.clone()).collect();
    labels.sort_unstable();
    labels.dedup();
    let instances = examples
        .iter()
        .map(|(words, own, weight)| Instance {
            weight: *weight,
            words: words
                .iter()
                .map(|names| {
                    names.iter().filter_map(|name| ids.get(name.as_str()).copied()).collect()
                })
                .collect(),
            labels: own
                .iter()
                .map(|label| labels.binary_search(label).unwrap_or_default())
                .collect(),
        })
        .collect();
    let size = (names.len() + labels.len()) * labels.len();
    let names = names.into_iter().map(str::to_owned).collect();
    let zeros = vec![0.0; size];
    (
        Model { labels, names, weights: zeros.clone(), squares: zeros.clone(), sums: zeros },
        instances,
    )
}

impl Model {
    /// One step along the gradient of one row's log-likelihood; gives its loss before.
    fn step(&mut self, instance: &Instance, settings: Settings, random: &mut Random) -> f64 {
        let count = self.labels.len();
        let words: Vec<Vec<usize>> = instance
            .words
            .iter()
            .map(|rows| rows.iter().copied().filter(|_| !random.chance(settings.dropout)).collect())
            .collect();
        let scores: Vec<f64> = words
            .iter()
            .flat_map(|rows| {
                let mut sums = vec![0.0; count];
                for row in rows {
                    let weights = &self.weights[row * count..(row + 1) * count];
                    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
                }
                sums
            })
            .collect();
        let base = self.names.len();
        let transitions: Vec<f64> =
            self.weights[base * count..].iter().map(|weight| weight.exp()).collect();
        let lattice = Lattice::new(&scores, &transitions, count);
        for (at, rows) in words.iter().enumerate() {
            let mut gradient = lattice.marginals[at * count..(at + 1) * count].to_vec();
            gradient[instance.labels[at]] -= 1.0;
            gradient.iter_mut().for_each(|slope| *slope *= instance.weight);
            rows.iter().for_each(|row| self.update(*row, &gradient, settings));
        }
        let mut loss = lattice.log_norm;
        loss -=
            instance.labels.iter().enumerate().map(|(at, l)| scores[at * count + l]).sum::<f64>();
        let mut gradients = lattice.pairs;
        for pair in instance.labels.windows(2) {
            gradients[pair[0] * count + pair[1]] -= 1.0;
            loss -= self.weights[(base + pair[0]) * count + pair[1]];
        }
        gradients.iter_mut().for_each(|slope| *slope *= instance.weight);
        for (label, gradient) in gradients.chunks_exact(count).enumerate() {
            self.update(base + label, gradient, settings);
        }
        loss
    }

    fn update(&mut self, row: usize, gradient: &[f64], settings: Settings) {
        let count = self.labels.len();
        let range = row * count..(row + 1) * count;
        let weights = self.weights[range.clone()].iter_mut().zip(&mut self.squares[range]);
        for ((weight, square), slope) in weights.zip(gradient) {
            if slope.abs() < 1e-6 {
                continue;
            }
            let slope = slope + settings.l2 * *weight;
            *square += slope * slope;
            let rate = settings.rate / (square.sqrt() + 1e-6);
            let moved = *weight - rate * slope;
            *weight = moved.signum() * (moved.abs() - rate * settings.l1).max(0.0);
        }
    }

    /// The mean weights in the form of CRFsuite's `dump`.
    fn dump(&self, epochs: f64) -> String {
        let mut text = "LABELS = {\n".to_owned();
        let count = self.labels.len();
        // Writing into a String cannot fail.
        for (at, label) in self.labels.iter().enumerate() {
            let _ = writeln!(text, "  {at:>5}: {label}");
        }
        text.push_str("}\n\nTRANSITIONS = {\n");
        let base = self.names.len() * count;
        for (at, sum) in self.sums[base..].iter().enumerate() {
            let (from, to) = (&self.labels[at / count], &self.labels[at % count]);
            let _ = writeln!(text, "  (1) {from} --> {to}: {:.6}", sum / epochs);
        }
        text.push_str("}\n\nSTATE_FEATURES = {\n");
        for (at, sum) in self.sums[..base].iter().enumerate().filter(|(_, sum)| **sum != 0.0) {
            let (from, to) = (&self.names[at / count], &self.labels[at % count]);
            let _ = writeln!(text, "  (0) {from} --> {to}: {:.6}", sum / epochs);
        }
        text.push_str("}\n");
        text
    }
}

/// Forward-backward over one row.
struct Lattice {
    marginals: Vec<f64>,
    /// Expected number of each transition.
    pairs: Vec<f64>,
    log_norm: f64,
}

impl Lattice {
    fn new(scores: &[f64], transitions: &[f64], count: usize) -> Self {
        let mut log_norm = 0.0;
        let mut states = scores.to_vec();
        for row in states.chunks_exact_mut(count) {
            let top = row.iter().copied().fold(f64::MIN, f64::max);
            row.iter_mut().for_each(|state| *state = (*state - top).exp());
            log_norm += top;
        }
        let words = scores.len() / count;
        let mut alphas: Vec<Vec<f64>> = Vec::with_capacity(words);
        let mut scales = Vec::with_capacity(words);
        for row in states.chunks_exact(count) {
            let mut alpha = match alphas.last() {
                None => vec![1.0; count],
                Some(before) => {
                    let mut sums = vec![0.0; count];
                    for (weights, before) in transitions.chunks_exact(count).zip(before) {
                        sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += before * w);
                    }
                    sums
                }
            };
            alpha.iter_mut().zip(row).for_each(|(sum, state)| *sum *= state);
            let scale = alpha.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            alpha.iter_mut().for_each(|value| *value /= scale);
            log_norm += scale.ln();
            scales.push(scale);
            alphas.push(alpha);
        }
        let mut pairs = vec![0.0; count * count];
        let mut marginals = vec![0.0; scores.len()];
        let mut beta = vec![1.0; count];
        for at in (0..words).rev() {
            let own = &mut marginals[at * count..(at + 1) * count];
            for ((marginal, alpha), beta) in own.iter_mut().zip(&alphas[at]).zip(&beta) {
                *marginal = alpha * beta;
            }
            if at == 0 {
                break;
            }
            let state = &states[at * count..(at + 1) * count];
            let reached: Vec<f64> =
                state.iter().zip(&beta).map(|(s, b)| s * b / scales[at]).collect();
            for (from, weights) in transitions.chunks_exact(count).enumerate() {
                let before = alphas[at - 1][from];
                let own = &mut pairs[from * count..(from + 1) * count];
                let mut sum = 0.0;
                for ((pair, weight), next) in own.iter_mut().zip(weights).zip(&reached) {
                    let step = weight * next;
                    sum += step;
                    *pair += before * step;
                }
                beta[from] = sum;
            }
        }
        Self { marginals, pairs, log_norm }
    }
}
