//! Characters that nobody sees: controls, zero-width and bidi characters, tags, non-characters.
//!
//! White space stays (it is folded later). Joiners stay where they change what is read: between
//! the parts of an emoji, after a virama, and between letters of the scripts that join.

use std::borrow::Cow;

use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

use super::{is_space, mojibake::cp1252};

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
const BLACK_FLAG: char = '\u{1F3F4}';
const TAG_END: char = '\u{E007F}';
/// Canonical combining class of the viramas, which a joiner may follow.
const VIRAMA: u8 = 9;

/// `text` without its invisible characters; Windows' characters where C1 controls stood.
pub(crate) fn strip(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut last = None;
    let mut flag_end = 0;
    for (offset, c) in text.char_indices() {
        let rest = text.get(offset + c.len_utf8()..).unwrap_or_default();
        let kept = match c {
            ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
                joins(last, c, rest.chars().next()).then_some(c)
            }
            // Within a flag's run of tags, which `flag_tags` has measured.
            _ if offset < flag_end => Some(c),
            _ if is_space(c) => Some(c),
            '\u{80}'..='\u{9F}' => cp1252(c),
            _ => (!is_invisible(c)).then_some(c),
        };
        if c == BLACK_FLAG {
            flag_end = offset + c.len_utf8() + flag_tags(rest);
        }
        if let Some(kept) = kept {
            out.push(kept);
            last = Some(kept);
        }
    }
    out.into()
}

fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match c {
        // Signs of Arabic, Syriac and Kaithi that enclose the digits after them: seen, though
        // Unicode counts them as format characters.
        '\u{600}'..='\u{605}'
        | '\u{6DD}'
        | '\u{70F}'
        | '\u{890}'..='\u{891}'
        | '\u{8E2}'
        | '\u{110BD}'
        | '\u{110CD}' => false,
        // Egyptian hieroglyphs' layout.
        '\u{13430}'..='\u{1345F}' => false,
        '\u{FDD0}'..='\u{FDEF}' => true,
        _ if u32::from(c) & 0xFFFE == 0xFFFE => true,
        _ => matches!(c.general_category(), GeneralCategory::Control | GeneralCategory::Format),
    }
}

/// True if a joiner between these two characters changes what is read.
fn joins(before: Option<char>, joiner: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    if canonical_combining_class(before) == VIRAMA {
        return true;
    }
    let Some(after) = after else { return false };
    let is_emoji = |c: char| !c.is_ascii() && c.is_emoji_char();
    let ends_emoji = is_emoji(before) || matches!(before, '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    (joiner == ZERO_WIDTH_JOINER && ends_emoji && is_emoji(after))
        || (is_joining_script(before) && is_joining_script(after))
}

/// Blocks of the scripts in which ZWJ and ZWNJ shape letters: Arabic, Syriac, N'Ko, Mandaic,
/// Indic, Tibetan, Myanmar, Khmer, Mongolian.
fn is_joining_script(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{7FF}' | '\u{840}'..='\u{DFF}' | '\u{F00}'..='\u{109F}'
        | '\u{1780}'..='\u{18AF}' | '\u{A840}'..='\u{A87F}' | '\u{FB50}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{11000}'..='\u{11FFF}')
}

/// Bytes of the tag characters after a black flag that name a region (England, Texas), none
/// where `rest` does not start with such a name.
fn flag_tags(rest: &str) -> usize {
    let is_tag = |c: char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let names = rest.chars().take(6).take_while(|&c| is_tag(c)).count();
    let is_closed = names >= 3 && rest.chars().nth(names) == Some(TAG_END);
    if is_closed { (names + 1) * TAG_END.len_utf8() } else { 0 }
}
