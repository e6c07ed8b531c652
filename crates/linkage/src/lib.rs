//! Duplicate customers: which rows of a table are one person or one organisation.
//!
//! Nothing is asked of the user. Kinds of columns are guessed ([`kind`], [`layout`]), values are
//! compared in levels ([`levels`]), how much a level says is learned without labels ([`learn`]),
//! pairs to compare are chosen by what was learned ([`blocking`]), and rows are put together by the
//! evidence between groups ([`clusters`]). The same rows give the same bits, in whatever order they
//! come and however many threads work.
//!
//! Without the feature `search` the crate compares single records by what a search has learned, on
//! the calling thread alone.

pub mod blocking;
#[cfg(feature = "search")]
pub mod bundle;
#[cfg(feature = "search")]
pub mod clusters;
pub mod dates;
pub mod distance;
#[cfg(feature = "search")]
pub mod edges;
pub mod fold;
pub mod kind;
pub mod layout;
#[cfg(feature = "search")]
pub mod learn;
pub mod levels;
#[cfg(feature = "search")]
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

#[cfg(feature = "search")]
mod find;

#[cfg(feature = "search")]
pub use find::{Found, Options, find};
