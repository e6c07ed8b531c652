//! The classifier's layers on the tape.

use super::tape::{Heads, Linear, Norm, Tape};
use super::{Arithmetic, Gradient, Parameter, TrainingGraph, TrainingOptions, Window};
use crate::checkpoint::classifier_name;
use crate::config::{Activation, Config, Family};
use crate::graph::{Dim, Value, int};
use crate::inference::LayerNames;
use crate::{Checkpoint, Error, Pooling};
use crm_ai_onnx::ElementType;

/// Builds the graph of `checkpoint`.
pub(super) fn build(
    checkpoint: &Checkpoint,
    options: &TrainingOptions,
) -> Result<TrainingGraph, Error> {
    if checkpoint.config.activation == Activation::GeluTanh {
        return Err(Error::setting("hidden_act", "models with gelu and relu are trained"));
    }
    let mut encoder = Encoder::new(checkpoint, options);
    let mut rows = encoder.embeddings()?;
    for layer in 0..checkpoint.config.layers {
        rows = encoder.layer(layer, &rows)?;
    }
    let logits = encoder.head(&rows)?;
    encoder.finish(&logits)
}

/// Rates of dropout: of token rows, of attention. A checkpoint that says nothing was trained with
/// 0.1, as Hugging Face's configurations have it.
fn rates(config: &Config, options: &TrainingOptions) -> [f32; 2] {
    if options.dropout { [config.hidden_dropout, config.attention_dropout] } else { [0.0, 0.0] }
}

struct Encoder<'a> {
    checkpoint: &'a Checkpoint,
    options: &'a TrainingOptions,
    tape: Tape,
    parameters: Vec<Parameter>,
    windows: Vec<Window>,
    rates: [f32; 2],
    ids: Value,
    /// [1]: tokens of the longest text.
    tokens: Value,
    /// [3]: batch, tokens, width.
    by_text: Value,
    heads: Heads,
    /// Sum of the word, position and type vectors: [batch · tokens, width].
    words: Option<Value>,
}

impl<'a> Encoder<'a> {
    fn new(checkpoint: &'a Checkpoint, options: &'a TrainingOptions) -> Self {
        let config = &checkpoint.config;
        let mut tape = Tape::new(options.arithmetic.narrow(), options.emulated);
        let graph = &mut tape.graph;
        let (batch, tokens) = (Dim::Any("batch"), Dim::Any("tokens"));
        let ids = graph.declare("ids", ElementType::Int64, &[batch, tokens]);
        let one = Dim::Of(1);
        let mask_bias = graph.declare("mask_bias", ElementType::Float, &[batch, one, one, tokens]);
        let shape = graph.op("Shape", &[&ids], vec![]);
        let length = graph.op("Shape", &[&ids], vec![int("start", 1), int("end", 2)]);
        let (width, heads) = (config.hidden_size as i64, config.heads as i64);
        let mut shaped = |tail: &[i64]| {
            let tail = graph.integers(tail, &[tail.len() as u64]);
            graph.op("Concat", &[&shape, &tail], vec![int("axis", 0)])
        };
        let by_text = shaped(&[width]);
        let heads = Heads {
            by_head: shaped(&[heads, width / heads]),
            by_part: shaped(&[3, heads, width / heads]),
            mask_bias,
            width,
            head_width: width / heads,
        };
        let rates = rates(config, options);
        Self {
            checkpoint,
            options,
            tape,
            parameters: Vec::new(),
            windows: Vec::new(),
            rates,
            ids,
            tokens: length,
            by_text,
            heads,
            words: None,
        }
    }

    /// Declares a weight made of the checkpoint's `tensors`, which are equally long.
    fn parameter(
        &mut self,
        tensors: Vec<String>,
        shape: &[u64],
        decays: bool,
    ) -> Result<Value, Error> {
        let mut own_shape = shape.to_vec();
        if let Some(rows) = own_shape.first_mut() {
            *rows /= tensors.len() as u64;
        }
        let mut values = Vec::new();
        for tensor in &tensors {
            values.extend(self.checkpoint.tensors.read(tensor, &own_shape)?);
        }
        Ok(self.declare(tensors, shape, values, decays))
    }

