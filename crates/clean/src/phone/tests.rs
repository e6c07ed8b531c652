//! The oracle of libphonenumber's answers, pandas' digits, and the fields that people type.

use std::io::Read;
use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clean");
    std::fs::read(root.join(name)).unwrap()
}

fn region(code: &str) -> Region {
    code.parse().unwrap()
}

/// Each stored answer of libphonenumber's Python port, field by field.
#[test]
fn agrees_with_libphonenumber_on_the_oracle() {
    let compressed = fixture("phone_truth.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
    let mut rows = 0;
    let mut differences = Vec::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.unwrap();
        let column = |index: usize| record.get(index).unwrap();
        rows += 1;
        let info = describe(column(0), region(column(1)));
        let flag = |value: bool| if value { "1" } else { "0" };
        let actual = if info.e164.is_none() {
            vec![String::new(); 7]
        } else {
            let kind = info.kind.unwrap().name().to_uppercase();
            vec![
                info.e164.clone().unwrap(),
                info.international.clone().unwrap(),
                info.national.clone().unwrap(),
                info.rfc3966.clone().unwrap(),
                flag(info.is_possible).to_owned(),
                flag(info.is_valid).to_owned(),
                [
                    info.region.clone().unwrap_or_default(),
                    kind,
                    info.extension.clone().unwrap_or_default(),
                ]
                .join("|"),
            ]
        };
        let expected: Vec<String> = (4..11).map(|index| column(index).to_owned()).collect();
        if actual != expected {
            differences.push(format!("{record:?}\n  gave {actual:?}"));
        }
        let valid = info.is_valid.then(|| info.e164.clone().unwrap());
        assert_eq!(normalise(column(0), region(column(1))), valid, "row {rows}");
    }
    assert_eq!(rows, 5800);
    assert!(
        differences.is_empty(),
        "{} rows differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[test]
fn digits_equal_pandas() {
    let rows: Vec<(String, usize, String)> =
        serde_json::from_slice(&fixture("digits_expected.json")).unwrap();
    assert!(rows.len() > 1000);
    for (raw, width, expected) in rows {
        assert_eq!(digits(&raw, width), expected, "{raw:?} at width {width}");
    }
}

fn e164(raw: &str, code: &str) -> Option<String> {
    normalise(raw, region(code))
}

#[test]
fn reads_numbers_as_people_type_them() {
    let us = [
        "(650) 253-0000",
        "650.253.0000",
        "1 650 253 0000",
        "+1 650 253 0000",
        "  650 253 0000\n",
        "Tel: 650-253-0000",
        "tel:+1-650-253-0000",
        "650-253-0000 ext. 123",
        "650-253-0000 x5",
        "011 1 650 253 0000",
        "６５０２５３００００",
        "（６５０）２５３－００００",
        "٦٥٠٢٥٣٠٠٠٠",
        "650\u{a0}253\u{a0}0000",
        "1-650-253-0000 / x7",
    ];
    for raw in us {
        assert_eq!(e164(raw, "US").as_deref(), Some("+16502530000"), "{raw:?}");
    }
    assert_eq!(e164("1-800-FLOWERS", "US").as_deref(), Some("+18003569377"));
    assert_eq!(e164("0044 20 7946 0958", "DE").as_deref(), Some("+442079460958"));
    assert_eq!(e164("138-0013-8000", "CN").as_deref(), Some("+8613800138000"));
    for raw in ["", " ", "n/a", "none", "12", "555", "000-000-0000", "650-253-000", "ann@x.com"] {
        assert_eq!(e164(raw, "US"), None, "{raw:?}");
    }
}

#[test]
fn no_region_reads_country_codes_alone() {
    for none in ["", "ZZ"] {
        assert_eq!(e164("+1 650 253 0000", none).as_deref(), Some("+16502530000"));
        assert_eq!(e164("650 253 0000", none), None);
        let info = describe("650 253 0000", region(none));
        assert_eq!(info.problem, Some(Problem::InvalidCountryCode));
    }
}

#[test]
fn unknown_regions_are_refused() {
    for code in ["us", "Us", "UK", "XX", "USA", "001", "U", " US", "ÉÉ", "U1"] {
        assert_eq!(code.parse::<Region>(), Err(UnknownRegion), "{code:?}");
    }
    assert_ne!(region("GB"), region("US"));
}

#[test]
fn mends_what_spreadsheets_and_lists_leave() {
    use Problem::{DigitsLost, ScientificNotation, SeveralNumbers, TrailingDecimal, WordsAround};
    let cases = [
        ("6502530000.0", "US", Some("+16502530000"), TrailingDecimal),
        ("16502530000.00", "US", Some("+16502530000"), TrailingDecimal),
        ("1.3800138000E+10", "CN", Some("+8613800138000"), ScientificNotation),
        ("1,3800138000e10", "CN", Some("+8613800138000"), ScientificNotation),
        ("8.613800138000E+12", "", Some("+8613800138000"), ScientificNotation),
        ("1.38E+10", "CN", None, DigitsLost),
        ("6.50253E+09", "US", None, DigitsLost),
        ("(650) 253-0000 / (650) 253-0001", "US", Some("+16502530000"), SeveralNumbers),
        ("650 253 0000 or 650 253 0001", "US", Some("+16502530000"), SeveralNumbers),
        ("22 12 34 56 / 22 12 34 57", "NO", Some("+4722123456"), SeveralNumbers),
        ("13800138000、13800138001", "CN", Some("+8613800138000"), SeveralNumbers),
        ("650-253-0000\n650-253-0001", "US", Some("+16502530000"), SeveralNumbers),
        ("650-253-0000 650-253-0001", "US", Some("+16502530000"), SeveralNumbers),
        ("H 650-253-0000\tW 650-253-0001", "US", Some("+16502530000"), SeveralNumbers),
        ("home: 650-253-0000, work: 650-253-0001", "US", Some("+16502530000"), SeveralNumbers),
        ("650-253-0000 (cell)", "US", Some("+16502530000"), WordsAround),
        ("call 650-253-0000 after noon", "US", Some("+16502530000"), WordsAround),
    ];
    for (raw, code, expected, problem) in cases {
        let info = describe(raw, region(code));
        assert_eq!(e164(raw, code).as_deref(), expected, "{raw:?}");
        assert_eq!(info.problem, Some(problem), "{raw:?}");
        assert_eq!(info.is_valid, expected.is_some(), "{raw:?}");
        assert_eq!(info.e164.as_deref().filter(|_| info.is_valid), expected, "{raw:?}");
    }
    // One part that is no number by itself: nothing is taken for the other.
    assert_eq!(e164("650 253 0000 / 12", "US"), None);
    assert_eq!(e164("12345.0", "US"), None);
    // Digits that belong to no number.
    assert_eq!(e164("650-253-0000 after 5 pm", "US"), None);
}

#[test]
fn says_why_a_number_is_not_valid() {
    let cases = [
        ("", Problem::Empty),
        ("n/a", Problem::NotANumber),
        ("1-800-FLOWERS-NOW-PLEASE-CALL", Problem::TooLong),
        ("65025", Problem::TooShort),
        ("253 0000", Problem::LocalOnly),
        ("650 253 00000", Problem::TooLong),
        ("555 555 5555", Problem::NotInUse),
        ("+999 1234567", Problem::InvalidCountryCode),
        (";phone-context=a;tel:1", Problem::NotANumber),
        ("77#289", Problem::NotANumber),
        ("77 x289", Problem::TooShort),
    ];
    for (raw, problem) in cases {
        let info = describe(raw, region("US"));
        assert_eq!(info.problem, Some(problem), "{raw:?}");
        assert!(!info.is_valid);
    }
    assert_eq!(describe(&"1".repeat(251), region("US")).problem, Some(Problem::TooLong));
}

#[test]
fn finds_numbers_in_text_by_character() {
    let body = "Ünïcödé 😀: call (650) 253-0000 or +44 20 7946 0958, not 2024-03-05 or 12345.";
    let found = find(body, region("US"));
    let numbers: Vec<&str> = found.iter().map(|one| one.e164.as_str()).collect();
    assert_eq!(numbers, ["+16502530000", "+442079460958"]);
    for one in &found {
        let taken: String = body.chars().skip(one.start - 1).take(one.stop - one.start).collect();
        assert_eq!(taken, one.raw);
    }
    assert_eq!((found[0].start, found[0].raw.as_str()), (17, "(650) 253-0000"));
    assert_eq!(find("650 253 0000", Region::NONE), []);
    assert_eq!(find("", region("US")), []);
}

#[test]
fn names_are_stable_and_lower_case() {
    let info = describe("+1 800 356 9377", Region::NONE);
    assert_eq!(info.kind.map(Kind::name), Some("toll_free"));
    assert_eq!(describe("+800 1234 5678", Region::NONE).region.as_deref(), Some("001"));
    assert_eq!(Problem::SeveralNumbers.code(), "several_numbers");
}
