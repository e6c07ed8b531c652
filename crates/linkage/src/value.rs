//! Values of a column as they are compared: each distinct one once.

use crate::dates::{self, Date};
use crate::fold::{self, BLANK, hash, signature, units, words};
use crate::kind::Kind;
use crate::names::{self, Groups};
use rustc_hash::FxHashMap;

/// Most words of a value that are compared.
pub const TOKENS_MAX: usize = 64;

/// Properties of a value by its kind.
#[derive(Debug, Clone, Copy, Default)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// A name's short forms and its sound.
    Name(Groups, u32),
    /// A date.
    Date(Date),
    /// The length of an e-mail address's local part, and a hash of its mailbox.
    Email(u16, u32),
    /// Place of its words in the dictionary, their number, and a hash of the house number, or 0.
    Tokens(u32, u16, u32),
    /// A number.
    Number(f64),
}

/// One distinct value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Value {
    start: u32,
    len: u16,
    /// See [`signature`].
    pub signature: u64,
    /// See [`Detail`].
    pub detail: Detail,
}

/// Texts side by side, each with what is known of it.
#[derive(Debug, Clone, Default)]
pub struct Arena {
    units: Vec<u16>,
    values: Vec<Value>,
}

impl Arena {
    fn push(&mut self, text: &[u16], detail: Detail) -> u32 {
        let value = Value {
            start: self.units.len() as u32,
            len: text.len().min(usize::from(u16::MAX)) as u16,
            signature: signature(text),
            detail,
        };
        self.units.extend(&text[..usize::from(value.len)]);
        self.values.push(value);
        self.values.len() as u32 - 1
    }

    /// The value of that number.
    pub fn get(&self, id: u32) -> (&Value, &[u16]) {
        let value = &self.values[id as usize];
        (value, &self.units[value.start as usize..value.start as usize + usize::from(value.len)])
    }

    /// Its characters.
    pub fn text(&self, id: u32) -> &[u16] {
        self.get(id).1
    }

    /// The number of values.
    pub fn count(&self) -> usize {
        self.values.len()
    }
}

/// The distinct values of a column. Number 0 stands for a missing one.
#[derive(Debug, Clone)]
pub struct Dictionary {
    /// The values.
    pub values: Arena,
    /// The distinct words of all values, where they are compared word by word.
    pub words: Arena,
    tokens: Vec<u32>,
    ids: FxHashMap<u64, u32>,
    word_ids: FxHashMap<u64, u32>,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut values = Arena::default();
        values.push(&[], Detail::None);
        Self {
            values,
            words: Arena::default(),
            tokens: Vec::new(),
            ids: FxHashMap::default(),
            word_ids: FxHashMap::default(),
        }
    }
}

impl Dictionary {
    /// The number of a normalised value; a new one is added.
    pub fn intern(&mut self, kind: Kind, text: &str) -> u32 {
        let text_units = units(text);
        let mut place = hash(&text_units, 11);
        while let Some(&known) = self.ids.get(&place) {
            if self.values.text(known) == text_units {
                return known;
            }
            place = place.wrapping_add(1);
        }
        let detail = self.detail(kind, text, &text_units);
        let id = self.values.push(&text_units, detail);
        self.ids.insert(place, id);
        id
    }

    /// The words of a value, by their numbers.
    pub fn tokens(&self, value: &Value) -> &[u32] {
        let Detail::Tokens(start, count, _) = value.detail else { return &[] };
        &self.tokens[start as usize..start as usize + usize::from(count)]
    }

    /// Frees what only [`intern`](Self::intern) needs.
    pub fn finish(&mut self) {
        self.ids = FxHashMap::default();
        self.word_ids = FxHashMap::default();
        self.values.units.shrink_to_fit();
        self.values.values.shrink_to_fit();
    }

    fn detail(&mut self, kind: Kind, text: &str, text_units: &[u16]) -> Detail {
        match kind {
            Kind::GivenName | Kind::FamilyName | Kind::Name => {
                Detail::Name(names::groups(text), names::sound(text_units))
            }
            Kind::Date | Kind::BirthDate => Detail::Date(dates::read(text).unwrap_or_default()),
            Kind::Email => {
                let at = text.find('@').unwrap_or(text.len());
                Detail::Email(text[..at].chars().count() as u16, mailbox(&text[..at], &text[at..]))
            }
            Kind::Number => Detail::Number(text.parse().unwrap_or(0.0)),
            Kind::Address | Kind::Words => self.split(kind, text_units),
            _ => Detail::None,
        }
    }

