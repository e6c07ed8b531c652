//! From labelled records to a model's folder.

use crate::bins::bin;
use crate::boost::{Fit, Growing, Judged, Options, TrainingData};
use crate::calibration::Calibration;
use crate::error::Error;
use crate::export;
use crate::features::Features;
use crate::grow::Shape;
use crate::survey::{Classes, survey, training_rows};
use crate::tree::{Forest, Tree};
use serde::{Deserialize, Serialize};
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

/// Progress of the training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Rounds done or passed over.
    pub step: u64,
    /// Rounds in all.
    pub of: u64,
    /// Passes over the rows: rounds done, without those passed over.
    pub passes: u64,
    /// Mean loss of the rows that this round was judged on.
    pub loss: f64,
}

/// All that a training knows between two rounds beside its rows and options. One that goes on from
/// it, with the same rows and options, ends with the very model of one that was never cut off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Results of each tree shape that was tried, on the kept-back rows.
    tried: Vec<Judged>,
    /// The trees of the next shape, or, where all were tried, those of the model.
    growing: Growing,
    /// Rounds done in all.
    passes: u64,
}

/// Is told of each round and of the state after it; says whether to go on.
type Report<'a> = dyn FnMut(&Progress, &State) -> bool + 'a;

/// A model that was learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Features of a record.
    pub features: Features,
    /// The forest.
    pub forest: Forest,
}

/// Learns to tell a record's label. `rows` are records without the target, with their labels;
/// `report` is told of each round and of the state after it, and says whether to go on. `from` is
/// such a state of the same rows and options; one that cannot be theirs is left alone. The same
/// rows in the same order, with the same options, give the same bytes, from whichever state.
pub fn train(
    rows: &[(&Map<String, Value>, &str)],
    options: &Options,
    from: Option<State>,
    report: &mut Report<'_>,
) -> Result<Trained, Error> {
    let classes = Classes::of(rows.iter().map(|(_, label)| *label))?;
    let records: Vec<&Map<String, Value>> = rows.iter().map(|(record, _)| *record).collect();
    let mut features = survey(&records, &classes)?;
    let matrix = training_rows(&features, &records, &classes, options.seed);
    let width = features.width();
    let binned = bin(&matrix, width, &features.categories());
    let weights = weights(&classes, options.balance_classes);
    let data = TrainingData {
        matrix: &matrix,
        width,
        binned: &binned,
        truth: &classes.of_rows,
        weights: &weights,
        classes: classes.labels.len(),
    };
    let (grown, calibration) = learn(&data, &classes, options, from, report)?;
    features.calibration = Some(calibration);
    features.importances = importances(&features, &grown.gains);
    let forest = forest(&data, grown, calibration);
    Ok(Trained { features, forest })
}

/// Chooses shape and number of the trees on kept-back rows, calibrates on them, and grows the
/// trees on all rows.
fn learn(
    data: &TrainingData<'_>,
    classes: &Classes,
    options: &Options,
    from: Option<State>,
    report: &mut Report<'_>,
) -> Result<(Growing, Calibration), Error> {
    let all: Vec<u32> = (0..data.truth.len() as u32).collect();
    let held = keep_back(classes, options.seed);
    let mut is_held = vec![false; all.len()];
    held.iter().for_each(|&row| is_held[row as usize] = true);
    let kept: Vec<u32> = all.iter().copied().filter(|&row| !is_held[row as usize]).collect();
    let leaf_rows = (all.len() / 50).clamp(1, LEAF_ROWS_MAX);
    let shapes = SHAPES.map(|(leaves, depth)| Shape { leaves, depth, leaf_rows });
    let tries: &[Shape] = if held.is_empty() { &[] } else { &shapes };
    let most = if held.is_empty() { BLIND_ROUNDS_MAX } else { u32::MAX };
    let rounds = options.rounds.min(most) as usize;
    let of = rounds * (1 + tries.len());

    let begin = |tried: usize| {
        Growing::begin(data, if tried < tries.len() { &kept } else { &all }, options.seed)
    };
    let state = from.filter(|state| state.fits(data, tries.len(), held.len()));
    let begun = || State { tried: Vec::new(), growing: begin(0), passes: 0 };
    let mut state = state.unwrap_or_else(begun);
    while let Some(&shape) = tries.get(state.tried.len()) {
        let fit = Fit { data, rows: &kept, held: &held, options, rounds, shape };
        state.go_through(&fit, (state.tried.len() * rounds, of), report)?;
        let next = begin(state.tried.len() + 1);
        state.tried.push(std::mem::replace(&mut state.growing, next).best);
    }
    let tried = state.tried.iter().zip(tries);
    let best = tried.reduce(|best, other| if other.0.loss < best.0.loss { other } else { best });
    let (rounds, shape, calibration) = match best {
        None => (rounds, shapes[0], Calibration::NONE),
        Some((judged, &shape)) => {
            let truth: Vec<usize> = held.iter().map(|&row| data.truth[row as usize]).collect();
            let weights: Vec<f32> = held.iter().map(|&r| data.weights[r as usize]).collect();
            let fitted = Calibration::fit(&judged.sums, &truth, &weights, data.classes);
            (judged.rounds, shape, fitted)
        }
    };
    let fit = Fit { data, rows: &all, held: &[], options, rounds, shape };
    state.go_through(&fit, (of - rounds, of), report)?;
    Ok((state.growing, calibration))
}

