//! Gaps in running numbers.

use crate::finding::{Findings, Severity};
use crate::read;
use crate::study::Study;
use crate::table::Column;

/// More gaps than this part of the numbers mean that they do not run.
const GAPS_MAX: f64 = 0.1;
/// Fewer numbers are no sequence.
const ROWS_MIN: usize = 50;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    // A thinned or sampled table has gaps of its own.
    if study.table.read() != study.table.rows() as u64 {
        return;
    }
    for (place, column, facts) in study.columns() {
        if facts.distinct < ROWS_MIN || (facts.distinct as f64) < 0.9 * facts.there as f64 {
            continue;
        }
        let numbers = running_numbers(column);
        if numbers.len() < ROWS_MIN || (numbers.len() as f64) < 0.9 * facts.distinct as f64 {
            continue;
        }
        let span = numbers[numbers.len() - 1] - numbers[0] + 1;
        let lacking = span - numbers.len() as i64;
        if lacking > 0 && lacking as f64 <= GAPS_MAX * span as f64 {
            findings.column(place, ("sequence_gap", Severity::Info), lacking as u64, None);
        }
    }
}

/// The figures at the end of each value, where all have the same beginning; in order, each once.
fn running_numbers(column: &Column) -> Vec<i64> {
    let split = |value: &str| {
        let value = value.trim().to_owned();
        let at = value.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        (value[..at].to_owned(), value[at..].parse::<i64>().ok())
    };
    let Some(beginning) = column.values().next().map(|value| split(value).0) else {
        return Vec::new();
    };
    let mut numbers: Vec<i64> = column
        .values()
        .map(split)
        .filter(|(head, _)| *head == beginning)
        .filter_map(|(_, number)| number)
        .collect();
    let is_decimal =
        column.values().take(10).any(|value| value.contains('.') || read::iso_day(value).is_some());
    if is_decimal {
        return Vec::new();
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn numbers_left_out_are_told() {
        let sheet = Sheet::new("invoice,row,amount").rows(300, |row| {
            let number = if row >= 100 { row + 5 } else { row };
            vec![format!("INV-{number:05}"), row.to_string(), (row * 7919 % 100_000).to_string()]
        });
        let findings = found(&sheet);
        assert_eq!(sheet.codes(&findings, "invoice"), ["sequence_gap"]);
        assert!(sheet.codes(&findings, "row").is_empty());
        assert!(!sheet.codes(&findings, "amount").contains(&"sequence_gap"));
    }
}
