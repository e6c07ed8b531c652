//! Texts on their way to the engine: their limit, and one request for the texts of a call.

use super::answers::Answer;
use crate::client::{self, InferenceTarget, Reference};
use crate::error::{Error, Result};
use crate::settings;
use crate::store::versions::{self, Version};
use crm_ai_wire::Task;
use std::rc::Rc;

/// Asks a model, or a version named as `model@version`, about texts. Gives the version that
/// answered, and one answer for each request that was sent, in the order of the texts.
pub fn ask(reference: &str, task: Task, texts: &[&str]) -> Result<(Rc<Version>, Vec<Answer>)> {
    for text in texts {
        check_length(text)?;
    }
    let version = versions::resolve(reference)?;
    let answers = ask_target(target_of(&version, task), texts)?;
    Ok((version, answers))
}

/// Asks a version about texts of checked length: one answer for each request, in order.
pub fn ask_target(target: InferenceTarget, texts: &[&str]) -> Result<Vec<Answer>> {
    let replies = client::infer(target, texts)?;
    replies.into_iter().map(|reply| Answer::of(reply, target.task)).collect()
}

/// The target of an inference by a version.
pub fn target_of(version: &Version, task: Task) -> InferenceTarget {
    let reference = Reference::new(&version.model, version.number);
    InferenceTarget { model: version.sha256, precision: version.precision, task, reference }
}

/// Refuses a text over `crm_ai.max_text_bytes`.
pub fn check_length(text: &str) -> Result<()> {
    let limit = settings::max_text_bytes();
    if text.len() <= limit { Ok(()) } else { Err(too_long(text.len(), limit)) }
}

/// The error for a text over `crm_ai.max_text_bytes`.
pub fn too_long(bytes: usize, limit: usize) -> Error {
    Error::over_limit(format!("a text of {bytes} bytes exceeds crm_ai.max_text_bytes ({limit})"))
        .hint("shorten it, as in left(note, 10000): a model reads only the first tokens anyway")
}
