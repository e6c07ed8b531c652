//! Version that answers a call: a model's champion or the one that is named.

use crate::error::{Error, Result};
use crate::pg::index::{self, Key, Order};
use crate::pg::{roles, session};
use crm_ai_wire::{Digest, Precision};
use pgrx::pg_sys;
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

impl Version {
    /// Its exact name, `model@number`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.model, self.number)
    }
}

/// The last answer and its question. One statement asks the same for every row.
struct Remembered {
    reference: String,
    user: pg_sys::Oid,
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
                "the version in model \"{name}@…\" must be a number from 1 to {}",
                i32::MAX
            ))
            .hint("write name@version, such as 'sentiment@1', or the name alone")),
        },
    }
}

/// Refuses a reference that does not name an exact version: what it means may change.
pub fn check_exact(reference: &str) -> Result<()> {
    match parse_reference(reference)? {
        (_, Some(_)) => Ok(()),
        (name, None) => Err(Error::invalid_argument(format!("\"{name}\" names no exact version"))
            .hint("write name@version, such as 'sentiment@1'; crm_ai.versions lists them")),
    }
}

/// The version that `reference` means to the present statement.
pub fn resolve(reference: &str) -> Result<Rc<Version>> {
    let user = roles::current_user();
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

fn look_up(reference: &str, user: pg_sys::Oid) -> Result<Version> {
    let (name, number) = parse_reference(reference)?;
    let Some(model) = Model::find(name)? else {
        // A table may be restored before the registry is, and its generated columns computed.
        let on_restore = "crm_ai.models lists the models; while a dump is restored, restore the \
                          data of schema crm_ai first";
        let hint = if number.is_some() { on_restore } else { "crm_ai.models lists the models" };
        return Err(Error::undefined(format!("model \"{name}\" does not exist")).hint(hint));
    };
    if !model.may_be_used_by(user)? {
        return Err(Error::not_allowed(format!("permission denied for model \"{name}\""))
            .hint("its owner can allow it with crm_ai.grant_model"));
    }
    let Some(wanted) = number.map_or_else(|| champion(name), |number| Ok(Some(number)))? else {
        return Err(Error::wrong_state(format!("model \"{name}\" has no champion"))
            .hint("choose one with crm_ai.promote, or name a version as name@version"));
    };
    find(name, wanted)?.ok_or_else(|| {
        Error::undefined(format!("model \"{name}\" has no version {wanted}"))
            .hint("crm_ai.versions lists the versions")
    })
}

/// The registry's entry for the use of a model.
struct Model<'a> {
    name: &'a str,
    owner: pg_sys::Oid,
    builtin: bool,
}

impl<'a> Model<'a> {
    fn find(name: &'a str) -> Result<Option<Self>> {
        let mut found = None;
        let keys = [Key::Text(c"name", name)];
        index::scan(c"model", c"model_pkey", &keys, Order::Ascending, |row| {
            let owner = row.oid(row.column(c"owner"))?.unwrap_or(pg_sys::InvalidOid);
            found = Some(Self { name, owner, builtin: row.is_true(row.column(c"builtin")) });
            Ok(false)
        })?;
        Ok(found)
    }

    /// Built-in models are everybody's; others their owner's, and those roles' that were granted
    /// them.
    fn may_be_used_by(&self, user: pg_sys::Oid) -> Result<bool> {
        if self.builtin || roles::has_rights_of(user, self.owner) {
            return Ok(true);
        }
        let mut granted = false;
        let keys = [Key::Text(c"model", self.name)];
        index::scan(c"model_grant", c"model_grant_pkey", &keys, Order::Ascending, |row| {
            let grantee = row.oid(row.column(c"grantee"))?;
            granted = grantee
                .is_some_and(|role| role == pg_sys::InvalidOid || roles::has_rights_of(user, role));
            Ok(!granted)
        })?;
        Ok(granted || roles::is_administrator(user))
    }
}

/// The version that was deployed last.
fn champion(model: &str) -> Result<Option<i32>> {
    let mut number = None;
    let keys = [Key::Text(c"model", model)];
    index::scan(c"deployment", c"deployment_model", &keys, Order::Descending, |row| {
        number = row.int(row.column(c"version"))?;
        Ok(false)
    })?;
    Ok(number)
}

fn find(model: &str, number: i32) -> Result<Option<Version>> {
    let mut found = None;
    let keys = [Key::Text(c"model", model), Key::Int(c"version", number)];
    index::scan(c"version", c"version_pkey", &keys, Order::Ascending, |row| {
        let text = |column| row.text(row.column(column)).unwrap_or_default();
        found = Some(Version {
            model: model.to_owned(),
            number,
            sha256: Digest::parse(&text(c"sha256"))?,
            precision: Precision::from_name(&text(c"precision"))
                .ok_or_else(|| Error::internal("a version has an unknown precision"))?,
        });
        Ok(false)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::parse_reference;

    #[test]
    fn references_name_a_champion_or_a_version() {
        assert_eq!(parse_reference("sentiment").unwrap(), ("sentiment", None));
        assert_eq!(parse_reference("sentiment@12").unwrap(), ("sentiment", Some(12)));
        for bad in
            ["sentiment@", "sentiment@0", "sentiment@-1", "sentiment@x", "a@1@2", "a@99999999999"]
        {
            assert!(parse_reference(bad).is_err(), "{bad}");
        }
    }
}
