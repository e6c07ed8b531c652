//! Many texts at once: texts per second of every contender, in interleaved rounds.

use crate::contender::{Contender, Spent};
use crate::report::{median, median_interval, table, verdict};
use crate::server::{Server, Version};
use crate::{Failure, Options};
use serde_json::Value;
use std::collections::BTreeMap;

/// Share of raw ONNX Runtime that a batch from SQL should reach.
const BATCH_SHARE_MIN: f64 = 0.95;
/// Settings of raw ONNX Runtime that go from the sweep into the rounds.
const FINALISTS: usize = 3;
/// How often its best setting and SQL then take turns by themselves. A machine that others use
/// changes from minute to minute; neighbouring turns meet much the same one.
const TURNS: usize = 20;

const BATCH: &str = "SELECT crm_sentiment_batch(array_agg(note)) FROM notes";
const PLAIN: &str = "SELECT id, crm_sentiment(note) FROM notes";
const ROWS: &str = "SELECT count(crm_sentiment(note)) FROM notes";

const SENTIMENT: &str = "sentiment";
/// The same weights, imported to be served in int8.
const SENTIMENT_INT8: &str = "sentiment_int8";

/// Everyone who takes part.
pub struct Field<'f> {
    pub server: &'f mut Server,
    pub version: &'f Version,
    pub raw: &'f mut Contender,
    pub pipeline: &'f mut Contender,
    pub int8: &'f mut Contender,
    pub texts: usize,
}

/// What each round took, by the contender's name in the table.
type Rounds = BTreeMap<&'static str, Vec<Spent>>;

const RAW: &str = "ONNX Runtime, tokens ready, sorted by length";
const RAW_TEXT: &str = "ONNX Runtime and tokenizers, sorted by length";
const SQL_BATCH: &str = "crm_sentiment_batch(array_agg(note))";
const SQL_PLAIN: &str = "SELECT id, crm_sentiment(note) FROM notes";
const SQL_INT8: &str = "SELECT id, crm_sentiment(note) FROM notes, in int8";
const SQL_ROWS: &str = "count(crm_sentiment(note)), row by row";
const PIPELINE_ONE: &str = "transformers pipeline, one by one";
const PIPELINE_BATCH: &str = "transformers pipeline, batches of 32";
const PIPELINE_SORTED: &str = "transformers pipeline, batches of 32, sorted";
const INT8_ONE: &str = "ONNX Runtime in int8, one by one";
const INT8_BATCH: &str = "ONNX Runtime in int8, batches of 32";
const INT8_SORTED: &str = "ONNX Runtime in int8, batches of 32, sorted";

/// Finds ONNX Runtime's best settings, then lets all take turns.
pub fn compare(field: &mut Field<'_>, options: &Options) -> Result<(), Failure> {
    let ways = sweep(field.raw)?;
    let mut raw: BTreeMap<String, [Vec<Spent>; 2]> = BTreeMap::new();
    let mut rounds = Rounds::new();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for way in &ways {
            let ready = field.raw.pass(&format!("{way} ready"))?;
            let text = field.raw.pass(&format!("{way} text"))?;
            let entry = raw.entry(way.clone()).or_default();
            entry[0].push(ready);
            entry[1].push(text);
        }
        for (name, statement, model, batching) in [
            (SQL_BATCH, BATCH, SENTIMENT, true),
            (SQL_PLAIN, PLAIN, SENTIMENT, true),
            (SQL_INT8, PLAIN, SENTIMENT_INT8, true),
            (SQL_ROWS, ROWS, SENTIMENT, false),
        ] {
            field.server.set_model(model)?;
            field.server.set_batching(batching)?;
            rounds.entry(name).or_default().push(field.server.pass(statement)?);
        }
        for (name, way) in
            [(PIPELINE_ONE, "one"), (PIPELINE_BATCH, "batch"), (PIPELINE_SORTED, "sorted")]
        {
            rounds.entry(name).or_default().push(field.pipeline.pass(way)?);
        }
        for (name, way) in [(INT8_ONE, "one"), (INT8_BATCH, "batch"), (INT8_SORTED, "sorted")] {
            rounds.entry(name).or_default().push(field.int8.pass(way)?);
        }
    }
    let fastest = |index: usize| {
        let median = |taken: &[Vec<Spent>; 2]| seconds(&taken[index]);
        let best = raw.iter().min_by(|a, b| median(a.1).total_cmp(&median(b.1)));
        best.map(|(way, taken)| (way, &taken[index])).ok_or("no setting of ONNX Runtime")
    };
    for (name, index) in [(RAW, 0), (RAW_TEXT, 1)] {
        let (way, taken) = fastest(index)?;
        println!("{name}: best with {way}");
        rounds.insert(name, taken.clone());
    }
    print(&rounds, field.texts);
    take_turns(field, &format!("{} ready", fastest(0)?.0))?;
    check_answers(field)
}

