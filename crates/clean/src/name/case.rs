//! Capital letters: names that are written all large or all small get those that they mostly have.

use super::words::{Role, Roles, key};

/// Particles that are written small inside a name.
const SMALL: &[&str] = &[
    "van", "von", "vom", "zu", "zum", "zur", "der", "den", "de", "del", "della", "dello", "dalla",
    "degli", "dei", "di", "da", "dos", "das", "do", "du", "des", "la", "le", "las", "los", "el",
    "al", "af", "av", "bin", "bint", "ibn", "y", "e", "i", "ter", "ten", "te", "op", "aan", "'t",
    "'s", "und", "d", "ul", "ur", "tot", "het",
];

/// Continuations of `Mac` in names that have a capital letter there; `Macias` and `Mack` have not.
const AFTER_MAC: &[&str] = &[
    "alister",
    "allister",
    "arthur",
    "askill",
    "auley",
    "bean",
    "beth",
    "bride",
    "callum",
    "cormack",
    "donald",
    "donell",
    "donnell",
    "dougal",
    "dougall",
    "dowell",
    "duff",
    "ewan",
    "ewen",
    "fadden",
    "farland",
    "farlane",
    "gregor",
    "gillivray",
    "gowan",
    "innes",
    "innis",
    "intosh",
    "intyre",
    "iver",
    "ivor",
    "kay",
    "kinlay",
    "kinley",
    "kinnon",
    "lachlan",
    "laine",
    "laren",
    "lean",
    "leish",
    "lennan",
    "leod",
    "mahon",
    "manus",
    "master",
    "millan",
    "murray",
    "namara",
    "naughton",
    "neil",
    "neill",
    "nab",
    "nicol",
    "phail",
    "phee",
    "pherson",
    "quarrie",
    "queen",
    "rae",
    "ritchie",
    "taggart",
    "tavish",
    "vicar",
    "william",
];

/// Short names of organisations that are letters, though they could be read as words.
const LETTERS: &[&str] = &[
    "ibm", "usa", "uk", "eu", "us", "sap", "ups", "usps", "aol", "axa", "aig", "ubs", "abb", "kia",
    "nasa", "nato", "unicef", "ikea", "ing", "aaa", "ymca", "ywca", "edf", "basf", "sas", "atm",
    "att", "at&t", "bae", "eon", "ge", "ii", "iii", "iv", "pac", "ipac", "afl", "cio", "afscme",
    "aflac", "ui", "it", "tv", "uae", "usaa", "ucla", "ieee", "abc", "ao", "os", "oecd", "ohsu",
    "suny", "cuny", "pepsico",
];

/// Words that titles of organisations write small.
const LINKS: &[&str] = &[
    "of", "and", "the", "for", "to", "in", "at", "by", "on", "or", "with", "de", "del", "la", "le",
    "les", "du", "des", "et", "und", "für", "der", "die", "y", "e", "da", "do", "dos", "di",
    "della", "van", "von", "en", "a", "an",
];

/// Case of the letters of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// All large or all small: case says nothing and is set anew.
    Flat,
    /// Some of each: stays as written.
    Mixed,
}

/// The case of `words`; single letters do not count, unless there is nothing else.
pub(super) fn case_of<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Case {
    let long = words.clone().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1);
    let has = |test: fn(char) -> bool| long.clone().any(|word| word.chars().any(test));
    match (has(char::is_uppercase), has(char::is_lowercase)) {
        (true, true) => Case::Mixed,
        (false, false) => {
            if words.clone().any(|word| word.contains(char::is_uppercase)) {
                Case::Mixed
            } else {
                Case::Flat
            }
        }
        _ => Case::Flat,
    }
}

/// A word of a person's name in the case that names mostly have. A word that mixes case stays.
pub(super) fn person_word(word: &str, roles: &Roles, case: Case, is_inside: bool) -> String {
    if case == Case::Mixed && !is_shouted(word) {
        return word.to_owned();
    }
    let small = word.to_lowercase();
    if is_inside && roles.has(Role::Particle) && SMALL.contains(&key(word).as_str()) {
        return small;
    }
    let mut written = String::with_capacity(word.len());
    for (at, part) in small.split('-').enumerate() {
        if at > 0 {
            written.push('-');
        }
        let is_article = at == 0 && matches!(part, "al" | "el" | "as" | "ad" | "ash" | "ar" | "an");
        if is_article && small.contains('-') {
            written.push_str(part);
        } else {
            written.push_str(&capitalised(part));
        }
    }
    written
}

/// True if a word in a text of mixed case is all large: `Jean DUPONT`. Up to three letters can be
/// initials (`JP`, `TJ`).
pub(super) fn is_shouted(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters > 3 && !word.contains('.') && !word.chars().any(char::is_lowercase)
}

