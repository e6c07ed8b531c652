//! An opened checkpoint: configuration, settings and weights, and what the model can do.

use crate::config::{Config, Family};
use crate::safetensors::SafeTensors;
use crate::settings::{Pooling, Settings, TOKENS_MAX};
use crate::{Error, Graph, Precision, inference};
use std::path::Path;

/// Most classes of a classifier.
const LABELS_MAX: u64 = 65_536;

/// Task that a checkpoint was trained for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Tell a text's class; the names of the classes in the order of the logits.
    Classify(Vec<String>),
    /// Turn a text into a vector.
    Embed,
}

/// A Hugging Face folder whose configuration was checked; weights are read when a graph is built.
#[derive(Debug)]
pub struct Checkpoint {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) tensors: SafeTensors,
    /// Prefix of the names of the encoder's tensors.
    pub(crate) prefix: &'static str,
    task: Task,
}

impl Checkpoint {
    /// Opens a folder with `config.json` and `model.safetensors`.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let config = Config::read(folder)?;
        let settings = Settings::read(folder)?;
        let tensors = SafeTensors::open(folder)?;
        let prefix = match config.family {
            Family::Bert => "bert.",
            Family::DistilBert => "distilbert.",
            Family::Roberta => "roberta.",
        };
        let words = format!("{prefix}embeddings.word_embeddings.weight");
        let prefix = if tensors.contains(&words) { prefix } else { "" };
        let task = task(&config, &tensors)?;
        Ok(Self { config, settings, tensors, prefix, task })
    }

    /// The checked configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The settings in `crm_ai.json` and the pooling's configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The task that the checkpoint was trained for.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Longest input in tokens, special ones included: what the settings say, at most what the
    /// table of positions allows, and [`TOKENS_MAX`].
    pub fn max_tokens(&self) -> u64 {
        let limit = self.config.max_tokens().min(TOKENS_MAX.into());
        self.settings.max_tokens.map_or(limit, |tokens| limit.min(tokens.into()))
    }

    /// Number of parameters of the checkpoint.
    pub fn parameters(&self) -> u64 {
        self.tensors.parameters()
    }

    /// The table of the words' vectors: name, numbers (row-major), length of a row.
    pub fn words(&self) -> Result<(String, Vec<f32>, usize), Error> {
        let name = format!("{}embeddings.word_embeddings.weight", self.prefix);
        let shape = [self.config.vocab_size, self.config.hidden_size];
        let values = self.tensors.read(&name, &shape)?;
        Ok((name, values, self.config.hidden_size as usize))
    }

    /// Builds the graph that answers texts in `precision`. Reads all weights that it needs.
    pub fn inference_graph(&self, precision: Precision) -> Result<Graph, Error> {
        inference::build(self, precision)
    }

    /// True if a text's vector is the mean of its tokens'.
    pub fn pools_mean(&self) -> bool {
        self.pooling() == Pooling::Mean
    }

    /// Name of the matrix that gives a classifier's logits, without `.weight`.
    pub fn classifier(&self) -> &'static str {
        classifier_name(self.config.family)
    }

    /// Pooling of tokens: as the settings say, else as the kind of model was trained.
    pub(crate) fn pooling(&self) -> Pooling {
        self.settings.pooling.unwrap_or(match self.task {
            Task::Classify(_) => Pooling::Cls,
            Task::Embed => Pooling::Mean,
        })
    }
}

/// Name of the last layer's matrix of a classifier.
pub(crate) fn classifier_name(family: Family) -> &'static str {
    match family {
        Family::Bert | Family::DistilBert => "classifier",
        Family::Roberta => "classifier.out_proj",
    }
}

fn task(config: &Config, tensors: &SafeTensors) -> Result<Task, Error> {
    let name = format!("{}.weight", classifier_name(config.family));
    if !config.names_classifier.unwrap_or_else(|| tensors.contains(&name)) {
        return Ok(Task::Embed);
    }
    let shape = tensors.shape(&name)?;
    let classes = shape.first().copied().unwrap_or(0);
    if classes < 2 {
        return Err(Error::setting("id2label", "a classifier has two classes at least"));
    }
    if classes > LABELS_MAX {
        let reason = format!("a classifier has {LABELS_MAX} classes at most");
        return Err(Error::setting("id2label", reason));
    }
    let labels = if config.labels.is_empty() {
        (0..classes).map(|index| format!("LABEL_{index}")).collect()
    } else {
        config.labels.clone()
    };
    if labels.len() as u64 != classes {
        return Err(Error::Shape {
            name: name.clone(),
            found: shape.to_vec(),
            expected: vec![labels.len() as u64, config.hidden_size],
        });
    }
    Ok(Task::Classify(labels))
}
