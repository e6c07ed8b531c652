//! Findings of a table, and constraints for it.

use crate::error::{Error, Result};
use crate::store::findings;
use pgrx::JsonB;
use pgrx::prelude::*;

/// Operator functions live in the fixed schema.
#[pg_schema]
mod crm_ai {
    use super::*;
    use pgrx::pg_sys::panic::ErrorReport;
    type Result<T> = std::result::Result<T, ErrorReport>;

    /// Findings of a table beyond single values.
    #[pg_extern]
    #[allow(clippy::type_complexity)] // The columns of the result, as pgrx wants them.
    fn findings(
        source: Option<pg_sys::Oid>,
        sample: Option<i32>,
    ) -> Result<
        TableIterator<
            'static,
            (
                name!(columns, Vec<String>),
                name!(code, String),
                name!(severity, String),
                name!(rows, i64),
                name!(share, f64),
                name!(examples, JsonB),
                name!(mend, Option<String>),
            ),
        >,
    > {
        let found = super::findings_of(source, sample)?;
        Ok(TableIterator::new(found.into_iter().map(|finding| {
            (
                finding.columns,
                finding.code.to_owned(),
                finding.severity.to_owned(),
                finding.rows.cast_signed(),
                finding.share,
                JsonB(finding.examples),
                finding.mend,
            )
        })))
    }

    /// Constraints for a table and a cleaning of it, as SQL.
    #[pg_extern(volatile, strict, parallel_unsafe)]
    fn suggest_checks(source: pg_sys::Oid) -> Result<String> {
        Ok(crate::store::findings::suggest_checks(source)?)
    }
}

fn findings_of(source: Option<pg_sys::Oid>, sample: Option<i32>) -> Result<Vec<findings::Shown>> {
    let source = source.ok_or_else(|| Error::null_argument("source must not be NULL"))?;
    let positive = |sample: i32| {
        u32::try_from(sample).ok().filter(|sample| *sample > 0).ok_or_else(|| {
            Error::invalid_argument(format!("sample {sample} is not a positive number of rows"))
                .hint("leave sample out, or give NULL, to look at all rows")
        })
    };
    findings::find(source, sample.map(positive).transpose()?)
}
