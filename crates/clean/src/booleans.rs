//! Yes and no as forms, spreadsheets and exports write them.

use unicode_normalization::UnicodeNormalization;

/// Longest text, in bytes, that is read as a boolean.
const BYTES_MAX: usize = 40;

/// English, what Excel writes in other languages, the words for yes and no, and ticks.
const TRUE: [&str; 38] = [
    "true",
    "t",
    "yes",
    "y",
    "1",
    "1.0",
    "-1",
    "on",
    "wahr",
    "ja",
    "vrai",
    "oui",
    "verdadero",
    "si",
    "sí",
    "sì",
    "vero",
    "verdadeiro",
    "sim",
    "waar",
    "是",
    "はい",
    "✓",
    "✔",
    "☑",
    "да",
    "так",
    "evet",
    "نعم",
    "예",
    "네",
    "tak",
    "ano",
    "kyllä",
    "igen",
    "ναι",
    "checked",
    "enabled",
];

const FALSE: [&str; 36] = [
    "false",
    "f",
    "no",
    "n",
    "0",
    "0.0",
    "off",
    "falsch",
    "nein",
    "faux",
    "non",
    "falso",
    "não",
    "nao",
    "onwaar",
    "nee",
    "否",
    "不是",
    "いいえ",
    "✗",
    "✘",
    "☐",
    "-0",
    "нет",
    "ні",
    "hayır",
    "لا",
    "아니요",
    "아니오",
    "nie",
    "nej",
    "nei",
    "nem",
    "όχι",
    "unchecked",
    "disabled",
];

/// The truth value that `raw` writes; none where it writes none, or could mean either (`x`).
///
/// Case, full-width forms, white space and quotation marks around and a full stop at the end make
/// no difference. `-1` is Access's true.
pub fn parse(raw: &str) -> Option<bool> {
    let raw = raw.trim();
    if raw.len() > BYTES_MAX {
        return None;
    }
    let folded: String =
        raw.nfkc().filter(|c| *c != '\u{FE0F}').flat_map(char::to_lowercase).collect();
    let quoted = [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('«', '»')]
        .iter()
        .find_map(|(open, close)| folded.strip_prefix(*open)?.strip_suffix(*close));
    let folded = quoted.unwrap_or(&folded).trim();
    let word = folded.strip_suffix('.').unwrap_or(folded);
    if TRUE.contains(&word) {
        return Some(true);
    }
    FALSE.contains(&word).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_common_spellings() {
        for raw in
            ["true", "TRUE", " Yes ", "y", "T", "1", "1.0", "ON", "Ja", "Sí", "Ｙｅｓ", "✔️", "是"]
        {
            assert_eq!(parse(raw), Some(true), "{raw:?}");
        }
        for raw in ["false", "F", "no", "N.", "0", "off", "Nein", "NÃO", "faux", "☐", "否"] {
            assert_eq!(parse(raw), Some(false), "{raw:?}");
        }
    }

    #[test]
    fn leaves_the_rest_unread() {
        for raw in ["", " ", "x", "maybe", "yes and no", "2", "n/a", "null", "unknown", "10"] {
            assert_eq!(parse(raw), None, "{raw:?}");
        }
        assert_eq!(parse(&"y".repeat(1000)), None);
    }
}
