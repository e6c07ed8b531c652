//! The optimiser as ONNX models, for weights and gradients that stay on a device.
//!
//! Three graphs of operators that ONNX Runtime's CUDA provider has in 32 bits. The number of a
//! weight, `n`, is its place among the training graph's parameters; all values are 32-bit floats
//! but where int64 is said.
//!
//! - `first`, after a batch's first part, takes `gradient_n` and gives `squares`; of a weight with
//!   gradients of rows it takes `gradient_n` [rows, width], `slots_n` [rows, 1] int64 and `shape_n`
//!   [2] int64 and gives `sum_n` [slots, width].
//! - `add`, after each other part, takes `sum_n`, `gradient_n`, and of rows `slots_n`; it gives
//!   `total_n` and `squares`.
//! - `update` takes `value_n`, `mean_n`, `square_n`, `gradient_n` (of rows [slots, width], with
//!   `rows_n` [slots, 1] int64 beside) and `clip`, `kept`, `rate`, `correction`, each [1]; it gives
//!   `new_value_n`, `new_mean_n` and `new_square_n`.
//!
//! A weight with gradients of rows is a table of which a batch names few rows. Each row that is
//! named has one slot, in any order: `slots_n` says to which slot a row of the gradient is added,
//! `rows_n` which row of the weight each slot is. `shape_n` is [slots, width]. So no more is read
//! and written than these rows, and all others stay as they are to the last bit. `squares`, [], is
//! the sum of the squares of all gradients so far.
//!
//! `total_n` may be the very memory of `sum_n`, and each `new_…_n` that of its `…_n`: the operator
//! that writes it is the last to read it, element by element, or copies nothing where both are one
//! (`ScatterND`).

use super::{Gradient, Parameter};
use crate::graph::{Builder, Dim, Value, int, string};
use crm_ai_onnx::ElementType;

/// Axes of the weights with gradients of rows, in the order of the parameters: rows of a part,
/// slots of a batch. Lengths differ, so names must: the runtime plans memory by them.
const AXES: [(&str, &str); 3] = [
    ("rows_of_first", "slots_of_first"),
    ("rows_of_second", "slots_of_second"),
    ("rows_of_third", "slots_of_third"),
];

/// The constants of AdamW.
#[derive(Debug, Clone, Copy)]
pub struct Moving {
    /// Decay of the moving mean of gradients.
    pub beta_1: f32,
    /// The same for their squares.
    pub beta_2: f32,
    /// Added to the divisor.
    pub epsilon: f32,
}

/// The graphs.
#[derive(Debug, Clone)]
pub struct UpdateGraphs {
    /// After a batch's first part.
    pub first: Vec<u8>,
    /// After each other part.
    pub add: Vec<u8>,
    /// Changes the weights by the sums.
    pub update: Vec<u8>,
}

impl UpdateGraphs {
    /// The graphs that train `parameters`.
    pub fn new(parameters: &[Parameter], moving: Moving) -> Self {
        let weights = || numbered(parameters);
        Self { first: first(weights()), add: add(weights()), update: update(weights(), moving) }
    }
}

/// A weight and what its values are called.
struct Numbered<'a> {
    number: usize,
    parameter: &'a Parameter,
    /// Axes of its gradients of rows.
    axes: Option<(&'static str, &'static str)>,
}

fn numbered(parameters: &[Parameter]) -> impl Iterator<Item = Numbered<'_>> {
    let mut axes = AXES.into_iter().cycle();
    parameters.iter().enumerate().map(move |(number, parameter)| {
        let axes = match parameter.gradient {
            Gradient::Dense(_) => None,
            Gradient::RowsFrom(..) | Gradient::TokenRows(_) => axes.next(),
        };
        Numbered { number, parameter, axes }
    })
}

impl Numbered<'_> {
    fn name(&self, part: &str) -> String {
        format!("{part}_{}", self.number)
    }

    /// The weight's own axes.
    fn dims(&self) -> Vec<Dim> {
        self.parameter.shape.iter().map(|&length| Dim::Of(length)).collect()
    }

    /// Those of some of its rows.
    fn rows(&self, axis: &'static str) -> Vec<Dim> {
        let mut dims = self.dims();
        dims.iter_mut().take(1).for_each(|rows| *rows = Dim::Any(axis));
        dims
    }

    fn declare(&self, graph: &mut Builder, part: &str, dims: &[Dim]) -> Value {
        graph.declare(&self.name(part), ElementType::Float, dims)
    }

    /// Numbers of rows, [axis, 1].
    fn numbers(&self, graph: &mut Builder, part: &str, axis: &'static str) -> Value {
        let dims = [Dim::Any(axis), Dim::Of(1)];
        graph.declare(&self.name(part), ElementType::Int64, &dims)
    }

    /// Adds the gradient's rows of a part to their slots in `to`, [slots, width].
    fn add_rows(&self, graph: &mut Builder, to: &Value, axis: &'static str, sum: &str) -> Value {
        let rows = self.declare(graph, "gradient", &self.rows(axis));
        let slots = self.numbers(graph, "slots", axis);
        graph.op("ScatterND", &[to, &slots, &rows], vec![string("reduction", "add")]);
        graph.name_last(self.name(sum))
    }
}

type Outputs = Vec<(Value, Vec<Dim>)>;

