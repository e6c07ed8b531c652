//! Equal values in columns whose values tell rows apart, and rows that are equal as a whole.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::{Column, NULL};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Fewer values say nothing about being different.
const ROWS_MIN: u64 = 20;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if facts.there < ROWS_MIN || column.head.is_unique || column.is_cut {
            continue;
        }
        let Some((code, severity)) = what_of(place, column, facts) else { continue };
        let double = study.values(place, |number, _| column.counts[number as usize] > 1);
        let is_chance = place > 0 && double.len() as f64 <= 3.0 * by_chance(column, facts).max(0.5);
        let severity = if is_chance { Severity::Info } else { severity };
        let names = &study.context.names;
        let mend = names
            .is_table
            .then(|| format!("CREATE UNIQUE INDEX ON {} ({});", names.table, names.column(place)));
        let mend = mend.map(|index| format!("-- once no value comes twice:\n{index}"));
        note(study, findings, place, (code, severity), &double, mend);
    }
    whole_rows(study, findings);
}

/// Notes the rows whose value came before; the first of each stays.
fn note(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    what: (&'static str, Severity),
    double: &[u32],
    mend: Option<String>,
) {
    let column = &study.table.columns[place];
    let mut is_wanted = vec![false; column.distinct()];
    double.iter().for_each(|number| is_wanted[*number as usize] = true);
    let mut is_seen = vec![false; column.distinct()];
    let mut rows = Vec::new();
    for (row, number) in column.cells.iter().enumerate().filter(|(_, number)| **number != NULL) {
        let number = *number as usize;
        if is_wanted[number] && std::mem::replace(&mut is_seen[number], true) {
            rows.push(row);
        }
    }
    findings.rows(&[place], what, &rows, mend);
}

/// Expected number of values that come twice where codes of the column's form are drawn at random.
fn by_chance(column: &Column, facts: &Facts) -> f64 {
    if !matches!(facts.role, Role::Code | Role::Number) {
        return 0.0;
    }
    // By place: the characters that stand there.
    const CHARS_MAX: usize = 40;
    let mut places: Vec<u64> = Vec::new();
    for value in column.values().take(5000).map(str::trim).filter(|value| value.is_ascii()) {
        for (place, byte) in value.bytes().take(CHARS_MAX).enumerate() {
            if places.len() == place {
                places.push(0);
            }
            places[place] |= 1 << (byte.to_ascii_lowercase() % 64);
        }
    }
    // A check digit leaves a tenth of the codes.
    let codes: f64 =
        0.1 * places.iter().map(|seen| f64::from(seen.count_ones().max(1))).product::<f64>();
    let rows = facts.there as f64;
    rows * rows / (2.0 * codes.max(1.0))
}

/// Code of repeated values in this column; none where values may repeat.
fn what_of(place: usize, column: &Column, facts: &Facts) -> Option<(&'static str, Severity)> {
    let share = facts.distinct as f64 / facts.there as f64;
    if share >= 1.0 {
        return None;
    }
    // What only some rows have tells no rows apart.
    let is_full = facts.there * 10 >= column.cells.len() as u64 * 9;
    let is_key = facts.title.is_identifier() && is_full;
    let is_first = place == 0 || column.head.name.eq_ignore_ascii_case("id");
    let is_personal =
        facts.role == Role::Email || facts.title.has("ssn passport username login iban");
    let is_measure =
        matches!(facts.role, Role::Number | Role::Date | Role::Boolean | Role::Name | Role::Text);
    if is_key && is_first && share >= 0.8 {
        Some(("duplicate_key", Severity::Error))
    } else if is_personal && share >= 0.9 {
        Some(("duplicate_value", Severity::Warning))
    } else if is_key && share >= 0.99 {
        Some(("duplicate_key", Severity::Warning))
    } else if is_key && share >= 0.95 {
        Some(("duplicate_key", Severity::Info))
    } else if facts.role == Role::Phone && share >= 0.95 || !is_measure && share >= 0.99 {
        Some(("duplicate_value", Severity::Info))
    } else {
        None
    }
}

fn whole_rows(study: &Study<'_>, findings: &mut Findings) {
    if study.table.columns.len() < 2
        || study.table.columns.iter().any(|column| column.head.is_unique)
    {
        return;
    }
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let mut rows = Vec::new();
    for row in 0..study.table.rows() {
        if row.is_multiple_of(1024) {
            (study.context.pause)();
        }
        let mut hasher = DefaultHasher::new();
        study.table.columns.iter().for_each(|column| column.cells[row].hash(&mut hasher));
        let first = *seen.entry(hasher.finish()).or_insert(row);
        let is_equal = |column: &Column| column.cells[row] == column.cells[first];
        if first != row && study.table.columns.iter().all(is_equal) {
            rows.push(row);
        }
    }
    // Where rows of few labels repeat all the time, that says nothing.
    if rows.len() * 5 > study.table.rows() {
        return;
    }
    let names = &study.context.names;
    let target = names.beside("_distinct");
    let mend = format!(
        "SELECT * FROM crm_ai.clean_table({}::pg_catalog.regclass, {}, \
         columns => '{{}}'::pg_catalog.jsonb, \
         distinct_on => '{{*}}'::pg_catalog.text[]);",
        crate::mend::literal(&names.table),
        crate::mend::literal(&target)
    );
    findings.rows(&[], ("duplicate_row", Severity::Warning), &rows, Some(mend));
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn keys_that_come_twice_are_found() {
        let sheet = Sheet::new("customer_id,email,city_id").rows(200, |row| {
            let id = if row == 100 { 99 } else { row };
            vec![
                id.to_string(),
                format!("a{}@example.com", if row == 50 { 1 } else { row }),
                (row % 20).to_string(),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "customer_id").contains(&"duplicate_key"));
        assert!(sheet.codes(&findings, "email").contains(&"duplicate_value"));
        assert!(sheet.codes(&findings, "city_id").is_empty());
        let key = findings.iter().find(|finding| finding.code == "duplicate_key");
        assert_eq!(key.map(|finding| finding.examples.clone()), Some(vec![100]));
    }

    #[test]
    fn equal_rows_are_found() {
        let sheet = Sheet::new("a,b").rows(100, |row| {
            let row = if row == 60 { 3 } else { row };
            vec![format!("word{row}"), format!("other{}", row * 7)]
        });
        assert!(
            found(&sheet)
                .iter()
                .any(|finding| finding.code == "duplicate_row" && finding.rows == 1)
        );
    }
}
