//! The trainer itself, at work on a model's weights, is ended from outside, its worker is, or the
//! server: the run ends or goes on as documented, and nobody else notices.

use crate::train::{LIMIT, nothing_left, of_run, wait};
use crm_ai_integration::cluster::{Cluster, Stop};
use crm_ai_integration::process::{self, Process, Signal, wait_until};
use crm_ai_integration::session::{Failure, Session};
use crm_ai_integration::tiny_model;
use std::time::Duration;

/// Longest wait for a checkpoint, or for a run's end.
const LONG: Duration = Duration::from_secs(120);
/// 14 steps an epoch: enough for many checkpoints.
const TRAIN: &str = "SELECT crm_ai.train('notes', 'note', 'body', 'queue', base => 'tiny',
    method => 'fine_tune', epochs => EPOCHS, batch_size => 8, max_tokens => 16, promote => 'never')";

/// A cluster with rows, and a model `notes` with a champion.
fn cluster() -> (Cluster, Session) {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let mut session = cluster.session();
    session.run(
        "SELECT crm_ai.import_model('tiny', 'tiny'), crm_ai.import_model('notes', 'tiny');
         CREATE TABLE note AS SELECT CASE n % 2 WHEN 0 THEN 'great ' ELSE 'bad ' END || n AS body,
             CASE n % 2 WHEN 0 THEN 'delivery' ELSE 'billing' END AS queue
         FROM generate_series(1, 140) n",
    );
    (cluster, session)
}

/// The trainer of the run that goes on.
fn trainer(cluster: &Cluster) -> Option<Process> {
    let is_trainer = |process: &Process| process.command.contains(" train --job ");
    cluster.processes().into_iter().find(is_trainer)
}

/// The step at which the run's checkpoint was written; 0 where there is none.
fn saved_step(cluster: &Cluster) -> u64 {
    let folders = std::fs::read_dir(cluster.own_files()).unwrap().flatten();
    let ours = |name: &str| name.starts_with("checkpoint_");
    let mut found = folders.filter(|entry| entry.file_name().to_str().is_some_and(ours));
    let state = found.find_map(|entry| std::fs::read(entry.path().join("state")).ok());
    // Who wrote it, and then the steps that were done.
    state.map_or(0, |state| u64::from_le_bytes(*state[32..].first_chunk().unwrap()))
}

/// Asks for a run and waits until its trainer has saved what it learnt so far.
fn start(cluster: &Cluster, session: &mut Session, epochs: u32) -> String {
    let run = session.value(&TRAIN.replace("EPOCHS", &epochs.to_string()));
    wait_until("the trainer has a checkpoint", LONG, || saved_step(cluster) > 0);
    run
}

#[track_caller]
fn fails(session: &mut Session, run: &str, state: &str) -> Failure {
    let failure = session.fails_with(state, &format!("SELECT crm_ai.wait({run}, '60 s')"));
    assert_eq!(of_run(session, run, "state || ' ' || sqlstate"), format!("failed {state}"));
    failure
}

/// The champion and its answers are as before, and no trainer and no file is left.
#[track_caller]
fn nothing_happened(cluster: &Cluster, session: &mut Session) {
    wait_until("the trainer has ended", LIMIT, || trainer(cluster).is_none());
    nothing_left(cluster);
    let shown = "SELECT concat_ws(' ', champion, (SELECT count(*) FROM crm_ai.versions v
                     WHERE v.model = m.name), crm_classify('notes', 'great') IS NOT NULL)
                 FROM crm_ai.models m WHERE name = 'notes'";
    assert_eq!(session.value(shown), "1 1 t");
}

#[test]
fn a_killed_trainer_fails_its_run_and_no_session_notices() {
    let (cluster, mut session) = cluster();
    let postmaster = cluster.postmaster();
    let mut other = cluster.session();
    other.run("BEGIN; CREATE TEMP TABLE kept AS SELECT 1 AS n");
    let run = start(&cluster, &mut session, 1000);
    process::signal(trainer(&cluster).unwrap().pid, Signal::KILL);
    fails(&mut session, &run, "58000").expect_message("signal: 9").expect_hint();
    nothing_happened(&cluster, &mut session);

    // Cancelled in the middle of a step.
    let run = start(&cluster, &mut session, 1000);
    session.run(&format!("SELECT crm_ai.cancel({run})"));
    assert_eq!(wait(&mut session, &run), "cancelled");
    nothing_happened(&cluster, &mut session);
    // And in the middle of growing trees.
    let run = session.value(
        "SELECT crm_ai.train_table('lead', 'SELECT sin(n) AS a, sin(n * n) AS b, cos(n * 3) AS c,
             sin(n) * cos(n * 3) > random() - 0.5 AS won FROM generate_series(1, 30000) n', 'won')",
    );
    wait_until("trees grow", LONG, || of_run(&mut session, &run, "coalesce(step, 0) > 0") == "t");
    session.run(&format!("SELECT crm_ai.cancel({run})"));
    assert_eq!(wait(&mut session, &run), "cancelled");
    nothing_happened(&cluster, &mut session);
    assert_eq!(other.value("SELECT n FROM kept"), "1");
    assert_eq!(cluster.postmaster(), postmaster);
    assert!(!cluster.log().contains("terminating any other active server processes"));
}

