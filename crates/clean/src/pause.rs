//! Points at which long work may be given up by whoever asked for it.
//!
//! A value may be as long as the database allows, and a record have any number of fields. The host
//! sets a function that is called before each pass over a text and before each value; it gives up
//! by unwinding.

use std::sync::OnceLock;

static HOOK: OnceLock<fn()> = OnceLock::new();

/// Sets the function; the first one stays.
pub fn set(hook: fn()) {
    HOOK.get_or_init(|| hook);
}

/// Calls the function, if there is one.
pub(crate) fn now() {
    if let Some(hook) = HOOK.get() {
        hook();
    }
}
