//! Whole searches on made-up customers, and properties of comparisons.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../examples/customers/maker.rs"]
mod maker;

use crm_ai_linkage::kind::Kind;
use crm_ai_linkage::levels::level;
use crm_ai_linkage::model::probability;
use crm_ai_linkage::rows::{Header, Rows};
use crm_ai_linkage::stored::Stored;
use crm_ai_linkage::watch::{Stopped, Unwatched, Watch};
use crm_ai_linkage::{Found, Options, find};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A table: headers without key and truth, and rows of key, values, truth.
struct Data {
    headers: Vec<String>,
    rows: Vec<(String, Vec<String>, String)>,
}

fn customers(rows: usize, seed: u64) -> Data {
    let names: Vec<&str> = maker::HEADER.split(',').collect();
    let split = |line: String| {
        let values: Vec<String> = line.split(',').map(str::to_owned).collect();
        let last = values.len() - 1;
        (values[0].clone(), values[1..last].to_vec(), values[last].clone())
    };
    Data {
        headers: names[1..names.len() - 1].iter().map(|&name| name.to_owned()).collect(),
        rows: maker::lines(rows, seed).into_iter().map(split).collect(),
    }
}

fn search(data: &Data, options: Options) -> Found {
    let header = |name: &String| Header { name: name.clone(), kind: None };
    let mut rows = Rows::new(data.headers.iter().map(header).collect());
    for (key, values, _) in &data.rows {
        rows.push(key, values.iter().map(|value| Some(value.as_str())));
    }
    find(rows, options, &Unwatched).unwrap()
}

/// Clusters as sets of keys, and pairs of keys with the bits of their weights.
type Result_ = (BTreeSet<BTreeSet<String>>, BTreeMap<(String, String), u32>);

fn result(data: &Data, found: &Found) -> Result_ {
    let key = |place: u32| data.rows[found.order[place as usize] as usize].0.clone();
    let mut clusters: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (&cluster, place) in found.clusters.iter().zip(0..) {
        clusters.entry(cluster).or_default().insert(key(place));
    }
    let pairs = found.pairs.iter().map(|pair| {
        let (a, b) = (key(pair.a), key(pair.b));
        ((a.clone().min(b.clone()), a.max(b)), pair.weight.to_bits())
    });
    (clusters.into_values().collect(), pairs.collect())
}

/// Precision, recall and F1 of the pairs of the clusters.
fn quality(data: &Data, found: &Found) -> (f64, f64, f64) {
    let truth = |place: usize| data.rows[found.order[place] as usize].2.as_str();
    let mut people: BTreeMap<&str, f64> = BTreeMap::new();
    let mut clusters: BTreeMap<u32, f64> = BTreeMap::new();
    let mut both: BTreeMap<(u32, &str), f64> = BTreeMap::new();
    for (place, &cluster) in found.clusters.iter().enumerate() {
        *people.entry(truth(place)).or_default() += 1.0;
        *clusters.entry(cluster).or_default() += 1.0;
        *both.entry((cluster, truth(place))).or_default() += 1.0;
    }
    let pairs =
        |counts: &mut dyn Iterator<Item = f64>| counts.map(|n| n * (n - 1.0) / 2.0).sum::<f64>();
    let all = pairs(&mut people.values().copied());
    let linked = pairs(&mut clusters.values().copied());
    let right = pairs(&mut both.values().copied());
    (right / linked, right / all, 2.0 * right / (linked + all))
}

#[test]
fn customers_are_found_whether_all_pairs_are_compared_or_blocked_ones() {
    for (rows, least) in [(1_500, 0.98), (8_000, 0.985)] {
        let data = customers(rows, 7);
        let found = search(&data, Options::default());
        let (precision, recall, f1) = quality(&data, &found);
        assert!(f1 > least, "{rows} rows: precision {precision:.4} recall {recall:.4} F1 {f1:.4}");
        let sure: Vec<bool> = found
            .pairs
            .iter()
            .filter(|pair| probability(f64::from(pair.weight)) >= 0.95)
            .map(|pair| {
                let truth = |row: u32| &data.rows[found.order[row as usize] as usize].2;
                truth(pair.a) == truth(pair.b)
            })
            .collect();
        let right = sure.iter().filter(|is_right| **is_right).count() as f64;
        assert!(right / sure.len() as f64 > 0.95, "{rows} rows: {right} of {}", sure.len());
    }
}

