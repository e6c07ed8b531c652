//! The inference graph: embeddings, encoder layers, pooling, head.
//!
//! All matrix products run on token rows [batch · tokens, width]; attention alone sees texts. A
//! padded position gets −10,000 added to its score, which makes its weight exactly zero, so padding
//! leaves no trace in an answer. Where only the first token's vector is asked for, the last layer
//! computes that row alone, as nothing reads the others.

use crate::Error;
use crate::checkpoint::{Checkpoint, Task, classifier_name};
use crate::config::{Activation, Family};
use crate::graph::{Builder, Graph, Output, Value, float, int, ints, string};
use crate::product::{Products, Range};
use crate::settings::{Pooling, Precision};

/// Added to the scores of padded positions: exp(−10,000) is zero in 32-bit floating point.
const MASKED_SCORE: f32 = 10_000.0;
/// GELU never goes further below zero; its least value is −0.16998, by the hyperbolic tangent
/// −0.17004.
const GELU_DEPTH: f32 = 0.1701;
/// Least length that a vector is divided by, so that zero stays zero.
const LENGTH_MIN: f32 = 1e-12;

/// Builds the graph of `checkpoint`.
pub(crate) fn build(checkpoint: &Checkpoint, precision: Precision) -> Result<Graph, Error> {
    let mut encoder = Encoder::new(checkpoint, precision);
    let rows = encoder.embeddings()?;
    let pooling = checkpoint.pooling();
    let last = checkpoint.config.layers - 1;
    let mut rows = rows;
    for layer in 0..last {
        rows = encoder.layer(layer, &rows, false)?;
    }
    let first_only = pooling == Pooling::Cls;
    let rows = encoder.layer(last, &rows, first_only)?;
    let pooled = if first_only { rows } else { encoder.mean(&rows) };
    match checkpoint.task() {
        Task::Classify(labels) => encoder.classify(&pooled, labels.len() as u64),
        Task::Embed => Ok(encoder.unit_length(&pooled)),
    }
}

/// Names of the parts of one layer.
pub(crate) struct LayerNames {
    pub query: String,
    pub key: String,
    pub value: String,
    pub attention_output: String,
    pub attention_norm: String,
    pub up: String,
    pub down: String,
    pub output_norm: String,
}

impl LayerNames {
    pub fn new(family: Family, prefix: &str, layer: u64) -> Self {
        let at = |root: &str, part: &str| format!("{prefix}{root}.layer.{layer}.{part}");
        match family {
            Family::Bert | Family::Roberta => {
                let at = |part| at("encoder", part);
                Self {
                    query: at("attention.self.query"),
                    key: at("attention.self.key"),
                    value: at("attention.self.value"),
                    attention_output: at("attention.output.dense"),
                    attention_norm: at("attention.output.LayerNorm"),
                    up: at("intermediate.dense"),
                    down: at("output.dense"),
                    output_norm: at("output.LayerNorm"),
                }
            }
            Family::DistilBert => {
                let at = |part| at("transformer", part);
                Self {
                    query: at("attention.q_lin"),
                    key: at("attention.k_lin"),
                    value: at("attention.v_lin"),
                    attention_output: at("attention.out_lin"),
                    attention_norm: at("sa_layer_norm"),
                    up: at("ffn.lin1"),
                    down: at("ffn.lin2"),
                    output_norm: at("output_layer_norm"),
                }
            }
        }
    }
}

/// The graph under construction and the values that all its parts share.
struct Encoder<'a> {
    checkpoint: &'a Checkpoint,
    products: Products<'a>,
    ids: Value,
    mask: Value,
    /// [1]: texts in the batch.
    batch: Value,
    /// [1]: tokens of the longest text.
    tokens: Value,
    /// [4]: batch, tokens, heads, width of a head.
    head_shape: Value,
    /// [2]: all rows, width.
    row_shape: Value,
    /// [batch, 1, 1, tokens]: 0 for a token, −10,000 for padding.
    score_offset: Value,
}

