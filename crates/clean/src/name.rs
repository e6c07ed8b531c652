//! Names of people and organisations: one standard form, the parts of a name, and what is doubtful.

use crate::text;

/// Longest text, in characters, that is read as a name.
pub const INPUT_CHARS_MAX: usize = 300;

/// The parts of a name, in standard spelling. A part that the name does not have is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameInfo {
    /// Whose name it is.
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
    /// What stood in quotes or parentheses.
    pub nickname: Option<String>,
    /// Name of an organisation with its legal form.
    pub organisation: Option<String>,
    /// The whole name in standard spelling and order.
    pub display: Option<String>,
    /// What is doubtful, or why there is no name; none for an ordinary name.
    pub problem: Option<Problem>,
}

/// Whose name it is.
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

/// What is doubtful about a name field, or why it holds no name. The names are stable and hold
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
    /// Which word is which part is uncertain in another way.
    UnclearParts,
    /// Digits or signs that names do not have.
    UnexpectedCharacters,
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
        }
    }
}

/// The name in `raw` in standard spelling and order, `describe`'s `display`; none where there is
/// no name.
pub fn normalise(raw: &str) -> Option<String> {
    describe(raw).display
}

/// The parts of the name in `raw`, and what is doubtful about it.
pub fn describe(raw: &str) -> NameInfo {
    if raw.len() > INPUT_CHARS_MAX && raw.chars().nth(INPUT_CHARS_MAX).is_some() {
        return without_name(Problem::TooLong);
    }
    let text = text::clean(raw);
    if text.is_empty() {
        return without_name(Problem::Empty);
    }
    if !text.chars().any(char::is_alphabetic) {
        return without_name(Problem::NotAName);
    }
    let (given, family) = match text.split_once(", ") {
        Some((family, given)) => (given.to_owned(), Some(family.to_owned())),
        None => match text.rsplit_once(' ') {
            Some((given, family)) => (given.to_owned(), Some(family.to_owned())),
            None => (text.clone(), None),
        },
    };
    let display = match &family {
        Some(family) => format!("{given} {family}"),
        None => given.clone(),
    };
    NameInfo {
        kind: Kind::Person,
        given: Some(given),
        family,
        display: Some(display),
        ..NameInfo::default()
    }
}

fn without_name(problem: Problem) -> NameInfo {
    NameInfo { problem: Some(problem), ..NameInfo::default() }
}
