//! Exact versions, which mean the same for ever, and the champion, which a statement keeps.

use crm_ai_integration::Session;
use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::tiny_model::{TinyModel, classifier};

/// A session in a new database whose model "vectors" has two versions, the first its champion, and
/// whose table `note` has 40 texts.
fn two_versions(cluster: &Cluster, name: &str) -> Session {
    let mut session = cluster.database(name);
    for seed in [21, 22] {
        let folder = format!("{name}_{seed}");
        TinyModel { labels: &[], ..classifier(seed) }.write(&cluster.imports().join(&folder));
        session.run(&format!("SELECT crm_ai.import_model('vectors', '{folder}')"));
    }
    session.run(
        "CREATE TABLE note AS SELECT i AS id, 'great ' || i AS body FROM generate_series(1, 40) i",
    );
    session
}

#[test]
fn an_exact_version_serves_generated_columns_and_indexes() {
    let cluster = shared();
    let mut session = two_versions(&cluster, "generated");
    session.run(
        "CREATE TABLE judged (body text,
             mood text GENERATED ALWAYS AS (crm_sentiment_at('sentiment@1', body)) STORED,
             vector real[] GENERATED ALWAYS AS (crm_embed_at('vectors@1', body)) STORED);
         CREATE INDEX judged_level ON judged (crm_sentiment_level_at('sentiment@1', body));
         INSERT INTO judged (body) SELECT body FROM note UNION ALL VALUES (NULL), (' ');
         SELECT crm_ai.promote('vectors', 2)",
    );
    let same = "SELECT bool_and(mood IS NOT DISTINCT FROM crm_sentiment_at('sentiment@1', body)
                    AND mood IS NOT DISTINCT FROM crm_sentiment(body)
                    AND vector IS NOT DISTINCT FROM crm_embed(body, 'vectors@1')
                    AND vector IS DISTINCT FROM crm_embed(body) OR body IS NULL)
                FROM judged";
    assert_eq!(session.value(same), "t");
    session.run("SET enable_seqscan = off; SET enable_bitmapscan = off; ANALYZE judged");
    let found = "SELECT count(*) FROM judged WHERE crm_sentiment_level_at('sentiment@1', body) = 3";
    let plan = session.column(&format!("EXPLAIN {found}")).join("\n");
    assert!(plan.contains("judged_level") && !plan.contains("CrmBatch"), "{plan}");
    let by_index = session.value(found);
    session.run("RESET enable_seqscan; DROP INDEX judged_level");
    assert_eq!(session.value(found), by_index);
}

#[test]
fn an_exact_version_has_to_be_named() {
    let mut session = shared().session();
    session.run("CREATE TABLE exact (body text); INSERT INTO exact VALUES ('x')");
    for call in [
        "crm_sentiment_at('sentiment', body)",
        "crm_sentiment_score_at('sentiment', body)",
        "crm_sentiment_level_at('', body)",
        "crm_classify_at('sentiment', body)",
        "crm_classify_at('sentiment@', body)",
        "crm_embed_at('minilm', body)",
    ] {
        for batching in ["on", "off"] {
            session.run(&format!("SET crm_ai.batching = {batching}"));
            let sql = format!("SELECT {call} FROM exact");
            session.fails_with("22023", &sql).expect_hint();
        }
    }
    session.fails_with("42704", "SELECT crm_sentiment_at('nobody@1', 'x')").expect_hint();
    session.fails_with("42704", "SELECT crm_sentiment_at('sentiment@77', 'x')").expect_hint();
    // What is not exact may not stand where a value must stay what it is.
    let stable = "CREATE TABLE no (t text, m text GENERATED ALWAYS AS (crm_sentiment(t)) STORED)";
    session.fails_with("42P17", stable);
}

#[test]
fn a_promotion_between_two_statements_of_a_loop_shows_in_the_second() {
    let cluster = shared();
    let mut session = two_versions(&cluster, "promoting");
    session.run(
        "CREATE TABLE seen (turn int, body text, vector real[]);
         DO $$ BEGIN FOR turn IN 1..2 LOOP
             INSERT INTO seen SELECT turn, body, crm_embed(body, 'vectors') FROM note;
             PERFORM crm_ai.promote('vectors', 2);
         END LOOP; END $$",
    );
    let right = "SELECT bool_and(vector = crm_embed_at('vectors@' || turn, body)) FROM seen";
    assert_eq!(session.value(right), "t");
}

#[test]
fn a_cursor_keeps_the_version_that_it_began_with() {
    let cluster = shared();
    let mut session = two_versions(&cluster, "keeping");
    session.run(
        "SET crm_ai.batch_rows = 4; BEGIN;
         DECLARE c NO SCROLL CURSOR FOR
             SELECT crm_embed(body, 'vectors') = crm_embed_at('vectors@1', body) FROM note",
    );
    let mut answers = session.column("FETCH 3 c");
    cluster.connect("postgres", "keeping").run("SELECT crm_ai.promote('vectors', 2)");
    answers.extend(session.column("FETCH ALL c"));
    session.run("COMMIT");
    assert_eq!(answers, ["t"; 40]);
    let now =
        "SELECT bool_and(crm_embed(body, 'vectors') = crm_embed_at('vectors@2', body)) FROM note";
    assert_eq!(session.value(now), "t");
}
