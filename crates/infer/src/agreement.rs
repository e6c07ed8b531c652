//! Agreement of a classifier in 8-bit integers with itself in 32 bits: the share of equal labels.

use crate::{Device, Error, LoadOptions, Model, Precision, Runtime, Tokens};
use std::path::Path;

/// Real customers' messages and review sentences, one a line; sources and licences are in
/// `src/sample.md`.
const SAMPLE: &str = include_str!("sample.txt");
/// Texts of a batch.
const BATCH: usize = 16;

/// Share of a built-in sample of real sentences for which the model in `folder` gives the same
/// label in 8-bit integers as in floating point. At 0.99 and above int8 is advised.
///
/// The models are loaded one after the other, so the memory of one suffices.
pub fn int8_agreement(runtime: &Runtime, folder: &Path, workers: usize) -> Result<f32, Error> {
    let exact = labels(runtime, folder, Precision::Fp32, workers)?;
    let quantised = labels(runtime, folder, Precision::Int8, workers)?;
    let equal = exact.iter().zip(&quantised).filter(|(a, b)| a == b).count();
    Ok(equal as f32 / exact.len() as f32)
}

/// The label's index for each sentence of the sample.
fn labels(
    runtime: &Runtime,
    folder: &Path,
    precision: Precision,
    workers: usize,
) -> Result<Vec<usize>, Error> {
    let workers = workers.max(1);
    let options = LoadOptions { precision, device: Device::Cpu, workers };
    let model = Model::load(runtime, folder, &options)?;
    let mut texts =
        SAMPLE.lines().map(|line| model.tokenise(line)).collect::<Result<Vec<_>, _>>()?;
    texts.sort_by_key(Tokens::len);
    let share = texts.len().div_ceil(workers);
    let answers: Vec<Result<Vec<usize>, Error>> = std::thread::scope(|scope| {
        let model = &model;
        let threads: Vec<_> = texts
            .chunks(share)
            .enumerate()
            .map(|(worker, texts)| scope.spawn(move || worker_labels(model, worker, texts)))
            .collect();
        let failed = || Error::Runtime { reason: "a worker panicked".to_owned() };
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))).collect()
    });
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

fn worker_labels(model: &Model, worker: usize, texts: &[Tokens]) -> Result<Vec<usize>, Error> {
    let mut labels = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        let batch: Vec<_> = batch.iter().collect();
        let logits = model.logits(worker, &batch)?;
        labels.extend(logits.chunks_exact(model.info().labels.len()).map(largest));
    }
    Ok(labels)
}

fn largest(row: &[f32]) -> usize {
    let pairs = row.iter().enumerate();
    pairs.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(index, _)| index)
}
