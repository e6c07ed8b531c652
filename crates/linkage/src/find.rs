//! From rows to clusters and pairs.

use crate::blocking::{self, Chosen, Component, Pair};
use crate::clusters;
use crate::edges::{self, Edge};
use crate::layout::Layout;
use crate::learn::{self, Sample};
use crate::matches::{self, Match, WHOLE_MAX};
use crate::model::{Model, weight_of};
use crate::pattern::Pattern;
use crate::rows::Rows;
use crate::table::Table;
use crate::watch::{Stopped, Watch};
use rayon::prelude::*;

/// Most pairs of a table all of which are compared.
const ALL_PAIRS_MAX: f64 = 6e6;
/// Rounds in which frequencies of values and weights of pairs are made from one another.
const FREQUENCY_ROUNDS: usize = 2;
/// Weight in bits above which a pair counts where keys are chosen.
const LIKELY: f64 = -2.0;
/// Pairs that are compared between two looks at the watch.
const CHUNK: usize = 1 << 18;
/// The threshold at which groups need even odds; see [`Options::threshold`].
const EVEN_THRESHOLD: f64 = 0.95;

/// Settings of a search.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Least probability of a pair, above 0 and below 1. Clusters follow it: at 0.95 groups are
    /// joined at even odds of the evidence between them, and above and below by as many bits more
    /// or less as the threshold lies above or below.
    pub threshold: f64,
    /// True if a row of one table may be linked with one row of the other alone.
    pub one_to_one: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { threshold: EVEN_THRESHOLD, one_to_one: false }
    }
}

/// Result of a search. Rows have the numbers of [`Rows::sort`].
#[derive(Debug)]
pub struct Found {
    /// For each place, which row as it was read is there.
    pub order: Vec<u32>,
    /// The columns that were compared.
    pub layout: Layout,
    /// The table as it was compared.
    pub table: Table,
    /// The learned model; `None` where there was nothing to compare.
    pub model: Option<Model>,
    /// The number of each row's cluster, from 1.
    pub clusters: Vec<u32>,
    /// Pairs within clusters and candidates across, with their weights.
    pub pairs: Vec<Match>,
    /// The keys that gave the candidates; where all pairs were compared, those that would have.
    pub keys: Vec<(String, Chosen)>,
    /// The number of pairs that were compared.
    pub compared: usize,
    /// The probability, 0 to 1, that stands for the sum of the candidates: expected matches.
    pub expected_matches: f64,
}

/// Finds duplicates.
pub fn find(mut rows: Rows, options: Options, watch: &dyn Watch) -> Result<Found, Stopped> {
    watch.report("preparing", 0, rows.len() as u64);
    let order = rows.sort();
    let mut layout = Layout::of(&rows);
    let table = Table::fill(&rows, &mut layout, true);
    if table.columns.is_empty() || table.rows < 2 {
        return Ok(identical(&rows, order, layout, table));
    }
    drop(rows);
    watch.check()?;
    Search { table, options, watch }.run(order, layout)
}

struct Search<'a> {
    table: Table,
    options: Options,
    watch: &'a dyn Watch,
}

/// The pairs to compare and what was learned for their choice.
struct Candidates {
    pairs: Vec<Pair>,
    patterns: Vec<Pattern>,
    model: Model,
    keys: Vec<(String, Chosen)>,
}