/// `part`, in small letters, with the capitals of a name: after an apostrophe that follows one
/// letter, after Mc and some Mac, after full stops.
fn capitalised(part: &str) -> String {
    if let Some((before, after)) = part.split_once(['\'', '’']) {
        let sign = &part[before.len()..part.len() - after.len()];
        return if before.chars().count() == 1 && after.chars().count() > 1 {
            format!("{}{sign}{}", first_large(before), capitalised(after))
        } else {
            format!("{}{sign}{after}", first_large(before))
        };
    }
    if part.trim_end_matches('.').contains('.') {
        return part.split('.').map(first_large).collect::<Vec<_>>().join(".");
    }
    match part.strip_prefix("mc") {
        Some(rest) if rest.chars().count() > 1 => return format!("Mc{}", first_large(rest)),
        _ => {}
    }
    match part.strip_prefix("mac") {
        Some(rest) if AFTER_MAC.contains(&rest) => format!("Mac{}", first_large(rest)),
        _ => first_large(part),
    }
}

/// First letter large, the rest as it is. A capital of several letters (`ß` has `SS`) is large in
/// the first one only.
fn first_large(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let mut large = first.to_uppercase();
    let head: String = large.next().into_iter().collect();
    let rest: String = large.flat_map(char::to_lowercase).collect();
    head + &rest + letters.as_str()
}

/// A word of an organisation's name; `is_first` where nothing stands before it.
pub(super) fn organisation_word(word: &str, case: Case, is_first: bool) -> String {
    if case == Case::Mixed {
        return word.to_owned();
    }
    let small = word.to_lowercase();
    let bare = key(word);
    let letters = bare.chars().filter(|c| c.is_alphabetic()).count();
    let is_vowel = |c: char| "aeiouy".contains(c) || !c.is_ascii();
    let is_dotted = small.trim_end_matches('.').contains('.');
    if !is_first && LINKS.contains(&bare.as_str()) {
        return small;
    }
    let has_digit = bare.contains(|c: char| c.is_ascii_digit());
    if has_digit && ends_as_ordinal(&bare) {
        return small;
    }
    let is_letters = LETTERS.contains(&bare.as_str())
        || (letters <= 5 && letters > 0 && !bare.contains(is_vowel) && !bare.contains('\''))
        || is_dotted
        || bare.contains('&')
        || (has_digit && letters <= 2);
    if is_letters
        && !matches!(bare.as_str(), "mr" | "mrs" | "dr" | "st" | "jr" | "sr" | "ltd" | "ms")
    {
        return word.to_uppercase();
    }
    small.split('-').map(capitalised).collect::<Vec<_>>().join("-")
}

fn ends_as_ordinal(word: &str) -> bool {
    ["st", "nd", "rd", "th"].iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::words::roles;
    use super::*;

    fn person(word: &str) -> String {
        person_word(word, &roles(&key(word)), Case::Flat, true)
    }

    #[test]
    fn flat_words_of_people_get_their_capitals() {
        let pairs = [
            ("MCDONALD", "McDonald"),
            ("macarthur", "MacArthur"),
            ("MACIAS", "Macias"),
            ("o'brien", "O'Brien"),
            ("D'ANGELO", "D'Angelo"),
            ("jean-pierre", "Jean-Pierre"),
            ("AL-SAUD", "al-Saud"),
            ("VAN", "van"),
            ("j.r.r.", "J.R.R."),
            ("ÉMILE", "Émile"),
            ("ka'ahumanu", "Ka'ahumanu"),
            ("straße", "Straße"),
            ("ÖZGÜR", "Özgür"),
            ("mc", "Mc"),
        ];
        for (word, expected) in pairs {
            assert_eq!(person(word), expected);
            assert_eq!(person(expected), person(&person(expected)));
        }
        assert_eq!(person_word("DeShawn", &Roles::default(), Case::Mixed, false), "DeShawn");
        assert_eq!(person_word("DUPONT", &Roles::default(), Case::Mixed, false), "Dupont");
    }

    #[test]
    fn flat_words_of_organisations_keep_their_letters() {
        let pairs =
            [("BMW", "BMW"), ("ibm", "IBM"), ("OF", "of"), ("joe's", "Joe's"), ("3M", "3M")];
        for (word, expected) in pairs {
            assert_eq!(organisation_word(word, Case::Flat, false), expected);
        }
        assert_eq!(organisation_word("THE", Case::Flat, true), "The");
        assert_eq!(organisation_word("21ST", Case::Flat, false), "21st");
    }
}
