//! Measures a model: texts per second, and how far int8 lies from fp32.
//!
//! `measure LIBRARY FOLDER TEXTS [COUNT]`: LIBRARY is `libonnxruntime.so`, FOLDER a model, TEXTS a
//! file of one text a line, of which COUNT (by default 640) evenly spread ones are taken and
//! sorted by length. docs/precision.md explains the figures.

use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime, Tokens};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

/// Each timing is the best of rounds that take that long together.
const ROUNDS_TAKE: Duration = Duration::from_secs(6);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, folder, texts, rest @ ..] = &arguments[..] else {
        return Err("measure LIBRARY FOLDER TEXTS [COUNT]".into());
    };
    let count = rest.first().map_or(Ok(640), |count| count.parse())?;
    let texts = std::fs::read_to_string(texts)?;
    let lines: Vec<&str> = texts.lines().collect();
    let step = (lines.len() / count).max(1);
    let lines: Vec<&str> = lines.into_iter().step_by(step).take(count).collect();
    let runtime = Runtime::load(Path::new(library))?;
    println!("{}; {} texts", processor(), lines.len());
    let mut answers = Vec::new();
    for precision in [Precision::Fp32, Precision::Int8] {
        let before = resident_mb();
        let options = LoadOptions { precision, device: Device::Cpu, workers: 2 };
        let model = Model::load(&runtime, Path::new(folder), &options)?;
        let (estimate, taken) = (model.memory_bytes() >> 20, resident_mb().saturating_sub(before));
        println!("{precision:?}: weights {estimate} MB, process grew by {taken} MB");
        let mut tokens =
            lines.iter().map(|text| model.tokenise(text)).collect::<Result<Vec<_>, _>>()?;
        tokens.sort_by_key(Tokens::len);
        for batch in [1, 8, 32] {
            for workers in [1, 2] {
                let (wall, processor) = rates(&model, &tokens, batch, workers)?;
                println!(
                    "{precision:?} batch {batch:2}, {workers} workers: {wall:5.0} texts/s, \
                     {processor:5.0} texts per processor second"
                );
            }
        }
        answers.push(rows(&model, &tokens)?);
    }
    compare(&answers[0], &answers[1]);
    match crm_ai_infer::int8_agreement(&runtime, Path::new(folder), 2) {
        Ok(share) => println!("equal labels on the built-in sample: {share:.4}"),
        Err(crm_ai_infer::Error::WrongTask { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Best rate by the clock, and the rate by processor time, which a busy machine disturbs less.
fn rates(
    model: &Model,
    tokens: &[Tokens],
    batch: usize,
    workers: usize,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (start, processor, mut rounds) = (Instant::now(), processor_seconds(), 0.0);
    let mut best = Duration::MAX;
    while start.elapsed() < ROUNDS_TAKE {
        let round = Instant::now();
        std::thread::scope(|scope| {
            for worker in 0..workers {
                scope.spawn(move || {
                    for texts in tokens.chunks(batch).skip(worker).step_by(workers) {
                        if let Err(error) = answer(model, worker, texts) {
                            eprintln!("{error}");
                        }
                    }
                });
            }
        });
        best = best.min(round.elapsed());
        rounds += 1.0;
    }
    let texts = tokens.len() as f64;
    Ok((texts / best.as_secs_f64(), texts * rounds / (processor_seconds() - processor)))
}

fn answer(model: &Model, worker: usize, texts: &[Tokens]) -> Result<Vec<f32>, crm_ai_infer::Error> {
    let batch: Vec<_> = texts.iter().collect();
    if model.info().dimensions > 0 {
        model.embed(worker, &batch)
    } else {
        model.logits(worker, &batch)
    }
}

fn rows(model: &Model, tokens: &[Tokens]) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let width = model.info().dimensions.max(model.info().labels.len());
    let mut rows = Vec::new();
    for texts in tokens.chunks(16) {
        rows.extend(answer(model, 0, texts)?.chunks_exact(width).map(<[f32]>::to_vec));
    }
    Ok(rows)
}

/// Mean difference in units of the answers' standard deviation, equal labels, mean cosine.
fn compare(exact: &[Vec<f32>], other: &[Vec<f32>]) {
    let numbers: Vec<f64> = exact.iter().flatten().map(|&x| f64::from(x)).collect();
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / numbers.len() as f64;
    let pairs = exact.iter().flatten().zip(other.iter().flatten());
    let difference = pairs.map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
    let error = difference / numbers.len() as f64 / variance.sqrt();
    let equal = exact.iter().zip(other).filter(|(a, b)| largest(a) == largest(b)).count();
    let cosine = exact.iter().zip(other).map(|(a, b)| cosine(a, b)).sum::<f64>();
    println!(
        "int8 against fp32: error {error:.4}, equal labels {:.4}, mean cosine {:.5}",
        equal as f64 / exact.len() as f64,
        cosine / exact.len() as f64
    );
}

fn largest(row: &[f32]) -> Option<usize> {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("?");
    let has = |flag: &&str| info.split_ascii_whitespace().any(|word| word == *flag);
    let kernels = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8"].into_iter();
    format!("{name} ({})", kernels.filter(has).collect::<Vec<_>>().join(" "))
}

/// Processor time of this process so far; the kernel counts in hundredths of a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}
