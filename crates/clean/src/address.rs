//! Postal addresses: parts, normal form, and what ails them.
//!
//! Addresses of the United States are read by a sequence model and standardised by USPS
//! Publication 28; those of other countries are kept whole and only their country and postcode are
//! looked at. `docs/addresses.md` says what is done and what is not.

mod abroad;
mod casing;
mod countries;
mod features;
mod kept;
mod outline;
mod parts;
mod places;
mod refuse;
mod rewrite;
mod standard;
mod tokens;
mod words;
mod zip;

pub use places::states_of;

use crate::tagger::{AttributeSink, Tagger};
use std::sync::LazyLock;
use tokens::Token;

/// Longest text, in characters, that is read as one address.
pub const INPUT_CHARS_MAX: usize = 500;

/// The parts of one address, each in its standard form. An address of another country, or one that
/// cannot be taken apart, stands whole in `street`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressInfo {
    /// House number with its letters and fractions: `221B`, `12 1/2`, `N6W23001`.
    pub number: Option<String>,
    /// Street with directionals and suffix: `N Main St`.
    pub street: Option<String>,
    /// Units inside the building: `Bldg 3 Apt 5`, `# 12`.
    pub unit: Option<String>,
    /// Box: `PO Box 123`, `RR 2 Box 18`, `PSC 802 Box 74`.
    pub po_box: Option<String>,
    /// City; `APO`, `FPO` or `DPO` of military mail.
    pub city: Option<String>,
    /// State, territory or military region in two letters.
    pub state: Option<String>,
    /// ZIP or ZIP+4 (`60601`, `60601-1234`); another country's postcode in its own form.
    pub postcode: Option<String>,
    /// ISO 3166 code of two letters, where written or proved by the other parts.
    pub country: Option<String>,
    /// The problem or doubt; none for an ordinary address.
    pub problem: Option<Problem>,
}

/// Problem of an address field. The names are stable and contain nothing of the customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but white space and punctuation.
    Empty,
    /// Words that stand for a missing value: `N/A`, `none`, `unknown`.
    Placeholder,
    /// An e-mail address or a web address.
    Email,
    /// A telephone number.
    Phone,
    /// No part of an address can be read.
    NotAnAddress,
    /// Longer than `INPUT_CHARS_MAX`.
    TooLong,
    /// Read, but the parts may be others: see docs/addresses.md.
    Ambiguous,
    /// More than one address; the parts are the first one's, the normal form has all.
    SeveralAddresses,
    /// Neither a street nor a box nor a building.
    NoStreet,
    /// The ZIP has four digits: a spreadsheet took the leading zero.
    ZipTooShort,
    /// No ZIP begins with these three digits, or it is not of five or nine digits.
    InvalidZip,
    /// The ZIP belongs to another state.
    ZipStateMismatch,
    /// An address of another country: kept whole, not taken apart.
    CountryKeptWhole,
    /// The same, and its postcode is missing or is not of the country's form.
    InvalidPostcode,
    /// Not an address of the United States, and the country is not written: kept whole.
    UnknownCountry,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Placeholder => "placeholder",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::NotAnAddress => "not_an_address",
            Self::TooLong => "too_long",
            Self::Ambiguous => "ambiguous",
            Self::SeveralAddresses => "several_addresses",
            Self::NoStreet => "no_street",
            Self::ZipTooShort => "zip_too_short",
            Self::InvalidZip => "invalid_zip",
            Self::ZipStateMismatch => "zip_state_mismatch",
            Self::CountryKeptWhole => "country_kept_whole",
            Self::InvalidPostcode => "invalid_postcode",
            Self::UnknownCountry => "unknown_country",
        }
    }

    /// True if the field holds no address at all: then there is no normal form.
    pub fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::Placeholder
                | Self::Email
                | Self::Phone
                | Self::NotAnAddress
                | Self::TooLong
        )
    }
}

/// Most passes of `normalise` over its own answer until nothing changes.
const ROUNDS_MAX: usize = 8;

/// The model that is compiled in; none if it were damaged, and then nothing can be taken apart.
static TAGGER: LazyLock<Option<Tagger>> =
    LazyLock::new(|| Tagger::new(include_bytes!("../data/address/model.crf")).ok());

/// The address on one line in its standard form, none where `raw` is no address at all
/// (`Problem::is_fatal`). Nothing that was written is lost; normalising it again changes nothing.
pub fn normalise(raw: &str) -> Option<String> {
    clean(raw).0
}

