//! A model that takes long, or for ever, holds nobody but those who ask it.

use crate::process::*;
use crate::support::*;
use crm_ai_wire::client::Client;
use crm_ai_wire::{Digest, ErrorCode, Precision, Reply, Request, Task};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

#[path = "../../../../tests/integration/src/hostile_model.rs"]
pub mod hostile_model;

/// Far longer than an answer takes, and shorter than any limit that ends a run.
const PROMPT: Duration = Duration::from_secs(3);

fn send(client: &mut Client, model: Digest, id: u64, deadline_ms: u32, texts: &[&str]) {
    let target = (model, Precision::Fp32, Task::Classify);
    let frame = Request::encode_infer(id, target, deadline_ms, texts).unwrap();
    send_bytes(client, &frame);
}

fn ask(client: &mut Client, model: Digest, text: &str) -> Reply {
    client.infer(model, Precision::Fp32, Task::Classify, &[text]).unwrap()
}

/// An engine with one thread, a model whose answer never comes, and an honest one.
fn with_endless_model(arguments: &[&str]) -> (Program, Digest, Digest) {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with(folder, &[&["--threads", "1"], arguments].concat());
    let endless = program.onnx_folder("endless", &hostile_model::endless(None));
    assert_eq!(program.client().load(&endless).unwrap(), Reply::Loaded);
    let endless = crm_ai_wire::Manifest::of_folder(&endless).unwrap().digest();
    let honest = program.load("bert_classifier");
    assert!(matches!(ask(&mut program.client(), honest, "a"), Reply::Scores(_)));
    (program, endless, honest)
}

fn assert_answers_promptly(program: &Program, model: Digest) {
    let mut client = program.client();
    for number in 0..20 {
        let began = Instant::now();
        let reply = ask(&mut client, model, &format!("text {number}"));
        assert!(matches!(reply, Reply::Scores(_)), "{reply:?}");
        assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    }
}

/// Whether the engine is at nothing: it spends no processor time.
fn assert_is_at_rest(program: &Program) {
    wait_until(|| {
        let before = program.processor_ticks();
        thread::sleep(Duration::from_millis(500));
        program.processor_ticks() <= before + 5
    });
}

#[test]
fn a_model_that_never_ends_is_ended_at_the_deadline_and_others_are_answered_meanwhile() {
    let (program, endless, honest) = with_endless_model(&[]);
    let mut client = program.client();
    let began = Instant::now();
    send(&mut client, endless, 1, 4000, &["for ever"]);
    assert_answers_promptly(&program, honest);
    assert_eq!(error_code(client.wait(1).unwrap()), ErrorCode::DeadlinePassed);
    assert!(began.elapsed() < Duration::from_secs(4) + PROMPT);
    assert_is_at_rest(&program);
}

#[test]
fn a_model_that_never_ends_is_ended_when_its_caller_cancels_or_leaves() {
    let (program, endless, honest) = with_endless_model(&[]);
    for leaves in [false, true] {
        let mut client = program.client();
        send(&mut client, endless, 1, 0, &["for ever"]);
        thread::sleep(Duration::from_millis(400));
        if leaves {
            drop(client);
        } else {
            client.send(&Request::Cancel, 1).unwrap();
        }
        assert_is_at_rest(&program);
        assert_answers_promptly(&program, honest);
    }
}

#[test]
fn a_model_that_never_ends_is_ended_at_the_limit_which_the_caller_is_told() {
    let (program, endless, honest) = with_endless_model(&["--run-limit", "600"]);
    let mut client = program.client();
    for _ in 0..3 {
        let Reply::Error(code, message) = ask(&mut client, endless, "for ever") else {
            panic!("an answer")
        };
        assert_eq!(code, ErrorCode::RunLimit);
        assert!(message.contains("crm_ai.run_limit (0.6 s)"), "{message}");
    }
    assert_is_at_rest(&program);
    assert_answers_promptly(&program, honest);
}

/// However many callers it has, with as many threads as may be and with more.
#[test]
fn many_calls_to_a_model_that_never_ends_hold_nobody_else() {
    let (program, endless, honest) = with_endless_model(&["--threads", "2"]);
    let mut clients: Vec<Client> = (0..12).map(|_| program.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        send(client, endless, 1, 0, &[&"for ever ".repeat(number + 1)]);
    }
    assert_answers_promptly(&program, honest);
    let frame = clients[11].read_frame().unwrap();
    assert_eq!(Reply::decode(&frame), Ok(Reply::Progress(0)));
    drop(clients);
    assert_is_at_rest(&program);
}

#[test]
fn who_shares_a_batch_with_a_text_without_end_is_answered_all_the_same() {
    let run_limit = Some(Duration::from_millis(700));
    let harness = Setup { run_limit, ..Setup::default() }.start();
    let mut held = harness.hold();
    let (mut guilty, mut innocent) = (harness.client(), harness.client());
    harness.send(&mut guilty, 1, 0, &["!loop 1", "fine 12"]);
    harness.send(&mut innocent, 1, 0, &["same 12", "same 34"]);
    wait_until(|| harness.stats().queue_rows == 5);
    harness.script.gate.open();
    assert_right(innocent.wait(1).unwrap(), &["same 12", "same 34"]);
    assert_eq!(error_code(guilty.wait(1).unwrap()), ErrorCode::RunLimit);
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_eq!((harness.stats().errors, harness.stats().queue_rows), (1, 0));
}

