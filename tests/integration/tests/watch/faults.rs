//! Nothing is lost and nothing is done twice, whatever fails.

use super::{LIMIT, WRONG, cluster, settle, wait_for};
use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT, Stop};
use crm_ai_integration::process::{Signal, is_alive, signal, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::classifier;

#[test]
fn a_bad_row_is_shown_and_the_others_are_done() {
    let mut session = cluster().database("watch_bad_rows");
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text CHECK (mood <> 'negative'));
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note SELECT i, 'I love this great Zanzibarquince! Number ' || i
         FROM generate_series(1, 100) i;
         INSERT INTO note VALUES (200, repeat('Zanzibarquince ', 90000));
         UPDATE note SET body = 'Zanzibarquince is terrible, I hate it' WHERE id IN (30, 60)",
    );
    settle(&mut session);
    assert_eq!(session.value("SELECT count(*) FROM note WHERE mood = 'positive'"), "98");
    assert_eq!(
        session.rows("SELECT key, state FROM crm_ai.watch_errors ORDER BY key"),
        [
            [Some("{200}".into()), Some("54000".into())],
            [Some("{30}".into()), Some("23514".into())],
            [Some("{60}".into()), Some("23514".into())]
        ]
    );
    assert_eq!(session.value("SELECT rows_failed FROM crm_ai.watches"), "3");
    for text in ["Zanzibarquince is", "great Zanzibarquince"] {
        assert!(!cluster().log().contains(text), "{text}");
    }
}

#[test]
fn a_row_that_somebody_holds_is_done_later_and_holds_up_nobody() {
    let cluster = cluster();
    let mut session = cluster.database("watch_locked");
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood', backfill_rate => 0)",
    );
    let mut holder = cluster.connect("postgres", "watch_locked");
    session.run("INSERT INTO note VALUES (0, 'held')");
    settle(&mut session);
    session.run("UPDATE note SET mood = NULL");
    holder.run("BEGIN; SELECT * FROM note FOR UPDATE");
    // Queued by somebody else than the one who holds it: as a back-fill would.
    session.run(
        "INSERT INTO crm_ai.pending SELECT id, '{0}', now(), 0 FROM crm_ai.watch;
         INSERT INTO note SELECT i, 'good ' || i FROM generate_series(1, 20) i",
    );
    wait_for(&mut session, "count(mood) = 20 FROM note");
    assert_eq!(session.value("SELECT mood IS NULL FROM note WHERE id = 0"), "t");
    holder.run("COMMIT");
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
}

#[test]
fn what_is_dropped_ends_a_watch_or_shows() {
    let mut session = cluster().database("watch_dropped");
    session.run(
        "CREATE TABLE gone (id int PRIMARY KEY, body text, mood text);
         CREATE TABLE lacking (id int PRIMARY KEY, body text, mood text);
         CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch(t, 'body', 'sentiment', 'mood')
         FROM unnest('{gone,lacking,note}'::regclass[]) t;
         BEGIN; INSERT INTO gone VALUES (1, 'x'); DROP TABLE gone; COMMIT",
    );
    session.fails_with("2BP01", "ALTER TABLE lacking DROP COLUMN body");
    session.run(
        "ALTER TABLE lacking DROP COLUMN mood; INSERT INTO lacking VALUES (1, 'bad');
         INSERT INTO note VALUES (1, 'bad')",
    );
    wait_for(&mut session, "bool_or(error_state = '42703') AND count(*) = 2 FROM crm_ai.watches");
    wait_for(&mut session, "count(mood) = 1 FROM note");
    session.run("ALTER TABLE lacking ADD mood text");
    settle(&mut session);
    assert_eq!(session.value("SELECT mood FROM lacking"), "negative");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.pending"), "0");
}

/// Waits until watches rest after at least two failures each, of that SQLSTATE, each rest twice as
/// long as the last.
#[track_caller]
fn rest(session: &mut Session, of: &str, state: &str) {
    let condition = format!(
        "bool_and(failures > 1 AND error_state = '{state}'
             AND next_try - error_at >= interval '0.5 s' * 2 ^ least(failures - 1, 6))
         FROM crm_ai.watches WHERE {of}"
    );
    wait_for(session, &condition);
}

