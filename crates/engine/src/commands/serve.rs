//! `crm_ai_engine serve`: the engine process of a cluster, started by its supervisor.

use super::CommandError;
use crate::artifacts::Store;
use crate::log;
use crate::onnx::{DeviceChoice, OnnxLoader};
use crate::predictor::Loader;
use crate::sandbox::{self, Profile};
use crate::server::{self, ServerOptions};
use crate::trial::{self, Trial};
use crate::{Engine, EngineOptions};
use lexopt::Arg::Long;
use lexopt::ValueExt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::iterator::Signals;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Files and sockets that are no connections.
const DESCRIPTORS_RESERVED: u64 = 64;
/// Longest time that a model may be at one batch, where the command line does not tell another.
const RUN_LIMIT_MS: u64 = 60_000;
/// Longest time that an import's model may be examined, where the command line tells no other.
const IMPORT_LIMIT_MS: u64 = 300_000;
/// Longest file that the engine may write: one of a cached artifact.
const FILE_BYTES_MAX: u64 = 64 << 30;
/// Memory that the engine may take beside models and kept answers, where models have a limit: the
/// queue, the batches under way, the program itself.
const SPARE_BYTES: u64 = 4 << 30;
/// Number of attempts to take over a socket that another engine still serves: one that is being
/// ended leaves within moments.
const TAKE_OVER_TRIES: u32 = 20;
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(100);

/// The command line.
pub(crate) struct Options {
    socket: PathBuf,
    runtime: PathBuf,
    models: Vec<PathBuf>,
    cache: PathBuf,
    threads: usize,
    memory_limit: u64,
    queue_rows: usize,
    cache_bytes: usize,
    run_limit: Option<Duration>,
    import_limit: Option<Duration>,
    device: DeviceChoice,
    lifeline: bool,
}

impl Options {
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Self, CommandError> {
        let (mut socket, mut runtime, mut cache) = (None, None, None);
        let mut models = Vec::new();
        let (mut threads, mut memory_limit, mut queue_rows) = (0, 0, 262_144);
        let (mut run_limit, mut import_limit) = (RUN_LIMIT_MS, IMPORT_LIMIT_MS);
        let mut cache_bytes = 0;
        let (mut device, mut lifeline) = (DeviceChoice::Auto, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("socket") => socket = Some(PathBuf::from(arguments.value()?)),
                Long("runtime") => runtime = Some(PathBuf::from(arguments.value()?)),
                Long("models") => models.push(PathBuf::from(arguments.value()?)),
                Long("cache") => cache = Some(PathBuf::from(arguments.value()?)),
                Long("threads") => threads = arguments.value()?.parse()?,
                Long("memory-limit") => memory_limit = arguments.value()?.parse()?,
                Long("queue-rows") => queue_rows = arguments.value()?.parse()?,
                Long("cache-size") => cache_bytes = arguments.value()?.parse()?,
                Long("run-limit") => run_limit = arguments.value()?.parse()?,
                Long("import-limit") => import_limit = arguments.value()?.parse()?,
                Long("device") => device = arguments.value()?.parse_with(parse_device)?,
                Long("lifeline") => lifeline = true,
                other => return Err(other.unexpected().into()),
            }
        }
        let needed = |value: Option<PathBuf>, name: &str| {
            value.ok_or_else(|| CommandError::Usage(format!("--{name} is missing")))
        };
        if threads == 0 {
            threads = thread::available_parallelism().map_or(1, usize::from);
        }
        Ok(Self {
            socket: needed(socket, "socket")?,
            runtime: needed(runtime, "runtime")?,
            models,
            cache: needed(cache, "cache")?,
            threads,
            memory_limit,
            queue_rows,
            cache_bytes,
            run_limit: limit(run_limit),
            import_limit: limit(import_limit),
            device,
            lifeline,
        })
    }
}

fn limit(milliseconds: u64) -> Option<Duration> {
    Some(Duration::from_millis(milliseconds)).filter(|limit| !limit.is_zero())
}

fn parse_device(name: &str) -> Result<DeviceChoice, &'static str> {
    match name {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "cuda" => Ok(DeviceChoice::Cuda),
        _ => Err("not auto, cpu or cuda"),
    }
}

/// Serves until asked to end.
pub(crate) fn run(options: Options) -> Result<(), CommandError> {
    log::hide_panic_messages();
    keep_freed_memory_small();
    // Whatever the engine makes is its user's alone. Set before there is a second thread.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let signals = take_signals()?;
    if !options.runtime.is_file() {
        let message = format!("there is no file {}", options.runtime.display());
        return Err(CommandError::Usage(message));
    }
    let store = Store::open(options.models.clone(), options.cache.clone())
        .map_err(|error| CommandError::Failed(format!("the cache of models: {error}")))?;
    let listener = bind(&options.socket)?;
    // From here on nothing is opened but libraries and models. There is one thread still; ONNX
    // Runtime starts another when it is loaded.
    let held = sandbox::enter(&confined(&options));
    let loader = loader(&options)?;
    end_on_signals(signals)?;
    if options.lifeline {
        end_with_starter()?;
    }
    let engine_options = EngineOptions {
        threads: options.threads,
        memory_limit: options.memory_limit,
        queue_rows: options.queue_rows,
        cache_bytes: options.cache_bytes,
        run_limit: options.run_limit,
        sandbox: held,
    };
    let (version, threads) = (env!("CARGO_PKG_VERSION"), options.threads);
    log::event(format_args!(
        "{version} serves with {threads} threads on {}, confined by {held}",
        loader.device()
    ));
    let engine = Engine::new(engine_options, Arc::new(store), Arc::new(loader));
    let error = server::serve(listener, Arc::new(engine), server_options());
    Err(CommandError::Failed(error.to_string()))
}

