//! The promotion gate: the decision about a new model.

use crate::bootstrap::Comparison;
use crate::evaluation::Evaluation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Accuracy that a first model must be ahead of the most frequent class by.
const FIRST_MARGIN: f64 = 0.0;
/// Standard errors to either side that hold 95 % of a normal distribution.
const NORMAL_95: f64 = 1.96;
/// The paired interval's lower end may lie this far below zero: a champion that is worse by chance
/// alone would never be replaced by fresher data otherwise. The mean itself may not be below zero.
const TOLERANCE: f64 = 0.02;
/// Classes with fewer held-out rows are not held to their recall: a row more or less decides it.
const CLASS_ROWS_MIN: u64 = 10;
/// Recall that a class may lose against the champion.
const CLASS_LOSS_MAX: f64 = 0.10;

/// Condition for a new version to become the champion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// If the gate accepts it.
    IfBetter,
    /// Never: it is stored, and a person decides.
    Never,
    /// Whatever the figures are.
    Always,
}

/// The lowest figures on the held-out rows with which a new version may become the champion.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Minimums {
    /// Lowest accuracy.
    pub min_accuracy: Option<f64>,
    /// Lowest macro-F1.
    pub min_macro_f1: Option<f64>,
    /// Lowest recall of each class that is named.
    pub min_recall: BTreeMap<String, f64>,
}

impl Minimums {
    /// The first minimum that a model misses, as a sentence.
    fn missed_by(&self, new: &Evaluation) -> Option<String> {
        let figures = [
            ("accuracy", new.accuracy, "min_accuracy", self.min_accuracy),
            ("macro-F1", new.macro_f1, "min_macro_f1", self.min_macro_f1),
        ];
        let missed = figures.into_iter().find_map(|(figure, found, name, minimum)| {
            let minimum = minimum.filter(|minimum| found < *minimum)?;
            Some(format!("its {figure} of {found:.3} is below {name}, {minimum}"))
        });
        missed.or_else(|| self.missed_recall(new))
    }

    /// A class without held-out rows has no recall that could be held to a minimum.
    fn missed_recall(&self, new: &Evaluation) -> Option<String> {
        self.min_recall.iter().find_map(|(label, minimum)| {
            let class = new.classes.iter().find(|class| class.label == *label && class.rows > 0);
            match class {
                None => Some(format!("class \"{label}\" of min_recall has no held-out row")),
                Some(class) if class.recall < *minimum => Some(format!(
                    "its recall of class \"{label}\", {:.3}, is below min_recall, {minimum}",
                    class.recall
                )),
                Some(_) => None,
            }
        })
    }
}

/// Decision of the gate, with a reason that names figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// True if the new version becomes the champion.
    pub promote: bool,
    /// The reason.
    pub reason: String,
}

/// Input of the gate.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The requested condition.
    pub promote: Promote,
    /// The new model's minimums, whatever the champion's figures are.
    pub minimums: &'a Minimums,
    /// The new model on the held-out rows.
    pub new: &'a Evaluation,
    /// The champion on the same rows, and the two side by side; `None` for a first model.
    pub champion: Option<(&'a Evaluation, &'a Comparison)>,
    /// Classes that only one of the two models knows.
    pub changed_labels: &'a [String],
}

