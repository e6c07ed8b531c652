//! Where PostgreSQL is installed and as whom its programs run.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// An installed PostgreSQL.
#[derive(Debug)]
pub struct Installation {
    programs: PathBuf,
    /// The private directory of the package's programs and libraries.
    pub package_directory: PathBuf,
    /// Where control files and scripts of extensions lie.
    extensions: PathBuf,
    /// User and group to run as; `None` where this process's own will do.
    run_as: Option<(u32, u32)>,
}

/// The installation under test.
pub fn installation() -> &'static Installation {
    static FOUND: OnceLock<Installation> = OnceLock::new();
    FOUND.get_or_init(|| {
        let pg_config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".into());
        let ask = |what| PathBuf::from(output_line(Command::new(&pg_config).arg(what)));
        // PostgreSQL refuses to run as root.
        let run_as = rustix::process::geteuid().is_root().then(|| (id("-u"), id("-g")));
        Installation {
            programs: ask("--bindir"),
            package_directory: ask("--pkglibdir").join("crm_ai"),
            extensions: ask("--sharedir").join("extension"),
            run_as,
        }
    })
}

impl Installation {
    /// A program of PostgreSQL, to be run as a user that it accepts, without the settings that
    /// this process's environment holds for libpq or for Rust.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir("/").stdin(Stdio::null());
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("PG") || name.starts_with("RUST_") {
                command.env_remove(&variable);
            }
        }
        if let Some((user, group)) = self.run_as {
            command.uid(user).gid(group);
        }
        command
    }

    /// Puts a script beside the installed ones of extensions.
    pub fn place_extension_script(&self, name: &str, text: &str) -> PlacedScript {
        let placed = PlacedScript(self.extensions.join(name));
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        run(as_root("install").args(["-m", "644"]).arg(file.path()).arg(&placed.0));
        placed
    }

    /// Gives a file or directory to the user that PostgreSQL runs as.
    pub fn give(&self, path: &std::path::Path) {
        if let Some((user, group)) = self.run_as {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }
}

/// A script of an extension that was put beside the installed ones; it is removed with this.
#[derive(Debug)]
pub struct PlacedScript(PathBuf);

impl Drop for PlacedScript {
    fn drop(&mut self) {
        run(as_root("rm").arg("-f").arg(&self.0));
    }
}

/// A program that may write where extensions are installed.
fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

fn id(option: &str) -> u32 {
    output_line(Command::new("id").args([option, "postgres"])).parse().unwrap()
}

fn output_line(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8(succeeded(command, output).stdout).unwrap().trim().to_owned()
}

/// Runs a program to its end; panics with what it wrote when it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    succeeded(command, output)
}

fn succeeded(command: &Command, output: Output) -> Output {
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