impl State {
    /// True if the state is valid for such rows, of which `held` were kept back for that many
    /// tries.
    fn fits(&self, data: &TrainingData<'_>, tries: usize, held: usize) -> bool {
        let unseen = if self.tried.len() < tries { held } else { 0 };
        self.tried.len() <= tries
            && self.tried.iter().all(|judged| judged.fits(held * data.sums()))
            && self.growing.fits(data, unseen)
    }

    /// Grows trees until there are enough; `passed` are the steps before, out of `of`.
    fn go_through(
        &mut self,
        fit: &Fit<'_>,
        (passed, of): (usize, usize),
        report: &mut Report<'_>,
    ) -> Result<(), Error> {
        loop {
            let loss = self.growing.judge(fit);
            let step = (passed + self.growing.rounds) as u64;
            let progress = Progress { step, of: of as u64, passes: self.passes, loss };
            if !report(&progress, self) {
                return Err(Error::Stopped);
            }
            if self.growing.is_over(fit) {
                return Ok(());
            }
            self.growing.grow(fit);
            self.passes += 1;
        }
    }
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

/// Weight of each row: 1, or such that all classes have the same total weight.
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
fn forest(data: &TrainingData<'_>, grown: Growing, calibration: Calibration) -> Forest {
    let Calibration { scale, offset, .. } = calibration;
    let begin = |base: &f32| (scale * f64::from(*base) + offset) as f32;
    let scale = scale as f32;
    let sums = data.sums();
    let (scale, offset) = match &grown.base[..] {
        [base] => (vec![0.0, scale], vec![0.0, begin(base)]),
        bases => (vec![scale; bases.len()], bases.iter().map(begin).collect()),
    };
    let mut trees = grown.trees;
    if trees.is_empty() {
        // The graph's operator wants a tree for each sum.
        trees = vec![Tree(vec![crate::tree::Node::Leaf(0.0)]); sums];
    }
    Forest { width: data.width, sums, trees, scale, offset }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    type Row = (Map<String, Value>, String);

    /// Classes that depend on numbers, categories and what is missing, and on chance.
    fn rows(count: usize, classes: usize) -> Vec<Row> {
        let mut draws = fastrand::Rng::with_seed(count as u64);
        let row = |number: usize| {
            let (amount, shop) = (draws.usize(..90), draws.usize(..5));
            let record = json!({
                "amount": if shop == 4 { json!(null) } else { json!(amount) },
                "shop": format!("shop {shop}"),
                "noise": draws.f64(),
            });
            let by_chance = draws.usize(..4) == 0;
            let class = if by_chance { number } else { amount / 30 + shop } % classes;
            (record.as_object().unwrap().clone(), class.to_string())
        };
        (0..count).map(row).collect()
    }

    /// The model's bytes and all that was told.
    fn learn(rows: &[Row], options: &Options, from: Option<State>) -> (Vec<u8>, Vec<Progress>) {
        let mut told = Vec::new();
        let trained = go(rows, options, from, &mut |progress, _| {
            told.push(*progress);
            true
        });
        (trained, told)
    }

    fn go(rows: &[Row], options: &Options, from: Option<State>, to: &mut Report<'_>) -> Vec<u8> {
        let rows: Vec<_> = rows.iter().map(|(record, label)| (record, label.as_str())).collect();
        let trained = train(&rows, options, from, to).unwrap();
        let graph = export::model(&trained.forest, &trained.features.labels);
        [trained.features.to_json(), graph.to_bytes()].concat()
    }

    fn options(rounds: u32, learning_rate: f64) -> Options {
        Options { rounds, learning_rate, balance_classes: true, seed: 3 }
    }

    /// Two classes, three, rows too few to keep any back, and passes that end for want of a gain.
    #[test]
    fn a_training_goes_on_from_any_round() {
        for (count, classes, rounds, rate) in
            [(200, 2, 6, 0.1), (200, 3, 4, 0.1), (40, 2, 5, 0.1), (200, 2, 60, 1.0)]
        {
            let (rows, options) = (rows(count, classes), options(rounds, rate));
            let mut states = Vec::new();
            let whole = go(&rows, &options, None, &mut |progress, state| {
                states.push((*progress, state.clone()));
                true
            });
            let stops_early = states.windows(2).any(|pair| pair[1].0.step > pair[0].0.step + 1);
            assert_eq!(stops_early, rounds == 60);
            let last = states.last().unwrap().0;
            assert_eq!((last.step, last.of), (last.of, states[0].0.of));
            for (number, (at, state)) in states.iter().enumerate() {
                let (model, told) = learn(&rows, &options, Some(state.clone()));
                assert!(model == whole, "{at:?} of {count} rows");
                let rest: Vec<Progress> = states[number..].iter().map(|(told, _)| *told).collect();
                assert_eq!(told, rest);
            }
        }
    }

    #[test]
    fn a_state_that_cannot_be_of_these_rows_is_left_alone() {
        let (mine, options) = (rows(200, 2), options(5, 0.1));
        let (whole, told) = learn(&mine, &options, None);
        for (count, classes) in [(201, 2), (200, 3), (40, 2)] {
            let mut states = Vec::new();
            go(&rows(count, classes), &options, None, &mut |_, state| {
                states.push(state.clone());
                true
            });
            for state in states {
                assert!(learn(&mine, &options, Some(state)) == (whole.clone(), told.clone()));
            }
        }
    }

    #[test]
    fn a_training_is_given_up_when_told_to() {
        let rows = rows(200, 2);
        let rows: Vec<_> = rows.iter().map(|(record, label)| (record, label.as_str())).collect();
        let stopped = train(&rows, &options(5, 0.1), None, &mut |progress, _| progress.step < 7);
        assert_eq!(stopped.unwrap_err(), Error::Stopped);
    }
}
