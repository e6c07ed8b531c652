//! Where schedulers run, and that they stand in nobody's way.

use super::{LIMIT, WRONG, settle, wait_for};
use crm_ai_integration::cluster::{Cluster, Stop};
use crm_ai_integration::installation::run;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::workplace;

/// Databases that have a scheduler at present.
fn scheduled(session: &mut Session) -> Vec<String> {
    session.column(
        "SELECT datname FROM pg_stat_activity WHERE backend_type = 'crm_ai scheduler' ORDER BY 1",
    )
}

#[track_caller]
fn wait_for_schedulers(session: &mut Session, databases: &[&str]) {
    wait_until("schedulers run where they should", LIMIT, || scheduled(session) == databases);
}

const WATCHED: &str = "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
    INSERT INTO note VALUES (1, 'This is great!');
    SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')";

#[test]
fn schedulers_come_and_go_with_their_databases() {
    let cluster =
        Cluster::new(&["max_worker_processes = 16", "crm_ai.databases = 'empty, nowhere'"]);
    let mut session = cluster.session();
    assert_eq!(scheduled(&mut session), [""; 0]);
    for name in ["one", "two"] {
        let mut other = cluster.database(name);
        other.run(WATCHED);
        settle(&mut other);
    }
    wait_for_schedulers(&mut session, &["one", "two"]);
    // A copy does not begin to write by itself; copying and dropping need no force.
    session.run("CREATE DATABASE copy TEMPLATE one");
    wait_for_schedulers(&mut session, &["one", "two"]);
    session.run("ALTER DATABASE one RENAME TO first");
    session.run("DROP DATABASE two");
    wait_for_schedulers(&mut session, &["first"]);
    let mut copy = cluster.connect("postgres", "copy");
    copy.run("UPDATE note SET mood = NULL");
    // Until somebody there says so.
    // Apart: the signal of one transaction would come before its end.
    copy.run("ALTER DATABASE copy SET crm_ai.scheduler = on");
    copy.run("SELECT pg_reload_conf()");
    wait_for_schedulers(&mut session, &["copy", "first"]);
    copy.run("UPDATE note SET body = 'awful'");
    settle(&mut copy);
    assert_eq!(copy.value(WRONG), "0");
    drop(copy);
    session.run("DROP DATABASE copy WITH (FORCE)");
    // After a restart they are back, without a call.
    drop(session);
    cluster.stop(Stop::Fast);
    cluster.start();
    let mut session = cluster.session();
    wait_for_schedulers(&mut session, &["first"]);
    let mut first = cluster.connect("postgres", "first");
    first.run("INSERT INTO note VALUES (2, 'bad'); SELECT crm_ai.unwatch('note', 'mood')");
    wait_for_schedulers(&mut session, &[]);
    first.run("SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')");
    wait_for(&mut first, "bool_and(mood = crm_sentiment(body)) FROM note");
    first.run("DROP EXTENSION crm_ai CASCADE");
    wait_for_schedulers(&mut session, &[]);
    let log = cluster.log();
    assert!(log.contains("crm_ai.databases names \"nowhere\""), "{log}");
    for line in log.lines().filter(|line| line.contains("crm_ai scheduler")) {
        assert!(!line.contains("exit code 1") && !line.contains("FATAL"), "{line}");
    }
}

/// Has the scheduler leave a database's watches alone, as it does after failures. What it had looked
/// up before does not count once it sleeps.
fn put_off(session: &mut Session) {
    session.run("UPDATE crm_ai.watch_state SET next_try = now() + interval '1 hour'");
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                  AND backend_type = 'crm_ai scheduler' AND wait_event = 'Extension'";
    wait_until("the scheduler sleeps", LIMIT, || session.value(sleeps) == "1");
}

#[test]
fn a_restored_database_goes_on() {
    let cluster = super::cluster();
    let mut old = cluster.database("watch_dump");
    old.run(
        "CREATE SCHEMA app; CREATE TABLE app.note (id int PRIMARY KEY, body text, mood text);
         INSERT INTO app.note SELECT i, 'good ' || i FROM generate_series(1, 20) i;
         SELECT crm_ai.watch('app.note', 'body', 'sentiment', 'mood', backfill_rate => 1000)",
    );
    settle(&mut old);
    // What waits is carried, too.
    put_off(&mut old);
    old.run("INSERT INTO app.note VALUES (100, 'awful')");
    let file = workplace::new_directory("dump").join("watch");
    run(cluster.client_program("pg_dump").args(["-Fc", "--file"]).arg(&file).arg("watch_dump"));
    cluster.session().run("CREATE DATABASE watch_dump_new TEMPLATE template0");
    run(cluster
        .client_program("pg_restore")
        .args(["--jobs=2", "--exit-on-error", "--dbname=watch_dump_new"])
        .arg(&file));
    let mut new = cluster.connect("postgres", "watch_dump_new");
    assert_eq!(new.value("SELECT rows_waiting || '/' || rows_done FROM crm_ai.watches"), "1/20");
    new.run("UPDATE crm_ai.watch_state SET next_try = NULL");
    new.run("INSERT INTO app.note VALUES (101, 'lovely')");
    settle(&mut new);
    let wrong = "SELECT count(*) FROM app.note WHERE mood IS DISTINCT FROM crm_sentiment(body)";
    assert_eq!(new.value(wrong), "0");
    new.run("CREATE TABLE another (id int PRIMARY KEY, body text, mood text)");
    assert_eq!(new.value("SELECT crm_ai.watch('another', 'body', 'sentiment', 'mood') > 1"), "t");
    assert_eq!(old.value("SELECT rows_waiting FROM crm_ai.watches"), "1");
}

