//! One supervisor and one engine per server, and none without a server.

use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT, Stop};
use crm_ai_integration::process::{Signal, is_alive, signal, wait_until};
use std::sync::Barrier;

const JUDGE: &str = "SELECT crm_sentiment('great product')";

#[test]
fn thirty_first_callers_start_one_engine() {
    let cluster = Cluster::bare(&[]);
    cluster.session().run("CREATE EXTENSION crm_ai");
    assert_eq!(cluster.supervisors(), []);
    let start = Barrier::new(30);
    std::thread::scope(|scope| {
        for _ in 0..30 {
            let mut session = cluster.session();
            let start = &start;
            scope.spawn(move || {
                start.wait();
                assert_eq!(session.value(JUDGE), "positive");
            });
        }
    });
    wait_until("one supervisor is left", ENGINE_LIMIT, || cluster.supervisors().len() == 1);
    let (supervisors, engines) = (cluster.supervisors(), cluster.engines());
    assert_eq!((supervisors.len(), engines.len()), (1, 1), "{supervisors:?} {engines:?}");
    assert_eq!(supervisors[0].parent, cluster.postmaster());
    assert_eq!(engines[0].parent, supervisors[0].pid);
    assert_eq!(cluster.engine(), engines[0].pid);
}

#[test]
fn any_role_may_start_the_engine_by_calling() {
    let cluster = Cluster::bare(&[]);
    cluster.session().run("CREATE EXTENSION crm_ai; CREATE ROLE plain LOGIN");
    let mut plain = cluster.connect("plain", "postgres");
    // Asking for its state starts nothing.
    assert_eq!(plain.value("SELECT engine_up FROM crm_ai.status"), "f");
    assert_eq!(plain.value("SELECT count(*) FROM crm_ai.engine_stats()"), "0");
    assert_eq!(cluster.engines(), []);
    assert_eq!(plain.value(JUDGE), "positive");
    assert_eq!(plain.value("SELECT engine_up FROM crm_ai.status"), "t");
}

#[test]
fn without_a_free_worker_slot_the_call_says_so() {
    let cluster = Cluster::bare(&["max_worker_processes = 0"]);
    let mut session = cluster.session();
    session.run("CREATE EXTENSION crm_ai");
    let failure = session.fails_with("58000", JUDGE);
    assert!(failure.hint.contains("max_worker_processes"), "{failure:?}");
}

#[test]
fn the_engine_ends_with_its_server_and_comes_back_with_it() {
    let cluster = Cluster::new(&[]);
    assert_eq!(cluster.session().value(JUDGE), "positive");
    for how in [Stop::Fast, Stop::Immediate] {
        let engine = cluster.engine();
        cluster.stop(how);
        wait_until("the engine ends", ENGINE_LIMIT, || !is_alive(engine));
        cluster.start();
        assert_eq!(cluster.session().value(JUDGE), "positive");
    }
    let engine = cluster.engine();
    cluster.kill_postmaster();
    assert!(!is_alive(engine));
    std::fs::remove_file(cluster.data().join("postmaster.pid")).unwrap();
    cluster.start();
    assert_eq!(cluster.session().value(JUDGE), "positive");
    assert_eq!(cluster.engines().len(), 1);
}

#[test]
fn a_server_with_calls_under_way_stops_at_once() {
    let cluster = Cluster::new(&[]);
    assert_eq!(cluster.session().value(JUDGE), "positive");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut session = cluster.session();
            scope.spawn(move || {
                let batch = "SELECT cardinality(crm_sentiment_batch(array_agg('great ' || i)))
                             FROM generate_series(1, 20000) i";
                let failure = session.failure(batch);
                assert!(["57P01", ""].contains(&failure.state.as_str()), "{failure:?}");
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
        cluster.stop(Stop::Fast);
    });
    assert_eq!(cluster.processes(), []);
    assert!(!cluster.log().contains("PANIC"));
}

#[test]
fn a_killed_supervisor_leaves_no_engine_behind() {
    let cluster = Cluster::new(&[]);
    let engine = cluster.engine();
    // PostgreSQL restarts all its sessions when a worker dies; the engine must go with it.
    signal(cluster.supervisors()[0].pid, Signal::KILL);
    wait_until("the engine ends", ENGINE_LIMIT, || !is_alive(engine));
    wait_until("the server takes connections again", ENGINE_LIMIT, || {
        cluster
            .try_connect("postgres", "postgres")
            .and_then(|mut session| session.try_value(JUDGE))
            .is_ok_and(|label| label.as_deref() == Some("positive"))
    });
    assert_eq!((cluster.supervisors().len(), cluster.engines().len()), (1, 1));
}

#[test]
fn the_socket_is_the_servers_alone() {
    let cluster = Cluster::new(&[]);
    cluster.engine();
    let socket = std::fs::metadata(cluster.engine_socket()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.permissions()) & 0o777;
    assert_eq!(mode, 0o600);
}
