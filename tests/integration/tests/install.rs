//! CREATE EXTENSION and DROP EXTENSION, and what the catalogue promises of the functions.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::texts::{self, GREAT};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Functions of the extension, without the internal ones.
const FUNCTIONS: &str = "
    SELECT p.oid, p.proname, p.provolatile, p.proparallel, p.proisstrict
    FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
    JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE d.deptype = 'e' AND e.extname = 'crm_ai'";

#[test]
fn it_installs_into_the_default_schema_and_into_a_second_database() {
    let cluster = shared();
    let judge = "SELECT crm_sentiment('This is a great product!')";
    assert_eq!(cluster.session().value(judge), "positive");
    assert_eq!(cluster.database("second").value(judge), "positive");
}

#[test]
fn a_named_schema_need_not_be_in_the_search_path() {
    let cluster = shared();
    cluster.session().run("CREATE DATABASE named");
    let mut session = cluster.connect("postgres", "named");
    session.run("CREATE SCHEMA s; CREATE EXTENSION crm_ai SCHEMA s; SET search_path = pg_catalog");
    assert_eq!(
        session
            .rows(&format!("SELECT label, model, version FROM s.crm_sentiment_detail('{GREAT}')")),
        [[Some("positive".into()), Some("sentiment".into()), Some("1".into())]]
    );
    assert_eq!(session.value("SELECT s.crm_sentiment_batch(ARRAY['great'])"), "{positive}");
    assert_eq!(session.value("SELECT (s.crm_phone('(201) 555-0123', 'US')).e164"), "+12015550123");
    assert_eq!(session.value("SELECT count(*) FROM s.crm_classify_detail('sentiment', 'x')"), "5");
    assert_eq!(session.value("SELECT cardinality(s.crm_embed('x'))"), "384");
    assert_eq!(session.value("SELECT engine_up FROM crm_ai.status"), "t");
}

#[test]
fn databases_may_install_it_at_the_same_time() {
    let cluster = Cluster::bare(&[]);
    let names = ["a", "b", "c", "d"];
    for name in names {
        cluster.session().run(&format!("CREATE DATABASE {name}"));
    }
    std::thread::scope(|scope| {
        for name in names {
            let mut session = cluster.connect("postgres", name);
            scope.spawn(move || session.run("CREATE EXTENSION crm_ai"));
        }
    });
    let members = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                   WHERE r.rolname LIKE 'crm\\_ai\\_%'";
    assert_eq!(cluster.session().value(members), "2");
}

#[test]
fn a_database_of_another_encoding_is_refused() {
    let cluster = shared();
    let create = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    cluster.session().run(create);
    let mut session = cluster.connect("postgres", "latin");
    let failure = session.failure("CREATE EXTENSION crm_ai");
    failure.expect_state("55000").expect_hint().expect_message("UTF8");
    assert_eq!(session.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'crm_ai'"), "0");
}

#[test]
fn it_is_dropped_under_calls_and_made_again() {
    let cluster = shared();
    let mut owner = cluster.database("dropped");
    let stop = AtomicBool::new(false);
    let missing = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|number| {
                let mut session = cluster.connect("postgres", "dropped");
                let stop = &stop;
                scope.spawn(move || {
                    let text = texts::message(number);
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        match session.try_value(&format!("SELECT crm_sentiment('{text}')")) {
                            Ok(label) => assert!(label.is_some()),
                            Err(failure) => failures.push(failure),
                        }
                    }
                    // The session goes on with the extension that was made anew.
                    assert_eq!(
                        session.value(&format!("SELECT crm_sentiment('{GREAT}')")),
                        "positive"
                    );
                    failures
                })
            })
            .collect();
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(300));
            owner.run("DROP EXTENSION crm_ai");
            std::thread::sleep(std::time::Duration::from_millis(100));
            owner.run("CREATE EXTENSION crm_ai");
        }
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(!missing.is_empty());
    for failure in missing {
        // No such function, table or schema: what PostgreSQL says of any object that is dropped.
        let known = ["42883", "42P01", "3F000", "42704"];
        assert!(known.contains(&failure.state.as_str()), "{failure:?}");
    }
    assert_eq!(owner.value("SELECT champion FROM crm_ai.models WHERE name = 'sentiment'"), "1");
}

#[test]
fn nothing_is_left_after_a_drop() {
    let cluster = shared();
    let mut session = cluster.database("emptied");
    session.run("DROP EXTENSION crm_ai");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'crm_ai'";
    assert_eq!(session.value(left), "0");
    let left = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'crm\\_%'";
    assert_eq!(session.value(left), "0");
}

