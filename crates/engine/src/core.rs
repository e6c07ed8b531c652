//! The engine's shared state and what the connections ask of it.
//!
//! One mutex guards queue, models and counters; it is held for bookkeeping alone, never while a
//! model works, a file is read or a reply is sent. A request is answered by whoever takes it out
//! of the queue, so it is answered exactly once.

use crate::artifacts::Store;
use crate::cache::Cache;
use crate::job::{Job, ModelKey, Target};
use crate::models::{Lookup, Models};
use crate::predictor::{Failure, Loader, Predictor, width};
use crate::queue::Queue;
use crate::reply_sink;
use crate::runs::{DETACHED_MAX, Runs};
use crate::sandbox::Held;
use crate::stats::{Counters, resident_bytes};
use crm_ai_infer::{Info, Stop, WorkerSlot};
use crm_ai_wire::{Digest, EngineStats, ErrorCode, ModelInfo, Task};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Interval of progress messages for a request in work.
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// From when on threads that do nothing, or hold their worker slots, are taken for stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// Descriptions that are kept.
const DESCRIPTIONS_MAX: usize = 256;

/// Names that are kept.
const NAMES_MAX: usize = 1024;

/// Options of the command line.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Threads that may work at the same time.
    pub threads: usize,
    /// Most memory that models may take together; 0 for no limit.
    pub memory_limit: u64,
    /// Most texts that may wait.
    pub queue_rows: usize,
    /// Most memory that answers take which are kept; 0 to keep none.
    pub cache_bytes: usize,
    /// Longest time that a model may be at one batch; `None` for no limit.
    pub run_limit: Option<Duration>,
    /// Active confinement of the process.
    pub sandbox: Held,
}

/// Answers requests with loaded models.
pub struct Engine {
    pub(crate) options: EngineOptions,
    pub(crate) store: Arc<Store>,
    pub(crate) loader: Arc<dyn Loader>,
    /// Answers that were given before.
    pub(crate) cache: Cache,
    state: Mutex<State>,
    /// Threads that are at something long, without a worker slot.
    detached: AtomicUsize,
    /// Texts cut at their model's limit.
    pub(crate) truncated: AtomicU64,
    /// Descriptions of examined artifacts; an artifact never changes.
    descriptions: Mutex<HashMap<Digest, ModelInfo>>,
    /// Names of artifacts, for the log.
    names: Mutex<HashMap<Digest, Box<str>>>,
}

/// State under the mutex.
pub(crate) struct State {
    pub queue: Queue,
    pub models: Models,
    pub counters: Counters,
    /// Numbers of the worker slots of workers that nobody takes; the last one was left last.
    pub free_worker_slots: Vec<usize>,
    /// Batches in work.
    pub runs: Runs,
    /// Time when a thread last looked for work.
    pub looked: Instant,
}

impl Engine {
    /// An engine that works when a thread calls [`work`](Self::work).
    pub fn new(options: EngineOptions, store: Arc<Store>, loader: Arc<dyn Loader>) -> Self {
        let now = Instant::now();
        Self {
            options,
            store,
            loader,
            cache: Cache::new(options.cache_bytes),
            state: Mutex::new(State {
                queue: Queue::new(options.queue_rows),
                models: Models::new(options.memory_limit),
                counters: Counters::new(now),
                free_worker_slots: (0..options.threads).rev().collect(),
                runs: Runs::new(options.run_limit),
                looked: now,
            }),
            detached: AtomicUsize::new(0),
            truncated: AtomicU64::new(0),
            descriptions: Mutex::default(),
            names: Mutex::default(),
        }
    }

    /// A model in memory, to tell what of a text it reads.
    pub fn loaded(&self, model: &ModelKey) -> Option<Arc<dyn Predictor>> {
        match self.lock().models.look_up(model, Instant::now()) {
            Lookup::Ready(predictor) => Some(predictor),
            Lookup::Absent | Lookup::Loading | Lookup::Failed(_) => None,
        }
    }

