//! An answer depends on the text and the model alone: not on the texts that share its batch, on
//! padding, on the worker, on its threads, on what runs beside it. On 2,027 real sentences.

use crate::support::{distance, fixture, load, root, runtime, tokenise};
use crm_ai_infer::{Error, Model, Precision, Tokens, WorkerSlot};
use std::fs;

/// Largest batch; small ones are mostly padding when lengths are mixed.
const BATCH_MAX: usize = 24;

/// Every third of the sentences.
fn sentences() -> Vec<String> {
    let texts = fs::read_to_string(fixture("texts.txt")).unwrap();
    let sentences: Vec<_> = texts.lines().step_by(3).map(str::to_owned).collect();
    assert!(sentences.len() >= 2_000);
    sentences
}

/// A fixed sequence of numbers that look random (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// All indices in random order, cut into batches of random sizes.
fn batches(count: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut numbers = Numbers(seed);
    let mut order: Vec<_> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, numbers.below(last + 1));
    }
    let mut rest = &order[..];
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let (batch, others) = rest.split_at((1 + numbers.below(BATCH_MAX)).min(rest.len()));
        batches.push(batch.to_vec());
        rest = others;
    }
    batches
}

fn probabilities(
    model: &Model,
    worker_slot: impl Into<WorkerSlot>,
    texts: &[&Tokens],
) -> Result<Vec<Vec<f32>>, Error> {
    let rows = model.classify(worker_slot, texts)?;
    Ok(rows.chunks_exact(model.info().labels.len()).map(<[f32]>::to_vec).collect())
}

/// The answers of all texts when `batches` are shared out among `workers` threads.
fn batched(
    model: &Model,
    tokens: &[Tokens],
    batches: &[Vec<usize>],
    workers: usize,
) -> Vec<Vec<f32>> {
    let mut answers = vec![Vec::new(); tokens.len()];
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let own = batches.iter().skip(worker).step_by(workers);
                scope.spawn(move || {
                    let run = |batch: &Vec<usize>| {
                        let texts: Vec<_> = batch.iter().map(|&index| &tokens[index]).collect();
                        (batch.clone(), probabilities(model, worker, &texts).unwrap())
                    };
                    own.map(run).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            for (batch, rows) in thread.join().unwrap() {
                batch.into_iter().zip(rows).for_each(|(index, row)| answers[index] = row);
            }
        }
    });
    answers
}

/// The largest of the five levels.
fn level(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

/// Negative, neutral or positive: the largest of the levels' summed probabilities.
fn label(row: &[f32]) -> usize {
    level(&[row[0] + row[1], row[2], row[3] + row[4]])
}

/// How far two answers to one text may lie apart. The order of additions in a softmax depends on
/// the padding, which changes last bits. In int8 such a bit can tip a rounding to the next code:
/// seen are 1.1e-4 on a processor with AVX-512 and less on AVX2 (docs/precision.md).
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::Fp32 => 1e-5,
        Precision::Int8 => 1e-3,
    }
}

fn same_answers(alone: &[Vec<f32>], other: &[Vec<f32>], most: f32, how: &str) {
    for (index, (alone, other)) in alone.iter().zip(other).enumerate() {
        let distance = distance(alone, other);
        assert!(distance < most, "{how}: sentence {index} is off by {distance}");
        assert_eq!(level(alone), level(other), "{how}: level of sentence {index}");
        assert_eq!(label(alone), label(other), "{how}: label of sentence {index}");
    }
}

fn independent(precision: Precision) {
    let model = load(&root("models/sentiment"), precision, 2);
    let sentences = sentences();
    let texts: Vec<_> = sentences.iter().map(String::as_str).collect();
    let tokens = tokenise(&model, &texts);
    let alone: Vec<_> =
        tokens.iter().map(|text| probabilities(&model, 0, &[text]).unwrap().remove(0)).collect();
    for row in &alone {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let wide: Vec<_> = tokens
        .iter()
        .map(|text| probabilities(&model, WorkerSlot::Alone, &[text]).unwrap().remove(0))
        .collect();
    same_answers(&alone, &wide, tolerance(precision), "several threads");
    let one = batched(&model, &tokens, &batches(tokens.len(), 1), 1);
    let most = tolerance(precision);
    same_answers(&alone, &one, most, "random batches, one worker");
    let two = batched(&model, &tokens, &batches(tokens.len(), 2), 2);
    same_answers(&alone, &two, most, "random batches, two workers");
}

#[test]
fn fp32_answers_depend_on_the_text_alone() {
    independent(Precision::Fp32);
}

#[test]
fn int8_answers_depend_on_the_text_alone() {
    independent(Precision::Int8);
}

/// Nothing of a long neighbour's padding may leak into a short text, in any family.
#[test]
fn padding_leaves_no_trace() {
    for name in ["bert_encoder", "bert_encoder_cls", "roberta_encoder"] {
        for precision in [Precision::Fp32, Precision::Int8] {
            let model = load(&fixture(name), precision, 1);
            let tokens = tokenise(&model, &["ok", "", &"a long neighbour ".repeat(20)]);
            let width = model.info().dimensions;
            let together = model.embed(0, &tokens.iter().collect::<Vec<_>>()).unwrap();
            for (text, row) in tokens.iter().zip(together.chunks_exact(width)) {
                let alone = model.embed(0, &[text]).unwrap();
                let distance = distance(&alone, row);
                assert!(distance < 1e-6, "{name} {precision:?}: off by {distance}");
                let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
                assert!((length - 1.0).abs() < 1e-5, "{name}: length {length}");
            }
        }
    }
}

/// The check that decides on int8 gives a share, the same one every time.
#[test]
fn the_agreement_of_int8_is_measured() {
    let folder = root("models/sentiment");
    let one = crm_ai_infer::int8_agreement(runtime(), &folder, 1).unwrap();
    assert!((0.95..=1.0).contains(&one), "{one}");
    assert_eq!(crm_ai_infer::int8_agreement(runtime(), &folder, 2).unwrap(), one);
    let encoder = crm_ai_infer::int8_agreement(runtime(), &fixture("bert_encoder"), 1);
    assert!(matches!(encoder, Err(Error::WrongTask { .. })), "{encoder:?}");
}