    fn declare(
        &mut self,
        tensors: Vec<String>,
        shape: &[u64],
        values: Vec<f32>,
        decays: bool,
    ) -> Value {
        let name = format!("parameter_{}", self.parameters.len());
        let dims: Vec<Dim> = shape.iter().map(|&length| Dim::Of(length)).collect();
        let value = self.tape.graph.declare(&name, ElementType::Float, &dims);
        let gradient = Gradient::Dense(String::new());
        let shape = shape.to_vec();
        self.parameters.push(Parameter { name, tensors, shape, values, decays, gradient });
        value
    }

    /// The matrices `names`, one below the other, and their biases.
    fn linear(&mut self, names: &[&str], out: u64, width: u64) -> Result<Linear, Error> {
        let part = |part: &str| names.iter().map(|name| format!("{name}.{part}")).collect();
        Ok(Linear {
            weight: self.parameter(part("weight"), &[out, width], true)?,
            bias: self.parameter(part("bias"), &[out], false)?,
        })
    }

    /// One whose numbers are still to be drawn.
    fn new_linear(&mut self, name: &str, out: u64, width: u64) -> Linear {
        let [weight, bias] = ["weight", "bias"].map(|part| vec![format!("{name}.{part}")]);
        Linear {
            weight: self.declare(weight, &[out, width], Vec::new(), true),
            bias: self.declare(bias, &[out], Vec::new(), false),
        }
    }

    fn norm(&mut self, name: &str) -> Result<Norm, Error> {
        let config = &self.checkpoint.config;
        let (width, epsilon) = (config.hidden_size, config.layer_norm_epsilon);
        let old = self.checkpoint.tensors.contains(&format!("{name}.gamma"));
        let [scale, offset] = if old { ["gamma", "beta"] } else { ["weight", "bias"] };
        Ok(Norm {
            gamma: self.parameter(vec![format!("{name}.{scale}")], &[width], false)?,
            beta: self.parameter(vec![format!("{name}.{offset}")], &[width], false)?,
            epsilon,
        })
    }

    /// The next window of a dropout mask in the shape of `value`; `None` where nothing is dropped.
    fn mask(&mut self, value: &Value, window: Window) -> Option<Value> {
        let at = usize::from(matches!(window, Window::Attention(_)));
        if self.rates[at] == 0.0 {
            return None;
        }
        let input = ["dropout_hidden", "dropout_attention"][at];
        let number = self.windows.len() as i64;
        self.windows.push(window);
        let graph = &mut self.tape.graph;
        let number = graph.integers(&[number], &[1]);
        let starts = Value("dropout_at".to_owned());
        let start = graph.op("Gather", &[&starts, &number], vec![int("axis", 0)]);
        // Not `Size`: without a kernel for a device, it would bring the whole value to the host.
        let shape = graph.op("Shape", &[value], vec![]);
        let size = graph.op("ReduceProd", &[&shape], vec![int("keepdims", 0)]);
        let end = graph.op("Add", &[&start, &size], vec![]);
        let axis = graph.integers(&[0], &[1]);
        let pool = Value(input.to_owned());
        let window = graph.op("Slice", &[&pool, &start, &end, &axis], vec![]);
        Some(graph.op("Reshape", &[&window, &shape], vec![]))
    }

    fn drop_rows(&mut self, rows: &Value, window: Window) -> Value {
        match self.mask(rows, window) {
            Some(mask) => self.tape.masked(rows, &mask),
            None => rows.clone(),
        }
    }

    fn row_window(&self) -> Window {
        Window::Rows(self.checkpoint.config.hidden_size)
    }

