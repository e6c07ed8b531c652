//! The extension driven from outside, on clusters of its own.

mod answers;
mod cancel;
mod engine_death;
mod engine_setup;
mod install;
mod lifecycle;
mod sharing;
