//! Errors of the server's that pass through planning and batch nodes say all that they would
//! without.

use super::support::database;
use crm_ai_integration::cluster::shared;

#[test]
fn errors_keep_their_context_and_the_names_of_what_they_are_about() {
    let mut session = database(&shared(), "errors");
    session.run(
        "CREATE TABLE word AS SELECT i AS id, 'word ' || i AS body FROM generate_series(1, 9) i;
         CREATE TABLE sole (id int CONSTRAINT only_once UNIQUE, body text);
         CREATE FUNCTION nothing(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 / 0';
         CREATE FUNCTION fail(at int) RETURNS text LANGUAGE plpgsql AS
             'BEGIN IF at = 7 THEN RAISE ''seven''; END IF; RETURN ''x''; END'",
    );
    let (planned, raised) = ("SQL function \"nothing\"", "PL/pgSQL function fail(integer) line 1");
    for (sql, kept) in [
        // While a statement is planned, whether there is anything to batch or not.
        ("SELECT nothing(1)", planned),
        ("SELECT nothing(1), crm_sentiment(body) FROM word", planned),
        // In the node below, the call's argument, the node's condition, and what it gives.
        ("SELECT crm_sentiment(body) FROM word WHERE fail(id) = 'x'", raised),
        ("SELECT crm_sentiment(fail(id)) FROM word", raised),
        ("SELECT id FROM word WHERE crm_sentiment(body) || fail(id) <> ''", raised),
        ("SELECT crm_sentiment(body) || fail(id) FROM word", raised),
        (
            "WITH new AS (INSERT INTO sole VALUES (1, 'a'), (1, 'b') RETURNING body)
             SELECT crm_sentiment(body) FROM new",
            "sole / only_once",
        ),
        // Inside another language.
        (
            "DO $$ BEGIN PERFORM crm_sentiment(body) FROM (SELECT * FROM word FOR SHARE) AS w
                 WHERE fail(id) = 'x'; END $$",
            "inline_code_block line 1 at PERFORM",
        ),
    ] {
        for batching in ["on", "off"] {
            session.run(&format!("SET crm_ai.batching = {batching}"));
            let failure = session.failure(sql);
            assert!(failure.rest.contains(kept), "{batching}: {sql}: {failure:?}");
        }
        assert_eq!(session.value("SELECT count(crm_sentiment(body)) FROM word"), "9");
    }
}

/// A caught error leaves nothing behind that the next one stumbles over.
#[test]
fn errors_are_caught_again_and_again() {
    let mut session = database(&shared(), "caught");
    session.run(
        "CREATE TABLE word AS SELECT i AS id, 'word ' || i AS body FROM generate_series(1, 40) i;
         CREATE FUNCTION often() RETURNS text LANGUAGE plpgsql AS $$
         DECLARE
             told text := '';
             context text;
         BEGIN
             FOR turn IN 1 .. 300 LOOP
                 BEGIN
                     PERFORM crm_sentiment(body) FROM word WHERE 1 / (id - turn % 40 - 1) < 9;
                 EXCEPTION WHEN division_by_zero THEN
                     GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
                     told := context;
                 END;
             END LOOP;
             RETURN told || ': ' || (SELECT count(crm_sentiment(body)) FROM word);
         END $$",
    );
    let told = session.value("SELECT often()");
    assert!(told.starts_with("SQL statement \"SELECT crm_sentiment(body)"), "{told}");
    assert!(told.ends_with(": 40"), "{told}");
}
