//! The scheduler's tasks about training: schedules are fired, and runs that wait for a worker, or
//! whose worker is gone, get one.

use super::runner;
use super::scheduler::Next;
use crate::error::Result;
use crate::pg::{board, commit, transaction};
use crate::store::{runs, schedules};
use std::time::Duration;

/// Longest sleep before a look at the schedules: the wall clock may have been set.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// Interval at which open runs are looked after.
const LOOK: Duration = Duration::from_secs(2);

/// Fires schedules.
pub fn fire_schedules() -> Result<Next> {
    let fired = transaction::run(|| {
        let fired = schedules::fire()?;
        if let Some(run) = fired.run {
            commit::start_worker(run, runner::start);
        }
        Ok(fired)
    })?;
    Ok(match fired.seconds_left {
        Some(seconds) => {
            Next::In(Duration::from_secs_f64(seconds.clamp(0.05, LOOK_MAX.as_secs_f64())))
        }
        None => Next::Idle,
    })
}

/// Looks after runs that have not ended.
pub fn look_after_runs() -> Result<Next> {
    let (is_open, is_neglected) =
        transaction::run(|| Ok((runs::any_open()?, runs::any_neglected()?)))?;
    if !is_open {
        return Ok(Next::Idle);
    }
    if is_neglected && runner::has_free_slot() {
        runner::start(board::own_database());
    }
    Ok(Next::In(LOOK))
}
