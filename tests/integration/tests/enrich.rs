//! `crm_enrich`: columns filled by a trigger, row by row and statement by statement.

use crm_ai_integration::cluster::shared;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::classifier;
use std::io::Write as _;

const ROW: &str = "BEFORE INSERT OR UPDATE ON note FOR EACH ROW EXECUTE FUNCTION";
const INSERTED: &str = "AFTER INSERT ON note REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT \
                        EXECUTE FUNCTION";
const UPDATED: &str = "AFTER UPDATE ON note REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT \
                       EXECUTE FUNCTION";

/// How many rows hold something else than what the functions say now.
const WRONG: &str = "SELECT count(*) FROM note WHERE mood IS DISTINCT FROM crm_sentiment(body)";

#[test]
fn rows_are_filled_before_they_are_written() {
    let mut session = shared().database("enrich_rows");
    session.run(&format!(
        "CREATE TABLE note (id int, body text, \"The Mood\" varchar(10), score numeric, phone text,
             place text, vector real[], level int, at text);
         CREATE TRIGGER fill {ROW} crm_enrich('\"The Mood\"=crm_sentiment(body)',
             'score=crm_sentiment_score(body)', 'vector=crm_embed(body, ''minilm'')',
             'level=crm_sentiment_level(body)', 'at=crm_sentiment_at(''sentiment@1'', body)',
             'phone=crm_phone_digits(phone, 12)');
         INSERT INTO note VALUES (1, 'This is great!', 'x', 9, '555-12');
         INSERT INTO note VALUES (2, NULL, 'x'); INSERT INTO note VALUES (3, '')"
    ));
    let filled = "SELECT count(*) FROM note WHERE (\"The Mood\", score::real, vector, level, at)
        IS DISTINCT FROM (crm_sentiment(body), crm_sentiment_score(body), crm_embed(body),
            crm_sentiment_level(body), crm_sentiment(body))";
    assert_eq!(session.value(filled), "0");
    assert_eq!(session.value("SELECT phone FROM note WHERE id = 1"), "000000055512");
    // Only a new text is judged: what somebody wrote stays until then.
    session.run("UPDATE note SET \"The Mood\" = 'mine' WHERE id = 1");
    session.run("UPDATE note SET id = 10 WHERE id = 1");
    assert_eq!(session.value("SELECT \"The Mood\" FROM note WHERE id = 10"), "mine");
    session.run("UPDATE note SET body = 'This is terrible.' WHERE id = 10");
    session.run("UPDATE note SET body = NULL WHERE id = 3");
    assert_eq!(session.value(filled), "0");
}

