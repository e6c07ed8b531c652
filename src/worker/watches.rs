//! The task that fills watched columns: one batch of one watch in each transaction.
//!
//! A batch is taken from the queue, judged and written in one transaction, so that whatever ends
//! it early (the engine, this worker, the server) leaves the batch in the queue and the rows as
//! they were. Watches take turns.

use super::scheduler::{self, Next};
use crate::error::{Error, Result};
use crate::judge::questions::{AnswerPlace, Question, Questions};
use crate::judge::sentiment::level_of_classes;
use crate::pg::watchdog::watched;
use crate::pg::worker::{self, must_stop};
use crate::pg::{board, databases};
use crate::settings;
use crate::store;
use crate::store::versions::{self, Version};
use crate::store::watches::queue::{self, Waiting};
use crate::store::watches::rows::{Answer, Rows, Text};
use crate::store::watches::setup::{self, value_for};
use crate::store::watches::{self, Value, Watch};
use crm_ai_wire::Task;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Pause of the removal of an ended watch's remains while others hold them locked.
const REMAINS: Duration = Duration::from_secs(1);
/// Interval at which old rows are queued.
const BACKFILL: Duration = Duration::from_secs(1);
/// Most attempts for a row that somebody holds before it counts as failed.
const ATTEMPTS_MAX: i32 = 60;
/// After how many failures in a row a watch is switched off: at a minute each, an hour.
const FAILURES_MAX: i32 = 60;
/// The same for batches that took too long, where one whose worker had to be terminated counts as
/// [`TERMINATED`].
const TIMEOUTS_MAX: i32 = 12;
const TERMINATED: i32 = 4;

/// Most attempts for a row for which memory is short, before it counts as failed.
const MEMORY_FAILURES_MAX: i32 = 6;

/// State of a watch that is kept from batch to batch, and may be forgotten.
struct Memory {
    /// Rows of the next batch: fewer after one that failed, until the row is found.
    batch: usize,
    /// Since when old rows may be queued at the rate.
    filled: Instant,
}

