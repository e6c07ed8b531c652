//! The connections: accepts them, reads frames, hands requests over.
//!
//! As many threads as there may be at work, and one more, do the same: they wait for a peer
//! together, and who is woken reads, hands the request over and works it off itself. While all
//! others are at work the one that is left attends to the sockets. Attending never waits for a
//! peer, a disk or a model. For each thread that is long at something another is started, so that
//! there is always one left. Answers go to the socket from the thread that has them; what a slow
//! peer left is sent on here.

use crate::Engine;
use crate::connection::{Connection, Pause, is_own_user};
use crate::examiner::{EXAMINERS, Examination, Subject};
use crate::files::{self, Announced, FileWork, Purpose};
use crate::job::{Caller, Job, ModelKey};
use crate::pending::Pending;
use crate::poll::{Event, Poll};
use crate::reply_sink::{ReplySink, SocketOutlet};
use crate::{examiner, log};
use crm_ai_wire::{
    ErrorCode, FRAME_BYTES_MAX, Frame, Infer, ProtocolError, Reply, Request, Upload,
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const LISTENER: u64 = 0;
const FIRST_CONNECTION: u64 = 1;
/// Interval at which deadlines and progress are checked while requests are in work, and at which a
/// failed accept is tried again.
const TICK: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 64 << 10;
/// Requests about artifacts that one connection may have in work: each upload has an open file.
const PENDING_MAX: usize = 16;
/// Texts of more bytes are worth cutting before they queue.
const LONG_TEXT_BYTES: usize = 4096;

/// Bounds of what peers may take.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once; further ones are told so and closed.
    pub connections_max: usize,
    /// Most bytes that may wait for a peer that does not read; then it is dropped.
    pub sink_bytes_max: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        // The longest answer always fits.
        Self { connections_max: 8192, sink_bytes_max: FRAME_BYTES_MAX + (1 << 20) }
    }
}

/// Starts the engine's threads and serves the listener for ever; returns only when the system
/// refuses what it needs.
pub fn serve(listener: UnixListener, engine: Arc<Engine>, options: ServerOptions) -> io::Error {
    let served = Server::start(listener, &engine, options).and_then(|server| {
        let server = Arc::new(server);
        for _ in 0..engine.options.threads {
            server.add_thread()?;
        }
        server.run()
    });
    let Err(error) = served;
    error
}

struct Server {
    poll: Arc<Poll>,
    engine: Arc<Engine>,
    sockets: Mutex<Sockets>,
    /// Threads that do what each does.
    threads: AtomicUsize,
}

impl Server {
    fn start(
        listener: UnixListener,
        engine: &Arc<Engine>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        let poll = Arc::new(Poll::new()?);
        let sockets = Sockets::open(listener, engine, &poll, options)?;
        let (engine, sockets, threads) =
            (Arc::clone(engine), Mutex::new(sockets), AtomicUsize::new(1));
        Ok(Self { poll, engine, sockets, threads })
    }

    /// The main loop of a thread: attend to a peer, then work.
    fn run(self: &Arc<Self>) -> io::Result<Infallible> {
        loop {
            let events = self.poll.wait()?;
            // A panic under the lock ends the process.
            self.sockets.lock().unwrap_or_else(PoisonError::into_inner).attend(&events);
            self.replace_detached();
            self.engine.work(&|| self.poll.ring());
        }
    }

    fn add_thread(self: &Arc<Self>) -> io::Result<()> {
        let number = self.threads.fetch_add(1, Ordering::Relaxed);
        let server = Arc::clone(self);
        spawn(&format!("worker {number}"), move || {
            let Err(error) = server.run();
            log::fatal(format_args!("cannot wait for peers: {error}"));
        })
    }

    /// Sees to it that there is one more thread than there are at work, those included that are
    /// long at something. Threads that are no longer needed wait with the others.
    fn replace_detached(self: &Arc<Self>) {
        let needed = self.engine.options.threads + 1 + self.engine.detached();
        while self.threads.load(Ordering::Relaxed) < needed {
            if let Err(error) = self.add_thread() {
                // Tried again when somebody is woken next.
                self.threads.fetch_sub(1, Ordering::Relaxed);
                return log::warning(format_args!("cannot start a thread: {error}"));
            }
        }
    }
}

