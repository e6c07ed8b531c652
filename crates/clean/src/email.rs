//! E-mail addresses: the deliverable form, a description, one key per mailbox, what ails a field.
//!
//! `syntax` and `domain` read an address exactly as SMTP takes it (RFC 5321, RFC 6531, IDNA by
//! UTS 46). Only what they refuse goes to `mend`, which takes off what people and programs put
//! around an address, and says so. `lists`, `canonical` and `suggest` hold what is known of
//! domains. Nothing is looked up: a valid address need not have a reader.

mod canonical;
mod domain;
mod lists;
mod look_alike;
mod mend;
mod several;
mod spelt_out;
mod suggest;
mod syntax;

/// Longest field, in bytes, that is read.
pub const INPUT_BYTES_MAX: usize = 4096;

/// Description of the address in a field. Where no address can be read, all is empty but the
/// problem, and the suggestion where a typo of the domain keeps it from being read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailInfo {
    /// The deliverable form: the local part as written (NFC), the domain in lower-case ASCII.
    pub address: Option<String>,
    /// The part before the `@` of `address`, with its quotes.
    pub local_part: Option<String>,
    /// The part after the `@` of `address`, in ASCII.
    pub domain: Option<String>,
    /// One key for all spellings that reach one mailbox, for comparing. Not an address to write to.
    pub canonical: Option<String>,
    /// True if the field, exactly as written, is an address that SMTP can deliver to.
    pub is_valid: bool,
    /// True if the local part names an office, not a person: `info`, `sales`, `postmaster`.
    pub is_role: bool,
    /// True if the domain, or one above it, gives out addresses to be thrown away.
    pub is_disposable: bool,
    /// True if the domain is a provider of private mailboxes, not a company's own.
    pub is_free_provider: bool,
    /// The well-known domain that was probably meant: `gmail.com` for `gmial.com`.
    pub suggestion: Option<String>,
    /// The problem, or the repair made; none for an address valid as written, save
    /// `Problem::UnknownTld` and `Problem::LookAlike`, which are warnings.
    pub problem: Option<Problem>,
}

/// Problem of an e-mail field. The names are stable and contain nothing of the customer's text.
///
/// Of several things that were mended the one further down is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but white space.
    Empty,
    /// No `@`.
    MissingAt,
    /// More than one `@`, and no list of addresses.
    SeveralAts,
    /// Nothing before the `@`.
    MissingLocalPart,
    /// Nothing after the `@`.
    MissingDomain,
    /// White space inside the address.
    SpaceInside,
    /// A control character.
    ControlCharacter,
    /// A character that the local part may hold in quotes only, or not at all.
    InvalidLocalPart,
    /// A quoted local part without its closing quote.
    UnclosedQuote,
    /// A character that a domain cannot hold.
    InvalidDomain,
    /// A label of the domain begins or ends with a hyphen.
    HyphenAtEdge,
    /// A part begins or ends with a dot.
    DotAtEdge,
    /// Two dots in a row.
    ConsecutiveDots,
    /// The local part is longer than 64 octets (RFC 5321, 4.5.3.1.1).
    LocalPartTooLong,
    /// A label of the domain is longer than 63 octets (RFC 1035, 2.3.4).
    LabelTooLong,
    /// The address is longer than 254 octets (RFC 5321, 4.5.3.1.3), or the field too long to read.
    TooLong,
    /// A domain outside ASCII, or in Punycode, that IDNA does not allow.
    InvalidIdna,
    /// `[…]` that is no IPv4 or IPv6 address in SMTP's form.
    InvalidAddressLiteral,
    /// An opening `<`, `(` or `[` without its closing one.
    UnclosedBracket,
    /// Mended: the domain was written in a form that IDNA maps (capitals outside ASCII, `。`).
    DomainMapped,
    /// Mended: white space around the address.
    SurroundingSpace,
    /// Mended: invisible characters (zero-width, bidi, byte-order marks).
    InvisibleCharacters,
    /// Mended: punctuation or quotation marks around the address.
    Punctuation,
    /// Mended: the address stood in angle brackets.
    AngleBrackets,
    /// Mended: a name stood beside the address.
    DisplayName,
    /// Mended: a label (`E-mail:`, `SMTP:`) stood before the address.
    Label,
    /// Mended: a `mailto:` link.
    Mailto,
    /// Mended: a comment in parentheses.
    Comment,
    /// Mended: full-width characters.
    FullWidth,
    /// Mended: white space around the `@`.
    SpacedAt,
    /// Mended: the `@` or a dot was spelt out in brackets: `(at)`, `[dot]`.
    Obfuscated,
    /// Mended: HTML stood in the field.
    Markup,
    /// Mended: the field holds several addresses, each readable by itself; this is the first.
    SeveralAddresses,
    /// Warning: the top-level domain does not exist, by the list of the release. The address is
    /// taken as it is, and can hardly be delivered.
    UnknownTld,
    /// Warning: characters that look like others (Cyrillic among Latin letters, typographic
    /// punctuation). The address is taken as it is; it may be valid.
    LookAlike,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::MissingAt => "missing_at",
            Self::SeveralAts => "several_ats",
            Self::MissingLocalPart => "missing_local_part",
            Self::MissingDomain => "missing_domain",
            Self::SpaceInside => "space_inside",
            Self::ControlCharacter => "control_character",
            Self::InvalidLocalPart => "invalid_local_part",
            Self::UnclosedQuote => "unclosed_quote",
            Self::InvalidDomain => "invalid_domain",
            Self::HyphenAtEdge => "hyphen_at_edge",
            Self::DotAtEdge => "dot_at_edge",
            Self::ConsecutiveDots => "consecutive_dots",
            Self::LocalPartTooLong => "local_part_too_long",
            Self::LabelTooLong => "label_too_long",
            Self::TooLong => "too_long",
            Self::InvalidIdna => "invalid_idna",
            Self::InvalidAddressLiteral => "invalid_address_literal",
            Self::UnclosedBracket => "unclosed_bracket",
            Self::DomainMapped => "domain_mapped",
            Self::SurroundingSpace => "surrounding_space",
            Self::InvisibleCharacters => "invisible_characters",
            Self::Punctuation => "punctuation",
            Self::AngleBrackets => "angle_brackets",
            Self::DisplayName => "display_name",
            Self::Label => "label",
            Self::Mailto => "mailto",
            Self::Comment => "comment",
            Self::FullWidth => "full_width",
            Self::SpacedAt => "spaced_at",
            Self::Obfuscated => "obfuscated",
            Self::Markup => "markup",
            Self::SeveralAddresses => "several_addresses",
            Self::UnknownTld => "unknown_tld",
            Self::LookAlike => "look_alike",
        }
    }
}

