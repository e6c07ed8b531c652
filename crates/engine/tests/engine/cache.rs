//! What lies in the cache is not believed: damage is found, and what is missing is asked for anew.

use crate::process::*;
use crate::support::*;
use crm_ai_wire::{Databases, Digest, ErrorCode, Precision, Reply, Request, Task};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

fn ask(program: &Program, model: Digest) -> Reply {
    program.client().infer(model, Precision::Fp32, Task::Classify, &["good morning"]).unwrap()
}

fn numbers(reply: Reply) -> Vec<f32> {
    scores(reply).rows.numbers
}

/// The program anew in the same folder.
fn restarted(mut program: Program, arguments: &[&str]) -> Program {
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let folder = std::mem::replace(&mut program.folder, tempfile::tempdir().unwrap());
    Program::start_with(folder, arguments)
}

fn cached_file(program: &Program, model: Digest, file: &str) -> PathBuf {
    program.folder.path().join("cache").join(model.to_string()).join(file)
}

#[test]
fn a_cached_artifact_that_was_damaged_is_asked_for_anew() {
    let mut program = Program::start();
    let model = program.load("bert_classifier");
    let honest = numbers(ask(&program, model));
    let weights = |program: &Program| cached_file(program, model, "model.safetensors");
    type Damage = fn(PathBuf);
    let damages: [Damage; 5] = [
        // One weight, in place: the file stays a valid model.
        |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            let end = file.metadata().unwrap().len();
            file.write_all_at(&1.5_f32.to_le_bytes(), end - 4).unwrap();
        },
        |path| fs::File::options().write(true).open(path).unwrap().set_len(1000).unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::remove_file(&path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for damage in damages {
        program = restarted(program, &[]);
        damage(weights(&program));
        assert_eq!(error_code(ask(&program, model)), ErrorCode::UnknownModel);
        assert_eq!(program.cached(), [""; 0]);
        program.load("bert_classifier");
        assert_eq!(numbers(ask(&program, model)), honest);
    }
}

/// After the first use a faster check does: the model was unloaded for another, and comes back.
#[test]
fn damage_is_found_each_time_a_model_is_opened() {
    let harness = Setup { memory_limit: 50, ..Setup::default() }.start();
    let mut client = harness.client();
    let [one, other] = ["40 one", "40 other"].map(|config| harness.artifact(config));
    let mut ask = |model| client.infer(model, Precision::Fp32, Task::Classify, &["text"]).unwrap();
    for (folder, _) in [&one, &other] {
        assert_eq!(harness.client().load(folder).unwrap(), Reply::Loaded);
    }
    for _ in 0..2 {
        for (_, model) in [&one, &other] {
            assert_right(ask(*model), &["text"]);
        }
    }
    let loads = harness.script.loads.load(Ordering::SeqCst);
    assert_eq!(loads, 4);
    // Of the same length.
    fs::write(harness.cache().join(one.1.to_string()).join("config.json"), "40 0ne").unwrap();
    assert_eq!(error_code(ask(one.1)), ErrorCode::UnknownModel);
    assert_eq!(harness.cached(), [other.1.to_string()]);
    assert_eq!(harness.client().load(&one.0).unwrap(), Reply::Loaded);
    assert_right(ask(one.1), &["text"]);
}

#[test]
fn a_damaged_model_of_the_package_is_told_as_such() {
    let harness = Setup::default().start();
    let file = harness.folder.path().join("models").join(harness.model.to_string());
    fs::write(file.join("config.json"), "2").unwrap();
    let Reply::Error(code, message) = harness.ask(&mut harness.client(), &["text"]) else {
        panic!("an answer")
    };
    assert_eq!(code, ErrorCode::Damaged);
    assert!(message.contains("built-in model are damaged"), "{message}");
    assert!(file.exists());
}

/// Without a sandbox the engine makes the cache anew itself.
#[test]
fn a_cache_that_was_deleted_is_made_anew() {
    let harness = Setup::default().start();
    let (folder, model) = harness.artifact("7 streamed");
    let mut client = harness.client();
    for _ in 0..2 {
        assert_eq!(client.load(&folder).unwrap(), Reply::Loaded);
        let reply = client.infer(model, Precision::Fp32, Task::Classify, &["text"]).unwrap();
        assert_right(reply, &["text"]);
        fs::remove_dir_all(harness.cache()).unwrap();
    }
}

/// In its sandbox it may write in the folder that was there when it started, and so ends, to start
/// anew.
#[test]
fn a_confined_engine_starts_anew_for_a_cache_that_was_deleted() {
    let mut program = Program::start();
    let model = program.load("bert_classifier");
    let honest = numbers(ask(&program, model));
    fs::remove_dir_all(program.folder.path().join("cache")).unwrap();
    // What is in memory goes on.
    assert_eq!(numbers(ask(&program, model)), honest);
    let is_confined = match program.client().call(Request::Stats).unwrap() {
        Reply::Stats(stats) => stats.sandbox.contains("landlock"),
        other => panic!("{other:?}"),
    };
    if is_confined {
        assert!(program.client().load(&fixture("bert_encoder")).is_err());
        assert_eq!(program.end().0, Some(1));
        program = restarted(program, &[]);
    }
    program.load("bert_encoder");
    program.load("bert_classifier");
    assert_eq!(numbers(ask(&program, model)), honest);
}

#[test]
fn artifacts_of_databases_that_are_gone_are_swept() {
    let harness = Setup::default().start();
    let mut client = harness.client();
    let mut sweep = |databases: &[u32]| {
        send_bytes(&mut client, &Databases::encode_sweep(99, databases).unwrap());
        assert_eq!(client.wait(99).unwrap(), Reply::Loaded);
    };
    let artifacts = ["1 a", "1 b", "1 c"].map(|config| harness.artifact(config));
    for (index, owners) in [&[5][..], &[5, 6], &[7]].into_iter().enumerate() {
        for owner in owners {
            let loaded = harness.client().load_for(*owner, &artifacts[index].0).unwrap();
            assert_eq!(loaded, Reply::Loaded);
        }
    }
    let cached = || {
        let mut cached = harness.cached();
        cached.sort();
        cached
    };
    let named = |indices: &[usize]| {
        let mut names: Vec<_> = indices.iter().map(|i| artifacts[*i].1.to_string()).collect();
        names.sort();
        names
    };
    let ask = |index: usize| {
        let model = artifacts[index].1;
        harness.client().infer(model, Precision::Fp32, Task::Classify, &["text"]).unwrap()
    };
    assert_right(ask(0), &["text"]);
    sweep(&[1, 5, 6, 7]);
    assert_eq!(cached(), named(&[0, 1, 2]));
    sweep(&[1, 6, 7]);
    assert_eq!(cached(), named(&[1, 2]));
    assert_eq!(error_code(ask(0)), ErrorCode::UnknownModel);
    // An OID that comes again does not bring back what it had.
    sweep(&[5, 7]);
    assert_eq!(cached(), named(&[2]));
    sweep(&[]);
    assert_eq!(cached(), [""; 0]);
    // The package's own models are nobody's.
    assert_right(harness.ask(&mut harness.client(), &["text"]), &["text"]);
}
