//! The way back to a peer: replies go straight to the socket from the thread that has them.
//!
//! What a slow peer does not take at once is kept, up to a bound, and [`server`](crate::server)
//! sends it when the socket takes more. A peer that lets more pile up is dropped.

use crate::log;
use crate::poll::Poll;
use crm_ai_wire::{Reply, Request};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes the replies to one peer, from any thread, without waiting for the peer.
pub trait ReplySink: Send + Sync {
    /// Sends a reply; nothing happens when the peer is gone.
    fn send(&self, request_id: u64, reply: &Reply);
}

/// The sending side of one connection.
pub struct SocketOutlet {
    stream: Arc<UnixStream>,
    poll: Arc<Poll>,
    /// The connection's id in the poll.
    id: u64,
    /// Most bytes that may wait for the peer.
    bytes_max: usize,
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Bytes at the front that were sent already.
    sent: usize,
    closed: bool,
    /// True if the poll tells when the socket takes more.
    watched: bool,
}

impl SocketOutlet {
    /// A reply sink into a non-blocking `stream` that the poll watches under `id`.
    pub fn new(stream: Arc<UnixStream>, poll: Arc<Poll>, id: u64, bytes_max: usize) -> Self {
        Self { stream, poll, id, bytes_max, state: Mutex::default() }
    }

    /// Sends what waits, as far as the socket takes it.
    pub fn flush(&self) {
        let mut waiting = self.lock();
        if !waiting.bytes.is_empty() {
            self.advance(&mut waiting);
        }
    }

    /// Gives the connection up: what waits is thrown away, later replies are dropped.
    pub fn close(&self) {
        let mut waiting = self.lock();
        self.shut(&mut waiting);
    }

    /// Bytes that wait for the peer.
    pub fn waiting_bytes(&self) -> usize {
        let waiting = self.lock();
        waiting.bytes.len() - waiting.sent
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, frame: &[u8]) {
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        let mut rest = frame;
        if waiting.bytes.is_empty() {
            match write_some(&self.stream, &mut rest) {
                Ok(()) if rest.is_empty() => return,
                Ok(()) => {}
                Err(_) => return self.shut(&mut waiting),
            }
        }
        if waiting.bytes.len() - waiting.sent + rest.len() > self.bytes_max {
            log::warning("a peer does not read its answers; its connection is closed");
            return self.shut(&mut waiting);
        }
        waiting.bytes.extend_from_slice(rest);
        self.watch(&mut waiting, true);
    }

    fn advance(&self, waiting: &mut Waiting) {
        let mut rest = &waiting.bytes[waiting.sent..];
        let before = rest.len();
        let outcome = write_some(&self.stream, &mut rest);
        let (left, written) = (rest.len(), before - rest.len());
        waiting.sent += written;
        if outcome.is_err() {
            self.shut(waiting);
        } else if left == 0 {
            // A fresh buffer: one huge answer must not pin its size.
            waiting.bytes = Vec::new();
            waiting.sent = 0;
            self.watch(waiting, false);
        } else if waiting.sent > waiting.bytes.len() / 2 {
            waiting.bytes.drain(..waiting.sent);
            waiting.sent = 0;
        }
    }

    /// Asks the poll to tell, or no longer to tell, when the socket takes more. It is not told all
    /// the time: a peer that reads an answer would wake a thread for nothing.
    fn watch(&self, waiting: &mut Waiting, writable: bool) {
        if waiting.watched == writable {
            return;
        }
        waiting.watched = writable;
        if self.poll.watch_room(&*self.stream, self.id, writable).is_err() {
            self.shut(waiting);
        }
    }

    fn shut(&self, waiting: &mut Waiting) {
        waiting.closed = true;
        waiting.bytes = Vec::new();
        waiting.sent = 0;
        // Whoever then reads the end of the stream cleans up.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl ReplySink for SocketOutlet {
    fn send(&self, request_id: u64, reply: &Reply) {
        self.push(&encode(request_id, reply));
    }
}

/// The frame of a reply; of an error where the reply does not fit a frame.
fn encode(request_id: u64, reply: &Reply) -> Vec<u8> {
    let too_long = |_| {
        let message = "the answer does not fit one frame: ask for fewer texts at once";
        Reply::Error(crm_ai_wire::ErrorCode::Internal, message.to_owned()).encode(request_id)
    };
    reply.encode(request_id).or_else(too_long).unwrap_or_default()
}

/// Bytes of an answer beside its numbers and labels.
const ANSWER_OVERHEAD_BYTES: usize = 64;

/// True if an answer of `rows` times `width` numbers fits one frame.
pub fn fits_frame(rows: usize, width: usize, labels: &[String]) -> bool {
    let labels: usize = labels.iter().map(|label| label.len() + Request::TEXT_OVERHEAD_BYTES).sum();
    let numbers = rows.saturating_mul(width.saturating_mul(4).saturating_add(1));
    numbers.saturating_add(labels + ANSWER_OVERHEAD_BYTES) <= crm_ai_wire::FRAME_BYTES_MAX
}

/// Writes until all is written or the socket takes no more; `rest` is what is left.
fn write_some(mut stream: &UnixStream, rest: &mut &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
