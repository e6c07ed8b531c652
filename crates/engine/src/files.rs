//! The thread that writes and deletes artifacts, so that no peer waits for a disk.

use crate::Engine;
use crate::artifacts::Upload;
use crate::job::Caller;
use crate::log;
use crate::pending::Pending;
use crate::predictor::Failure;
use crate::worker::guarded;
use crm_ai_wire::{Digest, ErrorCode, Manifest, Reply};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

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

    /// Whether so much waits that the connection must not be read.
    pub fn is_full(&self) -> bool {
        self.0.load(Ordering::Acquire) > BACKLOG_BYTES_MAX
    }

    /// Notes bytes that were written; true when the connection may be read again.
    fn subtract(&self, bytes: usize) -> bool {
        let before = self.0.fetch_sub(bytes, Ordering::AcqRel);
        before > BACKLOG_BYTES_MAX && before - bytes <= BACKLOG_BYTES_MAX
    }
}

/// What [`server`](crate::server) hands over.
pub enum FileWork {
    /// Receive the artifact of this manifest (JSON).
    Begin(Caller, Vec<u8>),
    /// The next bytes of the caller's artifact.
    Chunk(Caller, Vec<u8>, Arc<Backlog>),
    /// The caller no longer wants its artifact received.
    Cancel(Caller),
    /// Forget what the connection was sending.
    Disconnect(u64),
    /// Delete an artifact.
    Evict(Caller, Digest),
}

/// Writes and deletes until the sender is gone. `resume` is called when a connection whose
/// backlog was full may be read again.
pub fn run(work: &Receiver<FileWork>, engine: &Engine, pending: &Pending, resume: &dyn Fn(u64)) {
    let mut uploads: HashMap<Caller, (Digest, Upload)> = HashMap::new();
    while let Ok(work) = work.recv() {
        match work {
            FileWork::Begin(caller, manifest) => {
                match guarded(|| begin(engine, &manifest)) {
                    Ok(Some(upload)) => {
                        uploads.insert(caller, upload);
                        finish_whole(caller, engine, pending, &mut uploads);
                    }
                    Ok(None) => pending.finish(caller, &Reply::Loaded),
                    Err(failure) => refuse(caller, pending, failure),
                };
            }
            FileWork::Chunk(caller, bytes, backlog) => {
                // Chunks of an artifact that is there already, or was refused, are still under way.
                if let Some((_, upload)) = uploads.get_mut(&caller) {
                    match guarded(|| upload.write(&bytes)) {
                        Ok(_) => finish_whole(caller, engine, pending, &mut uploads),
                        Err(failure) => {
                            uploads.remove(&caller);
                            refuse(caller, pending, failure);
                        }
                    }
                }
                if backlog.subtract(bytes.len()) {
                    resume(caller.connection);
                }
            }
            FileWork::Cancel(caller) => {
                uploads.remove(&caller);
            }
            FileWork::Disconnect(connection) => {
                uploads.retain(|caller, _| caller.connection != connection);
            }
            FileWork::Evict(caller, digest) => {
                engine.evict(&digest);
                match guarded(|| engine.store.evict(&digest)) {
                    Ok(()) => {
                        log::event(format_args!("model {digest} is forgotten"));
                        pending.finish(caller, &Reply::Loaded);
                    }
                    Err(failure) => refuse(caller, pending, failure),
                }
            }
        }
    }
}

/// The upload that was begun; `None` when the artifact is there already.
fn begin(engine: &Engine, manifest: &[u8]) -> Result<Option<(Digest, Upload)>, Failure> {
    let manifest = Manifest::from_json(manifest)
        .map_err(|error| Failure::new(ErrorCode::InvalidModel, error.to_string()))?;
    let digest = manifest.digest();
    if engine.store.find(&digest).is_some() {
        return Ok(None);
    }
    Ok(Some((digest, engine.store.begin_upload(manifest)?)))
}

/// Names an upload that has all its bytes, and answers.
fn finish_whole(
    caller: Caller,
    engine: &Engine,
    pending: &Pending,
    uploads: &mut HashMap<Caller, (Digest, Upload)>,
) {
    if !uploads.get(&caller).is_some_and(|(_, upload)| upload.is_whole()) {
        return;
    }
    let Some((digest, upload)) = uploads.remove(&caller) else { return };
    match guarded(|| upload.commit()) {
        Ok(()) => {
            engine.artifact_came(&digest);
            log::event(format_args!("model {digest} was received"));
            pending.finish(caller, &Reply::Loaded);
        }
        Err(failure) => refuse(caller, pending, failure),
    }
}

fn refuse(caller: Caller, pending: &Pending, failure: Failure) {
    log::event(format_args!("an artifact was not received or deleted: {failure}"));
    pending.finish(caller, &Reply::Error(failure.code, failure.message));
}
