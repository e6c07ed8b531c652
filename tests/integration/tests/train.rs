//! Training runs: what is checked at the call, when a run starts, and what comes of it.

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::Session;
use crm_ai_integration::{stand_in, tiny_model};

/// Labelled rows, two classes that a letter tells apart.
pub const TICKETS: &str = "CREATE TABLE ticket AS
    SELECT CASE WHEN n % 2 = 0 THEN 'great ' ELSE 'bad ' END || n AS body,
           CASE WHEN n % 2 = 0 THEN 'good' ELSE 'poor' END AS queue, n
    FROM generate_series(1, 40) n";

/// A cluster with the stand-in trainer, a table `ticket` and a model `tiny` to begin with.
fn cluster() -> (Cluster, Session) {
    let cluster = Cluster::new(&[]);
    stand_in::install(&cluster);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let mut session = cluster.session();
    session.run(TICKETS);
    session.run("SELECT crm_ai.import_model('tiny', 'tiny')");
    (cluster, session)
}

const TRAIN: &str = "SELECT crm_ai.train('tickets', 'ticket', 'body', 'queue', base => 'tiny')";

#[test]
fn a_run_makes_a_version_and_the_gate_decides() {
    let (cluster, mut session) = cluster();
    let run = session.value(TRAIN);
    assert_eq!(session.value(&format!("SELECT crm_ai.wait({run}, '30 s')")), "succeeded");
    let shown = session.rows(&format!(
        "SELECT state, rows, null_rows, step, of, method, version, promoted, reason, energy
         FROM crm_ai.runs WHERE id = {run}"
    ));
    let shown: Vec<_> = shown[0].iter().map(|value| value.as_deref().unwrap_or("")).collect();
    assert_eq!(
        shown,
        ["succeeded", "40", "0", "4", "4", "head", "1", "t", "the stand-in says so", "1"]
    );
    assert_eq!(session.value("SELECT champion FROM crm_ai.models WHERE name = 'tickets'"), "1");
    assert!(!session.value("SELECT crm_classify('tickets', 'great')").is_empty());
    drop(cluster);
}
