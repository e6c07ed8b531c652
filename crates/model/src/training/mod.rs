//! The training graph: forward and backward pass of a classifier as one ONNX model.
//!
//! Weights come in as inputs and their gradients go out, so that the optimiser may change the
//! weights between two runs. What a run needs beside them:
//!
//! | input | shape | what |
//! |---|---|---|
//! | `ids` | [batch, tokens] int64 | token ids |
//! | `mask_bias` | [batch, 1, 1, tokens] | 0 for a token, −10,000 for padding |
//! | `pool` | [batch, 1, tokens] | weights of the tokens in the text's vector |
//! | `set_bias` | [batch, classes] | 0 for the classes that the label stands for, −10,000 else |
//! | `weight` | [batch, 1] | what a row counts for, its class's weight included; they sum to 1 |
//! | `spread` | [batch, classes] | with smoothing ε: ε/C · row's · class's weight, in that unit |
//! | `dropout_hidden`, `dropout_attention` | [any] | masks: 0 or 1/(1 − rate), drawn beforehand |
//! | `dropout_at` | [windows] int64 | where in them each dropout's window begins |
//! | `loss_scale` | [1] | in fp16: what all gradients are multiplied by |
//!
//! The dropout's three are there where the checkpoint drops anything out. The loss of a row of
//! weight v is −(1 − ε) v ln Σ p over its label's classes − Σ s ln p over all, with label smoothing
//! ε and spread s; its gradient by the logits is (1 − ε) v (p − q) + p Σ s − s, where q is p within
//! the label's classes, scaled to sum 1.
//!
//! Where a text may have several classes, `target` [batch, classes], 1 for its classes and 0 else,
//! comes in place of `set_bias`, and the loss of a row is v/C · Σ (ln(1 + exp z) − y z) over all
//! classes, the mean binary cross-entropy of targets y and logits z; its gradient by the logits is
//! v/C · (σ(z) − y).

mod encoder;
mod tape;
mod update;

pub use update::{Moving, UpdateGraphs};

use crate::{Checkpoint, Error};
use crm_ai_onnx::ElementType;

/// A training graph with the weights to begin from.
#[derive(Debug)]
pub struct TrainingGraph {
    /// The ONNX model.
    pub model: Vec<u8>,
    /// The weights, in the order of the graph's inputs.
    pub parameters: Vec<Parameter>,
    /// Name of the output with the loss, [1].
    pub loss: String,
    /// Name of the output with the logits, [batch, classes].
    pub logits: String,
    /// Number of dropout windows; 0 where nothing is dropped out.
    pub windows: Vec<Window>,
    /// Rate of the dropout of token rows, and of attention.
    pub rates: [f32; 2],
    /// Pooling of the tokens' vectors.
    pub pooling: crate::Pooling,
    /// Arithmetic of the matrix products.
    pub arithmetic: Arithmetic,
    /// True if a text may have several classes at a time.
    pub multi_label: bool,
}

/// Arithmetic of the matrix products of training. Weights, gradients, normalisations, softmax and
/// loss are always in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// 32-bit floating point.
    Fp32,
    /// IEEE 754 binary16, whose gradients need scaling.
    Fp16,
    /// The 16-bit type with the exponent of 32 bits.
    Bf16,
}

impl Arithmetic {
    /// The type of the factors; `None` where they stay as they are.
    pub(crate) fn narrow(self) -> Option<ElementType> {
        match self {
            Self::Fp32 => None,
            Self::Fp16 => Some(ElementType::Float16),
            Self::Bf16 => Some(ElementType::Bfloat16),
        }
    }
}

/// One weight.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Name of the graph's input.
    pub name: String,
    /// Names of the checkpoint's tensors that it is made of, one below the other.
    pub tensors: Vec<String>,
    /// Its shape.
    pub shape: Vec<u64>,
    /// The numbers to begin with, row-major; empty for a new head, which begins at random.
    pub values: Vec<f32>,
    /// True if weight decay applies: not to biases and normalisations.
    pub decays: bool,
    /// Its gradient.
    pub gradient: Gradient,
}

/// The output that holds a weight's gradient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gradient {
    /// Of the weight's shape.
    Dense(String),
    /// Of some rows of the weight, as many as there are, from the given one on.
    RowsFrom(String, usize),
    /// One row for each token of the batch, [batch · tokens, width]; it belongs to the weight's
    /// row of the token's id.
    TokenRows(String),
}

/// Number of values of a dropout mask in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// batch · tokens · this many.
    Rows(u64),
    /// batch · tokens · tokens · this many.
    Attention(u64),
    /// batch · this many.
    Texts(u64),
}

impl Window {
    /// Its length for a batch.
    pub fn length(self, batch: usize, tokens: usize) -> usize {
        match self {
            Self::Rows(width) => batch * tokens * width as usize,
            Self::Attention(heads) => batch * tokens * tokens * heads as usize,
            Self::Texts(width) => batch * width as usize,
        }
    }
}

/// Options of a training graph.
#[derive(Debug, Clone)]
pub struct TrainingOptions {
    /// Number of classes.
    pub classes: u64,
    /// True if the checkpoint's own classes and their matrix are kept.
    pub keep_head: bool,
    /// Pooling of tokens; `None`: as in the checkpoint. Not for a head that is kept.
    pub pooling: Option<crate::Pooling>,
    /// Label smoothing, from 0 to below 1.
    pub label_smoothing: f32,
    /// True if a text may have several classes at a time: each is a question of its own.
    pub multi_label: bool,
    /// True if anything is dropped out, as the checkpoint's configuration says.
    pub dropout: bool,
    /// Arithmetic of the matrix products.
    pub arithmetic: Arithmetic,
    /// True if products of 16 bits are computed in 32 and rounded, factors and results: for the
    /// processor, where the runtime has no kernels for them and would leave the rounding out.
    pub emulated: bool,
}

impl TrainingOptions {
    /// A new head for `classes` classes, learnt in fp32 by the plain loss, without dropout.
    pub fn new(classes: u64) -> Self {
        Self {
            classes,
            keep_head: false,
            pooling: None,
            label_smoothing: 0.0,
            multi_label: false,
            dropout: false,
            arithmetic: Arithmetic::Fp32,
            emulated: false,
        }
    }
}

impl Checkpoint {
    /// Builds the graph that trains this checkpoint as a classifier. Reads all its weights.
    pub fn training_graph(&self, options: &TrainingOptions) -> Result<TrainingGraph, Error> {
        encoder::build(self, options)
    }
}
