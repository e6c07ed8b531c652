//! Dependences of columns among pairs of two people: a maximum spanning forest of mutual
//! information (Chow and Liu 1968).

use super::{Learner, UNMATCHED_MAX};
use crate::kind::LEVELS_MAX;
use crate::model::{Given, NO_LEVEL};

/// Least mutual information of two columns, in bits, that counts as a dependence.
const LEAST_BITS: f64 = 1e-5;

/// The parent of each column.
pub(super) fn of(learner: &Learner<'_>) -> Vec<Option<usize>> {
    let count = learner.columns();
    let mut edges = Vec::new();
    for a in 0..count {
        for b in a + 1..count {
            if let Some(bits) = information(&unmatched(learner, a, b)) {
                edges.push((bits, a, b));
            }
        }
    }
    edges.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let neighbours = span(count, &edges);
    root(learner, &neighbours)
}

/// Numbers of pairs of two people by the levels of two columns.
fn unmatched(learner: &Learner<'_>, a: usize, b: usize) -> Given {
    let mut joint = learner.others_jointly[a][b];
    for (&(pattern, count), &matched) in learner.sample.candidates.iter().zip(&learner.matched) {
        if matched > count * UNMATCHED_MAX {
            continue;
        }
        if let (Some(level), Some(other)) = (pattern.level(a), pattern.level(b)) {
            joint[other][level] += count - matched;
        }
    }
    joint[NO_LEVEL] = [0.0; LEVELS_MAX];
    joint
}

/// Mutual information in bits; `None` of nothing.
fn information(joint: &Given) -> Option<f64> {
    let rows: Vec<f64> = joint.iter().map(|row| row.iter().sum()).collect();
    let all: f64 = rows.iter().sum();
    if all < 1.0 {
        return None;
    }
    let column = |level: usize| joint.iter().map(|row| row[level]).sum::<f64>();
    let columns: Vec<f64> = (0..LEVELS_MAX).map(column).collect();
    let mut bits = 0.0;
    for (row, in_row) in joint.iter().zip(&rows) {
        for (count, in_column) in row.iter().zip(&columns).filter(|(count, _)| **count > 0.0) {
            bits += count / all * (count * all / (in_row * in_column)).log2();
        }
    }
    Some(bits)
}

/// The neighbours of each column in the forest.
fn span(count: usize, edges: &[(f64, usize, usize)]) -> Vec<Vec<usize>> {
    let mut trees: Vec<usize> = (0..count).collect();
    let mut neighbours = vec![Vec::new(); count];
    for &(_, a, b) in edges.iter().take_while(|edge| edge.0 >= LEAST_BITS) {
        let (kept, joined) = (trees[a], trees[b]);
        if kept == joined {
            continue;
        }
        trees.iter_mut().filter(|tree| **tree == joined).for_each(|tree| *tree = kept);
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    neighbours
}

/// Directs the trees away from the columns whose equality is rarest.
fn root(learner: &Learner<'_>, neighbours: &[Vec<usize>]) -> Vec<Option<usize>> {
    let count = learner.columns();
    let mut roots: Vec<usize> = (0..count).collect();
    let equal = |column: usize| learner.model.u[column][learner.top(column)];
    roots.sort_by(|&a, &b| equal(a).total_cmp(&equal(b)).then(a.cmp(&b)));
    let mut parents = vec![None; count];
    let mut seen = vec![false; count];
    for root in roots {
        let mut open = if seen[root] { Vec::new() } else { vec![root] };
        seen[root] = true;
        while let Some(column) = open.pop() {
            for &next in &neighbours[column] {
                if !seen[next] {
                    seen[next] = true;
                    parents[next] = Some(column);
                    open.push(next);
                }
            }
        }
    }
    parents
}
