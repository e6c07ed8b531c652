//! Code that catches every cancel and goes on: it outlives neither a cancel of ours, nor its limits,
//! nor `pg_terminate_backend`, nor a shutdown, and does not come back after a restart.

use crm_ai_integration::process::{self, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;
use crm_ai_integration::{Cluster, Stop};
use std::time::{Duration, Instant};

/// Longest wait for a worker to be terminated: it has a second to end by itself.
const LIMIT: Duration = Duration::from_secs(10);
/// How often a shutdown is tried; more often with CRM_AI_ROUNDS.
const ROUNDS: usize = 2;

const HANG: &str = "
    CREATE FUNCTION hang() RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            LOOP
                BEGIN
                    PERFORM pg_sleep(3600);
                EXCEPTION WHEN query_canceled THEN NULL;
                END;
            END LOOP;
        END $$;
    CREATE FUNCTION hang_row() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM hang(); RETURN NEW; END'";

const ENDLESS_RUN: &str =
    "SELECT crm_ai.train('m', 'SELECT hang() AS body, 1 AS label', 'body', 'label')";

fn cluster(settings: &[&str]) -> (Cluster, Session) {
    let cluster = Cluster::new(&[&["max_worker_processes = 16"], settings].concat());
    let mut session = cluster.session();
    session.run(HANG);
    session.run(
        "CREATE TABLE labelled AS SELECT 'text ' || i AS body, 'label ' || i % 2 AS label, i AS n
             FROM generate_series(1, 40) i",
    );
    (cluster, session)
}

/// Asks for a run and waits until its worker is in the endless code; gives its number.
fn endless_run(session: &mut Session) -> String {
    let run = session.value(ENDLESS_RUN);
    wait_until("the run's worker is in the endless code", LIMIT, || !workers(session).is_empty());
    run
}

/// Workers of ours that sleep in the endless code.
fn workers(session: &mut Session) -> Vec<String> {
    session.column(
        "SELECT pid::text FROM pg_stat_activity
         WHERE backend_type LIKE 'crm_ai %' AND wait_event = 'PgSleep'",
    )
}

#[track_caller]
fn ends(session: &mut Session, run: &str, state: &str) {
    wait_until("the run has ended", LIMIT, || {
        let of_run = format!("SELECT state || ' ' || sqlstate FROM crm_ai.runs WHERE id = {run}");
        session.try_value(&of_run).unwrap().as_deref() == Some(state)
    });
    assert_eq!(workers(session), Vec::<String>::new());
}

/// Another run finds a free slot, and works.
#[track_caller]
fn another_run_works(session: &mut Session) {
    let run = session.value("SELECT crm_ai.train_table('other', 'labelled', 'label')");
    assert_eq!(session.value(&format!("SELECT crm_ai.wait({run}, '60 s')")), "succeeded");
}

#[test]
fn a_run_that_catches_its_cancel_is_terminated() {
    let (_cluster, mut session) = cluster(&[]);
    let run = endless_run(&mut session);
    session.run(&format!("SELECT crm_ai.cancel({run})"));
    ends(&mut session, &run, "cancelled 57014");
    let run = endless_run(&mut session);
    let worker = workers(&mut session).remove(0);
    session.run(&format!("SELECT pg_terminate_backend({worker})"));
    ends(&mut session, &run, "failed 57014");
    another_run_works(&mut session);
}

#[test]
fn a_run_that_catches_its_time_limit_is_terminated() {
    let (_cluster, mut session) = cluster(&["crm_ai.max_run_time = '1s'"]);
    let run = session.value(ENDLESS_RUN);
    ends(&mut session, &run, "failed 54000");
}

/// What waits for a lock of somebody else at the end holds no slot, and has the run's limit.
#[test]
fn a_run_that_waits_for_a_lock_ends_and_holds_nobody_up() {
    let (cluster, mut session) = cluster(&["crm_ai.max_run_time = '20s'"]);
    tiny_model::classifier(1).write(&cluster.imports().join("topics"));
    session.run("SELECT crm_ai.import_model('locked', 'topics')");
    let mut holder = cluster.session();
    holder.run("BEGIN; SELECT crm_ai.grant_model('locked', 'public')");
    let run = session.value(
        "SELECT crm_ai.train('locked', 'labelled', 'body', 'label', method => 'head',
             promote => 'never')",
    );
    wait_until("the run waits for the lock", Duration::from_secs(20), || {
        session.value(
            "SELECT count(*) FROM pg_stat_activity
             WHERE backend_type = 'crm_ai run' AND wait_event_type = 'Lock'",
        ) == "1"
    });
    another_run_works(&mut session);
    wait_until("the run has ended", Duration::from_secs(40), || {
        session.value(&format!("SELECT state FROM crm_ai.runs WHERE id = {run}")) == "failed"
    });
    let error = session.value(&format!("SELECT error FROM crm_ai.runs WHERE id = {run}"));
    assert!(error.contains("max_run_time"), "{error}");
    holder.run("ROLLBACK");
}

