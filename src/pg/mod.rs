//! Safe interface to PostgreSQL: the only unsafe code of the extension.
//!
//! Three facts hold for every block here and are not repeated at each:
//!
//! 1. A backend has one thread, so PostgreSQL's globals are never raced for.
//! 2. pgrx turns PostgreSQL's ERROR into a Rust panic at each call into the server and back into
//!    an ERROR at the boundary, so destructors run and no Rust frame is jumped over.
//! 3. Functions here are reached only from inside a backend or a worker, never from a postmaster,
//!    but for `loading`, which says so.
#![allow(unsafe_code)]

pub mod activity;
pub mod board;
pub mod catalog;
pub mod child;
pub mod commit;
pub mod composite;
pub mod databases;
pub mod dynamic;
pub mod index;
pub mod json;
pub mod latch;
pub mod loading;
mod majors;
pub mod memory;
pub mod parse;
pub mod paths;
pub mod piped;
pub mod plan;
pub mod query;
pub mod queue;
pub mod roles;
pub mod session;
pub mod socket;
pub mod transaction;
pub mod trigger;
pub mod types;
pub mod watchdog;
pub mod worker;
