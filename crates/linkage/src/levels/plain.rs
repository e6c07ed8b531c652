//! Names, short texts, codes, numbers and dates.

use super::{Side, distance};
use crate::distance::{jaro_winkler, may_reach};
use crate::fold::BLANK;
use crate::names;
use crate::value::Detail;

/// A distance that is not counted as it is too large to matter.
const FAR: usize = 9;

/// Jaro-Winkler similarity and distance of two texts; 0 and [`FAR`] where neither is near.
fn nearness(a: Side<'_>, b: Side<'_>) -> (f64, usize) {
    if !may_reach(a.common(&b), a.text.len(), b.text.len(), 0.63) {
        return (0.0, FAR);
    }
    let similarity = jaro_winkler(a.text, b.text);
    let is_close = a.text.len().abs_diff(b.text.len()) <= 2 && similarity > 0.6;
    (similarity, if is_close { distance(a, b, 2) } else { FAR })
}

/// True if both have a word of at least `least` characters, and one of them has several words.
fn share_word(a: Side<'_>, b: Side<'_>, least: usize) -> bool {
    if !a.text.contains(&BLANK) && !b.text.contains(&BLANK) {
        return false;
    }
    let mut words = a.text.split(|&unit| unit == BLANK);
    words.any(|word| word.len() >= least && b.text.split(|&unit| unit == BLANK).any(|w| w == word))
}

/// Levels of a name.
pub(super) fn name(a: Side<'_>, b: Side<'_>) -> u8 {
    let shorter = a.text.len().min(b.text.len());
    let same_initial = a.text[0] == b.text[0];
    if shorter == 1 {
        return if same_initial { 3 } else { 0 };
    }
    let (similarity, steps) = nearness(a, b);
    if (steps <= 1 && shorter >= 3) || similarity >= 0.95 {
        return 5;
    }
    if (similarity >= 0.88 && shorter >= 3) || (steps <= 2 && shorter >= 6) {
        return 4;
    }
    let (Detail::Name(groups_a, sound_a), Detail::Name(groups_b, sound_b)) =
        (a.detail(), b.detail())
    else {
        return u8::from(same_initial);
    };
    let begins = shorter >= 3 && a.text[..shorter] == b.text[..shorter];
    if names::share_group(groups_a, groups_b) || begins || share_word(a, b, 3) {
        return 3;
    }
    if similarity >= 0.78 || sound_a == sound_b { 2 } else { u8::from(same_initial) }
}

/// Levels of a short text.
pub(super) fn text(a: Side<'_>, b: Side<'_>) -> u8 {
    let shorter = a.text.len().min(b.text.len());
    let (similarity, steps) = nearness(a, b);
    let begins = shorter >= 4 && a.text[..shorter] == b.text[..shorter];
    if (steps <= 1 && shorter >= 4) || similarity >= 0.95 {
        5
    } else if similarity >= 0.88 || (steps <= 2 && shorter >= 6) {
        4
    } else if share_word(a, b, 4) {
        3
    } else if similarity >= 0.80 || begins {
        2
    } else {
        u8::from(similarity >= 0.70)
    }
}

/// Levels of a category.
pub(super) fn category(a: Side<'_>, b: Side<'_>) -> u8 {
    let shorter = a.text.len().min(b.text.len());
    u8::from(shorter >= 3 && a.common(&b) > 1 && distance(a, b, 1) <= 1)
}

/// Levels of a code.
pub(super) fn code(a: Side<'_>, b: Side<'_>) -> u8 {
    let shorter = a.text.len().min(b.text.len());
    let steps = distance(a, b, 2);
    if steps <= 1 && shorter >= 2 {
        3
    } else if steps <= 2 && shorter >= 4 {
        2
    } else {
        u8::from(shorter >= 5 && jaro_winkler(a.text, b.text) >= 0.9)
    }
}

/// Levels of a measured number.
pub(super) fn number(a: Side<'_>, b: Side<'_>) -> u8 {
    let (Detail::Number(x), Detail::Number(y)) = (a.detail(), b.detail()) else { return 0 };
    let apart = (x - y).abs() / x.abs().max(y.abs()).max(1e-9);
    if apart < 0.01 { 2 } else { u8::from(apart < 0.1) }
}

/// Levels of a date.
pub(super) fn date(a: Side<'_>, b: Side<'_>) -> u8 {
    let (Detail::Date(x), Detail::Date(y)) = (a.detail(), b.detail()) else { return 0 };
    let steps = distance(a, b, 2);
    let same_year = x.year == y.year;
    let is_swapped = same_year && x.month == y.day && x.day == y.month;
    if steps <= 1 || is_swapped {
        return 6;
    }
    let equal = [same_year, x.month == y.month, x.day == y.day];
    if equal.iter().filter(|is_equal| **is_equal).count() == 2 {
        return 5;
    }
    // The first of January stands for a year of which no more is known.
    let is_year = |month, day| month == 1 && day == 1;
    if (same_year && (is_year(x.month, x.day) || is_year(y.month, y.day))) || steps <= 2 {
        return 4;
    }
    let days = (x.days() - y.days()).abs();
    if same_year || days <= 31 {
        3
    } else if days <= 400 {
        2
    } else {
        u8::from((x.year - y.year).abs() <= 10)
    }
}
