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
    // One part that is neither a number nor the end of one: nothing is taken for the other.
    assert_eq!(e164("650 253 0000 / 000 000 12", "US"), None);
    assert_eq!(e164("12345.0", "US"), None);
    // Digits that belong to no number.
    assert_eq!(e164("650-253-0000 house 5", "US"), None);
}

/// Readings of libphonenumber that are not taken, and what is.
#[test]
fn words_are_no_digits() {
    use Problem::{LetterForDigit, SeveralNumbers, SurplusLetters, WordsAround};
    let cases = [
        ("030 123456 privat", "DE", Some("+4930123456"), Some(WordsAround)),
        ("030 123456 (Axel)", "DE", Some("+4930123456"), Some(WordsAround)),
        ("030 1234567 ab 18 Uhr", "DE", Some("+49301234567"), Some(WordsAround)),
        ("650-253-0000 8am-5pm", "US", Some("+16502530000"), Some(WordsAround)),
        ("650-253-0000 after 5 pm", "US", Some("+16502530000"), Some(WordsAround)),
        ("1-800-FLOWERS office", "US", Some("+18003569377"), Some(WordsAround)),
        ("1-800-FLOWERS", "US", Some("+18003569377"), None),
        ("call 1-800-go-fedex", "US", Some("+18004633339"), None),
        ("0800 REVERSE", "GB", Some("+448007383773"), None),
        ("650-253-CASH", "US", Some("+16502532274"), None),
        ("1-877-KARS-4-KIDS", "US", Some("+18775277454"), Some(SurplusLetters)),
        ("650-253-OOO0", "US", Some("+16502530000"), Some(LetterForDigit)),
        ("(0xx11) 98765-4321", "BR", Some("+5511987654321"), None),
        ("030 1234567 od. 68", "DE", Some("+49301234567"), Some(SeveralNumbers)),
        ("212-5678 day", "US", None, Some(Problem::LocalOnly)),
        ("234-5678 OLD", "US", None, Some(Problem::LocalOnly)),
        ("650-253-llll", "US", None, Some(Problem::TooShort)),
        ("club 908 conyers", "US", None, Some(Problem::TooShort)),
        ("+4072d3800439", "RO", None, Some(Problem::LettersInside)),
    ];
    for (raw, code, expected, problem) in cases {
        let info = describe(raw, region(code));
        assert_eq!(e164(raw, code).as_deref(), expected, "{raw:?}");
        assert_eq!(info.problem, problem, "{raw:?}");
        assert_eq!(clean(raw, region(code)), (expected.map(str::to_owned), problem), "{raw:?}");
    }
    let info = describe("030 123456 App. 12", region("DE"));
    assert_eq!(
        (info.e164.as_deref(), info.extension.as_deref()),
        (Some("+4930123456"), Some("12"))
    );
}

#[test]
fn reads_prefixes_and_separators_of_other_places() {
    use Problem::{CountryCodeWithoutPlus, ForeignPrefix, Separators, SeveralNumbers};
    let cases = [
        ("4917612345678", "DE", "+4917612345678", CountryCodeWithoutPlus),
        ("49-176-12345678", "DE", "+4917612345678", CountryCodeWithoutPlus),
        ("91+9876543210", "IN", "+919876543210", CountryCodeWithoutPlus),
        ("00442079460018", "US", "+442079460018", ForeignPrefix),
        ("(001) 650-253-0000", "US", "+16502530000", ForeignPrefix),
        ("011 44 20 7946 0018", "DE", "+442079460018", ForeignPrefix),
        ("+1 (0)650 253 0000", "US", "+16502530000", ForeignPrefix),
        ("+52 1 55 5123 4567", "US", "+525551234567", ForeignPrefix),
        ("044 55 5123 4567", "MX", "+525551234567", ForeignPrefix),
        ("01 55 5123 4567", "MX", "+525551234567", ForeignPrefix),
        ("+54 9 (011) 15 5744-7700", "AR", "+5491157447700", ForeignPrefix),
        ("4084568908#", "US", "+14084568908", Separators),
        ("6,502,530,000", "US", "+16502530000", Separators),
        ("650_253_0000", "US", "+16502530000", Separators),
        ("650-253-\n0000", "US", "+16502530000", Separators),
        ("030 1234567/68", "DE", "+49301234567", SeveralNumbers),
        ("022 24981234 / 24981235", "IN", "+912224981234", SeveralNumbers),
        ("(650)253-0000(650)253-0001", "US", "+16502530000", SeveralNumbers),
    ];
    for (raw, code, expected, problem) in cases {
        let info = describe(raw, region(code));
        assert_eq!(e164(raw, code).as_deref(), Some(expected), "{raw:?}");
        assert_eq!(info.problem, Some(problem), "{raw:?}");
    }
    // The same digits where they are a number of the country, and an area's slash.
    for (raw, code, expected) in [
        ("3471234567", "IT", "+393471234567"),
        ("9198765432", "IN", "+919198765432"),
        ("030/1234567", "DE", "+49301234567"),
        ("0234/123456-10", "DE", "+4923412345610"),
    ] {
        assert_eq!(describe(raw, region(code)).problem, None, "{raw:?}");
        assert_eq!(e164(raw, code).as_deref(), Some(expected), "{raw:?}");
    }
}

#[test]
fn finds_no_dates_and_amounts() {
    for body in [
        "02.03.1992",
        "03.06-07.06.2015",
        "Geboren am 05.10.1986, Vertrag 03.06.15",
        "12/05/2023 - 15/05/2023",
        "Rechnung 030123456 EUR",
        "\u{20AC} 030123456,00",
    ] {
        assert_eq!(find(body, region("DE")), [], "{body:?}");
    }
    let found = find("am 5.10. um 10 Uhr: 030 123456", region("DE"));
    assert_eq!(found.len(), 1);
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