#[test]
fn every_object_of_the_extension_is_described() {
    let cluster = shared();
    let mut session = cluster.session();
    let undescribed = session.column(&format!(
        "SELECT oid::regprocedure FROM ({FUNCTIONS}) f
         WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''"
    ));
    assert_eq!(undescribed, Vec::<String>::new());
    let undescribed = session.column(
        "SELECT c.oid::regclass FROM pg_class c
         JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
         JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crm_ai'
         WHERE d.deptype = 'e' AND c.relkind IN ('r', 'v')
           AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''",
    );
    assert_eq!(undescribed, Vec::<String>::new());
}

const IMMUTABLE: [&str; 19] = [
    "crm_normalize_phone/2",
    "crm_phone",
    "crm_find_phones",
    "crm_phone_digits",
    "crm_clean_text",
    "crm_normalize_email",
    "crm_email",
    "crm_normalize_name",
    "crm_name",
    "crm_normalize_address",
    "crm_address",
    "clean_values",
    "crm_sentiment_at",
    "crm_sentiment_score_at",
    "crm_sentiment_level_at",
    "crm_classify_at",
    "crm_embed_at",
    "batching_support",
    "crm_similarity",
];

/// Volatility, parallel safety and strictness of each function, with the number of its arguments
/// where its name has several.
fn promised() -> BTreeMap<String, String> {
    let stable = [
        "crm_normalize_phone/1",
        "crm_sentiment",
        "crm_sentiment_score",
        "crm_sentiment_level",
        "crm_sentiment_detail",
        "crm_sentiment_batch",
        "crm_classify",
        "crm_classify_batch",
        "crm_classify_detail",
        "crm_embed",
        "crm_embed_batch",
        "crm_predict",
        "crm_predict_batch",
    ];
    let acts = [
        "import_model",
        "export_model",
        "promote",
        "rollback",
        "drop_version",
        "drop_model",
        "grant_model",
        "revoke_model",
        "profile",
        "suggest_checks",
        "undo_clean",
        "resume_watch",
        "unschedule",
        "unwatch",
    ];
    let mut expected = BTreeMap::new();
    expected.extend(IMMUTABLE.map(|name| (name.to_owned(), "i s t".to_owned())));
    expected.extend(stable.map(|name| (name.to_owned(), "s s t".to_owned())));
    expected.extend(acts.map(|name| (name.to_owned(), "v u t".to_owned())));
    expected.extend(["engine_stats", "progress_reports"].map(|name| (name.into(), "v r t".into())));
    // They read what was found with the caller's rights, on the session's own connection.
    expected.extend(["explain_pair", "find_duplicates"].map(|name| (name.into(), "s u t".into())));
    expected.insert("golden".into(), "s u f".into());
    // A NULL among their arguments has a meaning.
    expected.extend(["crm_clean_row", "clean_record"].map(|name| (name.into(), "s s f".into())));
    let never_strict = [
        "add_schedule",
        "cancel",
        "clean_table",
        "crm_clean",
        "crm_enrich",
        "dedupe",
        "evaluate",
        "evaluate_table",
        "findings",
        "keep_own_rows",
        "link",
        "register_scheduler",
        "schedule_retrain",
        "schedule_retrain_table",
        "start_run",
        "train",
        "train_table",
        "wait",
        "watch",
        "watch_queue",
    ];
    expected.extend(never_strict.map(|name| (name.into(), "v u f".into())));
    expected
}

#[test]
fn volatility_and_parallel_safety_are_as_promised() {
    let found: BTreeMap<String, String> = shared()
        .session()
        .rows(&format!(
            "SELECT CASE WHEN count(*) OVER (PARTITION BY f.proname) > 1
                 THEN f.proname || '/' || p.pronargs ELSE f.proname END,
                 concat_ws(' ', f.provolatile, f.proparallel, left(f.proisstrict::text, 1))
             FROM ({FUNCTIONS}) f JOIN pg_proc p USING (oid) WHERE f.proname <> 'register_builtin'"
        ))
        .into_iter()
        .map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap()))
        .collect();
    assert_eq!(found, promised());
}

#[test]
fn phones_may_be_indexed_and_generated() {
    let cluster = shared();
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE callers (raw text,
             e164 text GENERATED ALWAYS AS (crm_normalize_phone(raw, 'US')) STORED);
         CREATE INDEX ON callers (crm_phone_digits(raw));
         INSERT INTO callers VALUES ('(201) 555-0123'), ('nonsense'), (NULL)",
    );
    let stored = session.rows("SELECT e164 FROM callers ORDER BY e164 NULLS LAST");
    assert_eq!(stored, [[Some("+12015550123".into())], [None], [None]]);
    session.fails_with(
        "42P17",
        "CREATE TABLE bad (raw text, label text GENERATED ALWAYS AS (crm_sentiment(raw)) STORED)",
    );
}
