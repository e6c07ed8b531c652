//! The program `crm_ai_engine`: picks the sub-command.

use crm_ai_engine::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(lexopt::Parser::from_env())
}
