//! From labelled records to a model's folder.

use crate::bins::bin;
use crate::boost::{Ground, Grown, Options, boost};
use crate::calibration::Calibration;
use crate::error::Error;
use crate::export;
use crate::features::Features;
use crate::grow::Shape;
use crate::survey::{Classes, survey, training_rows};
use crate::tree::{Forest, Tree};
use serde_json::{Map, Value};
use std::path::Path;

/// Share of each class's rows that is kept back inside the training: it decides the trees' shape
/// and number, and calibrates.
const HELD_SHARE: f64 = 0.2;
/// Rows that are kept back at most.
const HELD_ROWS_MAX: usize = 100_000;
/// Rows from which on some are kept back.
const HELD_FROM_ROWS: usize = 100;
/// Rows of the rarest class that are kept back at least, else none are.
const HELD_OF_CLASS_MIN: usize = 4;
/// Rounds where no rows are kept back to tell when to stop.
const BLIND_ROUNDS_MAX: u32 = 50;

/// Shapes of trees that are tried: shallow ones, which generalise from few rows and weak signals,
/// and deep ones, which find interactions. The kept-back rows choose.
const SHAPES: [(usize, usize); 2] = [(8, 3), (31, 8)];
/// Rows of a leaf at most that are asked for; small tables ask for fewer.
const LEAF_ROWS_MAX: usize = 20;

/// How far the training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Rounds done or passed over.
    pub step: u64,
    /// Rounds in all.
    pub of: u64,
    /// Mean loss of the rows that this round was judged on.
    pub loss: f64,
}

/// A model that was learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// What it reads of a record.
    pub features: Features,
    /// What it makes of that.
    pub forest: Forest,
}

