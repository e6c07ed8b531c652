//! Values that stand for none: words, numbers and days that people and programs put where a field
//! may not be empty.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::read;
use crate::study::Study;
use crate::table::Column;

const WHAT: (&str, Severity) = ("placeholder", Severity::Warning);

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for place in 0..study.table.columns.len() {
        let mut numbers = written(study, place);
        numbers.extend(match study.facts[place].role {
            Role::Number => numeric(study, place),
            Role::Date => days(study, place),
            Role::Email => study.values(place, |_, value| is_nobody(value)),
            Role::Phone => study.values(place, |_, value| is_no_phone(value)),
            Role::Name => study.values(place, |_, value| is_test(value)),
            _ => Vec::new(),
        });
        if numbers.is_empty() {
            continue;
        }
        let column = &study.table.columns[place];
        let values: Vec<&str> = numbers.iter().map(|number| column.value(*number)).collect();
        let mend = to_null(study, place, &values);
        findings.values(study, place, WHAT, &numbers, mend);
    }
}

fn to_null(study: &Study<'_>, place: usize, values: &[&str]) -> Option<String> {
    const VALUES_MAX: usize = 20;
    let names = &study.context.names;
    let list: Vec<String> =
        values.iter().take(VALUES_MAX).map(|value| crate::mend::literal(value)).collect();
    let condition = format!(
        "{} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
        names.text(place),
        list.join(", ")
    );
    names.update(place, "NULL", &condition)
}

/// Words for nothing, which the column's facts have told from values already.
fn written(study: &Study<'_>, place: usize) -> Vec<u32> {
    let (column, facts) = (&study.table.columns[place], &study.facts[place]);
    if facts.placeholders == 0 || facts.role == Role::Empty {
        return Vec::new();
    }
    let is_word = |number: &u32| {
        let number = *number as usize;
        facts.absent[number] && !column.value(number as u32).trim().is_empty()
    };
    (0..column.distinct() as u32).filter(is_word).collect()
}

/// Figures such as 999 or -1 that stand apart from all other values of their column.
fn numeric(study: &Study<'_>, place: usize) -> Vec<u32> {
    let (column, facts) = (&study.table.columns[place], &study.facts[place]);
    let candidates = study.values(place, |number, _| is_filler(facts.numbers[number as usize]));
    let is_rest = |number: u32| !candidates.contains(&number);
    let Some((least, most)) = bounds(column, &facts.numbers, is_rest) else { return Vec::new() };
    let span = (most - least).max(1.0);
    candidates
        .into_iter()
        .filter(|&number| {
            let value = facts.numbers[number as usize];
            let gap = if value < least { least - value } else { value - most };
            let is_apart = gap > span * 0.5 || value < 0.0 && least >= 0.0;
            column.counts[number as usize] >= 2 && is_apart
        })
        .collect()
}

/// Nines in a row, or -1.
fn is_filler(value: f64) -> bool {
    let digits = value.abs();
    value == -1.0
        || [99.0, 999.0, 9999.0, 99_999.0, 999_999.0, 9_999_999.0, 99_999_999.0, 999.99, 9999.99]
            .contains(&digits)
}

fn bounds(column: &Column, measures: &[f64], is_rest: impl Fn(u32) -> bool) -> Option<(f64, f64)> {
    let rest = (0..column.distinct() as u32)
        .filter(|number| is_rest(*number) && column.counts[*number as usize] > 0)
        .map(|number| measures[number as usize])
        .filter(|value| !value.is_nan());
    rest.fold(None, |bounds, value| match bounds {
        None => Some((value, value)),
        Some((least, most)) => Some((value.min(least), value.max(most))),
    })
}

