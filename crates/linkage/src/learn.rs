//! Learning without labels: expectation and maximisation over the levels of a sample of pairs.

mod forest;
mod relatives;

use crate::kind::{Kind, LEVELS_MAX};
use crate::model::{Given, Levels, Model, NO_LEVEL, probability, start};
use crate::pattern::Pattern;
use crate::table::Table;

/// Most rounds.
const ROUNDS: usize = 200;
/// Rounds in which the dependences of columns are found anew.
const FOREST_ROUNDS: [usize; 3] = [0, 5, 15];
/// Largest change of a share at which learning has settled, and the first round that may.
const SETTLED: (f64, usize) = (1e-5, 18);
/// Pseudo-counts of the start, which keep levels that few matches have.
const START_COUNT: f64 = 5.0;
/// Pseudo-counts of the unconditional shares in the conditional ones.
const U_SHRINKAGE: f64 = 200.0;
const M_SHRINKAGE: f64 = 50.0;
/// Probability above which a pair does not count among the unmatched of a dependence: leftovers of
/// matches would look like one.
const UNMATCHED_MAX: f64 = 0.5;
/// Largest share of the two lowest levels of names and birth dates among pairs of one person, and
/// how much larger it may be given another column's level: who has another name is another person.
const WORST_SHARE: (f64, f64) = (0.15, 1.5);

/// Pairs to learn from, with equal ones counted together.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Levels of candidates, with their number.
    pub candidates: Vec<(Pattern, f64)>,
    /// Levels of pairs that are held to be two people, with the number that each stands for.
    pub others: Vec<(Pattern, f64)>,
    /// The number of pairs that the sample stands for.
    pub pairs: f64,
    /// Smallest share of a level among pairs of two people.
    pub least_u: f64,
    /// Number of pairs of one person that learning starts from.
    pub expected: f64,
}

/// Learns a model: with relatives as a class of their own where there are any.
pub fn learn(table: &Table, sample: &Sample) -> Model {
    let mut learner = Learner::new(table, sample);
    learner.start_relatives();
    if learner.model.relatives.is_some() {
        learner.learn();
        if learner.has_relatives() {
            return learner.model;
        }
        learner = Learner::new(table, sample);
    }
    learner.learn();
    learner.model
}

/// State of a round.
struct Learner<'a> {
    table: &'a Table,
    sample: &'a Sample,
    starts: Vec<Levels>,
    model: Model,
    /// The probability of each candidate times its number.
    matched: Vec<f64>,
    /// Number of candidates held to be relatives.
    related: Vec<f64>,
    /// Levels of the pairs that are held to be two people: alone, and jointly by columns.
    others: Vec<Levels>,
    others_jointly: Vec<Vec<Given>>,
}

/// Sums over the candidates of a round.
struct Sums {
    matched: f64,
    swapped: f64,
    /// Levels among pairs of one person, and of two.
    m: Vec<Levels>,
    u: Vec<Levels>,
}

impl<'a> Learner<'a> {
    fn new(table: &'a Table, sample: &'a Sample) -> Self {
        let count = table.columns.len();
        let starts: Vec<Levels> = table.columns.iter().map(|column| start(column.kind)).collect();
        let mut learner = Self {
            table,
            sample,
            model: Model {
                parents: vec![None; count],
                m: starts.clone(),
                u: vec![[0.0; LEVELS_MAX]; count],
                m_given: starts.iter().map(|shares| [*shares; LEVELS_MAX + 1]).collect(),
                match_share: sample.expected / sample.pairs,
                swap_share: 0.01,
                ..Model::default()
            },
            starts,
            matched: vec![0.0; sample.candidates.len()],
            related: vec![0.0; sample.candidates.len()],
            others: vec![[0.0; LEVELS_MAX]; count],
            others_jointly: vec![vec![[[0.0; LEVELS_MAX]; LEVELS_MAX + 1]; count]; count],
        };
        learner.count_others();
        learner.start_u();
        learner
    }

    /// Rounds until the shares have settled.
    fn learn(&mut self) {
        for round in 0..ROUNDS {
            self.model.weights = self.weights();
            let sums = self.expect();
            let change = self.maximise(&sums);
            if FOREST_ROUNDS.contains(&round) {
                self.model.parents = forest::of(self);
            }
            self.cap_worst();
            self.condition();
            self.relate(&sums);
            self.model.match_share = ((sums.matched + 1.0) / self.sample.pairs).min(0.5);
            self.model.swap_share =
                ((sums.swapped + 1.0) / (sums.matched + 100.0)).clamp(1e-4, 0.2);
            if change < SETTLED.0 && round >= SETTLED.1 {
                break;
            }
        }
    }

