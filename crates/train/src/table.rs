//! A run that learns from records: boosted trees, judged as they will be served.

use crate::Error;
use crate::checkpoint::{Checkpoint, Saves};
use crate::energy::Energy;
use crate::evaluate::{Answers, judge};
use crate::run::outcome;
use crate::split;
use crm_ai_infer::{Device, LoadOptions, Precision, Runtime, TableModel, WorkerSlot};
use crm_ai_tabular as tabular;
use crm_ai_tabular::{Options, State, Trained};
use crm_ai_wire::json;
use crm_ai_wire::training::{
    Event, FailureKind, Job, Outcome, Progress, Started, TableRow, TableTask,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Fewest different records of a class that may be learnt from.
const CLASS_RECORDS_MIN: usize = 4;
/// Records that a model is asked about at once.
const BATCH: usize = 1024;
/// Interval of progress reports.
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
    if job.device.starts_with("cuda") {
        report(Event::Notice { text: "trees are grown on the processor".to_owned() });
    }
    let energy = Energy::begin(None);
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
    let (joules, source) = energy.end(false);
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
    let rows: Vec<_> = dataset.train.iter().map(|row| (&row.record, row.label.as_str())).collect();
    let checkpoint = Checkpoint::of(job)?;
    let from = saved(&checkpoint)?;
    let mut saves = Saves::begin();
    // Why the trees do not grow on.
    let mut stopped = None;
    let began = Instant::now();
    // When it was told last, and the passes that were done before this attempt.
    let mut told: Option<Instant> = None;
    let mut first_passes = None;
    let mut tell = |progress: &tabular::Progress, state: &State| {
        let tabular::Progress { step, of, passes, loss } = *progress;
        let before = *first_passes.get_or_insert_with(|| {
            report(Event::Started(Started { resumed_at: step, ..dataset.started(of) }));
            // The step that it goes on from is none of its own.
            told = (passes > 0).then(Instant::now);
            passes
        });
        if told.is_none_or(|told| told.elapsed() >= TELL) || step == of {
            told = Some(Instant::now());
            report(Event::Progress(Progress {
                step,
                of,
                epoch: passes as f64,
                loss: Some(loss),
                learning_rate: task.learning_rate,
                rows_per_second: (passes - before) as f64 * rows.len() as f64
                    / began.elapsed().as_secs_f64().max(1e-9),
            }));
        }
        let saved = saves.when_due(|| checkpoint.save(step, |file| write(state, file)));
        stopped = saved.err();
        stopped.is_none()
    };
    let trained = tabular::train(&rows, &options(job, task), from, &mut tell);
    match stopped {
        Some(error) => Err(error),
        None => Ok(trained?),
    }
}

fn options(job: &Job, task: &TableTask) -> Options {
    Options {
        rounds: task.rounds,
        learning_rate: task.learning_rate,
        balance_classes: task.balance_classes,
        seed: job.seed as u64,
    }
}

/// Writes the state of the trees.
fn write(state: &State, file: &mut dyn Write) -> io::Result<()> {
    match postcard::to_io(state, &mut *file) {
        Ok(_) => Ok(()),
        // Its error does not tell why the file took no more; the file does when asked again.
        Err(error) => file.flush().and(Err(io::Error::other(error))),
    }
}

