//! An `@` or dots that are spelt out to hide the address from programs.

/// Longest word, with its closing bracket, that may stand for a sign.
const WORD_CHARS_MAX: usize = 12;

/// The address of `ann (at) x.com`, `ann[at]x[dot]com` or `ann at x dot com`.
///
/// A bare `at` is read only where the dots are spelt out too: `Ann at x.com` is a sentence.
pub(super) fn read(text: &str) -> Option<String> {
    bracketed(text).or_else(|| words(text))
}

fn bracketed(text: &str) -> Option<String> {
    let has_at = text.contains('@') && !text.contains("(@)") && !text.contains("[@]");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut ats = usize::from(has_at);
    let mut count = 0;
    while let Some(open) = rest.find(['(', '[', '{', '<']) {
        let (before, bracket) = rest.split_at_checked(open)?;
        out.push_str(before);
        let sign = marker(bracket);
        let Some((sign, after)) = sign.filter(|(sign, _)| *sign == '.' || !has_at) else {
            let length = bracket.chars().next().map_or(1, char::len_utf8);
            let (skipped, after) = bracket.split_at_checked(length)?;
            out.push_str(skipped);
            rest = after;
            continue;
        };
        out.truncate(out.trim_end().len());
        out.push(sign);
        ats += usize::from(sign == '@');
        count += 1;
        rest = after.trim_start();
    }
    out.push_str(rest);
    // The dots may be bare words once the at sign stood in brackets.
    let out = if has_at { out } else { out.replace(" dot ", ".").replace(" DOT ", ".") };
    (count > 0 && ats == 1).then_some(out)
}

/// The sign that a bracketed word at the start of `text` stands for, and what follows it.
fn marker(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    let close = match characters.next()? {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        _ => '>',
    };
    let inner = characters.as_str();
    let (end, _) = inner.char_indices().take(WORD_CHARS_MAX).find(|(_, c)| *c == close)?;
    let (word, after) = (inner.get(..end)?, inner.get(end + 1..)?);
    let sign = match word.trim().to_lowercase().as_str() {
        "at" | "ät" | "@" | "a" | "arroba" | "chez" => '@',
        "dot" | "." | "punkt" | "punto" | "point" | "ponto" => '.',
        _ => return None,
    };
    Some((sign, after))
}

/// `ann dot lee at x dot com`: words and signs in turn.
fn words(text: &str) -> Option<String> {
    if text.contains('@') || text.len() > 320 {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut ats = 0;
    let mut is_dotted = false;
    for (index, word) in text.split_whitespace().enumerate() {
        if index % 2 == 0 {
            out.push_str(word);
            continue;
        }
        match word.to_ascii_lowercase().as_str() {
            "at" => {
                ats += 1;
                out.push('@');
            }
            "dot" => {
                is_dotted |= ats == 1;
                out.push('.');
            }
            _ => return None,
        }
    }
    (ats == 1 && is_dotted).then_some(out)
}
