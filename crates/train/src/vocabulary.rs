//! More tokens for a base: what its vocabulary lacks, such as emoji, is one unknown token to it.
//!
//! As Hugging Face's `add_tokens` and `resize_token_embeddings`, but that a new token's vector is
//! the mean of the pieces of words that describe it (of the whole table, where none do), so that a
//! few rows are enough to learn its place.

use crate::Error;
use crate::folder::{WEIGHTS, little_endian, write_json, write_views};
use crm_ai_model::Checkpoint;
use crm_ai_wire::training::FailureKind;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tokenizers::{AddedToken, Tokenizer};

/// Files of the base that stay as they are. `vocab.txt` would lack the new tokens, and nothing
/// needs it where there is a `tokenizer.json`.
const KEPT: [&str; 4] =
    ["crm_ai.json", "1_Pooling/config.json", "special_tokens_map.json", "tokenizer_config.json"];

/// The base with `tokens` (each with the words that describe it), written into `folder`; the base
/// itself where it knows them all.
pub(crate) fn extended(
    base: &Path,
    tokens: &BTreeMap<String, String>,
    folder: PathBuf,
) -> Result<PathBuf, Error> {
    if tokens.is_empty() {
        return Ok(base.to_owned());
    }
    let mut tokenizer = Tokenizer::from_file(base.join("tokenizer.json")).map_err(malformed)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(malformed)?;
    let missing: Vec<(&String, &String)> =
        tokens.iter().filter(|(token, _)| tokenizer.token_to_id(token).is_none()).collect();
    if missing.is_empty() {
        return Ok(base.to_owned());
    }
    // Before any is added: a description's words are the base's own. The space makes its first word
    // one within a text, which some vocabularies (RoBERTa's) tell from one at its beginning.
    let pieces = missing.iter().map(|(_, words)| {
        let encoding = tokenizer.encode(format!(" {words}"), false).map_err(malformed)?;
        Ok(encoding.get_ids().to_vec())
    });
    let pieces = pieces.collect::<Result<Vec<_>, Error>>()?;
    let added: Vec<AddedToken> = missing.iter().map(|(token, _)| added(token)).collect();
    tokenizer.add_tokens(added).map_err(malformed)?;
    let mut rows = Vec::with_capacity(missing.len());
    for ((token, _), pieces) in missing.iter().zip(pieces) {
        let id = tokenizer.token_to_id(token).ok_or_else(|| malformed("a token was not added"))?;
        rows.push((id as usize, pieces));
    }
    fs::create_dir_all(folder.join("1_Pooling"))?;
    for name in KEPT.iter().filter(|name| base.join(name).exists()) {
        fs::copy(base.join(name), folder.join(name))?;
    }
    let words = write_weights(base, &folder, &rows)?;
    write_config(base, &folder, words)?;
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string(false).map_err(malformed)?)?;
    Ok(folder)
}

/// A token that is looked for in the normalised text, so in any case where the base has no case;
/// one of letters never within a longer word. It takes the spaces before it, which would be a token
/// of their own in some vocabularies.
fn added(token: &str) -> AddedToken {
    let is_word =
        token.starts_with(char::is_alphanumeric) && token.ends_with(char::is_alphanumeric);
    AddedToken::from(token, false).single_word(is_word).lstrip(true)
}

fn malformed(error: impl ToString) -> Error {
    Error::new(FailureKind::Model, format!("the base's vocabulary: {}", error.to_string()))
        .hint("new_tokens needs a base with a tokenizer.json and a table of words")
}

/// Writes the weights with rows for new tokens, each the mean of the rows of its pieces; gives the
/// table's length.
fn write_weights(base: &Path, folder: &Path, rows: &[(usize, Vec<u32>)]) -> Result<usize, Error> {
    let (name, mut values, width) = Checkpoint::open(base)?.words()?;
    let mut length = values.len() / width;
    let new: Vec<(usize, Vec<f32>)> = rows
        .iter()
        .map(|(id, pieces)| match pieces.is_empty() {
            true => (*id, mean(&values, width, 0..length)),
            false => (*id, mean(&values, width, pieces.iter().map(|&piece| piece as usize))),
        })
        .collect();
    length = new.iter().map(|(id, _)| id + 1).fold(length, usize::max);
    values.resize(length * width, 0.0);
    for (id, row) in new {
        values[id * width..][..width].copy_from_slice(&row);
    }
    let values = little_endian(&values);
    let bytes = fs::read(base.join(WEIGHTS))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(malformed)?;
    let longer = TensorView::new(Dtype::F32, vec![length, width], &values).map_err(malformed)?;
    let others = tensors.iter().filter(|(other, _)| *other != name);
    write_views(&folder.join(WEIGHTS), others.chain([(name.as_str(), longer)]))?;
    Ok(length)
}

/// The mean of some rows of a table.
fn mean(table: &[f32], width: usize, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
    let share = 1.0 / rows.len().max(1) as f32;
    let mut mean = vec![0.0; width];
    for row in rows {
        for (sum, value) in mean.iter_mut().zip(&table[row * width..][..width]) {
            *sum += value * share;
        }
    }
    mean
}

fn write_config(base: &Path, folder: &Path, words: usize) -> Result<(), Error> {
    let mut config: Value =
        serde_json::from_slice(&fs::read(base.join("config.json"))?).map_err(malformed)?;
    config["vocab_size"] = json!(words);
    write_json(&folder.join("config.json"), &config)
}
