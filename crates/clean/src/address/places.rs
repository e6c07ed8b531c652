//! Cities with their ZIPs, and ZIPs with their states.
//!
//! Source: GeoNames postal codes and libaddressinput; see `data/address/README.md`.

use super::words::{directional, suffix};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest name of a city that is looked for, in words.
pub const PLACE_WORDS_MAX: usize = 5;

/// States whose ZIPs begin with these three digits: `606` → `IL`. None where no ZIP does.
pub fn states_of(zip: &str) -> Option<impl Iterator<Item = &'static str>> {
    static STATES: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| rows(include_str!("../../data/address/zips.tsv")).collect());
    STATES.get(zip.get(..3)?).map(|states| states.split(','))
}

/// The first three digits of the ZIPs of all places of this name, or the state of a place without a
/// post office. `name` comes from `extend_place_key`.
pub fn prefixes_of(name: &str) -> Option<impl Iterator<Item = &'static str> + Clone> {
    static PLACES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
        let mut places: HashMap<String, String> = HashMap::new();
        for (name, prefixes) in rows(include_str!("../../data/address/places.tsv")) {
            let mut key = String::new();
            name.split(' ').for_each(|word| extend_place_key(&mut key, word));
            let known = places.entry(key).or_default();
            if !known.is_empty() {
                known.push(',');
            }
            known.push_str(prefixes);
        }
        places
    });
    PLACES.get(name).map(|prefixes| prefixes.split(','))
}

fn rows(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter_map(|line| line.split_once('\t'))
}

/// Adds a word to the key of a place: words that are abbreviated in many ways become one.
pub fn extend_place_key(key: &mut String, word: &str) {
    if !key.is_empty() {
        key.push(' ');
    }
    match word {
        "saint" => key.push_str("st"),
        "sainte" => key.push_str("ste"),
        "st" | "ste" => key.push_str(word),
        _ => match directional(word).or_else(|| suffix(word)) {
            Some(standard) => key.push_str(standard),
            None => key.push_str(word),
        },
    }
}
