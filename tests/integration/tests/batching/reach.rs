//! How far a query reads ahead, how much it holds, and how it ends in the middle.

use super::support::{database, plan};
use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT};
use crm_ai_integration::process::{Signal, is_alive, signal, wait_until};
use crm_ai_integration::session::Session;
use std::time::{Duration, Instant};

/// Texts that the engine has judged.
fn judged(session: &mut Session) -> f64 {
    session.number("SELECT rows FROM crm_ai.engine_stats()")
}

/// How many texts a statement has judged. The cluster must be the test's own.
fn texts_of(session: &mut Session, sql: &str) -> f64 {
    let before = judged(session);
    session.run(sql);
    judged(session) - before
}

/// A table of so many different texts.
fn texts(session: &mut Session, table: &str, rows: usize) {
    session.run(&format!(
        "CREATE TABLE {table} AS SELECT i AS id, 'great ' || i AS body
         FROM generate_series(1, {rows}) i; ANALYZE {table}"
    ));
}

#[test]
fn what_needs_one_row_touches_few() {
    let cluster = Cluster::new(&[]);
    let mut session = database(&cluster, "reach");
    texts(&mut session, "many", 1000);
    session.run("SELECT crm_sentiment('warm')");
    for (sql, most) in [
        ("SELECT crm_sentiment(body) FROM many LIMIT 1", 1.0),
        ("SELECT crm_sentiment(body) FROM many ORDER BY id DESC LIMIT 1", 1.0),
        ("SELECT crm_sentiment(body) FROM many LIMIT 5 OFFSET 2", 7.0),
        ("SELECT EXISTS (SELECT FROM many WHERE crm_sentiment(body) > '')", 3.0),
        ("SELECT FROM many WHERE crm_sentiment(body) > '' LIMIT 1", 3.0),
        ("SELECT FROM many WHERE crm_sentiment(body) > '' LIMIT 3", 7.0),
        ("SELECT 1 WHERE 'x' IN (SELECT crm_sentiment(body) FROM many LIMIT 2)", 2.0),
        (
            "BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT crm_sentiment(body) FROM many;
             FETCH 1 c; ROLLBACK",
            3.0,
        ),
        ("SELECT crm_sentiment(body) FROM many LIMIT 0", 0.0),
        ("SELECT crm_sentiment(body) FROM many WHERE id < 0", 0.0),
    ] {
        // Texts that no earlier statement has asked about.
        session.run("UPDATE many SET body = body || 'x'");
        let texts = texts_of(&mut session, sql);
        assert!(texts <= most, "{sql}: {texts}");
    }
}

#[test]
fn a_call_is_made_once_for_each_row_and_only_where_it_is_wanted() {
    let cluster = Cluster::new(&[]);
    let mut session = database(&cluster, "wanted");
    texts(&mut session, "many", 300);
    session.run("SELECT crm_sentiment('warm')");
    for (sql, expected) in [
        ("SELECT (crm_sentiment_detail(body)).* FROM many", 300.0),
        ("SELECT crm_sentiment(body), crm_sentiment_score(body) FROM many", 300.0),
        ("SELECT crm_sentiment(body) FROM many WHERE crm_sentiment_level(body) > 0", 300.0),
        ("SELECT crm_sentiment(body) FROM many WHERE id <= 100", 100.0),
        ("SELECT CASE WHEN id <= 50 THEN crm_sentiment(body) END FROM many", 50.0),
        ("SELECT coalesce(nullif(body, body), crm_sentiment(body)) FROM many", 300.0),
        ("SELECT coalesce(body, crm_sentiment(body)) FROM many", 0.0),
        ("SELECT FROM many WHERE id > 200 AND crm_sentiment(body) > ''", 100.0),
        ("SELECT FROM many WHERE crm_sentiment(body) > '' AND id > 200", 100.0),
        ("SELECT count(*) FILTER (WHERE crm_sentiment(body) > '') FROM many", 300.0),
        ("SELECT max(crm_sentiment(body)) FILTER (WHERE id = 9) FROM many", 1.0),
        // Once for each batch.
        ("SELECT crm_sentiment('great') FROM many", 2.0),
    ] {
        session.run("UPDATE many SET body = body || 'x'");
        assert_eq!(texts_of(&mut session, sql), expected, "{sql}");
    }
}

#[test]
fn rows_hidden_by_a_policy_never_reach_the_engine() {
    let cluster = Cluster::new(&[]);
    let mut session = database(&cluster, "policy");
    texts(&mut session, "many", 100);
    session.run(
        "CREATE ROLE reader; GRANT SELECT ON many TO reader; SELECT crm_sentiment('warm');
         SELECT crm_ai.grant_model('moods', 'public');
         ALTER TABLE many ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON many USING (id <= 10);
         SET ROLE reader",
    );
    let sql = "SELECT id FROM many WHERE crm_sentiment(body) > ''";
    assert!(plan(&mut session, sql).contains("CrmBatch"));
    let before = judged(&mut session);
    assert_eq!(session.rows(sql).len(), 10);
    assert_eq!(judged(&mut session) - before, 10.0);
    // Without the right to call it, a batched call fails as any other.
    session.run("RESET ROLE; REVOKE EXECUTE ON FUNCTION crm_sentiment(text) FROM PUBLIC");
    session.run("SET ROLE reader");
    session.fails_with("42501", sql);
}

