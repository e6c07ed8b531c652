//! One connection to the engine: made when there is an engine, kept in step however a wait ends.

use super::{ENGINE, Failure, Gone, engine_gone};
use crate::error::Error;
use crate::pg::latch;
use crate::pg::socket::{Interest, Socket, Woken};
use crate::settings;
use crate::worker::supervisor;
use crm_ai_wire::{FrameReader, ProtocolError, Reply, Request};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// How long a call waits for an engine that is starting.
const START_WAIT: Duration = Duration::from_secs(10);
/// How long it waits while no background worker is free to start it.
const SLOT_WAIT: Duration = Duration::from_secs(3);

/// One connection.
pub struct Connection {
    socket: Socket,
    reader: FrameReader,
    /// Replies awaited, by request id; `None` until they come. Others are dropped.
    awaited: BTreeMap<u64, Option<Reply>>,
    /// A frame is partly written, or what came was no frame: of no further use.
    out_of_step: bool,
    /// When the engine was last heard of.
    heard: Instant,
    buffer: Box<[u8]>,
}

impl Connection {
    /// Connects to an engine that is there.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::connect(supervisor::SOCKET)?;
        ENGINE.set(socket.peer());
        Ok(Self {
            socket,
            reader: FrameReader::default(),
            awaited: BTreeMap::new(),
            out_of_step: false,
            heard: Instant::now(),
            buffer: vec![0; 64 << 10].into(),
        })
    }

    /// Connects, starting the supervisor and waiting for the engine when it is not there yet.
    pub fn establish() -> std::result::Result<Self, Failure> {
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
                has_slot = supervisor::ensure_running();
                asked = Some(Instant::now());
            }
            // Others that race to start it may hold the slots for a moment.
            let limit = if has_slot { START_WAIT } else { SLOT_WAIT };
            if began.elapsed() > limit {
                let error = if has_slot { engine_gone(&error.into()) } else { no_worker_slot() };
                return Err(Failure::Error(error));
            }
            latch::sleep(20, None);
        }
    }

    /// Sends a frame and notes that its reply is awaited; gives its id back.
    pub fn send(&mut self, frame: &[u8]) -> std::result::Result<u64, Failure> {
        let mut id = [0; 8];
        id.copy_from_slice(&frame[8..16]);
        let id = u64::from_le_bytes(id);
        self.awaited.entry(id).or_insert(None);
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
                Err(error) => return Err(Failure::Gone(error.into())),
            }
        }
        Ok(id)
    }

    /// Waits for the reply to a request that was sent.
    pub fn wait(&mut self, id: u64) -> std::result::Result<Reply, Failure> {
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
    ) -> std::result::Result<Option<Reply>, Failure> {
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
    fn arrived(&mut self, id: u64) -> std::result::Result<Option<Reply>, Failure> {
        self.read_replies()?;
        match self.awaited.get(&id) {
            Some(Some(_)) => Ok(self.awaited.remove(&id).flatten()),
            _ => Ok(None),
        }
    }

    /// Waits for the socket; fails when the engine has been silent for `crm_ai.timeout`.
    fn wait_socket(&mut self, interest: Interest) -> std::result::Result<(), Failure> {
        let timeout_ms = settings::timeout_ms();
        let left_ms = timeout_ms.map(|limit| {
            limit.saturating_sub(u64::try_from(self.heard.elapsed().as_millis()).unwrap_or(limit))
        });
        match (self.socket.wait(interest, left_ms), timeout_ms) {
            (Woken::TimedOut, Some(limit)) => Err(Failure::Error(Error::timed_out(limit))),
            _ => Ok(()),
        }
    }

    /// Takes what has arrived and files the replies that are awaited.
    fn read_replies(&mut self) -> std::result::Result<(), Failure> {
        loop {
            match self.socket.read(&mut self.buffer) {
                Ok(0) => return Err(closed()),
                Ok(count) => self.reader.push(&self.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Gone(error.into())),
            }
            self.heard = Instant::now();
            self.file_replies().map_err(|error| {
                self.out_of_step = true;
                Failure::Error(error.into())
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

    /// Cancels what is awaited still. `false`: the stream is out of step and must be closed.
    pub fn abandon(&mut self) -> bool {
        let unanswered = std::mem::take(&mut self.awaited)
            .into_iter()
            .filter_map(|(id, reply)| reply.is_none().then_some(id));
        for id in unanswered {
            let Ok(frame) = Request::Cancel.encode(id) else { return false };
            let sent =
                !self.out_of_step && matches!(self.socket.write(&frame), Ok(n) if n == frame.len());
            if !sent {
                return false;
            }
        }
        !self.out_of_step
    }
}

fn closed() -> Failure {
    Failure::Gone(Gone("it closed the connection".into()))
}

/// Tells a missing program or library apart from an engine that is merely starting.
fn check_installation() -> std::result::Result<(), Failure> {
    for (what, path) in [
        ("program", settings::engine_path()),
        ("runtime library", crate::pg::paths::library_file("libonnxruntime.so")),
    ] {
        if !std::path::Path::new(&path).exists() {
            let message = format!("the model engine's {what} is not installed");
            return Err(Failure::Error(Error::engine_gone(message).hint(
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
