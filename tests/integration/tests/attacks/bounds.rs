//! Calls whose work a user decides the size of: each ends at a limit, or when it is cancelled.

use crm_ai_integration::cluster::shared;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;
use std::time::Duration;

/// Cancels the statement that runs on a session as soon as it has begun; fails the test unless it
/// ends so, or has ended before.
#[track_caller]
fn is_cancelled(session: &mut Session, sql: &str) {
    session.run("SET statement_timeout = '300ms'");
    let began = std::time::Instant::now();
    let outcome = session.try_rows(sql);
    let took = began.elapsed();
    session.run("RESET statement_timeout");
    if let Err(failure) = outcome {
        failure.expect_state("57014");
    }
    assert!(took < Duration::from_secs(5), "{sql} took {took:?}");
}

/// With 3,000 labels that the model does not know evaluation took ten minutes, with 40,000 15 GB.
#[test]
fn evaluation_takes_any_number_of_unknown_labels_or_says_no() {
    let cluster = shared();
    let mut session = cluster.database("bounds_labels");
    tiny_model::classifier(1).write(&cluster.imports().join("bounds_labels"));
    session.run(
        "SELECT crm_ai.import_model('topics', 'bounds_labels');
         CREATE TABLE few AS SELECT 'text' AS body, 'label ' || i AS label,
             ARRAY['a ' || i, 'b ' || i] AS labels FROM generate_series(1, 3000) i;
         CREATE TABLE many AS SELECT 'text' AS body, 'label ' || i AS label
             FROM generate_series(1, 40000) i",
    );
    session.run("SET statement_timeout = '60s'");
    let few = "SELECT rows, accuracy FROM crm_ai.evaluate('topics', 'few', 'body', 'label')";
    assert_eq!(session.rows(few), [[Some("3000".into()), Some("0".into())]]);
    let several = "SELECT rows FROM crm_ai.evaluate('topics', 'few', 'body', 'labels')";
    assert_eq!(session.value(several), "3000");
    session
        .fails_with("54000", "SELECT crm_ai.evaluate('topics', 'many', 'body', 'label')")
        .expect_hint()
        .expect_message("10000");
    session.run("RESET statement_timeout");
    is_cancelled(&mut session, "SELECT crm_ai.evaluate('topics', 'few', 'body', 'label')");
}

#[test]
fn cleaning_ends_when_it_is_cancelled() {
    let cluster = shared();
    let mut session = cluster.database("bounds_clean");
    session.run(
        "CREATE TABLE wide AS SELECT jsonb_object_agg(
                 'address ' || i, i || ' Main St Apt 5, Springfield, IL 62701, U.S.A.') AS record
             FROM generate_series(1, 100000) i;
         CREATE TABLE long AS SELECT i, repeat('Ann Lee, 12 Main St, Springfield, IL 62701 ', 200)
             AS body FROM generate_series(1, 20000) i",
    );
    for sql in [
        "SELECT crm_clean_row(record) FROM wide",
        "SELECT crm_clean_row(record, '{\"address 1\": \"address\"}') FROM wide",
        "SELECT crm_ai.clean_values(array_agg(repeat('Ann Lee ', 100)),
             '[]') FROM generate_series(1, 50000)",
        "SELECT crm_ai.profile('long')",
        "SELECT crm_ai.findings('long')",
        "SELECT crm_ai.clean_table('long', 'clean', '{\"body\": \"address\"}')",
        "SELECT crm_ai.clean_table('long', 'guessed', dry_run => true)",
        "SELECT crm_clean_text(repeat('&amp;<b>x</b> ', 1000000))",
        "SELECT crm_name(repeat('Ann Lee & ', 1000000))",
        "SELECT crm_address(repeat('12 Main St, ', 1000000))",
        "SELECT crm_email(repeat('ann@x.com, ', 1000000))",
        "SELECT crm_phone(repeat('650 253 0000 ', 1000000), 'US')",
        "SELECT crm_phone_digits(repeat('650 253 0000 ', 1000000))",
    ] {
        session.run("SET client_min_messages = error");
        is_cancelled(&mut session, sql);
    }
}

/// A file of a gigabyte in the import directory: reading it, too, heeds a cancel.
#[test]
fn import_and_export_end_when_they_are_cancelled() {
    let cluster = shared();
    let mut session = cluster.session();
    let folder = cluster.imports().join("bounds_large");
    tiny_model::classifier(1).write(&folder);
    let file = std::fs::File::create(folder.join("model.safetensors")).unwrap();
    file.set_len(2 << 30).unwrap();
    is_cancelled(&mut session, "SELECT crm_ai.import_model('large', 'bounds_large')");
    std::fs::remove_dir_all(folder).unwrap();
}
