//! An upgraded database equals a fresh one, and the reference page is what the catalog says.

use crm_ai_integration::installation::installation;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::{Cluster, cluster::shared};
use std::path::Path;
use std::time::Duration;

/// The install script of 0.1.0 as it was released.
const RELEASED: &str = include_str!("../../../upgrade/crm_ai--0.1.0.sql");
const REFERENCE: &str = "../../docs/reference.md";

/// Models, a watch with its column, a schedule and a run, as a user of 0.1.0 has them.
const IN_USE: &str = "
    CREATE TABLE note (id integer PRIMARY KEY, body text, mood text);
    INSERT INTO note VALUES (1, 'awful service, never again');
    CREATE TABLE labelled AS SELECT 'text ' || i AS body, 'label ' || i % 2 AS label
        FROM generate_series(1, 40) i;
    SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
    SELECT crm_ai.train('later', 'SELECT body, label FROM labelled', 'body', 'label');
    SELECT crm_ai.schedule_retrain('later', '0 3 * * *', 'SELECT body, label FROM labelled',
        'body', 'label')";

#[track_caller]
fn assert_same(fresh: &[String], other: &[String]) {
    let missing: Vec<_> = fresh.iter().filter(|line| !other.contains(line)).collect();
    let added: Vec<_> = other.iter().filter(|line| !fresh.contains(line)).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing: {missing:#?}\nadded: {added:#?}");
}

fn definitions(session: &mut Session) -> Vec<String> {
    session.column(include_str!("definitions.sql"))
}

#[test]
fn an_upgraded_database_equals_a_fresh_one_and_goes_on() {
    let script = installation().place_extension_script("crm_ai--0.1.0.sql", RELEASED);
    let cluster = Cluster::new(&[]);
    cluster.session().run("CREATE DATABASE old TEMPLATE template0");
    let mut old = cluster.connect("postgres", "old");
    old.run("CREATE EXTENSION crm_ai VERSION '0.1.0'");
    drop(script);
    old.run(IN_USE);
    old.run("ALTER EXTENSION crm_ai UPDATE");
    assert_same(&definitions(&mut cluster.session()), &definitions(&mut old));

    let mut user = cluster.connect("postgres", "old");
    user.run("INSERT INTO note VALUES (2, 'great product')");
    wait_until("the watch works", Duration::from_secs(60), || {
        user.value("SELECT concat(string_agg(mood, ' ' ORDER BY id)) FROM note")
            == "negative positive"
    });
    wait_until("the run has ended", Duration::from_secs(120), || {
        user.value("SELECT count(*) FROM crm_ai.runs WHERE ended_at IS NULL") == "0"
    });
    assert_eq!(user.value("SELECT string_agg(state, ',') FROM crm_ai.runs"), "succeeded");
    assert_eq!(user.value("SELECT string_agg(model, ',') FROM crm_ai.schedules"), "later");
}

#[test]
fn the_reference_page_is_what_the_catalog_says() {
    let head = "# Reference\n\nGenerated from the catalog ([testing.md](testing.md#upgrades)).\n\n";
    let lines = shared().session().column(include_str!("reference.sql"));
    let page = format!("{head}{}\n", lines.join("\n"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
    if std::env::var_os("CRM_AI_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let lines = |page: &str| Vec::from_iter(page.lines().map(str::to_owned));
    assert_same(&lines(&written), &lines(&page));
}

#[test]
fn every_column_of_a_view_is_described() {
    let mut session = shared().session();
    let bare = session.column(
        "SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
         WHERE relkind = 'v' AND relnamespace = 'crm_ai'::regnamespace AND attnum > 0
         AND col_description(attrelid, attnum) IS NULL",
    );
    assert!(bare.is_empty(), "without a comment: {bare:?}");
}
