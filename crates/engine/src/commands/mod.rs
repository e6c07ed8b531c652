//! The sub-commands, one module each.

mod describe;
mod digest;
mod examine;
mod lifeline;
mod link;
mod serve;
mod train;

use lexopt::Arg::{Long, Short, Value};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: crm_ai_engine serve --socket PATH --runtime LIB --models DIR [--models DIR] --cache DIR
                           --threads N --memory-limit BYTES --queue-rows N
                           --cache-size BYTES --device auto|cpu|cuda
                           [--run-limit MS] [--import-limit MS] [--lifeline]
       crm_ai_engine digest DIR
       crm_ai_engine describe DIR --runtime LIB
       crm_ai_engine examine DIR --runtime LIB [--threads N] [--memory BYTES]
                             [--processor-time SECONDS] [--lifeline]
       crm_ai_engine train --job FILE --runtime LIB [--lifeline]
       crm_ai_engine link --job FILE [--lifeline]
       crm_ai_engine --version

serve     answers the requests that come over the Unix socket PATH
digest    prints the identity of the model in DIR
describe  prints, as JSON, what the model in DIR is
examine   the same, as the engine asks for it
train     does the training job in FILE; tells how it goes on stdout, as lines of JSON
link      looks for duplicates as the job in FILE says; tells how it goes in the same way
";

/// Failure of a sub-command; each kind has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command line is wrong, or names a runtime library that cannot be loaded.
    #[error("{0}")]
    Usage(String),
    /// The system refused something.
    #[error("{0}")]
    Failed(String),
}

impl From<lexopt::Error> for CommandError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Runs what the command line asks for. Exit codes: 0 done, 1 failed, 2 wrong command line or no
/// runtime library.
pub fn run(arguments: lexopt::Parser) -> ExitCode {
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::log::fatal(&error);
            match error {
                CommandError::Usage(_) => ExitCode::from(2),
                CommandError::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn dispatch(mut arguments: lexopt::Parser) -> Result<(), CommandError> {
    match arguments.next()? {
        Some(Long("version") | Short('V')) => {
            print(format_args!("crm_ai_engine {}\n", env!("CARGO_PKG_VERSION")))
        }
        Some(Long("help") | Short('h')) => print(format_args!("{USAGE}")),
        Some(Value(command)) => match command.to_str() {
            Some("serve") => serve::run(serve::Options::parse(arguments)?),
            Some("digest") => digest::run(arguments),
            Some("describe") => describe::run(arguments),
            Some("examine") => examine::run(examine::Options::parse(arguments)?),
            Some("link") => link::run(link::Options::parse(arguments)?),
            Some("train") => train::run(train::Options::parse(arguments)?),
            _ => Err(CommandError::Usage(format!("unknown sub-command\n{USAGE}"))),
        },
        Some(other) => Err(other.unexpected().into()),
        None => Err(CommandError::Usage(format!("a sub-command is missing\n{USAGE}"))),
    }
}

/// Writes to stdout; a reader that has gone is a failure, not a panic.
fn print(text: std::fmt::Arguments<'_>) -> Result<(), CommandError> {
    use std::io::Write;
    std::io::stdout().write_fmt(text).map_err(|error| CommandError::Failed(error.to_string()))
}

/// A folder with a model in it.
fn model_folder(folder: Option<PathBuf>) -> Result<PathBuf, CommandError> {
    let folder = folder.ok_or_else(|| CommandError::Usage("DIR is missing".to_owned()))?;
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(CommandError::Usage(format!("there is no folder {}", folder.display())))
    }
}
