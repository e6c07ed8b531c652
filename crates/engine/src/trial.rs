//! Tries a stranger's model in a process of its own, so that whatever it does harms nobody.
//!
//! The process is this program again (`crm_ai_engine examine`), confined ([`sandbox`]
//! (crate::sandbox)), under limits on time and memory, and killed when nobody waits for it any more
//! or the engine ends. What it says is not believed further than it can be checked.

use crate::log;
use crate::predictor::{Failure, plain};
use crm_ai_wire::{ErrorCode, FrameReader, Manifest, ModelInfo, Reply};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// This program, also when another has taken its place in the file system since it was started.
pub const PROGRAM: &str = "/proc/self/exe";
/// Interval at which it is checked that somebody still waits.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Longest answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Most bytes that are kept of the process's messages.
const MESSAGES_BYTES_MAX: usize = 4096;
/// Memory that the program and ONNX Runtime take for the smallest model.
const BASE_BYTES: u64 = 768 << 20;
/// Memory for each byte of an artifact: fp16 weights twice as long, packed copies, and scratch.
const BYTES_PER_BYTE: u64 = 8;
/// Processor time beyond the wall clock's, in seconds for each thread.
const PROCESSOR_SPARE_SECONDS: u64 = 5;

/// Most classes of a model.
const LABELS_MAX: usize = 65_536;
/// Longest name of a class.
const LABEL_BYTES_MAX: usize = 1024;
/// Widest vector.
const DIMENSIONS_MAX: u32 = 1 << 20;

/// Settings of trials.
#[derive(Debug, Clone)]
pub struct Trial {
    /// ONNX Runtime's library.
    pub runtime: PathBuf,
    /// Longest time; `None` for no limit.
    pub time: Option<Duration>,
    /// Memory that a model may take when it is served; 0 for no limit.
    pub memory_limit: u64,
}

/// Reason why a trial was ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Unwanted,
    OverTime,
    TalksTooMuch,
}

/// Output of a trial's process.
#[derive(Default)]
struct Said {
    answer: Vec<u8>,
    messages: Vec<u8>,
}

