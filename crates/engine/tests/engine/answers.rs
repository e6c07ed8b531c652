//! Answers are right, in order, and never another request's.

use crate::support::*;
use crm_ai_wire::{Precision, Reply, Request, Task};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

#[test]
fn answers_come_in_the_order_of_the_texts() {
    let harness = Setup { threads: 2, ..Setup::default() }.start();
    let texts: Vec<String> =
        (0..300).map(|i| format!("{i} {}", "x".repeat(i * 37 % 400))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut client = harness.client();
    assert_right(harness.ask(&mut client, &texts), &texts);
    let stats = harness.stats();
    assert_eq!((stats.requests, stats.rows, stats.queue_rows), (1, 300, 0));
    assert_eq!((stats.models[0].requests, stats.models[0].rows), (1, 300));
    assert!(stats.batches < 300);
}

#[test]
fn equal_texts_are_judged_once_and_all_answered() {
    let harness = Setup::default().start();
    let long = "long".repeat(2000);
    let texts = ["a", "b", "a", &long, "a", "b", &long];
    let reply = scores(harness.ask(&mut harness.client(), &texts));
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(reply.rows.row(index), expected(&text[..text.len().min(4096)]));
    }
    assert_eq!(reply.rows.truncated, [false, false, false, true, false, false, true]);
    let batches = harness.script.batches.lock().unwrap().concat();
    assert_eq!(batches.len(), 3, "{batches:?}");
    assert_eq!((harness.stats().rows, harness.stats().truncated), (7, 2));
}

/// Of a text that is longer than the model reads only a beginning is kept, and the answer tells
/// that it was cut as ever.
#[test]
fn long_texts_are_cut_before_they_wait() {
    let harness = Setup::default().start();
    let mut client = harness.client();
    let long = "long".repeat(50_000);
    let first = scores(harness.ask(&mut client, &[&long, "short"]));
    let again = scores(harness.ask(&mut client, &[&long, "short"]));
    assert_eq!(
        (&again.rows.numbers, &again.rows.truncated),
        (&first.rows.numbers, &vec![true, false])
    );
    assert_eq!(harness.script.longest.load(Ordering::SeqCst), 4097);
    // The model is loaded: a queue that holds 256 MiB takes twice as much of such texts.
    let mut held = harness.hold();
    let megabyte = "m".repeat(1 << 20);
    let megabytes: Vec<String> = (0..50).map(|index| format!("{index} {megabyte}")).collect();
    let texts: Vec<&str> = megabytes.iter().map(String::as_str).collect();
    let mut clients: Vec<_> = (0..10).map(|_| harness.client()).collect();
    for client in &mut clients {
        harness.send(client, 1, 0, &texts);
    }
    wait_until(|| harness.stats().queue_rows == 501);
    harness.script.gate.open();
    for client in &mut clients {
        assert_eq!(scores(client.wait(1).unwrap()).rows.len(), 50);
    }
    assert_right(held.wait(1).unwrap(), &["held"]);
    assert_eq!(harness.stats().rejected, 0);
}

#[test]
fn what_was_judged_is_known_to_later_requests() {
    let harness = Setup { cache_bytes: 1 << 20, ..Setup::default() }.start();
    let mut client = harness.client();
    let long = "long".repeat(2000);
    let first = scores(harness.ask(&mut client, &["a", "b", &long]));
    assert_eq!(first.timings.cached_rows, 0);
    let again = scores(harness.ask(&mut harness.client(), &["b", &long, "c", "b"]));
    assert_eq!(again.timings.cached_rows, 2);
    assert_eq!(again.rows.row(0), expected("b"));
    assert_eq!(again.rows.row(3), expected("b"));
    assert_eq!(again.rows.row(2), expected("c"));
    assert_eq!((again.rows.row(1), again.rows.truncated[1]), (first.rows.row(2), true));
    let single = scores(harness.ask(&mut client, &["a"]));
    assert_eq!((single.rows.row(0), single.timings.cached_rows), (&expected("a")[..], 1));
    // The other precision is another model.
    let reply = client.infer(harness.model, Precision::Int8, Task::Classify, &["a"]).unwrap();
    assert_eq!(scores(reply).timings.cached_rows, 0);
    let stats = harness.stats();
    assert_eq!((stats.rows, stats.cached), (9, 3));
    assert!(stats.cache_bytes > 0);
}

#[test]
fn a_request_without_texts_has_an_empty_answer() {
    let harness = Setup::default().start();
    assert!(scores(harness.ask(&mut harness.client(), &[])).rows.is_empty());
}

#[test]
fn a_model_that_cannot_do_the_task_says_so() {
    let harness = Setup::default().start();
    let mut client = harness.client();
    for _ in 0..2 {
        // Before the model is loaded, and after.
        let reply = client.infer(harness.model, Precision::Fp32, Task::Embed, &["a"]).unwrap();
        assert_eq!(error_code(reply), crm_ai_wire::ErrorCode::WrongTask);
    }
    assert_right(harness.ask(&mut client, &["a"]), &["a"]);
}

/// A small generator (Knuth's MMIX constants), so that a failing run can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn answers_are_never_crossed_among_fifty_clients_that_cancel() {
    let harness = Arc::new(Setup { threads: 3, ..Setup::default() }.start());
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let harness = Arc::clone(&harness);
            thread::spawn(move || ask_and_cancel(&harness, number))
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    wait_until(|| harness.stats().queue_rows == 0);
}

fn ask_and_cancel(harness: &Harness, number: u64) {
    let mut random = Random(number);
    let mut client = harness.client();
    for round in 0..30_u64 {
        let count = if random.below(4) == 0 { random.below(60) } else { 1 };
        let texts: Vec<String> = (0..count)
            .map(|i| format!("{number} {round} {i} {}", "y".repeat(random.below(90))))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let id = 1000 + round;
        harness.send(&mut client, id, 0, &texts);
        match random.below(10) {
            // A late answer must not be taken for that to the next request.
            0 | 1 => client.send(&Request::Cancel, id).unwrap(),
            2 => client = harness.client(),
            _ => {
                let reply = client.wait(id).unwrap();
                assert!(matches!(reply, Reply::Scores(_)), "{reply:?}");
                assert_right(reply, &texts);
            }
        }
    }
}
