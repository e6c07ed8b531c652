//! A ping is answered by an engine that goes on, however busy, and by no other.

use crate::process::*;
use crate::support::*;
use crm_ai_engine::artifacts::Store;
use crm_ai_engine::job::{Caller, Job};
use crm_ai_engine::reply_sink::ReplySink;
use crm_ai_engine::sandbox::Held;
use crm_ai_engine::{Engine, EngineOptions};
use crm_ai_wire::{Digest, FrameReader, Precision, Reply, Request, Task};
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_busy_engine_answers() {
    for threads in [1, 2] {
        let harness = Setup { threads, ..Setup::default() }.start();
        let mut held = harness.hold();
        let many: Vec<String> = (0..5000).map(|i| format!("row {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut other = harness.client();
        harness.send(&mut other, 1, 0, &many);
        std::thread::sleep(Duration::from_millis(500));
        let mut client = harness.client();
        client.set_limit(Duration::from_secs(5)).unwrap();
        assert_eq!(client.call(Request::Ping).unwrap(), Reply::Pong);
        harness.script.gate.open();
        assert_right(held.wait(1).unwrap(), &["held"]);
        assert_right(other.wait(1).unwrap(), &many);
    }
}

#[test]
fn a_stopped_engine_does_not_answer() {
    let program = Program::start();
    let mut client = program.client();
    client.set_limit(Duration::from_millis(700)).unwrap();
    assert_eq!(client.call(Request::Ping).unwrap(), Reply::Pong);
    let process = Pid::from_child(&program.child);
    kill_process(process, Signal::STOP).unwrap();
    wait_until(|| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.child.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
    });
    assert!(client.call(Request::Ping).is_err());
    kill_process(process, Signal::CONT).unwrap();
}

struct Nowhere;

impl ReplySink for Nowhere {
    fn send(&self, _request_id: u64, _reply: &Reply) {}
}

/// Texts wait and no thread looks at them, as after a wake-up that was lost.
#[test]
fn an_engine_that_leaves_its_work_alone_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Vec::new(), folder.path().to_owned()).unwrap();
    let options = EngineOptions {
        threads: 1,
        memory_limit: 0,
        queue_rows: 100,
        cache_bytes: 0,
        run_limit: None,
        sandbox: Held::default(),
    };
    let engine = Engine::new(options, Arc::new(store), idle_loader());
    let later = Instant::now() + Duration::from_secs(60);
    assert!(engine.makes_progress(later));
    let target = (Digest([1; 32]), Precision::Fp32, Task::Classify);
    let mut reader = FrameReader::default();
    reader.push(&Request::encode_infer(1, target, 0, &["text"]).unwrap());
    let frame = reader.next_frame().unwrap().unwrap();
    let Ok(Request::Infer(infer)) = Request::decode(&frame) else { panic!("{frame:?}") };
    let caller = Caller { connection: 1, request_id: 1 };
    engine.submit(Job::new(caller, Arc::new(Nowhere), &infer, Instant::now()));
    assert!(engine.makes_progress(Instant::now()));
    assert!(!engine.makes_progress(later));
    engine.work(&|| ());
    assert!(engine.makes_progress(later));
}
