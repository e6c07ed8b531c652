//! ONNX Runtime's library, loaded at run time from a file of the package.

use crate::Error;
use ort::environment::Environment;
use ort::logging::LogLevel;
use std::path::Path;

/// Proof that ONNX Runtime is loaded. Loading it again in the same process gives the same library.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub(crate) environment: Environment,
}

/// Device of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The first CUDA device; needs ONNX Runtime's CUDA build.
    Cuda,
}

impl Runtime {
    /// Loads `library`, a `libonnxruntime.so`. Do this after `exec`: a session does not survive
    /// `fork`.
    pub fn load(library: &Path) -> Result<Self, Error> {
        // The loader would search the system's folders for a bare name that is not there.
        if !library.is_file() {
            let reason = format!("there is no file {}", library.display());
            return Err(Error::Library { reason });
        }
        let builder =
            ort::init_from(library).map_err(|error| Error::of_library(&error.to_string()))?;
        let environment = builder
            .with_name("crm_ai")
            .with_telemetry(false)
            .build()
            .map_err(|error| Error::of_library(error.message()))?;
        // What it would say is in its errors, too; on stderr a model could have it write anything.
        environment.set_log_level(LogLevel::Fatal);
        Ok(Self { environment })
    }

    /// ONNX Runtime itself, for sessions of other graphs than those of this crate.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}
