//! The registry's tables: all SPI and all SQL text that Rust runs.
//!
//! Everything here acts with the rights of the extension's owner and under a fixed search path;
//! whether the caller may ask is checked against the role that was current before.

pub mod artifacts;
pub mod clean;
pub mod models;
pub mod profile;
pub mod scheduler;
pub mod versions;