impl Gate<'_> {
    /// Decides.
    pub fn decide(&self) -> Decision {
        let missed = self.minimums.missed_by(self.new);
        match (self.promote, missed) {
            (Promote::Never, _) => refuse("promotion was not asked for"),
            (_, Some(reason)) => refuse(reason),
            (Promote::Always, None) => accept("promotion was asked for whatever the figures are"),
            (Promote::IfBetter, None) => self.judge(),
        }
    }

    fn judge(&self) -> Decision {
        let is_several = self.new.micro_f1.is_some();
        if is_several && self.new.macro_f1 == 0.0 {
            return refuse("it finds no class of any held-out row");
        }
        if !is_several && self.new.predicted_classes() < 2 {
            return refuse("it gives every held-out row the same class");
        }
        match self.champion {
            None if is_several => self.judge_first_of_several(),
            None => self.judge_first(),
            Some((champion, comparison)) => self.judge_against(champion, comparison),
        }
    }

    /// A first model must know more than which class is the most frequent: by its accuracy, or,
    /// where one class is so frequent that finding the others costs accuracy, by its mean recall,
    /// which no guessing without looking raises.
    fn judge_first(&self) -> Decision {
        let (accuracy, share) = (self.new.accuracy, self.new.majority_share());
        if accuracy > share + FIRST_MARGIN {
            return accept(format!(
                "first version: accuracy {accuracy:.3}, the most frequent class alone {share:.3}"
            ));
        }
        let (recall, classes) = self.new.mean_recall();
        let chance = 1.0 / classes.max(1) as f64;
        if recall - NORMAL_95 * self.new.mean_recall_error() > chance {
            return accept(format!(
                "first version: mean recall {recall:.3}, by chance {chance:.3}; accuracy \
                 {accuracy:.3}, the most frequent class alone {share:.3}"
            ));
        }
        refuse(format!(
            "its accuracy of {accuracy:.3} is not above {share:.3}, the share of the most frequent \
             class, nor its mean recall of {recall:.3} clearly above chance, {chance:.3}"
        ))
    }

    /// Of classes that may come together, whoever says all of them everywhere finds all.
    fn judge_first_of_several(&self) -> Decision {
        let (found, blind) = (self.new.macro_f1, self.new.every_class_f1());
        if found > blind {
            return accept(format!(
                "first version: macro-F1 {found:.3}, every class for every row {blind:.3}"
            ));
        }
        refuse(format!(
            "its macro-F1 of {found:.3} is not above {blind:.3}, that of every class for every row"
        ))
    }

    fn judge_against(&self, champion: &Evaluation, comparison: &Comparison) -> Decision {
        let figures = format!(
            "macro-F1 {:+.3} (95 % interval {:+.3} to {:+.3}) and accuracy {:+.3} on {} held-out \
             rows{}",
            comparison.macro_f1,
            comparison.macro_f1_interval.low,
            comparison.macro_f1_interval.high,
            comparison.accuracy,
            comparison.rows,
            self.labels_note(),
        );
        if comparison.macro_f1 < 0.0 || comparison.accuracy < 0.0 {
            return refuse(format!("it is worse than the champion: {figures}"));
        }
        if comparison.macro_f1_interval.low < -TOLERANCE {
            return refuse(format!("its gain is not certain enough: {figures}"));
        }
        if let Some(label) = self.lost_class(champion) {
            return refuse(format!("it finds too few of class \"{label}\": {figures}"));
        }
        accept(format!("not worse than the champion: {figures}"))
    }

    /// A class that loses more recall than it may.
    fn lost_class(&self, champion: &Evaluation) -> Option<&str> {
        let new = &self.new.classes;
        champion.classes.iter().find_map(|old| {
            let class = new.iter().find(|class| class.label == old.label)?;
            let is_lost = old.rows >= CLASS_ROWS_MIN && class.recall < old.recall - CLASS_LOSS_MAX;
            is_lost.then_some(class.label.as_str())
        })
    }

    fn labels_note(&self) -> String {
        match self.changed_labels.len() {
            0 => String::new(),
            count => format!(" of the classes that both know ({count} are known to one alone)"),
        }
    }
}

fn accept(reason: impl Into<String>) -> Decision {
    Decision { promote: true, reason: reason.into() }
}

