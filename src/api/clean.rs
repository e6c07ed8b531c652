//! Cleaning of single values. Functions whose every input is an argument are IMMUTABLE: their lists
//! and metadata are compiled into the release.

use crate::error::{Error, Result};
use crate::pg::composite;
use crate::pg::memory::check_room_to_clean;
use crate::settings;
use crm_ai_clean::phone::{self, Region};
use crm_ai_clean::text;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

fn region(code: &str) -> Result<Region> {
    Ok(code.parse::<Region>()?)
}

/// E.164 of a valid number, else NULL. Region `''` or `ZZ`: only numbers with their country code.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_normalize_phone(
    raw: &str,
    region: &str,
) -> std::result::Result<Option<String>, ErrorReport> {
    check_room_to_clean(raw.len())?;
    Ok(phone::normalise(raw, self::region(region)?))
}

/// The same with the region of `crm_ai.default_region`.
#[pg_extern(stable, strict, parallel_safe, name = "crm_normalize_phone")]
fn crm_normalize_phone_default(raw: &str) -> std::result::Result<Option<String>, ErrorReport> {
    check_room_to_clean(raw.len())?;
    Ok(phone::normalise(raw, region(&settings::default_region())?))
}

/// All that is known of a phone number.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_phone(
    raw: &str,
    region: &str,
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<pgrx::composite_type!('static, "crm_phone_info"), ErrorReport> {
    check_room_to_clean(raw.len())?;
    let info = phone::describe(raw, self::region(region)?);
    let mut row = composite::result_row(fcinfo)?;
    composite::set(&mut row, "e164", info.e164)?;
    composite::set(&mut row, "international", info.international)?;
    composite::set(&mut row, "national", info.national)?;
    composite::set(&mut row, "rfc3966", info.rfc3966)?;
    composite::set(&mut row, "country_code", info.country_code)?;
    composite::set(&mut row, "region", info.region)?;
    composite::set(&mut row, "kind", info.kind.map(phone::Kind::name))?;
    composite::set(&mut row, "extension", info.extension)?;
    composite::set(&mut row, "is_possible", info.is_possible)?;
    composite::set(&mut row, "is_valid", info.is_valid)?;
    composite::set(&mut row, "problem", info.problem.map(phone::Problem::code))?;
    Ok(row)
}

/// Phone numbers inside free text; positions count characters from 1, the stop exclusive.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_find_phones(
    body: &str,
    region: &str,
) -> std::result::Result<
    TableIterator<
        'static,
        (name!(start, i32), name!(stop, i32), name!(raw, String), name!(e164, String)),
    >,
    ErrorReport,
> {
    // The search cannot be interrupted, and takes seconds for a megabyte of nothing but digits.
    const BODY_BYTES_MAX: usize = 256 << 10;
    if body.len() > BODY_BYTES_MAX {
        return Err(Error::over_limit(format!(
            "a text of {} bytes exceeds the {BODY_BYTES_MAX} that are searched for phone numbers",
            body.len()
        ))
        .hint("search it in pieces, as in substr(body, 1, 50000)")
        .into());
    }
    check_room_to_clean(body.len())?;
    let found = phone::find(body, self::region(region)?);
    let position = |characters: usize| i32::try_from(characters).unwrap_or(i32::MAX);
    Ok(TableIterator::new(
        found
            .into_iter()
            .map(move |one| (position(one.start), position(one.stop), one.raw, one.e164)),
    ))
}

/// Digits only, left-padded with `0` to `width`.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_phone_digits(
    raw: &str,
    width: default!(i32, 11),
) -> std::result::Result<String, ErrorReport> {
    const WIDTH_MAX: i32 = 1000;
    if !(0..=WIDTH_MAX).contains(&width) {
        return Err(Error::invalid_argument(format!(
            "width {width} is not between 0 and {WIDTH_MAX}"
        ))
        .hint("11 holds every number of the North American plan with its country code")
        .into());
    }
    check_room_to_clean(raw.len())?;
    Ok(phone::digits(raw, width as usize))
}

/// Text as it was meant: NFC, without mark-up, control and zero-width characters, mojibake
/// repaired where certain, white space folded.
#[pg_extern(immutable, strict, parallel_safe)]
fn crm_clean_text(raw: &str) -> std::result::Result<String, ErrorReport> {
    if raw.len() > text::INPUT_BYTES_MAX {
        return Err(Error::over_limit(format!(
            "a text of {} bytes exceeds the {} that are cleaned",
            raw.len(),
            text::INPUT_BYTES_MAX
        ))
        .hint("clean it in pieces, as in substr(body, 1, 1000000)")
        .into());
    }
    check_room_to_clean(raw.len())?;
    Ok(text::clean(raw))
}
