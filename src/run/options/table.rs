//! The options of a run: each is declared here and nowhere else. To add one:
//!
//! 1. its row in [`SPECS`], from which its checks and its entry in docs/training.md follow;
//! 2. a field of its name in `crm_ai_wire::training` or `crm_ai_metrics::Minimums`, by which the
//!    trainer is told;
//! 3. its use;
//! 4. `CRM_AI_WRITE_REFERENCE=1 cargo test --release -p crm_ai --lib options` writes the page.

use super::Kind;
use super::values::{self, Values};

/// One option.
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// The runs that take it.
    pub kinds: &'static [Kind],
    /// Its default as JSON.
    pub default: &'static str,
    /// The values that it takes.
    pub values: Values,
    /// True if it has an argument of its own in SQL, besides its key in `options`.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold SQL and the page to it"))]
    pub is_argument: bool,
    /// Its meaning, as Markdown.
    pub help: &'static str,
}

const TEXT: &[Kind] = &[Kind::Text];
const TABLE: &[Kind] = &[Kind::Table];
const BOTH: &[Kind] = &[Kind::Text, Kind::Table];

/// Tokens of the longest input that any base can take.
const TOKENS_MAX: i64 = 8192;
const WHOLE_MAX: i64 = i32::MAX as i64;
const WHOLE_MIN: i64 = i32::MIN as i64;

/// An option with an argument in SQL.
const fn argument(
    kinds: &'static [Kind],
    name: &'static str,
    default: &'static str,
    values: Values,
    help: &'static str,
) -> Spec {
    Spec { name, kinds, default, values, is_argument: true, help }
}

/// An option that is a key of `options` alone.
const fn key(
    kinds: &'static [Kind],
    name: &'static str,
    default: &'static str,
    values: Values,
    help: &'static str,
) -> Spec {
    Spec { name, kinds, default, values, is_argument: false, help }
}

/// All options, in the order of the page.
#[rustfmt::skip]
pub const SPECS: &[Spec] = &[
    argument(TEXT, "base", "null", Values::Text,
        "model to begin with, as `name` or `name@version`; NULL: `minilm`; `continue`: the \
         model's own champion, whose classes are kept where the rows have no others"),
    argument(TEXT, "epochs", "3", Values::Integer(1, 1000), "passes over the rows"),
    argument(TEXT, "batch_size", "16", Values::Integer(1, 1024), "rows of one step"),
    argument(TABLE, "rounds", "1000", Values::Integer(1, 100_000),
        "largest number of trees per class; the number used is chosen on rows that are kept \
         back"),
    argument(TEXT, "learning_rate", "5e-5", values::RATE, "largest learning rate"),
    argument(TABLE, "learning_rate", "0.05", values::RATE, "shrinkage of each round"),
    argument(TEXT, "warmup_steps", "null", Values::Integer(0, WHOLE_MAX),
        "steps over which the learning rate rises; NULL: none"),
    argument(TEXT, "weight_decay", "0.01", values::DECAY, "decoupled weight decay (AdamW)"),
    argument(TEXT, "max_tokens", "128", Values::Integer(8, TOKENS_MAX),
        "longest text in tokens; the rest is cut"),
    argument(BOTH, "test_size", "0.2", values::SHARE,
        "share of the rows held out, by the hash of the text or record: the same one is never \
         on both sides"),
    argument(BOTH, "seed", "42", Values::Integer(WHOLE_MIN, WHOLE_MAX),
        "decides the split and every random draw"),
    argument(TEXT, "method", "\"auto\"", Values::Word(&["auto", "fine_tune", "head"]),
        "`fine_tune`: all weights; `head`: a classifier on the frozen encoder, in seconds; \
         `auto`: by the number of rows"),
    argument(BOTH, "device", "\"auto\"", values::DEVICE,
        "processor or CUDA device that trains; `auto`: a CUDA device where there is one"),
    argument(TABLE, "balance_classes", "false", values::FLAG,
        "rare classes weigh more, by the inverse of their frequency"),
    argument(TEXT, "label_sets", "null", values::LABEL_SETS,
        "labels that stand for several classes"),
    argument(TEXT, "weight_column", "null", Values::Text,
        "column with what a row counts for, from 0 to 1,000,000; NULL counts as 1. No row is \
         learnt from whose weight is 0, and all 0 is an error (22023)"),
    argument(BOTH, "promote", "\"if_better\"", Values::Word(&["if_better", "never", "always"]),
        "when the new version takes over; `if_better`: where the gate below finds it no worse"),
    argument(TEXT, "label_smoothing", "0", values::DECAY,
        "share of the target that is spread over all classes; for `fine_tune` (22023 with \
         `head`)"),
    argument(TEXT, "class_weights", "null", values::CLASS_WEIGHTS,
        "what each class weighs in the loss: the inverse of its frequency, or as given, where \
         classes that are not named weigh 1"),
    argument(TEXT, "mixed_precision", "\"auto\"", Values::Word(&["auto", "fp32", "fp16", "bf16"]),
        "arithmetic of the matrix products of `fine_tune`; `auto`: fp16 on a CUDA device, else \
         fp32"),
    argument(TEXT, "new_tokens", "null", values::NEW_TOKENS,
        "tokens that the base's vocabulary lacks, each with words that describe it, from whose \
         vectors it begins"),
    argument(TEXT, "pooling", "null", Values::Word(&["cls", "mean"]),
        "what stands for the text in `fine_tune`: `cls`, the first token through a dense layer, \
         as `transformers`' classifiers have it, or `mean` of the tokens; NULL: as the base \
         pools"),
    argument(TEXT, "base_share", "0", values::BASE_SHARE,
        "share of the base's own weights that is mixed into what `fine_tune` has learnt: 0.1 or \
         0.2 makes a model steadier on texts unlike those that it learnt from"),
    key(BOTH, "min_accuracy", "null", values::FIGURE,
        "lowest accuracy on the held-out rows with which a version takes over"),
    key(BOTH, "min_macro_f1", "null", values::FIGURE,
        "lowest macro-F1 on the held-out rows with which a version takes over"),
    key(BOTH, "min_recall", "null", values::MIN_RECALL,
        "lowest recall of each class named, on the held-out rows; a class without any is not \
         reached"),
];

impl Spec {
    /// Its default.
    pub fn default(&self) -> serde_json::Value {
        serde_json::from_str(self.default).unwrap_or_default()
    }
}

/// The options of a kind of runs.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(move |spec| spec.kinds.contains(&kind))
}

/// The option of that name.
pub fn find(kind: Kind, name: &str) -> Option<&'static Spec> {
    of(kind).find(|spec| spec.name == name)
}
