//! Names of people and organisations: one standard form, the parts of a name, and what is doubtful.

pub mod sequence;

mod asides;
mod case;
mod features;
mod gazetteer;
mod inverted;
mod one_part;
mod order;
mod organisation;
mod own_script;
mod person;
mod screen;
mod side;
mod tokens;
mod words;

pub use one_part::{NamePart, clean_part};
use sequence::{Label, Model};
use tokens::Token;
use words::Role;

use crate::text;

/// Longest text, in characters, that is read as a name.
pub const INPUT_CHARS_MAX: usize = 300;

/// The parts of a name, in standard spelling. A part that the name does not have is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameInfo {
    /// Kind of the name's bearer.
    pub kind: Kind,
    /// Form of address or rank before the name, or honorific after it: `Mr.`, `Dr.`, `様`.
    pub title: Option<String>,
    /// Given name, or its initial.
    pub given: Option<String>,
    /// Further given names, initials, and patronymics.
    pub middle: Option<String>,
    /// Family name with its particles, both names where there are two.
    pub family: Option<String>,
    /// Generation, degrees and the like after the name: `Jr.`, `III`, `PhD`.
    pub suffix: Option<String>,
    /// The text in quotes or parentheses.
    pub nickname: Option<String>,
    /// Name of an organisation with its legal form.
    pub organisation: Option<String>,
    /// The whole name in standard spelling and order.
    pub display: Option<String>,
    /// Post of the person: `CFO`, `Head of Sales`.
    pub job_title: Option<String>,
    /// Other text of the field: `Attn`, `DO NOT CONTACT`, `✅`. Not part of `display`.
    pub note: Option<String>,
    /// The doubt, or the reason why there is no name; none for an ordinary name.
    pub problem: Option<Problem>,
}

/// Kind of a name's bearer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One human being, or several.
    Person,
    /// A company, an authority, a club.
    Organisation,
    /// Neither can be told, or there is no name.
    #[default]
    Unknown,
}

impl Kind {
    /// Stable lower-case name: `person`, `organisation`, `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organisation => "organisation",
            Self::Unknown => "unknown",
        }
    }
}

/// Doubt about a name field, or reason why it contains no name. The names are stable and contain
/// nothing of the customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing that anybody sees.
    Empty,
    /// More characters than `INPUT_CHARS_MAX`.
    TooLong,
    /// No letters, or no name among them: digits, signs, keyboard rows.
    NotAName,
    /// Stands for a missing value: `N/A`, `unknown`, `test`.
    Placeholder,
    /// An e-mail address; `display` is the name beside it, if there is one.
    EmailAddress,
    /// A telephone number; `display` is the name beside it, if there is one.
    PhoneNumber,
    /// A web address.
    WebAddress,
    /// A title or a suffix alone: `Mr.`, `PhD`.
    Incomplete,
    /// Two or more people; `display` has them all, the parts are the first one's.
    SeveralPeople,
    /// Two names of one bearer, or a bearer and an agent: `aka`, `doing business as`, `c/o`.
    SeveralNames,
    /// A person or an organisation, it could be either.
    UnclearKind,
    /// The family name could stand first or last; the parts follow the likelier order.
    UnclearOrder,
    /// The assignment of words to parts is uncertain in another way.
    UnclearParts,
    /// Digits or signs that names do not have.
    UnexpectedCharacters,
    /// Something beside the name; it is in `note`.
    Note,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::NotAName => "not_a_name",
            Self::Placeholder => "placeholder",
            Self::EmailAddress => "email_address",
            Self::PhoneNumber => "phone_number",
            Self::WebAddress => "web_address",
            Self::Incomplete => "incomplete",
            Self::SeveralPeople => "several_people",
            Self::SeveralNames => "several_names",
            Self::UnclearKind => "unclear_kind",
            Self::UnclearOrder => "unclear_order",
            Self::UnclearParts => "unclear_parts",
            Self::UnexpectedCharacters => "unexpected_characters",
            Self::Note => "note",
        }
    }
}

/// The name in `raw` in standard spelling and order, `describe`'s `display`; none where there is
/// no name. Normalising twice is normalising once.
pub fn normalise(raw: &str) -> Option<String> {
    describe(raw).display
}