#[test]
fn a_run_whose_texts_nobody_waits_for_is_ended_and_not_before() {
    let harness = Setup::default().start();
    harness.script.obeys.store(true, Ordering::SeqCst);
    let mut held = harness.hold();
    let (mut one, mut other) = (harness.client(), harness.client());
    harness.send(&mut one, 1, 0, &["same 1"]);
    harness.send(&mut other, 1, 0, &["same 2"]);
    wait_until(|| harness.stats().queue_rows == 3);
    // The batch of both is at the gate, too.
    harness.script.gate.open();
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_right(one.wait(1).unwrap(), &["same 1"]);
    assert_right(other.wait(1).unwrap(), &["same 2"]);
    harness.script.gate.close();
    let arrived = harness.script.gate.arrived.load(Ordering::SeqCst);
    harness.send(&mut held, 2, 0, &["unwanted"]);
    wait_until(|| harness.script.gate.arrived.load(Ordering::SeqCst) > arrived);
    assert_eq!(harness.script.stopped.load(Ordering::SeqCst), 0);
    held.send(&Request::Cancel, 2).unwrap();
    wait_until(|| harness.script.stopped.load(Ordering::SeqCst) == 1);
}

/// Neither a long run nor a long load holds the only thread.
#[test]
fn what_takes_long_gives_its_seat_to_other_models() {
    let harness = Setup::default().start();
    assert_right(harness.ask(&mut harness.client(), &["text"]), &["text"]);
    let other = harness.add_model("2");
    let mut stuck = harness.client();
    harness.send(&mut stuck, 1, 0, &["!stuck"]);
    let began = Instant::now();
    for text in ["a", "b", "c"] {
        assert_right(ask(&mut harness.client(), other, text), &[text]);
    }
    assert!(began.elapsed() < PROMPT);
    let third = harness.add_model("3");
    harness.script.load_gate.close();
    let mut loading = harness.client();
    send(&mut loading, third, 1, 0, &["waits"]);
    wait_until(|| harness.script.loads.load(Ordering::SeqCst) == 3);
    assert_right(ask(&mut harness.client(), other, "d"), &["d"]);
    harness.script.load_gate.open();
    assert_right(loading.wait(1).unwrap(), &["waits"]);
    // The model itself goes on when it is done.
    let mut waiting = harness.client();
    harness.send(&mut waiting, 1, 0, &["behind"]);
    harness.script.released.store(true, Ordering::SeqCst);
    assert_right(stuck.wait(1).unwrap(), &["!stuck"]);
    assert_right(waiting.wait(1).unwrap(), &["behind"]);
}

#[test]
fn a_model_that_does_not_end_when_asked_is_asked_nothing_more_until_it_does() {
    let run_limit = Some(Duration::from_millis(200));
    let harness = Setup { run_limit, ..Setup::default() }.start();
    // One takes all processors, the next one the thread's own.
    let mut stuck = [harness.client(), harness.client()];
    for (number, client) in stuck.iter_mut().enumerate() {
        harness.send(client, 1, 0, &["!stuck"]);
        wait_until(|| harness.script.gate.arrived.load(Ordering::SeqCst) == number + 1);
    }
    let reply = harness.ask(&mut harness.client(), &["next"]);
    assert_eq!(error_code(reply), ErrorCode::RunLimit);
    assert_eq!(harness.script.gate.arrived.load(Ordering::SeqCst), 2);
    harness.script.released.store(true, Ordering::SeqCst);
    wait_until(|| {
        let reply = harness.ask(&mut harness.client(), &["next"]);
        matches!(reply, Reply::Scores(_))
    });
}

/// A tokenizer cannot be asked to end. Its caller is told all the same, and others go on.
#[test]
fn a_tokenizer_that_never_ends_holds_its_callers_no_longer_than_the_limit() {
    let run_limit = Some(Duration::from_millis(700));
    let harness = Setup { run_limit, ..Setup::default() }.start();
    let other = harness.add_model("2");
    assert_right(ask(&mut harness.client(), other, "text"), &["text"]);
    let mut stuck = harness.client();
    harness.send(&mut stuck, 1, 0, &["!endless"]);
    for text in ["a", "b", "c"] {
        assert_right(ask(&mut harness.client(), other, text), &[text]);
    }
    assert_eq!(error_code(stuck.wait(1).unwrap()), ErrorCode::RunLimit);
    let reply = harness.ask(&mut harness.client(), &["next"]);
    assert_eq!(error_code(reply), ErrorCode::RunLimit);
    harness.script.released.store(true, Ordering::SeqCst);
    wait_until(|| {
        let reply = harness.ask(&mut harness.client(), &["next"]);
        matches!(reply, Reply::Scores(_))
    });
}

/// One model may use all threads for as long as it likes, and each thread once.
#[test]
fn long_runs_of_one_model_take_all_threads_and_no_more() {
    let harness = Setup { threads: 2, ..Setup::default() }.start();
    harness.script.gate.close();
    let mut clients: Vec<Client> = (0..4).map(|_| harness.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        harness.send(client, 1, 0, &[&"t".repeat(300 + number)]);
    }
    let arrived = || harness.script.gate.arrived.load(Ordering::SeqCst);
    wait_until(|| arrived() == 2);
    thread::sleep(Duration::from_millis(700));
    assert_eq!(arrived(), 2);
    harness.script.gate.open();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_right(client.wait(1).unwrap(), &[&"t".repeat(300 + number)]);
    }
}