/// The results of `normalise` and `describe`'s problem, at the cost of the first.
pub fn clean(raw: &str) -> (Option<String>, Option<Problem>) {
    match prepare(raw) {
        Ok(text) => {
            let Answer { info, normal } = read(&text);
            (normal.and_then(|normal| settle(text, normal)), info.problem)
        }
        Err(problem) => (None, Some(problem)),
    }
}

/// The normal form that reading `text` ends at, `normal` being its first.
fn settle(text: String, normal: String) -> Option<String> {
    let mut rounds = vec![text.clone(), normal];
    while rounds.len() <= ROUNDS_MAX {
        let next = prepare(&rounds[rounds.len() - 1]).ok().and_then(|last| read(&last).normal);
        // A normal form that is no address itself would be worse than the text as it came.
        let Some(next) = next else { return Some(text) };
        match rounds.iter().position(|known| *known == next) {
            // A reading can differ from that of its own normal form; of a circle, one is the
            // answer.
            Some(start) => return rounds.drain(start..).min(),
            None => rounds.push(next),
        }
    }
    Some(text)
}

/// The parts of the address in `raw`, and what ails it.
pub fn describe(raw: &str) -> AddressInfo {
    match prepare(raw) {
        Ok(text) => read(&text).info,
        Err(problem) => AddressInfo { problem: Some(problem), ..AddressInfo::default() },
    }
}

/// Result of one reading of a prepared text.
struct Answer {
    info: AddressInfo,
    /// None where the text is no address.
    normal: Option<String>,
}

/// One clean line: line breaks become commas. Or why it is no address.
fn prepare(raw: &str) -> Result<String, Problem> {
    // Markup and white space can make an address longer, but not beyond all bounds.
    if raw.trim().chars().nth(INPUT_CHARS_MAX * 8).is_some() {
        return Err(Problem::TooLong);
    }
    let lines: Vec<&str> = raw.split(['\n', '\r', '\u{2028}', '\u{2029}']).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
    let text = crate::text::clean(&lines.join(", "));
    if text.chars().nth(INPUT_CHARS_MAX).is_some() {
        return Err(Problem::TooLong);
    }
    match refuse::by_text(&text) {
        Some(problem) => Err(problem),
        None => Ok(text),
    }
}

fn read(text: &str) -> Answer {
    let tokens = tokens::split(text);
    if let Some(foreign) = countries::foreign(text, &tokens) {
        return keep_whole(text, foreign);
    }
    let refused = if tokens.is_empty() {
        Some(Problem::Empty)
    } else if rewrite::is_placeholder(&tokens) {
        Some(Problem::Placeholder)
    } else {
        refuse::by_words(&tokens)
    };
    if refused.is_some() {
        return Answer {
            info: AddressInfo { problem: refused, ..Default::default() },
            normal: None,
        };
    }
    let Some(tagger) = TAGGER.as_ref() else {
        let foreign =
            countries::Foreign { country: None, postcode: None, is_postcode_wrong: false };
        return keep_whole(text, foreign);
    };
    let tokens = rewrite::rewrite(tokens);
    let mut scores = tagger.scores();
    features::put(&tokens, &mut scores);
    let parts::Assembled { info, normal } = parts::assemble(&tokens, tagger, &scores.read());
    Answer { info, normal: Some(crate::text::clean(&normal)) }
}

/// An address that is not taken apart: all of it is its street, and its own normal form.
fn keep_whole(text: &str, foreign: countries::Foreign) -> Answer {
    let problem = match (foreign.country, foreign.is_postcode_wrong) {
        (None, _) => Problem::UnknownCountry,
        (Some(_), true) => Problem::InvalidPostcode,
        (Some(_), false) => Problem::CountryKeptWhole,
    };
    let info = AddressInfo {
        street: Some(text.to_owned()),
        postcode: foreign.postcode,
        country: foreign.country.map(str::to_owned),
        problem: Some(problem),
        ..AddressInfo::default()
    };
    Answer { info, normal: Some(text.to_owned()) }
}

/// Writes what the model sees of each word into `sink`: for training, and for reading with a model
/// of one's own. A word has its trailing punctuation; `#` and `&` are words.
pub fn put_attributes(words: &[&str], sink: &mut impl AttributeSink) {
    let tokens: Vec<Token> = words.iter().map(|word| Token::new(word)).collect();
    features::put(&tokens, sink);
}

/// Labels of the words by `tagger`, in usaddress's terms: `AddressNumber`, `StreetName` …
pub fn label<'t>(tagger: &'t Tagger, words: &[&str]) -> Vec<&'t str> {
    let mut scores = tagger.scores();
    put_attributes(words, &mut scores);
    scores.read().labels.iter().map(|&label| tagger.labels()[label].as_str()).collect()
}

#[cfg(test)]
mod tests;
