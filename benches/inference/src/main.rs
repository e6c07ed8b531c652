//! Compares inference from SQL with raw ONNX Runtime and with `transformers`, in one run, on the
//! same rows, the same model and the same number of threads. `scripts/bench.sh` prepares all that
//! it needs; docs/benchmarks.md explains the figures.
//!
//! [`run`] conducts: it is PostgreSQL's client, and it starts every other contender as a process of
//! its own that waits for commands ([`contender`]), so that one works at a time. Contenders in Rust
//! are sub-commands of this program ([`engine`], [`library`]), those in Python lie in `python/`.

mod bulk;
mod contender;
mod crowd;
mod engine;
mod graph;
mod latency;
mod library;
mod options;
mod report;
mod run;
mod server;

use options::Options;
use std::process::ExitCode;

/// Whatever went wrong, in words.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let outcome = Options::parse().and_then(|(command, options)| match command.as_str() {
        "run" => run::run(&options),
        "engine" => engine::serve(&options),
        "library" => library::serve(&options),
        "graph" => graph::write(&options.model, options.precision, &options.place),
        _ => Err("the sub-commands are run, engine, library and graph".into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
