//! Precision, recall and F1 on a CSV file with the truth in its column `true_id`:
//! `cargo run --release -p crm_ai_linkage --example evaluate FILE…`

#![allow(missing_docs)]

use crm_ai_linkage::matches::Match;
use crm_ai_linkage::model::probability;
use crm_ai_linkage::rows::{Header, Rows};
use crm_ai_linkage::watch::Watch;
use crm_ai_linkage::{Found, Options, find};
use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let mut reader = csv::Reader::from_path(&path)?;
        let headers: Vec<String> = reader.headers()?.iter().map(|h| h.trim().to_owned()).collect();
        let place = |name: &str| headers.iter().position(|header| header == name);
        let truth_place = place("true_id").ok_or("there is no column true_id")?;
        let key_place = place("key").or(place("customer_id")).ok_or("there is no column key")?;
        let used: Vec<usize> =
            (0..headers.len()).filter(|p| *p != truth_place && *p != key_place).collect();
        let header = |&place: &usize| Header { name: headers[place].clone(), kind: None };
        let mut rows = Rows::new(used.iter().map(header).collect());
        let mut truth = Vec::new();
        for record in reader.records() {
            let record = record?;
            truth.push(record[truth_place].to_owned());
            rows.push(&record[key_place], used.iter().map(|&place| Some(&record[place])));
        }
        let began = Instant::now();
        let found = find(rows, Options::default(), &Phases(began))?;
        report(&path, &found, &truth, began.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Says when each phase begins, where `PHASES` is set.
struct Phases(Instant);

impl Watch for Phases {
    fn report(&self, phase: &'static str, done: u64, of: u64) {
        if done == 0 && std::env::var_os("PHASES").is_some() {
            eprintln!("{:8.2} s {phase} ({of})", self.0.elapsed().as_secs_f64());
        }
    }
}

fn report(path: &str, found: &Found, truth: &[String], seconds: f64) {
    let truth: Vec<&str> = found.order.iter().map(|&row| truth[row as usize].as_str()).collect();
    let pairs_of = |counts: &mut dyn Iterator<Item = usize>| -> f64 {
        counts.map(|count| (count * (count.saturating_sub(1))) as f64 / 2.0).sum()
    };
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    let mut cluster_sizes: HashMap<u32, usize> = HashMap::new();
    let mut both: HashMap<(u32, &str), usize> = HashMap::new();
    for (&person, &cluster) in truth.iter().zip(&found.clusters) {
        *sizes.entry(person).or_default() += 1;
        *cluster_sizes.entry(cluster).or_default() += 1;
        *both.entry((cluster, person)).or_default() += 1;
    }
    let all = pairs_of(&mut sizes.values().copied());
    let linked = pairs_of(&mut cluster_sizes.values().copied());
    let right = pairs_of(&mut both.values().copied());
    let is_right = |pair: &&Match| truth[pair.a as usize] == truth[pair.b as usize];
    let sure: Vec<&Match> =
        found.pairs.iter().filter(|pair| probability(f64::from(pair.weight)) >= 0.95).collect();
    let sure_right = sure.iter().filter(|pair| is_right(pair)).count() as f64;
    let (p, r) = (sure_right / sure.len() as f64, sure_right / all);
    let (cp, cr) = (right / linked, right / all);
    println!(
        "{path}: {} rows, {} pairs compared, {seconds:.2} s\n  pairs @.95 P {p:.4} R {r:.4} \
         F1 {:.4} | clusters P {cp:.4} R {cr:.4} F1 {:.4}",
        truth.len(),
        found.compared,
        2.0 * p * r / (p + r),
        2.0 * cp * cr / (cp + cr),
    );
    println!("{}", reliability(found, &truth));
}

/// Of pairs with probabilities around a value, the share that is right.
fn reliability(found: &Found, truth: &[&str]) -> String {
    const EDGES: [f64; 7] = [0.01, 0.1, 0.5, 0.8, 0.95, 0.99, 1.01];
    let mut bins = [(0.0, 0.0, 0.0); EDGES.len()];
    for pair in &found.pairs {
        let p = probability(f64::from(pair.weight));
        let Some(bin) = EDGES.iter().position(|edge| p < *edge) else { continue };
        bins[bin].0 += 1.0;
        bins[bin].1 += p;
        bins[bin].2 += f64::from(u8::from(truth[pair.a as usize] == truth[pair.b as usize]));
    }
    let cell =
        |bin: &(f64, f64, f64)| format!("{:.3}→{:.3} ({})", bin.1 / bin.0, bin.2 / bin.0, bin.0);
    let cells: Vec<String> = bins.iter().filter(|bin| bin.0 > 0.0).map(cell).collect();
    format!("  said→true (pairs): {}", cells.join("  "))
}
