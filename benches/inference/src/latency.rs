//! One text: how long its answer takes, and what SQL adds.

use crate::Failure;
use crate::contender::Contender;
use crate::report::{percentile, table, verdict};
use crate::server::Server;
use postgres::{Client, Statement};
use std::time::Instant;

/// What one text from SQL may take longer than by raw ONNX Runtime, in microseconds.
const OVERHEAD_US_MAX: f64 = 100.0;
/// Texts that are asked for, evenly spread over all.
pub const TEXTS: usize = 100;
/// How often all of them are gone through.
pub const ROUNDS: usize = 12;
/// New connections whose first call is timed.
const CONNECTIONS: usize = 50;
/// What that call should stay below, in milliseconds.
const FIRST_CALL_MS_MAX: f64 = 5.0;

const RAW: &str = "ONNX Runtime and tokenizers";
const LIBRARY: &str = "the engine's library alone";
const ENGINE: &str = "the engine's socket";
const SQL: &str = "SELECT crm_sentiment($1)";
const PLAIN: &str = "SELECT upper($1)";

/// Those who answer single texts.
pub struct Field<'f> {
    pub server: &'f Server,
    pub raw: &'f mut Contender,
    pub library: &'f mut Contender,
    pub engine: &'f mut Contender,
    pub texts: &'f [String],
}

/// Lets all take turns over the same texts on warm connections.
pub fn compare(field: &mut Field<'_>) -> Result<(), Failure> {
    let step = (field.texts.len() / TEXTS).max(1);
    let chosen: Vec<usize> = (0..field.texts.len()).step_by(step).take(TEXTS).collect();
    let mut session = field.server.address.connect()?;
    let judge = session.prepare(SQL)?;
    let plain = session.prepare(PLAIN)?;
    let names = [RAW, LIBRARY, ENGINE, SQL, PLAIN];
    // For each contender a round's microseconds by text.
    let mut taken: Vec<Vec<Vec<f64>>> = vec![Vec::new(); names.len()];
    for round in 0..=ROUNDS {
        let answers = [
            field.raw.one(&chosen)?,
            field.library.one(&chosen)?,
            field.engine.one(&chosen)?,
            ask(&mut session, &judge, field.texts, &chosen)?,
            ask(&mut session, &plain, field.texts, &chosen)?,
        ];
        // The first round warms up.
        if round > 0 {
            taken.iter_mut().zip(answers).for_each(|(rounds, answer)| rounds.push(answer));
        }
    }
    let of = |name: &str| &taken[names.iter().position(|other| *other == name).unwrap_or(0)];
    let rows = names.iter().map(|name| {
        let all: Vec<f64> = of(name).concat();
        vec![
            (*name).to_owned(),
            format!("{:.3}", percentile(&all, 0.5) / 1e3),
            format!("{:.3}", percentile(&all, 0.99) / 1e3),
            format!("{:.3}", quietest(of(name)) / 1e3),
            format!("{:+.3}", (quietest(of(SQL)) - quietest(of(name))) / 1e3),
        ]
    });
    let heads = ["", "p50", "p99", "quietest round's p50", "SQL takes longer by"];
    table(&heads, &rows.collect::<Vec<_>>());
    let over = quietest(of(SQL)) - quietest(of(RAW));
    println!(
        "One text from SQL, p50 over raw ONNX Runtime's, in the quietest rounds: {:+.3} ms (target \
         {:+.3}): {}",
        over / 1e3,
        OVERHEAD_US_MAX / 1e3,
        verdict(over <= OVERHEAD_US_MAX)
    );
    Ok(())
}

/// The smallest of the rounds' p50: what a contender takes while nothing else is going on.
fn quietest(rounds: &[Vec<f64>]) -> f64 {
    rounds.iter().map(|round| percentile(round, 0.5)).fold(f64::INFINITY, f64::min)
}

fn ask(
    session: &mut Client,
    statement: &Statement,
    texts: &[String],
    chosen: &[usize],
) -> Result<Vec<f64>, Failure> {
    let mut microseconds = Vec::with_capacity(chosen.len());
    for position in chosen {
        let start = Instant::now();
        session.query_one(statement, &[&texts[*position]])?;
        microseconds.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(microseconds)
}

/// Times the first call of new connections to a warm engine.
pub fn first_calls(server: &Server, text: &str) -> Result<(), Failure> {
    let (mut connect, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let start = Instant::now();
        let mut session = server.address.connect()?;
        connect.push(start.elapsed().as_secs_f64() * 1e3);
        for taken in [&mut first, &mut second] {
            let start = Instant::now();
            session.query_one(SQL, &[&text])?;
            taken.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    println!("New connections to a warm engine, milliseconds ({CONNECTIONS} of them):");
    let rows = [
        ("connecting", &connect),
        ("first crm_sentiment", &first),
        ("the same call again", &second),
    ];
    let rows = rows.iter().map(|(name, taken)| {
        let share = |share| format!("{:.2}", percentile(taken, share));
        vec![(*name).to_owned(), share(0.5), share(0.9)]
    });
    table(&["", "p50", "p90"], &rows.collect::<Vec<_>>());
    let p50 = percentile(&first, 0.5);
    println!(
        "First call of a new connection, p50: {p50:.2} ms (target below {FIRST_CALL_MS_MAX}): {}",
        verdict(p50 < FIRST_CALL_MS_MAX)
    );
    Ok(())
}
