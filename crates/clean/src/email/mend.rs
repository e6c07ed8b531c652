//! Texts that people and programs put around an address, or changes that they make to it.
//!
//! Asked only where the field as written is no address. One layer after the other is taken off,
//! each by a rule that wants its proof in the text; what is left must be an address by itself. The
//! local part and the domain are never guessed at.

use std::borrow::Cow;

use super::{Mailbox, Problem, several, spelt_out, syntax};
use crate::text;

/// Most layers that are taken off. People leave two or three.
const LAYERS_MAX: usize = 12;

/// Words of a label before the address, in lower case: English and those of other languages.
const LABELS: &[&str] = &[
    "mail",
    "smtp",
    "courriel",
    "correo",
    "e-post",
    "epost",
    "почта",
    "邮",
    "郵",
    "メール",
    "메일",
];

/// Pairs of signs that stand around a whole field.
const PAIRS: &[(char, char)] = &[
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('‘', '’'),
    ('«', '»'),
    ('「', '」'),
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
];

/// The mailbox in `raw`, which is none as it stands.
pub(super) fn mend(raw: &str) -> Result<Mailbox, Problem> {
    let seen = text::strip_invisible(raw);
    let found = peel(&seen, Lists::Allowed).or_else(|fault| {
        let narrow = narrow(&seen).map(|narrow| (narrow, Problem::FullWidth));
        let plain = || without_markup(&seen).map(|plain| (plain, Problem::Markup));
        let (text, problem) = narrow.or_else(plain).ok_or(fault)?;
        peel(&text, Lists::Allowed).map(|mailbox| mailbox.mended(problem)).map_err(|_| fault)
    })?;
    Ok(if seen == raw { found } else { found.mended(Problem::InvisibleCharacters) })
}

/// True if a text may be a list of addresses. The items of a list may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    Allowed,
    Refused,
}

/// The mailbox behind a spreadsheet's mark for text (`'ann@x.com`), which a local part may begin
/// with, and none does.
pub(super) fn text_mark(raw: &str) -> Option<Mailbox> {
    let rest = raw.trim().strip_prefix(['\'', '`'])?;
    let is_single = !rest.contains(['\'', '`']);
    let mailbox = syntax::mailbox(rest).ok().filter(|_| is_single)?;
    Some(mailbox.mended(Problem::Punctuation))
}

/// Takes layers off `text` until an address is left.
pub(super) fn peel(text: &str, lists: Lists) -> Result<Mailbox, Problem> {
    let mut text = Cow::Borrowed(text);
    let mut mended = Vec::new();
    for _ in 0..LAYERS_MAX {
        if text.trim().len() != text.len() {
            mended.push(Problem::SurroundingSpace);
            text = Cow::Owned(text.trim().to_owned());
        }
        let fault = match syntax::mailbox(&text) {
            Ok(mailbox) => return Ok(mended.into_iter().fold(mailbox, Mailbox::mended)),
            Err(fault) => fault,
        };
        if lists == Lists::Allowed
            && let Some(first) = several::first(&text)
        {
            return Ok(first.mended(Problem::SeveralAddresses));
        }
        let (inner, problem) = layer(&text).ok_or_else(|| name_fault(&text, fault))?;
        mended.push(problem);
        text = Cow::Owned(inner);
    }
    Err(Problem::TooLong)
}

/// `text` without its outermost layer, and what that was.
fn layer(text: &str) -> Option<(String, Problem)> {
    link(text)
        .or_else(|| label(text))
        .or_else(|| angle_brackets(text))
        .or_else(|| spelt_out::read(text).map(|read| (read, Problem::Obfuscated)))
        .or_else(|| beside_nothing(text))
        .or_else(|| punctuation(text))
        .or_else(|| comments(text))
        .or_else(|| spaced_at(text))
}

/// Names the fault of a field in which no layer is left, where syntax alone cannot.
fn name_fault(text: &str, fault: Problem) -> Problem {
    let text = text.replace("\\)", "").replace("\\]", "");
    let is_open = |open: char, close: char| {
        text.chars().filter(|&c| c == open).count() > text.chars().filter(|&c| c == close).count()
    };
    let is_bracket = is_open('<', '>') || is_open('(', ')') || is_open('[', ']');
    match fault {
        Problem::InvalidLocalPart | Problem::InvalidDomain | Problem::SpaceInside if is_bracket => {
            Problem::UnclosedBracket
        }
        Problem::InvalidLocalPart | Problem::SpaceInside if text.matches('@').count() > 1 => {
            Problem::SeveralAts
        }
        _ => fault,
    }
}

/// The address of a `mailto:` link (RFC 6068), without what follows the `?`.
fn link(text: &str) -> Option<(String, Problem)> {
    let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))?;
    let rest = text.get(scheme.len()..)?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let address = rest.split_once('?').map_or(rest, |(address, _)| address);
    Some((percent_decode(address), Problem::Mailto))
}

fn without_scheme(text: &str) -> &str {
    let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    scheme.and_then(|scheme| text.get(scheme.len()..)).unwrap_or(text)
}

/// `%40` and the like decoded; the text as it is where that gives no UTF-8.
fn percent_decode(text: &str) -> String {
    let hex = |digits: &str| {
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        match part.get(..2).and_then(hex) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.bytes().skip(2));
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.bytes());
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The text after `E-mail:`, `SMTP:` and the like.
fn label(text: &str) -> Option<(String, Problem)> {
    let (label, rest) = text.split_once([':', '：'])?;
    let is_words =
        label.chars().count() <= 30 && !label.contains(['@', '<', '[', '"', '(', '=', '/']);
    let label = label.to_lowercase();
    let is_label = is_words && LABELS.iter().any(|word| label.contains(word));
    is_label.then(|| (rest.to_owned(), Problem::Label))
}