fn loader(options: &Options) -> Result<OnnxLoader, CommandError> {
    let loader = OnnxLoader::new(&options.runtime, options.device)
        .map_err(|failure| CommandError::Usage(failure.to_string()))?;
    Ok(loader.with_trial(Trial {
        runtime: options.runtime.clone(),
        time: options.import_limit,
        memory_limit: options.memory_limit,
    }))
}

/// The confinement of the serving engine.
fn confined(options: &Options) -> Profile {
    let library_folder = options.runtime.parent().map(Path::to_path_buf);
    let devices = options.device != DeviceChoice::Cpu;
    let on_device = devices && Path::new("/dev/nvidiactl").exists();
    let memory_bytes = match options.memory_limit {
        // A model that wants all memory there is must not get it. A device's driver may.
        0 if on_device => None,
        0 => available_bytes().map(|bytes| bytes / 4 * 3),
        limit => {
            let models = limit.saturating_mul(2);
            Some(models.saturating_add(options.cache_bytes as u64).saturating_add(SPARE_BYTES))
        }
    };
    Profile {
        reads: options
            .models
            .iter()
            .flat_map(|folder| package(folder))
            .chain(library_folder)
            .collect(),
        writes: vec![options.cache.clone()],
        program: Some(PathBuf::from(trial::PROGRAM)),
        devices,
        file_bytes: FILE_BYTES_MAX,
        memory_bytes,
        processor_seconds: None,
    }
}

/// Memory that is free, or would be if it were asked for.
fn available_bytes() -> Option<u64> {
    let figures = fs::read_to_string("/proc/meminfo").ok()?;
    let line = figures.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// A folder of the package, and what its entries are links to, where they are.
fn package(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let targets = entries.filter_map(|entry| fs::canonicalize(entry.path()).ok());
    [folder.to_path_buf()].into_iter().chain(targets).collect()
}

/// Makes the C library give large blocks back to the system when they are freed. By itself it stops
/// doing so once it has seen one come and go, and loading a model leaves up to 100 MiB of holes. It
/// reads these bounds at a program's start alone, so the program starts itself again with them: the
/// process stays the same.
fn keep_freed_memory_small() {
    const BOUNDS: [(&str, &str); 2] =
        [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "4194304")];
    if BOUNDS.iter().all(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let mut arguments = std::env::args_os();
    // By its path, so that the process keeps its name.
    let error = match (std::env::current_exe(), arguments.next()) {
        (Ok(path), Some(name)) => Command::new(path).arg0(name).args(arguments).envs(BOUNDS).exec(),
        (Err(error), _) => error,
        (Ok(_), None) => return,
    };
    // It serves all the same, in some more memory.
    log::warning(format_args!("cannot bound the memory that is kept for reuse: {error}"));
}

/// As many connections as the system lets the process have.
fn server_options() -> ServerOptions {
    let limit = getrlimit(Resource::Nofile);
    // Raising it to what is allowed anyway cannot harm; where it fails, the lower limit holds.
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    let options = ServerOptions::default();
    let descriptors = limit.current.unwrap_or(u64::MAX).saturating_sub(DESCRIPTORS_RESERVED);
    let connections = usize::try_from(descriptors).unwrap_or(usize::MAX).max(1);
    ServerOptions { connections_max: options.connections_max.min(connections), ..options }
}

/// Binds the socket, readable and writable by its owner alone. A socket that nobody serves any
/// more is replaced.
fn bind(path: &Path) -> Result<UnixListener, CommandError> {
    let failed = |error: io::Error| match error.kind() {
        // Too long for an address.
        ErrorKind::InvalidInput => CommandError::Usage(format!("--socket: {error}")),
        _ => CommandError::Failed(format!("cannot bind {}: {error}", path.display())),
    };
    for _ in 0..TAKE_OVER_TRIES {
        match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(failed(error)),
            Ok(listener) => {
                let owner_alone = fs::Permissions::from_mode(0o600);
                fs::set_permissions(path, owner_alone).map_err(failed)?;
                return Ok(listener);
            }
        }
        match UnixStream::connect(path) {
            Ok(_) => thread::sleep(TAKE_OVER_PAUSE),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                log::event("a stale socket is replaced");
                fs::remove_file(path).map_err(failed)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(CommandError::Failed(format!("another engine serves {}", path.display())))
}

fn take_signals() -> Result<Signals, CommandError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    Signals::new([SIGINT, SIGTERM])
        .map_err(|error| CommandError::Failed(format!("cannot take signals: {error}")))
}

/// SIGTERM and SIGINT end the process at once: nothing that it holds needs saving.
fn end_on_signals(mut signals: Signals) -> Result<(), CommandError> {
    spawn("signals", move || {
        if signals.forever().next().is_some() {
            end("asked to end");
        }
    })
}

/// Ends the process when whoever holds the other end of stdin does.
fn end_with_starter() -> Result<(), CommandError> {
    spawn("lifeline", || {
        let mut byte = [0];
        loop {
            match io::stdin().read(&mut byte) {
                Ok(0) => return end("the supervisor is gone"),
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return end("the supervisor's pipe broke");
                }
                _ => {}
            }
        }
    })
}

/// Ends without running the C library's exit handlers: ONNX Runtime's would pull the ground from
/// under the workers, which are still at it.
fn end(reason: &str) {
    log::event(reason);
    signal_hook::low_level::exit(0);
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), CommandError> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(body);
    spawned.map(|_| ()).map_err(|error| CommandError::Failed(error.to_string()))
}
