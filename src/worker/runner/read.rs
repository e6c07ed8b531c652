//! Reading a run's rows, as its role, into a file; and the models that it begins with.

use super::run_files::RunFiles;
use super::{Limit, TOO_FEW_NEW};
use crate::error::{Error, Result};
use crate::files::Held;
use crate::folder::Folder;
use crate::judge::texts::too_long;
use crate::pg::{activity, json, memory, query, roles, transaction};
use crate::run::{CONTINUE, Columns, Options, What, check_new_label, label_set};
use crate::settings;
use crate::store::progress::{self, Snapshot};
use crate::store::runs::Run;
use crate::store::versions::{self, Version};
use crate::store::{self, labelled, models};
use crm_ai_wire::Digest;
use crm_ai_wire::training::{Job, ModelFolder, Task};
use std::cell::Cell;
use std::ffi::CStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::rc::Rc;

/// The most that a row may count for, as that of a class: beyond it the others are nothing in 32
/// bits.
const WEIGHT_MAX: f32 = 1e6;

/// A run whose rows are read.
pub struct Prepared {
    /// The trainer's job.
    pub job: Job,
    /// The champion that the new version is compared with.
    pub champion: Option<i32>,
    /// Eight bytes of each row's hash, sorted.
    pub hashes: Vec<u64>,
}

/// Reads the rows in one transaction, records them in another, and lays out the models.
pub fn prepare(run: &Run, place: &RunFiles, limit: Limit) -> Result<Prepared> {
    let options = Options::read(run.kind, &run.options)?;
    let has_begun = Cell::new(false);
    // Errors of our own come back inside a transaction that is sound; the server's end it.
    let read = transaction::run(|| {
        if let Err(error) = check_role(run) {
            return Ok(Err(error));
        }
        Ok(transaction::read_as(run.role, &session_of(run), limit.left(), || {
            let sql = labelled::query_of(&run.source, options.what.columns())?;
            // What is missing or not allowed is told as it is; no row is read for it.
            labelled::check(&sql)?;
            has_begun.set(true);
            activity::phase("reading rows", "rows", None, 0);
            let snapshot = spill(&sql, &options, place)?;
            Ok((sql, snapshot))
        }))
    });
    let (sql, snapshot) =
        read.map_err(|error| if has_begun.get() { private(error) } else { error })??;
    let snapshot = store::in_transaction(|| record(run, Snapshot { query: sql, ..snapshot }))?;
    if run.rows_sha256.as_ref().is_some_and(|before| *before != snapshot.sha256) {
        // Other rows than at the attempt before: its checkpoint is of another job.
        place.forget_checkpoint()?;
    }
    let (job, champion) = store::in_transaction(|| {
        roles::acting_as(run.role, || lay_out(run, &options, place, &snapshot))
    })?;
    Ok(Prepared { job, champion, hashes: snapshot.hashes })
}

/// Fails where the run's role was dropped: nobody would own what it learns.
pub fn check_role(run: &Run) -> Result<()> {
    match roles::role_name(run.role) {
        Some(_) => Ok(()),
        None => {
            Err(Error::not_allowed("the run's role was dropped")
                .hint("start it again as another role"))
        }
    }
}

/// A message of the server's while rows are read may hold a value of theirs, so it is kept out of
/// the registry and of logs, unless it is about the server itself: its resources, its end, waiting.
fn private(error: Error) -> Error {
    let state = error.state();
    if ["40", "53", "55", "57", "58"].iter().any(|class| state.starts_with(class)) {
        return error;
    }
    Error::of_state(&state, "the source failed while its rows were read")
        .hint("run the source's query yourself to see the message")
}

fn session_of(run: &Run) -> Vec<(&'static CStr, String)> {
    let of = |name: &str| run.session[name].as_str().unwrap_or_default().to_owned();
    vec![
        (c"search_path", of("search_path")),
        (c"DateStyle", of("DateStyle")),
        (c"TimeZone", of("TimeZone")),
        // Rows in their own order, so that a run that goes on after a restart finds them as before.
        (c"synchronize_seqscans", "off".to_owned()),
        (c"row_security", "on".to_owned()),
    ]
}

/// A file that is written within `temp_file_limit`.
struct Spill {
    file: BufWriter<File>,
    bytes: u64,
    limit_kb: Option<u64>,
}

