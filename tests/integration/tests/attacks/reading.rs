//! What a role sees of others: through views that filter, of models that it may not use, and of
//! texts that others have asked about.

use super::make_mallory;
use crm_ai_integration::Cluster;
use crm_ai_integration::cluster::shared;
use crm_ai_integration::tiny_model;

/// A function that costs nothing is called before a view's filter, unless the view is a barrier.
#[test]
fn a_cheap_function_sees_no_row_that_a_view_filters() {
    let cluster = Cluster::new(&["max_worker_processes = 16"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    tiny_model::classifier(1).write(&cluster.imports().join("secret"));
    owner.run(
        "GRANT CREATE ON SCHEMA public TO mallory;
         CREATE TABLE note (id text PRIMARY KEY, body text, mood text CHECK (mood = 'never'));
         SELECT crm_ai.import_model('secret', 'secret');
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES ('secret key', 'x');
         CREATE TABLE labelled AS SELECT 'text ' || i AS body, i % 2 AS label
             FROM generate_series(1, 20) i;
         SELECT crm_ai.train('secret_run', 'labelled', 'body', 'label');
         SELECT crm_ai.schedule_retrain('secret_plan', '@yearly', 'labelled', 'body', 'label')",
    );
    crm_ai_integration::process::wait_until(
        "the row has failed",
        std::time::Duration::from_secs(30),
        || owner.value("SELECT count(*) FROM crm_ai.watch_errors") == "1",
    );
    let mut mallory = cluster.connect("mallory", "postgres");
    mallory.run(
        "CREATE TABLE seen (what text);
         CREATE FUNCTION look(value anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
             'BEGIN INSERT INTO seen VALUES (value::text); RETURN true; END'",
    );
    for look in [
        "watches WHERE look(source::text)",
        "watch_errors WHERE look(key)",
        "models WHERE look(name)",
        "versions WHERE look(labels)",
        "deployments WHERE look(model)",
        "runs WHERE look(source)",
        "run_metrics WHERE look(run)",
        "schedules WHERE look(source)",
    ] {
        mallory.run(&format!("SELECT * FROM crm_ai.{look}"));
    }
    let builtin = "SELECT string_agg(DISTINCT what, ' ' ORDER BY what) FROM seen
                   WHERE what NOT LIKE '{%'";
    assert_eq!(mallory.value(builtin), "minilm sentiment");
    assert_eq!(mallory.value("SELECT count(*) FROM seen WHERE what LIKE '%billing%'"), "0");
    // Every view that filters is a barrier.
    let open = "SELECT relname FROM pg_class WHERE relnamespace = 'crm_ai'::regnamespace
                    AND relkind = 'v' AND relname <> 'status'
                    AND NOT 'security_barrier=true' = ANY (coalesce(reloptions, '{}'))";
    assert_eq!(owner.column(open), Vec::<String>::new());
}

/// Names, labels, figures and reasons of a model are its users'.
#[test]
fn a_private_model_is_seen_by_those_who_may_use_it() {
    let cluster = shared();
    tiny_model::classifier(1).write(&cluster.imports().join("private"));
    let mut owner = cluster.database("private");
    owner.run(
        "CREATE ROLE private_user LOGIN; CREATE ROLE private_owner; CREATE ROLE private_admin LOGIN;
         GRANT crm_ai_admin TO private_admin;
         SELECT crm_ai.import_model('secret', 'private');
         UPDATE crm_ai.model SET owner = 'private_owner' WHERE name = 'secret'",
    );
    let mut user = cluster.connect("private_user", "private");
    let seen = "SELECT (SELECT count(*) FROM crm_ai.models WHERE name = 'secret')
        + (SELECT count(*) FROM crm_ai.versions WHERE model = 'secret')
        + (SELECT count(*) FROM crm_ai.deployments WHERE model = 'secret')";
    assert_eq!(user.value(seen), "0");
    assert_eq!(cluster.connect("private_admin", "private").value(seen), "3");
    owner.run("SELECT crm_ai.grant_model('secret', 'private_user')");
    assert_eq!(user.value(seen), "3");
    owner.run(
        "SELECT crm_ai.revoke_model('secret', 'private_user');
         SELECT crm_ai.grant_model('secret', 'public')",
    );
    assert_eq!(user.value(seen), "3");
    owner
        .run("SELECT crm_ai.revoke_model('secret', 'public'); GRANT private_owner TO private_user");
    assert_eq!(user.value(seen), "3");
}

/// Whether a text was judged before tells that somebody has it.
#[test]
fn nobody_learns_whether_a_text_was_judged_before() {
    let cluster = Cluster::new(&[]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run("CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher");
    owner.run("SELECT crm_sentiment('a secret text')");
    let mut mallory = cluster.connect("mallory", "postgres");
    let explain = "EXPLAIN (ANALYZE, COSTS off, TIMING off, FORMAT json)
                   SELECT crm_sentiment(t) FROM (VALUES ('a secret text'), ('another')) v(t)";
    let plan = mallory.value(explain);
    assert!(plan.contains("\"Engine Texts\": 2"), "{plan}");
    assert!(!plan.contains("Cached"), "{plan}");
    let counters =
        "SELECT num_nulls(batches, cached, cache_bytes, truncated, models) FROM crm_ai.status";
    assert_eq!(mallory.value(counters), "5");
    for name in ["postgres", "watcher"] {
        let mut session = cluster.connect(name, "postgres");
        assert!(session.value(explain).contains("\"Cached Texts\": 2"));
        assert_eq!(session.value(counters), "0");
    }
}
