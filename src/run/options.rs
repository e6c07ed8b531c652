//! The options of a run: as SQL gives them, checked.

use crate::error::{Error, Result};
use crm_ai_wire::training::{ClassWeights, Method, MixedPrecision, Pooling, TableTask, TextTask};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What names the champion as the base.
pub const CONTINUE: &str = "continue";
/// Tokens of the longest input that any base can take.
const TOKENS_MAX: i64 = 8192;
/// Most tokens that a run adds to its base's vocabulary, and the length of each.
const NEW_TOKENS_MAX: usize = 1000;
const NEW_TOKEN_BYTES_MAX: usize = 100;
/// The most that a class may weigh: beyond it the others are nothing in 32 bits.
const CLASS_WEIGHT_MAX: f64 = 1e6;

/// What kind of model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A classifier of texts.
    Text,
    /// A classifier of records.
    Table,
}

impl Kind {
    /// By its name in SQL.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "text" => Ok(Self::Text),
            "table" => Ok(Self::Table),
            _ => Err(Error::invalid_argument("kind is neither text nor table")
                .hint("call crm_ai.train or crm_ai.train_table")),
        }
    }

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
        }
    }
}

/// All that a run is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// What is learnt, and from which columns.
    pub what: What,
    /// Share of the rows that is held out.
    pub test_size: f64,
    /// Decides the split and every draw.
    pub seed: i64,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// When the new version takes over.
    pub promote: crm_ai_metrics::Promote,
}

/// What is learnt.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The class of a text.
    Text(Box<TextOptions>),
    /// The class of a record.
    Table(TableOptions),
}

/// Which columns of a source are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns<'a> {
    /// Of a text classifier.
    Text {
        /// Column of the texts.
        text: &'a str,
        /// Column of the labels.
        label: &'a str,
        /// Column of the rows' weights.
        weight: Option<&'a str>,
    },
    /// All columns, of which one is the class.
    Table {
        /// Column of the classes.
        target: &'a str,
    },
}

impl What {
    /// Which columns it reads.
    pub fn columns(&self) -> Columns<'_> {
        match self {
            Self::Text(text) => Columns::Text {
                text: &text.text_column,
                label: &text.label_column,
                weight: text.weight_column.as_deref(),
            },
            Self::Table(table) => Columns::Table { target: &table.target_column },
        }
    }
}

/// Of a text classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct TextOptions {
    /// Column of the texts.
    pub text_column: String,
    /// Column of the labels.
    pub label_column: String,
    /// Column of the rows' weights.
    pub weight_column: Option<String>,
    /// The model to begin with, `continue` for the champion; `None` for the built-in encoder.
    pub base: Option<String>,
    /// The rest, whose folder the worker fills in.
    pub task: TextTask,
}

/// Of a classifier of records.
#[derive(Debug, Clone, PartialEq)]
pub struct TableOptions {
    /// Column of the classes.
    pub target_column: String,
    /// The rest.
    pub task: TableTask,
}

impl Options {
    /// Reads and checks what SQL gave. 22023 names what is wrong.
    pub fn read(kind: Kind, json: &Value) -> Result<Self> {
        let given = Given(json);
        let test_size = given.number("test_size", |n| n > 0.0 && n < 1.0, "between 0 and 1")?;
        let promote = given.text("promote")?;
        let device = given.text("device")?;
        let what = match kind {
            Kind::Text => What::Text(Box::new(TextOptions::read(&given)?)),
            Kind::Table => What::Table(TableOptions::read(&given)?),
        };
        Ok(Self {
            what,
            test_size,
            seed: given.whole("seed", i64::from(i32::MIN), i64::from(i32::MAX))?,
            device: checked_device(device)?,
            promote: crm_ai_metrics::Promote::from_name(promote).ok_or_else(|| {
                Error::invalid_argument(
                    "invalid value for promote; expected if_better, never or always",
                )
                .hint("if_better lets the new version take over only where it is no worse")
            })?,
        })
    }
}

