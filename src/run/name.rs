//! Relation names in texts.

/// The parts of a name such as `customer`, `sales.customer` or `"Sales"."Customer"`, folded as the
/// server folds them; `None` where the text is anything else.
pub fn relation_name(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = identifier(rest)?;
        parts.push(part);
        let after = after.trim_start();
        match after.strip_prefix('.') {
            Some(next) if parts.len() < 3 => rest = next.trim_start(),
            None if after.is_empty() => return Some(parts),
            _ => return None,
        }
    }
}

/// The identifier that a text begins with, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let end = rest.find('"')?;
            name.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => return (!name.is_empty()).then_some((name, rest)),
            }
        }
    }
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    let goes_on = |c: char| begins(c) || c.is_ascii_digit() || c == '$';
    if !text.starts_with(begins) {
        return None;
    }
    let end = text.find(|c| !goes_on(c)).unwrap_or(text.len());
    Some((text[..end].to_ascii_lowercase(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::relation_name;

    #[test]
    fn names_are_read_as_the_server_reads_them() {
        for (text, expected) in [
            ("Customer", Some("customer")),
            (" sales . customer ", Some("sales|customer")),
            ("db.sales.customer", Some("db|sales|customer")),
            ("\"Sales\".\"a\"\"b.c\"", Some("Sales|a\"b.c")),
            ("küche_1$", Some("küche_1$")),
            ("SELECT 1", None),
            ("a.b.c.d", None),
            ("a.", None),
            ("1a", None),
            ("\"a", None),
            ("\"\"", None),
            ("a; DROP TABLE b", None),
            ("", None),
        ] {
            assert_eq!(relation_name(text).map(|parts| parts.join("|")).as_deref(), expected);
        }
    }
}
