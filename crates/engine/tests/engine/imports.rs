//! What is examined is tried in a process of its own, and leaves nothing behind.

use crate::process::*;
use crate::stuck::hostile_model;
use crate::support::{error_code, wait_until};
use crm_ai_wire::{Digest, ErrorCode, Manifest, Reply, Request, Upload};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

fn start(arguments: &[&str]) -> Program {
    Program::start_with(tempfile::tempdir().unwrap(), arguments)
}

fn signal_child(program: &Program, signal: Signal) {
    wait_until(|| !program.children().is_empty());
    let child = program.children()[0];
    // Rust's runtime takes the first SIGSEGV for its own business.
    wait_until(|| {
        let _ = kill_process(Pid::from_raw(child).unwrap(), signal);
        thread::sleep(Duration::from_millis(20));
        !is_alive(child)
    });
}

fn is_alive(pid: i32) -> bool {
    // A killed process that nobody has waited for is none any more.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z')
}

fn refusal(reply: Reply) -> (ErrorCode, String) {
    match reply {
        Reply::Error(code, message) => (code, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_examined_model_is_described_and_not_kept() {
    let program = start(&[]);
    let mut client = program.client();
    for name in
        ["bert_classifier", "bert_encoder", "onnx_classifier", "onnx_encoder", "table_classifier"]
    {
        let Reply::Described(examined) = client.examine(&fixture(name)).unwrap() else {
            panic!("{name} is not described")
        };
        assert_eq!(program.cached(), [""; 0], "{name}");
        let digest = program.load(name);
        let described = client.call(Request::Describe(digest)).unwrap();
        assert_eq!(described, Reply::Described(examined), "{name}");
        assert_eq!(client.call(Request::Evict(digest)).unwrap(), Reply::Loaded);
    }
    assert_eq!(program.children(), [0; 0]);
}

#[test]
fn a_model_that_never_ends_is_examined_no_longer_than_the_limit() {
    let program = start(&["--import-limit", "1500"]);
    let folder = program.onnx_folder("endless", &hostile_model::endless(None));
    let mut hanging = program.client();
    let json = Manifest::of_folder(&folder).unwrap().to_json();
    hanging.send(&Request::Examine(Upload::new(&json)), 1).unwrap();
    for file in ["model.onnx", "tokenizer.json"] {
        hanging.send(&Request::LoadChunk(&fs::read(folder.join(file)).unwrap()), 1).unwrap();
    }
    wait_until(|| !program.children().is_empty());
    // It keeps no other import waiting.
    let reply = program.client().examine(&fixture("onnx_classifier")).unwrap();
    assert!(matches!(reply, Reply::Described(_)), "{reply:?}");
    let (code, message) = refusal(hanging.wait(1).unwrap());
    assert_eq!(code, ErrorCode::ImportLimit);
    assert!(message.contains("crm_ai.import_limit (1.5 s)"), "{message}");
    assert_eq!((program.cached(), program.children()), (vec![], vec![]));
}

#[test]
fn a_model_that_takes_all_memory_is_refused_and_the_engine_lives() {
    let program = start(&[]);
    let folder = program.onnx_folder("greedy", &hostile_model::greedy(16 << 30));
    let (code, message) = refusal(program.client().examine(&folder).unwrap());
    assert_eq!(code, ErrorCode::OutOfMemory, "{message}");
    assert_eq!((program.cached(), program.children()), (vec![], vec![]));
    let reply = program.client().examine(&fixture("onnx_classifier")).unwrap();
    assert!(matches!(reply, Reply::Described(_)), "{reply:?}");
}

/// The same of a model that came past the import: what it wants is not given, and others go on.
#[test]
fn a_model_that_takes_all_memory_in_the_engine_fails_its_caller_alone() {
    let program = start(&[]);
    let honest = program.load("onnx_classifier");
    let figures = fs::read_to_string("/proc/meminfo").unwrap();
    let kibibytes: u64 = figures.split_whitespace().nth(1).unwrap().parse().unwrap();
    let folder = program.onnx_folder("greedy", &hostile_model::greedy(kibibytes * 1024 / 10 * 9));
    assert_eq!(program.client().load(&folder).unwrap(), Reply::Loaded);
    let greedy = Manifest::of_folder(&folder).unwrap().digest();
    for _ in 0..2 {
        assert_eq!(error_code(ask(&program, greedy)), ErrorCode::OutOfMemory);
        assert!(matches!(ask(&program, honest), Reply::Scores(_)));
    }
}

#[test]
fn a_model_that_kills_its_process_is_refused_and_the_engine_lives() {
    let program = start(&[]);
    let folder = program.onnx_folder("endless", &hostile_model::endless(None));
    for (signal, code) in [
        (Signal::SEGV, ErrorCode::InvalidModel),
        (Signal::ABORT, ErrorCode::InvalidModel),
        (Signal::ILL, ErrorCode::InvalidModel),
        (Signal::XCPU, ErrorCode::ImportLimit),
        // As the kernel does when memory runs out.
        (Signal::KILL, ErrorCode::OutOfMemory),
    ] {
        let reply = thread::scope(|scope| {
            let examined = scope.spawn(|| program.client().examine(&folder).unwrap());
            signal_child(&program, signal);
            examined.join().unwrap()
        });
        let (found, message) = refusal(reply);
        assert_eq!(found, code, "{signal:?}: {message}");
        assert_eq!((program.cached(), program.children()), (vec![], vec![]));
    }
}

#[test]
fn a_broken_or_refused_upload_leaves_nothing() {
    let program = start(&[]);
    let mut client = program.client();
    let folder = program.onnx_folder("garbage", b"\x08\x07garbage");
    assert_eq!(error_code(client.examine(&folder).unwrap()), ErrorCode::InvalidModel);
    assert_eq!(program.cached(), [""; 0]);
    let json = Manifest::of_folder(&folder).unwrap().to_json();
    // Another content than is announced.
    client.send(&Request::Examine(Upload::new(&json)), 9).unwrap();
    client.send(&Request::LoadChunk(&[0; 1 << 16]), 9).unwrap();
    assert_eq!(error_code(client.wait(9).unwrap()), ErrorCode::InvalidModel);
    assert_eq!(program.cached(), [""; 0]);
    // A sender that leaves in the middle.
    client.send(&Request::Examine(Upload::new(&json)), 10).unwrap();
    wait_until(|| !program.cached().is_empty());
    drop(client);
    wait_until(|| program.cached().is_empty());
}

#[test]
fn a_trial_ends_when_its_caller_cancels_or_leaves_and_when_the_engine_is_killed() {
    let mut program = start(&[]);
    let folder = program.onnx_folder("endless", &hostile_model::endless(None));
    for how in ["cancels", "leaves", "killed"] {
        let mut client = begin_examining(&program, &folder);
        wait_until(|| !program.children().is_empty());
        let child = program.children()[0];
        match how {
            "cancels" => client.send(&Request::Cancel, 1).unwrap(),
            "leaves" => drop(client),
            _ => program.child.kill().unwrap(),
        }
        wait_until(|| !is_alive(child));
        if how != "killed" {
            wait_until(|| program.cached().is_empty() && program.children().is_empty());
        }
    }
}

fn begin_examining(program: &Program, folder: &Path) -> crm_ai_wire::client::Client {
    let mut client = program.client();
    let json = Manifest::of_folder(folder).unwrap().to_json();
    client.send(&Request::Examine(Upload::new(&json)), 1).unwrap();
    for file in ["model.onnx", "tokenizer.json"] {
        client.send(&Request::LoadChunk(&fs::read(folder.join(file)).unwrap()), 1).unwrap();
    }
    client
}

/// A file that is named in the model's is not read, neither by the trial nor by the engine.
#[test]
fn a_model_reads_no_file_outside_its_folder() {
    let program = start(&[]);
    let secret = program.folder.path().join("cache/secret");
    fs::write(&secret, [0x41; 64]).unwrap();
    let in_memory = "*/_ORT_MEM_ADDR_/*";
    for (index, location) in
        ["../secret", secret.to_str().unwrap(), "tokenizer.json", "/etc/passwd", in_memory]
            .into_iter()
            .enumerate()
    {
        let model = hostile_model::reading(location, 0);
        let folder = program.onnx_folder(&format!("reading{index}"), &model);
        let (code, message) = refusal(program.client().examine(&folder).unwrap());
        assert_eq!(code, ErrorCode::InvalidModel, "{location}: {message}");
        assert_eq!(program.client().load(&folder).unwrap(), Reply::Loaded);
        let digest = Manifest::of_folder(&folder).unwrap().digest();
        assert_eq!(error_code(ask(&program, digest)), ErrorCode::InvalidModel, "{location}");
    }
}

fn ask(program: &Program, model: Digest) -> Reply {
    let (precision, task) = (crm_ai_wire::Precision::Fp32, crm_ai_wire::Task::Classify);
    program.client().infer(model, precision, task, &["a"]).unwrap()
}

/// A trial that takes long is told of, so that its caller's patience does not end.
#[test]
fn who_waits_for_a_trial_is_told_that_it_goes_on() {
    let program = start(&["--import-limit", "2500"]);
    let folder = program.onnx_folder("endless", &hostile_model::endless(None));
    let mut client = begin_examining(&program, &folder);
    client.set_limit(Duration::from_millis(2000)).unwrap();
    let frame = client.read_frame().unwrap();
    assert_eq!(Reply::decode(&frame), Ok(Reply::Progress(0)));
    assert_eq!(error_code(client.wait(1).unwrap()), ErrorCode::ImportLimit);
}
