//! A backend's connection to the engine: one, kept, with requests told apart by their ids.
//!
//! Every wait ends at once on cancel and `statement_timeout`. An abandoned request is cancelled in
//! the engine and its reply, should it come, is dropped by its id; a request that was cut off
//! while it was being sent takes its connection with it.

mod connection;

use crate::error::{Error, Result};
use crate::pg::{latch, session};
use crate::store;
use connection::Connection;
use crm_ai_wire::{
    Digest, EngineStats, ErrorCode, Manifest, ModelInfo, Precision, ProtocolError, Reply, Request,
    Task,
};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Texts of one request, at most, so that an answer of 2,000 numbers each fits a frame; the next
/// request is under way while this one is worked on.
const REQUEST_ROWS_MAX: usize = 8192;
/// Bytes of one request, at most.
const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Requests of one call that are outstanding at a time.
const OUTSTANDING_MAX: usize = 2;
/// How often a request is sent before its engine's deaths are taken for its fault.
const ATTEMPTS_MAX: u32 = 2;
/// How often one engine may break the connection, 20 ms apart, before that counts as two deaths.
const BREAKS_MAX: u32 = 50;
/// How long the engine may take to tell its state; it does not queue for that.
const STATS_WAIT: Duration = Duration::from_secs(2);

thread_local! {
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
    /// Process id of the engine that the last connection led to.
    static ENGINE: Cell<Option<i32>> = const { Cell::new(None) };
    static NEXT_ID: Cell<u64> = const { Cell::new(1) };
}

/// What a request asks of which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The artifact.
    pub model: Digest,
    /// The arithmetic of the version.
    pub precision: Precision,
    /// What to compute.
    pub task: Task,
}

/// The engine is gone: the connection broke, or none could be made.
#[derive(Debug)]
struct Gone(String);

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Why a wait gave no reply.
enum Failure {
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
        CONNECTION.take();
        let engine = ENGINE.get();
        if engine.is_some() && engine == self.engine && self.breaks < BREAKS_MAX {
            self.breaks += 1;
            latch::sleep(20, None);
            return Ok(());
        }
        *self = Self { count: self.count + 1, engine, breaks: 0 };
        if self.count >= ATTEMPTS_MAX { Err(engine_gone(gone)) } else { Ok(()) }
    }
}

/// One reply per request, in order. Texts are sent in as few requests as the limits allow, and
/// each request again, once, when the engine dies under it.
pub fn infer(target: Target, texts: &[&str]) -> Result<Vec<Reply>> {
    let parts = split(texts);
    let mut replies: Vec<Option<Reply>> = vec![None; parts.len()];
    let mut deaths = Deaths::default();
    let mut uploaded = false;
    while let Some(first) = replies.iter().position(Option::is_none) {
        match infer_from(target, &parts, &mut replies, first) {
            Ok(()) => {}
            Err(Failure::Gone(gone)) => {
                // A reply since the last death shows that this one is not the same request's.
                if replies.get(first).is_some_and(Option::is_some) {
                    deaths = Deaths::default();
                }
                deaths.another(&gone)?;
            }
            Err(Failure::Error(error)) => return Err(error),
        }
        if let Some(position) = replies.iter().position(is_unknown_model) {
            if uploaded {
                return Err(Error::internal("the model engine does not keep the artifact"));
            }
            upload(target.model)?;
            uploaded = true;
            replies[position..].iter_mut().for_each(|reply| *reply = None);
        }
    }
    replies.into_iter().flatten().map(into_result).collect()
}

/// The engine's state, or `None` when it cannot be asked at once. Never starts it.
pub fn stats() -> Result<Option<EngineStats>> {
    let connected = CONNECTION.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Connection::open().ok();
        }
        slot.is_some()
    });
    if !connected {
        return Ok(None);
    }
    match try_stats() {
        Ok(None) => Ok(None),
        Ok(Some(Reply::Stats(stats))) => Ok(Some(stats)),
        Ok(Some(reply)) => Err(unexpected(reply)),
        Err(Failure::Gone(_)) => {
            CONNECTION.take();
            Ok(None)
        }
        Err(Failure::Error(error)) => Err(error),
    }
}

fn try_stats() -> std::result::Result<Option<Reply>, Failure> {
    let outstanding = Outstanding::begin()?;
    let id = outstanding.send(Request::Stats.encode(take_id()))?;
    Outstanding::on_connection(|connection| connection.wait_at_most(id, STATS_WAIT))
}

