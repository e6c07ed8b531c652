//! The words of a date: numbers, names of months, and what may stand around them.

/// A part of a date that carries meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// ASCII digits.
    Number(&'a str),
    /// A month, 1 to 12, by its name.
    Month(u32),
}

/// Names of the months and their abbreviations in English, German, French, Spanish, Italian,
/// Portuguese and Dutch.
const MONTHS: [&[&str]; 12] = [
    &[
        "january", "jan", "januar", "janvier", "janv", "enero", "ene", "gennaio", "gen", "janeiro",
        "januari", "jänner",
    ],
    &[
        "february",
        "feb",
        "febr",
        "februar",
        "février",
        "fevrier",
        "févr",
        "fév",
        "febrero",
        "febbraio",
        "fevereiro",
        "fev",
        "februari",
    ],
    &[
        "march", "mar", "märz", "maerz", "mär", "mrz", "mars", "marzo", "março", "marco", "maart",
        "mrt",
    ],
    &["april", "apr", "avril", "avr", "abril", "abr", "aprile"],
    &["may", "mai", "mayo", "maggio", "mag", "maio", "mei"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho"],
    &["july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho"],
    &["august", "aug", "août", "aout", "agosto", "ago", "augustus"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "set", "setembro"],
    &["october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro", "out"],
    &["november", "nov", "novembre", "noviembre", "novembro"],
    &[
        "december",
        "dec",
        "dezember",
        "dez",
        "décembre",
        "decembre",
        "déc",
        "diciembre",
        "dic",
        "dicembre",
        "dezembro",
    ],
];

/// What may stand in a date and says nothing: days of the week, and small words between.
const FILLERS: [&str; 60] = [
    "monday",
    "mon",
    "tuesday",
    "tue",
    "tues",
    "wednesday",
    "wed",
    "thursday",
    "thu",
    "thur",
    "thurs",
    "friday",
    "fri",
    "saturday",
    "sat",
    "sunday",
    "sun",
    "montag",
    "mo",
    "dienstag",
    "di",
    "mittwoch",
    "mi",
    "donnerstag",
    "do",
    "freitag",
    "fr",
    "samstag",
    "sa",
    "sonntag",
    "so",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
    "the",
    "of",
    "de",
    "del",
    "den",
    "le",
    "st",
    "nd",
    "rd",
    "th",
    "er",
    "年",
    "月",
    "日",
    "at",
];

/// Splits the time of day off: the day before it, and whether a time stands there that is not
/// midnight. None where what follows the day is no time.
pub(super) fn split_time(text: &str) -> Option<(&str, bool)> {
    let Some(colon) = text.find(':') else { return Some((text, false)) };
    let before = text.get(..colon)?;
    let day = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let hours = before.get(day.len()..)?;
    let (minutes, rest) = text.get(colon + 1..)?.split_at_checked(2)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if hours.len() > 2 || !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let is_second = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
            let length = rest.find(|c| !is_second(c)).unwrap_or(rest.len());
            rest.split_at_checked(length)?
        }
        None => ("", rest),
    };
    let is_zone = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ':' | ' ');
    let rest = ["am", "pm", "a.m.", "p.m."]
        .iter()
        .find_map(|half| rest.trim_start().strip_prefix(half))
        .unwrap_or(rest)
        .trim();
    let rest =
        ["z", "utc", "gmt", "uhr"].iter().find_map(|zone| rest.strip_prefix(zone)).unwrap_or(rest);
    if !rest.chars().all(is_zone) {
        return None;
    }
    let is_midnight = [hours, minutes, seconds]
        .iter()
        .all(|part| part.bytes().all(|byte| matches!(byte, b'0' | b'.' | b',')));
    let day = day.trim_end();
    let is_after_digit =
        day.strip_suffix('t').is_some_and(|d| d.ends_with(|c: char| c.is_ascii_digit()));
    let day = if is_after_digit { day.strip_suffix('t')? } else { day };
    Some((day, !is_midnight))
}

/// The meaningful words of `text`, at most four; none where a word is unknown or a sign is none of
/// a date's.
pub(super) fn words(text: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let is_kind = |kind: fn(char) -> bool| rest.find(|c| !kind(c)).unwrap_or(rest.len());
        let length = if c.is_ascii_digit() {
            is_kind(|c| c.is_ascii_digit())
        } else if c.is_alphabetic() {
            is_kind(char::is_alphabetic)
        } else if matches!(c, ' ' | '-' | '/' | '.' | ',' | '\'' | '’' | '‐' | '–' | '−') {
            c.len_utf8()
        } else {
            return None;
        };
        let (word, after) = rest.split_at_checked(length)?;
        rest = after;
        if c.is_ascii_digit() {
            words.push(Word::Number(word));
        } else if c.is_alphabetic() && !FILLERS.contains(&word) {
            let index = MONTHS.iter().position(|names| names.contains(&word))?;
            words.push(Word::Month(u32::try_from(index).ok()? + 1));
        }
        if words.len() > 4 {
            return None;
        }
    }
    Some(words)
}
