//! Keeps one engine process running for the whole server.
//!
//! How it is started, and how it is kept the only one, is in [`crate::client::start`].

use super::heartbeat;
use super::sweeper::Sweeper;
use crate::client::start::try_lock;
use crate::pg::paths::{self, LOCK, SOCKET};
use crate::pg::worker::{self, must_stop};
use crate::pg::{child, latch};
use crate::settings;
use pgrx::prelude::*;
use rustix::process::{Pid, PidfdFlags, Signal};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

/// The folder of artifacts that backends sent from the registry.
const CACHE: &str = "models";

const BACKOFF_MS_MIN: u64 = 50;
const BACKOFF_MS_MAX: u64 = 60_000;
/// An engine that ran this long was healthy: its end starts the back-off anew.
const HEALTHY: Duration = Duration::from_secs(10);
/// Time that the engine has to end when asked, before it is killed.
const GRACE: Duration = Duration::from_secs(1);
/// Time between two pings.
const BEAT: Duration = Duration::from_secs(5);
/// An engine that misses this many pings in a row is replaced. A busy one misses none; one that is
/// starting on a machine with much to do may miss the first.
const MISSED_MAX: u32 = 3;

/// Takes the lock for the supervisor's life; `None` when another supervisor has it.
fn take_lock() -> Option<OwnedFd> {
    // A backend that asks whether a supervisor lives holds the lock for a moment.
    for _ in 0..10 {
        match try_lock() {
            Ok(Some(lock)) => return Some(lock),
            Ok(None) => latch::sleep(10, None),
            Err(error) => {
                log!("crm_ai: cannot lock {LOCK}: {error}");
                return None;
            }
        }
    }
    None
}

/// Reason for the end of a watch over the engine.
enum Ended {
    /// The server stops.
    Stop,
    /// A setting changed that the engine takes at its start.
    Changed,
    /// The engine ended by itself; the text tells how.
    Died(String),
}

/// The supervisor's life. It returns when another one has the lock, so that it is not restarted.
pub fn run() {
    worker::attach_signals();
    let Some(_lock) = take_lock() else { return };
    paths::remove_former();
    if let Err(error) = paths::make_own() {
        log!("crm_ai: cannot make the folder of the engine's files: {error}");
    }
    supervise();
    worker::end_for_restart();
}

/// Keeps an engine running until the worker is asked to end.
fn supervise() {
    let mut backoff_ms = BACKOFF_MS_MIN;
    let mut sweeper = Sweeper::default();
    loop {
        let started = Instant::now();
        let reason = match start() {
            Ok((child, arguments)) => match watch(child, &arguments, &mut sweeper) {
                Ended::Stop => return,
                Ended::Changed => {
                    log!("crm_ai: settings changed, restarting the engine");
                    continue;
                }
                Ended::Died(reason) => reason,
            },
            Err(error) => format!("cannot start {}: {error}", settings::engine_path()),
        };
        if started.elapsed() > HEALTHY {
            backoff_ms = BACKOFF_MS_MIN;
        }
        log!("crm_ai: engine down ({reason}), next start in {backoff_ms} ms");
        if pause(backoff_ms) {
            return;
        }
        backoff_ms = (backoff_ms * 2).min(BACKOFF_MS_MAX);
    }
}

/// Program and arguments as the settings are now.
fn command_line() -> Vec<String> {
    let mut line = vec![settings::engine_path(), "serve".into(), "--lifeline".into()];
    let places = [
        ("--socket", SOCKET.to_owned()),
        ("--cache", paths::own(CACHE).to_string_lossy().into_owned()),
        ("--runtime", paths::library_file("libonnxruntime.so")),
        ("--models", paths::models_directory()),
    ];
    line.extend(places.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
    line.extend(settings::engine_arguments());
    line
}

fn start() -> std::io::Result<(Child, Vec<String>)> {
    let line = command_line();
    // Whoever listens there is none of ours: the lock makes this supervisor's engine the only one.
    // A folder in its place is the engine's to complain of.
    let _ = std::fs::remove_file(SOCKET);
    let child = child::spawn(&line[0], &line[1..])?;
    log!("crm_ai: engine started, process {}", child.id());
    Ok((child, line))
}

/// Sleeps until the engine ends or no longer answers, the server stops or a setting changes. The
/// engine has ended when this returns.
fn watch(mut child: Child, line: &[String], sweeper: &mut Sweeper) -> Ended {
    let exit = Pid::from_raw(child.id().cast_signed())
        .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
    let mut beaten = Instant::now();
    let mut missed = 0;
    loop {
        let left = BEAT.saturating_sub(beaten.elapsed());
        // Without a descriptor for its exit the engine is looked after twice a second.
        let left = if exit.is_some() { left } else { left.min(Duration::from_millis(500)) };
        let exit_fd = exit.as_ref().map(AsRawFd::as_raw_fd);
        worker::sleep_until_readable(left.as_millis() as u64, exit_fd);
        if must_stop() {
            end(child);
            return Ended::Stop;
        }
        match child.try_wait() {
            Ok(Some(status)) => return Ended::Died(status.to_string()),
            Ok(None) => {}
            Err(error) => return Ended::Died(error.to_string()),
        }
        if worker::reloaded() && command_line() != line {
            end(child);
            return Ended::Changed;
        }
        if beaten.elapsed() < BEAT {
            continue;
        }
        beaten = Instant::now();
        match heartbeat::ping(child.id()) {
            Ok(()) => {
                missed = 0;
                sweeper.look(child.id());
            }
            Err(_) if missed + 1 < MISSED_MAX => missed += 1,
            Err(error) => {
                end(child);
                return Ended::Died(format!("it did not answer: {error}"));
            }
        }
    }
}

/// Asks the engine to end and kills it when it takes too long.
fn end(mut child: Child) {
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        // It may be gone already, which is what is wanted.
        let _ = rustix::process::kill_process(pid, Signal::TERM);
    }
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits before the next start; `true` when the server stops meanwhile.
fn pause(milliseconds: u64) -> bool {
    let until = Instant::now() + Duration::from_millis(milliseconds);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        // A reload may bring the path that was missing: no need to wait on.
        if left.is_zero() || worker::reloaded() {
            return must_stop();
        }
        worker::sleep(left.as_millis().max(1) as u64, 0);
        if must_stop() {
            return true;
        }
    }
}
