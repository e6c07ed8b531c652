//! Values that another column's value determines on nearly all rows: a city's state, a code's name.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::{Column, NULL};
use std::collections::HashMap;

/// So large a part of the rows must follow.
const NEARLY_ALL: f64 = 0.93;
/// Each determining value comes so often on average.
const ROWS_OF_EACH_MIN: usize = 5;
/// Fewer rows say nothing.
const ROWS_MIN: usize = 100;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let columns: Vec<usize> = study
        .columns()
        .filter(|(_, _, facts)| may_depend(facts))
        .map(|(place, ..)| place)
        .collect();
    // By column that depends: the rule that most rows follow.
    for &dependent in &columns {
        let mut best: Option<(usize, Vec<usize>)> = None;
        for &cause in columns.iter().filter(|cause| **cause != dependent) {
            (study.context.pause)();
            if let Some(odd) = broken(study, findings, cause, dependent)
                && best.as_ref().is_none_or(|(_, known)| odd.len() < known.len())
            {
                best = Some((cause, odd));
            }
        }
        if let Some((cause, odd)) = best {
            let what = ("functional_dependency", Severity::Warning);
            findings.rows(&[dependent, cause], what, &odd, None);
        }
    }
}

fn may_depend(facts: &Facts) -> bool {
    let repeats = facts.there >= (ROWS_OF_EACH_MIN * facts.distinct) as u64;
    let is_label =
        !matches!(facts.role, Role::Empty | Role::Date | Role::Text | Role::Email | Role::Phone)
            || facts.has_labels();
    let is_measure =
        facts.role == Role::Number && !facts.title.is_identifier() && facts.distinct > 50;
    (2..=20_000).contains(&facts.distinct) && repeats && is_label && !is_measure
}

/// The rows that break the rule; none where there is no rule.
fn broken(
    study: &Study<'_>,
    findings: &Findings,
    cause: usize,
    dependent: usize,
) -> Option<Vec<usize>> {
    let (causes, dependents) = (&study.table.columns[cause], &study.table.columns[dependent]);
    // The causes must be as many as what they determine.
    if study.facts[cause].distinct * 3 < study.facts[dependent].distinct * 2
        || study.facts[cause].distinct < 3
    {
        return None;
    }
    let is_sound = |row: usize| {
        let (one, other) = (causes.cells[row], dependents.cells[row]);
        one != NULL
            && other != NULL
            && !findings.is_suspect(cause, one)
            && !findings.is_suspect(dependent, other)
    };
    let rows: Vec<usize> = (0..study.table.rows()).filter(|row| is_sound(*row)).collect();
    if rows.len() < ROWS_MIN || !is_promising(causes, dependents, &rows) {
        return None;
    }
    let mut pairs: HashMap<(u32, u32), usize> = HashMap::new();
    for &row in &rows {
        *pairs.entry((causes.cells[row], dependents.cells[row])).or_default() += 1;
    }
    let mut usual: HashMap<u32, (usize, u32)> = HashMap::new();
    let mut totals: HashMap<u32, usize> = HashMap::new();
    for (&(one, other), &count) in &pairs {
        let best = usual.entry(one).or_insert((count, other));
        if (count, std::cmp::Reverse(other)) > (best.0, std::cmp::Reverse(best.1)) {
            *best = (count, other);
        }
        *totals.entry(other).or_default() += count;
    }
    if rows.len() < ROWS_OF_EACH_MIN * usual.len() {
        return None;
    }
    let following: usize = usual.values().map(|pair| pair.0).sum();
    let share = following as f64 / rows.len() as f64;
    let commonest = totals.values().max().copied().unwrap_or(0) as f64 / rows.len() as f64;
    let is_rule = (NEARLY_ALL..1.0).contains(&share) && 1.0 - share <= 0.2 * (1.0 - commonest);
    let odd = || {
        rows.iter().copied().filter(|row| usual[&causes.cells[*row]].1 != dependents.cells[*row])
    };
    is_rule.then(|| odd().collect())
}

/// True if the rule holds on the first rows as far as can be told.
fn is_promising(causes: &Column, dependents: &Column, rows: &[usize]) -> bool {
    const LOOKED_AT: usize = 2000;
    let mut first: HashMap<u32, u32> = HashMap::new();
    let (mut equal, mut compared) = (0, 0);
    for &row in rows.iter().take(LOOKED_AT) {
        let known = *first.entry(causes.cells[row]).or_insert(dependents.cells[row]);
        compared += 1;
        equal += usize::from(known == dependents.cells[row]);
    }
    equal as f64 >= 0.7 * f64::from(compared)
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn rules_between_labels_are_found() {
        let places = [
            ("Boston", "MA"),
            ("Albany", "NY"),
            ("Austin", "TX"),
            ("Dallas", "TX"),
            ("Salem", "OR"),
        ];
        let sheet = Sheet::new("city,state,tier").rows(1000, |row| {
            let (city, state) = places[row % 5];
            let state = if row % 200 == 7 { "NY" } else { state };
            vec![city.into(), state.into(), ["a", "b", "c", "d"][row * 7 / 5 % 4].into()]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "state").contains(&"functional_dependency"));
        assert!(!sheet.codes(&findings, "tier").contains(&"functional_dependency"));
        assert_eq!(
            findings.iter().find(|finding| finding.code == "functional_dependency").map(|f| f.rows),
            Some(5)
        );
    }
}
