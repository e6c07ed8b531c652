//! `cargo xtask tidy`: the rules that hold the design, each checked over the whole repository.
//!
//! - [`rust`]: what a Rust source file may say, by its place.
//! - [`floors`]: which room of `src/` may import which.
//! - [`text`]: what any file of the repository may hold.
//! - [`promises`]: the tests that documents name are there.
//! - [`dependencies`]: who may depend on whom, and that each dependency is explained.

mod dependencies;
pub mod floors;
mod promises;
mod rust;
mod text;

use crate::builtin;
use crate::repository::{Repository, TaskError};

/// A place in the repository that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1; 0 stands for the whole file.
    pub line: usize,
    /// What is wrong, and what is right.
    pub message: String,
}

impl Problem {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Prints every problem; fails when there is one.
pub fn run(repository: &Repository) -> Result<(), TaskError> {
    let mut found = Vec::new();
    let files = repository.files()?;
    let mut tests = promises::Tests::default();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        tests.add(file, &repository.text(file)?.unwrap_or_default());
    }
    for file in &files {
        let Some(content) = repository.text(file)? else { continue };
        let mut problems = text::check(file, &content);
        if file.ends_with(".rs") {
            problems.extend(rust::check(file, &content));
            problems.extend(floors::check(file, &content));
        }
        problems.extend(tests.missing(file, &content));
        for Problem { line, message } in problems {
            found.push(format!("{file}:{line}: {message}"));
        }
    }
    for message in dependencies::check(repository)? {
        found.push(format!("dependencies: {message}"));
    }
    for message in builtin::problems(repository)? {
        found.push(format!("{}: {message}", builtin::LIST));
    }
    for problem in &found {
        eprintln!("{problem}");
    }
    match found.len() {
        0 => {
            println!("tidy: {} files hold the rules", files.len());
            Ok(())
        }
        count => Err(TaskError::Refused(format!("tidy: {count} problems"))),
    }
}
