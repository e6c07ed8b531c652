//! Casts that a type's owner has made, and which a superuser's reading of the table would run.

use super::{assert_mallory_has_gained_nothing, assert_the_trap_works, lay_trap, make_mallory};
use crm_ai_integration::Cluster;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;

/// Types with casts to text, json and double precision that run mallory's code, and a table of
/// them with a type of its own that has such a cast, too.
const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TYPE pair AS (a text, b mood);
    CREATE FUNCTION mood_text(mood) RETURNS text LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''x''; END';
    CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''1''; END';
    CREATE FUNCTION mood_float(mood) RETURNS float8 LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN 1; END';
    CREATE FUNCTION moods_text(mood[]) RETURNS text LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''x''; END';
    CREATE FUNCTION pair_text(pair) RETURNS text LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''x''; END';
    CREATE FUNCTION pair_json(pair) RETURNS json LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''1''; END';
    CREATE CAST (mood AS text) WITH FUNCTION mood_text(mood) AS ASSIGNMENT;
    CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood) AS ASSIGNMENT;
    CREATE CAST (mood AS float8) WITH FUNCTION mood_float(mood) AS ASSIGNMENT;
    CREATE CAST (mood[] AS text) WITH FUNCTION moods_text(mood[]) AS ASSIGNMENT;
    CREATE CAST (pair AS text) WITH FUNCTION pair_text(pair) AS ASSIGNMENT;
    CREATE CAST (pair AS json) WITH FUNCTION pair_json(pair) AS ASSIGNMENT;
    CREATE DOMAIN feeling AS mood;
    CREATE TABLE customer (id int PRIMARY KEY, body text, label text, kind mood, felt feeling,
        moods mood[], both_of pair);
    INSERT INTO customer SELECT i, 'text ' || i, 'label ' || i % 2,
        (ARRAY['good', 'bad'])[1 + i % 2]::mood, 'good', '{good,bad}', ROW('a', 'bad'::mood)::pair
        FROM generate_series(1, 40) i;
    CREATE TABLE keyed (id mood PRIMARY KEY, email text, kind mood);
    INSERT INTO keyed VALUES ('good', ' ANN@X.COM ', 'good'), ('bad', 'x', 'bad');
    CREATE FUNCTION customer_json(customer) RETURNS json LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN ''1''; END';
    CREATE CAST (customer AS json) WITH FUNCTION customer_json(customer) AS ASSIGNMENT";

fn trapped(groups: &[&str]) -> (Cluster, Session, Session) {
    let cluster = Cluster::new(&[]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, groups);
    owner.run("GRANT CREATE ON SCHEMA public TO mallory");
    let mut mallory = cluster.connect("mallory", "postgres");
    lay_trap(&mut mallory);
    mallory.run(TYPES);
    assert_the_trap_works(&mut owner, "SELECT kind::text FROM customer LIMIT 1");
    (cluster, owner, mallory)
}

#[test]
fn profile_and_cleaning_read_by_output_functions() {
    let (_cluster, mut owner, _) = trapped(&[]);
    assert_eq!(owner.value("SELECT count(*) FROM crm_ai.profile('customer')"), "7");
    owner.run(
        "SELECT * FROM crm_ai.findings('customer'); SELECT * FROM crm_ai.findings('customer', 9);
         SELECT * FROM crm_ai.findings('keyed'); SELECT crm_ai.suggest_checks('customer')",
    );
    owner.run(
        "SELECT crm_ai.clean_table('customer', 'clean', required => '{kind}');
         SELECT crm_ai.clean_table('customer', 'guessed', dry_run => true);
         SELECT crm_ai.clean_table('customer', 'typed', '{\"kind\": \"text\", \"both_of\": \"text\"}',
             distinct_on => '{kind,moods}');
         SELECT crm_ai.clean_table('customer', 'whole', distinct_on => '{*}', required => '{*}');
         SELECT crm_ai.clean_table('keyed', 'keyed_clean', '{\"email\": \"email\"}',
             required => '{email}')",
    );
    // What is recorded is what the type shows.
    assert_eq!(
        owner.value("SELECT record->>'kind' || ' ' || (key->>'id') FROM keyed_clean_rejects"),
        "bad bad"
    );
    assert_eq!(
        owner.value("SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM typed"),
        "bad good"
    );
    assert_mallory_has_gained_nothing(&mut owner);
}

#[test]
fn training_and_evaluation_read_by_output_functions() {
    let (cluster, mut owner, _) = trapped(&[]);
    tiny_model::classifier(1).write(&cluster.imports().join("topics"));
    owner.run("SELECT crm_ai.import_model('topics', 'topics')");
    for evaluate in [
        "evaluate('topics', 'customer', 'body', 'kind')",
        "evaluate('topics', 'customer', 'kind', 'felt')",
        "evaluate('topics', 'customer', 'body', 'moods')",
        "evaluate('topics', 'SELECT *, ROW(kind) AS row FROM customer', 'row', 'both_of')",
    ] {
        assert_eq!(owner.value(&format!("SELECT (crm_ai.{evaluate}).rows")), "40", "{evaluate}");
    }
    for (call, state) in [
        ("train_table('t', 'customer', 'label')", "succeeded"),
        (
            "train_table('u', 'SELECT *, ROW(kind, both_of) AS row FROM customer', 'kind')",
            "succeeded",
        ),
        ("train('x', 'customer', 'both_of', 'kind', method => 'head')", "22000"),
        ("train('y', 'customer', 'body', 'moods', method => 'head')", "succeeded"),
        (
            "train('z', 'customer', 'body', 'label', method => 'head', weight_column => 'kind')",
            "22P02",
        ),
    ] {
        let run = owner.value(&format!("SELECT crm_ai.{call}"));
        let ended = owner.try_value(&format!("SELECT crm_ai.wait({run}, '60 s')"));
        let ended = ended.map_or_else(|failure| failure.state, Option::unwrap_or_default);
        assert_eq!(ended, state, "{call}");
    }
    assert_mallory_has_gained_nothing(&mut owner);
}

/// A watch compares the keys of changed rows in the session of whoever changes them.
#[test]
fn a_watch_reads_by_output_functions() {
    let cluster = Cluster::new(&["max_worker_processes = 16"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run("GRANT CREATE ON SCHEMA public TO mallory");
    let mut mallory = cluster.connect("mallory", "postgres");
    lay_trap(&mut mallory);
    mallory.run(TYPES);
    owner.run(
        "CREATE TABLE note (id mood PRIMARY KEY, body text, mood text);
         GRANT USAGE ON TYPE mood TO PUBLIC;
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES ('good', 'great product'), ('bad', 'awful product');
         UPDATE note SET body = 'lovely product' WHERE id = 'bad'",
    );
    crm_ai_integration::process::wait_until(
        "the watch has done its work",
        std::time::Duration::from_secs(30),
        || owner.value("SELECT count(*) FROM note WHERE mood = 'positive'") == "2",
    );
    assert_mallory_has_gained_nothing(&mut owner);
}
