//! What holds for any text: no panic, cleaning twice is cleaning once, time in proportion.

use crm_ai_clean::phone::{Region, describe, digits, find, normalise};
use crm_ai_clean::{booleans, dates, text};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Texts made of the pieces that the rules look for, in any order.
fn pieces(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|parts| parts.concat())
}

const TEXT: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "<b>",
    "</b>",
    "<br>",
    "<p class=\"x\">",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<a href='",
    "\"",
    "'",
    "=",
    "&",
    ";",
    "&amp;",
    "&lt;",
    "&gt;",
    "&semi;",
    "&#59;",
    "&#x3c;",
    "&nbsp;",
    "&#8203;",
    "&#x37e;",
    "amp;",
    "b",
    "a",
    " ",
    "\u{a0}",
    "\n",
    "\u{0}",
    "\u{1f}",
    "\u{85}",
    "\u{92}",
    "Ã",
    "Â",
    "©",
    "â",
    "€",
    "™",
    "ƒ",
    "ð",
    "Ÿ",
    "˜",
    "Ð",
    "Ñ",
    "¿",
    "é",
    "É",
    "»",
    "…",
    "e",
    "\u{301}",
    "\u{323}",
    "\u{338}",
    "\u{37e}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{202e}",
    "\u{feff}",
    "\u{ad}",
    "👩",
    "❤",
    "\u{fe0f}",
    "🏴",
    "\u{e0067}",
    "\u{e0062}",
    "\u{e007f}",
    "क",
    "\u{94d}",
    "م",
    "ی",
    "ﬁ",
    "가",
    "ᄀ",
    "ᅡ",
];

const PHONE: &[&str] = &[
    "0",
    "1",
    "2",
    "6",
    "650",
    "253",
    "0000",
    "00",
    "011",
    "+",
    "＋",
    "44",
    "86",
    "(",
    ")",
    "-",
    "/",
    " / ",
    ".",
    ".0",
    "E+10",
    ",",
    ";",
    "x",
    "ext",
    "#",
    "*",
    " ",
    "\n",
    "tel:",
    ";phone-context=",
    ";isub=",
    ";ext=",
    "+1",
    "a",
    "FLOWERS",
    "６",
    "٦",
    "६",
    "\u{200b}",
    "é",
    "😀",
    "~",
    "[",
    "]",
    "доб",
    " or ",
];

const DATE: &[&str] = &[
    "1", "2", "3", "12", "13", "31", "99", "00", "2024", "0000", "-", "/", ".", " ", ",", ":", "T",
    "Z", "+02:00", "am", "March", "mar", "th", "年", "月", "日", "٣", "Mon", "é",
];

/// So many random texts for each property; failures are printed, not stored.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(count)
    }
}

fn is_clean(raw: &str) -> Result<(), TestCaseError> {
    let once = text::clean(raw);
    prop_assert_eq!(&text::clean(&once), &once, "of {:?}", raw);
    prop_assert!(!once.contains("  ") && once.trim() == once, "of {:?}: {:?}", raw, once);
    prop_assert!(!once.chars().any(char::is_control), "of {:?}: {:?}", raw, once);
    Ok(())
}

