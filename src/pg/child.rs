//! Child processes of a background worker: started clean, ended with their parent.

use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Starts `program`. The child has its standard input as a lifeline (end of file when this process
/// is gone), a process group of its own (the postmaster signals a worker's whole group), default
/// signal handling, no descriptor of ours but standard error, is the kernel's first choice when
/// memory runs out, and is killed when this process dies.
pub fn spawn(program: &str, arguments: &[String]) -> io::Result<Child> {
    start(program, arguments, Stdio::null(), Limits::default())
}

/// Resource limits of a child.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Memory in bytes; `None` for no limit.
    pub memory_bytes: Option<u64>,
    /// Nice value, 0 to 19.
    pub nice: i32,
}

/// The same under limits and with its standard output piped to this process, which reads it
/// without ever blocking.
pub fn spawn_piped(program: &str, arguments: &[String], limits: Limits) -> io::Result<Child> {
    let child = start(program, arguments, Stdio::piped(), limits)?;
    if let Some(output) = &child.stdout {
        rustix::io::ioctl_fionbio(output, true)?;
    }
    Ok(child)
}

fn start(program: &str, arguments: &[String], output: Stdio, limits: Limits) -> io::Result<Child> {
    // Children are started here alone; clippy.toml bans it everywhere else.
    #[allow(clippy::disallowed_methods)]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(output).process_group(0);
    let parent = rustix::process::getpid();
    // SAFETY: the closure runs in the child between fork and exec and makes only system calls.
    unsafe { command.pre_exec(move || prepare(parent, limits)) };
    command.spawn()
}

/// Makes the forked child independent of what a backend sets up.
fn prepare(parent: rustix::process::Pid, limits: Limits) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(io::ErrorKind::BrokenPipe.into()); // the parent died before the line above
    }
    // SAFETY: plain system calls on values of this frame.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        for signal in 1..libc::SIGRTMIN() {
            if signal != libc::SIGKILL && signal != libc::SIGSTOP {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
    // Not closed but marked: the standard library reports a failed exec through one of them.
    if mark_range(libc::STDERR_FILENO + 1).is_err() {
        mark_each(libc::STDERR_FILENO + 1)?; // a kernel before 5.11
    }
    limit(limits)?;
    // The engine goes before the postmaster does; not being allowed to say so is no reason to fail.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(())
}

/// Has the kernel close all descriptors from `first` on exec.
fn mark_range(first: RawFd) -> io::Result<()> {
    // SAFETY: a plain system call.
    let outcome =
        unsafe { libc::syscall(libc::SYS_close_range, first, i32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The same, one descriptor after the other up to the limit of open files.
fn mark_each(first: RawFd) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a system call on a value of this frame.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let end = RawFd::try_from(limit.rlim_cur).unwrap_or(RawFd::MAX);
    for descriptor in first..end {
        // SAFETY: plain system calls; where no file is open they fail, which is as good.
        unsafe {
            let flags = libc::fcntl(descriptor, libc::F_GETFD);
            if flags >= 0 && libc::fcntl(descriptor, libc::F_SETFD, flags | libc::FD_CLOEXEC) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    Ok(())
}

/// Private writable memory is what is limited (RLIMIT_DATA): the address space, which is the other
/// limit there is, holds mapped files and what a GPU's driver reserves too.
fn limit(limits: Limits) -> io::Result<()> {
    if let Some(bytes) = limits.memory_bytes {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: a system call on a value of this frame.
        if unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if limits.nice > 0 {
        // SAFETY: a system call. To be refused is no reason to fail.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, limits.nice) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    /// True if a descriptor is closed on exec, after it was made to stay open.
    fn is_marked_by(mark: impl Fn(RawFd) -> io::Result<()>) -> bool {
        let file = std::fs::File::open("/dev/null").unwrap();
        let descriptor = file.as_raw_fd();
        // SAFETY: system calls on a descriptor of this test's.
        unsafe {
            assert_eq!(libc::fcntl(descriptor, libc::F_SETFD, 0), 0);
            mark(descriptor).unwrap();
            libc::fcntl(descriptor, libc::F_GETFD) & libc::FD_CLOEXEC != 0
        }
    }

    #[test]
    fn descriptors_are_closed_on_exec_with_and_without_close_range() {
        assert!(!is_marked_by(|_| Ok(())));
        assert!(is_marked_by(mark_each));
        // An old kernel refuses, and says so.
        if mark_range(RawFd::MAX).is_ok() {
            assert!(is_marked_by(mark_range));
        }
    }
}
