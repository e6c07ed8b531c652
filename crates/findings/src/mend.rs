//! SQL that mends what was found. Every name in it has its schema, so that it means the same under
//! every search path.

/// Names in SQL.
#[derive(Debug, Clone)]
pub struct Names {
    /// The table, quoted, with its schema.
    pub table: String,
    /// The schema, quoted.
    pub schema: String,
    /// The table's name, not quoted.
    pub name: String,
    /// The schema of the functions `crm_*`, quoted.
    pub functions: String,
    /// Names of its columns, not quoted.
    pub columns: Vec<String>,
    /// True if each column holds characters.
    pub is_text: Vec<bool>,
    /// True if each column is of one of the server's own types. Whoever owns another type decides
    /// what its operators and casts do, so nothing is written for its columns.
    pub is_builtin: Vec<bool>,
    /// True if rows can be changed in it and constraints added: it is a table.
    pub is_table: bool,
}

/// A name in SQL.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A regular expression's match.
const MATCHES: &str = "OPERATOR(pg_catalog.~)";

impl Names {
    /// A column, quoted.
    pub fn column(&self, place: usize) -> String {
        identifier(&self.columns[place])
    }

    /// A column as text.
    pub fn text(&self, place: usize) -> String {
        format!("{}::pg_catalog.text", self.column(place))
    }

    /// A column as a number; NULL where text holds none.
    pub fn number(&self, place: usize) -> String {
        let column = self.column(place);
        if !self.is_text[place] {
            return format!("{column}::pg_catalog.numeric");
        }
        format!(
            "CASE WHEN {column}::pg_catalog.text {MATCHES} '^\\s*[-+]?[0-9]+([.][0-9]+)?\\s*$' \
             THEN {column}::pg_catalog.text::pg_catalog.numeric END"
        )
        .replace("'^\\s*", "'^[[:space:]]*")
        .replace("\\s*$'", "[[:space:]]*$'")
    }

    /// `UPDATE … SET column = value WHERE condition`; only text columns of tables are changed.
    pub fn update(&self, place: usize, value: &str, condition: &str) -> Option<String> {
        (self.is_table && self.is_text[place]).then(|| {
            let column = self.column(place);
            format!("UPDATE {} SET {column} = {value} WHERE {condition};", self.table)
        })
    }

    /// `UPDATE` that changes whatever a function makes another value of.
    pub fn update_by(&self, place: usize, value: &str) -> Option<String> {
        let text = self.text(place);
        self.update(place, value, &format!("{text} OPERATOR(pg_catalog.<>) {value}"))
    }

    /// `UPDATE` that puts one value in the place of others.
    pub fn replace(&self, place: usize, pairs: &[(String, String)]) -> Option<String> {
        const PAIRS_MAX: usize = 50;
        if pairs.is_empty() || pairs.len() > PAIRS_MAX {
            return None;
        }
        let text = self.text(place);
        let whens: Vec<String> = pairs
            .iter()
            .map(|(from, to)| format!("WHEN {} THEN {}", literal(from), literal(to)))
            .collect();
        let olds: Vec<String> = pairs.iter().map(|pair| literal(&pair.0)).collect();
        // CASE … WHEN compares by the operator of the search path, so the search is written out.
        let whens = whens
            .iter()
            .map(|when| when.replacen("WHEN ", &format!("WHEN {text} OPERATOR(pg_catalog.=) "), 1))
            .collect::<Vec<_>>();
        self.update(
            place,
            &format!("CASE {} END", whens.join(" ")),
            &format!(
                "{text} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]::pg_catalog.text[])",
                olds.join(", ")
            ),
        )
    }

    /// A constraint that is not checked for the rows that are there.
    pub fn check(&self, condition: &str) -> Option<String> {
        self.is_table
            .then(|| format!("ALTER TABLE {} ADD CHECK ({condition}) NOT VALID;", self.table))
    }

    /// `NOT NULL` as a constraint that is not checked for the rows that are there.
    pub fn not_null(&self, place: usize) -> Option<String> {
        self.check(&format!("{} IS NOT NULL", self.column(place)))
    }

    /// The condition that a number lies between two.
    pub fn between(&self, place: usize, least: Option<f64>, most: Option<f64>) -> String {
        let number = self.number(place);
        let bound =
            |sign: &str, bound: f64| format!("{number} OPERATOR(pg_catalog.{sign}) {bound}");
        let bounds: Vec<String> =
            [least.map(|least| bound(">=", least)), most.map(|most| bound("<=", most))]
                .into_iter()
                .flatten()
                .collect();
        bounds.join(" AND ")
    }

    /// The condition that a text is of a form.
    pub fn matches(&self, place: usize, pattern: &str) -> String {
        format!("{} {MATCHES} {}", self.text(place), literal(pattern))
    }

    /// A cleaning of one column into a new table.
    pub fn clean(&self, place: usize, kind: &str) -> Option<String> {
        self.clean_columns(&[(place, kind.to_owned())])
    }

    /// A cleaning of columns into a new table beside the source.
    pub fn clean_columns(&self, kinds: &[(usize, String)]) -> Option<String> {
        let pairs: Vec<String> = kinds
            .iter()
            .map(|(place, kind)| format!("{}: {}", json(&self.columns[*place]), json(kind)))
            .collect();
        let target = self.beside("_clean");
        Some(format!(
            "SELECT * FROM crm_ai.clean_table({}::pg_catalog.regclass, {}, \
             columns => {}::pg_catalog.jsonb);",
            literal(&self.table),
            literal(&target),
            literal(&format!("{{{}}}", pairs.join(", ")))
        ))
    }

    /// The name of another table beside the source.
    pub fn beside(&self, ending: &str) -> String {
        let name = &self.name;
        let room = NAME_BYTES_MAX - ending.len();
        let end = (0..=room.min(name.len())).rev().find(|&end| name.is_char_boundary(end));
        format!("{}.{}", self.schema, identifier(&format!("{}{ending}", &name[..end.unwrap_or(0)])))
    }
}

/// Longest name that the server has, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// A text as JSON writes it.
pub fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            table: "\"s\".\"a\"\"b\"".to_owned(),
            schema: "\"s\"".to_owned(),
            name: "a\"b".to_owned(),
            functions: "\"public\"".to_owned(),
            columns: vec!["x\"y".to_owned(), "n".to_owned()],
            is_text: vec![true, false],
            is_builtin: vec![true, true],
            is_table: true,
        }
    }

    #[test]
    fn names_stay_inside_their_quotes() {
        let names = names();
        assert_eq!(names.column(0), "\"x\"\"y\"");
        assert_eq!(names.beside("_clean"), "\"s\".\"a\"\"b_clean\"");
        assert_eq!(json("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
        assert!(
            names.clean(0, "email").is_some_and(|sql| sql.contains("{\"x\\\\\"y\": \"email\"}"))
        );
    }

    #[test]
    fn only_text_is_updated() {
        let names = names();
        assert_eq!(names.update(1, "1", "true"), None);
        assert!(names.update(0, "NULL", "true").is_some());
        assert_eq!(
            names.between(1, Some(0.0), None),
            "\"n\"::pg_catalog.numeric OPERATOR(pg_catalog.>=) 0"
        );
    }
}
