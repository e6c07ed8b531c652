//! `crm_ai_engine digest DIR`: the identity of the artifact in a folder.

use super::{CommandError, model_folder, print};
use crm_ai_wire::Manifest;
use lexopt::Arg::Value;
use std::path::PathBuf;

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), CommandError> {
    let mut folder = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
            other => return Err(other.unexpected().into()),
        }
    }
    let folder = model_folder(folder)?;
    let manifest =
        Manifest::of_folder(&folder).map_err(|error| CommandError::Failed(error.to_string()))?;
    if manifest.files.is_empty() {
        let message = format!("no file of a model in {}", folder.display());
        return Err(CommandError::Failed(message));
    }
    print(format_args!("{}\n", manifest.digest()))
}
