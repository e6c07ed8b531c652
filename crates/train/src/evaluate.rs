//! The held-out rows, judged by the new model as it will be served and by the champion.

use crate::Error;
use crate::batches::ask_all;
use crate::dataset::Dataset;
use crate::folder::{PRECISION, Serving, write_serving};
use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime, sigmoid, softmax};
use crm_ai_metrics::{
    Comparison, Decision, Evaluation, Gate, Judged, JudgedSets, fit_sigmoid_temperature,
    fit_temperature,
};
use crm_ai_wire::training::{Job, ModelFolder};
use std::collections::BTreeSet;

/// Result of the evaluation.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub evaluation: Evaluation,
    pub champion: Option<Evaluation>,
    pub comparison: Option<Comparison>,
    pub decision: Decision,
}

/// A model's answers for the held-out rows: its classes, and [rows, classes].
pub(crate) struct Answers {
    pub labels: Vec<String>,
    pub rows: Vec<f32>,
}

/// Calibrates the model in the job's output folder, evaluates it there, compares it with the
/// champion, and asks the gate.
pub(crate) fn evaluate(
    job: &Job,
    runtime: &Runtime,
    dataset: &Dataset,
    serving: Serving,
) -> Result<Verdict, Error> {
    let own = ModelFolder { folder: job.output.clone(), precision: PRECISION.to_owned() };
    let mut new = answers(runtime, &own, dataset, job.threads, true)?;
    let truth: Vec<Vec<usize>> =
        dataset.test.iter().map(|(_, example)| example.classes.clone()).collect();
    let fit = if serving.multi_label { fit_sigmoid_temperature } else { fit_temperature };
    let temperature = fit(&new.rows, new.labels.len(), &truth) as f32;
    write_serving(&job.output, Serving { temperature: f64::from(temperature), ..serving })?;
    for row in new.rows.chunks_exact_mut(dataset.classes.len()) {
        if serving.multi_label { sigmoid(row, temperature) } else { softmax(row, temperature) }
    }
    let champion = match &job.champion {
        Some(champion) => Some(answers(runtime, champion, dataset, job.threads, false)?),
        None => None,
    };
    match serving.multi_label {
        true => judge_sets(job, &new, champion.as_ref(), &truth),
        false => judge(job, &new, champion.as_ref(), &truth),
    }
}

/// The same as [`judge`] for rows that may be of several classes. Where the label sets differ, the
/// champion is compared on the classes that both know.
fn judge_sets(
    job: &Job,
    new: &Answers,
    champion: Option<&Answers>,
    truth: &[Vec<usize>],
) -> Result<Verdict, Error> {
    let seed = job.seed as u64;
    let judged = JudgedSets::new(new.labels.clone(), truth, &new.rows)?;
    let evaluation = judged.evaluate(seed);
    let (mut pair, mut changed_labels) = (None, Vec::new());
    if let Some(champion) = champion {
        let knows = |answers: &Answers, label: &String| answers.labels.contains(label);
        let (both, new_alone): (Vec<_>, Vec<_>) =
            new.labels.iter().cloned().partition(|label| knows(champion, label));
        changed_labels = new_alone;
        changed_labels.extend(champion.labels.iter().filter(|label| !knows(new, label)).cloned());
        if !both.is_empty() {
            let place = |class: usize| both.iter().position(|label| *label == new.labels[class]);
            let truth: Vec<Vec<usize>> = truth
                .iter()
                .map(|classes| classes.iter().filter_map(|&class| place(class)).collect())
                .collect();
            let judged = |answers: &Answers| {
                let rows: Vec<f32> =
                    (0..truth.len()).flat_map(|row| answers.spread(row, &both)).collect();
                JudgedSets::new(both.clone(), &truth, &rows)
            };
            let (new, champion) = (judged(new)?, judged(champion)?);
            pair = new.compare(&champion, seed).map(|found| (champion.evaluate(seed), found));
        }
    }
    Ok(verdict(job, evaluation, (pair, changed_labels)))
}