#[test]
fn statements_are_filled_after_them() {
    let mut session = shared().database("enrich_statements");
    // A key of two columns, none a number; a text that is generated; a table in partitions, whose
    // columns lie in another order; another trigger that answers every update with one more.
    session.run(&format!(
        "CREATE TABLE note (day date, code varchar(9), raw text,
             body text GENERATED ALWAYS AS (lower(raw)) STORED, mood text, level smallint,
             writes int DEFAULT 0, PRIMARY KEY (day, code)) PARTITION BY RANGE (day);
         CREATE TABLE early PARTITION OF note FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
         CREATE TABLE late (level smallint, writes int DEFAULT 0, code varchar(9) NOT NULL,
             mood text, raw text, body text GENERATED ALWAYS AS (lower(raw)) STORED,
             day date NOT NULL);
         ALTER TABLE note ATTACH PARTITION late FOR VALUES FROM ('2020-01-01') TO ('2040-01-01');
         CREATE TRIGGER filled_new {INSERTED}
             crm_enrich('mood=crm_sentiment(body)', 'level=crm_sentiment_level(body)');
         CREATE TRIGGER filled_old {UPDATED}
             crm_enrich('mood=crm_sentiment(body)', 'level=crm_sentiment_level(body)');
         CREATE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN NEW.writes := OLD.writes + 1; RETURN NEW; END$$;
         CREATE TRIGGER counted BEFORE UPDATE ON note FOR EACH ROW
             EXECUTE FUNCTION count_writes()"
    ));
    session.run(
        "INSERT INTO note (day, code, raw)
         SELECT date '2019-12-20' + i, 'c' || i, 'The DRIVER was friendly, parcel ' || i
         FROM generate_series(1, 300) i; INSERT INTO note VALUES ('2001-01-01', 'null')",
    );
    assert_eq!(session.value(WRONG), "0");
    // One write a row, and none for the one without a text.
    assert_eq!(session.value("SELECT sum(writes) || '/' || max(writes) FROM note"), "300/1");
    copy(&mut session, "COPY note (day, code, raw) FROM STDIN", "2021-05-05\tcopied\tAwful!\n");
    assert_eq!(session.value(WRONG), "0");
    session.run("UPDATE note SET raw = 'terrible ' || code WHERE code LIKE 'c1%'");
    session.run("UPDATE note SET raw = NULL WHERE code = 'c200'");
    session.run("UPDATE note SET day = '2039-01-01' WHERE code = 'c2'");
    session.run(
        "INSERT INTO note (day, code, raw) VALUES ('2019-12-21', 'c1', 'lovely'),
             ('2022-02-02', 'new', 'nice') ON CONFLICT (day, code) DO UPDATE SET raw = EXCLUDED.raw",
    );
    assert_eq!(session.value(WRONG), "0");
    assert_eq!(session.value("SELECT mood FROM note WHERE code = 'c1'"), "positive");
    // With the old rows at hand only texts that have changed are judged.
    session.run(&format!(
        "DROP TRIGGER filled_old ON note; UPDATE note SET mood = 'mine' WHERE code = 'c7';
         CREATE TRIGGER filled_old {} crm_enrich('mood=crm_sentiment(body)')",
        UPDATED.replace("REFERENCING", "REFERENCING OLD TABLE AS stale")
    ));
    session.run("UPDATE note SET writes = 0");
    assert_eq!(session.value("SELECT mood FROM note WHERE code = 'c7'"), "mine");
    session.run("UPDATE note SET raw = 'lovely' WHERE code = 'c7'");
    assert_eq!(session.value(WRONG), "0");
}

#[test]
fn what_is_kept_from_statement_to_statement_follows_changes() {
    let mut session = shared().database("enrich_kept");
    session.run(&format!(
        "CREATE ROLE enrich_keeper;
         CREATE TABLE note (id int, body text, mood text, CONSTRAINT key PRIMARY KEY (id));
         GRANT INSERT, SELECT ON note TO enrich_keeper;
         CREATE TRIGGER fill {INSERTED} crm_enrich('mood=crm_sentiment(body)');
         INSERT INTO note VALUES (1, 'great'); INSERT INTO note VALUES (2, 'awful')"
    ));
    // Often, and rows of very many statements in one.
    session.run(
        "DO $$BEGIN FOR i IN 11..260 LOOP
             INSERT INTO note VALUES (i, (ARRAY['great', 'awful'])[i % 2 + 1]);
         END LOOP; END$$;
         INSERT INTO note SELECT i, 'awful ' || i % 7 FROM generate_series(1001, 1300) i",
    );
    assert_eq!(session.value(WRONG), "0");
    // Who has no right to write the column has none by a plan that another made.
    session.run("SET ROLE enrich_keeper");
    session.fails_with("42501", "INSERT INTO note VALUES (3, 'great')");
    session.run("RESET ROLE");
    // A key that is gone, another key, other names; also where it is rolled back.
    session.run("ALTER TABLE note DROP CONSTRAINT key");
    session.fails_with("55000", "INSERT INTO note VALUES (3, 'great')").expect_hint();
    session.run(
        "ALTER TABLE note ADD COLUMN part int DEFAULT 7, ADD PRIMARY KEY (part, id);
         INSERT INTO note VALUES (3, 'great'); INSERT INTO note VALUES (3, 'awful', NULL, 8)",
    );
    session.run(
        "BEGIN; ALTER TABLE note RENAME TO other; INSERT INTO other VALUES (4, 'great'); ROLLBACK;
         INSERT INTO note VALUES (5, 'awful');
         CREATE SCHEMA app; ALTER TABLE note SET SCHEMA app; INSERT INTO app.note VALUES (6, 'great');
         ALTER SCHEMA app RENAME TO web; INSERT INTO web.note VALUES (7, 'awful');
         SET search_path = web, public",
    );
    assert_eq!(session.value(WRONG), "0");
    session.run("ALTER TABLE note RENAME mood TO feeling");
    session.fails_with("42703", "INSERT INTO note VALUES (8, 'great')").expect_hint();
    session.run("ALTER TABLE note RENAME feeling TO mood; INSERT INTO note VALUES (8, 'great')");
    assert_eq!(session.value("SELECT count(*) FROM note WHERE mood IS NULL"), "0");
    assert_eq!(session.value(WRONG), "0");
}

