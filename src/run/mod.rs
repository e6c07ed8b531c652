//! Specification of a training run: its options, read from JSON and checked, and the query over its
//! rows. Knows neither tables nor workers.

mod cron;
mod labels;
mod name;
mod options;

pub use cron::Cron;
pub use labels::{check_new_label, label_set};
pub use name::relation_name;
pub use options::{CONTINUE, Columns, Kind, Options, What};
