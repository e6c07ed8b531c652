//! One peer: what it sends, cut into frames, and the way back.

use crate::files::Backlog;
use crate::reply_sink::SocketOutlet;
use crm_ai_wire::{Frame, FrameReader, ProtocolError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Bytes that one peer may send before the others have their turn.
const TURN_BYTES: usize = 1 << 20;

/// Reason why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// There is no more for now; the poll tells when.
    Drained,
    /// The peer had its turn and may have sent more.
    Turn,
    /// The peer closed, or the connection broke.
    Closed,
}

/// The receiving side of one connection.
pub(crate) struct Connection {
    pub stream: Arc<UnixStream>,
    pub sink: Arc<SocketOutlet>,
    /// Bytes of its uploads that wait for the disk.
    pub backlog: Arc<Backlog>,
    /// True if it ever sent an artifact.
    pub uploads: bool,
    reader: FrameReader,
}

impl Connection {
    pub fn new(stream: Arc<UnixStream>, sink: Arc<SocketOutlet>) -> Self {
        Self {
            stream,
            sink,
            backlog: Arc::default(),
            uploads: false,
            reader: FrameReader::default(),
        }
    }

    /// Reads what is there, up to a turn's length. A read that does not fill the buffer has
    /// drained the socket, so that the read that would only say so is saved; with `to_end` it is
    /// made all the same, to see the stream's end.
    pub fn receive(&mut self, buffer: &mut [u8], to_end: bool) -> Pause {
        let mut received = 0;
        while received < TURN_BYTES {
            match (&*self.stream).read(buffer) {
                Ok(0) => return Pause::Closed,
                Ok(count) => {
                    self.reader.push(&buffer[..count]);
                    received += count;
                    if count < buffer.len() && !to_end {
                        return Pause::Drained;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Pause::Drained,
                Err(_) => return Pause::Closed,
            }
        }
        Pause::Turn
    }

    /// The next whole frame. Without one, a drained buffer is given back: hundreds of idle
    /// connections must cost next to nothing.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let frame = self.reader.next_frame()?;
        if frame.is_none() && self.reader.pending_bytes() == 0 {
            self.reader = FrameReader::default();
        }
        Ok(frame)
    }
}

/// True if the process at the other end runs as the same user.
pub(crate) fn is_own_user(stream: &UnixStream) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(peer.uid == rustix::process::geteuid())
}
