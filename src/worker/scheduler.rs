//! Scheduler of a database: one worker in each that needs it.
//!
//! It runs a fixed list of tasks, each in transactions of its own, whenever a commit that made work
//! for it wakes it or a task has asked to be run. A task that fails is rolled back and tried again
//! later, which neither ends the worker nor keeps the others. The worker ends where the database
//! has nothing for it to do, and makes way for whoever wants the database alone.

use crate::error::{Error, Result};
use crate::pg::transaction;
use crate::pg::worker::{self, must_stop};
use crate::pg::{board, commit, databases};
use crate::store;
use crate::worker::training_tasks;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Time of a task's next run; a commit of work brings every task forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do than one transaction should.
    Now,
    /// After that time.
    In(Duration),
    /// At the next announcement of work. The worker may end.
    Idle,
}

/// Something to do, outside any transaction, as the superuser that initdb made: what users wrote it
/// runs as them.
pub struct SchedulerTask {
    /// For the log.
    pub name: &'static str,
    /// Does a part of it, of a second or so.
    pub run: fn() -> Result<Next>,
}

/// All tasks, in their order.
const TASKS: &[SchedulerTask] = &[
    SchedulerTask { name: "schedules", run: training_tasks::fire_schedules },
    SchedulerTask { name: "runs", run: training_tasks::look_after_runs },
    SchedulerTask { name: "watches", run: super::watches::run },
];

/// Interval at which all tasks are run, if nothing wakes the worker.
const LOOK: Duration = Duration::from_secs(60);
/// The same where there are prepared transactions, whose commit wakes nobody.
const LOOK_PREPARED: Duration = Duration::from_secs(2);
/// Interval at which the worker checks if somebody wants the database alone, who waits five seconds
/// for it to go. Nothing is queried for that.
const MAKE_WAY: Duration = Duration::from_secs(2);
/// Time that a worker without work stays, so that it is not started anew for each piece.
const LINGER: Duration = Duration::from_secs(5);
/// Time that a worker that was woken waits for more to do, so that what comes close together is
/// done together, and commits in between cost nothing.
const GATHER: Duration = Duration::from_millis(100);
/// Pause of a task that failed, at first and at most.
const REST_MIN: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_mins(1);

/// Raises 55000 where there are no schedulers; `act` is what needs one.
pub fn check_possible(act: &str) -> Result<()> {
    if board::is_preloaded() {
        return Ok(());
    }
    Err(Error::wrong_state(format!("{act} needs crm_ai to be preloaded"))
        .hint("add crm_ai to shared_preload_libraries and restart the server"))
}

/// Wakes this database's scheduler, or has it started, when the present transaction commits.
pub fn wake_at_commit() {
    if board::is_preloaded() {
        commit::wake_scheduler();
    }
}

/// A task and how it stands.
struct TaskState {
    task: &'static SchedulerTask,
    /// Time of its next run; `None` while it is idle.
    due: Option<Instant>,
    /// Last failure, so that it is logged once.
    trouble: Option<Error>,
    rest: Duration,
}

/// Reason for the end of the worker's work.
enum Ended {
    /// There is nothing more to do.
    Idle,
    /// It was asked to, or somebody wants the database alone.
    MadeWay,
}

/// The life of a database's scheduler.
pub fn run(database: Oid) {
    worker::attach_signals();
    if !board::attach_worker(database) {
        return;
    }
    worker::connect(Some(database));
    let mut scheduler = Scheduler::new(database);
    loop {
        match scheduler.work() {
            Ended::MadeWay => return,
            // Taken back before the last look: what commits after that look asks again.
            Ended::Idle => board::set_wanted(database, false),
        }
        if !is_usable() || scheduler.run_all() {
            return;
        }
        board::set_wanted(database, true);
    }
}

/// The interval at which unannounced work is looked for.
pub fn look() -> Duration {
    if commit::may_be_prepared() { LOOK_PREPARED } else { LOOK }
}

/// True if there is an extension here to work for.
fn is_usable() -> bool {
    transaction::run(store::is_usable).unwrap_or(false)
}

