//! Duplicate customers: which rows of a table are one person or one organisation.
//!
//! Nothing is asked of the user. Kinds of columns are guessed ([`kind`], [`layout`]), values are
//! compared in levels ([`levels`]), how much a level says is learned without labels ([`learn`]),
//! pairs to compare are chosen by what was learned ([`blocking`]), and rows are put together by the
//! evidence between groups ([`clusters`]). The same rows give the same bits, in whatever order they
//! come and however many threads work.

pub mod blocking;
pub mod bundle;
pub mod clusters;
pub mod dates;
pub mod distance;
pub mod edges;
pub mod fold;
pub mod kind;
pub mod layout;
pub mod learn;
pub mod levels;
pub mod matches;
pub mod model;
pub mod names;
pub mod pattern;
pub mod rows;
pub mod similarity;
pub mod stored;
pub mod table;
pub mod value;
pub mod watch;

mod find;

pub use find::{Found, Options, find};
