//! American states against ZIPs.

use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::NULL;
use crm_ai_clean::address::states_of;

/// So large a part of the rows must fit, or the column means something else.
const NEARLY_ALL: f64 = 0.8;
/// Fewer rows with both values say nothing.
const ROWS_MIN: u64 = 20;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let zips: Vec<usize> = titled(study, "zip zipcode postal postcode");
    for state in titled(study, "state province") {
        for &zip in &zips {
            compare(study, findings, state, zip);
        }
    }
}

fn titled(study: &Study<'_>, words: &str) -> Vec<usize> {
    study
        .columns()
        .filter(|(_, _, facts)| facts.title.has(words))
        .map(|(place, ..)| place)
        .collect()
}

fn compare(study: &Study<'_>, findings: &mut Findings, state: usize, zip: usize) {
    let (states, zips) = (&study.table.columns[state], &study.table.columns[zip]);
    let is_state: Vec<bool> = states
        .values()
        .map(|value| value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase()))
        .collect();
    let expected: Vec<Option<Vec<&str>>> = zips
        .values()
        .map(|value| {
            let padded = format!("{value:0>5}");
            states_of(&padded).map(Iterator::collect)
        })
        .collect();
    let mut compared = 0;
    let mut odd = Vec::new();
    for row in 0..study.table.rows() {
        let (state, zip) = (states.cells[row], zips.cells[row]);
        if state == NULL || zip == NULL || !is_state[state as usize] {
            continue;
        }
        let Some(expected) = &expected[zip as usize] else { continue };
        compared += 1;
        if !expected.contains(&states.value(state)) {
            odd.push(row);
        }
    }
    if compared >= ROWS_MIN && odd.len() as f64 <= (1.0 - NEARLY_ALL) * compared as f64 {
        findings.rows(&[state, zip], ("state_zip_mismatch", Severity::Error), &odd, None);
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn states_are_held_against_zips() {
        let places = [("CA", "90210"), ("NY", "10001"), ("IL", "60601"), ("TX", "75001")];
        let sheet = Sheet::new("state,zip").rows(100, |row| {
            let (state, zip) = places[row % 4];
            vec![if row == 8 { "NY" } else { state }.to_owned(), zip.to_owned()]
        });
        assert!(
            found(&sheet)
                .iter()
                .any(|finding| finding.code == "state_zip_mismatch" && finding.rows == 1)
        );
    }
}
