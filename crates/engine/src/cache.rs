//! Answers that were given before: bounded memory, keyed by model, task and the text's hash, so
//! that no text is kept.
//!
//! Two generations stand in for an exact order of use: entries that are used move into the young
//! one; when that fills half of the memory, it becomes the old one and what was old is forgotten.

use crate::job::Target;
use crm_ai_wire::Digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A model's answer for one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Probabilities or a vector.
    pub numbers: Arc<[f32]>,
    /// True if the text was cut at the model's limit.
    pub truncated: bool,
}

type Key = (Target, Digest);
type Generation = HashMap<Key, Known>;

/// The cache; shared by all threads.
pub struct Cache {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    young: Generation,
    old: Generation,
    young_bytes: usize,
    old_bytes: usize,
}

/// Memory of an entry beside its numbers: the key, the table's slot at its usual load, and the
/// allocation's own.
const ENTRY_BYTES: usize = 2 * size_of::<(Key, Known)>() + 32;

impl Cache {
    /// An empty cache that takes at most so much memory; with 0 it keeps nothing.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// True if it keeps anything at all.
    pub fn is_on(&self) -> bool {
        self.bytes_max > 0
    }

    /// The known answer for a text.
    pub fn get(&self, target: &Target, text: &Digest) -> Option<Known> {
        let key = (*target, *text);
        let mut state = self.lock();
        if let Some(known) = state.young.get(&key) {
            return Some(known.clone());
        }
        let known = state.old.remove(&key)?;
        state.old_bytes -= bytes_of(&known);
        self.insert(&mut state, key, known.clone());
        Some(known)
    }

    /// Keeps what a model gave.
    pub fn put(&self, target: &Target, text: Digest, numbers: &[f32], truncated: bool) {
        let known = Known { numbers: numbers.into(), truncated };
        if bytes_of(&known) > self.bytes_max / 2 {
            return;
        }
        self.insert(&mut self.lock(), (*target, text), known);
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        let state = self.lock();
        state.young_bytes + state.old_bytes
    }

    fn insert(&self, state: &mut State, key: Key, known: Known) {
        let bytes = bytes_of(&known);
        if state.young_bytes + bytes > self.bytes_max / 2 {
            state.old = std::mem::take(&mut state.young);
            state.old_bytes = std::mem::take(&mut state.young_bytes);
        }
        state.young_bytes += bytes;
        if let Some(before) = state.young.insert(key, known) {
            state.young_bytes -= bytes_of(&before);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(known: &Known) -> usize {
    ENTRY_BYTES + size_of_val(&*known.numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::ModelKey;
    use crm_ai_wire::{Precision, Task};

    fn target(precision: Precision, task: Task) -> Target {
        Target { model: ModelKey { digest: Digest([1; 32]), precision }, task }
    }

    fn text(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    #[test]
    fn answers_are_told_apart_by_model_precision_task_and_text() {
        let cache = Cache::new(1 << 20);
        let first = target(Precision::Fp32, Task::Classify);
        cache.put(&first, text(1), &[0.25, 0.75], true);
        let known = cache.get(&first, &text(1)).unwrap();
        assert_eq!((&*known.numbers, known.truncated), (&[0.25, 0.75][..], true));
        assert_eq!(cache.get(&first, &text(2)), None);
        assert_eq!(cache.get(&target(Precision::Int8, Task::Classify), &text(1)), None);
        assert_eq!(cache.get(&target(Precision::Fp32, Task::Embed), &text(1)), None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let cache = Cache::new(100 * ENTRY_BYTES);
        let target = target(Precision::Fp32, Task::Classify);
        for number in 0..1000 {
            cache.put(&target, text(number), &[0.5; 3], false);
            assert!(cache.get(&target, &text(0)).is_some(), "{number}");
            assert!(cache.bytes() <= 100 * ENTRY_BYTES, "{number}");
        }
        assert!(cache.get(&target, &text(999)).is_some());
        assert_eq!(cache.get(&target, &text(500)), None);
        assert!(cache.bytes() > 40 * ENTRY_BYTES);
    }

    #[test]
    fn a_cache_without_memory_keeps_nothing() {
        let cache = Cache::new(0);
        let target = target(Precision::Fp32, Task::Classify);
        cache.put(&target, text(1), &[1.0], false);
        assert_eq!((cache.get(&target, &text(1)), cache.bytes(), cache.is_on()), (None, 0, false));
    }

    #[test]
    fn an_answer_put_twice_counts_once() {
        let cache = Cache::new(1 << 20);
        let target = target(Precision::Fp32, Task::Classify);
        for _ in 0..3 {
            cache.put(&target, text(1), &[1.0, 2.0], false);
        }
        assert_eq!(cache.bytes(), ENTRY_BYTES + 8);
    }
}
