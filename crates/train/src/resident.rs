//! A fit whose weights, moving means and gradients stay on the device, bound to the graphs that
//! use them: a step moves its batch there, and the loss and one number back.
//!
//! A step is a run of the training graph, one of `first`, which sums the rows of equal tokens and
//! the squares of all gradients, and one of `update`, which is AdamW; the last two are those of
//! [`UpdateGraphs`]. A batch in parts has a run of the training graph for each, and one of `add`
//! for each but the first. Before the update, the sum of squares comes to the host: there it is
//! decided whether the step counts, and how far gradients are cut, by
//! [`AdamW`](crate::AdamW)'s own rule.
//!
//! Each weight and each moving mean has one place in memory, which `update` reads and writes.

use crate::Error;
use crate::batch::Batch;
use crate::dropout::Dropout;
use crate::optimiser::{BETA_1, BETA_2, EPSILON, Step};
use crate::rows::{Named, Which};
use crate::step::session;
use crate::weights::{Weight, Weights};
use crm_ai_infer::Runtime;
use crm_ai_model::{Gradient, Moving, Parameter, UpdateGraphs};
use crm_ai_wire::training::FailureKind;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, Session, SessionOutputs};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor};
use std::fmt::Debug;

/// An input and its value.
pub(crate) type Input = (&'static str, DynValue);

/// A graph and what is bound to it.
#[derive(Debug)]
struct Bound {
    session: Session,
    binding: IoBinding,
}

/// The value and the moving means of a weight.
type Numbers = [Tensor<f32>; 3];
/// Their names in the update's graph.
const NUMBERS: [&str; 3] = ["value", "mean", "square"];

/// A weight whose gradient has its shape.
#[derive(Debug)]
struct Dense {
    number: usize,
    /// Name of the training graph's output with its gradient.
    output: String,
    /// The gradient of the batch's first part, then the sum.
    sum: Tensor<f32>,
    /// The gradient of another part; there once a batch has had one.
    part: Option<Tensor<f32>>,
}

/// A weight of which a batch names some rows.
#[derive(Debug)]
struct Table {
    number: usize,
    /// Name of the training graph's output with its gradient.
    output: String,
    which: Which,
    width: usize,
    /// Those of the batch at hand.
    named: Named,
    /// Their gradients so far: [slots, width].
    sum: Option<DynValue>,
}

/// The newer copy of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newer {
    Neither,
    Host,
    Device,
}

/// The device's half of a fit.
#[derive(Debug)]
pub(crate) struct Resident {
    training: IoBinding,
    first: Bound,
    add: Bound,
    update: Bound,
    loss: String,
    numbers: Vec<Numbers>,
    dense: Vec<Dense>,
    tables: Vec<Table>,
    device: MemoryInfo<'static>,
    allocator: Allocator,
    newer: Newer,
    /// True if the training graph's gradients go to the places of other parts than the first.
    is_later: bool,
}

/// The graphs that change `parameters` as [`AdamW`](crate::AdamW) does.
pub(crate) fn graphs(parameters: &[Parameter]) -> UpdateGraphs {
    let moving = Moving { beta_1: BETA_1, beta_2: BETA_2, epsilon: EPSILON };
    UpdateGraphs::new(parameters, moving)
}

