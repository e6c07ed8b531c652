//! Rows whose class is known, beside what a model said of them.

/// The rows do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// There are no rows, or no classes.
    #[error("there is nothing to evaluate")]
    Empty,
    /// Not one row of probabilities for each row, each as long as there are classes.
    #[error("{found} probabilities where {expected} are due")]
    Length {
        /// Rows times classes.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A row's class is none of the classes.
    #[error("a row is of class {0}, which does not exist")]
    Class(usize),
}

/// Rows with their true class and the probability that a model gave each class.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Class names, those first that the model knows. Another has probability 0 everywhere.
    labels: Vec<String>,
    /// Number of classes that the model knows.
    known: usize,
    /// Each row's true class. Where a row's label stands for several classes, the one of them that
    /// the model gave most to.
    truth: Vec<usize>,
    /// Each row's predicted class, the first of the most probable.
    predicted: Vec<usize>,
    /// Each row's probability of what is true of it.
    likelihood: Vec<f64>,
    /// Each row's largest probability.
    confidence: Vec<f64>,
    /// Each row's probability of the second class; empty unless there are two classes.
    second: Vec<f32>,
}

/// Fails unless `probabilities` is [rows, classes] of some rows and classes.
pub(crate) fn check_shape(
    truth: &[Vec<usize>],
    width: usize,
    probabilities: &[f32],
) -> Result<(), Error> {
    if width == 0 || truth.is_empty() {
        return Err(Error::Empty);
    }
    let expected = truth.len() * width;
    if probabilities.len() != expected {
        return Err(Error::Length { expected, found: probabilities.len() });
    }
    Ok(())
}

impl Judged {
    /// No rows yet, of a model that knows these classes.
    pub fn of_classes(labels: Vec<String>) -> Self {
        Self {
            known: labels.len(),
            labels,
            truth: Vec::new(),
            predicted: Vec::new(),
            likelihood: Vec::new(),
            confidence: Vec::new(),
            second: Vec::new(),
        }
    }

    /// `probabilities` is [rows, classes], row-major; `truth` names for each row the classes of
    /// which one is true, usually a single one.
    pub fn new(
        labels: Vec<String>,
        truth: &[Vec<usize>],
        probabilities: &[f32],
    ) -> Result<Self, Error> {
        let width = labels.len();
        check_shape(truth, width, probabilities)?;
        let mut judged = Self::of_classes(labels);
        for (classes, row) in truth.iter().zip(probabilities.chunks_exact(width)) {
            judged.push(classes, row)?;
        }
        Ok(judged)
    }

    /// Adds a class that the model does not know, whose probability is 0; gives its number.
    pub fn add_unknown(&mut self, label: String) -> usize {
        self.labels.push(label);
        self.labels.len() - 1
    }

    /// Adds a row: the classes of which one is true, and the probability of each class that the
    /// model knows.
    pub fn push(&mut self, classes: &[usize], row: &[f32]) -> Result<(), Error> {
        check_row(classes, self.known, self.labels.len(), row)?;
        let of = |class: usize| row.get(class).copied().unwrap_or(0.0);
        let predicted = most_probable(0..self.known, of).ok_or(Error::Empty)?;
        let truth = most_probable(classes.iter().copied(), of).ok_or(Error::Empty)?;
        self.truth.push(truth);
        self.predicted.push(predicted);
        self.likelihood.push(classes.iter().map(|&class| f64::from(of(class))).sum());
        self.confidence.push(f64::from(of(predicted)));
        if let [_, second] = row {
            self.second.push(*second);
        }
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.truth.len()
    }

    /// Class names.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// True if the prediction of row `row` is right.
    pub fn is_right(&self, row: usize) -> bool {
        self.truth[row] == self.predicted[row]
    }

    pub(crate) fn truth(&self) -> &[usize] {
        &self.truth
    }

    pub(crate) fn predicted(&self) -> &[usize] {
        &self.predicted
    }

    pub(crate) fn likelihood(&self) -> &[f64] {
        &self.likelihood
    }

    /// Each row's probability of the second of two classes; `None` where there are not two.
    pub(crate) fn second(&self) -> Option<&[f32]> {
        (self.labels.len() == 2).then_some(&self.second)
    }

    pub(crate) fn confidence(&self) -> &[f64] {
        &self.confidence
    }
}

/// Fails unless a row has a probability for each known class, and is of classes that there are.
pub(crate) fn check_row(
    classes: &[usize],
    known: usize,
    width: usize,
    row: &[f32],
) -> Result<(), Error> {
    if row.len() != known {
        return Err(Error::Length { expected: known, found: row.len() });
    }
    match classes.iter().find(|&&class| class >= width) {
        Some(&class) => Err(Error::Class(class)),
        None => Ok(()),
    }
}

/// The first of the most probable among `classes`.
fn most_probable(
    classes: impl Iterator<Item = usize>,
    probability: impl Fn(usize) -> f32,
) -> Option<usize> {
    classes.reduce(|best, class| if probability(class) > probability(best) { class } else { best })
}
