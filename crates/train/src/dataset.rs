//! The rows: read, checked, split.

use crate::Error;
use crate::loss::Loss;
use crate::split;
use crm_ai_infer::Model;
use crm_ai_wire::training::{FailureKind, Job, TextRow, TextTask};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Most classes; the head's matrix and the confusion matrix grow with them.
const CLASSES_MAX: usize = 10_000;
/// Fewest different texts of a class that may be learnt from.
const CLASS_TEXTS_MIN: usize = 4;

/// A labelled text in numbers.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    /// Indices into the vocabulary.
    pub tokens: Box<[u32]>,
    /// The classes that the label stands for.
    pub classes: Vec<usize>,
    /// Weight of the row, without its class's weight.
    pub weight: f32,
}

/// All rows of a run.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Class names, in the order of the logits.
    pub classes: Vec<String>,
    /// Rows to learn from.
    pub train: Vec<Example>,
    /// Options of the loss.
    pub loss: Loss,
    /// Held-out rows, with their texts for other models' tokenisers.
    pub test: Vec<(String, Example)>,
    /// Rows whose text and label an earlier row has.
    pub duplicates: u64,
    /// Rows whose text another row labels otherwise.
    pub conflicts: u64,
    /// Rows of each label.
    pub counts: BTreeMap<String, u64>,
}

impl Dataset {
    /// Reads the rows of `job` and tokenises them with `model`. `known` are the classes of a head
    /// that is kept.
    pub fn read(
        job: &Job,
        task: &TextTask,
        model: &Model,
        known: Option<&[String]>,
    ) -> Result<Self, Error> {
        let rows = read_rows(job)?;
        // Where a text may have several labels, one row for each of them.
        let split_up = if task.multi_label { one_label_each(&rows)? } else { Vec::new() };
        let by_label = if task.multi_label { &split_up } else { &rows };
        let counts = count(by_label);
        let (duplicates, conflicts) = repetitions(&rows);
        let classes = match known {
            Some(known) => known.to_vec(),
            None => classes(by_label, task)?,
        };
        let sets = label_sets(&counts, &classes, task)?;
        check_classes(by_label, known.is_some())?;
        let held_out = held_out(by_label, job.seed, job.test_size);
        let mut loss = Loss::equal(classes.len(), task.label_smoothing as f32);
        loss.multi_label = task.multi_label;
        let mut dataset =
            Self { classes, train: vec![], loss, test: vec![], duplicates, conflicts, counts };
        for row in &rows {
            let mut tokens = model.tokenise(&row.text)?.ids;
            shorten(&mut tokens, task.max_tokens as usize);
            let labels = labels_of(row, task.multi_label)?;
            let classes: Vec<usize> =
                labels.iter().flat_map(|label| &sets[label]).copied().collect();
            let is_held_out = match classes.is_empty() {
                true => split::is_held_out(job.seed, row.text.as_bytes(), job.test_size),
                false => held_out.contains(row.text.as_str()),
            };
            let example = Example { tokens, classes, weight: row.weight };
            if is_held_out {
                dataset.test.push((row.text.clone(), example));
            } else {
                dataset.train.push(example);
            }
        }
        dataset.check_sides()?;
        dataset.loss.weigh(&task.class_weights, &dataset.classes, &dataset.train)?;
        Ok(dataset)
    }

    fn check_sides(&self) -> Result<(), Error> {
        if self.test.is_empty() {
            return Err(Error::data("no row was held out for the evaluation")
                .hint("give more rows, a larger test_size, or another seed"));
        }
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for example in &self.train {
            // A label that stands for several classes teaches of none of them that it is there.
            if self.loss.multi_label || example.classes.len() == 1 {
                seen.extend(&example.classes);
            }
        }
        if seen.len() < 2 {
            return Err(Error::data("the rows to learn from have fewer than two classes")
                .hint("give more rows, a smaller test_size, or another seed"));
        }
        Ok(())
    }
}

fn read_rows(job: &Job) -> Result<Vec<TextRow>, Error> {
    let mut rows = Vec::new();
    for line in BufReader::new(File::open(&job.rows)?).lines() {
        let row: TextRow = serde_json::from_str(&line?)
            .map_err(|_| Error::new(FailureKind::System, "a row of the run cannot be read"))?;
        if !(row.weight.is_finite() && row.weight >= 0.0) {
            return Err(Error::data("a row's weight is negative or not a number"));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Error::data("no rows to train on")
            .hint("rows whose text or label is NULL do not count"));
    }
    Ok(rows)
}

/// The labels of a row.
fn labels_of(row: &TextRow, multi_label: bool) -> Result<Vec<String>, Error> {
    if !multi_label {
        return Ok(vec![row.label.clone()]);
    }
    serde_json::from_str(&row.label)
        .map_err(|_| Error::new(FailureKind::System, "a row's labels cannot be read"))
}

/// One row for each label of each row that may have several.
fn one_label_each(rows: &[TextRow]) -> Result<Vec<TextRow>, Error> {
    let mut split_up = Vec::new();
    for row in rows {
        let of = |label| TextRow { label, ..row.clone() };
        split_up.extend(labels_of(row, true)?.into_iter().map(of));
    }
    Ok(split_up)
}

