//! Detectors, each of one kind of fault, in the order in which they run: values first, then rules
//! between columns, which leave out values that are suspect by themselves.

mod age;
mod arithmetic;
mod checksum;
mod combination;
mod conditional;
mod dependency;
mod drift;
mod encoding;
mod formats;
mod labels;
mod missing;
pub mod order;
mod outlier;
mod pattern;
mod place;
mod placeholder;
mod range;
mod sequence;
mod spelling;
mod text;
mod types;
mod unique;
mod weekday;

use crate::finding::Findings;
use crate::study::Study;

/// Looks for one kind of fault, and notes what it finds.
pub type Detector = fn(&Study<'_>, &mut Findings);

/// All of them.
pub const ALL: &[Detector] = &[
    missing::detect,
    placeholder::detect,
    encoding::detect,
    text::detect,
    types::detect,
    range::detect,
    outlier::detect,
    spelling::detect,
    labels::detect,
    unique::detect,
    pattern::detect,
    checksum::detect,
    formats::detect,
    sequence::detect,
    weekday::detect,
    order::detect,
    age::detect,
    place::detect,
    arithmetic::detect,
    dependency::detect,
    conditional::detect,
    combination::detect,
    drift::detect,
];

#[cfg(test)]
pub mod testing;
