//! Where a run's files lie while it goes on. All names begin with `pgsql_tmp`, which base backups
//! skip; those with rows in them lie where the server itself removes them at its start.

use crate::error::{Error, Result};
use pgrx::pg_sys;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const TEMPORARY: &str = "base/pgsql_tmp";
const RUN: &str = "pgsql_tmp_crm_ai_run_";
/// Checkpoints outlast a restart, so the server must not remove them.
const CHECKPOINT: &str = "pgsql_tmp_crm_ai_checkpoint_";

/// The folders of one run, relative to the data directory.
pub struct Place {
    folder: PathBuf,
    checkpoint: PathBuf,
}

impl Place {
    /// Those of a run of a database.
    pub fn of(database: pg_sys::Oid, run: i64) -> Self {
        let name = format!("{}_{run}", database.to_u32());
        Self {
            folder: Path::new(TEMPORARY).join(format!("{RUN}{name}")),
            checkpoint: PathBuf::from(format!("{CHECKPOINT}{name}")),
        }
    }

    /// Makes them, empty but for an earlier checkpoint, for the server's user alone.
    pub fn make(&self) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("the run's folder", &error);
        remove(&self.folder);
        make_folder(Path::new(TEMPORARY)).map_err(failed)?;
        make_folder(&self.folder).map_err(failed)?;
        make_folder(&self.checkpoint).map_err(failed)
    }

    /// The rows.
    pub fn rows(&self) -> PathBuf {
        self.folder.join("rows.jsonl")
    }

    /// What the trainer is told.
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

fn make_folder(path: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// What cannot be removed now is at the server's next start, or by the next worker.
fn remove(path: &Path) {
    let _ = std::fs::remove_dir_all(path);
}

/// Removes the folders of runs of this database that no worker works on: those whose worker was
/// killed, and checkpoints of runs that have ended.
pub fn remove_leftovers(database: pg_sys::Oid) {
    let live = crate::pg::transaction::run(|| {
        if !crate::pg::background::has_extension() {
            return Ok(None);
        }
        Ok(Some((crate::store::runs::running()?, crate::store::runs::open()?)))
    });
    let Ok(Some((running, open))) = live else { return };
    for (directory, prefix, kept) in [(TEMPORARY, RUN, running), (".", CHECKPOINT, open)] {
        let prefix = format!("{prefix}{}_", database.to_u32());
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let run = name.to_str().and_then(|name| name.strip_prefix(&prefix));
            if run.and_then(|run| run.parse().ok()).is_some_and(|run: i64| !kept.contains(&run)) {
                remove(&entry.path());
            }
        }
    }
}
