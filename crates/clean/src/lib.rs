//! Cleaning of customer values, one module per family of values.
//!
//! Pure functions over text: no PostgreSQL, no settings, no network, no files at run time; what
//! they know (numbering plans, entity names) is compiled in, so an answer depends on its arguments
//! and the release alone. `docs/cleaning.md` says what each function does and does not do.

pub mod address;
pub mod booleans;
pub mod dates;
pub mod email;
pub mod name;
pub mod pause;
pub mod phone;
pub mod rows;
pub mod tagger;
pub mod text;