/// The texts that are held out.
fn held_out(rows: &[TextRow], seed: i64, share: f64) -> HashSet<&str> {
    split::held_out(rows.iter().map(|row| (row.text.as_str(), row.label.as_str())), seed, share)
}

fn count(rows: &[TextRow]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.label.clone()).or_default() += 1;
    }
    counts
}

/// Rows that an earlier row equals, and rows whose text has another label too.
fn repetitions(rows: &[TextRow]) -> (u64, u64) {
    let rows = rows.iter().map(|row| (row.text.as_str(), row.label.as_str()));
    split::repetitions(&split::labels_of(rows))
}

/// The classes that the labels are or stand for, in alphabetical order.
fn classes(rows: &[TextRow], task: &TextTask) -> Result<Vec<String>, Error> {
    let mut names: BTreeSet<&str> =
        task.label_sets.values().flatten().map(String::as_str).collect();
    for row in rows {
        if !task.label_sets.contains_key(&row.label) {
            names.insert(&row.label);
        }
    }
    if names.len() < 2 {
        return Err(Error::data("the label column has one class").hint("two are the least"));
    }
    if names.len() > CLASSES_MAX {
        let message = format!("{} classes, more than {CLASSES_MAX}", names.len());
        return Err(Error::new(FailureKind::Limit, message)
            .hint("is the label column an identifier or a number?"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// For each label the indices of the classes that it stands for.
fn label_sets(
    counts: &BTreeMap<String, u64>,
    classes: &[String],
    task: &TextTask,
) -> Result<HashMap<String, Vec<usize>>, Error> {
    let place: HashMap<&str, usize> =
        classes.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
    let unknown = || {
        Error::data("a label is not among the classes of the base model")
            .hint("leave out such rows, or train a new head")
    };
    counts
        .keys()
        .map(|label| {
            let set = match task.label_sets.get(label) {
                Some(names) => names.iter().map(|name| place.get(name.as_str()).copied()).collect(),
                None => place.get(label.as_str()).map(|&at| vec![at]),
            };
            Ok((label.clone(), set.filter(|set: &Vec<usize>| !set.is_empty()).ok_or_else(unknown)?))
        })
        .collect()
}

/// Every label needs some different texts: one that is held out, some to learn from.
fn check_classes(rows: &[TextRow], keeps_head: bool) -> Result<(), Error> {
    let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        texts.entry(&row.label).or_default().insert(&row.text);
    }
    let few = texts.values().filter(|texts| texts.len() < CLASS_TEXTS_MIN).count();
    if few > 0 && !keeps_head {
        let message = format!(
            "too few distinct texts for {few} of the classes; each needs {CLASS_TEXTS_MIN}"
        );
        return Err(Error::data(message).hint(
            "leave these classes out of source, or merge them with others; a class should have \
             at least 8 texts",
        ));
    }
    Ok(())
}

/// Cuts tokens to a length; the last one, which ends the text, stays.
fn shorten(tokens: &mut Box<[u32]>, most: usize) {
    if tokens.len() > most
        && let Some(&last) = tokens.last()
    {
        let mut kept = tokens[..most].to_vec();
        kept[most - 1] = last;
        *tokens = kept.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, label: &str) -> TextRow {
        TextRow { text: text.to_owned(), label: label.to_owned(), weight: 1.0 }
    }

    fn rows(count: usize, label: &str) -> Vec<TextRow> {
        (0..count).map(|number| row(&format!("{label} {number}"), label)).collect()
    }

    #[test]
    fn repetitions_and_contradictions_are_counted() {
        let rows = ["a x", "a x", "a y", "b x", "c z"].map(|both| {
            let (text, label) = both.split_once(' ').unwrap();
            row(text, label)
        });
        // The second "a x" repeats; all three rows of "a" contradict each other.
        assert_eq!(repetitions(&rows), (1, 3));
    }

    /// Every class has both sides, whatever the seed, also where eight rows would often have none.
    #[test]
    fn small_classes_have_both_sides() {
        for seed in 0..200 {
            let mut all = rows(8, "a");
            all.extend(rows(8, "b"));
            let held = held_out(&all, seed, 0.2);
            for label in ["a", "b"] {
                let count = held.iter().filter(|text| text.starts_with(label)).count();
                assert!((1..8).contains(&count), "{seed}: {count}");
            }
            let most = held_out(&all, seed, 0.99);
            assert!(most.len() < 15, "{seed}: {}", most.len());
        }
    }

    /// Rows that a model was trained on are not used to evaluate its successor.
    #[test]
    fn more_rows_never_hold_out_what_was_learnt() {
        for seed in 0..100 {
            let [few, many] = [8, 40].map(|count| rows(count, "a"));
            let (before, after) = (held_out(&few, seed, 0.2), held_out(&many, seed, 0.2));
            let learnt = few.iter().map(|row| row.text.as_str()).filter(|t| !before.contains(t));
            assert_eq!(learnt.filter(|text| after.contains(text)).count(), 0, "{seed}");
        }
    }

    #[test]
    fn a_class_of_three_texts_is_refused() {
        let mut all = rows(8, "a");
        all.extend(rows(3, "b"));
        assert_eq!(check_classes(&all, false).unwrap_err().to_failure().kind, FailureKind::Data);
        assert!(check_classes(&all, true).is_ok());
    }
}
