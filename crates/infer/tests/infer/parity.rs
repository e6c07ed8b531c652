//! Answers equal those of `transformers`, tokens those of `tokenizers`
//! (`scripts/fixtures_model.py` wrote what is expected).

use crate::support::{distance, fixture, load, minilm, root, tokenise};
use crm_ai_infer::{Model, Precision};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// What the reference said about one text.
#[derive(Deserialize)]
struct Expected {
    text: String,
    answer: Vec<f32>,
    ids: Vec<u32>,
    truncated: bool,
}

fn expected(path: &Path) -> Vec<Expected> {
    let json = fs::read(path).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Logits or vectors of all texts in one batch.
fn answers(model: &Model, texts: &[&str]) -> Vec<Vec<f32>> {
    let tokens = tokenise(model, texts);
    let batch: Vec<_> = tokens.iter().collect();
    let width = model.info().dimensions.max(model.info().labels.len());
    let rows = if model.info().dimensions > 0 {
        model.embed(0, &batch).unwrap()
    } else {
        model.logits(0, &batch).unwrap()
    };
    rows.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

/// Each family, head, pooling, activation and number format, as tiny random models; also folders
/// with an ONNX file of their own, against numpy (`scripts/fixtures_onnx.py`).
#[test]
fn every_family_answers_as_transformers_does() {
    for name in [
        "bert_classifier",
        "bert_classifier_bf16",
        "bert_encoder",
        "bert_encoder_cls",
        "distilbert_classifier",
        "roberta_classifier",
        "roberta_encoder",
        "onnx_classifier",
        "onnx_encoder",
    ] {
        let folder = fixture(name);
        let model = load(&folder, Precision::Fp32, 1);
        let expected = expected(&folder.join("expected.json"));
        let texts: Vec<_> = expected.iter().map(|row| row.text.as_str()).collect();
        for (row, answer) in expected.iter().zip(answers(&model, &texts)) {
            let tokens = model.tokenise(&row.text).unwrap();
            assert_eq!(*tokens.ids, *row.ids, "{name}: tokens of {:?}", row.text);
            assert_eq!(tokens.truncated, row.truncated, "{name}: {:?}", row.text);
            let distance = distance(&answer, &row.answer);
            assert!(distance < 1e-4, "{name}: off by {distance} on {:?}", row.text);
        }
    }
}

#[derive(Deserialize)]
struct Encoded {
    text: String,
    ids: Vec<u32>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Vector {
    text: String,
    answer: Vec<f32>,
}

#[derive(Deserialize)]
struct MiniLm {
    tokens: Vec<Encoded>,
    vectors: Vec<Vector>,
}

/// Emoji, Chinese, control characters, accents, right-to-left, 10,000 words, none at all.
#[test]
fn hard_texts_tokenise_as_in_python() {
    let document: MiniLm =
        serde_json::from_slice(&fs::read(fixture("minilm.json")).unwrap()).unwrap();
    let model = load(&minilm(), Precision::Fp32, 1);
    assert_eq!(model.info().max_tokens, 512);
    for row in &document.tokens {
        let tokens = model.tokenise(&row.text).unwrap();
        let start: String = row.text.chars().take(60).collect();
        assert_eq!(*tokens.ids, *row.ids, "tokens of {start:?}");
        assert_eq!(tokens.truncated, row.truncated, "{start:?}");
        assert!(!tokens.truncated || tokens.len() == 512);
    }
}

#[test]
fn minilm_gives_the_vectors_of_transformers() {
    let document: MiniLm =
        serde_json::from_slice(&fs::read(fixture("minilm.json")).unwrap()).unwrap();
    let model = load(&minilm(), Precision::Fp32, 1);
    assert_eq!(model.info().dimensions, 384);
    assert_eq!(model.info().parameters, 22_713_216);
    let texts: Vec<_> = document.vectors.iter().map(|row| row.text.as_str()).collect();
    for (row, answer) in document.vectors.iter().zip(answers(&model, &texts)) {
        let distance = distance(&answer, &row.answer);
        assert!(distance < 1e-4, "off by {distance} on {:?}", row.text);
    }
}

#[derive(Deserialize)]
struct Judged {
    text: String,
    ids: Vec<u32>,
    logits: Vec<f32>,
}

/// The shipped model's own list, made when it was trained.
#[test]
fn the_sentiment_model_answers_as_it_was_trained() {
    let folder = root("models/sentiment");
    let rows: Vec<Judged> =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    assert!(rows.len() >= 20);
    let model = load(&folder, Precision::Fp32, 1);
    let texts: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
    for (row, answer) in rows.iter().zip(answers(&model, &texts)) {
        assert_eq!(*model.tokenise(&row.text).unwrap().ids, *row.ids, "{:?}", row.text);
        let distance = distance(&answer, &row.logits);
        assert!(distance < 1e-4, "off by {distance} on {:?}", row.text);
    }
}

/// int8 keeps the meaning: vectors of real sentences stay close to those of fp32, but are not the
/// same (a graph that ignored the precision would be).
#[test]
fn int8_stays_close_to_fp32() {
    for (name, least) in [("bert_encoder", 0.99), ("roberta_encoder", 0.99)] {
        let exact = load(&fixture(name), Precision::Fp32, 1);
        let int8 = load(&fixture(name), Precision::Int8, 1);
        assert!(int8.memory_bytes() < exact.memory_bytes());
        let texts = ["The card has not arrived.", "Great!", "", "Worst service ever, never again"];
        let pairs = answers(&exact, &texts).into_iter().zip(answers(&int8, &texts));
        for (text, (exact, int8)) in texts.iter().zip(pairs) {
            let cosine: f32 = exact.iter().zip(&int8).map(|(a, b)| a * b).sum();
            assert!(cosine > least, "{name}: cosine {cosine} on {text:?}");
            assert_ne!(exact, int8);
        }
    }
}
