//! A contender: a process that answers commands, one JSON line for one JSON line.
//!
//! Commands: `{"do": "one", "texts": […]}` judges single texts and answers `{"us": […]}`, the
//! microseconds that each took. `{"do": "pass", "way": name}` judges all texts and answers
//! `{"seconds": …, "processor": …}`: by the clock, and of processor time. `{"do": "labels"}`
//! answers what the texts' classes score. A contender that fails says so on its standard error and
//! ends.

use crate::Failure;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a pass over all texts took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Seconds by the clock.
    pub seconds: f64,
    /// Seconds of processor time, which other programs on the machine disturb less.
    pub processor: f64,
}

/// A running contender; it ends when this is dropped.
pub struct Contender {
    name: String,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Contender {
    /// Starts a contender and waits for its first line, which tells what it is.
    pub fn start(name: &str, command: &mut Command) -> Result<(Self, Value), Failure> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or("no standard output")?;
        let output = BufReader::new(output);
        let mut contender = Self { name: name.to_owned(), process, input, output };
        let about = contender.read()?;
        Ok((contender, about))
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, command: &Value) -> Result<Value, Failure> {
        let input = self.input.as_mut().ok_or("no standard input")?;
        writeln!(input, "{command}")?;
        input.flush()?;
        self.read()
    }

    /// Judges all texts in one of the contender's ways.
    pub fn pass(&mut self, way: &str) -> Result<Spent, Failure> {
        let answer = self.ask(&json!({ "do": "pass", "way": way }))?;
        let seconds = answer["seconds"].as_f64().ok_or_else(|| self.garbled())?;
        let processor = answer["processor"].as_f64().ok_or_else(|| self.garbled())?;
        Ok(Spent { seconds, processor })
    }

    /// Judges single texts; microseconds for each.
    pub fn one(&mut self, texts: &[usize]) -> Result<Vec<f64>, Failure> {
        let answer = self.ask(&json!({ "do": "one", "texts": texts }))?;
        numbers(&answer["us"]).ok_or_else(|| self.garbled())
    }

    /// For each text its classes' logits, or their logarithms of probabilities.
    pub fn logits(&mut self) -> Result<Vec<Vec<f64>>, Failure> {
        let answer = self.ask(&json!({ "do": "labels" }))?;
        let rows = answer["logits"].as_array().ok_or_else(|| self.garbled())?;
        rows.iter().map(|row| numbers(row).ok_or_else(|| self.garbled())).collect()
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|_| self.garbled())
    }

    fn garbled(&self) -> Failure {
        format!("{} failed, or answered something else than was asked", self.name).into()
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.wait();
    }
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// The contender's side: answers commands from the standard input until it ends.
pub fn serve(
    about: &Value,
    mut answer: impl FnMut(&Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    println!("{about}");
    for line in std::io::stdin().lines() {
        println!("{}", answer(&serde_json::from_str(&line?)?)?);
    }
    Ok(())
}

/// The texts that a command names, by their positions.
pub fn named<'t>(command: &Value, texts: &'t [String]) -> Vec<&'t str> {
    let positions = command["texts"].as_array().into_iter().flatten();
    let positions = positions.filter_map(|position| usize::try_from(position.as_u64()?).ok());
    positions.filter_map(|position| texts.get(position)).map(String::as_str).collect()
}
