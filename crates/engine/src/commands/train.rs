//! `train`: does one training job and tells how it goes, one event a line.

use super::{CommandError, lifeline};
use crate::sandbox::{self, Profile};
use crm_ai_infer::Runtime;
use crm_ai_wire::training::{Event, Job, Task};
use lexopt::Arg::Long;
use std::any::Any;
use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// Longest file that a trainer may write: one of a model or a checkpoint.
const FILE_BYTES_MAX: u64 = 64 << 30;

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
    confine(&job, &options)?;
    if options.lifeline {
        lifeline::watch()?;
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

/// Lets the trainer read what the job names and write its folders, nothing else: the base and the
/// champion are strangers' models.
fn confine(job: &Job, options: &Options) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| CommandError::Failed(error.to_string());
    // What is not there yet cannot be allowed.
    std::fs::create_dir_all(&job.checkpoint).map_err(failed)?;
    let base = match &job.task {
        Task::Text(task) => Some(task.base.clone()),
        Task::Table(_) => None,
    };
    let champion = job.champion.as_ref().map(|champion| champion.folder.clone());
    let folder_of = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let library_folder = Some(folder_of(&options.runtime));
    let reads = [Some(job.rows.clone()), base, champion, library_folder];
    sandbox::enter(&Profile {
        reads: reads.into_iter().flatten().collect(),
        // The trainer makes the output itself.
        writes: vec![folder_of(&job.output), job.checkpoint.clone()],
        devices: job.device != "cpu",
        file_bytes: FILE_BYTES_MAX,
        ..Profile::default()
    });
    Ok(())
}
