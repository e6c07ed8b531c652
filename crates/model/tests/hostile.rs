//! Whatever a model's files hold, opening and building ends in a graph or an error: no panic, no
//! allocation beyond the files' length.

#![cfg(test)]

use crm_ai_model::{Checkpoint, Error, Output, Precision, Task};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/model").join(name)
}

/// A model's folder with one file replaced.
fn spoiled(name: &str, file: &str, content: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(fixture(name).join(file), folder.path().join(file)).unwrap();
    }
    fs::write(folder.path().join(file), content).unwrap();
    folder
}

fn build(folder: &Path, precision: Precision) -> Result<u64, Error> {
    Ok(Checkpoint::open(folder)?.inference_graph(precision)?.width)
}

fn safetensors(header: &str, data_bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + data_bytes, 0);
    file
}

#[test]
fn a_whole_checkpoint_is_built() {
    for (name, output, width) in [
        ("bert_classifier", Output::Logits, 3),
        ("bert_encoder", Output::Embedding, 48),
        ("distilbert_classifier", Output::Logits, 3),
        ("roberta_classifier", Output::Logits, 3),
    ] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        for precision in [Precision::Fp32, Precision::Int8] {
            let graph = checkpoint.inference_graph(precision).unwrap();
            assert_eq!((graph.output, graph.width), (output, width), "{name}");
        }
    }
    let checkpoint = Checkpoint::open(&fixture("bert_classifier")).unwrap();
    let labels = ["negative", "neutral", "positive"].map(str::to_owned).to_vec();
    assert_eq!(checkpoint.task(), &Task::Classify(labels));
}

/// A file that ends early, at every length up to its header's end and some beyond.
#[test]
fn truncated_weights_are_refused() {
    let whole = fs::read(fixture("bert_classifier").join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let lengths = (0..header).step_by(61).chain([header, header + 1, whole.len() - 1]);
    for length in lengths {
        let folder = spoiled("bert_classifier", "model.safetensors", &whole[..length]);
        assert!(build(folder.path(), Precision::Fp32).is_err(), "cut at {length}");
    }
}

/// Each byte of the header changed, one at a time: never a panic.
#[test]
fn a_changed_header_never_panics() {
    let whole = fs::read(fixture("bert_classifier").join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let folder = spoiled("bert_classifier", "model.safetensors", &whole);
    for at in (0..8).chain((8..header).step_by(7)) {
        for value in [0, b'9', b'"', 0xFF] {
            let mut changed = whole.clone();
            changed[at] = value;
            fs::write(folder.path().join("model.safetensors"), changed).unwrap();
            let _ = build(folder.path(), Precision::Int8);
        }
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let huge = u64::MAX.to_le_bytes();
    let folder = spoiled("bert_classifier", "model.safetensors", &huge);
    assert!(matches!(build(folder.path(), Precision::Fp32), Err(Error::TooLarge { .. })));
    for header in [
        "",
        "[]",
        "{\"a\": 1}",
        r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 2], "data_offsets": [0, 8]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [9223372036854775807], "data_offsets": [0, 8]}}"#,
        r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}"#,
    ] {
        let folder = spoiled("bert_classifier", "model.safetensors", &safetensors(header, 16));
        let refused = build(folder.path(), Precision::Fp32);
        assert!(matches!(refused, Err(Error::Malformed { .. })), "{header}: {refused:?}");
    }
    // An honest header without the tensors that the configuration needs.
    let header = r#"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}"#;
    let folder = spoiled("bert_encoder", "model.safetensors", &safetensors(header, 16));
    assert!(matches!(build(folder.path(), Precision::Fp32), Err(Error::MissingTensor(_))));
}

