//! An engine that cannot start, and settings that make it start anew.

use crm_ai_integration::Session;
use crm_ai_integration::cluster::{Cluster, ENGINE_LIMIT};
use crm_ai_integration::installation::installation;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::workplace;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const JUDGE: &str = "SELECT crm_sentiment('great product')";

/// A program in the engine's place.
fn script(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = workplace::new_directory("program").join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    path
}

fn engine_fails(cluster: &Cluster, session: &mut Session, path: &str) {
    cluster.set(session, "crm_ai.engine_path", path);
    wait_until("the engine is gone", ENGINE_LIMIT, || {
        session.value("SELECT engine_up FROM crm_ai.status") == "f"
    });
    // A new connection fares no better. Both wait, in case the engine is merely starting.
    std::thread::scope(|scope| {
        scope.spawn(|| cluster.session().fails_with("58000", JUDGE).expect_hint().clone());
        session.fails_with("58000", JUDGE).expect_hint();
    });
    cluster.reset(session, "crm_ai.engine_path");
    assert_eq!(session.value(JUDGE), "positive");
}

#[test]
fn a_missing_program_is_told_and_mended_without_a_restart() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    engine_fails(&cluster, &mut session, "/nonexistent/crm_ai_engine");
    let directory = workplace::new_directory("program");
    engine_fails(&cluster, &mut session, &directory.display().to_string());
    let not_executable = script("engine", "#!/bin/sh\nexit 0\n", 0o644);
    engine_fails(&cluster, &mut session, &not_executable.display().to_string());
}

#[test]
fn a_program_that_does_not_come_up_is_told_and_mended_without_a_restart() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    let ends_at_once = script("engine", "#!/bin/sh\nexit 3\n", 0o755);
    engine_fails(&cluster, &mut session, &ends_at_once.display().to_string());
    // The engine's own program, told to load a runtime library that is not there.
    let program = installation().package_directory.join("crm_ai_engine");
    let no_runtime = script(
        "engine",
        &format!(
            "#!/bin/bash\nargs=(\"$@\")\nfor i in \"${{!args[@]}}\"; do\n\
             [ \"${{args[i]}}\" = --runtime ] && args[i+1]=/nonexistent/libonnxruntime.so\n\
             done\nexec {} \"${{args[@]}}\"\n",
            program.display()
        ),
        0o755,
    );
    engine_fails(&cluster, &mut session, &no_runtime.display().to_string());
}

#[test]
fn a_changed_setting_restarts_the_engine_between_two_calls() {
    let cluster = Cluster::new(&["crm_ai.threads = 1"]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    assert_eq!(session.value("SELECT threads FROM crm_ai.status"), "1");
    let engine = cluster.engine();
    cluster.set(&mut session, "crm_ai.threads", "2");
    assert_eq!(session.value(JUDGE), "positive");
    wait_until("another engine is up", ENGINE_LIMIT, || cluster.engine() != engine);
    assert_eq!(session.value(JUDGE), "positive");
    assert_eq!(session.value("SELECT threads FROM crm_ai.status"), "2");
    // A setting that the engine does not take leaves it alone.
    let engine = cluster.engine();
    cluster.set(&mut session, "crm_ai.max_text_bytes", "2MB");
    assert_eq!(session.value(JUDGE), "positive");
    assert_eq!(cluster.engine(), engine);
    assert_eq!(cluster.engines().len(), 1);
}

#[test]
fn work_beyond_the_limits_is_refused_and_harms_nothing() {
    let cluster = Cluster::new(&["crm_ai.queue_rows = 20"]);
    let mut session = cluster.session();
    assert_eq!(session.value(JUDGE), "positive");
    let batch = |size: u32| {
        format!(
            "SELECT cardinality(crm_sentiment_batch(array_agg('great ' || i)))
             FROM generate_series(1, {size}) i"
        )
    };
    let mut other = cluster.session();
    std::thread::scope(|scope| {
        let pid = session.pid;
        scope.spawn(|| session.fails_with("57014", &batch(20_000)));
        wait_until("the large batch fills the queue", ENGINE_LIMIT, || {
            other.value("SELECT queue_rows > 5000 FROM crm_ai.status") == "t"
        });
        other.fails_with("53000", &batch(100)).expect_hint();
        // Single texts have a queue of their own.
        assert_eq!(other.value(JUDGE), "positive");
        other.run(&format!("SELECT pg_cancel_backend({pid})"));
    });
    assert_eq!(session.value(&batch(100)), "100");
    let rejected = "SELECT rejected > 0 FROM crm_ai.status";
    assert_eq!(session.value(rejected), "t");

    let engine = cluster.engine();
    cluster.set(&mut session, "crm_ai.memory_limit", "10MB");
    wait_until("another engine is up", ENGINE_LIMIT, || cluster.engine() != engine);
    session.fails_with("53200", JUDGE).expect_hint();
    session.fails_with("53200", "SELECT crm_embed('x')").expect_hint();
    cluster.reset(&mut session, "crm_ai.memory_limit");
    wait_until("there is memory again", ENGINE_LIMIT, || {
        session.try_value(JUDGE).is_ok_and(|label| label.as_deref() == Some("positive"))
    });
}

#[test]
fn misspelt_and_impossible_settings_are_refused() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    session.fails_with("42602", "SET crm_ai.nonsense = 1");
    session.fails_with("22023", "ALTER SYSTEM SET crm_ai.threads = -1");
    session.fails_with("22023", "ALTER SYSTEM SET crm_ai.device = 'abacus'");
    session.fails_with("55P02", "SET crm_ai.threads = 1");
    session.run("CREATE ROLE plain LOGIN");
    let mut plain = cluster.connect("plain", "postgres");
    plain.fails_with("42501", "SET crm_ai.max_text_bytes = 1000");
    plain.run("SET crm_ai.timeout = '1s'; SET crm_ai.default_region = 'GB'");
    let described = "SELECT count(*) FROM pg_settings
        WHERE name LIKE 'crm\\_ai.%' AND (short_desc = '' OR extra_desc IS NULL)";
    assert_eq!(session.value(described), "0");
}
