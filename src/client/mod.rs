//! A backend's connection to the engine: one, kept, with requests told apart by their ids.
//!
//! Several requests may be outstanding: a plan node has its next batch in work while a function
//! asks for one text. Every wait ends at once on cancel and `statement_timeout`. A request that is
//! dropped before its reply came is cancelled in the engine, and the reply, should it come, is
//! dropped by its id; a request that was cut off while it was being sent takes its connection
//! with it.

mod connection;
mod inference;
mod sent;
pub mod start;

pub use inference::{Deadline, Inference};

use crate::error::{Error, Result};
use crate::pg::{board, latch};
use crate::store;
use connection::Connection;
use crm_ai_wire::{
    Digest, EngineStats, Manifest, ModelInfo, Precision, REFERENCE_BYTES_MAX, Reply, Request, Task,
    Upload,
};
use sent::Sent;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Most attempts to send a request before its engine's deaths are taken for its fault.
const ATTEMPTS_MAX: u32 = 2;
/// Most broken connections of one engine, 20 ms apart, before they count as two deaths.
const BREAKS_MAX: u32 = 50;
/// Longest wait for the engine's state; it does not queue for that.
const STATS_WAIT: Duration = Duration::from_secs(2);

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
    static NEXT_ID: Cell<u64> = const { Cell::new(1) };
}

/// Version and kind of computation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InferenceTarget {
    /// The artifact.
    pub model: Digest,
    /// The arithmetic of the version.
    pub precision: Precision,
    /// Kind of computation.
    pub task: Task,
    /// Name of the version, for the engine's log.
    pub reference: Reference,
}

/// `model@version`, for the engine's log: of a fixed size, so that a target is copied freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    bytes: [u8; REFERENCE_BYTES_MAX],
    length: usize,
}

impl Reference {
    /// The reference of a version.
    pub fn new(model: &str, number: i32) -> Self {
        let text = format!("{model}@{number}");
        let length = text.floor_char_boundary(REFERENCE_BYTES_MAX);
        let mut bytes = [0; REFERENCE_BYTES_MAX];
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self { bytes, length }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// The engine is gone: the connection broke.
#[derive(Debug)]
struct Gone {
    why: String,
    /// Number of the broken connection.
    connection: u64,
    /// Process id of the engine that it led to.
    engine: Option<i32>,
}

/// Reason why a wait gave no reply.
enum RequestFailure {
    /// Worth another attempt.
    Gone(Gone),
    /// Final.
    Error(Error),
}

/// Counts the engines that died under a request. One that is killed takes connections until the
/// kernel has closed its socket: to see the same engine go twice is no second death.
#[derive(Default)]
struct Deaths {
    count: u32,
    engine: Option<i32>,
    breaks: u32,
}

impl Deaths {
    /// Notes that the connection broke and gives it up; fails when it is not worth another attempt.
    fn another(&mut self, gone: &Gone) -> Result<()> {
        give_up(gone.connection);
        if gone.engine.is_some() && gone.engine == self.engine && self.breaks < BREAKS_MAX {
            self.breaks += 1;
            latch::sleep(20, None);
            return Ok(());
        }
        *self = Self { count: self.count + 1, engine: gone.engine, breaks: 0 };
        if self.count >= ATTEMPTS_MAX { Err(engine_gone(&gone.why)) } else { Ok(()) }
    }
}

/// Closes a connection that broke, unless another has taken its place already.
fn give_up(connection: u64) {
    CONNECTION.with_borrow_mut(|slot| {
        if slot.as_ref().is_some_and(|present| present.serial() == connection) {
            *slot = None;
        }
    });
}

/// One reply per request, in order, to texts that are sent and waited for.
pub fn infer(target: InferenceTarget, texts: &[&str]) -> Result<Vec<Reply>> {
    Inference::begin(target, texts.to_vec(), Deadline::Statement).finish()
}

/// The engine's state, or `None` when it cannot be asked at once. Never starts it.
pub fn stats() -> Result<Option<EngineStats>> {
    let is_connected = CONNECTION.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Connection::open().ok();
        }
        slot.is_some()
    });
    if !is_connected {
        return Ok(None);
    }
    match try_stats() {
        Ok(None) => Ok(None),
        Ok(Some(Reply::Stats(stats))) => Ok(Some(stats)),
        Ok(Some(reply)) => Err(unexpected(reply)),
        Err(RequestFailure::Gone(gone)) => {
            give_up(gone.connection);
            Ok(None)
        }
        Err(RequestFailure::Error(error)) => Err(error),
    }
}

