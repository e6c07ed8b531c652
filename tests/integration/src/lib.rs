//! Clusters and sessions for tests that drive the installed extension from outside.
//!
//! The installation is the one of `PG_CONFIG`, or of the `pg_config` on the path. Everything here
//! panics with a telling message when the surroundings fail, as a test does.

pub mod cluster;
pub mod hostile_model;
pub mod installation;
pub mod process;
pub mod session;
pub mod stand_in;
pub mod texts;
pub mod tiny_model;
pub mod workplace;

pub use cluster::{Cluster, Stop};
pub use session::{Failure, Session};
