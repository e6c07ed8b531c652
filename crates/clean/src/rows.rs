//! Rows: what kind of value a column holds, one value cleaned by its kind, a whole record, and what
//! ails a column.
//!
//! `kind` names the kinds and reads them from text, `value` cleans one value, `guess` tells a
//! column's kind from its name and values, `record` cleans a JSON object, `profile` counts.

mod guess;
mod kind;
mod profile;
mod record;
mod shape;
mod table;
mod value;

pub use guess::{SAMPLE_MAX, guess, words_of};
pub use kind::{Kind, KindError, WIDTH_MAX};
pub use profile::{Column, Profile};
pub use record::{RecordError, clean_record, kinds_of};
pub use shape::shape;
pub use table::{InvalidPlan, OnInvalid, Plan, Reason, Row, Step};
pub use value::{Cleaned, clean, is_absence};

#[cfg(test)]
mod tests;
