//! Confines a process that works on what a stranger made: a model's files.
//!
//! Three layers, each of which holds by itself, so that a kernel without one has the others:
//! Landlock (which files can be opened), a seccomp filter (no sockets, no other program, nobody
//! else's memory) and resource limits. A layer that the kernel lacks is left out; [`enter`] tells
//! which hold. Everything holds for the process's whole life and for what it starts.

mod calls;
mod files;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Rights of a confined process.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Files and folders that it reads, beside the system's libraries.
    pub reads: Vec<PathBuf>,
    /// Folders in which it reads and writes.
    pub writes: Vec<PathBuf>,
    /// The one program that it may start, where it may start one.
    pub program: Option<PathBuf>,
    /// True if it uses a graphics processor, where there is one.
    pub devices: bool,
    /// Longest file that it may write.
    pub file_bytes: u64,
    /// Private memory that it may take; `None` for no limit.
    pub memory_bytes: Option<u64>,
    /// Processor time that it may take; `None` for no limit.
    pub processor_seconds: Option<u64>,
}

/// The layers that hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Files can be opened as the profile says.
    pub landlock: bool,
    /// System calls are filtered.
    pub seccomp: bool,
    /// No program that it starts gains rights.
    pub no_new_privs: bool,
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = [
            (self.landlock, "landlock"),
            (self.seccomp, "seccomp"),
            (self.no_new_privs, "no_new_privs"),
        ];
        let held: Vec<&str> = layers.iter().filter(|(held, _)| *held).map(|(_, n)| *n).collect();
        formatter.write_str(&held.join(","))
    }
}

/// Confines this process. To be called while it has one thread: Landlock holds for the calling
/// thread and for those that it starts.
pub fn enter(profile: &Profile) -> Held {
    limit(profile);
    // Both layers set it, too; it holds where neither does.
    let no_new_privs = rustix::thread::set_no_new_privs(true).is_ok();
    let landlock = files::restrict(profile);
    let seccomp = calls::filter(profile.program.is_some());
    Held { landlock, seccomp, no_new_privs }
}

/// Lowers the limits, as far as the system lets them be lowered.
fn limit(profile: &Profile) {
    // The server's log may be a file that this process writes to.
    let log = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let log_bytes = log.and_then(|file| file.metadata()).map_or(0, |metadata| metadata.len());
    let limits = [
        // A core file would hold customers' texts.
        (Resource::Core, Some(0)),
        (Resource::Fsize, Some(profile.file_bytes.saturating_add(log_bytes))),
        (Resource::Data, profile.memory_bytes),
        (Resource::Cpu, profile.processor_seconds),
    ];
    for (resource, limit) in limits {
        let Some(limit) = limit else { continue };
        let before = getrlimit(resource);
        let lower = |value: Option<u64>| Some(value.map_or(limit, |value| value.min(limit)));
        let new = Rlimit { current: lower(before.current), maximum: lower(before.maximum) };
        // Lowering a limit is always allowed.
        let _ = setrlimit(resource, new);
    }
}
