//! Queue of requests, their texts, and the order in which texts are taken up.
//!
//! Connections share the engine alike, by the length of their texts. Every text has a [`Rank`], a
//! place in virtual time: who comes after others begins where the virtual clock stands, and each
//! text of a connection ranks behind the one before it by what that one costs. The clock advances
//! by what is done, divided by the connections that have something in work. The lowest rank
//! goes first. So the single text of one connection overtakes the backlog of another, yet never
//! for ever: a waiting text's rank stays while later requests' ranks grow.
//!
//! A text waits twice: as it came, then tokenised in the pool of its [`Target`], where a batch
//! takes texts of similar length, anchored on the lowest rank. No thread and no model is known
//! here.

use crate::job::{Job, ModelKey, Target};
use crate::predictor::{Failure, Input};
use crm_ai_wire::{Digest, ErrorCode};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Cost of a text beside its length, in bytes of text.
const ROW_COST: u64 = 64;
/// Steps of a rank in which a byte counts: the clock advances by fractions.
const BYTE_COST: u64 = 256;

/// Requests of at most that many texts have a bound of their own, so that large requests can fill
/// the queue without shutting small ones out.
pub const SMALL_ROWS_MAX: usize = 32;

/// And of at most that length.
pub const SMALL_BYTES_MAX: usize = 256 << 10;

/// Length of the texts that may wait, of small and of large requests, beside those of one request
/// that came to an empty queue.
pub const QUEUE_BYTES_MAX: [usize; 2] = [64 << 20, 256 << 20];

/// Most waiting texts of one connection: a quarter of all texts, or that many, and so many bytes;
/// beside one request.
pub const CONNECTION_ROWS: usize = 16_384;
/// See [`CONNECTION_ROWS`].
pub const CONNECTION_BYTES_MAX: usize = 64 << 20;

/// Place in the order.
pub type Rank = u64;

/// Identity of a request in this queue, never reused.
pub type JobId = u64;

/// Bounds of one batch.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Texts times the longest one's tokens; one over-long text alone is allowed.
    pub padded_tokens: usize,
    /// Tokens that the pool of tokenised texts should hold, so that texts of similar length are
    /// found.
    pub pool_tokens: usize,
}

/// One text of a request.
#[derive(Clone)]
pub struct TextRef {
    /// The request's place in the queue.
    pub id: JobId,
    /// The request.
    pub job: Arc<Job>,
    /// Number of the text in its request.
    pub row: u32,
}

/// A tokenised text, or the features of a record.
pub struct Item {
    /// The text.
    pub text: TextRef,
    /// Its tokens or features.
    pub input: Input,
    /// The text's hash, under which the answer is kept.
    pub hash: Option<Digest>,
}

/// Next step for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Tokenise texts.
    Tokenise,
    /// Run a batch.
    Run,
}

struct Entry {
    job: Arc<Job>,
    /// Texts without an answer.
    outstanding: usize,
    last_progress: Instant,
    /// Rank of its first text.
    start: Rank,
}

/// Texts of a connection in work.
#[derive(Default)]
struct Share {
    jobs: usize,
    rows: usize,
    bytes: usize,
    /// Rank of the text after its last one.
    end: Rank,
}

#[derive(Default)]
struct Group {
    /// Requests with texts that are not tokenised: by the rank of the next such text.
    waiting: BTreeMap<(Rank, JobId), (Arc<Job>, u32)>,
    /// Tokenised texts by length.
    pool: BTreeMap<(usize, u64), (Rank, Item)>,
    /// The pool by rank: rank, then key in the pool.
    ranks: BTreeSet<(Rank, usize, u64)>,
    pool_tokens: usize,
}

/// All requests in work.
pub struct Queue {
    /// Virtual time.
    clock: Rank,
    rows_max: usize,
    shares: HashMap<u64, Share>,
    jobs: BTreeMap<JobId, Entry>,
    by_caller: HashMap<(u64, u64), JobId>,
    groups: HashMap<Target, Group>,
    next_id: JobId,
    next_item: u64,
    /// Texts without an answer, of small and of large requests.
    rows: [usize; 2],
    bytes: [usize; 2],
}

