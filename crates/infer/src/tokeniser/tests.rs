//! Cuts of texts: their places, and that a cut changes nothing.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokenizers::AddedToken;

const SHIPPED: &str = "models/sentiment";
const SMALL: &str = "tests/fixtures/model/bert_encoder";
const BYTES: &str = "tests/fixtures/model/roberta_encoder";

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn file(name: &str) -> Tokenizer {
    Tokenizer::from_file(folder(name).join("tokenizer.json")).unwrap()
}

/// Only an added token that a cut could divide forbids cutting.
#[test]
fn added_tokens_decide_where_texts_are_cut() {
    for (token, expected) in [
        ("\u{1F44D}\u{1F3FD}", Cuts::SpacesAndIdeographs),
        ("SKU-7", Cuts::SpacesAndIdeographs),
        ("two words", Cuts::None),
        ("漢字", Cuts::None),
    ] {
        let mut tokenizer = file(SMALL);
        tokenizer.add_tokens([AddedToken::from(token, false)]).unwrap();
        assert_eq!(cuts(&tokenizer), expected, "{token}");
    }
    assert_eq!(cuts(&file(BYTES)), Cuts::Spaces);
}

/// A vocabulary that does not know every byte, or no word for what it does not know, drops what
/// another would give a token for.
#[test]
fn what_gives_no_token_forbids_cutting() {
    for (name, token) in [(SMALL, "[UNK]"), (BYTES, "x")] {
        let json = std::fs::read_to_string(folder(name).join("tokenizer.json")).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let model = &mut json["model"];
        let id = model["vocab"].as_object_mut().unwrap().remove(token).unwrap();
        model["vocab"]["renamed"] = id;
        if let Some(merges) = model.get_mut("merges") {
            *merges = serde_json::json!([]);
        }
        json["added_tokens"] = serde_json::json!([]);
        let tokenizer = Tokenizer::from_bytes(json.to_string()).unwrap();
        assert_eq!(cuts(&tokenizer), Cuts::None, "{name}");
    }
}

/// Of a megabyte a few replacements would make a terabyte.
#[test]
fn a_normaliser_that_makes_texts_long_is_refused() {
    let replace = |content: &str| serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": content});
    let long = "a".repeat(300);
    for (normalizer, is_fine) in [
        (serde_json::json!(null), true),
        (replace("\u{2581}"), true),
        (replace(&long), false),
        (serde_json::json!({"type": "Prepend", "prepend": long}), false),
        (serde_json::json!({"type": "Sequence", "normalizers": vec![replace("aaa"); 3]}), true),
        (serde_json::json!({"type": "Sequence", "normalizers": vec![replace("aaa"); 5]}), false),
    ] {
        let target = tempfile::tempdir().unwrap();
        let json = std::fs::read_to_string(folder(SMALL).join("tokenizer.json")).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["normalizer"] = normalizer.clone();
        std::fs::write(target.path().join("tokenizer.json"), json.to_string()).unwrap();
        let read = Tokeniser::read(target.path(), 64, None);
        assert_eq!(read.is_ok(), is_fine, "{normalizer}: {:?}", read.err());
    }
}

/// Four bytes of a trie, then "aé", "bcd" and "": AgAAAA… is base64.
#[test]
fn the_longest_text_of_a_table_is_found() {
    // 04 00 00 00, 01 02 03 04, "a\u{e9}\0bcd\0".
    assert_eq!(longest_mapped("BAAAAAECAwRhw6kAYmNkAA=="), 3);
    assert_eq!(longest_mapped("BAAAAAECAwRhYWFhYWFhYQ=="), 8);
    for odd in ["", "AA", "////////", "?"] {
        assert_eq!(longest_mapped(odd), 0, "{odd}");
    }
}

/// Tokens by the library alone, of the whole text.
fn by_library(tokenizer: &mut Tokenizer, text: &str, max_tokens: usize) -> Tokens {
    tokenizer.with_padding(None);
    let truncation = TruncationParams { max_length: max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).unwrap();
    let encoding = tokenizer.encode_fast(text, true).unwrap();
    let truncated = !encoding.get_overflowing().is_empty();
    Tokens { ids: encoding.get_ids().into(), truncated }
}

#[test]
fn the_readable_beginning_gives_the_tokens_of_the_whole() {
    let part = "[a-z]{1,6}|don't|'s|[0-9]{1,3}| |  |\\t|\\n|\\r|\\x00|[!-/]|é|e\u{301}|\u{301}|й|ش|漢字|\
                か|\u{1F44D}|\u{a0}|\u{200b}|\u{fffd}|\\[MASK\\]|<mask>|</s>|\\[SEP\\]|\\PC";
    let texts = proptest::collection::vec(part, 0..90).prop_map(|parts| parts.concat());
    let config = ProptestConfig { cases: 1500, ..ProptestConfig::default() };
    for name in [SHIPPED, SMALL, BYTES] {
        let mut library = file(name);
        let whole = std::cell::RefCell::new(&mut library);
        let shortened = std::cell::Cell::new(0);
        let limits = [4, 7, 12, 23];
        let read = |limit: &usize| Tokeniser::read(&folder(name), *limit, None).unwrap();
        let tokenisers: Vec<Tokeniser> = limits.iter().map(read).collect();
        let outcome =
            TestRunner::new(config.clone()).run(&(&texts, 0..4_usize), |(text, index)| {
                let (tokeniser, limit) = (&tokenisers[index], limits[index]);
                let readable = tokeniser.readable(&text);
                shortened.set(shortened.get() + usize::from(readable.len() < text.len()));
                let expected = by_library(&mut whole.borrow_mut(), &text, limit);
                prop_assert_eq!(&tokeniser.tokenise(readable).unwrap(), &expected);
                prop_assert_eq!(&tokeniser.tokenise(&text).unwrap(), &expected);
                Ok(())
            });
        outcome.unwrap();
        assert!(shortened.get() > 100, "{name}: {} texts were shortened", shortened.get());
    }
}

/// Of a megabyte of prose next to nothing is left; of what gives no token, all.
#[test]
fn long_prose_is_cut_and_a_long_void_is_not() {
    let tokeniser = Tokeniser::read(&folder(SHIPPED), 256, None).unwrap();
    let prose = "please tell me when my card arrives ".repeat(30_000);
    assert!(tokeniser.readable(&prose).len() < 4000);
    let void = format!("{}good", " \u{301}".repeat(100_000));
    assert_eq!(tokeniser.readable(&void), void);
    assert!(!tokeniser.tokenise(&void).unwrap().truncated);
}
