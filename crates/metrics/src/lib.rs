//! Figures of a classifier, and the decision about its promotion.
//!
//! [`Judged`] holds what a model said of rows whose class is known; [`Evaluation`] sums it up as
//! scikit-learn would: accuracy, macro-F1, figures of each class, confusion matrix, log-loss,
//! calibration error, area under the ROC curve, with bootstrap intervals. [`fit_temperature`]
//! calibrates, [`Comparison`] sets two models side by side on the same rows, and [`Gate`] decides.
//! Pure arithmetic: the extension, the trainer and the tabular models share it.

mod auc;
mod bootstrap;
mod calibration;
mod confusion;
mod counts;
mod evaluation;
mod gate;
mod judged;
mod several;

pub use bootstrap::{Comparison, Interval};
pub use calibration::{calibration_error, fit_temperature};
pub use confusion::Confusion;
pub use evaluation::{ClassFigures, Evaluation};
pub use gate::{Decision, Gate, Minimums, Promote};
pub use judged::{Error, Judged};
pub use several::{JudgedSets, fit_sigmoid_temperature};
