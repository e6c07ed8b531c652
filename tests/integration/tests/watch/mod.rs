//! `crm_ai.watch`: columns filled after commit, and the schedulers that do it.

mod faults;
mod filling;
mod scheduler;
mod setup;

use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use std::sync::OnceLock;
use std::time::Duration;

/// Longest wait for a watch to have done what waits.
const LIMIT: Duration = Duration::from_secs(60);

/// A cluster for tests that neither stop it nor look at its log: schedulers take worker slots, of
/// which the one that all tests share has few.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::new(&["max_worker_processes = 32"]))
}

/// Waits until nothing waits for any watch of the database.
#[track_caller]
fn settle(session: &mut Session) {
    wait_until("all watches have done their work", LIMIT, || {
        session.value(
            "SELECT coalesce(sum(rows_waiting), 0) = 0 AND coalesce(bool_and(is_backfilled), true)
             FROM crm_ai.watches",
        ) == "t"
    });
}

/// Waits until a query gives true.
#[track_caller]
fn wait_for(session: &mut Session, condition: &str) {
    let sql = format!("SELECT {condition}");
    wait_until(condition, LIMIT, || session.try_value(&sql).unwrap().as_deref() == Some("t"));
}

/// How many rows of `note` hold something else than what the function says now.
const WRONG: &str = "SELECT count(*) FROM note WHERE mood IS DISTINCT FROM crm_sentiment(body)";
