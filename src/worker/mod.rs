//! Background workers. A worker that dies restarts the whole server, so they stay small: the work
//! is done by processes that they start.

pub mod supervisor;

/// Registers the supervisor when the library is preloaded.
pub fn init() {
    if crate::pg::entry::is_preloading() {
        supervisor::register();
    }
}
