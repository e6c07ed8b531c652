//! The I/O thread: accepts connections, reads frames, hands requests over.
//!
//! It never waits for a peer, a disk or a model. Answers go to the socket from the thread that has
//! them; this thread only sends on what a slow peer left.

use crate::Engine;
use crate::connection::{Connection, Pause, is_own_user};
use crate::files::{self, FileWork};
use crate::job::{Caller, Job};
use crate::outlet::{Outlet, SocketOutlet};
use crate::pending::Pending;
use crate::{examiner, log};
use crm_ai_wire::{Digest, ErrorCode, FRAME_BYTES_MAX, Frame, ProtocolError, Reply, Request};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const FIRST_CONNECTION: u64 = 2;
/// How often deadlines and progress are looked at while requests are in work, and how soon a
/// failed accept is tried again.
const TICK: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 64 << 10;
const EVENTS_MAX: usize = 256;

/// Bounds of the I/O thread.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once; further ones are told so and closed.
    pub connections_max: usize,
    /// Most bytes that may wait for a peer that does not read; then it is dropped.
    pub outlet_bytes_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        // The longest answer always fits.
        Self { connections_max: 8192, outlet_bytes_max: FRAME_BYTES_MAX + (1 << 20) }
    }
}

/// Starts the engine's threads and serves the listener for ever; returns only when the system
/// refuses what it needs.
pub fn serve(listener: UnixListener, engine: Arc<Engine>, options: ServerOptions) -> io::Error {
    match Server::start(listener, engine, options) {
        Ok(mut server) => match server.run() {
            Ok(never) => match never {},
            Err(error) => error,
        },
        Err(error) => error,
    }
}

struct Server {
    poll: Poll,
    registry: Arc<Registry>,
    listener: UnixListener,
    options: ServerOptions,
    engine: Arc<Engine>,
    pending: Arc<Pending>,
    files: Sender<FileWork>,
    examiner: Sender<(Caller, Digest)>,
    /// Connections whose backlog has room again.
    resumed: Receiver<u64>,
    connections: HashMap<u64, Connection>,
    next_connection: u64,
    buffer: Vec<u8>,
    /// Connections that had their turn and may have sent more.
    turns: Vec<u64>,
    /// When to accept again after the system refused.
    accept_at: Option<Instant>,
}