#[test]
fn the_same_bits_come_whatever_the_order_of_rows_and_the_number_of_threads() {
    let data = customers(6_000, 11);
    let first = result(&data, &search(&data, Options::default()));
    let mut turned = Data { headers: data.headers.clone(), rows: data.rows.clone() };
    turned.rows.reverse();
    turned.rows.rotate_left(1234);
    assert!(result(&turned, &search(&turned, Options::default())) == first);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| search(&data, Options::default()));
        assert!(result(&data, &found) == first, "{threads} threads");
    }
}

#[test]
fn a_higher_threshold_parts_clusters_and_joins_none() {
    let data = customers(1_000, 5);
    let clusters = |threshold: f64| {
        let found = search(&data, Options { threshold, ..Options::default() });
        result(&data, &found).0
    };
    let mut coarser = clusters(0.2);
    for threshold in [0.5, 0.95, 0.999, 0.999_999] {
        let finer = clusters(threshold);
        for cluster in &finer {
            assert!(coarser.iter().any(|whole| cluster.is_subset(whole)), "{threshold}");
        }
        coarser = finer;
    }
}

#[test]
fn rows_that_are_equal_in_everything_are_one() {
    let rows = |values: &[&str]| Data {
        headers: vec!["name".to_owned()],
        rows: (0..)
            .zip(values)
            .map(|(key, v): (i32, &&str)| (key.to_string(), vec![(*v).to_owned()], String::new()))
            .collect(),
    };
    let same = rows(&["Ann Lee"; 4]);
    let found = search(&same, Options::default());
    assert_eq!(found.clusters, [1, 1, 1, 1]);
    assert_eq!(found.pairs.len(), 6);
    assert!(search(&rows(&[""; 3]), Options::default()).clusters == [1, 2, 3]);
    assert!(search(&rows(&[]), Options::default()).clusters.is_empty());
}

/// Nothing is NaN where there is no duplicate at all: what is told is JSON.
#[test]
fn a_table_without_duplicates_has_none() {
    let rows = |count: usize| Data {
        headers: vec!["name".to_owned(), "email".to_owned()],
        rows: (0..count)
            .map(|i| {
                (
                    i.to_string(),
                    vec![format!("n{i:x}o{i:x} q{i:o}"), format!("m{i:b}@x.de")],
                    String::new(),
                )
            })
            .collect(),
    };
    for count in [2, 50, 5_000] {
        let found = search(&rows(count), Options::default());
        assert!(found.keys.iter().all(|(_, key)| key.gain.is_finite() && key.gain > 0.0));
        let figures = [found.expected_matches, found.model.as_ref().map_or(0.0, |m| m.match_share)];
        assert!(figures.iter().all(|figure| figure.is_finite()), "{figures:?}");
    }
}

#[test]
fn one_row_is_linked_with_one_row_alone() {
    let data = customers(1_200, 3);
    let header = |name: &String| Header { name: name.clone(), kind: None };
    let mut rows = Rows::new(data.headers.iter().map(header).collect());
    for (place, (key, values, _)) in data.rows.iter().enumerate() {
        if place == 600 {
            rows.end_left();
        }
        rows.push(key, values.iter().map(|value| Some(value.as_str())));
    }
    let options = Options { one_to_one: true, ..Options::default() };
    let found = find(rows, options, &Unwatched).unwrap();
    let mut sizes: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for (&cluster, &row) in found.clusters.iter().zip(&found.order) {
        let sides = sizes.entry(cluster).or_default();
        if row < 600 { sides.0 += 1 } else { sides.1 += 1 }
    }
    assert!(sizes.values().all(|sides| sides.0 <= 1 && sides.1 <= 1));
    assert!(sizes.values().filter(|sides| **sides == (1, 1)).count() > 50);
    assert!(found.pairs.iter().all(|pair| found.table.is_pair(pair.a as usize, pair.b as usize)));
}

/// A key that half the table shares, and fillers, must not make a block of half the table.
#[test]
fn a_value_that_half_the_table_shares_does_not_explode() {
    let mut data = customers(6_000, 9);
    let zip = data.headers.iter().position(|name| name == "zip").unwrap();
    let phone = data.headers.iter().position(|name| name == "phone").unwrap();
    for (place, (_, values, _)) in data.rows.iter_mut().enumerate() {
        if place % 2 == 0 {
            values[zip] = "10000".to_owned();
            values[phone] = ["0000000000", "n/a", "5551234567"][place % 3].to_owned();
        }
    }
    let found = search(&data, Options::default());
    assert!(found.compared < 600_000, "{}", found.compared);
    assert!(quality(&data, &found).2 > 0.97, "{:?}", quality(&data, &found));
}

