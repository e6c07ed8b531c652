//! Schedules: a model is trained again when its time has come and enough is new.

use crate::train::{LIMIT, cluster, nothing_left};
use crm_ai_integration::cluster::{Cluster, Stop};
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::stand_in;
use std::time::Duration;

/// Longest wait for a schedule of every minute.
pub const MINUTE: Duration = Duration::from_secs(75);
const SCHEDULE: &str = "SELECT crm_ai.schedule_retrain('tickets', '@yearly', 'ticket', 'body',
    'queue', min_new_rows => 5, keep_versions => 2, base => 'tiny')";

/// The state of the newest run, and how many there are.
pub fn newest(session: &mut Session) -> String {
    session.value(
        "SELECT coalesce((SELECT count(*) OVER () || ' ' || state FROM crm_ai.runs
                          ORDER BY id DESC LIMIT 1), '0')",
    )
}

/// Lets the schedule's time be one that has passed long ago, and wakes the scheduler by another
/// schedule, for it would look only every half minute.
pub fn be_due(session: &mut Session) {
    // Else the scheduler may put the time that it is just computing in the place of ours.
    wait_until("the schedules know their next times", LIMIT, || {
        session.value("SELECT bool_and(next_at IS NOT NULL) FROM crm_ai.schedules") == "t"
    });
    session.run("UPDATE crm_ai.schedule SET next_at = now() - interval '3 days'");
    session.run(
        "SELECT crm_ai.unschedule(crm_ai.schedule_retrain('passing', '@yearly', 'VALUES (1, 2)',
             'column1', 'column2'))",
    );
}

#[test]
fn a_schedule_fires_and_trains_when_enough_is_new() {
    let (cluster, mut session) = cluster(&[]);
    let schedule = session.value(SCHEDULE);
    // That it fires at its minute is shown in gate.rs: a minute is long.
    be_due(&mut session);
    wait_until("the schedule fires", LIMIT, || newest(&mut session) == "1 succeeded");
    let shown = "SELECT concat_ws('|', model, schedule, last_run, last_state, next_at > last_at)
                 FROM crm_ai.schedules";
    assert_eq!(session.value(shown), "tickets|@yearly|1|succeeded|t");

    session.run("INSERT INTO ticket VALUES ('new', 'good'), ('newer', 'poor')");
    be_due(&mut session);
    wait_until("the schedule fires", LIMIT, || newest(&mut session) == "2 cancelled");
    let why = "SELECT new_rows || ' ' || sqlstate || ' ' || error FROM crm_ai.runs WHERE id = 2";
    assert!(session.value(why).starts_with("2 02000 2 rows are new"), "{}", session.value(why));

    // After three days without a server it fires once; old versions make way.
    for round in 3..6 {
        session.run(&format!(
            "INSERT INTO ticket SELECT 'x{round} ' || n, 'good'
                              FROM generate_series(1, 5) n"
        ));
        stand_in::control(&cluster, &format!("extra={round}"));
        cluster.stop(Stop::Fast);
        cluster.start();
        session = cluster.session();
        be_due(&mut session);
        let expected = format!("{round} succeeded");
        wait_until("the schedule fires after a restart", LIMIT, || {
            newest(&mut session) == expected
        });
    }
    let versions = "SELECT string_agg(version::text, ',' ORDER BY version) FROM crm_ai.versions
                    WHERE model = 'tickets'";
    assert_eq!(session.value(versions), "3,4");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.artifact"), "3");
    assert_eq!(session.value("SELECT new_rows FROM crm_ai.runs WHERE id = 5"), "5");
    session.run(&format!("SELECT crm_ai.unschedule({schedule})"));
    session.fails_with("42704", &format!("SELECT crm_ai.unschedule({schedule})"));
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.schedules"), "0");
    nothing_left(&cluster);
}