struct Sockets {
    poll: Arc<Poll>,
    listener: UnixListener,
    options: ServerOptions,
    engine: Arc<Engine>,
    pending: Arc<Pending>,
    files: Sender<FileWork>,
    examiner: Sender<Examination>,
    /// Connections whose backlog has room again.
    resumed: Receiver<u64>,
    connections: HashMap<u64, Connection>,
    next_connection: u64,
    buffer: Vec<u8>,
    /// Connections that had their turn and may have sent more.
    turns: Vec<u64>,
    /// The system refused to accept; it is tried again at the next tick.
    is_refused: bool,
    /// True if the clock will ring.
    clock_runs: bool,
}

impl Sockets {
    fn open(
        listener: UnixListener,
        engine: &Arc<Engine>,
        poll: &Arc<Poll>,
        options: ServerOptions,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        poll.add(&listener, LISTENER)?;
        let pending = Arc::new(Pending::default());
        let (files, file_work) = channel();
        let (resume, resumed) = channel();
        let (examiner, examinations) = channel();
        let examinations = Arc::new(Mutex::new(examinations));
        for number in 0..EXAMINERS {
            let (work, shared) = (Arc::clone(&examinations), Arc::clone(engine));
            let answers = Arc::clone(&pending);
            spawn(&format!("examiner {number}"), move || {
                examiner::run(&work, &shared, &answers);
            })?;
        }
        let (bell, shared, answers) = (Arc::clone(poll), Arc::clone(engine), Arc::clone(&pending));
        let received = examiner.clone();
        spawn("files", move || {
            let resume = |connection| {
                // Does not fail while the sockets live.
                let _ = resume.send(connection);
                bell.ring();
            };
            files::run(&file_work, &shared, &answers, &received, &resume);
        })?;
        Ok(Self {
            poll: Arc::clone(poll),
            listener,
            options,
            engine: Arc::clone(engine),
            pending,
            files,
            examiner,
            resumed,
            connections: HashMap::new(),
            next_connection: FIRST_CONNECTION,
            buffer: vec![0; READ_BYTES],
            turns: Vec::new(),
            is_refused: false,
            clock_runs: false,
        })
    }

    fn attend(&mut self, events: &[Event]) {
        for event in events {
            self.on_event(*event);
        }
        let waiting: Vec<u64> = self.turns.drain(..).chain(self.resumed.try_iter()).collect();
        waiting.into_iter().for_each(|id| self.read(id, true));
        if !self.turns.is_empty() {
            // For whoever has time: this thread may have work now.
            self.poll.ring();
        }
        if !self.clock_runs && self.is_busy() {
            match self.poll.ring_after(TICK) {
                Ok(()) => self.clock_runs = true,
                Err(error) => log::warning(format_args!("cannot set the clock: {error}")),
            }
        }
    }