/// Compares SQL with one setting of raw ONNX Runtime, turn by turn.
fn take_turns(field: &mut Field<'_>, raw: &str) -> Result<(), Failure> {
    eprintln!("{TURNS} turns of raw ONNX Runtime and SQL");
    field.server.set_model(SENTIMENT)?;
    field.server.set_batching(true)?;
    let mut taken = Rounds::new();
    let mut order = [RAW, SQL_PLAIN, SQL_BATCH];
    for _ in 0..TURNS {
        for name in order {
            let spent = match name {
                RAW => field.raw.pass(raw)?,
                SQL_PLAIN => field.server.pass(PLAIN)?,
                _ => field.server.pass(BATCH)?,
            };
            taken.entry(name).or_default().push(spent);
        }
        order.reverse();
    }
    for name in [SQL_PLAIN, SQL_BATCH] {
        let shares = |of: fn(&Spent) -> f64| -> Vec<f64> {
            taken[RAW].iter().zip(&taken[name]).map(|(raw, sql)| of(raw) / of(sql)).collect()
        };
        let clock = shares(|spent| spent.seconds);
        let (low, high) = median_interval(&clock);
        println!(
            "{name} against raw ONNX Runtime, median of {TURNS} turns' ratios: {:.3} ({low:.3} to \
             {high:.3}) by the clock (target {BATCH_SHARE_MIN}): {}; {:.3} by processor time",
            median(&clock),
            verdict(median(&clock) >= BATCH_SHARE_MIN),
            median(&shares(|spent| spent.processor))
        );
    }
    Ok(())
}

/// Median of the rounds' seconds by the clock.
fn seconds(rounds: &[Spent]) -> f64 {
    median(&rounds.iter().map(|spent| spent.seconds).collect::<Vec<_>>())
}

/// Median of the rounds' seconds of processor time.
fn processor(rounds: &[Spent]) -> f64 {
    median(&rounds.iter().map(|spent| spent.processor).collect::<Vec<_>>())
}

