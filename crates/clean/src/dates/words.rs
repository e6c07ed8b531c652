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
/// Portuguese and Dutch, and names in Danish, Norwegian, Swedish, Polish, Russian and Turkish.
/// `listopada` is left out: November in Polish, October in Croatian.
const MONTHS: [&[&str]; 12] = [
    &[
        "stycznia",
        "января",
        "ocak",
        "january",
        "jan",
        "januar",
        "janvier",
        "janv",
        "enero",
        "ene",
        "gennaio",
        "gen",
        "janeiro",
        "januari",
        "jänner",
    ],
    &[
        "lutego",
        "февраля",
        "şubat",
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
        "marts",
        "marca",
        "марта",
        "mart",
        "march",
        "mar",
        "märz",
        "maerz",
        "mär",
        "mrz",
        "mars",
        "marzo",
        "março",
        "marco",
        "maart",
        "mrt",
    ],
    &["kwietnia", "апреля", "nisan", "april", "apr", "avril", "avr", "abril", "abr", "aprile"],
    &["maj", "maja", "мая", "mayıs", "may", "mai", "mayo", "maggio", "mag", "maio", "mei"],
    &[
        "czerwca", "июня", "haziran", "june", "jun", "juni", "juin", "junio", "giugno", "giu",
        "junho",
    ],
    &[
        "lipca", "июля", "temmuz", "july", "jul", "juli", "juillet", "juil", "julio", "luglio",
        "lug", "julho",
    ],
    &[
        "augusti",
        "sierpnia",
        "августа",
        "ağustos",
        "august",
        "aug",
        "août",
        "aout",
        "agosto",
        "ago",
        "augustus",
    ],
    &[
        "września",
        "сентября",
        "eylül",
        "september",
        "sep",
        "sept",
        "septembre",
        "septiembre",
        "settembre",
        "set",
        "setembro",
    ],
    &[
        "października",
        "октября",
        "ekim",
        "october",
        "oct",
        "oktober",
        "okt",
        "octobre",
        "octubre",
        "ottobre",
        "ott",
        "outubro",
        "out",
    ],
    &["ноября", "kasım", "november", "nov", "novembre", "noviembre", "novembro"],
    &[
        "desember",
        "grudnia",
        "декабря",
        "aralık",
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

/// Words without meaning in a date: days of the week, and small words between.
const FILLERS: [&str; 76] = [
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
    "년",
    "월",
    "일",
    "at",
    "o",
    "ro",
    "do",
    "e",
    "um",
    "kl",
    "alle",
    "am",
    "den",
    "г",
    "года",
    "r",
    "roku",
];

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
