//! Locations of a run's files. Those with rows in them lie where the server itself removes them at
//! its start; checkpoints outlast a restart.

use crate::error::{Error, Result};
use crate::pg::paths::{self, TEMPORARY, make_folder};
use crate::pg::{transaction, worker};
use crate::store::{self, runs};
use pgrx::pg_sys;
use std::path::{Path, PathBuf};

const RUN: &str = "pgsql_tmp_crm_ai_run_";
const CHECKPOINT: &str = "checkpoint_";

/// The folders of one run, relative to the data directory.
pub struct RunFiles {
    folder: PathBuf,
    checkpoint: PathBuf,
}

impl RunFiles {
    /// Those of a run of a database.
    pub fn of(database: pg_sys::Oid, run: i64) -> Self {
        let name = format!("{}_{run}", database.to_u32());
        Self {
            folder: Path::new(TEMPORARY).join(format!("{RUN}{name}")),
            checkpoint: paths::own(&format!("{CHECKPOINT}{name}")),
        }
    }

    /// Makes them, empty but for an earlier checkpoint, for the server's user alone.
    pub fn make(&self) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("the run's folder", &error);
        remove(&self.folder);
        make_folder(Path::new(TEMPORARY)).map_err(failed)?;
        make_folder(&self.folder).map_err(failed)?;
        paths::make_own().map_err(failed)?;
        make_folder(&self.checkpoint).map_err(failed)
    }

    /// The rows.
    pub fn rows(&self) -> PathBuf {
        self.folder.join("rows.jsonl")
    }

    /// The file of the trainer's job.
    pub fn job(&self) -> PathBuf {
        self.folder.join("job.json")
    }

    /// The new model.
    pub fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// The trainer's checkpoints.
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint
    }

    /// A new folder for a model's files.
    pub fn new_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        make_folder(&folder).map_err(|error| Error::io("the run's folder", &error))?;
        Ok(folder)
    }

    /// Empties the folder of checkpoints.
    pub fn forget_checkpoint(&self) -> Result<()> {
        remove(&self.checkpoint);
        make_folder(&self.checkpoint).map_err(|error| Error::io("the run's folder", &error))
    }

    /// Removes all, or all but the checkpoint.
    pub fn remove(&self, keeps_checkpoint: bool) {
        remove(&self.folder);
        if !keeps_checkpoint {
            remove(&self.checkpoint);
        }
    }
}

/// Removes a file or folder; one that cannot be removed now is removed at the server's next start,
/// or by the next worker.
fn remove(path: &Path) {
    let _ = std::fs::remove_dir_all(path);
}

/// Removes the folders of runs of this database that no worker works on: those whose worker was
/// killed, and checkpoints of runs that have ended.
pub fn remove_leftovers(database: pg_sys::Oid) {
    // Before the runs: a folder that a run makes meanwhile is not among them.
    let folders = run_folders(database);
    let checkpoints =
        checkpoints().into_iter().filter(|checkpoint| checkpoint.database == database);
    let checkpoints: Vec<Checkpoint> = checkpoints.collect();
    // Again where a cancel, which is the next run's, has come in between.
    let live = live_runs().or_else(|_| live_runs());
    let Ok(Some((running, open))) = live else { return };
    for (run, path) in folders {
        if !running.contains(&run) {
            remove(&path);
        }
    }
    for checkpoint in checkpoints {
        if !open.contains(&checkpoint.run) {
            remove(&checkpoint.path);
        }
    }
}

/// Runs that a worker works on, and runs that have not ended; `None` without the extension.
fn live_runs() -> Result<Option<(Vec<i64>, Vec<i64>)>> {
    worker::forget_cancel();
    transaction::run(|| match store::is_usable()? {
        true => Ok(Some((runs::running()?, runs::open()?))),
        false => Ok(None),
    })
}

fn run_folders(database: pg_sys::Oid) -> Vec<(i64, PathBuf)> {
    let prefix = format!("{RUN}{}_", database.to_u32());
    let entries = std::fs::read_dir(TEMPORARY).into_iter().flatten().flatten();
    let run = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        Some((name.to_str()?.strip_prefix(&prefix)?.parse().ok()?, entry.path()))
    };
    entries.filter_map(run).collect()
}

/// A run's folder of checkpoints.
struct Checkpoint {
    database: pg_sys::Oid,
    run: i64,
    path: PathBuf,
}

fn checkpoints() -> Vec<Checkpoint> {
    let read = |name: String| {
        let (database, run) = name.strip_prefix(CHECKPOINT)?.split_once('_')?;
        Some(Checkpoint {
            database: pg_sys::Oid::from(database.parse::<u32>().ok()?),
            run: run.parse().ok()?,
            path: paths::own(&name),
        })
    };
    paths::list_own().into_iter().filter_map(read).collect()
}

/// Removes checkpoints of databases that are no more.
pub fn remove_of_dropped(is_there: impl Fn(pg_sys::Oid) -> bool) {
    for checkpoint in checkpoints().into_iter().filter(|found| !is_there(found.database)) {
        remove(&checkpoint.path);
    }
}
