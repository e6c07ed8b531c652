//! Runs that are ended, cut off, or go over a limit: each ends in the documented state, with the
//! champion untouched, no file left, and the server as it was.

use crate::train::{LIMIT, TICKETS, TRAIN, cluster, nothing_left, of_run, train, wait};
use crm_ai_integration::cluster::{Cluster, Stop};
use crm_ai_integration::process::{self, Process, Signal, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::stand_in;

/// Waits in the trainer until the test says go.
const HOLD: &str = "while [ ! -f \"$(dirname \"$0\")/go\" ]; do sleep 0.05; done";

fn go(cluster: &Cluster) {
    std::fs::write(cluster.sockets().join("go"), "").unwrap();
}

fn trainers(cluster: &Cluster) -> Vec<Process> {
    let is_trainer = |process: &Process| process.command.contains(" train --job ");
    let mut found = cluster.processes();
    found.retain(is_trainer);
    // The shell forks itself for a moment.
    let shells: Vec<i32> = found.iter().map(|process| process.pid).collect();
    found.retain(|process| !shells.contains(&process.parent));
    found
}

/// Asks for a run and waits until its trainer is at work.
fn start(cluster: &Cluster, session: &mut Session) -> String {
    let run = train(session);
    at_work(cluster, session, &run);
    run
}

fn at_work(cluster: &Cluster, session: &mut Session, run: &str) {
    wait_until("the trainer is at work", LIMIT, || {
        of_run(session, run, "coalesce(step, 0)") == "1" && !trainers(cluster).is_empty()
    });
}

#[track_caller]
fn fails(session: &mut Session, run: &str, state: &str) {
    session.fails_with(state, &format!("SELECT crm_ai.wait({run}, '30 s')")).expect_hint();
    assert_eq!(of_run(session, run, "state || ' ' || sqlstate"), format!("failed {state}"));
}

#[test]
fn a_run_is_cancelled_whatever_it_does() {
    let (cluster, mut session) = cluster(&[]);
    stand_in::control(&cluster, HOLD);
    let run = start(&cluster, &mut session);
    // A cancel that is taken back is none, and waiting for it to be decided delays nothing.
    session.run(&format!("BEGIN; SELECT crm_ai.cancel({run}); ROLLBACK"));
    assert_eq!(session.value(&format!("SELECT crm_ai.wait({run}, '1 s')")), "running");
    session.run("SET statement_timeout = '500ms'");
    session.fails_with("57014", &format!("SELECT crm_ai.wait({run})"));
    session.run("RESET statement_timeout");
    // Whoever waits keeps no old row from VACUUM.
    let mut waiting = cluster.session();
    let pid = waiting.pid;
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&mut waiting, &run));
        wait_until("the waiting session holds no snapshot", LIMIT, || {
            let holds = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%crm_ai.wait%'
                             AND state = 'active' AND backend_xmin IS NULL AND pid = ";
            session.value(&format!("{holds}{pid}")) == "1"
        });
        session.run(&format!("SELECT crm_ai.cancel({run})"));
        assert_eq!(waiter.join().unwrap(), "cancelled");
    });
    assert_eq!(wait(&mut session, &run), "cancelled");
    wait_until("the trainer has ended", LIMIT, || trainers(&cluster).is_empty());
    session.fails_with("55000", &format!("SELECT crm_ai.cancel({run})"));

    let run = session.value(
        "SELECT crm_ai.train('tickets', 'SELECT body, queue FROM ticket, pg_sleep(600)',
             'body', 'queue', base => 'tiny')",
    );
    wait_until("the rows are being read", LIMIT, || {
        of_run(&mut session, &run, "state") == "running"
    });
    session.run(&format!("SELECT crm_ai.cancel({run})"));
    assert_eq!(wait(&mut session, &run), "cancelled");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.versions WHERE model = 'tickets'"), "0");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.run_cancel"), "0");
    nothing_left(&cluster);
}

/// Its worker has not begun to read: it still removes what an earlier one left behind.
#[test]
fn a_run_is_cancelled_in_the_moment_in_which_it_begins() {
    let (cluster, mut session) = cluster(&[]);
    let database = session.value("SELECT oid FROM pg_database WHERE datname = current_database()");
    let leftover = format!("base/pgsql_tmp/pgsql_tmp_crm_ai_run_{database}_9");
    session.run(&format!(
        "COPY (SELECT) TO PROGRAM 'cat; mkdir -p {leftover}; cd {leftover}; seq 20000 | xargs touch'"
    ));
    session.run(
        "DO $$
         DECLARE
             started bigint := crm_ai.train('tickets',
                 'SELECT body, queue FROM ticket, pg_sleep(600)', 'body', 'queue',
                 base => 'tiny');
         BEGIN
             COMMIT;
             WHILE (SELECT state = 'queued' FROM crm_ai.runs WHERE id = started) LOOP
             END LOOP;
             PERFORM crm_ai.cancel(started);
         END $$",
    );
    assert_eq!(session.value("SELECT crm_ai.wait(max(id), '20 s') FROM crm_ai.runs"), "cancelled");
    nothing_left(&cluster);
}