thread_local! {
    static MEMORY: RefCell<HashMap<i32, Memory>> = RefCell::default();
    /// The watch whose turn was last.
    static LAST: Cell<i32> = const { Cell::new(0) };
    /// The row that the present batch has alone: what it fails for is this row.
    static ALONE: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

/// Does one batch of the next watch that has work.
pub fn run() -> Result<Next> {
    let (is_clean, mut watches) = store::in_transaction(|| {
        let dropped = queue::remove_dropped()?;
        if dropped > 0 {
            let database = databases::own_name();
            log!("crm_ai: {dropped} watches of database \"{database}\" ended with their tables");
        }
        Ok((setup::remove_remains()?, watches::list()?))
    })?;
    if watches.is_empty() {
        return Ok(if is_clean { Next::Idle } else { Next::In(REMAINS) });
    }
    MEMORY.with_borrow_mut(|memory| {
        memory.retain(|id, _| watches.iter().any(|watch| watch.id == *id));
    });
    let last = LAST.get();
    let turn = watches.partition_point(|watch| watch.id <= last);
    watches.rotate_left(turn);
    for watch in watches.iter().filter(|watch| watch.rests.is_none()) {
        if step(watch)? {
            LAST.set(watch.id);
            return Ok(Next::Now);
        }
    }
    let pause = pause(&watches)?;
    Ok(Next::In(if is_clean { pause } else { pause.min(REMAINS) }))
}

/// The time until there is something to do, unless a commit announces work.
fn pause(watches: &[Watch]) -> Result<Duration> {
    let put_off = store::in_transaction(queue::put_off_until)?;
    let times = watches.iter().flat_map(|watch| {
        [watch.rests, (watch.is_backfilling && watch.rests.is_none()).then_some(BACKFILL)]
    });
    let look = scheduler::look();
    Ok(times.flatten().chain(put_off).min().unwrap_or(look).min(look))
}

/// Does a batch of a watch; tells whether there was one. Its failures are the watch's own: they
/// are noted, and end neither the task nor other watches.
fn step(watch: &Watch) -> Result<bool> {
    let rows = settings::batch_rows().min(batch_of(watch.id));
    let id = watch.id;
    board::note_watch(id);
    worker::unless_finished(move || note_terminated(id));
    let outcome =
        store::in_transaction(|| watched(settings::watch_timeout(), || work(watch, rows)));
    worker::finished();
    board::note_watch(0);
    match outcome {
        Ok(was_busy) => {
            if was_busy {
                remember(watch.id, |memory| memory.batch = (memory.batch * 2).min(8192));
            }
            Ok(was_busy)
        }
        Err(_) if must_stop() => Err(Error::internal("the worker was asked to end")),
        Err(error) => {
            store::in_transaction(|| fail(watch, rows, &error))?;
            Ok(true)
        }
    }
}

fn batch_of(watch: i32) -> usize {
    remember(watch, |memory| memory.batch)
}

fn remember<T>(watch: i32, work: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with_borrow_mut(|memory| {
        work(
            memory
                .entry(watch)
                .or_insert_with(|| Memory { batch: usize::MAX / 4, filled: Instant::now() }),
        )
    })
}

/// Looks for the row that a batch failed for, by ever smaller batches; or has the watch rest.
fn fail(watch: &Watch, rows: usize, error: &Error) -> Result<()> {
    let state = error.state();
    if state == "57014" {
        remember(watch.id, |memory| memory.batch = (rows / 2).max(1));
        let timeouts = queue::note_timeout(watch.id, &state, 1)?;
        return switch_off_if(
            timeouts >= TIMEOUTS_MAX,
            watch.id,
            "its batches take longer than \
            crm_ai.watch_timeout",
        );
    }
    let alone = ALONE.take();
    // Fewer texts at once take less memory, until one alone takes too much.
    let is_memory = state == "53200";
    let is_of_a_row = is_of_a_row(&state)
        || is_memory && (alone.is_none() || watch.failures + 1 >= MEMORY_FAILURES_MAX);
    if !is_of_a_row {
        remember(watch.id, |memory| memory.batch = if is_memory { 1 } else { usize::MAX / 4 });
        if watch.failures == 0 {
            let (id, database) = (watch.id, databases::own_name());
            let cause = error.for_log();
            log!(
                "crm_ai: watch {id} of database \"{database}\" failed and will try again: {cause}"
            );
        }
        queue::fail(watch.id, &state)?;
        let is_over = watch.failures + 1 >= FAILURES_MAX && !is_of_the_server(&state);
        return switch_off_if(
            is_over,
            watch.id,
            &format!("it failed {FAILURES_MAX} times in a row"),
        );
    }
    match alone {
        None => remember(watch.id, |memory| memory.batch = (rows / 2).max(1)),
        Some(waiting) => {
            queue::fail_row(watch.id, &waiting.key, &state)?;
            queue::remove(vec![waiting.place])?;
        }
    }
    Ok(())
}

/// Notes that this process is being terminated in a batch of the watch.
fn note_terminated(watch: i32) {
    let noted = store::in_transaction(|| {
        let timeouts = queue::note_timeout(watch, "57014", TERMINATED)?;
        switch_off_if(
            timeouts >= TIMEOUTS_MAX,
            watch,
            "code of the table's triggers, policies or types did not end when it was cancelled",
        )
    });
    if let Err(error) = noted {
        log!("crm_ai: cannot note that watch {watch} was terminated: {}", error.for_log());
    }
}

fn switch_off_if(condition: bool, watch: i32, reason: &str) -> Result<()> {
    if condition {
        let database = databases::own_name();
        log!("crm_ai: watch {watch} of database \"{database}\" is switched off: {reason}");
        queue::disable(watch, reason)?;
    }
    Ok(())
}

/// True if an SQLSTATE tells of the server, not of the watch: its engine, its resources, its end.
fn is_of_the_server(state: &str) -> bool {
    ["25", "40", "53", "55", "57", "58"].contains(&&state[..2])
}

/// True if an SQLSTATE tells of data: a value that does not fit, a constraint, a trigger that
/// refuses, a limit.
fn is_of_a_row(state: &str) -> bool {
    ["22", "23", "44", "54", "P0"].contains(&&state[..2]) && state != "22023"
}

/// Judges what waits, or queues old rows where nothing does; tells whether there was anything.
fn work(watch: &Watch, rows: usize) -> Result<bool> {
    let waiting = queue::take(watch.id, rows)?;
    ALONE.set(if let [row] = &waiting[..] { Some(row.clone()) } else { None });
    if waiting.is_empty() {
        return fill_queue(watch);
    }
    judge(watch, waiting)?;
    Ok(true)
}

/// Result of a batch.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    /// Keys that cannot be judged, each with the SQLSTATE.
    refused: Vec<(Vec<String>, String)>,
    /// Keys that somebody holds.
    busy: Vec<Vec<String>>,
    version: String,
}

