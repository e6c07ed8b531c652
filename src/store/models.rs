//! Acts on models: adding versions, choosing champions, granting, dropping.

use super::registry;
use crate::error::{Error, Result};
use crate::pg::{board, commit, roles};
use crm_ai_wire::{Digest, ModelInfo};
use pgrx::JsonB;
use pgrx::pg_sys;

fn current_role() -> String {
    roles::role_name(roles::current_user()).unwrap_or_default()
}

/// True if there is a model of that name.
pub fn exists(model: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM crm_ai.model WHERE name = $1)";
    registry::is_true(sql, &[model.into()])
}

/// Checks, without locking anything, that the caller owns the model or is an administrator.
pub fn check_owned(model: &str) -> Result<()> {
    let locked = false;
    owned(model, locked)
}

/// Locks a model's row until the transaction ends, so that acts on one model come one after the
/// other, and checks that the caller owns it or is an administrator.
pub fn lock_owned(model: &str) -> Result<()> {
    let locked = true;
    owned(model, locked)
}

fn owned(model: &str, locked: bool) -> Result<()> {
    let user = roles::current_user();
    let sql = "SELECT pg_has_role($2, owner, 'USAGE') OR pg_has_role($2, 'crm_ai_admin', 'USAGE')
               FROM crm_ai.model WHERE name = $1";
    let arguments = [model.into(), user.into()];
    let is_owner = match locked {
        true => registry::returning_value::<bool>(&format!("{sql} FOR UPDATE"), &arguments)?,
        false => registry::value::<bool>(sql, &arguments)?,
    };
    match is_owner {
        Some(true) => Ok(()),
        Some(false) => Err(Error::not_allowed(format!("must be owner of model \"{model}\""))),
        None => Err(Error::undefined(format!("model \"{model}\" does not exist"))
            .hint("crm_ai.models lists the models")),
    }
}

/// Adds the model, owned by the caller, where there is none of that name.
pub fn ensure(model: &str) -> Result<()> {
    let sql = "INSERT INTO crm_ai.model (name, owner) VALUES ($1, $2::oid)
               ON CONFLICT (name) DO NOTHING";
    registry::change(sql, &[model.into(), roles::current_user().into()])?;
    Ok(())
}

/// Origin of a version.
#[derive(Debug, Default)]
pub struct Origin {
    /// `import` or `train`.
    pub source: &'static str,
    /// The run that made it.
    pub run: Option<i64>,
    /// Figures on the rows that were held out.
    pub figures: Option<serde_json::Value>,
}

/// Adds a version. Gives its number.
pub fn add_version(model: &str, digest: &Digest, info: &ModelInfo, origin: Origin) -> Result<i32> {
    let sql = "UPDATE crm_ai.model m SET last_version = 1 + greatest(m.last_version,
                   (SELECT max(v.version) FROM crm_ai.version v WHERE v.model = m.name))
               WHERE name = $1 RETURNING last_version";
    let number: i32 = registry::returning_value(sql, &[model.into()])?
        .ok_or_else(|| Error::undefined(format!("model \"{model}\" does not exist")))?;
    let sql = "INSERT INTO crm_ai.version (model, version, sha256, precision, architecture, labels,
                   dimensions, max_tokens, temperature, parameters, int8_agreement, source,
                   created_by, run, figures)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::oid, $14, $15)";
    let arguments = [
        model.into(),
        number.into(),
        digest.to_string().into(),
        info.precision.name().into(),
        info.architecture.as_str().into(),
        info.labels.clone().into(),
        info.dimensions.cast_signed().into(),
        info.max_tokens.cast_signed().into(),
        info.temperature.into(),
        info.parameters.cast_signed().into(),
        info.int8_agreement.into(),
        origin.source.into(),
        roles::current_user().into(),
        origin.run.into(),
        origin.figures.map(JsonB).into(),
    ];
    registry::change(sql, &arguments)?;
    Ok(number)
}

/// The model's champion, if it has one.
pub fn champion(model: &str) -> Result<Option<i32>> {
    let sql = "SELECT version FROM crm_ai.deployment WHERE model = $1 AND promoted
               ORDER BY id DESC LIMIT 1";
    registry::value(sql, &[model.into()])
}

/// Records a new champion that somebody chose.
pub fn deploy(model: &str, number: i32, action: &str) -> Result<()> {
    record_decision(model, number, &Decision { action, promoted: true, ..Decision::default() })
}