/// Reads an artifact of the registry in the engine and tells what it is.
pub fn describe(model: Digest) -> Result<ModelInfo> {
    upload(model)?;
    match call(&Request::Describe(model))? {
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

/// Streams an artifact from the registry to the engine.
fn upload(model: Digest) -> Result<()> {
    let Some(manifest) = store::artifacts::manifest(&model)? else {
        return Err(Error::wrong_state(
            "the files of this model version are in neither the package nor the registry",
        )
        .hint("install the package's release that carries the model, or import the model again"));
    };
    let mut deaths = Deaths::default();
    loop {
        match try_upload(&model, &manifest) {
            Ok(Reply::Loaded) => return Ok(()),
            Ok(reply) => return Err(unexpected(reply)),
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Gone(gone)) => deaths.another(&gone)?,
        }
    }
}

fn try_upload(model: &Digest, manifest: &[u8]) -> std::result::Result<Reply, Failure> {
    let outstanding = Outstanding::begin()?;
    let id = outstanding.send(Request::LoadBegin(manifest).encode(take_id()))?;
    let mut failure = None;
    let held = Manifest::from_json(manifest).map_err(|_| Failure::Error(not_whole()))?;
    let mut bytes_left = held.bytes();
    store::artifacts::for_each_chunk(model, |chunk| {
        bytes_left = bytes_left.saturating_sub(chunk.len() as u64);
        match outstanding.send(Request::LoadChunk(chunk).encode(id)) {
            Ok(_) => Ok(true),
            Err(error) => {
                failure = Some(error);
                Ok(false)
            }
        }
    })
    .map_err(Failure::Error)?;
    match failure {
        Some(failure) => Err(failure),
        // The engine would wait for the rest.
        None if bytes_left > 0 => Err(Failure::Error(not_whole())),
        None => outstanding.wait(id),
    }
}

/// Sends a request without texts and waits for its reply, again once when the engine dies.
fn call(request: &Request<'_>) -> Result<Reply> {
    let mut deaths = Deaths::default();
    loop {
        match exchange(request) {
            Ok(reply) => return into_result(reply),
            Err(Failure::Error(error)) => return Err(error),
            Err(Failure::Gone(gone)) => deaths.another(&gone)?,
        }
    }
}

fn exchange(request: &Request<'_>) -> std::result::Result<Reply, Failure> {
    let outstanding = Outstanding::begin()?;
    let id = outstanding.send(request.encode(take_id()))?;
    outstanding.wait(id)
}

/// Sends the parts that have no reply yet, a few at a time, and collects their replies.
fn infer_from(
    target: Target,
    parts: &[&[&str]],
    replies: &mut [Option<Reply>],
    first: usize,
) -> std::result::Result<(), Failure> {
    let outstanding = Outstanding::begin()?;
    let mut under_way: VecDeque<(usize, u64)> = VecDeque::new();
    let mut next = first;
    loop {
        while next < parts.len() && under_way.len() < OUTSTANDING_MAX {
            if replies[next].is_none() {
                let deadline_ms = session::statement_ms_left()
                    .map_or(0, |left| u32::try_from(left.max(1)).unwrap_or(u32::MAX));
                let target = (target.model, target.precision, target.task);
                let frame = Request::encode_infer(take_id(), target, deadline_ms, parts[next]);
                under_way.push_back((next, outstanding.send(frame)?));
            }
            next += 1;
        }
        let Some((position, id)) = under_way.pop_front() else { return Ok(()) };
        replies[position] = Some(outstanding.wait(id)?);
    }
}

/// Cuts texts into requests.
fn split<'a, 't>(texts: &'a [&'t str]) -> Vec<&'a [&'t str]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut bytes = Request::INFER_OVERHEAD_BYTES;
    for (position, text) in texts.iter().enumerate() {
        let size = text.len() + Request::TEXT_OVERHEAD_BYTES;
        let full = bytes + size > REQUEST_BYTES_MAX || position - start == REQUEST_ROWS_MAX;
        if full && position > start {
            parts.push(&texts[start..position]);
            (start, bytes) = (position, Request::INFER_OVERHEAD_BYTES);
        }
        bytes += size;
    }
    if start < texts.len() {
        parts.push(&texts[start..]);
    }
    parts
}

fn is_unknown_model(reply: &Option<Reply>) -> bool {
    matches!(reply, Some(Reply::Error(ErrorCode::UnknownModel, _)))
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

fn engine_gone(gone: &Gone) -> Error {
    Error::engine_gone(format!("the model engine is not running: {}", gone.0)).hint(
        "it is restarted by itself; if crm_ai.status shows engine_up = false for long, the \
         server's log tells why",
    )
}

fn take_id() -> u64 {
    NEXT_ID.replace(NEXT_ID.get() + 1)
}

/// The requests of one call. What is still unanswered when the call ends, whichever way, is
/// cancelled, and its connection is given up if it stands in the middle of a frame.
struct Outstanding;

impl Outstanding {
    fn begin() -> std::result::Result<Self, Failure> {
        if CONNECTION.with_borrow(Option::is_none) {
            let connection = Connection::establish()?;
            CONNECTION.set(Some(connection));
        }
        Ok(Self)
    }

    /// Sends a frame and notes that its reply is awaited; gives its id back.
    fn send(
        &self,
        frame: std::result::Result<Vec<u8>, ProtocolError>,
    ) -> std::result::Result<u64, Failure> {
        let frame = frame.map_err(|error| Failure::Error(error.into()))?;
        Self::on_connection(|connection| connection.send(&frame))
    }

    fn wait(&self, id: u64) -> std::result::Result<Reply, Failure> {
        Self::on_connection(|connection| connection.wait(id))
    }

    fn on_connection<T>(
        work: impl FnOnce(&mut Connection) -> std::result::Result<T, Failure>,
    ) -> std::result::Result<T, Failure> {
        CONNECTION.with_borrow_mut(|slot| match slot {
            Some(connection) => work(connection),
            None => Err(Failure::Gone(Gone("the connection was closed".into()))),
        })
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        CONNECTION.with(|slot| {
            // Taken only if nobody up the stack holds it, which is so for every way a call ends.
            if let Ok(mut slot) = slot.try_borrow_mut()
                && slot.as_mut().is_some_and(|connection| !connection.abandon())
            {
                *slot = None;
            }
        });
    }
}
