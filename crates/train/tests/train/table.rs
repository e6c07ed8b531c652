//! Runs that learn from records, from the job to the gate's decision.

use crm_ai_metrics::Promote;
use crm_ai_train::run;
use crm_ai_wire::training::{Event, FailureKind, Job, ModelFolder, Outcome, Started};
use crm_ai_wire::training::{TableRow, TableTask, Task};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

use crate::support::{root, runtime};

/// Customers of a telephone company, and whether they left.
fn churn() -> Vec<TableRow> {
    let text = fs::read_to_string(root("tests/fixtures/tabular/telco.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a run told.
struct Told {
    started: Started,
    outcome: Outcome,
}

fn job(folder: &Path, rows: &[TableRow], champion: Option<&Path>) -> Job {
    let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    fs::write(folder.join("rows.jsonl"), lines.join("\n")).unwrap();
    let champion = champion
        .map(|champion| ModelFolder { folder: champion.to_owned(), precision: "fp32".to_owned() });
    Job {
        run: 1,
        rows: folder.join("rows.jsonl"),
        output: folder.join("output"),
        checkpoint: folder.join("checkpoint"),
        task: Task::Table(TableTask { rounds: 80, learning_rate: 0.1, balance_classes: true }),
        champion,
        test_size: 0.25,
        seed: 42,
        device: "auto".to_owned(),
        threads: 2,
        promote: Promote::IfBetter,
        minimums: Default::default(),
    }
}

fn learn(rows: &[TableRow], champion: Option<&Path>) -> (TempDir, Told) {
    let folder = tempfile::tempdir().unwrap();
    let mut events = Vec::new();
    run(&job(folder.path(), rows, champion), runtime(), &mut |event| events.push(event)).unwrap();
    let Some(Event::Started(started)) = events.first().cloned() else { panic!("{events:?}") };
    assert!(matches!(events[1], Event::Progress(_)), "{:?}", events[1]);
    assert_eq!(events[events.len() - 2], Event::Evaluating);
    let Some(Event::Finished(outcome)) = events.pop() else { panic!("not finished") };
    (folder, Told { started, outcome: *outcome })
}

fn failure(rows: &[TableRow], champion: Option<&Path>) -> FailureKind {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&job(folder.path(), rows, champion), runtime(), &mut |_| {}).unwrap_err();
    assert!(!error.to_failure().hint.is_empty(), "{error}");
    error.to_failure().kind
}

#[test]
fn a_first_model_is_judged_on_rows_that_it_has_not_seen() {
    let mut rows = churn();
    rows.push(rows[0].clone());
    let mut other = rows[1].clone();
    other.label = ["No", "Yes"][usize::from(other.label == "No")].to_owned();
    rows.push(other);
    let (folder, told) = learn(&rows, None);
    let Told { started, outcome } = told;
    assert_eq!(started.train_rows + started.test_rows, 602);
    assert!((110..190).contains(&started.test_rows), "{started:?}");
    assert_eq!((started.duplicate_rows, started.conflicting_rows), (1, 2));
    assert_eq!(started.classes.values().sum::<u64>(), 602);
    assert_eq!(outcome.evaluation.rows, started.test_rows);
    assert!(outcome.decision.promote, "{:?}", outcome.decision);
    let (recall, classes) = outcome.evaluation.mean_recall();
    assert!(recall > 0.65 && classes == 2, "{:?}", outcome.evaluation);
    assert!(outcome.importances.iter().take(4).any(|(name, _)| name == "Contract"));
    assert!((outcome.importances.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(folder.path().join("output/model.onnx").exists());
    // A row's side is its own, wherever it stands.
    rows.reverse();
    assert_eq!(learn(&rows, None).1.started.test_rows, started.test_rows);
}

/// Numbers that no float can hold are the largest, not known and infinite values are no words.
#[test]
fn odd_numbers_and_days_are_learnt_from() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), &[], None);
    let line = |n: usize| {
        let huge = if n.is_multiple_of(3) { "9".repeat(400) } else { n.to_string() };
        let wild = ["\"NaN\"", "\"Infinity\"", "-1e308", "2"][n % 4];
        let until = ["\"infinity\"", "\"2026-11-24\"", "\"2027-01-01\"", "null"][n % 4];
        let label = ["", "x"][usize::from(n % 4 == 2)];
        format!(
            r#"{{"record": {{"huge": {huge}, "wild": {wild}, "until": {until}, "n": {n}}}, "label": "{label}"}}"#
        )
    };
    fs::write(&job.rows, (0..400).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let mut outcome = None;
    run(&job, runtime(), &mut |event| {
        if let Event::Finished(finished) = event {
            outcome = Some(finished);
        }
    })
    .unwrap();
    let accuracy = outcome.unwrap().evaluation.accuracy;
    assert!(accuracy > 0.99, "{accuracy}");
    let features = fs::read_to_string(job.output.join("features.json")).unwrap();
    assert_eq!(features.matches("\"number\"").count(), 3, "{features}");
    assert_eq!(features.matches("\"date\"").count(), 1, "{features}");
}

#[test]
fn only_a_model_that_is_no_worse_takes_over() {
    let rows = churn();
    let (first, _) = learn(&rows, None);
    let champion = first.path().join("output");
    let same = learn(&rows, Some(&champion)).1.outcome;
    assert!(same.decision.promote, "{:?}", same.decision);
    assert_eq!(same.comparison.unwrap().macro_f1, 0.0);
    // Half of the labels turned round: nothing is learnt, and the champion stays.
    let mut spoilt = rows.clone();
    let train = |row: &TableRow| {
        let record = serde_json::to_string(&row.record).unwrap();
        !crm_ai_train::is_held_out(42, record.as_bytes(), 0.25)
    };
    for row in spoilt.iter_mut().filter(|row| train(row)).step_by(2) {
        row.label = ["No", "Yes"][usize::from(row.label == "No")].to_owned();
    }
    let worse = learn(&spoilt, Some(&champion)).1.outcome;
    assert!(!worse.decision.promote, "{:?}", worse.decision);
    assert!(worse.champion.is_some());
}

#[test]
fn rows_that_cannot_be_learnt_from_are_refused_with_advice() {
    let rows = churn();
    assert_eq!(failure(&[], None), FailureKind::Data);
    let of = |label: &str, most: usize| {
        rows.iter().filter(|row| row.label == label).take(most).cloned().collect::<Vec<_>>()
    };
    assert_eq!(failure(&of("No", 50), None), FailureKind::Data);
    assert_eq!(failure(&[of("No", 50), of("Yes", 3)].concat(), None), FailureKind::Data);
    // Nothing but what names single rows.
    let nameless = |(number, row): (usize, &TableRow)| {
        let record = serde_json::json!({ "own": format!("C-{number}"), "nothing": null });
        TableRow { record: record.as_object().unwrap().clone(), label: row.label.clone() }
    };
    let nameless: Vec<TableRow> = rows.iter().enumerate().map(nameless).collect();
    assert_eq!(failure(&nameless, None), FailureKind::Data);
    let texts = root("tests/fixtures/model/bert_classifier");
    assert_eq!(failure(&rows, Some(&texts)), FailureKind::Argument);
    // Two classes of eight rows suffice.
    let few = [of("No", 8), of("Yes", 8)].concat();
    assert!(learn(&few, None).1.started.train_rows >= 8);
}
