//! Contents of a name field in place of a name, or beside one.

use std::borrow::Cow;

use super::{Problem, words};

/// Whole texts, small and with single spaces, that stand for a missing name.
const PLACEHOLDERS: &[&str] = &[
    "n/a",
    "n.a.",
    "n.a",
    "n a",
    "not available",
    "not applicable",
    "not provided",
    "not given",
    "not known",
    "no name",
    "noname",
    "no name given",
    "name",
    "your name",
    "full name",
    "first last",
    "first name",
    "last name",
    "firstname lastname",
    "first name last name",
    "customer name",
    "company name",
    "to be determined",
    "to be advised",
    "same as above",
    "do not use",
    "delete",
    "deleted",
    "unbekannt",
    "keine angabe",
    "k.a.",
    "desconocido",
    "sin nombre",
    "inconnu",
    "sans nom",
    "sconosciuto",
    "desconhecido",
    "onbekend",
    "未知",
    "无",
    "無",
    "不明",
    "不详",
    "不詳",
    "测试",
    "測試",
    "テスト",
    "なし",
    "未定",
    "匿名",
    "無名",
    "이름없음",
    "테스트",
    "없음",
    "нет",
    "неизвестно",
    "тест",
];

/// A text of these words and digits alone stands for a missing name.
const PLACEHOLDER_WORDS: &[&str] = &[
    "test",
    "testing",
    "tester",
    "dummy",
    "null",
    "none",
    "nil",
    "unknown",
    "undefined",
    "anonymous",
    "anon",
    "na",
    "tbd",
    "tba",
    "fnu",
    "lnu",
    "nan",
    "void",
    "blank",
    "empty",
    "user",
    "customer",
    "account",
    "name",
];

/// Of the words above, those that need another one beside them: alone they can be names.
const WEAK_WORDS: &[&str] = &["na", "tester", "user", "customer", "account", "void", "anon"];

/// Keyboard rows.
const ROWS: &[&str] = &["qwert", "asdf", "zxcv", "qwertz", "azerty", "йцук", "фыва"];

/// Fewest digits of what is taken for a telephone number.
const PHONE_DIGITS_MIN: usize = 7;

/// `text` without what is no name, and what that was; the problem alone where nothing is left.
pub(super) fn screen(text: &str) -> Result<(Cow<'_, str>, Option<Problem>), Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    let text = halve_widths(text);
    if is_placeholder(&text) {
        return Err(Problem::Placeholder);
    }
    let (text, problem) = take_out(text);
    if !text.chars().any(char::is_alphabetic) {
        return Err(problem.unwrap_or(Problem::NotAName));
    }
    if is_nonsense(&text) {
        return Err(Problem::NotAName);
    }
    Ok((text, problem))
}

/// Accents that stand for an apostrophe (`O´Brien`), and one with a space behind it (`O' Brien`).
pub(super) fn mend_apostrophes(text: &str) -> Cow<'_, str> {
    let is_sign = |c: char| matches!(c, '\'' | '´' | '`' | '’' | 'ʼ');
    if !text.contains(is_sign) {
        return Cow::Borrowed(text);
    }
    let letters: Vec<char> = text.chars().collect();
    let at = |place: Option<usize>| place.and_then(|place| letters.get(place)).copied();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let starts_word = |place: usize| {
        at(place.checked_sub(2)).is_none_or(char::is_whitespace)
            && matches!(at(place.checked_sub(1)), Some('o' | 'O' | 'd' | 'D'))
    };
    let mut mended = String::with_capacity(text.len());
    for (place, &c) in letters.iter().enumerate() {
        let before = place.checked_sub(1);
        if matches!(c, '´' | '`') && is_letter(at(before)) && is_letter(at(Some(place + 1))) {
            mended.push('\'');
        } else if c == ' '
            && before.is_some_and(|before| is_sign(letters[before]) && starts_word(before))
            && is_letter(at(Some(place + 1)))
        {
            // Dropped: the name goes on.
        } else {
            mended.push(c);
        }
    }
    Cow::Owned(mended)
}

/// Full-width letters and signs as ASCII has them.
fn halve_widths(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| ('！'..='～').contains(&c)) {
        return Cow::Borrowed(text);
    }
    let halve = |c: char| match c {
        '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        c => c,
    };
    Cow::Owned(text.chars().map(halve).collect())
}

/// Errors of spreadsheets.
const SHEET_ERRORS: &[&str] =
    &["#ref!", "#n/a", "#value!", "#name?", "#null!", "#num!", "#div/0!", "#error!", "#spill!"];

/// Words that stand for a missing name after a form of address, too: `Mr. Unknown`.
const UNKNOWN: &[&str] = &["unknown", "n/a", "na", "none", "tbd", "anonymous", "unbekannt"];

/// True if the text stands for a missing name.
pub(super) fn is_placeholder(text: &str) -> bool {
    if text.len() > 60 {
        return false;
    }
    if SHEET_ERRORS.contains(&text.trim().to_lowercase().as_str()) || are_unknown(text) {
        return true;
    }
    let small = text.to_lowercase();
    let small = small.trim_matches(|c: char| !c.is_alphanumeric() && c != '.');
    if PLACEHOLDERS.contains(&small) || PLACEHOLDERS.contains(&small.trim_end_matches('.')) {
        return true;
    }
    let words: Vec<&str> =
        small.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let are_all = !words.is_empty() && words.iter().all(|word| PLACEHOLDER_WORDS.contains(word));
    are_all && !words.iter().all(|word| WEAK_WORDS.contains(word))
}

