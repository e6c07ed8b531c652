//! One request for answers while it is in work.

use crate::cache::Known;
use crate::predictor::{Failure, Predictor};
use crate::reply_sink::ReplySink;
use crm_ai_infer::Info;
use crm_ai_wire::{
    Digest, ErrorCode, Infer, Precision, Reply, Rows, Scores, Task, Timings, Vectors,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A model as it is loaded: the artifact and its arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelKey {
    /// The artifact.
    pub digest: Digest,
    /// The arithmetic.
    pub precision: Precision,
}

/// Properties that the texts of a batch share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// The model.
    pub model: ModelKey,
    /// Kind of computation.
    pub task: Task,
}

/// Connection and request that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The connection, never reused.
    pub connection: u64,
    /// The frame's id.
    pub request_id: u64,
}

/// A request, its texts and what is known of the answer.
pub struct Job {
    /// The caller.
    pub caller: Caller,
    /// Kind of computation and model.
    pub target: Target,
    /// Time of arrival of the request.
    pub arrival: Instant,
    /// Time after which nobody waits for the answer.
    pub deadline: Option<Instant>,
    /// Name of the version, for the log; may be empty.
    pub reference: Box<str>,
    sink: Arc<dyn ReplySink>,
    /// All texts back to back.
    texts: Box<str>,
    /// End of each text.
    ends: Box<[u32]>,
    answer: Mutex<Answer>,
}

#[derive(Default)]
struct Answer {
    /// Row after row; empty until the first batch tells the width.
    numbers: Vec<f32>,
    truncated: Vec<bool>,
    /// The first row of each different text.
    firsts: HashMap<Digest, u32>,
    /// Rows whose text equals that of an earlier row.
    repeats: Vec<(u32, u32)>,
    /// Texts whose answers were known already.
    cached: u32,
    taken: Option<Instant>,
    tokenise: Duration,
    first_run: Option<Instant>,
    last_run: Option<Instant>,
}

impl Job {
    /// Takes a request over from its frame.
    pub fn new(caller: Caller, sink: Arc<dyn ReplySink>, infer: &Infer<'_>, now: Instant) -> Self {
        let bytes = infer.texts.iter().map(str::len).sum();
        Self::of_texts((caller, sink), infer, now, infer.texts.iter(), bytes)
    }

    /// The same with the beginnings of the texts that the model reads, in place of the whole.
    pub fn cut(
        caller: Caller,
        sink: Arc<dyn ReplySink>,
        infer: &Infer<'_>,
        now: Instant,
        model: &dyn Predictor,
    ) -> Self {
        let texts: Vec<&str> = infer.texts.iter().map(|text| model.readable(text)).collect();
        let bytes = texts.iter().map(|text| text.len()).sum();
        Self::of_texts((caller, sink), infer, now, texts.into_iter(), bytes)
    }

