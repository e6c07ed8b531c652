//! Nothing that was written is lost.

use super::{describe, normalise, tokens, words};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Parts as people write them, each whole.
const PARTS: &[&str] = &[
    "12 Elm St",
    "1230 Avenue of the Americas",
    "100 S Stony Island",
    "12 Co Op City Blvd",
    "99 Camino del Rio S",
    "N6W23001 Bluemound Rd",
    "3911 E State Hwy D",
    "12 The Green",
    "Main St",
    "123",
    "Broadway",
    "corner of Main St and Oak Ave",
    "Apt 5",
    "STE100",
    "suite-100",
    "#5",
    "PMB 123",
    "2nd Floor",
    "Bldg C Rear",
    "P.O. Box 12",
    "P.0. Box 12",
    "RR 2 Box 45A",
    "Rt 2 Box 45A",
    "HC 102 Box 255A",
    "Urb Las Gladiolas",
    "Attn: Jane Roe",
    "c/o Bob Ray",
    "Acme Widgets LLC",
    "behind the old mill",
    "Troy",
    "New York",
    "St. Louis",
    "Long Beach",
    "NY",
    "PR",
    "Illinois",
    "12180",
    "60601-1234",
    "USA",
    "Musterstraße 5",
    "10827 Berlin",
    "A-1010 Wien",
    "00-238 Warszawa",
    "Singapore 048616",
    "Toronto ON M5H 2S6",
    "Quận 1",
    "DE",
    "Germany",
];

/// The standard form that `word` may have become.
fn standards(word: &str, held: &str) -> Vec<String> {
    let forms = [
        words::suffix(word),
        words::directional(word),
        words::unit(word),
        words::state(word),
        words::highway(word),
        words::boxes(word),
    ];
    let mut forms: Vec<String> = forms.into_iter().flatten().map(str::to_lowercase).collect();
    let longer = match word {
        "hwy" => "highway",
        "rt" if held.contains("route") => "route",
        "rt" => "rr",
        "rd" => "road",
        "st" => "state",
        "ave" => "avenue",
        "blvd" => "boulevard",
        "p0" | "po" => "po",
        "avenue" => "avenue",
        "corner" | "of" | "and" => "&",
        "usa" => "us",
        "new" | "york" => "ny",
        "2nd" => "2",
        _ => word,
    };
    forms.extend([longer.to_owned(), word.to_owned(), word.replace('-', "")]);
    forms
}

fn holds_every_word(raw: &str) -> Result<(), TestCaseError> {
    let Some(normal) = normalise(raw) else {
        prop_assert!(describe(raw).problem.is_some(), "{:?} has no form and no problem", raw);
        return Ok(());
    };
    let info = describe(raw);
    let fields = [info.state, info.postcode, info.country].into_iter().flatten();
    let held = fields.chain([normal.clone()]).collect::<Vec<_>>().join(" ").to_lowercase();
    let held = held.replace(['.', '\''], "");
    for token in tokens::split(raw) {
        let key = token.key.replace("suite-100", "100").replace("ste100", "100");
        let is_held = standards(&key, &held).iter().any(|form| held.contains(form.as_str()));
        prop_assert!(is_held || key == "#", "{:?} of {:?} is not in {:?}", key, raw, held);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(4000)
    })]

    #[test]
    fn every_word_is_in_the_normal_form(
        parts in prop::collection::vec(prop::sample::select(PARTS), 1..6),
        comma in any::<bool>(),
    ) {
        holds_every_word(&parts.join(if comma { ", " } else { " " }))?;
    }
}
