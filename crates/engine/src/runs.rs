//! Work of the threads: the pieces of work in progress, their start and their callers.
//!
//! A piece that takes long gives its worker slot back (it is detached), so that a model that is
//! stuck never holds the threads that other models' texts need. A run that nobody waits for any
//! more, or that is over the limit, is asked to end.

use crate::job::ModelKey;
use crate::queue::JobId;
use crm_ai_infer::Stop;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time from which a piece of work does not hold its worker slot any more.
pub const LONG: Duration = Duration::from_millis(250);
/// Most pieces of work in progress without a worker slot. With more, the longest one is asked to
/// end.
pub const DETACHED_MAX: usize = 32;
/// Time from which a model whose run does not end when asked is asked nothing more.
const OBEYS_WITHIN: Duration = Duration::from_secs(5);

/// Tells a piece of work from all others.
pub type Ticket = u64;

/// A piece of work in progress.
struct Run {
    worker_slot: usize,
    model: ModelKey,
    /// The model's session that is busy with it.
    slot: usize,
    /// The requests whose texts are in it.
    jobs: Vec<JobId>,
    /// Its stop flag, if it has one.
    stop: Option<Arc<Stop>>,
    began: Instant,
    /// Time when it was asked to end.
    asked: Option<Instant>,
    is_detached: bool,
}

/// All pieces of work that go on.
pub struct Runs {
    entries: Vec<(Ticket, Run)>,
    next: Ticket,
    /// Longest time of a run; `None` for no limit.
    limit: Option<Duration>,
}

/// Result of a look at the clock.
#[derive(Default)]
pub struct Due {
    /// Seats that are free again.
    pub worker_slots: Vec<usize>,
    /// Runs to be asked to end.
    pub stops: Vec<Arc<Stop>>,
    /// Requests whose texts are in something that is over the limit and cannot be asked to end.
    pub hopeless: Vec<JobId>,
}

impl Runs {
    /// Nothing yet.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { entries: Vec::new(), next: 0, limit }
    }

    /// Notes that who has the worker slot begins with something for a model, on that session of it.
    pub fn begin(
        &mut self,
        worker_slot: usize,
        model: ModelKey,
        slot: usize,
        now: Instant,
    ) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        let (jobs, stop, asked) = (Vec::new(), None, None);
        let run =
            Run { worker_slot, model, slot, jobs, stop, began: now, asked, is_detached: false };
        self.entries.push((ticket, run));
        ticket
    }

    /// Notes whose texts a piece of work is for that cannot be asked to end.
    pub fn note_jobs(&mut self, ticket: Ticket, jobs: Vec<JobId>) {
        if let Some((_, run)) = self.entries.iter_mut().find(|(number, _)| *number == ticket) {
            run.jobs = jobs;
        }
    }

    /// Notes that a run begins for the texts of these requests, and how it is asked to end.
    pub fn begin_run(&mut self, ticket: Ticket, jobs: Vec<JobId>, now: Instant) -> Arc<Stop> {
        let stop = Arc::new(Stop::default());
        if let Some((_, run)) = self.entries.iter_mut().find(|(number, _)| *number == ticket) {
            (run.jobs, run.began, run.asked) = (jobs, now, None);
            run.stop = Some(Arc::clone(&stop));
        }
        stop
    }

    /// Notes the end of a piece of work; whether who did it has its worker slot still.
    pub fn end(&mut self, ticket: Ticket) -> bool {
        let place = self.entries.iter().position(|(number, _)| *number == ticket);
        place.is_none_or(|place| !self.entries.swap_remove(place).1.is_detached)
    }

    /// True if nothing is at work.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Pieces of work without a worker slot.
    pub fn detached(&self) -> usize {
        self.entries.iter().filter(|(_, run)| run.is_detached).count()
    }

    /// The longest time for which a worker slot has been held for one piece of work.
    pub fn longest_with_worker_slot(&self, now: Instant) -> Duration {
        let with_slot = self.entries.iter().filter(|(_, run)| !run.is_detached);
        with_slot.map(|(_, run)| now.saturating_duration_since(run.began)).max().unwrap_or_default()
    }

    /// True if a session of a model is busy with something that has no worker slot any more.
    pub fn is_taken(&self, model: &ModelKey, slot: usize) -> bool {
        self.detached_of(model).any(|run| run.slot == slot)
    }

    /// True if a model is at something that has no worker slot any more.
    pub fn is_long_at_work(&self, model: &ModelKey) -> bool {
        self.detached_of(model).next().is_some()
    }

    /// True if a model does not end a run that it was asked to end.
    pub fn is_stuck(&self, model: &ModelKey, now: Instant) -> bool {
        let mut asked = self.detached_of(model).filter_map(|run| run.asked);
        asked.any(|asked| now.saturating_duration_since(asked) > OBEYS_WITHIN)
    }

    /// Runs whose texts nobody waits for; `is_waiting` tells whether a request is in work.
    pub fn unwanted(&mut self, is_waiting: impl Fn(JobId) -> bool, now: Instant) -> Vec<Arc<Stop>> {
        let runs = self.entries.iter_mut().map(|(_, run)| run).filter(|run| run.stop.is_some());
        runs.filter(|run| run.asked.is_none() && !run.jobs.iter().any(|job| is_waiting(*job)))
            .filter_map(|run| {
                run.asked = Some(now);
                run.stop.clone()
            })
            .collect()
    }

    /// Looks which pieces of work take long, and which too long.
    pub fn look(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        let mut detached = self.detached();
        for (_, run) in &mut self.entries {
            let spent = now.saturating_duration_since(run.began);
            if !run.is_detached && spent >= LONG && detached < DETACHED_MAX {
                run.is_detached = true;
                detached += 1;
                due.worker_slots.push(run.worker_slot);
            }
            if run.asked.is_none()
                && self.limit.is_some_and(|limit| spent >= limit)
                && !run.jobs.is_empty()
            {
                run.asked = Some(now);
                match &run.stop {
                    Some(stop) => due.stops.push(Arc::clone(stop)),
                    None => due.hopeless.extend(&run.jobs),
                }
            }
        }
        if detached >= DETACHED_MAX {
            due.stops.extend(self.longest(now));
        }
        due
    }

    /// The run that has gone on longest of those that were not asked to end, which it is now.
    fn longest(&mut self, now: Instant) -> Option<Arc<Stop>> {
        let runs = self.entries.iter_mut().map(|(_, run)| run);
        let asked_none = runs.filter(|run| run.asked.is_none() && run.stop.is_some());
        let run = asked_none.min_by_key(|run| run.began)?;
        run.asked = Some(now);
        run.stop.clone()
    }

    fn detached_of<'a>(&'a self, model: &'a ModelKey) -> impl Iterator<Item = &'a Run> {
        let runs = self.entries.iter().map(|(_, run)| run);
        runs.filter(move |run| run.is_detached && run.model == *model)
    }
}
