//! Result of `clean_table` and `undo_clean`: a row of type `crm_clean_report`.

use pgrx::JsonB;

/// Counts are of rows. Those that a call has nothing to say of are NULL.
#[derive(Debug, Default)]
pub struct Report {
    /// The table that was made or cleaned.
    pub target: String,
    /// Rows read; kept and rejected together.
    pub read: Option<i64>,
    /// Rows of the result.
    pub kept: Option<i64>,
    /// Rows that are not part of it: duplicate, missing and invalid together.
    pub rejected: Option<i64>,
    /// Kept rows with at least one value that was changed.
    pub repaired: Option<i64>,
    /// Rejected: equal to an earlier row.
    pub duplicate: Option<i64>,
    /// Rejected: a required value is not there.
    pub missing: Option<i64>,
    /// Rejected: a required value cannot be read.
    pub invalid: Option<i64>,
    /// By `undo_clean`: values and rows that came back.
    pub restored: Option<i64>,
    /// By `undo_clean`: values and rows that did not, as somebody has changed them since.
    pub conflicts: Option<i64>,
    /// The kind of each column of the result.
    pub kinds: Option<JsonB>,
    /// Number of rows with each problem in each column.
    pub problems: Option<JsonB>,
    /// Changes that a dry run would make, or that an undo could not.
    pub examples: Option<JsonB>,
}
