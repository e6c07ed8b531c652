//! Free text: one normal form for what people, web forms and broken exports leave in a field.
//!
//! A pass takes out markup (`markup`), repairs UTF-8 that was read as Latin-1 (`mojibake`), takes
//! out characters that nobody sees (`invisible`), composes (NFC) and folds white space. Passes
//! repeat until nothing changes, so that cleaning twice is cleaning once.

mod entities;
mod invisible;
mod markup;
mod mojibake;
mod tags;

use crate::pause;
use std::borrow::Cow;

pub(crate) use invisible::strip as strip_invisible;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Bound on the passes. Each layer of damage takes one pass and shrinks the text: what people
/// leave needs two or three, and mojibake of mojibake halves.
const PASSES_MAX: usize = 64;

/// Longest text that is read, in bytes: a pass over it takes part of a second.
pub const INPUT_BYTES_MAX: usize = 16 << 20;

/// The normal form of `raw`: HTML tags and entities out, mojibake repaired where certain, control,
/// zero-width and bidi characters out, NFC, runs of white space folded to one space, trimmed.
///
/// Joiners stay where they make a difference: inside emoji sequences, and in scripts that join.
/// The time grows with the length of the text alone, whatever it holds.
pub fn clean(raw: &str) -> String {
    settle(raw, fold_white_space)
}

/// The same with the line breaks that are written: each is one line feed, and of several in a row
/// two stay.
pub fn clean_lines(raw: &str) -> String {
    settle(raw, fold_lines)
}

fn settle(raw: &str, fold: fn(&str) -> String) -> String {
    if is_plain(raw) {
        return raw.to_owned();
    }
    let mut text = pass(raw, fold);
    for _ in 1..PASSES_MAX {
        let next = pass(&text, fold);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// True if `raw` is in normal form for sure: printable ASCII, single spaces inside, no markup.
fn is_plain(raw: &str) -> bool {
    let mut previous = b' ';
    for byte in raw.bytes() {
        let is_plain = match byte {
            b' ' => previous != b' ',
            b'<' | b'&' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !is_plain {
            return false;
        }
        previous = byte;
    }
    previous != b' ' || raw.is_empty()
}

fn pass(text: &str, fold: fn(&str) -> String) -> String {
    pause::now();
    let text = markup::strip(text);
    pause::now();
    let text = mojibake::repair(&text);
    pause::now();
    let text = invisible::strip(&text);
    pause::now();
    fold(&compose(&text))
}

fn compose(text: &str) -> Cow<'_, str> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// One space for each run of white space, none at the ends. The information separators that old
/// exports use between fields count as white space.
fn fold_white_space(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// White space folded within each line, none at the ends of lines and of the text, and at most one
/// line empty between two.
fn fold_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let mut folded = String::with_capacity(text.len());
    let mut breaks = 0;
    for line in text.split(is_break) {
        let line = fold_white_space(line);
        if !line.is_empty() {
            if !folded.is_empty() {
                folded.push_str(if breaks > 1 { "\n\n" } else { "\n" });
            }
            folded.push_str(&line);
            breaks = 0;
        }
        breaks += 1;
    }
    folded
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&c)
}

#[cfg(test)]
mod tests;
