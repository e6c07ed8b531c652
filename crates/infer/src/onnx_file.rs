//! A folder with an ONNX file of its own, served as it is: inputs and outputs are found by name.

use crate::Error;
use crate::model::{Info, LoadOptions};
use crate::runtime::Runtime;
use crate::session::{Answer, Inputs, Outlets, Sessions};
use crate::tokeniser::Tokeniser;
use crm_ai_model::{Pooling, Settings};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

/// Longest input where the folder does not tell another.
const MAX_TOKENS: usize = 512;
/// Largest `config.json` that is read.
const CONFIG_BYTES_MAX: u64 = 16 << 20;
/// Widest answer: bounds what a batch's answer takes.
const WIDTH_MAX: i64 = 1 << 20;

/// Loads `folder/model.onnx`.
pub(crate) fn load(
    runtime: &Runtime,
    folder: &Path,
    options: &LoadOptions,
    workers: usize,
) -> Result<(Info, Tokeniser, Sessions), Error> {
    let settings = Settings::read(folder)?;
    let max_tokens = settings.max_tokens.map_or(MAX_TOKENS, |tokens| tokens as usize);
    let tokeniser = Tokeniser::read(folder, max_tokens, None)?;
    let pooling = settings.pooling.unwrap_or(Pooling::Mean);
    let path = folder.join("model.onnx");
    refuse_external_data(&path)?;
    let sessions = Sessions::of_file(runtime, &path, options.device, workers, |session| {
        outlets(session, pooling)
    })?;
    let width = sessions.width();
    let classifies = sessions.answer() == Answer::Logits;
    let (labels, multi_label) =
        if classifies { labels(folder, width)? } else { (Vec::new(), false) };
    let info = Info {
        architecture: "onnx".to_owned(),
        labels,
        multi_label,
        records: false,
        dimensions: if classifies { 0 } else { width },
        max_tokens,
        temperature: settings.temperature.unwrap_or(1.0),
        precision: settings.precision,
        parameters: 0,
    };
    Ok((info, tokeniser, sessions))
}

/// Refuses a model whose numbers lie in other files: it would make ONNX Runtime open whatever it
/// names.
pub(crate) fn refuse_external_data(path: &Path) -> Result<(), Error> {
    let found =
        File::open(path).and_then(|file| crm_ai_onnx::has_external_data(&mut BufReader::new(file)));
    match found {
        Ok(false) => Ok(()),
        Ok(true) => Err(Error::invalid("model.onnx names other files, which are not read")),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(Error::invalid(error)),
        Err(error) => Err(Error::invalid(format!("cannot read model.onnx: {error}"))),
    }
}

/// Finds the inputs, the output and its width.
fn outlets(session: &Session, pooling: Pooling) -> Result<Outlets, Error> {
    let mut inputs = Inputs { ids: String::new(), mask: String::new(), types: None };
    for input in session.inputs() {
        match (input.name(), input.dtype()) {
            (name, ValueType::Tensor { ty: TensorElementType::Int64, .. }) => match name {
                "input_ids" => inputs.ids = name.to_owned(),
                "attention_mask" => inputs.mask = name.to_owned(),
                "token_type_ids" => inputs.types = Some(name.to_owned()),
                _ => return Err(Error::invalid(format!("model.onnx has an input {name}"))),
            },
            (name, _) => {
                return Err(Error::invalid(format!("input {name} of model.onnx is not int64")));
            }
        }
    }
    if inputs.ids.is_empty() || inputs.mask.is_empty() {
        return Err(Error::invalid("model.onnx lacks the input input_ids or attention_mask"));
    }
    let answers = [
        ("logits", 2, Answer::Logits),
        ("sentence_embedding", 2, Answer::Embedding),
        ("last_hidden_state", 3, Answer::Tokens(pooling)),
    ];
    for (name, rank, answer) in answers {
        let Some(outlet) = session.outputs().iter().find(|outlet| outlet.name() == name) else {
            continue;
        };
        let width = width(outlet, rank)?;
        return Ok(Outlets { inputs, output: name.to_owned(), answer, width });
    }
    Err(Error::invalid("model.onnx has no output logits, sentence_embedding or last_hidden_state"))
}

fn width(outlet: &Outlet, rank: usize) -> Result<usize, Error> {
    if let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = outlet.dtype()
        && shape.len() == rank
        && let Some(width) = shape.last().filter(|width| (1..=WIDTH_MAX).contains(*width))
    {
        return Ok(*width as usize);
    }
    let reason = format!("output {} of model.onnx is not float with {rank} axes", outlet.name());
    Err(Error::invalid(reason + " and a last axis of known width"))
}

/// Class names from the `id2label` of `folder/config.json`, else LABEL_0, LABEL_1, …; and whether
/// its `problem_type` lets a text have several.
fn labels(folder: &Path, width: usize) -> Result<(Vec<String>, bool), Error> {
    if width < 2 {
        return Err(Error::invalid("a classifier has two classes at least"));
    }
    let generic = || (0..width).map(|index| format!("LABEL_{index}")).collect();
    let Ok(file) = File::open(folder.join("config.json")) else {
        return Ok((generic(), false));
    };
    let mut json = Vec::new();
    file.take(CONFIG_BYTES_MAX).read_to_end(&mut json).map_err(Error::invalid)?;
    let mut config: serde_json::Value = serde_json::from_slice(&json)
        .map_err(|error| Error::invalid(format!("config.json is malformed: {error}")))?;
    let map = config.get_mut("id2label").map(serde_json::Value::take).unwrap_or_default();
    let multi_label = config["problem_type"] == "multi_label_classification";
    if map.is_null() {
        return Ok((generic(), multi_label));
    }
    let map: BTreeMap<String, String> = serde_json::from_value(map)
        .map_err(|error| Error::invalid(format!("id2label is malformed: {error}")))?;
    let labels: Option<Vec<_>> =
        (0..width).map(|index| map.get(&index.to_string()).cloned()).collect();
    labels
        .filter(|labels| labels.len() == map.len())
        .map(|labels| (labels, multi_label))
        .ok_or_else(|| Error::invalid(format!("id2label does not name {width} classes")))
}
