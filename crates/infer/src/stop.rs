//! Ends runs of a model from another thread.

use crate::Error;
use ort::session::RunOptions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Asks one run to end, whenever it is asked: before the run, while it goes on, or too late. ONNX
/// Runtime looks between two operators, and at each turn of a loop.
#[derive(Default)]
pub struct Stop {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_asked: bool,
    running: Option<Arc<RunOptions>>,
}

impl Stop {
    /// Asks the run to end.
    pub fn ask(&self) {
        let mut state = self.lock();
        state.is_asked = true;
        if let Some(options) = &state.running {
            // Fails never: it sets a flag.
            let _ = options.terminate();
        }
    }

    /// True if the run was asked to end.
    pub fn is_asked(&self) -> bool {
        self.lock().is_asked
    }

    /// Does a run that can be asked to end, under options that no other run uses meanwhile.
    pub(crate) fn during<T>(
        &self,
        options: &Arc<RunOptions>,
        run: impl FnOnce() -> ort::Result<T>,
    ) -> Result<ort::Result<T>, Error> {
        {
            let mut state = self.lock();
            if state.is_asked {
                return Err(Error::Stopped);
            }
            state.running = Some(Arc::clone(options));
        }
        let outcome = {
            // Also when the run panics.
            let _over = Over(self);
            run()
        };
        if outcome.is_err() && self.is_asked() {
            return Err(Error::Stopped);
        }
        Ok(outcome)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the options back at a run's end, so that a later request to end does not meet the next
/// run.
struct Over<'a>(&'a Stop);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let Some(options) = state.running.take()
            && state.is_asked
        {
            // Fails never: it clears a flag.
            let _ = options.unterminate();
        }
    }
}
