//! What goes wrong with one request is that request's alone.

use crate::support::*;
use crm_ai_wire::{ErrorCode, Reply, Request};
use std::sync::atomic::Ordering;

#[test]
fn a_spoilt_batch_fails_the_guilty_request_alone() {
    let cases = [
        ("!panic", ErrorCode::Internal),
        ("!fail", ErrorCode::OutOfMemory),
        ("!nan", ErrorCode::Internal),
        ("!tokeniser", ErrorCode::Internal),
    ];
    let harness = Setup::default().start();
    for (text, code) in cases {
        let mut held = harness.hold();
        let (mut guilty, mut innocent) = (harness.client(), harness.client());
        harness.send(&mut guilty, 1, 0, &["fine!!", text]);
        harness.send(&mut innocent, 1, 0, &["same 1", "same 2"]);
        wait_until(|| harness.stats().queue_rows == 5);
        harness.script.gate.open();
        assert_eq!(error_code(guilty.wait(1).unwrap()), code, "{text}");
        assert_right(innocent.wait(1).unwrap(), &["same 1", "same 2"]);
        assert_right(held.wait(1).unwrap(), &["held"]);
        // The same connection goes on.
        assert_right(harness.ask(&mut guilty, &["next"]), &["next"]);
    }
    let stats = harness.stats();
    assert_eq!((stats.errors, stats.queue_rows), (4, 0));
}

#[test]
fn what_is_cancelled_is_not_run() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    let mut client = harness.client();
    harness.send(&mut client, 7, 0, &["unwanted long text"]);
    wait_until(|| harness.stats().queue_rows == 2);
    client.send(&Request::Cancel, 7).unwrap();
    wait_until(|| harness.stats().queue_rows == 1);
    // The id is free again, and the answer is that to the later request.
    harness.send(&mut client, 7, 0, &["wanted"]);
    wait_until(|| harness.stats().queue_rows == 2);
    harness.script.gate.open();
    assert_right(client.wait(7).unwrap(), &["wanted"]);
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_eq!(*harness.script.batches.lock().unwrap(), [[4], [6]]);
    assert_eq!(harness.stats().abandoned, 1);
}

#[test]
fn what_is_cancelled_while_it_runs_is_not_answered() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    held.send(&Request::Cancel, 1).unwrap();
    wait_until(|| harness.stats().queue_rows == 0);
    harness.send(&mut held, 2, 0, &["later"]);
    harness.script.gate.open();
    let frame = held.read_frame().unwrap();
    assert_eq!(frame.request_id, 2);
    assert_right(Reply::decode(&frame).unwrap(), &["later"]);
}

#[test]
fn texts_of_a_peer_that_left_are_dropped() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    let mut client = harness.client();
    let texts: Vec<String> = (0..100).map(|i| format!("gone {i}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    harness.send(&mut client, 1, 0, &texts);
    wait_until(|| harness.stats().queue_rows == 101);
    drop(client);
    wait_until(|| harness.stats().queue_rows == 1);
    harness.script.gate.open();
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_eq!(harness.stats().rows, 1);
    assert_eq!(harness.stats().abandoned, 1);
}

#[test]
fn a_deadline_is_answered_even_while_all_workers_are_busy() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    let mut client = harness.client();
    harness.send(&mut client, 1, 20, &["late"]);
    assert_eq!(error_code(client.wait(1).unwrap()), ErrorCode::DeadlinePassed);
    harness.script.gate.open();
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_eq!(harness.script.batches.lock().unwrap().len(), 1);
}

#[test]
fn a_full_queue_refuses_at_once_and_small_requests_have_room_of_their_own() {
    let harness = Setup { queue_rows: 100, ..Setup::default() }.start();
    let mut held = harness.hold();
    let many: Vec<String> = (0..90).map(|i| format!("row {i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (mut first, mut second, mut small) = (harness.client(), harness.client(), harness.client());
    harness.send(&mut first, 1, 0, &many);
    wait_until(|| harness.stats().queue_rows == 91);
    assert_eq!(error_code(harness.ask(&mut second, &many)), ErrorCode::QueueFull);
    harness.send(&mut small, 1, 0, &["small"]);
    wait_until(|| harness.stats().queue_rows == 92);
    harness.script.gate.open();
    assert_right(first.wait(1).unwrap(), &many);
    assert_right(small.wait(1).unwrap(), &["small"]);
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_right(harness.ask(&mut second, &many), &many);
    assert_eq!(harness.stats().rejected, 1);
}

#[test]
fn a_long_request_is_told_how_far_it_is() {
    let harness = Setup { padded_tokens: 4, ..Setup::default() }.start();
    let mut client = harness.hold();
    let frame = client.read_frame().unwrap();
    assert_eq!(Reply::decode(&frame), Ok(Reply::Progress(0)));
    assert_eq!(frame.request_id, 1);
    harness.script.gate.open();
    assert_right(client.wait(1).unwrap(), &["held"]);
    assert_eq!(harness.script.loads.load(Ordering::SeqCst), 1);
}
