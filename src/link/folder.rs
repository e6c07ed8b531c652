//! The files of one search, which lie where the server itself removes them at its start.

use crate::error::{Error, Result};
use crate::pg::paths::{TEMPORARY, make_folder};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "pgsql_tmp_crm_ai_link_";

/// Searches of this process so far.
static SEARCHES: AtomicU32 = AtomicU32::new(0);

/// The folder of this process's search, removed when this is dropped.
pub struct LinkFolder(PathBuf);

impl LinkFolder {
    /// Makes it, empty, for the server's user alone; removes those of processes that are gone: one
    /// that is terminated leaves its own behind.
    pub fn make() -> Result<Self> {
        let failed = |error: std::io::Error| Error::io("the folder of a search", &error);
        remove_leftovers();
        // A source may be a view that calls a function which searches, too.
        let number = SEARCHES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{number}", std::process::id());
        let folder = Path::new(TEMPORARY).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        make_folder(Path::new(TEMPORARY)).map_err(failed)?;
        make_folder(&folder).map_err(failed)?;
        let folder = Self(folder);
        make_folder(&folder.output()).map_err(failed)?;
        Ok(folder)
    }

    /// The rows of the table, or of the left one.
    pub fn rows(&self) -> PathBuf {
        self.0.join("rows")
    }

    /// The rows of the right table.
    pub fn right_rows(&self) -> PathBuf {
        self.0.join("right_rows")
    }

    /// The job.
    pub fn job(&self) -> PathBuf {
        self.0.join("job.json")
    }

    /// The folder of results.
    pub fn output(&self) -> PathBuf {
        self.0.join("output")
    }
}

impl Drop for LinkFolder {
    fn drop(&mut self) {
        // What cannot be removed now is by the next search, or at the server's next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn remove_leftovers() {
    let own = std::process::id();
    for entry in std::fs::read_dir(TEMPORARY).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let process = process.and_then(|name| name.split('_').next()?.parse::<u32>().ok());
        let Some(process) = process else { continue };
        if process != own && !Path::new(&format!("/proc/{process}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
