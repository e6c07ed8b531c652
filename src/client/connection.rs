//! One connection to the engine: made when there is an engine, kept in step however a wait ends.

use super::{Gone, RequestFailure, engine_gone, start};
use crate::error::Error;
use crate::pg::socket::{Interest, Socket, Woken};
use crate::pg::{latch, memory, paths};
use crate::settings;
use crm_ai_wire::{FrameReader, ProtocolError, Reply, Request};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// Longest wait of a call for an engine that is starting.
const START_WAIT: Duration = Duration::from_secs(10);
/// Longest wait while no background worker is free to start it.
const SLOT_WAIT: Duration = Duration::from_secs(3);

thread_local! {
    static NEXT_SERIAL: Cell<u64> = const { Cell::new(1) };
}

/// Reason why a connection gave no reply.
pub enum Broken {
    /// It is of no further use.
    Gone(String),
    /// It stays; the request has failed.
    Error(Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<String> for Broken {
    fn from(why: String) -> Self {
        Self::Gone(why)
    }
}

impl Broken {
    /// The same with the connection named that broke.
    pub fn into_failure(self, connection: u64, engine: Option<i32>) -> RequestFailure {
        match self {
            Self::Gone(why) => RequestFailure::Gone(Gone { why, connection, engine }),
            Self::Error(error) => RequestFailure::Error(error),
        }
    }
}

/// One connection.
pub struct Connection {
    /// Tells it from earlier ones of this backend.
    serial: u64,
    /// Process id of the engine at its other end.
    engine: Option<i32>,
    socket: Socket,
    reader: FrameReader,
    /// Replies awaited, by request id; `None` until they come. Others are dropped.
    awaited: BTreeMap<u64, Option<Reply>>,
    /// A frame is partly written, or what came was no frame: of no further use.
    out_of_step: bool,
    /// Time of the engine's last message.
    heard: Instant,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects to an engine that is there.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::connect(paths::SOCKET)?;
        Ok(Self {
            serial: NEXT_SERIAL.replace(NEXT_SERIAL.get() + 1),
            engine: socket.peer(),
            socket,
            reader: FrameReader::default(),
            awaited: BTreeMap::new(),
            out_of_step: false,
            heard: Instant::now(),
            buffer: vec![0; 64 << 10].into(),
        })
    }

    /// Connects, starting the supervisor and waiting for the engine when it is not there yet.
    pub fn establish() -> std::result::Result<Self, RequestFailure> {
        let began = Instant::now();
        let mut asked: Option<Instant> = None;
        let mut has_slot = true;
        loop {
            let error = match Self::open() {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            check_installation()?;
            // Asked for anew each second: the supervisor that was starting may have failed.
            if asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(1)) {
                has_slot = start::ensure_running();
                asked = Some(Instant::now());
            }
            // Others that race to start it may hold the slots for a moment.
            let limit = if has_slot { START_WAIT } else { SLOT_WAIT };
            if began.elapsed() > limit {
                let gone = || engine_gone(&error.to_string());
                return Err(RequestFailure::Error(if has_slot {
                    gone()
                } else {
                    no_worker_slot()
                }));
            }
            latch::sleep(20, None);
        }
    }

    /// Number of this backend's connection.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Process id of the engine.
    pub fn engine(&self) -> Option<i32> {
        self.engine
    }

    /// Notes that the reply to the request of this frame is awaited; gives its id back.
    pub fn expect_reply(&mut self, frame: &[u8]) -> u64 {
        let mut id = [0; 8];
        id.copy_from_slice(&frame[8..16]);
        let id = u64::from_le_bytes(id);
        self.awaited.insert(id, None);
        id
    }

    /// Sends a frame.
    pub fn send(&mut self, frame: &[u8]) -> std::result::Result<(), Broken> {
        self.heard = Instant::now();
        let mut sent = 0;
        while sent < frame.len() {
            match self.socket.write(&frame[sent..]) {
                Ok(0) => return Err(closed()),
                Ok(count) => {
                    sent += count;
                    self.out_of_step = sent < frame.len();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Read meanwhile, so that neither side waits for the other to read.
                    self.wait_socket(Interest::ReadWrite)?;
                    self.read_replies()?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits for the reply to a request that was sent, however long ago.
    pub fn wait(&mut self, id: u64) -> std::result::Result<Reply, Broken> {
        self.heard = Instant::now();
        loop {
            if let Some(reply) = self.arrived(id)? {
                return Ok(reply);
            }
            self.wait_socket(Interest::Read)?;
        }
    }

    /// The same with a limit of its own in place of `crm_ai.timeout`: `None` after it.
    pub fn wait_at_most(
        &mut self,
        id: u64,
        limit: Duration,
    ) -> std::result::Result<Option<Reply>, Broken> {
        let until = Instant::now() + limit;
        loop {
            let arrived = self.arrived(id)?;
            let left = until.saturating_duration_since(Instant::now());
            if arrived.is_some() || left.is_zero() {
                return Ok(arrived);
            }
            self.socket.wait(Interest::Read, Some(left.as_millis().max(1) as u64));
        }
    }

    /// Reads what is there; gives the reply to `id` if it is among that.
    fn arrived(&mut self, id: u64) -> std::result::Result<Option<Reply>, Broken> {
        self.read_replies()?;
        match self.awaited.get(&id) {
            Some(Some(_)) => Ok(self.awaited.remove(&id).flatten()),
            _ => Ok(None),
        }
    }

    /// Waits for the socket; fails when the engine has been silent for `crm_ai.timeout`.
    fn wait_socket(&mut self, interest: Interest) -> std::result::Result<(), Broken> {
        let timeout_ms = settings::timeout_ms();
        let left_ms = timeout_ms.map(|limit| {
            limit.saturating_sub(u64::try_from(self.heard.elapsed().as_millis()).unwrap_or(limit))
        });
        match (self.socket.wait(interest, left_ms), timeout_ms) {
            (Woken::TimedOut, Some(limit)) => Err(Broken::Error(Error::timed_out(limit))),
            _ => Ok(()),
        }
    }

    /// Takes what has arrived and files the replies that are awaited.
    fn read_replies(&mut self) -> std::result::Result<(), Broken> {
        loop {
            // Before it is read, so that the stream stays in step: a whole frame is held as it
            // came, once more while the buffer grows, as its payload and as the reply.
            let bytes = self.reader.pending_bytes() + self.buffer.len();
            memory::check_room(4 * bytes, "the engine's answer").map_err(Broken::Error)?;
            match self.socket.read(&mut self.buffer) {
                Ok(0) => return Err(closed()),
                Ok(count) => self.reader.push(&self.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            self.heard = Instant::now();
            self.file_replies().map_err(|error| {
                self.out_of_step = true;
                Broken::Error(error.into())
            })?;
        }
    }

    fn file_replies(&mut self) -> std::result::Result<(), ProtocolError> {
        while let Some(frame) = self.reader.next_frame()? {
            if let Some(slot) = self.awaited.get_mut(&frame.request_id) {
                match Reply::decode(&frame)? {
                    Reply::Progress(_) => {}
                    reply => *slot = Some(reply),
                }
            }
        }
        Ok(())
    }

    /// Awaits a request's reply no longer, and cancels the request unless the reply is there.
    /// `false`: the stream is out of step and must be closed.
    pub fn abandon(&mut self, id: u64) -> bool {
        if !matches!(self.awaited.remove(&id), Some(None)) {
            return !self.out_of_step;
        }
        let Ok(frame) = Request::Cancel.encode(id) else { return false };
        !self.out_of_step && matches!(self.socket.write(&frame), Ok(n) if n == frame.len())
    }
}

fn closed() -> Broken {
    Broken::Gone("it closed the connection".into())
}

/// Tells a missing program or library apart from an engine that is merely starting.
fn check_installation() -> std::result::Result<(), RequestFailure> {
    for (what, path) in [
        ("program", settings::engine_path()),
        ("runtime library", crate::pg::paths::library_file("libonnxruntime.so")),
    ] {
        if !std::path::Path::new(&path).exists() {
            let message = format!("the model engine's {what} is not installed");
            return Err(RequestFailure::Error(Error::engine_gone(message).hint(
                "install the package's files anew; crm_ai.engine_path names the program when it \
                 lies elsewhere",
            )));
        }
    }
    Ok(())
}

fn no_worker_slot() -> Error {
    Error::engine_gone("no background worker is free to start the model engine")
        .hint("raise max_worker_processes, or add crm_ai to shared_preload_libraries, and restart")
}
