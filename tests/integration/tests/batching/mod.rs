//! Batching changes how many requests a query makes, and nothing else.

mod errors;
mod random;
mod reach;
mod shapes;
mod support;