fn checked_device(device: &str) -> Result<String> {
    let number = device.strip_prefix("cuda:").map(str::parse::<u16>);
    if matches!(device, "auto" | "cpu" | "cuda") || matches!(number, Some(Ok(_))) {
        return Ok(device.to_owned());
    }
    Err(Error::invalid_argument("invalid value for device; expected auto, cpu, cuda or cuda:N")
        .hint("auto takes a CUDA device where there is one"))
}

impl TextOptions {
    fn read(given: &Given<'_>) -> Result<Self> {
        let method = Method::from_name(given.text("method")?).ok_or_else(|| {
            Error::invalid_argument("invalid value for method; expected auto, fine_tune or head")
                .hint("auto takes fine_tune where there are rows enough for it")
        })?;
        let rate = |n: f64| n > 0.0 && n <= 1.0;
        let decay = |n: f64| (0.0..1.0).contains(&n);
        let task = TextTask {
            base: PathBuf::new(),
            method,
            epochs: given.small("epochs", 1, 1000)?,
            batch_size: given.small("batch_size", 1, 1024)?,
            learning_rate: given.number("learning_rate", rate, "above 0 and at most 1")?,
            warmup_steps: match given.is_null("warmup_steps") {
                true => None,
                false => Some(given.small("warmup_steps", 0, i64::from(i32::MAX))?),
            },
            weight_decay: given.number("weight_decay", decay, "at least 0 and below 1")?,
            max_tokens: given.small("max_tokens", 8, TOKENS_MAX)?,
            label_sets: given.label_sets()?,
            label_smoothing: given.number("label_smoothing", decay, "at least 0 and below 1")?,
            // Known when the rows are read.
            multi_label: false,
            class_weights: given.class_weights()?,
            mixed_precision: given.mixed_precision()?,
            new_tokens: given.new_tokens()?,
            pooling: given.pooling()?,
            base_share: match given.is_null("base_share") {
                true => 0.0,
                false => given.number("base_share", decay, "at least 0 and below 1")?,
            },
            keep_labels: false,
        };
        for (name, given) in
            [("label_smoothing", task.label_smoothing), ("base_share", task.base_share)]
        {
            if task.method == Method::Head && given > 0.0 {
                return Err(Error::invalid_argument(format!("{name} does not apply to a head"))
                    .hint("leave it out, or choose method => 'fine_tune'"));
            }
        }
        if task.method == Method::Head && task.pooling == Some(Pooling::Cls) {
            return Err(Error::invalid_argument("pooling of a head is the mean")
                .hint("leave pooling out, or choose method => 'fine_tune'"));
        }
        if task.pooling.is_some() && given.optional_text("base")? == Some(CONTINUE) {
            return Err(Error::invalid_argument("pooling of a champion stays as it is")
                .hint("leave pooling out, or choose another base"));
        }
        Ok(Self {
            text_column: given.column("text_column")?,
            label_column: given.column("label_column")?,
            weight_column: given.optional_text("weight_column")?.map(str::to_owned),
            base: given.optional_text("base")?.map(str::to_owned),
            task,
        })
    }
}

impl TableOptions {
    fn read(given: &Given<'_>) -> Result<Self> {
        let rate = |n: f64| n > 0.0 && n <= 1.0;
        Ok(Self {
            target_column: given.column("target_column")?,
            task: TableTask {
                rounds: given.small("rounds", 1, 100_000)?,
                learning_rate: given.number("learning_rate", rate, "above 0 and at most 1")?,
                balance_classes: given.0["balance_classes"].as_bool().unwrap_or(false),
            },
        })
    }
}

/// Options as JSON.
struct Given<'a>(&'a Value);