fn try_stats() -> std::result::Result<Option<Reply>, RequestFailure> {
    Sent::new(Request::Stats.encode(take_id()))?.wait_at_most(STATS_WAIT)
}

/// Has the engine tell what an artifact of the registry is. It keeps nothing of it: the first use
/// after the commit brings it to the cache.
pub fn describe(model: Digest) -> Result<ModelInfo> {
    match send_artifact(model, Purpose::Examine)? {
        Reply::Described(info) => Ok(info),
        reply => Err(unexpected(reply)),
    }
}

/// Makes the engine forget an artifact, if it is up: without it there is nothing to forget.
pub fn evict(model: Digest) -> Result<()> {
    if stats()?.is_some() {
        call(&Request::Evict(model))?;
    }
    Ok(())
}

/// Streams an artifact from the registry into the engine's cache.
fn upload(model: Digest) -> Result<()> {
    match send_artifact(model, Purpose::Keep)? {
        Reply::Loaded => Ok(()),
        reply => Err(unexpected(reply)),
    }
}

/// Purpose of an upload of an artifact.
#[derive(Clone, Copy)]
enum Purpose {
    Keep,
    Examine,
}

/// Streams an artifact from the registry to the engine, again once when the engine dies.
fn send_artifact(model: Digest, purpose: Purpose) -> Result<Reply> {
    let Some(manifest) = store::artifacts::manifest(&model)? else {
        return Err(Error::wrong_state(
            "the files of this model version are in neither the package nor the registry",
        )
        .hint("install the package's release that carries the model, or import the model again"));
    };
    let mut deaths = Deaths::default();
    loop {
        match try_upload(&model, &manifest, purpose) {
            Ok(reply) => return Ok(reply),
            Err(RequestFailure::Error(error)) => return Err(error),
            Err(RequestFailure::Gone(gone)) => deaths.another(&gone)?,
        }
    }
}

fn try_upload(
    model: &Digest,
    manifest: &[u8],
    purpose: Purpose,
) -> std::result::Result<Reply, RequestFailure> {
    let database = board::own_database().to_u32();
    let upload = Upload { database, ..Upload::new(manifest) };
    let begin = match purpose {
        Purpose::Keep => Request::LoadBegin(upload),
        Purpose::Examine => Request::Examine(upload),
    };
    let mut sent = Sent::new(begin.encode(take_id()))?;
    let mut failure = None;
    let held = Manifest::from_json(manifest).map_err(|_| RequestFailure::Error(not_whole()))?;
    let mut bytes_left = held.bytes();
    store::artifacts::for_each_chunk(model, |chunk| {
        bytes_left = bytes_left.saturating_sub(chunk.len() as u64);
        match sent.send_more(Request::LoadChunk(chunk).encode(sent.id())) {
            Ok(()) => Ok(true),
            Err(error) => {
                failure = Some(error);
                Ok(false)
            }
        }
    })
    .map_err(RequestFailure::Error)?;
    match failure {
        Some(failure) => Err(failure),
        // The engine would wait for the rest.
        None if bytes_left > 0 => Err(RequestFailure::Error(not_whole())),
        None => sent.wait(),
    }
}

/// Sends a request without texts and waits for its reply, again once when the engine dies.
fn call(request: &Request<'_>) -> Result<Reply> {
    let mut deaths = Deaths::default();
    loop {
        let outcome = Sent::new(request.encode(take_id())).and_then(Sent::wait);
        match outcome {
            Ok(reply) => return into_result(reply),
            Err(RequestFailure::Error(error)) => return Err(error),
            Err(RequestFailure::Gone(gone)) => deaths.another(&gone)?,
        }
    }
}

fn into_result(reply: Reply) -> Result<Reply> {
    match reply {
        Reply::Error(code, message) => Err(Error::from_engine(code, message)),
        reply => Ok(reply),
    }
}

fn unexpected(reply: Reply) -> Error {
    match into_result(reply) {
        Err(error) => error,
        Ok(_) => Error::internal("the model engine answered something else than was asked"),
    }
}

fn not_whole() -> Error {
    Error::invalid_model("this model version's files are not whole in the registry")
        .hint("import the model again, or restore the registry's tables from a backup")
}

fn engine_gone(why: &str) -> Error {
    Error::engine_gone(format!("the model engine is not running: {why}")).hint(
        "it is restarted by itself; if crm_ai.status shows engine_up = false for long, the \
         server's log tells why",
    )
}

fn take_id() -> u64 {
    NEXT_ID.replace(NEXT_ID.get() + 1)
}
