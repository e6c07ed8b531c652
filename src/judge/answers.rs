//! A reply of the engine, read: the only place that tells its kinds apart.

use super::records;
use super::sentiment::{Sentiment, level_of_classes};
use crate::error::{Error, Result};
use crm_ai_wire::{Reply, Rows, Task};
use std::cell::OnceCell;

/// The answer to one request: class probabilities, or vectors, of each of its texts.
pub struct Answer {
    /// Class names; none for vectors.
    labels: Vec<String>,
    rows: Rows,
    /// Texts whose answers the engine knew already.
    cached: u32,
    /// Level of sentiment of each class; determined on first use.
    levels: OnceCell<Vec<usize>>,
}

impl Answer {
    /// Reads the reply to a request for a task.
    pub fn of(reply: Reply, task: Task) -> Result<Self> {
        let (labels, rows, timings) = match (task, reply) {
            (Task::Classify | Task::Predict, Reply::Scores(scores)) => {
                (scores.labels, scores.rows, scores.timings)
            }
            (Task::Embed, Reply::Vectors(vectors)) => (Vec::new(), vectors.rows, vectors.timings),
            _ => return Err(Error::internal("the model engine answered something else")),
        };
        Ok(Self { labels, rows, cached: timings.cached_rows, levels: OnceCell::new() })
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Texts whose answers the engine knew already.
    pub fn cached(&self) -> u32 {
        self.cached
    }

    /// Class names, in the order of each row's probabilities.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The numbers of one text: class probabilities, or a vector.
    pub fn row(&self, row: usize) -> &[f32] {
        self.rows.row(row)
    }

    /// The numbers of each text.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.rows.len()).map(|row| self.rows.row(row))
    }

    /// The most probable class of a text.
    pub fn class(&self, row: usize) -> String {
        winner(&self.labels, self.rows.row(row))
    }

    /// The most probable class of each text.
    pub fn classes(&self) -> impl Iterator<Item = String> {
        self.rows().map(|row| winner(&self.labels, row))
    }

    /// The answer of a model over columns for a record.
    pub fn prediction(&self, row: usize) -> serde_json::Value {
        records::prediction(&self.labels, self.rows.row(row))
    }

    /// The sentiment of a text. 22023 for a model that does not judge sentiment.
    pub fn sentiment(&self, row: usize) -> Result<Sentiment> {
        let levels = match self.levels.get() {
            Some(levels) => levels,
            None => {
                let levels = level_of_classes(&self.labels)?;
                self.levels.get_or_init(|| levels)
            }
        };
        let truncated = self.rows.truncated.get(row).copied().unwrap_or(false);
        Ok(Sentiment::of_classes(self.rows.row(row), levels, truncated))
    }
}

/// The most probable class; of equal ones the first.
fn winner(labels: &[String], probabilities: &[f32]) -> String {
    labels.get(argmax(probabilities)).cloned().unwrap_or_default()
}

/// Position of the largest number; of equal ones the first.
pub fn argmax(numbers: &[f32]) -> usize {
    let best =
        |best: usize, index: usize| if numbers[index] > numbers[best] { index } else { best };
    (0..numbers.len()).reduce(best).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_ai_wire::{Scores, Vectors};

    #[test]
    fn a_reply_of_another_kind_than_the_task_is_refused() {
        let scores = || Reply::Scores(Scores::default());
        let vectors = || Reply::Vectors(Vectors::default());
        assert!(Answer::of(scores(), Task::Classify).is_ok());
        assert!(Answer::of(scores(), Task::Predict).is_ok());
        assert!(Answer::of(vectors(), Task::Embed).is_ok());
        assert!(Answer::of(scores(), Task::Embed).is_err());
        assert!(Answer::of(vectors(), Task::Classify).is_err());
        assert!(Answer::of(Reply::Loaded, Task::Classify).is_err());
    }

    #[test]
    fn of_equally_probable_classes_the_first_wins() {
        assert_eq!(argmax(&[0.2, 0.4, 0.4]), 1);
        assert_eq!(argmax(&[]), 0);
        let rows = Rows { truncated: vec![false, true], numbers: vec![0.5, 0.5, 0.1, 0.9] };
        let labels = ["a", "b"].map(str::to_owned).to_vec();
        let scores = Scores { labels, rows, ..Scores::default() };
        let answer = Answer::of(Reply::Scores(scores), Task::Classify).unwrap();
        assert_eq!(answer.classes().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(answer.class(1), "b");
        assert!(answer.sentiment(0).is_err());
    }
}
