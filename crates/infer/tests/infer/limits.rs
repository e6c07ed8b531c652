//! What a model refuses and how: wrong calls, wrong folders, numbers that are none.

use crate::support::{fixture, load, minilm, runtime, tokenise};
use crm_ai_infer::{Device, Error, LoadOptions, Model, Precision, Runtime};
use std::fs;
use std::path::Path;

const OPTIONS: LoadOptions =
    LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers: 2 };

/// A copy of a fixture that a test may spoil.
fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

fn refused(folder: &Path) -> String {
    match Model::load(runtime(), folder, &OPTIONS) {
        Err(Error::InvalidModel { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_library_is_an_error() {
    let missing = Runtime::load(Path::new("/nowhere/libonnxruntime.so"));
    assert!(matches!(missing, Err(Error::Library { .. })), "{missing:?}");
}

#[test]
fn wrong_calls_are_refused() {
    let classifier = load(&fixture("bert_classifier"), Precision::Fp32, 2);
    let tokens = tokenise(&classifier, &["good"]);
    assert!(matches!(classifier.embed(0, &[&tokens[0]]), Err(Error::WrongTask { .. })));
    let worker = classifier.classify(2, &[&tokens[0]]);
    assert_eq!(worker, Err(Error::Worker { worker: 2, workers: 2 }));
    assert_eq!(classifier.classify(0, &[]), Ok(Vec::new()));
    let encoder = load(&fixture("bert_encoder"), Precision::Fp32, 1);
    assert!(matches!(encoder.classify(0, &[&tokens[0]]), Err(Error::WrongTask { .. })));
}

#[test]
fn broken_folders_are_refused_by_name_of_the_fault() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(empty.path()).contains("config.json"));

    let folder = copy("bert_classifier");
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    assert!(refused(folder.path()).contains("tokenizer.json"));
    fs::write(folder.path().join("tokenizer.json"), "{\"version\": 1}").unwrap();
    assert!(refused(folder.path()).contains("tokenizer.json is malformed"));

    // Its tokens reach beyond the other model's vocabulary of 300.
    fs::copy(fixture("roberta_classifier/tokenizer.json"), folder.path().join("tokenizer.json"))
        .unwrap();
    assert!(refused(folder.path()).contains("outside a vocabulary of 300"));
}

/// An ONNX file is served by the names of its inputs and outputs, or refused.
#[test]
fn onnx_files_are_found_by_name_or_refused() {
    let model = load(&fixture("onnx_classifier"), Precision::Int8, 2);
    assert_eq!(model.info().architecture, "onnx");
    assert_eq!(model.info().labels, ["no", "yes"]);
    assert_eq!(load(&fixture("onnx_encoder"), Precision::Fp32, 1).info().dimensions, 12);

    let folder = copy("onnx_classifier");
    fs::write(folder.path().join("config.json"), r#"{"id2label": {"0": "only"}}"#).unwrap();
    assert!(refused(folder.path()).contains("id2label"));
    let path = folder.path().join("model.onnx");
    let file = fs::read(&path).unwrap();
    // The input's name also stands in the nodes, so the graph stays whole.
    let renamed = b"attention_mask";
    let mut other = file.clone();
    for at in 0..other.len() - renamed.len() {
        if other[at..].starts_with(renamed) {
            other[at..at + renamed.len()].copy_from_slice(b"attention_musk");
        }
    }
    fs::write(&path, other).unwrap();
    assert!(refused(folder.path()).contains("attention_musk"));
    for length in [0, 1, 100, file.len() / 2] {
        fs::write(&path, &file[..length]).unwrap();
        refused(folder.path());
    }
}

/// Weights near the largest number overflow on the way: an error, never a label.
#[test]
fn an_answer_that_is_no_number_is_an_error() {
    let folder = copy("bert_classifier");
    let path = folder.path().join("model.safetensors");
    let mut file = fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    for number in file[header..].as_chunks_mut::<4>().0 {
        *number = 1e38_f32.to_le_bytes();
    }
    fs::write(&path, file).unwrap();
    let model = load(folder.path(), Precision::Fp32, 1);
    let tokens = tokenise(&model, &["good"]);
    assert_eq!(model.classify(0, &[&tokens[0]]), Err(Error::NotFinite));
}

/// The temperature flattens, and the labels' names come from the configuration.
#[test]
fn the_temperature_divides_the_logits() {
    let folder = copy("bert_classifier");
    let settings = folder.path().join("crm_ai.json");
    fs::write(settings, r#"{"temperature": 2.5, "precision": "auto", "max_tokens": 10}"#).unwrap();
    let model = load(folder.path(), Precision::Fp32, 1);
    assert_eq!(model.info().labels, ["negative", "neutral", "positive"]);
    assert_eq!((model.info().max_tokens, model.info().temperature), (10, 2.5));
    let tokens = tokenise(&model, &["a message that goes on and on and on, far beyond ten"]);
    assert_eq!((tokens[0].len(), tokens[0].truncated), (10, true));
    let logits = model.logits(0, &[&tokens[0]]).unwrap();
    let exps: Vec<f64> = logits.iter().map(|&x| (f64::from(x) / 2.5).exp()).collect();
    let sum: f64 = exps.iter().sum();
    let probabilities = model.classify(0, &[&tokens[0]]).unwrap();
    for (probability, exp) in probabilities.iter().zip(&exps) {
        assert!((f64::from(*probability) - exp / sum).abs() < 1e-6);
    }
}

/// Of a long text only the beginning is read, and the tokens are those of the whole: the fixture
/// `minilm.json` proves that for a few, here lengths around each cut are tried.
#[test]
fn long_texts_are_cut_where_it_changes_nothing() {
    let model = load(&minilm(), Precision::Fp32, 1);
    let whole = tokenise(&model, &[&"great service ".repeat(300)]);
    for tail in ["", "x", " [SEP]", "\u{301}", "漢字漢字", " \u{200d} ", "é"] {
        for words in [255, 256, 585, 586, 700, 3000] {
            let tokens = tokenise(&model, &[&("great service ".repeat(words) + tail)]);
            if words > 256 {
                assert_eq!(tokens[0], whole[0], "{words} times and {tail:?}");
            }
        }
    }
    // A megabyte of each kind has an answer; without a place to cut it is read whole.
    for unit in ["word ", "漢", "a", " ", "😀", "\u{301}", "!"] {
        let tokens = tokenise(&model, &[&unit.repeat((1 << 20) / unit.len())]);
        assert!(tokens[0].len() >= 2 && tokens[0].len() <= 512, "{unit:?}");
    }
}

/// A large batch is answered like its texts alone (its scratch memory is given back at its end).
#[test]
fn large_batches_are_answered() {
    let model = load(&fixture("bert_encoder"), Precision::Fp32, 1);
    let tokens = tokenise(&model, &["one good reason", "two"]);
    let batch: Vec<_> = tokens.iter().cycle().take(3000).collect();
    let rows = model.embed(0, &batch).unwrap();
    let width = model.info().dimensions;
    for (text, row) in batch.iter().zip(rows.chunks_exact(width)).step_by(997) {
        assert!(crate::support::distance(&model.embed(0, &[text]).unwrap(), row) < 1e-6);
    }
}
