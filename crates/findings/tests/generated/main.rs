//! Generated tables: sound ones, in which nothing may be found, and the same with faults of each
//! kind put into them, each of which must be.

mod accounts;
mod clinic;
mod draw;
mod faults;
mod shop;

use crm_ai_clean::phone::Region;
use crm_ai_findings::{Context, Finding, Head, Names, Severity, SqlType, Table, find};

/// Columns by name, and rows of text; an empty field is NULL.
#[derive(Clone)]
pub struct Sheet {
    /// Names of the columns.
    pub heads: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// The place of a column.
    pub fn place(&self, head: &str) -> usize {
        self.heads.iter().position(|known| *known == head).unwrap_or(usize::MAX)
    }

    /// What ails it, on 2026-12-01.
    pub fn findings(&self) -> Vec<Finding> {
        let head = |name: &&str| Head {
            name: (*name).to_owned(),
            sql_type: SqlType::Text,
            is_unique: false,
            is_not_null: false,
        };
        let mut table = Table::new(self.heads.iter().map(head).collect(), 1 << 30);
        for row in &self.rows {
            let values = row.iter().map(|value| (!value.is_empty()).then_some(value.as_str()));
            table.add(0, values);
        }
        let names = Names {
            table: "\"public\".\"t\"".to_owned(),
            schema: "\"public\"".to_owned(),
            name: "t".to_owned(),
            functions: "\"public\"".to_owned(),
            columns: self.heads.iter().map(|head| (*head).to_owned()).collect(),
            is_text: vec![true; self.heads.len()],
            is_builtin: vec![true; self.heads.len()],
            is_table: true,
        };
        let region = "US".parse().unwrap_or(Region::NONE);
        find(&table, &Context { today: 20_788.0, region, names, pause: &|| {} })
    }
}

fn shown(sheet: &Sheet, finding: &Finding) -> String {
    let columns: Vec<&str> = finding.columns.iter().map(|place| sheet.heads[*place]).collect();
    let examples: Vec<String> = finding
        .examples
        .iter()
        .take(3)
        .map(|row| {
            let values = finding.columns.iter().map(|place| sheet.rows[*row][*place].as_str());
            values.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    format!("{} {columns:?}: {} rows, {examples:?}", finding.code, finding.rows)
}

fn assert_sound(sheet: &Sheet) {
    let told: Vec<String> = sheet
        .findings()
        .iter()
        .filter(|finding| finding.severity != Severity::Info)
        .map(|finding| shown(sheet, finding))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn nothing_is_found_in_a_sound_shop() {
    for seed in 0..6 {
        assert_sound(&shop::orders(seed, 4000));
    }
}

#[test]
fn nothing_is_found_in_a_sound_clinic() {
    for seed in 0..6 {
        assert_sound(&clinic::stays(seed, 4000));
    }
}

#[test]
fn nothing_is_found_in_sound_accounts() {
    for seed in 0..6 {
        assert_sound(&accounts::accounts(seed, 5000));
    }
}

#[test]
fn each_fault_is_found() {
    let (shop, clinic) = (shop::orders(77, 4000), clinic::stays(78, 4000));
    let mut missed = Vec::new();
    for fault in faults::all() {
        let mut sheet =
            if shop.heads.contains(&fault.column) { shop.clone() } else { clinic.clone() };
        fault.put_into(&mut sheet);
        let place = sheet.place(fault.column);
        let findings = sheet.findings();
        let is_found = findings
            .iter()
            .any(|finding| finding.code == fault.code && finding.columns.contains(&place));
        if !is_found {
            missed.push(format!("{} in {}", fault.code, fault.column));
        }
        // Other columns stay sound, but for those that a rule ties to this one.
        for finding in findings.iter().filter(|finding| {
            finding.severity != Severity::Info
                && !finding.columns.is_empty()
                && !finding.columns.contains(&place)
        }) {
            missed.push(format!(
                "{} in {}: also {}",
                fault.code,
                fault.column,
                shown(&sheet, finding)
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
