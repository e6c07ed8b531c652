//! Does training runs: one process for each, beside the sessions.
//!
//! A worker takes a free slot of `crm_ai.max_running`, takes up the oldest run of its database that
//! can start, reads the rows as the run's role, has a child process learn from them, and puts the
//! new version into the registry. What happened is in `crm_ai.run`, also where the worker is
//! terminated because what it reads does not end. A worker that is killed leaves a run without a
//! worker, which the next one settles.

mod finish;
mod read;
mod run_files;
mod slots;
mod trainer;

use crate::error::{Error, Result};
use crate::pg::worker::{self, must_stop};
use crate::pg::{activity, dynamic, transaction, watchdog};
use crate::settings;
use crate::store;
use crate::store::registration;
use crate::store::runs::{self, Run};
use pgrx::prelude::*;
use run_files::RunFiles;
use slots::Slot;
use std::time::{Duration, Instant};

/// Asks the server for a run worker in a database. Raises nothing; `false` where no worker slot is
/// free.
pub fn start(database: pg_sys::Oid) -> bool {
    dynamic::start(c"crm_ai run", c"crm_ai_runner_main", database)
}

/// True if fewer runs go on than `crm_ai.max_running`.
pub fn has_free_slot() -> bool {
    slots::take().is_some()
}

/// Removes what runs of databases have left that are no more.
pub fn remove_files_of_dropped(is_there: impl Fn(pg_sys::Oid) -> bool) {
    run_files::remove_of_dropped(is_there);
}

/// The worker's life.
pub fn run(database: pg_sys::Oid) {
    worker::attach_signals();
    worker::connect(Some(database));
    loop {
        let Some(slot) = slots::take_or_wait(database) else { return };
        let claimed = transaction::run(|| match store::is_usable()? {
            true => runs::claim(registration::is_lasting()?),
            false => Ok(None),
        });
        // Now that the runs whose worker is gone have their end.
        run_files::remove_leftovers(database);
        let has_worked = match claimed {
            Ok(Some(run)) => {
                perform(database, &run, slot);
                true
            }
            Ok(None) => false,
            Err(error) => {
                log!("crm_ai: cannot take up a run: {}", error.for_log());
                false
            }
        };
        // A cancel that came too late is none of the next run's.
        worker::forget_cancel();
        slots::start_waiting(database);
        // Looked for after the slot was given back: who found none before has left it to us.
        let is_more = has_worked
            && transaction::run(|| Ok(store::is_usable()? && runs::any_waiting_to_start()?))
                .unwrap_or(false);
        // Each run has a process of its own; where there is no room for another, this one goes on.
        if must_stop() || !is_more || start(database) {
            return;
        }
    }
}

/// Until when a run must have ended.
#[derive(Debug, Clone, Copy)]
struct Limit {
    end: Option<Instant>,
}

impl Limit {
    fn begin() -> Self {
        Self { end: settings::max_run_time().map(|time| Instant::now() + time) }
    }

    fn left(self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    fn is_over(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }
}

/// Does a run. The slot is given back before the new version goes into the registry, where locks
/// of others may be waited for.
fn perform(database: pg_sys::Oid, run: &Run, slot: Slot) {
    worker::forget_cancel();
    let limit = Limit::begin();
    let place = RunFiles::of(database, run.id);
    let id = run.id;
    worker::unless_finished(move || end_terminated(database, id, limit));
    let report = activity::begin_run(run.id, run.role);
    let outcome = transaction::caught(|| work(run, &place, limit, slot));
    drop(report);
    watchdog::end();
    let keeps_checkpoint = match outcome {
        Ok(()) => false,
        Err(error) => settle(run.id, limit, error),
    };
    worker::finished();
    place.remove(keeps_checkpoint);
}

fn work(run: &Run, place: &RunFiles, limit: Limit, slot: Slot) -> Result<()> {
    // The signal may have come before there was anything to interrupt.
    check_may_go_on(run, limit)?;
    place.make()?;
    let prepared = read::prepare(run, place, limit)?;
    let outcome = trainer::learn(run, place, limit, &prepared)?;
    drop(slot);
    finish::finish(run, place, limit, &prepared, &outcome)
}

/// Fails where the run is to end: asked to by anyone, over time, or with the server.
fn check_may_go_on(run: &Run, limit: Limit) -> Result<()> {
    if must_stop() || limit.is_over() {
        return Err(Error::cancelled("the run must end"));
    }
    if store::in_transaction(|| runs::cancel_requested(run.id))? {
        return Err(Error::cancelled("cancelled by user request"));
    }
    Ok(())
}

/// Writes down how a run ended that did not succeed. Returns whether it will be taken up again.
fn settle(run: i64, limit: Limit, error: Error) -> bool {
    worker::forget_cancel();
    let was_interrupted = error.state() == "57014";
    let mut resume = false;
    let written = store::in_transaction(|| {
        if must_stop() {
            resume = registration::is_lasting()?;
            return match resume {
                true => runs::put_back(run),
                false => runs::end(run, "failed", &shut_down()),
            };
        }
        if was_interrupted && limit.is_over() {
            return runs::end(run, "failed", &too_long());
        }
        if was_interrupted {
            return runs::end(run, "cancelled", &Error::cancelled("cancelled by user request"));
        }
        let state = if error.state() == TOO_FEW_NEW { "cancelled" } else { "failed" };
        runs::end(run, state, &error)
    });
    if let Err(error) = written {
        log!("crm_ai: cannot write down how run {run} ended: {}", error.for_log());
    }
    resume
}

/// Writes down how a run ended whose worker is being terminated, because what it reads went on
/// after it was cancelled. Such a run is not taken up again, or it would hang again.
fn end_terminated(database: pg_sys::Oid, run: i64, limit: Limit) {
    let (state, error) = if limit.is_over() {
        ("failed", too_long())
    } else if must_stop() {
        ("failed", uncancellable())
    } else {
        ("cancelled", Error::cancelled("cancelled by user request"))
    };
    let ended = store::in_transaction(|| {
        runs::lock_without_waiting(run)?;
        runs::end(run, state, &error)
    });
    if let Err(error) = ended {
        log!("crm_ai: cannot write down how run {run} ended: {}", error.for_log());
    }
    RunFiles::of(database, run).remove(false);
}

fn uncancellable() -> Error {
    Error::of_state(
        "57014",
        "the run's worker was terminated: its source did not end when it was cancelled",
    )
    .hint("look for code in the source's query that catches query_canceled and goes on")
}

/// The state of a scheduled run that found too few new rows: 02000, no data.
const TOO_FEW_NEW: &str = "02000";

fn shut_down() -> Error {
    Error::of_state("58000", "the server was shut down, or the run's worker was ended").hint(
        "start it again; with crm_ai preloaded and a scheduler in the database, runs go on by \
         themselves after a restart",
    )
}

fn too_long() -> Error {
    Error::over_limit("the run took longer than crm_ai.max_run_time")
        .hint("raise crm_ai.max_run_time, or ask for fewer epochs or rows")
}