impl<'a> Encoder<'a> {
    fn new(checkpoint: &'a Checkpoint, precision: Precision) -> Self {
        let config = &checkpoint.config;
        let mut graph = Builder::default();
        let ids = graph.input("input_ids");
        let mask = graph.input("attention_mask");
        let batch = graph.op("Shape", &[&ids], vec![int("start", 0), int("end", 1)]);
        let tokens = graph.op("Shape", &[&ids], vec![int("start", 1), int("end", 2)]);
        let width = (config.hidden_size / config.heads) as i64;
        let heads = graph.integers(&[config.heads as i64, width], &[2]);
        let head_shape = graph.op("Concat", &[&batch, &tokens, &heads], vec![int("axis", 0)]);
        let row_shape = graph.integers(&[-1, config.hidden_size as i64], &[2]);
        let score_offset = score_offset(&mut graph, &mask);
        let products = Products::new(graph, &checkpoint.tensors, precision);
        Self { checkpoint, products, ids, mask, batch, tokens, head_shape, row_shape, score_offset }
    }

    /// Words, positions and the first token type, summed and normalised: [rows, hidden].
    fn embeddings(&mut self) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let at = |part: &str| format!("{}embeddings.{part}", self.checkpoint.prefix);
        let hidden = config.hidden_size;
        let tensors = &self.checkpoint.tensors;
        let name = at("word_embeddings.weight");
        let words = tensors.read(&name, &[config.vocab_size, hidden])?;
        let name_positions = at("position_embeddings.weight");
        let mut positions = tensors.read(&name_positions, &[config.max_positions, hidden])?;
        if config.type_vocab_size > 0 {
            let name = at("token_type_embeddings.weight");
            let types = tensors.read(&name, &[config.type_vocab_size, hidden])?;
            // A single text is all of type 0: its vector is the same for every token.
            for row in positions.chunks_exact_mut(hidden as usize) {
                row.iter_mut().zip(&types).for_each(|(position, kind)| *position += kind);
            }
        }
        let norm = at("LayerNorm");
        let graph = &mut self.products.graph;
        let words = graph.vector(&name, &[config.vocab_size, hidden], words);
        let words = graph.op("Gather", &[&words, &self.ids], vec![int("axis", 0)]);
        let positions = graph.vector(&name_positions, &[config.max_positions, hidden], positions);
        let first = graph.integers(&[config.first_position as i64], &[1]);
        let end = graph.op("Add", &[&self.tokens, &first], vec![]);
        let axis = graph.integers(&[0], &[1]);
        let positions = graph.op("Slice", &[&positions, &first, &end, &axis], vec![]);
        let sum = graph.op("Add", &[&words, &positions], vec![]);
        let rows = graph.op("Reshape", &[&sum, &self.row_shape], vec![]);
        let (gamma, beta) = self.products.norm(&norm, hidden)?;
        let epsilon = float("epsilon", config.layer_norm_epsilon);
        let attributes = vec![int("axis", -1), epsilon];
        Ok(self.products.graph.op("LayerNormalization", &[&rows, &gamma, &beta], attributes))
    }

    /// One encoder layer over [rows, hidden]. With `first_only` the answer is [batch, hidden]: the
    /// first token's row of each text.
    fn layer(&mut self, layer: u64, rows: &Value, first_only: bool) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let names = LayerNames::new(config.family, self.checkpoint.prefix, layer);
        let asked = if first_only { self.first_rows(rows) } else { rows.clone() };
        let context = self.attention(&names, rows, &asked, first_only)?;
        let hidden = config.hidden_size;
        let inner = config.intermediate_size;
        let context = self.products.rows(&context, hidden, Range::Symmetric);
        let attended = self.products.product(&context, &names.attention_output, hidden)?;
        let attended = self.add_and_normalise(
            &attended,
            &asked,
            &names.attention_norm,
            &names.attention_output,
        )?;
        let block = self.products.rows(&attended, hidden, Range::Symmetric);
        let up = self.products.product(&block, &names.up, inner)?;
        let up = self.activate(&up, &names.up)?;
        let range = match config.activation {
            Activation::Gelu | Activation::GeluTanh => Range::AtLeast(GELU_DEPTH),
            Activation::Relu => Range::AtLeast(0.0),
        };
        let up = self.products.rows(&up, inner, range);
        let down = self.products.product(&up, &names.down, hidden)?;
        self.add_and_normalise(&down, &attended, &names.output_norm, &names.down)
    }

    /// softmax(Q Kᵀ / √d + offset) V for all heads, before the output's matrix.
    fn attention(
        &mut self,
        names: &LayerNames,
        rows: &Value,
        asked: &Value,
        first_only: bool,
    ) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let hidden = config.hidden_size;
        let source = self.products.rows(rows, hidden, Range::Symmetric);
        let query = if first_only {
            let asked = self.products.rows(asked, hidden, Range::Symmetric);
            let query = self.products.product_with_bias(&asked, &names.query, hidden)?;
            let shape = self.first_shape();
            self.products.graph.op("Reshape", &[&query, &shape], vec![])
        } else {
            let query = self.products.product_with_bias(&source, &names.query, hidden)?;
            self.products.graph.op("Reshape", &[&query, &self.head_shape], vec![])
        };
        let key = self.products.product_with_bias(&source, &names.key, hidden)?;
        let value = self.products.product_with_bias(&source, &names.value, hidden)?;
        let graph = &mut self.products.graph;
        let key = graph.op("Reshape", &[&key, &self.head_shape], vec![]);
        let value = graph.op("Reshape", &[&value, &self.head_shape], vec![]);
        let [query, key, value] = [query, key, value]
            .map(|part| graph.op("Transpose", &[&part], vec![ints("perm", &[0, 2, 1, 3])]));
        let scale = 1.0 / ((hidden / config.heads) as f32).sqrt();
        let attributes = vec![float("alpha", scale), int("transB", 1)];
        let scores = graph.contrib("FusedMatMul", &[&query, &key], attributes);
        let scores = graph.op("Add", &[&scores, &self.score_offset], vec![]);
        let weights = graph.op("Softmax", &[&scores], vec![int("axis", -1)]);
        let context = graph.op("MatMul", &[&weights, &value], vec![]);
        let context = graph.op("Transpose", &[&context], vec![ints("perm", &[0, 2, 1, 3])]);
        Ok(graph.op("Reshape", &[&context, &self.row_shape], vec![]))
    }

    /// LayerNorm(product + bias + skip), where the product came without its bias.
    fn add_and_normalise(
        &mut self,
        product: &Value,
        skip: &Value,
        norm: &str,
        matrix: &str,
    ) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let (gamma, beta) = self.products.norm(norm, config.hidden_size)?;
        let bias = self.products.bias(matrix, config.hidden_size)?;
        let epsilon = vec![float("epsilon", config.layer_norm_epsilon)];
        let inputs = [product, skip, &gamma, &beta, &bias];
        Ok(self.products.graph.contrib("SkipLayerNormalization", &inputs, epsilon))
    }

    /// The activation of product + bias, where the product came without its bias.
    fn activate(&mut self, product: &Value, matrix: &str) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let bias = self.products.bias(matrix, config.intermediate_size)?;
        let graph = &mut self.products.graph;
        if config.activation == Activation::Gelu {
            return Ok(graph.contrib("BiasGelu", &[product, &bias], vec![]));
        }
        let sum = graph.op("Add", &[product, &bias], vec![]);
        Ok(match config.activation {
            Activation::Relu => graph.op("Relu", &[&sum], vec![]),
            _ => graph.op("Gelu", &[&sum], vec![string("approximate", "tanh")]),
        })
    }

    /// [rows, hidden] → [batch, tokens, hidden].
    fn by_text(&mut self, rows: &Value) -> Value {
        let graph = &mut self.products.graph;
        let hidden = graph.integers(&[self.checkpoint.config.hidden_size as i64], &[1]);
        let inputs = [&self.batch, &self.tokens, &hidden];
        let shape = graph.op("Concat", &inputs, vec![int("axis", 0)]);
        graph.op("Reshape", &[rows, &shape], vec![])
    }

    /// The first token's row of each text: [batch, hidden].
    fn first_rows(&mut self, rows: &Value) -> Value {
        let texts = self.by_text(rows);
        let graph = &mut self.products.graph;
        let zero = graph.integers(&[0], &[]);
        graph.op("Gather", &[&texts, &zero], vec![int("axis", 1)])
    }

    /// [4]: batch, 1, heads, width of a head; a Reshape takes the batch from what is left.
    fn first_shape(&mut self) -> Value {
        let config = &self.checkpoint.config;
        let width = config.hidden_size / config.heads;
        self.products.graph.integers(&[-1, 1, config.heads as i64, width as i64], &[4])
    }

    /// The mean over each text's tokens: [batch, hidden].
    fn mean(&mut self, rows: &Value) -> Value {
        let texts = self.by_text(rows);
        let graph = &mut self.products.graph;
        let one = graph.integers(&[1], &[1]);
        let mask = graph.op("Cast", &[&self.mask], vec![int("to", 1)]);
        let count = graph.op("ReduceSum", &[&mask, &one], vec![int("keepdims", 1)]);
        let share = graph.op("Div", &[&mask, &count], vec![]);
        let share = graph.op("Unsqueeze", &[&share, &one], vec![]);
        let mean = graph.op("MatMul", &[&share, &texts], vec![]);
        graph.op("Squeeze", &[&mean, &one], vec![])
    }

    /// The head of the family: [batch, labels].
    fn classify(mut self, pooled: &Value, labels: u64) -> Result<Graph, Error> {
        let family = self.checkpoint.config.family;
        let hidden = self.checkpoint.config.hidden_size;
        let (dense, activation) = match family {
            Family::Bert => (format!("{}pooler.dense", self.checkpoint.prefix), "Tanh"),
            Family::DistilBert => ("pre_classifier".to_owned(), "Relu"),
            Family::Roberta => ("classifier.dense".to_owned(), "Tanh"),
        };
        let mut features = pooled.clone();
        // A head that was trained on pooled vectors alone has no dense layer of its own.
        let has_dense = self.checkpoint.tensors.contains(&format!("{dense}.weight"));
        if has_dense || self.checkpoint.pooling() == Pooling::Cls {
            let product = self.products.float_product(pooled, &dense, hidden, hidden)?;
            features = self.products.graph.op(activation, &[&product], vec![]);
        }
        let name = classifier_name(family);
        let logits = self.products.float_product(&features, name, hidden, labels)?;
        Ok(self.products.graph.finish(&logits, Output::Logits, labels))
    }

    /// Divides each row by its Euclidean length: [batch, hidden].
    fn unit_length(mut self, pooled: &Value) -> Graph {
        let graph = &mut self.products.graph;
        let axis = graph.integers(&[-1], &[1]);
        let length = graph.op("ReduceL2", &[pooled, &axis], vec![int("keepdims", 1)]);
        let least = graph.scalar(LENGTH_MIN);
        let length = graph.op("Max", &[&length, &least], vec![]);
        let unit = graph.op("Div", &[pooled, &length], vec![]);
        let width = self.checkpoint.config.hidden_size;
        self.products.graph.finish(&unit, Output::Embedding, width)
    }
}

/// [batch, 1, 1, tokens]: what is added to the scores.
fn score_offset(graph: &mut Builder, mask: &Value) -> Value {
    let mask = graph.op("Cast", &[mask], vec![int("to", 1)]);
    let axes = graph.integers(&[1, 2], &[2]);
    let mask = graph.op("Unsqueeze", &[&mask, &axes], vec![]);
    let one = graph.scalar(1.0);
    let masked = graph.scalar(MASKED_SCORE);
    let offset = graph.op("Sub", &[&mask, &one], vec![]);
    graph.op("Mul", &[&offset, &masked], vec![])
}
