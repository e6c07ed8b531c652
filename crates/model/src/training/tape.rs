//! Reverse-mode differentiation over a dozen composites, recorded while the forward pass is built.
//!
//! Each composite adds its forward operators at once and a closure that adds the backward ones;
//! [`Tape::backward`] runs the closures in reverse order. A value that is used several times gets
//! the sum of its gradients. Products run on token rows [rows, width], as when models are served.
//! Operators are ONNX's own, since the stock runtime has no gradients.

use crate::graph::{Builder, Value, float, int, ints};
use crm_ai_onnx::{AttributeProto, ElementType};
use std::collections::HashMap;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

type Backward = Box<dyn FnOnce(&mut Tape)>;

/// A graph under construction and what is to be added for its backward pass.
#[derive(Default)]
pub(crate) struct Tape {
    pub graph: Builder,
    steps: Vec<Backward>,
    gradients: HashMap<String, Vec<Value>>,
    /// The type of the products' factors, where it is not that of all other values.
    narrow: Option<ElementType>,
    /// True if they are rounded to that type and go on as 32 bits.
    emulated: bool,
    /// Values in that type, by name.
    narrowed: HashMap<String, Value>,
}

/// A matrix [out, in] and its bias [out].
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub weight: Value,
    pub bias: Value,
}

/// Scale and offset of a layer normalisation, both [width].
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub gamma: Value,
    pub beta: Value,
    pub epsilon: f32,
}

/// Values that all attention blocks of a graph share.
#[derive(Debug, Clone)]
pub(crate) struct Heads {
    /// [4]: batch, tokens, heads, width of a head.
    pub by_head: Value,
    /// [5]: batch, tokens, 3, heads, width of a head.
    pub by_part: Value,
    /// [batch, 1, 1, tokens]: added to the scores.
    pub mask_bias: Value,
    /// Width of all heads together, and of one.
    pub width: i64,
    pub head_width: i64,
}

impl Tape {
    /// A tape whose products take factors of type `narrow`, where that is given; if `emulated`,
    /// 32-bit factors that are rounded to it.
    pub fn new(narrow: Option<ElementType>, emulated: bool) -> Self {
        Self { narrow, emulated, ..Self::default() }
    }

    fn cast(&mut self, value: &Value, to: ElementType) -> Value {
        self.graph.op("Cast", &[value], vec![int("to", (to as i32).into())])
    }

    /// A value as a factor of a product. It is converted once, however often it is used.
    fn narrow(&mut self, value: &Value) -> Value {
        let Some(kind) = self.narrow else { return value.clone() };
        if let Some(known) = self.narrowed.get(&value.0) {
            return known.clone();
        }
        let mut narrowed = self.cast(value, kind);
        if self.emulated {
            narrowed = self.cast(&narrowed, ElementType::Float);
        }
        self.narrowed.insert(value.0.clone(), narrowed.clone());
        narrowed
    }

    /// The transpose of a matrix, as a factor of a product.
    fn turn(&mut self, matrix: &Value) -> Value {
        let narrowed = self.narrow(matrix);
        let turned = self.transpose(&narrowed, &[1, 0]);
        if self.narrow.is_some() {
            self.narrowed.insert(turned.0.clone(), turned.clone());
        }
        turned
    }

    /// A product of narrow factors as a value like all others.
    fn widen(&mut self, product: Value) -> Value {
        let Some(kind) = self.narrow else { return product };
        let product = if self.emulated { self.cast(&product, kind) } else { product };
        self.cast(&product, ElementType::Float)
    }

    /// The matrix product of a and b, plus c, of such attributes.
    fn gemm(&mut self, factors: &[&Value], attributes: Vec<AttributeProto>) -> Value {
        let factors: Vec<Value> = factors.iter().map(|factor| self.narrow(factor)).collect();
        let product = self.graph.op("Gemm", &factors.iter().collect::<Vec<_>>(), attributes);
        self.widen(product)
    }

    pub fn op(&mut self, kind: &str, inputs: &[&Value]) -> Value {
        self.graph.op(kind, inputs, vec![])
    }

    /// Adds `gradient` to what is known of `value`'s.
    pub fn add_gradient(&mut self, value: &Value, gradient: Value) {
        self.gradients.entry(value.0.clone()).or_default().push(gradient);
    }