impl Server {
    fn start(
        listener: UnixListener,
        engine: Arc<Engine>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = Arc::new(poll.registry().try_clone()?);
        listener.set_nonblocking(true)?;
        let descriptor = listener.as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), LISTENER, Interest::READABLE)?;
        let waker = Waker::new(&registry, WAKER)?;
        let pending = Arc::new(Pending::default());
        for worker in 0..engine.options.threads {
            let engine = Arc::clone(&engine);
            spawn(&format!("worker {worker}"), move || engine.run_worker(worker))?;
        }
        let (files, file_work) = channel();
        let (resume, resumed) = channel();
        let (shared, answers) = (Arc::clone(&engine), Arc::clone(&pending));
        spawn("files", move || {
            let resume = |connection| {
                // Neither fails while the I/O thread lives.
                let _ = resume.send(connection);
                let _ = waker.wake();
            };
            files::run(&file_work, &shared, &answers, &resume);
        })?;
        let (examiner, examinations) = channel();
        let (shared, answers) = (Arc::clone(&engine), Arc::clone(&pending));
        spawn("examiner", move || examiner::run(&examinations, &shared, &answers))?;
        Ok(Self {
            poll,
            registry,
            listener,
            options,
            engine,
            pending,
            files,
            examiner,
            resumed,
            connections: HashMap::new(),
            next_connection: FIRST_CONNECTION,
            buffer: vec![0; READ_BYTES],
            turns: Vec::new(),
            accept_at: None,
        })
    }

    fn run(&mut self) -> io::Result<std::convert::Infallible> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut next_tick = Instant::now() + TICK;
        loop {
            match self.poll.poll(&mut events, self.timeout(next_tick)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                self.on_event(event);
            }
            let waiting: Vec<u64> = self.turns.drain(..).chain(self.resumed.try_iter()).collect();
            waiting.into_iter().for_each(|id| self.read(id, true));
            let now = Instant::now();
            if now >= next_tick {
                next_tick = now + TICK;
                self.engine.tick(now);
                self.pending.tick(now);
            }
            if self.accept_at.is_some_and(|at| at <= now) {
                self.accept();
            }
        }
    }

    /// An idle engine sleeps until a peer calls.
    fn timeout(&self, next_tick: Instant) -> Option<Duration> {
        if !self.turns.is_empty() {
            return Some(Duration::ZERO);
        }
        let idle = self.engine.is_idle() && self.pending.is_empty() && self.accept_at.is_none();
        (!idle).then(|| next_tick.saturating_duration_since(Instant::now()))
    }

    fn on_event(&mut self, event: &Event) {
        match event.token() {
            LISTENER => self.accept(),
            WAKER => {}
            Token(id) => {
                let id = id as u64;
                if event.is_writable()
                    && let Some(connection) = self.connections.get(&id)
                {
                    connection.outlet.flush();
                }
                let ended = event.is_read_closed() || event.is_error();
                if event.is_readable() || ended {
                    self.read(id, ended);
                }
            }
        }
    }

    fn accept(&mut self) {
        self.accept_at = None;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.welcome(stream) {
                        log::event(format_args!("a connection was refused: {error}"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::event(format_args!("cannot accept connections: {error}"));
                    self.accept_at = Some(Instant::now() + TICK);
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, stream: UnixStream) -> io::Result<()> {
        if !is_own_user(&stream)? {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "another user's process"));
        }
        stream.set_nonblocking(true)?;
        let id = self.next_connection;
        self.next_connection += 1;
        let token = Token(id as usize);
        let stream = Arc::new(stream);
        let descriptor = stream.as_raw_fd();
        let outlet = Arc::new(SocketOutlet::new(
            Arc::clone(&stream),
            Arc::clone(&self.registry),
            token,
            self.options.outlet_bytes_max,
        ));
        if self.connections.len() >= self.options.connections_max {
            let message = "the engine has too many connections".to_owned();
            outlet.send(0, &Reply::Error(ErrorCode::QueueFull, message));
            outlet.close();
            return Ok(());
        }
        self.registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
        self.connections.insert(id, Connection::new(stream, outlet));
        Ok(())
    }

    /// Reads and handles what a peer sent.
    fn read(&mut self, id: u64, to_end: bool) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.backlog.is_full() {
            // The file thread resumes it.
            return;
        }
        let pause = connection.receive(&mut self.buffer, to_end);
        if let Err(broken) = self.handle_frames(id) {
            log::event(format_args!("a peer broke the protocol: {}", broken.error));
            if let Some(connection) = self.connections.get(&id) {
                let reply = Reply::Error(ErrorCode::Protocol, broken.error.to_string());
                connection.outlet.send(broken.request_id, &reply);
            }
            return self.close(id);
        }
        match pause {
            Pause::Drained => {}
            Pause::Turn => self.turns.push(id),
            Pause::Closed => self.close(id),
        }
    }

    fn handle_frames(&mut self, id: u64) -> Result<(), Broken> {
        while let Some(connection) = self.connections.get_mut(&id) {
            let frame = connection.next_frame().map_err(|error| Broken { request_id: 0, error })?;
            let Some(frame) = frame else { break };
            let request_id = frame.request_id;
            self.handle(id, frame).map_err(|error| Broken { request_id, error })?;
        }
        Ok(())
    }

    fn handle(&mut self, id: u64, frame: Frame) -> Result<(), ProtocolError> {
        let caller = Caller { connection: id, request_id: frame.request_id };
        let request = Request::decode(&frame)?;
        if !matches!(request, Request::Cancel | Request::LoadChunk(_)) && self.is_in_work(caller) {
            return Err(ProtocolError::Malformed("request id: it is in use"));
        }
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        let outlet: Arc<dyn Outlet> = Arc::clone(&connection.outlet) as _;
        match request {
            Request::Infer(infer) => {
                self.engine.submit(Job::new(caller, outlet, &infer, Instant::now()));
            }
            Request::Cancel => {
                self.engine.cancel(id, frame.request_id);
                if self.pending.cancel(caller) {
                    self.hand_over(FileWork::Cancel(caller));
                }
            }
            Request::LoadBegin(_) => {
                connection.uploads = true;
                self.pending.begin(caller, outlet);
                self.hand_over(FileWork::Begin(caller, frame.payload));
            }
            Request::LoadChunk(bytes) => {
                connection.backlog.add(bytes.len());
                let backlog = Arc::clone(&connection.backlog);
                self.hand_over(FileWork::Chunk(caller, frame.payload, backlog));
            }
            Request::Describe(digest) => {
                self.pending.begin(caller, outlet);
                // Fails only when the examiner is gone, and it never goes.
                let _ = self.examiner.send((caller, digest));
            }
            Request::Evict(digest) => {
                self.pending.begin(caller, outlet);
                self.hand_over(FileWork::Evict(caller, digest));
            }
            Request::Stats => {
                let stats = self.engine.stats(self.connections.len());
                outlet.send(frame.request_id, &Reply::Stats(stats));
            }
        }
        Ok(())
    }

    fn is_in_work(&self, caller: Caller) -> bool {
        self.engine.holds(caller.connection, caller.request_id) || self.pending.holds(caller)
    }

    fn hand_over(&self, work: FileWork) {
        // Fails only when the file thread is gone, and it never goes.
        let _ = self.files.send(work);
    }

    fn close(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        let descriptor = connection.stream.as_raw_fd();
        // Workers may hold the socket a little longer; the poll must not.
        let _ = self.registry.deregister(&mut SourceFd(&descriptor));
        connection.outlet.close();
        self.engine.disconnect(id);
        self.pending.disconnect(id);
        if connection.uploads {
            self.hand_over(FileWork::Disconnect(id));
        }
    }
}

struct Broken {
    request_id: u64,
    error: ProtocolError,
}

/// Starts one of the engine's threads. None of them ends while the engine lives; should a defect
/// end one, the process ends too, so that its supervisor starts a whole one.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = name.to_owned();
    let body = move || {
        // The process ends, whatever state the panic left.
        let _ = catch_unwind(AssertUnwindSafe(body));
        log::event(format_args!("the thread {thread} ended, and the engine with it"));
        signal_hook::low_level::exit(1);
    };
    thread::Builder::new().name(name.to_owned()).spawn(body).map(|_| ())
}
