//! Work of a worker thread: load a model, tokenise some texts, run a batch; then the next thing.

use crate::Engine;
use crate::artifacts::Place;
use crate::core::{State, named, refusal};
use crate::job::{Job, ModelKey, Target};
use crate::log;
use crate::models::Lookup;
use crate::predictor::{Failure, Input, Predictor, width};
use crate::queue::{Item, JobId, Step, TextRef};
use crate::runs::Ticket;
use crm_ai_infer::{Stop, WorkerSlot};
use crm_ai_wire::{Digest, ErrorCode, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Texts that a worker tokenises at once: enough to make the lock's cost vanish, few enough that
/// several workers share a large request.
const CHUNK_ROWS: usize = 32;
/// Length of the texts that a worker tokenises at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Slots of a model's tokenizer, one for each worker slot, count down from here.
const TOKENISERS: usize = usize::MAX - 1;

/// One thing to do.
enum Work {
    Load(ModelKey, u64),
    Refuse(ModelKey, Failure),
    Tokenise(Target, Arc<dyn Predictor>, Vec<TextRef>),
    Run(Target, Arc<dyn Predictor>, Vec<Item>, WorkerSlot),
}

/// A batch under way, or what is left of it.
struct Batch<'a> {
    ticket: Ticket,
    worker_slot: WorkerSlot,
    target: &'a Target,
    predictor: &'a dyn Predictor,
}

impl Engine {
    /// Works until nothing is left to do. Returns at once when as many threads as may be
    /// ([`EngineOptions::threads`]) are at work: each of them looks again before it leaves. Calls
    /// `help` when there is more to do and another thread may join.
    ///
    /// [`EngineOptions::threads`]: crate::EngineOptions::threads
    pub fn work(&self, help: &dyn Fn()) {
        let mut state = self.lock();
        while let Some(worker_slot) = state.free_worker_slots.pop() {
            let mut has_worker_slot = true;
            while has_worker_slot && let Some((work, ticket)) = self.pick(worker_slot, &mut state) {
                let more =
                    !state.free_worker_slots.is_empty() && !state.queue.next_targets().is_empty();
                drop(state);
                if more {
                    help();
                }
                self.perform(work, ticket);
                state = self.lock();
                has_worker_slot = self.end(ticket, &mut state);
            }
            if has_worker_slot {
                state.free_worker_slots.push(worker_slot);
                return;
            }
            // Another has the worker slot by now.
        }
    }

    /// The next thing to do in that worker slot, for the lowest rank first. Leaves out work for a
    /// part of a model that is busy with something long.
    fn pick(&self, worker_slot: usize, state: &mut State) -> Option<(Work, Ticket)> {
        let limits = &self.loader.limits();
        let now = Instant::now();
        state.looked = now;
        for target in state.queue.next_targets() {
            let model = target.model;
            let predictor = match state.models.look_up(&model, now) {
                Lookup::Absent => {
                    let work = Work::Load(model, state.models.begin_load(model));
                    return Some((work, state.runs.begin(worker_slot, model, worker_slot, now)));
                }
                Lookup::Failed(failure) => {
                    let ticket = state.runs.begin(worker_slot, model, worker_slot, now);
                    return Some((Work::Refuse(model, failure), ticket));
                }
                Lookup::Loading => continue,
                Lookup::Ready(predictor) => predictor,
            };
            if state.runs.is_stuck(&model, now) {
                let ticket = state.runs.begin(worker_slot, model, worker_slot, now);
                return Some((Work::Refuse(model, self.over_limit()), ticket));
            }
            state.models.touch(&model);
            let (slot, tokeniser) =
                (predictor.slot(WorkerSlot::Worker(worker_slot)), TOKENISERS - worker_slot);
            match state.queue.next_step(&target, limits) {
                None => continue,
                Some(Step::Tokenise) if state.runs.is_taken(&model, tokeniser) => continue,
                Some(Step::Run) if state.runs.is_taken(&model, slot) => continue,
                Some(Step::Tokenise) => {
                    let texts = state.queue.take_texts(&target, CHUNK_ROWS, CHUNK_BYTES);
                    let ticket = state.runs.begin(worker_slot, model, tokeniser, now);
                    let jobs = texts.iter().map(|text| text.id).collect();
                    state.runs.note_jobs(ticket, jobs);
                    return Some((Work::Tokenise(target, predictor, texts), ticket));
                }
                Some(Step::Run) => {
                    let items = state.queue.take_batch(&target, limits);
                    // The others' processors are free while nothing waits for them.
                    let others_idle = state.free_worker_slots.len() + 1 == self.options.threads;
                    let is_alone = others_idle
                        && state.queue.next_targets().is_empty()
                        && !state.runs.is_long_at_work(&model);
                    let place =
                        if is_alone { WorkerSlot::Alone } else { WorkerSlot::Worker(worker_slot) };
                    let ticket = state.runs.begin(worker_slot, model, predictor.slot(place), now);
                    return Some((Work::Run(target, predictor, items, place), ticket));
                }
            }
        }
        None
    }

