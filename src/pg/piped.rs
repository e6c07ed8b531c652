//! A child process that tells what it does on its standard output, a line for each event.

use super::child::{self, Limits};
use super::latch;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// Longest wait for output.
pub const LOOK: Duration = Duration::from_millis(300);
/// Interval of looks for the end of a child that has closed its output.
const LOOK_FOR_END: Duration = Duration::from_millis(10);
/// Longest line that a child may write.
const LINE_BYTES_MAX: usize = 64 << 20;

/// A running child; it is killed, with whatever it started, when this is dropped. Until then it is
/// not reaped, so that no other process can have its number.
pub struct PipedChild {
    child: Child,
    /// Bytes read that are no whole line yet.
    rest: Vec<u8>,
    /// Exit status, once it is reaped.
    status: Option<ExitStatus>,
}

impl Drop for PipedChild {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl PipedChild {
    /// Starts a program.
    pub fn start(program: &str, arguments: &[String], limits: Limits) -> io::Result<Self> {
        let child = child::spawn_piped(program, arguments, limits)?;
        Ok(Self { child, rest: Vec::new(), status: None })
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sleeps until there is something to read or to look at. Raises a pending cancel.
    pub fn wait(&self) {
        let output = self.child.stdout.as_ref().map(AsRawFd::as_raw_fd);
        let limit = if output.is_some() { LOOK } else { LOOK_FOR_END };
        latch::sleep(limit.as_millis() as u64, output);
    }

    fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.pid().is_some_and(|pid| matches!(waitid(WaitId::Pid(pid), look), Ok(Some(_))))
    }

    /// Kills what still runs of the child's process group and reaps the child.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        if let Some(group) = self.pid() {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// The lines that have come, and whether the child has ended, so that no more will. A line that
    /// is too long is an error of kind `InvalidData`.
    pub fn read(&mut self) -> io::Result<(Vec<Vec<u8>>, bool)> {
        let mut buffer = [0; 1 << 16];
        let mut lines = Vec::new();
        // Asked before the reading, so that nothing is missed. The end of the output is not waited
        // for: another process may hold it open.
        let has_ended = self.has_ended();
        let Some(output) = self.child.stdout.as_mut() else { return Ok((lines, has_ended)) };
        loop {
            match output.read(&mut buffer) {
                Ok(0) => {
                    self.child.stdout = None;
                    return Ok((lines, has_ended));
                }
                Ok(count) => {
                    self.rest.extend(&buffer[..count]);
                    while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                        lines.push(self.rest.drain(..=end).collect());
                    }
                    if self.rest.len() > LINE_BYTES_MAX {
                        return Err(ErrorKind::InvalidData.into());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok((lines, has_ended));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
