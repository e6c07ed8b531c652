//! Many connections that call at once: throughput, waiting time and the engine's memory.

use crate::Failure;
use crate::report::{percentile, table, verdict};
use crate::server::{Address, Server};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Numbers of connections.
const CROWDS: [usize; 3] = [1, 10, 100];
/// How long each crowd calls.
const CALLING: Duration = Duration::from_secs(8);
/// What the engine may take with the largest crowd, as a multiple of one connection's.
const MEMORY_FACTOR_MAX: f64 = 1.1;

/// Calls from one, ten and a hundred connections.
pub fn compare(server: &mut Server, texts: &[String]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for connections in CROWDS {
        eprintln!("{connections} connections");
        let (rate, waits) = call(&server.address, texts, connections)?;
        memory.push(server.engine_memory_mb()?);
        rows.push(vec![
            connections.to_string(),
            format!("{rate:.0}"),
            format!("{:.1}", percentile(&waits, 0.5)),
            format!("{:.1}", percentile(&waits, 0.99)),
            format!("{:.0}", memory.last().copied().unwrap_or(f64::NAN)),
        ]);
    }
    println!("Connections that call SELECT crm_sentiment($1) one after the other:");
    table(&["connections", "rows/s", "p50 ms", "p99 ms", "engine MB"], &rows);
    let factor = memory.last().copied().unwrap_or(f64::NAN) / memory[0];
    println!(
        "The engine's memory with 100 connections against one: {factor:.3} (target below \
         {MEMORY_FACTOR_MAX}): {}",
        verdict(factor < MEMORY_FACTOR_MAX)
    );
    Ok(())
}

/// Answers per second, and each call's milliseconds.
fn call(
    address: &Address,
    texts: &[String],
    connections: usize,
) -> Result<(f64, Vec<f64>), Failure> {
    let start = Barrier::new(connections + 1);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..connections)
            .map(|caller| {
                let start = &start;
                scope.spawn(move || {
                    // Whoever cannot connect still has to let the others begin.
                    let session = address.connect().map_err(|failure| failure.to_string());
                    start.wait();
                    let mut session = session?;
                    one_caller(&mut session, texts, caller).map_err(|failure| failure.to_string())
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        let mut waits: Vec<f64> = Vec::new();
        for caller in callers {
            waits.extend(caller.join().map_err(|_| "a caller panicked")??);
        }
        Ok((waits.len() as f64 / began.elapsed().as_secs_f64(), waits))
    })
}

fn one_caller(
    session: &mut postgres::Client,
    texts: &[String],
    caller: usize,
) -> Result<Vec<f64>, Failure> {
    let statement = session.prepare("SELECT crm_sentiment($1)")?;
    let mut waits = Vec::new();
    let began = Instant::now();
    // Every caller goes through the texts from a place of its own.
    let mut position = caller * 37;
    while began.elapsed() < CALLING {
        let start = Instant::now();
        session.query_one(&statement, &[&texts[position % texts.len()]])?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
        position += 1;
    }
    Ok(waits)
}
