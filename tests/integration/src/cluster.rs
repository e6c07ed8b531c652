//! A server of a test's own, with the extension in its database `postgres`.

use crate::installation::{installation, run};
use crate::process::{self, Process, Signal, wait_until};
use crate::session::{Failure, Session};
use crate::workplace;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// Longest wait for a server to start or to end.
const SERVER_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for the engine to be up after it may start.
pub const ENGINE_LIMIT: Duration = Duration::from_secs(30);

const SETTINGS: &str = "
listen_addresses = ''
max_connections = 130
shared_buffers = 32MB
fsync = off
log_line_prefix = '%m [%p] %u@%d '
max_wal_senders = 4
wal_keep_size = 64MB
";

/// How a server is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, then the server.
    Fast,
    /// At once, without a checkpoint.
    Immediate,
}

/// A server; it is ended and its files are removed when this is dropped.
pub struct Cluster {
    directory: PathBuf,
    server: Mutex<Option<Child>>,
}

impl Cluster {
    /// A new server with the supervisor preloaded and these lines in postgresql.conf; the
    /// extension is in its database `postgres`.
    pub fn new(settings: &[&str]) -> Self {
        let cluster = Self::bare(&[&["shared_preload_libraries = 'crm_ai'"], settings].concat());
        cluster.session().run("CREATE EXTENSION crm_ai");
        cluster
    }

    /// A new server with nothing preloaded and no extension made.
    pub fn bare(settings: &[&str]) -> Self {
        let directory = workplace::new_directory("cluster");
        let fresh = workplace::fresh_data_directory();
        run(Command::new("cp").arg("-a").arg(fresh).arg(directory.join("data")));
        Self::in_directory(directory, settings)
    }

    /// A hot standby of this server.
    pub fn standby(&self) -> (Self, String) {
        let directory = workplace::new_directory("standby");
        let output = run(installation()
            .program("pg_basebackup")
            .args(["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"])
            .args(["--username=postgres", "--host"])
            .arg(self.sockets())
            .arg("--pgdata")
            .arg(directory.join("data")));
        let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
        (Self::in_directory(directory, &[]), warnings)
    }

    fn in_directory(directory: PathBuf, settings: &[&str]) -> Self {
        let imports = directory.join("import");
        std::fs::create_dir(&imports).unwrap();
        installation().give(&imports);
        let mut lines = SETTINGS.to_owned();
        for line in settings {
            lines.push_str(line);
            lines.push('\n');
        }
        let _ = writeln!(lines, "unix_socket_directories = '{}'", directory.display());
        let _ = writeln!(lines, "crm_ai.import_directory = '{}'", imports.display());
        let cluster = Self { directory, server: Mutex::new(None) };
        cluster.append_settings(&lines);
        cluster.start();
        cluster
    }