/// True if a version becomes the champion, and why.
#[derive(Debug, Default)]
pub struct Decision<'a> {
    /// Kind of change: `first`, `promote`, `rollback` or `train`.
    pub action: &'a str,
    /// True if it becomes the champion.
    pub promoted: bool,
    /// Reason, as a sentence.
    pub reason: Option<&'a str>,
    /// The run that made the version.
    pub run: Option<i64>,
    /// Figures that the decision is based on.
    pub figures: Option<serde_json::Value>,
}

/// Records a decision, whichever it is.
pub fn record_decision(model: &str, number: i32, decision: &Decision<'_>) -> Result<()> {
    let sql = "INSERT INTO crm_ai.deployment
                   (model, version, action, promoted, reason, run, figures, deployed_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let arguments = [
        model.into(),
        number.into(),
        decision.action.into(),
        decision.promoted.into(),
        decision.reason.map(str::to_owned).into(),
        decision.run.into(),
        decision.figures.clone().map(JsonB).into(),
        current_role().into(),
    ];
    registry::change(sql, &arguments)?;
    if decision.promoted && board::is_preloaded() {
        // Watches may have old rows to judge again.
        commit::wake_scheduler();
    }
    Ok(())
}

/// Versions of a model that runs of one schedule made, but the newest `keep` and the champion.
pub fn surplus_versions(model: &str, schedule: i64, keep: i32) -> Result<Vec<i32>> {
    let sql = "SELECT array_agg(version) FROM (
                   SELECT v.version FROM crm_ai.version v JOIN crm_ai.run r ON r.id = v.run
                   WHERE v.model = $1 AND r.schedule = $2
                   ORDER BY v.version DESC OFFSET $3) old
               WHERE version <> coalesce((
                   SELECT d.version FROM crm_ai.deployment d WHERE d.model = $1 AND d.promoted
                   ORDER BY d.id DESC LIMIT 1), 0)";
    Ok(registry::value(sql, &[model.into(), schedule.into(), i64::from(keep).into()])?
        .unwrap_or_default())
}

/// Fails with 42704 where the version does not exist; gives its artifact.
pub fn artifact_of(model: &str, number: i32) -> Result<Digest> {
    let sql = "SELECT sha256 FROM crm_ai.version WHERE model = $1 AND version = $2";
    match registry::value::<String>(sql, &[model.into(), number.into()])? {
        Some(hex) => Ok(Digest::parse(&hex)?),
        None => Err(Error::undefined(format!("model \"{model}\" has no version {number}"))
            .hint("crm_ai.versions lists the versions")),
    }
}

/// The version that was champion before the present one and still exists.
pub fn previous_champion(model: &str) -> Result<Option<i32>> {
    let sql = "SELECT d.version, d.action = 'rollback', v.version IS NOT NULL
               FROM crm_ai.deployment d LEFT JOIN crm_ai.version v USING (model, version)
               WHERE d.model = $1 AND d.promoted ORDER BY d.id DESC";
    let history = registry::rows(sql, &[model.into()], |row| {
        Ok(Deployed {
            version: row.get::<i32>(1)?.unwrap_or_default(),
            is_rollback: row.get::<bool>(2)?.unwrap_or(false),
            exists: row.get::<bool>(3)?.unwrap_or(false),
        })
    })?;
    Ok(second_standing(history.into_iter()))
}

/// One row of a model's history.
struct Deployed {
    version: i32,
    is_rollback: bool,
    exists: bool,
}

/// Walks a history from its newest row. A rollback takes back the newest deployment that still
/// stands, so the history reads like the log of a stack: what is wanted is the second from the
/// top. A dropped version cannot be gone back to and is passed over.
fn second_standing(history: impl Iterator<Item = Deployed>) -> Option<i32> {
    let mut taken_back = 0;
    let mut standing = 0;
    for deployed in history {
        if deployed.is_rollback {
            taken_back += 1;
        } else if taken_back > 0 {
            taken_back -= 1;
        } else {
            standing += 1;
            if standing > 1 && deployed.exists {
                return Some(deployed.version);
            }
        }
    }
    None
}

/// Removes a version's row.
pub fn delete_version(model: &str, number: i32) -> Result<()> {
    let sql = "DELETE FROM crm_ai.version WHERE model = $1 AND version = $2";
    registry::change(sql, &[model.into(), number.into()])?;
    Ok(())
}

