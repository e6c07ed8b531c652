//! isemail's tests, in agreement and in the names of faults.

use std::path::PathBuf;

use crm_ai_clean::email::{Problem, describe, normalise};

/// One test of isemail: number, address, category, diagnosis.
struct Case {
    id: String,
    address: String,
    category: String,
    diagnosis: String,
}

/// isemail's test set 3.05 by Dominic Sayers and Michael Rushton.
fn isemail() -> Vec<Case> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clean");
    let xml = std::fs::read_to_string(root.join("isemail_email_tests.xml")).unwrap();
    let between = |text: &str, open: &str, close: &str| {
        let (_, rest) = text.split_once(open)?;
        rest.split_once(close).map(|(inner, _)| inner.to_owned())
    };
    xml.split("<test id=")
        .skip(1)
        .map(|test| Case {
            id: between(test, "\"", "\"").unwrap(),
            address: decode(&between(test, "<address>", "</address>").unwrap_or_default()),
            category: between(test, "<category>", "</category>").unwrap(),
            diagnosis: between(test, "<diagnosis>", "</diagnosis>").unwrap(),
        })
        .collect()
}

/// Entities of the file; U+2400 + n stands for the control character n, since XML has no U+0000.
fn decode(xml: &str) -> String {
    let mut text = String::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, next) = after.split_once(';').unwrap();
        text.push_str(before);
        text.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => {
                let code = u32::from_str_radix(name.strip_prefix("#x").unwrap(), 16).unwrap();
                char::from_u32(code).unwrap()
            }
        });
        rest = next;
    }
    text.push_str(rest);
    let control = |c: char| match c {
        '\u{2400}'..='\u{241F}' => char::from_u32(u32::from(c) - 0x2400).unwrap(),
        _ => c,
    };
    text.chars().map(control).collect()
}

/// Deliverable by SMTP as written: the categories VALID, DNSWARN and RFC5321.
#[test]
fn agrees_with_isemail_on_every_test() {
    let cases = isemail();
    assert_eq!(cases.len(), 164);
    let mut differences = Vec::new();
    for case in &cases {
        let category = case.category.strip_prefix("ISEMAIL_").unwrap();
        let expected = matches!(category, "VALID_CATEGORY" | "DNSWARN" | "RFC5321");
        let info = describe(&case.address);
        if info.is_valid != expected {
            differences.push((&case.id, &case.address, &case.diagnosis, info.problem));
        }
        // isemail asks for the form alone: its `iana.a` and `255.255.255.255` are valid.
        let problem = info.problem.filter(|problem| *problem != Problem::UnknownTld);
        assert_eq!(info.is_valid, problem.is_none(), "test {}", case.id);
        assert_eq!(info.address, normalise(&case.address), "test {}", case.id);
        // What is deliverable keeps its local part and reads as itself.
        if let Some(address) = info.address {
            assert_eq!(normalise(&address).as_deref(), Some(&*address), "test {}", case.id);
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// isemail's diagnosis and ours name the same fault.
#[test]
fn names_the_fault_that_isemail_names() {
    use Problem::*;
    let names = [
        ("NODOMAIN", vec![Empty, MissingAt, MissingDomain]),
        ("NOLOCALPART", vec![MissingLocalPart]),
        ("CONSECUTIVEDOTS", vec![ConsecutiveDots, MissingAt]),
        ("DOT_START", vec![DotAtEdge]),
        ("DOT_END", vec![DotAtEdge, Punctuation]),
        ("DOMAINHYPHENSTART", vec![HyphenAtEdge]),
        ("DOMAINHYPHENEND", vec![HyphenAtEdge]),
        ("UNCLOSEDQUOTEDSTR", vec![UnclosedQuote]),
        ("UNCLOSEDCOMMENT", vec![UnclosedBracket]),
        ("UNCLOSEDDOMLIT", vec![UnclosedBracket]),
        ("LOCAL_TOOLONG", vec![LocalPartTooLong]),
        ("LABEL_TOOLONG", vec![LabelTooLong]),
        ("5322_TOOLONG", vec![TooLong]),
        ("DOMAIN_TOOLONG", vec![TooLong]),
        ("DOMAINLITERAL", vec![InvalidAddressLiteral]),
        ("IPV6_", vec![InvalidAddressLiteral]),
        ("CFWS_COMMENT", vec![Comment, TooLong]),
        ("CFWS_FWS", vec![SurroundingSpace]),
    ];
    let mut count = 0;
    for case in isemail() {
        let named = names.iter().find(|(name, _)| case.diagnosis.contains(name));
        if let Some((name, problems)) = named {
            let problem = describe(&case.address).problem;
            assert!(
                problem.is_some_and(|problem| problems.contains(&problem)),
                "test {}, {name}: {problem:?} of {:?}",
                case.id,
                case.address
            );
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}