#[test]
fn a_model_that_goes_away_shows_and_loses_no_row() {
    let cluster = cluster();
    let mut session = cluster.database("watch_model_gone");
    for seed in [7, 8] {
        classifier(seed).write(&cluster.imports().join(format!("watch_gone{seed}")));
        session.run(&format!("SELECT crm_ai.import_model('topics', 'watch_gone{seed}')"));
    }
    session.run(
        "CREATE ROLE watch_granted NOLOGIN; GRANT crm_ai_user TO watch_granted;
         SELECT crm_ai.grant_model('topics', 'watch_granted');
         CREATE TABLE note (id int PRIMARY KEY, body text, named text, pinned text, lent text,
             mood text);
         GRANT ALL ON note TO watch_granted;
         SELECT crm_ai.watch('note', 'body', 'topics', 'named');
         SELECT crm_ai.watch('note', 'body', 'topics@2', 'pinned');
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         SET ROLE watch_granted; SELECT crm_ai.watch('note', 'body', 'topics', 'lent'); RESET ROLE;
         INSERT INTO note VALUES (1, 'invoice')",
    );
    settle(&mut session);
    let all = "count(named) || '/' || count(pinned) || '/' || count(lent) || '/' || count(mood)
               FROM note";
    assert_eq!(session.value(&format!("SELECT {all}")), "1/1/1/1");

    // A right that is taken back, and a version that is dropped, stop those that need them.
    session.run("SELECT crm_ai.revoke_model('topics', 'watch_granted')");
    session.run("SELECT crm_ai.drop_version('topics', 2); INSERT INTO note VALUES (2, 'parcel')");
    rest(&mut session, "target_column = 'lent'", "42501");
    rest(&mut session, "target_column = 'pinned'", "42704");
    wait_for(&mut session, "count(named) = 2 AND count(mood) = 2 FROM note");
    assert_eq!(session.value(&format!("SELECT {all}")), "2/1/1/2");
    // A number is never given again, so who named it begins anew.
    session.run(
        "SELECT crm_ai.unwatch('note', 'pinned');
         SELECT crm_ai.watch('note', 'body', 'topics@1', 'pinned');
         SELECT crm_ai.grant_model('topics', 'watch_granted')",
    );
    settle(&mut session);
    assert_eq!(session.value(&format!("SELECT {all}")), "2/2/2/2");

    // The model itself; what waits is done when there is one of that name again.
    session.run("SELECT crm_ai.drop_model('topics'); INSERT INTO note VALUES (3, 'refund')");
    rest(&mut session, "model <> 'sentiment'", "42704");
    wait_for(&mut session, "count(mood) = 3 FROM note");
    assert_eq!(
        session.value("SELECT string_agg(rows_waiting::text, '/' ORDER BY id) FROM crm_ai.watches"),
        "1/0/1/1"
    );
    session.run(
        "SELECT crm_ai.import_model('topics', 'watch_gone8');
         SELECT crm_ai.grant_model('topics', 'watch_granted')",
    );
    settle(&mut session);
    let wrong = "SELECT count(*) FROM note,
            LATERAL (SELECT crm_classify('topics', body) AS label OFFSET 0) now
        WHERE id = 3 AND (named, pinned, lent) IS DISTINCT FROM (label, label, label)";
    assert_eq!(session.value(wrong), "0");
    assert_eq!(session.value(&format!("SELECT {all}")), "3/3/3/3");
    assert_eq!(session.value("SELECT sum(failures + rows_failed) FROM crm_ai.watches"), "0");
}

fn schedulers(cluster: &Cluster) -> Vec<i32> {
    let processes = cluster.processes().into_iter();
    processes
        .filter(|process| process.command.contains("crm_ai scheduler"))
        .map(|p| p.pid)
        .collect()
}

/// Connects once the server answers again.
fn reconnect(cluster: &Cluster) -> Session {
    let mut session = None;
    wait_until("the server answers again", LIMIT, || {
        session = cluster.try_connect("postgres", "postgres").ok();
        session.is_some()
    });
    session.unwrap()
}

#[test]
fn an_engine_that_dies_or_a_server_that_crashes_loses_nothing() {
    let cluster = Cluster::new(&["max_worker_processes = 16", "crm_ai.batch_rows = 40"]);
    let mut session = cluster.session();
    // Each row may be written once by the watch: a second time would show.
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text, writes int DEFAULT 0);
         CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN NEW.writes := OLD.writes + 1; RETURN NEW; END$$;
         CREATE TRIGGER counted BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION count_writes();
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood')",
    );
    let fill = |session: &mut Session, from: usize| {
        session.run(&format!(
            "INSERT INTO note SELECT i, 'the parcel was late and nobody answers ' || i
             FROM generate_series({from}, {from} + 149) i"
        ));
    };
    // The engine, in the middle of work, then for a while.
    fill(&mut session, 0);
    wait_for(&mut session, "count(mood) > 0 FROM note");
    signal(cluster.engine(), Signal::KILL);
    settle(&mut session);
    cluster.set(&mut session, "crm_ai.engine_path", "/bin/false");
    wait_until("the engine is down", ENGINE_LIMIT, || cluster.engines().is_empty());
    fill(&mut session, 1000);
    wait_for(&mut session, "failures > 0 AND rows_waiting = 150 FROM crm_ai.watches");
    assert_eq!(session.value("SELECT error_state FROM crm_ai.watches"), "58000");
    cluster.reset(&mut session, "crm_ai.engine_path");
    settle(&mut session);
    assert_eq!(session.value("SELECT failures FROM crm_ai.watches"), "0");
    // The worker, which takes the server with it; then the whole server.
    fill(&mut session, 2000);
    wait_for(&mut session, "count(mood) > 300 FROM note");
    let scheduler = schedulers(&cluster)[0];
    signal(scheduler, Signal::KILL);
    wait_until("the killed worker is gone", LIMIT, || !is_alive(scheduler));
    let mut session = reconnect(&cluster);
    settle(&mut session);
    fill(&mut session, 3000);
    wait_for(&mut session, "count(mood) > 450 FROM note");
    drop(session);
    cluster.stop(Stop::Immediate);
    cluster.start();
    let mut session = cluster.session();
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    assert_eq!(session.value("SELECT count(*) || '/' || max(writes) FROM note"), "600/1");
    assert_eq!(
        session.value("SELECT rows_done || '/' || rows_failed FROM crm_ai.watches"),
        "600/0"
    );
}
