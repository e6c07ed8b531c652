//! Characters that look like others: a warning, never a correction.
//!
//! After Unicode's UTS 39: one word of Latin letters and of Cyrillic, Greek, Armenian or Cherokee
//! ones. Han, kana and hangul beside Latin are usual and pass. A word wholly in Cyrillic passes
//! too, be it spelt like a Latin one.

/// Alphabets with letters that look alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Cyrillic,
    Greek,
    Armenian,
    Cherokee,
}

/// True if a word (what stands between dots and hyphens) of `text` mixes such alphabets, or holds
/// typographic punctuation that looks like ASCII's.
pub(super) fn holds(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let is_typographic = |c| matches!(c, '‘' | '’' | '‛' | '“' | '”' | '‐'..='―' | '․' | '−' | '′');
    text.chars().any(is_typographic)
        || text.split(['.', '-', '_', '+', '@']).any(|word| {
            let mut alphabets = word.chars().filter_map(alphabet);
            let first = alphabets.next();
            first.is_some_and(|first| alphabets.any(|other| other != first))
        })
}

/// The alphabet by Unicode's blocks.
fn alphabet(c: char) -> Option<Alphabet> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => {
            Some(Alphabet::Latin)
        }
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Some(Alphabet::Greek),
        '\u{400}'..='\u{52F}'
        | '\u{1C80}'..='\u{1C8F}'
        | '\u{2DE0}'..='\u{2DFF}'
        | '\u{A640}'..='\u{A69F}' => Some(Alphabet::Cyrillic),
        '\u{530}'..='\u{58F}' => Some(Alphabet::Armenian),
        '\u{13A0}'..='\u{13FF}' | '\u{AB70}'..='\u{ABBF}' => Some(Alphabet::Cherokee),
        _ => None,
    }
}
