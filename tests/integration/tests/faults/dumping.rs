//! A dump by a role that may read everything and own nothing.

use crm_ai_integration::Cluster;
use crm_ai_integration::installation::run;
use crm_ai_integration::tiny_model;

#[test]
fn a_role_that_may_read_all_data_dumps_the_registry() {
    let cluster = Cluster::new(&[]);
    tiny_model::classifier(1).write(&cluster.imports().join("topics"));
    let mut session = cluster.session();
    session.run(
        "CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader;
         SELECT crm_ai.import_model('topics', 'topics');
         CREATE TABLE labelled AS SELECT 'text ' || i AS body, 'label ' || i % 2 AS label
             FROM generate_series(1, 40) i;
         SELECT crm_ai.train('topics', 'labelled', 'body', 'label', method => 'head')",
    );
    session.run("SELECT crm_ai.wait(max(id)) FROM crm_ai.runs");
    let file = cluster.sockets().join("dump.sql");
    run(cluster
        .client_program("pg_dump")
        .env("PGUSER", "reader")
        .arg("--file")
        .arg(&file)
        .arg("postgres"));
    session.run("CREATE DATABASE restored");
    run(cluster
        .client_program("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=restored", "--file"])
        .arg(&file));
    let mut restored = cluster.connect("postgres", "restored");
    let same = "SELECT model, version, sha256, figures::text FROM crm_ai.versions ORDER BY 1, 2";
    assert_eq!(restored.rows(same), session.rows(same));
    let metrics = "SELECT count(*) FROM crm_ai.run_metrics";
    assert_eq!(restored.value(metrics), session.value(metrics));
    assert_eq!(
        restored.value("SELECT crm_classify('topics', 'x')"),
        session.value("SELECT crm_classify('topics', 'x')")
    );
}
