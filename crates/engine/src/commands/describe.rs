//! `crm_ai_engine describe DIR --runtime LIB`: what the model in a folder is.

use super::{CommandError, examine, model_folder, print};
use crate::onnx::{DeviceChoice, OnnxLoader};
use crate::sandbox;
use lexopt::Arg::{Long, Value};
use std::path::PathBuf;

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), CommandError> {
    let (mut folder, mut runtime) = (None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
            Long("runtime") => runtime = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let folder = model_folder(folder)?;
    let runtime = runtime.ok_or_else(|| CommandError::Usage("--runtime is missing".to_owned()))?;
    sandbox::enter(&examine::confined(&folder, &runtime));
    let loader = OnnxLoader::new(&runtime, DeviceChoice::Cpu)
        .map_err(|failure| CommandError::Usage(failure.to_string()))?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let failed = |message: String| CommandError::Failed(message);
    let info = loader.describe_here(&folder, workers).map_err(|f| failed(f.to_string()))?;
    let json = serde_json::to_string_pretty(&info).map_err(|e| failed(e.to_string()))?;
    print(format_args!("{json}\n"))
}
