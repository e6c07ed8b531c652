//! pg_rewind and pg_basebackup, with an engine at work on both sides.

use crm_ai_integration::installation::{installation, run};
use crm_ai_integration::process::wait_until;
use crm_ai_integration::{Cluster, Stop};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
const JUDGE: &str = "SELECT crm_sentiment('great product')";

/// The old primary, ended in some way, is rewound to the new one and follows it.
fn rewind(end: impl Fn(&Cluster)) {
    let old = Cluster::new(&["wal_log_hints = on", "max_worker_processes = 16"]);
    let mut session = old.session();
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note VALUES (1, 'great product'); CHECKPOINT",
    );
    assert_eq!(session.value(JUDGE), "positive");
    let (new, _) = old.standby();
    assert_eq!(new.session().value(JUDGE), "positive");
    new.session().run("SELECT pg_promote()");
    new.session().run("INSERT INTO note VALUES (2, 'awful product'); CHECKPOINT");
    // Both go on for a while, each with its engine, its scheduler and its files.
    session.run("INSERT INTO note VALUES (3, 'lovely product')");
    let own = old.own_files();
    std::fs::create_dir_all(own.join("checkpoint_1_1")).unwrap();
    std::fs::write(own.join("checkpoint_1_1/state"), "x").unwrap();
    std::fs::create_dir_all(new.own_files().join("checkpoint_2_2")).unwrap();
    installation().give(&own.join("checkpoint_1_1"));
    drop(session);
    end(&old);
    let host = new.sockets().display();
    run(installation()
        .program("pg_rewind")
        .arg("--target-pgdata")
        .arg(old.data())
        .arg(format!("--source-server=host='{host}' user=postgres dbname=postgres"))
        .arg("--write-recovery-conf"));
    // What was copied from the other server is its settings, too.
    old.append_settings(&format!("unix_socket_directories = '{}'", old.sockets().display()));
    old.start();
    let mut session = old.session();
    assert_eq!(session.value("SELECT pg_is_in_recovery()"), "t");
    assert_eq!(session.value(JUDGE), "positive");
    wait_until("it follows the new primary", LIMIT, || {
        session.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM note") == "1 2"
    });
}

#[test]
fn a_server_that_was_stopped_is_rewound() {
    rewind(|old| old.stop(Stop::Fast));
}

/// The engine's socket is left behind; pg_rewind itself recovers the server first.
#[test]
fn a_server_that_was_killed_is_rewound() {
    rewind(Cluster::kill_postmaster);
}

#[test]
fn a_base_backup_has_no_word_to_say() {
    let cluster = Cluster::new(&[]);
    assert_eq!(cluster.session().value(JUDGE), "positive");
    let (standby, warnings) = cluster.standby();
    assert_eq!(warnings, "");
    assert_eq!(standby.session().value(JUDGE), "positive");
    let (third, warnings) = standby.standby();
    assert_eq!(warnings, "");
    assert_eq!(third.session().value(JUDGE), "positive");
    cluster.stop(Stop::Fast);
    // None of our files is one that has checksums, or that the server does not know.
    run(installation().program("pg_checksums").arg("--enable").arg("--pgdata").arg(cluster.data()));
    run(installation().program("pg_checksums").arg("--check").arg("--pgdata").arg(cluster.data()));
    cluster.start();
    assert_eq!(cluster.session().value(JUDGE), "positive");
}

/// Version 0.1.0 kept its files where pg_rewind finds them: they are removed at the first start.
#[test]
fn files_of_version_0_1_0_are_removed() {
    let cluster = Cluster::new(&[]);
    cluster.engine();
    cluster.stop(Stop::Fast);
    std::fs::write(cluster.data().join("pgsql_tmp_crm_ai.lock"), "").unwrap();
    std::fs::create_dir_all(cluster.data().join("pgsql_tmp_crm_ai/some_model")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(cluster.data().join("pgsql_tmp_crm_ai.sock")));
    for name in ["pgsql_tmp_crm_ai", "pgsql_tmp_crm_ai/some_model"] {
        installation().give(&cluster.data().join(name));
    }
    cluster.start();
    cluster.engine();
    let left = std::fs::read_dir(cluster.data()).unwrap().flatten();
    assert_eq!(left.filter(|e| e.file_name().to_string_lossy().contains("crm_ai")).count(), 0);
}
