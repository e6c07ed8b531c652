//! Heartbeat of the engine. Each question of the supervisor has a connection of its own, made by
//! the socket's path: a path that leads nowhere, or to another process, shows in the answer.

use crate::pg::paths::SOCKET;
use crate::pg::socket::Socket;
use crate::pg::worker::{self, must_stop};
use crm_ai_wire::{Databases, FrameReader, ProtocolError, Reply, Request};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Time for an answer. A ping is answered at once, however busy the engine is.
const LIMIT: Duration = Duration::from_secs(5);

/// Fails unless the engine at the other end of the socket answers that it makes progress.
pub fn ping(engine: u32) -> io::Result<()> {
    match ask(engine, Request::Ping.encode(1)) {
        Ok(_) => Ok(()),
        // The limit of connections is reached: whoever accepts and closes is alive.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the engine forget the cached artifacts that only other databases than these have sent.
pub fn sweep(engine: u32, databases: &[u32]) -> io::Result<()> {
    ask(engine, Databases::encode_sweep(1, databases)).map(drop)
}

fn ask(engine: u32, frame: Result<Vec<u8>, ProtocolError>) -> io::Result<Reply> {
    let mut socket = Socket::connect(SOCKET)?;
    if socket.peer() != i32::try_from(engine).ok() {
        return Err(io::Error::other("another process listens on its socket"));
    }
    let frame = frame.map_err(io::Error::other)?;
    if socket.write(&frame)? != frame.len() {
        return Err(ErrorKind::WriteZero.into());
    }
    receive(&mut socket)
}

/// The first reply that comes within the limit.
fn receive(socket: &mut Socket) -> io::Result<Reply> {
    let until = Instant::now() + LIMIT;
    let mut reader = FrameReader::default();
    let mut buffer = [0; 256];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => reader.push(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() || must_stop() {
                    return Err(ErrorKind::TimedOut.into());
                }
                worker::sleep_until_readable(left.as_millis().max(1) as u64, Some(socket.fd()));
            }
            Err(error) => return Err(error),
        }
        if let Some(frame) = reader.next_frame().map_err(io::Error::other)? {
            return Reply::decode(&frame).map_err(io::Error::other);
        }
    }
}
