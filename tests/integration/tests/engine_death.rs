//! The engine is killed in the middle of work: nobody loses a connection or gets a wrong answer.

use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT};
use crm_ai_integration::process::{Signal, is_alive, signal, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::{Failure, texts};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A text and what it was judged before anything happened.
struct Known {
    text: String,
    label: String,
    score: f32,
}

fn judge_beforehand(session: &mut Session, count: usize) -> Vec<Known> {
    let judge = |text: String| {
        let sql = "SELECT label, score FROM crm_sentiment_detail($1)";
        let row = session.client().query_one(sql, &[&text]).unwrap();
        Known { text, label: row.get(0), score: row.get(1) }
    };
    texts::messages(count).into_iter().map(judge).collect()
}

/// Asks for one text, or every fifth time for ten; the answers must be the known ones.
fn ask(session: &mut Session, known: &[Known], turn: usize) -> Result<(), Failure> {
    let start = turn * 7 % (known.len() - 10);
    if turn.is_multiple_of(5) {
        let part = &known[start..start + 10];
        let texts: Vec<&str> = part.iter().map(|known| known.text.as_str()).collect();
        let row = session.client().query_one("SELECT crm_sentiment_batch($1)", &[&texts])?;
        let labels: Vec<String> = part.iter().map(|known| known.label.clone()).collect();
        assert_eq!(row.get::<_, Vec<String>>(0), labels);
    } else {
        let Known { text, score, .. } = &known[start];
        let row = session.client().query_one("SELECT crm_sentiment_score($1)", &[text])?;
        let apart = (row.get::<_, f32>(0) - score).abs();
        assert!(apart < 1e-4, "text {start}: {apart} from what is known");
    }
    Ok(())
}

#[test]
fn fifty_connections_outlive_a_killed_engine() {
    let cluster = Cluster::new(&[]);
    let mut watcher = cluster.session();
    let known = judge_beforehand(&mut watcher, 120);
    let started = watcher.value("SELECT pg_postmaster_start_time()");
    let stop = AtomicBool::new(false);
    let failures: Vec<Failure> = std::thread::scope(|scope| {
        let caller = |number: usize| {
            let mut session = cluster.session();
            let (known, stop) = (&known, &stop);
            scope.spawn(move || {
                let mut failures = Vec::new();
                let mut turn = number;
                while !stop.load(Ordering::Relaxed) {
                    failures.extend(ask(&mut session, known, turn).err());
                    turn += 1;
                }
                ask(&mut session, known, turn).expect("an answer once all is quiet");
                let pid = session.pid.to_string();
                assert_eq!(session.value("SELECT pg_backend_pid()"), pid);
                failures
            })
        };
        let callers: Vec<_> = (0..50).map(caller).collect();
        for fault in [Signal::KILL, Signal::KILL, Signal::ABORT, Signal::KILL] {
            std::thread::sleep(Duration::from_millis(700));
            let engine = cluster.engine();
            signal(engine, fault);
            wait_until("the engine is another process", ENGINE_LIMIT, || {
                !is_alive(engine) && cluster.engine() != engine
            });
            wait_until("the service is back", ENGINE_LIMIT, || {
                ask(&mut watcher, &known, 1).is_ok()
            });
        }
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    for failure in &failures {
        failure.expect_state("58000").expect_hint();
    }
    assert_eq!(watcher.value("SELECT pg_postmaster_start_time()"), started);
    assert_eq!(cluster.engines().len(), 1);
    let log = cluster.log();
    assert!(!log.contains("server process"), "{log}");
    assert!(log.matches("engine down").count() >= 4, "{log}");
}

#[test]
fn a_transaction_goes_on_after_its_engine_was_killed() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    session.run("CREATE TABLE note (label text); BEGIN; INSERT INTO note VALUES ('before')");
    session.run("INSERT INTO note SELECT crm_sentiment('great product')");
    signal(cluster.engine(), Signal::KILL);
    // The connection broke between two calls: the second is sent again, unseen.
    session.run("INSERT INTO note SELECT crm_sentiment('awful, broken'); COMMIT");
    assert_eq!(session.column("SELECT label FROM note"), ["before", "positive", "negative"]);
}