impl Resident {
    /// Takes room for `weights` on the device of `training`, a session of the training graph whose
    /// loss is called `loss`, and binds what stays bound. The weights are still to be sent.
    pub fn new(
        runtime: &Runtime,
        (training, device): (&Session, Option<i32>),
        graphs: &UpdateGraphs,
        weights: &Weights,
        loss: &str,
    ) -> Result<Self, Error> {
        let place_of_device = || match device {
            None => place(AllocationDevice::CPU, 0),
            Some(number) => place(AllocationDevice::CUDA, number),
        };
        let allocator = Allocator::new(training, place_of_device()?)?;
        let mut resident = Self {
            training: training.create_binding()?,
            first: Bound::new(runtime, &graphs.first, device)?,
            add: Bound::new(runtime, &graphs.add, device)?,
            update: Bound::new(runtime, &graphs.update, device)?,
            loss: loss.to_owned(),
            numbers: Vec::new(),
            dense: Vec::new(),
            tables: Vec::new(),
            device: place_of_device()?,
            allocator,
            newer: Newer::Host,
            is_later: false,
        };
        for weight in &weights.0 {
            resident.hold(weight, training)?;
        }
        let host = place(AllocationDevice::CPU, 0)?;
        resident.training.bind_output_to_device(loss, &host)?;
        resident.first.binding.bind_output_to_device("squares", &host)?;
        resident.add.binding.bind_output_to_device("squares", &host)?;
        Ok(resident)
    }

    /// Takes room for one weight, the next one, and binds it.
    fn hold(&mut self, weight: &Weight, training: &Session) -> Result<(), Error> {
        let number = self.numbers.len();
        let shape: Vec<i64> = weight.parameter.shape.iter().map(|&length| length as i64).collect();
        let room = || Tensor::<f32>::new(&self.allocator, shape.clone());
        let mut numbers = [room()?, room()?, room()?];
        self.training.bind_input(&*weight.parameter.name, &numbers[0])?;
        let update = &mut self.update.binding;
        for (name, numbers) in NUMBERS.iter().zip(&mut numbers) {
            update.bind_input(format!("{name}_{number}"), numbers)?;
            update.bind_output(format!("new_{name}_{number}"), numbers)?;
        }
        self.numbers.push(numbers);
        let output = weight.gradient().to_owned();
        let which = match weight.parameter.gradient {
            Gradient::Dense(_) => {
                let mut sum = Tensor::<f32>::new(&self.allocator, shape)?;
                self.training.bind_output(&*output, &mut sum)?;
                for graph in [&mut self.first, &mut self.update] {
                    graph.binding.bind_input(format!("gradient_{number}"), &sum)?;
                }
                self.dense.push(Dense { number, output, sum, part: None });
                return Ok(());
            }
            Gradient::TokenRows(_) => Which::Tokens,
            Gradient::RowsFrom(_, first) => match rows_of(training, &output) {
                None => Which::Positions(first),
                Some(count) => Which::Range(first, count),
            },
        };
        let (width, named) = (weight.width(), Named::default());
        self.tables.push(Table { number, output, which, width, named, sum: None });
        Ok(())
    }

    /// Leaves masks on the device.
    pub fn bind_masks(&mut self, dropout: &Dropout) -> Result<(), Error> {
        for (name, mask) in dropout.masks() {
            self.training.bind_input(name, mask)?;
        }
        Ok(())
    }

    /// Brings the weights to the device, where the host's are the newer ones.
    pub fn send(&mut self, weights: &Weights) -> Result<(), Error> {
        if self.newer != Newer::Host {
            return Ok(());
        }
        for (to, weight) in self.numbers.iter_mut().zip(&weights.0) {
            for (to, numbers) in to.iter_mut().zip([&weight.values, &weight.mean, &weight.square]) {
                // Owned: `ort` copies borrowed numbers under a lock that it holds already.
                Tensor::from_array((to.shape().clone(), numbers.clone()))?.copy_into(to)?;
            }
        }
        self.newer = Newer::Neither;
        Ok(())
    }

    /// Brings the weights back, where the device's are the newer ones.
    pub fn fetch(&mut self, weights: &mut Weights) -> Result<(), Error> {
        if self.newer != Newer::Device {
            return Ok(());
        }
        for (from, weight) in self.numbers.iter().zip(&mut weights.0) {
            let Weight { values, mean, square, .. } = weight;
            for (from, numbers) in from.iter().zip([values, mean, square]) {
                let host = from.to(AllocationDevice::CPU, 0)?;
                numbers.clear();
                numbers.extend_from_slice(host.try_extract_tensor::<f32>()?.1);
            }
        }
        self.newer = Newer::Neither;
        Ok(())
    }

