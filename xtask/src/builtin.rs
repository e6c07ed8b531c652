//! The install script's list of built-in models, written from the models themselves.

use crate::repository::{Repository, TaskError};
use crm_ai_wire::Manifest;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The file that this task writes.
pub const LIST: &str = "sql/schema/95_builtin_models.sql";

const HEADER: &str =
    "-- Written by `cargo xtask builtin`: the built-in models, as files of the package.\n";

/// A model that is part of the package.
struct Builtin {
    name: &'static str,
    /// Grows by one when a release changes the model; its upgrade script registers the new one.
    version: u32,
    folder: PathBuf,
}

fn builtins(repository: &Repository) -> [Builtin; 2] {
    let minilm = std::env::var_os("CRM_AI_MINILM")
        .map_or_else(|| repository.path(".cache/models/minilm"), PathBuf::from);
    [
        Builtin { name: "sentiment", version: 1, folder: repository.path("models/sentiment") },
        Builtin { name: "minilm", version: 1, folder: minilm },
    ]
}

/// The artifact's identity, as the engine and the installation compute it.
fn digest(builtin: &Builtin) -> Result<String, TaskError> {
    let failed = |source| TaskError::File { path: builtin.folder.clone(), source };
    let manifest = Manifest::of_folder(&builtin.folder).map_err(failed)?;
    if manifest.files.is_empty() {
        return Err(failed(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "no model is there (make setup fetches the base encoder)",
        )));
    }
    Ok(manifest.digest().to_string())
}

/// Writes the list anew; needs the engine's release build and ONNX Runtime's library.
pub fn write(repository: &Repository) -> Result<(), TaskError> {
    let runtime = std::env::var_os("CRM_AI_ONNXRUNTIME")
        .map_or_else(|| repository.path(".cache/onnxruntime/libonnxruntime.so"), PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| repository.path("target"), PathBuf::from);
    let engine = target.join("release/crm_ai_engine");
    let mut list = HEADER.to_owned();
    for builtin in builtins(repository) {
        let described = repository.output(
            &engine.to_string_lossy(),
            [
                "describe".as_ref(),
                builtin.folder.as_os_str(),
                "--runtime".as_ref(),
                runtime.as_os_str(),
            ],
        )?;
        let info: serde_json::Value = serde_json::from_str(&described)
            .map_err(|_| TaskError::Output("crm_ai_engine describe"))?;
        list.push_str(&statement(builtin.name, builtin.version, &digest(&builtin)?, &info));
    }
    let path = repository.path(LIST);
    std::fs::write(&path, list).map_err(|source| TaskError::File { path, source })
}

fn statement(name: &str, version: u32, digest: &str, info: &serde_json::Value) -> String {
    let info = info.to_string().replace('\'', "''");
    let mut sql = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(sql, "SELECT crm_ai.register_builtin('{name}', {version}, '{digest}',");
    let _ = writeln!(sql, "    '{info}'::pg_catalog.jsonb);");
    sql
}

/// What is wrong with the list: a model whose files are others than those that it names.
pub fn problems(repository: &Repository) -> Result<Vec<String>, TaskError> {
    let list = repository.text(LIST)?.unwrap_or_default();
    let mut problems = Vec::new();
    for builtin in builtins(repository) {
        problems.extend(mismatch(&list, builtin.name, builtin.version, &digest(&builtin)?));
    }
    Ok(problems)
}

fn mismatch(list: &str, name: &str, version: u32, digest: &str) -> Option<String> {
    let call = format!("register_builtin('{name}', {version}, '{digest}',");
    (!list.contains(&call))
        .then(|| format!("{name} is not the model in its folder: run cargo xtask builtin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_model_is_noticed() {
        let list = statement("sentiment", 1, "ab12", &serde_json::json!({"labels": ["it's"]}));
        assert!(list.contains(r#"'{"labels":["it''s"]}'::pg_catalog.jsonb);"#), "{list}");
        assert_eq!(mismatch(&list, "sentiment", 1, "ab12"), None);
        assert!(mismatch(&list, "sentiment", 1, "cd34").is_some());
        assert!(mismatch(&list, "minilm", 1, "ab12").is_some());
    }
}
