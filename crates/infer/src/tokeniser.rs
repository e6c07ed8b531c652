//! Texts to token ids, as Hugging Face's `tokenizers` does it, cut at the model's limit.

use crate::Error;
use crate::plain::Plain;
use std::fs;
use std::path::Path;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{BertNormalizer, NormalizerWrapper};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Model, ModelWrapper, PostProcessor, Tokenizer, TruncationParams};

/// Largest `tokenizer.json` that is read; those of the largest vocabularies have about 20 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Largest factor by which a normaliser may lengthen a text. Replacing a space by "▁" makes it four
/// times as long at worst.
const GROWTH_MAX: usize = 256;
/// First length of a long text's beginning that is tried, in bytes for each token of the limit.
/// English has about 4.5 bytes in a token.
const BYTES_PER_TOKEN: usize = 16;

/// A text's tokens, special ones included, at most as many as the model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Indices into the vocabulary.
    pub ids: Box<[u32]>,
    /// True if the text was longer than the model's limit and its end was cut off.
    pub truncated: bool,
}

impl Tokens {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True if there is no token; [`Model::tokenise`](crate::Model::tokenise) never gives that.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Parts of `tokenizer.json` that are checked before it is read.
#[derive(serde::Deserialize)]
struct Parts {
    #[serde(default)]
    normalizer: serde_json::Value,
}

/// The factor by which a normaliser may lengthen a text: of each part, in whatever way parts are
/// put together, the text that it puts in for another, or for nothing, between any two characters.
fn growth(normalizer: &serde_json::Value) -> usize {
    use serde_json::Value;
    match normalizer {
        Value::Object(part) => {
            let put_in = |name: &str| part.get(name).and_then(Value::as_str).map_or(0, str::len);
            let mapped = part.get("precompiled_charsmap").and_then(Value::as_str);
            let longest = mapped.map_or(0, longest_mapped);
            let own = 1 + put_in("content").max(put_in("prepend")).max(longest);
            part.values().map(growth).fold(own, usize::saturating_mul)
        }
        Value::Array(parts) => parts.iter().map(growth).fold(1, usize::saturating_mul),
        _ => 1,
    }
}

/// The longest text that a SentencePiece table puts in for a character: after the length of a trie
/// and the trie, the texts end with a zero byte each.
fn longest_mapped(base64: &str) -> usize {
    let sixes = base64.bytes().map_while(|byte| {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        Some(u32::from(value))
    });
    let (mut table, mut bits, mut held) = (Vec::with_capacity(base64.len() * 3 / 4), 0, 0);
    for six in sixes {
        (bits, held) = ((bits << 6 | six) & 0xffff, held + 6);
        if held >= 8 {
            held -= 8;
            table.push((bits >> held) as u8);
        }
    }
    let Some((length, rest)) = table.split_first_chunk::<4>() else { return 0 };
    let texts = rest.get(u32::from_le_bytes(*length) as usize..).unwrap_or_default();
    texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0)
}

/// The places where a text may be cut so that the tokens of its beginning are the beginning of its
/// tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cuts {
    /// Nowhere: the whole text is always read.
    None,
    /// Before a space that follows a letter or mark.
    Spaces,
    /// Also between two Chinese characters.
    SpacesAndIdeographs,
}

/// A tokenizer and the length that it cuts at.
#[derive(Debug)]
pub(crate) struct Tokeniser {
    tokenizer: Tokenizer,
    plain: Option<Plain>,
    max_tokens: usize,
    cuts: Cuts,
    /// Longest beginning that is tried first, in bytes.
    first_bytes: usize,
}