impl Queue {
    /// An empty queue that lets `rows_max` texts wait.
    pub fn new(rows_max: usize) -> Self {
        Self {
            clock: 0,
            rows_max,
            shares: HashMap::new(),
            jobs: BTreeMap::new(),
            by_caller: HashMap::new(),
            groups: HashMap::new(),
            next_id: 0,
            next_item: 0,
            rows: [0; 2],
            bytes: [0; 2],
        }
    }

    /// Takes a request up, or refuses it because too much waits already. A request on its own is
    /// never too large: the frame bounds it.
    pub fn admit(&mut self, job: Arc<Job>) -> Result<JobId, Failure> {
        if !self.has_room(&job) {
            return Err(Failure::new(ErrorCode::QueueFull, "the engine's queue is full"));
        }
        let id = self.next_id;
        self.next_id += 1;
        self.rows[lane(&job)] += job.rows();
        self.bytes[lane(&job)] += job.bytes();
        self.by_caller.insert((job.caller.connection, job.caller.request_id), id);
        let share = self.shares.entry(job.caller.connection).or_default();
        let start = share.end.max(self.clock);
        share.jobs += 1;
        share.rows += job.rows();
        share.bytes += job.bytes();
        share.end = start.saturating_add(cost_before(&job, job.rows()));
        let group = self.groups.entry(job.target).or_default();
        group.waiting.insert((start, id), (Arc::clone(&job), 0));
        let (outstanding, last_progress) = (job.rows(), job.arrival);
        self.jobs.insert(id, Entry { job, outstanding, last_progress, start });
        Ok(id)
    }

    fn has_room(&self, job: &Job) -> bool {
        let fits = |held: usize, more: usize, bound: usize| {
            held == 0 || held.saturating_add(more) <= bound
        };
        let lane = lane(job);
        let own = self.shares.get(&job.caller.connection);
        let own_rows_max = CONNECTION_ROWS.max(self.rows_max / 4);
        fits(self.rows[lane], job.rows(), self.rows_max)
            && fits(self.bytes[lane], job.bytes(), QUEUE_BYTES_MAX[lane])
            && own.is_none_or(|own| {
                fits(own.rows, job.rows(), own_rows_max)
                    && fits(own.bytes, job.bytes(), CONNECTION_BYTES_MAX)
            })
    }

    /// True if that caller's request is in work.
    pub fn holds(&self, connection: u64, request_id: u64) -> bool {
        self.by_caller.contains_key(&(connection, request_id))
    }

    /// Takes a request out, with all that waits of it. `None` when it was answered already, so
    /// whoever gets it is the one to answer it.
    pub fn remove(&mut self, id: JobId) -> Option<Arc<Job>> {
        let Entry { job, outstanding, .. } = self.jobs.remove(&id)?;
        if outstanding > 0
            && let Some(group) = self.groups.get_mut(&job.target)
        {
            group.drop_job(id);
        }
        self.rows[lane(&job)] -= outstanding;
        self.bytes[lane(&job)] -= job.bytes();
        if let Some(share) = self.shares.get_mut(&job.caller.connection) {
            share.jobs -= 1;
            share.rows -= outstanding;
            share.bytes -= job.bytes();
            if share.jobs == 0 {
                self.shares.remove(&job.caller.connection);
            }
        }
        self.by_caller.remove(&(job.caller.connection, job.caller.request_id));
        self.drop_empty_group(&job.target);
        Some(job)
    }

    /// Takes a caller's request out.
    pub fn remove_request(&mut self, connection: u64, request_id: u64) -> Option<Arc<Job>> {
        let id = *self.by_caller.get(&(connection, request_id))?;
        self.remove(id)
    }