/// True if the text can be no part of a name, as `Null` can.
pub(super) fn stands_for_none(text: &str) -> bool {
    let small = text.trim().to_lowercase();
    SHEET_ERRORS.contains(&small.as_str()) || ["n/a", "n.a.", "n.a", "-"].contains(&small.as_str())
}

/// Only words for what is unknown, one of them again, or behind forms of address.
fn are_unknown(text: &str) -> bool {
    let small = text.to_lowercase();
    let names = small.split([' ', ',']).filter(|word| {
        !word.is_empty() && !words::roles(&words::key(word)).has(words::Role::Title)
    });
    let names: Vec<&str> = names.map(|word| word.trim_matches('.')).collect();
    let is_strong = |word: &&str| *word != "na" && *word != "none";
    !names.is_empty()
        && names.iter().all(|word| UNKNOWN.contains(word))
        && names.iter().any(is_strong)
}

/// Takes out e-mail addresses, web addresses and telephone numbers; names the first kind found.
fn take_out(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Problem>) {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if !text.contains('@')
        && !text.contains("www.")
        && !text.contains("://")
        && digits < PHONE_DIGITS_MIN
    {
        return (text, None);
    }
    let mut problem = None;
    let mut kept: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        let found = if is_email(word) {
            Some(Problem::EmailAddress)
        } else if word.contains("://") || word.to_lowercase().starts_with("www.") {
            Some(Problem::WebAddress)
        } else {
            None
        };
        match found {
            Some(_) => problem = problem.or(found),
            None => kept.push(word),
        }
    }
    if digits_of(&kept) >= PHONE_DIGITS_MIN {
        let is_number = |word: &&str| {
            word.contains(|c: char| c.is_ascii_digit())
                && word.chars().all(|c| c.is_ascii_digit() || "+-()./".contains(c))
        };
        let numbers: Vec<&str> = kept.iter().copied().filter(|word| is_number(word)).collect();
        if digits_of(&numbers) >= PHONE_DIGITS_MIN {
            kept.retain(|word| !is_number(word));
            problem = problem.or(Some(Problem::PhoneNumber));
        }
    }
    if problem.is_none() {
        return (text, None);
    }
    let rest = kept.join(" ");
    let rest = rest.trim_matches(|c: char| c.is_whitespace() || "<>()[],;:-–|/".contains(c));
    (Cow::Owned(rest.to_owned()), problem)
}

fn digits_of(words: &[&str]) -> usize {
    words.iter().flat_map(|word| word.chars()).filter(char::is_ascii_digit).count()
}

fn is_email(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.split_once('.').is_some_and(|(name, end)| !name.is_empty() && !end.is_empty())
    })
}

/// One letter again and again, a row of the keyboard, or a word of many consonants alone.
fn is_nonsense(text: &str) -> bool {
    let letters: Vec<char> =
        text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).take(40).collect();
    if letters.len() >= 3 && letters.iter().all(|c| *c == letters[0]) && letters[0] != 'i' {
        return true;
    }
    let word: String = letters.iter().collect();
    if ROWS.iter().any(|row| word.starts_with(row)) {
        return true;
    }
    let is_one_small_word = !text.contains(' ') && text.chars().skip(1).any(char::is_lowercase);
    let is_consonant = |c: &char| c.is_ascii_alphabetic() && !"aeiouy".contains(*c);
    is_one_small_word && letters.len() >= 5 && letters.iter().all(is_consonant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_names_but_parts_of_names_may_look_like_them() {
        for text in ["N/A", "n/a.", "test", "Test 123", "TEST TEST", "null", "Unknown", "未知"] {
            assert_eq!(screen(text), Err(Problem::Placeholder), "{text}");
        }
        for text in ["Christopher Null", "Na", "Test Valley Council", "Noname Smith"] {
            assert!(screen(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn addresses_and_numbers_are_taken_out() {
        let (text, problem) = screen("John Smith <john@example.com>").unwrap();
        assert_eq!((&*text, problem), ("John Smith", Some(Problem::EmailAddress)));
        let (text, problem) = screen("Ann Lee (650) 253-0000").unwrap();
        assert_eq!((&*text, problem), ("Ann Lee", Some(Problem::PhoneNumber)));
        assert_eq!(screen("a@b.co"), Err(Problem::EmailAddress));
        assert_eq!(screen("+1 650 253 0000"), Err(Problem::PhoneNumber));
        assert_eq!(screen("www.example.com"), Err(Problem::WebAddress));
        assert_eq!(screen("1-800-FLOWERS 24").unwrap().1, None);
    }

    #[test]
    fn nonsense_is_no_name() {
        for text in ["asdf", "xxx", "aaaa", "sdfgh", "123", "--", "😀", "qwertyuiop"] {
            assert_eq!(screen(text), Err(Problem::NotAName), "{text}");
        }
        for text in ["Ng", "HSBC", "III", "Brynn", "Smyth"] {
            assert!(screen(text).is_ok(), "{text}");
        }
    }
}
