//! One value cleaned by its kind.

use super::kind::Kind;
use crate::name::NamePart;
use crate::pause;
use crate::phone::Region;
use crate::{address, booleans, dates, email, name, phone, text};

/// Result for a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The clean form; none where the field holds no value, or one that its kind cannot read.
    pub value: Option<String>,
    /// The problem, doubt or repair: a stable lower-case code.
    pub problem: Option<&'static str>,
}

impl Cleaned {
    /// True if there was something in the field that its kind cannot read.
    pub fn is_invalid(&self) -> bool {
        self.value.is_none() && !self.problem.is_none_or(is_absence)
    }

    fn valid(value: String) -> Self {
        Self { value: Some(value), problem: None }
    }

    fn absent(problem: &'static str) -> Self {
        Self { value: None, problem: Some(problem) }
    }
}

const EMPTY: &str = "empty";
const PLACEHOLDER: &str = "placeholder";

/// True if a problem says that there was no value in the field, rather than a wrong one: `empty`
/// and `placeholder`.
pub fn is_absence(problem: &str) -> bool {
    matches!(problem, EMPTY | PLACEHOLDER)
}

/// The clean form of `raw` as a value of `kind`, and what ails it. Cleaning twice is cleaning once.
///
/// Blank is no value (`empty`), and so is what stands for none (`placeholder`: `N/A`, `null`,
/// `#REF!`), but not to the kinds `phone_digits` and `keep`, which take any text as it is, nor the
/// latter to `text` and `id`. A phone without a region is read in none.
pub fn clean(raw: &str, kind: Kind) -> Cleaned {
    pause::now();
    match kind {
        Kind::Keep => return Cleaned::valid(raw.to_owned()),
        Kind::PhoneDigits(width) => return Cleaned::valid(phone::digits(raw, width)),
        _ => {}
    }
    if raw.len() > text::INPUT_BYTES_MAX {
        // Nobody reads it, so it stays as it is.
        return Cleaned { value: Some(raw.to_owned()), problem: Some("too_long") };
    }
    if is_blank(raw) {
        return Cleaned::absent(EMPTY);
    }
    match kind {
        Kind::Text => text_of(text::clean_lines(raw)),
        Kind::FlatText => text_of(text::clean(raw)),
        Kind::Id => id(raw),
        Kind::Name => {
            let info = name::describe(raw);
            Cleaned { value: info.display, problem: info.problem.map(name::Problem::code) }
        }
        Kind::GivenName => name_part(raw, NamePart::Given),
        Kind::FamilyName => name_part(raw, NamePart::Family),
        _ if is_placeholder(raw) => Cleaned::absent(PLACEHOLDER),
        Kind::Phone(region) => {
            let (value, problem) = phone::clean(raw, region.unwrap_or(Region::NONE));
            Cleaned { value, problem: problem.map(phone::Problem::code) }
        }
        Kind::Email => {
            let info = email::describe(raw);
            Cleaned { value: info.address, problem: info.problem.map(email::Problem::code) }
        }
        Kind::Address => {
            let (value, problem) = address::clean(raw);
            Cleaned { value, problem: problem.map(address::Problem::code) }
        }
        Kind::Date(order) => {
            let date = dates::parse(raw, order);
            Cleaned { value: date.iso, problem: date.problem.map(dates::Problem::code) }
        }
        Kind::Timestamp(order) => {
            let date = dates::parse_timestamp(raw, order);
            Cleaned { value: date.iso, problem: date.problem.map(dates::Problem::code) }
        }
        Kind::Boolean => match booleans::parse(raw) {
            Some(value) => Cleaned::valid(value.to_string()),
            None => Cleaned::absent("not_a_boolean"),
        },
        Kind::PhoneDigits(_) | Kind::Keep => Cleaned::valid(raw.to_owned()),
    }
}

fn name_part(raw: &str, part: NamePart) -> Cleaned {
    let (value, problem) = name::clean_part(raw, part);
    Cleaned { value, problem: problem.map(name::Problem::code) }
}

fn is_blank(raw: &str) -> bool {
    !raw.bytes().any(|byte| byte.is_ascii_graphic()) && text::clean(raw).is_empty()
}

fn text_of(value: String) -> Cleaned {
    // Nothing but mark-up.
    if value.is_empty() { Cleaned::absent(EMPTY) } else { Cleaned::valid(value) }
}

/// An identifier without the white space around it. A spreadsheet's trailing `.0` goes; digits that
/// it has rounded away do not come back, so that what is left is kept and told.
fn id(raw: &str) -> Cleaned {
    let value = raw.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_zero_width(c));
    if value.is_empty() {
        return Cleaned::absent(EMPTY);
    }
    let whole = value.strip_suffix(".0").filter(|whole| is_digits(whole));
    if let Some(whole) = whole {
        return Cleaned { value: Some(whole.to_owned()), problem: Some("trailing_decimal") };
    }
    let problem = is_rounded(value).then_some("digits_lost");
    Cleaned { value: Some(value.to_owned()), problem }
}

pub(super) fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}')
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A spreadsheet's `1.38E+10`.
fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once("E+") else { return false };
    let Some((whole, decimals)) = mantissa.split_once('.') else { return false };
    whole.len() == 1 && [whole, decimals, exponent].into_iter().all(is_digits)
}

/// Placeholders that exports, spreadsheets and clerks write for a missing value; compared in small
/// letters. pandas takes most of them for missing when it reads a CSV file.
const PLACEHOLDERS: [&str; 34] = [
    "n/a",
    "n.a.",
    "n.a",
    "na",
    "#n/a",
    "#na",
    "<na>",
    "none",
    "null",
    "(null)",
    "<null>",
    "#null!",
    "nil",
    "nan",
    "#nan",
    "-nan",
    "\\n",
    "-",
    "--",
    "---",
    ".",
    "?",
    "??",
    "unknown",
    "not available",
    "not provided",
    "not applicable",
    "missing",
    "#ref!",
    "#value!",
    "#name?",
    "#div/0!",
    "#num!",
    "tbd",
];

fn is_placeholder(raw: &str) -> bool {
    const BYTES_MAX: usize = 40;
    let raw = raw.trim();
    raw.len() <= BYTES_MAX && PLACEHOLDERS.contains(&raw.to_ascii_lowercase().as_str())
}