fn refuse(reason: impl Into<String>) -> Decision {
    Decision { promote: false, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Judged;

    /// `right` of `rows` rows right in each of two classes.
    fn judged(rows: usize, right: [usize; 2]) -> Judged {
        let truth: Vec<_> = (0..2 * rows).map(|row| vec![row / rows]).collect();
        let probabilities: Vec<f32> = (0..2 * rows)
            .flat_map(|row| {
                let class = row / rows;
                let is_right = row % rows < right[class];
                if (class == 0) == is_right { [0.9, 0.1] } else { [0.1, 0.9] }
            })
            .collect();
        Judged::new(vec!["a".into(), "b".into()], &truth, &probabilities).unwrap()
    }

    fn decide(new: &Judged, champion: Option<&Judged>, promote: Promote) -> Decision {
        let evaluation = Evaluation::of(new, 1);
        let champion = champion
            .map(|judged| (Evaluation::of(judged, 1), Comparison::of(new, judged, 1).unwrap()));
        let champion = champion.as_ref().map(|(evaluation, comparison)| (evaluation, comparison));
        let minimums = &Minimums::default();
        Gate { promote, minimums, new: &evaluation, champion, changed_labels: &[] }.decide()
    }

    /// The decision about a first model that is right for 40 of 50 and for 30 of 50 rows.
    fn with_minimums(promote: Promote, minimums: &Minimums) -> Decision {
        let new = &Evaluation::of(&judged(50, [40, 30]), 1);
        Gate { promote, minimums, new, champion: None, changed_labels: &[] }.decide()
    }

    #[test]
    fn each_minimum_is_held_whatever_was_asked_for() {
        let recall = |class: &str, least: f64| Minimums {
            min_recall: [(class.to_owned(), least)].into(),
            ..Minimums::default()
        };
        let accuracy = |least| Minimums { min_accuracy: Some(least), ..Minimums::default() };
        let macro_f1 = |least| Minimums { min_macro_f1: Some(least), ..Minimums::default() };
        for (reached, missed, word) in [
            (accuracy(0.7), accuracy(0.71), "its accuracy of 0.700 is below min_accuracy, 0.71"),
            (macro_f1(0.6), macro_f1(0.75), "its macro-F1 of 0.697 is below min_macro_f1, 0.75"),
            (recall("b", 0.6), recall("b", 0.61), "its recall of class \"b\", 0.600, is below"),
            (recall("a", 0.8), recall("c", 0.1), "class \"c\" of min_recall has no held-out row"),
        ] {
            for promote in [Promote::IfBetter, Promote::Always] {
                assert!(with_minimums(promote, &reached).promote, "{reached:?}");
                let refused = with_minimums(promote, &missed);
                assert!(!refused.promote && refused.reason.starts_with(word), "{refused:?}");
            }
        }
    }

    #[test]
    fn a_first_model_must_beat_the_most_frequent_class() {
        assert!(decide(&judged(50, [40, 40]), None, Promote::IfBetter).promote);
        assert!(!decide(&judged(50, [25, 25]), None, Promote::IfBetter).promote);
    }

    /// 20 of 200 rows are of the second class; of these 15 are found, at the price of 20 mistakes.
    #[test]
    fn a_first_model_that_finds_a_rare_class_takes_over() {
        let truth: Vec<_> = (0..200).map(|row| vec![usize::from(row < 20)]).collect();
        let predicted = |finds: fn(usize) -> bool| {
            let row = |row: usize| if finds(row) { [0.2, 0.8] } else { [0.9, 0.1] };
            let rows: Vec<f32> = (0..200).flat_map(row).collect();
            Judged::new(vec!["a".into(), "b".into()], &truth, &rows).unwrap()
        };
        let finding = decide(&predicted(|row| !(15..180).contains(&row)), None, Promote::IfBetter);
        assert!(finding.promote && finding.reason.contains("recall"), "{finding:?}");
        // As many are guessed, and one of them is right.
        let guessing = decide(&predicted(|row| row % 6 == 5), None, Promote::IfBetter);
        assert!(!guessing.promote, "{guessing:?}");
    }

    #[test]
    fn a_model_of_one_answer_is_refused() {
        let decision = decide(&judged(50, [50, 0]), None, Promote::IfBetter);
        assert!(!decision.promote && decision.reason.contains("same class"), "{decision:?}");
    }

    #[test]
    fn the_champion_stays_unless_the_new_one_is_no_worse() {
        let champion = judged(200, [180, 180]);
        assert!(decide(&judged(200, [185, 185]), Some(&champion), Promote::IfBetter).promote);
        assert!(decide(&champion, Some(&champion), Promote::IfBetter).promote);
        assert!(!decide(&judged(200, [170, 170]), Some(&champion), Promote::IfBetter).promote);
    }

    #[test]
    fn no_class_is_given_up_for_another() {
        let champion = judged(200, [160, 160]);
        let decision = decide(&judged(200, [200, 135]), Some(&champion), Promote::IfBetter);
        assert!(!decision.promote && decision.reason.contains("\"b\""), "{decision:?}");
    }

    #[test]
    fn what_was_asked_for_comes_first() {
        let champion = judged(200, [180, 180]);
        assert!(decide(&judged(200, [20, 20]), Some(&champion), Promote::Always).promote);
        assert!(!decide(&judged(200, [200, 200]), Some(&champion), Promote::Never).promote);
    }
}