fn copy(session: &mut Session, sql: &str, rows: &str) {
    let mut writer = session.client().copy_in(sql).unwrap();
    writer.write_all(rows.as_bytes()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn what_cannot_be_is_refused_with_the_way_out() {
    let mut session = shared().database("enrich_refused");
    session.run(
        "CREATE TABLE note (id int, body text, mood text, n int,
         made text GENERATED ALWAYS AS (lower(body)) STORED)",
    );
    let mut refused = |state: &str, trigger: &str, argument: &str| {
        session.run("BEGIN; DROP TRIGGER IF EXISTS t ON note");
        session.run(&format!("CREATE TRIGGER t {trigger} crm_enrich({argument})"));
        let failure = session.failure("INSERT INTO note (id, body) VALUES (1, 'Zanzibarquince')");
        session.run("ROLLBACK");
        failure.expect_state(state);
        assert!(!format!("{failure:?}").contains("Zanzibar"), "{failure:?}");
        failure
    };
    for argument in [
        "",
        "'mood'",
        "'mood=upper(body)'",
        "'mood=crm_sentiment(body) || pg_sleep(1)'",
        "'mood=crm_sentiment(upper(body))'",
        "'mood=crm_classify(body)'",
        "'made=crm_sentiment(body)'",
        "'mood=crm_sentiment(made)'",
        "'mood=crm_sentiment(n)'",
    ] {
        refused("22023", ROW, argument).expect_hint();
    }
    refused("42703", ROW, "'mood=crm_sentiment(nothing)'").expect_hint();
    refused("42703", ROW, "'nothing=crm_sentiment(body)'").expect_hint();
    refused("42704", ROW, "'mood=crm_classify(''nobody'', body)'").expect_hint();
    refused("22023", ROW, "'mood=crm_sentiment_at(''sentiment'', body)'").expect_hint();
    refused("22P02", ROW, "'n=crm_sentiment(body)'");
    refused("55000", INSERTED, "'mood=crm_sentiment(body)'").expect_hint();
    let blind = INSERTED.replace("REFERENCING NEW TABLE AS fresh", "");
    refused("39P01", &blind, "'mood=crm_sentiment(body)'").expect_hint();
    refused("39P01", &ROW.replace("BEFORE", "AFTER"), "'mood=crm_sentiment(body)'");
}

#[test]
fn the_rights_are_those_of_who_writes_the_row() {
    let cluster = shared();
    let mut session = cluster.database("enrich_rights");
    classifier(5).write(&cluster.imports().join("enrich_rights"));
    session.run(&format!(
        "SELECT crm_ai.import_model('topics', 'enrich_rights');
         CREATE ROLE enrich_clerk LOGIN;
         CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         GRANT INSERT, SELECT ON note TO enrich_clerk;
         CREATE TRIGGER t {ROW} crm_enrich('mood=crm_classify(''topics'', body)')"
    ));
    let mut clerk = cluster.connect("enrich_clerk", "enrich_rights");
    clerk.fails_with("42501", "INSERT INTO note VALUES (1, 'x')").expect_hint();
    session.run("SELECT crm_ai.grant_model('topics', 'enrich_clerk')");
    clerk.run("INSERT INTO note VALUES (1, 'x')");
    session.run("REVOKE EXECUTE ON FUNCTION crm_classify(text, text) FROM PUBLIC");
    clerk.fails_with("42501", "INSERT INTO note VALUES (2, 'x')");
    session.run(&format!(
        "GRANT EXECUTE ON FUNCTION crm_classify(text, text) TO PUBLIC; DROP TRIGGER t ON note;
         CREATE TRIGGER t {INSERTED} crm_enrich('mood=crm_classify(''topics'', body)')"
    ));
    // The statement's form writes the table a second time, as an UPDATE.
    clerk.fails_with("42501", "INSERT INTO note VALUES (2, 'x')");
    session.run("GRANT UPDATE (mood) ON note TO enrich_clerk");
    clerk.run("INSERT INTO note VALUES (2, 'x')");
    let same = "SELECT count(*) FROM note WHERE mood = crm_classify('topics', body)";
    assert_eq!(clerk.value(same), "2");
}