#[test]
fn a_trainer_that_dies_or_fails_takes_nothing_with_it() {
    let (cluster, mut session) = cluster(&[]);
    let postmaster = cluster.postmaster();
    stand_in::control(&cluster, "kill -9 $$");
    let run = train(&mut session);
    fails(&mut session, &run, "58000");
    stand_in::control(
        &cluster,
        r#"say '{"event":"failed","kind":"data","message":"one class","hint":"give two"}'; exit 1"#,
    );
    let run = train(&mut session);
    fails(&mut session, &run, "22000");
    stand_in::control(&cluster, "say nonsense");
    let run = train(&mut session);
    fails(&mut session, &run, "XX000");
    stand_in::control(&cluster, "cp() { :; }");
    let run = train(&mut session);
    fails(&mut session, &run, "22P02");
    cluster.set(&mut session, "crm_ai.train_memory", "1GB");
    stand_in::control(&cluster, "ulimit -d | grep -q 1048576 && kill -ABRT $$");
    let run = train(&mut session);
    fails(&mut session, &run, "53200");
    cluster.reset(&mut session, "crm_ai.train_memory");
    // The worker itself is ended.
    stand_in::control(&cluster, HOLD);
    let run = start(&cluster, &mut session);
    session.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE backend_type = 'crm_ai run'",
    );
    fails(&mut session, &run, "58000");
    wait_until("the trainer has ended", LIMIT, || trainers(&cluster).is_empty());

    assert_eq!(cluster.postmaster(), postmaster);
    assert!(!cluster.log().contains("terminating any other active server processes"));
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.versions WHERE model = 'tickets'"), "0");
    assert_eq!(
        session.value("SELECT count(*) FROM crm_ai.deployments WHERE model = 'tickets'"),
        "0"
    );
    nothing_left(&cluster);
}

#[test]
fn limits_end_a_run() {
    let (cluster, mut session) = cluster(&[]);
    cluster.set(&mut session, "crm_ai.max_rows", "39");
    let run = train(&mut session);
    fails(&mut session, &run, "54000");
    session.fails_with("54000", "SELECT crm_ai.evaluate('tiny', 'ticket', 'body', 'queue')");
    cluster.reset(&mut session, "crm_ai.max_rows");
    cluster.set(&mut session, "temp_file_limit", "1kB");
    let run = train(&mut session);
    fails(&mut session, &run, "53400");
    cluster.reset(&mut session, "temp_file_limit");
    cluster.set(&mut session, "crm_ai.max_run_time", "1s");
    stand_in::control(&cluster, HOLD);
    let run = train(&mut session);
    fails(&mut session, &run, "54000");
    let run = session.value(
        "SELECT crm_ai.train('tickets', 'SELECT body, queue FROM ticket, pg_sleep(600)',
             'body', 'queue', base => 'tiny')",
    );
    fails(&mut session, &run, "54000");
    nothing_left(&cluster);
}

