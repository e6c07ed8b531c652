//! `crm_ai`: customer data cleaned and judged inside PostgreSQL.
//!
//! The map of this crate, in the way of a call:
//!
//! - [`api`]: the SQL functions by family: check the arguments, call, convert.
//! - [`judge`]: what is asked of models, and what their answers mean.
//! - [`link`]: searches for duplicates.
//! - [`client`]: the backend's connection to the engine.
//! - [`plan`]: batching, which asks about many rows of a query at once.
//! - [`store`]: all SPI and all SQL text in Rust.
//! - [`run`]: what a training run is told.
//! - [`worker`]: the supervisor of the engine, the schedulers, and the worker of a training run.
//! - [`settings`], [`error`]: every setting, every SQLSTATE. The install script lies in
//!   `sql/schema`.
//! - [`folder`], [`files`]: files under the import directory, without leaving it; files of
//!   artifacts between folders and the registry.
//! - [`pg`]: what PostgreSQL offers, made safe to call: with [`plan::execute`], the batch node, and
//!   [`entry`], the symbols that the server looks up, the only unsafe code.
//!
//! A backend loads no ONNX Runtime and no tokenizer, and has one thread.

::pgrx::pg_module_magic!(name, version);

mod api;
mod client;
mod entry;
mod error;
mod files;
mod folder;
mod judge;
mod link;
mod pg;
mod plan;
mod run;
mod settings;
mod store;
mod worker;
