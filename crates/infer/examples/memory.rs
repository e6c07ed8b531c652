//! Shows that a model's weights are in memory once, however many workers share it.
//!
//! `memory LIBRARY FOLDER WORKERS` loads the model in each precision for that many workers, lets
//! each answer once, and prints how much the process grew. Compare 1 worker with 4.

use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, folder, workers] = &arguments[..] else {
        return Err("memory LIBRARY FOLDER WORKERS".into());
    };
    let workers = workers.parse()?;
    let runtime = Runtime::load(Path::new(library))?;
    for precision in [Precision::Fp32, Precision::Int8] {
        let before = resident_mb();
        let options = LoadOptions { precision, device: Device::Cpu, workers };
        let model = Model::load(&runtime, Path::new(folder), &options)?;
        let tokens = model.tokenise("How long will the delivery of my new card take?")?;
        for worker in 0..workers {
            if model.info().dimensions > 0 {
                model.embed(worker, &[&tokens])?;
            } else {
                model.classify(worker, &[&tokens])?;
            }
        }
        let estimate = model.memory_bytes() >> 20;
        let grown = resident_mb().saturating_sub(before);
        println!("{precision:?}, {workers} workers: weights {estimate} MB, grown by {grown} MB");
        // The next precision is to be compared with the bare process: leave this one in memory.
        std::mem::forget(model);
    }
    Ok(())
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}
