//! Asking models: what a call puts to the engine, and what its replies mean.
//!
//! - [`texts`]: which texts may be sent, and one request for all texts of a call.
//! - [`questions`]: the calls of many rows, each text asked once for each version and task.
//! - [`answers`]: a reply of the engine, read.
//! - [`sentiment`], [`records`]: what a row of probabilities means for notes and for records.

pub mod answers;
pub mod questions;
pub mod records;
pub mod sentiment;
pub mod texts;
