//! A watch with nothing to do.

use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use std::time::Duration;

#[test]
fn an_idle_watch_asks_nothing_and_wakes_at_once() {
    let cluster = Cluster::new(&["max_worker_processes = 16", "log_statement = all"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES (0, 'great product')",
    );
    let limit = Duration::from_secs(30);
    wait_until("the watch has done its work", limit, || {
        session.value("SELECT count(mood) FROM note") == "1"
    });
    wait_until("nothing is left to do", limit, || {
        session.value("SELECT bool_and(is_backfilled) FROM crm_ai.watches") == "t"
    });
    // What the scheduler did before is counted by now; the reader's own commits are not meant.
    let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'";
    std::thread::sleep(Duration::from_secs(3));
    session.run("SELECT pg_stat_force_next_flush()");
    let before = session.number(commits);
    std::thread::sleep(Duration::from_secs(8));
    let by_others = session.number(commits) - before;
    assert!(by_others <= 3.0, "{by_others} commits in eight seconds");
    for round in 1..=5 {
        session.run(&format!("INSERT INTO note VALUES ({round}, 'great product')"));
        wait_until("the watch has woken", Duration::from_secs(5), || {
            session.value("SELECT count(mood) = count(*) FROM note") == "t"
        });
    }
}