fn first<'a>(weights: impl Iterator<Item = Numbered<'a>>) -> Vec<u8> {
    let (mut graph, mut outputs, mut squares) = (Builder::default(), Outputs::new(), Vec::new());
    let zero = graph.scalar(0.0);
    for weight in weights {
        let gradient = match weight.axes {
            None => weight.declare(&mut graph, "gradient", &weight.dims()),
            Some((rows, slots)) => {
                let shape = weight.name("shape");
                let shape = graph.declare(&shape, ElementType::Int64, &[Dim::Of(2)]);
                let zeros = graph.op("Expand", &[&zero, &shape], vec![]);
                let sum = weight.add_rows(&mut graph, &zeros, rows, "sum");
                outputs.push((sum.clone(), weight.rows(slots)));
                sum
            }
        };
        squares.push(square_sum(&mut graph, &gradient));
    }
    finish_sums(graph, outputs, &squares)
}

fn add<'a>(weights: impl Iterator<Item = Numbered<'a>>) -> Vec<u8> {
    let (mut graph, mut outputs, mut squares) = (Builder::default(), Outputs::new(), Vec::new());
    for weight in weights {
        let dims = weight.axes.map_or_else(|| weight.dims(), |(_, slots)| weight.rows(slots));
        let sum = weight.declare(&mut graph, "sum", &dims);
        let total = match weight.axes {
            None => {
                let gradient = weight.declare(&mut graph, "gradient", &dims);
                graph.op("Add", &[&sum, &gradient], vec![]);
                graph.name_last(weight.name("total"))
            }
            Some((rows, _)) => weight.add_rows(&mut graph, &sum, rows, "total"),
        };
        squares.push(square_sum(&mut graph, &total));
        outputs.push((total, dims));
    }
    finish_sums(graph, outputs, &squares)
}

fn square_sum(graph: &mut Builder, value: &Value) -> Value {
    graph.op("ReduceSumSquare", &[value], vec![int("keepdims", 0)])
}

fn finish_sums(mut graph: Builder, mut outputs: Outputs, squares: &[Value]) -> Vec<u8> {
    graph.op("Sum", &squares.iter().collect::<Vec<_>>(), vec![]);
    outputs.push((graph.name_last("squares".to_owned()), vec![]));
    graph.finish_many(&outputs)
}

/// Values that all weights share in the update.
struct Scalars {
    clip: Value,
    kept: Value,
    rate: Value,
    correction: Value,
    /// β and 1 − β of the gradients' mean, then of their squares'.
    means: [[Value; 2]; 2],
    epsilon: Value,
}

fn update<'a>(weights: impl Iterator<Item = Numbered<'a>>, moving: Moving) -> Vec<u8> {
    let (mut graph, mut outputs) = (Builder::default(), Outputs::new());
    let mut declare = |name| graph.declare(name, ElementType::Float, &[Dim::Of(1)]);
    let [clip, kept, rate, correction] = ["clip", "kept", "rate", "correction"].map(&mut declare);
    let means = [moving.beta_1, moving.beta_2].map(|beta| [beta, 1.0 - beta]);
    let means = means.map(|pair| pair.map(|factor| graph.scalar(factor)));
    let epsilon = graph.scalar(moving.epsilon);
    let scalars = Scalars { clip, kept, rate, correction, means, epsilon };
    for weight in weights {
        change(&mut graph, &weight, &scalars, &mut outputs);
    }
    graph.finish_many(&outputs)
}

/// With s = clip · gradient: mean ← β₁ mean + (1 − β₁) s, square ← β₂ square + (1 − β₂) s²,
/// value ← kept · value − rate · mean / (correction · √square + ε). `rate` has the correction of
/// the mean in it; a weight that does not decay is kept whole.
fn change(graph: &mut Builder, weight: &Numbered<'_>, scalars: &Scalars, outputs: &mut Outputs) {
    let dims = weight.axes.map_or_else(|| weight.dims(), |(_, slots)| weight.rows(slots));
    let whole = ["value", "mean", "square"].map(|part| {
        let declared = weight.declare(graph, part, &weight.dims());
        (part, declared)
    });
    let gradient = weight.declare(graph, "gradient", &dims);
    let rows = weight.axes.map(|(_, slots)| weight.numbers(graph, "rows", slots));
    let own = whole.each_ref().map(|(_, all)| match &rows {
        None => all.clone(),
        Some(rows) => graph.op("GatherND", &[all, rows], vec![]),
    });
    let [value, mean, square] = &own;
    let [[keep_1, take_1], [keep_2, take_2]] = &scalars.means;
    let mut op = |kind: &str, a: &Value, b: &Value| graph.op(kind, &[a, b], vec![]);
    let slope = op("Mul", &gradient, &scalars.clip);
    let mean = [op("Mul", mean, keep_1), op("Mul", &slope, take_1)];
    let squared = op("Mul", &slope, take_2);
    let square = [op("Mul", square, keep_2), op("Mul", &squared, &slope)];
    let kept = match weight.parameter.decays {
        true => op("Mul", value, &scalars.kept),
        false => value.clone(),
    };
    let mut put = |graph: &mut Builder, at: usize, kind: &str, [a, b]: [&Value; 2]| {
        let (part, all) = &whole[at];
        let new = graph.op(kind, &[a, b], vec![]);
        if let Some(rows) = &rows {
            graph.op("ScatterND", &[all, rows, &new], vec![]);
        }
        let named = graph.name_last(format!("new_{}", weight.name(part)));
        outputs.push((named.clone(), weight.dims()));
        if rows.is_some() { new } else { named }
    };
    let mean = put(graph, 1, "Add", mean.each_ref());
    let square = put(graph, 2, "Add", square.each_ref());
    let mut op = |kind: &str, inputs: &[&Value]| graph.op(kind, inputs, vec![]);
    let along = op("Mul", &[&mean, &scalars.rate]);
    let root = op("Sqrt", &[&square]);
    let root = op("Mul", &[&root, &scalars.correction]);
    let root = op("Add", &[&root, &scalars.epsilon]);
    let along = op("Div", &[&along, &root]);
    put(graph, 0, "Sub", [&kept, &along]);
}
