//! The short way from plain English to token ids.
//!
//! `tokenizers` keeps where each character of a text came from, which nobody here asks for and
//! which takes most of its time. Of a text in ASCII BERT's normaliser and pre-tokeniser only drop
//! control characters, lower case letters, and split at white space and around each sign; that is
//! done here. The words' pieces are the library's still, and so is every other text.

use crate::tokeniser::bert_normalizer;
use crate::{Error, Tokens};
use tokenizers::{Model, ModelWrapper, NormalizedString, Normalizer, PostProcessor, Tokenizer};

/// BERT's tokenizer as far as ASCII needs it.
#[derive(Debug)]
pub(crate) struct Plain {
    lowercase: bool,
    /// True if an added token begins with that character.
    stops: [bool; 128],
    /// Special tokens before and after a text's own.
    around: [Box<[u32]>; 2],
}

impl Plain {
    /// `None` where the tokenizer does anything else than BERT's, or where an added token might be
    /// found in a text only after its letters were lowered.
    pub fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let normalizer = bert_normalizer(tokenizer).filter(|normalizer| normalizer.clean_text)?;
        let mut stops = [false; 128];
        for token in tokenizer.get_added_tokens_decoder().values() {
            let mut found_as = NormalizedString::from(token.content.as_str());
            if token.normalized {
                normalizer.normalize(&mut found_as).ok()?;
            }
            match found_as.get().bytes().next() {
                Some(first) if found_as.get().is_ascii() => {
                    if token.normalized {
                        return None;
                    }
                    stops[usize::from(first)] = true;
                }
                // Never found in ASCII.
                _ => {}
            }
        }
        let around = around(tokenizer)?;
        Some(Self { lowercase: normalizer.lowercase, stops, around })
    }

    /// True if this way is open to a text.
    pub fn takes(&self, text: &str) -> bool {
        text.is_ascii() && !text.bytes().any(|byte| self.stops[usize::from(byte)])
    }

    /// The tokens of a text that is taken, cut at `max_tokens`; `model` is the tokenizer's.
    pub fn tokenise(
        &self,
        model: &ModelWrapper,
        text: &str,
        max_tokens: usize,
    ) -> Result<Tokens, Error> {
        let [before, after] = &self.around;
        let end = max_tokens.saturating_sub(after.len());
        let mut ids = before.to_vec();
        let mut word = String::new();
        // The space ends the last word.
        for byte in text.bytes().chain([b' ']) {
            let is_sign = byte.is_ascii_punctuation();
            if (is_sign || matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) && !word.is_empty() {
                push(model, &word, &mut ids)?;
                word.clear();
            }
            if is_sign {
                push(model, char::from(byte).encode_utf8(&mut [0; 1]), &mut ids)?;
            } else if byte.is_ascii_alphanumeric() {
                let kept = if self.lowercase { byte.to_ascii_lowercase() } else { byte };
                word.push(char::from(kept));
            }
            if ids.len() > end {
                break;
            }
        }
        let truncated = ids.len() > end;
        ids.truncate(end);
        ids.extend(after);
        Ok(Tokens { ids: ids.into(), truncated })
    }
}

fn push(model: &ModelWrapper, word: &str, ids: &mut Vec<u32>) -> Result<(), Error> {
    let pieces = model.tokenize(word).map_err(|_| Error::Tokenizer)?;
    ids.extend(pieces.iter().map(|piece| piece.id));
    Ok(())
}

/// The special tokens before and after a text, found by looking at one.
fn around(tokenizer: &Tokenizer) -> Option<[Box<[u32]>; 2]> {
    let ids = |special| Some(tokenizer.encode_fast("a", special).ok()?.get_ids().to_vec());
    let (bare, whole) = (ids(false)?, ids(true)?);
    let added = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(false));
    let start = whole.windows(bare.len().max(1)).position(|window| window == bare)?;
    // Else the text stands there more than once.
    (whole.len() == bare.len() + added)
        .then(|| [whole[..start].into(), whole[start + bare.len()..].into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use std::cell::RefCell;
    use tokenizers::{AddedToken, TruncationParams};

    const SHIPPED: &str = "models/sentiment/tokenizer.json";
    const SMALL: &str = "tests/fixtures/model/bert_encoder/tokenizer.json";

    fn tokenizer(file: &str) -> Tokenizer {
        let file = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
        let mut tokenizer = Tokenizer::from_file(file).unwrap();
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).unwrap();
        tokenizer
    }

    /// Tokens by the library alone.
    fn by_library(tokenizer: &mut Tokenizer, text: &str, max_tokens: usize) -> Tokens {
        let truncation = TruncationParams { max_length: max_tokens, ..Default::default() };
        tokenizer.with_truncation(Some(truncation)).unwrap();
        let encoding = tokenizer.encode_fast(text, true).unwrap();
        let truncated = !encoding.get_overflowing().is_empty();
        Tokens { ids: encoding.get_ids().into(), truncated }
    }

    #[test]
    fn gives_what_the_library_gives() {
        let both = [SHIPPED, SMALL].map(|file| {
            let tokenizer = tokenizer(file);
            (Plain::of(&tokenizer).unwrap(), RefCell::new(tokenizer))
        });
        let texts = "([\\x00-\\x7f]|[a-zA-Z]{1,9}| |don't|\\[CL|[0-9]+){0,60}";
        let config = ProptestConfig { cases: 5000, ..ProptestConfig::default() };
        let outcome = TestRunner::new(config).run(&(texts, 3_usize..80), |(text, max_tokens)| {
            for (plain, tokenizer) in &both {
                let tokenizer = &mut *tokenizer.borrow_mut();
                if plain.takes(&text) {
                    let found = plain.tokenise(tokenizer.get_model(), &text, max_tokens).unwrap();
                    prop_assert_eq!(found, by_library(tokenizer, &text, max_tokens));
                } else {
                    prop_assert!(text.contains('['));
                }
            }
            Ok(())
        });
        outcome.unwrap();
    }

    #[test]
    fn leaves_to_the_library_what_is_not_plain() {
        let plain = Plain::of(&tokenizer(SHIPPED)).unwrap();
        assert!(plain.takes("Where's my card?!\u{7f}"));
        for text in ["café", "👍", "[MASK]", "a [ b"] {
            assert!(!plain.takes(text), "{text}");
        }
    }

    #[test]
    fn is_closed_where_an_added_token_is_found_in_lowered_text() {
        for (content, is_open) in [("SKU-7", false), ("Élan", false), ("👍", true)] {
            let mut tokenizer = tokenizer(SMALL);
            tokenizer.add_tokens([AddedToken::from(content, false)]).unwrap();
            assert_eq!(Plain::of(&tokenizer).is_some(), is_open, "{content}");
        }
        let mut tokenizer = tokenizer(SMALL);
        tokenizer.add_tokens([AddedToken::from("SKU-7", false).normalized(false)]).unwrap();
        assert!(!Plain::of(&tokenizer).unwrap().takes("SKU"));
        let roberta = self::tokenizer("tests/fixtures/model/roberta_encoder/tokenizer.json");
        assert!(Plain::of(&roberta).is_none());
    }
}
