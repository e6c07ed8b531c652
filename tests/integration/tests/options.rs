//! The argument `options` of runs and schedules: what it refuses, and what comes of its keys.

use crate::schedule::{be_due, newest};
use crate::train::{LIMIT, cluster, of_run, wait};
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::process::wait_until;

#[test]
fn what_is_no_option_is_refused_at_the_call() {
    let (_cluster, mut session) = cluster(&[]);
    let text = |rest: &str| format!("crm_ai.train('m', 'ticket', 'body', 'queue', {rest})");
    let table = |rest: &str| format!("crm_ai.train_table('m', 'ticket', 'queue', {rest})");
    let again = |rest: &str| {
        format!("crm_ai.schedule_retrain('m', '@daily', 'ticket', 'body', 'queue', {rest})")
    };
    for (call, word) in [
        (text("options => '{\"min_acuracy\": 0.9}'"), "\"min_acuracy\""),
        (again("options => '{\"min_acuracy\": 0.9}'"), "\"min_acuracy\""),
        (text("options => '{\"rounds\": 5}'"), "\"rounds\""),
        (table("options => '{\"epochs\": 5}'"), "\"epochs\""),
        (text("options => '{\"min_accuracy\": \"0.9\"}'"), "min_accuracy"),
        (text("options => '{\"epochs\": \"many\"}'"), "epochs"),
        (text("options => '{\"min_accuracy\": 1.01}'"), "min_accuracy"),
        (table("options => '{\"min_macro_f1\": -0.1}'"), "min_macro_f1"),
        (table("options => '{\"min_recall\": {\"good\": 2}}'"), "min_recall"),
        (text("options => '{\"min_recall\": 0.5}'"), "min_recall"),
        (text("epochs => 5, options => '{\"epochs\": 6}'"), "epochs"),
        (text("options => '[]'"), "JSON object"),
        (text("options => NULL"), "JSON object"),
    ] {
        let failure = session.fails_with("22023", &format!("SELECT {call}"));
        assert!(failure.message.contains(word), "{call}: {failure:?}");
        failure.expect_hint();
    }
    let call = text("options => '{\"min_acuracy\": 0.9}'");
    let failure = session.fails_with("22023", &format!("SELECT {call}"));
    for known in ["base", "epochs", "min_accuracy", "min_recall"] {
        assert!(failure.hint.contains(known), "{failure:?}");
    }
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.runs"), "0");
}

#[test]
fn a_schedule_hands_its_options_to_its_runs() {
    let (_cluster, mut session) = cluster(&[]);
    session.run(
        "SELECT crm_ai.schedule_retrain('tickets', '@yearly', 'ticket', 'body', 'queue',
             base => 'tiny', options => '{\"min_accuracy\": 0.25, \"epochs\": 7}')",
    );
    be_due(&mut session);
    wait_until("the schedule fires", LIMIT, || newest(&mut session) == "1 succeeded");
    let told = "concat_ws(' ', options->'min_accuracy', options->'epochs', options->'seed')";
    assert_eq!(of_run(&mut session, "1", told), "0.25 7 42");
}

/// Three rows of four are as the column tells; the others are as chance has it.
#[test]
fn a_version_below_a_minimum_is_kept_and_does_not_take_over() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE visit AS
         SELECT n % 50 AS pages, CASE WHEN md5(n::text) < '4' THEN n % 3 = 0
             ELSE n % 50 < 25 END AS bought
         FROM generate_series(1, 1200) n",
    );
    for (rest, promoted, reason) in [
        ("options => '{\"min_accuracy\": 0.99}'", "f", "its accuracy of 0."),
        ("promote => 'always', options => '{\"min_macro_f1\": 0.99}'", "f", "its macro-F1 of 0."),
        (
            "options => '{\"min_recall\": {\"true\": 0.99}}'",
            "f",
            "its recall of class \"true\", 0.",
        ),
        ("options => '{\"min_recall\": {\"maybe\": 0.1}}'", "f", "class \"maybe\" of min_recall"),
        ("options => '{\"min_accuracy\": 0.6, \"min_recall\": {\"true\": 0.5}}'", "t", "first"),
    ] {
        let run = session.value(&format!(
            "SELECT crm_ai.train_table('shop', 'visit', 'bought', rounds => 30, {rest})"
        ));
        assert_eq!(wait(&mut session, &run), "succeeded");
        assert_eq!(of_run(&mut session, &run, "promoted"), promoted, "{rest}");
        let told = of_run(&mut session, &run, "reason");
        assert!(told.starts_with(reason), "{rest}: {told}");
        let deployment = format!("SELECT reason FROM crm_ai.deployments WHERE run = {run}");
        assert_eq!(session.value(&deployment), told);
    }
    assert_eq!(session.value("SELECT champion FROM crm_ai.models WHERE name = 'shop'"), "5");
}
