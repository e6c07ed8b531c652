//! What a database has done beside its sessions: one worker in each that wants it.
//!
//! It runs a fixed list of tasks, each in a transaction of its own, whenever a commit that made
//! work for it wakes it or a task has asked to be run. A task that fails is rolled back and tried
//! again later, which neither ends the worker nor keeps the others. The worker ends where the
//! database has nothing for it to do, and makes way for whoever wants the database alone.

use crate::error::{Error, Result};
use crate::pg::background::{self, Trouble, must_stop, transaction};
use crate::pg::{board, commit};
use crate::store;
use crate::worker::watchman;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// When a task wants to be run again; a commit of work brings every task forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once: there is more to do than one transaction should.
    Now,
    /// After that time.
    In(Duration),
    /// When there is work again. The worker may end.
    Idle,
}

/// Something to do. It is run in a transaction with an active snapshot, as the superuser that
/// initdb made: what users wrote it runs as them.
pub struct Task {
    /// For the log.
    pub name: &'static str,
    /// Does a part of it, of a second or so, that is worth a transaction.
    pub run: fn() -> Result<Next>,
}

/// All tasks, in their order.
const TASKS: &[Task] = &[
    Task { name: "schedules", run: watchman::fire_schedules },
    Task { name: "runs", run: watchman::look_after_runs },
    Task { name: "watches", run: super::watches::run },
];

/// Longest sleep, and how often idle tasks are run while any other is not: work whose commit could
/// not wake the worker is found then. It was prepared before, or committed by another server, or a
/// task that waited for the engine took the wake for its own.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker without work stays, so that it is not started anew for each piece.
const LINGER: Duration = Duration::from_secs(5);
/// How long a worker that was woken waits for more to do, so that what comes close together is
/// done together, and commits in between cost nothing.
const GATHER: Duration = Duration::from_millis(100);
/// How long a task that failed rests, at first and at most.
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
struct Standing {
    task: &'static Task,
    /// When it is to be run; `None` while it is idle.
    due: Option<Instant>,
    /// What failed last, so that it is logged once.
    trouble: Option<Trouble>,
    rest: Duration,
}

/// How the worker ended its work.
enum Ended {
    /// There is nothing more to do.
    Idle,
    /// It was asked to, or somebody wants the database alone.
    MadeWay,
}

/// The life of a database's scheduler. It exits 0, in whichever case.
pub fn run(database: Oid) {
    background::attach_signals();
    if !board::attach_worker(database) {
        return;
    }
    background::connect(Some(database));
    let mut tasks = all();
    loop {
        match work(&mut tasks, database) {
            Ended::MadeWay => return,
            // Taken back before the last look: what commits after that look asks again.
            Ended::Idle => board::set_wanted(database, false),
        }
        let is_done = match transaction(|| Ok(background::has_extension())) {
            Ok(true) => run_all(&mut tasks),
            _ => return,
        };
        if is_done {
            return;
        }
        board::set_wanted(database, true);
    }
}

fn all() -> Vec<Standing> {
    let standing =
        |task| Standing { task, due: Some(Instant::now()), trouble: None, rest: REST_MIN };
    TASKS.iter().map(standing).collect()
}

/// Runs tasks until all are idle for a while.
fn work(tasks: &mut [Standing], database: Oid) -> Ended {
    let mut idle_since = None;
    loop {
        if must_stop() || background::is_database_wanted_alone(database) {
            return Ended::MadeWay;
        }
        background::reloaded();
        match transaction(|| Ok(background::has_extension())) {
            Ok(true) => {}
            _ => return Ended::Idle,
        }
        if run_due(tasks) {
            let since = *idle_since.get_or_insert_with(Instant::now);
            if since.elapsed() > LINGER {
                return Ended::Idle;
            }
        } else {
            idle_since = None;
            let look = Instant::now() + LOOK;
            tasks.iter_mut().for_each(|standing| _ = standing.due.get_or_insert(look));
        }
        sleep(tasks);
    }
}

/// Sleeps until a task is due or a commit has made work, which makes all tasks due.
fn sleep(tasks: &mut [Standing]) {
    let now = Instant::now();
    let until = tasks.iter().filter_map(|task| task.due).min().unwrap_or(now + LOOK);
    let time = until.saturating_duration_since(now).min(LOOK);
    if time.is_zero() {
        return;
    }
    let woken = background::sleep(milliseconds(time).max(1), milliseconds(GATHER));
    if woken {
        let now = Instant::now();
        // There is work. What failed rests on.
        for task in tasks.iter_mut().filter(|task| task.trouble.is_none()) {
            task.due = Some(now);
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Runs each task whose time has come; tells whether all are idle.
fn run_due(tasks: &mut [Standing]) -> bool {
    let now = Instant::now();
    for standing in tasks.iter_mut() {
        if standing.due.is_some_and(|due| due <= now) && !must_stop() {
            standing.run();
        }
    }
    tasks.iter().all(|standing| standing.due.is_none())
}

/// Runs every task; tells whether all are idle.
fn run_all(tasks: &mut [Standing]) -> bool {
    tasks.iter_mut().for_each(|standing| standing.due = Some(Instant::now()));
    run_due(tasks)
}

impl Standing {
    fn run(&mut self) {
        match transaction(self.task.run) {
            Ok(next) => {
                self.trouble = None;
                self.rest = REST_MIN;
                self.due = match next {
                    Next::Now => Some(Instant::now()),
                    Next::In(time) => Some(Instant::now() + time),
                    Next::Idle => None,
                };
            }
            Err(trouble) => {
                if self.trouble.as_ref() != Some(&trouble) && !must_stop() {
                    log!(
                        "crm_ai: task \"{}\" failed and will be tried again: {}{}",
                        self.task.name,
                        trouble
                            .message
                            .as_deref()
                            .map_or(String::new(), |said| format!("{said}, ")),
                        format_args!("SQLSTATE {}", trouble.state),
                    );
                }
                self.trouble = Some(trouble);
                self.due = Some(Instant::now() + self.rest);
                self.rest = (self.rest * 2).min(REST_MAX);
            }
        }
    }
}

/// Registers this database for a scheduler, for good, and wakes it when the transaction commits.
pub fn register() -> Result<()> {
    store::scheduler::register_database()?;
    wake_at_commit();
    Ok(())
}
