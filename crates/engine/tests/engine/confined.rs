//! What a process in the sandbox cannot do. This test program starts itself again; the second one
//! goes into the sandbox, tries what a stranger's model might, and tells what came of it.

use crate::process::*;
use crate::support::wait_until;
use crm_ai_engine::sandbox::{self, Profile};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names the folder with the files that are tried, and says that this process is to try.
const FOLDER: &str = "CRM_AI_TEST_SANDBOX";
/// And whether it may start a program.
const MAY_START: &str = "CRM_AI_TEST_SANDBOX_STARTS";

/// What each attempt came to: `done`, or the error's number.
type Outcomes = BTreeMap<String, String>;

fn told<T>(outcome: io::Result<T>) -> String {
    match outcome {
        Ok(_) => "done".into(),
        Err(error) => error.raw_os_error().map_or_else(|| error.to_string(), |n| n.to_string()),
    }
}

fn attempts(folder: &Path, neighbour: i32) -> Outcomes {
    let inside = |name: &str| folder.join("own").join(name);
    let outside = |name: &str| folder.join("other").join(name);
    let sibling = rustix::process::Pid::from_raw(neighbour).unwrap();
    let kill = |signal| rustix::process::kill_process(sibling, signal).map_err(io::Error::from);
    let lower = rustix::process::Rlimit { current: Some(1 << 30), maximum: Some(1 << 30) };
    let limit = rustix::process::prlimit(Some(sibling), rustix::process::Resource::Data, lower);
    let links = |target: &Path| std::os::unix::fs::symlink(target, inside("link"));
    let read_link = || links(&outside("secret")).and_then(|()| fs::read(inside("link")));
    let started = || Command::new("/bin/true").stdin(Stdio::null()).status();
    let started_by_loader =
        || Command::new("/lib64/ld-linux-x86-64.so.2").arg("/bin/true").status();
    let made_read_only = fs::Permissions::from_mode(0o400);
    [
        ("read inside", told(fs::read(folder.join("readable/file")))),
        ("write inside", told(fs::write(inside("file"), "x"))),
        ("rename inside", told(fs::rename(inside("file"), inside("renamed")))),
        ("run threads", told(Ok(std::thread::spawn(|| 1).join().unwrap()))),
        ("write where it only reads", told(fs::write(folder.join("readable/new"), "x"))),
        ("truncate where it only reads", told(fs::File::create(folder.join("readable/file")))),
        ("read outside", told(fs::read(outside("secret")))),
        ("list outside", told(fs::read_dir(folder.join("other")))),
        ("read by a link", told(read_link())),
        ("write outside", told(fs::write(outside("new"), "x"))),
        ("remove outside", told(fs::remove_file(outside("secret")))),
        ("move in", told(fs::rename(outside("secret"), inside("moved")))),
        ("link in", told(fs::hard_link(outside("secret"), inside("linked")))),
        ("make a folder outside", told(fs::create_dir(outside("folder")))),
        ("change rights outside", told(fs::set_permissions(outside("secret"), made_read_only))),
        ("read users", told(fs::read("/etc/passwd"))),
        ("read a neighbour's memory map", told(fs::read(format!("/proc/{neighbour}/maps")))),
        ("read a neighbour's memory", told(fs::File::open(format!("/proc/{neighbour}/mem")))),
        ("read a neighbour's environment", told(fs::read(format!("/proc/{neighbour}/environ")))),
        ("connect by TCP", told(TcpStream::connect("127.0.0.1:9"))),
        ("listen on TCP", told(TcpListener::bind("127.0.0.1:0"))),
        ("send by UDP", told(UdpSocket::bind("127.0.0.1:0"))),
        ("connect to a Unix socket", told(UnixStream::connect(folder.join("socket")))),
        ("listen on a Unix socket", told(UnixListener::bind(inside("socket")))),
        ("make a datagram socket", told(UnixDatagram::unbound())),
        ("start a program", told(started())),
        ("start a program by the loader", told(started_by_loader())),
        ("kill a neighbour", told(kill(rustix::process::Signal::TERM))),
        ("limit a neighbour", told(limit.map_err(io::Error::from))),
        ("write a large file", told(write_large(&inside("large")))),
    ]
    .map(|(name, outcome)| (name.to_owned(), outcome))
    .into()
}

/// More than the profile allows. The signal that comes with it is not waited for.
fn write_large(path: &Path) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    (0..64).try_for_each(|_| file.write_all(&[0; 1 << 16]))
}

/// Not a test: what the second process does. Without the variable it does nothing.
#[test]
fn inside() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let neighbour = fs::read_to_string(folder.join("neighbour")).unwrap().parse().unwrap();
    // Ends the process otherwise, before it can tell.
    let signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGXFSZ]).unwrap();
    let program = std::env::var_os(MAY_START).map(|_| PathBuf::from("/proc/self/exe"));
    let held = sandbox::enter(&Profile {
        reads: vec![folder.join("readable")],
        writes: vec![folder.join("own")],
        program: program.clone(),
        file_bytes: 1 << 20,
        ..Profile::default()
    });
    let mut outcomes = attempts(&folder, neighbour);
    outcomes.insert("held".into(), held.to_string());
    if let Some(program) = program {
        let itself = Command::new(program).arg("--list").stdout(Stdio::null()).status();
        outcomes.insert("start itself".into(), told(itself));
    }
    println!("OUTCOMES {}", serde_json::to_string(&outcomes).unwrap());
    drop(signals);
}

