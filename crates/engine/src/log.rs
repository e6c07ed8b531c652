//! The log: one line per event on stderr, which the server's log collector keeps.
//!
//! A line never holds a customer's text. A panic's message could, so only its place is told.

use std::fmt::Display;
use std::io::Write;

/// Writes one line. A log that cannot be written is no reason to stop serving.
pub fn event(message: impl Display) {
    let line = format!("crm_ai engine: {message}\n");
    // One write, so that lines of several threads never mix.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Makes panics tell their place alone: a message such as "byte index 3 is inside 'é' of `…`"
/// repeats the text that was being judged.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|info| match info.location() {
        Some(place) => event(format_args!("panic at {}:{}", place.file(), place.line())),
        None => event("panic"),
    }));
}
