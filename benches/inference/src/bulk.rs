//! Many texts at once: texts per second of every contender, in interleaved rounds.

use crate::contender::Contender;
use crate::report::{median, table, verdict};
use crate::server::{Server, Version};
use crate::{Failure, Options};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;

/// Share of raw ONNX Runtime that a batch from SQL should reach.
const BATCH_SHARE_MIN: f64 = 0.95;
/// Settings of raw ONNX Runtime that go from the sweep into the rounds.
const FINALISTS: usize = 3;

const BATCH: &str = "SELECT crm_sentiment_batch(array_agg(note)) FROM notes";
const ROWS: &str = "SELECT count(crm_sentiment(note)) FROM notes";

/// Everyone who takes part.
pub struct Field<'f> {
    pub server: &'f mut Server,
    pub version: &'f Version,
    pub raw: &'f mut Contender,
    pub pipeline: &'f mut Contender,
    pub texts: usize,
}

/// Seconds of each round, by the contender's name in the table.
type Seconds = BTreeMap<&'static str, Vec<f64>>;

const RAW: &str = "ONNX Runtime, tokens ready, sorted by length";
const RAW_TEXT: &str = "ONNX Runtime and tokenizers, sorted by length";
const SQL_BATCH: &str = "crm_sentiment_batch(array_agg(note))";
const SQL_ROWS: &str = "count(crm_sentiment(note)), row by row";
const PIPELINE_ONE: &str = "transformers pipeline, one by one";
const PIPELINE_BATCH: &str = "transformers pipeline, batches of 32";
const PIPELINE_SORTED: &str = "transformers pipeline, batches of 32, sorted";

/// Finds ONNX Runtime's best settings, then lets all take turns.
pub fn compare(field: &mut Field<'_>, options: &Options) -> Result<(), Failure> {
    let ways = sweep(field.raw)?;
    let mut raw: BTreeMap<String, [Vec<f64>; 2]> = BTreeMap::new();
    let mut seconds = Seconds::new();
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for way in &ways {
            let ready = field.raw.pass(&format!("{way} ready"))?;
            let text = field.raw.pass(&format!("{way} text"))?;
            let entry = raw.entry(way.clone()).or_default();
            entry[0].push(ready);
            entry[1].push(text);
        }
        for (name, statement) in [(SQL_BATCH, BATCH), (SQL_ROWS, ROWS)] {
            let start = Instant::now();
            field.server.session.query(statement, &[])?;
            seconds.entry(name).or_default().push(start.elapsed().as_secs_f64());
        }
        for (name, way) in
            [(PIPELINE_ONE, "one"), (PIPELINE_BATCH, "batch"), (PIPELINE_SORTED, "sorted")]
        {
            seconds.entry(name).or_default().push(field.pipeline.pass(way)?);
        }
    }
    for (name, index) in [(RAW, 0), (RAW_TEXT, 1)] {
        let best = raw.values().min_by(|a, b| median(&a[index]).total_cmp(&median(&b[index])));
        seconds.insert(name, best.ok_or("no setting of ONNX Runtime")?[index].clone());
    }
    if let Some((way, _)) = raw.iter().min_by(|a, b| median(&a.1[0]).total_cmp(&median(&b.1[0]))) {
        println!("ONNX Runtime's best setting: {way}");
    }
    print(&seconds, field.texts);
    check_answers(field)
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

fn print(seconds: &Seconds, texts: usize) {
    let rate = |name: &str| texts as f64 / median(&seconds[name]);
    let order = [RAW, RAW_TEXT, SQL_BATCH, SQL_ROWS, PIPELINE_ONE, PIPELINE_BATCH, PIPELINE_SORTED];
    let rows = order.iter().map(|name| {
        let rounds: Vec<f64> = seconds[name].iter().map(|one| texts as f64 / one).collect();
        let low = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let high = rounds.iter().copied().fold(0.0, f64::max);
        vec![
            (*name).to_owned(),
            format!("{:.0}", rate(name)),
            format!("{low:.0}–{high:.0}"),
            format!("{:.2}", rate(name) / rate(RAW)),
            format!("{:.2}", rate(name) / rate(RAW_TEXT)),
            format!("{:.1}", rate(name) / rate(PIPELINE_ONE)),
        ]
    });
    let heads = ["", "texts/s", "rounds", "× raw", "× raw with text", "× transformers"];
    table(&heads, &rows.collect::<Vec<_>>());
    // A machine that others use changes between rounds; within one it is the same for all.
    let pairs = seconds[RAW].iter().zip(&seconds[SQL_BATCH]).map(|(raw, sql)| raw / sql);
    let share = median(&pairs.collect::<Vec<_>>());
    println!(
        "Batch from SQL against raw ONNX Runtime, median of the rounds' ratios: {share:.3} \
         (target {BATCH_SHARE_MIN}): {}",
        verdict(share >= BATCH_SHARE_MIN)
    );
}

/// Compares the answers: speed is worth something only where they are right.
fn check_answers(field: &mut Field<'_>) -> Result<(), Failure> {
    let session = &mut field.server.session;
    let batch = "SELECT crm_sentiment_batch(array_agg(note ORDER BY id)) FROM notes";
    let batch: Vec<String> = session.query_one(batch, &[])?.get(0);
    let rows = session.query("SELECT crm_sentiment(note) FROM notes ORDER BY id", &[])?;
    let rows: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let sides = |logits: &[Vec<f64>]| -> Vec<&'static str> {
        logits.iter().map(|row| field.version.side(row)).collect()
    };
    let raw = sides(&field.raw.logits()?);
    let pipeline = sides(&field.pipeline.logits()?);
    let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
    let equal = |other: &[&str]| batch.iter().zip(other).filter(|(a, b)| a == b).count();
    println!(
        "Of {} labels from crm_sentiment_batch, equal: {} row by row, {} with raw ONNX Runtime, {} \
         with transformers in fp32.",
        batch.len(),
        equal(&rows),
        equal(&raw),
        equal(&pipeline)
    );
    Ok(())
}

/// Text of a contender's answer to who it is.
pub fn versions(about: &Value) -> String {
    about["versions"].as_str().unwrap_or("?").to_owned()
}
