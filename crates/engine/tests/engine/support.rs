//! An engine with a model that answers as told, on a socket in a temporary folder.

use crm_ai_engine::artifacts::Store;
use crm_ai_engine::predictor::{Failure, Input, Loader, Predictor};
use crm_ai_engine::queue::BatchLimits;
use crm_ai_engine::sandbox::Held;
use crm_ai_engine::server::{self, ServerOptions};
use crm_ai_engine::{Engine, EngineOptions};
use crm_ai_infer::{Info, Stop, Tokens, WorkerSlot};
use crm_ai_wire::client::Client;
use crm_ai_wire::{
    Digest, EngineStats, ErrorCode, Manifest, ModelInfo, Precision, Reply, Request, Scores, Task,
};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Holds the fake model's runs back until the test lets them go.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
    /// Runs that arrived.
    pub arrived: AtomicUsize,
}

impl Gate {
    pub fn close(&self) {
        *self.closed.lock().unwrap() = true;
    }

    pub fn open(&self) {
        *self.closed.lock().unwrap() = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let closed = self.closed.lock().unwrap();
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
    }

    /// The same, unless it is asked to stop.
    fn pass_unless(&self, stop: &Stop) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        let mut closed = self.closed.lock().unwrap();
        while *closed && !stop.is_asked() {
            closed = self.opened.wait_timeout(closed, Duration::from_millis(1)).unwrap().0;
        }
    }
}

/// What the fake model did and is told to do.
#[derive(Default)]
pub struct Script {
    pub gate: Gate,
    /// Holds loads back.
    pub load_gate: Gate,
    /// Texts of each batch, by their tokens' count.
    pub batches: Mutex<Vec<Vec<usize>>>,
    /// Where each batch was judged, in the order in which they arrived at the gate.
    pub worker_slots: Mutex<Vec<WorkerSlot>>,
    pub loads: AtomicUsize,
    pub describes: AtomicUsize,
    /// Whether a run at the closed gate ends when it is asked to.
    pub obeys: AtomicBool,
    /// Longest text that was tokenised.
    pub longest: AtomicUsize,
    /// Whether runs with `!stuck` may end.
    pub released: AtomicBool,
    /// Runs that ended because they were asked to.
    pub stopped: AtomicUsize,
}

/// A model whose tokens are a text's bytes. A text beginning with `!panic`, `!fail` or `!nan`
/// spoils its batch; one with `!loop` is judged for ever, until it is asked to stop,
/// and one with `!stuck`, or `!endless` in its tokeniser, until the test says so.
struct Fake {
    script: Arc<Script>,
    info: Info,
    bytes: u64,
}

/// The answer to a text, which depends on all of it and on its place.
pub fn expected(text: &str) -> [f32; 2] {
    let mut sum = 7_u32;
    for byte in text.bytes() {
        sum = sum.wrapping_mul(31).wrapping_add(byte.into());
    }
    let share = (sum % 10_007) as f32 / 10_007.0;
    [share, 1.0 - share]
}

impl Predictor for Fake {
    fn info(&self) -> &Info {
        &self.info
    }

    fn memory_bytes(&self) -> u64 {
        self.bytes
    }