/// An address that was read, in its deliverable form.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mailbox {
    local_part: String,
    domain: String,
    /// The repair, or a warning.
    problem: Option<Problem>,
    /// True if it stood in the field exactly so that SMTP takes it.
    is_valid: bool,
}

impl Mailbox {
    fn address(&self) -> String {
        [&self.local_part, "@", &self.domain].concat()
    }

    /// The same, for which `problem` had to be mended.
    fn mended(mut self, problem: Problem) -> Self {
        self.problem = self.problem.max(Some(problem));
        self.is_valid = false;
        self
    }
}

/// The deliverable form of the address in `raw`, none where no address can be read.
///
/// White space, `mailto:`, angle brackets, a display name and the like around the address go; the
/// domain becomes lower-case ASCII (IDNA); the local part stays as written, in NFC.
pub fn normalise(raw: &str) -> Option<String> {
    read(raw).ok().map(|mailbox| mailbox.address())
}

/// All that is known of the address in `raw`, and what ails the field.
pub fn describe(raw: &str) -> EmailInfo {
    match read(raw) {
        Ok(mailbox) => fill(mailbox),
        Err(problem) => EmailInfo {
            suggestion: suggest::suggest_for_fault(raw),
            problem: Some(problem),
            ..EmailInfo::default()
        },
    }
}

fn read(raw: &str) -> Result<Mailbox, Problem> {
    if raw.len() > INPUT_BYTES_MAX {
        return Err(Problem::TooLong);
    }
    if let Some(mailbox) = mend::text_mark(raw) {
        return Ok(mailbox);
    }
    syntax::mailbox(raw).or_else(|_| mend::mend(raw))
}

fn fill(mailbox: Mailbox) -> EmailInfo {
    EmailInfo {
        address: Some(mailbox.address()),
        canonical: Some(canonical::key(&mailbox.local_part, &mailbox.domain)),
        is_valid: mailbox.is_valid,
        is_role: lists::is_role(&mailbox.local_part),
        is_disposable: lists::is_disposable(&mailbox.domain),
        is_free_provider: lists::is_free(&mailbox.domain),
        suggestion: suggest::suggest(&mailbox.domain),
        problem: mailbox
            .problem
            .or_else(|| lists::is_tld_unknown(&mailbox.domain).then_some(Problem::UnknownTld)),
        local_part: Some(mailbox.local_part),
        domain: Some(mailbox.domain),
    }
}
