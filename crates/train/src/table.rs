//! A run that learns from records: boosted trees, judged as they will be served.

use crate::Error;
use crate::energy::Energy;
use crate::evaluate::{Answers, judge};
use crate::run::outcome;
use crate::split;
use crm_ai_infer::{Device, LoadOptions, Precision, Runtime, Seat, TableModel};
use crm_ai_tabular as tabular;
use crm_ai_tabular::{Options, Trained};
use crm_ai_wire::training::{
    Event, FailureKind, Job, Outcome, Progress, Started, TableRow, TableTask,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

/// Fewest different records of a class that may be learnt from.
const CLASS_RECORDS_MIN: usize = 4;
/// Records that a model is asked about at once.
const BATCH: usize = 1024;
/// How often progress is told.
const TELL: Duration = Duration::from_millis(300);

/// All rows of a run.
struct Dataset {
    train: Vec<TableRow>,
    test: Vec<TableRow>,
    /// Rows whose record and label an earlier row has.
    duplicates: u64,
    /// Rows whose record another row labels otherwise.
    conflicts: u64,
    /// Rows of each label.
    counts: BTreeMap<String, u64>,
}

/// Learns, writes the model's folder, evaluates it, and tells the outcome.
pub(crate) fn run(
    job: &Job,
    task: &TableTask,
    runtime: &Runtime,
    report: &mut dyn FnMut(Event),
) -> Result<(), Error> {
    let energy = Energy::begin();
    let dataset = Dataset::read(job)?;
    let began = Instant::now();
    let trained = learn(job, task, &dataset, report)?;
    fs::create_dir_all(&job.output)?;
    trained.save(&job.output)?;
    let seconds = began.elapsed().as_secs_f64();
    report(Event::Evaluating);
    let labels = |rows: &[TableRow]| rows.iter().map(|row| row.label.clone()).collect::<Vec<_>>();
    let mut new = answers(runtime, &job.output, &dataset.test)?;
    let truth = truth(&mut new, &labels(&dataset.test));
    let champion = match &job.champion {
        Some(champion) if !TableModel::is_in(&champion.folder) => {
            return Err(Error::new(
                FailureKind::Argument,
                "the model's champion judges texts, not records",
            )
            .hint("give the new model a name of its own"));
        }
        Some(champion) => Some(answers(runtime, &champion.folder, &dataset.test)?),
        None => None,
    };
    let verdict = judge(job, &new, champion.as_ref(), &truth)?;
    let (joules, source) = energy.end();
    let importances = trained.features.importances;
    let outcome = Outcome { importances, ..outcome(verdict, seconds, joules, source) };
    report(Event::Finished(Box::new(outcome)));
    Ok(())
}

fn learn(
    job: &Job,
    task: &TableTask,
    dataset: &Dataset,
    report: &mut dyn FnMut(Event),
) -> Result<Trained, Error> {
    let options = Options {
        rounds: task.rounds,
        learning_rate: task.learning_rate,
        balance_classes: task.balance_classes,
        seed: job.seed as u64,
    };
    let rows: Vec<_> = dataset.train.iter().map(|row| (&row.record, row.label.as_str())).collect();
    let began = Instant::now();
    let mut told: Option<Instant> = None;
    // Passes over the rows; steps are passed over where boosting stops early.
    let mut passes = 0;
    let mut tell = |progress: &tabular::Progress| {
        let tabular::Progress { step, of, loss } = *progress;
        passes += 1;
        if told.is_none() {
            report(Event::Started(dataset.started(of)));
        } else if told.is_some_and(|told| told.elapsed() < TELL) && step < of {
            return true;
        }
        told = Some(Instant::now());
        report(Event::Progress(Progress {
            step,
            of,
            epoch: f64::from(passes),
            loss: Some(loss),
            learning_rate: task.learning_rate,
            rows_per_second: f64::from(passes) * rows.len() as f64
                / began.elapsed().as_secs_f64().max(1e-9),
        }));
        true
    };
    Ok(tabular::train(&rows, &options, &mut tell)?)
}

impl Dataset {
    fn read(job: &Job) -> Result<Self, Error> {
        let mut dataset = Self {
            train: Vec::new(),
            test: Vec::new(),
            duplicates: 0,
            conflicts: 0,
            counts: BTreeMap::new(),
        };
        let mut rows: Vec<(String, TableRow)> = Vec::new();
        for line in BufReader::new(File::open(&job.rows)?).lines() {
            let row: TableRow = serde_json::from_str(&line?)
                .map_err(|_| Error::new(FailureKind::System, "a row of the run cannot be read"))?;
            // Keys come in the order of PostgreSQL's jsonb, so equal records are equal texts.
            let record = serde_json::to_string(&row.record)
                .map_err(|_| Error::new(FailureKind::System, "a record cannot be written"))?;
            rows.push((record, row));
        }
        let contents = rows.iter().map(|(record, row)| (record.as_str(), row.label.as_str()));
        let held = split::held_out(contents.clone(), job.seed, job.test_size);
        let labels = split::labels_of(contents.clone());
        for (_, label) in contents {
            *dataset.counts.entry(label.to_owned()).or_default() += 1;
        }
        (dataset.duplicates, dataset.conflicts) = split::repetitions(&labels);
        dataset.check_classes(&labels)?;
        let is_held: Vec<bool> = rows.iter().map(|(r, _)| held.contains(r.as_str())).collect();
        for ((_, row), is_held) in rows.into_iter().zip(is_held) {
            if is_held { dataset.test.push(row) } else { dataset.train.push(row) }
        }
        dataset.check_sides()?;
        Ok(dataset)
    }

    /// Every class needs some different records.
    fn check_classes(&self, labels: &split::Labels<'_>) -> Result<(), Error> {
        if self.counts.is_empty() {
            return Err(Error::data("there are no rows to learn from")
                .hint("rows whose target is NULL do not count"));
        }
        if self.counts.len() < 2 {
            return Err(Error::data("the target column has one class").hint("two are the least"));
        }
        let mut records: BTreeMap<&str, usize> = BTreeMap::new();
        for label in labels.values().flat_map(BTreeMap::keys) {
            *records.entry(label).or_default() += 1;
        }
        let few = records.values().filter(|records| **records < CLASS_RECORDS_MIN).count();
        if few > 0 {
            let message =
                format!("{few} classes have fewer than {CLASS_RECORDS_MIN} different records");
            return Err(Error::data(message).hint(
                "leave them out in source, or join them to another class; a target that is a \
                 number is to be cut into a few classes first",
            ));
        }
        Ok(())
    }

    /// Both sides need rows.
    fn check_sides(&self) -> Result<(), Error> {
        if self.test.is_empty() {
            return Err(Error::data("no row was held out for the evaluation")
                .hint("give more rows, a larger test_size, or another seed"));
        }
        if self.train.iter().all(|row| row.label == self.train[0].label) {
            return Err(Error::data("the rows to learn from have fewer than two classes")
                .hint("give more rows, a smaller test_size, or another seed"));
        }
        Ok(())
    }

    fn started(&self, steps: u64) -> Started {
        Started {
            method: "trees".to_owned(),
            device: "cpu".to_owned(),
            train_rows: self.train.len() as u64,
            test_rows: self.test.len() as u64,
            duplicate_rows: self.duplicates,
            conflicting_rows: self.conflicts,
            classes: self.counts.clone(),
            steps,
            resumed_at: 0,
        }
    }
}

/// What the model in a folder says of rows.
fn answers(runtime: &Runtime, folder: &Path, rows: &[TableRow]) -> Result<Answers, Error> {
    let options = LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers: 1 };
    let model = TableModel::load(runtime, folder, &options)?;
    let mut answers = Vec::with_capacity(rows.len() * model.info().labels.len());
    for batch in rows.chunks(BATCH) {
        let features: Vec<Box<[f32]>> =
            batch.iter().map(|row| model.features_of(&row.record)).collect();
        let features: Vec<&[f32]> = features.iter().map(|row| &**row).collect();
        answers.extend(model.predict(Seat::Worker(0), &features)?);
    }
    Ok(Answers { labels: model.info().labels.clone(), rows: answers })
}

/// Each row's class. A class of which no row was learnt from is added, with probability 0.
fn truth(new: &mut Answers, labels: &[String]) -> Vec<Vec<usize>> {
    let known = new.labels.len();
    let mut truth = Vec::with_capacity(labels.len());
    for label in labels {
        let place = new.labels.iter().position(|class| class == label).unwrap_or_else(|| {
            new.labels.push(label.clone());
            new.labels.len() - 1
        });
        truth.push(vec![place]);
    }
    let unknown = new.labels.len() - known;
    if unknown > 0 {
        let rows = new.rows.chunks_exact(known);
        let zeros = std::iter::repeat_n(0.0, unknown);
        new.rows = rows.flat_map(|row| row.iter().copied().chain(zeros.clone())).collect();
    }
    truth
}

impl From<tabular::Error> for Error {
    fn from(error: tabular::Error) -> Self {
        let (kind, hint) = match &error {
            tabular::Error::Data(_) => (
                FailureKind::Data,
                "give columns of text, numbers, dates or truth values that differ from row to row",
            ),
            tabular::Error::Limit(_) => (FailureKind::Limit, "leave columns out in source"),
            _ => (FailureKind::System, ""),
        };
        Self::new(kind, error).hint(hint)
    }
}
