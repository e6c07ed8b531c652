//! What somebody does to the engine's files is noticed, and mended where the registry has them.

use super::engine_imports::{cache, cached};
use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT};
use crm_ai_integration::process::{Signal, signal, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::classifier;
use std::fs;
use std::os::unix::fs::FileExt;

const CLASSIFY: &str = "SELECT string_agg(probability::text, ' ' ORDER BY label)
    FROM crm_classify_detail('m', 'great invoice')";

fn with_model() -> (Cluster, Session, String) {
    let cluster = Cluster::new(&["crm_ai.cache_size = 0"]);
    let mut session = cluster.session();
    classifier(5).write(&cluster.imports().join("m"));
    session.run("SELECT crm_ai.import_model('m', 'm')");
    let answer = session.value(CLASSIFY);
    (cluster, session, answer)
}

fn restart_engine(cluster: &Cluster) {
    let engine = cluster.engine();
    signal(engine, Signal::KILL);
    wait_until("another engine is up", ENGINE_LIMIT, || cluster.engine() != engine);
}

#[test]
fn weights_that_were_altered_in_the_cache_are_fetched_anew() {
    let (cluster, mut session, answer) = with_model();
    let sha256 = session.value("SELECT sha256 FROM crm_ai.versions WHERE model = 'm'");
    let weights = cache(&cluster).join(&sha256).join("model.safetensors");
    for cut in [false, true] {
        let file = fs::File::options().write(true).open(&weights).unwrap();
        let end = file.metadata().unwrap().len();
        if cut {
            file.set_len(end / 2).unwrap();
        } else {
            file.write_all_at(&9.5_f32.to_le_bytes(), end - 4).unwrap();
        }
        drop(file);
        restart_engine(&cluster);
        assert_eq!(session.value(CLASSIFY), answer);
        assert_eq!(fs::metadata(&weights).unwrap().len(), end);
    }
    assert!(cluster.log().contains("files in the cache are damaged"), "{}", cluster.log());
}

#[test]
fn a_cache_that_is_deleted_under_the_server_is_made_anew() {
    let (cluster, mut session, answer) = with_model();
    fs::remove_dir_all(cache(&cluster)).unwrap();
    // In memory still.
    assert_eq!(session.value(CLASSIFY), answer);
    classifier(6).write(&cluster.imports().join("other"));
    session.run("SELECT crm_ai.import_model('other', 'other')");
    session.run("SELECT crm_classify('other', 'hello')");
    restart_engine(&cluster);
    assert_eq!(session.value(CLASSIFY), answer);
    assert_eq!(cached(&cluster).len(), 2);
}

#[test]
fn the_status_tells_what_confines_the_engine() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    let engine = cluster.engine();
    let shown = session.value("SELECT sandbox FROM crm_ai.status");
    let status = fs::read_to_string(format!("/proc/{engine}/status")).unwrap();
    assert_eq!(shown.contains("no_new_privs"), status.contains("NoNewPrivs:\t1"), "{shown}");
    assert_eq!(shown.contains("seccomp"), status.contains("Seccomp:\t2"), "{shown}");
    assert!(shown.contains("no_new_privs"), "{shown}");
}
