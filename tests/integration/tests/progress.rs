//! `crm_ai.progress`: long operations as other sessions see them, and that none stays behind.

use crate::train::{LIMIT, cluster, of_run, train, wait};
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::{stand_in, tiny_model};

const CLEAN: &str =
    "SELECT crm_ai.clean_table('contact', 'clean', columns => '{\"phone\": \"phone\"}')";
const SHOWN: &str = "SELECT concat_ws('|', datname, role, command, phase, relid::regclass, run,
    unit, total) FROM crm_ai.progress";
const COUNT: &str = "SELECT count(*) FROM crm_ai.progress";

/// A table whose cleaning takes some seconds.
fn contacts(session: &mut Session) {
    session.run(
        "CREATE TABLE contact AS
         SELECT n AS id, '(201) 555-' || lpad((n % 10000)::text, 4, '0') AS phone
         FROM generate_series(1, 300000) n;
         ANALYZE contact; SET crm_ai.default_region = 'US'",
    );
}

/// Begins cleaning in a thread of its own; gives how it ends.
fn clean(cluster: &Cluster, role: &str) -> std::thread::JoinHandle<String> {
    let mut worker = cluster.session();
    worker.run(&format!("SET ROLE {role}; SET crm_ai.default_region = 'US'"));
    std::thread::spawn(move || match worker.try_rows(CLEAN) {
        Ok(_) => "done".to_owned(),
        Err(failure) => failure.state,
    })
}

#[test]
fn cleaning_is_seen_by_those_who_may_while_it_runs() {
    let cluster = Cluster::new(&["max_parallel_workers_per_gather = 2"]);
    let mut session = cluster.session();
    contacts(&mut session);
    session.run(
        "CREATE ROLE steward; CREATE ROLE chief; CREATE ROLE stranger; CREATE ROLE observer;
         GRANT steward TO chief; GRANT pg_read_all_stats TO observer;
         GRANT SELECT ON contact TO steward; GRANT CREATE ON SCHEMA public TO steward",
    );
    let ended = clean(&cluster, "steward");
    wait_until("rows are being cleaned", LIMIT, || {
        session.value("SELECT count(*) FROM crm_ai.progress WHERE done > 0 AND rate > 0") == "1"
    });
    let shown = session.value(SHOWN);
    assert_eq!(shown, "postgres|steward|clean_table|cleaning rows|contact|rows|300000");
    let left = "SELECT done < total AND time_left > '0' AND started_at < now() + '1 minute'
                FROM crm_ai.progress";
    assert_eq!(session.value(left), "t");
    for (role, count) in [("steward", "1"), ("chief", "1"), ("observer", "1"), ("stranger", "0")] {
        session.run(&format!("SET ROLE {role}"));
        assert_eq!(session.value(COUNT), count, "{role}");
        session.run("RESET ROLE");
    }
    let mut elsewhere = cluster.connect("postgres", "template1");
    elsewhere.run("CREATE EXTENSION crm_ai");
    assert_eq!(elsewhere.value("SELECT datname FROM crm_ai.progress"), "postgres");
    assert_eq!(ended.join().unwrap(), "done");
    assert_eq!(session.value(COUNT), "0");
}

#[test]
fn an_operation_that_is_cut_off_leaves_no_report() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    contacts(&mut session);
    for (end, state) in [("pg_cancel_backend", "57014"), ("pg_terminate_backend", "57P01")] {
        let ended = clean(&cluster, "postgres");
        wait_until("rows are being cleaned", LIMIT, || {
            session.value("SELECT count(*) FROM crm_ai.progress WHERE done > 0") == "1"
        });
        session.run(&format!("SELECT {end}(pid) FROM crm_ai.progress"));
        assert_eq!(ended.join().unwrap(), state);
        wait_until("the report is gone", LIMIT, || session.value(COUNT) == "0");
    }
}

#[test]
fn runs_and_imports_are_reported() {
    let (cluster, mut session) = cluster(&[]);
    stand_in::control(&cluster, "while [ ! -f \"$(dirname \"$0\")/go\" ]; do sleep 0.05; done");
    let run = train(&mut session);
    wait_until("the trainer runs", LIMIT, || {
        of_run(&mut session, &run, "coalesce(step, 0)") == "1"
    });
    let shown = session.value(SHOWN);
    assert_eq!(shown, format!("postgres|postgres|train|training|{run}|steps|4"));
    assert_eq!(session.value("SELECT done FROM crm_ai.progress"), "1");
    std::fs::write(cluster.sockets().join("go"), "").unwrap();
    assert_eq!(wait(&mut session, &run), "succeeded");
    wait_until("the run's report is gone", LIMIT, || session.value(COUNT) == "0");

    // Held up where it stores the files.
    tiny_model::classifier(2).write(&cluster.imports().join("other"));
    session.run("BEGIN; LOCK TABLE crm_ai.artifact_chunk IN ACCESS EXCLUSIVE MODE");
    let mut importer = cluster.session();
    let ended =
        std::thread::spawn(move || importer.value("SELECT crm_ai.import_model('other', 'other')"));
    let mut looker = cluster.session();
    wait_until("the import is reported", LIMIT, || {
        looker.value("SELECT count(*) FROM crm_ai.progress WHERE total > 0") == "1"
    });
    let shown = looker.value(SHOWN);
    assert!(shown.starts_with("postgres|postgres|import_model|storing files|bytes|"), "{shown}");
    session.run("COMMIT");
    assert_eq!(ended.join().unwrap(), "1");
    assert_eq!(session.value(COUNT), "0");
}

#[test]
fn without_preloading_nothing_is_reported() {
    let bare = Cluster::bare(&[]);
    let mut session = bare.session();
    session.run("CREATE EXTENSION crm_ai; CREATE TABLE contact AS SELECT 1 AS id, 'x' AS phone");
    session.run(CLEAN);
    assert_eq!(session.value(COUNT), "0");
}