fn is_sound(raw: &str) -> Result<(), TestCaseError> {
    for region in ["US", "", "CN"] {
        let region: Region =
            region.parse().map_err(|_| TestCaseError::fail("a region is unknown"))?;
        let info = describe(raw, region);
        let valid = info.e164.clone().filter(|_| info.is_valid);
        prop_assert_eq!(&normalise(raw, region), &valid, "of {:?}", raw);
        if let Some(number) = valid {
            // A normal form is its own normal form, wherever it is read.
            prop_assert_eq!(normalise(&number, Region::NONE), Some(number));
        }
        let characters: Vec<char> = raw.chars().collect();
        for found in find(raw, region) {
            let taken: String = characters[found.start - 1..found.stop - 1].iter().collect();
            prop_assert_eq!(taken, found.raw);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn cleaning_text_twice_is_cleaning_once(raw in pieces(TEXT)) {
        is_clean(&raw)?;
    }

    #[test]
    fn any_text_can_be_cleaned(raw in any::<String>()) {
        is_clean(&raw)?;
    }

    #[test]
    fn digits_are_kept_and_padded(raw in any::<String>(), width in 0_usize..20) {
        let plain = digits(&raw, width);
        prop_assert!(plain.chars().count() >= width);
        let ascii: String = raw.chars().filter(char::is_ascii_digit).collect();
        let kept: String = plain.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(kept.ends_with(&ascii), "{:?} of {:?}", kept, raw);
        prop_assert_eq!(digits(&plain, width), plain);
    }

    #[test]
    fn a_date_is_a_day_or_a_reason(raw in pieces(DATE)) {
        for order in [dates::Order::Unknown, dates::Order::DayFirst, dates::Order::MonthFirst] {
            let date = dates::parse(&raw, order);
            prop_assert!(date.iso.is_some() || date.problem.is_some(), "{:?}", raw);
            prop_assert_eq!(date.is_ambiguous, date.readings.len() > 1);
            prop_assert!(!(date.is_ambiguous && date.iso.is_some()));
            if let Some(iso) = date.iso {
                let again = dates::parse(&iso, order);
                prop_assert_eq!((again.iso, again.problem), (Some(iso), None));
            }
        }
    }

    #[test]
    fn any_text_is_a_date_or_not_and_a_boolean_or_not(raw in any::<String>()) {
        let date = dates::parse(&raw, dates::Order::Unknown);
        prop_assert!(date.iso.is_some() || date.problem.is_some());
        prop_assert_eq!(booleans::parse(&raw), booleans::parse(&format!(" {raw}\n")));
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn phone_answers_agree_with_each_other(raw in pieces(PHONE)) {
        is_sound(&raw)?;
    }

    #[test]
    fn any_text_is_a_phone_or_not(raw in any::<String>()) {
        is_sound(&raw)?;
    }
}

/// Texts that make careless rules look at everything again for each character. Each is long enough
/// that work in proportion to its square would not end; the test is that it does.
#[test]
fn hostile_texts_end() {
    let times = 60_000;
    let nested = |open: &str, close: &str| open.repeat(times) + &close.repeat(times);
    let mut texts = vec![
        "&".to_owned() + &"amp;".repeat(times),
        nested("<", "b>"),
        nested("<!--", "-->"),
        nested("<script>", "</script>"),
        "&semi".repeat(times) + ";",
        "<b a='".to_owned() + &">".repeat(times),
        "<b ".repeat(times) + "<i x=\"" + &">".repeat(times),
        "e".to_owned() + &"\u{301}\u{323}".repeat(times),
        "<<b\u{200b}>b>".repeat(times),
    ];
    for piece in [
        "<b ",
        "<b a=\"",
        "<b a='x<i b=\"y",
        "<!--",
        "<script>",
        "&",
        "&#",
        ";",
        "<",
        ">",
        "Ã",
        "ÃƒÂ",
        "â€",
        "ð",
        "\u{200d}",
        "🏴\u{e0067}",
        "\u{85}",
        " ",
        "\u{1100}\u{1161}",
        "É»…",
    ] {
        texts.push(piece.repeat(times));
    }
    for raw in texts {
        let once = text::clean(&raw);
        assert!(text::clean(&once) == once, "of {:?}…", raw.chars().take(20).collect::<String>());
    }
}

#[test]
fn mojibake_of_mojibake_is_repaired_to_the_end() {
    let mut damaged = "naïve café".to_owned();
    for _ in 0..8 {
        damaged = damaged.bytes().map(char::from).collect();
    }
    assert_eq!(text::clean(&damaged), "naïve café");
}
