//! One text: how long its answer takes, and what SQL adds.

use crate::Failure;
use crate::contender::Contender;
use crate::report::{median, percentile, table, verdict};
use crate::server::Server;
use postgres::{Client, Statement};
use std::collections::HashMap;
use std::time::Instant;

/// What one text from SQL may take longer than by raw ONNX Runtime, in milliseconds.
const OVERHEAD_MS_MAX: f64 = 0.1;
/// Texts of a round, evenly spread over all: few, so that what else goes on at the machine meets
/// all contenders alike.
pub const TEXTS: usize = 20;
/// Calls before them that do not count: the others' turns leave the caches cold.
const WARM_UP: usize = 10;
/// How often all contenders have their turn, each time with other texts.
pub const ROUNDS: usize = 200;
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
    let mut session = field.server.address.connect()?;
    let judge = session.prepare(SQL)?;
    let plain = session.prepare(PLAIN)?;
    let names = [RAW, LIBRARY, ENGINE, SQL, PLAIN];
    // For each contender the microseconds of each call.
    let mut taken: HashMap<&str, Vec<f64>> = HashMap::new();
    let mut turns = names;
    for round in 0..ROUNDS {
        let chosen = of_round(round, field.texts.len());
        for name in turns {
            let answer = match name {
                RAW => field.raw.one(&chosen)?,
                LIBRARY => field.library.one(&chosen)?,
                ENGINE => field.engine.one(&chosen)?,
                SQL => ask(&mut session, &judge, field.texts, &chosen)?,
                _ => ask(&mut session, &plain, field.texts, &chosen)?,
            };
            taken.entry(name).or_default().extend(answer.iter().skip(WARM_UP));
        }
        // Nobody always comes after the same one, whose weights may be in the caches.
        turns.reverse();
    }
    let of = |name: &str| &taken[name];
    let more = |name: &str| {
        let pairs = of(SQL).iter().zip(of(name));
        median(&pairs.map(|(sql, other)| sql - other).collect::<Vec<_>>()) / 1e3
    };
    let rows = names.iter().map(|name| {
        let calls = |share| format!("{:.3}", percentile(of(name), share) / 1e3);
        vec![(*name).to_owned(), calls(0.5), calls(0.99), format!("{:+.3}", more(name))]
    });
    table(&["", "p50", "p99", "SQL takes longer by, median"], &rows.collect::<Vec<_>>());
    let over = (percentile(of(SQL), 0.5) - percentile(of(RAW), 0.5)) / 1e3;
    println!(
        "One text from SQL, p50 over raw ONNX Runtime's: {over:+.3} ms (target \
         {OVERHEAD_MS_MAX:+.3}): {}",
        verdict(over <= OVERHEAD_MS_MAX)
    );
    Ok(())
}

/// Positions of a round's texts among `count`, the last ones also as those that warm up.
fn of_round(round: usize, count: usize) -> Vec<usize> {
    let step = (count / TEXTS).max(1);
    let texts: Vec<usize> = (round % step..count).step_by(step).take(TEXTS).collect();
    [&texts[texts.len().saturating_sub(WARM_UP)..], &texts[..]].concat()
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