/// How a run is cut off.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The run's worker is killed, on which PostgreSQL restarts all sessions.
    Worker,
    /// The server is stopped without a checkpoint of its own.
    Immediate,
    /// The server's first process is killed.
    Postmaster,
}

fn cut_off(cluster: &Cluster, session: &mut Session, how: Cut) {
    match how {
        Cut::Worker => {
            let worker =
                session.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'crm_ai run'");
            process::signal(worker.parse().unwrap(), Signal::KILL);
            wait_until("the sessions are ended", LIMIT, || session.try_rows("SELECT 1").is_err());
            wait_until("the server answers again", LIMIT, || {
                cluster.try_connect("postgres", "postgres").is_ok()
            });
        }
        Cut::Immediate => cluster.stop(Stop::Immediate),
        Cut::Postmaster => cluster.kill_postmaster(),
    }
    if !matches!(how, Cut::Worker) {
        wait_until("no process is left", LIMIT, || cluster.processes().is_empty());
        cluster.start();
    }
    *session = cluster.session();
}

#[test]
fn a_run_that_is_cut_off_fails_where_nobody_takes_it_up() {
    let (cluster, mut session) = cluster();
    for how in [Cut::Worker, Cut::Immediate, Cut::Postmaster] {
        let run = start(&cluster, &mut session, 1000);
        cut_off(&cluster, &mut session, how);
        fails(&mut session, &run, "58000").expect_message("was cut off").expect_hint();
        nothing_happened(&cluster, &mut session);
    }
}

/// The run is cut off, and goes on from its checkpoint where a scheduler is.
#[track_caller]
fn goes_on(cluster: &Cluster, session: &mut Session, run: &str, how: Cut) {
    let saved = saved_step(cluster);
    let cut = session.value("SELECT clock_timestamp()");
    cut_off(cluster, session, how);
    wait_until("the run is taken up again", LONG, || {
        of_run(session, run, "state || attempts") == "running2"
    });
    // What was measured up to the checkpoint stands, and what comes is measured beyond it.
    let first = format!("SELECT min(step) FROM crm_ai.run_metrics WHERE at > '{cut}'");
    wait_until("the trainer goes on", LONG, || session.try_value(&first).unwrap().is_some());
    let (first, last) = (
        session.number(&first),
        format!("SELECT max(step) FROM crm_ai.run_metrics WHERE run = {run} AND at <= '{cut}'"),
    );
    let last = session.number(&last);
    assert!(last < first && (saved as f64) < first, "{how:?}: {last}, {saved}, {first}");
}

#[test]
fn a_run_that_is_cut_off_goes_on_from_its_checkpoint() {
    let (cluster, mut session) = cluster();
    cluster.set(&mut session, "crm_ai.databases", "postgres");
    for how in [Cut::Worker, Cut::Immediate, Cut::Postmaster] {
        let epochs = if matches!(how, Cut::Postmaster) { 300 } else { 1000 };
        let run = start(&cluster, &mut session, epochs);
        goes_on(&cluster, &mut session, &run, how);
        if matches!(how, Cut::Postmaster) {
            assert_eq!(wait(&mut session, &run), "succeeded");
            assert_eq!(of_run(&mut session, &run, "(step = of) || ' ' || version"), "true 2");
            return nothing_left(&cluster);
        }
        session.run(&format!("SELECT crm_ai.cancel({run})"));
        assert_eq!(wait(&mut session, &run), "cancelled");
        nothing_happened(&cluster, &mut session);
    }
}

/// So many rounds, and so slow a rate that none is left out: enough for a few checkpoints.
#[test]
fn trees_that_are_cut_off_grow_on_from_their_checkpoint() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    cluster.set(&mut session, "crm_ai.databases", "postgres");
    session.run(
        "CREATE TABLE lead AS SELECT sin(n) AS a, sin(n * n) AS b, cos(n * 3) AS c,
             sin(n) * cos(n * 3) > 0.3 * sin(n * 7) AS won FROM generate_series(1, 20000) n",
    );
    let run = session.value(
        "SELECT crm_ai.train_table('lead', 'lead', 'won', rounds => 3000,
             learning_rate => 0.001)",
    );
    wait_until("the trainer has a checkpoint", LONG, || saved_step(&cluster) > 0);
    goes_on(&cluster, &mut session, &run, Cut::Postmaster);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "(step = of) || ' ' || version"), "true 1");
    nothing_left(&cluster);
}