impl Given<'_> {
    fn is_null(&self, name: &str) -> bool {
        self.0[name].is_null()
    }

    fn optional_text(&self, name: &str) -> Result<Option<&str>> {
        match &self.0[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(Error::invalid_argument(format!("{name} must be a string"))
                .hint("call crm_ai.train or crm_ai.train_table")),
        }
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.optional_text(name)?.ok_or_else(|| {
            Error::invalid_argument(format!("{name} must not be NULL"))
                .hint("leave the argument out to have its default")
        })
    }

    fn column(&self, name: &str) -> Result<String> {
        let column = self.optional_text(name)?.filter(|column| !column.is_empty());
        column.map(str::to_owned).ok_or_else(|| {
            Error::invalid_argument(format!("{name} names no column"))
                .hint("give the column's name exactly as it is stored")
        })
    }

    fn number(&self, name: &str, suits: impl Fn(f64) -> bool, range: &str) -> Result<f64> {
        match self.0[name].as_f64() {
            Some(number) if suits(number) => Ok(number),
            _ => Err(Error::invalid_argument(format!("{name} is not {range}"))
                .hint("leave the argument out to have its default")),
        }
    }

    fn whole(&self, name: &str, least: i64, most: i64) -> Result<i64> {
        match self.0[name].as_i64() {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Error::invalid_argument(format!("{name} is not from {least} to {most}"))
                .hint("leave the argument out to have its default")),
        }
    }

    fn small(&self, name: &str, least: i64, most: i64) -> Result<u32> {
        self.whole(name, least, most).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn mixed_precision(&self) -> Result<MixedPrecision> {
        MixedPrecision::from_name(self.text("mixed_precision")?).ok_or_else(|| {
            Error::invalid_argument(
                "invalid value for mixed_precision; expected auto, fp32, fp16 or bf16",
            )
            .hint("auto takes fp16 on a CUDA device and fp32 on the processor")
        })
    }

    fn pooling(&self) -> Result<Option<Pooling>> {
        let Some(name) = self.optional_text("pooling")? else { return Ok(None) };
        Pooling::from_name(name).map(Some).ok_or_else(|| {
            Error::invalid_argument("pooling is neither cls nor mean")
                .hint("leave the argument out to pool as the base does")
        })
    }

    fn class_weights(&self) -> Result<ClassWeights> {
        let suits = |weight: &f64| *weight > 0.0 && *weight <= CLASS_WEIGHT_MAX;
        match &self.0["class_weights"] {
            Value::Null => Ok(ClassWeights::Equal),
            Value::String(word) if word == "balanced" => Ok(ClassWeights::Balanced),
            Value::Object(given) => {
                let weight = |weight: &Value| weight.as_f64().filter(suits);
                let weights: Option<BTreeMap<_, _>> = given
                    .iter()
                    .map(|(class, value)| Some((class.clone(), weight(value)?)))
                    .collect();
                weights.map(ClassWeights::Given).ok_or_else(malformed_weights)
            }
            _ => Err(malformed_weights()),
        }
    }

    fn new_tokens(&self) -> Result<BTreeMap<String, String>> {
        if self.is_null("new_tokens") {
            return Ok(BTreeMap::new());
        }
        let tokens: BTreeMap<String, String> =
            serde_json::from_value(self.0["new_tokens"].clone()).map_err(|_| malformed_tokens())?;
        let suits = |token: &str| {
            !token.is_empty()
                && token.len() <= NEW_TOKEN_BYTES_MAX
                && !token.contains(char::is_whitespace)
        };
        match tokens.len() <= NEW_TOKENS_MAX && tokens.keys().all(|token| suits(token)) {
            true => Ok(tokens),
            false => Err(malformed_tokens()),
        }
    }

    fn label_sets(&self) -> Result<BTreeMap<String, Vec<String>>> {
        if self.is_null("label_sets") {
            return Ok(BTreeMap::new());
        }
        let sets: BTreeMap<String, Vec<String>> =
            serde_json::from_value(self.0["label_sets"].clone()).map_err(|_| malformed_sets())?;
        if sets.values().any(Vec::is_empty) { Err(malformed_sets()) } else { Ok(sets) }
    }
}

fn malformed_tokens() -> Error {
    Error::invalid_argument(format!(
        "new_tokens does not map at most {NEW_TOKENS_MAX} tokens without spaces to words"
    ))
    .hint("write it as in '{\"😡\": \"angry\"}', with \"\" for a token that no words describe")
}

