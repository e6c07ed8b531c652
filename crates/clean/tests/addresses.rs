//! Addresses as a whole: expected parses, Publication 28, the held-out rows, and what holds for any
//! text.

use crm_ai_clean::address::{AddressInfo, describe, label, normalise};
use crm_ai_clean::tagger::Tagger;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

const EXPECTED: &str = include_str!("../../../tests/fixtures/clean/addresses_expected.json");

/// The parts of an answer as the fixture has them: without those that are empty.
fn as_json(raw: &str, info: &AddressInfo) -> Value {
    let mut parts = json!({ "raw": raw });
    for (name, part) in [
        ("number", &info.number),
        ("street", &info.street),
        ("unit", &info.unit),
        ("po_box", &info.po_box),
        ("city", &info.city),
        ("state", &info.state),
        ("postcode", &info.postcode),
        ("country", &info.country),
        ("problem", &info.problem.map(|problem| problem.code().to_owned())),
    ] {
        if let Some(part) = part {
            parts[name] = json!(part);
        }
    }
    parts
}

#[test]
fn addresses_are_read_as_expected() {
    let expected: Vec<Value> = serde_json::from_str(EXPECTED).unwrap();
    assert!(expected.len() >= 120);
    let mut wrong = Vec::new();
    for row in &expected {
        let raw = row["raw"].as_str().unwrap();
        let answer = as_json(raw, &describe(raw));
        if answer != *row {
            wrong.push(format!("expected {row}\n     got {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
}

/// The model is trained on these rows too, so this is no measure of it: it tells when features and
/// weights do not fit together any more. `benches/addresses/run.sh` measures on rows not seen.
#[test]
fn the_weights_fit_the_features() {
    let tagger = Tagger::new(include_bytes!("../data/address/model.crf")).unwrap();
    let (mut right, mut count) = (0, 0);
    for line in include_str!("../data/address/labelled.tsv").lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let words: Vec<String> =
            cells.iter().skip(1).step_by(2).map(|word| word.replace("\\n", "\n")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let labels = label(&tagger, &words);
        count += labels.len();
        right += cells.iter().step_by(2).zip(&labels).filter(|(own, read)| own == read).count();
    }
    assert!(right * 100 >= count * 97, "{right} of {count} words");
}

#[test]
fn an_address_in_its_normal_form_stays_and_means_the_same() {
    let expected: Vec<Value> = serde_json::from_str(EXPECTED).unwrap();
    for raw in expected.iter().filter_map(|row| row["raw"].as_str()) {
        let Some(normal) = normalise(raw) else { continue };
        assert_eq!(normalise(&normal).as_deref(), Some(normal.as_str()), "of {raw:?}");
        if describe(raw).street.as_deref() != Some(raw) {
            let (first, second) = (describe(raw), describe(&normal));
            assert_eq!(
                (first.number, first.street, first.unit, first.po_box, first.city, first.state),
                (
                    second.number,
                    second.street,
                    second.unit,
                    second.po_box,
                    second.city,
                    second.state
                ),
                "of {raw:?} and {normal:?}"
            );
        }
    }
}

#[test]
fn the_normal_form_is_one_line_in_a_fixed_order() {
    for (raw, expected) in [
        (
            "apt 5, 123 NORTH MAIN STREET, springfield illinois 627011234 USA",
            "123 N Main St Apt 5, Springfield, IL 62701-1234",
        ),
        (
            "Attn: Jane Roe\n500 Oak Avenue\nDallas TX 75201",
            "Attn Jane Roe, 500 Oak Ave, Dallas, TX 75201",
        ),
        ("P.O. BOX 12, RENO, NEVADA 89501", "PO Box 12, Reno, NV 89501"),
        ("12 High Street, Bath BA1 5AF, UK", "12 High Street, Bath BA1 5AF, UK"),
    ] {
        assert_eq!(normalise(raw).as_deref(), Some(expected), "of {raw:?}");
    }
}

#[test]
fn no_word_is_lost_in_the_normal_form() {
    for raw in [
        "Empire State Building, 350 Fifth Ave, New York, NY 10118",
        "Jane Roe, Acme Widgets LLC, 44 Elm Street, Dover, DE 19901",
        "123 Main St, Dover, DE 19901; 45 Oak Ave, Reno, NV 89501",
        "behind the old mill, 12 Canal Road, Lowell, MA 01852",
    ] {
        let normal = normalise(raw).unwrap().to_lowercase();
        for word in raw.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
            let short = ["street", "road"].contains(&word);
            assert!(short || normal.contains(word), "{word:?} of {raw:?} is not in {normal:?}");
        }
    }
}

#[test]
fn two_addresses_in_one_field_are_told() {
    let info = describe("123 Main St, Dover, DE 19901; 45 Oak Ave, Reno, NV 89501");
    assert_eq!(info.problem.map(|problem| problem.code()), Some("several_addresses"));
    assert_eq!(info.street.as_deref(), Some("Main St"));
}

#[test]
fn every_suffix_of_publication_28_is_abbreviated() {
    let table = include_str!("../data/address/suffixes.tsv");
    let mut wrong = Vec::new();
    let mut count = 0;
    for (standard, variants) in table.lines().filter_map(|line| line.split_once('\t')) {
        for word in variants.split(',').filter(|word| !word.is_empty()) {
            count += 1;
            let street = describe(&format!("120 Juniper {word}, Boise, ID 83702")).street;
            let expected = format!("juniper {}", standard.to_lowercase());
            if street.as_deref().map(str::to_lowercase) != Some(expected) {
                wrong.push(format!("{word}: {street:?}"));
            }
        }
    }
    assert!(count > 350 && wrong.len() * 50 < count, "{} of {count}: {wrong:?}", wrong.len());
}

#[test]
fn a_text_beyond_the_limit_is_refused_quickly() {
    for piece in ["1 Main St, ", "#", "\u{301}", "a", "東", "<b>", "&amp;", "\n"] {
        let info = describe(&piece.repeat(2_000_000));
        let code = info.problem.map(|problem| problem.code());
        assert!(matches!(code, Some("too_long" | "empty" | "placeholder")), "{piece:?}: {code:?}");
    }
}

const PIECES: &[&str] = &[
    "1",
    "12",
    "123",
    "1234",
    "60601",
    "606011234",
    "1/2",
    "½",
    "N6W23001",
    "45-B",
    "5th",
    " ",
    " ",
    " ",
    ", ",
    ",",
    ";",
    "\n",
    "#",
    "&",
    "(",
    ")",
    "-",
    ".",
    "/",
    "N",
    "North",
    "SW",
    "Main",
    "main",
    "OAK",
    "McCormick",
    "O'BRIEN",
    "St",
    "Street",
    "AVE",
    "Rd.",
    "Hwy",
    "County",
    "Route",
    "Apt",
    "Suite",
    "Fl",
    "Floor",
    "PO",
    "Box",
    "P.O.",
    "RR",
    "HC",
    "PSC",
    "APO",
    "AE",
    "Chicago",
    "New York",
    "Springfield",
    "IL",
    "NY",
    "Illinois",
    "USA",
    "UK",
    "Canada",
    "Germany",
    "Georgia",
    "K1A 0B1",
    "SW1A 2AA",
    "straße",
    "rue",
    "北京市",
    "号",
    "〒",
    "100-8111",
    "東京都",
    "서울",
    "Москва",
    "é",
    "\u{301}",
    "\u{200b}",
    "\u{202e}",
    "😀",
    "İ",
    "ẞ",
    "ǆ",
    "c/o",
    "Attn:",
    "N/A",
    "@",
    "x.com",
    "and",
];

/// Texts made of the pieces that the rules look for, in any order.
fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24)
        .prop_map(|parts| parts.join(" ").replace("  ", ""))
}

fn is_sound(raw: &str) -> Result<(), TestCaseError> {
    let info = describe(raw);
    let normal = normalise(raw);
    prop_assert_eq!(
        normal.is_none(),
        info.problem.is_some_and(|problem| problem.is_fatal()),
        "of {:?}: {:?} {:?}",
        raw,
        normal,
        info
    );
    if let Some(normal) = normal {
        prop_assert_eq!(normalise(&normal), Some(normal.clone()), "of {:?}", raw);
        prop_assert!(!normal.is_empty() && !normal.chars().any(char::is_control));
    }
    let parts = [
        info.number,
        info.street,
        info.unit,
        info.po_box,
        info.city,
        info.state,
        info.postcode,
        info.country,
    ];
    for part in parts.into_iter().flatten() {
        prop_assert!(!part.trim().is_empty(), "of {:?}", raw);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn texts_made_of_pieces_are_read_without_fault_and_normalised_once(raw in pieces()) {
        is_sound(&raw)?;
    }

    #[test]
    fn any_text_is_read_without_fault_and_normalised_once(raw in any::<String>()) {
        is_sound(&raw)?;
    }
}
