//! A peer that breaks the protocol, does not read, or is one too many harms itself alone.

use crate::answers::Random;
use crate::support::*;
use crm_ai_engine::server::ServerOptions;
use crm_ai_wire::{Digest, ErrorCode, Frame, Precision, Reply, Request, Task, client::Client};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

/// Sends bytes and reads until the engine closes; what it said.
fn send_raw(harness: &Harness, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(&harness.socket).unwrap();
    let mut answer = Vec::new();
    // The engine may close before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn first_reply(bytes: &[u8]) -> (u64, Reply) {
    let mut reader = crm_ai_wire::FrameReader::default();
    reader.push(bytes);
    let frame = reader.next_frame().unwrap().unwrap();
    (frame.request_id, Reply::decode(&frame).unwrap())
}

#[test]
fn broken_frames_are_refused_and_their_connection_closed() {
    let harness = Setup::default().start();
    let mut bystander = harness.client();
    let target = (harness.model, Precision::Fp32, Task::Classify);
    let whole = Request::encode_infer(5, target, 0, &["some text"]).unwrap();
    let mut other_version = whole.clone();
    other_version[4] = 9;
    let mut no_utf8 = whole.clone();
    let last = no_utf8.len() - 1;
    no_utf8[last] = 0xff;
    let unknown_kind = Frame::encode(99, 5, b"").unwrap();
    for (bytes, id) in [(other_version, 0), (no_utf8, 5), (unknown_kind, 5)] {
        let (request_id, reply) = first_reply(&send_raw(&harness, &bytes));
        assert_eq!((request_id, error_code(reply)), (id, ErrorCode::Protocol));
    }
    assert_right(harness.ask(&mut bystander, &["fine"]), &["fine"]);
}

#[test]
fn an_id_in_use_cannot_be_used_again() {
    let harness = Setup::default().start();
    let mut held = harness.hold();
    harness.send(&mut held, 1, 0, &["again"]);
    assert_eq!(error_code(held.wait(1).unwrap()), ErrorCode::Protocol);
    assert!(held.read_frame().is_err());
    harness.script.gate.open();
    assert_right(harness.ask(&mut harness.client(), &["fine"]), &["fine"]);
}

#[test]
fn bent_bytes_close_their_connection_alone() {
    let harness = Setup::default().start();
    let mut bystander = harness.client();
    let target = (harness.model, Precision::Fp32, Task::Classify);
    let mut whole = Request::encode_infer(1, target, 0, &["one", "two"]).unwrap();
    for request in [Request::Stats, Request::Cancel, Request::Describe(Digest([3; 32]))] {
        whole.extend(request.encode(2).unwrap());
    }
    let mut random = Random(1);
    for round in 0..300 {
        let mut bent = whole.clone();
        for _ in 0..=random.below(8) {
            let position = random.below(bent.len());
            bent[position] = random.below(256) as u8;
        }
        bent.truncate(random.below(bent.len() + 1));
        send_raw(&harness, &bent);
        if round % 50 == 0 {
            assert_right(harness.ask(&mut bystander, &["fine"]), &["fine"]);
        }
    }
    assert_right(harness.ask(&mut bystander, &["fine"]), &["fine"]);
    wait_until(|| harness.stats().connections == 2);
    assert_eq!(harness.stats().queue_rows, 0);
}

#[test]
fn a_peer_that_does_not_read_is_dropped_and_others_are_served() {
    let server = ServerOptions { sink_bytes_max: 1 << 20, ..ServerOptions::default() };
    let harness = Setup { server, queue_rows: usize::MAX, ..Setup::default() }.start();
    let mut stream = UnixStream::connect(&harness.socket).unwrap();
    let texts = vec!["e"; 20_000];
    // Each answer takes 180 kB; never read, they pass any socket's buffer and the bound.
    for id in 0..30 {
        let target = (harness.model, Precision::Fp32, Task::Classify);
        if stream.write_all(&Request::encode_infer(id, target, 0, &texts).unwrap()).is_err() {
            break;
        }
    }
    wait_until(|| harness.stats().connections == 1);
    assert_right(harness.ask(&mut harness.client(), &["fine"]), &["fine"]);
}

#[test]
fn a_slow_reader_gets_all_of_a_large_answer() {
    let harness = Setup::default().start();
    let texts: Vec<String> = (0..200_000).map(|i| i.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut slow = harness.client();
    harness.send(&mut slow, 1, 0, &texts);
    wait_until(|| harness.stats().requests == 1);
    // Others are served while the answer waits for its reader.
    assert_right(harness.ask(&mut harness.client(), &["fine"]), &["fine"]);
    assert_right(slow.wait(1).unwrap(), &texts);
    assert_right(harness.ask(&mut slow, &["next"]), &["next"]);
}

/// One thread is always left for the sockets, for requests of many turns, too.
#[test]
fn peers_are_read_while_all_who_may_work_do() {
    for threads in [1, 3] {
        let harness = Setup { threads, ..Setup::default() }.start();
        harness.script.gate.close();
        let mut held: Vec<Client> = (0..threads).map(|_| harness.client()).collect();
        for (index, client) in held.iter_mut().enumerate() {
            harness.send(client, 1, 0, &["held"]);
            wait_until(|| harness.script.gate.arrived.load(Ordering::SeqCst) == index + 1);
        }
        let texts: Vec<String> = (0..3000).map(|i| format!("{i:01000}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (mut large, mut given_up) = (harness.client(), harness.client());
        harness.send(&mut large, 1, 0, &texts);
        harness.send(&mut given_up, 1, 0, &["given up"]);
        wait_until(|| harness.stats().queue_rows == (threads + 3001) as u64);
        drop(given_up);
        wait_until(|| harness.stats().abandoned == 1);
        harness.script.gate.open();
        for client in &mut held {
            assert_right(client.wait(1).unwrap(), &["held"]);
        }
        assert_right(large.wait(1).unwrap(), &texts);
    }
}

#[test]
fn one_connection_too_many_is_told_so() {
    let server = ServerOptions { connections_max: 3, ..ServerOptions::default() };
    let harness = Setup { server, ..Setup::default() }.start();
    let mut kept: Vec<Client> = (0..3).map(|_| harness.client()).collect();
    for client in &mut kept {
        assert_right(harness.ask(client, &["fine"]), &["fine"]);
    }
    let mut refused = harness.client();
    let frame = refused.read_frame().unwrap();
    assert_eq!(error_code(Reply::decode(&frame).unwrap()), ErrorCode::QueueFull);
    assert!(refused.read_frame().is_err());
    drop(kept.pop());
    // Its place is free once the engine has seen it leave.
    wait_until(|| {
        let reply = harness.client().infer(harness.model, Precision::Fp32, Task::Classify, &["a"]);
        matches!(reply, Ok(Reply::Scores(_)))
    });
    assert_right(harness.ask(&mut kept[0], &["fine"]), &["fine"]);
}