    /// The host's weights are about to be changed.
    pub fn expect_change(&mut self) {
        self.newer = Newer::Host;
    }

    /// Computes the gradients of a batch in parts; gives its loss and the sum of the gradients'
    /// squares. `inputs` makes what the part of that number needs beside weights and masks.
    pub fn differentiate(
        &mut self,
        training: &mut Session,
        parts: &[Batch],
        inputs: impl Fn(usize, &Batch) -> Result<Vec<Input>, Error>,
    ) -> Result<(f32, f64), Error> {
        for table in &mut self.tables {
            table.named = Named::by(table.which, parts);
        }
        let (mut loss, mut squares) = (0.0, f32::NAN);
        for (at, part) in parts.iter().enumerate() {
            for (name, value) in inputs(at, part)? {
                self.training.bind_input(name, &value)?;
            }
            let (lost, rows) = self.run(training, at > 0)?;
            loss += lost;
            squares = self.sum(at, &rows)?;
        }
        Ok((loss, squares.into()))
    }

    /// Runs the training graph; gives the loss and the gradients of the tables' rows.
    fn run(
        &mut self,
        training: &mut Session,
        is_later: bool,
    ) -> Result<(f32, Vec<DynValue>), Error> {
        if is_later != self.is_later {
            for dense in &mut self.dense {
                if is_later {
                    dense.make_room(&self.allocator, &mut self.add.binding)?;
                }
                let Dense { output, sum, part, .. } = dense;
                let to = if is_later { part.as_mut().unwrap_or(sum) } else { sum };
                self.training.bind_output(&**output, to)?;
            }
            self.is_later = is_later;
        }
        for table in &self.tables {
            // Else the runtime would write to the value of the run before, whose shape is another.
            self.training.bind_output_to_device(&*table.output, &self.device)?;
        }
        self.training.synchronize_inputs()?;
        let mut outputs = training.run_binding(&self.training)?;
        let rows = self.tables.iter().map(|table| taken(&mut outputs, &table.output));
        let rows = rows.collect::<Result<_, Error>>()?;
        Ok((number(&outputs, &self.loss)?, rows))
    }

    /// Adds the gradients of a part to those before, `rows` those of the tables; gives the sum of
    /// all squares so far.
    fn sum(&mut self, at: usize, rows: &[DynValue]) -> Result<f32, Error> {
        let graph = if at == 0 { &mut self.first } else { &mut self.add };
        for (table, rows) in self.tables.iter_mut().zip(rows) {
            table.bind(&mut graph.binding, (at, rows), &self.device)?;
        }
        let mut outputs = graph.run()?;
        if at == 0 {
            for table in &mut self.tables {
                table.sum = Some(taken(&mut outputs, &format!("sum_{}", table.number))?);
            }
        }
        number(&outputs, "squares")
    }

    /// Changes the weights by the gradients that were computed last.
    pub fn update(&mut self, step: Step) -> Result<(), Error> {
        let Step { rate, decay, corrections, clip } = step;
        let binding = &mut self.update.binding;
        for Table { number, named, sum, .. } in &self.tables {
            let sum = sum.as_ref().ok_or_else(|| missing("a sum of gradients"))?;
            binding.bind_input(format!("gradient_{number}"), sum)?;
            binding.bind_input(format!("rows_{number}"), &column(&named.rows)?)?;
        }
        let scalars = [
            ("clip", clip),
            ("kept", 1.0 - rate * decay),
            ("rate", rate * corrections.0),
            ("correction", corrections.1),
        ];
        for (name, value) in scalars {
            binding.bind_input(name, &tensor(vec![1], &[value])?)?;
        }
        self.newer = Newer::Device;
        self.update.run()?;
        Ok(())
    }
}