    /// The words of a value, each once; of an address without the house number, which is among the
    /// first two words.
    fn split(&mut self, kind: Kind, text: &[u16]) -> Detail {
        let start = self.tokens.len();
        let mut number = 0;
        for (place, word) in text.split(|&unit| unit == BLANK).enumerate() {
            let Some(first) = word.first() else { continue };
            let is_number = (u16::from(b'0')..=u16::from(b'9')).contains(first);
            if kind == Kind::Address && number == 0 && place < 2 && is_number {
                number = hash(word, 5) as u32 | 1;
                continue;
            }
            let id = self.word_id(word);
            if self.tokens.len() - start < TOKENS_MAX && !self.tokens[start..].contains(&id) {
                self.tokens.push(id);
            }
        }
        Detail::Tokens(start as u32, (self.tokens.len() - start) as u16, number)
    }

    fn word_id(&mut self, word: &[u16]) -> u32 {
        let mut place = hash(word, 13);
        while let Some(&known) = self.word_ids.get(&place) {
            if self.words.text(known) == word {
                return known;
            }
            place = place.wrapping_add(1);
        }
        let id = self.words.push(word, Detail::None);
        self.word_ids.insert(place, id);
        id
    }
}

/// A hash of a mailbox: without dots, signs, and what follows a plus.
fn mailbox(local: &str, domain: &str) -> u32 {
    let plain: String = local
        .split('+')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    hash(&units(&(plain + domain)), 1) as u32
}

/// Most digits of a phone number that are compared, from its end: without country and trunk code.
const PHONE_DIGITS: usize = 9;
/// Fewest digits of a phone number.
const PHONE_DIGITS_MIN: usize = 4;

/// A value as it is compared; `None` where it is missing or no value of its kind.
pub fn normalise(kind: Kind, text: &str) -> Option<String> {
    if fold::is_missing(text) {
        return None;
    }
    let text = fold::clip(text);
    let plain = match kind {
        Kind::Email => {
            let folded: String = fold::fold(text).chars().filter(|c| !c.is_whitespace()).collect();
            folded.contains('@').then_some(folded)?
        }
        Kind::Phone => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            (digits.len() >= PHONE_DIGITS_MIN).then_some(())?;
            digits[digits.len().saturating_sub(PHONE_DIGITS)..].to_owned()
        }
        Kind::Date | Kind::BirthDate => {
            let Date { year, month, day } = dates::read(text)?;
            format!("{year:04}{month:02}{day:02}")
        }
        Kind::Number => text.trim().parse::<f64>().ok().filter(|n| n.is_finite())?.to_string(),
        Kind::Postcode | Kind::Code => words(text).replace(' ', ""),
        Kind::Address | Kind::Words => short_words(&words(text)),
        _ => words(text),
    };
    (!plain.is_empty()).then_some(plain)
}

/// Words that addresses and organisations write in two ways; those of no weight are left out.
const SHORT_WORDS: &[(&str, &str)] = &[
    ("street", "st"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("road", "rd"),
    ("boulevard", "blvd"),
    ("drive", "dr"),
    ("court", "ct"),
    ("place", "pl"),
    ("lane", "ln"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("square", "sq"),
    ("terrace", "tce"),
    ("crescent", "cres"),
    ("circuit", "cct"),
    ("parade", "pde"),
    ("highway", "hwy"),
    ("apartment", "apt"),
    ("suite", "ste"),
    ("incorporated", "inc"),
    ("corporation", "corp"),
    ("limited", "ltd"),
    ("company", "co"),
    ("and", ""),
    ("the", ""),
    ("of", ""),
    ("saint", "st"),
    ("center", "ctr"),
    ("centre", "ctr"),
];

fn short_words(words: &str) -> String {
    let short = |word| SHORT_WORDS.iter().find(|(long, _)| *long == word).map_or(word, |(_, s)| *s);
    let parts: Vec<&str> = words.split(' ').map(short).filter(|word| !word.is_empty()).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_normalised_by_kind() {
        let cases = [
            (Kind::Phone, "+49 (30) 123-4567", Some("301234567")),
            (Kind::Phone, "12", None),
            (Kind::Date, "3.2.2001", Some("20010203")),
            (Kind::Email, " Ann@X.de ", Some("ann@x.de")),
            (Kind::Email, "ann", None),
            (Kind::Address, "12 North Main Street", Some("12 n main st")),
            (Kind::Postcode, "SW1A 1AA", Some("sw1a1aa")),
            (Kind::Text, "N/A", None),
            (Kind::Number, "NaN", None),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(normalise(kind, text).as_deref(), expected, "{kind} {text}");
        }
    }

    #[test]
    fn equal_values_have_one_number() {
        let mut dictionary = Dictionary::default();
        let a = dictionary.intern(Kind::Address, "12 n main st");
        assert_eq!(dictionary.intern(Kind::Address, "12 n main st"), a);
        assert_ne!(dictionary.intern(Kind::Address, "13 n main st"), a);
        let (value, _) = dictionary.values.get(a);
        assert_eq!(dictionary.tokens(value).len(), 3);
        assert!(matches!(value.detail, Detail::Tokens(_, 3, number) if number != 0));
    }
}
