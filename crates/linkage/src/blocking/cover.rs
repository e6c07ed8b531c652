//! The choice of keys: together they are to give nearly all pairs of one person, at least cost.

use super::components::Component;
use super::keys::{Cost, Key};
use super::probes::Probes;
use crate::model::{Model, probability};
use crate::table::Table;
use rayon::prelude::*;

/// Keys that should give each pair of one person: with one, each fault in it loses the pair.
const COVER: u8 = 2;
/// Least probability of a candidate that keys are to give.
const WORTH: f64 = 0.2;
/// Least gain of a key, as a share of all.
const LEAST_GAIN: f64 = 0.0005;
const KEYS_MAX: usize = 40;
/// Pairs that all keys may give together: a number, and more for each row.
const PAIRS_MAX: (f64, f64) = (6e6, 30.0);
/// A key's own cost in pairs per row: reading and sorting the rows.
const ROW_COST: f64 = 0.02;
/// A dear key must gain this power of its cost.
const COST_POWER: f64 = 0.7;
/// Least share of a key's pairs that lie in blocks of allowed size.
const USABLE: f64 = 0.3;

/// A key that was chosen.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The key.
    pub key: Key,
    /// The number of pairs that it is estimated to give.
    pub pairs: f64,
    /// The share of expected matches that it adds, each counted up to twice.
    pub gain: f64,
}

struct Offer {
    key: Key,
    pairs: f64,
    cost: f64,
    /// The matches that it gives, by their places.
    gives: Vec<u32>,
}

/// Chooses keys, best first.
pub fn choose(
    table: &Table,
    model: &Model,
    components: &[Component],
    costs: &[(Key, Cost)],
    probes: &Probes,
) -> Vec<Chosen> {
    let matches = matches(table, model, probes);
    let all: f64 = matches.iter().map(|(_, _, probability)| probability).sum();
    let mut offers: Vec<Offer> = costs
        .par_iter()
        .filter(|(_, cost)| cost.lost == 0.0 || cost.pairs >= USABLE * (cost.pairs + cost.lost))
        .map(|&(key, cost)| {
            let gives = |(place, &(a, b, _)): (usize, &(usize, usize, f64))| {
                key.agrees(table, components, a, b).then_some(place as u32)
            };
            let gives = matches.iter().enumerate().filter_map(gives).collect();
            let own = cost.pairs + ROW_COST * table.rows as f64;
            Offer { key, pairs: cost.pairs, cost: own, gives }
        })
        .collect();
    let budget = PAIRS_MAX.0 + PAIRS_MAX.1 * table.rows as f64;
    let mut covered = vec![0u8; matches.len()];
    let mut spent = 0.0;
    let mut chosen = Vec::new();
    while chosen.len() < KEYS_MAX {
        let gain = |offer: &Offer| -> f64 {
            let open = offer.gives.iter().filter(|place| covered[**place as usize] < COVER);
            open.map(|place| matches[*place as usize].2).sum()
        };
        let best = offers
            .par_iter()
            .enumerate()
            .filter(|(_, offer)| spent + offer.cost <= budget)
            .map(|(place, offer)| (gain(offer) / offer.cost.powf(COST_POWER), place))
            .reduce_with(|x, y| if (y.0, x.1) > (x.0, y.1) { y } else { x });
        let Some((_, place)) = best else { break };
        let gained = gain(&offers[place]);
        if gained <= LEAST_GAIN * all {
            break;
        }
        let offer = &mut offers[place];
        spent += offer.cost;
        for match_place in std::mem::take(&mut offer.gives) {
            covered[match_place as usize] = covered[match_place as usize].saturating_add(1);
        }
        chosen.push(Chosen { key: offer.key, pairs: offer.pairs, gain: gained / all });
    }
    chosen
}

/// Candidates of the probes that are likely one person.
fn matches(table: &Table, model: &Model, probes: &Probes) -> Vec<(usize, usize, f64)> {
    let of = |&(a, b, pattern): &(u32, u32, crate::pattern::Pattern)| {
        let (a, b) = (a.min(b) as usize, a.max(b) as usize);
        let probability = probability(model.score(table, a, pattern));
        (probability > WORTH).then_some((a, b, probability))
    };
    probes.pairs.iter().filter_map(of).collect()
}