    /// The sum of a value's gradients; `None` where nothing depends on it.
    pub fn gradient(&mut self, value: &Value) -> Option<Value> {
        let parts = self.gradients.remove(&value.0)?;
        let sum =
            parts.into_iter().reduce(|sum, part| self.graph.op("Add", &[&sum, &part], vec![]))?;
        self.gradients.insert(value.0.clone(), vec![sum.clone()]);
        Some(sum)
    }

    /// Registers what the backward pass adds, given the gradient of `output`.
    pub fn step(&mut self, output: &Value, backward: impl FnOnce(&mut Tape, Value) + 'static) {
        let output = output.clone();
        self.steps.push(Box::new(move |tape| {
            if let Some(gradient) = tape.gradient(&output) {
                backward(tape, gradient);
            }
        }));
    }

    /// Adds the backward pass.
    pub fn backward(&mut self) {
        while let Some(step) = self.steps.pop() {
            step(self);
        }
    }

    pub fn reshape(&mut self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.graph.integers(shape, &[shape.len() as u64]);
        self.op("Reshape", &[value, &shape])
    }

    pub fn transpose(&mut self, value: &Value, order: &[i64]) -> Value {
        self.graph.op("Transpose", &[value], vec![ints("perm", order)])
    }

    /// Sums over an axis.
    pub fn sum(&mut self, value: &Value, axis: i64, keep: bool) -> Value {
        let axis = self.graph.integers(&[axis], &[1]);
        self.graph.op("ReduceSum", &[value, &axis], vec![int("keepdims", keep.into())])
    }

    fn mean_of_rows(&mut self, value: &Value) -> Value {
        let axis = self.graph.integers(&[-1], &[1]);
        self.graph.op("ReduceMean", &[value, &axis], vec![int("keepdims", 1)])
    }

    pub fn scale(&mut self, value: &Value, factor: f32) -> Value {
        if factor == 1.0 {
            return value.clone();
        }
        let factor = self.graph.scalar(factor);
        self.op("Mul", &[value, &factor])
    }

    /// y = out · (inner · x Wᵀ + b) for rows x [rows, in]. Backward: dx = out · inner · dy W,
    /// dW = out · inner · dyᵀ x, db = out · Σ dy. The transpose of dy is a node of its own: MLAS is
    /// slower when the product itself transposes its first factor.
    pub fn linear(&mut self, x: &Value, linear: &Linear, inner: f32, out: f32) -> Value {
        let inputs = [x, &linear.weight, &linear.bias];
        let attributes = vec![int("transB", 1), float("alpha", out * inner), float("beta", out)];
        let y = self.gemm(&inputs, attributes);
        let (x, Linear { weight, bias }) = (x.clone(), linear.clone());
        self.step(&y, move |tape, dy| {
            let alpha = || vec![float("alpha", out * inner)];
            let turned = tape.turn(&dy);
            let dw = tape.gemm(&[&turned, &x], alpha());
            tape.add_gradient(&weight, dw);
            let dx = tape.gemm(&[&dy, &weight], alpha());
            tape.add_gradient(&x, dx);
            let db = tape.sum(&dy, 0, false);
            let db = tape.scale(&db, out);
            tape.add_gradient(&bias, db);
        });
        y
    }