/// Runs the attempts in a sandbox.
fn tried(may_start: bool) -> Outcomes {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["own", "other", "readable"] {
        fs::create_dir(path(name)).unwrap();
    }
    fs::write(path("other/secret"), "secret").unwrap();
    fs::write(path("readable/file"), "file").unwrap();
    let _listener = UnixListener::bind(path("socket")).unwrap();
    let mut neighbour = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(path("neighbour"), neighbour.id().to_string()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "confined::inside", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder.path());
    if may_start {
        command.env(MAY_START, "1");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(neighbour.try_wait().unwrap().is_none(), "the neighbour was killed");
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
    assert_eq!(fs::read_to_string(path("other/secret")).unwrap(), "secret");
    let line = text.lines().find_map(|line| line.split_once("OUTCOMES ")).map(|(_, json)| json);
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(line.unwrap_or_else(|| panic!("{text}{errors}"))).unwrap()
}

/// Holds the outcomes against what is allowed, as far as this kernel's layers go.
fn check(mut outcomes: Outcomes, may_start: bool) {
    let held = outcomes.remove("held").unwrap();
    let (landlock, seccomp) = (held.contains("landlock"), held.contains("seccomp"));
    assert!(held.contains("no_new_privs"), "{held}");
    let (denied, refused) =
        (Errno::ACCESS.raw_os_error().to_string(), Errno::PERM.raw_os_error().to_string());
    for (attempt, outcome) in outcomes {
        let refuses = match attempt.as_str() {
            "read inside" | "write inside" | "rename inside" | "run threads" | "start itself" => {
                assert_eq!(outcome, "done", "{attempt}");
                continue;
            }
            "write a large file" => {
                assert_eq!(outcome, Errno::FBIG.raw_os_error().to_string());
                continue;
            }
            "start a program" => landlock || (seccomp && !may_start),
            // The loader may be started where this program may be; what it starts is confined, too.
            "start a program by the loader" => seccomp && !may_start,
            "kill a neighbour" => landlock || (seccomp && !may_start),
            "limit a neighbour" | "change rights outside" => seccomp,
            "connect by TCP" | "listen on TCP" => landlock || seccomp,
            name if name.contains("UDP") || name.contains("socket") => seccomp,
            _ => landlock,
        };
        if refuses {
            let as_told = outcome == denied
                || outcome == refused
                || (attempt == "move in" && outcome == Errno::XDEV.raw_os_error().to_string())
                || (attempt == "link in" && outcome == Errno::XDEV.raw_os_error().to_string());
            assert!(as_told, "{attempt}: {outcome}");
        }
    }
}

#[test]
fn a_trial_or_a_trainer_reaches_nothing_but_its_files() {
    check(tried(false), false);
}

#[test]
fn the_engine_starts_no_program_but_itself() {
    check(tried(true), true);
}

/// The engine that serves is confined as it says, in all its threads.
#[test]
fn all_threads_of_the_engine_are_confined() {
    let program = Program::start();
    let held = match program.client().call(crm_ai_wire::Request::Stats).unwrap() {
        crm_ai_wire::Reply::Stats(stats) => stats.sandbox,
        other => panic!("{other:?}"),
    };
    let status = |task: &Path| fs::read_to_string(task.join("status")).unwrap_or_default();
    let tasks = fs::read_dir(format!("/proc/{}/task", program.child.id())).unwrap();
    for task in tasks.map(|task| task.unwrap().path()) {
        let status = status(&task);
        for (layer, line) in [("seccomp", "Seccomp:\t2"), ("no_new_privs", "NoNewPrivs:\t1")] {
            assert_eq!(held.contains(layer), status.contains(line), "{held}: {status}");
        }
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    wait_until(|| program.children().is_empty());
}

/// A trainer is confined before it opens the rows, which here are a pipe that nobody writes to.
#[test]
fn a_trainer_is_confined_before_it_reads_anything() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(path("rows")).status().unwrap().success());
    let job = serde_json::json!({
        "run": 1, "rows": path("rows"), "output": path("output"), "checkpoint": path("checkpoint"),
        "task": {"table": {"rounds": 1, "learning_rate": 0.1, "balance_classes": false}},
        "champion": null, "test_size": 0.2, "seed": 1, "device": "cpu", "threads": 1,
        "promote": "never"
    });
    fs::write(path("job"), job.to_string()).unwrap();
    let mut trainer = Command::new(PROGRAM)
        .args(["train", "--lifeline", "--job"])
        .arg(path("job"))
        .arg("--runtime")
        .arg(library())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = || fs::read_to_string(format!("/proc/{}/status", trainer.id())).unwrap();
    let has_seccomp = fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp:");
    wait_until(|| status().contains("Seccomp:\t2") || !has_seccomp);
    wait_until(|| status().contains("NoNewPrivs:\t1"));
    drop(trainer.stdin.take());
    assert_eq!(trainer.wait().unwrap().code(), Some(1));
}
