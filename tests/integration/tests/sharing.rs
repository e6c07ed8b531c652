//! One engine and one model in memory for all connections of all databases.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::process::resident_bytes;
use crm_ai_integration::texts;
use std::sync::Barrier;

const MODELS: &str = "SELECT count(*) FROM crm_ai.engine_stats() s,
    jsonb_array_elements(s.models) m, crm_ai.versions v
    WHERE v.name = 'sentiment@1' AND m->>'sha256' = v.sha256
        AND m->>'precision' = v.precision";

#[test]
fn databases_share_the_engine_and_the_model() {
    let cluster = shared();
    let mut first = cluster.session();
    let mut second = cluster.database("sharing");
    let judge = "SELECT crm_sentiment_score('great product')";
    assert_eq!(first.value(judge), second.value(judge));
    let pid = "SELECT pid FROM crm_ai.status";
    assert_eq!(first.value(pid), second.value(pid));
    assert_eq!((first.value(MODELS), second.value(MODELS)), ("1".into(), "1".into()));
}

#[test]
fn the_first_calls_of_many_new_connections_are_right() {
    let cluster = shared();
    let known = cluster.session().value("SELECT crm_sentiment_score('great product')");
    let start = Barrier::new(20);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..3 {
                    let mut session = cluster.session();
                    let score = session.value("SELECT crm_sentiment_score('great product')");
                    assert_eq!(score, known);
                }
            });
        }
    });
}

#[test]
fn a_hundred_connections_take_no_more_memory_than_one() {
    let cluster = Cluster::new(&[]);
    let mut one = cluster.session();
    let texts = texts::messages(2_000);
    let label = |session: &mut crm_ai_integration::Session, text: &String| -> String {
        session.client().query_one("SELECT crm_sentiment($1)", &[text]).unwrap().get(0)
    };
    let labels: Vec<String> = texts[..500].iter().map(|text| label(&mut one, text)).collect();
    let row = one.client().query_one("SELECT crm_sentiment_batch($1)", &[&texts]).unwrap();
    assert_eq!(row.get::<_, Vec<String>>(0)[..500], labels);
    let of_one = resident_bytes(cluster.engine());
    let start = Barrier::new(100);
    let idle: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..100)
            .map(|number| {
                let (texts, labels, start) = (&texts, &labels, &start);
                let mut session = cluster.session();
                scope.spawn(move || {
                    start.wait();
                    for index in (number % 5..500).step_by(71) {
                        assert_eq!(label(&mut session, &texts[index]), labels[index]);
                    }
                    session
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let of_hundred = resident_bytes(cluster.engine());
    assert!(of_hundred * 10 < of_one * 11, "{of_one} bytes of one, {of_hundred} of a hundred");
    let connections = one.number("SELECT connections FROM crm_ai.status");
    assert!(connections >= 101.0, "{connections}");
    drop(idle);
}
