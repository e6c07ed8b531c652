//! A hot standby answers, and goes on when it is promoted.

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::texts;
use crm_ai_integration::tiny_model::classifier;
use std::time::Duration;

const SCORES: &str =
    "SELECT array_agg(crm_sentiment_score(t) ORDER BY t)::text FROM unnest($1::text[]) t";
const LABELS: &str =
    "SELECT array_agg(crm_sentiment(t) ORDER BY t)::text FROM unnest($1::text[]) t";
/// Scores are equal to the last digit only where a text was judged alone (docs/precision.md): before
/// the engine keeps answers of batches.
const ALONE: &str = "SET crm_ai.batching = off";
const TOGETHER: &str = "RESET crm_ai.batching";
const TOPICS: &str = "SELECT string_agg(label || ' ' || probability, ', ')
                      FROM crm_classify_detail('topics', 'great invoice')";
const LIMIT: Duration = Duration::from_secs(20);

fn what_only_reads_works(reader: &mut Session) {
    let counted = "SELECT read || ' ' || duplicate FROM crm_ai.clean_table('note', 'clean',
                       dry_run => true, distinct_on => '{*}')";
    assert_eq!(reader.value(counted), "2 1");
    let judged = "SELECT rows FROM crm_ai.evaluate('topics', $$VALUES ('great', 'billing')$$,
                      'column1', 'column2')";
    assert_eq!(reader.value(judged), "1");
}

#[test]
fn a_standby_answers_like_its_primary() {
    let primary = Cluster::new(&[]);
    let mut session = primary.session();
    classifier(1).write(&primary.imports().join("topics1"));
    classifier(2).write(&primary.imports().join("topics2"));
    session.run("SELECT crm_ai.import_model('topics', 'topics1')");
    session.run("CREATE TABLE note AS SELECT ' x'::text AS body FROM generate_series(1, 2)");
    let texts = texts::messages(50);
    let ask = |session: &mut Session, sql: &str| -> String {
        session.client().query_one(sql, &[&texts]).unwrap().get(0)
    };
    session.run(ALONE);
    let scores = ask(&mut session, SCORES);
    session.run(TOGETHER);
    let labels = ask(&mut session, LABELS);
    let first = session.value(TOPICS);

    let (standby, warnings) = primary.standby();
    assert!(!warnings.contains("WARNING"), "{warnings}");
    let mut reader = standby.session();
    assert_eq!(reader.value("SELECT pg_is_in_recovery()"), "t");
    reader.run(ALONE);
    assert_eq!(ask(&mut reader, SCORES), scores);
    reader.run(TOGETHER);
    assert_eq!(ask(&mut reader, LABELS), labels);
    assert_eq!(reader.value(TOPICS), first);
    assert_ne!(standby.engine(), primary.engine());

    // Also with what was imported and promoted since.
    session.run("SELECT crm_ai.import_model('topics', 'topics2'), crm_ai.promote('topics', 2)");
    let second = session.value(TOPICS);
    assert_ne!(second, first);
    wait_until("the promotion is replicated", LIMIT, || reader.value(TOPICS) == second);

    for act in [
        "import_model('m', 'topics1')",
        "export_model('topics', 'out')",
        "promote('topics', 1)",
        "rollback('topics')",
        "drop_version('topics', 1)",
        "drop_model('topics')",
        "grant_model('topics', 'public')",
        "revoke_model('topics', 'public')",
        "train('m', 'VALUES (1, 2)', 'column1', 'column2')",
        "train_table('m', 'VALUES (1, 2)', 'column1')",
        "cancel(1)",
        "schedule_retrain('m', '@daily', 'VALUES (1, 2)', 'column1', 'column2')",
        "schedule_retrain_table('m', '@daily', 'VALUES (1, 2)', 'column1')",
        "unschedule(1)",
        "clean_table('note', 'clean')",
        "undo_clean('note')",
    ] {
        reader.fails_with("25006", &format!("SELECT crm_ai.{act}"));
    }
    what_only_reads_works(&mut reader);

    drop(session);
    drop(primary);
    let engine = standby.engine();
    reader.run("SELECT pg_promote()");
    assert_eq!(reader.value("SELECT pg_is_in_recovery()"), "f");
    assert_eq!(reader.value(TOPICS), second);
    assert_eq!(standby.engine(), engine);
    assert_eq!(reader.value("SELECT crm_ai.rollback('topics')"), "1");
    assert_eq!(reader.value(TOPICS), first);
}

#[test]
fn a_standby_without_preloading_starts_its_engine_at_the_first_call() {
    let primary = Cluster::bare(&[]);
    primary.session().run("CREATE EXTENSION crm_ai");
    let (standby, warnings) = primary.standby();
    assert!(!warnings.contains("WARNING"), "{warnings}");
    let mut reader = standby.session();
    assert_eq!(reader.value("SELECT engine_up FROM crm_ai.status"), "f");
    assert_eq!(reader.value("SELECT crm_sentiment('great product')"), "positive");
    assert_eq!((standby.supervisors().len(), primary.supervisors().len()), (1, 0));
}