    /// Takes a request, for whoever calls [`work`](Self::work) next. It is answered through its
    /// reply sink, at once when it is refused.
    pub fn submit(&self, job: Job) {
        let job = Arc::new(job);
        let mut state = self.lock();
        if job.rows() == 0 {
            state.counters.requests += 1;
            drop(state);
            return job.reply_empty();
        }
        let refused = match state.models.look_up(&job.target.model, Instant::now()) {
            Lookup::Ready(predictor) => refusal(predictor.info(), job.target.task, job.rows()),
            Lookup::Failed(failure) => Some(failure),
            Lookup::Absent | Lookup::Loading => None,
        };
        if let Some(failure) = refused {
            state.counters.errors += 1;
            drop(state);
            return job.fail(&failure);
        }
        if let Err(failure) = state.queue.admit(Arc::clone(&job)) {
            state.counters.rejected += 1;
            drop(state);
            job.fail(&failure);
        }
    }

    /// True if that caller's request is in work.
    pub fn holds(&self, connection: u64, request_id: u64) -> bool {
        self.lock().queue.holds(connection, request_id)
    }

    /// Drops a request whose caller no longer wants it.
    pub fn cancel(&self, connection: u64, request_id: u64) {
        let mut state = self.lock();
        if state.queue.remove_request(connection, request_id).is_some() {
            state.counters.abandoned += 1;
        }
        end_unwanted(state);
    }

    /// Drops all requests of a connection that ended.
    pub fn disconnect(&self, connection: u64) {
        let mut state = self.lock();
        let gone = state.queue.remove_where(|job| job.caller.connection == connection);
        state.counters.abandoned += gone.len() as u64;
        end_unwanted(state);
    }

    /// Answers requests whose deadline has passed and tells the others how far they are; frees the
    /// worker slots of what takes long, and ends what takes too long.
    pub fn tick(&self, now: Instant) {
        let mut state = self.lock();
        let late = state.queue.remove_where(|job| job.is_late(now));
        state.counters.abandoned += late.len() as u64;
        let due = state.queue.due_progress(now, PROGRESS_INTERVAL);
        let runs = state.runs.look(now);
        state.free_worker_slots.extend(runs.worker_slots);
        let hopeless: Vec<Arc<Job>> =
            runs.hopeless.iter().filter_map(|id| state.queue.remove(*id)).collect();
        state.counters.errors += hopeless.len() as u64;
        self.count_detached(&state);
        end_unwanted(state);
        late.iter().for_each(|job| job.fail_late());
        hopeless.iter().for_each(|job| job.fail(&self.over_limit()));
        due.iter().for_each(|(job, done)| job.report_progress(*done));
        runs.stops.iter().for_each(|stop| stop.ask());
    }

    /// True if nothing is in work.
    pub fn is_idle(&self) -> bool {
        let state = self.lock();
        state.queue.is_empty() && state.runs.is_empty()
    }

    /// Threads that are at something long: as many others may take their places.
    pub fn detached(&self) -> usize {
        self.detached.load(Ordering::Relaxed)
    }

    /// True if the threads make progress: none has held its worker slot for long, and no work is
    /// left waiting beside an idle thread.
    pub fn makes_progress(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let State { queue, models, free_worker_slots, runs, looked, .. } = &mut *state;
        if runs.longest_with_worker_slot(now) > PATIENCE && runs.detached() < DETACHED_MAX {
            return false;
        }
        if free_worker_slots.is_empty() || now.saturating_duration_since(*looked) < PATIENCE {
            return true;
        }
        let could_be_done = |target: &Target| match models.look_up(&target.model, now) {
            Lookup::Loading => false,
            Lookup::Absent | Lookup::Failed(_) => true,
            Lookup::Ready(predictor) => free_worker_slots.iter().any(|worker_slot| {
                !runs.is_taken(&target.model, predictor.slot(WorkerSlot::Worker(*worker_slot)))
            }),
        };
        !queue.next_targets().iter().any(could_be_done)
    }

