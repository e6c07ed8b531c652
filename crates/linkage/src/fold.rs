//! Text as it is compared: without case, accents and punctuation.

use unicode_normalization::UnicodeNormalization;

/// Longest text that is compared, in characters; what is behind it is left out.
const CHARS_MAX: usize = 256;

/// Lower case without accents.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'ß' => 's',
            'ø' => 'o',
            'ł' => 'l',
            'đ' => 'd',
            'ı' => 'i',
            other => other,
        })
        .collect()
}

/// Words of letters and digits, folded, one blank between two. Apostrophes join.
pub fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * CHARS_MAX));
    let mut is_between = true;
    for c in fold(clip(text)).chars() {
        if c.is_alphanumeric() {
            out.push(c);
            is_between = false;
        } else if !matches!(c, '\'' | '’') && !is_between {
            out.push(' ');
            is_between = true;
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// The part of a text that is compared.
pub fn clip(text: &str) -> &str {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Texts that stand for a missing value, as [`words`] gives them.
const MISSING: &[&str] = &[
    "n a",
    "na",
    "none",
    "null",
    "nil",
    "nan",
    "nul",
    "unknown",
    "unk",
    "not available",
    "not provided",
    "not known",
    "not applicable",
    "missing",
    "tbd",
    "tba",
    "blank",
    "empty",
    "no data",
    "undefined",
    "x",
    "xx",
    "xxx",
    "xxxx",
    "anonymous",
    "no name",
    "no phone",
    "noemail",
    "no email",
    "none none com",
    "unknown unknown com",
    "test test com",
    "0000 00 00",
    "1900 01 01",
    "unbekannt",
    "inconnu",
    "desconocido",
    "sin nombre",
    "n v t",
    "k a",
];

/// Longest text, in bytes, that can stand for a missing value.
const MISSING_BYTES_MAX: usize = 20;

/// True if a value says that there is none: blank, a word such as `n/a`, zeros or nines alone.
pub fn is_missing(text: &str) -> bool {
    let text = text.trim();
    if text.len() > MISSING_BYTES_MAX {
        return false;
    }
    let words = words(text);
    words.is_empty() || is_filler_number(&words) || MISSING.contains(&words.as_str())
}

/// True if digits are a filler: `0` alone, or four or more equal zeros or nines.
fn is_filler_number(words: &str) -> bool {
    let is_all = |digit: char| words.chars().all(|c| c == digit || c == ' ');
    words == "0" || (words.len() >= 4 && (is_all('0') || is_all('9')))
}

/// A text as 16-bit characters, which is how it is compared. Characters outside the basic plane
/// keep their lower half: two of them that differ there alone count as equal.
pub fn units(text: &str) -> Vec<u16> {
    text.chars().map(|c| (c as u32 & 0xffff) as u16).collect()
}

/// A hash of characters that is the same on every machine.
pub fn hash(units: &[u16], salt: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for &unit in units {
        hash = (hash ^ u64::from(unit)).wrapping_mul(0x0100_0000_01b3);
        hash ^= hash >> 29;
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// A finaliser after MurmurHash3: every bit of the input changes half of those of the output.
pub fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// A signature of characters: which occur, by five bits of each, and which of these twice. The
/// number of common bits and one bounds from above how many characters two texts share.
pub fn signature(units: &[u16]) -> u64 {
    let mut signature = 0u64;
    for &unit in units.iter().filter(|&&unit| unit != BLANK) {
        let bit = u64::from(unit) % 32;
        if signature >> bit & 1 == 1 {
            signature |= 1 << (32 + bit);
        }
        signature |= 1 << bit;
    }
    signature
}

/// The blank between two words.
pub const BLANK: u16 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case_accents_or_punctuation() {
        assert_eq!(words("  Müller-Lüdenscheidt,  O'Brien! "), "muller ludenscheidt obrien");
        assert_eq!(words("東京都"), "東京都");
    }

    #[test]
    fn fillers_are_missing_and_values_are_not() {
        for filler in ["", " ", "N/A", "-", "00000", "9999", "Unknown", "1900-01-01", "0"] {
            assert!(is_missing(filler), "{filler}");
        }
        for value in ["Null-Bock GmbH & Co", "1999", "10000", "Ng", "Xu", "Ed"] {
            assert!(!is_missing(value), "{value}");
        }
    }
}
