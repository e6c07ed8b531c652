//! Judges labelled rows with a classifier's folder: accuracy and macro-F1.
//!
//! `score LIBRARY FOLDER ROWS`: LIBRARY is `libonnxruntime.so`, ROWS a file of one JSON object a
//! line, with `text` and `label`.

use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime};
use crm_ai_metrics::{Evaluation, Judged};
use crm_ai_wire::training::TextRow;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, folder, rows] = &arguments[..] else {
        return Err("score LIBRARY FOLDER ROWS".into());
    };
    let runtime = Runtime::load(Path::new(library))?;
    let options = LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers: 1 };
    let model = Model::load(&runtime, Path::new(folder), &options)?;
    let labels = model.info().labels.clone();
    let (mut truth, mut probabilities) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(rows)?.lines() {
        let row: TextRow = serde_json::from_str(line)?;
        let class = labels.iter().position(|label| *label == row.label).ok_or("unknown class")?;
        truth.push(vec![class]);
        probabilities.extend(model.classify(0, &[&model.tokenise(&row.text)?])?);
    }
    let found = Evaluation::of(&Judged::new(labels, &truth, &probabilities)?, 1);
    println!(
        "{} rows: accuracy {:.4}, macro-F1 {:.4}, log-loss {:.4}, calibration error {:.4}",
        found.rows, found.accuracy, found.macro_f1, found.log_loss, found.calibration_error
    );
    Ok(())
}
