//! Mojibake: UTF-8 that some program read as Latin-1 or Windows-1252 (`cafÃ©`, `itâ€™s`).
//!
//! Two or more characters that together are the bytes of one UTF-8 character are repaired only
//! where no one would write them: `CAFÉ…` and `« déjà »…` are such bytes too, and stay. A sequence
//! is certain by its own form and neighbours; one that could be either is repaired only in a text
//! that also holds a certain one and nothing else outside ASCII.

use std::borrow::Cow;

/// Windows-1252's characters for 0x80 to 0x9F; five bytes are not used.
const CP1252: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

/// The character that Windows shows for a C1 control character; none where it shows nothing.
pub(super) fn cp1252(c: char) -> Option<char> {
    let index = u32::from(c).checked_sub(0x80)?;
    CP1252.get(usize::try_from(index).ok()?).copied().flatten()
}

/// The byte that was read as `c`.
fn byte(c: char) -> Option<u8> {
    match c {
        '\u{80}'..='\u{FF}' => u8::try_from(u32::from(c)).ok(),
        _ if c.is_ascii() => None,
        _ => {
            let index = CP1252.iter().position(|entry| *entry == Some(c))?;
            u8::try_from(0x80 + index).ok()
        }
    }
}

/// Certainty that a sequence is mojibake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    Possible,
    Certain,
}

/// A sequence of characters that are the bytes of one UTF-8 character.
#[derive(Debug)]
struct Sequence {
    /// Byte offsets in the text.
    start: usize,
    stop: usize,
    decoded: char,
    lead: u8,
    certainty: Certainty,
}

/// Most layers that are repaired at once. Each halves the text, or nearly so.
const LAYERS_MAX: usize = 8;

/// `text` with its certain mojibake repaired. All layers are, before anything else is done to the
/// text: between two of them stand characters that nobody sees, and would otherwise be taken out.
pub(super) fn repair(text: &str) -> Cow<'_, str> {
    let mut text = layer(text);
    for _ in 1..LAYERS_MAX {
        let next = match layer(&text) {
            Cow::Owned(next) if *next != *text => next,
            _ => break,
        };
        text = Cow::Owned(next);
    }
    text
}

/// `text` with one layer of its certain mojibake repaired.
fn layer(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_lead) {
        return text.into();
    }
    let (mut sequences, others) = scan(text);
    raise_streaks(&mut sequences);
    let is_any_certain = sequences.iter().any(|one| one.certainty == Certainty::Certain);
    if !is_any_certain {
        return text.into();
    }
    let wanted = if others == 0 { Certainty::Possible } else { Certainty::Certain };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for sequence in sequences.iter().filter(|one| one.certainty >= wanted) {
        out.push_str(text.get(done..sequence.start).unwrap_or_default());
        out.push(sequence.decoded);
        done = sequence.stop;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out.into()
}

fn is_lead(c: char) -> bool {
    ('\u{C2}'..='\u{F4}').contains(&c)
}

/// The sequences of `text`, and how many characters outside ASCII belong to none.
fn scan(text: &str) -> (Vec<Sequence>, usize) {
    let mut sequences = Vec::new();
    let (mut others, mut skip_to) = (0, 0);
    let mut before = None;
    for (start, c) in text.char_indices() {
        if start < skip_to {
            continue;
        }
        if !c.is_ascii() {
            match sequence(text, start, before) {
                Some(found) => {
                    skip_to = found.stop;
                    before = Some(found.decoded);
                    sequences.push(found);
                    continue;
                }
                None => others += 1,
            }
        }
        before = Some(c);
    }
    (sequences, others)
}

/// The sequence that starts at byte `start` of `text`, `before` being what stands before it.
fn sequence(text: &str, start: usize, before: Option<char>) -> Option<Sequence> {
    let rest = text.get(start..)?;
    let mut characters = rest.chars();
    let lead = byte(characters.next().filter(|&c| is_lead(c))?)?;
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    };
    let mut bytes = [lead, 0, 0, 0];
    for slot in bytes.get_mut(1..length)? {
        *slot = byte(characters.next()?)?;
    }
    let bytes = bytes.get(..length)?;
    let decoded = std::str::from_utf8(bytes).ok()?.chars().next()?;
    let stop = text.len() - characters.as_str().len();
    let tail: Vec<char> = rest.chars().take(length).skip(1).collect();
    Some(Sequence {
        start,
        stop,
        decoded,
        lead,
        certainty: certainty(bytes, &tail, before, characters.next()),
    })
}

