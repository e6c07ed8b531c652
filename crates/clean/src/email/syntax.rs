//! An address exactly as SMTP takes it: `Mailbox` of RFC 5321, 4.1.2, with the letters outside
//! ASCII that RFC 6531, 3.3 adds.
//!
//! Stricter than RFC 6531 in what nobody types on purpose: white space, controls, invisible and
//! private characters outside ASCII are refused, and full-width forms of ASCII, which RFC 8265
//! maps before it compares user names.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::{Mailbox, Problem, domain, look_alike};
use crate::text;

/// Octets of a local part, with its quotes (RFC 5321, 4.5.3.1.1).
const LOCAL_PART_BYTES_MAX: usize = 64;
/// Octets of an address: a path of 256 (RFC 5321, 4.5.3.1.3) less its angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;

/// The mailbox that `text` is, without anything around it.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, Problem> {
    let at = local_part_end(text)?;
    let (written_local, rest) = text.split_at_checked(at).ok_or(Problem::MissingAt)?;
    let written_domain = rest.strip_prefix('@').ok_or(Problem::MissingAt)?;
    let found = domain::read(written_domain)?;
    let local_part = compose(written_local);
    if local_part != written_local {
        // Composing can bring forth ASCII specials (the Greek question mark) and more octets.
        local_part_end(&[&local_part, "@"].concat())?;
    }
    let longest = written_domain.len().max(found.ascii.len());
    if local_part.len().max(written_local.len()) > LOCAL_PART_BYTES_MAX {
        return Err(Problem::LocalPartTooLong);
    }
    if local_part.len().max(written_local.len()) + 1 + longest > ADDRESS_BYTES_MAX {
        return Err(Problem::TooLong);
    }
    let looks_alike = found.looks_alike || look_alike::holds(&local_part);
    let warning = looks_alike.then_some(Problem::LookAlike);
    let mailbox = Mailbox { local_part, domain: found.ascii, problem: warning, is_valid: true };
    Ok(if found.is_exact { mailbox } else { mailbox.mended(Problem::DomainMapped) })
}

fn compose(local_part: &str) -> String {
    if is_nfc_quick(local_part.chars()) == IsNormalized::Yes {
        return local_part.to_owned();
    }
    local_part.nfc().collect()
}

/// True if a local part can stand without quotes.
pub(super) fn is_dot_string(text: &str) -> bool {
    dot_string_end(&[text, "@"].concat()) == Ok(text.len())
}

/// Byte offset of the `@` that ends the local part.
fn local_part_end(text: &str) -> Result<usize, Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    let is_mark = |c: char| c.general_category_group() == GeneralCategoryGroup::Mark;
    if text.starts_with(|c: char| !c.is_ascii() && is_mark(c)) {
        // It would join the `@` or the sign before the address.
        return Err(Problem::InvalidLocalPart);
    }
    let end = match text.strip_prefix('"') {
        Some(quoted) => quoted_end(quoted)? + 1,
        None => dot_string_end(text)?,
    };
    let local_part = text.get(..end).unwrap_or_default();
    if !local_part.is_ascii() && text::strip_invisible(local_part) != local_part {
        return Err(Problem::InvisibleCharacters);
    }
    Ok(end)
}

/// Byte offset after the closing quote of `Quoted-string`, whose opening quote was taken.
fn quoted_end(quoted: &str) -> Result<usize, Problem> {
    let mut is_escaped = false;
    for (offset, c) in quoted.char_indices() {
        if c.is_control() {
            return Err(Problem::ControlCharacter);
        }
        if is_escaped {
            // RFC 6531 leaves quoted pairs to ASCII.
            if !c.is_ascii() {
                return Err(Problem::InvalidLocalPart);
            }
            is_escaped = false;
            continue;
        }
        match c {
            '\\' => is_escaped = true,
            '"' => {
                let end = offset + 1;
                return match quoted.get(end..).and_then(|rest| rest.chars().next()) {
                    Some('@') => Ok(end),
                    None => Err(Problem::MissingAt),
                    Some(_) => Err(Problem::InvalidLocalPart),
                };
            }
            _ if c.is_ascii() => {}
            _ => fault_outside_ascii(c).map_or(Ok(()), Err)?,
        }
    }
    Err(Problem::UnclosedQuote)
}

/// Byte offset of the `@` after a `Dot-string`.
fn dot_string_end(text: &str) -> Result<usize, Problem> {
    let mut previous = '.';
    let mut fault = None;
    for (offset, c) in text.char_indices() {
        match c {
            '@' if offset == 0 => return Err(Problem::MissingLocalPart),
            '@' => {
                if previous == '.' {
                    fault = fault.or(Some(Problem::DotAtEdge));
                }
                return fault.map_or(Ok(offset), Err);
            }
            '.' if offset == 0 => fault = fault.or(Some(Problem::DotAtEdge)),
            '.' if previous == '.' => fault = fault.or(Some(Problem::ConsecutiveDots)),
            '.' => {}
            _ => fault = fault.or_else(|| fault_of(c)),
        }
        previous = c;
    }
    Err(Problem::MissingAt)
}

/// The reason why `c` cannot be in an unquoted local part; none for `atext` (RFC 5322, 3.2.3).
fn fault_of(c: char) -> Option<Problem> {
    if !c.is_ascii() {
        return fault_outside_ascii(c);
    }
    match c {
        ' ' | '\t' | '\r' | '\n' => Some(Problem::SpaceInside),
        _ if c.is_ascii_control() => Some(Problem::ControlCharacter),
        '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '@' | '[' | '\\' | ']' => {
            Some(Problem::InvalidLocalPart)
        }
        _ => None,
    }
}

fn fault_outside_ascii(c: char) -> Option<Problem> {
    match c {
        '\u{FF01}'..='\u{FF5E}' | '\u{FE6B}' => Some(Problem::FullWidth),
        _ if c.is_whitespace() => Some(Problem::SpaceInside),
        _ => match c.general_category() {
            GeneralCategory::Control => Some(Problem::ControlCharacter),
            GeneralCategory::PrivateUse => Some(Problem::InvalidLocalPart),
            _ => None,
        },
    }
}