/// Sizes that no file stands behind: nothing is allocated for them.
#[test]
fn tensors_that_claim_more_than_the_file_holds_are_refused() {
    let config = fs::read(fixture("bert_classifier").join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    // Types of other things than weights have no length that is checked.
    config["vocab_size"] = serde_json::json!(16_000_000);
    config["hidden_size"] = serde_json::json!(16_000_000);
    let header = r#"{"bert.embeddings.word_embeddings.weight":
        {"dtype": "I8", "shape": [16000000, 16000000], "data_offsets": [0, 0]},
        "classifier.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}"#;
    let folder = spoiled("bert_classifier", "model.safetensors", &safetensors(header, 16));
    config["id2label"] = serde_json::json!({"0": "a", "1": "b"});
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let refused = build(folder.path(), Precision::Fp32);
    assert!(matches!(refused, Err(Error::TensorType { .. })), "{refused:?}");
    // Nothing is as long as any number of nothings.
    config.as_object_mut().unwrap().remove("id2label");
    let header = r#"{"classifier.weight":
        {"dtype": "F32", "shape": [4000000000000, 0], "data_offsets": [0, 0]}}"#;
    fs::write(folder.path().join("model.safetensors"), safetensors(header, 0)).unwrap();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let refused = build(folder.path(), Precision::Fp32);
    assert!(matches!(refused, Err(Error::Setting { .. })), "{refused:?}");
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    for (name, not_finite) in [
        ("bert_classifier", &f32::NAN.to_le_bytes()[..]),
        ("bert_classifier", &f32::INFINITY.to_le_bytes()),
        ("bert_encoder", &[0x00, 0x7C]),
        ("bert_classifier_bf16", &[0xC0, 0x7F]),
    ] {
        let mut file = fs::read(fixture(name).join("model.safetensors")).unwrap();
        let end = file.len() - not_finite.len();
        file[end..].copy_from_slice(not_finite);
        let folder = spoiled(name, "model.safetensors", &file);
        for precision in [Precision::Fp32, Precision::Int8] {
            let refused = build(folder.path(), precision);
            assert!(matches!(refused, Err(Error::NotFinite(_))), "{name}: {refused:?}");
        }
    }
    // Integers in place of weights.
    let file = fs::read(fixture("bert_classifier").join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let integers = String::from_utf8_lossy(&file[8..header]).replace("F32", "I32");
    let mut file = safetensors(&integers, 0).into_iter().chain(file[header..].iter().copied());
    let folder =
        spoiled("bert_classifier", "model.safetensors", &file.by_ref().collect::<Vec<_>>());
    let refused = build(folder.path(), Precision::Fp32);
    assert!(matches!(refused, Err(Error::TensorType { .. })), "{refused:?}");
}

/// Each setting out of its range or of another kind, with the weights unchanged.
#[test]
fn configurations_that_lie_are_refused() {
    let path = fixture("bert_classifier").join("config.json");
    let honest: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let huge = u64::MAX;
    for (setting, value) in [
        ("model_type", serde_json::json!("mpnet")),
        ("model_type", serde_json::json!(null)),
        ("hidden_size", serde_json::json!(0)),
        ("hidden_size", serde_json::json!(-32)),
        ("hidden_size", serde_json::json!(huge)),
        ("hidden_size", serde_json::json!(64)),
        ("num_attention_heads", serde_json::json!(5)),
        ("num_attention_heads", serde_json::json!(0)),
        ("num_hidden_layers", serde_json::json!(huge)),
        ("num_hidden_layers", serde_json::json!(3)),
        ("num_hidden_layers", serde_json::json!(0)),
        ("intermediate_size", serde_json::json!(65)),
        ("vocab_size", serde_json::json!(16_000_000)),
        ("vocab_size", serde_json::json!(1e30)),
        ("max_position_embeddings", serde_json::json!(1)),
        ("max_position_embeddings", serde_json::json!(41)),
        ("type_vocab_size", serde_json::json!(0)),
        ("layer_norm_eps", serde_json::json!(-1)),
        ("hidden_act", serde_json::json!("swish")),
        ("position_embedding_type", serde_json::json!("relative_key")),
        ("problem_type", serde_json::json!("regression")),
        ("is_decoder", serde_json::json!(true)),
        ("id2label", serde_json::json!({"0": "a", "2": "b", "3": "c"})),
        ("id2label", serde_json::json!({"0": "a", "1": "b"})),
        ("id2label", serde_json::json!(["a", "b", "c"])),
    ] {
        let mut config = honest.clone();
        config[setting] = value.clone();
        let folder = spoiled("bert_classifier", "config.json", config.to_string().as_bytes());
        let refused = build(folder.path(), Precision::Fp32);
        assert!(refused.is_err(), "{setting} = {value} gave {refused:?}");
    }
    for (file, content) in [
        ("crm_ai.json", r#"{"temperature": 0}"#),
        ("crm_ai.json", r#"{"temperature": 1e39}"#),
        ("crm_ai.json", r#"{"max_tokens": 1}"#),
        ("crm_ai.json", r#"{"max_tokens": 8193}"#),
        ("crm_ai.json", r#"{"max_tokens": 4294967295}"#),
        ("crm_ai.json", r#"{"precision": "int4"}"#),
        ("crm_ai.json", r#"{"temprature": 1}"#),
        ("config.json", ""),
        ("config.json", "[[[[["),
    ] {
        let folder = spoiled("bert_classifier", file, content.as_bytes());
        assert!(build(folder.path(), Precision::Fp32).is_err(), "{file}: {content}");
    }
}

#[test]
fn an_unknown_family_is_named() {
    let folder = spoiled("bert_classifier", "config.json", br#"{"model_type": "deberta-v2"}"#);
    let message = build(folder.path(), Precision::Fp32).unwrap_err().to_string();
    assert!(message.contains("deberta-v2") && message.contains("xlm-roberta"), "{message}");
}

/// A precision that the checkpoint's settings leave open, and one that they fix.
#[test]
fn settings_are_read() {
    let settings = br#"{"temperature": 1.5, "max_tokens": 12, "precision": "int8"}"#;
    let folder = spoiled("bert_classifier", "crm_ai.json", settings);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.max_tokens(), 12);
    assert_eq!(checkpoint.settings().precision, Some(Precision::Int8));
    let folder = spoiled("bert_classifier", "crm_ai.json", br#"{"precision": "auto"}"#);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!((checkpoint.settings().precision, checkpoint.max_tokens()), (None, 40));
}
