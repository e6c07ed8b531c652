//! Kinds of values, and how they are written: `phone:US`, `date:dmy`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::dates::Order;
use crate::phone::{Region, UnknownRegion};

/// Widest row of digits that `phone_digits` pads to.
pub const WIDTH_MAX: usize = 1000;

/// Digits of the North American plan with the country code.
const WIDTH_DEFAULT: usize = 11;

/// Kind of a column's values, which decides how they are cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A telephone number, to E.164. `None`: in the region that the caller has as its default.
    Phone(Option<Region>),
    /// The digits of a telephone number, padded with `0` to so many.
    PhoneDigits(usize),
    /// An e-mail address, to its deliverable form.
    Email,
    /// A person's or an organisation's name.
    Name,
    /// Given names and initials.
    GivenName,
    /// A family name with its particles.
    FamilyName,
    /// A postal address in one field.
    Address,
    /// Free text; its line breaks stay.
    Text,
    /// Free text on one line.
    FlatText,
    /// A day, to ISO 8601.
    Date(Order),
    /// A day with a time of day, to ISO 8601 with the zone that was written.
    Timestamp(Order),
    /// A truth value, to `true` or `false`.
    Boolean,
    /// An identifier: case, punctuation and leading zeros are part of it.
    Id,
    /// Whatever it is, it stays as it is.
    #[default]
    Keep,
}

/// Reason why a text names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KindError {
    /// Not one of the names.
    #[error(
        "unknown kind: phone[:REGION], phone_digits[:WIDTH], email, name, given_name, family_name, \
         address, text[:flat], date[:dmy|mdy], timestamp[:dmy|mdy], boolean, id or keep is wanted"
    )]
    Unknown,
    /// `phone:` and no region that has a numbering plan.
    #[error("unknown region in a kind: phone:US, phone:GB or phone:ZZ (none) is wanted")]
    Region,
    /// `phone_digits:` and no number in range.
    #[error("unknown width in a kind: phone_digits:0 to phone_digits:1000 is wanted")]
    Width,
    /// `date:` or `timestamp:` and neither `dmy` nor `mdy`.
    #[error("unknown order in a kind: date, date:dmy or date:mdy is wanted, timestamp alike")]
    Order,
}

impl From<UnknownRegion> for KindError {
    fn from(_: UnknownRegion) -> Self {
        Self::Region
    }
}

impl Kind {
    /// Name without its option: `phone`, `date` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::PhoneDigits(_) => "phone_digits",
            Self::Email => "email",
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Address => "address",
            Self::Text | Self::FlatText => "text",
            Self::Date(_) => "date",
            Self::Timestamp(_) => "timestamp",
            Self::Boolean => "boolean",
            Self::Id => "id",
            Self::Keep => "keep",
        }
    }

    /// The kind with `region` for a `phone` that names none.
    pub fn in_region(self, region: Region) -> Self {
        match self {
            Self::Phone(None) => Self::Phone(Some(region)),
            other => other,
        }
    }
}

impl FromStr for Kind {
    type Err = KindError;

    /// Reads a kind exactly as `docs/tables.md` writes it: no white space, small letters.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, option) = match text.split_once(':') {
            Some((name, option)) => (name, Some(option)),
            None => (text, None),
        };
        match (name, option) {
            ("phone", None) => Ok(Self::Phone(None)),
            ("phone", Some(region)) => Ok(Self::Phone(Some(region.parse()?))),
            ("phone_digits", None) => Ok(Self::PhoneDigits(WIDTH_DEFAULT)),
            ("phone_digits", Some(width)) => width_of(width).map(Self::PhoneDigits),
            ("email", None) => Ok(Self::Email),
            ("name", None) => Ok(Self::Name),
            ("given_name", None) => Ok(Self::GivenName),
            ("family_name", None) => Ok(Self::FamilyName),
            ("address", None) => Ok(Self::Address),
            ("text", None) => Ok(Self::Text),
            ("text", Some("flat")) => Ok(Self::FlatText),
            ("date", None) => Ok(Self::Date(Order::Unknown)),
            ("date", Some("dmy")) => Ok(Self::Date(Order::DayFirst)),
            ("date", Some("mdy")) => Ok(Self::Date(Order::MonthFirst)),
            ("timestamp", None) => Ok(Self::Timestamp(Order::Unknown)),
            ("timestamp", Some("dmy")) => Ok(Self::Timestamp(Order::DayFirst)),
            ("timestamp", Some("mdy")) => Ok(Self::Timestamp(Order::MonthFirst)),
            ("date" | "timestamp", Some(_)) => Err(KindError::Order),
            ("boolean", None) => Ok(Self::Boolean),
            ("id", None) => Ok(Self::Id),
            ("keep", None) => Ok(Self::Keep),
            _ => Err(KindError::Unknown),
        }
    }
}

fn width_of(text: &str) -> Result<usize, KindError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(KindError::Width);
    }
    text.parse().ok().filter(|width| *width <= WIDTH_MAX).ok_or(KindError::Width)
}

impl fmt::Display for Kind {
    /// Writes what `from_str` reads.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::Phone(Some(region)) => write!(formatter, ":{region}"),
            Self::PhoneDigits(width) => write!(formatter, ":{width}"),
            Self::FlatText => formatter.write_str(":flat"),
            Self::Date(Order::DayFirst) | Self::Timestamp(Order::DayFirst) => {
                formatter.write_str(":dmy")
            }
            Self::Date(Order::MonthFirst) | Self::Timestamp(Order::MonthFirst) => {
                formatter.write_str(":mdy")
            }
            _ => Ok(()),
        }
    }
}
