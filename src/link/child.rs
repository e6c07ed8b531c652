//! The child process that searches, and what it tells.

use super::folder::LinkFolder;
use crate::error::{Error, Result};
use crate::pg::activity;
use crate::pg::child::Limits;
use crate::pg::piped::PipedChild;
use crate::settings;
use crm_ai_wire::linkage::{LinkEvent, LinkJob, LinkOutcome};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Has the child search; gives what it found. Its results lie in the folder.
pub fn search(job: &LinkJob, folder: &LinkFolder) -> Result<LinkOutcome> {
    let json = serde_json::to_vec(job).map_err(|error| Error::internal(error.to_string()))?;
    std::fs::write(folder.job(), json).map_err(|error| Error::io("the job of a search", &error))?;
    let program = settings::engine_path();
    let job = folder.job().to_string_lossy().into_owned();
    let arguments = ["link".to_owned(), "--job".to_owned(), job, "--lifeline".to_owned()];
    let limits = Limits { memory_bytes: settings::link_memory(), nice: 0 };
    let mut child = PipedChild::start(&program, &arguments, limits).map_err(|error| {
        Error::engine_gone(format!("the search cannot be started: {error}"))
            .hint("crm_ai.engine_path names the program; empty for the installed one")
    })?;
    let mut told = Told::default();
    loop {
        child.wait();
        let (lines, is_over) = child.read().map_err(|error| Error::io("the search", &error))?;
        for line in lines {
            told.take(serde_json::from_slice(&line).map_err(|_| nonsense())?);
        }
        if is_over {
            break;
        }
    }
    let status = child.end().map_err(|error| Error::io("the search", &error))?;
    told.end(status)
}

fn nonsense() -> Error {
    Error::internal("unexpected output of the search")
        .hint("restart the server after an upgrade of the package")
}

/// Phases of a search and what is counted in them.
const PHASES: [(&str, &str); 12] = [
    ("reading", "rows"),
    ("preparing", "rows"),
    ("estimating keys", ""),
    ("sampling", ""),
    ("learning", ""),
    ("choosing keys", ""),
    ("blocking", "keys"),
    ("comparing", "pairs"),
    ("scoring", "pairs"),
    ("clustering", "pairs"),
    ("weighing clusters", "pairs"),
    ("writing", "pairs"),
];

/// Events that the child has told so far.
#[derive(Default)]
struct Told {
    phase: Option<&'static str>,
    outcome: Option<LinkOutcome>,
    failure: Option<Error>,
}

impl Told {
    fn take(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Phase { phase, done, of } => self.reach(&phase, done, of),
            LinkEvent::Finished(outcome) => self.outcome = Some(*outcome),
            LinkEvent::KeyNotUnique => self.failure = Some(not_unique()),
            LinkEvent::Failed { message } => self.failure = Some(failed(&message)),
        }
    }

    /// Reports how far the child is, in `crm_ai.progress`.
    fn reach(&mut self, phase: &str, done: u64, of: u64) {
        let Some((name, unit)) = PHASES.iter().find(|(name, _)| *name == phase) else { return };
        if self.phase == Some(*name) {
            activity::reach(done);
        } else {
            self.phase = Some(*name);
            activity::phase(name, unit, Some(of).filter(|of| *of > 1), done);
        }
    }

    fn end(self, status: ExitStatus) -> Result<LinkOutcome> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Some(outcome) = self.outcome.filter(|_| status.success()) {
            return Ok(outcome);
        }
        // Rust ends a process by SIGABRT when memory is refused.
        if status.signal() == Some(libc::SIGABRT) && settings::link_memory().is_some() {
            return Err(Error::out_of_memory("the search for duplicates")
                .hint("raise crm_ai.link_memory, or name fewer columns"));
        }
        Err(Error::engine_gone(format!("the search for duplicates ended early: {status}"))
            .hint("see the server's log; call it again"))
    }
}

fn not_unique() -> Error {
    Error::not_unique("the key column holds the same key more than once")
        .hint("use a column that identifies each row, such as the primary key")
}

fn failed(message: &str) -> Error {
    Error::engine_gone(format!("the search for duplicates failed: {message}"))
}
