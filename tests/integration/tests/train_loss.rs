//! Options that change what a model of texts learns to care for.

use crate::train::{cluster, of_run, wait};
use crm_ai_integration::cluster::Cluster;

#[test]
fn options_of_the_loss_are_checked_at_the_call_and_kept_by_schedules() {
    let (_cluster, mut session) = cluster(&[]);
    let with = |rest: &str| format!("SELECT crm_ai.train('m', 'ticket', 'body', 'queue', {rest})");
    for rest in [
        "label_smoothing => 1",
        "label_smoothing => NULL",
        "label_smoothing => 'NaN'",
        "label_smoothing => 0.1, method => 'head'",
        "class_weights => '\"equal\"'",
        "class_weights => '{\"good\": 0}'",
        "class_weights => '[1, 2]'",
        "mixed_precision => 'fp8'",
        "base_share => 1",
        "base_share => 0.1, method => 'head'",
        "pooling => 'max'",
        "pooling => 'cls', method => 'head'",
        "new_tokens => '[\"😡\"]'",
        "new_tokens => '{\"two words\": \"two\"}'",
    ] {
        session.fails_with("22023", &with(rest)).expect_hint();
    }
    session.run(
        "SELECT crm_ai.schedule_retrain('m', '@yearly', 'ticket', 'body', 'queue',
             label_smoothing => 0.25, class_weights => '\"balanced\"')",
    );
    let kept = "SELECT concat_ws(' ', options->>'label_smoothing', options->>'class_weights')
                FROM crm_ai.schedules";
    assert_eq!(session.value(kept), "0.25 balanced");
}

#[test]
fn a_weight_that_is_none_fails_the_run() {
    let (_cluster, mut session) = cluster(&[]);
    for (weight, state) in [
        ("-1.0", Some("22023")),
        ("'NaN'", Some("22023")),
        ("'Infinity'", Some("22023")),
        ("1e7", Some("22023")),
        ("0", Some("22023")),
        ("body", Some("22P02")),
        ("nullif(1, 1)", None),
        ("n % 2", None),
    ] {
        let run = session.value(&format!(
            "SELECT crm_ai.train('m', $$SELECT *, {weight} AS mass FROM ticket$$, 'body', 'queue',
                 base => 'tiny', weight_column => 'mass')"
        ));
        match state {
            Some(state) => {
                let wait = format!("SELECT crm_ai.wait({run}, '30 s')");
                session.fails_with(state, &wait).expect_hint();
            }
            None => assert_eq!(wait(&mut session, &run), "succeeded", "{weight}"),
        }
    }
}

/// Each text is labelled one way four times and the other way once: what a class weighs decides.
#[test]
fn class_weights_move_the_answer() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE note AS
         SELECT format('the parcel is %s and %s', a, b) AS body,
                CASE WHEN n = 1 THEN 'rare' ELSE 'usual' END AS queue
         FROM unnest('{late,lost,open,torn,wet,small}'::text[]) a,
              unnest('{heavy,here,gone,blue,cheap,mine}'::text[]) b, generate_series(1, 5) n",
    );
    let mut rare = Vec::new();
    for weights in ["NULL", "'{\"rare\": 25}'"] {
        let run = session.value(&format!(
            "SELECT crm_ai.train('desk', 'note', 'body', 'queue', class_weights => {weights},
                 promote => 'always')"
        ));
        assert_eq!(wait(&mut session, &run), "succeeded");
        assert_eq!(of_run(&mut session, &run, "method"), "head");
        rare.push(session.number(
            "SELECT count(*) FROM unnest('{red,new,dry,full,flat,round}'::text[]) a,
                 unnest('{sold,used,warm,clean,old,dark}'::text[]) b
             WHERE crm_classify('desk', format('the parcel is %s and %s', a, b)) = 'rare'",
        ));
    }
    assert!(rare[0] < 9.0 && rare[1] > 27.0, "{rare:?}");
    let run = session.value(
        "SELECT crm_ai.train('desk', 'note', 'body', 'queue', class_weights => '{\"other\": 2}')",
    );
    let wait = format!("SELECT crm_ai.wait({run}, '1 min')");
    session.fails_with("22023", &wait).expect_hint();
    // A head was chosen for so few rows: smoothing does not apply, and the run says so.
    let run = session
        .value("SELECT crm_ai.train('desk', 'note', 'body', 'queue', label_smoothing => 0.1)");
    session.run(&format!("SELECT crm_ai.wait({run}, '1 min')"));
    assert!(of_run(&mut session, &run, "notices").contains("label_smoothing"));
}

/// To the base's vocabulary both signs are the one unknown token.
#[test]
fn new_tokens_are_told_apart_and_stay_with_the_model() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE tweet AS
         SELECT format('my bag %s %s', n, CASE n % 2 WHEN 0 THEN '😡' ELSE '😊' END) AS body,
                CASE n % 2 WHEN 0 THEN 'angry' ELSE 'happy' END AS mood
         FROM generate_series(1, 80) n",
    );
    let of = |sign: &str| format!("SELECT crm_classify('mood', 'my other bag {sign}{sign}')");
    let train = |tokens: &str| {
        format!(
            "SELECT crm_ai.train('mood', 'tweet', 'body', 'mood', promote => 'always',
                 new_tokens => {tokens})"
        )
    };
    let run = session.value(&train("NULL"));
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(session.value(&of("😡")), session.value(&of("😊")));
    let run = session.value(&train("'{\"😡\": \"angry\", \"😊\": \"happy\"}'"));
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(session.value(&of("😡")), "angry");
    assert_eq!(session.value(&of("😊")), "happy");
}
