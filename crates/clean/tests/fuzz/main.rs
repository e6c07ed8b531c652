//! Fuzz targets that stable Rust runs: real inputs, changed at random, a bounded number of times.
//!
//! The numbers come from a seed, so a run repeats itself. `CRM_AI_FUZZ_CASES` makes it longer,
//! `CRM_AI_FUZZ_SEED` another one. A failure prints the text as a Rust literal: it becomes a test
//! where it belongs.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod emails;
#[cfg(test)]
mod generator;
#[cfg(test)]
mod names;
#[cfg(test)]
mod phones;
#[cfg(test)]
mod runner;
