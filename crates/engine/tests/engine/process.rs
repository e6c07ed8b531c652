//! The program itself as a child process, with ONNX Runtime. The library is at
//! `CRM_AI_ONNXRUNTIME`, by default where `make setup` puts it.

use crate::support::wait_until;
use crm_ai_wire::client::Client;
use crm_ai_wire::{Digest, Manifest, Reply};
use rustix::process::Pid;
use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_crm_ai_engine");

pub fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

pub fn library() -> PathBuf {
    let default = || root(".cache/onnxruntime/libonnxruntime.so");
    let path = std::env::var_os("CRM_AI_ONNXRUNTIME").map_or_else(default, PathBuf::from);
    assert!(path.exists(), "run `make setup` or set CRM_AI_ONNXRUNTIME");
    path
}

pub fn fixture(name: &str) -> PathBuf {
    root("tests/fixtures/model").join(name)
}

/// A started program; killed when the test ends.
pub struct Program {
    pub child: Child,
    pub folder: TempDir,
}

impl Program {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder)
    }

    pub fn start_in(folder: TempDir) -> Self {
        Self::start_with(folder, &[])
    }

    /// With more arguments, of which the last of a name counts.
    pub fn start_with(folder: TempDir, arguments: &[&str]) -> Self {
        let child = Command::new(PROGRAM)
            .current_dir(folder.path())
            .args(["serve", "--socket", "socket", "--models", "models", "--cache", "cache"])
            .args(["--threads", "2", "--memory-limit", "0", "--queue-rows", "1000"])
            .args(["--device", "cpu", "--lifeline", "--runtime"])
            .arg(library())
            .args(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut program = Self { child, folder };
        wait_until(|| UnixStream::connect(program.socket()).is_ok() || program.is_over());
        assert!(!program.is_over(), "{}", program.log());
        program
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn client(&self) -> Client {
        Client::connect(&self.socket()).unwrap()
    }

    pub fn is_over(&self) -> bool {
        let pid = Pid::from_child(&self.child);
        let options = rustix::process::WaitIdOptions::EXITED
            | rustix::process::WaitIdOptions::NOWAIT
            | rustix::process::WaitIdOptions::NOHANG;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap().is_some()
    }

    /// Waits for its end; the exit code and the log.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.log())
    }

    pub fn log(&mut self) -> String {
        let mut log = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut log).unwrap();
        }
        log
    }

    pub fn load(&self, name: &str) -> Digest {
        assert_eq!(self.client().load(&fixture(name)).unwrap(), Reply::Loaded);
        Manifest::of_folder(&fixture(name)).unwrap().digest()
    }
}

impl Program {
    /// Puts a folder with that ONNX file and the fixtures' tokenizer beside the program's own.
    pub fn onnx_folder(&self, name: &str, model: &[u8]) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("model.onnx"), model).unwrap();
        let tokenizer = fixture("onnx_classifier").join("tokenizer.json");
        fs::copy(tokenizer, folder.join("tokenizer.json")).unwrap();
        folder
    }

    /// Names of what lies in the cache.
    pub fn cached(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let entries = fs::read_dir(self.folder.path().join("cache")).unwrap();
        entries.map(|entry| name(entry.unwrap())).collect()
    }

    /// Processes that it has started and that are there still.
    pub fn children(&self) -> Vec<i32> {
        let mut children = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten() {
            let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children.extend(listed.split_whitespace().map(|pid| pid.parse::<i32>().unwrap()));
        }
        children
    }

    /// Processor time that it has spent, in clock ticks.
    pub fn processor_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
