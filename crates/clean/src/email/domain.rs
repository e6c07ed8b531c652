//! The part after the `@`: a domain name, or an address literal.
//!
//! Names are LDH labels (RFC 5321, 4.1.2; RFC 1035 and RFC 1123 for their form) or, outside ASCII,
//! what UTS 46 maps to such labels without transitional processing.

use std::net::{Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{Problem, look_alike};
use crate::text;

/// Octets of a label (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// Octets of a name as people write it (255 on the wire with the length octets, RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// A domain that was read.
pub(super) struct Domain {
    /// Lower-case ASCII, or an address literal in its usual form.
    pub(super) ascii: String,
    /// True if it was written as SMTP takes it: ASCII, or U-labels as RFC 5890, 2.3.2.1 has them.
    pub(super) is_exact: bool,
    /// True if it holds letters that look like others.
    pub(super) looks_alike: bool,
}

impl Domain {
    fn ascii(ascii: String) -> Self {
        Self { ascii, is_exact: true, looks_alike: false }
    }
}

/// Reads all that follows the `@`.
pub(super) fn read(written: &str) -> Result<Domain, Problem> {
    if written.is_empty() {
        return Err(Problem::MissingDomain);
    }
    if written.contains('@') && !written.starts_with('[') {
        return Err(Problem::SeveralAts);
    }
    if let Some(rest) = written.strip_prefix('[') {
        return literal(rest).map(Domain::ascii);
    }
    if let Some(fault) = written.chars().find_map(fault_of) {
        return Err(fault);
    }
    if written.is_ascii() && !has_punycode(written) {
        check_labels(written)?;
        return Ok(Domain::ascii(written.to_ascii_lowercase()));
    }
    // UTS 46 drops some of them in silence.
    if text::strip_invisible(written) != written {
        return Err(Problem::InvisibleCharacters);
    }
    let ascii = to_ascii(written)?;
    let (unicode, _) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    if unicode.chars().any(is_punctuation) {
        return Err(Problem::InvalidIdna);
    }
    let is_exact = is_exact(written, &unicode);
    let looks_alike = look_alike::holds(&unicode);
    Ok(Domain { is_exact, looks_alike, ascii })
}

/// The reason why `c` cannot be in a domain. Outside ASCII, IDNA decides.
fn fault_of(c: char) -> Option<Problem> {
    match c {
        _ if c.is_whitespace() => Some(Problem::SpaceInside),
        _ if c.is_control() => Some(Problem::ControlCharacter),
        '.' | '-' => None,
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(Problem::InvalidDomain),
        _ => None,
    }
}

/// Punctuation outside ASCII: UTS 46 lets it pass, RFC 5892 does not, but for these few. Symbols
/// pass, against RFC 5892: domains of emoji exist.
fn is_punctuation(c: char) -> bool {
    let is_allowed = matches!(c, '\u{B7}' | '\u{5F3}' | '\u{5F4}' | '\u{F0B}' | '\u{30FB}');
    !c.is_ascii() && !is_allowed && c.general_category_group() == GeneralCategoryGroup::Punctuation
}

fn has_punycode(name: &str) -> bool {
    name.split('.')
        .any(|label| label.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--")))
}

/// Checks the labels of a name in ASCII letters, digits, hyphens and dots.
fn check_labels(name: &str) -> Result<(), Problem> {
    if name.starts_with('.') || name.ends_with('.') {
        return Err(Problem::DotAtEdge);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(Problem::ConsecutiveDots);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Problem::HyphenAtEdge);
        }
        if label.len() > LABEL_BYTES_MAX {
            return Err(Problem::LabelTooLong);
        }
    }
    if name.len() > NAME_BYTES_MAX { Err(Problem::TooLong) } else { Ok(()) }
}

fn to_ascii(written: &str) -> Result<String, Problem> {
    let ascii = Uts46::new()
        .to_ascii(written.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| Problem::InvalidIdna)?;
    check_labels(&ascii)?;
    Ok(ascii.into_owned())
}

/// True if each label was written in ASCII or as the U-label of `unicode`.
fn is_exact(written: &str, unicode: &str) -> bool {
    let mut labels = unicode.split('.');
    let all = written
        .split('.')
        .all(|label| labels.next().is_some_and(|known| label.is_ascii() || label == known));
    all && labels.next().is_none()
}

/// The literal after its opening bracket, in the form that Rust's standard library and RFC 5952
/// write it.
fn literal(rest: &str) -> Result<String, Problem> {
    let inner = rest.strip_suffix(']').filter(|inner| !inner.ends_with('\\'));
    let Some(inner) = inner else {
        return Err(match rest.replace("\\]", "").contains(']') {
            true => Problem::InvalidAddressLiteral,
            false => Problem::UnclosedBracket,
        });
    };
    let tagged = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let found = match tagged {
        Some(_) => inner.get(5..).and_then(ipv6).map(|address| format!("[IPv6:{address}]")),
        None => ipv4(inner).map(|address| format!("[{address}]")),
    };
    found.ok_or(Problem::InvalidAddressLiteral)
}

/// `IPv4-address-literal` of RFC 5321, 4.1.3: leading zeros are allowed and decimal.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        *octet = part.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// `IPv6-addr` of RFC 5321, 4.1.3, in which `::` stands for at least two groups.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    // An IPv4 address at the end stands for two groups.
    if text.contains("::") && groups + usize::from(text.contains('.')) > 6 {
        return None;
    }
    text.parse().ok()
}
