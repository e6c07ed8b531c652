//! Child processes of a background worker: started clean, ended with their parent.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Starts `program`. The child has its standard input as a lifeline (end of file when this process
/// is gone), a process group of its own (the postmaster signals a worker's whole group), default
/// signal handling, no descriptor of ours but standard error, is the kernel's first choice when
/// memory runs out, and is killed when this process dies.
pub fn spawn(program: &str, arguments: &[String]) -> io::Result<Child> {
    start(program, arguments, Stdio::null(), Limits::default())
}

/// What a child may take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Memory in bytes; `None` for no limit.
    pub memory_bytes: Option<u64>,
    /// How much it stands back for others, 0 to 19.
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
        // Not closed but marked: the standard library reports a failed exec through one of them.
        libc::syscall(
            libc::SYS_close_range,
            libc::STDERR_FILENO + 1,
            i32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
    limit(limits)?;
    // The engine goes before the postmaster does; not being allowed to say so is no reason to fail.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
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
