//! The threads that have artifacts examined. Measuring whether int8 suits a model takes many
//! seconds; beside the workers it keeps nobody waiting but its caller.

use crate::Engine;
use crate::artifacts::{Place, Temporary};
use crate::core::named;
use crate::job::Caller;
use crate::log;
use crate::pending::Pending;
use crate::predictor::Failure;
use crate::worker::guarded;
use crm_ai_wire::{Digest, ErrorCode, ModelInfo, Reply};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

/// Artifacts that are examined at a time: one that takes long must not keep all others waiting.
pub const EXAMINERS: usize = 4;

/// An artifact to be examined.
pub struct Examination {
    /// The caller.
    pub caller: Caller,
    /// The artifact.
    pub digest: Digest,
    /// Location of the artifact.
    pub subject: Subject,
    /// Name of the version, for the log; may be empty.
    pub reference: String,
}

/// Location of an artifact that is to be examined.
pub enum Subject {
    /// In the package or the cache.
    Stored,
    /// In a folder that is deleted afterwards.
    Received(Temporary),
}

/// Has artifacts examined until the sender is gone.
pub fn run(work: &Mutex<Receiver<Examination>>, engine: &Engine, pending: &Pending) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(examination) = next else { return };
        let caller = examination.caller;
        if !pending.holds(caller) {
            continue;
        }
        let reply = match examine(engine, pending, &examination) {
            Ok(info) => Reply::Described(info),
            Err(failure) => {
                if failure.is_error() {
                    let model = named(&examination.reference, &examination.digest);
                    log::warning(format_args!("model {model} cannot be described: {failure}"));
                }
                Reply::Error(failure.code, failure.message)
            }
        };
        // What was received is gone when its sender is told.
        drop(examination);
        pending.finish(caller, &reply);
    }
}

fn examine(
    engine: &Engine,
    pending: &Pending,
    examination: &Examination,
) -> Result<ModelInfo, Failure> {
    let Examination { caller, digest, subject, .. } = examination;
    let stored = match subject {
        Subject::Stored => Some(find(engine, digest)?),
        Subject::Received(_) => None,
    };
    if let Some(info) = engine.description(digest) {
        return Ok(info);
    }
    let folder = match (subject, &stored) {
        (Subject::Received(temporary), _) => temporary.folder(),
        (Subject::Stored, Some(place)) => place.folder(),
        (Subject::Stored, None) => return Err(lacking()),
    };
    // Half of the threads: the workers go on meanwhile.
    let workers = engine.options.threads.div_ceil(2);
    let is_wanted = || pending.holds(*caller);
    let info = guarded(|| engine.loader.describe(folder, workers, &is_wanted))?;
    engine.keep_description(*digest, &info);
    Ok(info)
}

fn find(engine: &Engine, digest: &Digest) -> Result<Place, Failure> {
    let place = engine.store.find(digest).ok_or_else(lacking)?;
    engine.store.check(digest, &place)?;
    Ok(place)
}

fn lacking() -> Failure {
    Failure::new(ErrorCode::UnknownModel, "the engine lacks the artifact")
}
