//! Which version answers a call: a model's champion or the one that is named.

use crate::error::{Error, Result};
use crate::pg::{query, session};
use crm_ai_wire::{Digest, Precision};
use std::cell::RefCell;
use std::rc::Rc;

/// A version that the caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The model's name.
    pub model: String,
    /// The version's number.
    pub number: i32,
    /// Its artifact.
    pub sha256: Digest,
    /// Its arithmetic.
    pub precision: Precision,
}

/// What was resolved last, and for which question. One statement asks the same for every row.
struct Remembered {
    reference: String,
    user: pgrx::pg_sys::Oid,
    key: session::SnapshotKey,
    version: Rc<Version>,
}

thread_local! {
    static LAST: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

/// Splits `name` or `name@version`.
pub fn parse_reference(reference: &str) -> Result<(&str, Option<i32>)> {
    match reference.split_once('@') {
        None => Ok((reference, None)),
        Some((name, number)) => match number.parse() {
            Ok(number) if number > 0 => Ok((name, Some(number))),
            _ => Err(Error::invalid_argument(format!(
                "the version in model \"{name}@…\" is not a positive number"
            ))
            .hint("write name@version, such as 'sentiment@1', or the name alone")),
        },
    }
}

/// The version that `reference` means to the present statement.
pub fn resolve(reference: &str) -> Result<Rc<Version>> {
    let user = session::current_user();
    let key = session::snapshot_key();
    let remembered = LAST.with_borrow(|last| {
        let last = last.as_ref()?;
        let same =
            last.user == user && Some(&last.key) == key.as_ref() && last.reference == reference;
        same.then(|| Rc::clone(&last.version))
    });
    if let Some(version) = remembered {
        return Ok(version);
    }
    let version = Rc::new(look_up(reference, user)?);
    if let Some(key) = key {
        let reference = reference.to_owned();
        let version = Rc::clone(&version);
        LAST.set(Some(Remembered { reference, user, key, version }));
    }
    Ok(version)
}

/// Name, wanted number, user. One row where the model exists; version columns NULL where that
/// does not.
const LOOK_UP: &str = "
    SELECT m.name, wanted.number, v.sha256, v.precision,
        m.builtin OR pg_has_role($3, m.owner, 'USAGE')
        OR EXISTS (SELECT FROM crm_ai.model_grant g WHERE g.model = m.name
                   AND (g.grantee = 0 OR pg_has_role($3, g.grantee, 'USAGE')))
        OR pg_has_role($3, 'crm_ai_admin', 'USAGE')
    FROM crm_ai.model m
    CROSS JOIN LATERAL (SELECT coalesce($2, (
        SELECT d.version FROM crm_ai.deployment d
        WHERE d.model = m.name ORDER BY d.id DESC LIMIT 1)) AS number) wanted
    LEFT JOIN crm_ai.version v ON v.model = m.name AND v.version = wanted.number
    WHERE m.name = $1";

fn look_up(reference: &str, user: pgrx::pg_sys::Oid) -> Result<Version> {
    let (name, number) = parse_reference(reference)?;
    let mut found = None;
    session::as_owner(|| {
        query::read(LOOK_UP, &[name.into(), number.into(), user.into()], |row| {
            found = Some((row.text(2), row.text(3), row.text(4), row.is_true(5)));
            Ok(false)
        })
    })?;
    let Some((number_found, sha256, precision, allowed)) = found else {
        return Err(Error::undefined(format!("model \"{name}\" does not exist"))
            .hint("crm_ai.models lists the models"));
    };
    if !allowed {
        return Err(Error::not_allowed(format!("permission denied for model \"{name}\""))
            .hint("its owner can allow it with crm_ai.grant_model"));
    }
    let (Some(sha256), Some(precision)) = (sha256, precision) else {
        return Err(match number {
            Some(number) => Error::undefined(format!("model \"{name}\" has no version {number}"))
                .hint("crm_ai.versions lists the versions"),
            None => Error::wrong_state(format!("model \"{name}\" has no champion"))
                .hint("choose one with crm_ai.promote, or name a version as name@version"),
        });
    };
    Ok(Version {
        model: name.to_owned(),
        number: number_found
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| Error::internal("a champion has no number"))?,
        sha256: Digest::parse(&sha256)?,
        precision: Precision::from_name(&precision)
            .ok_or_else(|| Error::internal("a version has an unknown precision"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::parse_reference;

    #[test]
    fn references_name_a_champion_or_a_version() {
        assert_eq!(parse_reference("sentiment").unwrap(), ("sentiment", None));
        assert_eq!(parse_reference("sentiment@12").unwrap(), ("sentiment", Some(12)));
        for bad in ["sentiment@", "sentiment@0", "sentiment@-1", "sentiment@x", "a@1@2"] {
            assert!(parse_reference(bad).is_err(), "{bad}");
        }
    }
}
