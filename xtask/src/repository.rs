//! The repository as the tasks see it: its root, its files, and what cargo and git tell of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(&'static str),
    /// What was checked does not hold; it has been printed.
    #[error("{0}")]
    Refused(String),
    /// A program could not be run or failed.
    #[error("{program}: {message}")]
    Program {
        /// The program's name.
        program: String,
        /// What it wrote, or why it did not start.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program's output is not what this task understands.
    #[error("{0} printed something unexpected")]
    Output(&'static str),
}

/// A checkout.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The checkout that this program was built in.
    pub fn of_this_build() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: package.parent().unwrap_or(package).to_owned() }
    }

    /// The absolute path of a file, given relative to the root.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Every file that is tracked or would be by `git add .`, relative to the root, sorted; files
    /// that were deleted but not yet committed are left out.
    pub fn files(&self) -> Result<Vec<String>, TaskError> {
        // A checkout of another user is as good: nothing in it is run.
        let trusted = format!("safe.directory={}", self.root.display());
        let listing = self.output(
            "git",
            ["-c", &trusted, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        )?;
        let mut files: Vec<String> = listing
            .split('\0')
            .filter(|file| !file.is_empty() && self.path(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// A file's text; `None` when it is not UTF-8.
    pub fn text(&self, relative: &str) -> Result<Option<String>, TaskError> {
        let path = self.path(relative);
        let bytes = std::fs::read(&path).map_err(|source| TaskError::File { path, source })?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// What `cargo metadata` tells of the packages of the workspace.
    pub fn metadata(&self) -> Result<serde_json::Value, TaskError> {
        let json = self.output(&cargo(), ["metadata", "--no-deps", "--format-version", "1"])?;
        serde_json::from_str(&json).map_err(|_| TaskError::Output("cargo metadata"))
    }

    /// The names of all packages that a package is linked with, directly or not.
    pub fn linked_with(&self, package: &str) -> Result<Vec<String>, TaskError> {
        let tree = ["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
        let listing = self.output(&cargo(), tree)?;
        Ok(listing.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
    }

    /// What a program prints when it is run in the root.
    pub fn output<Arguments>(
        &self,
        program: &str,
        arguments: Arguments,
    ) -> Result<String, TaskError>
    where
        Arguments: IntoIterator,
        Arguments::Item: AsRef<OsStr>,
    {
        let failed = |message: String| TaskError::Program { program: program.to_owned(), message };
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        String::from_utf8(output.stdout).map_err(|_| failed("output is not UTF-8".to_owned()))
    }
}

/// The cargo that runs this program.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
