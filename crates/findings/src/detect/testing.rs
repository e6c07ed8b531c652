//! Small tables for the detectors' tests.

use crate::finding::Finding;
use crate::mend::Names;
use crate::study::{Context, find};
use crate::table::{Head, SqlType, Table};
use crm_ai_clean::phone::Region;

/// Rows of text; an empty field is NULL.
pub struct Sheet {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Columns by names with commas between.
    pub fn new(heads: &str) -> Self {
        Self { heads: heads.split(',').map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Adds rows.
    pub fn rows(mut self, count: usize, row: impl Fn(usize) -> Vec<String>) -> Self {
        self.rows.extend((0..count).map(row));
        self
    }

    /// The codes found for a column, each once, in alphabetical order.
    pub fn codes(&self, findings: &[Finding], column: &str) -> Vec<&'static str> {
        let place = self.heads.iter().position(|head| head == column);
        let is_it =
            |finding: &&Finding| place.is_some_and(|place| finding.columns.contains(&place));
        let mut codes: Vec<_> = findings.iter().filter(is_it).map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Findings of a sheet.
pub fn found(sheet: &Sheet) -> Vec<Finding> {
    in_context(sheet, find)
}

/// Constraints for a sheet.
pub fn suggested(sheet: &Sheet) -> String {
    in_context(sheet, crate::checks::suggest_checks)
}

/// Result of `work` on a sheet, on 2026-12-01.
fn in_context<T>(sheet: &Sheet, work: impl FnOnce(&Table, &Context<'_>) -> T) -> T {
    let head = |name: &String| Head {
        name: name.clone(),
        sql_type: SqlType::Text,
        is_unique: false,
        is_not_null: false,
    };
    let mut table = Table::new(sheet.heads.iter().map(head).collect(), 64 << 20);
    for (place, row) in sheet.rows.iter().enumerate() {
        let values = row.iter().map(|value| (!value.is_empty()).then_some(value.as_str()));
        table.add(place as u64, values);
    }
    let names = Names {
        table: "\"public\".\"t\"".to_owned(),
        schema: "\"public\"".to_owned(),
        name: "t".to_owned(),
        functions: "\"public\"".to_owned(),
        columns: sheet.heads.clone(),
        is_text: vec![true; sheet.heads.len()],
        is_builtin: vec![true; sheet.heads.len()],
        is_table: true,
    };
    let region = "US".parse().unwrap_or(Region::NONE);
    work(&table, &Context { today: 20_788.0, region, names, pause: &|| {} })
}

/// A seeded stream of numbers from 0 to 1.
pub fn random(seed: u64) -> impl Fn(usize) -> f64 {
    move |index| {
        let mut state = seed ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
