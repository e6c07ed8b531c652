//! The SQL functions by family: check the arguments, call, convert.

pub mod clean;
pub mod clean_contacts;
pub mod clean_tables;
pub mod clean_trigger;
pub mod models;
pub mod predict;
pub mod records;
pub mod sentiment;
pub mod status;
