//! Measures what a batch's padded-token budget costs, beside the bare model on the same texts
//! sorted by length: processor time per text, and memory.
//!
//! `budget LIBRARY FOLDER PRECISION TEXTS COUNT BUDGET…`: FOLDER is a classifier's, TEXTS a file
//! with one text a line, of which COUNT are judged under each budget by one worker. Processor time
//! is counted, not the clock's, so that other programs on the machine matter little.

use crm_ai_engine::artifacts::Store;
use crm_ai_engine::job::{Caller, Job};
use crm_ai_engine::onnx::{DeviceChoice, OnnxLoader};
use crm_ai_engine::predictor::{Failure, Input, Loader, Predictor};
use crm_ai_engine::queue::BatchLimits;
use crm_ai_engine::reply_sink::ReplySink;
use crm_ai_engine::sandbox::Held;
use crm_ai_engine::{Engine, EngineOptions};
use crm_ai_infer::{Stop, WorkerSlot};
use crm_ai_wire::{Frame, FrameReader, Manifest, ModelInfo, Precision, Reply, Request, Task};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

struct Answers(Mutex<Sender<Reply>>);

impl ReplySink for Answers {
    fn send(&self, _request_id: u64, reply: &Reply) {
        if let Ok(sender) = self.0.lock() {
            // The receiver waits for it.
            let _ = sender.send(reply.clone());
        }
    }
}

/// The real loader with other bounds.
struct Budgeted(Arc<OnnxLoader>, BatchLimits);

impl Loader for Budgeted {
    fn load(
        &self,
        folder: &Path,
        precision: Precision,
        workers: usize,
    ) -> Result<Arc<dyn Predictor>, Failure> {
        self.0.load(folder, precision, workers)
    }

    fn describe(
        &self,
        folder: &Path,
        workers: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<ModelInfo, Failure> {
        self.0.describe(folder, workers, is_wanted)
    }

    fn device(&self) -> &'static str {
        self.0.device()
    }

    fn limits(&self) -> BatchLimits {
        self.1
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, folder, precision, texts, count, budgets @ ..] = &arguments[..] else {
        return Err("budget LIBRARY FOLDER PRECISION TEXTS COUNT BUDGET…".into());
    };
    let precision = Precision::from_name(precision).ok_or("PRECISION is fp32 or int8")?;
    let texts = std::fs::read_to_string(texts)?;
    let texts: Vec<&str> = texts.lines().take(count.parse()?).collect();
    let digest = Manifest::of_folder(Path::new(folder))?.digest();
    // The store finds artifacts by their digest's name.
    let models = std::env::temp_dir().join(format!("crm_ai_budget-{}", std::process::id()));
    std::fs::create_dir(&models)?;
    std::os::unix::fs::symlink(std::fs::canonicalize(folder)?, models.join(digest.to_string()))?;
    let target = (digest, precision, Task::Classify);
    let warm_up = Request::encode_infer(1, target, 0, &texts[..1])?;
    let all = Request::encode_infer(2, target, 0, &texts)?;
    // ONNX Runtime can be loaded once in a process.
    let loader = Arc::new(OnnxLoader::new(Path::new(library), DeviceChoice::Cpu)?);
    for budget in budgets {
        let padded_tokens = budget.parse()?;
        let model = loader.load(Path::new(folder), precision, 1)?;
        run_bare(&*model, &texts[..1], padded_tokens)?;
        let time = processor_seconds();
        run_bare(&*model, &texts, padded_tokens)?;
        let bare = (processor_seconds() - time) * 1e3 / texts.len() as f64;
        drop(model);
        let engine = engine(&loader, models.clone(), padded_tokens)?;
        ask(&engine, &warm_up)?;
        let time = processor_seconds();
        ask(&engine, &all)?;
        let spent = (processor_seconds() - time) * 1e3 / texts.len() as f64;
        let stats = engine.stats(0);
        let (memory, batches) = (stats.memory_bytes >> 20, stats.batches);
        println!(
            "budget {budget}: {spent:.3} ms of processor time a text, bare model {bare:.3}, \
                  {batches} batches, memory {memory} MiB"
        );
        engine.evict(&digest);
    }
    std::fs::remove_dir_all(models)?;
    Ok(())
}

/// Tokenises the texts, sorts them by length and runs them in batches under the budget.
fn run_bare(model: &dyn Predictor, texts: &[&str], budget: usize) -> Result<(), Box<dyn Error>> {
    let mut tokens = texts.iter().map(|text| model.prepare(text)).collect::<Result<Vec<_>, _>>()?;
    tokens.sort_by_key(Input::tokens);
    let mut batch: Vec<&Input> = Vec::new();
    for text in &tokens {
        if !batch.is_empty() && (batch.len() + 1) * text.tokens() > budget {
            model.run(WorkerSlot::Worker(0), Task::Classify, &batch, &Stop::default())?;
            batch.clear();
        }
        batch.push(text);
    }
    model.run(WorkerSlot::Worker(0), Task::Classify, &batch, &Stop::default())?;
    Ok(())
}

fn engine(
    loader: &Arc<OnnxLoader>,
    models: PathBuf,
    padded_tokens: usize,
) -> Result<Engine, Box<dyn Error>> {
    let limits = BatchLimits { padded_tokens, pool_tokens: 4096.max(2 * padded_tokens) };
    let options = EngineOptions {
        threads: 1,
        memory_limit: 0,
        queue_rows: usize::MAX,
        cache_bytes: 0,
        run_limit: None,
        sandbox: Held::default(),
    };
    let loader = Budgeted(Arc::clone(loader), limits);
    let store = Store::open(vec![models.clone()], models)?;
    Ok(Engine::new(options, Arc::new(store), Arc::new(loader)))
}

fn ask(engine: &Engine, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut reader = FrameReader::default();
    reader.push(bytes);
    let frame: Frame = reader.next_frame()?.ok_or("half a frame")?;
    let Request::Infer(infer) = Request::decode(&frame)? else { return Err("no request".into()) };
    let (sender, receiver) = channel();
    let sink = Arc::new(Answers(Mutex::new(sender)));
    let caller = Caller { connection: 0, request_id: frame.request_id };
    engine.submit(Job::new(caller, sink, &infer, Instant::now()));
    engine.work(&|| ());
    match receiver.recv()? {
        Reply::Error(code, message) => Err(format!("{code:?}: {message}").into()),
        _ => Ok(()),
    }
}

/// Processor time of the whole process.
fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