    /// Words, positions and the first token type, summed and normalised: [rows, width].
    fn embeddings(&mut self) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let (hidden, first) = (config.hidden_size, config.first_position as i64);
        let types = config.type_vocab_size;
        let shapes = [[config.vocab_size, hidden], [config.max_positions, hidden]];
        let at = |part: &str| format!("{}embeddings.{part}", self.checkpoint.prefix);
        let names = ["word_embeddings.weight", "position_embeddings.weight"].map(at);
        let (type_name, norm) = (at("token_type_embeddings.weight"), at("LayerNorm"));
        let [words, positions] = names;
        let words = self.parameter(vec![words], &shapes[0], true)?;
        let positions = self.parameter(vec![positions], &shapes[1], true)?;
        let graph = &mut self.tape.graph;
        let words = graph.op("Gather", &[&words, &self.ids], vec![int("axis", 0)]);
        let start = graph.integers(&[first], &[1]);
        let end = graph.op("Add", &[&self.tokens, &start], vec![]);
        let axis = graph.integers(&[0], &[1]);
        let mut sum = graph.op("Slice", &[&positions, &start, &end, &axis], vec![]);
        if types > 0 {
            let table = self.parameter(vec![type_name], &[types, hidden], true)?;
            let graph = &mut self.tape.graph;
            let ends = [graph.integers(&[0], &[1]), graph.integers(&[1], &[1])];
            let kind = graph.op("Slice", &[&table, &ends[0], &ends[1], &axis], vec![]);
            sum = graph.op("Add", &[&sum, &kind], vec![]);
        }
        let sum = self.tape.op("Add", &[&words, &sum]);
        let rows = self.tape.reshape(&sum, &[-1, hidden as i64]);
        self.words = Some(rows.clone());
        let norm = self.norm(&norm)?;
        let rows = self.tape.normalise(&rows, &norm);
        let window = self.row_window();
        Ok(self.drop_rows(&rows, window))
    }

    /// One encoder layer over [rows, width].
    fn layer(&mut self, layer: u64, rows: &Value) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let attention = Window::Attention(config.heads);
        let names = LayerNames::new(config.family, self.checkpoint.prefix, layer);
        let parts = [&names.query[..], &names.key, &names.value];
        let qkv = self.linear(&parts, 3 * hidden, hidden)?;
        // The mask's nodes come between softmax and product, while the tape is lent out.
        let mut tape = std::mem::take(&mut self.tape);
        let heads = self.heads.clone();
        let context = tape.attention(rows, &qkv, &heads, |tape, p| {
            std::mem::swap(&mut self.tape, tape);
            let mask = self.mask(p, attention);
            std::mem::swap(&mut self.tape, tape);
            mask
        });
        self.tape = tape;
        let output = self.linear(&[&names.attention_output], hidden, hidden)?;
        let attended = self.tape.linear(&context, &output, 1.0, 1.0);
        let attended = self.drop_and_normalise(&attended, rows, &names.attention_norm)?;
        let up = self.linear(&[&names.up], inner, hidden)?;
        let down = self.linear(&[&names.down], hidden, inner)?;
        let fed = match self.checkpoint.config.activation {
            Activation::Relu => {
                let product = self.tape.linear(&attended, &up, 1.0, 1.0);
                let positive = self.tape.activate(&product, "Relu");
                self.tape.linear(&positive, &down, 1.0, 1.0)
            }
            _ => self.tape.feed_forward(&attended, &up, &down),
        };
        self.drop_and_normalise(&fed, &attended, &names.output_norm)
    }

    /// LayerNorm(drop(rows) + skip).
    fn drop_and_normalise(
        &mut self,
        rows: &Value,
        skip: &Value,
        norm: &str,
    ) -> Result<Value, Error> {
        let window = self.row_window();
        let rows = self.drop_rows(rows, window);
        let sum = self.tape.add(&rows, skip);
        let norm = self.norm(norm)?;
        Ok(self.tape.normalise(&sum, &norm))
    }

    fn pooling(&self) -> Pooling {
        self.options.pooling.unwrap_or_else(|| self.checkpoint.pooling())
    }

    /// Pooled and classified: [batch, classes].
    fn head(&mut self, rows: &Value) -> Result<Value, Error> {
        let config = &self.checkpoint.config;
        let (family, hidden) = (config.family, config.hidden_size);
        let (dense, activation) = match family {
            Family::Bert => (format!("{}pooler.dense", self.checkpoint.prefix), "Tanh"),
            Family::DistilBert => ("pre_classifier".to_owned(), "Relu"),
            Family::Roberta => ("classifier.dense".to_owned(), "Tanh"),
        };
        let (batch, tokens) = (Dim::Any("batch"), Dim::Any("tokens"));
        let dims = [batch, Dim::Of(1), tokens];
        let weights = self.tape.graph.declare("pool", ElementType::Float, &dims);
        let by_text = self.by_text.clone();
        let mut pooled = self.tape.pool(rows, &weights, &by_text, hidden as i64);
        let window = Window::Texts(hidden);
        if family == Family::Roberta {
            pooled = self.drop_rows(&pooled, window);
        }
        // A new head on the mean of the tokens has no dense layer; a kept one has what it had.
        let has_dense = self.checkpoint.tensors.contains(&format!("{dense}.weight"));
        let is_kept = self.options.keep_head && has_dense;
        if is_kept || self.pooling() == Pooling::Cls {
            let dense = match has_dense {
                true => self.linear(&[&dense], hidden, hidden)?,
                false => self.new_linear(&dense, hidden, hidden),
            };
            let product = self.tape.linear(&pooled, &dense, 1.0, 1.0);
            pooled = self.tape.activate(&product, activation);
        }
        pooled = self.drop_rows(&pooled, window);
        let name = classifier_name(family);
        let classes = self.options.classes;
        let classifier = if self.options.keep_head {
            self.linear(&[name], classes, hidden)?
        } else {
            self.new_linear(name, classes, hidden)
        };
        Ok(self.tape.linear(&pooled, &classifier, 1.0, 1.0))
    }

    /// The loss and its gradient by the logits; gives the loss, [1].
    fn loss(&mut self, logits: &Value) -> Value {
        let (loss, mut gradient) = match self.options.multi_label {
            true => self.binary_loss(logits),
            false => self.class_loss(logits),
        };
        let tape = &mut self.tape;
        if self.options.arithmetic == Arithmetic::Fp16 {
            let scale = tape.graph.declare("loss_scale", ElementType::Float, &[Dim::Of(1)]);
            gradient = tape.op("Mul", &[&gradient, &scale]);
        }
        tape.add_gradient(logits, gradient);
        let all = tape.sum(&loss, 0, false);
        tape.reshape(&all, &[1])
    }

    /// Of classes that do not exclude each other: each row's loss, [batch, 1], and the gradient.
    fn binary_loss(&mut self, logits: &Value) -> (Value, Value) {
        let classes = self.options.classes;
        let tape = &mut self.tape;
        let (batch, kind) = (Dim::Any("batch"), ElementType::Float);
        let target = tape.graph.declare("target", kind, &[batch, Dim::Of(classes)]);
        let weight = tape.graph.declare("weight", kind, &[batch, Dim::Of(1)]);
        let whole = tape.op("Softplus", &[logits]);
        let own = tape.op("Mul", &[logits, &target]);
        let lost = tape.op("Sub", &[&whole, &own]);
        let axis = tape.graph.integers(&[-1], &[1]);
        let mean = tape.graph.op("ReduceMean", &[&lost, &axis], vec![]);
        let loss = tape.op("Mul", &[&mean, &weight]);
        let p = tape.op("Sigmoid", &[logits]);
        let gradient = tape.op("Sub", &[&p, &target]);
        let gradient = tape.op("Mul", &[&gradient, &weight]);
        (loss, tape.scale(&gradient, 1.0 / classes as f32))
    }

    /// Of classes of which one is true: each row's loss, [batch, 1], and the gradient.
    fn class_loss(&mut self, logits: &Value) -> (Value, Value) {
        let dims = [Dim::Any("batch"), Dim::Of(self.options.classes)];
        let smoothing = self.options.label_smoothing;
        let tape = &mut self.tape;
        let kind = ElementType::Float;
        let set_bias = tape.graph.declare("set_bias", kind, &dims);
        let weight = tape.graph.declare("weight", kind, &[dims[0], Dim::Of(1)]);
        let rows = || vec![int("axis", -1)];
        let log_p = tape.graph.op("LogSoftmax", &[logits], rows());
        let within = tape.op("Add", &[&log_p, &set_bias]);
        let axis = tape.graph.integers(&[-1], &[1]);
        let log_mass = tape.graph.op("ReduceLogSumExp", &[&within, &axis], vec![]);
        let loss = tape.scale(&log_mass, smoothing - 1.0);
        let mut loss = tape.op("Mul", &[&loss, &weight]);
        let p = tape.op("Exp", &[&log_p]);
        let q = tape.graph.op("Softmax", &[&within], rows());
        let gradient = tape.op("Sub", &[&p, &q]);
        let gradient = tape.scale(&gradient, 1.0 - smoothing);
        let mut gradient = tape.op("Mul", &[&gradient, &weight]);
        if smoothing > 0.0 {
            let spread = tape.graph.declare("spread", kind, &dims);
            let lost = tape.op("Mul", &[&log_p, &spread]);
            let lost = tape.sum(&lost, -1, true);
            loss = tape.op("Sub", &[&loss, &lost]);
            let total = tape.sum(&spread, -1, true);
            let drawn = tape.op("Mul", &[&p, &total]);
            let drawn = tape.op("Sub", &[&drawn, &spread]);
            gradient = tape.op("Add", &[&gradient, &drawn]);
        }
        (loss, gradient)
    }

    fn finish(mut self, logits: &Value) -> Result<TrainingGraph, Error> {
        let loss = self.loss(logits);
        self.tape.backward();
        let hidden = self.checkpoint.config.hidden_size;
        let missing = || Error::setting("architecture", "a weight has no gradient");
        let words = self.words.take().ok_or_else(missing)?;
        let rows = self.tape.gradient(&words).ok_or_else(missing)?;
        let by_text = self.by_text.clone();
        let texts = self.tape.op("Reshape", &[&rows, &by_text]);
        let positions = self.tape.sum(&texts, 0, false);
        let kinds = self.tape.sum(&positions, 0, true);
        let classes = self.options.classes;
        let mut outputs = vec![
            (loss.clone(), vec![Dim::Of(1)]),
            (logits.clone(), vec![Dim::Any("batch"), Dim::Of(classes)]),
            (rows.clone(), vec![Dim::Any("rows"), Dim::Of(hidden)]),
            (positions.clone(), vec![Dim::Any("tokens"), Dim::Of(hidden)]),
        ];
        for parameter in &mut self.parameters {
            let is = |part: &str| parameter.tensors[0].ends_with(part);
            parameter.gradient = if is("word_embeddings.weight") {
                Gradient::TokenRows(rows.0.clone())
            } else if is("position_embeddings.weight") {
                let first = self.checkpoint.config.first_position as usize;
                Gradient::RowsFrom(positions.0.clone(), first)
            } else if is("token_type_embeddings.weight") {
                outputs.push((kinds.clone(), vec![Dim::Of(1), Dim::Of(hidden)]));
                Gradient::RowsFrom(kinds.0.clone(), 0)
            } else {
                let value = Value(parameter.name.clone());
                let gradient = self.tape.gradient(&value).ok_or_else(missing)?;
                let dims = parameter.shape.iter().map(|&length| Dim::Of(length)).collect();
                outputs.push((gradient.clone(), dims));
                Gradient::Dense(gradient.0)
            };
        }
        self.declare_dropout();
        let pooling = self.pooling();
        Ok(TrainingGraph {
            model: self.tape.graph.finish_many(&outputs),
            parameters: self.parameters,
            loss: loss.0,
            logits: logits.0.clone(),
            windows: self.windows,
            rates: self.rates,
            pooling,
            arithmetic: self.options.arithmetic,
            multi_label: self.options.multi_label,
        })
    }

    /// Only what is used may be an input.
    fn declare_dropout(&mut self) {
        let graph = &mut self.tape.graph;
        if !self.windows.is_empty() {
            let windows = Dim::Of(self.windows.len() as u64);
            graph.declare("dropout_at", ElementType::Int64, &[windows]);
        }
        for (name, rate) in ["dropout_hidden", "dropout_attention"].iter().zip(self.rates) {
            if rate > 0.0 {
                graph.declare(name, ElementType::Float, &[Dim::Any(name)]);
            }
        }
    }
}
