//! Looking at and signalling the processes of a cluster.

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its title or command line.
    pub command: String,
}

impl Process {
    fn read(directory: &Path) -> Option<Self> {
        let pid = directory.file_name()?.to_str()?.parse().ok()?;
        let command = std::fs::read(directory.join("cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().to_owned();
        let status = std::fs::read_to_string(directory.join("status")).ok()?;
        Some(Self { pid, parent: field(&status, "PPid:")?.parse().ok()?, command })
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

/// All processes whose working directory is `directory`: a server's, and its engine's.
pub fn processes_in(directory: &Path) -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let here =
        |path: &PathBuf| std::fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == directory);
    entries.filter(here).filter_map(|path| Process::read(&path)).collect()
}

/// Whether a process is there and not a zombie.
pub fn is_alive(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| field(&status, "State:").is_some_and(|state| state != "Z"))
}

/// Resident memory in bytes.
pub fn resident_bytes(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    field(&status, "VmRSS:").unwrap().parse::<u64>().unwrap() * 1024
}

/// Size of a process's address space in bytes.
pub fn address_space(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    field(&status, "VmSize:").unwrap().parse::<u64>().unwrap() * 1024
}

/// Sends a signal; a process that is gone already is no error.
pub fn signal(pid: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

/// Stops a process, and waits until each of its threads stands: until then any may still answer.
pub fn stop(pid: i32) {
    signal(pid, Signal::STOP);
    wait_until("every thread is stopped", Duration::from_secs(20), || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
        threads
            .map(|thread| std::fs::read_to_string(thread.path().join("status")).unwrap())
            .all(|status| field(&status, "State:") == Some("T"))
    });
}

/// Waits until `condition` holds; fails the test after `limit`.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