    /// Notes the end of a piece of work; whether the thread has its worker slot still.
    fn end(&self, ticket: Ticket, state: &mut State) -> bool {
        let has_worker_slot = state.runs.end(ticket);
        if !has_worker_slot {
            self.count_detached(state);
        }
        has_worker_slot
    }

    fn perform(&self, work: Work, ticket: Ticket) {
        match work {
            Work::Load(model, load) => self.load(model, load),
            Work::Refuse(model, failure) => self.fail_model(&model, &failure),
            Work::Tokenise(target, predictor, texts) => {
                self.tokenise(&target, &*predictor, texts);
            }
            Work::Run(target, predictor, mut items, worker_slot) => {
                self.drop_late(&mut items);
                let batch = Batch { ticket, worker_slot, target: &target, predictor: &*predictor };
                self.run_batch(&batch, items);
            }
        }
    }

    /// Failure of a request whose model took too long.
    pub(crate) fn over_limit(&self) -> Failure {
        let seconds = self.options.run_limit.map_or(0.0, |limit| limit.as_secs_f64());
        let message =
            format!("the model did not finish a batch within crm_ai.run_limit ({seconds} s)");
        Failure::new(ErrorCode::RunLimit, message)
    }

    fn load(&self, model: ModelKey, ticket: u64) {
        let begin = Instant::now();
        let asked = self.lock().queue.jobs_of(&model);
        if let Some((_, job)) = asked.first() {
            self.note_name(model.digest, &job.reference);
        }
        let unknown = || Failure::new(ErrorCode::UnknownModel, "the engine lacks the artifact");
        let place = self.store.find(&model.digest).ok_or_else(unknown);
        let outcome = place.and_then(|place| self.load_checked(&model, &place));
        let now = Instant::now();
        let mut state = self.lock();
        let outcome = state.models.end_load(model, ticket, outcome, now);
        // In the same breath, so that no other worker begins a request that cannot be answered.
        let why = |job: &Job| match &outcome {
            Ok(predictor) => refusal(predictor.info(), job.target.task, job.rows()),
            Err(failure) => Some(failure.clone()),
        };
        let refused =
            state.queue.remove_where(|job| job.target.model == model && why(job).is_some());
        let errors = refused.iter().filter_map(|job| why(job)).filter(Failure::is_error);
        state.counters.errors += errors.count() as u64;
        drop(state);
        for job in refused {
            if let Some(failure) = why(&job) {
                job.fail(&failure);
            }
        }
        report_load(&self.name_of(&model.digest), &model, begin.elapsed(), &outcome);
    }