#[test]
fn a_watch_that_hangs_is_ended_at_once_and_switched_off_in_the_long_run() {
    let (_cluster, mut session) = cluster(&["crm_ai.watch_timeout = '1s'"]);
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         CREATE TABLE sound (id int PRIMARY KEY, body text, mood text);
         CREATE TRIGGER hang BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION hang_row();
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood'),
             crm_ai.watch('sound', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES (1, 'great product')",
    );
    wait_until("the batch hangs", LIMIT, || !workers(&mut session).is_empty());
    // Others are not kept from their work for long.
    session.run("INSERT INTO sound VALUES (1, 'great product')");
    wait_until("another watch has done its work", Duration::from_secs(30), || {
        session.value("SELECT count(mood) FROM sound") == "1"
    });
    wait_until("the watch is switched off", Duration::from_secs(90), || {
        session.value("SELECT count(*) FROM crm_ai.watches WHERE disabled_at IS NOT NULL") == "1"
    });
    let off = "SELECT disabled_reason FROM crm_ai.watches WHERE disabled_at IS NOT NULL";
    assert!(session.value(off).contains("did not end when it was cancelled"));
    session.run("UPDATE sound SET body = 'awful product'");
    wait_until("another watch goes on", LIMIT, || {
        session.value("SELECT mood FROM sound") == "negative"
    });
    assert_eq!(workers(&mut session), Vec::<String>::new());
    // Switched on again, it hangs again, and is ended without waiting for that.
    session.run("SELECT crm_ai.resume_watch('note', 'mood')");
    wait_until("the batch hangs again", LIMIT, || !workers(&mut session).is_empty());
    session.run("SET statement_timeout = '9s'; SELECT crm_ai.unwatch('note', 'mood')");
    session.run("DROP TRIGGER hang ON note");
    session.run("SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')");
    wait_until("a watch without the trigger works", LIMIT, || {
        session.value("SELECT count(mood) FROM note") == "1"
    });
}

/// A watch whose batches fail for the table's own reasons, again and again.
#[test]
fn a_watch_that_fails_for_long_is_switched_off_with_its_reason() {
    let (_cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         ALTER TABLE note RENAME COLUMN body TO text;
         UPDATE crm_ai.watch_state SET failures = 58",
    );
    session.run("INSERT INTO note VALUES (1, 'great product')");
    session.run("UPDATE crm_ai.watch_state SET next_try = NULL");
    wait_until("the watch is switched off", Duration::from_secs(90), || {
        session.run("UPDATE crm_ai.watch_state SET next_try = NULL");
        session.run("UPDATE note SET text = text || '!'");
        session.value("SELECT count(*) FROM crm_ai.watches WHERE disabled_at IS NOT NULL") == "1"
    });
    assert_eq!(session.value("SELECT error_state FROM crm_ai.watches"), "42703");
}

fn rounds() -> usize {
    std::env::var("CRM_AI_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn a_server_stops_fast_whatever_its_workers_do_and_nothing_comes_back() {
    let (cluster, mut session) = cluster(&["crm_ai.max_running = 3"]);
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         CREATE TRIGGER hang BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION hang_row()",
    );
    for round in 0..rounds() {
        for model in ["a", "b"] {
            session.run(&format!(
                "SELECT crm_ai.train('{model}{round}', 'SELECT hang() AS body, 1 AS label', 'body',
                     'label')"
            ));
        }
        session.run("SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')");
        session.run(&format!("INSERT INTO note VALUES ({round}, 'great product')"));
        wait_until("all workers are in the endless code", LIMIT, || {
            workers(&mut session).len() == 3
        });
        drop(session);
        let began = Instant::now();
        cluster.stop(Stop::Fast);
        assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
        assert!(cluster.processes().is_empty());
        cluster.start();
        session = cluster.session();
        // A scheduler is there, and neither run is taken up again.
        wait_until("the runs have their end", LIMIT, || {
            session.value("SELECT count(*) FROM crm_ai.runs WHERE state <> 'failed'") == "0"
        });
        wait_until("the batch is tried again, and is ended", LIMIT, || {
            session.value("SELECT count(*) FROM crm_ai.watches WHERE error_state = '57014'") == "1"
        });
        session.run("SELECT crm_ai.unwatch('note', 'mood')");
        assert_eq!(
            session.value(
                "SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'crm_ai run'"
            ),
            "0"
        );
    }
}

/// `pg_terminate_backend` of everything: each worker comes back.
#[test]
fn terminated_workers_come_back() {
    let (cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES (0, 'great product')",
    );
    for round in 1..=2 {
        let engine = cluster.engine();
        session.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
        );
        for supervisor in cluster.supervisors() {
            process::signal(supervisor.pid, process::Signal::TERM);
        }
        session.run(&format!("INSERT INTO note VALUES ({round}, 'great product')"));
        wait_until("the watch has done its work", Duration::from_secs(30), || {
            session.value("SELECT count(mood) = count(*) FROM note") == "t"
        });
        wait_until("there is another engine", Duration::from_secs(30), || {
            cluster.engine() != engine
        });
        another_run_works(&mut session);
    }
}
