//! Weights that stay on a device against weights that travel: the device's graphs, run on the
//! processor.

use crate::support::{root, runtime};
use crm_ai_model::{Arithmetic, Checkpoint, TrainingGraph, TrainingOptions};
use crm_ai_train::{Batch, Loss, Rates, Stepper};

fn graph() -> TrainingGraph {
    let base = Checkpoint::open(&root("tests/fixtures/model/bert_encoder")).unwrap();
    let options =
        TrainingOptions { dropout: true, arithmetic: Arithmetic::Fp32, ..TrainingOptions::new(3) };
    base.training_graph(&options).unwrap()
}

/// Fifty steps with decay, warm-up and clipping, whole batches and batches in parts.
#[test]
fn weights_on_a_device_learn_what_weights_on_the_host_do() {
    for part_tokens in [usize::MAX, 24] {
        let largest = (8, 16);
        let mut steppers = [
            Stepper::new(runtime(), graph(), None, 1, largest, 1).unwrap(),
            Stepper::resident_on_processor(runtime(), graph(), 1, largest, 1).unwrap(),
        ];
        let began: Vec<f32> = steppers[0].weights().unwrap().0[0].values.clone();
        for stepper in &mut steppers {
            stepper.part_tokens = part_tokens;
            let mut random = fastrand::Rng::with_seed(3);
            for step in 0..50_u16 {
                let rows: Vec<(Vec<u32>, [usize; 1])> = (0..8)
                    .map(|_| {
                        let length = random.usize(3..14);
                        let ids = (0..length).map(|_| random.u32(5..60)).collect();
                        (ids, [random.usize(..3)])
                    })
                    .collect();
                let rows = rows.iter().map(|(ids, class)| (&ids[..], &class[..], 1.0));
                let batch = Batch::new(rows, &Loss::equal(3, 0.0), stepper.pooling());
                let step = f32::from(step);
                let share = if step < 10.0 { step / 10.0 } else { (50.0 - step) / 40.0 };
                let rates = Rates { learning_rate: 5e-4 * share, weight_decay: 0.01 };
                stepper.learn(&batch, rates, step as u64).unwrap().unwrap();
            }
        }
        let [host, device] = steppers.each_mut().map(|stepper| stepper.weights().unwrap());
        for (host, device) in host.0.iter().zip(&device.0) {
            let all = [
                (&host.values, &device.values),
                (&host.mean, &device.mean),
                (&host.square, &device.square),
            ];
            for (a, b) in all {
                // A key's bias has no gradient but rounding, which AdamW makes as large as any.
                let third = a.len() / 3;
                let is_qkv = host.parameter.tensors.iter().any(|name| name.ends_with("key.bias"));
                let keys = if is_qkv { third..2 * third } else { 0..0 };
                let pairs = a.iter().zip(b).enumerate().filter(|(at, _)| !keys.contains(at));
                let off = pairs.map(|(_, (a, b))| (a - b).abs()).fold(0.0, f32::max);
                assert!(off < 1e-5, "{}: {off}", host.parameter.name);
            }
        }
        // Rows of the word table that no token named.
        let width = host.0[0].width();
        assert!(device.0[0].values[60 * width..] == began[60 * width..]);
        assert!(device.0[0].values[..60 * width] != began[..60 * width]);
    }
}
