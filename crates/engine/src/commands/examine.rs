//! `crm_ai_engine examine DIR --runtime LIB`: what the model in a folder is, found out in a process
//! that may do nothing else. The engine starts it; the answer is a frame on stdout.

use super::{CommandError, lifeline, model_folder};
use crate::log;
use crate::onnx::{DeviceChoice, OnnxLoader};
use crate::predictor::Failure;
use crate::sandbox::{self, Profile};
use crm_ai_wire::{ModelInfo, Reply};
use lexopt::Arg::{Long, Value};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Longest file that it may write: it writes none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The command line.
pub(crate) struct Options {
    folder: PathBuf,
    runtime: PathBuf,
    threads: usize,
    memory_bytes: Option<u64>,
    processor_seconds: Option<u64>,
    lifeline: bool,
}

impl Options {
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Self, CommandError> {
        let (mut folder, mut runtime, mut threads, mut lifeline) = (None, None, 1, false);
        let (mut memory_bytes, mut processor_seconds) = (None, None);
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
                Long("runtime") => runtime = Some(PathBuf::from(arguments.value()?)),
                Long("threads") => threads = lexopt::ValueExt::parse(&arguments.value()?)?,
                Long("memory") => {
                    memory_bytes = Some(lexopt::ValueExt::parse(&arguments.value()?)?);
                }
                Long("processor-time") => {
                    processor_seconds = Some(lexopt::ValueExt::parse(&arguments.value()?)?);
                }
                Long("lifeline") => lifeline = true,
                other => return Err(other.unexpected().into()),
            }
        }
        let missing = || CommandError::Usage("--runtime is missing".to_owned());
        let (folder, runtime) = (model_folder(folder)?, runtime.ok_or_else(missing)?);
        Ok(Self { folder, runtime, threads, memory_bytes, processor_seconds, lifeline })
    }
}

/// Examines, and writes the answer.
pub(crate) fn run(options: Options) -> Result<(), CommandError> {
    log::hide_panic_messages();
    let own = |error: rustix::io::Errno| CommandError::Failed(error.to_string());
    if options.lifeline {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(own)?;
        // The first to go when memory runs out; not being allowed to say so is no reason to fail.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    let profile = Profile {
        memory_bytes: options.memory_bytes,
        processor_seconds: options.processor_seconds,
        ..confined(&options.folder, &options.runtime)
    };
    sandbox::enter(&profile);
    if options.lifeline {
        lifeline::watch()?;
    }
    let reply = match examine(&options) {
        Ok(info) => Reply::Described(info),
        Err(failure) => Reply::Error(failure.code, failure.message),
    };
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let frame = reply.encode(0).map_err(|error| failed(&error))?;
    let mut output = std::io::stdout().lock();
    output.write_all(&frame).and_then(|()| output.flush()).map_err(|error| failed(&error))
}

/// The confinement of a process that reads a model's folder.
pub(super) fn confined(folder: &Path, runtime: &Path) -> Profile {
    let library_folder = runtime.parent().map(Path::to_path_buf);
    Profile {
        reads: library_folder.into_iter().chain([folder.to_path_buf()]).collect(),
        file_bytes: FILE_BYTES_MAX,
        ..Profile::default()
    }
}

fn examine(options: &Options) -> Result<ModelInfo, Failure> {
    let loader = OnnxLoader::new(&options.runtime, DeviceChoice::Cpu)?;
    crate::worker::guarded(|| loader.describe_here(&options.folder, options.threads))
}