/// The parts of the name in `raw`, and what is doubtful about it.
///
/// Every word of the field is in a part, or `problem` says why not. The time grows with the length
/// up to `INPUT_CHARS_MAX` characters; longer texts are not read.
pub fn describe(raw: &str) -> NameInfo {
    let mut info = read(raw);
    // A standard spelling can read a little differently from what it came from. The parts are those
    // of the field; the spelling is taken on until it stands.
    let mut seen: Vec<String> = info.display.iter().cloned().collect();
    while let Some(last) = seen.last() {
        let again = read(last);
        let Some(next) = again.display else {
            // What is no name in its own standard spelling is none as it came.
            return without_name(again.problem.unwrap_or(Problem::NotAName));
        };
        info.note = info.note.or(again.note);
        info.job_title = info.job_title.or(again.job_title);
        if let Some(start) = seen.iter().position(|display| *display == next) {
            info.display = seen.drain(start..).min();
            break;
        }
        if seen.len() == RESPELLINGS_MAX {
            // Words that never find their places are no name.
            return without_name(Problem::NotAName);
        }
        seen.push(next);
    }
    info
}

/// Bound on how often a spelling is read again.
const RESPELLINGS_MAX: usize = 16;

fn read(raw: &str) -> NameInfo {
    if raw.len() > INPUT_CHARS_MAX && raw.chars().nth(INPUT_CHARS_MAX).is_some() {
        return without_name(Problem::TooLong);
    }
    let text = text::clean(raw);
    let (text, found) = match screen::screen(&text) {
        Ok(screened) => screened,
        Err(problem) => return without_name(problem),
    };
    if let Some(info) = read_people(&text) {
        return info;
    }
    let asides = asides::take(&screen::mend_apostrophes(&text));
    let name = asides::join_people(&asides.name).unwrap_or(asides.name);
    if screen::is_placeholder(&name) {
        return without_name(Problem::Placeholder);
    }
    let mut info = own_script::read(&name).unwrap_or_else(|| read_words(&name));
    info.problem = found.or(info.problem);
    add_letters(&mut info, &asides.letters);
    info.job_title = asides.job_title;
    if !asides.notes.is_empty() {
        let is_of_several = asides.notes.iter().any(|note| asides::is_family(note));
        let problem = if is_of_several { Problem::SeveralPeople } else { Problem::Note };
        info.problem = info.problem.or(Some(problem));
        info.note = Some(asides.notes.join("; "));
    }
    info
}

/// Letters after the name that no list knows, as they were written.
fn add_letters(info: &mut NameInfo, letters: &[String]) {
    if letters.is_empty() {
        return;
    }
    let added = |part: &Option<String>| {
        Some(part.iter().cloned().chain(letters.iter().cloned()).collect::<Vec<_>>().join(", "))
    };
    info.suffix = added(&info.suffix);
    info.display = added(&info.display);
}

/// Several people, parted by semicolons, or by a comma between two names in their usual order: the
/// parts of the first, all of them shown.
fn read_people(text: &str) -> Option<NameInfo> {
    let is_plain = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let common = words.first().map(|word| gazetteer::look_up(word)).unwrap_or_default();
        words.len() == 2 && common.given >= 5 && common.given > common.family + 1
    };
    let are_two = text.split_once(',').is_some_and(|(one, other)| is_plain(one) && is_plain(other));
    let sign = if are_two { ',' } else { ';' };
    let parts: Vec<&str> =
        text.split(sign).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() < 2 {
        return None;
    }
    let people: Vec<NameInfo> = parts.iter().map(|part| read(part)).collect();
    let is_person = |info: &NameInfo| {
        info.kind == Kind::Person && (info.given.is_some() || info.family.is_some())
    };
    if !people.iter().all(is_person) {
        return None;
    }
    // What stands beside any of them is told, too.
    let all = |part: fn(&NameInfo) -> &Option<String>| {
        let each: Vec<&str> = people.iter().filter_map(|info| part(info).as_deref()).collect();
        (!each.is_empty()).then(|| each.join("; "))
    };
    let (display, job_title, note) =
        (all(|info| &info.display), all(|info| &info.job_title), all(|info| &info.note));
    let mut first = people.into_iter().next()?;
    (first.display, first.job_title, first.note) = (display, job_title, note);
    first.problem = Some(Problem::SeveralPeople);
    Some(first)
}