/// Tries all settings of raw ONNX Runtime on a part of the texts; the best ones' names.
fn sweep(raw: &mut Contender) -> Result<Vec<String>, Failure> {
    eprintln!("sweeping ONNX Runtime's settings");
    let answer = raw.ask(&serde_json::json!({ "do": "sweep" }))?;
    let tried: Vec<(String, f64)> = answer["rates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry[0].as_str()?.to_owned(), entry[1].as_f64()?)))
        .collect();
    let mut rows: BTreeMap<(String, String), BTreeMap<u64, f64>> = BTreeMap::new();
    for (name, rate) in &tried {
        let mut parts = name.split_whitespace().map(str::to_owned);
        let (Some(mode), Some(graph), Some(batch)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("a setting without a name".into());
        };
        rows.entry((mode, graph)).or_default().insert(batch.parse()?, *rate);
    }
    println!("ONNX Runtime by setting, texts/s on {} texts with tokens ready:", answer["texts"]);
    let batches: Vec<u64> =
        rows.values().next().into_iter().flat_map(BTreeMap::keys).copied().collect();
    let heads: Vec<String> = batches.iter().map(|batch| format!("batch {batch}")).collect();
    let heads: Vec<&str> =
        ["threads, graph"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows = rows.iter().map(|((mode, graph), rates)| {
        let name = format!("{mode}, {graph}");
        [name].into_iter().chain(rates.values().map(|rate| format!("{rate:.0}"))).collect()
    });
    table(&heads, &rows.collect::<Vec<Vec<String>>>());
    let mut best = tried;
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(best.into_iter().take(FINALISTS).map(|(name, _)| name).collect())
}

fn print(rounds: &Rounds, texts: usize) {
    let texts = texts as f64;
    let quietest = |name: &str| {
        texts / rounds[name].iter().map(|spent| spent.seconds).fold(f64::INFINITY, f64::min)
    };
    let order = [
        RAW,
        RAW_TEXT,
        SQL_BATCH,
        SQL_PLAIN,
        SQL_INT8,
        SQL_ROWS,
        PIPELINE_ONE,
        PIPELINE_BATCH,
        PIPELINE_SORTED,
        INT8_ONE,
        INT8_BATCH,
        INT8_SORTED,
    ];
    let rows = order.iter().map(|name| {
        vec![
            (*name).to_owned(),
            format!("{:.0}", texts / seconds(&rounds[name])),
            format!("{:.0}", quietest(name)),
            format!("{:.0}", texts / processor(&rounds[name])),
            format!("{:.2}", quietest(name) / quietest(RAW)),
            format!("{:.2}", quietest(name) / quietest(RAW_TEXT)),
            format!("{:.1}", quietest(name) / quietest(PIPELINE_ONE)),
        ]
    });
    let heads = [
        "",
        "texts/s, median",
        "quietest round",
        "texts/processor s",
        "× raw",
        "× raw with text",
        "× transformers",
    ];
    table(&heads, &rows.collect::<Vec<_>>());
}

/// Compares the answers: speed is worth something only where they are right.
fn check_answers(field: &mut Field<'_>) -> Result<(), Failure> {
    let batch = "SELECT crm_sentiment_batch(array_agg(note ORDER BY id)) FROM notes";
    let batch: Vec<String> = field.server.session.query_one(batch, &[])?.get(0);
    let plain = labels(field.server, SENTIMENT, true)?;
    let own_int8 = labels(field.server, SENTIMENT_INT8, true)?;
    let rows = labels(field.server, SENTIMENT, false)?;
    let sides = |logits: &[Vec<f64>]| -> Vec<&'static str> {
        logits.iter().map(|row| field.version.side(row)).collect()
    };
    let raw = sides(&field.raw.logits()?);
    let pipeline = sides(&field.pipeline.logits()?);
    let int8 = sides(&field.int8.logits()?);
    let equal = |other: &[&str]| batch.iter().zip(other).filter(|(a, b)| a == *b).count();
    let equal_own = |other: &[String]| batch.iter().zip(other).filter(|(a, b)| a == b).count();
    println!(
        "Of {} labels from crm_sentiment_batch, equal: {} from plain SELECT, {} in int8, {} row by \
         row, {} with raw ONNX Runtime, {} with transformers in fp32, {} with ONNX Runtime in \
         int8.",
        batch.len(),
        equal_own(&plain),
        equal_own(&own_int8),
        equal_own(&rows),
        equal(&raw),
        equal(&pipeline),
        equal(&int8)
    );
    Ok(())
}

/// The labels of all notes by plain SQL.
fn labels(server: &mut Server, model: &str, batching: bool) -> Result<Vec<String>, Failure> {
    server.set_model(model)?;
    server.set_batching(batching)?;
    let rows = server.session.query("SELECT crm_sentiment(note) FROM notes ORDER BY id", &[])?;
    server.set_model(SENTIMENT)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Text of a contender's answer to who it is.
pub fn versions(about: &Value) -> String {
    about["versions"].as_str().unwrap_or("?").to_owned()
}