    fn readable<'t>(&self, text: &'t str) -> &'t str {
        &text[..text.floor_char_boundary(self.info.max_tokens + 1)]
    }

    fn prepare(&self, text: &str) -> Result<Input, Failure> {
        self.script.longest.fetch_max(text.len(), Ordering::SeqCst);
        assert!(!text.starts_with("!tokeniser"), "asked to");
        while text.starts_with("!endless") && !self.script.released.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        let kept = text.len().min(self.info.max_tokens);
        let ids = text.bytes().take(kept).map(u32::from).collect();
        Ok(Input::Text(Tokens { ids, truncated: text.len() > kept }))
    }

    fn run(
        &self,
        worker_slot: WorkerSlot,
        _task: Task,
        batch: &[&Input],
        stop: &Stop,
    ) -> Result<Vec<f32>, Failure> {
        self.script.worker_slots.lock().unwrap().push(worker_slot);
        if self.script.obeys.load(Ordering::SeqCst) {
            self.script.gate.pass_unless(stop);
        } else {
            self.script.gate.pass();
        }
        if stop.is_asked() {
            self.script.stopped.fetch_add(1, Ordering::SeqCst);
            return Err(Failure::new(ErrorCode::RunLimit, "asked to stop"));
        }
        self.script.batches.lock().unwrap().push(batch.iter().map(|text| text.tokens()).collect());
        let mut numbers = Vec::new();
        for input in batch {
            let Input::Text(tokens) = input else { panic!("no text") };
            let bytes = tokens.ids.iter().map(|id| *id as u8).collect();
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.starts_with("!panic"), "asked to");
            while text.starts_with("!stuck") && !self.script.released.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            while text.starts_with("!loop") && !stop.is_asked() {
                thread::sleep(Duration::from_millis(1));
            }
            if stop.is_asked() {
                self.script.stopped.fetch_add(1, Ordering::SeqCst);
                return Err(Failure::new(ErrorCode::RunLimit, "asked to stop"));
            }
            if text.starts_with("!fail") {
                return Err(Failure::new(ErrorCode::OutOfMemory, "asked to"));
            }
            let row = if text.starts_with("!nan") { [f32::NAN; 2] } else { expected(&text) };
            numbers.extend(row);
        }
        Ok(numbers)
    }
}

/// Loads [`Fake`]s: `config.json` holds the memory that the model claims, or `broken`.
struct FakeLoader(Arc<Script>, BatchLimits);

impl Loader for FakeLoader {
    fn load(
        &self,
        folder: &Path,
        _precision: Precision,
        _workers: usize,
    ) -> Result<Arc<dyn Predictor>, Failure> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        self.0.load_gate.pass();
        let config = fs::read_to_string(folder.join("config.json")).unwrap();
        let invalid = |_| Failure::new(ErrorCode::InvalidModel, "no number");
        let bytes = config.split(' ').next().unwrap_or_default().parse().map_err(invalid)?;
        let info = Info {
            architecture: "fake".into(),
            labels: vec!["no".into(), "yes".into()],
            multi_label: false,
            records: false,
            dimensions: 0,
            max_tokens: 4096,
            temperature: 1.0,
            precision: None,
            parameters: 1,
        };
        Ok(Arc::new(Fake { script: Arc::clone(&self.0), info, bytes }))
    }

    fn describe(
        &self,
        _folder: &Path,
        _workers: usize,
        _is_wanted: &dyn Fn() -> bool,
    ) -> Result<ModelInfo, Failure> {
        self.0.describes.fetch_add(1, Ordering::SeqCst);
        self.0.load_gate.pass();
        Ok(ModelInfo {
            architecture: "fake".into(),
            labels: vec!["no".into(), "yes".into()],
            dimensions: 0,
            max_tokens: 4096,
            temperature: 1.0,
            precision: Precision::Fp32,
            int8_agreement: None,
            parameters: 1,
        })
    }

    fn device(&self) -> &'static str {
        "cpu"
    }

    fn limits(&self) -> BatchLimits {
        self.1
    }
}

/// A loader for an engine that is not to load anything.
pub fn idle_loader() -> Arc<dyn Loader> {
    Arc::new(FakeLoader(Arc::default(), BatchLimits { padded_tokens: 512, pool_tokens: 4096 }))
}

/// A running engine; its threads end with the test's process.
pub struct Harness {
    pub script: Arc<Script>,
    pub folder: TempDir,
    pub socket: PathBuf,
    /// The artifact that lies in the models' folder.
    pub model: Digest,
}

pub struct Setup {
    pub threads: usize,
    pub memory_limit: u64,
    pub queue_rows: usize,
    pub cache_bytes: usize,
    pub padded_tokens: usize,
    pub run_limit: Option<Duration>,
    pub server: ServerOptions,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            threads: 1,
            memory_limit: 0,
            queue_rows: 100_000,
            cache_bytes: 0,
            padded_tokens: 512,
            run_limit: None,
            server: ServerOptions::default(),
        }
    }
}