    fn columns(&self) -> usize {
        self.table.columns.len()
    }

    fn top(&self, column: usize) -> usize {
        self.table.columns[column].kind.top()
    }

    fn count_others(&mut self) {
        for &(pattern, count) in &self.sample.others {
            for column in 0..self.columns() {
                let Some(level) = pattern.level(column) else { continue };
                self.others[column][level] += count;
                for other in (0..self.columns()).filter(|other| *other != column) {
                    let given = pattern.level(other).unwrap_or(NO_LEVEL);
                    self.others_jointly[column][other][given][level] += count;
                }
            }
        }
    }

    /// The shares of levels among all pairs: nearly all are of two people.
    fn start_u(&mut self) {
        let mut u = self.others.clone();
        for &(pattern, count) in &self.sample.candidates {
            for (column, levels) in u.iter_mut().enumerate() {
                if let Some(level) = pattern.level(column) {
                    levels[level] += count;
                }
            }
        }
        for (column, levels) in u.iter_mut().enumerate() {
            let all = levels.iter().sum::<f64>().max(1.0);
            for share in &mut levels[..=self.table.columns[column].kind.top()] {
                *share = (*share / all).max(self.sample.least_u);
            }
        }
        self.model.u_given = u.iter().map(|levels| [*levels; LEVELS_MAX + 1]).collect();
        self.model.u = u;
    }

    /// `log2(m / u)` of each level, made to rise with the level: neighbours that fall are pooled
    /// (pool adjacent violators).
    fn weights(&self) -> Vec<Given> {
        let of = |column: usize| {
            let mut weights = [[0.0; LEVELS_MAX]; LEVELS_MAX + 1];
            for (given, weights) in weights.iter_mut().enumerate() {
                let m = &self.model.m_given[column][given];
                let u = &self.model.u_given[column][given];
                rise(weights, m, u, self.top(column));
            }
            weights
        };
        (0..self.columns()).map(of).collect()
    }

    /// The probability of each candidate, and what follows from all.
    fn expect(&mut self) -> Sums {
        let none = vec![[0.0; LEVELS_MAX]; self.columns()];
        let mut sums = Sums { matched: 0.0, swapped: 0.0, m: none, u: self.others.clone() };
        for (place, &(pattern, count)) in self.sample.candidates.iter().enumerate() {
            let (weight, related) = self.weigh(pattern);
            let matched = count * probability(weight);
            self.matched[place] = matched;
            self.related[place] = (count - matched) * related;
            sums.matched += matched;
            if pattern.is_swapped() {
                sums.swapped += matched;
            }
            for column in 0..self.columns() {
                if let Some(level) = pattern.level(column) {
                    sums.m[column][level] += matched;
                    sums.u[column][level] += count - matched;
                }
            }
        }
        sums
    }

    /// The weight of a pattern, and the probability that two people who agree so are relatives.
    fn weigh(&self, pattern: Pattern) -> (f64, f64) {
        let model = &self.model;
        let (mut weight, mut strangers) = (model.prior(), 0.0);
        for column in 0..self.columns() {
            let Some(level) = pattern.level(column) else { continue };
            let given = model.parent_level(pattern, column);
            weight += model.weights[column][given][level];
            strangers += model.u_given[column][given][level].max(1e-12).log2();
        }
        if pattern.is_swapped() {
            weight += model.swap_share.log2();
        }
        let Some(relatives) = &model.relatives else { return (weight, 0.0) };
        let mut odds = relatives.share.log2() - strangers;
        for column in 0..self.columns() {
            if let Some(level) = pattern.level(column) {
                odds += relatives.h[column][level].log2();
            }
        }
        let related = probability(odds);
        (weight + (1.0 - related).max(f64::MIN_POSITIVE).log2(), related)
    }

    /// The shares of levels; gives the largest change of one.
    fn maximise(&mut self, sums: &Sums) -> f64 {
        let mut change: f64 = 0.0;
        for column in 0..self.columns() {
            let (one, two) = (&sums.m[column], &sums.u[column]);
            let (all_one, all_two): (f64, f64) = (one.iter().sum(), two.iter().sum());
            for level in 0..=self.top(column) {
                let prior = START_COUNT * self.starts[column][level];
                let m = (one[level] + prior) / (all_one + START_COUNT);
                change = change.max((m - self.model.m[column][level]).abs());
                self.model.m[column][level] = m;
                self.model.u[column][level] =
                    (two[level] / all_two.max(1.0)).max(self.sample.least_u);
            }
        }
        change
    }