    /// Loads a model and checks its files meanwhile, in a thread beside.
    fn load_checked(&self, model: &ModelKey, place: &Place) -> Result<Arc<dyn Predictor>, Failure> {
        let check = || {
            let checked = guarded(|| self.store.check(&model.digest, place));
            if let Err(failure) = &checked {
                log::warning(format_args!("model {}: {failure}", self.name_of(&model.digest)));
            }
            checked
        };
        let load =
            || guarded(|| self.loader.load(place.folder(), model.precision, self.options.threads));
        thread::scope(|scope| {
            match thread::Builder::new().name("check".to_owned()).spawn_scoped(scope, check) {
                Ok(checking) => {
                    let loaded = load();
                    // A check that panicked was guarded.
                    checking.join().unwrap_or(Ok(())).and(loaded)
                }
                Err(_) => check().and_then(|()| load()),
            }
        })
    }

    fn tokenise(&self, target: &Target, predictor: &dyn Predictor, texts: Vec<TextRef>) {
        let mut items = Vec::with_capacity(texts.len());
        // Texts that need no model: known already, or the same as another of their request.
        let mut answered: Vec<JobId> = Vec::new();
        let mut cached = 0;
        for text in texts {
            let begin = Instant::now();
            let is_hashed = self.cache.is_on() || text.job.rows() > 1;
            // What the model does not read makes no other text.
            let readable = predictor.readable(text.job.text(text.row));
            let hash = is_hashed.then(|| Digest::of(readable.as_bytes()));
            if !text.job.take_up(text.row, hash, begin) {
                answered.push(text.id);
                continue;
            }
            if let Some(known) = hash.and_then(|hash| self.cache.get(target, &hash)) {
                text.job.keep_known(text.row, &known);
                answered.push(text.id);
                cached += 1;
                continue;
            }
            match guarded(|| predictor.prepare(readable)) {
                Ok(input) => {
                    text.job.add_tokenise_time(begin.elapsed());
                    items.push(Item { text, input, hash });
                }
                Err(failure) => self.fail_job(text.id, &failure),
            }
        }
        let mut state = self.lock();
        state.counters.cached += cached;
        state.queue.put_items(target, items);
        let done = complete(&mut state, target, &answered);
        drop(state);
        self.answer(&done, predictor);
    }

    /// Runs a batch and keeps its answers. When it fails, each request of it is tried apart from
    /// the others, so that one cannot spoil another. A run that is ended from outside fails
    /// likewise, but for what nobody waits for any more.
    fn run_batch(&self, batch: &Batch<'_>, mut items: Vec<Item>) {
        let begin = Instant::now();
        let stop = {
            let mut state = self.lock();
            items.retain(|item| state.queue.is_in_work(item.text.id));
            let jobs = items.iter().map(|item| item.text.id).collect();
            state.runs.begin_run(batch.ticket, jobs, begin)
        };
        if items.is_empty() {
            return;
        }
        let Batch { worker_slot, target, predictor, .. } = *batch;
        let numbers = match judge(worker_slot, target.task, predictor, &items, &stop) {
            Ok(numbers) => numbers,
            Err(failure) => return self.fail_batch(batch, items, failure, &stop),
        };
        let end = Instant::now();
        let rows = numbers.chunks_exact(width(predictor.info(), target.task));
        for (item, row) in items.iter().zip(rows) {
            item.text.job.keep(item.text.row, row, item.input.is_truncated(), (begin, end));
            if let Some(hash) = item.hash.filter(|_| self.cache.is_on()) {
                self.cache.put(target, hash, row, item.input.is_truncated());
            }
        }
        let ids: Vec<JobId> = items.iter().map(|item| item.text.id).collect();
        let mut state = self.lock();
        state.counters.batches += 1;
        let done = complete(&mut state, target, &ids);
        drop(state);
        self.answer(&done, predictor);
    }

    /// Does what is to be done about a batch that failed.
    fn fail_batch(
        &self,
        batch: &Batch<'_>,
        mut items: Vec<Item>,
        mut failure: Failure,
        stop: &Stop,
    ) {
        if stop.is_asked() {
            let state = self.lock();
            items.retain(|item| state.queue.is_in_work(item.text.id));
            failure = self.over_limit();
        }
        let Batch { target, .. } = *batch;
        let mut parts = split_by_job(items);
        if parts.len() > 1 {
            return parts.into_iter().for_each(|part| self.run_batch(batch, part));
        }
        let part = parts.pop().unwrap_or_default();
        if let Some(item) = part.first() {
            let model = named(&item.text.job.reference, &target.model.digest);
            log::warning(format_args!("model {model}: a batch failed: {failure}"));
            self.fail_job(item.text.id, &failure);
        }
    }

