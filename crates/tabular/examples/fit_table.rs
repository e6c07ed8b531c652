//! Learns from a file of labelled records and answers for another: the Rust side of
//! benches/tabular/compare.py.
//!
//! `fit_table TRAIN TEST OUT`: both files hold an object a line, `{"record": {…}, "label": "…"}`.
//! Writes the model's folder OUT, and to OUT/probabilities.tsv a line for each row of TEST with the
//! probability of every class.

use crm_ai_tabular::{Options, train};
use serde_json::{Map, Value};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

#[derive(serde::Deserialize)]
struct Row {
    record: Map<String, Value>,
    label: String,
}

fn read(path: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train_path, test_path, out] = &arguments[..] else {
        return Err("usage: fit_table TRAIN TEST OUT".into());
    };
    let (rows, test) = (read(train_path)?, read(test_path)?);
    let rows: Vec<_> = rows.iter().map(|row| (&row.record, row.label.as_str())).collect();
    let begin = Instant::now();
    let options = Options { rounds: 1000, learning_rate: 0.05, balance_classes: false, seed: 42 };
    let trained = train(&rows, &options, None, &mut |_, _| true)?;
    let seconds = begin.elapsed().as_secs_f64();
    let out = PathBuf::from(out);
    fs::create_dir_all(&out)?;
    trained.save(&out)?;
    let mut lines = String::new();
    for row in &test {
        let probabilities = trained.probabilities(&row.record);
        let line: Vec<String> = probabilities.iter().map(f32::to_string).collect();
        writeln!(lines, "{}", line.join("\t"))?;
    }
    fs::write(out.join("probabilities.tsv"), lines)?;
    let shown = serde_json::json!({
        "seconds": seconds,
        "trees": trained.forest.trees.len(),
        "features": trained.forest.width,
        "calibration": trained.features.calibration,
        "importances": trained.features.importances.iter().take(6).collect::<Vec<_>>(),
    });
    println!("{shown}");
    Ok(())
}