    fn worst_share(&self, column: usize) -> Option<f64> {
        let is_capped = matches!(
            self.table.columns[column].kind,
            Kind::GivenName | Kind::FamilyName | Kind::Name | Kind::BirthDate
        );
        is_capped.then_some(WORST_SHARE.0)
    }

    fn cap_worst(&mut self) {
        for column in 0..self.columns() {
            if let Some(share) = self.worst_share(column) {
                let top = self.top(column);
                cap(&mut self.model.m[column], top, share);
            }
        }
    }

    /// The shares given the parent's level.
    fn condition(&mut self) {
        for column in 0..self.columns() {
            let Some(parent) = self.model.parents[column] else {
                self.model.m_given[column] = [self.model.m[column]; LEVELS_MAX + 1];
                self.model.u_given[column] = [self.model.u[column]; LEVELS_MAX + 1];
                continue;
            };
            let (one, two) = self.jointly(column, parent);
            for given in 0..=LEVELS_MAX {
                let (all_one, all_two): (f64, f64) =
                    (one[given].iter().sum(), two[given].iter().sum());
                for level in 0..=self.top(column) {
                    let u = two[given][level] + U_SHRINKAGE * self.model.u[column][level];
                    self.model.u_given[column][given][level] =
                        (u / (all_two + U_SHRINKAGE)).max(self.sample.least_u);
                    let m = one[given][level] + M_SHRINKAGE * self.model.m[column][level];
                    self.model.m_given[column][given][level] = m / (all_one + M_SHRINKAGE);
                }
                if let Some(share) = self.worst_share(column) {
                    let top = self.top(column);
                    cap(&mut self.model.m_given[column][given], top, share * WORST_SHARE.1);
                }
            }
        }
    }

    /// Numbers of pairs of one person and of two by the levels of two columns.
    fn jointly(&self, column: usize, parent: usize) -> (Given, Given) {
        let mut one = [[0.0; LEVELS_MAX]; LEVELS_MAX + 1];
        let mut two = self.others_jointly[column][parent];
        for (&(pattern, count), &matched) in self.sample.candidates.iter().zip(&self.matched) {
            let Some(level) = pattern.level(column) else { continue };
            let given = pattern.level(parent).unwrap_or(NO_LEVEL);
            one[given][level] += matched;
            if matched <= count * UNMATCHED_MAX {
                two[given][level] += count - matched;
            }
        }
        (one, two)
    }
}

/// Weights of levels 0 to `top` by m and u, rising.
fn rise(weights: &mut Levels, m: &Levels, u: &Levels, top: usize) {
    let weight = |m: f64, u: f64| (m.max(1e-7) / u.max(1e-12)).log2();
    for level in 0..=top {
        weights[level] = weight(m[level], u[level]);
    }
    for level in 1..=top {
        if weights[level] >= weights[level - 1] {
            continue;
        }
        let (mut first, mut sum_m, mut sum_u) = (level, m[level], u[level]);
        while first > 0 && weight(sum_m, sum_u) < weights[first - 1] {
            first -= 1;
            sum_m += m[first];
            sum_u += u[first];
        }
        weights[first..=level].fill(weight(sum_m, sum_u));
    }
}

/// Lowers the share of the two lowest levels to `share`, the others taking what is freed.
fn cap(levels: &mut Levels, top: usize, share: f64) {
    let worst = levels[0] + levels[1];
    if worst <= share {
        return;
    }
    let (down, up) = (share / worst, (1.0 - share) / (1.0 - worst).max(1e-9));
    for (level, value) in levels.iter_mut().enumerate().take(top + 1) {
        *value *= if level < 2 { down } else { up };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_rise() {
        let mut weights = [0.0; LEVELS_MAX];
        let m = [0.1, 0.3, 0.1, 0.5, 0.0, 0.0, 0.0, 0.0];
        let u = [0.5, 0.1, 0.3, 0.1, 0.0, 0.0, 0.0, 0.0];
        rise(&mut weights, &m, &u, 3);
        assert!(weights[..4].windows(2).all(|pair| pair[0] <= pair[1]), "{weights:?}");
        assert!((weights[1] - weights[2]).abs() < 1e-12);
    }

    #[test]
    fn a_cap_keeps_the_sum() {
        let mut levels = [0.3, 0.3, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0];
        cap(&mut levels, 3, 0.15);
        assert!((levels.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((levels[0] + levels[1] - 0.15).abs() < 1e-12);
    }
}
