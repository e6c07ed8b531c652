//! The cluster of the run, seen as a client sees it.

use crate::contender::Spent;
use crate::{Failure, Options};
use crm_ai_wire::{Digest, Precision};
use postgres::{Client, NoTls};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest wait for the engine.
const ENGINE_LIMIT: Duration = Duration::from_secs(60);

/// The directory of the cluster's socket.
#[derive(Debug, Clone)]
pub struct Address(PathBuf);

/// The cluster.
pub struct Server {
    /// Where it listens.
    pub address: Address,
    /// A session that is kept.
    pub session: Client,
}

/// The version that answers.
pub struct Version {
    /// `model@version`.
    pub name: String,
    /// Its artifact.
    pub sha256: Digest,
    /// Its arithmetic.
    pub precision: Precision,
    /// Its classes in the order of the logits.
    pub labels: Vec<String>,
    /// What the logits are divided by before the softmax.
    pub temperature: f64,
}

impl Server {
    /// Connects, makes the extension and a table `notes` (id, note) of the texts.
    pub fn prepare(options: &Options, texts: &[String]) -> Result<Self, Failure> {
        let address = Address(options.server());
        let mut session = address.connect()?;
        session.batch_execute(
            "CREATE EXTENSION IF NOT EXISTS crm_ai;
             CREATE TABLE notes (id integer PRIMARY KEY, note text NOT NULL);
             SET max_parallel_workers_per_gather = 0",
        )?;
        let statement =
            session.prepare("INSERT INTO notes SELECT * FROM unnest($1::int[], $2::text[])")?;
        let ids: Vec<i32> = (1..).take(texts.len()).collect();
        session.execute(&statement, &[&ids, &texts])?;
        session.batch_execute("VACUUM ANALYZE notes")?;
        Ok(Self { address, session })
    }

    /// The champion of the model `sentiment`.
    pub fn version(&mut self) -> Result<Version, Failure> {
        let row = self.session.query_one(
            "SELECT name, sha256, precision, labels, temperature::float8
             FROM crm_ai.versions WHERE model = 'sentiment' AND is_champion",
            &[],
        )?;
        let (sha256, precision): (&str, &str) = (row.get(1), row.get(2));
        Ok(Version {
            name: row.get(0),
            sha256: Digest::parse(sha256)?,
            precision: Precision::from_name(precision).ok_or("an unknown precision")?,
            labels: row.get(3),
            temperature: row.get(4),
        })
    }

    /// One line about the server and the extension.
    pub fn about(&mut self) -> Result<String, Failure> {
        let row = self.session.query_one(
            "SELECT split_part(version(), ' on ', 1), extversion
             FROM pg_extension WHERE extname = 'crm_ai'",
            &[],
        )?;
        Ok(format!("{}, crm_ai {}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
    }

    /// Sets the engine's threads and waits until an engine with so many answers.
    pub fn set_threads(&mut self, threads: usize) -> Result<(), Failure> {
        self.session.batch_execute(&format!("ALTER SYSTEM SET crm_ai.threads = {threads}"))?;
        self.session.batch_execute("SELECT pg_reload_conf()")?;
        let start = Instant::now();
        let ready =
            "SELECT coalesce(bool_or(engine_up AND threads = $1), false) FROM crm_ai.status";
        let wanted = i32::try_from(threads)?;
        while !self.session.query_one(ready, &[&wanted])?.get::<_, bool>(0) {
            if start.elapsed() > ENGINE_LIMIT {
                return Err("the engine did not start: see the server's log".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.session.execute("SELECT crm_sentiment('warm')", &[])?;
        Ok(())
    }

    /// Lets the session's statements ask about many rows at once, or row by row.
    pub fn set_batching(&mut self, is_on: bool) -> Result<(), Failure> {
        Ok(self.session.batch_execute(&format!("SET crm_ai.batching = {is_on}"))?)
    }

    /// Lets `crm_sentiment` ask this model.
    pub fn set_model(&mut self, model: &str) -> Result<(), Failure> {
        Ok(self.session.batch_execute(&format!("SET crm_ai.sentiment_model = '{model}'"))?)
    }

    /// Runs a statement to its end; processor time is the engine's and the backend's.
    pub fn pass(&mut self, statement: &str) -> Result<Spent, Failure> {
        let processes = [self.engine_pid()?, self.backend_pid()?];
        let before = processor_seconds(&processes)?;
        let start = Instant::now();
        self.session.query(statement, &[])?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Spent { seconds, processor: processor_seconds(&processes)? - before })
    }

    fn backend_pid(&mut self) -> Result<i32, Failure> {
        Ok(self.session.query_one("SELECT pg_backend_pid()", &[])?.get(0))
    }

    fn engine_pid(&mut self) -> Result<i32, Failure> {
        let row = self.session.query_one("SELECT pid FROM crm_ai.status", &[])?;
        Ok(row.get::<_, Option<i32>>(0).ok_or("the engine is down")?)
    }

    /// Resident memory of the engine, in MB, as the kernel counts it.
    pub fn engine_memory_mb(&mut self) -> Result<f64, Failure> {
        let pid = self.engine_pid()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes: f64 = line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("no VmRSS in the engine's status")?
            .parse()?;
        Ok(kilobytes / 1024.0)
    }
}

/// Processor time of processes so far; the kernel counts in hundredths of a second.
fn processor_seconds(processes: &[i32]) -> Result<f64, Failure> {
    let mut ticks = 0.0;
    for pid in processes {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let fields = after_name.split_ascii_whitespace().skip(11).take(2);
        ticks += fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
    }
    Ok(ticks / 100.0)
}

impl Address {
    /// A new session.
    pub fn connect(&self) -> Result<Client, Failure> {
        let parameters =
            format!("host='{}' port=5432 user=postgres dbname=postgres", self.0.display());
        Ok(Client::connect(&parameters, NoTls)?)
    }
}

impl Version {
    /// `negative`, `neutral` or `positive`: the side with the largest summed probability.
    pub fn side(&self, logits: &[f64]) -> &'static str {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut masses = [("negative", 0.0), ("neutral", 0.0), ("positive", 0.0)];
        for (label, logit) in self.labels.iter().zip(logits) {
            let mass = ((logit - largest) / self.temperature).exp();
            for (side, sum) in &mut masses {
                if label.ends_with(*side) {
                    *sum += mass;
                }
            }
        }
        let first = masses[0];
        masses.into_iter().fold(first, |best, next| if next.1 > best.1 { next } else { best }).0
    }
}
