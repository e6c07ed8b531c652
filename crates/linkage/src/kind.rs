//! Kinds of columns: by which levels their values are compared.

use crate::dates;
use crate::fold;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A given name, or the names in front of the family name.
    GivenName,
    /// A family name.
    FamilyName,
    /// A person's whole name, which is taken apart.
    Name,
    /// A date.
    Date,
    /// A date that belongs to one person alone.
    BirthDate,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A postcode.
    Postcode,
    /// A street address, with a house number or without.
    Address,
    /// Several words: an organisation, a product, a title.
    Words,
    /// One or two words.
    Text,
    /// One of few values.
    Category,
    /// A measured number.
    Number,
    /// A number or code that stands for something.
    Code,
    /// Not compared.
    Ignore,
}

/// Most levels that a kind has.
pub const LEVELS_MAX: usize = 8;

const NAME_LEVELS: &[&str] =
    &["different", "same initial", "similar", "short form", "close", "one letter off", "equal"];
const TEXT_LEVELS: &[&str] =
    &["different", "distant", "similar", "shared word", "close", "one letter off", "equal"];
const DATE_LEVELS: &[&str] = &[
    "different",
    "within 10 years",
    "within 400 days",
    "same year",
    "two digits off",
    "two parts equal",
    "one digit off",
    "equal",
];
const EMAIL_LEVELS: &[&str] = &[
    "different",
    "same domain",
    "similar local part",
    "close local part",
    "same local part",
    "same mailbox",
    "equal",
];
const PHONE_LEVELS: &[&str] =
    &["different", "last 4 digits", "two digits off", "one digit off", "last 7 digits", "equal"];
const POSTCODE_LEVELS: &[&str] =
    &["different", "same first 2", "same first 3", "close", "one character off", "equal"];
const WORDS_LEVELS: &[&str] = &[
    "different",
    "overlap 8 %",
    "overlap 18 %",
    "overlap 30 %",
    "overlap 45 %",
    "overlap 65 %",
    "overlap 85 %",
    "equal",
];
const ADDRESS_LEVELS: &[&str] = &[
    "different",
    "similar street",
    "same number",
    "same street, other number",
    "similar, no number",
    "close",
    "same street and number",
    "equal",
];
const CATEGORY_LEVELS: &[&str] = &["different", "one letter off", "equal"];
const NUMBER_LEVELS: &[&str] = &["different", "within 10 %", "within 1 %", "equal"];
const CODE_LEVELS: &[&str] =
    &["different", "similar", "two characters off", "one character off", "equal"];

impl Kind {
    /// Names of its levels, worst first; the last is equality.
    pub fn levels(self) -> &'static [&'static str] {
        match self {
            Self::GivenName | Self::FamilyName | Self::Name => NAME_LEVELS,
            Self::Text => TEXT_LEVELS,
            Self::Date | Self::BirthDate => DATE_LEVELS,
            Self::Email => EMAIL_LEVELS,
            Self::Phone => PHONE_LEVELS,
            Self::Postcode => POSTCODE_LEVELS,
            Self::Words => WORDS_LEVELS,
            Self::Address => ADDRESS_LEVELS,
            Self::Category => CATEGORY_LEVELS,
            Self::Number => NUMBER_LEVELS,
            Self::Code => CODE_LEVELS,
            Self::Ignore => &[],
        }
    }

    /// The level of equality.
    pub fn top(self) -> usize {
        self.levels().len().saturating_sub(1)
    }

    /// True if its values are compared word by word.
    pub fn has_tokens(self) -> bool {
        matches!(self, Self::Words | Self::Address)
    }

    const ALL: [(Self, &'static str); 15] = [
        (Self::GivenName, "given_name"),
        (Self::FamilyName, "family_name"),
        (Self::Name, "name"),
        (Self::Date, "date"),
        (Self::BirthDate, "birth_date"),
        (Self::Email, "email"),
        (Self::Phone, "phone"),
        (Self::Postcode, "postcode"),
        (Self::Address, "address"),
        (Self::Words, "words"),
        (Self::Text, "text"),
        (Self::Category, "category"),
        (Self::Number, "number"),
        (Self::Code, "code"),
        (Self::Ignore, "ignore"),
    ];

    /// The names of all kinds, for a message.
    pub fn names() -> String {
        Self::ALL.map(|(_, name)| name).join(", ")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        formatter.write_str(name)
    }
}

/// No kind has that name.
#[derive(Debug, thiserror::Error)]
#[error("not a kind of column for comparison")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        if name == "organisation" || name == "organization" {
            return Ok(Self::Words);
        }
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind).ok_or(UnknownKind)
    }
}

