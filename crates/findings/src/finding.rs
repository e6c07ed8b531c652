//! Findings.

use crate::study::Study;
use crate::table::{Column, NULL, Table};

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Wrong beyond doubt.
    Error,
    /// Very likely wrong.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Most rows that a finding names.
const EXAMPLES_MAX: usize = 5;

/// Something that ails a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The columns by their place, first the one that holds the suspect value; none for whole rows.
    pub columns: Vec<usize>,
    /// Code.
    pub code: &'static str,
    /// Severity.
    pub severity: Severity,
    /// Rows that it was found in.
    pub rows: u64,
    /// The first of these, as places in the table.
    pub examples: Vec<usize>,
    /// SQL that mends it or keeps it from coming again.
    pub mend: Option<String>,
}

/// Findings so far.
#[derive(Debug)]
pub struct Findings {
    /// All of it.
    pub list: Vec<Finding>,
    /// By column and value: whether the value is suspect by itself. Rules between columns leave
    /// such values out, as they would be told twice.
    suspects: Vec<Vec<bool>>,
}

impl Findings {
    /// Nothing yet.
    pub fn new(table: &Table) -> Self {
        let suspects = table.columns.iter().map(|column| vec![false; column.distinct()]).collect();
        Self { list: Vec::new(), suspects }
    }

    /// True if a value was found suspect by itself.
    pub fn is_suspect(&self, column: usize, number: u32) -> bool {
        number != NULL && self.suspects[column][number as usize]
    }

    /// Notes values of a column by their numbers; nothing where there are none. Gives the rows.
    pub fn values(
        &mut self,
        study: &Study<'_>,
        column: usize,
        what: (&'static str, Severity),
        numbers: &[u32],
        mend: Option<String>,
    ) -> u64 {
        let found = &study.table.columns[column];
        let rows: u64 = numbers.iter().map(|number| found.counts[*number as usize]).sum();
        if rows == 0 {
            return 0;
        }
        let mut wanted = vec![false; found.distinct()];
        for number in numbers {
            wanted[*number as usize] = true;
        }
        let examples = first_rows(found, |number| number != NULL && wanted[number as usize]);
        if what.1 != Severity::Info {
            self.suspect(column, numbers);
        }
        let columns = vec![column];
        self.list.push(Finding { columns, code: what.0, severity: what.1, rows, examples, mend });
        rows
    }

    /// Has rules between columns leave values out.
    pub fn suspect(&mut self, column: usize, numbers: &[u32]) {
        for number in numbers {
            self.suspects[column][*number as usize] = true;
        }
    }

    /// Notes rows, in their order; nothing where there are none.
    pub fn rows(
        &mut self,
        columns: &[usize],
        what: (&'static str, Severity),
        rows: &[usize],
        mend: Option<String>,
    ) {
        if rows.is_empty() {
            return;
        }
        self.list.push(Finding {
            columns: columns.to_vec(),
            code: what.0,
            severity: what.1,
            rows: rows.len() as u64,
            examples: rows.iter().copied().take(EXAMPLES_MAX).collect(),
            mend,
        });
    }

    /// Notes something about a column as a whole.
    pub fn column(
        &mut self,
        column: usize,
        what: (&'static str, Severity),
        rows: u64,
        mend: Option<String>,
    ) {
        self.list.push(Finding {
            columns: vec![column],
            code: what.0,
            severity: what.1,
            rows,
            examples: Vec::new(),
            mend,
        });
    }
}

/// The first rows whose value is wanted.
pub fn first_rows(column: &Column, is_wanted: impl Fn(u32) -> bool) -> Vec<usize> {
    let rows = column.cells.iter().enumerate().filter(|(_, number)| is_wanted(**number));
    rows.map(|(row, _)| row).take(EXAMPLES_MAX).collect()
}
