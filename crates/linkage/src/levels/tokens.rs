//! Values of several words: soft overlap, weighted by how rare a word is.

use super::Side;
use crate::distance::{jaro_winkler, may_reach};
use crate::table::Column;
use crate::value::{Detail, TOKENS_MAX};

/// The overlap of two sets of words.
struct Overlap {
    /// Common weight over that of all words (soft Jaccard).
    share: f32,
    /// Common weight over that of the lighter set (containment).
    contained: f32,
}

/// Levels of several words.
pub(super) fn words(column: &Column, a: Side<'_>, b: Side<'_>) -> u8 {
    let Overlap { share, contained } = overlap(column, a, b);
    if share >= 0.85 {
        6
    } else if share >= 0.65 {
        5
    } else if share >= 0.45 || contained >= 0.9 {
        4
    } else if share >= 0.3 || contained >= 0.65 {
        3
    } else if share >= 0.18 {
        2
    } else {
        u8::from(share >= 0.08)
    }
}

/// Levels of an address.
pub(super) fn address(column: &Column, a: Side<'_>, b: Side<'_>) -> u8 {
    let (Detail::Tokens(_, _, x), Detail::Tokens(_, _, y)) = (a.detail(), b.detail()) else {
        return 0;
    };
    let Overlap { share, contained } = overlap(column, a, b);
    let is_near = share >= 0.45 || contained >= 0.85;
    if x == 0 || y == 0 {
        if share >= 0.8 {
            5
        } else if is_near {
            4
        } else {
            u8::from(share >= 0.2)
        }
    } else if x == y {
        if share >= 0.8 {
            6
        } else if is_near {
            5
        } else {
            2
        }
    } else if share >= 0.8 {
        3
    } else {
        u8::from(share >= 0.3)
    }
}

fn overlap(column: &Column, a: Side<'_>, b: Side<'_>) -> Overlap {
    let dictionary = &*column.dictionary;
    let (a, b) = (dictionary.tokens(a.value), dictionary.tokens(b.value));
    let weight = |token: u32| column.rarity[token as usize];
    let (weight_a, weight_b): (f32, f32) =
        (a.iter().map(|&t| weight(t)).sum(), b.iter().map(|&t| weight(t)).sum());
    let mut used = 0u64;
    let mut common = 0.0;
    let mut left = [0u32; TOKENS_MAX];
    let mut left_count = 0;
    for &token in a {
        if let Some(place) = b.iter().position(|&other| other == token) {
            used |= 1 << place;
            common += weight(token);
        } else {
            left[left_count] = token;
            left_count += 1;
        }
    }
    for &token in &left[..left_count] {
        let (mut best, mut best_place) = (0.0, None);
        for (place, &other) in b.iter().enumerate().filter(|(place, _)| used >> place & 1 == 0) {
            let alike = likeness(column, token, other);
            if alike > best {
                (best, best_place) = (alike, Some(place));
            }
        }
        if let Some(place) = best_place {
            used |= 1 << place;
            common += best * weight(token).min(weight(b[place]));
        }
    }
    let all = (weight_a + weight_b - common).max(1e-6);
    Overlap { share: common / all, contained: common / weight_a.min(weight_b).max(1e-6) }
}

/// Likeness of two words, 0 to 1: of numbers 0.
fn likeness(column: &Column, a: u32, b: u32) -> f32 {
    let words = &column.dictionary.words;
    let ((value_a, a), (value_b, b)) = (words.get(a), words.get(b));
    if (u16::from(b'0')..=u16::from(b'9')).contains(&a[0]) {
        return 0.0;
    }
    let shorter = a.len().min(b.len());
    if shorter == 1 {
        return if a[0] == b[0] && a.len().max(b.len()) > 1 { 0.5 } else { 0.0 };
    }
    if shorter < 3 {
        return 0.0;
    }
    let common = (value_a.signature & value_b.signature).count_ones() + 1;
    if !may_reach(common, a.len(), b.len(), 0.75) {
        return 0.0;
    }
    if a[..shorter] == b[..shorter] {
        return 0.8;
    }
    let similarity = jaro_winkler(a, b);
    if similarity < 0.88 { 0.0 } else { similarity as f32 * 0.9 }
}
