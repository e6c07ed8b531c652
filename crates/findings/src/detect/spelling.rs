//! Misspelt labels: rare values one or two letters away from a frequent one.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;

/// A frequent value comes so many times as often as what is taken for its misspelling.
const TIMES_MIN: u64 = 20;
/// So many pairs are compared for a column at most.
const PAIRS_MAX: usize = 4_000_000;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        let is_worded = matches!(facts.role, Role::Name | Role::Label | Role::Text);
        if !study.is_text(place) || !is_worded {
            continue;
        }
        let count = |number: u32| column.counts[number as usize];
        let least = (facts.there / 1000).max(20);
        let frequent =
            study.values(place, |number, value| count(number) >= least && has_word(value));
        let rare = study.values(place, |number, value| {
            count(number) * TIMES_MIN <= facts.there && has_word(value)
        });
        if frequent.is_empty() || frequent.len() * rare.len() > PAIRS_MAX {
            continue;
        }
        let words: Vec<(u32, Vec<char>)> =
            frequent.iter().map(|&number| (number, letters(column.value(number)))).collect();
        let mut odd = Vec::new();
        for number in rare {
            (study.context.pause)();
            let value = letters(column.value(number));
            let near = words.iter().find(|(main, word)| {
                count(*main) >= TIMES_MIN * count(number) && is_misspelt(&value, word)
            });
            odd.extend(near.map(|(main, _)| (number, *main)));
        }
        let pairs: Vec<(String, String)> = odd
            .iter()
            .map(|(from, to)| (column.value(*from).to_owned(), column.value(*to).to_owned()))
            .collect();
        let numbers: Vec<u32> = odd.iter().map(|pair| pair.0).collect();
        let mend = study.context.names.replace(place, &pairs);
        findings.values(study, place, ("category_typo", Severity::Warning), &numbers, mend);
    }
}

fn has_word(value: &str) -> bool {
    value.len() <= 64 && value.chars().filter(|c| c.is_alphabetic()).count() >= 4
}

fn letters(value: &str) -> Vec<char> {
    value.trim().to_lowercase().chars().collect()
}

/// True if one is the other but for one slip, or for two in long words; figures are never slips.
fn is_misspelt(value: &[char], word: &[char]) -> bool {
    const LONG: usize = 9;
    let slips = if word.len() >= LONG { 2 } else { 1 };
    let figures =
        |text: &[char]| text.iter().copied().filter(|c| c.is_numeric()).collect::<Vec<_>>();
    value != word
        && value.len().abs_diff(word.len()) <= slips
        && figures(value) == figures(word)
        && distance(value, word) <= slips
}

/// Letters to put in, take out, change or swap with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let differs = usize::from(left[i - 1] != right[j - 1]);
            let mut least = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + differs);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn slips_are_counted() {
        let near = |left: &str, right: &str| distance(&letters(left), &letters(right));
        assert_eq!(near("pending", "pendign"), 1);
        assert_eq!(near("berlin", "berln"), 1);
        assert_eq!(near("ab", ""), 2);
    }

    #[test]
    fn misspelt_labels_are_found() {
        let sheet = Sheet::new("plan,ward").rows(1000, |row| {
            vec![
                if row == 40 {
                    "premuim".into()
                } else {
                    ["premium", "standard", "free tier"][row % 3].into()
                },
                format!("ward {}", row % 9),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "plan").contains(&"category_typo"));
        assert!(sheet.codes(&findings, "ward").is_empty(), "{:?}", sheet.codes(&findings, "ward"));
    }
}
