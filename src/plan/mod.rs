//! Batching: calls of inference functions in plain SQL, asked for many rows at once.
//!
//! A planned statement is looked through once ([`walk`]). Where a node computes batchable calls
//! ([`functions`], [`find`]), a batch node is put above or below it ([`rewrite`]), which gathers
//! rows ([`pace`]), asks the engine about all of them in one request
//! ([`crate::judge::questions`]) and hands the rows out with the answers as further columns. What
//! is not understood stays as it was, and works row by row.
//!
//! The batch node itself, in the plan and at work, is in [`execute`].

pub mod execute;
pub mod figures;
pub mod find;
pub mod functions;
pub mod pace;
pub mod rewrite;
pub mod walk;
