//! Names whose family name stands first by a comma, or before an initial.

use super::gazetteer;
use super::person::{Part, STRONG_PARTICLES, Word};
use super::words::{self, Role};

/// `Smith, John Robert, MD`: the comma decides. What stands before it is the family name, and what
/// follows up to the next one the given names; particles at their end belong to the family name
/// (`Gogh, Vincent van`), as do those before the comma (`Vries de, Jan`).
pub(super) fn read_inverted(words: &mut [Word<'_>]) {
    let is_named = |word: &Word<'_>| matches!(word.part, Part::Given | Part::Middle | Part::Family);
    let Some(comma) = words.iter().position(|word| word.token.has_comma) else { return };
    let next = words[comma + 1..].iter().position(|word| word.token.has_comma);
    let stop = next.map_or(words.len(), |at| comma + 2 + at);
    let is_inverted = words[..=comma].iter().any(is_named)
        && words[comma + 1..stop].iter().any(is_named)
        && !words[..=comma].iter().any(|word| word.part == Part::Title)
        && stops_with_comma(words, comma);
    if !is_inverted {
        return;
    }
    let mut is_first = true;
    for (at, word) in words[..stop].iter_mut().enumerate().filter(|(_, word)| is_named(word)) {
        word.part = if at <= comma {
            Part::Family
        } else if std::mem::take(&mut is_first) {
            Part::Given
        } else {
            Part::Middle
        };
    }
    let is_particle = |word: &Word<'_>| {
        word.roles.has(Role::Particle)
            && STRONG_PARTICLES.contains(&words::key(word.token.text).as_str())
    };
    let behind = words[comma + 2..stop].iter().rev().take_while(|word| is_particle(word)).count();
    words[stop - behind..stop].iter_mut().for_each(|word| word.part = Part::Family);
    let start = words[..=comma].iter().position(is_named).unwrap_or(0);
    words[start..stop].rotate_right(behind);
    let comma = comma + behind;
    let before = words[start..=comma].iter().rev().take_while(|word| is_particle(word)).count();
    if before <= comma - start {
        words[start..=comma].rotate_right(before);
    }
}

/// True if the first comma parts a family name from given names: one word and its particles stand
/// before it, or what follows is the likelier given name.
fn stops_with_comma(words: &[Word<'_>], comma: usize) -> bool {
    let before: Vec<&Word<'_>> =
        words[..=comma].iter().filter(|word| !word.roles.has(Role::Particle)).collect();
    let (Some(first), Some(after)) = (words.first(), words.get(comma + 1)) else { return false };
    let given = |word: &Word<'_>| gazetteer::look_up(word.token.text).given;
    before.len() <= 1 || given(after) >= given(first)
}

/// `Smith J`, `van der Berg J.`: one family name, which is hardly a given one, and an initial.
pub(super) fn is_family_and_initial(words: &[Word<'_>], named: &[usize]) -> bool {
    let Some((last, before)) = named.split_last() else { return false };
    let letters = |at: usize| words[at].token.text.chars().filter(|c| c.is_alphabetic()).count();
    let mut names = before.iter().filter(|at| !words[**at].roles.has(Role::Particle));
    let (Some(name), None) = (names.next(), names.next()) else { return false };
    let common = gazetteer::look_up(words[*name].token.text);
    letters(*last) == 1 && letters(*name) > 1 && common.family > common.given + 1
}
