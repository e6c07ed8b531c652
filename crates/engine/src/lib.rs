//! The engine: answers the requests of every backend of a cluster from one set of loaded models.
//!
//! Threads: as many as may work at once and one more wait for peers together ([`server`],
//! [`poll`]); who is woken reads requests into a bounded [`queue`], tokenises, forms batches over
//! all connections and runs them ([`Engine`]). A file thread ([`files`]) receives and deletes
//! artifacts; examiners ([`examiner`]) have them described in processes of their own ([`trial`]).
//! Whatever works on a stranger's model is confined ([`sandbox`]).
//!
//! The models themselves are behind the traits of [`predictor`], so that everything here is tested
//! without ONNX Runtime; [`onnx`] is the real implementation. The binary's sub-commands are in
//! [`commands`].

pub mod artifacts;
pub mod cache;
pub mod commands;
mod connection;
mod core;
pub mod examiner;
pub mod files;
pub mod job;
pub mod log;
pub mod models;
pub mod onnx;
pub mod pending;
pub mod poll;
pub mod predictor;
pub mod queue;
pub mod reply_sink;
pub mod runs;
pub mod sandbox;
pub mod server;
mod stats;
pub mod trial;
mod worker;

pub use crate::core::{Engine, EngineOptions};
