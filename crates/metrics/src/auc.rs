//! The area under the ROC curve of two classes.

use crate::judged::Judged;

/// The probability that a row of the second class gets a higher probability of that class than a
/// row of the first one, an equal one counting half: U / (n₁ · n₂) of Mann and Whitney ("On a Test
/// of Whether one of Two Random Variables is Stochastically Larger than the Other", 1947). Which
/// of the two classes is asked for makes no difference. `None` unless there are two classes and
/// both have rows.
pub(crate) fn auc(judged: &Judged) -> Option<f64> {
    let mut rows: Vec<(f32, bool)> =
        judged.second()?.iter().zip(judged.truth()).map(|(&p, &class)| (p, class == 1)).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = rows.iter().filter(|row| row.1).count() as f64;
    let pairs = positives * (rows.len() as f64 - positives);
    // Pairs that are in order, by the rows of the first class that lie below each tie.
    let (mut ordered, mut below) = (0.0, 0.0);
    for tie in rows.chunk_by(|a, b| a.0 == b.0) {
        let second = tie.iter().filter(|row| row.1).count() as f64;
        let first = tie.len() as f64 - second;
        ordered += second * (below + first / 2.0);
        below += first;
    }
    (pairs > 0.0).then(|| ordered / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rows: &[(usize, f32)]) -> Judged {
        let truth: Vec<_> = rows.iter().map(|(class, _)| vec![*class]).collect();
        let probabilities: Vec<f32> = rows.iter().flat_map(|(_, p)| [1.0 - p, *p]).collect();
        Judged::new(vec!["no".into(), "yes".into()], &truth, &probabilities).unwrap()
    }

    /// The example of scikit-learn's `roc_auc_score`, 0.75; and counted by hand.
    #[test]
    fn the_area_is_that_of_scikit_learn() {
        let example = [(0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8)];
        assert_eq!(auc(&judged(&example)), Some(0.75));
        // Of four pairs three are in order, and one is a tie.
        assert_eq!(auc(&judged(&[(1, 0.8), (0, 0.4), (1, 0.4), (0, 0.1)])), Some(0.875));
        assert_eq!(auc(&judged(&[(0, 0.5), (1, 0.5), (1, 0.5)])), Some(0.5));
        // The other class as the second one: the same.
        let turned = example.map(|(class, p)| (1 - class, 1.0 - p));
        assert_eq!(auc(&judged(&turned)), Some(0.75));
    }

    #[test]
    fn one_class_alone_and_three_have_none() {
        assert_eq!(auc(&judged(&[(1, 0.1), (1, 0.9)])), None);
        let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
        let three = Judged::new(labels, &[vec![0]], &[0.5, 0.3, 0.2]).unwrap();
        assert_eq!(auc(&three), None);
    }
}
