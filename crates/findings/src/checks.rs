//! Constraints for a table as SQL: those that all its rows keep, those that nearly all keep, and a
//! cleaning of it.

use crate::detect::order;
use crate::facts::{Facts, Role};
use crate::mend::{Names, literal};
use crate::study::{Context, Study, examine};
use crate::table::{Column, SqlType, Table};
use crm_ai_clean::rows::Kind;

/// Fewer rows keep any constraint.
const ROWS_MIN: u64 = 20;

/// SQL that runs as it stands: `ALTER TABLE … ADD CHECK …` and a call of `crm_ai.clean_table`.
pub fn suggest_checks(table: &Table, context: &Context<'_>) -> String {
    let (study, findings) = examine(table, context);
    let names = &context.names;
    let mut lines =
        vec![format!("-- {} rows of {} were looked at.", table.rows(), commented(&names.table))];
    if table.rows() as u64 >= ROWS_MIN && names.is_table {
        // Rows that were not looked at may break what all others keep.
        let is_whole = table.read() == table.rows() as u64;
        let kept = kept(&study);
        if !kept.is_empty() {
            lines.push("-- Kept by all of them:".to_owned());
        }
        let ending = if is_whole { "" } else { " NOT VALID" };
        lines.extend(
            kept.iter()
                .map(|check| format!("ALTER TABLE {} ADD CHECK ({check}){ending};", names.table)),
        );
        for finding in &findings {
            let Some(mend) = finding.mend.as_ref().filter(|mend| mend.starts_with("ALTER TABLE"))
            else {
                continue;
            };
            lines.push(format!("-- Broken by {} rows ({}):", finding.rows, finding.code));
            lines.push(mend.clone());
        }
    }
    let kinds = kinds(&study);
    if let Some(clean) = names.clean_columns(&kinds).filter(|_| !kinds.is_empty()) {
        lines.push("-- Cleans into a new table:".to_owned());
        lines.push(clean);
    }
    lines.join("\n") + "\n"
}

/// A name inside a comment, which a line break would end.
fn commented(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// Conditions that all rows keep.
fn kept(study: &Study<'_>) -> Vec<String> {
    let single =
        study.columns().flat_map(|(place, column, facts)| of_column(study, place, column, facts));
    single.chain(order::kept(study)).collect()
}

fn of_column(study: &Study<'_>, place: usize, column: &Column, facts: &Facts) -> Vec<String> {
    let names = &study.context.names;
    if !names.is_builtin[place] || facts.there < ROWS_MIN {
        return Vec::new();
    }
    let mut conditions = Vec::new();
    if column.nulls == 0 && !column.head.is_not_null && !facts.title.is_optional() {
        conditions.push(format!("{} IS NOT NULL", names.column(place)));
    }
    if facts.role == Role::Number {
        conditions.extend(least(study, place, names));
    }
    if matches!(facts.role, Role::Label | Role::Name | Role::Code) {
        conditions.extend(one_of(place, column, facts, names));
    }
    conditions
}

/// `column >= 0` where no number is negative, and the column holds numbers alone.
fn least(study: &Study<'_>, place: usize, names: &Names) -> Option<String> {
    let facts = &study.facts[place];
    let negative = study.values(place, |number, _| facts.numbers[number as usize] < 0.0);
    let is_plain = !facts.title.has("latitude longitude balance temperature lat lon lng change");
    (negative.is_empty() && is_plain).then(|| names.between(place, Some(0.0), None))
}

/// `column = ANY (…)` where a few labels are all there is, each of them frequent.
fn one_of(place: usize, column: &Column, facts: &Facts, names: &Names) -> Option<String> {
    const LABELS_MAX: usize = 12;
    const EACH_MIN: u64 = 5;
    let is_closed = facts.distinct == facts.labels.len()
        && facts.labels.len() <= LABELS_MAX
        && facts.placeholders == 0
        && facts.missing == column.nulls
        && facts.labels.iter().all(|label| column.counts[*label as usize] >= EACH_MIN);
    let list = || {
        facts
            .labels
            .iter()
            .map(|label| literal(column.value(*label)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    (is_closed && !column.is_cut).then(|| {
        format!(
            "{} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
            names.text(place),
            list()
        )
    })
}

/// The kinds that columns are cleaned as.
fn kinds(study: &Study<'_>) -> Vec<(usize, String)> {
    study
        .columns()
        .filter(|(_, column, facts)| {
            column.head.sql_type == SqlType::Text
                && facts.kind != Kind::Keep
                && facts.role != Role::Empty
        })
        .map(|(place, _, facts)| (place, facts.kind.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, suggested};

    #[test]
    fn constraints_are_told_by_how_many_rows_keep_them() {
        let sheet = Sheet::new("id,age,state,email").rows(100, |row| {
            let age = if row == 7 { -4 } else { 20 + row as i32 % 50 };
            vec![
                row.to_string(),
                age.to_string(),
                ["new", "old"][row % 2].into(),
                format!("a{row}@example.com"),
            ]
        });
        let sql = suggested(&sheet);
        assert!(sql.contains("ADD CHECK (\"id\" IS NOT NULL);"), "{sql}");
        assert!(sql.contains("ARRAY['new', 'old']"), "{sql}");
        assert!(sql.contains("-- Broken by 1 rows (out_of_range):\n"), "{sql}");
        assert!(sql.contains("NOT VALID;") && sql.contains("crm_ai.clean_table("), "{sql}");
    }
}
