//! What the program does, with ONNX Runtime and a tiny model.

use crate::process::*;
use crm_ai_wire::{Manifest, Precision, Reply, Request, Task};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Whether a line has the form of the server's own: time, process, level.
fn is_log_line(line: &str) -> bool {
    let Some((head, message)) = line.split_once(":  crm_ai engine: ") else { return false };
    let parts: Vec<&str> = head.split(' ').collect();
    let [date, time, "UTC", process, level] = parts[..] else { return false };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    !message.is_empty()
        && (date.len(), digits(date), time.len(), digits(time)) == (10, 8, 12, 9)
        && process.starts_with('[')
        && process.ends_with(']')
        && ["LOG", "WARNING", "FATAL"].contains(&level)
}

#[test]
fn the_log_names_models_as_people_do() {
    let mut program = Program::start();
    let folder = fixture("bert_classifier");
    let model = program.load("bert_classifier");
    let target = (model, Precision::Fp32, Task::Classify);
    let mut client = program.client();
    let frame = Request::encode_infer_named(1, target, "churn@3", 0, &["text"]).unwrap();
    crate::support::send_bytes(&mut client, &frame);
    assert!(matches!(client.wait(1).unwrap(), Reply::Scores(_)));
    program.child.stdin.take();
    let (_, log) = program.end();
    let digest = Manifest::of_folder(&folder).unwrap().digest();
    assert!(log.contains(&format!("model churn@3 ({digest}) fp32 loaded in ")), "{log}");
}

#[test]
fn a_real_model_answers_and_its_customer_is_not_in_the_log() {
    let mut program = Program::start();
    let name = fs::read_to_string(format!("/proc/{}/comm", program.child.id())).unwrap();
    assert_eq!(name.trim(), "crm_ai_engine");
    let mode = fs::metadata(program.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let model = program.load("bert_classifier");
    let encoder = program.load("bert_encoder");
    let texts = ["my card was stolen", "thank you so much", "", "my card was stolen"];
    let mut client = program.client();
    let Reply::Scores(scores) =
        client.infer(model, Precision::Fp32, Task::Classify, &texts).unwrap()
    else {
        panic!("no scores")
    };
    assert_eq!(scores.rows.len(), 4);
    for row in 0..4 {
        let sum: f32 = scores.rows.row(row).iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
    assert_eq!(scores.rows.row(0), scores.rows.row(3));
    assert_ne!(scores.rows.row(0), scores.rows.row(1));
    let Reply::Vectors(vectors) =
        client.infer(encoder, Precision::Fp32, Task::Embed, &texts).unwrap()
    else {
        panic!("no vectors")
    };
    let norm: f32 = vectors.rows.row(0).iter().map(|x| x * x).sum();
    assert!((norm - 1.0).abs() < 1e-5, "{norm}");
    let Reply::Described(info) = client.call(Request::Describe(model)).unwrap() else {
        panic!("no description")
    };
    assert_eq!((info.architecture.as_str(), info.labels), ("bert", scores.labels));
    let Reply::Stats(stats) = client.call(Request::Stats).unwrap() else { panic!("no stats") };
    assert_eq!((stats.pid, stats.rows, stats.device.as_str()), (program.child.id(), 8, "cpu"));
    assert!(stats.memory_bytes > 0 && stats.models.len() == 2);
    program.child.stdin.take();
    let (_, log) = program.end();
    assert!(!log.contains("card") && log.lines().all(is_log_line), "{log}");
}

#[test]
fn it_ends_when_asked_and_when_its_starter_is_gone() {
    let mut program = Program::start();
    kill_process(Pid::from_child(&program.child), Signal::TERM).unwrap();
    assert_eq!(program.end().0, Some(0));
    let mut program = Program::start();
    program.child.stdin.take();
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_stale_socket_and_a_broken_off_upload_do_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(folder.path().join("socket")).unwrap());
    let partial = folder.path().join("cache/partial-1-1");
    fs::create_dir_all(&partial).unwrap();
    let program = Program::start_in(folder);
    assert!(matches!(program.client().call(Request::Stats), Ok(Reply::Stats(_))));
    assert!(!partial.exists());
}

#[test]
fn a_killed_engine_leaves_what_the_next_one_starts_with() {
    let mut program = Program::start();
    let model = program.load("bert_classifier");
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let folder = std::mem::replace(&mut program.folder, tempfile::tempdir().unwrap());
    let program = Program::start_in(folder);
    let reply = program.client().infer(model, Precision::Int8, Task::Classify, &["a"]).unwrap();
    assert!(matches!(reply, Reply::Scores(_)), "{reply:?}");
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn wrong_arguments_and_a_missing_library_have_a_code_of_their_own() {
    let serve = ["serve", "--socket", "s", "--cache", "/nowhere", "--runtime"];
    for arguments in [
        &[][..],
        &["juggle"],
        &["serve"],
        &["serve", "--threads", "many"],
        &["serve", "--device", "abacus"],
        &["digest"],
        &["digest", "/nowhere"],
        &[&serve[..], &["/nowhere/libonnxruntime.so"]].concat(),
    ] {
        let (code, _, log) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(is_log_line(log.lines().next().unwrap()), "{log}");
    }
}

#[test]
fn digest_and_describe_tell_what_a_folder_is() {
    let folder = fixture("bert_classifier");
    let path = folder.to_str().unwrap();
    let (code, digest, _) = run(&["digest", path]);
    assert_eq!(
        (code, digest.trim()),
        (Some(0), &*Manifest::of_folder(&folder).unwrap().digest().to_string())
    );
    let (code, json, log) = run(&["describe", path, "--runtime", library().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{log}");
    let info: crm_ai_wire::ModelInfo = serde_json::from_str(&json).unwrap();
    assert_eq!(info.architecture, "bert");
    assert!(info.int8_agreement.is_some());
    let (code, version, _) = run(&["--version"]);
    assert_eq!(
        (code, version),
        (Some(0), format!("crm_ai_engine {}\n", env!("CARGO_PKG_VERSION")))
    );
}
