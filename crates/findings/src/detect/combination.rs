//! Pairs of labels that are hardly ever together, though each alone is frequent.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::NULL;
use std::collections::HashMap;

/// By chance the pair would come so often.
const EXPECTED_MIN: f64 = 30.0;
/// It comes this part of it at most.
const SHARE_MAX: f64 = 0.12;
/// More labels are not paired.
const LABELS_MAX: usize = 60;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let columns: Vec<usize> = study
        .columns()
        .filter(|(_, _, facts)| (2..=LABELS_MAX).contains(&facts.labels.len()) && is_label(facts))
        .map(|(place, ..)| place)
        .collect();
    for (index, &left) in columns.iter().enumerate() {
        for &right in &columns[index + 1..] {
            (study.context.pause)();
            compare(study, findings, left, right);
        }
    }
}

fn is_label(facts: &Facts) -> bool {
    matches!(facts.role, Role::Label | Role::Boolean | Role::Code | Role::Name)
}

fn compare(study: &Study<'_>, findings: &mut Findings, left: usize, right: usize) {
    let (first, second) = (&study.table.columns[left], &study.table.columns[right]);
    let total = study.table.rows() as f64;
    let mut pairs: HashMap<(u32, u32), usize> = HashMap::new();
    for row in 0..study.table.rows() {
        let pair = (first.cells[row], second.cells[row]);
        if pair.0 != NULL && pair.1 != NULL {
            *pairs.entry(pair).or_default() += 1;
        }
    }
    let count = |column: &crate::table::Column, number: u32| column.counts[number as usize] as f64;
    let expected = |pair: &(u32, u32)| count(first, pair.0) * count(second, pair.1) / total;
    let is_rare = |(pair, found): &(&(u32, u32), &usize)| {
        let expected = expected(pair);
        expected >= EXPECTED_MIN && (**found as f64) <= SHARE_MAX * expected
    };
    let rare: Vec<(u32, u32)> = pairs.iter().filter(is_rare).map(|(pair, _)| *pair).collect();
    if rare.is_empty() {
        return;
    }
    let odd: Vec<usize> = (0..study.table.rows())
        .filter(|row| rare.contains(&(first.cells[*row], second.cells[*row])))
        .collect();
    // Labels that depend on each other throughout are told as such.
    let is_told = findings.list.iter().any(|finding| {
        finding.code == "functional_dependency"
            && finding.columns.contains(&left)
            && finding.columns.contains(&right)
    });
    if !is_told && odd.len() as f64 <= 0.02 * total {
        let what = ("unlikely_combination", Severity::Warning);
        findings.rows(&[right, left], what, &odd, None);
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found, random};

    #[test]
    fn pairs_that_do_not_go_together_are_found() {
        let noise = random(5);
        let sheet = Sheet::new("sex,ward,wing").rows(4000, |row| {
            let sex = if noise(row) < 0.5 { "f" } else { "m" };
            let ward = ["eyes", "heart", "skin", "maternity"][(noise(row + 5000) * 4.0) as usize];
            let ward =
                if sex == "m" && ward == "maternity" && row % 100 != 3 { "heart" } else { ward };
            vec![
                sex.into(),
                ward.into(),
                ["east", "west"][(noise(row + 10_000) * 2.0) as usize].into(),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "ward").contains(&"unlikely_combination"));
        assert!(!sheet.codes(&findings, "wing").contains(&"unlikely_combination"));
    }
}
