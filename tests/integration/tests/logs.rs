//! No customer's text reaches the server's log or an error message.

use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT};
use crm_ai_integration::process::{Signal, is_alive, signal, stop, wait_until};
use crm_ai_integration::session::{Failure, Session};

/// In every text of this test; nowhere else.
const MARK: &str = "Zanzibarquince";

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "great product, says MARK",
        "MARK",
        "call MARK at +1 201 555 0123",
        "<b>MARK</b> \u{0007} &amp; \u{fffd}",
        "+MARK",
        "MARK@example.com",
    ]
    .map(|text| text.replace("MARK", MARK))
    .into();
    texts.push(format!("{MARK} ").repeat(2_000));
    texts
}

/// Calls every function with every text, as parameters; gives the failures.
fn call_all(session: &mut Session) -> Vec<Failure> {
    let mut failures = Vec::new();
    for text in texts() {
        for call in [
            "crm_sentiment($1)",
            "crm_sentiment_detail($1)::text",
            "crm_sentiment_batch(ARRAY[$1, NULL, $1])",
            "crm_classify('sentiment', $1)",
            "crm_classify('nobody', $1)",
            "crm_classify('minilm', $1)",
            "crm_classify('sentiment@0', $1)",
            "crm_embed($1)",
            "crm_embed($1, 'sentiment')",
            "crm_normalize_phone($1)",
            "crm_normalize_phone($1, 'XX')",
            "crm_phone($1, 'US')::text",
            "crm_phone($1, 'nowhere')::text",
            "crm_phone_digits($1, -1)",
            "crm_clean_text($1)",
            "(SELECT count(*) FROM crm_find_phones($1, 'US'))",
        ] {
            let sql = format!("SELECT {call} FROM (SELECT $1::text) t");
            failures.extend(session.client().query(&sql, &[&text]).err().map(Failure::from));
        }
    }
    failures
}

#[test]
fn neither_the_log_nor_an_error_holds_a_customers_text() {
    let cluster = Cluster::new(&["log_error_verbosity = verbose", "log_min_messages = debug1"]);
    let mut session = cluster.session();
    let mut failures = call_all(&mut session);
    assert!(failures.len() > 20);
    session.run("SET crm_ai.max_text_bytes = 8");
    failures.extend(call_all(&mut session));
    session.run("RESET crm_ai.max_text_bytes; SET statement_timeout = '2ms'");
    failures.extend(call_all(&mut session));
    session.run("RESET statement_timeout; SET crm_ai.timeout = '20ms'");
    let engine = cluster.engine();
    stop(engine);
    failures.extend(call_all(&mut session));
    session.run("RESET crm_ai.timeout");
    signal(engine, Signal::CONT);
    signal(engine, Signal::ABORT);
    failures.extend(call_all(&mut session));
    wait_until("another engine is up", ENGINE_LIMIT, || {
        !is_alive(engine) && cluster.engine() != engine
    });
    for failure in &failures {
        assert!(!format!("{failure:?}").contains(MARK), "{failure:?}");
        assert_ne!(failure.state, "XX000", "{failure:?}");
    }
    let shown = session.column("SELECT s::text FROM crm_ai.status s");
    assert!(!shown.join(" ").contains(MARK));
    let log = cluster.log();
    assert!(log.contains("54000"));
    for line in log.lines() {
        assert!(!line.contains(MARK), "{line}");
    }
}