#[test]
fn what_a_run_needs_may_vanish_while_it_waits_or_works() {
    let (cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE ROLE leaving; GRANT crm_ai_trainer TO leaving; GRANT SELECT ON ticket TO leaving;
         CREATE TABLE passing AS TABLE ticket",
    );
    stand_in::control(&cluster, HOLD);
    let first = start(&cluster, &mut session);
    // One at a time, over all databases: these wait, in another database too.
    let second =
        session.value("SELECT crm_ai.train('others', 'passing', 'body', 'queue', base => 'tiny')");
    session.run("SET ROLE leaving");
    let third =
        session.value("SELECT crm_ai.train('theirs', 'ticket', 'body', 'queue', base => 'tiny')");
    session.run("RESET ROLE; DROP TABLE passing; DROP OWNED BY leaving; DROP ROLE leaving");
    let mut elsewhere = cluster.database("elsewhere");
    elsewhere.run("CREATE TABLE ticket AS SELECT 'a' AS body, 'b' AS queue");
    elsewhere.run("SELECT crm_ai.import_model('tiny', 'tiny')");
    let fourth = train(&mut elsewhere);
    assert_eq!(elsewhere.value(&format!("SELECT crm_ai.wait({fourth}, '1 s')")), "queued");
    assert_eq!(trainers(&cluster).len(), 1);
    session.run("SELECT crm_ai.drop_model('tickets')");
    go(&cluster);
    fails_bare(&mut session, &first, "42704");
    fails_bare(&mut session, &second, "42P01");
    fails_bare(&mut session, &third, "42501");
    assert_eq!(wait(&mut elsewhere, &fourth), "succeeded");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.artifact"), "1");

    // While the trainer works: its rows are read already, but there must be a role to own what
    // it learns.
    session.run(
        "CREATE ROLE gone; GRANT crm_ai_trainer TO gone; GRANT SELECT ON ticket TO gone;
         SET ROLE gone",
    );
    for is_role in [false, true] {
        std::fs::remove_file(cluster.sockets().join("go")).unwrap();
        let run = session.value(&TRAIN.replace("tickets", if is_role { "a" } else { "b" }));
        at_work(&cluster, &mut session, &run);
        if is_role {
            session.run("RESET ROLE; DROP OWNED BY gone; DROP ROLE gone");
            go(&cluster);
            fails(&mut session, &run, "42501");
        } else {
            session.run("RESET ROLE; ALTER TABLE ticket RENAME TO other; SET ROLE gone");
            go(&cluster);
            assert_eq!(wait(&mut session, &run), "succeeded");
            session.run("RESET ROLE; ALTER TABLE other RENAME TO ticket; SET ROLE gone");
        }
    }
    nothing_left(&cluster);
}

#[track_caller]
fn fails_bare(session: &mut Session, run: &str, state: &str) {
    session.fails_with(state, &format!("SELECT crm_ai.wait({run}, '30 s')"));
}

#[test]
fn a_run_that_is_cut_off_fails_or_goes_on() {
    let (cluster, mut session) = cluster(&[]);
    stand_in::control(&cluster, HOLD);
    for crash in [true, false] {
        let run = start(&cluster, &mut session);
        if crash {
            cluster.kill_postmaster();
        } else {
            cluster.stop(Stop::Fast);
        }
        assert!(trainers(&cluster).is_empty());
        cluster.start();
        session = cluster.session();
        fails(&mut session, &run, "58000");
        nothing_left(&cluster);
    }
    // With a scheduler they go on.
    cluster.set(&mut session, "crm_ai.databases", "postgres");
    for crash in [true, false] {
        wait_until("the scheduler is there", LIMIT, || {
            session.value(
                "SELECT count(*) FROM pg_stat_activity
                           WHERE backend_type = 'crm_ai scheduler'",
            ) == "1"
        });
        let run = start(&cluster, &mut session);
        if crash {
            cluster.kill_postmaster();
        } else {
            cluster.stop(Stop::Fast);
        }
        cluster.start();
        session = cluster.session();
        at_work(&cluster, &mut session, &run);
        assert_eq!(of_run(&mut session, &run, "attempts"), "2");
        go(&cluster);
        assert_eq!(wait(&mut session, &run), "succeeded");
        std::fs::remove_file(cluster.sockets().join("go")).unwrap();
    }
    process::signal(cluster.engine(), Signal::KILL);
    nothing_left(&cluster);
}

/// The server hides when processes of others began from an owner that is no superuser any more.
#[test]
fn a_run_at_work_is_no_orphan_where_the_owner_was_demoted() {
    let (cluster, mut session) = cluster(&["crm_ai.max_running = 2"]);
    session.run("CREATE ROLE boss SUPERUSER LOGIN");
    session.run("CREATE DATABASE demoted");
    cluster.connect("boss", "demoted").run("CREATE EXTENSION crm_ai");
    session.run("ALTER ROLE boss NOSUPERUSER");
    let mut session = cluster.connect("postgres", "demoted");
    session.run(TICKETS);
    session.run("SELECT crm_ai.import_model('tiny', 'tiny')");
    stand_in::control(&cluster, HOLD);
    let first = start(&cluster, &mut session);
    // Whoever takes up another run settles the orphans first.
    let second = session.value(&TRAIN.replace("'tickets'", "'others'"));
    at_work(&cluster, &mut session, &second);
    for run in [&first, &second] {
        assert_eq!(of_run(&mut session, run, "concat_ws(' ', state, sqlstate)"), "running");
    }
    go(&cluster);
    for run in [&first, &second] {
        assert_eq!(wait(&mut session, run), "succeeded");
    }
}