/// Evaluates what a new model says of the held-out rows, compares it with what the champion says,
/// and asks the gate. `truth` names for each row those of the new model's classes of which one is
/// true.
pub(crate) fn judge(
    job: &Job,
    new: &Answers,
    champion: Option<&Answers>,
    truth: &[Vec<usize>],
) -> Result<Verdict, Error> {
    let seed = job.seed as u64;
    let judged = Judged::new(new.labels.clone(), truth, &new.rows)?;
    let evaluation = Evaluation::of(&judged, seed);
    let champion = champion.map(|champion| compare(new, champion, truth, seed)).transpose()?;
    Ok(verdict(job, evaluation, champion.unwrap_or_default()))
}

/// Asks the gate.
fn verdict(job: &Job, evaluation: Evaluation, (pair, changed_labels): Compared) -> Verdict {
    let gate = Gate {
        promote: job.promote,
        minimums: &job.minimums,
        new: &evaluation,
        champion: pair.as_ref().map(|(evaluation, comparison)| (evaluation, comparison)),
        changed_labels: &changed_labels,
    };
    let decision = gate.decide();
    let (champion, comparison) = pair.unzip();
    Verdict { evaluation, champion, comparison, decision }
}

fn answers(
    runtime: &Runtime,
    model: &ModelFolder,
    dataset: &Dataset,
    threads: usize,
    as_logits: bool,
) -> Result<Answers, Error> {
    let precision = if model.precision == "int8" { Precision::Int8 } else { Precision::Fp32 };
    // Held-out rows are few, and answers must not depend on the device: the processor judges.
    let options = LoadOptions { precision, device: Device::Cpu, workers: threads };
    let model = Model::load(runtime, &model.folder, &options)?;
    let texts = dataset.test.iter().map(|(text, _)| model.tokenise(text));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let labels = model.info().labels.clone();
    let ask = |worker: usize, batch: &[&_]| match as_logits {
        true => model.logits(worker, batch),
        false => model.classify(worker, batch),
    };
    let rows = ask_all(&texts, labels.len(), threads, ask, |_| {})?;
    Ok(Answers { labels, rows })
}

type Compared = (Option<(Evaluation, Comparison)>, Vec<String>);

/// The champion beside the new model on the rows whose classes both know, and the classes that
/// only one of them knows. No comparison where there is no such row.
fn compare(
    new: &Answers,
    champion: &Answers,
    truth: &[Vec<usize>],
    seed: u64,
) -> Result<Compared, Error> {
    let [new_set, champion_set] =
        [new, champion].map(|answers| answers.labels.iter().collect::<BTreeSet<_>>());
    let changed: Vec<String> =
        new_set.symmetric_difference(&champion_set).map(|&label| label.clone()).collect();
    let mut union = new.labels.clone();
    union.extend(champion.labels.iter().filter(|label| !new_set.contains(label)).cloned());
    let both = |classes: &Vec<usize>| {
        classes.iter().all(|&class| champion_set.contains(&new.labels[class]))
    };
    let rows: Vec<usize> = (0..truth.len()).filter(|&row| both(&truth[row])).collect();
    if rows.is_empty() {
        return Ok((None, changed));
    }
    let truth: Vec<Vec<usize>> = rows.iter().map(|&row| truth[row].clone()).collect();
    let judged = |answers: &Answers| {
        let spread: Vec<f32> = rows.iter().flat_map(|&row| answers.spread(row, &union)).collect();
        Judged::new(union.clone(), &truth, &spread)
    };
    let (new, champion) = (judged(new)?, judged(champion)?);
    let comparison = Comparison::of(&new, &champion, seed);
    Ok((comparison.map(|comparison| (Evaluation::of(&champion, seed), comparison)), changed))
}

impl Answers {
    /// A row's probabilities in the order of other classes; 0 for those that are not known.
    fn spread(&self, row: usize, union: &[String]) -> Vec<f32> {
        let own = &self.rows[row * self.labels.len()..(row + 1) * self.labels.len()];
        let of = |label: &String| {
            self.labels.iter().position(|own| own == label).map_or(0.0, |class| own[class])
        };
        union.iter().map(of).collect()
    }
}
