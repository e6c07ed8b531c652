//! Imports models whose files were changed at random, through an engine that runs.
//!
//! `fuzz_imports CASES SEED`: the engine's program is the one that was built beside this one; ONNX
//! Runtime's library is named by `CRM_AI_ONNXRUNTIME`. Prints what came of the cases; fails when
//! the engine died, was silent for long, or gave an error that is none of an import.

mod campaign;
mod mutate;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cases that are tried at a time.
const CLIENTS: u64 = 3;

/// The engine; killed when this is dropped.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, seed] = &arguments[..] else { return Err("fuzz_imports CASES SEED".into()) };
    let (cases, seed): (u64, u64) = (cases.parse()?, seed.parse()?);
    let place = std::env::temp_dir().join(format!("crm_ai_fuzz-{}", std::process::id()));
    std::fs::create_dir_all(place.join("models"))?;
    let engine = start(&place)?;
    let process = engine.0.id();
    let began = Instant::now();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/model");
    let tally = Mutex::default();
    let outcomes = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (socket, fixtures, tally) = (place.join("socket"), &fixtures, &tally);
                let place = place.join(format!("cases{client}"));
                let first = seed.wrapping_mul(1_000_003) + client;
                let seeds = (0..cases.div_ceil(CLIENTS)).map(move |case| first + case * CLIENTS);
                scope.spawn(move || campaign::run(&socket, fixtures, &place, seeds, tally))
            })
            .collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    for outcome in outcomes {
        outcome.map_err(|_| "a client panicked")??;
    }
    let tally: campaign::Tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let is_alive = Path::new(&format!("/proc/{process}/exe")).exists();
    drop(engine);
    std::fs::remove_dir_all(&place)?;
    for (outcome, count) in &tally.outcomes {
        println!("{count:6}  {outcome}");
    }
    for (seed, fault) in &tally.faults {
        println!("FAULT  seed {seed}: {fault}");
    }
    println!(
        "{} cases in {:.0} s, the longest {:.1} s; {} faults; the engine {}",
        tally.outcomes.values().sum::<usize>() + tally.faults.len(),
        began.elapsed().as_secs_f64(),
        tally.longest.as_secs_f64(),
        tally.faults.len(),
        if is_alive { "lives" } else { "DIED" }
    );
    if is_alive && tally.faults.is_empty() { Ok(()) } else { Err("faults were found".into()) }
}

fn start(place: &Path) -> Result<Engine, Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let built = own.parent().and_then(Path::parent).ok_or("no folder of built programs")?;
    let runtime = std::env::var_os("CRM_AI_ONNXRUNTIME").map(PathBuf::from);
    let child = Command::new(built.join("crm_ai_engine"))
        .current_dir(place)
        .args(["serve", "--socket", "socket", "--models", "models", "--cache", "cache"])
        .args(["--threads", "2", "--memory-limit", "0", "--queue-rows", "1000"])
        .args(["--import-limit", "20000", "--run-limit", "10000"])
        .args(["--device", "cpu", "--lifeline", "--runtime"])
        .arg(runtime.ok_or("CRM_AI_ONNXRUNTIME is not set")?)
        .stdin(Stdio::piped())
        .stderr(Stdio::from(std::fs::File::create(place.join("log"))?))
        .spawn()?;
    let engine = Engine(child);
    let until = Instant::now() + Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(place.join("socket")).is_err() {
        if Instant::now() > until {
            return Err("the engine does not start".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(engine)
}
