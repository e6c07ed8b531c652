//! What all tests need.

use crm_ai_infer::Runtime;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A path in the repository.
pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// One for all tests: a process has one environment.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let set = std::env::var_os("CRM_AI_ONNXRUNTIME").map(PathBuf::from);
        let default = || root(".cache/onnxruntime/libonnxruntime.so");
        Runtime::load(&set.unwrap_or_else(default)).unwrap()
    })
}