    fn of_texts<'t>(
        (caller, sink): (Caller, Arc<dyn ReplySink>),
        infer: &Infer<'_>,
        now: Instant,
        parts: impl Iterator<Item = &'t str>,
        bytes: usize,
    ) -> Self {
        let mut texts = String::with_capacity(bytes);
        let mut ends = Vec::with_capacity(infer.texts.len());
        for text in parts {
            texts.push_str(text);
            // A frame's length, and so this one, fits 32 bits.
            ends.push(texts.len() as u32);
        }
        let wait = u64::from(infer.deadline_ms);
        Self {
            caller,
            target: Target {
                model: ModelKey { digest: infer.model, precision: infer.precision },
                task: infer.task,
            },
            arrival: now,
            deadline: (wait > 0).then(|| now + Duration::from_millis(wait)),
            reference: infer.reference.into(),
            sink,
            texts: texts.into_boxed_str(),
            ends: ends.into_boxed_slice(),
            answer: Mutex::default(),
        }
    }

    /// Number of texts.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Length of all texts together.
    pub fn bytes(&self) -> usize {
        self.texts.len()
    }

    /// Length of the texts before that one.
    pub fn bytes_before(&self, row: usize) -> usize {
        let last = row.min(self.rows()).checked_sub(1);
        last.and_then(|last| self.ends.get(last)).map_or(0, |end| *end as usize)
    }

    /// One text; empty past the end.
    pub fn text(&self, row: u32) -> &str {
        let row = row as usize;
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        self.texts.get(start..end(row)).unwrap_or_default()
    }

    /// True if the deadline has passed.
    pub fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Notes that a worker takes up `row`, whose text has that hash; a request of one text may do
    /// without. False when an earlier row has the same text: its answer will serve both.
    pub fn take_up(&self, row: u32, hash: Option<Digest>, now: Instant) -> bool {
        let mut answer = self.lock();
        answer.taken.get_or_insert(now);
        let Some(hash) = hash else { return true };
        let first = *answer.firsts.entry(hash).or_insert(row);
        if first != row {
            answer.repeats.push((row, first));
        }
        first == row
    }

    /// Keeps the numbers of one text that were known already.
    pub fn keep_known(&self, row: u32, known: &Known) {
        let mut answer = self.lock();
        answer.cached += 1;
        place(&mut answer, (row as usize, self.rows()), &known.numbers, known.truncated);
    }

    /// Notes what tokenising one text took.
    pub fn add_tokenise_time(&self, spent: Duration) {
        self.lock().tokenise += spent;
    }

    /// Keeps the numbers of one text that was judged between two instants.
    pub fn keep(&self, row: u32, numbers: &[f32], truncated: bool, run: (Instant, Instant)) {
        let mut answer = self.lock();
        place(&mut answer, (row as usize, self.rows()), numbers, truncated);
        answer.first_run = Some(answer.first_run.map_or(run.0, |first| first.min(run.0)));
        answer.last_run = Some(answer.last_run.map_or(run.1, |last| last.max(run.1)));
    }

    /// Sends the whole answer; every row was kept. Adds the texts cut at the limit to `truncated`
    /// before that: who has an answer finds it counted.
    pub fn reply(&self, info: &Info, truncated: &AtomicU64) {
        let mut answer = std::mem::take(&mut *self.lock());
        fill_repeats(&mut answer, self.rows());
        let timings = self.timings(&answer);
        let rows = Rows { truncated: answer.truncated, numbers: answer.numbers };
        let cut = rows.truncated.iter().filter(|cut| **cut).count();
        truncated.fetch_add(cut as u64, Ordering::Relaxed);
        self.send(&match self.target.task {
            Task::Classify | Task::Predict => {
                Reply::Scores(Scores { timings, labels: info.labels.clone(), rows })
            }
            Task::Embed => {
                Reply::Vectors(Vectors { timings, dimensions: info.dimensions as u32, rows })
            }
        });
    }

    /// Answers a request without texts.
    pub fn reply_empty(&self) {
        self.send(&match self.target.task {
            Task::Classify | Task::Predict => Reply::Scores(Scores::default()),
            Task::Embed => Reply::Vectors(Vectors::default()),
        });
    }

    /// Sends why there is no answer.
    pub fn fail(&self, failure: &Failure) {
        self.send(&Reply::Error(failure.code, failure.message.clone()));
    }

    /// Says that nobody waited long enough.
    pub fn fail_late(&self) {
        self.fail(&Failure::new(ErrorCode::DeadlinePassed, "the request's deadline passed"));
    }

    /// Tells how many texts are judged.
    pub fn report_progress(&self, done: usize) {
        self.send(&Reply::Progress(done as u32));
    }

    fn send(&self, reply: &Reply) {
        self.sink.send(self.caller.request_id, reply);
    }

    fn timings(&self, answer: &Answer) -> Timings {
        let micros = |span: Duration| u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
        let since = |from: Option<Instant>, to: Option<Instant>| {
            from.zip(to).map_or(0, |(from, to)| micros(to.saturating_duration_since(from)))
        };
        Timings {
            queue_us: since(Some(self.arrival), answer.taken),
            tokenise_us: micros(answer.tokenise),
            run_us: since(answer.first_run, answer.last_run),
            cached_rows: answer.cached,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the numbers of one of so many rows in their place.
fn place(answer: &mut Answer, (row, rows): (usize, usize), numbers: &[f32], truncated: bool) {
    if answer.numbers.is_empty() {
        answer.numbers = vec![0.0; rows * numbers.len()];
        answer.truncated = vec![false; rows];
    }
    let place = row * numbers.len()..(row + 1) * numbers.len();
    if let Some(place) = answer.numbers.get_mut(place) {
        place.copy_from_slice(numbers);
    }
    if let Some(place) = answer.truncated.get_mut(row) {
        *place = truncated;
    }
}

/// Copies the answers of texts that came more than once.
fn fill_repeats(answer: &mut Answer, rows: usize) {
    let width = answer.numbers.len().checked_div(rows).unwrap_or(0);
    for (row, first) in std::mem::take(&mut answer.repeats) {
        let (row, first) = (row as usize, first as usize);
        answer.numbers.copy_within(first * width..(first + 1) * width, row * width);
        let cut = answer.truncated[first];
        answer.truncated[row] = cut;
    }
}
