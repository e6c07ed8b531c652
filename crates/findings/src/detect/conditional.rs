//! Values that are there or missing depending on another column's label: shipped, and so with a day
//! of shipping.

use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::NULL;

/// So many rows have the label.
const ROWS_MIN: u64 = 30;
/// More labels say nothing.
const LABELS_MAX: usize = 20;
/// Exceptions are at most this part of the label's rows.
const EXCEPTIONS_MAX: f64 = 0.08;
/// With other labels at least this part of the rows is the other way.
const CONTRAST_MIN: f64 = 0.5;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let labelled: Vec<usize> = study
        .columns()
        .filter(|(_, _, facts)| {
            (2..=LABELS_MAX).contains(&facts.labels.len()) && facts.missing == 0
        })
        .map(|(place, ..)| place)
        .collect();
    for (place, _, facts) in study.columns() {
        let share = facts.missing as f64 / study.table.rows() as f64;
        if !(0.02..=0.98).contains(&share) {
            continue;
        }
        let best = labelled
            .iter()
            .filter(|label| **label != place)
            .filter_map(|label| exceptions(study, place, *label).map(|found| (*label, found)))
            .min_by_key(|(_, found)| found.missing.len() + found.present.len());
        let Some((label, found)) = best else { continue };
        findings.rows(
            &[place, label],
            ("conditional_missing", Severity::Warning),
            &found.missing,
            None,
        );
        findings.rows(
            &[place, label],
            ("conditional_present", Severity::Warning),
            &found.present,
            None,
        );
    }
}

/// Rows against the rule.
struct Exceptions {
    missing: Vec<usize>,
    present: Vec<usize>,
}

/// The exceptions, where each label means that values are nearly always there or nearly always
/// missing.
fn exceptions(study: &Study<'_>, place: usize, label: usize) -> Option<Exceptions> {
    (study.context.pause)();
    let (column, labels) = (&study.table.columns[place], &study.table.columns[label]);
    let is_missing = |row: usize| {
        let cell = column.cells[row];
        cell == NULL || column.value(cell).trim().is_empty()
    };
    let mut counts = vec![(0_u64, 0_u64); labels.distinct()];
    for row in 0..study.table.rows() {
        let Some(count) = counts.get_mut(labels.cells[row] as usize) else { continue };
        count.0 += u64::from(is_missing(row));
        count.1 += 1;
    }
    let share =
        |label: u32| counts[label as usize].0 as f64 / counts[label as usize].1.max(1) as f64;
    let usual: Vec<u32> = study.facts[label]
        .labels
        .iter()
        .copied()
        .filter(|label| counts[*label as usize].1 >= ROWS_MIN)
        .collect();
    let is_full = |label: &u32| share(*label) <= EXCEPTIONS_MAX;
    let is_empty = |label: &u32| share(*label) >= 1.0 - EXCEPTIONS_MAX;
    let full: Vec<u32> = usual.iter().copied().filter(is_full).collect();
    let empty: Vec<u32> = usual.iter().copied().filter(is_empty).collect();
    let is_contrast = usual.iter().any(|label| share(*label) >= CONTRAST_MIN)
        && usual.iter().any(|label| share(*label) <= 1.0 - CONTRAST_MIN);
    let rows_of = |wanted: &[u32], missing: bool| -> Vec<usize> {
        let is_one =
            |row: &usize| wanted.contains(&labels.cells[*row]) && is_missing(*row) == missing;
        (0..study.table.rows()).filter(is_one).collect()
    };
    let found = Exceptions { missing: rows_of(&full, true), present: rows_of(&empty, false) };
    let is_broken = !found.missing.is_empty() || !found.present.is_empty();
    (is_contrast && is_broken && !(full.is_empty() && empty.is_empty())).then_some(found)
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn values_that_a_label_asks_for_are_missed() {
        let sheet = Sheet::new("status,shipped_on").rows(400, |row| {
            let status = ["shipped", "open"][row % 2];
            let is_set = if row % 100 == 6 { false } else { status == "shipped" };
            let is_set = is_set || row == 51;
            vec![
                status.into(),
                if is_set { format!("2024-01-{:02}", 1 + row % 28) } else { String::new() },
            ]
        });
        let findings = found(&sheet);
        let codes = sheet.codes(&findings, "shipped_on");
        assert!(
            codes.contains(&"conditional_missing") && codes.contains(&"conditional_present"),
            "{codes:?}"
        );
    }
}
