//! Gradients and loss curves against PyTorch's, which reference.py stored in expected.json.

use crate::support::{root, runtime};
use crm_ai_infer::Runtime;
use crm_ai_model::{Arithmetic, Checkpoint, Gradient, TrainingOptions};
use crm_ai_train::{Batch, Loss, Rates, Stepper, Weights};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Expected {
    gradients: Vec<Case>,
    curves: Vec<Curve>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: u64,
    smoothing: f32,
    mean: bool,
    /// Whether a row may have several classes.
    several: bool,
    rows: Vec<Row>,
    weights: Vec<f32>,
    loss: f32,
    logits: Vec<f32>,
    gradients: BTreeMap<String, Sample>,
}

#[derive(Deserialize)]
struct Row {
    ids: Vec<u32>,
    classes: Vec<usize>,
    weight: f32,
}

/// A gradient's length and some of its numbers.
#[derive(Deserialize)]
struct Sample {
    norm: f64,
    at: Vec<usize>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Curve {
    name: String,
    classes: u64,
    smoothing: f32,
    weights: Vec<f32>,
    /// Whether all rows count once.
    once: bool,
    losses: Vec<f32>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("expected.json")).unwrap()
}

fn stepper(runtime: &Runtime, case: &Case) -> Stepper {
    let options = TrainingOptions {
        classes: case.classes,
        keep_head: !case.mean,
        pooling: None,
        label_smoothing: case.smoothing,
        multi_label: case.several,
        dropout: false,
        arithmetic: Arithmetic::Fp32,
        emulated: false,
    };
    make(runtime, &case.name, &options)
}

/// One that computes a curve in other arithmetic.
fn stepper_in(
    runtime: &Runtime,
    curve: &Curve,
    (arithmetic, emulated): (Arithmetic, bool),
) -> Stepper {
    let options = TrainingOptions {
        classes: curve.classes,
        keep_head: true,
        pooling: None,
        label_smoothing: curve.smoothing,
        multi_label: false,
        dropout: false,
        arithmetic,
        emulated,
    };
    make(runtime, &curve.name, &options)
}

fn make(runtime: &Runtime, name: &str, options: &TrainingOptions) -> Stepper {
    let checkpoint = Checkpoint::open(&root("tests/fixtures/model").join(name)).unwrap();
    let graph = checkpoint.training_graph(options).unwrap();
    Stepper::new(runtime, graph, None, 1, (8, 16), 1).unwrap()
}

fn batch(rows: &[Row], loss: &Loss, stepper: &Stepper) -> Batch {
    let rows = rows.iter().map(|row| (&row.ids[..], &row.classes[..], row.weight));
    Batch::new(rows, loss, stepper.pooling())
}

/// Each checkpoint's tensor with its whole gradient, by PyTorch's name.
fn by_tensor(weights: &Weights, found: &[Vec<f32>], ids: &[i64]) -> BTreeMap<String, Vec<f64>> {
    let mut tensors = BTreeMap::new();
    for (weight, gradient) in weights.0.iter().zip(found) {
        let parameter = &weight.parameter;
        let mut whole = vec![0.0_f64; weight.values.len()];
        let width = weight.width();
        match parameter.gradient {
            Gradient::TokenRows(_) => {
                for (&id, row) in ids.iter().zip(gradient.chunks_exact(width)) {
                    let own = &mut whole[id as usize * width..][..width];
                    own.iter_mut().zip(row).for_each(|(sum, slope)| *sum += f64::from(*slope));
                }
            }
            Gradient::RowsFrom(_, first) => {
                whole[first * width..]
                    .iter_mut()
                    .zip(gradient)
                    .for_each(|(sum, slope)| *sum = f64::from(*slope));
            }
            Gradient::Dense(_) => whole = gradient.iter().map(|slope| f64::from(*slope)).collect(),
        }
        let parts = whole.chunks_exact(whole.len() / parameter.tensors.len());
        for (name, part) in parameter.tensors.iter().zip(parts) {
            let name = name.replace(".gamma", ".weight").replace(".beta", ".bias");
            tensors.insert(name, part.to_vec());
        }
    }
    tensors
}

