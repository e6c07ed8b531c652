//! The SQL functions by family: check the arguments, call, convert.

pub mod clean;
pub mod models;
pub mod predict;
pub mod sentiment;
pub mod status;
