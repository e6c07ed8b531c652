//! Pieces of SQL that mean the same under every search path.

use crate::pg::types::Base;

/// Equality that no caller's schema can stand in for.
pub const EQ: &str = "OPERATOR(pg_catalog.=)";

/// A name in SQL, always quoted.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name with its schema.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A text in SQL, where the grammar takes no cast: as a trigger's argument.
pub fn plain_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A text in SQL, whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    format!("{}::pg_catalog.text", plain_literal(text))
}

/// An array of texts in SQL; `None` is NULL.
pub fn text_array<T: AsRef<str>>(texts: impl IntoIterator<Item = Option<T>>) -> String {
    let items: Vec<String> = texts
        .into_iter()
        .map(|text| text.map_or_else(|| "NULL".to_owned(), |text| literal(text.as_ref())))
        .collect();
    array(&items)
}

/// An expression of a type as text: by the type's output function, for whoever owns a type can make
/// a cast of it to text that runs code of theirs. Only for the server's own types, whose casts
/// nobody can make, the cast is written: it leaves out the padding of `char(n)`, for example.
/// The collation is said, as values of several columns come together.
pub fn as_text(value: &str, base: Base) -> String {
    const COLLATION: &str = "COLLATE pg_catalog.\"default\"";
    if base.is_builtin() {
        format!("{value}::pg_catalog.text {COLLATION}")
    } else {
        // concat gives '' for NULL.
        format!(
            "CASE WHEN {value} IS DISTINCT FROM NULL THEN pg_catalog.concat({value}) END
                 {COLLATION}"
        )
    }
}

/// A text as a sample has it: of a long one the beginning, so that a sample's size has a bound.
pub fn sampled(text: &str) -> String {
    const BYTES_MAX: usize = 16 << 10;
    const CHARS: usize = 4096;
    format!(
        "CASE WHEN pg_catalog.octet_length({text}) OPERATOR(pg_catalog.>) {BYTES_MAX}
         THEN pg_catalog.\"left\"({text}, {CHARS}) ELSE {text} END"
    )
}

/// Most characters of a value that a report shows.
pub const SHOWN_CHARS_MAX: usize = 1000;

/// A text as a report shows it.
pub fn shortened(text: &str) -> String {
    format!(
        "CASE WHEN pg_catalog.length({text}) OPERATOR(pg_catalog.>) {SHOWN_CHARS_MAX}
         THEN pg_catalog.concat(pg_catalog.\"left\"({text}, {SHOWN_CHARS_MAX}), '…')
         ELSE {text} END"
    )
}

/// An array of expressions that give text.
pub fn array(items: &[String]) -> String {
    format!("ARRAY[{}]::pg_catalog.text[]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_stay_inside_their_quotes() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(qualified("S", "t"), "\"S\".\"t\"");
        assert_eq!(literal("it's"), "'it''s'::pg_catalog.text");
        assert_eq!(literal("\\'"), "E'\\\\'''::pg_catalog.text");
        assert_eq!(
            text_array([Some("a"), None]),
            "ARRAY['a'::pg_catalog.text, NULL]::pg_catalog.text[]"
        );
    }
}