    /// a + b.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        let y = self.op("Add", &[a, b]);
        let (a, b) = (a.clone(), b.clone());
        self.step(&y, move |tape, dy| {
            tape.add_gradient(&a, dy.clone());
            tape.add_gradient(&b, dy);
        });
        y
    }

    /// x · mask, where the mask has no gradient: dropout.
    pub fn masked(&mut self, x: &Value, mask: &Value) -> Value {
        let y = self.op("Mul", &[x, mask]);
        let (x, mask) = (x.clone(), mask.clone());
        self.step(&y, move |tape, dy| {
            let dx = tape.op("Mul", &[&dy, &mask]);
            tape.add_gradient(&x, dx);
        });
        y
    }

    /// Layer normalisation. With x̂ = (x − μ) · inv and g = dy · γ:
    /// dx = inv · (g − mean g − x̂ · mean(g · x̂)), dγ = Σ dy · x̂, dβ = Σ dy.
    pub fn normalise(&mut self, x: &Value, norm: &Norm) -> Value {
        let attributes = vec![int("axis", -1), float("epsilon", norm.epsilon)];
        let inputs = [x, &norm.gamma, &norm.beta];
        let outputs = self.graph.op_many("LayerNormalization", &inputs, attributes, 3);
        let [y, mean, inverse] = &outputs[..] else { return x.clone() };
        let (x, mean, inverse, norm) = (x.clone(), mean.clone(), inverse.clone(), norm.clone());
        self.step(y, move |tape, dy| {
            let centred = tape.op("Sub", &[&x, &mean]);
            let unit = tape.op("Mul", &[&centred, &inverse]);
            let db = tape.sum(&dy, 0, false);
            tape.add_gradient(&norm.beta, db);
            let weighted = tape.op("Mul", &[&dy, &unit]);
            let dg = tape.sum(&weighted, 0, false);
            tape.add_gradient(&norm.gamma, dg);
            let g = tape.op("Mul", &[&dy, &norm.gamma]);
            let along = tape.op("Mul", &[&g, &unit]);
            let along = tape.mean_of_rows(&along);
            let along = tape.op("Mul", &[&unit, &along]);
            let mean = tape.mean_of_rows(&g);
            let g = tape.op("Sub", &[&g, &mean]);
            let g = tape.op("Sub", &[&g, &along]);
            let dx = tape.op("Mul", &[&inverse, &g]);
            tape.add_gradient(&x, dx);
        });
        y.clone()
    }

    /// W₂ · GELU(W₁ x + b₁) + b₂ with the exact GELU. The factor 1/√2 goes into the products:
    /// u = (W₁x + b₁)/√2, h = u · (1 + erf u) = √2 · GELU,
    /// dh/du = (1 + erf u) + u · 2/√π · exp(−u²).
    pub fn feed_forward(&mut self, x: &Value, up: &Linear, down: &Linear) -> Value {
        let u = self.linear(x, up, 1.0, FRAC_1_SQRT_2);
        let erf = self.op("Erf", &[&u]);
        let one = self.graph.scalar(1.0);
        let share = self.op("Add", &[&erf, &one]);
        let h = self.op("Mul", &[&u, &share]);
        self.step(&h, {
            let u = u.clone();
            move |tape, dh| {
                let square = tape.op("Mul", &[&u, &u]);
                let height = tape.graph.scalar(FRAC_2_SQRT_PI.ln());
                let exponent = tape.op("Sub", &[&height, &square]);
                let bell = tape.op("Exp", &[&exponent]);
                let slope = tape.op("Mul", &[&u, &bell]);
                let slope = tape.op("Add", &[&share, &slope]);
                let du = tape.op("Mul", &[&dh, &slope]);
                tape.add_gradient(&u, du);
            }
        });
        self.linear(&h, down, SQRT_2 / 2.0, 1.0)
    }

    /// Self-attention over rows [rows, width]: P = softmax(Q Kᵀ/√d + mask), context = drop(P) V.
    /// Backward, with D = Σ dO · O: dV = drop(P)ᵀ dO, dP = drop(dO Vᵀ), dS = P (dP − D),
    /// dQ = dS K/√d, dK = dSᵀ Q/√d. `dropout` makes the mask for a value of P's shape.
    pub fn attention(
        &mut self,
        x: &Value,
        qkv: &Linear,
        heads: &Heads,
        dropout: impl FnOnce(&mut Tape, &Value) -> Option<Value>,
    ) -> Value {
        let z = self.linear(x, qkv, 1.0, 1.0);
        let parts = self.op("Reshape", &[&z, &heads.by_part]);
        let parts = self.transpose(&parts, &[2, 0, 3, 1, 4]);
        let split = vec![int("axis", 0), int("num_outputs", 3)];
        let axis = self.graph.integers(&[0], &[1]);
        let parts: Vec<Value> = self.graph.op_many("Split", &[&parts], split, 3);
        let parts: Vec<Value> = parts.iter().map(|p| self.op("Squeeze", &[p, &axis])).collect();
        let [q, k, v] = &parts[..] else { return z };
        let (q, k, v) = (q.clone(), k.clone(), v.clone());
        let scale = 1.0 / (heads.head_width as f32).sqrt();
        let scores = self.product(&q, &k, scale, Turned::Second);
        let scores = self.op("Add", &[&scores, &heads.mask_bias]);
        let p = self.graph.op("Softmax", &[&scores], vec![int("axis", -1)]);
        let mask = dropout(self, &p);
        let dropped = mask.as_ref().map_or(p.clone(), |mask| self.op("Mul", &[&p, mask]));
        let context = self.product(&dropped, &v, 1.0, Turned::None);
        let joined = self.transpose(&context, &[0, 2, 1, 3]);
        let y = self.reshape(&joined, &[-1, heads.width]);
        let heads = heads.clone();
        self.step(&y, move |tape, dy| {
            let dy = tape.op("Reshape", &[&dy, &heads.by_head]);
            let dy = tape.transpose(&dy, &[0, 2, 1, 3]);
            let dv = tape.product(&dropped, &dy, 1.0, Turned::First);
            let dp = tape.product(&dy, &v, 1.0, Turned::Second);
            let dp = mask.map_or(dp.clone(), |mask| tape.op("Mul", &[&dp, &mask]));
            let d = tape.op("Mul", &[&dy, &context]);
            let d = tape.sum(&d, -1, true);
            let ds = tape.op("Sub", &[&dp, &d]);
            let ds = tape.op("Mul", &[&p, &ds]);
            let dq = tape.product(&ds, &k, scale, Turned::None);
            let dk = tape.product(&ds, &q, scale, Turned::First);
            let parts = [dq, dk, dv].map(|part| tape.op("Unsqueeze", &[&part, &axis]));
            let [dq, dk, dv] = &parts;
            let all = tape.graph.op("Concat", &[dq, dk, dv], vec![int("axis", 0)]);
            let all = tape.transpose(&all, &[1, 3, 0, 2, 4]);
            let dz = tape.reshape(&all, &[-1, 3 * heads.width]);
            tape.add_gradient(&z, dz);
        });
        y
    }

    /// The product of two stacks of matrices, one of them transposed if asked.
    fn product(&mut self, a: &Value, b: &Value, scale: f32, turned: Turned) -> Value {
        let attributes = vec![
            float("alpha", scale),
            int("transA", (turned == Turned::First).into()),
            int("transB", (turned == Turned::Second).into()),
        ];
        let (a, b) = (self.narrow(a), self.narrow(b));
        let product = self.graph.contrib("FusedMatMul", &[&a, &b], attributes);
        self.widen(product)
    }

    /// tanh x or max(x, 0). Backward: dy · (1 − y²), or dy where y is positive.
    pub fn activate(&mut self, x: &Value, kind: &'static str) -> Value {
        let y = self.op(kind, &[x]);
        let (x, own) = (x.clone(), y.clone());
        self.step(&y, move |tape, dy| {
            let slope = if kind == "Tanh" {
                let square = tape.op("Mul", &[&own, &own]);
                let one = tape.graph.scalar(1.0);
                tape.op("Sub", &[&one, &square])
            } else {
                tape.op("Sign", &[&own])
            };
            let dx = tape.op("Mul", &[&dy, &slope]);
            tape.add_gradient(&x, dx);
        });
        y
    }

    /// Σ over tokens of weights [batch, 1, tokens] times rows, by text: [batch, width].
    pub fn pool(&mut self, rows: &Value, weights: &Value, by_text: &Value, width: i64) -> Value {
        let texts = self.op("Reshape", &[rows, by_text]);
        let pooled = self.op("MatMul", &[weights, &texts]);
        let y = self.reshape(&pooled, &[-1, width]);
        let (rows, weights) = (rows.clone(), weights.clone());
        self.step(&y, move |tape, dy| {
            let axis = tape.graph.integers(&[1], &[1]);
            let dy = tape.op("Unsqueeze", &[&dy, &axis]);
            let turned = tape.transpose(&weights, &[0, 2, 1]);
            let spread = tape.op("MatMul", &[&turned, &dy]);
            let dx = tape.reshape(&spread, &[-1, width]);
            tape.add_gradient(&rows, dx);
        });
        y
    }
}

/// The transposed factor of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    None,
    First,
    Second,
}
