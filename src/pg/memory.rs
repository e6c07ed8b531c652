//! Memory outside the server's contexts, asked for so that a refusal is an error.
//!
//! A failed allocation of Rust's ends the process, and so restarts the cluster. What a user decides
//! the size of is therefore bounded, and asked for before it is used: a backend has one thread, so
//! what was there a moment ago is there.

use crate::error::{Error, Result};

/// Below this nobody asks: what is so small comes out of what the process has.
const SMALL: usize = 64 << 10;

/// Fails with 53200 unless `bytes` can be had; `what` says for what.
pub fn check_room(bytes: usize, what: &str) -> Result<()> {
    if bytes <= SMALL {
        return Ok(());
    }
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(bytes).map_err(|_| Error::out_of_memory(what))
}

/// A copy of text that the server gave.
pub fn copy(bytes: &[u8]) -> Result<String> {
    check_room(bytes.len(), "a value")?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
