//! What can be watched, and by whom.

use super::{cluster, settle};
use crm_ai_integration::Cluster;
use crm_ai_integration::tiny_model::classifier;

#[test]
fn a_watch_is_begun_for_what_a_column_can_hold() {
    let cluster = cluster();
    let mut session = cluster.database("watch_types");
    classifier(3).write(&cluster.imports().join("watch_types"));
    session.run(
        "SELECT crm_ai.import_model('topics', 'watch_types');
         CREATE TABLE note (id int PRIMARY KEY, body text, n int, at date, label varchar(8),
             small smallint, big bigint, score real, exact numeric, vector real[], topic text,
             doubles float8[], mood_by text, made text GENERATED ALWAYS AS ('x') STORED);
         CREATE TABLE keyless (body text, mood text);
         CREATE TEMPORARY TABLE passing (id int PRIMARY KEY, body text, mood text);
         CREATE VIEW seen AS SELECT * FROM note",
    );
    for target in ["label", "small", "big", "score", "exact"] {
        session.run(&format!("SELECT crm_ai.watch('note', 'body', 'sentiment', '{target}')"));
    }
    session.run(
        "SELECT crm_ai.watch('note', 'body', 'topics@1', 'topic', version_column => 'mood_by');
         SELECT crm_ai.watch('note', 'body', 'minilm', 'vector');
         SELECT crm_ai.watch('note', 'body', 'minilm', 'doubles');
         INSERT INTO note (id, body) VALUES (1, 'This is great!'), (2, ''), (3, NULL)",
    );
    settle(&mut session);
    let wrong = "SELECT count(*) FROM note WHERE
        (label, small, big, score, exact, vector, doubles::real[], topic, mood_by)
        IS DISTINCT FROM (crm_sentiment(body), crm_sentiment_level(body), crm_sentiment_level(body),
            crm_sentiment_score(body), crm_sentiment_score(body)::numeric, crm_embed(body),
            crm_embed(body),
            crm_classify('topics', body), 'topics@1' || left(body, 0))";
    assert_eq!(session.value(wrong), "0");
    session.run("SELECT crm_ai.unwatch('note', 'label'), crm_ai.unwatch('note', 'topic')");
    for (state, call) in [
        ("42804", "'note', 'n', 'sentiment', 'label'"),
        ("42804", "'note', 'body', 'sentiment', 'at'"),
        ("42804", "'note', 'body', 'sentiment', 'label', version_column => 'n'"),
        ("42703", "'note', 'nothing', 'sentiment', 'label'"),
        ("42703", "'note', 'body', 'sentiment', 'nothing'"),
        ("42704", "'note', 'body', 'nobody', 'label'"),
        ("42710", "'note', 'body', 'sentiment', 'small'"),
        ("42809", "'seen', 'body', 'sentiment', 'label'"),
        ("42809", "'passing', 'body', 'sentiment', 'mood'"),
        ("55000", "'keyless', 'body', 'sentiment', 'mood'"),
        ("22023", "'note', 'body', 'minilm', 'label'"),
        ("22023", "'note', 'body', 'topics', 'score'"),
        ("22023", "'note', 'body', 'sentiment', 'vector'"),
        ("22023", "'note', 'body', 'sentiment', 'body'"),
        ("22023", "'note', 'body', 'sentiment', 'id'"),
        ("22023", "'note', 'body', 'sentiment', 'made'"),
        ("22023", "'note', 'body', 'sentiment', 'label', on_promotion => 'burn'"),
        ("22023", "'note', 'body', 'sentiment', 'label', backfill_rate => -1"),
        ("22004", "'note', 'body', NULL, 'label'"),
    ] {
        session.fails_with(state, &format!("SELECT crm_ai.watch({call})"));
    }
    session.fails_with("42704", "SELECT crm_ai.unwatch('note', 'label')").expect_hint();
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.watches"), "6");
}

#[test]
fn without_preloading_it_says_so() {
    let cluster = Cluster::bare(&[]);
    let mut session = cluster.session();
    session.run("CREATE EXTENSION crm_ai; CREATE TABLE note (id int PRIMARY KEY, a text, b text)");
    let watch = "SELECT crm_ai.watch('note', 'a', 'sentiment', 'b')";
    session.fails_with("55000", watch).expect_hint().expect_message("preloaded");
}

