//! Event queue of the engine's threads: sockets, a bell and a clock.
//!
//! Any number of threads may wait. An event wakes one of them: the one that lay down last, as
//! epoll's exclusive waiters stand in a stack. So the thread that has just answered takes the next
//! request too, its processor's caches still warm, and the others sleep on.

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::time::Duration;

/// Most events that one thread takes up at once.
const EVENTS_MAX: usize = 256;
/// Ids that are no source's.
const BELL: u64 = u64::MAX;
const CLOCK: u64 = u64::MAX - 1;

/// Reason why a thread was woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody rang.
    Bell,
    /// The time is over.
    Clock,
    /// A source has changed.
    Source {
        /// Under which it was added.
        id: u64,
        /// There may be something to read.
        readable: bool,
        /// There may be room to write.
        writable: bool,
        /// The other side closed, or the connection broke.
        ended: bool,
    },
}

/// Tells of changes, of each one once (edge-triggered).
pub struct Poll {
    epoll: OwnedFd,
    bell: OwnedFd,
    clock: OwnedFd,
}

impl Poll {
    /// Fails when the system has no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let timer = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let poll = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            bell: eventfd(0, flags)?,
            clock: timerfd_create(TimerfdClockId::Monotonic, timer)?,
        };
        poll.add(&poll.bell, BELL)?;
        poll.add(&poll.clock, CLOCK)?;
        Ok(poll)
    }

    /// Watches a source for something to read, under an id.
    pub fn add(&self, source: impl AsFd, id: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, epoll::EventData::new_u64(id), interest(false))?)
    }

    /// Says whether room to write is told, too.
    pub fn watch_room(&self, source: impl AsFd, id: u64, writable: bool) -> io::Result<()> {
        let data = epoll::EventData::new_u64(id);
        Ok(epoll::modify(&self.epoll, source, data, interest(writable))?)
    }

    /// Forgets a source.
    pub fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// Wakes one of those who wait, or else the next one who would.
    pub fn ring(&self) {
        // Fails only after 2⁶⁴ rings.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Wakes one of those who wait when `span` is over; replaces what was asked for earlier.
    pub fn ring_after(&self, span: Duration) -> io::Result<()> {
        let time = |span: Duration| Timespec {
            tv_sec: span.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: span.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: time(Duration::ZERO), it_value: time(span) };
        timerfd_settime(&self.clock, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    /// Sleeps until there are events.
    pub fn wait(&self) -> io::Result<Vec<Event>> {
        let mut found = Vec::with_capacity(EVENTS_MAX);
        loop {
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut found), None) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(found.iter().map(told).collect()),
            }
        }
    }
}

fn interest(writable: bool) -> epoll::EventFlags {
    let reading = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
    if writable { reading | epoll::EventFlags::OUT } else { reading }
}

fn told(event: &epoll::Event) -> Event {
    let (id, flags) = (event.data.u64(), event.flags);
    let ends = epoll::EventFlags::HUP | epoll::EventFlags::RDHUP | epoll::EventFlags::ERR;
    match id {
        BELL => Event::Bell,
        CLOCK => Event::Clock,
        id => Event::Source {
            id,
            readable: flags.contains(epoll::EventFlags::IN),
            writable: flags.contains(epoll::EventFlags::OUT),
            ended: flags.intersects(ends),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    const READABLE: Event = Event::Source { id: 7, readable: true, writable: false, ended: false };

    #[test]
    fn tells_of_each_change_once() {
        let poll = Poll::new().unwrap();
        let (mut peer, own) = UnixStream::pair().unwrap();
        poll.add(&own, 7).unwrap();
        peer.write_all(b"a").unwrap();
        assert_eq!(poll.wait().unwrap(), [READABLE]);
        // Nothing was read, and yet it is not told again.
        poll.ring();
        assert_eq!(poll.wait().unwrap(), [Event::Bell]);
        poll.ring_after(Duration::from_millis(1)).unwrap();
        assert_eq!(poll.wait().unwrap(), [Event::Clock]);
        poll.watch_room(&own, 7, true).unwrap();
        let events = poll.wait().unwrap();
        assert!(matches!(events[..], [Event::Source { id: 7, writable: true, .. }]), "{events:?}");
        drop(peer);
        let events = poll.wait().unwrap();
        assert!(matches!(events[..], [Event::Source { id: 7, ended: true, .. }]), "{events:?}");
        poll.remove(&own).unwrap();
        poll.ring();
        assert_eq!(poll.wait().unwrap(), [Event::Bell]);
    }

    /// Two rings in a row are not lost on threads that sleep, nor on one that comes later.
    #[test]
    fn each_ring_wakes_somebody() {
        let poll = Poll::new().unwrap();
        let woken = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..3 {
                let (sender, poll, woken) = (sender.clone(), &poll, &woken);
                scope.spawn(move || {
                    assert_eq!(poll.wait().unwrap(), [Event::Bell]);
                    woken.fetch_add(1, Ordering::SeqCst);
                    sender.send(()).unwrap();
                });
            }
            for expected in 1..=3 {
                poll.ring();
                receiver.recv().unwrap();
                assert_eq!(woken.load(Ordering::SeqCst), expected);
            }
        });
    }
}
