//! Small models made on the spot: BERT-family folders with random weights that depend on a seed
//! alone. Their answers mean nothing, and differ from text to text and from seed to seed.

use serde_json::{Map, Value, json};
use std::path::Path;

const HIDDEN: usize = 32;
const INTERMEDIATE: usize = 64;
const LAYERS: usize = 2;
const HEADS: usize = 2;
const POSITIONS: usize = 64;

/// What to make.
#[derive(Debug, Clone)]
pub struct TinyModel<'a> {
    /// Decides the weights.
    pub seed: u64,
    /// Class names; none makes an encoder without a classifier.
    pub labels: &'a [&'a str],
    /// Rows of the word table beyond the vocabulary: makes the file larger.
    pub spare_rows: usize,
}

/// A classifier with three classes.
pub fn classifier(seed: u64) -> TinyModel<'static> {
    TinyModel { seed, labels: &["billing", "delivery", "other"], spare_rows: 0 }
}

impl TinyModel<'_> {
    /// Writes the model's files into a new folder that everyone may read.
    pub fn write(&self, folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        crate::workplace::open_to_all(folder);
        let vocabulary = vocabulary();
        let rows = vocabulary.len() + self.spare_rows;
        let write = |name: &str, value: Value| {
            std::fs::write(folder.join(name), serde_json::to_vec_pretty(&value).unwrap()).unwrap();
        };
        write("config.json", self.config(rows));
        write("tokenizer.json", tokenizer(&vocabulary));
        std::fs::write(folder.join("model.safetensors"), self.weights(rows)).unwrap();
    }

    fn config(&self, rows: usize) -> Value {
        let mut config = json!({
            "model_type": "bert",
            "architectures": ["BertModel"],
            "vocab_size": rows,
            "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": INTERMEDIATE,
            "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2,
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": 0,
        });
        if !self.labels.is_empty() {
            config["architectures"] = json!(["BertForSequenceClassification"]);
            let names = self.labels.iter().enumerate();
            config["id2label"] =
                names.map(|(index, label)| (index.to_string(), json!(label))).collect();
        }
        config
    }

    /// The tensors in the safetensors format: length of the header, header, numbers.
    fn weights(&self, rows: usize) -> Vec<u8> {
        let mut random = Random(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut header = Map::new();
        let mut numbers: Vec<u8> = Vec::new();
        for (name, shape) in self.shapes(rows) {
            let start = numbers.len();
            let is_norm = name.contains("LayerNorm.weight");
            for _ in 0..shape.iter().product() {
                let number = if is_norm { 1.0 } else { random.next() };
                numbers.extend(f32::to_le_bytes(number));
            }
            let offsets = [start, numbers.len()];
            header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets }));
        }
        let mut text = serde_json::to_vec(&header).unwrap();
        text.resize(text.len().next_multiple_of(8), b' ');
        let mut file = (text.len() as u64).to_le_bytes().to_vec();
        file.extend(text);
        file.extend(numbers);
        file
    }

    fn shapes(&self, rows: usize) -> Vec<(String, Vec<usize>)> {
        let prefix = if self.labels.is_empty() { "" } else { "bert." };
        let mut shapes = Vec::new();
        let mut add = |name: String, shape: &[usize]| {
            shapes.push((format!("{prefix}{name}.weight"), shape.to_vec()));
            if !name.ends_with("embeddings") {
                shapes.push((format!("{prefix}{name}.bias"), vec![shape[0]]));
            }
        };
        add("embeddings.word_embeddings".into(), &[rows, HIDDEN]);
        add("embeddings.position_embeddings".into(), &[POSITIONS, HIDDEN]);
        add("embeddings.token_type_embeddings".into(), &[2, HIDDEN]);
        add("embeddings.LayerNorm".into(), &[HIDDEN]);
        for layer in 0..LAYERS {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            for part in ["query", "key", "value"] {
                add(name(&format!("attention.self.{part}")), &[HIDDEN, HIDDEN]);
            }
            add(name("attention.output.dense"), &[HIDDEN, HIDDEN]);
            add(name("attention.output.LayerNorm"), &[HIDDEN]);
            add(name("intermediate.dense"), &[INTERMEDIATE, HIDDEN]);
            add(name("output.dense"), &[HIDDEN, INTERMEDIATE]);
            add(name("output.LayerNorm"), &[HIDDEN]);
        }
        add("pooler.dense".into(), &[HIDDEN, HIDDEN]);
        if !self.labels.is_empty() {
            shapes.push(("classifier.weight".into(), vec![self.labels.len(), HIDDEN]));
            shapes.push(("classifier.bias".into(), vec![self.labels.len()]));
        }
        shapes
    }
}

/// A xorshift generator.
struct Random(u64);

impl Random {
    /// A number between -0.5 and 0.5.
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    }
}

/// Special tokens, letters and digits, alone and inside a word: no English word is unknown.
fn vocabulary() -> Vec<String> {
    let mut words: Vec<String> =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "great", "bad", "invoice"]
            .map(str::to_owned)
            .into();
    for letter in ('a'..='z').chain('0'..='9') {
        words.push(letter.to_string());
        words.push(format!("##{letter}"));
    }
    words
}

fn tokenizer(vocabulary: &[String]) -> Value {
    let ids: Map<String, Value> =
        vocabulary.iter().enumerate().map(|(id, word)| (word.clone(), json!(id))).collect();
    let special = |id: usize| {
        json!({ "id": id, "content": vocabulary[id], "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true })
    };
    let token = |name: &str| json!({ "SpecialToken": { "id": name, "type_id": 0 } });
    let template = |name: &str, id: usize| json!({ "id": name, "ids": [id], "tokens": [name] });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..5).map(special).collect::<Vec<_>>(),
        "normalizer": { "type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "TemplateProcessing",
            "single": [token("[CLS]"), { "Sequence": { "id": "A", "type_id": 0 } }, token("[SEP]")],
            "pair": [token("[CLS]"), { "Sequence": { "id": "A", "type_id": 0 } }, token("[SEP]"),
                     { "Sequence": { "id": "B", "type_id": 1 } },
                     { "SpecialToken": { "id": "[SEP]", "type_id": 1 } }],
            "special_tokens": { "[CLS]": template("[CLS]", 2), "[SEP]": template("[SEP]", 3) } },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids },
    })
}
