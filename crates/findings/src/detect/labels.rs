//! Labels that are written in several ways, misspelt, or not among those that all other rows have.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::Column;
use std::collections::HashMap;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if !study.is_text(place) {
            continue;
        }
        match facts.role {
            Role::Boolean => truths(study, findings, place),
            Role::Name | Role::Label | Role::Text | Role::Code => {
                variants(study, findings, place, column, facts);
                abbreviations(study, findings, place, column, facts);
                strangers(study, findings, place, column, facts);
            }
            _ => {}
        }
    }
}

/// Yes and no written in several ways.
fn truths(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let column = &study.table.columns[place];
    let style = |value: &str| {
        let value = value.trim().to_lowercase();
        match value.as_str() {
            "0" | "1" => 0,
            "y" | "n" | "t" | "f" if value.len() == 1 => {
                1 + u32::from(value == "t" || value == "f")
            }
            "true" | "false" => 3,
            "yes" | "no" => 4,
            _ => 5,
        }
    };
    let mut rows: HashMap<u32, u64> = HashMap::new();
    let all = study.values(place, |_, _| true);
    for number in &all {
        *rows.entry(style(column.value(*number))).or_default() += column.counts[*number as usize];
    }
    let Some((&main, _)) = rows.iter().max_by_key(|(style, rows)| (**rows, **style)) else {
        return;
    };
    let odd: Vec<u32> =
        all.into_iter().filter(|number| style(column.value(*number)) != main).collect();
    let mend = study.context.names.clean(place, "boolean");
    findings.values(study, place, ("mixed_boolean", Severity::Warning), &odd, mend);
}

/// Small letters; white space around and signs of separation between letters and figures aside.
fn folded(value: &str) -> String {
    let value: Vec<char> = value.trim().chars().collect();
    let is_joined = |place: usize| {
        let is_word = |place: usize| value.get(place).is_some_and(|c: &char| c.is_alphanumeric());
        let is_separator = |c: char| c.is_whitespace() || matches!(c, '-' | '_' | '.' | '/');
        let before = (0..place).rev().find(|place| !is_separator(value[*place]));
        let after = (place..value.len()).find(|place| !is_separator(value[*place]));
        is_separator(value[place]) && before.is_some_and(is_word) && after.is_some_and(is_word)
    };
    let mut folded = String::with_capacity(value.len());
    for (place, c) in value.iter().enumerate().filter(|(place, _)| !is_joined(*place)) {
        let is_apart = place > 0 && is_joined(place - 1) && c.is_numeric();
        if is_apart {
            // `1.5` is not `15`.
            folded.push(' ');
        }
        folded.extend(c.to_lowercase());
    }
    folded
}

/// The value to write for each that is written otherwise.
fn pairs(column: &Column, odd: &[(u32, u32)]) -> Vec<(String, String)> {
    let text = |number: u32| column.value(number).to_owned();
    odd.iter().map(|(from, to)| (text(*from), text(*to))).collect()
}

fn note(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    code: &'static str,
    odd: &[(u32, u32)],
) {
    let column = &study.table.columns[place];
    let numbers: Vec<u32> = odd.iter().map(|pair| pair.0).collect();
    let mend = study.context.names.replace(place, &pairs(column, odd));
    findings.values(study, place, (code, Severity::Warning), &numbers, mend);
}

/// Values that differ from a frequent one by case, white space and punctuation alone.
fn variants(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    /// Factor for columns whose values hardly repeat: the frequent form must be far more frequent.
    const TIMES_MIN: u64 = 5;
    if facts.role == Role::Code && !facts.has_labels() {
        return;
    }
    let mut groups: HashMap<String, Vec<u32>> = HashMap::new();
    for number in study.values(place, |_, value| value.len() <= 100) {
        groups.entry(folded(column.value(number))).or_default().push(number);
    }
    let count = |number: &u32| column.counts[*number as usize];
    let mut odd = Vec::new();
    for (key, mut group) in groups {
        if group.len() < 2 || key.is_empty() {
            continue;
        }
        group.sort_by_key(|number| (std::cmp::Reverse(count(number)), *number));
        let main = group[0];
        let is_odd =
            |number: &&u32| facts.has_labels() || count(&main) >= TIMES_MIN * count(number);
        odd.extend(group[1..].iter().filter(is_odd).map(|number| (*number, main)));
    }
    odd.sort_unstable();
    note(study, findings, place, "category_variant", &odd);
}

