//! The command line.

use crate::Failure;
use crm_ai_wire::{Digest, Precision};
use std::path::PathBuf;

/// What the command line decides; a sub-command reads what it needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where this run's files lie: `server` (the cluster), `texts.json`, and what is written.
    pub place: PathBuf,
    /// Words before a command that make it run as the cluster's user; none where this one is it.
    pub run_as: Vec<String>,
    /// Folder of the model.
    pub model: PathBuf,
    /// `libonnxruntime.so` of the package.
    pub library: PathBuf,
    /// Python with `requirements.txt`.
    pub python: PathBuf,
    /// Folder of the Python contenders.
    pub scripts: PathBuf,
    /// Rounds of each comparison.
    pub rounds: usize,
    /// Numbers of threads to compare with, one comparison each.
    pub threads: Vec<usize>,
    /// The artifact, for the engine's contender.
    pub sha256: Option<Digest>,
    /// Its arithmetic.
    pub precision: Precision,
}

impl Options {
    /// Reads the sub-command and its options.
    pub fn parse() -> Result<(String, Self), Failure> {
        let mut command = String::new();
        let mut options = Self {
            place: PathBuf::new(),
            run_as: Vec::new(),
            model: PathBuf::new(),
            library: PathBuf::new(),
            python: PathBuf::new(),
            scripts: PathBuf::new(),
            rounds: 3,
            threads: Vec::new(),
            sha256: None,
            precision: Precision::Fp32,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                lexopt::Arg::Value(value) => command = value.to_string_lossy().into_owned(),
                lexopt::Arg::Long(name) => {
                    let name = name.to_owned();
                    let value = parser.value()?.to_string_lossy().into_owned();
                    options.set(&name, value)?;
                }
                lexopt::Arg::Short(_) => return Err(argument.unexpected().into()),
            }
        }
        Ok((command, options))
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Failure> {
        match name {
            "place" => self.place = value.into(),
            "run-as" => self.run_as = value.split_whitespace().map(str::to_owned).collect(),
            "model" => self.model = value.into(),
            "library" => self.library = value.into(),
            "python" => self.python = value.into(),
            "scripts" => self.scripts = value.into(),
            "rounds" => self.rounds = value.parse()?,
            "threads" => {
                let counts = value.split_whitespace().map(str::parse).collect::<Result<_, _>>();
                self.threads = counts?;
            }
            "sha256" => self.sha256 = Some(Digest::parse(&value)?),
            "precision" => {
                self.precision = Precision::from_name(&value).ok_or("an unknown precision")?;
            }
            _ => return Err(format!("unknown option --{name}").into()),
        }
        Ok(())
    }

    /// The file of the texts: a JSON array of strings.
    pub fn texts(&self) -> PathBuf {
        self.place.join("texts.json")
    }

    /// The directory of the cluster's socket; its data lies in `data` below.
    pub fn server(&self) -> PathBuf {
        self.place.join("server")
    }

    /// Reads the texts.
    pub fn read_texts(&self) -> Result<Vec<String>, Failure> {
        Ok(serde_json::from_slice(&std::fs::read(self.texts())?)?)
    }

    /// The first number of threads, which a contender works with.
    pub fn first_threads(&self) -> usize {
        self.threads.first().copied().unwrap_or(1)
    }
}
