//! Training runs: asked for, waited for, ended.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use crate::pg::json::JsonText;
    use crate::pg::session;
    use pgrx::datum::Interval;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Behind `train` and `train_table`: asks for a run; gives its number.
    #[pg_extern(volatile, parallel_unsafe)]
    fn start_run(
        model: Option<&str>,
        kind: &str,
        source: Option<&str>,
        options: JsonText,
    ) -> Result<i64> {
        Ok(super::start(model, kind, source, options.read("an option")?)?)
    }

    /// Waits for a run's end and shows how far it is; gives its state.
    #[pg_extern(volatile, parallel_unsafe)]
    fn wait(
        run: Option<i64>,
        timeout: default!(Option<Interval>, "NULL"),
        fcinfo: pg_sys::FunctionCallInfo,
    ) -> Result<String> {
        let Some(run) = run else { return Err(super::no_run().into()) };
        let holds_rows = !session::is_sole_call(fcinfo);
        Ok(super::wait(run, timeout.map(|time| time.as_micros()), holds_rows)?)
    }

    /// Ends a run.
    #[pg_extern(volatile, parallel_unsafe)]
    fn cancel(run: Option<i64>) -> Result<()> {
        let Some(run) = run else { return Err(super::no_run().into()) };
        Ok(super::cancel(run)?)
    }
}

use crate::api::models::check_name;
use crate::error::{Error, Result};
use crate::pg::{board, commit, latch, session};
use crate::run::{CONTINUE, Kind, Options, What};
use crate::store;
use crate::store::runs::{self, RunState, Wanted};
use crate::store::{labelled, models, versions};
use crate::worker::{runner, scheduler};
use crm_ai_wire::training::TextTask;
use std::time::{Duration, Instant};

fn no_run() -> Error {
    Error::null_argument("run must not be NULL")
}

/// The arguments of a call, checked as far as they can be at the call.
pub struct Checked<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The source of the rows.
    pub source: &'a str,
}

/// Checks all that a run is told: names and values, source, rights; and takes the model's name for
/// the present role where it is free.
pub fn check<'a>(
    model: Option<&'a str>,
    kind: Kind,
    source: Option<&'a str>,
    options: &serde_json::Value,
) -> Result<Checked<'a>> {
    let (Some(model), Some(source)) = (model, source) else {
        return Err(Error::null_argument("model and source must not be NULL"));
    };
    check_name(model)?;
    if models::exists(model)? {
        models::check_owned(model)?;
        check_kind(model, kind)?;
    }
    let options = Options::read(kind, options)?;
    if let What::Text(text) = &options.what {
        check_base(text.base.as_deref(), model)?;
    }
    labelled::check(&labelled::query_of(source, options.what.columns())?)?;
    if let What::Text(text) = &options.what
        && !text.task.has_plain_loss()
        && labelled::holds_arrays(source, &text.label_column)?
    {
        return Err(Error::invalid_argument(TextTask::NEEDS_PLAIN_LOSS)
            .hint("leave them out, or give a label column that is no array"));
    }
    models::ensure(model)?;
    Ok(Checked { model, source })
}

/// A model judges texts or records, and goes on so: its champion could not be compared otherwise.
fn check_kind(model: &str, kind: Kind) -> Result<()> {
    let judged = match models::judges_records(model)? {
        Some(true) if kind == Kind::Text => "records",
        Some(false) if kind == Kind::Table => "texts",
        _ => return Ok(()),
    };
    Err(Error::invalid_argument(format!("model \"{model}\" judges {judged}"))
        .hint("give the new model a name of its own"))
}

fn check_base(base: Option<&str>, model: &str) -> Result<()> {
    match base {
        None => Ok(()),
        Some(CONTINUE) if models::champion(model)?.is_some() => Ok(()),
        Some(CONTINUE) => {
            Err(Error::wrong_state(format!("model \"{model}\" has no champion to continue from"))
                .hint("leave base out to begin with the built-in encoder"))
        }
        Some(name) => versions::resolve(name).map(drop),
    }
}

