//! White space around and inside values, capitals, values that were cut off.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::Column;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if !study.is_text(place) || facts.role == Role::Empty {
            continue;
        }
        stray_space(study, findings, place);
        if matches!(facts.role, Role::Name | Role::Label | Role::Code | Role::Email) {
            casing(study, findings, place);
        }
        if facts.role == Role::Text {
            truncated(study, findings, place, column, facts);
        }
    }
}

fn stray_space(study: &Study<'_>, findings: &mut Findings, place: usize) {
    let names = &study.context.names;
    let is_prose = study.facts[place].role == Role::Text;
    let around = study.values(place, |_, value| value.trim() != value);
    let trimmed = format!(
        "pg_catalog.regexp_replace({}, '^[[:space:]]+|[[:space:]]+$', '', 'g')",
        names.text(place)
    );
    findings.values(
        study,
        place,
        ("stray_space", Severity::Warning),
        &around,
        names.update_by(place, &trimmed),
    );
    let inside = study.values(place, |_, value| value.trim().contains("  "));
    let folded = format!("pg_catalog.regexp_replace({}, ' {{2,}}', ' ', 'g')", names.text(place));
    let severity = if is_prose { Severity::Info } else { Severity::Warning };
    findings.values(
        study,
        place,
        ("double_space", severity),
        &inside,
        names.update_by(place, &folded),
    );
}

/// Capitalisation of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Lower,
    Title,
    Other,
}

fn case_of(value: &str) -> Option<Case> {
    let letters: Vec<char> = value.chars().filter(|c| c.is_alphabetic()).collect();
    let has_case = letters.iter().filter(|c| c.is_uppercase() || c.is_lowercase()).count() >= 3;
    if !has_case {
        return None;
    }
    let all = |test: fn(char) -> bool| letters.iter().all(|c| test(*c));
    Some(if all(char::is_uppercase) {
        Case::Upper
    } else if all(char::is_lowercase) {
        Case::Lower
    } else if value.split([' ', '-', '.']).filter(|word| !word.is_empty()).all(is_title) {
        Case::Title
    } else {
        Case::Other
    })
}

fn is_title(word: &str) -> bool {
    word.chars().find(|c| c.is_alphabetic()).is_none_or(char::is_uppercase)
}

/// Values all in capitals or all in small letters among values that are not.
fn casing(study: &Study<'_>, findings: &mut Findings, place: usize) {
    const MINORITY_MAX: f64 = 0.1;
    const MAJORITY_MIN: f64 = 0.85;
    let (column, facts) = (&study.table.columns[place], &study.facts[place]);
    let share = |case: Case| facts.share(column, |_, value| case_of(value) == Some(case));
    let main = [Case::Title, Case::Lower, Case::Upper]
        .into_iter()
        .find(|case| share(*case) >= MAJORITY_MIN);
    let Some(main) = main else { return };
    let is_odd =
        |value: &str| matches!(case_of(value), Some(case) if case != main && case != Case::Other);
    // Among labels there are abbreviations, and frequent ones are written as they should be.
    let letters = |value: &str| value.chars().filter(|c| c.is_alphabetic()).count();
    let may_be_odd = |number: u32, value: &str| {
        let is_rare = column.counts[number as usize] * 100 < facts.there;
        facts.role != Role::Label || is_rare && letters(value) >= 5
    };
    let odd = study.values(place, |number, value| is_odd(value) && may_be_odd(number, value));
    let rows = study.rows_of(place, &odd) as f64;
    if rows <= MINORITY_MAX * facts.there as f64 {
        let names = &study.context.names;
        let function = match main {
            Case::Upper => "pg_catalog.upper",
            Case::Lower => "pg_catalog.lower",
            Case::Title | Case::Other => "pg_catalog.initcap",
        };
        let mend = names.update_by(place, &format!("{function}({})", names.text(place)));
        // Names of firms and people of one word may well be all capitals.
        let severity = if facts.role == Role::Email { Severity::Info } else { Severity::Warning };
        let mend = if facts.role == Role::Name { None } else { mend };
        findings.values(study, place, ("casing", severity), &odd, mend);
    }
}

/// Many values of exactly the greatest length: the rest was cut off.
fn truncated(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    const LENGTH_MIN: usize = 20;
    const ROWS_MIN: usize = 10;
    if column.is_cut || facts.has_labels() {
        return;
    }
    let lengths: Vec<usize> = column.values().map(|value| value.chars().count()).collect();
    let Some(&most) = lengths.iter().max() else { return };
    let at = |length: usize| lengths.iter().filter(|other| **other == length).count();
    let below: usize = (1..=10).map(|less| at(most.saturating_sub(less))).sum();
    if most < LENGTH_MIN || at(most) < ROWS_MIN || at(most) * 2 < below || at(most) == lengths.len()
    {
        return;
    }
    let cut = study.values(place, |number, _| lengths[number as usize] == most);
    findings.values(study, place, ("truncated", Severity::Info), &cut, None);
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn space_and_capitals_are_found() {
        let cities = ["Berlin", "Paris", "Rome", "Oslo", "Lima"];
        let sheet = Sheet::new("city").rows(200, |row| {
            vec![match row {
                10 => " Berlin".into(),
                20 => "PARIS".into(),
                30 => "Los  Angeles".into(),
                _ => cities[row % 5].into(),
            }]
        });
        let codes = sheet.codes(&found(&sheet), "city");
        for code in ["stray_space", "casing", "double_space"] {
            assert!(codes.contains(&code), "{code} in {codes:?}");
        }
    }
}