fn without_name(problem: Problem) -> NameInfo {
    NameInfo { problem: Some(problem), ..NameInfo::default() }
}

/// Reads a name whose words are parted by spaces.
fn read_words(text: &str) -> NameInfo {
    let tokens = tokens::tokenise(text);
    let labelled = Model::built_in().map(|model| model.label_tokens(&tokens));
    let Some(labelled) = labelled.filter(|labelled| labelled.labels.len() == tokens.len()) else {
        return without_name(Problem::NotAName);
    };
    let labels = &labelled.labels;
    let is_marker = |(token, label): (&Token<'_>, &Label)| {
        let roles = words::roles(&words::key(token.text));
        matches!(label, Label::Aka | Label::ProxyFor | Label::CareOf)
            || roles.has(Role::Alias)
            || roles.has(Role::Care)
    };
    if let Some(marker) = tokens.iter().zip(labels).skip(1).position(is_marker) {
        return read_several_names(text, &tokens, labels, marker + 1);
    }
    let side = side::side(&tokens, &labelled);
    let mut info = if side.is_person {
        read_person(&tokens, labels)
    } else {
        read_organisation(text, &tokens, labels)
    };
    if side.is_doubtful {
        info.problem = info.problem.or(Some(Problem::UnclearKind));
    }
    if info.problem.is_none() && text.contains(is_unexpected) && info.kind == Kind::Person {
        info.problem = Some(Problem::UnexpectedCharacters);
    }
    info
}

/// Signs and digits that people's names do not have.
fn is_unexpected(c: char) -> bool {
    c.is_numeric() || "#@*_=<>{}|\\^~%$€£!?\u{FFFD}".contains(c)
}

/// Two names of one bearer, or a bearer and an agent: the parts of the first, all of it shown.
fn read_several_names(
    text: &str,
    tokens: &[Token<'_>],
    labels: &[Label],
    marker: usize,
) -> NameInfo {
    let stop = tokens.get(marker - 1).map_or(text.len(), |last| last.start + last.text.len());
    let mut info = read_words(&text[..stop]);
    info.display = Some(organisation::spell(text, tokens, labels));
    info.problem = Some(Problem::SeveralNames);
    info
}

fn read_organisation(text: &str, tokens: &[Token<'_>], labels: &[Label]) -> NameInfo {
    let name = organisation::spell(text, tokens, labels);
    if name.is_empty() {
        return without_name(Problem::NotAName);
    }
    NameInfo {
        kind: Kind::Organisation,
        organisation: Some(name.clone()),
        display: Some(name),
        ..NameInfo::default()
    }
}

fn read_person(tokens: &[Token<'_>], labels: &[Label]) -> NameInfo {
    let mut words = person::words(tokens, labels);
    let order = person::reorder(&mut words);
    let mut info = person::assemble(&words, order);
    info.kind = Kind::Person;
    let has_name = info.given.is_some() || info.family.is_some() || info.middle.is_some();
    if !has_name && info.nickname.is_none() {
        info.kind = Kind::Unknown;
        info.problem = Some(Problem::Incomplete);
    }
    info.problem = info.problem.or_else(|| {
        let only = [&info.given, &info.family].into_iter().flatten().next();
        let is_one_word = tokens.len() == 1;
        let is_unclear = is_one_word && only.is_some_and(|word| is_given_or_family(word));
        let has_comma = tokens.iter().rev().skip(1).any(|token| token.has_comma);
        let is_unclear = is_unclear || (has_comma && info.family.is_none());
        is_unclear.then_some(Problem::UnclearParts)
    });
    info
}

/// True if a word alone is about as common as a given and as a family name.
fn is_given_or_family(word: &str) -> bool {
    let common = gazetteer::look_up(word);
    common.given > 2 && common.family > 2 && common.given.abs_diff(common.family) < 2
}