fn start(
    model: Option<&str>,
    kind: &str,
    source: Option<&str>,
    options: serde_json::Value,
) -> Result<i64> {
    store::begin_act("crm_ai.train()")?;
    let kind = Kind::from_name(kind)?;
    let options = Options::merge(kind, options)?;
    let Checked { model, source } = check(model, kind, source, &options)?;
    let run = runs::insert(Wanted { model, kind, source, options })?;
    commit::start_worker(run, runner::start);
    scheduler::wake_at_commit();
    Ok(run)
}

/// Interval at which a wait looks.
const LOOK_MS: u64 = 250;
/// Time that a run may be without a worker before whoever waits for it asks for one.
const NUDGE: Duration = Duration::from_secs(2);

/// Interval of progress notices, as a share of the time waited, within bounds.
const TELL_SHARE: u32 = 30;
const TELL_EVERY_MIN: Duration = Duration::from_secs(1);
const TELL_EVERY_MAX: Duration = Duration::from_secs(10);

/// `holds_rows` says whether the statement goes on reading under the snapshot that it began with.
fn wait(run: i64, timeout_us: Option<i128>, holds_rows: bool) -> Result<String> {
    if commit::made_here(run) {
        // A savepoint that was rolled back took the run with it.
        session::seeing_own_writes(|| runs::standing(run))?;
        return Err(Error::wrong_state(format!(
            "run {run} was asked for in the present transaction"
        ))
        .hint("commit first: it starts when the transaction commits"));
    }
    let began = Instant::now();
    let limit = timeout_us.map(|us| Duration::from_micros(u64::try_from(us).unwrap_or(0)));
    let mut nudged = Instant::now();
    let mut reported = Reported::default();
    loop {
        let standing = session::seeing_latest(|| runs::standing(run))?;
        if let Some(state) = ended(&standing)? {
            return Ok(state);
        }
        reported.tell(&standing, began.elapsed());
        if limit.is_some_and(|limit| began.elapsed() >= limit) {
            return Ok(standing.state);
        }
        if !standing.has_worker && nudged.elapsed() > NUDGE && !session::is_in_recovery() {
            // No worker slot was free when it was to start, or its worker is gone.
            runner::start(board::own_database());
            nudged = Instant::now();
        }
        let left = limit.map_or(LOOK_MS, |limit| {
            let left = limit.saturating_sub(began.elapsed()).as_millis();
            u64::try_from(left).unwrap_or(LOOK_MS).clamp(1, LOOK_MS)
        });
        if !holds_rows {
            session::hold_no_rows();
        }
        latch::sleep(left, None);
    }
}

/// The state of a run that has ended; the error of one that failed.
fn ended(standing: &RunState) -> Result<Option<String>> {
    match standing.state.as_str() {
        "succeeded" | "cancelled" => Ok(Some(standing.state.clone())),
        "failed" => {
            let (state, message, hint) = standing.error.clone().unwrap_or_default();
            let error = Error::of_state(&state, message);
            Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        _ => Ok(None),
    }
}

/// State and progress that a wait has reported, and the time.
#[derive(Default)]
struct Reported {
    state: String,
    progress: String,
    at: Option<Instant>,
}

impl Reported {
    /// Tells a new state at once, progress the more rarely the longer the wait.
    fn tell(&mut self, standing: &RunState, waited: Duration) {
        let pause = (waited / TELL_SHARE).clamp(TELL_EVERY_MIN, TELL_EVERY_MAX);
        let is_due = self.at.is_none_or(|at| at.elapsed() >= pause);
        let is_new = standing.progress != self.progress && is_due;
        if standing.state == self.state && !is_new {
            return;
        }
        match standing.progress.as_str() {
            "" => notice!("{}", standing.state),
            progress => notice!("{}: {progress}", standing.state),
        }
        self.state.clone_from(&standing.state);
        self.progress.clone_from(&standing.progress);
        self.at = Some(Instant::now());
    }
}

fn cancel(run: i64) -> Result<()> {
    store::begin_act("crm_ai.cancel()")?;
    if let Some(worker) = runs::cancel(run)? {
        commit::interrupt(worker);
    }
    Ok(())
}
