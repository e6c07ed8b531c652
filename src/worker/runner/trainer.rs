//! The trainer: a child process, and what it tells.

use super::read::Prepared;
use super::run_files::RunFiles;
use super::{Limit, check_may_go_on};
use crate::error::{Error, Result};
use crate::pg::child::Limits;
use crate::pg::piped::{LOOK, PipedChild};
use crate::pg::{activity, paths};
use crate::settings;
use crate::store;
use crate::store::progress;
use crate::store::runs::Run;
use crm_ai_wire::training::{Event, Failure, FailureKind, Outcome, Progress, Started};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

/// Has the trainer learn; gives what it came to.
pub fn learn(run: &Run, place: &RunFiles, limit: Limit, _prepared: &Prepared) -> Result<Outcome> {
    let mut trainer = spawn(place)?;
    let mut reported = Reported::default();
    let mut looked = Instant::now();
    loop {
        trainer.wait();
        let (events, is_over) = events_of(&mut trainer)?;
        if !events.is_empty() {
            store::in_transaction(|| {
                events.into_iter().try_for_each(|event| reported.take(run, event))
            })?;
        }
        if is_over {
            break;
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            check_may_go_on(run, limit)?;
        }
    }
    let status = trainer
        .end()
        .map_err(|error| Error::engine_gone(format!("the trainer is lost: {error}")))?;
    reported.end(status)
}

fn spawn(place: &RunFiles) -> Result<PipedChild> {
    let program = settings::engine_path();
    let job = place.job().to_string_lossy().into_owned();
    let arguments = ["train", "--job", &job, "--runtime"].map(str::to_owned).into_iter();
    let rest = [paths::library_file("libonnxruntime.so"), "--lifeline".to_owned()];
    let arguments: Vec<String> = arguments.chain(rest).collect();
    let limits = Limits { memory_bytes: settings::train_memory(), nice: settings::train_nice() };
    PipedChild::start(&program, &arguments, limits).map_err(|error| {
        Error::engine_gone(format!("the trainer cannot be started: {error}"))
            .hint("crm_ai.engine_path names the program; empty for the installed one")
    })
}

/// The events that have come, and whether the trainer has ended, so that no more will.
fn events_of(trainer: &mut PipedChild) -> Result<(Vec<Event>, bool)> {
    let (lines, is_over) = trainer.read().map_err(|error| match error.kind() {
        ErrorKind::InvalidData => nonsense(),
        _ => Error::io("the trainer's output", &error),
    })?;
    let event = |line: Vec<u8>| serde_json::from_slice(&line).map_err(|_| nonsense());
    Ok((lines.into_iter().map(event).collect::<Result<_>>()?, is_over))
}

fn nonsense() -> Error {
    Error::internal("unexpected output of the trainer")
        .hint("restart the server after an upgrade of the package")
}

/// Events reported by the trainer so far.
#[derive(Default)]
struct Reported {
    /// Start of the training, and the step that it began with.
    began: Option<(Instant, u64)>,
    outcome: Option<Box<Outcome>>,
    failure: Option<Failure>,
}

impl Reported {
    fn take(&mut self, run: &Run, event: Event) -> Result<()> {
        match event {
            Event::Started(started) => self.start(run, &started),
            Event::Progress(done) => {
                activity::reach(done.step);
                progress::record_progress(run.id, &done, self.seconds_left(&done))
            }
            Event::Notice { text } => progress::record_notice(run.id, &text),
            Event::Evaluating => {
                activity::phase("evaluating", "", None, 0);
                progress::record_evaluating(run.id)
            }
            Event::Finished(outcome) => {
                self.outcome = Some(outcome);
                Ok(())
            }
            Event::Failed(failure) => {
                self.failure = Some(failure);
                Ok(())
            }
        }
    }

    fn start(&mut self, run: &Run, started: &Started) -> Result<()> {
        self.began = Some((Instant::now(), started.resumed_at));
        activity::phase("training", "steps", Some(started.steps), started.resumed_at);
        progress::record_start(run.id, started)
    }

    /// By the pace since the beginning.
    fn seconds_left(&self, done: &Progress) -> Option<f64> {
        let (began, first) = self.began?;
        let steps = done.step.checked_sub(first).filter(|steps| *steps > 0)?;
        let seconds = began.elapsed().as_secs_f64();
        Some(seconds / steps as f64 * done.of.saturating_sub(done.step) as f64)
    }

    /// The result of the run, now that the trainer has ended.
    fn end(self, status: ExitStatus) -> Result<Outcome> {
        if let Some(failure) = self.failure {
            return Err(error_of(failure));
        }
        match self.outcome {
            Some(outcome) if status.success() => Ok(*outcome),
            _ => Err(died(status)),
        }
    }
}

fn error_of(failure: Failure) -> Error {
    let state = match failure.kind {
        FailureKind::Argument => "22023",
        FailureKind::Data => "22000",
        FailureKind::Model => "22P02",
        FailureKind::Limit => "54000",
        FailureKind::Memory => "53200",
        FailureKind::Disk => "53100",
        FailureKind::System => "58000",
    };
    let error = Error::of_state(state, failure.message);
    if failure.hint.is_empty() { error } else { error.hint(failure.hint) }
}

/// A trainer that ended without a word. Rust's allocator aborts where memory is refused, which it
/// is under a limit alone.
fn died(status: ExitStatus) -> Error {
    const ABORTED: i32 = 6;
    if status.signal() == Some(ABORTED) && settings::train_memory().is_some() {
        return Error::of_state("53200", "the trainer ran out of memory")
            .hint("raise crm_ai.train_memory, or ask for a smaller batch_size or max_tokens");
    }
    Error::engine_gone(format!("the trainer ended unexpectedly: {status}")).hint(
        "the server's log may tell why; the kernel ends it with signal 9 when memory runs out",
    )
}
