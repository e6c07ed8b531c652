//! The registry's tables and the tables of users: all SPI and all SQL text that Rust runs.

pub mod artifacts;
mod caller;
pub mod clean;
pub mod enrich;
mod extension;
pub mod findings;
pub mod labelled;
pub mod linkage;
pub mod models;
pub mod profile;
pub mod progress;
pub mod registration;
mod registry;
pub mod runs;
pub mod schedules;
mod spi;
mod sql;
pub mod table;
mod target;
pub mod versions;
pub mod watches;

use extension::Lock;
pub use extension::{begin_act, in_transaction, is_usable};
