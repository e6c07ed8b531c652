//! What a worker thread does: load a model, tokenise some texts, run a batch; then the next thing.

use crate::Engine;
use crate::core::{State, refusal};
use crate::job::{Job, ModelKey, Target};
use crate::log;
use crate::models::Lookup;
use crate::predictor::{Failure, Input, Predictor, width};
use crate::queue::{Item, JobId, Step, TextRef};
use crm_ai_infer::Seat;
use crm_ai_wire::{Digest, ErrorCode, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Texts that a worker tokenises at once: enough to make the lock's cost vanish, few enough that
/// several workers share a large request.
const CHUNK_ROWS: usize = 32;
/// Length of the texts that a worker tokenises at once.
const CHUNK_BYTES: usize = 16 << 10;

/// One thing to do.
enum Work {
    Load(ModelKey, u64),
    Refuse(ModelKey, Failure),
    Tokenise(Target, Arc<dyn Predictor>, Vec<TextRef>),
    Run(Target, Arc<dyn Predictor>, Vec<Item>, Seat),
}

impl Engine {
    /// Works until nothing is left to do. Returns at once when as many threads as may be
    /// ([`EngineOptions::threads`]) are at work: each of them looks again before it leaves. Calls
    /// `help` when there is more to do and another thread may join.
    ///
    /// [`EngineOptions::threads`]: crate::EngineOptions::threads
    pub fn work(&self, help: &dyn Fn()) {
        let mut state = self.lock();
        let Some(seat) = state.free_seats.pop() else { return };
        while let Some(work) = self.pick(seat, &mut state) {
            let more = !state.free_seats.is_empty() && !state.queue.next_targets().is_empty();
            drop(state);
            if more {
                help();
            }
            self.perform(work);
            state = self.lock();
        }
        state.free_seats.push(seat);
    }

    /// The next thing to do for who has that seat, for the lowest rank first.
    fn pick(&self, seat: usize, state: &mut State) -> Option<Work> {
        let limits = &self.loader.limits();
        for target in state.queue.next_targets() {
            let model = target.model;
            let predictor = match state.models.look_up(&model, Instant::now()) {
                Lookup::Absent => return Some(Work::Load(model, state.models.begin_load(model))),
                Lookup::Failed(failure) => return Some(Work::Refuse(model, failure)),
                Lookup::Loading => continue,
                Lookup::Ready(predictor) => predictor,
            };
            state.models.touch(&model);
            match state.queue.next_step(&target, limits) {
                None => continue,
                Some(Step::Tokenise) => {
                    let texts = state.queue.take_texts(&target, CHUNK_ROWS, CHUNK_BYTES);
                    return Some(Work::Tokenise(target, predictor, texts));
                }
                Some(Step::Run) => {
                    let items = state.queue.take_batch(&target, limits);
                    // The others' processors are free while nothing waits for them.
                    let others_idle = state.free_seats.len() + 1 == self.options.threads;
                    let is_alone = others_idle && state.queue.next_targets().is_empty();
                    let seat = if is_alone { Seat::Alone } else { Seat::Worker(seat) };
                    return Some(Work::Run(target, predictor, items, seat));
                }
            }
        }
        None
    }

    fn perform(&self, work: Work) {
        match work {
            Work::Load(model, ticket) => self.load(model, ticket),
            Work::Refuse(model, failure) => self.fail_model(&model, &failure),
            Work::Tokenise(target, predictor, texts) => {
                self.tokenise(&target, &*predictor, texts);
            }
            Work::Run(target, predictor, mut items, seat) => {
                self.drop_late(&mut items);
                if !items.is_empty() {
                    self.run_batch(seat, &target, &*predictor, items);
                }
            }
        }
    }

    fn load(&self, model: ModelKey, ticket: u64) {
        let begin = Instant::now();
        let unknown = || Failure::new(ErrorCode::UnknownModel, "the engine lacks the artifact");
        let outcome = self.store.find(&model.digest).ok_or_else(unknown).and_then(|folder| {
            guarded(|| self.loader.load(&folder, model.precision, self.options.threads))
        });
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
        report_load(&model, begin.elapsed(), &outcome);
    }

    fn tokenise(&self, target: &Target, predictor: &dyn Predictor, texts: Vec<TextRef>) {
        let mut items = Vec::with_capacity(texts.len());
        // Texts that need no model: known already, or the same as another of their request.
        let mut answered: Vec<JobId> = Vec::new();
        let mut cached = 0;
        for text in texts {
            let begin = Instant::now();
            let is_hashed = self.cache.is_on() || text.job.rows() > 1;
            let hash = is_hashed.then(|| Digest::of(text.job.text(text.row).as_bytes()));
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
            match guarded(|| predictor.prepare(text.job.text(text.row))) {
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
    /// the others, so that one cannot spoil another.
    fn run_batch(&self, seat: Seat, target: &Target, predictor: &dyn Predictor, items: Vec<Item>) {
        let begin = Instant::now();
        let numbers = match judge(seat, target.task, predictor, &items) {
            Ok(numbers) => numbers,
            Err(failure) => {
                let mut parts = split_by_job(items);
                if parts.len() == 1 {
                    let part = parts.pop().unwrap_or_default();
                    log::event(format_args!("a batch failed: {failure}"));
                    return part.iter().take(1).for_each(|i| self.fail_job(i.text.id, &failure));
                }
                return parts
                    .into_iter()
                    .for_each(|part| self.run_batch(seat, target, predictor, part));
            }
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
    seat: Seat,
    task: Task,
    predictor: &dyn Predictor,
    items: &[Item],
) -> Result<Vec<f32>, Failure> {
    let batch: Vec<&Input> = items.iter().map(|item| &item.input).collect();
    let numbers = guarded(|| predictor.run(seat, task, &batch))?;
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

fn report_load(model: &ModelKey, spent: Duration, outcome: &Result<Arc<dyn Predictor>, Failure>) {
    let (digest, precision) = (model.digest, model.precision.name());
    match outcome {
        Ok(predictor) => {
            let (seconds, mebibytes) = (spent.as_secs_f64(), predictor.memory_bytes() >> 20);
            log::event(format_args!(
                "model {digest} {precision} loaded in {seconds:.2} s, {mebibytes} MiB"
            ));
        }
        Err(failure) if failure.is_error() => {
            log::event(format_args!("model {digest} {precision} cannot be loaded: {failure}"));
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
