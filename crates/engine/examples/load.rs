//! Loads a running engine and prints throughput and latency.
//!
//! `load SOCKET FOLDER PRECISION TEXTS CONNECTIONS ROWS SECONDS`: FOLDER is a classifier's, TEXTS a
//! file with one text a line. Each of CONNECTIONS threads asks for ROWS texts at a time. The
//! overhead is what a round trip takes beyond what the engine spent on tokenising and running.

use crm_ai_wire::client::Client;
use crm_ai_wire::{Digest, Manifest, Precision, Reply, Request, Task};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Load {
    socket: PathBuf,
    model: Digest,
    precision: Precision,
    texts: Vec<String>,
    rows: usize,
    until: Instant,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, folder, precision, texts, connections, rows, seconds] = &arguments[..] else {
        return Err("load SOCKET FOLDER PRECISION TEXTS CONNECTIONS ROWS SECONDS".into());
    };
    let model = Manifest::of_folder(Path::new(folder))?.digest();
    let precision = Precision::from_name(precision).ok_or("PRECISION is fp32 or int8")?;
    let texts: Vec<String> = std::fs::read_to_string(texts)?.lines().map(str::to_owned).collect();
    let mut control = Client::connect(Path::new(socket))?;
    if let Reply::Error(code, message) = control.load(Path::new(folder))? {
        return Err(format!("{code:?}: {message}").into());
    }
    control.infer(model, precision, Task::Classify, &["warm up"])?;
    let begin = Instant::now();
    let load = Arc::new(Load {
        socket: socket.into(),
        model,
        precision,
        texts,
        rows: rows.parse()?,
        until: begin + Duration::from_secs(seconds.parse()?),
    });
    let connections: usize = connections.parse()?;
    let threads: Vec<_> = (0..connections)
        .map(|number| {
            let load = Arc::clone(&load);
            std::thread::spawn(move || load.run(number))
        })
        .collect();
    let mut spans = Vec::new();
    for thread in threads {
        spans.extend(thread.join().map_err(|_| "a client panicked")??);
    }
    let rate = (spans.len() * load.rows) as f64 / begin.elapsed().as_secs_f64();
    println!("{} requests, {rate:.1} rows/s", spans.len());
    print_quantiles("round trip", spans.iter().map(|(trip, _)| *trip).collect());
    print_quantiles("overhead", spans.iter().map(|(_, overhead)| *overhead).collect());
    if let Reply::Stats(stats) = control.call(Request::Stats)? {
        let per_batch = stats.rows as f64 / stats.batches.max(1) as f64;
        println!("memory {} MiB, {per_batch:.1} texts a batch", stats.memory_bytes >> 20);
    }
    Ok(())
}

impl Load {
    /// Round trip and overhead of each request.
    fn run(
        &self,
        number: usize,
    ) -> Result<Vec<(Duration, Duration)>, Box<dyn Error + Send + Sync>> {
        let mut client = Client::connect(&self.socket)?;
        let mut spans = Vec::new();
        let mut next = number * self.rows;
        while Instant::now() < self.until {
            let texts: Vec<&str> = (next..next + self.rows)
                .map(|index| self.texts[index % self.texts.len()].as_str())
                .collect();
            next += self.rows + 7;
            let begin = Instant::now();
            let reply = client.infer(self.model, self.precision, Task::Classify, &texts)?;
            let trip = begin.elapsed();
            let Reply::Scores(scores) = reply else { return Err(format!("{reply:?}").into()) };
            let worked = scores.timings.tokenise_us + scores.timings.run_us;
            spans.push((trip, trip.saturating_sub(Duration::from_micros(worked.into()))));
        }
        Ok(spans)
    }
}

fn print_quantiles(name: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let at = |share: f64| spans.get(((spans.len() as f64 - 1.0) * share) as usize).copied();
    let micros = |share| at(share).unwrap_or_default().as_micros();
    println!("{name}: p50 {} us, p90 {}, p99 {}", micros(0.5), micros(0.9), micros(0.99));
}
