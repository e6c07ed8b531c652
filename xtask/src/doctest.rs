//! `cargo xtask doctest`: runs the SQL of Markdown files with psql, as a reader would, and compares
//! what psql prints with what the file says it prints.
//!
//! The server is the one that PGHOST, PGPORT and PGUSER name. Each file gets a database of its own,
//! with the extension made in it unless the file makes it itself; all blocks of a file share one
//! session. A block is a fence that opens with ```` ```sql ````; a fence that opens with
//! ```` ```text ```` right after it holds what psql prints. Flags follow the language:
//! `sql,ignore-output` compares nothing, `sql,error=22023` expects that SQLSTATE. A block without
//! `text` after it must run without an error.

mod markdown;
mod psql;

use crate::repository::TaskError;
use markdown::{Block, Expectation};
use psql::Printed;
use std::path::PathBuf;
use std::time::Instant;

/// Runs every file; prints each difference and fails when there is one.
pub fn run(files: &[String]) -> Result<(), TaskError> {
    let began = Instant::now();
    let (mut blocks, mut failures) = (0, 0);
    for (number, file) in files.iter().enumerate() {
        let path = PathBuf::from(file);
        let text =
            std::fs::read_to_string(&path).map_err(|source| TaskError::File { path, source })?;
        let found = markdown::blocks(&text)
            .map_err(|message| TaskError::Refused(format!("{file}:{message}")))?;
        if found.is_empty() {
            continue;
        }
        blocks += found.len();
        let database = format!("crm_ai_doctest_{number}");
        let printed = psql::run(&database, &found)?;
        for (block, printed) in found.iter().zip(&printed) {
            if let Some(difference) = difference(block, printed) {
                failures += 1;
                println!("{file}:{}: {difference}\n", block.line);
            }
        }
        println!("{file}: {} blocks", found.len());
    }
    // As cargo test ends, for who reads its lines.
    println!(
        "\ntest result: {}. {} passed; {failures} failed; 0 ignored; 0 measured; 0 filtered out; \
         finished in {:.2}s",
        if failures == 0 { "ok" } else { "FAILED" },
        blocks - failures,
        began.elapsed().as_secs_f64()
    );
    if failures == 0 {
        Ok(())
    } else {
        Err(TaskError::Refused(format!("doctest: {failures} of {blocks} blocks differ")))
    }
}

/// How what was printed differs from what the document says.
fn difference(block: &Block, printed: &Printed) -> Option<String> {
    let output = printed.output.join("\n");
    match (&block.error, &printed.sqlstate) {
        (None, Some(state)) => return Some(format!("failed with {state}\n{output}")),
        (Some(expected), Some(state)) if expected != state => {
            return Some(format!("failed with {state}, not {expected}\n{output}"));
        }
        (Some(expected), None) => return Some(format!("no error {expected}\n{output}")),
        _ => {}
    }
    let Expectation::Output(expected) = &block.expectation else { return None };
    (normal(expected) != normal(&printed.output))
        .then(|| format!("expected\n{}\n--- but psql printed\n{output}", expected.join("\n")))
}

/// Without what a reader does not see: white space at ends, empty lines around.
fn normal(lines: &[String]) -> Vec<&str> {
    let mut lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(0);
    lines.split_off(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(flags: &str, output: Option<&str>) -> Block {
        let output = output.map(|text| format!("```text\n{text}\n```\n")).unwrap_or_default();
        let document = format!("```sql{flags}\nSELECT 1;\n```\n{output}");
        markdown::blocks(&document).unwrap().remove(0)
    }

    fn printed(output: &str, sqlstate: Option<&str>) -> Printed {
        Printed {
            output: output.lines().map(str::to_owned).collect(),
            sqlstate: sqlstate.map(str::to_owned),
        }
    }

    #[test]
    fn outputs_are_compared_without_invisible_differences() {
        let expected = block("", Some(" a\n---\n 1\n(1 row)"));
        assert_eq!(difference(&expected, &printed(" a \n---\n 1\n(1 row)\n\n", None)), None);
        assert!(difference(&expected, &printed(" a\n---\n 2\n(1 row)\n", None)).is_some());
        assert!(difference(&expected, &printed("", None)).is_some());
        let any = block(",ignore-output", Some("whatever"));
        assert_eq!(difference(&any, &printed("x", None)), None);
    }

    #[test]
    fn errors_are_failures_unless_they_are_expected() {
        let plain = block("", None);
        assert_eq!(difference(&plain, &printed("", None)), None);
        assert!(difference(&plain, &printed("ERROR:  no", Some("22023"))).is_some());
        let failing = block(",error=22023", None);
        assert_eq!(difference(&failing, &printed("ERROR:  no", Some("22023"))), None);
        assert!(difference(&failing, &printed("ERROR:  no", Some("42704"))).is_some());
        assert!(difference(&failing, &printed("", None)).is_some());
        // An error that is ignored is still an error.
        let ignoring = block(",ignore-output", None);
        assert!(difference(&ignoring, &printed("ERROR:  no", Some("22023"))).is_some());
    }
}
