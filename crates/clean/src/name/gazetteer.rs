//! Frequency of a word as a given name and as a family name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lines `word<tab>gf`, ascending by bytes; `g` and `f` are levels, see `Commonness`. The folder
/// has the script that makes it and says from what.
const NAMES: &str = include_str!("../../data/name/names.txt");

/// Bits of likelihood from one level to the next.
pub(super) const BITS_PER_LEVEL: f64 = 1.75;

/// Frequency of a word in the two roles: 0 not known, 1 a millionth of the people, each further
/// level 3.4 times as many, 9 the most common names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Commonness {
    pub given: u8,
    pub family: u8,
}

impl Commonness {
    /// Logarithm, in bits, of how much likelier the word is as a given than as a family name.
    pub fn log_odds_of_given(self) -> f64 {
        (f64::from(self.given) - f64::from(self.family)) * BITS_PER_LEVEL
    }

    /// True if the word is on neither list.
    pub fn is_unknown(self) -> bool {
        self.given == 0 && self.family == 0
    }
}

/// Looks up a word in any case, with or without its diacritics. Of `Jean-Pierre` and `Garcia-Lopez`
/// the last part is looked up, then the whole.
pub(super) fn look_up(word: &str) -> Commonness {
    let last = word.rsplit_once('-').map(|(_, last)| find(&fold(last))).unwrap_or_default();
    if last.is_unknown() { find(&fold(word)) } else { last }
}

/// All words of the list with their levels.
pub(super) fn entries() -> impl Iterator<Item = (&'static str, u8, u8)> {
    NAMES.lines().filter_map(|line| {
        let (word, levels) = line.split_once('\t')?;
        let &[given, family] = levels.as_bytes() else { return None };
        Some((word, given.wrapping_sub(b'0'), family.wrapping_sub(b'0')))
    })
}

/// Small letters without diacritics; anything else goes. The script that makes the list folds
/// alike.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        let letters = word.bytes().filter(u8::is_ascii_alphabetic);
        return letters.map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    }
    let mut folded = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase).nfd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => folded.push_str("ss"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            c if c.is_alphabetic() => folded.push(c),
            _ => {}
        }
    }
    folded.nfc().collect()
}

/// Binary search in the text itself: nothing is built at start, nothing held in memory.
fn find(key: &str) -> Commonness {
    let bytes = NAMES.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start =
            bytes[low..middle].iter().rposition(|b| *b == b'\n').map_or(low, |i| low + i + 1);
        let stop = bytes[start..].iter().position(|b| *b == b'\n').map_or(high, |i| start + i);
        let line = &bytes[start..stop];
        let Some((word, &[b'\t', given, family])) = line.split_last_chunk::<3>() else {
            return Commonness::default();
        };
        match word.cmp(key.as_bytes()) {
            std::cmp::Ordering::Less => low = stop + 1,
            std::cmp::Ordering::Greater => high = start,
            std::cmp::Ordering::Equal => {
                return Commonness {
                    given: given.wrapping_sub(b'0'),
                    family: family.wrapping_sub(b'0'),
                };
            }
        }
    }
    Commonness::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        let mut before = "";
        for line in NAMES.lines() {
            let (word, levels) = line.split_once('\t').unwrap();
            assert!(before < word, "{word} is out of order");
            assert_eq!(fold(word), word);
            let found = find(word);
            assert_eq!(format!("{}{}", found.given, found.family), levels);
            before = word;
        }
    }

    #[test]
    fn case_and_diacritics_make_no_difference() {
        assert_eq!(look_up("GARCÍA"), look_up("garcia"));
        assert!(look_up("Łukasz").given > 0);
        assert!(look_up("Jean-Pierre").given > 0);
        assert!(look_up("qqxz").is_unknown());
        assert!(look_up("").is_unknown());
    }
}
