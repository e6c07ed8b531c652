//! Training runs: what is checked at the call, when a run starts, whose rights it has, and what
//! comes of it.

use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use crm_ai_integration::{stand_in, tiny_model};
use std::time::Duration;

/// Labelled rows, two classes that a word tells apart.
pub const TICKETS: &str = "CREATE TABLE ticket AS
    SELECT CASE WHEN n % 2 = 0 THEN 'great ' ELSE 'bad ' END || n AS body,
           CASE WHEN n % 2 = 0 THEN 'good' ELSE 'poor' END AS queue, n, 1.5::real AS weight
    FROM generate_series(1, 40) n";
pub const TRAIN: &str = "SELECT crm_ai.train('tickets', 'ticket', 'body', 'queue', base => 'tiny')";
pub const LIMIT: Duration = Duration::from_secs(30);

/// A cluster with the stand-in trainer, a table `ticket`, and a model `tiny` to begin with.
pub fn cluster(settings: &[&str]) -> (Cluster, Session) {
    let cluster = Cluster::new(settings);
    stand_in::install(&cluster);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let mut session = cluster.session();
    session.run(TICKETS);
    session.run("SELECT crm_ai.import_model('tiny', 'tiny'), crm_ai.grant_model('tiny', 'public')");
    (cluster, session)
}

/// Asks for a run and gives its number.
#[track_caller]
pub fn train(session: &mut Session) -> String {
    session.value(TRAIN)
}

/// Waits for a run's end.
#[track_caller]
pub fn wait(session: &mut Session, run: &str) -> String {
    session.value(&format!("SELECT crm_ai.wait({run}, '5 min')"))
}

/// One value of a run.
#[track_caller]
pub fn of_run(session: &mut Session, run: &str, what: &str) -> String {
    session.value(&format!("SELECT {what} FROM crm_ai.runs WHERE id = {run}"))
}

/// Nothing of a run is left in the data directory.
#[track_caller]
pub fn nothing_left(cluster: &Cluster) {
    wait_until("the run's files are removed", LIMIT, || {
        let names = |folder: std::path::PathBuf| {
            let entries = std::fs::read_dir(folder);
            entries.into_iter().flatten().flatten().map(|entry| entry.file_name())
        };
        let is_ours = |name: std::ffi::OsString| {
            let name = name.to_string_lossy().into_owned();
            name.contains("crm_ai_run_") || name.contains("checkpoint_")
        };
        !names(cluster.data().join("base/pgsql_tmp")).chain(names(cluster.own_files())).any(is_ours)
    });
}

#[test]
fn a_run_makes_a_version_and_the_gate_decides() {
    let (cluster, mut session) = cluster(&[]);
    session.run("INSERT INTO ticket VALUES (NULL, 'good'), ('text', NULL)");
    let run = train(&mut session);
    assert_eq!(wait(&mut session, &run), "succeeded");
    let shown = of_run(
        &mut session,
        &run,
        "concat_ws('|', state, rows, null_rows, step, of, method, version, promoted, reason,
             energy, energy_source, classes, champion, length(rows_sha256))",
    );
    let expected = "succeeded|40|2|4|4|head|1|t|the stand-in says so|1|estimate|\
                    {\"good\": 20, \"poor\": 20}|64";
    assert_eq!(shown, expected);
    let metrics = format!(
        "SELECT string_agg(step || ' ' || loss, ', ' ORDER BY step) FROM crm_ai.run_metrics
         WHERE run = {run}"
    );
    assert_eq!(session.value(&metrics), "1 1.5, 4 0.5");
    assert!(!session.value("SELECT crm_classify('tickets', 'great')").is_empty());

    // Refused: the version is there, and the champion stays.
    stand_in::control(&cluster, "promote=false");
    let run = train(&mut session);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "promoted || ' ' || champion"), "false 1");
    assert_eq!(session.value("SELECT champion FROM crm_ai.models WHERE name = 'tickets'"), "1");
    let decisions = "SELECT string_agg(version || ' ' || action || ' ' || promoted || ' ' ||
                         (figures->'evaluation'->>'accuracy'), ', ' ORDER BY id)
                     FROM crm_ai.deployments WHERE model = 'tickets'";
    assert_eq!(session.value(decisions), "1 train true 0.9, 2 train false 0.9");
    // History and rollback pass the refusal over.
    session.run("SELECT crm_ai.promote('tickets', 2)");
    assert_eq!(session.value("SELECT crm_ai.rollback('tickets')"), "1");

    // The champion changes while the run goes on: the comparison does not hold any more.
    stand_in::control(&cluster, "while [ ! -f \"$(dirname \"$0\")/go\" ]; do sleep 0.05; done");
    let run = train(&mut session);
    wait_until("the trainer runs", LIMIT, || {
        of_run(&mut session, &run, "coalesce(step, 0)") == "1"
    });
    session.run("SELECT crm_ai.promote('tickets', 2)");
    std::fs::write(cluster.sockets().join("go"), "").unwrap();
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "promoted"), "f");
    assert!(of_run(&mut session, &run, "reason").contains("changed from 1 to 2"));
    nothing_left(&cluster);
}

