//! Findings of a table beyond single values.
//!
//! A [`Table`] is filled with rows; [`find`] looks for what is wrong in them: first in each
//! column, then between columns and rows. Each detector is a file in `detect`. No PostgreSQL: the
//! host reads the rows, and says in a [`Context`] what day it is and how things are called in SQL.
//! `docs/findings.md` says what each code means.

mod checks;
mod detect;
mod dictionary;
mod facts;
mod finding;
mod mend;
mod read;
mod study;
mod table;
mod words;

pub use checks::suggest_checks;
pub use finding::{Finding, Severity};
pub use mend::Names;
pub use study::{Context, find};
pub use table::{Head, SqlType, Table};