/// True if a model's champion judges records, not texts; `None` where it has none.
pub fn judges_records(model: &str) -> Result<Option<bool>> {
    let sql = "SELECT v.architecture = 'table' FROM crm_ai.deployment d
               JOIN crm_ai.version v USING (model, version)
               WHERE d.model = $1 AND d.promoted ORDER BY d.id DESC LIMIT 1";
    registry::value(sql, &[model.into()])
}

/// The classes of a version.
pub fn labels(model: &str, number: i32) -> Result<Vec<String>> {
    let sql = "SELECT labels FROM crm_ai.version WHERE model = $1 AND version = $2";
    Ok(registry::value(sql, &[model.into(), number.into()])?.unwrap_or_default())
}

/// True if the package brought this version, or for `None` the model itself.
pub fn is_builtin(model: &str, number: Option<i32>) -> Result<bool> {
    let builtin = match number {
        None => {
            registry::value("SELECT builtin FROM crm_ai.model WHERE name = $1", &[model.into()])?
        }
        Some(number) => registry::value(
            "SELECT builtin FROM crm_ai.version WHERE model = $1 AND version = $2",
            &[model.into(), number.into()],
        )?,
    };
    Ok(builtin.unwrap_or(false))
}

/// Removes a model with its versions, grants and history; gives the artifacts that its versions
/// had.
pub fn delete_model(model: &str) -> Result<Vec<Digest>> {
    let sql = "WITH gone AS (DELETE FROM crm_ai.version WHERE model = $1 RETURNING sha256)
               SELECT array_agg(DISTINCT sha256) FROM gone";
    let digests: Vec<String> = registry::returning_value(sql, &[model.into()])?.unwrap_or_default();
    registry::change("DELETE FROM crm_ai.deployment WHERE model = $1", &[model.into()])?;
    registry::change("DELETE FROM crm_ai.model_grant WHERE model = $1", &[model.into()])?;
    registry::change("DELETE FROM crm_ai.run_seen WHERE model = $1", &[model.into()])?;
    registry::change("DELETE FROM crm_ai.schedule WHERE model = $1", &[model.into()])?;
    let sql = "UPDATE crm_ai.run SET state = 'cancelled', ended_at = clock_timestamp(),
                   sqlstate = '57014', error = 'the model was dropped'
               WHERE model = $1 AND state = 'queued'";
    registry::change(sql, &[model.into()])?;
    registry::change("DELETE FROM crm_ai.model WHERE name = $1", &[model.into()])?;
    digests.iter().map(|hex| Digest::parse(hex).map_err(Error::from)).collect()
}

/// A role's id as a number, 0 for PUBLIC: pgrx passes the invalid OID as NULL.
fn grantee(role: Option<pg_sys::Oid>) -> i64 {
    role.map_or(0, |role| role.to_u32().into())
}

/// Lets a role use a model; `None` stands for PUBLIC.
pub fn grant(model: &str, role: Option<pg_sys::Oid>) -> Result<()> {
    let sql = "INSERT INTO crm_ai.model_grant (model, grantee) VALUES ($1, $2::oid)
               ON CONFLICT DO NOTHING";
    registry::change(sql, &[model.into(), grantee(role).into()])?;
    Ok(())
}

/// Takes a grant back. Returns whether there was one.
pub fn revoke(model: &str, role: Option<pg_sys::Oid>) -> Result<bool> {
    let sql = "DELETE FROM crm_ai.model_grant WHERE model = $1 AND grantee = $2::oid";
    Ok(registry::change(sql, &[model.into(), grantee(role).into()])? > 0)
}

/// The role of that name.
pub fn role(name: &str) -> Result<pg_sys::Oid> {
    registry::value("SELECT oid FROM pg_roles WHERE rolname = $1", &[name.into()])?
        .ok_or_else(|| Error::undefined(format!("role \"{name}\" does not exist")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The history, oldest first: a version's number, or `R` for a rollback.
    fn second(log: &str) -> Option<i32> {
        let rows = log.split(' ').rev().map(|step| Deployed {
            version: step.trim_end_matches('x').parse().unwrap_or(0),
            is_rollback: step == "R",
            exists: !step.ends_with('x'),
        });
        second_standing(rows)
    }

    #[test]
    fn a_rollback_goes_back_one_deployment_and_never_forth() {
        assert_eq!(second("1"), None);
        assert_eq!(second("1 2"), Some(1));
        assert_eq!(second("1 2 R"), None);
        assert_eq!(second("1 2 3 R"), Some(1));
        assert_eq!(second("1 2 R 3"), Some(1));
        assert_eq!(second("1 2 3 R R"), None);
        assert_eq!(second("1 2x 3"), Some(1));
    }
}
