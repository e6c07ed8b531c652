//! Ages that do not fit the day of birth.

use crate::facts::{Role, measure_at};
use crate::finding::{Findings, Severity};
use crate::study::Study;

const DAYS_OF_YEAR: f64 = 365.2425;
/// So far the two may be apart, in years.
const YEARS_MAX: f64 = 1.5;
/// So many rows must agree on the day that ages were told.
const NEARLY_ALL: f64 = 0.7;
/// Fewer rows with both values say nothing.
const ROWS_MIN: usize = 30;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let ages = study
        .columns()
        .filter(|(_, _, facts)| facts.role == Role::Number && facts.title.has("age"));
    for (age, ..) in ages {
        let births = study
            .columns()
            .filter(|(_, _, facts)| facts.role == Role::Date && facts.title.is_birth());
        for (birth, ..) in births {
            compare(study, findings, age, birth);
        }
    }
}

fn compare(study: &Study<'_>, findings: &mut Findings, age: usize, birth: usize) {
    let (ages, births) = (&study.facts[age].numbers, &study.facts[birth].days);
    let columns = &study.table.columns;
    // The day on which each row's age would be right.
    let mut told: Vec<(usize, f64)> = (0..study.table.rows())
        .filter(|row| !findings.is_suspect(birth, columns[birth].cells[*row]))
        .map(|row| {
            let age = measure_at(&columns[age], ages, row);
            (row, measure_at(&columns[birth], births, row) + (age + 0.5) * DAYS_OF_YEAR)
        })
        .filter(|pair| !pair.1.is_nan())
        .collect();
    if told.len() < ROWS_MIN {
        return;
    }
    told.sort_by(|left, right| left.1.total_cmp(&right.1));
    let usual = told[told.len() / 2].1;
    let mut odd: Vec<usize> = told
        .iter()
        .filter(|pair| (pair.1 - usual).abs() > YEARS_MAX * DAYS_OF_YEAR)
        .map(|pair| pair.0)
        .collect();
    if (odd.len() as f64) > (1.0 - NEARLY_ALL) * told.len() as f64 {
        return;
    }
    odd.sort_unstable();
    findings.rows(&[age, birth], ("age_mismatch", Severity::Error), &odd, None);
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn ages_are_held_against_birth() {
        let sheet = Sheet::new("age,date_of_birth").rows(200, |row| {
            let age = if row % 50 == 9 { 12 } else { 74 - row % 50 };
            vec![age.to_string(), format!("{}-06-15", 1950 + row % 50)]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "age").contains(&"age_mismatch"));
        let rows = findings
            .iter()
            .find(|finding| finding.code == "age_mismatch")
            .map(|finding| finding.rows);
        assert_eq!(rows, Some(4));
    }
}
