//! The thread that describes artifacts. Measuring whether int8 suits a model takes many seconds;
//! beside the workers it keeps nobody waiting but its caller.

use crate::Engine;
use crate::job::Caller;
use crate::log;
use crate::pending::Pending;
use crate::predictor::Failure;
use crate::worker::guarded;
use crm_ai_wire::{Digest, ErrorCode, ModelInfo, Reply};
use std::collections::HashMap;
use std::sync::mpsc::Receiver;

/// Descriptions that are kept; an artifact never changes.
const KEPT_MAX: usize = 256;

/// Describes until the sender is gone.
pub fn run(work: &Receiver<(Caller, Digest)>, engine: &Engine, pending: &Pending) {
    let mut known: HashMap<Digest, ModelInfo> = HashMap::new();
    while let Ok((caller, digest)) = work.recv() {
        if !pending.holds(caller) {
            continue;
        }
        let reply = match describe(engine, &mut known, digest) {
            Ok(info) => Reply::Described(info),
            Err(failure) => {
                if failure.is_error() {
                    log::event(format_args!("model {digest} cannot be described: {failure}"));
                }
                Reply::Error(failure.code, failure.message)
            }
        };
        pending.finish(caller, &reply);
    }
}

fn describe(
    engine: &Engine,
    known: &mut HashMap<Digest, ModelInfo>,
    digest: Digest,
) -> Result<ModelInfo, Failure> {
    let unknown = || Failure::new(ErrorCode::UnknownModel, "the engine lacks the artifact");
    let folder = engine.store.find(&digest).ok_or_else(unknown)?;
    if let Some(info) = known.get(&digest) {
        return Ok(info.clone());
    }
    // Half of the threads: the workers go on meanwhile.
    let workers = engine.options.threads.div_ceil(2);
    let info = guarded(|| engine.loader.describe(&folder, workers))?;
    if known.len() >= KEPT_MAX {
        known.clear();
    }
    known.insert(digest, info.clone());
    Ok(info)
}