    /// Takes out all requests for which `condition` holds.
    pub fn remove_where(&mut self, condition: impl Fn(&Job) -> bool) -> Vec<Arc<Job>> {
        let found: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, entry)| condition(&entry.job))
            .map(|(id, _)| *id)
            .collect();
        found.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Counts texts of a request as done; the request itself when it has no other.
    pub fn complete(&mut self, id: JobId, rows: usize) -> Option<Arc<Job>> {
        let entry = self.jobs.get_mut(&id)?;
        let rows = rows.min(entry.outstanding);
        entry.outstanding -= rows;
        let mean_cost = cost_before(&entry.job, entry.job.rows()) / entry.job.rows().max(1) as u64;
        let sharers = self.shares.len().max(1) as u64;
        self.clock = self.clock.saturating_add(mean_cost * rows as u64 / sharers);
        self.rows[lane(&entry.job)] -= rows;
        if let Some(share) = self.shares.get_mut(&entry.job.caller.connection) {
            share.rows -= rows;
        }
        if entry.outstanding == 0 { self.remove(id) } else { None }
    }

    /// Requests whose last word to their caller is `interval` ago, with the texts done so far.
    pub fn due_progress(&mut self, now: Instant, interval: Duration) -> Vec<(Arc<Job>, usize)> {
        let mut due = Vec::new();
        for entry in self.jobs.values_mut() {
            if now.saturating_duration_since(entry.last_progress) >= interval {
                entry.last_progress = now;
                due.push((Arc::clone(&entry.job), entry.job.rows() - entry.outstanding));
            }
        }
        due
    }

    /// Texts without an answer.
    pub fn rows(&self) -> usize {
        self.rows.iter().sum()
    }

    /// True if a request is in work.
    pub fn is_in_work(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id)
    }

    /// True if no request is in work.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Requests for a model.
    pub fn jobs_of(&self, model: &ModelKey) -> Vec<(JobId, Arc<Job>)> {
        self.jobs
            .iter()
            .filter(|(_, entry)| entry.job.target.model == *model)
            .map(|(id, entry)| (*id, Arc::clone(&entry.job)))
            .collect()
    }

    /// The targets for which something can be done, with the lowest rank first.
    pub fn next_targets(&self) -> Vec<Target> {
        let mut targets: Vec<(Rank, Target)> = self
            .groups
            .iter()
            .filter_map(|(target, group)| Some((group.lowest_rank()?, *target)))
            .collect();
        targets.sort_unstable_by_key(|(rank, _)| *rank);
        targets.into_iter().map(|(_, target)| target).collect()
    }

    /// The next step for a target: a text that ranks before all of the pool is tokenised at once;
    /// else the pool is filled before it is drawn from.
    pub fn next_step(&self, target: &Target, limits: &BatchLimits) -> Option<Step> {
        let group = self.groups.get(target)?;
        match (group.lowest_waiting(), group.lowest_pooled()) {
            (None, None) => None,
            (Some(_), None) => Some(Step::Tokenise),
            (None, Some(_)) => Some(Step::Run),
            (Some(waiting), Some(pooled)) => {
                let low = group.pool_tokens < limits.pool_tokens;
                Some(if waiting < pooled || low { Step::Tokenise } else { Step::Run })
            }
        }
    }

    /// Takes the next texts to tokenise, in the order of their ranks: at least one, then more up
    /// to a count and a length.
    pub fn take_texts(&mut self, target: &Target, rows: usize, bytes: usize) -> Vec<TextRef> {
        let mut taken = Vec::new();
        let mut taken_bytes = 0;
        while taken.len() < rows && taken_bytes < bytes {
            let Some(group) = self.groups.get_mut(target) else { break };
            let Some(((_, id), (job, row))) = group.waiting.pop_first() else { break };
            taken_bytes += job.text(row).len();
            taken.push(TextRef { id, job: Arc::clone(&job), row });
            let next = row + 1;
            if (next as usize) < job.rows() {
                let rank = self.rank(id, &job, next);
                if let Some(group) = self.groups.get_mut(target) {
                    group.waiting.insert((rank, id), (job, next));
                }
            }
        }
        taken
    }

    /// Puts tokenised texts into the pool, save those whose request is no longer in work.
    pub fn put_items(&mut self, target: &Target, items: impl IntoIterator<Item = Item>) {
        for item in items {
            if !self.jobs.contains_key(&item.text.id) {
                continue;
            }
            let rank = self.rank(item.text.id, &item.text.job, item.text.row);
            let key = (item.input.tokens(), self.next_item);
            self.next_item += 1;
            let group = self.groups.entry(*target).or_default();
            group.pool_tokens += key.0;
            group.ranks.insert((rank, key.0, key.1));
            group.pool.insert(key, (rank, item));
        }
    }

    /// Takes a batch: the text of the lowest rank, and texts of similar length beside it as long
    /// as the padded batch stays within the limit. Shortest first.
    pub fn take_batch(&mut self, target: &Target, limits: &BatchLimits) -> Vec<Item> {
        let Some(group) = self.groups.get_mut(target) else { return Vec::new() };
        let batch = group.take_batch(limits.padded_tokens);
        self.drop_empty_group(target);
        batch
    }

    fn rank(&self, id: JobId, job: &Job, row: u32) -> Rank {
        let start = self.jobs.get(&id).map_or(self.clock, |entry| entry.start);
        start.saturating_add(cost_before(job, row as usize))
    }

    /// Models come and go; their empty groups must not pile up.
    fn drop_empty_group(&mut self, target: &Target) {
        if self.groups.get(target).is_some_and(|group| group.lowest_rank().is_none()) {
            self.groups.remove(target);
        }
    }
}