#[test]
fn what_cannot_be_trained_is_refused_at_the_call() {
    let (_cluster, mut session) = cluster(&[]);
    session.run("CREATE TEMP TABLE passing AS TABLE ticket; CREATE SEQUENCE numbers");
    let with = |model: &str, source: &str, rest: &str| {
        format!("SELECT crm_ai.train({model}, {source}, {rest})")
    };
    let columns = "'body', 'queue'";
    for (sql, state) in [
        (with("'1st'", "'ticket'", columns), "22023"),
        (with("NULL", "'ticket'", columns), "22004"),
        (with("'m'", "NULL", columns), "22004"),
        (with("'m'", "''", columns), "22023"),
        (with("'m'", "'nowhere'", columns), "42P01"),
        (with("'m'", "'no.such.thing.at.all'", columns), "42601"),
        (with("'m'", "'SELEC 1'", columns), "42601"),
        (with("'m'", "'SELECT 1; SELECT 2'", columns), "22023"),
        (with("'m'", "'DELETE FROM ticket RETURNING *'", columns), "22023"),
        (with("'m'", "'WITH x AS (DELETE FROM ticket RETURNING *) TABLE x'", columns), "22023"),
        (
            with(
                "'m'",
                "'SELECT * FROM (WITH x AS (UPDATE ticket SET n = 1 RETURNING *) TABLE x) y'",
                columns,
            ),
            "22023",
        ),
        (with("'m'", "'SELECT * FROM ticket FOR UPDATE'", columns), "22023"),
        (with("'m'", "'SELECT * FROM (SELECT * FROM ticket FOR SHARE) x'", columns), "22023"),
        (with("'m'", "'SELECT * INTO t FROM ticket'", columns), "22023"),
        (with("'m'", "'SELECT 1) x, (SELECT 2'", columns), "42601"),
        (with("'m'", "'passing'", columns), "22023"),
        (with("'m'", "'SELECT * FROM ticket JOIN passing USING (body, queue)'", columns), "22023"),
        (with("'m'", "'ticket'", "'Body', 'queue'"), "42703"),
        (with("'m'", "'ticket'", "'', 'queue'"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', base => 'nobody'"), "42704"),
        (with("'m'", "'ticket'", "'body', 'queue', base => 'continue'"), "55000"),
        (with("'m'", "'ticket'", "'body', 'queue', epochs => 0"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', epochs => NULL"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', learning_rate => 'NaN'"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', method => 'magic'"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', promote => 'maybe'"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', label_sets => '[]'"), "22023"),
        (with("'m'", "'ticket'", "'body', 'queue', weight_column => 'queue'"), "none"),
        (with("'m'", "'ticket'", "'body', 'queue', weight_column => 'mass'"), "42703"),
    ] {
        session.run("BEGIN");
        let outcome = session.try_rows(&sql);
        session.run("ROLLBACK");
        let found = outcome.as_ref().map_or_else(|failure| failure.state.as_str(), |_| "none");
        assert_eq!(found, state, "{sql}: {outcome:?}");
        if state == "22023" {
            outcome.unwrap_err().expect_hint();
        }
    }
}

#[test]
fn whatever_only_reads_is_a_source() {
    let (_cluster, mut session) = cluster(&[]);
    let with = |model: &str, source: &str, rest: &str| {
        format!("SELECT crm_ai.train({model}, {source}, {rest})")
    };
    let columns = "'body', 'queue'";
    for source in [
        "public.ticket",
        " TICKET ",
        "TABLE ticket;",
        "WITH t AS (SELECT * FROM ticket) SELECT * FROM t -- all of it",
        "SELECT body, queue FROM ticket WHERE n < 9 ORDER BY n LIMIT 8;",
    ] {
        session.run(&with("'m'", &format!("'{source}'"), columns));
    }
    let values = "'VALUES (''a'', ''x''), (''b'', ''y'')', 'column1', 'column2'";
    session.run(&format!("SELECT crm_ai.train('m', {values})"));
    for (sql, state) in [
        ("SELECT crm_ai.wait(99999)", "42704"),
        ("SELECT crm_ai.wait(NULL)", "22004"),
        ("SELECT crm_ai.cancel(99999)", "42704"),
        ("SELECT crm_ai.evaluate('tiny', 'nowhere', 'body', 'queue')", "42P01"),
        ("SELECT crm_ai.evaluate('tiny', 'ticket', 'text', 'queue')", "42703"),
        ("SELECT crm_ai.evaluate('minilm', 'ticket', 'body', 'queue')", "22023"),
        ("SELECT crm_ai.evaluate('tiny', 'TABLE ticket LIMIT 0', 'body', 'queue')", "22000"),
    ] {
        session.fails_with(state, sql);
    }
}

#[test]
fn a_run_starts_when_its_transaction_commits_and_never_else() {
    let (cluster, mut session) = cluster(&["max_prepared_transactions = 2"]);
    session.fails_with("55000", &format!("SELECT crm_ai.wait(({TRAIN}))")).expect_hint();
    session.run("BEGIN");
    let run = train(&mut session);
    session.run("SAVEPOINT s");
    let failure = session.fails_with("55000", &format!("SELECT crm_ai.wait({run})"));
    failure.expect_hint();
    assert!(failure.hint.contains("commit first"), "{failure:?}");
    session.run("ROLLBACK TO s; ROLLBACK");
    session.fails_with("42704", &format!("SELECT crm_ai.wait({run})"));
    // A name that was taken in vain is free again.
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.models WHERE name = 'tickets'"), "0");

    session.run("BEGIN; SAVEPOINT s");
    let lost = train(&mut session);
    session.run("ROLLBACK TO s");
    let kept = train(&mut session);
    session.run("COMMIT");
    assert_eq!(wait(&mut session, &kept), "succeeded");
    session.fails_with("42704", &format!("SELECT crm_ai.wait({lost})"));

    // Cancelled before it begins.
    session.run("BEGIN");
    let run = train(&mut session);
    session.run(&format!("SELECT crm_ai.cancel({run}); COMMIT"));
    assert_eq!(wait(&mut session, &run), "cancelled");
    session.fails_with("55000", &format!("SELECT crm_ai.cancel({run})")).expect_hint();

    // A prepared transaction's run is found by whoever waits for it, or by the scheduler.
    session.run("BEGIN");
    let run = train(&mut session);
    session.run("PREPARE TRANSACTION 'p'");
    session.run("COMMIT PREPARED 'p'");
    assert_eq!(wait(&mut session, &run), "succeeded");

    // Under a snapshot that was taken before, too, and without a session that waits.
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ticket");
    let mut other = cluster.session();
    let run = train(&mut other);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(session.value(&format!("SELECT count(*) FROM crm_ai.runs WHERE id = {run}")), "0");
    session.run("COMMIT");
    let started: Vec<_> = (0..3).map(|_| train(&mut session)).collect();
    let state = format!(
        "SELECT string_agg(DISTINCT state, ',') FROM crm_ai.runs WHERE id IN ({})",
        started.join(",")
    );
    wait_until("the queue is worked through", LIMIT, || session.value(&state) == "succeeded");
    // A worker's transactions write, whatever is the default of its database.
    session.run("ALTER DATABASE postgres SET default_transaction_read_only = on");
    let run = train(&mut session);
    assert_eq!(wait(&mut session, &run), "succeeded");
    nothing_left(&cluster);
}

#[test]
fn a_run_has_the_rights_of_its_role_and_no_others() {
    let (cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE ROLE sealed NOLOGIN; GRANT crm_ai_trainer TO sealed;
         CREATE ROLE rival LOGIN; GRANT crm_ai_trainer TO rival;
         CREATE ROLE onlooker LOGIN;
         CREATE TABLE secret AS TABLE ticket;
         GRANT SELECT (body) ON ticket TO sealed;
         ALTER TABLE ticket ENABLE ROW LEVEL SECURITY;
         CREATE POLICY few ON ticket TO sealed USING (n <= 10);
         CREATE SCHEMA theirs AUTHORIZATION sealed;
         SET ROLE sealed",
    );
    session.fails_with("42501", "SELECT crm_ai.train('t', 'secret', 'body', 'queue')");
    session.fails_with("42501", "SELECT crm_ai.train('t', 'ticket', 'body', 'queue')");
    session.fails_with("42501", "SELECT crm_ai.train('tiny', 'TABLE ticket', 'body', 'body')");
    session.run("RESET ROLE; GRANT SELECT ON ticket TO sealed; SET ROLE sealed");
    session.run("SET search_path = theirs, public; SET DateStyle = 'German'");
    let run = session.value(
        "SELECT crm_ai.train('t', 'SELECT body, queue, n FROM ticket', 'body', 'queue',
             base => 'tiny')",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "rows || ' ' || role"), "10 sealed");
    // The settings are those of the call: a label is what the caller saw.
    let run = session.value(
        "SELECT crm_ai.train('t', 'SELECT body, DATE ''2024-02-01'' + n % 2 AS day FROM ticket',
             'body', 'day', base => 'tiny')",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert!(of_run(&mut session, &run, "classes").contains("02.02.2024"));
    climb(&mut session);
    // A value that cannot be read is told by its SQLSTATE, never by what it is.
    let mut run = String::new();
    for (value, state) in
        [("body::int", "22P02"), ("body::tsquery", "42601"), ("current_setting(body)", "42704")]
    {
        run = session.value(&format!(
            "SELECT crm_ai.train('t', 'SELECT {value} AS body, queue FROM ticket', 'body', 'queue')"
        ));
        let failure = session.fails_with(state, &format!("SELECT crm_ai.wait({run}, '30 s')"));
        failure.expect_hint();
        assert!(!failure.message.contains("great"), "{failure:?}");
        assert!(!failure.message.contains("bad"), "{failure:?}");
    }
    assert!(!cluster.log().contains("great 2"));

    others_see_nothing(&cluster, &run);
    assert!(session.number("SELECT count(*) FROM crm_ai.run_metrics") > 0.0);
    // Nor does whoever takes the name of a model that was dropped.
    session.run("SELECT crm_ai.drop_model('t')");
    let mut rival = cluster.connect("rival", "postgres");
    rival.run("SELECT crm_ai.train('t', 'VALUES (1, 2)', 'column1', 'column2')");
    assert_eq!(rival.value("SELECT string_agg(role::text, ' ') FROM crm_ai.runs"), "rival");
    rival.fails_with("42501", &format!("SELECT crm_ai.wait({run})"));
}

/// Neither other roles nor other databases.
fn others_see_nothing(cluster: &Cluster, run: &str) {
    let mut rival = cluster.connect("rival", "postgres");
    for refused in [
        "SELECT crm_ai.wait(RUN)",
        "SELECT crm_ai.cancel(RUN)",
        "SELECT crm_ai.train('t', 'VALUES (1, 2)', 'column1', 'column2')",
        "SELECT * FROM crm_ai.run",
        "INSERT INTO crm_ai.run_cancel VALUES (RUN, 'me')",
    ] {
        rival.fails_with("42501", &refused.replace("RUN", run));
    }
    let mut onlooker = cluster.connect("onlooker", "postgres");
    onlooker.fails_with("42501", "SELECT crm_ai.train('u', 'VALUES (1, 2)', 'column1', 'column2')");
    onlooker.fails_with("42501", "SELECT crm_ai.evaluate('tiny', 'ticket', 'body', 'queue')");
    for other in [&mut rival, &mut onlooker] {
        let seen = "SELECT (SELECT count(*) FROM crm_ai.runs) || ' ' ||
                        (SELECT count(*) FROM crm_ai.run_metrics) || ' ' ||
                        (SELECT count(*) FROM crm_ai.schedules)";
        assert_eq!(other.value(seen), "0 0 0");
    }
    // Another database knows nothing of all this.
    let mut elsewhere = cluster.database("elsewhere");
    assert_eq!(elsewhere.value("SELECT count(*) FROM crm_ai.runs"), "0");
    elsewhere.fails_with("42704", &format!("SELECT crm_ai.wait({run})"));
}

/// A function in the source cannot take another role, write, or end the run's context.
fn climb(session: &mut Session) {
    for attempt in [
        "RESET ROLE",
        "SET SESSION AUTHORIZATION postgres",
        "SET ROLE postgres",
        "INSERT INTO theirs.trace VALUES (1)",
        "CREATE TEMP TABLE t ()",
        "SET TRANSACTION READ WRITE",
    ] {
        session.run(&format!(
            "CREATE TABLE IF NOT EXISTS theirs.trace (n int);
             CREATE OR REPLACE FUNCTION theirs.climb() RETURNS text LANGUAGE plpgsql AS $$
                 BEGIN {attempt}; RETURN current_user; END $$;
             CREATE OR REPLACE VIEW theirs.trap AS
                 SELECT body, queue || theirs.climb() AS queue FROM public.ticket"
        ));
        let run =
            session.value("SELECT crm_ai.train('t', 'trap', 'body', 'queue', base => 'tiny')");
        let failure = session.failure(&format!("SELECT crm_ai.wait({run}, '30 s')"));
        assert!(
            ["42501", "25006", "25001"].contains(&failure.state.as_str()),
            "{attempt}: {failure:?}"
        );
    }
    assert_eq!(session.value("SELECT count(*) FROM theirs.trace"), "0");
}

#[test]
fn a_model_is_evaluated_on_any_labelled_rows() {
    let (_cluster, mut session) = cluster(&[]);
    session.run(
        "CREATE TABLE judged AS SELECT body, crm_classify('tiny', body) AS label FROM ticket;
         INSERT INTO judged VALUES ('odd', 'no class of it'), (NULL, 'x')",
    );
    let figures = session.value(
        "SELECT concat_ws('|', model, version, rows, null_rows, round(accuracy::numeric, 4),
             accuracy_low < accuracy, macro_f1 <= 1, log_loss > 0,
             (classes->'no class of it'->>'recall'), confusion ? 'no class of it')
         FROM crm_ai.evaluate('tiny', 'judged', 'body', 'label')",
    );
    assert_eq!(figures, "tiny|1|41|1|0.9756|t|t|t|0.0|t");
}

#[test]
fn a_model_learns_from_a_table_and_worse_labels_do_not_take_over() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    tiny_model::classifier(1).write(&cluster.imports().join("tiny"));
    let mut session = cluster.session();
    session.run("SELECT crm_ai.import_model('tiny', 'tiny')");
    session.run(
        "CREATE TABLE note AS
         SELECT format(CASE WHEN n % 2 = 0 THEN 'my parcel %s arrived late' ELSE
                       'invoice %s charges me twice' END, n) AS body,
                CASE WHEN n % 2 = 0 THEN 'delivery' ELSE 'billing' END AS queue, n
         FROM generate_series(1, 80) n",
    );
    let head = "SELECT crm_ai.train('desk', 'note', 'body', 'queue', method => 'head')";
    let run = session.value(head);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "promoted || ' ' || method"), "true head");
    assert_eq!(of_run(&mut session, &run, "loss > 0 AND loss < ln(2)"), "t");
    let asked = "SELECT crm_classify('desk', 'where is my parcel, it is late') || ' ' ||
                     crm_classify('desk', 'I was charged twice on one invoice')";
    assert_eq!(session.value(asked), "delivery billing");
    let accuracy = "SELECT accuracy FROM crm_ai.evaluate('desk', 'note', 'body', 'queue')";
    assert!(session.number(accuracy) > 0.95);
    assert_eq!(
        session.value(
            "SELECT (figures->'evaluation'->>'accuracy')::float8 > 0.9
                       FROM crm_ai.versions WHERE model = 'desk'"
        ),
        "t"
    );
    assert!(session.number(&format!("SELECT energy FROM crm_ai.runs WHERE id = {run}")) > 0.0);

    // The same held-out rows with labels as by a coin: nothing to learn from.
    let run = session.value(
        "SELECT crm_ai.train('desk', 'SELECT body, CASE WHEN hashtext(body) % 2 = 0
             THEN ''delivery'' ELSE ''billing'' END AS queue FROM note WHERE n <= 60
             UNION ALL SELECT body, queue FROM note WHERE n > 50', 'body', 'queue',
             method => 'head')",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "promoted || ' ' || (reason <> '')"), "false true");
    assert_eq!(session.value(asked), "delivery billing");

    // All weights of a small base, step by step; and on from the champion.
    let run = session.value(
        "SELECT crm_ai.train('small', 'note', 'body', 'queue', base => 'tiny', method => 'fine_tune',
             epochs => 2, max_tokens => 32, promote => 'always')",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "(step = of) || ' ' || (loss > 0)"), "true true");
    let run = session.value(
        "SELECT crm_ai.train('small', 'note', 'body', 'queue', base => 'continue', epochs => 1,
             max_tokens => 32)",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    let run = session.value("SELECT crm_ai.train('one', 'TABLE note', 'body', 'body')");
    session.failure(&format!("SELECT crm_ai.wait({run}, '30 s')")).expect_hint();
    nothing_left(&cluster);
}

