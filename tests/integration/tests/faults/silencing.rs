//! An engine that runs but cannot be reached or does not answer: the supervisor replaces it.

use crm_ai_integration::Cluster;
use crm_ai_integration::process::{self, is_alive, wait_until};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// Three missed pings, each with its time for an answer, and a start.
const LIMIT: Duration = Duration::from_secs(60);

/// Spoils an engine that is up; it is replaced, and a new session gets answers.
#[track_caller]
fn expect_replacement(cluster: &Cluster, spoil: impl FnOnce(i32)) {
    let engine = cluster.engine();
    let mut session = cluster.session();
    session.run("SELECT crm_sentiment('before')");
    spoil(engine);
    wait_until("the engine is replaced", LIMIT, || !is_alive(engine));
    session.run("SET crm_ai.timeout = '20s'");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
    assert_eq!(cluster.session().value("SELECT crm_sentiment('awful')"), "negative");
    assert_eq!(cluster.engines().len(), 1);
}

#[test]
fn an_engine_whose_socket_is_removed_is_replaced() {
    let cluster = Cluster::new(&[]);
    expect_replacement(&cluster, |_| std::fs::remove_file(cluster.engine_socket()).unwrap());
}

#[test]
fn an_engine_whose_socket_is_replaced_is_replaced() {
    let cluster = Cluster::new(&[]);
    let mut other = None;
    expect_replacement(&cluster, |_| {
        // By the server's user, as the owner of the data directory.
        std::fs::remove_file(cluster.engine_socket()).unwrap();
        other = Some(UnixListener::bind(cluster.engine_socket()).unwrap());
    });
}

#[test]
fn an_engine_that_is_stopped_is_replaced() {
    let cluster = Cluster::new(&[]);
    expect_replacement(&cluster, process::stop);
}

/// Fifteen seconds of a busy engine, with more to do than it can, miss no ping.
#[test]
fn a_busy_engine_is_left_alone() {
    let cluster = Cluster::new(&["crm_ai.cache_size = 0"]);
    let engine = cluster.engine();
    let busy: Vec<_> = (0..4)
        .map(|number| {
            let mut session = cluster.session();
            std::thread::spawn(move || {
                session.run("SET statement_timeout = '20s'");
                let long = "SELECT count(crm_sentiment(repeat('long text ', 2000) || i))";
                let _ = session
                    .try_rows(&format!("{long} FROM generate_series({number}, 1000000) AS i"));
            })
        })
        .collect();
    for thread in busy {
        thread.join().unwrap();
    }
    assert_eq!(cluster.engine(), engine);
    assert!(!cluster.log().contains("did not answer"), "{}", cluster.log());
}
