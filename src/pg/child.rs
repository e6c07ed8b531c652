//! Child processes of a background worker: started clean, ended with their parent.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Starts `program`. The child has its standard input as a lifeline (end of file when this process
/// is gone), a process group of its own (the postmaster signals a worker's whole group), default
/// signal handling, no descriptor of ours but standard error, is the kernel's first choice when
/// memory runs out, and is killed when this process dies.
pub fn spawn(program: &str, arguments: &[String]) -> io::Result<Child> {
    // Children are started here alone; clippy.toml bans it everywhere else.
    #[allow(clippy::disallowed_methods)]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
    let parent = rustix::process::getpid();
    // SAFETY: the closure runs in the child between fork and exec and makes only system calls.
    unsafe { command.pre_exec(move || prepare(parent)) };
    command.spawn()
}

/// Makes the forked child independent of what a backend sets up.
fn prepare(parent: rustix::process::Pid) -> io::Result<()> {
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
    // The engine goes before the postmaster does; not being allowed to say so is no reason to fail.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(())
}
