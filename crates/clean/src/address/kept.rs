//! Check that the normal form contains every word.

use super::parts::{Part, part_of};
use super::standard::Labelled;
use super::tokens::Token;
use super::words;

/// True if `normal` lacks a word of `labelled`, its standard form too. States, ZIPs and countries
/// are left out: they are one word each, whatever they were written as.
pub fn loses_a_word(labelled: &[Labelled], normal: &str) -> bool {
    let mut held = normal.to_lowercase();
    held.retain(|c| !matches!(c, '.' | '\'' | '’'));
    labelled.iter().any(|(label, token)| {
        let is_one = match part_of(label) {
            Part::State | Part::Zip => true,
            Part::Country => {
                matches!(token.key.as_str(), "us" | "usa" | "u" | "s" | "a" | "united" | "states")
                    || matches!(token.key.as_str(), "the" | "of" | "america" | "estados" | "unidos")
            }
            _ => false,
        };
        !is_one && !held.contains(token.key.as_str()) && !is_held(label, token, &held)
    })
}

fn is_held(label: &str, token: &Token, held: &str) -> bool {
    let key = token.key.as_str();
    // Signs, and words that the standard form says in another way.
    let is_said = label == "CornerOf"
        || label == "IntersectionSeparator"
        || part_of(label) == Part::Box && matches!(key, "o" | "office" | "route" | "star" | "#")
        || part_of(label) == Part::Unit && (key == "#" || words::is_ordinal_word(key))
        || !key.contains(|c: char| c.is_ascii_alphanumeric());
    if is_said {
        return true;
    }
    let longer = match key {
        "st" => Some("State"),
        "rt" | "rte" => Some("Route"),
        "hwy" | "hiway" => Some("Highway"),
        _ => None,
    };
    let forms = [
        words::suffix(key),
        words::directional(key),
        words::unit(key),
        words::highway(key),
        words::boxes(key),
        longer,
    ];
    let is_form = |form: &str| held.contains(form.to_lowercase().as_str());
    if forms.into_iter().flatten().any(is_form) {
        return true;
    }
    let highway = match words::highway(key) {
        Some("CR") => "county road",
        Some("SR") => "state road",
        Some("Hwy") => "highway",
        Some("Rte") => "route",
        Some("I") => "interstate",
        Some("Rd") => "road",
        _ => "",
    };
    let is_box = part_of(label) == Part::Box
        && (held.contains("box") && words::boxes(key).is_some_and(|kind| kind != "po")
            || matches!(key, "rural" | "rfd" | "rd") && held.contains("rr")
            || key == "hcr" && held.contains("hc"));
    // `5th Floor` is `Fl 5`, `003` is `3`.
    let digits = key.trim_start_matches('0').trim_end_matches(|c: char| c.is_ascii_alphabetic());
    !highway.is_empty() && held.contains(highway)
        || is_box
        || !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && held.contains(digits)
}