impl Search<'_> {
    fn run(mut self, order: Vec<u32>, layout: Layout) -> Result<Found, Stopped> {
        let candidates =
            if self.table.pairs() <= ALL_PAIRS_MAX { self.all() } else { self.blocked() }?;
        let Candidates { pairs, patterns, mut model, keys } = candidates;
        let compared = pairs.len();
        self.watch.report("scoring", 0, compared as u64);
        let mut edges = edges::score(&self.table, &model, &pairs, &patterns);
        model.uses_frequency = true;
        for _ in 0..FREQUENCY_ROUNDS {
            self.watch.check()?;
            edges::count_frequencies(&mut self.table, &edges);
            edges = edges::score(&self.table, &model, &pairs, &patterns);
        }
        drop((pairs, patterns));
        self.watch.report("clustering", 0, edges.len() as u64);
        let least = weight_of(self.options.threshold) - weight_of(EVEN_THRESHOLD);
        let lowest = if self.options.one_to_one {
            one_to_one(&self.table, &edges, least)
        } else {
            clusters::cluster(&self.table, &model, &edges, least, self.watch)?
        };
        self.watch.report("weighing clusters", 0, edges.len() as u64);
        let found = matches::matches(&self.table, &model, &edges, &lowest, self.watch)?;
        let expected = edges.iter().map(|edge| crate::model::probability(f64::from(edge.weight)));
        Ok(Found {
            order,
            layout,
            expected_matches: expected.sum(),
            table: self.table,
            model: Some(model),
            clusters: numbered(&lowest),
            pairs: found,
            keys,
            compared,
        })
    }

    /// All pairs of a small table.
    fn all(&self) -> Result<Candidates, Stopped> {
        let pairs = blocking::all(&self.table);
        let patterns = self.compare(&pairs)?;
        let rows = self.table.rows as f64;
        let all = self.table.pairs();
        let sample = Sample {
            candidates: blocking::tally(patterns.iter().map(|pattern| (*pattern, 1.0))),
            others: Vec::new(),
            pairs: all,
            least_u: (0.25 / rows).max(0.5 / all),
            expected: 0.2 * rows,
        };
        let model = learn::learn(&self.table, &sample);
        let keys = self.keys_of_all(&model, &pairs, &patterns, sample);
        Ok(Candidates { pairs, patterns, model, keys })
    }

    /// The keys that would have been chosen: single records are looked up by them.
    fn keys_of_all(
        &self,
        model: &Model,
        pairs: &[Pair],
        patterns: &[Pattern],
        sample: Sample,
    ) -> Vec<(String, Chosen)> {
        let table = &self.table;
        let components = blocking::components(table);
        let is_likely = |(&(a, b), &pattern): (&Pair, &Pattern)| {
            (model.score(table, a as usize, pattern) > LIKELY).then_some((a, b, pattern))
        };
        let pairs = pairs.par_iter().zip(patterns).filter_map(is_likely).collect();
        let probes = blocking::Probes { pairs, sample };
        let costs = blocking::costs(table, &components);
        named(blocking::choose(table, model, &components, &costs, &probes), &components)
    }

    /// The pairs that chosen keys give.
    fn blocked(&self) -> Result<Candidates, Stopped> {
        let table = &self.table;
        let components = blocking::components(table);
        self.watch.report("estimating keys", 0, 1);
        let costs = blocking::costs(table, &components);
        self.watch.check()?;
        self.watch.report("sampling", 0, 1);
        let probes = blocking::probe(table, &components, &costs);
        self.watch.check()?;
        self.watch.report("learning", 0, probes.sample.candidates.len() as u64);
        let model = learn::learn(table, &probes.sample);
        self.watch.report("choosing keys", 0, 1);
        let chosen = blocking::choose(table, &model, &components, &costs, &probes);
        self.watch.check()?;
        let keys: Vec<_> = chosen.iter().map(|chosen| chosen.key).collect();
        let pairs = blocking::candidates(table, &components, &keys, self.watch)?;
        let patterns = self.compare(&pairs)?;
        Ok(Candidates { pairs, patterns, model, keys: named(chosen, &components) })
    }

    fn compare(&self, pairs: &[Pair]) -> Result<Vec<Pattern>, Stopped> {
        let mut patterns = Vec::with_capacity(pairs.len());
        let pattern = |&(a, b): &Pair| Pattern::of(&self.table, a as usize, b as usize);
        for chunk in pairs.chunks(CHUNK) {
            self.watch.check()?;
            self.watch.report("comparing", patterns.len() as u64, pairs.len() as u64);
            patterns.par_extend(chunk.par_iter().map(pattern));
        }
        Ok(patterns)
    }
}

/// Chosen keys with their names.
fn named(chosen: Vec<Chosen>, components: &[Component]) -> Vec<(String, Chosen)> {
    chosen.into_iter().map(|chosen| (chosen.key.name(components), chosen)).collect()
}

/// Numbers clusters from 1 in the order of their first rows.
fn numbered(lowest: &[u32]) -> Vec<u32> {
    let mut numbers = vec![0; lowest.len()];
    let mut last = 0;
    for (row, &first) in lowest.iter().enumerate() {
        if first as usize == row {
            last += 1;
            numbers[row] = last;
        }
    }
    lowest.iter().map(|&first| numbers[first as usize]).collect()
}

/// Links each row with its best partner, best pairs first.
fn one_to_one(table: &Table, edges: &[Edge], least: f64) -> Vec<u32> {
    let mut sorted: Vec<&Edge> =
        edges.iter().filter(|edge| f64::from(edge.weight) >= least).collect();
    sorted.sort_by(|x, y| y.weight.total_cmp(&x.weight).then((x.a, x.b).cmp(&(y.a, y.b))));
    let mut lowest: Vec<u32> = (0..table.rows as u32).collect();
    let mut is_linked = vec![false; table.rows];
    for edge in sorted {
        let (a, b) = (edge.a as usize, edge.b as usize);
        if !is_linked[a] && !is_linked[b] {
            (is_linked[a], is_linked[b]) = (true, true);
            lowest[b] = edge.a;
        }
    }
    lowest
}

/// Result where nothing can be compared: rows that are equal in everything are one.
fn identical(rows: &Rows, order: Vec<u32>, layout: Layout, table: Table) -> Found {
    /// The weight of such a pair, in bits.
    const SURE: f32 = 20.0;
    let is_blank = |row: usize| rows.columns.iter().all(|column| column.ids[row] == 0);
    let mut lowest: Vec<u32> = (0..rows.len() as u32).collect();
    let mut pairs = Vec::new();
    for row in 1..rows.len() {
        // Equal rows lie side by side.
        if rows.content(row) != rows.content(row - 1) || is_blank(row) {
            continue;
        }
        lowest[row] = lowest[row - 1];
        let first = (lowest[row] as usize).max(row.saturating_sub(WHOLE_MAX));
        let pairs_with = (first..row).filter(|&other| table.is_pair(other, row));
        pairs.extend(pairs_with.map(|other| Match {
            a: other as u32,
            b: row as u32,
            weight: SURE,
        }));
    }
    Found {
        order,
        layout,
        clusters: numbered(&lowest),
        expected_matches: pairs.len() as f64,
        compared: 0,
        pairs,
        keys: Vec::new(),
        model: None,
        table,
    }
}