    fn answer(&self, done: &[Arc<Job>], predictor: &dyn Predictor) {
        for job in done {
            job.reply(predictor.info(), &self.truncated);
        }
    }

    fn fail_job(&self, id: JobId, failure: &Failure) {
        let mut state = self.lock();
        let job = state.queue.remove(id);
        state.counters.errors += u64::from(job.is_some());
        drop(state);
        if let Some(job) = job {
            job.fail(failure);
        }
    }

    /// Drops texts whose deadline passed while they waited.
    fn drop_late(&self, items: &mut Vec<Item>) {
        let now = Instant::now();
        items.retain(|item| {
            let late = item.text.job.is_late(now);
            if late {
                let mut state = self.lock();
                let job = state.queue.remove(item.text.id);
                state.counters.abandoned += u64::from(job.is_some());
                drop(state);
                if let Some(job) = job {
                    job.fail_late();
                }
            }
            !late
        });
    }
}

/// Counts texts as done, one for each id; gives the requests that have none left.
fn complete(state: &mut State, target: &Target, ids: &[JobId]) -> Vec<Arc<Job>> {
    let done: Vec<Arc<Job>> = ids.iter().filter_map(|id| state.queue.complete(*id, 1)).collect();
    state.counters.add_rows(ids.len() as u64, Instant::now());
    state.counters.requests += done.len() as u64;
    state.models.count(&target.model, done.len() as u64, ids.len() as u64);
    done
}

/// Asks the model, and checks what it says.
fn judge(
    worker_slot: WorkerSlot,
    task: Task,
    predictor: &dyn Predictor,
    items: &[Item],
    stop: &Stop,
) -> Result<Vec<f32>, Failure> {
    let batch: Vec<&Input> = items.iter().map(|item| &item.input).collect();
    let numbers = guarded(|| predictor.run(worker_slot, task, &batch, stop))?;
    let expected = items.len() * width(predictor.info(), task);
    if expected == 0 || numbers.len() != expected {
        let message = format!("the model gave {} numbers, not {expected}", numbers.len());
        return Err(Failure::new(ErrorCode::Internal, message));
    }
    if !numbers.iter().all(|number| number.is_finite()) {
        let message = "the model gave a number that is not finite";
        return Err(Failure::new(ErrorCode::Internal, message));
    }
    Ok(numbers)
}

/// Calls foreign code; a panic in it is a failure of this call and of nothing else.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What the closure touches is dropped or holds no state between calls.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(Failure::new(ErrorCode::Internal, "a defect in the engine; its log tells the place"))
    })
}

fn report_load(
    name: &str,
    model: &ModelKey,
    spent: Duration,
    outcome: &Result<Arc<dyn Predictor>, Failure>,
) {
    let precision = model.precision.name();
    match outcome {
        Ok(predictor) => {
            let (seconds, mebibytes) = (spent.as_secs_f64(), predictor.memory_bytes() >> 20);
            log::event(format_args!(
                "model {name} {precision} loaded in {seconds:.2} s, {mebibytes} MiB"
            ));
        }
        Err(failure) if failure.is_error() => {
            log::warning(format_args!("model {name} {precision} cannot be loaded: {failure}"));
        }
        Err(_) => {}
    }
}

fn split_by_job(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut parts: Vec<Vec<Item>> = Vec::new();
    for item in items {
        let same = |part: &&mut Vec<Item>| part.iter().any(|i| i.text.id == item.text.id);
        match parts.iter_mut().find(same) {
            Some(part) => part.push(item),
            None => parts.push(vec![item]),
        }
    }
    parts
}