/// One letter among words that begin with it, as `M` among `Male`.
fn abbreviations(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    const LABELS_MAX: usize = 12;
    if facts.role != Role::Label && facts.role != Role::Name || facts.distinct > 3 * LABELS_MAX {
        return;
    }
    let all = study.values(place, |_, value| value.trim().chars().all(char::is_alphabetic));
    let odd: Vec<(u32, u32)> = all
        .iter()
        .filter_map(|&number| {
            let value = column.value(number).trim().to_lowercase();
            if value.chars().count() > 3 {
                return None;
            }
            let mut longer = all.iter().filter(|other| {
                let word = column.value(**other).trim().to_lowercase();
                let is_rare =
                    column.counts[number as usize] * 10 <= column.counts[**other as usize];
                word.starts_with(&value)
                    && word.chars().count() >= 4
                    && (is_rare || value.chars().count() == 1)
                    && column.counts[**other as usize] > column.counts[number as usize]
            });
            let word = longer.next()?;
            longer.next().is_none().then_some((number, *word))
        })
        .collect();
    note(study, findings, place, "category_variant", &odd);
}

/// Rare values where a few frequent ones make up nearly all rows, each far more frequent.
fn strangers(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    const LABELS_MAX: usize = 40;
    const TIMES_MIN: u64 = 20;
    const SHARE_MAX: f64 = 0.03;
    // Names and sentences are never a closed list, however few there are.
    let is_open = facts.role == Role::Text
        || facts.role == Role::Name && !facts.title.has("state country county province region");
    if is_open {
        return;
    }
    let total = facts.there as f64;
    let count = |number: u32| column.counts[number as usize];
    let usual: Vec<u32> = study
        .values(place, |number, _| count(number) as f64 >= 0.005 * total && count(number) >= 20);
    if usual.is_empty() || usual.len() > LABELS_MAX {
        return;
    }
    let least = usual.iter().map(|number| count(*number)).min().unwrap_or(0);
    let rare = study
        .values(place, |number, _| !usual.contains(&number) && !findings.is_suspect(place, number));
    let is_far_rarer = rare.iter().all(|number| count(*number) * TIMES_MIN <= least);
    let rows = study.rows_of(place, &rare) as f64;
    if !is_far_rarer || rows > SHARE_MAX * total {
        return;
    }
    let names = &study.context.names;
    let list: Vec<String> =
        usual.iter().map(|number| crate::mend::literal(column.value(*number))).collect();
    let condition = format!(
        "{} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
        names.text(place),
        list.join(", ")
    );
    // Lists of codes are open: a rare one may be right.
    let severity = if facts.role == Role::Code { Severity::Info } else { Severity::Warning };
    findings.values(study, place, ("unexpected_value", severity), &rare, names.check(&condition));
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn labels_in_other_dress_are_found() {
        let sheet = Sheet::new("status,gender,active").rows(900, |row| {
            vec![
                match row {
                    5 => "Active ".into(),
                    6 => "ACTIVE".into(),
                    7 => "in-active".into(),
                    _ => ["active", "inactive", "pending"][row % 3].into(),
                },
                if row == 9 { "M".into() } else { ["Male", "Female"][row % 2].into() },
                if row == 11 { "yes".into() } else { ["true", "false"][row % 2].into() },
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "status").contains(&"category_variant"));
        assert!(sheet.codes(&findings, "gender").contains(&"category_variant"));
        assert_eq!(sheet.codes(&findings, "active"), ["mixed_boolean"]);
        let mend = findings
            .iter()
            .find(|finding| finding.columns == [0])
            .and_then(|finding| finding.mend.clone());
        assert!(mend.is_some());
    }

    #[test]
    fn rare_labels_of_a_long_tail_are_left_alone() {
        let sheet = Sheet::new("topic").rows(2000, |row| {
            // Frequencies that halve.
            vec![format!("topic {}", char::from(b'a' + (row as u16 + 1).trailing_zeros() as u8))]
        });
        assert!(!sheet.codes(&found(&sheet), "topic").contains(&"unexpected_value"));
    }
}