    /// Adds lines to postgresql.conf, for the next start or reload.
    pub fn append_settings(&self, lines: &str) {
        let file = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str(lines);
        text.push('\n');
        std::fs::write(&file, text).unwrap();
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The directory of the extension's own files in the data directory.
    pub fn own_files(&self) -> PathBuf {
        self.data().join("pg_stat_tmp/crm_ai")
    }

    /// The engine's socket.
    pub fn engine_socket(&self) -> PathBuf {
        self.data().join("pg_stat_tmp/crm_ai.sock")
    }

    /// The directory of the server's socket.
    pub fn sockets(&self) -> &Path {
        &self.directory
    }

    /// The directory of `crm_ai.import_directory`.
    pub fn imports(&self) -> PathBuf {
        self.directory.join("import")
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Everything that the server has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A program of PostgreSQL, pointed at this server.
    pub fn client_program(&self, name: &str) -> Command {
        let mut command = installation().program(name);
        command.env("PGHOST", self.sockets()).env("PGUSER", "postgres");
        command
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Process id of the postmaster.
    pub fn postmaster(&self) -> i32 {
        self.server().as_ref().expect("a running server").id().cast_signed()
    }

    /// Starts the server and waits until it answers.
    pub fn start(&self) {
        let log = std::fs::File::options().append(true).create(true).open(self.log_file()).unwrap();
        let child = installation()
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        *self.server() = Some(child);
        wait_until("the server answers", SERVER_LIMIT, || {
            let ended = self.server().as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the server did not start:\n{}", self.log());
            self.try_connect("postgres", "postgres").is_ok()
        });
    }

    /// Ends the server and waits for its end.
    pub fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        run(installation()
            .program("pg_ctl")
            .args(["stop", "--wait", "--timeout=30", "--mode", mode, "--pgdata"])
            .arg(self.data()));
        self.reap();
    }

    /// Kills the postmaster and waits until none of the server's processes is left.
    pub fn kill_postmaster(&self) {
        process::signal(self.postmaster(), Signal::KILL);
        self.reap();
        wait_until("all processes of the killed server end", SERVER_LIMIT, || {
            self.processes().is_empty()
        });
    }

    fn reap(&self) {
        if let Some(mut child) = self.server().take() {
            child.wait().unwrap();
        }
    }

    /// A superuser's session in the database `postgres`.
    #[track_caller]
    pub fn session(&self) -> Session {
        self.connect("postgres", "postgres")
    }

    /// A session of `user` in `database`.
    #[track_caller]
    pub fn connect(&self, user: &str, database: &str) -> Session {
        self.try_connect(user, database).unwrap_or_else(|failure| panic!("connect: {failure:?}"))
    }

    /// The same, with the failure given back.
    pub fn try_connect(&self, user: &str, database: &str) -> Result<Session, Failure> {
        let host = self.sockets().display();
        Session::connect(&format!("host='{host}' user='{user}' dbname='{database}'"))
    }

    /// A new database with the extension.
    pub fn database(&self, name: &str) -> Session {
        self.session().run(&format!("CREATE DATABASE {name}"));
        let mut session = self.connect("postgres", name);
        session.run("CREATE EXTENSION crm_ai");
        session
    }

    /// Sets a server-wide setting and waits until `session` sees it.
    pub fn set(&self, session: &mut Session, setting: &str, value: &str) {
        session.run(&format!("ALTER SYSTEM SET {setting} = '{value}'"));
        session.run("SELECT pg_reload_conf()");
        wait_until("the setting is reloaded", SERVER_LIMIT, || {
            session.value(&format!("SELECT current_setting('{setting}')")) == value
        });
    }

    /// Takes back what [`set`](Self::set) did.
    pub fn reset(&self, session: &mut Session, setting: &str) {
        let before = session.value(&format!("SELECT current_setting('{setting}')"));
        session.run(&format!("ALTER SYSTEM RESET {setting}"));
        session.run("SELECT pg_reload_conf()");
        wait_until("the setting is reloaded", SERVER_LIMIT, || {
            session.value(&format!("SELECT current_setting('{setting}')")) != before
        });
    }

    /// All processes of the server, and its engine.
    pub fn processes(&self) -> Vec<Process> {
        process::processes_in(&self.data())
    }

    /// Processes of the engine.
    pub fn engines(&self) -> Vec<Process> {
        let is_engine = |process: &Process| {
            process.command.contains("crm_ai_engine") && process.command.contains(" serve ")
        };
        self.processes().into_iter().filter(is_engine).collect()
    }

    /// Supervisors.
    pub fn supervisors(&self) -> Vec<Process> {
        let is_supervisor = |process: &Process| process.command.contains("crm_ai supervisor");
        self.processes().into_iter().filter(is_supervisor).collect()
    }

    /// The engine's process id as `crm_ai.status` shows it, once it is up.
    pub fn engine(&self) -> i32 {
        let mut session = self.session();
        let mut pid = None;
        wait_until("the engine is up", ENGINE_LIMIT, || {
            pid = session.try_value("SELECT pid FROM crm_ai.status").unwrap();
            pid.is_some()
        });
        pid.unwrap().parse().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_log(&self.log());
        }
        if let Some(child) = self.server().as_ref() {
            process::signal(child.id().cast_signed(), Signal::QUIT);
        }
        self.reap();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The end of a server's log, for whoever reads why a test failed.
fn show_log(log: &str) {
    const LINES: usize = 30;
    let lines: Vec<&str> = log.lines().collect();
    eprintln!("--- end of the server's log");
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        eprintln!("{line}");
    }
    eprintln!("---");
}

/// The cluster that all tests share which neither stop it nor look at its log or its processes.
pub struct Shared(&'static Cluster);

/// The shared cluster.
pub fn shared() -> Shared {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    Shared(CLUSTER.get_or_init(|| Cluster::new(&[])))
}

impl std::ops::Deref for Shared {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_log(&self.log());
        }
    }
}
