//! Paths of the package's files, and of its files in the data directory.
//!
//! These are named relative to the data directory, which is the working directory of every backend,
//! worker and child: the socket's path stays short however long the directory's own is. They lie in
//! `pg_stat_tmp`, whose content base backups, pg_rewind and pg_checksums leave alone. The socket
//! lies there directly: pg_rewind removes folders in it, and sees no sockets.

use pgrx::pg_sys;
use std::ffi::CStr;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The engine's socket.
pub const SOCKET: &str = "pg_stat_tmp/crm_ai.sock";
/// The supervisor's lock, which makes it one.
pub const LOCK: &str = "pg_stat_tmp/crm_ai.lock";
/// Everything else that is kept while the server is down.
const FOLDER: &str = "pg_stat_tmp/crm_ai";
/// Prefix of names in the data directory in version 0.1.0.
const FORMER: &str = "pgsql_tmp_crm_ai";

/// The server's folder of temporary files: at its start it removes what is in there.
pub const TEMPORARY: &str = "base/pgsql_tmp";

/// A file or folder of ours in the data directory.
pub fn own(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Makes the folder of [`own`], for the server's user alone.
pub fn make_own() -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)
}

/// Names of what is in the folder of [`own`].
pub fn list_own() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Makes a folder for the server's user alone; one that is there will do.
pub fn make_folder(path: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Removes what version 0.1.0 kept in the data directory, where it stopped pg_rewind.
pub fn remove_former() {
    for entry in std::fs::read_dir(".").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(FORMER) {
            let path = entry.path();
            // What cannot be removed is tried again at the next start.
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
}

/// Full path of a file of ours in the server's library directory.
pub fn library_file(name: &str) -> String {
    // SAFETY: the server fills this NUL-terminated array before it starts any process.
    let directory = unsafe { CStr::from_ptr(&raw const pg_sys::pkglib_path as *const _) };
    format!("{}/crm_ai/{name}", directory.to_string_lossy())
}

/// The directory of the built-in models.
pub fn models_directory() -> String {
    let mut path = [0; pg_sys::MAXPGPATH as usize];
    // SAFETY: both arguments are NUL-terminated arrays, the second of the promised length.
    let share = unsafe {
        pg_sys::get_share_path(&raw const pg_sys::my_exec_path as *const _, path.as_mut_ptr());
        CStr::from_ptr(path.as_ptr())
    };
    format!("{}/crm_ai/models", share.to_string_lossy())
}
