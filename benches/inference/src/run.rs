//! The whole run: what is compared, in which order.

use crate::contender::Contender;
use crate::server::{Server, Version};
use crate::{Failure, Options, bulk, crowd, graph, latency};
use serde_json::Value;
use std::process::Command;

/// Runs every comparison and prints its tables.
pub fn run(options: &Options) -> Result<(), Failure> {
    let texts = options.read_texts()?;
    let mut server = Server::prepare(options, &texts)?;
    server.set_threads(options.first_threads())?;
    let version = server.version()?;
    graph::write(&options.model, version.precision, &options.place)?;
    println!("{}", processor());
    println!("{}; model {} in {}", server.about()?, version.name, version.precision.name());
    println!("{} texts, {} rounds", texts.len(), options.rounds);
    if options.rounds > 0 {
        batches(options, &mut server, &version, texts.len())?;
    }
    println!("\n## One text at a time on a warm connection, milliseconds");
    println!("\n{} rounds of {} texts", latency::ROUNDS, latency::TEXTS);
    for threads in &options.threads {
        println!("\n### {threads} threads each\n");
        server.set_threads(*threads)?;
        single(options, &server, &version, &texts, *threads)?;
    }
    let threads = options.first_threads();
    server.set_threads(threads)?;
    println!("\n## Many connections, {threads} threads\n");
    latency::first_calls(&server, &texts[0])?;
    println!();
    // A fresh engine: its memory is to be that of the crowd.
    crowd::compare(&mut server, &texts)
}

/// Compares many texts at once, for each number of threads.
fn batches(
    options: &Options,
    server: &mut Server,
    version: &Version,
    texts: usize,
) -> Result<(), Failure> {
    for threads in &options.threads {
        println!("\n## {threads} threads each\n");
        server.set_threads(*threads)?;
        let (mut raw, about) = python(options, version, "raw.py", *threads)?;
        println!("{}", bulk::versions(&about));
        let (mut pipeline, about) = python(options, version, "pipeline.py", *threads)?;
        println!("{}", bulk::versions(&about));
        let (mut int8, about) = python(options, version, "int8.py", *threads)?;
        println!("{}\n", bulk::versions(&about));
        let mut field = bulk::Field {
            server,
            version,
            raw: &mut raw,
            pipeline: &mut pipeline,
            int8: &mut int8,
            texts,
        };
        bulk::compare(&mut field, options)?;
    }
    Ok(())
}

fn single(
    options: &Options,
    server: &Server,
    version: &Version,
    texts: &[String],
    threads: usize,
) -> Result<(), Failure> {
    let (mut raw, _) = python(options, version, "raw.py", threads)?;
    let (mut library, _) = rust(options, version, "library", threads, &[])?;
    let (mut engine, _) = rust(options, version, "engine", threads, &options.run_as)?;
    let mut field =
        latency::Field { server, raw: &mut raw, library: &mut library, engine: &mut engine, texts };
    latency::compare(&mut field)
}

/// Starts a contender in Python that may use `threads` threads.
fn python(
    options: &Options,
    version: &Version,
    script: &str,
    threads: usize,
) -> Result<(Contender, Value), Failure> {
    let mut command = Command::new(&options.python);
    command
        .arg(options.scripts.join(script))
        .arg("--place")
        .arg(&options.place)
        .arg("--model")
        .arg(&options.model)
        .args(["--threads", &threads.to_string(), "--labels", &version.labels.len().to_string()])
        .env("HF_HUB_OFFLINE", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
        command.env(variable, threads.to_string());
    }
    Contender::start(script, &mut command)
}

/// Starts a sub-command of this program, after words that make it run as another user.
fn rust(
    options: &Options,
    version: &Version,
    name: &str,
    threads: usize,
    run_as: &[String],
) -> Result<(Contender, Value), Failure> {
    let program = std::env::current_exe()?;
    let mut command = match run_as {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command
        .arg(name)
        .arg("--place")
        .arg(&options.place)
        .arg("--model")
        .arg(&options.model)
        .arg("--library")
        .arg(&options.library)
        .args(["--threads", &threads.to_string()])
        .args(["--sha256", &version.sha256.to_string(), "--precision", version.precision.name()]);
    Contender::start(name, &mut command)
}

/// The processor, its kernels' instruction sets and the number of its cores.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("?");
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |set: &&str| flags.split_whitespace().any(|flag| flag == *set);
    let sets = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8"].into_iter().filter(has);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name} ({}), {cores} cores", sets.collect::<Vec<_>>().join(" "))
}
