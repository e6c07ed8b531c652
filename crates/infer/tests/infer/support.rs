//! Where things lie, and the runtime that all tests share.

use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime, Tokens};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A path below the repository's root.
pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A path below the model fixtures.
pub fn fixture(path: &str) -> PathBuf {
    root("tests/fixtures/model").join(path)
}

fn fetched(variable: &str, default: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| root(default), PathBuf::from);
    assert!(path.exists(), "{} is missing: run `make setup` or set {variable}", path.display());
    path
}

/// The folder of MiniLM-L6.
pub fn minilm() -> PathBuf {
    fetched("CRM_AI_MINILM", ".cache/models/minilm")
}

/// ONNX Runtime, loaded once.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let library = fetched("CRM_AI_ONNXRUNTIME", ".cache/onnxruntime/libonnxruntime.so");
        Runtime::load(&library).unwrap()
    })
}

/// Loads a model for the processor.
pub fn load(folder: &Path, precision: Precision, workers: usize) -> Model {
    let options = LoadOptions { precision, device: Device::Cpu, workers };
    Model::load(runtime(), folder, &options).unwrap()
}

/// Tokenises all texts.
pub fn tokenise(model: &Model, texts: &[&str]) -> Vec<Tokens> {
    texts.iter().map(|text| model.tokenise(text).unwrap()).collect()
}

/// Largest difference of two rows of numbers.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