#[test]
fn a_sessions_first_statement_is_batched_without_preloading() {
    let cluster = Cluster::bare(&[]);
    let mut session = cluster.session();
    session.run("CREATE EXTENSION crm_ai");
    texts(&mut session, "many", 100);
    for sql in [
        "SELECT crm_sentiment(body) FROM many",
        "SELECT id FROM many WHERE crm_sentiment(body) = 'positive'",
    ] {
        let mut fresh = cluster.session();
        let analysed = fresh.column(&format!("EXPLAIN (ANALYZE, COSTS off) {sql}")).join("\n");
        assert!(analysed.contains("CrmBatch"), "{analysed}");
        let mut fresh = cluster.session();
        let batched = fresh.rows(sql);
        fresh.run("SET crm_ai.batching = off");
        assert_eq!(batched, fresh.rows(sql), "{sql}");
    }
    let mut fresh = cluster.session();
    fresh.run("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id, crm_sentiment(body) FROM many");
    fresh.run("FETCH 5 c; FETCH BACKWARD 2 c; ROLLBACK");
    let mut fresh = cluster.session();
    fresh.run("BEGIN; DECLARE c CURSOR FOR SELECT id, crm_sentiment(body) FROM many");
    fresh.run("FETCH 5 c; UPDATE many SET body = 'x' WHERE CURRENT OF c; ROLLBACK");
}

#[test]
fn a_query_outlives_an_engine_that_is_killed_in_the_middle() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    texts(&mut session, "many", 600);
    let sql = "SELECT id, crm_sentiment_level(body) FROM many ORDER BY id";
    let expected = session.rows(sql);
    session.run("UPDATE many SET body = body || ' indeed'");
    session.run("SET crm_ai.batch_rows = 16");
    let changed = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            let engine = cluster.engine();
            signal(engine, Signal::KILL);
            wait_until("another engine is up", ENGINE_LIMIT, || {
                !is_alive(engine) && cluster.engine() != engine
            });
        });
        let rows = session.rows(sql);
        killer.join().unwrap();
        rows
    });
    assert_eq!(changed.len(), expected.len());
    assert_eq!(session.rows(sql), changed);
    session.run("SET crm_ai.batching = off");
    assert_eq!(session.rows(sql), changed);
}

#[test]
fn a_batch_is_cancelled_at_once_and_the_connection_goes_on() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    let mut other = cluster.session();
    texts(&mut session, "many", 20_000);
    assert!(!session.value("SELECT crm_sentiment('warm')").is_empty());
    let before = session.value("SELECT pid FROM crm_ai.status");
    let pid = session.pid;
    let waited = std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(700));
            other.run(&format!("SELECT pg_cancel_backend({pid})"));
            Instant::now()
        });
        session.fails_with("57014", "SELECT count(crm_sentiment(body)) FROM many");
        Instant::now().saturating_duration_since(canceller.join().unwrap())
    });
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    wait_until("the queue is empty", Duration::from_secs(20), || {
        session.value("SELECT queue_rows FROM crm_ai.status") == "0"
    });
    assert_eq!(session.value("SELECT pid FROM crm_ai.status"), before);
    assert_eq!(session.value("SELECT connections FROM crm_ai.status"), "1");
    // What a closed cursor had under way is cancelled, too, and what an aborted one had.
    let declare = "BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT crm_sentiment(body) FROM many;
                   FETCH 600 c";
    for ending in ["CLOSE c; COMMIT", "ROLLBACK", "SAVEPOINT s; SELECT 1 / 0"] {
        session.run(declare);
        let _ = session.try_rows(ending);
        session.run("ROLLBACK");
        wait_until("nothing is left in work", Duration::from_secs(20), || {
            session.value("SELECT queue_rows FROM crm_ai.status") == "0"
        });
    }
    assert_eq!(session.value("SELECT connections FROM crm_ai.status"), "1");
}

#[test]
fn two_cursors_and_single_calls_share_the_connection() {
    let cluster = Cluster::new(&[]);
    let mut session = database(&cluster, "cursors");
    texts(&mut session, "many", 1500);
    session.run("SET crm_ai.batch_rows = 32");
    let expected = session.rows("SELECT id, crm_sentiment_score(body) FROM many ORDER BY id");
    session.run("BEGIN");
    for name in ["a", "b"] {
        session.run(&format!(
            "DECLARE {name} NO SCROLL CURSOR FOR
             SELECT id, crm_sentiment_score(body) FROM many ORDER BY id"
        ));
    }
    let mut got = [Vec::new(), Vec::new()];
    for step in 0..30 {
        got[0].extend(session.rows("FETCH 50 a"));
        assert!(!session.value(&format!("SELECT crm_sentiment('single {step}')")).is_empty());
        got[1].extend(session.rows("FETCH 37 b"));
    }
    got[1].extend(session.rows("FETCH ALL b"));
    session.run("COMMIT");
    assert_eq!(got[0], expected);
    assert_eq!(got[1], expected);
}

#[test]
fn a_backend_holds_no_more_than_work_mem_and_a_little() {
    let cluster = Cluster::new(&[]);
    let mut session = database(&cluster, "memory");
    // 50 MB of texts, of which the model reads the first tokens alone.
    session.run(
        "CREATE TABLE long AS SELECT i AS id, 'great ' || i || repeat(md5(i::text), 4000) AS body
         FROM generate_series(1, 400) i; ANALYZE long;
         SET work_mem = '4MB'; SELECT crm_sentiment('warm')",
    );
    let pid = session.pid;
    let peak = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    session.run("SELECT count(crm_sentiment(left(body, 100))) FROM long");
    let before = peak();
    session.run("SELECT count(crm_sentiment(body)) FROM long");
    let grown = peak() - before;
    assert!(grown < 24 << 10, "{grown} kB");
}