/// Whatever else the scheduler does at that moment, a new schedule is noticed.
#[test]
fn a_schedule_is_noticed_while_the_scheduler_is_busy() {
    let (cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE TABLE noted (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, body text, mood text);
         SELECT crm_ai.watch('noted', 'body', 'sentiment', 'mood')",
    );
    let mut other = cluster.session();
    for delay_ms in (0..1000).step_by(50) {
        other.run("INSERT INTO noted (body) SELECT random() || ' parcels are late' FROM generate_series(1, 20)");
        std::thread::sleep(Duration::from_millis(delay_ms));
        session.run(SCHEDULE);
        wait_until("the schedule has its next time", LIMIT, || {
            session.value("SELECT bool_and(next_at IS NOT NULL) FROM crm_ai.schedules") == "t"
        });
    }
}

/// What a schedule's runs leave takes no more room after many of them than after a few.
#[test]
fn a_nightly_retrain_does_not_fill_the_disk() {
    let (cluster, mut session) = cluster(&["autovacuum = off"]);
    session.run(&SCHEDULE.replace("rows => 5", "rows => 0"));
    let mut sizes = Vec::new();
    for night in 1..=12 {
        stand_in::control(&cluster, &format!("extra={night}"));
        be_due(&mut session);
        let expected = format!("{night} succeeded");
        wait_until("the schedule fires", LIMIT, || newest(&mut session) == expected);
        session.run("VACUUM");
        sizes.push(session.number(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
             WHERE relnamespace = 'crm_ai'::regnamespace AND relkind = 'r'",
        ));
    }
    // Two versions, what is learnt from, and room for the one that is being stored.
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.artifact"), "3");
    let (few, many) = sizes.split_at(4);
    let most = few.iter().fold(0.0, |most: f64, size| most.max(*size));
    assert!(many.iter().all(|size| *size < 1.1 * most), "{sizes:?}");
    nothing_left(&cluster);
}

#[test]
fn what_cannot_be_scheduled_is_refused() {
    let (_cluster, mut session) = cluster(&[]);
    let with = |when: &str, rest: &str| {
        format!("SELECT crm_ai.schedule_retrain('m', {when}, 'ticket', 'body', 'queue'{rest})")
    };
    for (sql, state) in [
        (with("'often'", ""), "22023"),
        (with("'0 0 30 2 *'", ""), "22023"),
        (with("NULL", ""), "22004"),
        (with("'@daily'", ", min_new_rows => -1"), "22023"),
        (with("'@daily'", ", keep_versions => 0"), "22023"),
        (with("'@daily'", ", epochs => 0"), "22023"),
        (with("'@daily'", ", base => 'nobody'"), "42704"),
    ] {
        session.fails_with(state, &sql);
    }
    session.run("CREATE ROLE rival; GRANT crm_ai_trainer TO rival");
    let schedule = session.value(&with("'@daily'", ""));
    session.run("SET ROLE rival");
    session.fails_with("42501", &format!("SELECT crm_ai.unschedule({schedule})"));

    let bare = Cluster::bare(&[]);
    let mut session = bare.session();
    session.run("CREATE EXTENSION crm_ai");
    session.run("CREATE TABLE ticket (body text, queue text)");
    session.fails_with("55000", &with("'@daily'", "")).expect_hint();
}

#[test]
fn a_schedule_that_cannot_be_read_stops_no_other_and_asks_for_no_run() {
    let (cluster, mut session) = cluster(&[]);
    let spoilt = session.value(&SCHEDULE.replace("'tickets'", "'others'"));
    session.run(SCHEDULE);
    wait_until("the schedules know their next times", LIMIT, || {
        session.value("SELECT bool_and(next_at IS NOT NULL) FROM crm_ai.schedules") == "t"
    });
    session.run(&format!("UPDATE crm_ai.schedule SET schedule = 'no time' WHERE id = {spoilt}"));
    be_due(&mut session);
    wait_until("the other schedule fires", LIMIT, || newest(&mut session) == "1 succeeded");
    assert_eq!(session.value("SELECT model FROM crm_ai.runs"), "tickets");
    assert!(cluster.log().contains(&format!("schedule {spoilt} is passed over")));
}
