//! Cleaning of e-mail addresses, names and postal addresses: normal forms and descriptions.

use crate::pg::composite;
use crate::pg::memory::check_room_to_clean;
use crm_ai_clean::{address, email, name};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

type Result<T> = std::result::Result<T, ErrorReport>;

/// The deliverable form of an e-mail address, else NULL.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_normalize_email(raw: &str) -> Result<Option<String>> {
    check_room_to_clean(raw.len())?;
    Ok(email::normalise(raw))
}

/// All that is known of an e-mail address.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_email(
    raw: &str,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<pgrx::composite_type!('static, "crm_email_info")> {
    check_room_to_clean(raw.len())?;
    let info = email::describe(raw);
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "address", info.address)?;
    composite::set(&mut row, "local_part", info.local_part)?;
    composite::set(&mut row, "domain", info.domain)?;
    composite::set(&mut row, "canonical", info.canonical)?;
    composite::set(&mut row, "is_valid", info.is_valid)?;
    composite::set(&mut row, "is_role", info.is_role)?;
    composite::set(&mut row, "is_disposable", info.is_disposable)?;
    composite::set(&mut row, "is_free_provider", info.is_free_provider)?;
    composite::set(&mut row, "suggestion", info.suggestion)?;
    composite::set(&mut row, "problem", info.problem.map(email::Problem::code))?;
    Ok(row)
}

/// A name in standard spelling and order, else NULL.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_normalize_name(raw: &str) -> Result<Option<String>> {
    check_room_to_clean(raw.len())?;
    Ok(name::normalise(raw))
}

/// The parts of a name.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_name(
    raw: &str,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<pgrx::composite_type!('static, "crm_name_info")> {
    check_room_to_clean(raw.len())?;
    let info = name::describe(raw);
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "kind", info.kind.name())?;
    composite::set(&mut row, "title", info.title)?;
    composite::set(&mut row, "given", info.given)?;
    composite::set(&mut row, "middle", info.middle)?;
    composite::set(&mut row, "family", info.family)?;
    composite::set(&mut row, "suffix", info.suffix)?;
    composite::set(&mut row, "nickname", info.nickname)?;
    composite::set(&mut row, "organisation", info.organisation)?;
    composite::set(&mut row, "display", info.display)?;
    composite::set(&mut row, "problem", info.problem.map(name::Problem::code))?;
    composite::set(&mut row, "job_title", info.job_title)?;
    composite::set(&mut row, "note", info.note)?;
    Ok(row)
}

/// A postal address on one line in its standard form, else NULL.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_normalize_address(raw: &str) -> Result<Option<String>> {
    check_room_to_clean(raw.len())?;
    Ok(address::normalise(raw))
}

/// The parts of a postal address.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_address(
    raw: &str,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<pgrx::composite_type!('static, "crm_address_info")> {
    check_room_to_clean(raw.len())?;
    let info = address::describe(raw);
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "number", info.number)?;
    composite::set(&mut row, "street", info.street)?;
    composite::set(&mut row, "unit", info.unit)?;
    composite::set(&mut row, "po_box", info.po_box)?;
    composite::set(&mut row, "city", info.city)?;
    composite::set(&mut row, "state", info.state)?;
    composite::set(&mut row, "postcode", info.postcode)?;
    composite::set(&mut row, "country", info.country)?;
    composite::set(&mut row, "problem", info.problem.map(address::Problem::code))?;
    Ok(row)
}
