//! A table with what is known of its columns: what detectors look at.

use crate::facts::Facts;
use crate::finding::{Finding, Findings};
use crate::mend::Names;
use crate::table::{Column, SqlType, Table};
use crm_ai_clean::phone::Region;

/// Settings by the host besides the rows.
pub struct Context<'c> {
    /// The present day, counted from 1970-01-01.
    pub today: f64,
    /// Region of phones without a country code.
    pub region: Region,
    /// Names of the table and the extension's functions in SQL.
    pub names: Names,
    /// Called all along; it may give the work up by unwinding.
    pub pause: &'c dyn Fn(),
}

/// A table and what is known of it.
pub struct Study<'s> {
    /// The rows.
    pub table: &'s Table,
    /// Facts of each column.
    pub facts: Vec<Facts>,
    /// Settings by the host.
    pub context: &'s Context<'s>,
}

impl<'s> Study<'s> {
    fn new(table: &'s Table, context: &'s Context<'s>) -> Self {
        let facts = table
            .columns
            .iter()
            .map(|column| Facts::of(column, context.region, context.pause))
            .collect();
        Self { table, facts, context }
    }

    /// Each column with its place and what is known of it.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &'s Column, &Facts)> {
        let columns = self.table.columns.iter().zip(&self.facts).enumerate();
        columns.map(|(place, (column, facts))| (place, column, facts))
    }

    /// True if a column holds characters.
    pub fn is_text(&self, place: usize) -> bool {
        self.table.columns[place].head.sql_type == SqlType::Text
    }

    /// Numbers of the values that are there and for which `test` holds.
    pub fn values(&self, place: usize, test: impl Fn(u32, &str) -> bool) -> Vec<u32> {
        let (column, facts) = (&self.table.columns[place], &self.facts[place]);
        let is_there =
            |number: u32| !facts.absent[number as usize] && column.counts[number as usize] > 0;
        column
            .values()
            .zip(0..)
            .filter(|(value, number)| {
                (self.context.pause)();
                is_there(*number) && test(*number, value)
            })
            .map(|(_, number)| number)
            .collect()
    }

    /// Rows that hold one of these values.
    pub fn rows_of(&self, place: usize, numbers: &[u32]) -> u64 {
        numbers.iter().map(|number| self.table.columns[place].counts[*number as usize]).sum()
    }
}

/// Findings of a table: the worst first, then by column.
pub fn find(table: &Table, context: &Context<'_>) -> Vec<Finding> {
    examine(table, context).1
}

/// Facts and findings of a table.
pub fn examine<'s>(table: &'s Table, context: &'s Context<'s>) -> (Study<'s>, Vec<Finding>) {
    let study = Study::new(table, context);
    let mut findings = Findings::new(table);
    if table.rows() > 0 {
        for detect in crate::detect::ALL {
            (context.pause)();
            detect(&study, &mut findings);
        }
    }
    let mut list = findings.list;
    for finding in &mut list {
        if finding.columns.iter().any(|place| !context.names.is_builtin[*place]) {
            finding.mend = None;
        }
    }
    list.sort_by(|left, right| {
        let rank = |finding: &Finding| (finding.severity, finding.columns.first().copied());
        rank(left).cmp(&rank(right)).then(left.code.cmp(right.code))
    });
    (study, list)
}