impl Group {
    fn lowest_waiting(&self) -> Option<Rank> {
        self.waiting.first_key_value().map(|((rank, _), _)| *rank)
    }

    fn lowest_pooled(&self) -> Option<Rank> {
        self.ranks.first().map(|(rank, _, _)| *rank)
    }

    fn lowest_rank(&self) -> Option<Rank> {
        [self.lowest_waiting(), self.lowest_pooled()].into_iter().flatten().min()
    }

    fn drop_job(&mut self, id: JobId) {
        self.waiting.retain(|(_, other), _| *other != id);
        let found: Vec<(usize, u64)> =
            self.pool.iter().filter(|(_, (_, item))| item.text.id == id).map(|(k, _)| *k).collect();
        for key in found {
            self.take(key);
        }
    }

    fn take(&mut self, key: (usize, u64)) -> Option<Item> {
        let (rank, item) = self.pool.remove(&key)?;
        self.ranks.remove(&(rank, key.0, key.1));
        self.pool_tokens -= key.0;
        Some(item)
    }

    fn take_batch(&mut self, padded_tokens: usize) -> Vec<Item> {
        let Some(&(_, length, sequence)) = self.ranks.first() else { return Vec::new() };
        let anchor = (length, sequence);
        // Neighbours on both sides, the nearer in length first.
        let mut shorter = self.pool.range(..anchor).rev().map(|(key, _)| *key).peekable();
        let mut longer = self.pool.range(anchor..).skip(1).map(|(key, _)| *key).peekable();
        let mut keys = vec![anchor];
        let (mut shortest, mut longest) = (length, length);
        loop {
            let (down, up) = (shorter.peek().copied(), longer.peek().copied());
            let (take_down, key) = match (down, up) {
                (None, None) => break,
                (Some(down), None) => (true, down),
                (None, Some(up)) => (false, up),
                (Some(down), Some(up)) if length - down.0 <= up.0 - length => (true, down),
                (Some(_), Some(up)) => (false, up),
            };
            let (low, high) = (shortest.min(key.0), longest.max(key.0));
            if !are_similar(low, high) || (keys.len() + 1) * high > padded_tokens {
                break;
            }
            (shortest, longest) = (low, high);
            keys.push(key);
            if take_down {
                shorter.next()
            } else {
                longer.next()
            };
        }
        keys.sort_unstable();
        keys.into_iter().filter_map(|key| self.take(key)).collect()
    }
}

/// True if texts of these lengths may share a batch: padding wastes at most about a fifth.
fn are_similar(shortest: usize, longest: usize) -> bool {
    longest <= shortest + shortest / 4 + 4
}

/// Index of the bound that counts the request's texts.
fn lane(job: &Job) -> usize {
    usize::from(job.rows() > SMALL_ROWS_MAX || job.bytes() > SMALL_BYTES_MAX)
}

/// The cost of the texts of a request before that one.
fn cost_before(job: &Job, row: usize) -> u64 {
    (job.bytes_before(row) as u64 + row as u64 * ROW_COST) * BYTE_COST
}

#[cfg(test)]
mod tests;
