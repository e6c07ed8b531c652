//! Models of records: what ONNX Runtime answers is what the trees say.

use crate::support::{distance, fixture, root, runtime};
use crm_ai_infer::{Device, Error, LoadOptions, Precision, TableModel, WorkerSlot};
use crm_ai_tabular::{Features, Options, Trained, train};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

type Record = Map<String, Value>;

#[derive(serde::Deserialize)]
struct Row {
    record: Record,
    label: String,
}

/// Customers of a telephone company, and whether they left.
fn churn() -> Vec<(Record, String)> {
    let text = fs::read_to_string(root("tests/fixtures/tabular/telco.jsonl")).unwrap();
    let row = |line: &str| serde_json::from_str::<Row>(line).unwrap();
    text.lines().map(row).map(|row| (row.record, row.label)).collect()
}

/// Three classes that depend on numbers, categories, dates and on what is missing.
fn orders(rows: usize) -> Vec<(Record, String)> {
    let record = |row: usize| {
        let mixed = row.wrapping_mul(2_654_435_761) >> 7;
        let (amount, shop, day) = (mixed % 997, mixed / 997 % 5, mixed / 7 % 28 + 1);
        let record = json!({
            "amount": if mixed.is_multiple_of(11) { json!(null) } else { json!(amount as f64 / 3.0) },
            "shop": format!("shop {shop}"),
            "placed": format!("2026-{:02}-{day:02}T{:02}:00:00+00:00", row % 12 + 1, row % 24),
            "city": format!("city {}", mixed % 60),
        });
        let class = match (mixed % 11, shop) {
            (0, _) => "review",
            (_, 0 | 3) if amount > 400 => "fast",
            _ => ["slow", "fast"][usize::from(row.is_multiple_of(17))],
        };
        (record.as_object().unwrap().clone(), class.to_owned())
    };
    (0..rows).map(record).collect()
}

fn learn(rows: &[(Record, String)], rounds: u32) -> Trained {
    let rows: Vec<_> = rows.iter().map(|(record, label)| (record, label.as_str())).collect();
    let options = Options { rounds, learning_rate: 0.1, balance_classes: false, seed: 7 };
    train(&rows, &options, None, &mut |_, _| true).unwrap()
}

fn load(folder: &Path, workers: usize) -> Result<TableModel, Error> {
    let options = LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers };
    TableModel::load(runtime(), folder, &options)
}

fn saved(trained: &Trained) -> (TempDir, TableModel) {
    let folder = tempfile::tempdir().unwrap();
    trained.save(folder.path()).unwrap();
    let model = load(folder.path(), 2).unwrap();
    (folder, model)
}

#[test]
fn the_graph_says_what_the_trees_say() {
    for rows in [churn(), orders(900), orders(30)] {
        let trained = learn(&rows, 60);
        let (_folder, model) = saved(&trained);
        let features: Vec<_> = rows
            .iter()
            .map(|(record, _)| model.features(&Value::from(record.clone()).to_string()).unwrap())
            .collect();
        let batch: Vec<&[f32]> = features.iter().map(|row| &**row).collect();
        let answers = model.predict(WorkerSlot::Worker(0), &batch).unwrap();
        let classes = model.info().labels.len();
        let mut right = 0;
        for ((row, (record, label)), answer) in
            features.iter().zip(&rows).zip(answers.chunks_exact(classes))
        {
            assert!(distance(answer, &trained.probabilities(record)) <= 1e-6);
            assert!((answer.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            // Alone and from another worker: the very same numbers.
            assert_eq!(model.predict(WorkerSlot::Worker(1), &[row]).unwrap(), answer);
            let best = (0..classes).max_by(|a, b| answer[*a].total_cmp(&answer[*b])).unwrap();
            right += usize::from(model.info().labels[best] == *label);
        }
        assert!(right * 4 > rows.len() * 3, "{right} of {}", rows.len());
    }
}

/// Values at, just below and just above each threshold, and missing ones, at each node.
#[test]
fn thresholds_are_compared_alike() {
    use crm_ai_tabular::Node;
    let trained = learn(&churn(), 40);
    let (_folder, model) = saved(&trained);
    let mut rows: Vec<Vec<f32>> = Vec::new();
    for node in trained.forest.trees.iter().flat_map(|tree| &tree.0) {
        let Node::Split { feature, threshold, .. } = *node else { continue };
        let near = [threshold, threshold.next_up(), threshold.next_down(), f32::NAN, f32::MAX];
        rows.extend(near.map(|value| {
            let mut row = vec![0.5; trained.forest.width];
            row[feature as usize] = value;
            row
        }));
    }
    let batch: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let answers = model.predict(WorkerSlot::Worker(0), &batch).unwrap();
    for (row, answer) in rows.iter().zip(answers.chunks_exact(2)) {
        let [no, yes] = trained.forest.logits(row)[..] else { panic!("two classes") };
        let expected = 1.0 / (1.0 + f64::from(no - yes).exp());
        assert!((f64::from(answer[1]) - expected).abs() <= 1e-6);
    }
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows = orders(400);
    let bytes = |trained: &Trained| {
        let folder = tempfile::tempdir().unwrap();
        trained.save(folder.path()).unwrap();
        ["features.json", "model.onnx"].map(|file| fs::read(folder.path().join(file)).unwrap())
    };
    assert_eq!(bytes(&learn(&rows, 20)), bytes(&learn(&rows, 20)));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let trained = learn(&orders(200), 5);
    let (folder, model) = saved(&trained);
    assert_eq!(model.features("[]"), Err(Error::Record));
    assert_eq!(model.features("nonsense"), Err(Error::Record));
    assert_eq!(model.predict(WorkerSlot::Worker(0), &[&[1.0]]), Err(Error::Record));
    assert!(matches!(model.predict(WorkerSlot::Worker(9), &[]), Err(Error::Worker { .. })));
    let refused = |file: &str, content: &[u8]| {
        let broken = tempfile::tempdir().unwrap();
        for name in ["features.json", "model.onnx"] {
            fs::copy(folder.path().join(name), broken.path().join(name)).unwrap();
        }
        fs::write(broken.path().join(file), content).unwrap();
        let error = load(broken.path(), 1).unwrap_err();
        assert!(matches!(error, Error::InvalidModel { .. }), "{error}");
    };
    refused("features.json", b"{}");
    refused("model.onnx", b"nonsense");
    let features = fs::read(folder.path().join("features.json")).unwrap();
    let mut other = Features::from_json(&features).unwrap();
    other.labels.push("fourth".to_owned());
    refused("features.json", &other.to_json());
    other.labels.pop();
    other.columns.pop();
    refused("features.json", &other.to_json());
}

#[derive(serde::Deserialize)]
struct Expected {
    record: Value,
    probabilities: Vec<f32>,
}

/// A graph that another library's exporter wrote, with the answers that its rules give by hand.
#[test]
fn a_strangers_model_answers_as_its_rules_say() {
    let folder = fixture("table_classifier");
    let model = load(&folder, 1).unwrap();
    assert_eq!(model.info().labels, ["stays", "leaves"]);
    let rows: Vec<Expected> =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    for row in rows {
        let features = model.features(&row.record.to_string()).unwrap();
        let answer = model.predict(WorkerSlot::Worker(0), &[&features]).unwrap();
        assert!(distance(&answer, &row.probabilities) <= 1e-6, "{}: {answer:?}", row.record);
    }
}
