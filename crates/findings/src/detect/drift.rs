//! Columns that change in the course of the table: another mean, other labels, more missing values.

use crate::facts::{Facts, Role, measure_at};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::{Column, NULL};

/// The parts of the table that are compared with the rest.
const PARTS: usize = 10;
/// Fewer rows in a part say nothing.
const ROWS_MIN: usize = 100;
/// Distance of two distributions, from 0 to 1, that means something.
const DISTANCE_MIN: f64 = 0.1;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let rows = study.table.rows();
    if rows < PARTS * ROWS_MIN {
        return;
    }
    // By chance a tenth of the table is no further from the rest than this.
    let chance = 2.2 * (PARTS as f64 / rows as f64 * (1.0 + 1.0 / 9.0)).sqrt();
    for (place, column, facts) in study.columns() {
        (study.context.pause)();
        let distance = match facts.role {
            Role::Number if !facts.title.is_identifier() => numbers(column, facts),
            Role::Label | Role::Boolean | Role::Name if facts.has_labels() => labels(column, facts),
            _ => None,
        };
        let distance = distance.unwrap_or(0.0).max(missing(column));
        if distance >= DISTANCE_MIN.max(chance) {
            findings.column(
                place,
                ("drift", Severity::Info),
                (distance * rows as f64) as u64,
                None,
            );
        }
    }
}

/// The greatest distance between the first and the second part of the table, cut at any tenth.
fn numbers(column: &Column, facts: &Facts) -> Option<f64> {
    let mut values: Vec<(f64, usize)> = (0..column.cells.len())
        .map(|row| (measure_at(column, &facts.numbers, row), row))
        .filter(|pair| !pair.0.is_nan())
        .collect();
    if values.len() < PARTS * ROWS_MIN || is_sorted(&values) {
        return None;
    }
    values.sort_by(|left, right| left.0.total_cmp(&right.0));
    let distance = |cut: usize| {
        let at = column.cells.len() * cut / PARTS;
        let before = values.iter().filter(|pair| pair.1 < at).count().max(1) as f64;
        let after = (values.len() as f64 - before).max(1.0);
        let (mut left, mut right, mut most) = (0.0, 0.0, 0.0_f64);
        for (index, (value, row)) in values.iter().enumerate() {
            if *row < at {
                left += 1.0 / before
            } else {
                right += 1.0 / after
            }
            let is_last = values.get(index + 1).is_none_or(|next| next.0 > *value);
            if is_last {
                most = most.max(f64::abs(left - right));
            }
        }
        most
    };
    (1..PARTS).map(distance).max_by(f64::total_cmp)
}

/// True if the values rise or fall with the rows, as running numbers do.
fn is_sorted(values: &[(f64, usize)]) -> bool {
    let rising = values.windows(2).filter(|pair| pair[0].0 <= pair[1].0).count();
    let falling = values.windows(2).filter(|pair| pair[0].0 >= pair[1].0).count();
    rising.max(falling) * 10 >= values.len() * 9
}

fn labels(column: &Column, facts: &Facts) -> Option<f64> {
    const LABELS_MAX: usize = 50;
    if facts.labels.len() > LABELS_MAX {
        return None;
    }
    let rows = column.cells.len();
    let distance = |cut: usize| {
        let at = rows * cut / PARTS;
        let mut counts = vec![(0.0, 0.0); column.distinct()];
        for (row, number) in column.cells.iter().enumerate().filter(|(_, number)| **number != NULL)
        {
            let count = &mut counts[*number as usize];
            if row < at { count.0 += 1.0 / at as f64 } else { count.1 += 1.0 / (rows - at) as f64 }
        }
        facts
            .labels
            .iter()
            .map(|label| {
                let (before, after): (f64, f64) = counts[*label as usize];
                (before - after).abs()
            })
            .sum::<f64>()
            / 2.0
    };
    (1..PARTS).map(distance).max_by(f64::total_cmp)
}

fn missing(column: &Column) -> f64 {
    let rows = column.cells.len();
    let at = |cut: usize| rows * cut / PARTS;
    let share = |from: usize, to: usize| {
        let missing = column.cells[from..to].iter().filter(|number| **number == NULL).count();
        missing as f64 / (to - from) as f64
    };
    (1..PARTS).map(|cut| (share(0, at(cut)) - share(at(cut), rows)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found, random};

    #[test]
    fn a_change_in_the_course_of_the_table_is_told() {
        let noise = random(21);
        let sheet = Sheet::new("reading,steady,unit").rows(3000, |row| {
            let shift = if row > 2000 { 30.0 } else { 0.0 };
            let unit = if row > 1500 && noise(row) < 0.5 { "kg" } else { "lb" };
            vec![
                format!("{:.2}", noise(row + 9000) * 100.0 + shift),
                format!("{:.2}", noise(row + 19_000) * 100.0),
                unit.into(),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "reading").contains(&"drift"));
        assert!(sheet.codes(&findings, "unit").contains(&"drift"));
        assert!(!sheet.codes(&findings, "steady").contains(&"drift"));
    }
}