/// Learns to tell a record's label. `rows` are records without the target, with their labels;
/// `report` is told of each round and says whether to go on. The same rows in the same order, with
/// the same options, give the same bytes.
pub fn train(
    rows: &[(&Map<String, Value>, &str)],
    options: &Options,
    report: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Trained, Error> {
    let classes = Classes::of(rows.iter().map(|(_, label)| *label))?;
    let records: Vec<&Map<String, Value>> = rows.iter().map(|(record, _)| *record).collect();
    let mut features = survey(&records, &classes)?;
    let matrix = training_rows(&features, &records, &classes, options.seed);
    let width = features.width();
    let binned = bin(&matrix, width, &features.categories());
    let weights = weights(&classes, options.balance_classes);
    let ground = Ground {
        matrix: &matrix,
        width,
        binned: &binned,
        truth: &classes.of_rows,
        weights: &weights,
        classes: classes.labels.len(),
    };
    let (grown, calibration) = learn(&ground, &classes, options, report)?;
    features.calibration = Some(calibration);
    features.importances = importances(&features, &grown.gains);
    let forest = forest(&ground, grown, calibration);
    Ok(Trained { features, forest })
}

/// Chooses shape and number of the trees on kept-back rows, calibrates on them, and grows the
/// trees on all rows.
fn learn(
    ground: &Ground<'_>,
    classes: &Classes,
    options: &Options,
    report: &mut dyn FnMut(&Progress) -> bool,
) -> Result<(Grown, Calibration), Error> {
    let all: Vec<u32> = (0..ground.truth.len() as u32).collect();
    let leaf_rows = (all.len() / 50).clamp(1, LEAF_ROWS_MAX);
    let shape = |(leaves, depth)| Shape { leaves, depth, leaf_rows };
    let mut options = options.clone();
    let held = keep_back(classes, options.seed);
    let rounds = u64::from(options.rounds);
    let of = rounds * if held.is_empty() { 1 } else { 1 + SHAPES.len() as u64 };
    let mut stage = |passed: u64, round: usize, loss: f64| {
        report(&Progress { step: (passed + round as u64).min(of), of, loss })
    };
    if held.is_empty() {
        options.rounds = options.rounds.min(BLIND_ROUNDS_MAX);
        let grown = boost(ground, (&all, &[]), &options, shape(SHAPES[0]), &mut |round, loss| {
            stage(0, round, loss)
        })?;
        return Ok((grown, Calibration::NONE));
    }
    let mut is_held = vec![false; all.len()];
    held.iter().for_each(|&row| is_held[row as usize] = true);
    let kept: Vec<u32> = all.iter().copied().filter(|&row| !is_held[row as usize]).collect();
    let mut best: Option<(Shape, Grown)> = None;
    for (number, candidate) in SHAPES.into_iter().enumerate() {
        let passed = number as u64 * rounds;
        let (candidate, parts) = (shape(candidate), (&kept[..], &held[..]));
        let grown = boost(ground, parts, &options, candidate, &mut |round, loss| {
            stage(passed, round, loss)
        })?;
        if best.as_ref().is_none_or(|(_, best)| grown.loss < best.loss) {
            best = Some((candidate, grown));
        }
    }
    let Some((shape, judged)) = best else { return Err(Error::Stopped) };
    let truth: Vec<usize> = held.iter().map(|&row| ground.truth[row as usize]).collect();
    let weights: Vec<f32> = held.iter().map(|&row| ground.weights[row as usize]).collect();
    let calibration = Calibration::fit(&judged.held_sums, &truth, &weights, ground.classes);
    options.rounds = judged.rounds as u32;
    let passed = of - u64::from(options.rounds);
    let grown =
        boost(ground, (&all, &[]), &options, shape, &mut |round, loss| stage(passed, round, loss))?;
    Ok((grown, calibration))
}

/// Draws the rows that are kept back, a share of each class; none where rows are too few.
fn keep_back(classes: &Classes, seed: u64) -> Vec<u32> {
    let rows = classes.of_rows.len();
    let share = HELD_SHARE.min(HELD_ROWS_MAX as f64 / rows as f64);
    let taken = |count: usize| (count as f64 * share).round() as usize;
    let rarest = classes.counts().into_iter().min().unwrap_or(0);
    if rows < HELD_FROM_ROWS || taken(rarest) < HELD_OF_CLASS_MIN {
        return Vec::new();
    }
    let mut draws = fastrand::Rng::with_seed(seed);
    let mut held = Vec::new();
    for class in 0..classes.labels.len() {
        let of_class = (0..rows as u32).filter(|&row| classes.of_rows[row as usize] == class);
        let mut of_class: Vec<u32> = of_class.collect();
        draws.shuffle(&mut of_class);
        of_class.truncate(taken(of_class.len()));
        held.append(&mut of_class);
    }
    held.sort_unstable();
    held
}

/// What each row counts for: 1, or so much that all classes count the same.
fn weights(classes: &Classes, balance: bool) -> Vec<f32> {
    let (counts, rows) = (classes.counts(), classes.of_rows.len() as f64);
    let weight = |class: usize| rows / (counts.len() as f64 * counts[class] as f64);
    let weights = classes.of_rows.iter().map(|&class| if balance { weight(class) } else { 1.0 });
    weights.map(|weight| weight as f32).collect()
}

/// Share of each column in the gain, largest first; columns without any are left out.
fn importances(features: &Features, gains: &[f64]) -> Vec<(String, f64)> {
    let mut of_columns = vec![0.0; features.columns.len()];
    features.owners().into_iter().zip(gains).for_each(|(owner, gain)| of_columns[owner] += gain);
    let total: f64 = of_columns.iter().sum();
    let named = features.columns.iter().zip(of_columns).filter(|(_, gain)| *gain > 0.0);
    let mut shares: Vec<(String, f64)> =
        named.map(|(column, gain)| (column.name.clone(), gain / total)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    shares
}

/// The trees with what their sums begin with and their calibration in one.
fn forest(ground: &Ground<'_>, grown: Grown, calibration: Calibration) -> Forest {
    let Calibration { scale, offset, .. } = calibration;
    let begin = |base: &f32| (scale * f64::from(*base) + offset) as f32;
    let scale = scale as f32;
    let sums = ground.sums();
    let (scale, offset) = match &grown.base[..] {
        [base] => (vec![0.0, scale], vec![0.0, begin(base)]),
        bases => (vec![scale; bases.len()], bases.iter().map(begin).collect()),
    };
    let mut trees = grown.trees;
    if trees.is_empty() {
        // The graph's operator wants a tree for each sum.
        trees = vec![Tree(vec![crate::tree::Node::Leaf(0.0)]); sums];
    }
    Forest { width: ground.width, sums, trees, scale, offset }
}

impl Trained {
    /// Class probabilities of a record, as the served model gives them: the softmax of
    /// [`Forest::logits`].
    pub fn probabilities(&self, record: &Map<String, Value>) -> Vec<f32> {
        let logits = self.forest.logits(&self.features.row(record));
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let parts: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f32 = parts.iter().sum();
        parts.into_iter().map(|part| part / sum).collect()
    }

    /// Writes `features.json` and `model.onnx` into a folder that exists.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        let graph = export::model(&self.forest, &self.features.labels);
        std::fs::write(folder.join("features.json"), self.features.to_json())?;
        std::fs::write(folder.join("model.onnx"), graph.to_bytes())
    }
}
