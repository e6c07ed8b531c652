//! `CREATE PUBLICATION … FOR ALL TABLES`, which takes the registry's tables along.

use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::tiny_model;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_publication_of_all_tables_stops_no_watch_and_fills_no_registry() {
    let settings = ["wal_level = logical", "max_worker_processes = 16"];
    let publisher = Cluster::new(&settings);
    let subscriber = Cluster::new(&settings);
    let note = "CREATE TABLE note (id int PRIMARY KEY, body text, mood text)";
    let mut source = publisher.session();
    let mut target = subscriber.session();
    tiny_model::classifier(1).write(&publisher.imports().join("topics"));
    tiny_model::classifier(2).write(&subscriber.imports().join("own"));
    source.run(note);
    source.run(
        "CREATE PUBLICATION everything FOR ALL TABLES;
         SELECT crm_ai.import_model('topics', 'topics');
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note SELECT i, 'great product ' || i FROM generate_series(1, 100) i",
    );
    target.run(note);
    target.run("SELECT crm_ai.import_model('topics', 'own')");
    let before = target.rows("TABLE crm_ai.versions");
    let host = publisher.sockets().display();
    target.run(&format!(
        "CREATE SUBSCRIPTION everything CONNECTION 'host=''{host}'' user=postgres dbname=postgres'
             PUBLICATION everything"
    ));
    wait_until("the watch has done its work", LIMIT, || {
        source.value("SELECT count(mood) FROM note") == "100"
    });
    // Later changes of the registry are sent as changes, not as a copy.
    source.run(
        "INSERT INTO note SELECT i, 'awful product ' || i FROM generate_series(101, 200) i;
         SELECT crm_ai.promote('topics', 1); SELECT crm_ai.grant_model('topics', 'public');
         SELECT crm_ai.unwatch('note', 'mood');
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         SELECT crm_ai.drop_model('topics')",
    );
    wait_until("the answers have arrived", LIMIT, || {
        target.value("SELECT count(mood) FROM note") == "200"
    });
    assert_eq!(target.rows("TABLE crm_ai.versions"), before);
    assert_eq!(target.value("SELECT count(*) FROM crm_ai.watches"), "0");
    assert_eq!(target.value("SELECT count(*) FROM crm_ai.pending"), "0");
    let log = subscriber.log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // A restore, which may take the same mode of sessions, is no subscription.
    target.run(
        "SET session_replication_role = replica;
         INSERT INTO crm_ai.model (name, owner) VALUES ('restored', 'postgres');
         RESET session_replication_role",
    );
    assert_eq!(target.value("SELECT count(*) FROM crm_ai.models WHERE name = 'restored'"), "1");
}