/// The words of a column's header, folded; a capital inside a word begins a new one.
pub fn header_words(header: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut was_lower = false;
    for c in header.chars() {
        if c.is_uppercase() && was_lower {
            spaced.push(' ');
        }
        was_lower = c.is_lowercase();
        spaced.push(c);
    }
    fold::fold(&spaced)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Headers of columns that identify a row.
const KEY_WORDS: &[&str] = &["id", "key", "nr", "no", "code", "uuid", "guid", "pk"];

/// True if a header names a row's key.
pub fn is_key_header(header: &str) -> bool {
    header_words(header).iter().any(|word| KEY_WORDS.contains(&word.as_str()))
}

/// True if a header names a birth date.
pub fn is_birth_header(header: &str) -> bool {
    const STEMS: &[&str] =
        &["birth", "dob", "born", "geburt", "naissance", "nacimiento", "nascita"];
    header_words(header).iter().any(|word| STEMS.iter().any(|stem| word.contains(stem)))
}

/// A column as it is guessed from: the words of its header, and values that are not missing.
struct Seen<'a> {
    words: Vec<String>,
    joined: String,
    values: &'a [&'a str],
    distinct: usize,
}

impl Seen<'_> {
    fn has(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.words.iter().any(|own| own == word) || self.joined == *word)
    }

    fn contains(&self, stems: &[&str]) -> bool {
        stems.iter().any(|stem| self.words.iter().any(|word| word.contains(stem)))
    }

    fn share(&self, test: impl Fn(&str) -> bool) -> f64 {
        let count = self.values.iter().filter(|value| test(value)).count();
        count as f64 / self.values.len() as f64
    }
}

/// Words of headers that tell of a row's history, not of a person.
const HISTORY: &[&str] =
    &["created", "updated", "modified", "inserted", "imported", "changed", "synced", "timestamp"];

