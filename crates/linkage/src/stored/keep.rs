//! The parts of a finished search that are kept, and the evidence of its pairs.

use super::{Statistics, Stored, VALUE_SALT, WORD_SALT, evidence, to_json};
use crate::blocking::{self, Key};
use crate::find::Found;
use crate::fold::hash;
use crate::matches::Match;
use crate::pattern::Pattern;
use crate::table::{Column, rarity_cap};

/// Most values of a column whose frequency is kept.
const VALUES_MAX: usize = 5000;

impl Stored {
    /// The part of a search to be kept; `None` where nothing was compared.
    pub fn of(found: &Found, headers: Vec<String>) -> Option<Self> {
        let model = found.model.clone()?;
        let components = blocking::components(&found.table);
        let mut keys: Vec<Key> = found.keys.iter().map(|(_, chosen)| chosen.key).collect();
        for key in blocking::lookup_keys(&found.table, &components) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let name = |place: usize| components[place].name.clone();
        Some(Self {
            headers,
            layout: found.layout.clone(),
            rows: found.table.rows,
            columns: found.table.columns.iter().map(Statistics::of).collect(),
            keys: keys.iter().map(|key| (name(key.a), key.b.map(name))).collect(),
            model,
        })
    }
}

impl Statistics {
    fn of(column: &Column) -> Self {
        let dictionary = &*column.dictionary;
        let ordinary = 1.0 / column.present.max(1) as f64;
        let mut values: Vec<(u32, f64)> = (1..column.frequency.len() as u32)
            .map(|id| (id, column.frequency[id as usize]))
            .filter(|(_, frequency)| *frequency > 1.5 * ordinary)
            .collect();
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        values.truncate(VALUES_MAX);
        let cap = rarity_cap(column.present);
        let words = (0..dictionary.words.count() as u32)
            .map(|word| (word, column.rarity[word as usize]))
            .filter(|(_, rarity)| *rarity < cap);
        Self {
            present: column.present,
            values: values
                .iter()
                .map(|&(id, frequency)| (hash(dictionary.values.text(id), VALUE_SALT), frequency))
                .collect(),
            words: words
                .map(|(word, rarity)| (hash(dictionary.words.text(word), WORD_SALT), rarity))
                .collect(),
        }
    }
}

/// The evidence of a pair that was found, as [`to_json`] gives it.
pub fn evidence_of(found: &Found, pair: &Match) -> serde_json::Value {
    let Some(model) = &found.model else { return to_json(&[]) };
    let (a, b) = (pair.a as usize, pair.b as usize);
    let weighed = model.weigh(&found.table, a, Pattern::of(&found.table, a, b));
    let columns = found.table.columns.iter().map(|column| (column.name.as_str(), column.kind));
    to_json(&evidence(columns, &weighed))
}
