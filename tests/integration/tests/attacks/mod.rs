//! What somebody who means ill can do to the engine and by it, and what becomes of it.

mod engine_cache;
mod engine_imports;
mod engine_runs;