impl Spill {
    fn create(place: &RunFiles) -> Result<Self> {
        let file = File::options().write(true).create_new(true).mode(0o600).open(place.rows());
        let file = file.map_err(|error| Error::io("the file of the run's rows", &error))?;
        let limit_kb = transaction::temp_file_limit_kb();
        Ok(Self { file: BufWriter::new(file), bytes: 0, limit_kb })
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)
            .map_err(|error| Error::internal(format!("a row as JSON: {error}")))?;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        if let Some(limit) = self.limit_kb.filter(|limit| self.bytes > limit * 1024) {
            return Err(Error::over_temp_file_limit("the run's rows", limit));
        }
        self.file.write_all(&line).map_err(|error| Error::io("the file of the run's rows", &error))
    }
}

/// Writes the rows of the query; gives their counts and hashes.
fn spill(sql: &str, options: &Options, place: &RunFiles) -> Result<Snapshot> {
    let mut spill = Spill::create(place)?;
    let mut snapshot = Snapshot::default();
    let rows_max = settings::max_rows();
    let mut has_weight = !matches!(options.what.columns(), Columns::Text { weight: Some(_), .. });
    query::read(sql, &[], |row| {
        activity::advance(1);
        let text = |column| row.text_within(column, settings::max_text_bytes(), too_long);
        let (Some(content), Some(label)) = (text(1)?, text(2)?) else {
            snapshot.null_rows += 1;
            return Ok(true);
        };
        snapshot.rows += 1;
        if snapshot.rows > rows_max {
            return Err(labelled::too_many_rows(rows_max));
        }
        let labels = match &options.what {
            What::Text(_) => text(4)?,
            What::Table(_) => None,
        };
        // For the row as JSON, and what is made of it on the way.
        memory::check_room(content.len() * 8, "a row")?;
        let label = match labels {
            Some(json) => several(&mut snapshot, &json)?,
            None => {
                count(&mut snapshot, &label)?;
                label
            }
        };
        let has_room = snapshot.hashes.try_reserve(1);
        has_room.map_err(|_| Error::out_of_memory("the hashes of the rows"))?;
        snapshot.hashes.push(row_hash(&content, &label));
        spill.line(&match &options.what {
            What::Text(_) => {
                let weight = weight_of(row.text(3).as_deref())?;
                has_weight |= weight > 0.0;
                serde_json::json!({ "text": content, "label": label, "weight": weight })
            }
            What::Table(_) => table_line(&content, &label)?,
        })?;
        Ok(true)
    })?;
    if snapshot.rows > 0 && !has_weight {
        return Err(Error::invalid_argument("weight_column gives no row a weight")
            .hint("a row with weight 0 is not learnt from; 1 is the usual"));
    }
    spill.file.flush().map_err(|error| Error::io("the file of the run's rows", &error))?;
    snapshot.hashes.sort_unstable();
    snapshot.sha256 =
        Digest::of_parts(snapshot.hashes.iter().map(|hash| hash.to_be_bytes())).to_string();
    Ok(snapshot)
}

/// Counts a row of a label.
fn count(snapshot: &mut Snapshot, label: &str) -> Result<()> {
    match snapshot.classes.get_mut(label) {
        Some(rows) => *rows += 1,
        None => {
            check_new_label(label, snapshot.classes.len())?;
            snapshot.classes.insert(label.to_owned(), 1);
        }
    }
    Ok(())
}

/// The labels of a row that may have several, as the trainer is given them; counts each.
fn several(snapshot: &mut Snapshot, json: &str) -> Result<String> {
    memory::check_room_for_json(json.len())?;
    let labels = label_set(json)?;
    for label in &labels {
        count(snapshot, label)?;
    }
    snapshot.multi_label = true;
    serde_json::to_string(&labels).map_err(|error| Error::internal(format!("labels: {error}")))
}

