//! Every setting. docs/settings.md describes them for the reader.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::ffi::{CStr, CString};
use std::time::Duration;

/// A setting whose value is text.
type Text = GucSetting<Option<CString>>;

static DEFAULT_REGION: Text = Text::new(Some(c"US"));
static SENTIMENT_MODEL: Text = Text::new(Some(c"sentiment"));
static BATCHING: GucSetting<bool> = GucSetting::<bool>::new(true);
static BATCH_ROWS: GucSetting<i32> = GucSetting::<i32>::new(256);
static TIMEOUT_MS: GucSetting<i32> = GucSetting::<i32>::new(30_000);
static MAX_TEXT_BYTES: GucSetting<i32> = GucSetting::<i32>::new(1 << 20);
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static MEMORY_LIMIT_MB: GucSetting<i32> = GucSetting::<i32>::new(0);
static DEVICE: GucSetting<Device> = GucSetting::<Device>::new(Device::Auto);
static CACHE_SIZE_MB: GucSetting<i32> = GucSetting::<i32>::new(64);
static QUEUE_ROWS: GucSetting<i32> = GucSetting::<i32>::new(262_144);
static RUN_LIMIT_MS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static IMPORT_LIMIT_MS: GucSetting<i32> = GucSetting::<i32>::new(300_000);
static IMPORT_DIRECTORY: Text = Text::new(Some(c""));
static MAX_RUNNING: GucSetting<i32> = GucSetting::<i32>::new(1);
static MAX_ROWS: GucSetting<i32> = GucSetting::<i32>::new(1_000_000);
static MAX_RUN_TIME_S: GucSetting<i32> = GucSetting::<i32>::new(86_400);
static TRAIN_MEMORY_MB: GucSetting<i32> = GucSetting::<i32>::new(0);
static TRAIN_THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static TRAIN_NICE: GucSetting<i32> = GucSetting::<i32>::new(10);
static LINK_MEMORY_MB: GucSetting<i32> = GucSetting::<i32>::new(0);
static LINK_THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static WATCH_TIMEOUT_S: GucSetting<i32> = GucSetting::<i32>::new(300);
static DATABASES: Text = Text::new(Some(c""));
/// Read from the catalogue, never from here: it must only exist to be set.
static SCHEDULER: GucSetting<bool> = GucSetting::<bool>::new(false);
static ENGINE_PATH: Text = Text::new(Some(c""));

/// Values of `crm_ai.device`.
#[derive(Clone, Copy, PostgresGucEnum)]
#[allow(non_camel_case_types, missing_docs)]
enum Device {
    #[name = c"auto"]
    Auto,
    #[name = c"cpu"]
    Cpu,
    #[name = c"cuda"]
    Cuda,
}

/// Defines all settings; called once, when the library is loaded.
pub fn init() {
    define_user_settings();
    define_server_settings();
    define_scheduler_settings();
    define_place_settings();
    define_training_settings();
    define_link_settings();
    crate::pg::loading::reserve_setting_prefix();
}