/// A dump restored by several jobs may bring a watch later than its state, while a scheduler runs.
#[test]
fn a_state_whose_watch_is_still_to_come_is_kept() {
    let mut session = super::cluster().database("watch_parts");
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         INSERT INTO crm_ai.watch_state (watch, rows_done) VALUES (4711, 20);
         INSERT INTO crm_ai.pending (watch, key, queued_at, attempts)
         VALUES (4711, '{1}', now(), 0);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES (1, 'good')",
    );
    wait_until("the watch works", LIMIT, || {
        session.value("SELECT concat(mood) FROM note") == "positive"
    });
    let kept = "SELECT count(*) FROM crm_ai.watch_state JOIN crm_ai.pending USING (watch)
                WHERE watch = 4711";
    assert_eq!(session.value(kept), "1");
    session.run("SELECT crm_ai.unwatch('note', 'mood')");
    let left = "SELECT (SELECT count(*) FROM crm_ai.watch_state)
                     + (SELECT count(*) FROM crm_ai.watch_ended)";
    wait_until("nothing else is left", LIMIT, || session.value(left) == "1");
}

#[test]
fn a_promoted_standby_goes_on_with_what_waits() {
    let primary = Cluster::new(&["max_prepared_transactions = 2"]);
    let mut session = primary.session();
    session.run(WATCHED);
    settle(&mut session);
    put_off(&mut session);
    session.run("INSERT INTO note SELECT i, 'good ' || i FROM generate_series(2, 50) i");
    let (standby, _) = primary.standby();
    let mut reader = standby.session();
    // What was prepared before the promotion and is committed after it, and what is rolled back.
    session.run("BEGIN; INSERT INTO note VALUES (51, 'awful'); PREPARE TRANSACTION 'kept'");
    session.run("BEGIN; INSERT INTO note VALUES (52, 'never'); PREPARE TRANSACTION 'dropped'");
    session.run(
        "BEGIN; SAVEPOINT a; INSERT INTO note VALUES (53, 'never'); ROLLBACK TO a;
         INSERT INTO note VALUES (54, 'lovely'); COMMIT",
    );
    wait_for(&mut reader, "rows_waiting = 50 FROM crm_ai.watches");
    // Nobody works there, nor can a watch be begun.
    assert_eq!(scheduled(&mut reader), [""; 0]);
    reader.fails_with("25006", "SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')");
    reader.fails_with("25006", "SELECT crm_ai.unwatch('note', 'mood')");

    drop(session);
    primary.stop(Stop::Immediate);
    reader.run("SELECT pg_promote()");
    wait_for_schedulers(&mut reader, &["postgres"]);
    assert_eq!(reader.value("SELECT rows_waiting FROM crm_ai.watches"), "50");
    reader.run("UPDATE crm_ai.watch_state SET next_try = NULL");
    settle(&mut reader);
    reader.run("COMMIT PREPARED 'kept'");
    reader.run("ROLLBACK PREPARED 'dropped'");
    wait_for(&mut reader, "count(mood) = 52 FROM note");
    settle(&mut reader);
    assert_eq!(reader.value(WRONG), "0");
    assert_eq!(reader.value("SELECT rows_done || '/' || rows_failed FROM crm_ai.watches"), "52/0");
}

#[test]
fn without_a_free_worker_slot_rows_wait_until_there_is_one() {
    // The supervisor, the launcher, the server's own, and one for a scheduler.
    let cluster = Cluster::new(&["max_worker_processes = 4"]);
    let mut session = cluster.session();
    let mut served = cluster.database("served");
    served.run(WATCHED);
    settle(&mut served);
    session.run(WATCHED);
    session.run("INSERT INTO note VALUES (2, 'awful')");
    wait_until("the launcher says what is missing", LIMIT, || {
        let log = cluster.log();
        log.contains("no background worker slot is free for a scheduler")
            && log.contains("HINT:  raise max_worker_processes")
    });
    wait_for(&mut session, "rows_waiting = 1 AND lag_seconds > 0 FROM crm_ai.watches");
    assert_eq!(scheduled(&mut session), ["served"]);
    // The others are not disturbed.
    served.run("INSERT INTO note VALUES (2, 'lovely')");
    settle(&mut served);
    assert_eq!(served.value(WRONG), "0");
    drop(served);
    session.run("DROP DATABASE served");
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    assert_eq!(cluster.log().matches("no background worker slot is free").count(), 1);
}
