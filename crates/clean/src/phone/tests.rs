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
