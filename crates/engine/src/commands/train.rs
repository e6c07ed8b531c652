//! `train`: does one training job and tells how it goes, one event a line.

use super::CommandError;
use crm_ai_infer::Runtime;
use crm_ai_wire::training::{Event, Job};
use lexopt::Arg::Long;
use std::any::Any;
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

/// The command line.
pub(super) struct Options {
    job: PathBuf,
    runtime: PathBuf,
    lifeline: bool,
}

impl Options {
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Self, CommandError> {
        let (mut job, mut runtime, mut lifeline) = (None, None, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("job") => job = Some(arguments.value()?.into()),
                Long("runtime") => runtime = Some(arguments.value()?.into()),
                Long("lifeline") => lifeline = true,
                other => return Err(other.unexpected().into()),
            }
        }
        let missing = |name: &str| CommandError::Usage(format!("{name} is missing"));
        Ok(Self {
            job: job.ok_or_else(|| missing("--job"))?,
            runtime: runtime.ok_or_else(|| missing("--runtime"))?,
            lifeline,
        })
    }
}

/// Runs the job. A failure of the run is an event and exit code 1.
pub(super) fn run(options: Options) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let json = std::fs::read(&options.job).map_err(|error| failed(&error))?;
    let job: Job = serde_json::from_slice(&json).map_err(|error| failed(&error))?;
    if options.lifeline {
        std::thread::spawn(end_with_parent);
    }
    let loaded = Runtime::load(&options.runtime).map_err(crm_ai_train::Error::from);
    let ran = loaded.and_then(|runtime| {
        let run = AssertUnwindSafe(|| crm_ai_train::run(&job, &runtime, &mut tell));
        catch_unwind(run).unwrap_or_else(|panic| Err(of_panic(panic)))
    });
    ran.map_err(|error| {
        tell(Event::Failed(error.to_failure()));
        failed(&error)
    })
}

/// A thread that the system refuses panics where it is asked for: its stack is memory like any
/// other. Every other panic goes on.
fn of_panic(panic: Box<dyn Any + Send>) -> crm_ai_train::Error {
    match panic.downcast_ref::<String>() {
        Some(said) if said.starts_with("failed to spawn thread") => {
            std::io::Error::from(ErrorKind::OutOfMemory).into()
        }
        _ => resume_unwind(panic),
    }
}

/// Writes an event. Whoever started the run is gone when nobody reads: then nothing is left to do.
fn tell(event: Event) {
    let Ok(mut line) = serde_json::to_vec(&event) else { return };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    if out.write_all(&line).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// Standard input ends when the parent does.
fn end_with_parent() {
    let mut ignored = [0; 64];
    while matches!(std::io::stdin().lock().read(&mut ignored), Ok(length) if length > 0) {}
    std::process::exit(1);
}
