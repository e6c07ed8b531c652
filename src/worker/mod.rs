//! Background workers. A worker that dies restarts the whole server, so they stay small: the heavy
//! work is done by processes that they start.

mod heartbeat;
pub mod launcher;
pub mod runner;
pub mod scheduler;
pub mod supervisor;
mod sweeper;
mod training_tasks;
pub mod watches;

/// Registers the static workers when the library is preloaded.
pub fn init() {
    if crate::pg::loading::is_preloading() {
        crate::pg::board::init();
        crate::pg::activity::init();
        crate::client::start::register();
        launcher::register();
    }
}