/// The first eight bytes of the hash of what a row says and of its label.
fn row_hash(content: &str, label: &str) -> u64 {
    let mut bytes = (content.len() as u64).to_be_bytes().to_vec();
    bytes.extend(content.as_bytes());
    bytes.extend(label.as_bytes());
    let Digest(digest) = Digest::of(&bytes);
    u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

/// The weight of a row; NULL counts as 1.
fn weight_of(given: Option<&str>) -> Result<f32> {
    match given.map_or(Ok(1.0), str::parse) {
        Ok(weight) if (0.0..=WEIGHT_MAX).contains(&weight) => Ok(weight),
        _ => Err(Error::invalid_argument(format!(
            "weight_column holds what is not from 0 to {WEIGHT_MAX}"
        ))
        .hint("a row counts as often as its weight says; 1 is the usual")),
    }
}

fn table_line(record: &str, label: &str) -> Result<serde_json::Value> {
    let record = json::read(record, "a record")?;
    Ok(serde_json::json!({ "record": record, "label": label }))
}

/// Writes down what was read, and ends a scheduled run that found too little that is new.
fn record(run: &Run, mut snapshot: Snapshot) -> Result<Snapshot> {
    let seen = progress::seen(&run.model)?;
    snapshot.new_rows = seen.map(|seen| {
        let is_new = |hash: &&u64| seen.binary_search(hash).is_err();
        snapshot.hashes.iter().filter(is_new).count() as u64
    });
    progress::record_snapshot(run.id, &snapshot)?;
    Ok(snapshot)
}

/// Ends a scheduled run that found too little that is new.
pub fn check_news(run: &Run, new_rows: Option<u64>) -> Result<()> {
    let Some(terms) = run.schedule else { return Ok(()) };
    let wanted = u64::try_from(terms.min_new_rows).unwrap_or(0);
    match new_rows {
        Some(new) if new < wanted => Err(Error::of_state(
            TOO_FEW_NEW,
            format!("{new} rows are new since the last run, and {wanted} are wanted"),
        )),
        _ => Ok(()),
    }
}

/// Lays out the champion and the base and writes the job. As the run's role.
fn lay_out(
    run: &Run,
    options: &Options,
    place: &RunFiles,
    snapshot: &Snapshot,
) -> Result<(Job, Option<i32>)> {
    check_news(run, snapshot.new_rows)?;
    let champion = match models::champion(&run.model)? {
        Some(number) => Some(versions::resolve(&format!("{}@{number}", run.model))?),
        None => None,
    };
    let folder_of = |version: &Version, name: &str| -> Result<ModelFolder> {
        Ok(ModelFolder {
            folder: folder(version, place, name)?,
            precision: version.precision.name().to_owned(),
        })
    };
    let task = match &options.what {
        What::Table(table) => Task::Table(table.task.clone()),
        What::Text(text) => {
            let mut task = text.task.clone();
            let base = base(text.base.as_deref(), champion.as_ref(), &run.model)?;
            task.base = folder(&base, place, "base")?;
            task.multi_label = snapshot.multi_label;
            if text.base.as_deref() == Some(CONTINUE) {
                let known = models::labels(&base.model, base.number)?;
                let knows = |label: &String| {
                    known.contains(label) || text.task.label_sets.contains_key(label)
                };
                task.keep_labels = snapshot.classes.keys().all(knows);
            }
            Task::Text(task)
        }
    };
    let job = Job {
        run: run.id,
        rows: place.rows(),
        output: place.output(),
        checkpoint: place.checkpoint().to_owned(),
        task,
        champion: champion.as_ref().map(|version| folder_of(version, "champion")).transpose()?,
        test_size: options.common.test_size,
        seed: options.common.seed,
        device: options.common.device.clone(),
        threads: settings::train_threads(),
        promote: options.common.promote,
        minimums: options.common.minimums.clone(),
    };
    let json = serde_json::to_vec(&job).map_err(|error| Error::internal(error.to_string()))?;
    std::fs::write(place.job(), json).map_err(|error| Error::io("the run's job", &error))?;
    Ok((job, champion.map(|version| version.number)))
}

/// The version that a text classifier begins with.
fn base(name: Option<&str>, champion: Option<&Rc<Version>>, model: &str) -> Result<Rc<Version>> {
    match (name, champion) {
        (None, _) => versions::resolve("minilm"),
        (Some(CONTINUE), Some(champion)) => Ok(Rc::clone(champion)),
        (Some(CONTINUE), None) => {
            Err(Error::wrong_state(format!("model \"{model}\" has no champion to continue from"))
                .hint("leave base out to begin with the built-in encoder"))
        }
        (Some(name), _) => versions::resolve(name),
    }
}

/// A folder with a version's files: the package's own, or one that is filled from the registry.
fn folder(version: &Version, place: &RunFiles, name: &str) -> Result<PathBuf> {
    let (held, manifest) = Held::find(&version.sha256)?;
    if let Held::Package(folder) = held {
        return Ok(folder);
    }
    let path = place.new_folder(name)?;
    held.write_to(&Folder::own(&path)?, &manifest)?;
    Ok(path)
}
