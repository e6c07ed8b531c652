//! The thread that writes and deletes artifacts, so that no peer waits for a disk.

use crate::Engine;
use crate::artifacts::Upload;
use crate::examiner::{Examination, Subject};
use crate::job::Caller;
use crate::log;
use crate::pending::Pending;
use crate::predictor::Failure;
use crate::worker::guarded;
use crm_ai_wire::{Digest, ErrorCode, Manifest, Reply};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};

/// Bytes of one connection that may wait for the disk before it is read no further.
pub const BACKLOG_BYTES_MAX: usize = 8 << 20;

/// Bytes of a connection's uploads that wait for the disk.
#[derive(Debug, Default)]
pub struct Backlog(AtomicUsize);

impl Backlog {
    /// Notes bytes that were handed over.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::AcqRel);
    }

    /// True if so much waits that the connection must not be read.
    pub fn is_full(&self) -> bool {
        self.0.load(Ordering::Acquire) > BACKLOG_BYTES_MAX
    }

    /// Notes bytes that were written; true when the connection may be read again.
    fn subtract(&self, bytes: usize) -> bool {
        let before = self.0.fetch_sub(bytes, Ordering::AcqRel);
        before > BACKLOG_BYTES_MAX && before - bytes <= BACKLOG_BYTES_MAX
    }
}

/// Purpose of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be kept in the cache.
    Keep,
    /// To be told what it is, and deleted.
    Examine,
}

/// An artifact that is announced.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Purpose of the upload.
    pub purpose: Purpose,
    /// The database that sends it.
    pub database: u32,
    /// Name of the version, for the log; may be empty.
    pub reference: String,
    /// Its manifest, JSON.
    pub manifest: Vec<u8>,
}

/// Work handed over by [`server`](crate::server).
pub enum FileWork {
    /// Receive an artifact.
    Begin(Caller, Announced),
    /// The next bytes of the caller's artifact.
    Chunk(Caller, Vec<u8>, Arc<Backlog>),
    /// The caller no longer wants its artifact received.
    Cancel(Caller),
    /// Forget what the connection was sending.
    Disconnect(u64),
    /// Delete an artifact.
    Evict(Caller, Digest),
    /// Delete the artifacts that none of these databases has.
    Sweep(Caller, Vec<u32>),
}

/// An artifact under way.
struct Incoming {
    digest: Digest,
    upload: Upload,
    announced: Announced,
}

/// State of an announced upload.
enum Begun {
    /// Its bytes are awaited.
    Incoming(Incoming),
    /// They are not needed.
    Answered(Reply),
}

/// Writes and deletes until the sender is gone. `resume` is called when a connection whose
/// backlog was full may be read again; whole artifacts that are to be examined go to `examiner`.
pub fn run(
    work: &Receiver<FileWork>,
    engine: &Engine,
    pending: &Pending,
    examiner: &Sender<Examination>,
    resume: &dyn Fn(u64),
) {
    let mut files = Files { engine, pending, examiner, uploads: HashMap::new() };
    while let Ok(work) = work.recv() {
        match work {
            FileWork::Begin(caller, announced) => match guarded(|| files.begin(announced)) {
                Ok(Begun::Incoming(incoming)) => {
                    files.uploads.insert(caller, incoming);
                    files.finish_whole(caller);
                }
                Ok(Begun::Answered(reply)) => pending.finish(caller, &reply),
                Err(failure) => files.refuse(caller, failure),
            },
            FileWork::Chunk(caller, bytes, backlog) => {
                files.write(caller, &bytes);
                if backlog.subtract(bytes.len()) {
                    resume(caller.connection);
                }
            }
            FileWork::Cancel(caller) => {
                files.uploads.remove(&caller);
            }
            FileWork::Disconnect(connection) => {
                files.uploads.retain(|caller, _| caller.connection != connection);
            }
            FileWork::Evict(caller, digest) => files.answer(caller, |files| files.evict(&digest)),
            FileWork::Sweep(caller, databases) => files.answer(caller, |files| {
                let gone = files.engine.store.without_owner(&databases);
                gone.iter().try_for_each(|digest| files.evict(digest))
            }),
        }
    }
}

struct Files<'a> {
    engine: &'a Engine,
    pending: &'a Pending,
    examiner: &'a Sender<Examination>,
    uploads: HashMap<Caller, Incoming>,
}

impl Files<'_> {
    fn begin(&self, announced: Announced) -> Result<Begun, Failure> {
        let manifest = Manifest::from_json(&announced.manifest)
            .map_err(|error| Failure::new(ErrorCode::InvalidModel, error.to_string()))?;
        let digest = manifest.digest();
        match announced.purpose {
            Purpose::Keep if self.engine.store.find(&digest).is_some() => {
                self.engine.store.add_owner(&digest, announced.database)?;
                return Ok(Begun::Answered(Reply::Loaded));
            }
            Purpose::Examine if let Some(info) = self.engine.description(&digest) => {
                return Ok(Begun::Answered(Reply::Described(info)));
            }
            Purpose::Keep | Purpose::Examine => {}
        }
        if self.engine.options.sandbox.landlock && self.engine.store.is_replaced() {
            // Only a process that starts anew may be let into the new folder.
            log::fatal("the cache of models was deleted; the engine ends, to start anew");
            signal_hook::low_level::exit(1);
        }
        let upload = self.engine.store.begin_upload(manifest)?;
        Ok(Begun::Incoming(Incoming { digest, upload, announced }))
    }

    /// Takes the next bytes of an artifact. Bytes of one that is there already, or was refused, may
    /// still be under way.
    fn write(&mut self, caller: Caller, bytes: &[u8]) {
        let Some(incoming) = self.uploads.get_mut(&caller) else { return };
        match guarded(|| incoming.upload.write(bytes)) {
            Ok(_) => self.finish_whole(caller),
            Err(failure) => {
                self.uploads.remove(&caller);
                self.refuse(caller, failure);
            }
        }
    }

    /// Names an upload that has all its bytes, and answers; or has it examined.
    fn finish_whole(&mut self, caller: Caller) {
        if !self.uploads.get(&caller).is_some_and(|incoming| incoming.upload.is_whole()) {
            return;
        }
        let Some(incoming) = self.uploads.remove(&caller) else { return };
        let Incoming { digest, upload, announced: Announced { purpose, database, reference, .. } } =
            incoming;
        if purpose == Purpose::Examine {
            let subject = Subject::Received(upload.into_temporary());
            // Fails only when the examiners are gone, and they never go.
            let _ = self.examiner.send(Examination { caller, digest, subject, reference });
            return;
        }
        self.answer(caller, |files| {
            upload.commit(database)?;
            files.engine.artifact_came(&digest);
            files.engine.note_name(digest, &reference);
            log::event(format_args!("model {} was received", files.engine.name_of(&digest)));
            Ok(())
        });
    }

    fn evict(&self, digest: &Digest) -> Result<(), Failure> {
        self.engine.evict(digest);
        self.engine.store.evict(digest)?;
        log::event(format_args!("model {} is forgotten", self.engine.name_of(digest)));
        Ok(())
    }

    fn answer(&self, caller: Caller, act: impl FnOnce(&Self) -> Result<(), Failure>) {
        match guarded(|| act(self)) {
            Ok(()) => self.pending.finish(caller, &Reply::Loaded),
            Err(failure) => self.refuse(caller, failure),
        }
    }

    fn refuse(&self, caller: Caller, failure: Failure) {
        log::warning(format_args!("an artifact was not received or deleted: {failure}"));
        self.pending.finish(caller, &Reply::Error(failure.code, failure.message));
    }
}