/// The kind of a column by its header and by a sample of its values, which are not missing.
pub fn guess(header: &str, values: &[&str]) -> Kind {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() <= 1 {
        return Kind::Ignore;
    }
    let words = header_words(header);
    if words.iter().any(|word| HISTORY.contains(&word.as_str())) {
        return Kind::Ignore;
    }
    let seen = Seen { joined: words.concat(), words, values, distinct: sorted.len() };
    of_form(&seen)
        .or_else(|| of_numbers(&seen))
        .or_else(|| of_names(&seen))
        .unwrap_or_else(|| of_words(&seen))
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Kinds that the form of the values tells.
fn of_form(seen: &Seen<'_>) -> Option<Kind> {
    if seen.share(|value| value.contains('@') && value.contains('.')) > 0.6 {
        return Some(Kind::Email);
    }
    let is_compact = |value: &str| value.len() == 8 && digits(value) == 8;
    let is_other = seen.contains(&["phone", "tel", "id", "mobile"]);
    if seen.share(|value| dates::read(value).is_some()) > 0.8
        && !(is_other && seen.share(is_compact) > 0.8)
    {
        return Some(Kind::Date);
    }
    let is_phone_like = |value: &str| {
        digits(value) >= 5 && value.chars().all(|c| c.is_ascii_digit() || " +-().xX/".contains(c))
    };
    let says_phone = seen.contains(&["phone", "tel", "mobile", "cell", "fax", "handy"]);
    let has_prefix = |value: &str| value.starts_with(['+', '(']);
    if seen.share(is_phone_like) > 0.7 && (says_phone || seen.share(has_prefix) > 0.1) {
        return Some(Kind::Phone);
    }
    let says_postcode = seen.contains(&["postcode", "postal", "zip", "plz", "codigopostal"]);
    if says_postcode || seen.has(&["post", "cp"]) || seen.share(is_british_postcode) > 0.7 {
        return Some(Kind::Postcode);
    }
    None
}

fn is_british_postcode(value: &str) -> bool {
    let count = value.chars().count();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    (5..=8).contains(&count)
        && is_letter(value.chars().next())
        && is_letter(value.chars().last())
        && digits(value) >= 2
}

const MEASURES: &[&str] = &[
    "price", "amount", "revenue", "income", "salary", "weight", "height", "lat", "lon", "score",
    "balance", "total", "spend",
];

/// Kinds of columns of numbers.
fn of_numbers(seen: &Seen<'_>) -> Option<Kind> {
    if seen.share(|value| value.trim().parse::<f64>().is_ok()) <= 0.9 {
        return None;
    }
    if seen.contains(MEASURES) || seen.share(|value| value.contains('.')) > 0.3 {
        return Some(Kind::Number);
    }
    // More values than two years have days: no month, no day of the year, no age.
    let is_code = seen.distinct > 2 * 366 && seen.share(|value| digits(value) >= 5) > 0.5;
    Some(if is_code { Kind::Code } else { Kind::Category })
}

const ORGANISATIONS: &[&str] = &[
    "company", "org", "business", "site", "title", "product", "employer", "account", "firm",
    "shop", "store", "firma", "vendor", "supplier",
];

fn word_count(value: &str) -> f64 {
    fold::words(value).split(' ').count() as f64
}

fn mean_words(seen: &Seen<'_>) -> f64 {
    seen.values.iter().map(|value| word_count(value)).sum::<f64>() / seen.values.len() as f64
}

/// Addresses, names and organisations.
fn of_names(seen: &Seen<'_>) -> Option<Kind> {
    let words = mean_words(seen);
    if seen.contains(&["addr", "street", "strasse", "straße", "calle", "rue"]) && words > 1.3 {
        return Some(Kind::Address);
    }
    let begins_with_number = |value: &str| {
        value.trim_start().starts_with(|c: char| c.is_ascii_digit()) && word_count(value) >= 3.0
    };
    if seen.share(begins_with_number) > 0.6 {
        return Some(Kind::Address);
    }
    let is_organisation = seen.contains(ORGANISATIONS);
    if seen.share(|value| digits(value) > 0) < 0.2 && !is_organisation {
        let given = [
            "first",
            "given",
            "forename",
            "fname",
            "firstname",
            "givenname",
            "vorname",
            "prenom",
            "nombre",
            "nome",
            "voornaam",
            "fornamn",
        ];
        let family = [
            "surname",
            "last",
            "family",
            "lname",
            "lastname",
            "familyname",
            "nachname",
            "apellido",
            "apellidos",
            "cognome",
            "achternaam",
            "efternamn",
            "sobrenome",
        ];
        let says_family = seen.has(&family);
        if seen.has(&given) && !says_family && words < 2.2 {
            return Some(Kind::GivenName);
        }
        if says_family && !seen.has(&["first", "and"]) && words < 2.5 {
            return Some(Kind::FamilyName);
        }
        if seen.contains(&["name", "nom", "kunde", "customer", "contact"])
            || (seen.has(&["first"]) && says_family)
        {
            return Some(if words <= 3.5 { Kind::Name } else { Kind::Words });
        }
    }
    (is_organisation && words > 1.2).then_some(Kind::Words)
}

/// Kinds of the other columns, by the number of words and of different values.
fn of_words(seen: &Seen<'_>) -> Kind {
    let count = seen.values.len() as f64;
    let words = mean_words(seen);
    let distinct = seen.distinct as f64;
    if seen.share(|value| digits(value) > 0) > 0.7 && words < 1.5 && distinct > 0.3 * count {
        return Kind::Code;
    }
    if words > 3.0 {
        return Kind::Words;
    }
    if seen.distinct <= 60 && distinct < 0.2 * count {
        return Kind::Category;
    }
    if words > 1.6 && distinct > 0.3 * count { Kind::Words } else { Kind::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_guessed_from_headers_and_values() {
        let cases: &[(&str, &[&str], Kind)] = &[
            ("first_name", &["ann", "bob", "cy"], Kind::GivenName),
            ("LastName", &["lee", "poe", "ray"], Kind::FamilyName),
            ("full_name", &["ann lee", "bob poe"], Kind::Name),
            ("contact", &["a@b.de", "c@d.de"], Kind::Email),
            ("dob", &["1990-01-02", "02/03/1991"], Kind::Date),
            ("zip", &["12345", "12346"], Kind::Postcode),
            ("phone", &["030 123456", "+49 30 1234567"], Kind::Phone),
            ("company_name", &["Acme Inc", "Bolt Ltd"], Kind::Words),
            ("where", &["12 Main St", "5 Elm Ave"], Kind::Address),
            ("same", &["a", "a"], Kind::Ignore),
            ("updated_at", &["2024-01-01", "2024-01-02"], Kind::Ignore),
        ];
        for (header, values, kind) in cases {
            assert_eq!(guess(header, values), *kind, "{header}");
        }
    }

    #[test]
    fn every_kind_is_read_by_its_name() {
        for (kind, name) in Kind::ALL {
            assert_eq!(name.parse::<Kind>().unwrap(), kind);
            assert_eq!(kind.to_string(), name);
        }
        assert!("colour".parse::<Kind>().is_err());
    }
}
