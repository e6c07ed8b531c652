//! Classifiers of records: gradient-boosted trees over a table's columns.
//!
//! [`train`] looks at labelled records, decides what each column is ([`Features`]), grows trees
//! ([`Forest`]) and calibrates them; [`Trained::save`] writes the model's folder: `features.json`,
//! which turns a record into a row of numbers, and `model.onnx`, which turns that row into logits.
//! A training that is cut off goes on from any [`State`].
//! A missing value stays missing (a NaN) all the way: each split of a tree learns which side it
//! goes to. Pure data in, pure data out: this crate knows neither PostgreSQL nor ONNX Runtime.

mod bins;
mod boost;
mod calibration;
mod error;
mod export;
mod features;
mod grow;
mod survey;
mod train;
mod tree;
mod values;

pub use boost::Options;
pub use calibration::Calibration;
pub use error::Error;
pub use features::{Column, Features, Kind};
pub use train::{Progress, State, Trained, train};
pub use tree::{Forest, Node, Tree};
