//! Databases and extensions that are dropped while the extension is at work.

use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::stand_in;
use crm_ai_integration::tiny_model;
use std::time::Duration;

/// How often the extension is dropped; more often with CRM_AI_ROUNDS.
const ROUNDS: usize = 6;

#[test]
fn the_extension_is_dropped_while_runs_go_on() {
    let cluster = Cluster::new(&[
        "max_worker_processes = 24",
        "crm_ai.max_running = 3",
        "deadlock_timeout = '200ms'",
    ]);
    stand_in::install(&cluster);
    stand_in::control(
        &cluster,
        "for i in 1 2 3 4 5 6; do say '{\"event\":\"notice\",\"text\":\"x\"}'; sleep 0.05; done",
    );
    let mut session = cluster.session();
    session.run("DROP EXTENSION crm_ai");
    let rounds = std::env::var("CRM_AI_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(ROUNDS);
    for round in 0..rounds {
        session.run(
            "CREATE EXTENSION crm_ai;
             CREATE TABLE note (id int PRIMARY KEY, body text, mood text, label text);
             SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
             INSERT INTO note SELECT i, 'text ' || i, NULL, 'label ' || i % 2
                 FROM generate_series(1, 500) i",
        );
        for model in ["a", "b", "c"] {
            session.run(&format!("SELECT crm_ai.train('{model}', 'note', 'body', 'label')"));
        }
        std::thread::sleep(Duration::from_millis(150 * (round as u64 % 6)));
        let mut other = cluster.session();
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                for run in 0..60 {
                    let _ = other.try_rows(&format!("SELECT crm_ai.cancel({})", 1 + run % 3));
                }
            });
            session.run("DROP EXTENSION crm_ai CASCADE");
            reader.join().unwrap();
        });
        session.run("DROP TABLE note");
    }
    let log = cluster.log();
    assert!(!log.contains("deadlock detected"), "a deadlock");
    session.run("CREATE EXTENSION crm_ai");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
}

#[test]
fn files_of_dropped_databases_are_removed() {
    let cluster = Cluster::new(&["max_worker_processes = 16"]);
    stand_in::install(&cluster);
    let forever = format!("touch \"$(value checkpoint)/state\"; {}", stand_in::FOREVER);
    stand_in::control(&cluster, &forever);
    let mut session = cluster.session();
    session.run("CREATE DATABASE doomed");
    let mut doomed = cluster.connect("postgres", "doomed");
    doomed.run("CREATE EXTENSION crm_ai");
    doomed.run(
        "CREATE TABLE labelled AS SELECT 'text ' || i AS body, 'label ' || i % 2 AS label
             FROM generate_series(1, 40) i",
    );
    doomed.run("SELECT crm_ai.train('m', 'labelled', 'body', 'label')");
    let database = session.value("SELECT oid FROM pg_database WHERE datname = 'doomed'");
    let folder = cluster.own_files().join(format!("checkpoint_{database}_1"));
    let limit = Duration::from_secs(30);
    wait_until("there is a checkpoint", limit, || folder.join("state").exists());
    session.run("DROP DATABASE doomed WITH (FORCE)");
    wait_until("the checkpoint is removed", limit, || !folder.exists());
}

#[test]
fn cached_models_of_dropped_databases_are_removed() {
    let cluster = Cluster::new(&[]);
    tiny_model::classifier(1).write(&cluster.imports().join("kept"));
    tiny_model::classifier(2).write(&cluster.imports().join("doomed"));
    let mut session = cluster.session();
    session.run("SELECT crm_ai.import_model('m', 'kept'); SELECT crm_classify('m', 'x')");
    let mut doomed = cluster.database("doomed");
    doomed.run("SELECT crm_ai.import_model('m', 'doomed'); SELECT crm_classify('m', 'x')");
    doomed.run("SELECT crm_ai.import_model('same', 'kept'); SELECT crm_classify('same', 'x')");
    let digest = "SELECT sha256 FROM crm_ai.versions WHERE model = 'm'";
    let [kept, gone] = [session.value(digest), doomed.value(digest)];
    let cached = |digest: &str| cluster.own_files().join("models").join(digest).exists();
    assert!(cached(&kept) && cached(&gone));
    session.run("DROP DATABASE doomed WITH (FORCE)");
    wait_until("the model is removed", Duration::from_secs(40), || !cached(&gone));
    assert!(cached(&kept));
    assert_eq!(session.value("SELECT crm_classify('m', 'x') IS NOT NULL"), "t");
}