#[test]
fn a_model_over_columns_learns_from_a_table() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE customer AS
         SELECT n AS id, CASE WHEN n % 4 = 0 THEN NULL ELSE n % 60 END AS tenure,
                CASE n % 3 WHEN 0 THEN 'month' WHEN 1 THEN 'year' ELSE 'two years' END AS contract,
                DATE '2020-01-01' + n AS since, (n % 3 = 0 AND n % 60 < 30) AS churned
         FROM generate_series(1, 600) n",
    );
    let train = "SELECT crm_ai.train_table('churn', 'SELECT tenure, contract, since, churned FROM
                     customer', 'churned', rounds => 50)";
    let run = session.value(train);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(
        of_run(&mut session, &run, "promoted || ' ' || kind || ' ' || rows"),
        "true table 600"
    );
    let predicted = "SELECT crm_predict('churn', '{\"tenure\": 5, \"contract\": \"month\"}')
                         ->> 'label'";
    assert_eq!(session.value(predicted), "true");
    let figures = "SELECT accuracy > 0.9 AND auc BETWEEN 0.95 AND 1 AND
                       (SELECT (figures->'evaluation'->>'auc')::float8 > 0.9 FROM crm_ai.versions
                        WHERE model = 'churn')
                   FROM crm_ai.evaluate_table('churn', 'customer', 'churned')";
    assert_eq!(session.value(figures), "t");
    let importances = "SELECT jsonb_array_length(figures->'importances') FROM crm_ai.versions
                       WHERE model = 'churn'";
    assert!(session.number(importances) >= 2.0);
    // Nothing new, so nothing better and nothing worse: the same rows give the same model.
    let run = session.value(train);
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(
        session.value(
            "SELECT count(DISTINCT sha256) FROM crm_ai.versions
                              WHERE model = 'churn'"
        ),
        "1"
    );
    for (sql, state) in [
        ("train_table('churn', 'customer', 'Churned')", "42703"),
        ("train_table('churn', 'customer', 'churned', rounds => 0)", "22023"),
        ("train('churn', 'customer', 'contract', 'churned')", "22023"),
        ("evaluate_table('sentiment', 'customer', 'churned')", "22023"),
        ("evaluate('churn', 'customer', 'contract', 'churned')", "22023"),
        ("schedule_retrain_table('churn', 'daily', 'customer', 'churned')", "22023"),
    ] {
        session.fails_with(state, &format!("SELECT crm_ai.{sql}")).expect_message("");
    }
    session.run("SELECT crm_ai.schedule_retrain_table('churn', '@yearly', 'customer', 'churned')");
    nothing_left(&cluster);
}