/// Judges one sequence by its bytes, the characters `tail` that stand for all but the first, and
/// the characters before and after it.
fn certainty(bytes: &[u8], tail: &[char], before: Option<char>, after: Option<char>) -> Certainty {
    let is_closing = tail.iter().all(|&c| is_punctuation(c));
    let is_ambiguous = tail.iter().all(|&c| is_punctuation(c) || is_sign(c));
    let is_small = before.is_some_and(char::is_lowercase);
    let is_in_capitals = before.is_some_and(char::is_uppercase);
    let is_certain = match bytes {
        [0xC2..=0xC5, _] if is_quote_within(tail, before, after) => true,
        // Ã and Â end words in capitals alone, and take closing punctuation only there.
        [0xC2 | 0xC3, _] => {
            !((is_closing || tail == ['®']) && is_in_capitals)
                || is_vowel_in_capitals(bytes, before, after)
        }
        // Ä and Å begin words, and Å is one; after a small letter neither stands.
        [0xC4 | 0xC5, _] => {
            is_small
                || !is_ambiguous
                || is_in_capitals && after.is_some_and(char::is_lowercase)
                || is_vowel_in_capitals(bytes, before, after)
                || bytes == [0xC5, 0xA0] && is_s_with_caron(before, after)
        }
        // Typographic punctuation: â€ never stands in a text.
        [0xE2, 0x80, _] => true,
        // Apostrophes of Hawaiian and Gwichʼin.
        [0xCA, 0xBC] => true,
        [0xCA, 0xBB] => after.is_some_and(char::is_alphabetic),
        // A byte-order mark, and the replacement character.
        [0xEF, 0xBB, 0xBF] | [0xEF, 0xBF, 0xBD] => true,
        // Vietnamese vowels (Nguyá»…n): closing punctuation has no small letter on its heels.
        [0xE1, 0xBA | 0xBB, _] => !is_ambiguous || after.is_some_and(char::is_lowercase),
        // `Bangladéš…`: a letter that is one, and punctuation after it.
        [_, _, _] => {
            let is_end = tail.last().is_some_and(|&c| is_punctuation(c) || is_sign(c));
            !(is_ambiguous || is_end && tail.first().is_some_and(|c| c.is_alphabetic()))
        }
        [0xF0, 0x9F, _, _] => true,
        _ => false,
    };
    if is_certain { Certainty::Certain } else { Certainty::Possible }
}

/// A quotation mark that stands where none can: it opens at the end of a word (`ZOÃ‹`), or stands
/// between letters (`LÃ“PEZ`, `RÄ«ga`).
fn is_quote_within(tail: &[char], before: Option<char>, after: Option<char>) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    match tail {
        ['‹' | '„' | '‚'] => is_letter(before) || is_letter(after),
        ['“' | '”' | '‘' | '«' | '»' | '›'] => is_letter(after),
        // An apostrophe stands between letters too: `CÅ’UR`, but `Å’s`.
        ['’'] => {
            let is_capital = |c: Option<char>| c.is_some_and(char::is_uppercase);
            is_capital(before) && is_capital(after) && after != Some('S')
        }
        // `ARÄ€BIJA`, `MÅ®J`
        ['€' | '®' | '·'] => is_letter(before) && is_letter(after),
        _ => false,
    }
}

/// `KÃ–LN`, `BRUNÄ–JUS`: hardly anyone joins two words in capitals by a dash, of which the first
/// ends in Ã or Ä.
fn is_vowel_in_capitals(bytes: &[u8], before: Option<char>, after: Option<char>) -> bool {
    let is_capital = |c: Option<char>| c.is_some_and(|c| c.is_ascii_uppercase());
    matches!(bytes, [0xC3 | 0xC4, 0x96]) && is_capital(before) && is_capital(after)
}

/// `Å KODA` with the space that does not break: Å as a word is written with a common space.
fn is_s_with_caron(before: Option<char>, after: Option<char>) -> bool {
    !before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_uppercase)
}

/// True if `c` may follow a letter in a text that is right: quotes, dashes, dots, spaces.
fn is_punctuation(c: char) -> bool {
    const MARKS: &str = "’‘“”„‚…–—«»‹›•™\u{A0}";
    MARKS.contains(c)
}

/// True if `c` is a sign that may follow a word or a letter.
fn is_sign(c: char) -> bool {
    matches!(c, '·' | '®' | '©' | '€' | '¹' | '²' | '³')
}

/// Letters of one foreign script in a row (`ÐŸÑ€Ð¸`, `æ—¥æœ¬`) are certain: no one writes that.
fn raise_streaks(sequences: &mut [Sequence]) {
    let mut streak = 0;
    for index in 1..=sequences.len() {
        let continues = match (sequences.get(index - 1), sequences.get(index)) {
            (Some(left), Some(right)) => {
                left.stop == right.start
                    && script(left.lead).is_some()
                    && script(left.lead) == script(right.lead)
                    && left.decoded.is_alphabetic()
                    && right.decoded.is_alphabetic()
            }
            _ => false,
        };
        if continues {
            continue;
        }
        if index - streak >= 2 {
            for sequence in sequences.get_mut(streak..index).unwrap_or_default() {
                sequence.certainty = Certainty::Certain;
            }
        }
        streak = index;
    }
}

/// The group of scripts that a lead byte begins; none for Latin letters and symbols.
fn script(lead: u8) -> Option<u8> {
    match lead {
        0xCE | 0xCF => Some(1),
        0xD0..=0xD3 => Some(2),
        0xD7 => Some(3),
        0xD8..=0xDB => Some(4),
        0xE0..=0xE1 => Some(5),
        0xE3..=0xED => Some(6),
        _ => None,
    }
}
