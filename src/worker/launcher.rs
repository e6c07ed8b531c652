//! Keeps one scheduler in each database that wants one.
//!
//! A static worker, there only when the library is preloaded, and on a standby from its promotion
//! on. It is connected to no database, so that it stands in nobody's way. Which databases want a
//! scheduler it reads from the board in shared memory, which it fills at its start and at each
//! reload: from `crm_ai.databases`, and from what databases have registered in the catalogue
//! `pg_db_role_setting`. That one can be read only from inside a database, so a worker is sent into
//! one for the moment.

use crate::pg::databases::{self, Database};
use crate::pg::worker::{self, must_stop};
use crate::pg::{board, transaction};
use crate::{settings, store};
use pgrx::bgworkers::{
    BackgroundWorkerBuilder, BackgroundWorkerStatus, BgWorkerStartTime, DynamicBackgroundWorker,
};
use pgrx::pg_sys::Oid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Interval at which the launcher looks, if nothing wakes it.
const LOOK_MS: u64 = 10_000;
/// And where a scheduler waits to be started.
const LOOK_SOON_MS: u64 = 500;
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// A worker that ran this long was healthy: its end starts the back-off anew.
const HEALTHY: Duration = Duration::from_secs(5);
/// The database that is read in by choice: nobody keeps customers there.
const READING_ROOM: &str = "postgres";

/// Registers the static worker; only while the postmaster preloads libraries.
pub fn register() {
    BackgroundWorkerBuilder::new("crm_ai launcher")
        .set_type("crm_ai launcher")
        .set_library("crm_ai")
        .set_function("crm_ai_launcher_main")
        .set_start_time(BgWorkerStartTime::RecoveryFinished)
        .set_restart_time(Some(Duration::from_secs(2)))
        .enable_spi_access()
        .load();
}

/// One kind of worker in one database, as the launcher has started it.
#[derive(Default)]
struct Started {
    worker: Option<DynamicBackgroundWorker>,
    at: Option<Instant>,
    backoff: Duration,
}

impl Started {
    /// True if it is running, or will be.
    fn is_alive(&self) -> bool {
        match self.worker.as_ref().map(DynamicBackgroundWorker::pid) {
            Some(Ok(_) | Err(BackgroundWorkerStatus::NotYetStarted)) => true,
            Some(Err(_)) | None => false,
        }
    }

    /// True if it ended too short a time ago to be started again.
    fn must_rest(&self) -> bool {
        self.at.is_some_and(|at| at.elapsed() < self.backoff)
    }

    /// Starts it; `false` where no worker slot is free.
    fn start(&mut self, name: &str, function: &str, database: Oid) -> bool {
        let was_healthy = self.at.is_some_and(|at| at.elapsed() > HEALTHY.max(2 * self.backoff));
        self.backoff = if was_healthy || self.at.is_none() {
            BACKOFF_MIN
        } else {
            (self.backoff * 2).min(BACKOFF_MAX)
        };
        self.at = Some(Instant::now());
        self.worker = BackgroundWorkerBuilder::new(name)
            .set_type(name)
            .set_library("crm_ai")
            .set_function(function)
            .set_argument(Some(pg_sys::Datum::from(database)))
            .set_start_time(BgWorkerStartTime::RecoveryFinished)
            .set_restart_time(None)
            .set_notify_pid(std::process::id().cast_signed())
            .enable_spi_access()
            .load_dynamic()
            .ok();
        if self.worker.is_none() {
            self.backoff = BACKOFF_MIN; // Nothing has failed, and a slot may soon be free.
        }
        self.worker.is_some()
    }
}

/// State of the launcher.
#[derive(Default)]
struct Launcher {
    schedulers: HashMap<u32, Started>,
    census: Started,
    /// True if the registered databases have still to be read.
    wants_census: bool,
    /// True if it was said already that worker slots are missing.
    has_complained: bool,
}

/// The launcher's life.
pub fn run() {
    worker::attach_signals();
    worker::connect(None);
    board::attach_launcher();
    let mut launcher = Launcher { wants_census: true, ..Launcher::default() };
    let mut first = true;
    while !must_stop() {
        let is_reload = worker::reloaded();
        launcher.wants_census |= is_reload;
        let wanted = board::wanted();
        let waiting = match transaction::run(databases::list) {
            Ok(databases) => {
                if first || is_reload {
                    request_configured(&databases);
                }
                first = false;
                launcher.serve(&databases, &wanted)
            }
            Err(error) => {
                log!("crm_ai: the launcher cannot list the databases: {}", error.for_log());
                true
            }
        };
        worker::sleep(if waiting { LOOK_SOON_MS } else { LOOK_MS }, 0);
    }
    worker::end_for_restart();
}

/// Puts a database on the board.
fn request(database: Oid) {
    if !board::request(database) {
        log!("crm_ai: more than {} databases want a scheduler", board::DATABASES_MAX);
    }
}

/// Puts the databases of `crm_ai.databases` on the board.
fn request_configured(databases: &[Database]) {
    for name in settings::databases() {
        match databases.iter().find(|database| database.name == name) {
            Some(database) => {
                request(database.oid);
            }
            None => log!("crm_ai: crm_ai.databases names \"{name}\", which does not exist"),
        }
    }
}

impl Launcher {
    /// Starts what is wanted and does not run. `wanted` was read before the databases, so that one
    /// that is not among them is gone. Tells whether something has to wait.
    fn serve(&mut self, databases: &[Database], wanted: &[(Oid, bool)]) -> bool {
        let mut is_waiting = self.serve_census(databases);
        for &(oid, is_running) in wanted {
            let Some(database) = databases.iter().find(|database| database.oid == oid) else {
                board::forget(oid);
                self.schedulers.remove(&oid.to_u32());
                continue;
            };
            let started = self.schedulers.entry(oid.to_u32()).or_default();
            if is_running || started.is_alive() || !database.is_open {
                continue;
            }
            is_waiting = true;
            if started.must_rest() || worker::is_database_wanted_alone(oid) {
                continue;
            }
            let done = started.start("crm_ai scheduler", "crm_ai_scheduler_main", oid);
            self.complain_unless(done);
        }
        is_waiting
    }

    /// Sends a worker to read which databases are registered.
    fn serve_census(&mut self, databases: &[Database]) -> bool {
        if !self.wants_census || self.census.is_alive() {
            return false;
        }
        let is_free = |database: &&Database| {
            database.is_open && !worker::is_database_wanted_alone(database.oid)
        };
        let by_choice = databases.iter().find(|database| database.name == READING_ROOM);
        let Some(database) = by_choice.filter(is_free).or_else(|| databases.iter().find(is_free))
        else {
            return true;
        };
        if self.census.must_rest() {
            return true;
        }
        let done = self.census.start("crm_ai census", "crm_ai_census_main", database.oid);
        self.complain_unless(done);
        self.wants_census = !done;
        self.wants_census
    }

    fn complain_unless(&mut self, has_started: bool) {
        if !has_started && !self.has_complained {
            ErrorReport::new(
                PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                "crm_ai: no background worker slot is free for a scheduler",
                "",
            )
            .set_hint("raise max_worker_processes")
            .report(PgLogLevel::LOG);
        }
        self.has_complained = !has_started;
    }
}

/// The life of the worker that reads which databases are registered.
pub fn take_census(database: Oid) {
    worker::attach_signals();
    worker::connect(Some(database));
    match transaction::run(store::registration::registered_databases) {
        Ok(registered) => {
            for database in registered {
                request(database);
            }
        }
        Err(error) => {
            log!("crm_ai: cannot read the registered databases: {}", error.for_log());
        }
    }
}
