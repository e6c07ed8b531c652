//! A connection to the engine's socket whose waits end at once on cancel and timeouts.

use super::majors;
use pgrx::pg_sys;
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// Events to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes to read, or the end of the stream.
    Read,
    /// The same, or room to write.
    ReadWrite,
}

/// Result of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The socket may be ready.
    Ready,
    /// The time is over.
    TimedOut,
}

/// A non-blocking Unix socket with a wait event set of its own, kept for the connection's life: to
/// make one for each wait costs a tenth of a round trip.
#[derive(Debug)]
pub struct Socket {
    stream: UnixStream,
    set: *mut pg_sys::WaitEventSet,
    /// Position of the socket in `set`.
    position: i32,
    interest: Interest,
}

impl Socket {
    /// Connects without ever blocking; a listener whose backlog is full gives `WouldBlock`.
    pub fn connect(path: &str) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        net::connect(&fd, &SocketAddrUnix::new(path)?)?;
        let stream = UnixStream::from(fd);
        // SAFETY: the set lives in a context that outlasts the connection and is freed by `drop`;
        // `MyLatch` stays the same for the life of the process.
        let (set, position) = unsafe {
            let set = majors::lasting_event_set(3);
            let none = pg_sys::PGINVALID_SOCKET;
            let null = std::ptr::null_mut();
            let latch = pg_sys::MyLatch;
            pg_sys::AddWaitEventToSet(set, pg_sys::WL_LATCH_SET, none, latch, null);
            pg_sys::AddWaitEventToSet(
                set,
                pg_sys::WL_EXIT_ON_PM_DEATH,
                none,
                std::ptr::null_mut(),
                null,
            );
            let position = pg_sys::AddWaitEventToSet(
                set,
                pg_sys::WL_SOCKET_READABLE,
                stream.as_raw_fd(),
                std::ptr::null_mut(),
                null,
            );
            (set, position)
        };
        Ok(Self { stream, set, position, interest: Interest::Read })
    }

    /// Waits until the socket is ready or `milliseconds` are over (`None`: no limit). Raises a
    /// pending cancel; the connection is left as it was.
    pub fn wait(&mut self, interest: Interest, milliseconds: Option<u64>) -> Woken {
        if interest != self.interest {
            let events = match interest {
                Interest::Read => pg_sys::WL_SOCKET_READABLE,
                Interest::ReadWrite => pg_sys::WL_SOCKET_READABLE | pg_sys::WL_SOCKET_WRITEABLE,
            };
            // SAFETY: the set and the position are those that `connect` made.
            unsafe {
                pg_sys::ModifyWaitEvent(self.set, self.position, events, std::ptr::null_mut());
            }
            self.interest = interest;
        }
        let limit = milliseconds.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX));
        let mut event = pg_sys::WaitEvent::default();
        // SAFETY: the set is alive and there is room for the one event asked for.
        let count = unsafe {
            pg_sys::WaitEventSetWait(
                self.set,
                limit.into(),
                &raw mut event,
                1,
                pg_sys::PG_WAIT_EXTENSION,
            )
        };
        if count > 0 && event.events & pg_sys::WL_LATCH_SET != 0 {
            // SAFETY: the latch is this process's own.
            unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
            pgrx::check_for_interrupts!();
        }
        if count == 0 { Woken::TimedOut } else { Woken::Ready }
    }

    /// The descriptor, to wait for with others.
    pub fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Process id of whoever listens at the other end.
    pub fn peer(&self) -> Option<i32> {
        let peer = net::sockopt::socket_peercred(&self.stream).ok()?;
        Some(peer.pid.as_raw_nonzero().get())
    }

    /// Reads what is there; `WouldBlock` when nothing is.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Writes what fits; `WouldBlock` when nothing does. A backend ignores SIGPIPE.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: made by `connect` and freed only here.
        unsafe { pg_sys::FreeWaitEventSet(self.set) }
    }
}
