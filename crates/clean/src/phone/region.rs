//! The region in which a number without country code is read.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::plans::util;

/// A region of libphonenumber, or none: then only numbers with their country code can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Region(Option<rlibphonenumber::Region>);

/// The text names no region that has a numbering plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("unknown region: two capital letters such as US, GB or CN are wanted, or ZZ for none")]
pub struct UnknownRegion;

impl Region {
    /// No region: only numbers written with their country code.
    pub const NONE: Self = Self(None);

    pub(super) fn as_library(self) -> Option<rlibphonenumber::Region> {
        self.0
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    /// Reads CLDR's two letters, in capitals as libphonenumber wants them; empty and `ZZ` are none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if matches!(text, "" | "ZZ") {
            return Ok(Self::NONE);
        }
        if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(UnknownRegion);
        }
        let region = rlibphonenumber::Region::from_code(text).map_err(|_| UnknownRegion)?;
        match util().get_country_code_for_region(region) {
            Some(_) => Ok(Self(Some(region))),
            None => Err(UnknownRegion),
        }
    }
}

impl fmt::Display for Region {
    /// Writes what `from_str` reads: the two letters, `ZZ` for none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(region) => write!(formatter, "{}", region.as_region_str()),
            None => formatter.write_str("ZZ"),
        }
    }
}