/// The owner cannot log in, sees some of the rows, and has a table whose trigger tries to take more
/// than it has, and works under the owner's settings.
const OWNED: &str = "SELECT crm_ai.import_model('topics', 'watch_rights');
         CREATE ROLE watch_owner NOLOGIN; CREATE ROLE watch_stranger LOGIN;
         GRANT crm_ai_user TO watch_owner, watch_stranger;
         CREATE SCHEMA app AUTHORIZATION watch_owner;
         CREATE TABLE note (id int PRIMARY KEY, body text, mood text, who text, secret bool);
         ALTER TABLE note ENABLE ROW LEVEL SECURITY;
         CREATE POLICY seen ON note USING (NOT secret);
         CREATE FUNCTION app.look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             NEW.who := concat_ws(' ', current_user, current_setting('search_path'),
                 current_setting('datestyle'));
             BEGIN SET ROLE postgres; NEW.who := 'taken'; EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN SET SESSION AUTHORIZATION postgres; NEW.who := 'taken';
             EXCEPTION WHEN OTHERS THEN NULL; END;
             PERFORM set_config('search_path', 'app', false);
             RETURN NEW; END$$;
         CREATE TRIGGER looked BEFORE UPDATE ON note FOR EACH ROW EXECUTE FUNCTION app.look();
         CREATE FUNCTION app.late() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
             IF current_user <> 'watch_owner' THEN RAISE 'as %', current_user; END IF;
             RETURN NULL; END$$;
         CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON note DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION app.late()";

#[test]
fn it_works_as_its_owner_and_no_other() {
    let cluster = cluster();
    let mut session = cluster.database("watch_rights");
    classifier(4).write(&cluster.imports().join("watch_rights"));
    session.run(OWNED);
    let watch = "SELECT crm_ai.watch('note', 'body', 'topics', 'mood')";
    let as_owner = |session: &mut crm_ai_integration::Session, sql: &str| {
        session.run("SET ROLE watch_owner; SET search_path = app, public; SET datestyle = german");
        let outcome = session.try_rows(sql);
        session.run("RESET ROLE; RESET search_path; RESET datestyle");
        outcome.map(drop)
    };
    let refused = |outcome: Result<(), crm_ai_integration::Failure>| {
        outcome.unwrap_err().expect_state("42501").clone()
    };
    refused(as_owner(&mut session, watch)).expect_hint();
    session.run("GRANT SELECT, UPDATE (mood) ON note TO watch_owner");
    refused(as_owner(&mut session, watch)).expect_hint();
    session.run("SELECT crm_ai.grant_model('topics', 'watch_owner')");
    refused(as_owner(&mut session, watch)).expect_message("note");
    session.run("GRANT TRIGGER ON note TO watch_owner");
    as_owner(&mut session, watch).unwrap();
    session.run("INSERT INTO note VALUES (1, 'x', NULL, NULL, false), (2, 'y', NULL, NULL, true)");
    settle(&mut session);
    assert_eq!(
        session.rows("SELECT mood = crm_classify('topics', body), who FROM note ORDER BY id"),
        [[Some("t".into()), Some("watch_owner app, public German, DMY".into())], [None, None]]
    );
    // A right that is taken away stops it, visibly, and given back lets it go on.
    session.run("REVOKE UPDATE (mood) ON note FROM watch_owner");
    session.run("INSERT INTO note VALUES (3, 'z', NULL, NULL, false)");
    super::wait_for(
        &mut session,
        "failures > 1 AND error_state = '42501' AND rows_waiting = 1 FROM crm_ai.watches",
    );
    session.run("GRANT UPDATE (mood) ON note TO watch_owner");
    settle(&mut session);
    assert_eq!(session.value("SELECT count(mood) FROM note"), "2");
    // What a watch is and how it fails is its owner's and the administrators' to see and to end.
    let mut stranger = cluster.connect("watch_stranger", "watch_rights");
    assert_eq!(stranger.value("SELECT count(*) FROM crm_ai.watches"), "0");
    stranger.fails_with("42501", "SELECT crm_ai.unwatch('note', 'mood')").expect_hint();
    stranger.fails_with("42501", "SELECT * FROM crm_ai.watch");
    stranger.fails_with("42501", "SELECT * FROM crm_ai.pending");
    as_owner(&mut session, "SELECT crm_ai.unwatch('public.note', 'mood')").unwrap();
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.watch_state"), "0");
    assert_eq!(session.value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'crm%'"), "0");
}