    /// Frees an artifact's models.
    pub fn evict(&self, digest: &Digest) {
        self.lock().models.evict(digest);
    }

    /// Forgets that an artifact could not be loaded, as it has come anew.
    pub fn artifact_came(&self, digest: &Digest) {
        self.lock().models.forget_failure(digest);
    }

    /// The description of an artifact, if it was examined.
    pub fn description(&self, digest: &Digest) -> Option<ModelInfo> {
        self.descriptions.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Keeps what an artifact is.
    pub fn keep_description(&self, digest: Digest, info: &ModelInfo) {
        let mut known = self.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DESCRIPTIONS_MAX {
            known.clear();
        }
        known.insert(digest, info.clone());
    }

    /// Notes what people call an artifact, for the log.
    pub(crate) fn note_name(&self, digest: Digest, reference: &str) {
        if reference.is_empty() {
            return;
        }
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(digest, reference.into());
    }

    /// An artifact for people who read the log.
    pub(crate) fn name_of(&self, digest: &Digest) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        named(names.get(digest).map_or("", |name| name), digest)
    }

    /// The engine's state.
    pub fn stats(&self, connections: usize) -> EngineStats {
        let now = Instant::now();
        let memory_bytes = resident_bytes();
        let cache_bytes = self.cache.bytes() as u64;
        let state = self.lock();
        let counters = &state.counters;
        EngineStats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: counters.uptime_seconds(now),
            device: self.loader.device().to_owned(),
            threads: self.options.threads as u32,
            memory_bytes,
            connections: connections as u32,
            queue_rows: state.queue.rows() as u64,
            requests: counters.requests,
            rows: counters.rows,
            batches: counters.batches,
            cached: counters.cached,
            cache_bytes,
            rows_per_second: counters.rows_per_second(now),
            truncated: self.truncated.load(Ordering::Relaxed),
            rejected: counters.rejected,
            abandoned: counters.abandoned,
            errors: counters.errors,
            models: state.models.stats(),
            sandbox: self.options.sandbox.to_string(),
        }
    }

    /// Makes known how many threads are at something long.
    pub(crate) fn count_detached(&self, state: &State) {
        self.detached.store(state.runs.detached(), Ordering::Relaxed);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under the lock, so a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers all requests for a model with a failure.
    pub(crate) fn fail_model(&self, model: &ModelKey, failure: &Failure) {
        let mut state = self.lock();
        let failed = state.queue.remove_where(|job| job.target.model == *model);
        if failure.is_error() {
            state.counters.errors += failed.len() as u64;
        }
        drop(state);
        failed.iter().for_each(|job| job.fail(failure));
    }
}

/// A model by its name, where it has one, and its digest.
pub(crate) fn named(reference: &str, digest: &Digest) -> String {
    if reference.is_empty() { digest.to_string() } else { format!("{reference} ({digest})") }
}

/// Asks runs to end whose texts nobody waits for any more.
fn end_unwanted(mut state: MutexGuard<'_, State>) {
    let State { queue, runs, .. } = &mut *state;
    let stops: Vec<Arc<Stop>> = runs.unwanted(|job| queue.is_in_work(job), Instant::now());
    drop(state);
    stops.iter().for_each(|stop| stop.ask());
}

/// The reason why a model cannot answer a request, if there is one.
pub(crate) fn refusal(info: &Info, task: Task, rows: usize) -> Option<Failure> {
    let width = width(info, task);
    if width == 0 {
        let message = match task {
            Task::Predict => "the model judges texts, not records",
            Task::Classify | Task::Embed if info.records => "the model judges records, not texts",
            Task::Classify => "the model gives vectors, not classes",
            Task::Embed => "the model gives classes, not vectors",
        };
        return Some(Failure::new(ErrorCode::WrongTask, message));
    }
    if !reply_sink::fits_frame(rows, width, &info.labels) {
        let message = "the answer would not fit one frame: ask for fewer texts at once";
        return Some(Failure::new(ErrorCode::Protocol, message));
    }
    None
}
