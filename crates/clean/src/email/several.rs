//! Several addresses in one field.

use super::Mailbox;
use super::mend::{Lists, peel};

/// Most parts that a field is split into.
const PARTS_MAX: usize = 100;

/// The first address of a list; none unless each item of the list can be read by itself.
///
/// Separators are tried from the strongest to the weakest, so that the comma of `Doe, Ann
/// <ann@x.com>; Roe, Bob <bob@x.com>` belongs to the names.
pub(super) fn first(text: &str) -> Option<Mailbox> {
    let _second_at = text.split(['@', '＠']).nth(2)?;
    let strong = |c: char| matches!(c, ';' | '|' | '\n' | '；');
    let middle = |c: char| matches!(c, ',' | '，' | '、') || strong(c);
    let weak = |c: char| c.is_whitespace() || matches!(c, '/' | '&') || middle(c);
    read(parts(text, strong)).or_else(|| read(parts(text, middle))).or_else(|| {
        let mut words = parts(text, weak);
        words.retain(|word| !matches!(*word, "or" | "and" | "und" | "et" | "OR" | "AND"));
        read(words).filter(|_| !text.contains('<'))
    })
}

fn read(parts: Vec<&str>) -> Option<Mailbox> {
    if !(2..=PARTS_MAX).contains(&parts.len()) {
        return None;
    }
    let mut boxes = parts.into_iter().map(|part| peel(part, Lists::Refused).ok());
    let first = boxes.next()??;
    boxes.all(|mailbox| mailbox.is_some()).then_some(first)
}

/// The parts of `text` between separators that stand outside quotes, brackets and parentheses.
fn parts(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<&str> {
    let has_pairs = text.matches('"').count().is_multiple_of(2);
    let mut is_quoted = false;
    let mut depth = 0_usize;
    let mut parts: Vec<&str> = text
        .split(|c: char| {
            match c {
                '"' if has_pairs => is_quoted = !is_quoted,
                '<' | '(' if !is_quoted => depth += 1,
                '>' | ')' if !is_quoted => depth = depth.saturating_sub(1),
                _ => {}
            }
            !is_quoted && depth == 0 && is_separator(c)
        })
        .collect();
    parts.retain(|part| !part.trim().is_empty());
    parts
}
