//! Columns that hold one part of a name: given names, or the family name.

use super::case::{case_of, person_word};
use super::words::{Role, key, roles};
use super::{INPUT_CHARS_MAX, Problem};
use super::{gazetteer, screen};
use crate::text;

/// Part of a name that a column contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePart {
    /// Given names and initials.
    Given,
    /// The family name with its particles.
    Family,
}

/// One part of a name in standard spelling: white space and case as in `describe`, and a full stop
/// behind the initials of given names. The words stay in their order, and a family name such as
/// `Null` or `Test` stays. No value where the text stands for none (`N/A`, `#REF!`), or has no
/// letters.
pub fn clean_part(raw: &str, part: NamePart) -> (Option<String>, Option<Problem>) {
    if raw.len() > INPUT_CHARS_MAX && raw.chars().nth(INPUT_CHARS_MAX).is_some() {
        return (Some(raw.to_owned()), Some(Problem::TooLong));
    }
    let text = text::clean(raw);
    if text.is_empty() {
        return (None, Some(Problem::Empty));
    }
    if screen::stands_for_none(&text) {
        return (None, Some(Problem::Placeholder));
    }
    if !text.chars().any(char::is_alphabetic) {
        return (Some(text), Some(Problem::NotAName));
    }
    if text.contains('@') {
        return (Some(text), Some(Problem::EmailAddress));
    }
    let text = screen::mend_apostrophes(&text);
    let words: Vec<&str> = text.split(' ').collect();
    let case = case_of(words.iter().copied());
    let count = words.len();
    let spell = |(at, word): (usize, &&str)| {
        let mut letters = word.chars();
        if let (NamePart::Given, Some(letter), None) = (part, letters.next(), letters.next())
            && count > 1
            && (letter.is_uppercase() || letter.is_lowercase())
        {
            return format!("{}.", letter.to_uppercase());
        }
        if at > 0
            && let Some(generation) = roles(&key(word)).spelling(Role::Generation)
        {
            return generation.to_owned();
        }
        // Initials that are called as a name.
        let are_initials = word.len() == 2 && word.chars().all(|c| c.is_ascii_uppercase());
        if part == NamePart::Given && are_initials && gazetteer::look_up(word).given < 3 {
            return (*word).to_owned();
        }
        person_word(word, &roles(&key(word)), case, at + 1 < count)
    };
    (Some(words.iter().enumerate().map(spell).collect::<Vec<_>>().join(" ")), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_names_keep_their_words_and_their_order() {
        for (raw, clean) in [
            ("St. John", "St. John"),
            ("ST. JOHN", "St. John"),
            ("O BRIEN", "O Brien"),
            ("Smith Jr", "Smith Jr."),
            ("O´BRIEN", "O'Brien"),
            ("D Souza", "D Souza"),
            ("Ó Súilleabháin", "Ó Súilleabháin"),
            ("VAN DER BERG", "van der Berg"),
            ("Null", "Null"),
            ("Test", "Test"),
            (" smith-jones ", "Smith-Jones"),
        ] {
            assert_eq!(clean_part(raw, NamePart::Family).0.as_deref(), Some(clean), "{raw}");
        }
        assert_eq!(clean_part("N/A", NamePart::Family), (None, Some(Problem::Placeholder)));
    }

    #[test]
    fn given_names_have_initials_with_full_stops() {
        for (raw, clean) in [
            ("MARY ANN", "Mary Ann"),
            ("JOHN H", "John H."),
            ("AJ", "AJ"),
            ("jean-luc", "Jean-Luc"),
        ] {
            assert_eq!(clean_part(raw, NamePart::Given).0.as_deref(), Some(clean), "{raw}");
        }
    }
}