impl Bound {
    fn new(runtime: &Runtime, model: &[u8], device: Option<i32>) -> Result<Self, Error> {
        // On a device next to nothing is left for threads; and on the processor the runtime adds
        // rows to one slot from several of them at a time.
        let session = session(runtime, model, device, 1)?;
        let binding = session.create_binding()?;
        Ok(Self { session, binding })
    }

    fn run(&mut self) -> Result<SessionOutputs<'_>, Error> {
        self.binding.synchronize_inputs()?;
        Ok(self.session.run_binding(&self.binding)?)
    }
}

impl Dense {
    /// Takes room for gradients of other parts than the first, where there is none yet, and binds
    /// what `add` does with them.
    fn make_room(&mut self, allocator: &Allocator, add: &mut IoBinding) -> Result<(), Error> {
        let Self { number, sum, part, .. } = self;
        if part.is_none() {
            let room = Tensor::<f32>::new(allocator, sum.shape().clone())?;
            add.bind_input(format!("gradient_{number}"), &room)?;
            add.bind_input(format!("sum_{number}"), sum)?;
            add.bind_output(format!("total_{number}"), sum)?;
            *part = Some(room);
        }
        Ok(())
    }
}

impl Table {
    /// Binds the gradients of a part's rows and where they are added.
    fn bind(
        &mut self,
        binding: &mut IoBinding,
        (at, rows): (usize, &DynValue),
        device: &MemoryInfo<'_>,
    ) -> Result<(), Error> {
        let Self { number, width, named, sum, .. } = self;
        let slots = named.slots.get(at).ok_or_else(|| missing("a part's rows"))?;
        binding.bind_input(format!("gradient_{number}"), rows)?;
        binding.bind_input(format!("slots_{number}"), &column(slots)?)?;
        if at == 0 {
            let shape = [named.rows.len() as i64, *width as i64];
            binding.bind_input(format!("shape_{number}"), &tensor(vec![2], &shape)?)?;
            binding.bind_output_to_device(format!("sum_{number}"), device)?;
        } else {
            let sum = sum.as_mut().ok_or_else(|| missing("a sum of gradients"))?;
            binding.bind_input(format!("sum_{number}"), sum)?;
            binding.bind_output(format!("total_{number}"), sum)?;
        }
        Ok(())
    }
}

fn place(device: AllocationDevice<'_>, number: i32) -> Result<MemoryInfo<'static>, Error> {
    Ok(MemoryInfo::new(device, number, AllocatorType::Device, MemoryType::Default)?)
}

/// The number of rows of an output, if it is fixed.
fn rows_of(session: &Session, output: &str) -> Option<usize> {
    let outlet = session.outputs().iter().find(|outlet| outlet.name() == output)?;
    usize::try_from(*outlet.dtype().tensor_shape()?.first()?).ok()
}

/// A value of its own: bound as it is, where a borrowed one would be copied first.
pub(crate) fn tensor<T>(shape: Vec<usize>, numbers: &[T]) -> Result<DynValue, Error>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    Ok(Tensor::from_array((shape, numbers.to_vec()))?.into_dyn())
}

/// [rows, 1].
fn column(rows: &[i64]) -> Result<DynValue, Error> {
    tensor(vec![rows.len(), 1], rows)
}

fn taken(outputs: &mut SessionOutputs<'_>, name: &str) -> Result<DynValue, Error> {
    outputs.remove(name).ok_or_else(|| missing(name))
}

fn number(outputs: &SessionOutputs<'_>, name: &str) -> Result<f32, Error> {
    let value = outputs.get(name).ok_or_else(|| missing(name))?;
    let numbers = value.try_extract_tensor::<f32>()?.1;
    numbers.first().copied().ok_or_else(|| missing(name))
}

fn missing(what: &str) -> Error {
    Error::new(FailureKind::System, format!("{what} is missing"))
}