fn judge(watch: &Watch, waiting: Vec<Waiting>) -> Result<()> {
    // A row that has changed often waits often: it is judged once.
    let mut keys: Vec<&[String]> = waiting.iter().map(|row| row.key.as_slice()).collect();
    keys.sort_unstable();
    keys.dedup();
    let batch = judge_rows(watch, &keys)?;
    for (key, state) in &batch.refused {
        queue::fail_row(watch.id, key, state)?;
    }
    let mut done = Vec::new();
    let mut again = Vec::new();
    for row in &waiting {
        if !batch.busy.contains(&row.key) {
            done.push(row.place.clone());
        } else if row.attempts < ATTEMPTS_MAX {
            again.push(row.place.clone());
        } else {
            queue::fail_row(watch.id, &row.key, "55P03")?;
            done.push(row.place.clone());
        }
    }
    queue::remove(done)?;
    queue::put_off(again)?;
    queue::forget_failures(watch.id, batch.answers.iter().map(|answer| answer.key.as_slice()))?;
    queue::succeed(watch.id, batch.answers.len() - batch.busy.len(), &batch.version)
}

fn judge_rows(watch: &Watch, keys: &[&[String]]) -> Result<Batch> {
    let version = watch.as_owner(|| versions::resolve(&watch.model))?;
    let (value, texts) = watch.as_writer(|| {
        let rows = Rows::of(watch)?;
        Ok((value(watch, &rows, &version)?, rows.texts(keys, settings::max_text_bytes())?))
    })?;
    let mut batch = Batch { version: version.reference(), ..Batch::default() };
    let mut questions = Questions::default();
    let mut asked: Vec<(usize, Option<AnswerPlace>)> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        match text {
            Text::NoRow => {}
            Text::Null => asked.push((place, None)),
            Text::TooLong => batch.refused.push((keys[place].to_vec(), "54000".to_owned())),
            Text::Is(text) => {
                let question = question(watch, value, text);
                let answer = watch.as_owner(|| questions.add(&question))?;
                asked.push((place, Some(answer)));
            }
        }
    }
    let answers = questions.send().answers()?;
    for (place, answer) in asked {
        let value = answer.map(|answer| {
            Ok::<_, Error>(match value {
                Value::Label => answers.sentiment(answer)?.label().to_owned(),
                Value::Level => answers.sentiment(answer)?.level().to_string(),
                Value::Score => answers.sentiment(answer)?.score().to_string(),
                Value::Class => answers.class(answer)?,
                Value::Vector => vector(&answers.vector(answer)?),
            })
        });
        let text = match &texts[place] {
            Text::Is(text) => Some(text.clone()),
            _ => None,
        };
        let key = keys[place].to_vec();
        batch.answers.push(Answer { key, text, value: value.transpose()? });
    }
    if !batch.answers.is_empty() {
        let written =
            watch.as_writer(|| Rows::of(watch)?.write(&batch.answers, value, &batch.version))?;
        let busy = written.busy.iter().map(|&place| batch.answers[place].key.clone());
        batch.busy = busy.collect();
    }
    Ok(batch)
}

fn question<'a>(watch: &'a Watch, value: Value, text: &'a str) -> Question<'a> {
    let is_vector = value == Value::Vector;
    Question {
        reference: watch.model.as_str().into(),
        task: if is_vector { Task::Embed } else { Task::Classify },
        text,
        blank_is_silent: !is_vector && value != Value::Class,
    }
}

/// The form of the version's answers, as the column and the version are now.
fn value(watch: &Watch, rows: &Rows<'_>, version: &Rc<Version>) -> Result<Value> {
    let labels = watches::labels(&version.model, version.number)?;
    let judges = level_of_classes(&labels).is_ok();
    value_for(rows.table(), &watch.target_column, &labels, judges)
}

/// An array in its text form.
fn vector(numbers: &[f32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Queues old rows, as many as the rate allows since the last time; and all of them anew where
/// another version has become the model's champion. Tells whether it is worth another look.
fn fill_queue(watch: &Watch) -> Result<bool> {
    if !watch.is_backfilling && !watch.rescores {
        return Ok(false);
    }
    let version = watch.as_owner(|| Ok(versions::resolve(&watch.model)?.reference()))?;
    if watch.rescores && watch.version.as_ref() != Some(&version) {
        queue::restart(watch.id, &version)?;
        return Ok(true);
    }
    let Some((stale, after)) = queue::backfill(watch.id)? else { return Ok(false) };
    let count = remember(watch.id, |memory| {
        let allowed = memory.filled.elapsed().as_secs_f64() * f64::from(watch.backfill_rate.max(1));
        allowed.min(f64::from(watch.backfill_rate.max(1))) as usize
    });
    if count == 0 {
        return Ok(false);
    }
    remember(watch.id, |memory| memory.filled = Instant::now());
    let old = watch.as_writer(|| Rows::of(watch)?.old(after.as_deref(), stale, &version, count))?;
    queue::add_old(watch.id, &old.keys, old.after)?;
    Ok(!old.keys.is_empty())
}
