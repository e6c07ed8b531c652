//! The extension driven from outside, on clusters of its own.

mod answers;
mod install;
