//! A model of records: `features.json` turns a record into numbers, `model.onnx` judges them.

use crate::Error;
use crate::model::{Info, LoadOptions, softmax};
use crate::onnx_file::refuse_external_data;
use crate::runtime::{Device, Runtime};
use crate::session::{self, Lane, WorkerSlot};
use crate::stop::Stop;
use crm_ai_tabular::Features;
use ort::session::Session;
use ort::value::{Tensor, TensorElementType, ValueType};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Largest `features.json` that is read.
const FEATURES_BYTES_MAX: u64 = 64 << 20;
/// Name of the graph's input: [records, features].
const INPUT: &str = "features";

/// A model of records in memory, ready for as many threads as it was loaded for.
#[derive(Debug)]
pub struct TableModel {
    info: Info,
    features: Features,
    output: Output,
    sessions: Vec<Mutex<Lane>>,
    bytes: u64,
}

/// The graph's output that is read, [records, classes].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// The softmax of which are the probabilities.
    Logits,
    /// Taken as they are, where a graph has no logits.
    Probabilities,
}

impl Output {
    fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
        }
    }
}

impl TableModel {
    /// True if the folder holds a model of records.
    pub fn is_in(folder: &Path) -> bool {
        folder.join("features.json").exists()
    }

    /// Loads `features.json` and `model.onnx` of a folder. Trees run on the processor, whatever the
    /// device is.
    pub fn load(runtime: &Runtime, folder: &Path, options: &LoadOptions) -> Result<Self, Error> {
        let features = read_features(folder)?;
        let path = folder.join("model.onnx");
        refuse_external_data(&path)?;
        let failed = |error: ort::Error| match Error::of_runtime(&error, "loading the model") {
            Error::Runtime { reason } => Error::InvalidModel { reason },
            other => other,
        };
        let make = || -> ort::Result<Lane> {
            Lane::new(session::builder(runtime, Device::Cpu, 1)?.commit_from_file(&path)?)
        };
        let first = make().map_err(failed)?;
        let output = check(&first.session, &features)?;
        let workers = options.workers.max(1);
        let mut sessions = vec![Mutex::new(first)];
        for _ in 1..workers {
            sessions.push(Mutex::new(make().map_err(failed)?));
        }
        let file_bytes = path.metadata().map_or(0, |metadata| metadata.len());
        let info = Info {
            architecture: "table".to_owned(),
            labels: features.labels.clone(),
            multi_label: false,
            records: true,
            dimensions: 0,
            max_tokens: 0,
            temperature: 1.0,
            precision: None,
            parameters: 0,
        };
        Ok(Self { info, features, output, sessions, bytes: file_bytes * workers as u64 })
    }

    /// The model's properties.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Estimated memory of the graphs.
    pub fn memory_bytes(&self) -> u64 {
        self.bytes
    }

    /// The features of a record, given as JSON text: as many for every record, NaN where a value is
    /// missing.
    pub fn features(&self, record: &str) -> Result<Box<[f32]>, Error> {
        self.features.row_of_json(record).map(Vec::into).map_err(|_| Error::Record)
    }

    /// The same of a record that was read already.
    pub fn features_of(&self, record: &serde_json::Map<String, serde_json::Value>) -> Box<[f32]> {
        self.features.row(record).into()
    }

    /// Calibrated probabilities of the classes for each record: row-major [batch, labels], each row
    /// sums to 1. A worker's worker slot belongs to one thread.
    pub fn predict(&self, worker_slot: WorkerSlot, batch: &[&[f32]]) -> Result<Vec<f32>, Error> {
        self.predict_unless(&Stop::default(), worker_slot, batch)
    }

    /// Number of the session for that worker slot. Trees take no more than one thread; a single
    /// request waits for the first worker at most.
    pub fn slot(&self, worker_slot: WorkerSlot) -> usize {
        if let WorkerSlot::Worker(worker) = worker_slot { worker } else { 0 }
    }

    /// As [`predict`](Self::predict), unless it is asked to end before.
    pub fn predict_unless(
        &self,
        stop: &Stop,
        worker_slot: WorkerSlot,
        batch: &[&[f32]],
    ) -> Result<Vec<f32>, Error> {
        let (worker, workers) = (self.slot(worker_slot), self.sessions.len());
        let lane = self.sessions.get(worker).ok_or(Error::Worker { worker, workers })?;
        let width = self.features.width();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if batch.iter().any(|row| row.len() != width) {
            return Err(Error::Record);
        }
        let failed = |error: ort::Error| Error::of_runtime(&error, "judging records");
        let input = Tensor::from_array(([batch.len(), width], batch.concat())).map_err(failed)?;
        // A run that panicked left the session as it was: it holds no state between runs.
        let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        let Lane { session, options, .. } = &mut *lane;
        let inputs = ort::inputs![INPUT => input];
        let outputs = stop
            .during(options, || session.run_with_options(inputs, &**options))?
            .map_err(failed)?;
        let name = self.output.name();
        let output = outputs
            .get(name)
            .ok_or_else(|| Error::Runtime { reason: format!("the output {name} is missing") })?;
        let (_, numbers) = output.try_extract_tensor::<f32>().map_err(failed)?;
        let due = batch.len() * self.info.labels.len();
        if numbers.len() != due {
            let reason = format!("{} numbers where {due} are due", numbers.len());
            return Err(Error::Runtime { reason });
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(Error::NotFinite);
        }
        let mut rows = numbers.to_vec();
        if self.output == Output::Logits {
            rows.chunks_exact_mut(self.info.labels.len()).for_each(|row| softmax(row, 1.0));
        }
        Ok(rows)
    }
}

fn read_features(folder: &Path) -> Result<Features, Error> {
    let unreadable = |error| Error::invalid(format!("cannot read features.json: {error}"));
    let file = File::open(folder.join("features.json")).map_err(unreadable)?;
    let mut json = Vec::new();
    file.take(FEATURES_BYTES_MAX + 1).read_to_end(&mut json).map_err(unreadable)?;
    if json.len() as u64 > FEATURES_BYTES_MAX {
        return Err(Error::invalid("features.json is too large"));
    }
    Features::from_json(&json).map_err(Error::invalid)
}

/// Finds the output; refuses a graph whose input or output does not fit the features.
fn check(session: &Session, features: &Features) -> Result<Output, Error> {
    let width_of = |kind: &ValueType| match kind {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } if shape.len() == 2 => {
            usize::try_from(shape[1]).ok()
        }
        _ => None,
    };
    match session.inputs() {
        [input] if input.name() == INPUT && width_of(input.dtype()) == Some(features.width()) => {}
        _ => {
            return Err(Error::invalid(format!(
                "model.onnx has another input than {INPUT}, float with {} columns",
                features.width()
            )));
        }
    }
    let outputs = session.outputs();
    let classes = features.labels.len();
    [Output::Logits, Output::Probabilities]
        .into_iter()
        .find(|output| {
            outputs.iter().any(|outlet| {
                outlet.name() == output.name() && width_of(outlet.dtype()) == Some(classes)
            })
        })
        .ok_or_else(|| {
            Error::invalid(format!(
                "model.onnx has no output logits or probabilities, float with {classes} columns"
            ))
        })
}
