//! Proper case for names of streets and cities that came in capitals or in small letters.

use super::words::suffix;

/// Words that stay small inside a name.
const SMALL: [&str; 6] = ["of", "the", "and", "at", "du", "des"];

/// Words that stay small inside a name where they were written so: `Calle de Oro`, `De Soto`.
const SMALL_AS_WRITTEN: [&str; 10] =
    ["de", "del", "la", "las", "los", "el", "y", "van", "von", "le"];

/// Names of places that are spoken by their letters, with a vowel.
const LETTERS: [&str; 3] = ["nyc", "jfk", "ucla"];

/// True if `lower` is a word that can stay small inside a name.
pub fn is_small(lower: &str) -> bool {
    SMALL.contains(&lower) || SMALL_AS_WRITTEN.contains(&lower)
}

/// Abbreviations without a vowel that are no initials.
const SPOKEN: [&str; 13] =
    ["jr", "sr", "mr", "mrs", "ms", "dr", "st", "mt", "ft", "pt", "hts", "spgs", "twp"];

/// `MAIN` and `main` become `Main`, `MCCORMICK` `McCormick`, `O'BRIEN` `O'Brien`, `5TH` `5th`,
/// `MLK` stays; a word of mixed case stays as written. Full stops go, those between digits apart.
pub fn proper(word: &str, is_first: bool) -> String {
    let word = without_stops(word);
    let lower = word.to_lowercase();
    let is_small = SMALL.contains(&lower.as_str())
        || word == lower && SMALL_AS_WRITTEN.contains(&lower.as_str());
    if !is_first && is_small {
        return lower;
    }
    if LETTERS.contains(&lower.as_str()) {
        return lower.to_uppercase();
    }
    let is_mixed = word != lower && word != word.to_uppercase() && word != capital(&lower);
    if is_mixed {
        return word;
    }
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    if lower.starts_with(|c: char| c.is_ascii_digit()) {
        return digits_first(&lower);
    }
    let is_initials = letters <= 3
        && !lower.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        && lower.is_ascii()
        && suffix(&lower).is_none()
        && !SPOKEN.contains(&lower.as_str());
    if is_initials || matches!(lower.as_str(), "ii" | "iii" | "us" | "usa") || has_digit(&lower) {
        return lower.to_uppercase();
    }
    capital(&lower)
}

/// `5th` stays small, `221b` becomes `221B`.
fn digits_first(lower: &str) -> String {
    let tail = lower.trim_start_matches(|c: char| c.is_ascii_digit());
    if matches!(tail, "st" | "nd" | "rd" | "th") { lower.to_owned() } else { lower.to_uppercase() }
}

fn has_digit(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit())
}

/// `AVE` → `Ave`.
pub fn of_suffix(standard: &str) -> String {
    capital(&standard.to_lowercase())
}

/// Capital at the start and after hyphens, slashes, `O'`, `D'`, `L'` and `Mc`.
fn capital(lower: &str) -> String {
    let mut out = String::with_capacity(lower.len());
    let mut raise = true;
    let count = lower.chars().count();
    for (at, c) in lower.chars().enumerate() {
        let after_mc = at == 2 && lower.starts_with("mc") && count > 4;
        if (raise || after_mc) && c.is_alphabetic() {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        raise = matches!(c, '-' | '/')
            || (matches!(c, '\'' | '’') && at == 1 && lower.starts_with(['o', 'd', 'l']))
            || (raise && !c.is_alphabetic());
    }
    out
}

/// Without full stops, except between digits.
pub fn without_stops(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let is_digit = |at: Option<&char>| at.is_some_and(char::is_ascii_digit);
    let stays = |at: usize| {
        chars[at] != '.' || (at > 0 && is_digit(chars.get(at - 1)) && is_digit(chars.get(at + 1)))
    };
    let kept: String = (0..chars.len()).filter(|&at| stays(at)).map(|at| chars[at]).collect();
    if kept.is_empty() { word.to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::proper;

    #[test]
    fn words_of_one_case_get_proper_case_and_others_stay() {
        for (raw, expected) in [
            ("MAIN", "Main"),
            ("main", "Main"),
            ("McCormick", "McCormick"),
            ("MCCORMICK", "McCormick"),
            ("mack", "Mack"),
            ("O'BRIEN", "O'Brien"),
            ("wilkes-barre", "Wilkes-Barre"),
            ("LaSalle", "LaSalle"),
            ("5TH", "5th"),
            ("221b", "221B"),
            ("mlk", "MLK"),
            ("JR.", "Jr"),
            ("St.", "St"),
            ("39.2", "39.2"),
            ("DRIVER'S", "Driver's"),
            ("ÉTOILE", "Étoile"),
            ("III", "III"),
        ] {
            assert_eq!(proper(raw, true), expected);
        }
        assert_eq!(proper("OF", false), "of");
        assert_eq!(proper("THE", true), "The");
    }

    #[test]
    fn proper_case_of_proper_case_is_itself() {
        for raw in
            ["mccormick", "O'BRIEN", "wilkes-barre", "mlk", "5TH", "b12", "ẞ", "ǆ", "-a", "/"]
        {
            let once = proper(raw, true);
            assert_eq!(proper(&once, true), once);
        }
    }
}
