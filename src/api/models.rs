//! Acts on models: import, export, choosing a champion, granting, dropping.

use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Reads a model's folder under `crm_ai.import_directory` into the registry; gives the number
    /// of the new version.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn import_model(name: &str, path: &str, precision: default!(&str, "'auto'")) -> Result<i32> {
        Ok(super::import(name, path, precision)?)
    }

    /// Writes a version's files into a new folder under `crm_ai.import_directory`; gives the name
    /// of the version.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn export_model(
        name: &str,
        path: &str,
        format: default!(&str, "'huggingface'"),
    ) -> Result<String> {
        Ok(super::export(name, path, format)?)
    }

    /// Makes a version the model's champion.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn promote(model: &str, version: i32) -> Result<()> {
        Ok(super::promote(model, version)?)
    }

    /// Makes the champion before the present one champion again; gives its number.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn rollback(model: &str) -> Result<i32> {
        Ok(super::rollback(model)?)
    }

    /// Removes a version and, when no other uses it, its artifact.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn drop_version(model: &str, version: i32) -> Result<()> {
        Ok(super::drop_version(model, version)?)
    }

    /// Removes a model with all its versions.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn drop_model(model: &str) -> Result<()> {
        Ok(super::drop_model(model)?)
    }

    /// Lets a role, or `public`, use a model.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn grant_model(model: &str, role: &str) -> Result<()> {
        Ok(super::grant(model, role)?)
    }

    /// Takes that back.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn revoke_model(model: &str, role: &str) -> Result<()> {
        Ok(super::revoke(model, role)?)
    }
}

use crate::client;
use crate::error::{Error, Result};
use crate::files;
use crate::folder::Folder;
use crate::pg::{activity, session};
use crate::store;
use crate::store::models::Origin;
use crate::store::{artifacts, models, versions};
use crm_ai_wire::Precision;

fn import(name: &str, path: &str, precision: &str) -> Result<i32> {
    check_name(name)?;
    let precision = match precision {
        "auto" => None,
        named => Some(Precision::from_name(named).ok_or_else(|| {
            Error::invalid_argument("invalid value for precision; expected auto, fp32 or int8")
                .hint("auto is what the model's crm_ai.json asks for, else fp32")
        })?),
    };
    store::begin_act("crm_ai.import_model()")?;
    let _report = activity::begin("import_model", "bytes", None);
    let folder = Folder::open(path)?;
    let manifest = folder.manifest()?;
    models::ensure(name)?;
    models::lock_owned(name)?;
    if artifacts::insert(&manifest)? {
        files::store(&folder, &manifest)?;
    }
    activity::phase("examining the model", "", None, 0);
    let digest = manifest.digest();
    let mut info = session::seeing_own_writes(|| client::describe(digest))?;
    info.precision = precision.unwrap_or(info.precision);
    let origin = Origin { source: "import", ..Origin::default() };
    let number = models::add_version(name, &digest, &info, origin)?;
    if models::champion(name)?.is_none() {
        models::deploy(name, number, "first")?;
    }
    Ok(number)
}

/// Refuses what is no name for a model.
pub fn check_name(name: &str) -> Result<()> {
    let starts_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let well_made = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if starts_well && well_made && name.chars().count() <= 63 {
        return Ok(());
    }
    Err(Error::invalid_argument("invalid model name").hint(
        "a name begins with a letter or \"_\", continues with letters, digits, \"_\", \"-\" and \
         \".\", and has at most 63 characters",
    ))
}

fn export(reference: &str, path: &str, format: &str) -> Result<String> {
    store::begin_act("crm_ai.export_model()")?;
    let version = versions::resolve(reference)?;
    let (held, manifest) = files::Held::find(&version.sha256)?;
    let has = |path: &str| manifest.files.iter().any(|file| file.path == path);
    let needed = match format {
        "huggingface" => "model.safetensors",
        "onnx" => "model.onnx",
        _ => {
            return Err(Error::invalid_argument(
                "invalid value for format; expected huggingface or onnx",
            )
            .hint("a version is exported in the format that it has"));
        }
    };
    if !has(needed) {
        let other = if format == "onnx" { "huggingface" } else { "onnx" };
        return Err(Error::invalid_argument(format!(
            "version {}@{} has no {needed}",
            version.model, version.number
        ))
        .hint(format!("export it with format => '{other}'")));
    }
    let folder = Folder::create(path)?;
    held.write_to(&folder, &manifest)?;
    Ok(format!("{}@{}", version.model, version.number))
}

fn promote(model: &str, version: i32) -> Result<()> {
    store::begin_act("crm_ai.promote()")?;
    models::lock_owned(model)?;
    models::artifact_of(model, version)?;
    if models::champion(model)? == Some(version) {
        return Ok(());
    }
    models::deploy(model, version, "promote")
}

fn rollback(model: &str) -> Result<i32> {
    store::begin_act("crm_ai.rollback()")?;
    models::lock_owned(model)?;
    let previous = models::previous_champion(model)?.ok_or_else(|| {
        Error::wrong_state(format!("model \"{model}\" has no earlier champion to go back to"))
            .hint("crm_ai.deployments shows the history; crm_ai.promote chooses any version")
    })?;
    models::deploy(model, previous, "rollback")?;
    Ok(previous)
}

fn drop_version(model: &str, version: i32) -> Result<()> {
    store::begin_act("crm_ai.drop_version()")?;
    models::lock_owned(model)?;
    let digest = models::artifact_of(model, version)?;
    if models::champion(model)? == Some(version) {
        return Err(Error::wrong_state(format!(
            "version {version} is the champion of \"{model}\""
        ))
        .hint("promote another version first, or drop the model as a whole"));
    }
    if models::is_builtin(model, Some(version))? {
        return Err(builtin_stays());
    }
    models::delete_version(model, version)?;
    files::forget(&digest)
}

fn drop_model(model: &str) -> Result<()> {
    store::begin_act("crm_ai.drop_model()")?;
    models::lock_owned(model)?;
    if models::is_builtin(model, None)? {
        return Err(builtin_stays());
    }
    models::delete_model(model)?.iter().try_for_each(files::forget)
}

fn builtin_stays() -> Error {
    Error::wrong_state("built-in models and versions belong to the package")
        .hint("DROP EXTENSION crm_ai removes them")
}

fn grant(model: &str, role: &str) -> Result<()> {
    store::begin_act("crm_ai.grant_model()")?;
    models::lock_owned(model)?;
    models::grant(model, grantee(role)?)
}

fn revoke(model: &str, role: &str) -> Result<()> {
    store::begin_act("crm_ai.revoke_model()")?;
    models::lock_owned(model)?;
    if models::revoke(model, grantee(role)?)? {
        return Ok(());
    }
    Err(Error::undefined(format!("role \"{role}\" was not granted model \"{model}\"")))
}

/// A role; `None` for PUBLIC, in whichever case it is written.
fn grantee(role: &str) -> Result<Option<pg_sys::Oid>> {
    if role.eq_ignore_ascii_case("public") { Ok(None) } else { models::role(role).map(Some) }
}
