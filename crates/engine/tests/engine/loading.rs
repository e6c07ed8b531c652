//! Models come once, leave when others need the room, and harm nobody when they are broken;
//! artifacts arrive whole or not at all.

use crate::support::*;
use crm_ai_wire::{
    Digest, ErrorCode, FileEntry, Manifest, Precision, Reply, Request, Task, Upload,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

fn ask_model(harness: &Harness, model: Digest) -> Reply {
    harness.client().infer(model, Precision::Fp32, Task::Classify, &["text"]).unwrap()
}

#[test]
fn a_model_is_loaded_once_for_all_who_wait() {
    let harness = Setup { threads: 4, ..Setup::default() }.start();
    harness.script.load_gate.close();
    let mut clients: Vec<_> = (0..20).map(|_| harness.client()).collect();
    for client in &mut clients {
        harness.send(client, 1, 0, &["waits"]);
    }
    wait_until(|| harness.stats().queue_rows == 20);
    harness.script.load_gate.open();
    for client in &mut clients {
        assert_right(client.wait(1).unwrap(), &["waits"]);
    }
    assert_eq!(harness.script.loads.load(Ordering::SeqCst), 1);
}

#[test]
fn others_are_served_while_a_model_is_loaded() {
    let harness = Setup { threads: 2, ..Setup::default() }.start();
    assert_right(harness.ask(&mut harness.client(), &["text"]), &["text"]);
    let other = harness.add_model("2");
    harness.script.load_gate.close();
    let mut waiting = harness.client();
    let target = (other, Precision::Fp32, Task::Classify);
    send_bytes(&mut waiting, &Request::encode_infer(1, target, 0, &["other"]).unwrap());
    wait_until(|| harness.script.loads.load(Ordering::SeqCst) == 2);
    assert_right(harness.ask(&mut harness.client(), &["text"]), &["text"]);
    harness.script.load_gate.open();
    assert_right(waiting.wait(1).unwrap(), &["other"]);
}

#[test]
fn a_broken_model_fails_its_requests_alone_and_is_not_tried_in_a_storm() {
    let harness = Setup::default().start();
    let broken = harness.add_model("broken");
    for _ in 0..20 {
        assert_eq!(error_code(ask_model(&harness, broken)), ErrorCode::InvalidModel);
    }
    assert_eq!(harness.script.loads.load(Ordering::SeqCst), 1);
    assert_right(harness.ask(&mut harness.client(), &["fine"]), &["fine"]);
}

#[test]
fn the_model_used_longest_ago_makes_room() {
    let harness = Setup { memory_limit: 100, ..Setup::default() }.start();
    let [a, b, c] = ["40 a", "41 b", "42 c"].map(|config| harness.add_model(config));
    let loaded = || {
        let mut models: Vec<Digest> =
            harness.stats().models.iter().map(|model| model.sha256).collect();
        models.sort();
        models
    };
    let sorted = |mut models: Vec<Digest>| {
        models.sort();
        models
    };
    for model in [a, b, a, c] {
        assert_right(ask_model(&harness, model), &["text"]);
    }
    assert_eq!(loaded(), sorted(vec![a, c]));
    assert_right(ask_model(&harness, b), &["text"]);
    assert_eq!(loaded(), sorted(vec![b, c]));
    let giant = harness.add_model("101");
    assert_eq!(error_code(ask_model(&harness, giant)), ErrorCode::OutOfMemory);
    assert_eq!(loaded(), sorted(vec![b, c]));
}

#[test]
fn a_missing_artifact_is_asked_for_streamed_and_used() {
    let harness = Setup::default().start();
    let (folder, digest) = harness.artifact("7 streamed");
    let mut client = harness.client();
    assert_eq!(error_code(ask_model(&harness, digest)), ErrorCode::UnknownModel);
    for _ in 0..2 {
        // The second time the engine has it already.
        assert_eq!(client.load(&folder).unwrap(), Reply::Loaded);
        assert_right(ask_model(&harness, digest), &["text"]);
    }
    assert_eq!(harness.cached(), [digest.to_string()]);
    let cached = harness.cache().join(digest.to_string());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(cached.clone()), mode(cached.join("config.json"))), (0o700, 0o600));
    assert_eq!(client.call(Request::Evict(digest)).unwrap(), Reply::Loaded);
    assert_eq!(harness.cached(), [""; 0]);
    assert_eq!(error_code(ask_model(&harness, digest)), ErrorCode::UnknownModel);
    // The package's own models stay.
    assert_eq!(client.call(Request::Evict(harness.model)).unwrap(), Reply::Loaded);
    assert_right(harness.ask(&mut client, &["text"]), &["text"]);
}

/// An artifact of three files, one of them empty and one in a folder; and its bytes in a row.
fn three_files(harness: &Harness) -> (Manifest, Vec<u8>) {
    let (folder, _) = harness.artifact("11 three files");
    fs::create_dir(folder.join("1_Pooling")).unwrap();
    fs::write(folder.join("1_Pooling/config.json"), "{}").unwrap();
    fs::write(folder.join("vocab.txt"), "").unwrap();
    let manifest = Manifest::of_folder(&folder).unwrap();
    let read = |file: &FileEntry| fs::read(folder.join(&file.path)).unwrap();
    let bytes = manifest.files.iter().flat_map(read).collect();
    (manifest, bytes)
}

