//! Models run by ONNX Runtime: the one place that joins the engine and the infer crate.

use crate::log;
use crate::predictor::{Failure, Input, Loader, Predictor};
use crate::queue::BatchLimits;
use crate::trial::Trial;
use crm_ai_infer::{
    Device, Error, Info, LoadOptions, Model, Precision as GraphPrecision, Runtime, Stop,
    TableModel, Tokens, WorkerSlot, int8_agreement,
};
use crm_ai_wire::{ErrorCode, ModelInfo, Precision, Task};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Values of `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA where it is there, else the processor.
    Auto,
    /// The processor.
    Cpu,
    /// CUDA; a machine without it is an error of the model's load.
    Cuda,
}

/// Loads models with ONNX Runtime.
pub struct OnnxLoader {
    runtime: Runtime,
    choice: DeviceChoice,
    /// True if models run with CUDA.
    on_cuda: AtomicBool,
    /// Trial of unknown models; `None` tries them in this process.
    trial: Option<Trial>,
}

impl OnnxLoader {
    /// Loads ONNX Runtime's library.
    pub fn new(library: &Path, choice: DeviceChoice) -> Result<Self, Failure> {
        let runtime = Runtime::load(library).map_err(Failure::from)?;
        let on_cuda = match choice {
            DeviceChoice::Cpu => false,
            DeviceChoice::Cuda => true,
            DeviceChoice::Auto => cuda_is_there(library),
        };
        Ok(Self { runtime, choice, on_cuda: AtomicBool::new(on_cuda), trial: None })
    }

    /// Has models described in processes of their own.
    pub fn with_trial(self, trial: Trial) -> Self {
        Self { trial: Some(trial), ..self }
    }

    /// Finds out in this process what the model in `folder` is.
    pub fn describe_here(&self, folder: &Path, workers: usize) -> Result<ModelInfo, Failure> {
        let options =
            LoadOptions { precision: GraphPrecision::Fp32, device: Device::Cpu, workers: 1 };
        let model = self.open(folder, &options)?;
        let info = model.info().clone();
        // A folder with its own graph keeps that graph's arithmetic, and only a run tells whether
        // the graph can be run.
        let own_graph = info.architecture == "onnx" || info.records;
        if own_graph {
            try_out(&*model)?;
        }
        drop(model);
        let measured = info.precision.is_none() && !own_graph && !info.labels.is_empty();
        let agreement = if measured {
            Some(int8_agreement(&self.runtime, folder, workers).map_err(Failure::from)?)
        } else {
            None
        };
        Ok(ModelInfo {
            architecture: info.architecture,
            labels: info.labels,
            dimensions: info.dimensions as u32,
            max_tokens: info.max_tokens as u32,
            temperature: info.temperature,
            // int8 answers differ a little between kinds of processor, so it is served only where
            // somebody asked for it, however well it agrees.
            precision: info.precision.map_or(Precision::Fp32, to_wire),
            int8_agreement: agreement,
            parameters: info.parameters,
        })
    }

    fn options(&self, precision: Precision, workers: usize) -> LoadOptions {
        let on_cuda = self.on_cuda.load(Ordering::Relaxed);
        let device = if on_cuda { Device::Cuda } else { Device::Cpu };
        LoadOptions { precision: of_wire(precision), device, workers }
    }

    fn open(&self, folder: &Path, options: &LoadOptions) -> Result<Arc<dyn Predictor>, Failure> {
        if TableModel::is_in(folder) {
            let model = TableModel::load(&self.runtime, folder, options)?;
            return Ok(Arc::new(LoadedTable(model)));
        }
        Ok(Arc::new(Loaded(Model::load(&self.runtime, folder, options)?)))
    }
}

/// True if the machine has a CUDA device and the runtime its provider for one.
fn cuda_is_there(library: &Path) -> bool {
    let provider = library.with_file_name("libonnxruntime_providers_cuda.so");
    Path::new("/dev/nvidiactl").exists() && provider.exists()
}

impl Loader for OnnxLoader {
    fn load(
        &self,
        folder: &Path,
        precision: Precision,
        workers: usize,
    ) -> Result<Arc<dyn Predictor>, Failure> {
        let options = self.options(precision, workers);
        let outcome = self.open(folder, &options);
        if outcome.is_err() && options.device == Device::Cuda && self.choice == DeviceChoice::Auto {
            // Was it the model or the device? Where the processor can, it was the device.
            let model = self.open(folder, &LoadOptions { device: Device::Cpu, ..options })?;
            log::warning("CUDA does not work here; models run on the processor");
            self.on_cuda.store(false, Ordering::Relaxed);
            return Ok(model);
        }
        outcome
    }

    fn describe(
        &self,
        folder: &Path,
        workers: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<ModelInfo, Failure> {
        match &self.trial {
            Some(trial) => trial.run(folder, workers, is_wanted),
            None => self.describe_here(folder, workers),
        }
    }

    fn device(&self) -> &'static str {
        if self.on_cuda.load(Ordering::Relaxed) { "cuda" } else { "cpu" }
    }

    /// On a processor a batch's activations should stay in the core's own cache: in fp32 128 to 512
    /// padded tokens are equally fast within 4 % and 1,024 are 10 % slower, in int8 512 are 5 %
    /// slower; the smaller the batch, the sooner the next one is its turn. A graphics processor
    /// wants many texts at once (docs/benchmarks.md).
    fn limits(&self) -> BatchLimits {
        match self.device() {
            "cuda" => BatchLimits { padded_tokens: 16_384, pool_tokens: 65_536 },
            _ => BatchLimits { padded_tokens: 160, pool_tokens: 4096 },
        }
    }
}

/// Asks a model once. That it fails is the model's fault.
fn try_out(model: &dyn Predictor) -> Result<(), Failure> {
    let info = model.info();
    let (task, asked) = match (info.records, info.labels.is_empty()) {
        (true, _) => (Task::Predict, "{}"),
        (false, true) => (Task::Embed, "a"),
        (false, false) => (Task::Classify, "a"),
    };
    let answered = model
        .prepare(asked)
        .and_then(|input| model.run(WorkerSlot::Alone, task, &[&input], &Stop::default()));
    match answered {
        Ok(_) => Ok(()),
        Err(failure) if failure.code == ErrorCode::OutOfMemory => Err(failure),
        Err(failure) => {
            let message = format!("invalid model: it does not answer: {failure}");
            Err(Failure::new(ErrorCode::InvalidModel, message))
        }
    }
}

/// A model of the infer crate.
struct Loaded(Model);

impl Predictor for Loaded {
    fn info(&self) -> &Info {
        self.0.info()
    }

    fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes()
    }

    fn readable<'t>(&self, text: &'t str) -> &'t str {
        self.0.readable(text)
    }

    fn prepare(&self, text: &str) -> Result<Input, Failure> {
        Ok(Input::Text(self.0.tokenise(text)?))
    }

    fn slot(&self, worker_slot: WorkerSlot) -> usize {
        self.0.slot(worker_slot)
    }

    fn run(
        &self,
        worker_slot: WorkerSlot,
        task: Task,
        batch: &[&Input],
        stop: &Stop,
    ) -> Result<Vec<f32>, Failure> {
        let texts = batch.iter().filter_map(|input| match input {
            Input::Text(tokens) => Some(tokens),
            Input::Record(_) => None,
        });
        let texts: Vec<&Tokens> = texts.collect();
        Ok(match task {
            Task::Classify => self.0.classify_unless(stop, worker_slot, &texts)?,
            Task::Embed => self.0.embed_unless(stop, worker_slot, &texts)?,
            Task::Predict => return Err(Failure::new(ErrorCode::WrongTask, "not a table's model")),
        })
    }
}

/// A model of records of the infer crate.
struct LoadedTable(TableModel);

impl Predictor for LoadedTable {
    fn info(&self) -> &Info {
        self.0.info()
    }

    fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes()
    }

    fn prepare(&self, text: &str) -> Result<Input, Failure> {
        Ok(Input::Record(self.0.features(text)?))
    }

    fn slot(&self, worker_slot: WorkerSlot) -> usize {
        self.0.slot(worker_slot)
    }

    fn run(
        &self,
        worker_slot: WorkerSlot,
        _task: Task,
        batch: &[&Input],
        stop: &Stop,
    ) -> Result<Vec<f32>, Failure> {
        let records = batch.iter().filter_map(|input| match input {
            Input::Record(features) => Some(&**features),
            Input::Text(_) => None,
        });
        Ok(self.0.predict_unless(stop, worker_slot, &records.collect::<Vec<_>>())?)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::InvalidModel { .. } => ErrorCode::InvalidModel,
            Error::WrongTask { .. } => ErrorCode::WrongTask,
            Error::OutOfMemory { .. } => ErrorCode::OutOfMemory,
            Error::Record => ErrorCode::Protocol,
            Error::Stopped => ErrorCode::RunLimit,
            Error::Library { .. }
            | Error::NotFinite
            | Error::Worker { .. }
            | Error::Tokenizer
            | Error::Runtime { .. } => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

fn to_wire(precision: GraphPrecision) -> Precision {
    match precision {
        GraphPrecision::Fp32 => Precision::Fp32,
        GraphPrecision::Int8 => Precision::Int8,
    }
}

fn of_wire(precision: Precision) -> GraphPrecision {
    match precision {
        Precision::Fp32 => GraphPrecision::Fp32,
        Precision::Int8 => GraphPrecision::Int8,
    }
}