fn define_user_settings() {
    text(
        c"crm_ai.default_region",
        c"Default region of phone numbers without a country code.",
        c"A two-letter ISO 3166-1 code; empty for none.",
        &DEFAULT_REGION,
        GucContext::Userset,
    );
    text(
        c"crm_ai.sentiment_model",
        c"Model used by crm_sentiment and related functions.",
        c"A model's name, or name@version.",
        &SENTIMENT_MODEL,
        GucContext::Userset,
    );
    GucRegistry::define_bool_guc(
        c"crm_ai.batching",
        c"Enables batching of the rows of a query.",
        c"When off, rows are sent one by one; the results are the same.",
        &BATCHING,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"crm_ai.batch_rows",
        c"Maximum number of rows in a batch.",
        c"Batches are smaller when work_mem is full, or when the first rows may suffice.",
        &BATCH_ROWS,
        1,
        8192,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"crm_ai.timeout",
        c"Maximum time to wait for the model engine without any reply.",
        c"The statement then fails with 57014. 0 disables the limit.",
        &TIMEOUT_MS,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_int_guc(
        c"crm_ai.max_text_bytes",
        c"Maximum size of a text passed to a model.",
        c"Longer texts fail with 54000.",
        &MAX_TEXT_BYTES,
        1,
        32 << 20,
        GucContext::Suset,
        GucFlags::UNIT_BYTE,
    );
}

fn define_link_settings() {
    int(
        c"crm_ai.link_memory",
        c"Maximum memory of a process that searches for duplicates.",
        c"A search that needs more fails with 53200. 0 disables the limit.",
        &LINK_MEMORY_MB,
        (0, i32::MAX),
        GucFlags::UNIT_MB,
    );
    int(
        c"crm_ai.link_threads",
        c"Number of threads of a process that searches for duplicates.",
        c"0 means one per CPU core.",
        &LINK_THREADS,
        (0, 1024),
        GucFlags::default(),
    );
}

fn define_training_settings() {
    int(
        c"crm_ai.max_running",
        c"Maximum number of concurrent training runs in all databases.",
        c"Further runs are queued. Each run takes one of max_worker_processes.",
        &MAX_RUNNING,
        (1, 64),
        GucFlags::default(),
    );
    int(
        c"crm_ai.max_rows",
        c"Maximum number of rows for training and evaluation.",
        c"Larger sources fail with 54000.",
        &MAX_ROWS,
        (1, i32::MAX),
        GucFlags::default(),
    );
    int(
        c"crm_ai.max_run_time",
        c"Maximum duration of a training run.",
        c"The run then fails with 54000. 0 disables the limit.",
        &MAX_RUN_TIME_S,
        (0, i32::MAX),
        GucFlags::UNIT_S,
    );
    int(
        c"crm_ai.train_memory",
        c"Maximum memory of a trainer process.",
        c"A run that needs more fails with 53200. 0 disables the limit.",
        &TRAIN_MEMORY_MB,
        (0, i32::MAX),
        GucFlags::UNIT_MB,
    );
    int(
        c"crm_ai.train_threads",
        c"Number of threads of a trainer process.",
        c"0 means one per CPU core.",
        &TRAIN_THREADS,
        (0, 1024),
        GucFlags::default(),
    );
    int(
        c"crm_ai.train_nice",
        c"Nice value of trainer processes.",
        c"As for nice(1): 0 is normal priority, 19 the lowest.",
        &TRAIN_NICE,
        (0, 19),
        GucFlags::default(),
    );
}

fn define_place_settings() {
    text(
        c"crm_ai.import_directory",
        c"Directory for import and export of models.",
        c"An absolute path. Empty disables import and export.",
        &IMPORT_DIRECTORY,
        GucContext::Sighup,
    );
    text(
        c"crm_ai.engine_path",
        c"Path of the engine program.",
        c"An absolute path. Empty means the installed program.",
        &ENGINE_PATH,
        GucContext::Sighup,
    );
}

fn define_server_settings() {
    int(
        c"crm_ai.threads",
        c"Number of worker threads of the model engine.",
        c"0 means one per CPU core. A change restarts the engine.",
        &THREADS,
        (0, 1024),
        GucFlags::default(),
    );
    int(
        c"crm_ai.memory_limit",
        c"Maximum memory of all loaded models.",
        c"Least recently used models are unloaded above it. 0 disables the limit.",
        &MEMORY_LIMIT_MB,
        (0, i32::MAX),
        GucFlags::UNIT_MB,
    );
    int(
        c"crm_ai.queue_rows",
        c"Maximum number of texts in the queue of the engine.",
        c"Requests that do not fit fail with 53000.",
        &QUEUE_ROWS,
        (1, 16 << 20),
        GucFlags::default(),
    );
    int(
        c"crm_ai.cache_size",
        c"Size of the cache of answers.",
        c"Texts are stored as hashes. 0 disables the cache. A change restarts the engine.",
        &CACHE_SIZE_MB,
        (0, i32::MAX),
        GucFlags::UNIT_MB,
    );
    int(
        c"crm_ai.run_limit",
        c"Maximum time of a model for a batch.",
        c"The requests in the batch then fail with 54000. 0 disables the limit. A change restarts \
          the engine.",
        &RUN_LIMIT_MS,
        (0, i32::MAX),
        GucFlags::UNIT_MS,
    );
    int(
        c"crm_ai.import_limit",
        c"Maximum time of the trial of a model at import.",
        c"The import then fails with 54000. 0 disables the limit. A change restarts the engine.",
        &IMPORT_LIMIT_MS,
        (0, i32::MAX),
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_enum_guc(
        c"crm_ai.device",
        c"Device that models run on.",
        c"auto uses a CUDA device if there is one. A change restarts the engine.",
        &DEVICE,
        GucContext::Sighup,
        GucFlags::default(),
    );
}

fn define_scheduler_settings() {
    text(
        c"crm_ai.databases",
        c"Databases with a scheduler, in addition to those registered.",
        c"Comma-separated names. Needs crm_ai in shared_preload_libraries.",
        &DATABASES,
        GucContext::Sighup,
    );
    int(
        c"crm_ai.watch_timeout",
        c"Maximum duration of a batch of a watch.",
        c"A longer one is cancelled, then terminated; a watch that goes on so is switched off. \
          0 sets no limit.",
        &WATCH_TIMEOUT_S,
        (0, 86_400),
        GucFlags::UNIT_S,
    );
    GucRegistry::define_bool_guc(
        c"crm_ai.scheduler",
        c"Registers a database for a scheduler, with ALTER DATABASE ... SET.",
        c"Set by the first watch or schedule of a database; has no effect elsewhere.",
        &SCHEDULER,
        GucContext::Suset,
        GucFlags::default(),
    );
}

fn text(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static Text,
    context: GucContext,
) {
    GucRegistry::define_string_guc(name, short, long, setting, context, GucFlags::default());
}

fn int(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<i32>,
    (least, most): (i32, i32),
    flags: GucFlags,
) {
    GucRegistry::define_int_guc(name, short, long, setting, least, most, GucContext::Sighup, flags);
}

fn value_of(setting: &'static Text) -> String {
    setting.get().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `crm_ai.default_region`.
pub fn default_region() -> String {
    value_of(&DEFAULT_REGION)
}

/// `crm_ai.sentiment_model`.
pub fn sentiment_model() -> String {
    value_of(&SENTIMENT_MODEL)
}

/// `crm_ai.batching`.
pub fn batching() -> bool {
    BATCHING.get()
}

/// `crm_ai.batch_rows`; 1 while `crm_ai.batching` is off, for plans that were made before.
pub fn batch_rows() -> usize {
    if batching() { usize::try_from(BATCH_ROWS.get()).unwrap_or(1) } else { 1 }
}

/// `crm_ai.timeout` in milliseconds; `None` waits for ever.
pub fn timeout_ms() -> Option<u64> {
    u64::try_from(TIMEOUT_MS.get()).ok().filter(|milliseconds| *milliseconds > 0)
}

/// `crm_ai.max_text_bytes`.
pub fn max_text_bytes() -> usize {
    usize::try_from(MAX_TEXT_BYTES.get()).unwrap_or(0)
}

/// `crm_ai.import_directory`; `None` forbids import and export.
pub fn import_directory() -> Option<String> {
    Some(value_of(&IMPORT_DIRECTORY)).filter(|path| !path.is_empty())
}

/// `crm_ai.max_running`.
pub fn max_running() -> i32 {
    MAX_RUNNING.get()
}

/// `crm_ai.max_rows`.
pub fn max_rows() -> u64 {
    u64::try_from(MAX_ROWS.get()).unwrap_or(0)
}

/// `crm_ai.max_run_time`; `None` for no limit.
pub fn max_run_time() -> Option<Duration> {
    seconds(&MAX_RUN_TIME_S)
}

/// `crm_ai.watch_timeout`; `None` for no limit.
pub fn watch_timeout() -> Option<Duration> {
    seconds(&WATCH_TIMEOUT_S)
}

fn seconds(setting: &GucSetting<i32>) -> Option<Duration> {
    let seconds = u64::try_from(setting.get()).ok().filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs)
}

/// `crm_ai.train_memory` in bytes; `None` for no limit.
pub fn train_memory() -> Option<u64> {
    u64::try_from(TRAIN_MEMORY_MB.get()).ok().filter(|size| *size > 0).map(|size| size << 20)
}

/// `crm_ai.train_threads`, or one per CPU core.
pub fn train_threads() -> usize {
    usize::try_from(TRAIN_THREADS.get()).ok().filter(|n| *n > 0).unwrap_or_else(cores)
}

/// `crm_ai.link_memory` in bytes; `None` for no limit.
pub fn link_memory() -> Option<u64> {
    u64::try_from(LINK_MEMORY_MB.get()).ok().filter(|size| *size > 0).map(|size| size << 20)
}

/// `crm_ai.link_threads`, or one per CPU core.
pub fn link_threads() -> usize {
    usize::try_from(LINK_THREADS.get()).ok().filter(|n| *n > 0).unwrap_or_else(cores)
}

/// `crm_ai.train_nice`.
pub fn train_nice() -> i32 {
    TRAIN_NICE.get()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `crm_ai.databases`.
pub fn databases() -> Vec<String> {
    let names = value_of(&DATABASES);
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `crm_ai.engine_path`, or the installed program.
pub fn engine_path() -> String {
    let path = value_of(&ENGINE_PATH);
    if path.is_empty() { crate::pg::paths::library_file("crm_ai_engine") } else { path }
}

/// The engine's arguments that settings decide.
pub fn engine_arguments() -> Vec<String> {
    let threads = usize::try_from(THREADS.get()).ok().filter(|n| *n > 0).unwrap_or_else(cores);
    let memory_bytes = i64::from(MEMORY_LIMIT_MB.get()) << 20;
    let cache_bytes = i64::from(CACHE_SIZE_MB.get()) << 20;
    let device = match DEVICE.get() {
        Device::Auto => "auto",
        Device::Cpu => "cpu",
        Device::Cuda => "cuda",
    };
    [
        ("--threads", threads.to_string()),
        ("--memory-limit", memory_bytes.to_string()),
        ("--queue-rows", QUEUE_ROWS.get().to_string()),
        ("--cache-size", cache_bytes.to_string()),
        ("--run-limit", RUN_LIMIT_MS.get().to_string()),
        ("--import-limit", IMPORT_LIMIT_MS.get().to_string()),
        ("--device", device.to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect()
}