/// The state that an earlier attempt at this job has left.
fn saved(checkpoint: &Checkpoint) -> Result<Option<State>, Error> {
    let Some(mut saved) = checkpoint.open()? else { return Ok(None) };
    let mut bytes = Vec::new();
    saved.body.read_to_end(&mut bytes)?;
    Ok(postcard::from_bytes(&bytes).ok())
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
            let row: TableRow = json::read(&line?)
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
            return Err(
                Error::data("no rows to train on").hint("rows whose target is NULL do not count")
            );
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
            let message = format!(
                "too few distinct rows for {few} of the classes; each needs {CLASS_RECORDS_MIN}"
            );
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

/// A model's answers for rows.
fn answers(runtime: &Runtime, folder: &Path, rows: &[TableRow]) -> Result<Answers, Error> {
    let options = LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers: 1 };
    let model = TableModel::load(runtime, folder, &options)?;
    let mut answers = Vec::with_capacity(rows.len() * model.info().labels.len());
    for batch in rows.chunks(BATCH) {
        let features: Vec<Box<[f32]>> =
            batch.iter().map(|row| model.features_of(&row.record)).collect();
        let features: Vec<&[f32]> = features.iter().map(|row| &**row).collect();
        answers.extend(model.predict(WorkerSlot::Worker(0), &features)?);
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
                "give columns whose values several rows share; docs/tabular.md tells which count",
            ),
            tabular::Error::Limit(_) => {
                (FailureKind::Limit, "leave columns out in source, or join rare classes")
            }
            _ => (FailureKind::System, ""),
        };
        Self::new(kind, error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_ai_metrics::Promote;
    use crm_ai_wire::training::Task;

    const TASK: TableTask = TableTask { rounds: 12, learning_rate: 0.1, balance_classes: false };

    /// Customers of a telephone company, and whether they left.
    fn job(folder: &Path) -> Job {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Job {
            run: 1,
            rows: root.join("tests/fixtures/tabular/telco.jsonl"),
            output: folder.join("output"),
            checkpoint: folder.join("checkpoint"),
            task: Task::Table(TASK),
            champion: None,
            test_size: 0.2,
            seed: 5,
            device: "cpu".to_owned(),
            threads: 1,
            promote: Promote::IfBetter,
            minimums: Default::default(),
        }
    }

    /// The trained model, the step that it resumed from and the steps reported.
    fn learnt(job: &Job) -> (Trained, u64, Vec<u64>) {
        let (mut resumed_at, mut steps) = (None, Vec::new());
        let dataset = Dataset::read(job).unwrap();
        let trained = learn(job, &TASK, &dataset, &mut |event| match event {
            Event::Started(started) => resumed_at = Some(started.resumed_at),
            Event::Progress(progress) => steps.push(progress.step),
            other => panic!("{other:?}"),
        });
        (trained.unwrap(), resumed_at.unwrap(), steps)
    }

    /// Every state of the trees that the job comes by.
    fn states(job: &Job) -> Vec<(u64, State)> {
        let dataset = Dataset::read(job).unwrap();
        let rows: Vec<_> =
            dataset.train.iter().map(|row| (&row.record, row.label.as_str())).collect();
        let mut states = Vec::new();
        let mut keep = |progress: &tabular::Progress, state: &State| {
            states.push((progress.step, state.clone()));
            true
        };
        tabular::train(&rows, &options(job, &TASK), None, &mut keep).unwrap();
        states
    }

    /// A run that was cut off after any round ends with the very model of one that was not.
    #[test]
    fn a_run_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path());
        let (whole, resumed_at, _) = learnt(&job);
        assert_eq!(resumed_at, 0);
        let checkpoint = Checkpoint::of(&job).unwrap();
        let states = states(&job);
        assert!(states.len() > 30);
        for (step, state) in &states {
            checkpoint.save(*step, |file| write(state, file)).unwrap();
            let (trained, resumed_at, steps) = learnt(&job);
            assert!(trained == whole, "cut off at step {step}");
            assert_eq!(resumed_at, *step);
            assert!(steps.iter().all(|told| told >= step), "{steps:?}");
        }
        // Another job leaves it alone.
        let mut other = job.clone();
        other.seed = 6;
        assert_eq!(learnt(&other).1, 0);
        // And so does a state that this program cannot read, or of another table.
        checkpoint.save(7, |file| file.write_all(b"no trees")).unwrap();
        assert_eq!(learnt(&job).1, 0);
        other.test_size = 0.4;
        let (step, foreign) = &self::states(&other)[9];
        checkpoint.save(*step, |file| write(foreign, file)).unwrap();
        assert_eq!(learnt(&job).1, 0);
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let (_, state) = states(&job(folder.path())).pop().unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut full = io::BufWriter::with_capacity(100, full);
        let error = write(&state, &mut full).unwrap_err();
        assert_eq!(Error::from(error).to_failure().kind, FailureKind::Disk);
    }
}