/// The first and last days of calendars and systems, where no other value is near.
fn days(study: &Study<'_>, place: usize) -> Vec<u32> {
    const NEAR: f64 = 200.0;
    let (column, facts) = (&study.table.columns[place], &study.facts[place]);
    let fillers: Vec<f64> = [
        (1, 1, 1),
        (1753, 1, 1),
        (1899, 12, 30),
        (1899, 12, 31),
        (1900, 1, 1),
        (1900, 1, 2),
        (1901, 1, 1),
        (1970, 1, 1),
        (1980, 1, 1),
        (2000, 1, 1),
        (2038, 1, 19),
        (2099, 12, 31),
        (9999, 12, 31),
    ]
    .map(|(year, month, day)| read::day_number(year, month, day))
    .to_vec();
    let day = |number: u32| facts.days[number as usize].floor();
    let candidates = study.values(place, |number, _| fillers.contains(&day(number)));
    candidates
        .iter()
        .copied()
        .filter(|&number| {
            let here = day(number);
            let is_near = |other: &f64| (other - here).abs() < NEAR && other.floor() != here;
            let near: u64 = facts
                .days
                .iter()
                .zip(&column.counts)
                .filter(|pair| is_near(pair.0))
                .map(|pair| pair.1)
                .sum();
            let count = column.counts[number as usize];
            count >= 2
                && (near * 2 < count || is_frequent(column, facts.there, count, facts.distinct))
        })
        .collect()
}

/// True if a value comes far more often than values of its column do.
fn is_frequent(column: &Column, there: u64, count: u64, distinct: usize) -> bool {
    let usual = there / (distinct as u64).max(1);
    let most_of_others =
        column.counts.iter().copied().filter(|other| *other < count).max().unwrap_or(0);
    count > 20 * usual.max(1) && count > 5 * most_of_others
}

fn is_nobody(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let Some((local, domain)) = value.split_once('@') else { return false };
    let nobody = [
        "test", "none", "noemail", "no", "na", "n/a", "asdf", "xxx", "null", "unknown", "fake",
        "nobody", "aaa", "abc",
    ];
    let nowhere = [
        "test.com",
        "none.com",
        "no.com",
        "noemail.com",
        "email.com",
        "asdf.com",
        "xxx.com",
        "fake.com",
    ];
    nobody.contains(&local) || nowhere.contains(&domain) && local.starts_with(&domain[..2])
}

fn is_no_phone(value: &str) -> bool {
    let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).collect();
    let is_same = digits.windows(2).all(|pair| pair[0] == pair[1]);
    let last = &digits[digits.len().saturating_sub(10)..];
    digits.len() >= 7 && (is_same || last == b"1234567890" || last == b"5555555555")
}

fn is_test(value: &str) -> bool {
    let words = [
        "test",
        "test test",
        "test user",
        "asdf",
        "asdfasdf",
        "qwerty",
        "xxx",
        "xxxx",
        "zzz",
        "dummy",
        "foo",
        "bar",
        "foobar",
        "lorem ipsum",
        "do not use",
        "deleted",
        "fake",
        "aaa",
        "abc",
    ];
    words.contains(&value.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn fillers_are_found_where_they_stand_apart() {
        let sheet = Sheet::new("age,born,email").rows(200, |row| {
            let age = if row % 40 == 3 { 999 } else { 20 + row % 60 };
            let born = if row % 50 == 4 {
                "1900-01-01".into()
            } else {
                format!("19{}-03-0{}", 60 + row % 30, 1 + row % 9)
            };
            let email = if row == 5 { "N/A".into() } else { format!("u{row}@example.org") };
            vec![age.to_string(), born, email]
        });
        let findings = found(&sheet);
        for column in ["age", "born", "email"] {
            assert!(sheet.codes(&findings, column).contains(&"placeholder"), "{column}");
        }
    }

    #[test]
    fn nines_among_numbers_of_their_size_are_numbers() {
        let sheet = Sheet::new("score").rows(3000, |row| vec![(row % 1200).to_string()]);
        assert!(!sheet.codes(&found(&sheet), "score").contains(&"placeholder"));
    }
}
