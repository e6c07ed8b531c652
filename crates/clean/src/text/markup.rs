//! Tags, comments and character references out, in one pass over the text.
//!
//! The output is built character by character; a `;` that ends a character reference and a `>`
//! that ends a tag take back what they end. What a removal joins (`<<b>b>`, `&am<i>p;`) is thus
//! seen at once, however deep it is nested, and each character is looked at a bounded number of
//! times.

use super::entities;
use super::tags::{self, Tag};

/// `text` without its markup: what a reader of the page would see.
pub(super) fn strip(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'<' | b'&')) {
        return text.into();
    }
    let mut stripper = Stripper { out: String::with_capacity(text.len()), ..Stripper::default() };
    for c in text.chars() {
        stripper.push(c);
    }
    stripper.out.into()
}

/// A `<` in the output that may yet turn out to open a tag.
#[derive(Debug)]
struct Candidate {
    /// Byte offset of its `<` in the output.
    start: usize,
    /// The quote that an attribute's value stands in.
    quote: Option<char>,
    /// True if the last character that is no white space was `=`.
    after_equals: bool,
}

#[derive(Debug, Default)]
struct Stripper {
    out: String,
    candidates: Vec<Candidate>,
    /// Offsets of the `<!--` that are still open, in order.
    comments: Vec<usize>,
    /// Start of the text of an open script or style element.
    hidden: Option<usize>,
}

impl Stripper {
    /// Takes the next character of the text, decoding the reference that it ends.
    fn push(&mut self, c: char) {
        if c == ';' {
            // A reference to `;` itself may end another reference, hence the loop.
            while let Some((start, first, second)) = self.reference() {
                self.out.truncate(start);
                if first != ';' {
                    self.append(first);
                    if let Some(second) = second {
                        self.append(second);
                    }
                    return;
                }
            }
        }
        self.append(c);
    }

    /// The character reference that a `;` now ends: where it starts and what it stands for.
    fn reference(&self) -> Option<(usize, char, Option<char>)> {
        let tail = self.out.as_bytes();
        let length = tail
            .iter()
            .rev()
            .take(entities::BYTES_MAX)
            .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#')?;
        let start = tail.len() - length - 1;
        if tail.get(start) != Some(&b'&') {
            return None;
        }
        let (first, second) = entities::decode(&format!("{};", self.out.get(start..)?))?;
        Some((start, first, second))
    }

    fn append(&mut self, c: char) {
        self.out.push(c);
        match c {
            '<' => self.candidates.push(Candidate {
                start: self.out.len() - 1,
                quote: None,
                after_equals: false,
            }),
            '>' => self.close(),
            _ => self.extend(c),
        }
    }

    /// The youngest `<` that is still open, if it is not cut off by the start of a comment.
    fn open(&mut self) -> Option<&mut Candidate> {
        let comment = self.comments.last().copied();
        self.candidates.last_mut().filter(|last| comment.is_none_or(|start| last.start > start))
    }

    /// Follows the quotes of the open candidate, and gives up one that cannot be a tag.
    fn extend(&mut self, c: char) {
        let length = self.out.len();
        let Some(candidate) = self.open() else { return };
        let start = candidate.start;
        if length - c.len_utf8() == start + 1
            && !matches!(c, 'a'..='z' | 'A'..='Z' | '/' | '!' | '?')
        {
            return self.give_up();
        }
        match (candidate.quote, c) {
            (Some(quote), _) if quote == c => candidate.quote = None,
            (None, '"' | '\'') if candidate.after_equals => candidate.quote = Some(c),
            _ => {}
        }
        candidate.after_equals = c == '=' || (candidate.after_equals && c.is_ascii_whitespace());
        if length == start + 4 && self.out.get(start..) == Some("<!--") {
            self.candidates.pop();
            self.comments.push(start);
        }
    }

    /// Ends the comment or the tag that a `>` ends.
    fn close(&mut self) {
        if let Some(&start) = self.comments.last()
            && self.out.len() >= start + "<!---->".len()
            && self.out.ends_with("-->")
        {
            return self.cut(start);
        }
        let Some(candidate) = self.open() else { return };
        if candidate.quote.is_some() {
            return;
        }
        let start = candidate.start;
        match self.out.get(start..).and_then(tags::classify) {
            Some(tag) => self.remove(start, tag),
            None => self.give_up(),
        }
    }

    fn remove(&mut self, start: usize, tag: Tag) {
        self.cut(start);
        match tag {
            Tag::Inline => {}
            Tag::Block => self.append(' '),
            Tag::OpensHidden => self.hidden = self.hidden.or(Some(start)),
            Tag::ClosesHidden => {
                if let Some(start) = self.hidden.take() {
                    self.cut(start);
                }
                self.append(' ');
            }
        }
    }

    /// Takes the output back to `start`, with all that was open after it.
    fn cut(&mut self, start: usize) {
        self.out.truncate(start);
        while self.candidates.last().is_some_and(|candidate| candidate.start >= start) {
            self.candidates.pop();
        }
        while self.comments.last().is_some_and(|comment| *comment >= start) {
            self.comments.pop();
        }
        self.hidden = self.hidden.filter(|hidden| *hidden <= start);
    }

    /// Leaves the open candidate as text, with those that it stands in: no tag holds a `<`.
    fn give_up(&mut self) {
        let comment = self.comments.last().copied();
        while let Some(last) = self.candidates.last()
            && comment.is_none_or(|start| last.start > start)
        {
            self.candidates.pop();
        }
    }
}
