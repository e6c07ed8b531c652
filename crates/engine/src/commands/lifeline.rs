//! Ends the process when whoever started it does: the other end of stdin is theirs.

use super::CommandError;
use std::io::{self, ErrorKind, Read};

/// Watches stdin in a thread of its own.
pub(super) fn watch() -> Result<(), CommandError> {
    let watched = std::thread::Builder::new().name("lifeline".to_owned()).spawn(|| {
        let mut ignored = [0; 64];
        loop {
            match io::stdin().lock().read(&mut ignored) {
                Ok(0) => break,
                Err(error) if error.kind() != ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        // Not by the C library's exit handlers, beside threads that work on.
        signal_hook::low_level::exit(1);
    });
    watched.map(drop).map_err(|error| CommandError::Failed(error.to_string()))
}