#[test]
fn a_search_ends_where_it_is_asked_to() {
    struct After(AtomicUsize);
    impl Watch for After {
        fn check(&self) -> Result<(), Stopped> {
            let left =
                self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            left.map(drop).map_err(|_| Stopped)
        }
    }
    let data = customers(4_000, 2);
    for checks in [0, 1, 3, 6, 20] {
        let header = |name: &String| Header { name: name.clone(), kind: None };
        let mut rows = Rows::new(data.headers.iter().map(header).collect());
        for (key, values, _) in &data.rows {
            rows.push(key, values.iter().map(|value| Some(value.as_str())));
        }
        let ended = find(rows, Options::default(), &After(AtomicUsize::new(checks)));
        assert_eq!(ended.err(), Some(Stopped), "{checks}");
    }
}

/// What is kept of a search answers for single records as the search itself did.
#[test]
fn a_record_is_found_by_what_is_kept_of_a_search() {
    let data = customers(4_000, 17);
    let found = search(&data, Options::default());
    let json = serde_json::to_string(&Stored::of(&found, data.headers.clone()).unwrap()).unwrap();
    let stored: Stored = serde_json::from_str(&json).unwrap();
    let record = |place: usize| -> Vec<Option<String>> {
        data.rows[found.order[place] as usize].1.iter().cloned().map(Some).collect()
    };
    let whole = stored.hashes(&found.table);
    let (mut pairs, mut met) = (0, 0);
    for pair in found.pairs.iter().filter(|pair| pair.weight > 10.0).take(500) {
        let (a, b) = (pair.a as usize, pair.b as usize);
        let alone = stored.table(&[record(a)]);
        // The hashes of a record alone are those that it has in the table.
        let own = stored.hashes(&alone).of(&alone, 0);
        assert_eq!(own, whole.of(&found.table, a));
        pairs += 1;
        met += usize::from(whole.of(&found.table, b).iter().any(|hash| own.contains(hash)));
        let weight = stored.compare(&[record(a), record(b)])[0].weight;
        let pattern = crm_ai_linkage::pattern::Pattern::of(&found.table, a, b);
        let direct = found.model.as_ref().unwrap().score(&found.table, a, pattern);
        assert!((weight - direct).abs() < 0.6, "{weight} {direct}");
    }
    assert!(pairs > 100 && met * 100 >= pairs * 99, "{met} of {pairs}");
}

/// A table of one column of a kind, with these values.
fn column(kind: Kind, values: &[String]) -> crm_ai_linkage::table::Table {
    let mut rows = Rows::new(vec![Header { name: "x".to_owned(), kind: Some(kind) }]);
    for (place, value) in values.iter().enumerate() {
        rows.push(&place.to_string(), [Some(value.as_str())]);
    }
    let mut layout = crm_ai_linkage::layout::Layout {
        columns: vec![crm_ai_linkage::layout::Planned {
            name: "x".to_owned(),
            source: 0,
            part: crm_ai_linkage::layout::Part::Whole,
            kind,
        }],
    };
    crm_ai_linkage::table::Table::fill(&rows, &mut layout, false)
}

const KINDS: [Kind; 14] = [
    Kind::GivenName,
    Kind::FamilyName,
    Kind::Name,
    Kind::Date,
    Kind::BirthDate,
    Kind::Email,
    Kind::Phone,
    Kind::Postcode,
    Kind::Address,
    Kind::Words,
    Kind::Text,
    Kind::Category,
    Kind::Number,
    Kind::Code,
];

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_201),
        cases: 400,
        ..ProptestConfig::default()
    })]

    /// Every comparator takes every text, is symmetric, and finds a value equal to itself.
    #[test]
    fn comparisons_are_symmetric(
        a in prop_oneof![".{0,40}", "[a-c 0-3@.]{0,12}", "[0-9]{4}-[0-9]{2}-[0-9]{2}"],
        b in prop_oneof![".{0,40}", "[a-c 0-3@.]{0,12}", "[0-9]{4}-[0-9]{2}-[0-9]{2}"],
    ) {
        for kind in KINDS {
            let table = column(kind, &[a.clone(), b.clone(), a.clone()]);
            let column = &table.columns[0];
            let (x, y) = (column.ids[0], column.ids[1]);
            prop_assert_eq!(x, column.ids[2]);
            let there = level(column, x, y);
            prop_assert_eq!(there, level(column, y, x));
            prop_assert!(there == 15 || usize::from(there) <= kind.top());
            if x != 0 {
                prop_assert_eq!(usize::from(level(column, x, x)), kind.top());
            }
        }
    }
}