    /// True if there is something to look after at the next tick; an idle engine sleeps.
    fn is_busy(&self) -> bool {
        self.is_refused || !self.engine.is_idle() || !self.pending.is_empty()
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Bell => {}
            Event::Clock => self.tick(),
            Event::Source { id: LISTENER, .. } => self.accept(),
            Event::Source { id, readable, writable, ended } => {
                if writable && let Some(connection) = self.connections.get(&id) {
                    connection.sink.flush();
                }
                if readable || ended {
                    self.read(id, ended);
                }
            }
        }
    }

    fn tick(&mut self) {
        self.clock_runs = false;
        let now = Instant::now();
        self.engine.tick(now);
        self.pending.tick(now);
        if self.is_refused {
            self.accept();
        }
    }

    fn accept(&mut self) {
        self.is_refused = false;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.welcome(stream) {
                        log::warning(format_args!("a connection was refused: {error}"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::warning(format_args!("cannot accept connections: {error}"));
                    self.is_refused = true;
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
        let stream = Arc::new(stream);
        let sink = Arc::new(SocketOutlet::new(
            Arc::clone(&stream),
            Arc::clone(&self.poll),
            id,
            self.options.sink_bytes_max,
        ));
        if self.connections.len() >= self.options.connections_max {
            let message = "the engine has too many connections".to_owned();
            sink.send(0, &Reply::Error(ErrorCode::QueueFull, message));
            sink.close();
            return Ok(());
        }
        self.poll.add(&*stream, id)?;
        self.connections.insert(id, Connection::new(stream, sink));
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
            log::warning(format_args!("a peer broke the protocol: {}", broken.error));
            if let Some(connection) = self.connections.get(&id) {
                let reply = Reply::Error(ErrorCode::Protocol, broken.error.to_string());
                connection.sink.send(broken.request_id, &reply);
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
        let sink: Arc<dyn ReplySink> = Arc::clone(&connection.sink) as _;
        if is_about_artifacts(&request) && self.pending.count_of(id) >= PENDING_MAX {
            let message = "the connection has too many requests about artifacts in work".to_owned();
            sink.send(frame.request_id, &Reply::Error(ErrorCode::QueueFull, message));
            return Ok(());
        }
        match request {
            Request::Infer(infer) => {
                self.engine.submit(job(&self.engine, caller, sink, &infer));
            }
            Request::Cancel => {
                self.engine.cancel(id, frame.request_id);
                if self.pending.cancel(caller) {
                    self.hand_over(FileWork::Cancel(caller));
                }
            }
            Request::LoadBegin(upload) => self.receive(caller, sink, Purpose::Keep, upload),
            Request::Examine(upload) => self.receive(caller, sink, Purpose::Examine, upload),
            Request::LoadChunk(bytes) => {
                connection.backlog.add(bytes.len());
                let backlog = Arc::clone(&connection.backlog);
                self.hand_over(FileWork::Chunk(caller, frame.payload, backlog));
            }
            Request::Describe(digest) => {
                self.pending.begin(caller, sink);
                // Fails only when the examiner is gone, and it never goes.
                let (subject, reference) = (Subject::Stored, String::new());
                let _ = self.examiner.send(Examination { caller, digest, subject, reference });
            }
            Request::Evict(digest) => {
                self.pending.begin(caller, sink);
                self.hand_over(FileWork::Evict(caller, digest));
            }
            Request::Sweep(databases) => {
                self.pending.begin(caller, sink);
                self.hand_over(FileWork::Sweep(caller, databases.iter().collect()));
            }
            Request::Stats => {
                let stats = self.engine.stats(self.connections.len());
                sink.send(frame.request_id, &Reply::Stats(stats));
            }
            Request::Ping => self.answer_ping(caller, &*sink),
        }
        Ok(())
    }

    /// Has an artifact received whose bytes follow.
    fn receive(
        &mut self,
        caller: Caller,
        sink: Arc<dyn ReplySink>,
        purpose: Purpose,
        upload: Upload<'_>,
    ) {
        if let Some(connection) = self.connections.get_mut(&caller.connection) {
            connection.uploads = true;
        }
        self.pending.begin(caller, sink);
        let Upload { database, reference, manifest } = upload;
        let (reference, manifest) = (reference.to_owned(), manifest.to_vec());
        let announced = Announced { purpose, database, reference, manifest };
        self.hand_over(FileWork::Begin(caller, announced));
    }

    /// Says that the engine lives, unless its threads make no progress.
    fn answer_ping(&self, caller: Caller, sink: &dyn ReplySink) {
        // After a halt of the whole process worker slots are taken that a tick would have freed.
        self.engine.tick(Instant::now());
        if self.engine.makes_progress(Instant::now()) {
            return sink.send(caller.request_id, &Reply::Pong);
        }
        log::warning("the threads make no progress");
        // Should a bell have been lost.
        self.poll.ring();
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
        // Workers may hold the socket a little longer; the poll must not.
        let _ = self.poll.remove(&*connection.stream);
        connection.sink.close();
        self.engine.disconnect(id);
        self.pending.disconnect(id);
        if connection.uploads {
            self.hand_over(FileWork::Disconnect(id));
        }
    }
}

fn is_about_artifacts(request: &Request<'_>) -> bool {
    matches!(
        request,
        Request::LoadBegin(_)
            | Request::Examine(_)
            | Request::Describe(_)
            | Request::Evict(_)
            | Request::Sweep(_)
    )
}

/// The request as it waits: of long texts the beginnings that the model reads, where it is loaded
/// and so can tell.
fn job(engine: &Engine, caller: Caller, sink: Arc<dyn ReplySink>, infer: &Infer<'_>) -> Job {
    let now = Instant::now();
    let model = ModelKey { digest: infer.model, precision: infer.precision };
    if infer.texts.iter().any(|text| text.len() > LONG_TEXT_BYTES)
        && let Some(predictor) = engine.loaded(&model)
    {
        return Job::cut(caller, sink, infer, now, &*predictor);
    }
    Job::new(caller, sink, infer, now)
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
        log::fatal(format_args!("the thread {thread} ended, and the engine with it"));
        signal_hook::low_level::exit(1);
    };
    thread::Builder::new().name(name.to_owned()).spawn(body).map(|_| ())
}