impl Trial {
    /// Finds out what the model in a folder is, as long as `is_wanted`.
    pub fn run(
        &self,
        folder: &Path,
        workers: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<ModelInfo, Failure> {
        let failed = |error: io::Error| {
            let message = format!("the process that examines models: {error}");
            Failure::new(ErrorCode::Internal, message)
        };
        let mut child = Guard(self.start(folder, workers).map_err(failed)?);
        let mut said = Said::default();
        let cut = self.listen(&mut child.0, &mut said, is_wanted).map_err(failed)?;
        child.kill();
        let status = child.0.wait().map_err(failed)?;
        match cut {
            None => self.judge(status, &said),
            Some(Cut::OverTime) => Err(self.over_time()),
            Some(Cut::Unwanted) => {
                Err(Failure::new(ErrorCode::DeadlinePassed, "nobody waits for the answer"))
            }
            Some(Cut::TalksTooMuch) => Err(invalid("it has too much to say of itself")),
        }
    }

    fn start(&self, folder: &Path, workers: usize) -> io::Result<Child> {
        let mut command = Command::new(PROGRAM);
        command
            .arg0("crm_ai_engine")
            .arg("examine")
            .arg(folder)
            .arg("--runtime")
            .arg(&self.runtime);
        command.args(["--threads", &workers.to_string(), "--lifeline"]);
        command.args(["--memory", &self.memory_bytes(folder).to_string()]);
        if let Some(time) = self.time {
            let seconds = time.as_secs() + 1 + PROCESSOR_SPARE_SECONDS;
            let seconds = seconds.saturating_mul(workers.max(1) as u64);
            command.args(["--processor-time", &seconds.to_string()]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).spawn()
    }

    fn memory_bytes(&self, folder: &Path) -> u64 {
        let length = |path: &&str| folder.join(path).metadata().map_or(0, |file| file.len());
        let bytes: u64 = Manifest::FILES.iter().map(length).sum();
        let needed = match self.memory_limit {
            0 => bytes.saturating_mul(BYTES_PER_BYTE),
            limit => limit.saturating_mul(2),
        };
        BASE_BYTES.saturating_add(needed)
    }

    /// Hears the process to its end, or cuts it short.
    fn listen(
        &self,
        child: &mut Child,
        said: &mut Said,
        is_wanted: &dyn Fn() -> bool,
    ) -> io::Result<Option<Cut>> {
        let began = Instant::now();
        let (Some(mut output), Some(mut errors)) = (child.stdout.take(), child.stderr.take())
        else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        rustix::io::ioctl_fionbio(&output, true)?;
        rustix::io::ioctl_fionbio(&errors, true)?;
        loop {
            wait(&output, &errors)?;
            let is_over = said.read(&mut output, &mut errors)?;
            if said.answer.len() > ANSWER_BYTES_MAX {
                return Ok(Some(Cut::TalksTooMuch));
            }
            // Whatever it started may hold the pipes.
            if is_over || child.try_wait()?.is_some() {
                said.read(&mut output, &mut errors)?;
                return Ok(None);
            }
            if !is_wanted() {
                return Ok(Some(Cut::Unwanted));
            }
            if self.time.is_some_and(|limit| began.elapsed() >= limit) {
                return Ok(Some(Cut::OverTime));
            }
        }
    }

    fn over_time(&self) -> Failure {
        let seconds = self.time.map_or(0.0, |limit| limit.as_secs_f64());
        let message =
            format!("the model was not examined within crm_ai.import_limit ({seconds} s)");
        Failure::new(ErrorCode::ImportLimit, message)
    }

    /// The result of the process that ended by itself.
    fn judge(&self, status: ExitStatus, said: &Said) -> Result<ModelInfo, Failure> {
        if let Some(signal) = status.signal().and_then(Signal::from_named_raw) {
            let messages = String::from_utf8_lossy(&said.messages);
            // Rust's allocator and C++'s say so before they give up; the kernel says nothing.
            let lacked_memory =
                ["memory allocation of", "bad_alloc"].iter().any(|said| messages.contains(said));
            return Err(match signal {
                Signal::XCPU => self.over_time(),
                Signal::KILL => out_of_memory(),
                _ if lacked_memory => out_of_memory(),
                signal => invalid(&format!(
                    "the process that examined it crashed with signal {}",
                    signal.as_raw()
                )),
            });
        }
        let mut reader = FrameReader::default();
        reader.push(&said.answer);
        let reply = reader.next_frame().ok().flatten().and_then(|frame| Reply::decode(&frame).ok());
        match reply {
            Some(Reply::Described(info)) => checked(info),
            Some(Reply::Error(code, message)) => Err(failure(code, &message)),
            _ => {
                let messages = String::from_utf8_lossy(&said.messages);
                let last = messages.lines().last().unwrap_or_default();
                log::warning(format_args!("a model was not examined: {status}: {}", plain(last)));
                Err(Failure::new(ErrorCode::Internal, "the process that examines models failed"))
            }
        }
    }
}

/// Sleeps until there is something to read, or it is time to look at something else.
fn wait(output: &ChildStdout, errors: &ChildStderr) -> io::Result<()> {
    let mut sources = [PollFd::new(output, PollFlags::IN), PollFd::new(errors, PollFlags::IN)];
    match poll(&mut sources, Some(&LOOK)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(()),
        Ok(_) => {
            // A pipe whose other end is closed wakes at once, again and again.
            if sources.iter().any(|source| source.revents().contains(PollFlags::HUP)) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

impl Said {
    /// Takes what there is; whether the answer has ended.
    fn read(&mut self, output: &mut ChildStdout, errors: &mut ChildStderr) -> io::Result<bool> {
        let is_over = take(output, &mut self.answer, ANSWER_BYTES_MAX + 1)?;
        take(errors, &mut self.messages, usize::MAX)?;
        let surplus = self.messages.len().saturating_sub(MESSAGES_BYTES_MAX);
        self.messages.drain(..surplus);
        Ok(is_over)
    }
}

/// Reads what there is without waiting, up to a length and a little more; whether it has ended.
fn take(source: &mut impl Read, into: &mut Vec<u8>, length: usize) -> io::Result<bool> {
    let mut piece = [0; 1 << 16];
    let mut taken = 0;
    while into.len() < length && taken < length.min(1 << 20) {
        match source.read(&mut piece) {
            Ok(0) => return Ok(true),
            Ok(count) => {
                into.extend_from_slice(&piece[..count]);
                taken += count;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// A started process; killed with all that it started when this is dropped.
struct Guard(Child);

impl Guard {
    fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.0.id().cast_signed()) {
            // It may have ended, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

/// Refuses a description that no honest model has.
fn checked(info: ModelInfo) -> Result<ModelInfo, Failure> {
    let is_name = |text: &str| text.len() <= LABEL_BYTES_MAX && !text.contains('\0');
    let is_share = |share: f32| (0.0..=1.0).contains(&share);
    let fits = info.labels.len() <= LABELS_MAX
        && info.labels.iter().all(|label| is_name(label))
        && is_name(&info.architecture)
        && info.dimensions <= DIMENSIONS_MAX
        && info.max_tokens <= i32::MAX.unsigned_abs()
        && i64::try_from(info.parameters).is_ok()
        && info.temperature.is_finite()
        && info.int8_agreement.is_none_or(is_share);
    if fits {
        Ok(info)
    } else {
        Err(invalid(&format!(
            "it has more than {LABELS_MAX} classes, or names or sizes beyond all limits"
        )))
    }
}

/// A failure that the process told. It is believed what is wrong with the model, nothing else.
fn failure(code: ErrorCode, message: &str) -> Failure {
    match code {
        ErrorCode::OutOfMemory | ErrorCode::InvalidModel => Failure::new(code, message),
        _ => invalid(message),
    }
}

fn invalid(reason: &str) -> Failure {
    Failure::new(ErrorCode::InvalidModel, format!("invalid model: {reason}"))
}

fn out_of_memory() -> Failure {
    Failure::new(ErrorCode::OutOfMemory, "out of memory while the model was examined")
}
