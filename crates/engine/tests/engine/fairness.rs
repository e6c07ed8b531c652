//! Small requests do not wait behind large ones; batches hold texts of similar length.

use crate::support::*;
use crm_ai_infer::WorkerSlot;

#[test]
fn a_single_text_overtakes_the_tail_of_a_large_request() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    let (mut large, mut small) = (harness.client(), harness.client());
    let texts: Vec<String> = (0..5000).map(|i| format!("{i:010}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    harness.send(&mut large, 1, 0, &texts);
    // In the queue, not only on its way.
    wait_until(|| harness.stats().queue_rows > 5000);
    let single = "s".repeat(100);
    harness.send(&mut small, 1, 0, &[&single]);
    wait_until(|| harness.stats().queue_rows > 5001);
    harness.script.gate.open();
    assert_right(small.wait(1).unwrap(), &[&single]);
    assert_right(large.wait(1).unwrap(), &texts);
    assert_right(held.wait(1).unwrap(), &["held"]);
    let batches = harness.script.batches.lock().unwrap();
    let place = batches.iter().position(|batch| batch.contains(&100)).unwrap();
    assert!(place + 1 < batches.len(), "{place} of {}", batches.len());
}

#[test]
fn batches_over_all_connections_keep_their_budget_and_hold_similar_lengths() {
    let harness = Setup { padded_tokens: 256, ..Setup::default() }.start();
    let mut held = harness.hold();
    let mut clients: Vec<_> = (0..40).map(|_| harness.client()).collect();
    let texts: Vec<String> =
        (0..40).map(|i| "z".repeat(if i % 2 == 0 { 10 } else { 100 })).collect();
    for (client, text) in clients.iter_mut().zip(&texts) {
        harness.send(client, 1, 0, &[text]);
    }
    wait_until(|| harness.stats().queue_rows == 41);
    harness.script.gate.open();
    for (client, text) in clients.iter_mut().zip(&texts) {
        assert_right(client.wait(1).unwrap(), &[text]);
    }
    assert_right(held.wait(1).unwrap(), &["held"]);
    let batches = harness.script.batches.lock().unwrap();
    for batch in batches.iter() {
        let longest = *batch.iter().max().unwrap();
        assert!(batch.len() * longest <= 256, "{batch:?}");
        assert!(batch.iter().all(|length| *length == longest), "{batch:?}");
    }
    // Forty requests, and far fewer runs: 25 short texts or 2 long ones fit a batch.
    assert!(batches.len() <= 1 + 2 + 20, "{batches:?}");
}

#[test]
fn one_text_beyond_the_budget_runs_alone() {
    let harness = Setup { padded_tokens: 64, ..Setup::default() }.start();
    let (a, b) = ("a".repeat(1000), "b".repeat(1000));
    let texts = [a.as_str(), b.as_str()];
    assert_right(harness.ask(&mut harness.client(), &texts), &texts);
    assert_eq!(*harness.script.batches.lock().unwrap(), [[1000], [1000]]);
}

/// A text that comes alone may use all processors; while one runs, the next keeps to its own.
#[test]
fn only_a_text_without_company_takes_all_processors() {
    let harness = Setup { threads: 2, ..Setup::default() }.start();
    // Until the other worker is at rest, nobody is alone.
    let mut first = loop {
        let mut held = harness.hold();
        if *harness.script.worker_slots.lock().unwrap() == [WorkerSlot::Alone] {
            break held;
        }
        harness.script.gate.open();
        assert_right(held.wait(1).unwrap(), &["held"]);
        harness.script.worker_slots.lock().unwrap().clear();
    };
    let mut second = harness.client();
    harness.send(&mut second, 1, 0, &["second"]);
    wait_until(|| harness.script.worker_slots.lock().unwrap().len() == 2);
    harness.script.gate.open();
    assert_right(first.wait(1).unwrap(), &["held"]);
    assert_right(second.wait(1).unwrap(), &["second"]);
    let worker_slots = harness.script.worker_slots.lock().unwrap();
    assert!(
        matches!(worker_slots[..], [WorkerSlot::Alone, WorkerSlot::Worker(_)]),
        "{worker_slots:?}"
    );
}
