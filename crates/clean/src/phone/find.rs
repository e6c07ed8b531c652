//! Phone numbers inside free text.

use rlibphonenumber::phonenumber_matcher::Leniency;

use super::plans::{matchers, util};
use super::{Region, e164};

/// One number found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Position of the first character, counted from 1.
    pub start: usize,
    /// Position after the last character.
    pub stop: usize,
    /// The number as written.
    pub raw: String,
    /// The number in E.164.
    pub e164: String,
}

/// The valid numbers in `body`, in their order, as libphonenumber's matcher finds them with its
/// leniency VALID: national numbers of `region`, and numbers with their country code.
///
/// There is no limit on their count; the work grows with the length of `body`.
pub fn find(body: &str, region: Region) -> Vec<Found> {
    let matcher = matchers()
        .matcher_builder(body)
        .leniency(Leniency::Valid)
        .max_tries(u64::MAX)
        .preferred_region(region.as_library())
        .build();
    let util = util();
    let mut found = Vec::new();
    let (mut byte, mut character) = (0, 1);
    for hit in matcher {
        let Some(before) = body.get(byte..hit.start) else { continue };
        let start = character + before.chars().count();
        let stop = start + hit.raw_string.chars().count();
        (byte, character) = (hit.end(), stop);
        found.push(Found {
            start,
            stop,
            raw: hit.raw_string.to_owned(),
            e164: e164(util, &hit.number),
        });
    }
    found
}