#[test]
fn gradients_are_those_of_pytorch_in_double_precision() {
    let runtime = runtime();
    for case in expected().gradients {
        let mut stepper = stepper(runtime, &case);
        if case.mean {
            // The head that reference.py makes.
            let weights = &mut stepper.weights_mut().unwrap().0;
            let head = weights.len() - 2;
            let values = &mut weights[head].values;
            values.iter_mut().enumerate().for_each(|(at, w)| *w = (at as f64).sin() as f32 * 0.05);
        }
        let loss = Loss {
            smoothing: case.smoothing,
            class_weights: case.weights,
            multi_label: case.several,
        };
        let batch = batch(&case.rows, &loss, &stepper);
        let found = stepper.gradients(&batch).unwrap();
        assert!((found.loss - case.loss).abs() < 1e-5, "{}: loss {}", case.name, found.loss);
        for (found, logit) in found.logits.iter().zip(&case.logits) {
            assert!((found - logit).abs() < 1e-5, "{}: logit {found} for {logit}", case.name);
        }
        let tensors = by_tensor(stepper.weights().unwrap(), &found.of_weights, &batch.ids);
        let mut compared = 0;
        for (name, sample) in &case.gradients {
            // A key's bias moves all scores of a token alike: its gradient is zero but for rounding.
            if sample.norm < 1e-9 {
                continue;
            }
            let bare = name.strip_prefix("encoder.").filter(|_| case.mean).unwrap_or(name);
            let bare = bare.replace("head.", "classifier.");
            let Some(tensor) = tensors.get(bare.as_str()) else {
                // The encoder's pooler is not used under the mean.
                assert!(case.mean && name.contains("pooler"), "{}: {name}", case.name);
                continue;
            };
            let norm = tensor.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
            assert!((norm / sample.norm - 1.0).abs() < 1e-5, "{} {name}: {norm}", case.name);
            for (&at, value) in sample.at.iter().zip(&sample.values) {
                let off = (tensor[at] - value).abs();
                assert!(off < 1e-5 * sample.norm, "{} {name} {at}: off by {off}", case.name);
            }
            compared += 1;
        }
        assert!(compared > 30, "{}: {compared} tensors", case.name);
    }
}

/// Rows as reference.py draws them.
fn drawn(seed: u64, texts: usize, classes: u64, vocabulary: u64) -> Vec<Row> {
    let mut state = seed;
    let mut below = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    (0..texts)
        .map(|_| {
            let length = 3 + below(10);
            let ids = (0..length).map(|_| 1 + below(vocabulary - 1) as u32).collect();
            let classes = vec![below(classes) as usize];
            Row { ids, classes, weight: 1.0 + below(2) as f32 }
        })
        .collect()
}

/// The losses of fifty steps. A step that was left out since its gradients overflowed is done again
/// under the smaller factor.
fn curve(stepper: &mut Stepper, curve: &Curve) -> Vec<f32> {
    let loss = Loss {
        smoothing: curve.smoothing,
        class_weights: curve.weights.clone(),
        multi_label: false,
    };
    let step = |step: u16| {
        let mut rows = drawn(100 + u64::from(step) % 5, 8, curve.classes, 13);
        rows.iter_mut().filter(|_| curve.once).for_each(|row| row.weight = 1.0);
        let step = f32::from(step);
        let share = if step < 10.0 { step / 10.0 } else { (50.0 - step) / 40.0 };
        let rates = Rates { learning_rate: 5e-4 * share, weight_decay: 0.01 };
        let batch = batch(&rows, &loss, stepper);
        (0..8).find_map(|_| stepper.learn(&batch, rates, 0).unwrap()).unwrap()
    };
    (0..50).map(step).collect()
}

fn farthest(found: &[f32], expected: &[f32]) -> f32 {
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// With and without class weights and label smoothing; whole batches, and batches that go through
/// the graph in parts whose gradients are summed.
#[test]
fn fifty_steps_lose_as_much_as_hugging_faces_trainer_does() {
    let runtime = runtime();
    for expected in expected().curves {
        for part_tokens in [usize::MAX, 24] {
            let mut stepper = stepper_in(runtime, &expected, (Arithmetic::Fp32, false));
            stepper.part_tokens = part_tokens;
            let off = farthest(&curve(&mut stepper, &expected), &expected.losses);
            assert!(off < 1e-3, "smoothing {}, parts of {part_tokens}: {off}", expected.smoothing);
        }
    }
}

/// Factors and products of 16 bits, weights and all else of 32, the loss scaled in fp16: about the
/// same losses.
#[test]
fn sixteen_bits_lose_about_as_much() {
    let runtime = runtime();
    for expected in expected().curves {
        for (arithmetic, tolerance) in [(Arithmetic::Fp16, 5e-3), (Arithmetic::Bf16, 2e-2)] {
            let mut stepper = stepper_in(runtime, &expected, (arithmetic, true));
            let off = farthest(&curve(&mut stepper, &expected), &expected.losses);
            assert!(off < tolerance, "{arithmetic:?}: {off}");
            assert!(off > 1e-5, "{arithmetic:?} as in 32 bits: {off}");
        }
    }
}

/// The graph of a CUDA device: on the processor the runtime computes its products in 32 bits, so
/// that what is shown is that it can be loaded, that it is the same function, and its scaling.
#[test]
fn the_graph_of_a_graphics_processor_is_the_same_function() {
    let expected = &expected().curves[1];
    let mut stepper = stepper_in(runtime(), expected, (Arithmetic::Fp16, false));
    stepper.part_tokens = 24;
    let off = farthest(&curve(&mut stepper, expected), &expected.losses);
    assert!(off < 1e-3, "{off}");
}