#[test]
fn an_upload_that_breaks_off_at_any_byte_leaves_nothing() {
    let harness = Setup::default().start();
    let (manifest, bytes) = three_files(&harness);
    for length in 0..bytes.len() {
        let mut client = harness.client();
        client.send(&Request::LoadBegin(Upload::new(&manifest.to_json())), 1).unwrap();
        for chunk in bytes[..length].chunks(3) {
            client.send(&Request::LoadChunk(chunk), 1).unwrap();
        }
        if length % 2 == 0 {
            client.send(&Request::Cancel, 1).unwrap();
        }
        drop(client);
        wait_until(|| harness.stats().connections == 1);
        let model = manifest.digest();
        assert_eq!(error_code(ask_model(&harness, model)), ErrorCode::UnknownModel);
    }
    wait_until(|| harness.cached().is_empty());
    let mut client = harness.client();
    client.send(&Request::LoadBegin(Upload::new(&manifest.to_json())), 1).unwrap();
    // Bytes beyond the last file are ignored.
    client.send(&Request::LoadChunk(&[&bytes[..], b"beyond"].concat()), 1).unwrap();
    client.send(&Request::LoadChunk(b"still more"), 1).unwrap();
    assert_eq!(client.wait(1).unwrap(), Reply::Loaded);
    let cached = Manifest::of_folder(&harness.cache().join(manifest.digest().to_string()));
    assert_eq!(cached.unwrap(), manifest);
    assert_right(ask_model(&harness, manifest.digest()), &["text"]);
}

#[test]
fn an_upload_with_a_bent_byte_is_refused_and_leaves_nothing() {
    let harness = Setup::default().start();
    let (manifest, bytes) = three_files(&harness);
    for position in 0..bytes.len() {
        let mut bent = bytes.clone();
        bent[position] ^= 1;
        let mut client = harness.client();
        client.send(&Request::LoadBegin(Upload::new(&manifest.to_json())), 1).unwrap();
        client.send(&Request::LoadChunk(&bent), 1).unwrap();
        assert_eq!(error_code(client.wait(1).unwrap()), ErrorCode::InvalidModel);
        assert_eq!(harness.cached(), [""; 0]);
    }
    let mut client = harness.client();
    for manifest in [&b"no JSON"[..], b"{\"files\":[]}"] {
        let reply = client.call(Request::LoadBegin(Upload::new(manifest))).unwrap();
        assert_eq!(error_code(reply), ErrorCode::InvalidModel);
    }
}

#[test]
fn two_uploads_of_one_artifact_do_each_other_no_harm() {
    let harness = Setup::default().start();
    let (manifest, bytes) = three_files(&harness);
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let mut clients = [harness.client(), harness.client()];
    for client in &mut clients {
        client.send(&Request::LoadBegin(Upload::new(&manifest.to_json())), 1).unwrap();
        client.send(&Request::LoadChunk(head), 1).unwrap();
    }
    for client in &mut clients {
        client.send(&Request::LoadChunk(tail), 1).unwrap();
        assert_eq!(client.wait(1).unwrap(), Reply::Loaded);
    }
    assert_eq!(harness.cached(), [manifest.digest().to_string()]);
}

#[test]
fn an_artifact_larger_than_the_backlog_arrives_whole() {
    let harness = Setup::default().start();
    let (folder, digest) = harness.artifact(&format!("5 {}", "x".repeat(40 << 20)));
    assert_eq!(harness.client().load(&folder).unwrap(), Reply::Loaded);
    assert_right(ask_model(&harness, digest), &["text"]);
}

#[test]
fn a_failed_load_is_forgotten_when_the_artifact_comes_anew() {
    let harness = Setup::default().start();
    let (folder, digest) = harness.artifact("broken");
    let mut client = harness.client();
    for loads in 1..3 {
        assert_eq!(client.load(&folder).unwrap(), Reply::Loaded);
        assert_eq!(error_code(ask_model(&harness, digest)), ErrorCode::InvalidModel);
        assert_eq!(harness.script.loads.load(Ordering::SeqCst), loads);
        assert_eq!(client.call(Request::Evict(digest)).unwrap(), Reply::Loaded);
    }
}

#[test]
fn a_description_keeps_nobody_waiting_and_is_made_once() {
    let harness = Setup::default().start();
    let mut client = harness.client();
    assert_right(harness.ask(&mut client, &["text"]), &["text"]);
    harness.script.load_gate.close();
    client.send(&Request::Describe(harness.model), 1).unwrap();
    wait_until(|| harness.script.describes.load(Ordering::SeqCst) == 1);
    assert_right(harness.ask(&mut harness.client(), &["text"]), &["text"]);
    // The caller is told meanwhile that the engine lives.
    let frame = client.read_frame().unwrap();
    assert_eq!(Reply::decode(&frame), Ok(Reply::Progress(0)));
    harness.script.load_gate.open();
    let Reply::Described(info) = client.wait(1).unwrap() else { panic!("no description") };
    assert_eq!(info.architecture, "fake");
    assert_eq!(client.call(Request::Describe(harness.model)).unwrap(), Reply::Described(info));
    assert_eq!(harness.script.describes.load(Ordering::SeqCst), 1);
    let reply = client.call(Request::Describe(Digest([9; 32]))).unwrap();
    assert_eq!(error_code(reply), ErrorCode::UnknownModel);
}
