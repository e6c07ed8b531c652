//! Runs blocks in psql and tells what it printed for each.

use super::markdown::Block;
use crate::repository::TaskError;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A line that ends each block's output; the SQLSTATE of the session's last error follows it.
const END: &str = "crm_ai-doctest-end-of-block";

/// What a block printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Printed {
    /// Results and messages, in order.
    pub output: Vec<String>,
    /// The SQLSTATE of the block's last error.
    pub sqlstate: Option<String>,
}

/// Runs a file's blocks in one session in a new database, which is dropped afterwards.
pub fn run(database: &str, blocks: &[Block]) -> Result<Vec<Printed>, TaskError> {
    administer(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
    administer(&format!("CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'"))?;
    let printed = converse(&["--dbname", database], &script(blocks));
    administer(&format!("DROP DATABASE {database} WITH (FORCE)"))?;
    let printed = blocks_of(&printed?);
    if printed.len() == blocks.len() { Ok(printed) } else { Err(TaskError::Output("psql")) }
}

/// The blocks' text with a mark after each, behind the extension where the file does not make it.
fn script(blocks: &[Block]) -> String {
    let mut script = String::new();
    let makes_extension =
        |block: &Block| block.sql.to_uppercase().contains("CREATE EXTENSION CRM_AI");
    if !blocks.iter().any(makes_extension) {
        script.push_str("CREATE EXTENSION crm_ai;\n");
    }
    // What comes before the first mark is no block's: one mark ends it.
    script.push_str(&format!("\\echo {END} :LAST_ERROR_SQLSTATE\n"));
    for block in blocks {
        script.push_str(&block.sql);
        script.push_str(&format!("\n\\echo {END} :LAST_ERROR_SQLSTATE\n"));
    }
    script
}

/// Splits what psql printed at the marks.
fn blocks_of(printed: &str) -> Vec<Printed> {
    let mut blocks = Vec::new();
    let mut output: Vec<String> = Vec::new();
    for line in printed.lines() {
        // A mark may follow a message that does not end its line.
        let Some((before, state)) = line.split_once(END) else {
            output.push(line.to_owned());
            continue;
        };
        if !before.is_empty() {
            output.push(before.to_owned());
        }
        let failed = output.iter().any(|line| line.starts_with("ERROR:  "));
        let sqlstate = failed.then(|| state.trim().to_owned());
        blocks.push(Printed { output: std::mem::take(&mut output), sqlstate });
    }
    // A failure of what comes before the first block makes every block fail: show it there.
    if !blocks.is_empty() {
        let before = blocks.remove(0);
        if let Some(first) = blocks.first_mut().filter(|_| before.sqlstate.is_some()) {
            first.output.splice(0..0, before.output);
            first.sqlstate = before.sqlstate;
        }
    }
    blocks
}

fn administer(sql: &str) -> Result<(), TaskError> {
    let printed = converse(&["--dbname", "postgres"], &format!("{sql};\n"))?;
    match printed.lines().find(|line| line.starts_with("ERROR:  ")) {
        Some(error) => Err(TaskError::Program { program: "psql".into(), message: error.into() }),
        None => Ok(()),
    }
}

/// Gives psql a script; results and messages come in one stream, in order.
fn converse(arguments: &[&str], script: &str) -> Result<String, TaskError> {
    let failed = |message: String| TaskError::Program { program: "psql".to_owned(), message };
    let io_failed = |error: std::io::Error| failed(error.to_string());
    let (mut reader, writer) = std::io::pipe().map_err(io_failed)?;
    let mut psql = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--no-password"])
        .args(arguments)
        .env("PGCLIENTENCODING", "UTF8")
        .env("PGOPTIONS", "-c statement_timeout=120s -c client_min_messages=warning")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().map_err(io_failed)?)
        .stderr(writer)
        .spawn()
        .map_err(io_failed)?;
    let mut input = psql.stdin.take().ok_or(TaskError::Output("psql"))?;
    let script = script.to_owned();
    let writing = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut reader, &mut printed).map_err(io_failed)?;
    let status = psql.wait().map_err(io_failed)?;
    // psql that ended early has said why; then the pipe to it is broken, too.
    let is_written = writing.join().is_ok_and(|result| result.is_ok());
    if status.success() && is_written { Ok(printed) } else { Err(failed(printed)) }
}

#[cfg(test)]
mod tests {
    use super::super::markdown::blocks;
    use super::*;

    #[test]
    fn the_extension_is_made_unless_the_file_makes_it() {
        let plain = blocks("```sql\nSELECT 1;\n```\n").unwrap();
        assert!(script(&plain).starts_with("CREATE EXTENSION crm_ai;"));
        let own = blocks("```sql\ncreate extension crm_ai;\n```\n").unwrap();
        assert_eq!(script(&own).matches("xtension").count(), 1);
    }

    #[test]
    fn what_was_printed_is_split_at_the_marks() {
        let printed =
            format!("{END} 00000\n a\n{END} 00000\nERROR:  no\n{END} 22023\nfine{END} 22023\n");
        let split = blocks_of(&printed);
        assert_eq!(split.len(), 3);
        assert_eq!(split[0], Printed { output: vec![" a".into()], sqlstate: None });
        assert_eq!(split[1].sqlstate.as_deref(), Some("22023"));
        // The session still remembers the error before; this block had none.
        assert_eq!(split[2], Printed { output: vec!["fine".into()], sqlstate: None });
    }

    #[test]
    fn a_failing_preparation_fails_the_first_block() {
        let printed = format!("ERROR:  no such extension\n{END} 0A000\n a\n{END} 0A000\n");
        let split = blocks_of(&printed);
        assert_eq!(split.len(), 1);
        assert_eq!(split[0].sqlstate.as_deref(), Some("0A000"));
    }
}
