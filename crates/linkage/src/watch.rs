//! Progress, and the wish to end.

/// The work was ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work was ended")]
pub struct Stopped;

/// Whoever waits for the work.
pub trait Watch: Sync {
    /// Fails when the work is to end.
    fn check(&self) -> Result<(), Stopped> {
        Ok(())
    }

    /// Takes note of a phase and of how much of it is done.
    fn report(&self, _phase: &'static str, _done: u64, _of: u64) {}
}

/// Nobody waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {}