/// The text in angle brackets, with a name around them or not.
fn angle_brackets(text: &str) -> Option<(String, Problem)> {
    // Outlook writes `Ann [mailto:ann@x.com]`.
    let (open, close) = if text.contains("[mailto:") { ('[', ']') } else { ('<', '>') };
    let (before, rest) = text.rsplit_once(open)?;
    let (inner, after) = rest.split_once(close)?;
    if !inner.contains('@') || after.contains(['@', '<', '>']) {
        return None;
    }
    let name = before.trim().trim_matches(['"', '\'']).trim();
    if name.is_empty() && before.trim().is_empty() && after.trim().is_empty() {
        return Some((inner.to_owned(), Problem::AngleBrackets));
    }
    // Another address as the name: which one is meant, nobody can tell.
    let is_other = name.contains('@')
        && (name.contains('<') || syntax::mailbox(name).is_ok())
        && !name.eq_ignore_ascii_case(without_scheme(inner.trim()));
    (!is_other).then(|| (inner.to_owned(), Problem::DisplayName))
}

/// `ann@x.com; N/A`: the one item of a list that is there.
fn beside_nothing(text: &str) -> Option<(String, Problem)> {
    const NOTHING: [&str; 10] =
        ["", "n/a", "na", "none", "null", "nan", "-", "nil", "unknown", "n.a."];
    let mut items = text.split([';', ',', '|']).map(str::trim);
    let is_nothing = |item: &&str| NOTHING.contains(&item.to_ascii_lowercase().as_str());
    let there: Vec<&str> = items.by_ref().filter(|item| !is_nothing(item)).take(2).collect();
    match there[..] {
        [item] if item.contains('@') && item.len() < text.len() => {
            Some((item.to_owned(), Problem::Punctuation))
        }
        _ => None,
    }
}

/// `text` without the signs around it.
fn punctuation(text: &str) -> Option<(String, Problem)> {
    for (open, close) in PAIRS {
        let inner = text.strip_prefix(*open).and_then(|rest| rest.strip_suffix(*close));
        if let Some(inner) = inner.filter(|inner| inner.contains('@')) {
            return Some((inner.to_owned(), Problem::Punctuation));
        }
    }
    // Half a pair, if what is left is an address.
    if let Some(rest) = text.strip_prefix('"').filter(|rest| syntax::mailbox(rest).is_ok()) {
        return Some((rest.to_owned(), Problem::UnclosedQuote));
    }
    let stripped =
        text.trim_start_matches([',', ';', ':', '|', '>', '，', '；', '、']).trim_end_matches([
            '.', ',', ';', ':', '!', '?', '|', '>', '"', '\'', '`', '。', '，', '；', '、', '…',
        ]);
    (stripped.len() < text.len() && stripped.contains('@'))
        .then(|| (stripped.to_owned(), Problem::Punctuation))
}

/// `text` without its comments (RFC 5322, 3.2.2), which may stand at its ends and beside the `@`.
fn comments(text: &str) -> Option<(String, Problem)> {
    let mut plain = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let (mut is_quoted, mut is_escaped, mut is_after) = (false, false, false);
    let mut count = 0;
    for c in text.chars() {
        let escaped = is_escaped;
        is_escaped = c == '\\' && !escaped;
        match c {
            '"' if depth == 0 && !escaped => is_quoted = !is_quoted,
            '(' if !is_quoted && !escaped => {
                depth += 1;
                count += 1;
                continue;
            }
            ')' if !is_quoted && !escaped => {
                depth = depth.checked_sub(1)?;
                is_after = depth == 0;
                continue;
            }
            _ => {}
        }
        if depth > 0 {
            continue;
        }
        // A comment in the middle of a word belongs to it in no way that is known.
        if is_after && c != '@' && !plain.trim_end().is_empty() && !plain.trim_end().ends_with('@')
        {
            if !c.is_whitespace() {
                return None;
            }
        } else {
            is_after = false;
        }
        plain.push(c);
    }
    (count > 0 && depth == 0 && plain.contains('@'))
        .then(|| (plain.trim().to_owned(), Problem::Comment))
}

/// `ann @ x.com` without the white space beside its `@`.
fn spaced_at(text: &str) -> Option<(String, Problem)> {
    let (local_part, domain) = text.split_once('@')?;
    let (local_part, domain) = (local_part.trim_end(), domain.trim_start());
    let joined = [local_part, "@", domain].concat();
    let is_whole = !domain.contains('@') && !joined.contains(char::is_whitespace);
    (is_whole && joined.len() < text.len()).then_some((joined, Problem::SpacedAt))
}

/// Full-width forms in ASCII, as an input method for Chinese or Japanese leaves them.
fn narrow(text: &str) -> Option<String> {
    let is_wide = |c: char| matches!(c, '\u{FF01}'..='\u{FF5E}' | '\u{FE6B}');
    let narrow = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{FE6B}' => '@',
        '\u{3000}' => ' ',
        '\u{3002}' | '\u{FF61}' => '.',
        _ => c,
    };
    text.contains(is_wide).then(|| text.chars().map(narrow).collect())
}

/// `text` without HTML, where it has some.
fn without_markup(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let is_break =
        ["<br", "<p>", "<div", "<span", "<b>", "<wbr"].iter().any(|tag| lower.contains(tag));
    let is_markup = is_break || text.contains("</") || (text.contains('&') && text.contains(';'));
    is_markup.then(|| text::clean(text)).filter(|plain| plain != text)
}
