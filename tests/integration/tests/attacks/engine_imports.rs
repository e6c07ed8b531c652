//! A model that crashes, hangs or takes all memory when it is imported is refused, leaves nothing,
//! and does not harm the engine.

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::hostile_model;
use crm_ai_integration::process::{Signal, signal, wait_until};
use crm_ai_integration::tiny_model::classifier;
use std::path::PathBuf;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// A folder under the import directory with that ONNX file and the tiny model's tokenizer.
pub fn onnx_folder(cluster: &Cluster, name: &str, model: &[u8]) -> PathBuf {
    let folder = cluster.imports().join(name);
    classifier(1).write(&folder);
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    std::fs::remove_file(folder.join("config.json")).unwrap();
    std::fs::write(folder.join("model.onnx"), model).unwrap();
    folder
}

/// The engine's cache, as it was told.
pub fn cache(cluster: &Cluster) -> PathBuf {
    cluster.engine();
    let engine = cluster.engines().remove(0);
    let told = engine.command.split(" --cache ").nth(1).unwrap();
    cluster.data().join(told.split(' ').next().unwrap())
}

/// Names of what lies in the engine's cache.
pub fn cached(cluster: &Cluster) -> Vec<String> {
    let entries = std::fs::read_dir(cache(cluster)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Processes that examine a model.
pub fn trials(cluster: &Cluster) -> Vec<i32> {
    let processes = cluster.processes().into_iter();
    let is_trial =
        |command: &str| command.contains("crm_ai_engine") && command.contains(" examine ");
    processes.filter(|process| is_trial(&process.command)).map(|process| process.pid).collect()
}

#[test]
fn a_model_that_hangs_crashes_or_takes_all_memory_is_refused_and_leaves_nothing() {
    let cluster = Cluster::new(&["crm_ai.import_limit = '3s'"]);
    let engine = cluster.engine();
    let mut session = cluster.session();
    onnx_folder(&cluster, "endless", &hostile_model::endless(None));
    let failure = session.fails_with("54000", "SELECT crm_ai.import_model('m', 'endless')");
    failure.expect_message("crm_ai.import_limit (3 s)").expect_hint();
    onnx_folder(&cluster, "greedy", &hostile_model::greedy(16 << 30));
    session.fails_with("53200", "SELECT crm_ai.import_model('m', 'greedy')").expect_hint();
    for (name, location) in [("passwd", "/etc/passwd"), ("settings", "../../postgresql.conf")] {
        onnx_folder(&cluster, name, &hostile_model::reading(location, 0));
        session.fails_with("22P02", &format!("SELECT crm_ai.import_model('m', '{name}')"));
    }
    cluster.set(&mut session, "crm_ai.import_limit", "5min");
    std::thread::scope(|scope| {
        let mut importing = cluster.session();
        let import = scope.spawn(move || {
            importing.fails_with("22P02", "SELECT crm_ai.import_model('m', 'endless')").clone()
        });
        wait_until("the model is tried", SOON, || !trials(&cluster).is_empty());
        signal(trials(&cluster)[0], Signal::ABORT);
        import.join().unwrap().expect_message("signal 6");
    });
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.versions WHERE model = 'm'"), "0");
    assert_eq!((cached(&cluster), trials(&cluster)), (vec![], vec![]));
    // The changed limit has restarted the engine once; nothing else has.
    assert!(!cluster.log().contains("engine down"), "{}", cluster.log());
    assert_ne!(cluster.engine(), engine);
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
}

#[test]
fn a_trial_ends_with_its_caller() {
    let cluster = Cluster::new(&[]);
    let mut other = cluster.session();
    assert_eq!(other.value("SELECT crm_sentiment('great product')"), "positive");
    onnx_folder(&cluster, "endless", &hostile_model::endless(None));
    let import = "SELECT crm_ai.import_model('m', 'endless')";
    for act in ["pg_cancel_backend", "pg_terminate_backend"] {
        std::thread::scope(|scope| {
            let mut session = cluster.session();
            let pid = session.pid;
            let import = scope.spawn(move || session.try_value(import).is_err());
            wait_until("the model is tried", SOON, || !trials(&cluster).is_empty());
            other.run(&format!("SELECT {act}({pid})"));
            assert!(import.join().unwrap());
        });
        wait_until("nothing is left", SOON, || {
            trials(&cluster).is_empty() && cached(&cluster).is_empty()
        });
    }
    let mut session = cluster.session();
    session.run("SET statement_timeout = '1s'");
    session.fails_with("57014", import);
    wait_until("nothing is left", SOON, || {
        trials(&cluster).is_empty() && cached(&cluster).is_empty()
    });
}

#[test]
fn an_import_that_is_rolled_back_leaves_nothing_and_one_that_is_not_is_cached_by_its_first_use() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
    classifier(5).write(&cluster.imports().join("m"));
    session.run("BEGIN; SELECT crm_ai.import_model('m', 'm'); ROLLBACK");
    assert_eq!(cached(&cluster), [""; 0]);
    session.run("SELECT crm_ai.import_model('m', 'm')");
    assert_eq!(cached(&cluster), [""; 0]);
    session.run("SELECT crm_classify('m', 'hello')");
    let sha256 = session.value("SELECT sha256 FROM crm_ai.versions WHERE model = 'm'");
    assert_eq!(cached(&cluster), [sha256]);
}