fn malformed_weights() -> Error {
    Error::invalid_argument(format!(
        "class_weights is neither \"balanced\" nor numbers above 0 and at most \
         {CLASS_WEIGHT_MAX} by class"
    ))
    .hint("write it as in '\"balanced\"' or '{\"complaint\": 3}'")
}

fn malformed_sets() -> Error {
    Error::invalid_argument("label_sets does not map labels to lists of classes")
        .hint("write it as in '{\"positive\": [\"4\", \"5\"]}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given() -> Value {
        json!({ "text_column": "body", "label_column": "queue", "base": null, "epochs": 3,
            "batch_size": 16, "learning_rate": 5e-5, "warmup_steps": null, "weight_decay": 0.01,
            "max_tokens": 128, "test_size": 0.2, "seed": 42, "method": "auto", "device": "auto",
            "label_sets": null, "weight_column": null, "promote": "if_better", "label_smoothing": 0,
            "class_weights": null, "mixed_precision": "auto", "new_tokens": null,
            "pooling": null, "base_share": 0 })
    }

    #[test]
    fn the_defaults_are_read() {
        let options = Options::read(Kind::Text, &given()).unwrap();
        let What::Text(text) = options.what else { panic!("{options:?}") };
        assert_eq!((text.task.epochs, text.task.warmup_steps), (3, None));
        assert_eq!(text.label_column, "queue");
    }

    #[test]
    fn weights_and_smoothing_are_read() {
        let task = |name: &str, value: Value| {
            let mut options = given();
            options[name] = value;
            match Options::read(Kind::Text, &options).unwrap().what {
                What::Text(text) => text.task,
                What::Table(_) => unreachable!(),
            }
        };
        assert_eq!(task("label_smoothing", json!(0.1)).label_smoothing, 0.1);
        assert_eq!(task("class_weights", json!(null)).class_weights, ClassWeights::Equal);
        assert_eq!(task("class_weights", json!("balanced")).class_weights, ClassWeights::Balanced);
        let given = ClassWeights::Given([("a".to_owned(), 2.5)].into());
        assert_eq!(task("class_weights", json!({ "a": 2.5 })).class_weights, given);
    }

    /// A head is solved for: the option would be passed over in silence.
    #[test]
    fn a_head_takes_no_smoothing() {
        let mut options = given();
        options["method"] = json!("head");
        options["label_smoothing"] = json!(0.1);
        let error = Options::read(Kind::Text, &options).unwrap_err();
        assert_eq!(error.state(), "22023");
    }

    #[test]
    fn each_wrong_option_is_named() {
        for (name, wrong) in [
            ("text_column", json!("")),
            ("label_column", json!(null)),
            ("epochs", json!(0)),
            ("batch_size", json!(1025)),
            ("learning_rate", json!("NaN")),
            ("warmup_steps", json!(-1)),
            ("weight_decay", json!(1.0)),
            ("max_tokens", json!(2)),
            ("test_size", json!(1.0)),
            ("seed", json!(null)),
            ("method", json!("magic")),
            ("device", json!("cuda:x")),
            ("label_sets", json!({ "a": "b" })),
            ("promote", json!("maybe")),
            ("label_smoothing", json!(1)),
            ("label_smoothing", json!(null)),
            ("mixed_precision", json!("fp8")),
            ("class_weights", json!("equal")),
            ("class_weights", json!(["a"])),
            ("class_weights", json!({ "a": 0 })),
            ("class_weights", json!({ "a": "2" })),
            ("class_weights", json!({ "a": 1e7 })),
            ("base_share", json!(1)),
            ("pooling", json!("max")),
            ("new_tokens", json!(["😡"])),
            ("new_tokens", json!({ "": "nothing" })),
            ("new_tokens", json!({ "two words": "" })),
            ("new_tokens", json!({ "😡": null })),
        ] {
            let mut options = given();
            options[name] = wrong;
            let error = Options::read(Kind::Text, &options).unwrap_err();
            assert_eq!(error.state(), "22023", "{name}");
            assert!(error.message().contains(name), "{name}: {}", error.message());
        }
    }
}
