//! `crm_ai`: customer data cleaned and judged inside PostgreSQL.
//!
//! The map of this crate, in the way of a call:
//!
//! - [`api`]: the SQL functions by family: check the arguments, call, convert.
//! - [`client`]: the backend's connection to the engine.
//! - [`plan`]: batching, which asks about many rows of a query at once.
//! - [`store`]: all SPI and all SQL text in Rust.
//! - [`run`]: what a training run is told.
//! - [`worker`]: the supervisor of the engine, the schedulers, and the worker of a training run.
//! - [`settings`], [`error`], [`schema`]: every setting, every SQLSTATE, the install script.
//! - [`folder`], [`files`]: files under the import directory, without leaving it; files of
//!   artifacts between folders and the registry.
//! - [`pg`]: the only unsafe code: what PostgreSQL offers, made safe to call.
//!
//! A backend loads no ONNX Runtime and no tokenizer, and has one thread.

::pgrx::pg_module_magic!(name, version);

mod api;
mod client;
mod error;
mod files;
mod folder;
mod pg;
mod plan;
mod run;
mod schema;
mod settings;
mod store;
#[cfg(any(test, feature = "pg_test"))]
mod tests;
mod worker;

/// What `cargo pgrx test` asks of the crate.
#[cfg(test)]
pub mod pg_test {
    /// Runs once before the first test.
    pub fn setup(_options: Vec<&str>) {}

    /// Settings of the test cluster.
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["shared_preload_libraries = 'crm_ai'"]
    }
}
