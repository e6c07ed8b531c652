//! Similarities of two texts, 0 to 1, as SQL offers them. The texts are compared as they are.

use std::collections::BTreeSet;

/// Longest text, in characters, of similarities whose cost grows with the product of the lengths.
pub const CHARS_MAX: usize = 4096;

/// A similarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// Jaro 1989.
    Jaro,
    /// Winkler 1990.
    JaroWinkler,
    /// 1 − Levenshtein distance / length of the longer text.
    Levenshtein,
    /// The same with swaps of neighbours as one step (optimal string alignment).
    Damerau,
    /// Common words over all words.
    Jaccard,
    /// Indel similarity of the words in order.
    TokenSort,
    /// The largest indel similarity among common words and common words with the rest of each text,
    /// after RapidFuzz's `token_set_ratio`.
    TokenSet,
    /// 1 where the first words sound alike (Soundex), else 0.
    Soundex,
}

impl Similarity {
    /// All, with their names.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::JaroWinkler, "jaro_winkler"),
        (Self::Jaro, "jaro"),
        (Self::Levenshtein, "levenshtein"),
        (Self::Damerau, "damerau"),
        (Self::Jaccard, "jaccard"),
        (Self::TokenSort, "token_sort"),
        (Self::TokenSet, "token_set"),
        (Self::Soundex, "soundex"),
    ];

    /// The similarity of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(similarity, _)| *similarity)
    }

    /// The similarity of two texts of at most [`CHARS_MAX`] characters each.
    pub fn of(self, a: &str, b: &str) -> f64 {
        match self {
            Self::Jaro => strsim::jaro(a, b),
            Self::JaroWinkler => strsim::jaro_winkler(a, b),
            Self::Levenshtein => strsim::normalized_levenshtein(a, b),
            Self::Damerau => of_distance(strsim::osa_distance(a, b), longer(a, b)),
            Self::Jaccard => jaccard(a, b),
            Self::TokenSort => ratio(&in_order(a), &in_order(b)),
            Self::TokenSet => token_set(a, b),
            Self::Soundex => soundex(a, b),
        }
    }
}

fn longer(a: &str, b: &str) -> usize {
    a.chars().count().max(b.chars().count())
}

/// 1 − distance / most; two empty texts are equal.
fn of_distance(distance: usize, most: usize) -> f64 {
    if most == 0 { 1.0 } else { 1.0 - distance as f64 / most as f64 }
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

/// The words of a text, sorted.
fn in_order(text: &str) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

fn sorted(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(" ")
}

fn jaccard(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    let all = a.union(&b).count();
    if all == 0 { 1.0 } else { a.intersection(&b).count() as f64 / all as f64 }
}

/// Insertions and deletions that make one text of the other: both lengths less twice the longest
/// common subsequence.
fn indel(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row = vec![0usize; b.len() + 1];
    let mut length = 0;
    for x in a.chars() {
        length += 1;
        let mut diagonal = 0;
        for (place, y) in b.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if x == *y { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    length + b.len() - 2 * row[b.len()]
}

fn ratio(a: &str, b: &str) -> f64 {
    of_distance(indel(a, b), a.chars().count() + b.chars().count())
}

fn token_set(a: &str, b: &str) -> f64 {
    let (a, b) = (words(a), words(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let both = a.intersection(&b).copied().collect();
    let (only_a, only_b): (BTreeSet<&str>, BTreeSet<&str>) =
        (a.difference(&b).copied().collect(), b.difference(&a).copied().collect());
    let (both, only_a, only_b) = (sorted(&both), sorted(&only_a), sorted(&only_b));
    if !both.is_empty() && (only_a.is_empty() || only_b.is_empty()) {
        return 1.0;
    }
    let count = |text: &str| text.chars().count();
    let common = count(&both);
    let gap = usize::from(common > 0);
    let (with_a, with_b) = (common + gap + count(&only_a), common + gap + count(&only_b));
    let whole = of_distance(indel(&only_a, &only_b), with_a + with_b);
    if common == 0 {
        return whole;
    }
    let beside_a = of_distance(gap + count(&only_a), common + with_a);
    let beside_b = of_distance(gap + count(&only_b), common + with_b);
    whole.max(beside_a).max(beside_b)
}

fn soundex(a: &str, b: &str) -> f64 {
    let code = |text: &str| {
        let folded = crate::fold::words(text);
        crate::names::sound(&crate::fold::units(folded.split(' ').next().unwrap_or_default()))
    };
    f64::from(u8::from(code(a) == code(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by RapidFuzz 3.14.6: token_set_ratio and token_sort_ratio, divided by 100.
    #[test]
    fn tokens_as_rapidfuzz_has_them() {
        for (a, b, set, sort) in [
            ("acme inc", "acme ltd", 0.666_666_666_666, 0.625),
            ("fuzzy fuzzy was a bear", "fuzzy was a bear", 1.0, 0.842_105_263_157),
            (
                "mariners vs angels",
                "los angeles angels of anaheim at seattle mariners",
                0.909_090_909_090,
                0.507_462_686_567,
            ),
            ("new york mets", "new york yankees", 0.761_904_761_904, 0.620_689_655_172),
        ] {
            assert!((Similarity::TokenSet.of(a, b) - set).abs() < 1e-9, "{a}");
            assert!((Similarity::TokenSort.of(a, b) - sort).abs() < 1e-9, "{a}");
        }
    }

    #[test]
    fn every_similarity_is_symmetric_and_one_of_equals() {
        for (similarity, name) in Similarity::ALL {
            assert_eq!(Similarity::named(name), Some(similarity));
            for (a, b) in [("ann lee", "lee anna"), ("", "x"), ("日本", "日本語")] {
                let (x, y) = (similarity.of(a, b), similarity.of(b, a));
                assert!((x - y).abs() < 1e-12, "{name} {a} {b}");
                assert!((0.0..=1.0).contains(&x), "{name} {a} {b}");
            }
            assert!((similarity.of("ann", "ann") - 1.0).abs() < 1e-12, "{name}");
        }
    }
}