struct Scheduler {
    database: Oid,
    /// The database's name, for the log.
    name: String,
    tasks: Vec<TaskState>,
    /// Announcements of work that were seen.
    seen: u32,
}

impl Scheduler {
    fn new(database: Oid) -> Self {
        let state =
            |task| TaskState { task, due: Some(Instant::now()), trouble: None, rest: REST_MIN };
        let name = transaction::run(|| Ok(databases::own_name())).unwrap_or_default();
        let tasks = TASKS.iter().map(state).collect();
        Self { database, name, tasks, seen: board::announced() }
    }

    /// Runs tasks until all are idle for a while.
    fn work(&mut self) -> Ended {
        let mut idle_since = None;
        loop {
            if must_stop() || worker::is_database_wanted_alone(self.database) {
                return Ended::MadeWay;
            }
            worker::reloaded();
            let now = Instant::now();
            if self.tasks.iter().any(|state| state.due.is_some_and(|due| due <= now)) {
                if !is_usable() {
                    return Ended::Idle;
                }
                self.run_due(now);
            }
            if self.tasks.iter().all(|state| state.due.is_none()) {
                let since = *idle_since.get_or_insert_with(Instant::now);
                if since.elapsed() > LINGER {
                    return Ended::Idle;
                }
            } else {
                idle_since = None;
                let look = Instant::now() + look();
                self.tasks.iter_mut().for_each(|state| _ = state.due.get_or_insert(look));
            }
            self.sleep();
        }
    }

    /// Sleeps until a task is due, work is announced, which makes all tasks due, or it is time to
    /// look whether somebody wants the database alone.
    fn sleep(&mut self) {
        let now = Instant::now();
        let until = self.tasks.iter().filter_map(|task| task.due).min().unwrap_or(now + MAKE_WAY);
        let time = until.saturating_duration_since(now).min(MAKE_WAY);
        if !time.is_zero() {
            worker::sleep(milliseconds(time).max(1), milliseconds(GATHER));
        }
        // By its number, not by the latch: a task that waited for the engine may have taken that.
        let announced = board::announced();
        if std::mem::replace(&mut self.seen, announced) != announced {
            let now = Instant::now();
            // There is work. What failed rests on.
            for task in self.tasks.iter_mut().filter(|task| task.trouble.is_none()) {
                task.due = Some(now);
            }
        }
    }

    /// Runs each task whose time has come.
    fn run_due(&mut self, now: Instant) {
        for state in &mut self.tasks {
            if state.due.is_some_and(|due| due <= now) && !must_stop() {
                state.run(&self.name);
            }
        }
    }

    /// Runs every task; tells whether all are idle.
    fn run_all(&mut self) -> bool {
        let now = Instant::now();
        self.tasks.iter_mut().for_each(|state| state.due = Some(now));
        self.run_due(now);
        self.tasks.iter().all(|state| state.due.is_none())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl TaskState {
    fn run(&mut self, database: &str) {
        match (self.task.run)() {
            Ok(next) => {
                self.trouble = None;
                self.rest = REST_MIN;
                self.due = match next {
                    Next::Now => Some(Instant::now()),
                    Next::In(time) => Some(Instant::now() + time),
                    Next::Idle => None,
                };
            }
            Err(error) => {
                let is_known = self.trouble.as_ref().is_some_and(|known| known.is_like(&error));
                if !is_known && !must_stop() {
                    log!(
                        "crm_ai: task \"{}\" of database \"{database}\" failed and will be tried \
                         again: {}",
                        self.task.name,
                        error.for_log(),
                    );
                }
                self.trouble = Some(error);
                self.due = Some(Instant::now() + self.rest);
                self.rest = (self.rest * 2).min(REST_MAX);
            }
        }
    }
}

/// Registers this database for a scheduler, for good, and wakes it when the transaction commits.
pub fn register() -> Result<()> {
    store::registration::register_database()?;
    wake_at_commit();
    Ok(())
}
