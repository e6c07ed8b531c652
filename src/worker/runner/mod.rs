//! Does training runs: one process for each, beside the sessions.
//!
//! A worker takes a free slot of `crm_ai.max_running`, takes up the oldest run of its database that
//! can start, reads the rows as the run's role, has a child process learn from them, and puts the
//! new version into the registry. It ends with code 0, whatever happened; what happened is in
//! `crm_ai.run`. A worker that is killed leaves a run without a worker, which the next one settles.

mod finish;
mod place;
mod read;
mod slots;
mod trainer;

use crate::error::{Error, Result};
use crate::pg::{background, dynamic, transaction};
use crate::settings;
use crate::store::runs::{self, Run};
use crate::store::scheduler;
use pgrx::prelude::*;
use place::Place;
use std::time::{Duration, Instant};

/// Asks the server for a run worker in a database. Raises nothing; `false` where no worker slot is
/// free.
pub fn start(database: pg_sys::Oid) -> bool {
    dynamic::start(c"crm_ai run", c"crm_ai_runner_main", database)
}

/// Whether fewer runs go on than `crm_ai.max_running`.
pub fn has_free_slot() -> bool {
    slots::take().is_some()
}

/// The worker's life.
pub fn run(database: pg_sys::Oid) {
    background::attach_signals();
    background::connect(Some(database));
    loop {
        let Some(slot) = slots::take() else {
            slots::leave_waiting(database);
            return;
        };
        let claimed = transaction::run(|| {
            if background::has_extension() {
                runs::claim(scheduler::is_lasting()?)
            } else {
                Ok(None)
            }
        });
        // Now that the runs whose worker is gone have their end.
        place::remove_leftovers(database);
        let has_worked = match claimed {
            Ok(Some(run)) => {
                perform(database, &run);
                true
            }
            Ok(None) => false,
            Err(error) => {
                log_trouble("take up a run", &error);
                false
            }
        };
        drop(slot);
        // A cancel that came too late is none of the next run's.
        dynamic::forget_cancel();
        slots::start_waiting(database);
        // Looked for after the slot was given back: who found none before has left it to us.
        let is_more = has_worked
            && transaction::run(
                || Ok(background::has_extension() && runs::any_waiting_to_start()?),
            )
            .unwrap_or(false);
        // Each run has a process of its own; where there is no room for another, this one goes on.
        if background::must_stop() || !is_more || start(database) {
            return;
        }
    }
}

fn log_trouble(act: &str, error: &Error) {
    // The message may be the server's own, about somebody's row.
    log!("crm_ai: cannot {act}: SQLSTATE {}", error.state());
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

fn perform(database: pg_sys::Oid, run: &Run) {
    dynamic::forget_cancel();
    let limit = Limit::begin();
    let place = Place::of(database, run.id);
    let outcome = transaction::caught(|| work(run, &place, limit));
    transaction::end_limit();
    let keeps_checkpoint = match outcome {
        Ok(()) => false,
        Err(error) => settle(run, limit, error),
    };
    place.remove(keeps_checkpoint);
}

fn work(run: &Run, place: &Place, limit: Limit) -> Result<()> {
    // The signal may have come before there was anything to interrupt.
    check_may_go_on(run, limit)?;
    place.make()?;
    let prepared = read::prepare(run, place, limit)?;
    let outcome = trainer::learn(run, place, limit, &prepared)?;
    finish::finish(run, place, &prepared, &outcome)
}

/// Fails where the run is to end: asked to by anyone, over time, or with the server.
fn check_may_go_on(run: &Run, limit: Limit) -> Result<()> {
    if background::must_stop() || limit.is_over() {
        return Err(Error::cancelled("the run must end"));
    }
    if transaction::run(|| runs::cancel_requested(run.id))? {
        return Err(Error::cancelled("cancelled by user request"));
    }
    Ok(())
}

/// Writes down how a run ended that did not succeed. Returns whether it will be taken up again.
fn settle(run: &Run, limit: Limit, error: Error) -> bool {
    dynamic::forget_cancel();
    let stopped = background::must_stop();
    let was_interrupted = error.state() == "57014";
    let mut resume = false;
    let written = transaction::run(|| {
        if stopped {
            resume = scheduler::is_lasting()?;
            return match resume {
                true => runs::put_back(run.id),
                false => runs::end(run.id, "failed", &shut_down()),
            };
        }
        if was_interrupted && limit.is_over() {
            return runs::end(run.id, "failed", &too_long());
        }
        if was_interrupted {
            return runs::end(run.id, "cancelled", &Error::cancelled("cancelled by user request"));
        }
        let state = if error.state() == TOO_FEW_NEW { "cancelled" } else { "failed" };
        runs::end(run.id, state, &error)
    });
    if let Err(error) = written {
        log_trouble("write down how a run ended", &error);
    }
    resume
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
