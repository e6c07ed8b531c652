//! Cancel and timeouts end a wait for the engine at once, and no later answer is ever crossed.

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::process::{Signal, signal, stop};
use crm_ai_integration::session::Session;
use crm_ai_integration::texts;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Tells a wait that ends at once from one that does not.
const AT_ONCE: Duration = Duration::from_secs(1);
const JUDGE: &str = "SELECT crm_sentiment('great product')";

/// Stops the engine's process while `work` runs.
fn while_engine_is_stopped(cluster: &Cluster, work: impl FnOnce()) {
    let engine = cluster.engine();
    stop(engine);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    signal(engine, Signal::CONT);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_silent_engine_holds_nobody() {
    let cluster = Cluster::new(&[]);
    let mut known = cluster.session();
    assert_eq!(known.value(JUDGE), "positive");
    let mut unconnected = cluster.session();
    let mut other = cluster.session();
    while_engine_is_stopped(&cluster, || {
        for session in [&mut known, &mut unconnected] {
            let began = Instant::now();
            session.run("SET statement_timeout = '300ms'");
            session.fails_with("57014", JUDGE).expect_message("statement timeout");
            session.run("RESET statement_timeout; SET crm_ai.timeout = '400ms'");
            let failure = session.fails_with("57014", JUDGE);
            failure.expect_message("crm_ai.timeout").expect_hint();
            session.run("RESET crm_ai.timeout");
            assert!(began.elapsed() < Duration::from_millis(700) + 2 * AT_ONCE);
            let pid = session.pid;
            let cancelled = std::thread::scope(|scope| {
                let canceller = scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(300));
                    other.run(&format!("SELECT pg_cancel_backend({pid})"));
                    Instant::now()
                });
                session.fails_with("57014", JUDGE).expect_message("user request");
                let ended = Instant::now();
                ended.saturating_duration_since(canceller.join().unwrap())
            });
            assert!(cancelled < AT_ONCE, "{cancelled:?}");
        }
    });
    assert_eq!(known.value(JUDGE), "positive");
    assert_eq!(unconnected.value(JUDGE), "positive");
}

#[test]
fn the_status_of_a_silent_engine_is_told_without_waiting_for_it() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    while_engine_is_stopped(&cluster, || {
        session.run("SET statement_timeout = '10s'");
        assert_eq!(session.value("SELECT engine_up FROM crm_ai.status"), "f");
    });
    assert_eq!(session.value(JUDGE), "positive");
    assert_eq!(session.value("SELECT engine_up FROM crm_ai.status"), "t");
}

#[test]
fn a_long_batch_is_cancelled_at_once_and_its_work_is_dropped() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    let mut other = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    let batch = "SELECT crm_sentiment_batch(array_agg('please tell me ' || i))
                 FROM generate_series(1, 50000) i";
    let pid = session.pid;
    let waited = std::thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(1500));
            other.run(&format!("SELECT pg_cancel_backend({pid})"));
            Instant::now()
        });
        session.fails_with("57014", batch);
        let ended = Instant::now();
        ended.saturating_duration_since(canceller.join().unwrap())
    });
    assert!(waited < AT_ONCE, "{waited:?}");
    assert_eq!(session.value(JUDGE), "positive");
    let stats = session.rows("SELECT abandoned > 0, rows < 50000 FROM crm_ai.status").remove(0);
    assert_eq!(stats, [Some("t".into()), Some("t".into())]);
    crm_ai_integration::process::wait_until("the queue is empty", Duration::from_secs(20), || {
        session.value("SELECT queue_rows FROM crm_ai.status") == "0"
    });
}

#[test]
fn a_progressing_engine_is_not_timed_out() {
    let cluster = Cluster::new(&["crm_ai.threads = 1"]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    // Far longer than the timeout, which counts from the engine's last sign of life.
    session.run("SET crm_ai.timeout = '2500ms'");
    let batch = "SELECT cardinality(crm_sentiment_batch(array_agg(
                     repeat('please tell me when you open ', 30) || i)))
                 FROM generate_series(1, 80) i";
    assert_eq!(session.value(batch), "80");
}

/// Cancels what it is told to, after a while, and tells when it has.
fn cancel_on_demand(
    mut session: Session,
    orders: mpsc::Receiver<(i32, u64)>,
    done: mpsc::Sender<()>,
) {
    for (pid, milliseconds) in orders {
        std::thread::sleep(Duration::from_millis(milliseconds));
        session.run(&format!("SELECT pg_cancel_backend({pid})"));
        done.send(()).unwrap();
    }
}

#[test]
fn after_a_thousand_cancels_no_answer_was_crossed() {
    let cluster = Cluster::new(&[]);
    let texts = texts::messages(60);
    let scores: Vec<f32> = {
        let mut session = cluster.session();
        let sql = "SELECT crm_sentiment_score(t) FROM unnest($1::text[]) t";
        session.client().query(sql, &[&texts]).unwrap().iter().map(|row| row.get(0)).collect()
    };
    let work = |seed: usize| {
        let mut session = cluster.session();
        let (orders, received) = mpsc::channel();
        let (done, finished) = mpsc::channel();
        let canceller_session = cluster.session();
        let canceller =
            std::thread::spawn(move || cancel_on_demand(canceller_session, received, done));
        for round in 0..250 {
            let milliseconds = ((seed * 7919 + round * 104_729) % 23) as u64;
            let batch: Vec<String> =
                (0..40 + round).map(|index| texts::message(1000 * seed + index)).collect();
            let sql = "SELECT crm_sentiment_batch($1)";
            if round % 2 == 0 {
                session.run(&format!("SET statement_timeout = {}", milliseconds + 1));
                let _ = session.client().query_one(sql, &[&batch]);
                session.run("RESET statement_timeout");
            } else {
                orders.send((session.pid, milliseconds)).unwrap();
                let _ = session.client().query_one(sql, &[&batch]);
                finished.recv().unwrap();
            }
            let index = (seed + round * 13) % texts.len();
            let row = session
                .client()
                .query_one("SELECT crm_sentiment_score($1)", &[&texts[index]])
                .unwrap();
            let apart = (row.get::<_, f32>(0) - scores[index]).abs();
            assert!(apart < 1e-4, "round {round}: {apart}");
        }
        drop(orders);
        canceller.join().unwrap();
    };
    std::thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || work(seed));
        }
    });
    let mut session = cluster.session();
    assert!(session.number("SELECT abandoned FROM crm_ai.status") > 500.0);
    assert_eq!(session.value("SELECT queue_rows FROM crm_ai.status"), "0");
}
