//! The contender that calls the engine's own library for one text at a time: tokenise and run, with
//! no socket and no queue.

use crate::contender::{self, named};
use crate::{Failure, Options};
use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime, WorkerSlot};
use serde_json::json;
use std::time::Instant;

/// Answers commands.
pub fn serve(options: &Options) -> Result<(), Failure> {
    let texts = options.read_texts()?;
    let runtime = Runtime::load(&options.library)?;
    let precision = match options.precision {
        crm_ai_wire::Precision::Fp32 => Precision::Fp32,
        crm_ai_wire::Precision::Int8 => Precision::Int8,
    };
    let load = LoadOptions { precision, device: Device::Cpu, workers: options.first_threads() };
    let model = Model::load(&runtime, &options.model, &load)?;
    contender::serve(&json!({}), |command| {
        let mut microseconds = Vec::new();
        for text in named(command, &texts) {
            let start = Instant::now();
            let tokens = model.tokenise(text)?;
            let scores = model.classify(WorkerSlot::Alone, &[&tokens])?;
            microseconds.push(start.elapsed().as_secs_f64() * 1e6);
            std::hint::black_box(scores);
        }
        Ok(json!({ "us": microseconds }))
    })
}
