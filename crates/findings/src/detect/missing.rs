//! Missing values in columns that are nearly full; columns that hold nothing, or one value.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;

/// Fewer rows say nothing.
const ROWS_MIN: u64 = 20;
/// A column with more missing values is one that may be empty.
const SHARE_MAX: f64 = 0.2;
/// With fewer, the missing ones are exceptions.
const SHARE_OF_EXCEPTIONS: f64 = 0.05;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let rows = study.table.rows() as u64;
    let mut found: Vec<(usize, Vec<usize>, Severity)> = Vec::new();
    for (place, column, facts) in study.columns() {
        if facts.role == Role::Empty {
            findings.column(place, ("empty_column", Severity::Info), rows, None);
            continue;
        }
        if rows < ROWS_MIN {
            continue;
        }
        if facts.distinct == 1 && facts.there == rows {
            findings.column(place, ("constant_column", Severity::Info), rows, None);
        }
        let share = facts.missing as f64 / rows as f64;
        if facts.missing == 0 || share > SHARE_MAX {
            continue;
        }
        let is_exception = share <= SHARE_OF_EXCEPTIONS && !facts.title.is_optional();
        let severity = if is_exception { Severity::Warning } else { Severity::Info };
        let is_missing = |row: &usize| column.at(*row).is_none_or(|value| value.trim().is_empty());
        let missing: Vec<usize> = (0..study.table.rows()).filter(is_missing).collect();
        found.push((place, missing, severity));
    }
    for (place, missing, severity) in &found {
        // Columns that are missing together are a part that some rows do without.
        let is_part = found.iter().any(|(other, rows, _)| other != place && rows == missing)
            && missing.len() > 1;
        let severity = if is_part { Severity::Info } else { *severity };
        let mend = study.context.names.not_null(*place);
        findings.rows(&[*place], ("missing_values", severity), missing, mend);
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn holes_in_a_full_column_are_told() {
        let sheet = Sheet::new("email,note").rows(100, |row| {
            let email = if row % 50 == 7 { String::new() } else { format!("a{row}@example.com") };
            vec![email, String::new()]
        });
        let findings = found(&sheet);
        assert_eq!(sheet.codes(&findings, "email"), ["missing_values"]);
        assert_eq!(sheet.codes(&findings, "note"), ["empty_column"]);
        let missing = findings.iter().find(|finding| finding.code == "missing_values");
        assert_eq!(missing.map(|missing| missing.examples.clone()), Some(vec![7, 57]));
    }

    #[test]
    fn columns_that_may_be_empty_are_left_alone() {
        let sheet = Sheet::new("middle_name").rows(100, |row| {
            vec![if row % 2 == 0 { String::new() } else { format!("Name{}", row % 7) }]
        });
        assert!(!sheet.codes(&found(&sheet), "middle_name").contains(&"missing_values"));
    }
}