impl Tokeniser {
    /// Reads `folder/tokenizer.json`. Its own truncation and padding are replaced: cut at
    /// `max_tokens`, pad never. Every id has to lie below `vocab_size`, if that is known.
    pub fn read(folder: &Path, max_tokens: usize, vocab_size: Option<u64>) -> Result<Self, Error> {
        let path = folder.join("tokenizer.json");
        let unreadable = |error| Error::invalid(format!("cannot read tokenizer.json: {error}"));
        if fs::metadata(&path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(Error::invalid("tokenizer.json is too large"));
        }
        let json = fs::read(&path).map_err(unreadable)?;
        let parts: Parts = serde_json::from_slice(&json)
            .map_err(|error| Error::invalid(format!("tokenizer.json is malformed: {error}")))?;
        if growth(&parts.normalizer) > GROWTH_MAX {
            return Err(Error::invalid("the normalizer of tokenizer.json makes texts too long"));
        }
        let mut tokenizer = Tokenizer::from_bytes(json)
            .map_err(|error| Error::invalid(format!("tokenizer.json is malformed: {error}")))?;
        let special = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(false));
        if special == 0 || special >= max_tokens {
            let reason = format!("{special} special tokens do not fit a limit of {max_tokens}");
            return Err(Error::invalid(reason));
        }
        let highest = tokenizer.get_vocab(true).into_values().max();
        if let (Some(highest), Some(size)) = (highest, vocab_size)
            && u64::from(highest) >= size
        {
            let reason = format!("token id {highest} lies outside a vocabulary of {size}");
            return Err(Error::invalid(reason));
        }
        tokenizer.with_padding(None);
        let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(Error::invalid)?;
        let (plain, cuts) = (Plain::of(&tokenizer), cuts(&tokenizer));
        let first_bytes = max_tokens.saturating_mul(BYTES_PER_TOKEN);
        Ok(Self { tokenizer, plain, max_tokens, cuts, first_bytes })
    }

    /// Tokenises `text`. Of a long text only as much is read as gives more tokens than the limit,
    /// so the time is bounded by the limit for prose and by the text's length for anything.
    pub fn tokenise(&self, text: &str) -> Result<Tokens, Error> {
        let mut bytes = self.first_bytes;
        loop {
            let beginning = self.beginning(text, bytes);
            let tokens = self.encode(beginning)?;
            if tokens.truncated || beginning.len() == text.len() {
                return Ok(tokens);
            }
            bytes = bytes.saturating_mul(4);
        }
    }

    /// The beginning of a text whose tokens are those of the whole, cut or not. It has more words
    /// than the limit has tokens, and ends where a text may be cut: each word gives a token at
    /// least, so the whole is cut, too, and at the same token.
    pub fn readable<'t>(&self, text: &'t str) -> &'t str {
        if self.cuts == Cuts::None || text.len() <= self.max_tokens {
            return text;
        }
        let (mut tokens, mut is_word) = (0, false);
        let mut previous = ' ';
        for (offset, next) in text.char_indices() {
            if tokens > self.max_tokens && self.may_cut(previous, next) {
                return &text[..offset];
            }
            if matches!(next, ' ' | '\t' | '\n' | '\r') {
                is_word = false;
            } else if !is_word && next.is_ascii_alphanumeric() {
                is_word = true;
                tokens += 1;
            } else if self.cuts == Cuts::SpacesAndIdeographs && is_ideograph(next) {
                tokens += 1;
            }
            previous = next;
        }
        text
    }

    fn encode(&self, text: &str) -> Result<Tokens, Error> {
        if let Some(plain) = self.plain.as_ref().filter(|plain| plain.takes(text)) {
            return plain.tokenise(self.tokenizer.get_model(), text, self.max_tokens);
        }
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|_| Error::Tokenizer)?;
        let truncated = !encoding.get_overflowing().is_empty();
        Ok(Tokens { ids: encoding.get_ids().into(), truncated })
    }

    /// The shortest beginning of at least `bytes` bytes that ends where the text may be cut.
    fn beginning<'t>(&self, text: &'t str, bytes: usize) -> &'t str {
        if self.cuts == Cuts::None || text.len() <= bytes {
            return text;
        }
        let start = text.floor_char_boundary(bytes);
        let mut previous = ' ';
        for (offset, next) in text[start..].char_indices() {
            if self.may_cut(previous, next) {
                return &text[..start + offset];
            }
            previous = next;
        }
        text
    }

    fn may_cut(&self, previous: char, next: char) -> bool {
        match self.cuts {
            Cuts::None => false,
            Cuts::Spaces => next == ' ' && previous.is_alphanumeric(),
            Cuts::SpacesAndIdeographs => {
                (next == ' ' && previous.is_alphanumeric())
                    || (is_ideograph(previous) && is_ideograph(next))
            }
        }
    }
}

/// True if a character stands in the largest block of Chinese characters.
fn is_ideograph(c: char) -> bool {
    ('\u{4E00}'..='\u{9FFF}').contains(&c)
}

/// BERT's tokenizer works on each stretch between spaces alone: its normaliser replaces single
/// characters (canonical reordering of marks never crosses a space), its pre-tokeniser splits at
/// every space, its model sees single words. So does GPT-2's and RoBERTa's, which have no
/// normaliser and whose pre-tokeniser puts a space to the word after it. So cutting before a space
/// changes nothing before it, unless an added token spans a space, or two Chinese characters. A
/// word gives a token whatever it is, where the vocabulary has one for what it does not know. Of
/// other tokenizers nothing is assumed.
fn cuts(tokenizer: &Tokenizer) -> Cuts {
    let spanning = tokenizer
        .get_added_tokens_decoder()
        .values()
        .any(|token| token.content.chars().any(|c| c.is_whitespace() || is_ideograph(c)));
    if spanning {
        return Cuts::None;
    }
    match (bert_normalizer(tokenizer), tokenizer.get_model()) {
        (Some(normalizer), ModelWrapper::WordPiece(words))
            if words.get_vocab().contains_key(&words.unk_token) =>
        {
            if normalizer.handle_chinese_chars { Cuts::SpacesAndIdeographs } else { Cuts::Spaces }
        }
        (None, ModelWrapper::BPE(merges)) if is_byte_level(tokenizer, merges) => Cuts::Spaces,
        _ => Cuts::None,
    }
}

/// True if a tokenizer is GPT-2's in all its parts, and knows every byte.
fn is_byte_level(tokenizer: &Tokenizer, merges: &BPE) -> bool {
    let splits = matches!(
        tokenizer.get_pre_tokenizer(),
        Some(PreTokenizerWrapper::ByteLevel(ByteLevel { use_regex: true, .. }))
    );
    let vocabulary = merges.get_vocab();
    let knows = |byte: char| vocabulary.contains_key(byte.encode_utf8(&mut [0; 4]) as &str);
    splits
        && tokenizer.get_normalizer().is_none()
        && merges.dropout.is_none()
        && ByteLevel::alphabet().into_iter().all(knows)
}

/// The normaliser of a tokenizer that is BERT's in all its parts.
pub(crate) fn bert_normalizer(tokenizer: &Tokenizer) -> Option<&BertNormalizer> {
    let words = matches!(tokenizer.get_model(), ModelWrapper::WordPiece(_));
    let split =
        matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
    match tokenizer.get_normalizer() {
        Some(NormalizerWrapper::BertNormalizer(normalizer)) if words && split => Some(normalizer),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
