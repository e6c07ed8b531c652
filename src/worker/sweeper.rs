//! Removal of what the extension keeps for databases that no longer exist. A database that is
//! dropped runs no code of the extension, so the supervisor compares what is kept with what exists.

use super::{heartbeat, runner};
use crate::pg::databases;
use std::collections::BTreeSet;

/// Compares at each beat of the supervisor.
#[derive(Default)]
pub struct Sweeper {
    /// The databases that existed at the last look.
    seen: BTreeSet<u32>,
    /// Those for which nothing has to be removed any more.
    swept: BTreeSet<u32>,
}

impl Sweeper {
    /// Removes checkpoints and cached models of databases that existed neither now nor at the last
    /// look: one that is moved to another tablespace may be missed in a single look.
    pub fn look(&mut self, engine: u32) {
        let Ok(found) = databases::on_disk() else { return };
        let existing: BTreeSet<u32> = found.union(&self.seen).copied().collect();
        self.seen = found;
        if existing == self.swept {
            return;
        }
        runner::remove_files_of_dropped(|database| existing.contains(&database.to_u32()));
        let databases: Vec<u32> = existing.iter().copied().collect();
        if heartbeat::sweep(engine, &databases).is_ok() {
            self.swept = existing;
        }
    }
}
