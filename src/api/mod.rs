//! The SQL functions by family: check the arguments, call, convert.

pub mod clean;
pub mod clean_contacts;
pub mod clean_tables;
pub mod clean_trigger;
pub mod duplicates;
pub mod enrich;
pub mod evaluate;
pub mod findings;
pub mod models;
pub mod predict;
pub mod records;
pub mod schedules;
pub mod sentiment;
pub mod status;
pub mod training;
pub mod watches;
