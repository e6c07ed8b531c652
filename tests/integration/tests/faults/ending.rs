//! Each process ended in each of its stages, in three ways. Afterwards the server answers, the queue
//! of a watch is worked off, the run has an end, and no process or file is left. The outcomes are the
//! table of `docs/reliability.md`.

use crate::attacks::engine_imports::{onnx_folder, trials};
use crate::train::nothing_left;
use crm_ai_integration::process::{self, Process, Signal, is_alive, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::{Cluster, Stop, hostile_model, stand_in};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
/// How often each process is ended in each stage and way; more often with CRM_AI_ROUNDS.
const ROUNDS: usize = 1;
const DOCUMENT: &str = include_str!("../../../../docs/reliability.md");

/// Brings a process into a stage; gives its id.
type Enter = fn(&Case) -> i32;

/// The processes and their stages, as the document names them.
const STAGES: [(&str, &str, Enter); 14] = [
    ("session", "waiting for answers", |case| case.ask("SELECT count(crm_sentiment(")),
    ("session", "importing a model", |case| {
        case.import();
        case.session_that("crm_ai.import_model")
    }),
    ("engine", "idle", |case| case.cluster.engine()),
    ("engine", "judging texts", |case| {
        case.ask("SELECT count(crm_sentiment(");
        case.cluster.engine()
    }),
    ("trial", "examining a model", Case::import),
    ("supervisor", "watching the engine", |case| case.worker("supervisor")),
    ("launcher", "waiting", |case| case.worker("launcher")),
    ("scheduler", "waiting", |case| case.worker("scheduler")),
    ("scheduler", "writing a batch", |case| {
        case.owner().run("UPDATE pace SET seconds = 600; INSERT INTO note VALUES (0, 'awful')");
        case.waiting_worker("scheduler", "PgSleep")
    }),
    ("run worker", "reading rows", |case| {
        case.owner().run("UPDATE pace SET seconds = 600");
        case.train();
        case.waiting_worker("run", "PgSleep")
    }),
    ("run worker", "training", |case| {
        case.train_slowly();
        case.worker("run")
    }),
    ("run worker", "storing the version", |case| {
        let mut holder = case.cluster.session();
        holder.run("BEGIN; LOCK TABLE crm_ai.version IN EXCLUSIVE MODE");
        case.train();
        let worker = case.waiting_worker("run", "relation");
        case.held.borrow_mut().push(holder);
        worker
    }),
    ("trainer", "training", |case| {
        case.train_slowly();
        case.trainer().unwrap().pid
    }),
    ("postmaster", "a run, a watch and a call at work", |case| {
        case.train_slowly();
        case.ask("SELECT count(crm_sentiment(");
        case.cluster.postmaster()
    }),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Terminate,
    Kill,
    Shutdown,
}

/// One process in one stage.
struct Case {
    cluster: Cluster,
    /// Sessions that hold what a stage waits for.
    held: RefCell<Vec<Session>>,
}

impl Case {
    fn new() -> Self {
        let cluster = Cluster::new(&["max_worker_processes = 16", "crm_ai.train_nice = 0"]);
        stand_in::install(&cluster);
        let mut owner = cluster.session();
        owner.run(
            "CREATE TABLE pace (seconds integer); INSERT INTO pace VALUES (0);
             CREATE FUNCTION wait_for_pace() RETURNS integer LANGUAGE sql AS
                 'SELECT count(pg_sleep(seconds))::integer FROM public.pace';
             CREATE TABLE labelled AS SELECT 'text ' || i AS body, 'label ' || i % 2 AS label
                 FROM generate_series(1, 40) i;
             CREATE TABLE note (id integer PRIMARY KEY, body text, mood text);
             CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN PERFORM public.wait_for_pace(); RETURN NEW; END';
             CREATE TRIGGER slowly BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION slowly();
             SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')",
        );
        onnx_folder(&cluster, "endless", &hostile_model::endless(None));
        Self { cluster, held: RefCell::default() }
    }

    fn owner(&self) -> Session {
        self.cluster.session()
    }

    /// Has a session of its own run a statement without end; gives its backend.
    fn spend(&self, sql: &str) -> i32 {
        let mut session = self.cluster.session();
        let pid = session.pid;
        let sql = sql.to_owned();
        std::thread::spawn(move || session.try_rows(&sql).map(drop));
        pid
    }

    fn ask(&self, call: &str) -> i32 {
        let long = "repeat('long text ', 2000) || i)) FROM generate_series(1, 1000000) i";
        self.spend(&format!("{call}{long}"))
    }

    fn import(&self) -> i32 {
        self.spend("SELECT crm_ai.import_model('endless', 'endless')");
        wait_until("the model is examined", LIMIT, || !trials(&self.cluster).is_empty());
        trials(&self.cluster)[0]
    }

    fn session_that(&self, does: &str) -> i32 {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%{does}%' AND pid <> pg_backend_pid()"
        );
        self.owner().value(&sql).parse().unwrap()
    }

    /// A worker of that kind.
    fn worker(&self, kind: &str) -> i32 {
        let is_one = |process: &Process| process.command.contains(&format!(": crm_ai {kind}"));
        let mut found = None;
        wait_until(&format!("there is a {kind}"), LIMIT, || {
            found = self.cluster.processes().into_iter().find(is_one);
            found.is_some()
        });
        found.unwrap().pid
    }

    /// A worker of that kind, once it waits for that.
    fn waiting_worker(&self, kind: &str, event: &str) -> i32 {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity
             WHERE backend_type = 'crm_ai {kind}' AND wait_event = '{event}'"
        );
        let mut owner = self.owner();
        let mut found = None;
        wait_until(&format!("the {kind} waits for {event}"), LIMIT, || {
            found = owner.try_value(&sql).unwrap();
            found.is_some()
        });
        found.unwrap().parse().unwrap()
    }

    fn trainer(&self) -> Option<Process> {
        let is_trainer = |process: &Process| process.command.contains(" train --job ");
        self.cluster.processes().into_iter().find(is_trainer)
    }

    fn train(&self) {
        self.owner().run(
            "SELECT crm_ai.train('m', 'SELECT body, label FROM labelled, wait_for_pace()', 'body',
                 'label')",
        );
    }

    fn train_slowly(&self) {
        stand_in::control(&self.cluster, stand_in::FOREVER);
        self.train();
        wait_until("the trainer works", LIMIT, || self.trainer().is_some());
    }

    /// Lets go what a stage waits for, for whoever takes the work up again.
    fn release(&self) {
        stand_in::control(&self.cluster, "");
        self.owner().run("SET statement_timeout = '10s'; UPDATE pace SET seconds = 0");
    }

    fn end(&self, pid: i32, end: End) {
        let is_postmaster = pid == self.cluster.postmaster();
        match end {
            End::Terminate if is_postmaster => self.cluster.stop(Stop::Immediate),
            End::Terminate => process::signal(pid, Signal::TERM),
            End::Kill if is_postmaster => self.cluster.kill_postmaster(),
            End::Kill => process::signal(pid, Signal::KILL),
            End::Shutdown => self.cluster.stop(Stop::Fast),
        }
        wait_until("the process has ended", LIMIT, || !is_alive(pid));
        self.held.borrow_mut().clear();
        if end == End::Shutdown || is_postmaster {
            self.cluster.start();
        }
        let connect = || self.cluster.try_connect("postgres", "postgres").is_ok();
        wait_until("the server takes connections", LIMIT, connect);
    }

    /// Everything works and nothing is left; gives what became of the run.
    #[track_caller]
    fn check(&self) -> String {
        let mut owner = self.owner();
        owner.run("SET crm_ai.timeout = '60s'; INSERT INTO note VALUES (1, 'great product')");
        // An engine that is ended again and again is started after longer and longer pauses.
        wait_until("the engine answers", LIMIT, || {
            let answer = owner.try_value("SELECT crm_sentiment('great product')");
            answer.is_ok_and(|answer| answer.as_deref() == Some("positive"))
        });
        let waiting = "SELECT count(*) FROM note WHERE mood IS DISTINCT FROM crm_sentiment(body)";
        wait_until("the queue is worked off", LIMIT, || owner.value(waiting) == "0");
        let open = "SELECT count(*) FROM crm_ai.runs WHERE ended_at IS NULL";
        wait_until("the run has ended", LIMIT, || owner.value(open) == "0");
        nothing_left(&self.cluster);
        wait_until("no other process is left", LIMIT, || {
            trials(&self.cluster).is_empty() && self.trainer().is_none()
        });
        for kind in ["supervisor", "launcher", "scheduler"] {
            self.worker(kind);
        }
        assert_eq!(self.cluster.engines().len(), 1);
        let half = "SELECT count(*) FROM crm_ai.models WHERE name IN ('m', 'endless')
                        AND champion IS NULL AND NOT EXISTS (SELECT FROM crm_ai.runs)";
        assert_eq!(owner.value(half), "0");
        let versions = "SELECT (SELECT count(*) FROM crm_ai.versions WHERE model = 'm')
                             = (SELECT count(*) FROM crm_ai.runs WHERE state = 'succeeded')";
        assert_eq!(owner.value(versions), "t", "a version for each run that succeeded");
        let outcome =
            "SELECT concat_ws(', ', 'recovered', string_agg(concat_ws(' ', 'run', state, sqlstate), ', '))
             FROM crm_ai.runs";
        let outcome = owner.value(outcome);
        owner.run(
            "DELETE FROM note; DELETE FROM crm_ai.run;
             SELECT crm_ai.drop_model(name) FROM crm_ai.models WHERE name = 'm'",
        );
        outcome
    }
}

#[test]
fn every_process_is_ended_in_every_stage() {
    let case = Case::new();
    let rounds = std::env::var("CRM_AI_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    for (process, stage, enter) in STAGES {
        let mut cells = Vec::new();
        for end in [End::Terminate, End::Kill, End::Shutdown] {
            let mut outcomes = BTreeSet::new();
            for _ in 0..rounds {
                let pid = enter(&case);
                case.release();
                case.end(pid, end);
                outcomes.insert(case.check());
            }
            cells.push(Vec::from_iter(outcomes).join(" or "));
        }
        let row = format!("| {process} | {stage} | {} |", cells.join(" | "));
        println!("{row}");
        assert!(DOCUMENT.lines().any(|line| line == row), "not in docs/reliability.md: {row}");
    }
}