impl Setup {
    pub fn start(self) -> Harness {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        fs::create_dir(&models).unwrap();
        let script = Arc::new(Script::default());
        let store = Store::open(vec![models], folder.path().join("cache")).unwrap();
        let options = EngineOptions {
            threads: self.threads,
            memory_limit: self.memory_limit,
            queue_rows: self.queue_rows,
            cache_bytes: self.cache_bytes,
            run_limit: self.run_limit,
            sandbox: Held::default(),
        };
        let limits = BatchLimits { padded_tokens: self.padded_tokens, pool_tokens: 4096 };
        let loader = FakeLoader(Arc::clone(&script), limits);
        let engine = Arc::new(Engine::new(options, Arc::new(store), Arc::new(loader)));
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = self.server;
        thread::spawn(move || server::serve(listener, engine, server));
        let mut harness = Harness { script, folder, socket, model: Digest([0; 32]) };
        harness.model = harness.add_model("1");
        harness
    }
}

impl Harness {
    /// Puts an artifact with that configuration among the package's models.
    pub fn add_model(&self, config: &str) -> Digest {
        let (source, digest) = self.artifact(config);
        let target = self.folder.path().join("models").join(digest.to_string());
        fs::rename(source, target).unwrap();
        digest
    }

    /// Makes an artifact that the engine does not have.
    pub fn artifact(&self, config: &str) -> (PathBuf, Digest) {
        let name = format!("artifact-{}", Digest::of(config.as_bytes()));
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("config.json"), config).unwrap();
        let digest = Manifest::of_folder(&folder).unwrap().digest();
        (folder, digest)
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Names of what lies in the cache.
    pub fn cached(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        fs::read_dir(self.cache()).unwrap().map(|entry| name(entry.unwrap())).collect()
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.socket).unwrap()
    }

    pub fn stats(&self) -> EngineStats {
        match self.client().call(Request::Stats).unwrap() {
            Reply::Stats(stats) => stats,
            other => panic!("{other:?}"),
        }
    }

    pub fn ask(&self, client: &mut Client, texts: &[&str]) -> Reply {
        client.infer(self.model, Precision::Fp32, Task::Classify, texts).unwrap()
    }

    /// Sends a request without waiting.
    pub fn send(&self, client: &mut Client, id: u64, deadline_ms: u32, texts: &[&str]) {
        let target = (self.model, Precision::Fp32, Task::Classify);
        let frame = Request::encode_infer(id, target, deadline_ms, texts).unwrap();
        send_bytes(client, &frame);
    }

    /// Closes the gate and lets one request run into it, so that what follows waits.
    pub fn hold(&self) -> Client {
        self.script.gate.close();
        let mut client = self.client();
        let before = self.script.gate.arrived.load(Ordering::SeqCst);
        self.send(&mut client, 1, 0, &["held"]);
        wait_until(|| self.script.gate.arrived.load(Ordering::SeqCst) > before);
        client
    }
}

/// Sends the bytes of a frame as it stands.
pub fn send_bytes(client: &mut Client, frame: &[u8]) {
    let mut reader = crm_ai_wire::FrameReader::default();
    reader.push(frame);
    let frame = reader.next_frame().unwrap().unwrap();
    client.send(&Request::decode(&frame).unwrap(), frame.request_id).unwrap();
}

pub fn scores(reply: Reply) -> Scores {
    match reply {
        Reply::Scores(scores) => scores,
        other => panic!("{other:?}"),
    }
}

pub fn error_code(reply: Reply) -> ErrorCode {
    match reply {
        Reply::Error(code, _) => code,
        other => panic!("{other:?}"),
    }
}

/// Whether every row is the answer to its text.
pub fn assert_right(reply: Reply, texts: &[&str]) {
    let scores = scores(reply);
    assert_eq!(scores.rows.len(), texts.len());
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(scores.rows.row(index), expected(text), "{index}");
    }
}

/// Waits for something that happens on another thread; fails after a minute.
pub fn wait_until(condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < end, "it never happened");
        thread::sleep(Duration::from_millis(2));
    }
}
