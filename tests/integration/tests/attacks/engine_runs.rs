//! A model that takes for ever over some texts harms those who ask it, and nobody else.

use super::engine_imports::onnx_folder;
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::hostile_model;
use crm_ai_integration::process::wait_until;
use std::time::{Duration, Instant};

/// A word of the tiny model's vocabulary, and its token.
const WORD: &str = "invoice";
const TOKEN: u64 = 7;
const JUDGE: &str = "SELECT crm_sentiment('great product')";
/// Far beyond what an answer takes, and short of what a model without end would.
const PROMPT: Duration = Duration::from_secs(5);

/// A cluster whose engine has one thread, with the model `m` that never ends over [`WORD`].
fn with_model(run_limit: &str) -> Cluster {
    let limit = format!("crm_ai.run_limit = '{run_limit}'");
    let cluster = Cluster::new(&["crm_ai.threads = 1", &limit]);
    onnx_folder(&cluster, "m", &hostile_model::endless(Some(TOKEN)));
    let mut session = cluster.session();
    session.run("SELECT crm_ai.import_model('m', 'm')");
    session.run("SELECT crm_classify('m', 'hello')");
    assert_eq!(session.value(JUDGE), "positive");
    cluster
}

fn endless() -> String {
    format!("SELECT crm_classify('m', 'an {WORD} please')")
}

#[test]
fn a_call_without_end_is_ended_by_its_deadline_and_by_a_cancel_and_others_go_on() {
    let cluster = with_model("1h");
    let engine = cluster.engine();
    let mut other = cluster.session();
    for cancels in [false, true] {
        std::thread::scope(|scope| {
            let mut session = cluster.session();
            let pid = session.pid;
            let call = scope.spawn(move || {
                if !cancels {
                    session.run("SET statement_timeout = '4s'");
                }
                session.fails_with("57014", &endless());
                Instant::now()
            });
            std::thread::sleep(Duration::from_millis(700));
            for _ in 0..10 {
                let began = Instant::now();
                assert_eq!(other.value(JUDGE), "positive");
                assert!(began.elapsed() < PROMPT);
            }
            let asked = Instant::now();
            if cancels {
                other.run(&format!("SELECT pg_cancel_backend({pid})"));
            }
            let ended = call.join().unwrap();
            assert!(ended.saturating_duration_since(asked) < PROMPT);
        });
        // The model answers what it can, as it did.
        wait_until("the model is free", PROMPT, || {
            other.try_value("SELECT crm_classify('m', 'hello')").is_ok()
        });
    }
    assert_eq!(cluster.engine(), engine);
}

#[test]
fn a_call_without_end_is_ended_by_the_limit_which_the_error_names() {
    let cluster = with_model("1500ms");
    let mut session = cluster.session();
    for _ in 0..2 {
        let failure = session.fails_with("54000", &endless());
        failure.expect_message("crm_ai.run_limit (1.5 s)").expect_hint();
        session.run("SELECT crm_classify('m', 'hello')");
    }
    // Among others in a query it spoils that query alone.
    session.fails_with(
        "54000",
        &format!("SELECT crm_classify('m', t) FROM unnest(ARRAY['hello', '{WORD}', 'bad']) t"),
    );
    let log = cluster.log();
    assert!(log.contains("model m@1 (") && log.contains("crm_ai.run_limit"), "{log}");
}

/// Ten sessions ask a model that never ends; one asks another.
#[test]
fn many_calls_without_end_hold_nobody_else() {
    let cluster = with_model("1h");
    let mut other = cluster.session();
    std::thread::scope(|scope| {
        for number in 0..10 {
            let mut session = cluster.session();
            scope.spawn(move || {
                session.run("SET statement_timeout = '6s'");
                let text = format!("{WORD} {}", "great ".repeat(number));
                session.fails_with("57014", &format!("SELECT crm_classify('m', '{text}')"));
            });
        }
        std::thread::sleep(Duration::from_millis(700));
        for _ in 0..10 {
            let began = Instant::now();
            assert_eq!(other.value(JUDGE), "positive");
            assert!(began.elapsed() < PROMPT);
        }
    });
}
