//! Tasks of the repository: `cargo xtask tidy | floors | builtin | doctest FILE…`.

mod builtin;
mod doctest;
mod repository;
mod tidy;

use repository::{Repository, TaskError};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask tidy             hold the rules of docs/testing.md over the whole repository
       cargo xtask floors           count the imports between the rooms of src/, those that go up
                                    the floors, and the circles
       cargo xtask builtin          write sql/schema/95_builtin_models.sql anew from the models
       cargo xtask doctest FILE...  run the SQL of Markdown files in the server that PGHOST and
                                    its like name, and compare what it prints";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), TaskError> {
    let repository = Repository::of_this_build();
    match arguments {
        [task] if task == "tidy" => tidy::run(&repository),
        [task] if task == "floors" => tidy::floors::print(&repository),
        [task] if task == "builtin" => builtin::write(&repository),
        [task, files @ ..] if task == "doctest" && !files.is_empty() => doctest::run(files),
        _ => Err(TaskError::Usage(USAGE)),
    }
}
