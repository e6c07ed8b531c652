//! Models in memory, models being loaded, and models that cannot be loaded.

use crate::job::ModelKey;
use crate::predictor::{Failure, Predictor};
use crm_ai_wire::{Digest, ErrorCode, ModelStats};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for which a failed load is remembered, so that a storm of requests does not repeat it.
const FAILURE_KEPT: Duration = Duration::from_secs(5);

enum Entry {
    /// A worker loads it; the ticket tells this load from an earlier one.
    Loading(u64),
    Ready(Loaded),
    Failed(Failure, Instant),
}

struct Loaded {
    predictor: Arc<dyn Predictor>,
    /// Grows with every use; the smallest is the one used longest ago.
    last_used: u64,
    requests: u64,
    rows: u64,
}

/// State of a model.
pub enum Lookup {
    /// Nothing: somebody has to load it.
    Absent,
    /// Somebody loads it.
    Loading,
    /// It can be asked.
    Ready(Arc<dyn Predictor>),
    /// It could not be loaded a moment ago.
    Failed(Failure),
}

/// The models in memory.
pub struct Models {
    entries: HashMap<ModelKey, Entry>,
    /// Most memory that they may take together; 0 for no limit.
    bytes_max: u64,
    clock: u64,
}

impl Models {
    /// No models yet.
    pub fn new(bytes_max: u64) -> Self {
        Self { entries: HashMap::new(), bytes_max, clock: 0 }
    }

    /// The state of a model. Does not count as use.
    pub fn look_up(&mut self, key: &ModelKey, now: Instant) -> Lookup {
        match self.entries.get(key) {
            None => Lookup::Absent,
            Some(Entry::Loading(_)) => Lookup::Loading,
            Some(Entry::Ready(loaded)) => Lookup::Ready(Arc::clone(&loaded.predictor)),
            Some(Entry::Failed(failure, until)) if *until > now => Lookup::Failed(failure.clone()),
            Some(Entry::Failed(..)) => {
                self.entries.remove(key);
                Lookup::Absent
            }
        }
    }

    /// Notes that the caller loads a model; the ticket is to be given back with the outcome.
    pub fn begin_load(&mut self, key: ModelKey) -> u64 {
        let ticket = self.tick();
        self.entries.insert(key, Entry::Loading(ticket));
        ticket
    }

    /// Takes a load's outcome. Models used longest ago make room. A model that is too large alone
    /// is a failure; so is one that was evicted meanwhile, but that one is not remembered.
    pub fn end_load(
        &mut self,
        key: ModelKey,
        ticket: u64,
        outcome: Result<Arc<dyn Predictor>, Failure>,
        now: Instant,
    ) -> Result<Arc<dyn Predictor>, Failure> {
        if !matches!(self.entries.get(&key), Some(Entry::Loading(held)) if *held == ticket) {
            return Err(Failure::new(ErrorCode::UnknownModel, "the model was evicted"));
        }
        let outcome = outcome.and_then(|predictor| self.check_size(predictor));
        match outcome {
            Ok(predictor) => {
                self.make_room(predictor.memory_bytes());
                let loaded = Loaded {
                    predictor: Arc::clone(&predictor),
                    last_used: self.tick(),
                    requests: 0,
                    rows: 0,
                };
                self.entries.insert(key, Entry::Ready(loaded));
                Ok(predictor)
            }
            Err(failure) => {
                // Who streams a missing artifact asks again at once.
                if failure.code == ErrorCode::UnknownModel {
                    self.entries.remove(&key);
                } else {
                    self.entries.insert(key, Entry::Failed(failure.clone(), now + FAILURE_KEPT));
                }
                Err(failure)
            }
        }
    }

    /// Notes that a model is used.
    pub fn touch(&mut self, key: &ModelKey) {
        let now = self.tick();
        if let Some(Entry::Ready(loaded)) = self.entries.get_mut(key) {
            loaded.last_used = now;
        }
    }

    /// Counts what a model answered.
    pub fn count(&mut self, key: &ModelKey, requests: u64, rows: u64) {
        if let Some(Entry::Ready(loaded)) = self.entries.get_mut(key) {
            loaded.requests += requests;
            loaded.rows += rows;
        }
    }

    /// Forgets all about an artifact. Its memory is free once running batches have ended.
    pub fn evict(&mut self, digest: &Digest) {
        self.entries.retain(|key, _| key.digest != *digest);
    }

    /// Forgets a failed load, as the artifact has come anew.
    pub fn forget_failure(&mut self, digest: &Digest) {
        self.entries
            .retain(|key, entry| key.digest != *digest || !matches!(entry, Entry::Failed(..)));
    }

    /// Memory of the models, as they estimate it.
    pub fn bytes(&self) -> u64 {
        self.ready().map(|(_, loaded)| loaded.predictor.memory_bytes()).sum()
    }

    /// The models in memory, ordered by identity.
    pub fn stats(&self) -> Vec<ModelStats> {
        let mut stats: Vec<ModelStats> = self
            .ready()
            .map(|(key, loaded)| ModelStats {
                sha256: key.digest,
                precision: key.precision,
                memory_bytes: loaded.predictor.memory_bytes(),
                requests: loaded.requests,
                rows: loaded.rows,
            })
            .collect();
        stats.sort_by_key(|model| (model.sha256, model.precision as u8));
        stats
    }

    fn check_size(&self, predictor: Arc<dyn Predictor>) -> Result<Arc<dyn Predictor>, Failure> {
        let bytes = predictor.memory_bytes();
        if self.bytes_max > 0 && bytes > self.bytes_max {
            let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
            let message = format!(
                "the model needs {} MB of memory, more than the limit of {} MB",
                megabytes(bytes),
                megabytes(self.bytes_max)
            );
            return Err(Failure::new(ErrorCode::OutOfMemory, message));
        }
        Ok(predictor)
    }

    fn make_room(&mut self, bytes: u64) {
        while self.bytes_max > 0 && self.bytes().saturating_add(bytes) > self.bytes_max {
            let oldest = self.ready().min_by_key(|(_, loaded)| loaded.last_used);
            let Some(key) = oldest.map(|(key, _)| *key) else { return };
            self.entries.remove(&key);
        }
    }

    fn ready(&self) -> impl Iterator<Item = (&ModelKey, &Loaded)> {
        self.entries.iter().filter_map(|(key, entry)| match entry {
            Entry::Ready(loaded) => Some((key, loaded)),
            Entry::Loading(_) | Entry::Failed(..) => None,
        })
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}
