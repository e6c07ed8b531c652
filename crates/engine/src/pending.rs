//! Requests about artifacts that are in work: they too are told each second that the engine lives.

use crate::core::PROGRESS_INTERVAL;
use crate::job::Caller;
use crate::reply_sink::ReplySink;
use crm_ai_wire::Reply;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The requests; each is answered once, by whoever takes it out.
#[derive(Default)]
pub struct Pending {
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    caller: Caller,
    sink: Arc<dyn ReplySink>,
    last_progress: Instant,
}

impl Pending {
    /// Takes a request up.
    pub fn begin(&self, caller: Caller, sink: Arc<dyn ReplySink>) {
        self.lock().push(Entry { caller, sink, last_progress: Instant::now() });
    }

    /// Answers a request, unless its caller has given it up.
    pub fn finish(&self, caller: Caller, reply: &Reply) {
        let entry = {
            let mut entries = self.lock();
            let index = entries.iter().position(|entry| entry.caller == caller);
            index.map(|index| entries.swap_remove(index))
        };
        if let Some(entry) = entry {
            entry.sink.send(caller.request_id, reply);
        }
    }

    /// True if a request waits for its answer.
    pub fn holds(&self, caller: Caller) -> bool {
        self.lock().iter().any(|entry| entry.caller == caller)
    }

    /// Drops a request whose caller no longer wants it; whether there was one.
    pub fn cancel(&self, caller: Caller) -> bool {
        let mut entries = self.lock();
        let before = entries.len();
        entries.retain(|entry| entry.caller != caller);
        entries.len() < before
    }

    /// Drops all requests of a connection that ended.
    pub fn disconnect(&self, connection: u64) {
        self.lock().retain(|entry| entry.caller.connection != connection);
    }

    /// The number of a connection's requests.
    pub fn count_of(&self, connection: u64) -> usize {
        self.lock().iter().filter(|entry| entry.caller.connection == connection).count()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Tells callers that have waited since their last word that they are not forgotten.
    pub fn tick(&self, now: Instant) {
        let mut due = Vec::new();
        for entry in self.lock().iter_mut() {
            if now.saturating_duration_since(entry.last_progress) >= PROGRESS_INTERVAL {
                entry.last_progress = now;
                due.push((entry.caller, Arc::clone(&entry.sink)));
            }
        }
        for (caller, sink) in due {
            sink.send(caller.request_id, &Reply::Progress(0));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
