//! A database with small models and tables, and the comparison of a statement's outcomes.

use crm_ai_integration::Session;
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::Row;
use crm_ai_integration::tiny_model::{TinyModel, classifier};

/// What a statement gave: its rows, in no order, or its SQLSTATE.
pub type Outcome = Result<Vec<Row>, String>;

/// A session in a new database with three small models ("moods" judges sentiment, "topics"
/// classifies, "vectors" embeds) and the tables that the shapes ask.
pub fn database(cluster: &Cluster, name: &str) -> Session {
    let moods = TinyModel { labels: &["negative", "neutral", "positive"], ..classifier(11) };
    let vectors = TinyModel { labels: &[], ..classifier(12) };
    for (model, tiny) in [("moods", moods), ("topics", classifier(13)), ("vectors", vectors)] {
        tiny.write(&cluster.imports().join(format!("{name}_{model}")));
    }
    let mut session = cluster.database(name);
    for model in ["moods", "topics", "vectors"] {
        session.run(&format!("SELECT crm_ai.import_model('{model}', '{name}_{model}')"));
    }
    session.run(&format!("ALTER DATABASE {name} SET crm_ai.sentiment_model = 'moods'"));
    session.run("SET crm_ai.sentiment_model = 'moods'; SET jit = off");
    session.run(TABLES);
    session
}

/// Short names for the calls, and data with NULLs, blanks and repeated texts.
const TABLES: &str = "
    CREATE TABLE note (id int PRIMARY KEY, customer int, kind int, body text, other text,
                       stars numeric);
    INSERT INTO note
        SELECT i, i % 17, i % 5,
               CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN '  '
                    ELSE (ARRAY['great', 'bad', 'invoice', 'my parcel', 'your app'])[i % 5 + 1]
                         || ' ' || (i * 7919 % 97) END,
               CASE WHEN i % 7 = 0 THEN NULL ELSE 'other ' || i * 31 % 23 END,
               (i % 9) / 2.0
        FROM generate_series(1, 100) i;
    CREATE INDEX note_customer ON note (customer);
    CREATE TABLE customer (id int PRIMARY KEY, name text, label text, remark text);
    INSERT INTO customer
        SELECT i, 'name ' || i, (ARRAY['negative', 'neutral', 'positive'])[i % 3 + 1],
               CASE WHEN i % 4 = 0 THEN NULL ELSE 'great ' || i % 6 END
        FROM generate_series(0, 19) i;
    CREATE INDEX customer_label ON customer (label);
    CREATE TABLE judged (id int PRIMARY KEY, mood text, score real);
    CREATE TABLE part (id int, kind int, body text) PARTITION BY LIST (kind);
    CREATE TABLE part0 PARTITION OF part FOR VALUES IN (0, 1);
    CREATE TABLE part1 (extra text, kind int, body text, id int);
    ALTER TABLE part1 DROP COLUMN extra;
    ALTER TABLE part ATTACH PARTITION part1 FOR VALUES IN (2, 3, 4);
    INSERT INTO part SELECT id, kind, body FROM note;
    CREATE INDEX part_id ON part (id);
    CREATE TABLE parent (id int, body text);
    CREATE TABLE child (more text) INHERITS (parent);
    INSERT INTO parent SELECT id, body FROM note WHERE id < 40;
    INSERT INTO child SELECT id, body, other FROM note WHERE id BETWEEN 40 AND 80;
    CREATE VIEW moody AS SELECT id, kind, crm_sentiment(body) AS mood FROM note;
    CREATE VIEW fenced WITH (security_barrier) AS SELECT * FROM note WHERE kind <> 3;
    CREATE SEQUENCE counter;
    CREATE FUNCTION mood_of(body text) RETURNS text LANGUAGE sql STABLE
        AS 'SELECT crm_sentiment(body)';
    CREATE FUNCTION slow_mood(body text) RETURNS text LANGUAGE plpgsql STABLE
        AS 'BEGIN RETURN crm_sentiment(body); END';
    ANALYZE";

/// Runs a statement, or several, in a transaction that is taken back.
pub fn outcome(session: &mut Session, sql: &str) -> Outcome {
    // On its own: a transaction that has written looks its models up for each call.
    session.run("SELECT setval('counter', 1)");
    session.run("BEGIN");
    let outcome = session.try_rows(sql);
    session.run("ROLLBACK");
    let mut rows = outcome.map_err(|failure| {
        assert_ne!(failure.state, "XX000", "{sql}: {failure:?}");
        assert!(!failure.state.is_empty(), "{sql}: {failure:?}");
        failure.state
    })?;
    rows.sort();
    Ok(rows)
}

/// What a statement gives without batching.
pub fn row_by_row(session: &mut Session, sql: &str) -> Outcome {
    session.run("SET crm_ai.batching = off");
    let outcome = outcome(session, sql);
    session.run("SET crm_ai.batching = on");
    outcome
}

/// Fails the test unless a statement gives the same with batching as without.
#[track_caller]
pub fn assert_same(session: &mut Session, sql: &str, circumstances: &str) {
    let expected = row_by_row(session, sql);
    let batched = outcome(session, sql);
    assert_eq!(batched, expected, "{sql}\n({circumstances})");
}

/// The plan of a statement.
pub fn plan(session: &mut Session, sql: &str) -> String {
    session.column(&format!("EXPLAIN (COSTS off) {sql}")).join("\n")
}
