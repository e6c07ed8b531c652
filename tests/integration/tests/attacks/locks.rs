//! Locks that anyone can take, on which the extension must not wait.

use super::make_mallory;
use crm_ai_integration::Cluster;
use crm_ai_integration::tiny_model;

/// Every advisory lock that version 0.1.0 took, held by a role without any right.
#[test]
fn advisory_locks_hold_up_nothing() {
    let cluster = Cluster::new(&["max_worker_processes = 16"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    let mut mallory = cluster.connect("mallory", "postgres");
    mallory.run(
        "SELECT pg_advisory_lock(hashtextextended('crm_ai runs', 0)), pg_advisory_lock(6517357, 1)",
    );
    tiny_model::classifier(1).write(&cluster.imports().join("topics"));
    // The artifact's lock, which the owner's own import shows.
    owner.run("SELECT crm_ai.import_model('topics', 'topics')");
    let digest = owner.value("SELECT sha256 FROM crm_ai.versions WHERE model = 'topics'");
    owner.run("SELECT crm_ai.drop_model('topics')");
    mallory
        .run(&format!("SELECT pg_advisory_lock(hashtextextended('crm_ai artifact {digest}', 0))"));
    owner.run(
        "SET statement_timeout = '20 s';
         SELECT crm_ai.import_model('topics', 'topics');
         CREATE TABLE note (id int PRIMARY KEY, body text, label text, mood text);
         INSERT INTO note SELECT i, 'text ' || i, 'label ' || i % 2 FROM generate_series(1, 20) i;
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         SELECT crm_ai.train_table('m', 'note', 'label')",
    );
    assert_eq!(owner.value("SELECT crm_ai.wait(max(id)) FROM crm_ai.runs"), "succeeded");
    // What the extension does take, no role can.
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> ";
    assert_eq!(owner.value(&format!("{locks} {}", mallory.pid)), "0");
}
