//! Sentiment: three classes, a score and five levels out of one classifier's probabilities.
//!
//! The model's classes are read by their names: two (negative, positive), three (with neutral) or
//! five levels (very negative … very positive). A blank text is neutral, with certainty.

use super::answers::argmax;
use crate::error::{Error, Result};
use crate::pg::composite::{self, Row};
use crate::store::versions::Version;
use pgrx::pg_sys;

/// The judgement of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentiment {
    /// Probabilities of the five levels, very negative first. Of a model with fewer classes, a
    /// class's whole probability stands at its plain level (2, 3 or 4).
    levels: [f32; 5],
    truncated: bool,
}

impl Sentiment {
    /// Of a text without a word, which no model was taught to judge.
    pub const SILENT: Self = Self { levels: [0.0, 0.0, 1.0, 0.0, 0.0], truncated: false };

    /// The judgement in one row of probabilities; `levels` tells which level each class is.
    pub fn of_classes(probabilities: &[f32], levels: &[usize], truncated: bool) -> Self {
        let mut sums = [0.0; 5];
        for (level, probability) in levels.iter().zip(probabilities) {
            sums[*level] += probability;
        }
        Self { levels: sums, truncated }
    }

    fn negative(&self) -> f32 {
        self.levels[0] + self.levels[1]
    }

    fn neutral(&self) -> f32 {
        self.levels[2]
    }

    fn positive(&self) -> f32 {
        self.levels[3] + self.levels[4]
    }

    /// `negative`, `neutral` or `positive`: the largest of the three masses.
    pub fn label(&self) -> &'static str {
        let masses = [self.negative(), self.neutral(), self.positive()];
        ["negative", "neutral", "positive"][argmax(&masses)]
    }

    /// P(positive) − P(negative).
    pub fn score(&self) -> f32 {
        self.positive() - self.negative()
    }

    /// The most probable of the five levels. It can differ in sign from the label, which sums the
    /// levels of one sign before it compares.
    pub fn level(&self) -> i16 {
        1 + argmax(&self.levels) as i16
    }
}

/// The row that tells all, of type `crm_sentiment_result`, whose identity is given.
pub fn detail_row(row_type: pg_sys::Oid, version: &Version, sentiment: &Sentiment) -> Result<Row> {
    let mut row = composite::row_of_type(row_type)?;
    composite::set(&mut row, "label", sentiment.label())?;
    composite::set(&mut row, "score", sentiment.score())?;
    composite::set(&mut row, "level", sentiment.level())?;
    composite::set(&mut row, "negative", sentiment.negative())?;
    composite::set(&mut row, "neutral", sentiment.neutral())?;
    composite::set(&mut row, "positive", sentiment.positive())?;
    composite::set(&mut row, "model", version.model.as_str())?;
    composite::set(&mut row, "version", version.number)?;
    composite::set(&mut row, "truncated", sentiment.truncated)?;
    Ok(row)
}

/// The level of sentiment, 0 to 4, of each of the model's classes.
pub fn level_of_classes(labels: &[String]) -> Result<Vec<usize>> {
    const LEVELS: [&str; 5] = ["very negative", "negative", "neutral", "positive", "very positive"];
    let places: Option<Vec<usize>> = labels
        .iter()
        .map(|label| {
            let name = label.to_lowercase().replace(['_', '-'], " ");
            LEVELS.iter().position(|level| *level == name)
        })
        .collect();
    places.filter(|places| places.contains(&1) && places.contains(&3)).ok_or_else(|| {
        Error::invalid_argument("the model does not judge sentiment").hint(
            "its classes must be negative and positive, with or without neutral, very \
                 negative and very positive; crm_classify serves any other classifier",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| label.to_string()).collect()
    }

    #[test]
    fn classes_are_known_by_name_in_any_order() {
        let five = names(&["very_negative", "NEGATIVE", "Neutral", "positive", "very positive"]);
        assert_eq!(level_of_classes(&five).unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(level_of_classes(&names(&["POSITIVE", "NEGATIVE"])).unwrap(), [3, 1]);
        for other in [&["spam", "ham"][..], &["negative", "neutral"], &[]] {
            assert!(level_of_classes(&names(other)).is_err(), "{other:?}");
        }
    }

    #[test]
    fn the_label_compares_masses_and_the_level_single_levels() {
        let sentiment = |levels| Sentiment { levels, truncated: false };
        // The single largest level is neutral, but the negative ones together outweigh it.
        let mixed = sentiment([0.25, 0.24, 0.3, 0.11, 0.1]);
        assert_eq!((mixed.label(), mixed.level()), ("negative", 3));
        assert!((mixed.score() + 0.28).abs() < 1e-6);
        let binary = sentiment([0.0, 0.2, 0.0, 0.8, 0.0]);
        assert_eq!((binary.label(), binary.level()), ("positive", 4));
        let flat = sentiment([0.0, 0.1, 0.8, 0.1, 0.0]);
        assert_eq!((flat.label(), flat.level(), flat.score()), ("neutral", 3, 0.0));
    }
}
