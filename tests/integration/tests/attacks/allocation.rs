//! Inputs larger than the memory that a backend can have: an error each, never an abort, which
//! would restart the cluster.

use crm_ai_integration::Cluster;
use crm_ai_integration::process::{self, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::{stand_in, tiny_model};
use std::time::Duration;

/// Room that a backend has beyond what it took before, in MiB.
const ROOMS: [u64; 3] = [24, 96, 320];

/// Every function over large inputs; `{}` stands for a number of MiB.
const CALLS: [&str; 32] = [
    "SELECT crm_clean_text(repeat('x&amp;y ', {} * 150000))",
    "SELECT crm_clean_text(repeat('é\u{301}<b> ', {} * 100000))",
    "SELECT crm_name(repeat('Ann Lee ', {} * 131072))",
    "SELECT crm_normalize_name(repeat('ann lee ', {} * 131072))",
    "SELECT crm_address(repeat('12 Main St ', {} * 95325))",
    "SELECT crm_normalize_address(repeat('12 Main St ', {} * 95325))",
    "SELECT crm_email(repeat('a', {} * 1048576) || '@example.com')",
    "SELECT crm_normalize_email(repeat('a@x.com;', {} * 131072))",
    "SELECT crm_phone(repeat('650 253 0000 ', {} * 80659), 'US')",
    "SELECT crm_normalize_phone(repeat('6', {} * 1048576), 'US')",
    "SELECT crm_phone_digits(repeat('650 ', {} * 262144), 3)",
    "SELECT crm_phone_digits('1', {} * 1048576)",
    "SELECT crm_find_phones(repeat('650 253 0000 ', {} * 80659), 'US')",
    "SELECT crm_clean_row(jsonb_build_object('email', repeat('x', {} * 1048576)))",
    "SELECT crm_clean_row((SELECT jsonb_object_agg('k' || i, repeat('v', 100))
        FROM generate_series(1, {} * 8000) i))",
    "SELECT crm_clean_row((SELECT jsonb_build_object('a', jsonb_agg(i)) FROM generate_series(1, {} * 60000) i))",
    "SELECT crm_ai.clean_values(ARRAY[repeat('x', {} * 1048576)], 'x')",
    "SELECT crm_sentiment(repeat('x', {} * 1048576))",
    "SELECT crm_sentiment_batch(array_agg(repeat('great ', 20000))) FROM generate_series(1, {} * 8)",
    "SELECT crm_classify_batch('topics', array_agg(repeat('great ', 20000))) FROM generate_series(1, {} * 8)",
    "SELECT count(*) FROM (SELECT crm_embed_batch(array_agg('text ' || i)) FROM generate_series(1, {} * 600) i) x",
    "SELECT count(crm_sentiment(repeat('great ', 20000) || i)) FROM generate_series(1, {} * 8) i",
    "SELECT crm_predict('topics', jsonb_build_object('a', repeat('x', {} * 1048576)))",
    "SELECT crm_predict_batch('topics', array_agg(jsonb_build_object('a', repeat('x', 100000)))) FROM generate_series(1, {} * 10)",
    "SELECT crm_ai.profile('large{}')",
    "SELECT count(*) FROM crm_ai.findings('large{}')",
    "SELECT crm_ai.suggest_checks('large{}')",
    "SELECT crm_ai.clean_table('large{}', 'clean', dry_run => true)",
    "SELECT crm_ai.clean_table('large{}', 'clean', '{\"body\": \"text\"}', dry_run => true)",
    "SELECT crm_ai.evaluate('topics', 'large{}', 'body', 'body')",
    "SELECT crm_ai.train('m', 'large{}', 'body', 'body', label_sets => jsonb_build_object('a', repeat('x', {} * 1048576)))",
    "INSERT INTO filled SELECT repeat('great ', {} * 170000), NULL, repeat('x', {} * 1048576)",
];

fn large(session: &mut Session, mebibytes: u64) {
    session.run(&format!(
        "CREATE TABLE large{mebibytes} AS SELECT i, repeat(md5(i::text), {mebibytes} * 8192) AS body,
             repeat('ann@x.com ', {mebibytes} * 26000) AS email FROM generate_series(1, 4) i"
    ));
}

#[test]
fn inputs_beyond_the_memory_are_errors() {
    let cluster = Cluster::new(&["crm_ai.max_text_bytes = '32MB'"]);
    let mut owner = cluster.session();
    tiny_model::classifier(1).write(&cluster.imports().join("topics"));
    owner.run(
        "SELECT crm_ai.import_model('topics', 'topics');
         CREATE TABLE filled (body text, mood text, note text);
         CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW
             EXECUTE FUNCTION crm_enrich('mood=crm_sentiment(body)');
         CREATE TRIGGER clean BEFORE INSERT ON filled FOR EACH ROW
             EXECUTE FUNCTION crm_clean('note=text')",
    );
    let postmaster = cluster.postmaster();
    for size in [8, 64] {
        large(&mut owner, size);
    }
    for room in ROOMS {
        let mut session = cluster.session();
        session.run("SET client_min_messages = error; SET statement_timeout = '60s'");
        // What it keeps for good.
        session.run("SELECT crm_sentiment('x'), crm_clean_text('x'), crm_address('12 Main St')");
        // By the server's own user: nobody else may.
        let limit = process::address_space(session.pid) + (room << 20);
        owner.run(&format!(
            "COPY (SELECT) TO PROGRAM 'cat; prlimit --pid {} --as={limit}'",
            session.pid
        ));
        for size in [8, 64] {
            for call in CALLS {
                let sql = call.replace("{}", &size.to_string());
                if let Err(failure) = session.try_rows(&sql) {
                    let state = failure.state.as_str();
                    let known = ["53200", "54000", "22023", "57014", "42704", "53000", "53400"];
                    assert!(known.contains(&state), "{room} MiB, {sql}: {failure:?}");
                }
            }
        }
        // Its own room may be used up by what it keeps; that of others is not.
        if let Err(failure) = session.try_value("SELECT crm_sentiment('great product')") {
            assert_eq!(failure.state, "53200", "{room} MiB: {failure:?}");
        }
        assert_eq!(owner.value("SELECT crm_sentiment('great product')"), "positive");
    }
    assert_eq!(cluster.postmaster(), postmaster);
    assert!(!cluster.log().contains("was terminated by signal"), "a backend died");
}

/// The same for what workers read: each row of a watch, and the rows of runs.
#[test]
fn rows_beyond_a_workers_memory_are_errors() {
    let cluster = Cluster::new(&[
        "max_worker_processes = 16",
        "crm_ai.max_text_bytes = '32MB'",
        "crm_ai.max_running = 2",
    ]);
    stand_in::install(&cluster);
    let mut owner = cluster.session();
    for size in [1, 28] {
        large(&mut owner, size);
    }
    owner.run(
        "CREATE TABLE note (id serial PRIMARY KEY, body text, mood text);
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note (body) VALUES ('great product')",
    );
    let limit = Duration::from_secs(60);
    let judged = "SELECT count(*) FROM note WHERE mood IS NOT NULL";
    wait_until("the watch works", limit, || owner.value(judged) == "1");
    let postmaster = cluster.postmaster();
    let workers: Vec<i32> = cluster
        .processes()
        .into_iter()
        .filter(|process| process.command.contains("crm_ai scheduler"))
        .map(|process| process.pid)
        .collect();
    assert_eq!(workers.len(), 1);
    for room in ROOMS {
        // Workers that start from now on have the postmaster's limit.
        for pid in workers.iter().chain([&postmaster]) {
            let bytes = process::address_space(*pid) + (room << 20);
            owner
                .run(&format!("COPY (SELECT) TO PROGRAM 'cat; prlimit --pid {pid} --as={bytes}:'"));
        }
        owner.run(
            "INSERT INTO note (body) SELECT repeat('great ', 4 << 20) FROM generate_series(1, 4);
             INSERT INTO note (body) VALUES ('great product')",
        );
        for (number, call) in [
            "train('small', 'large1', 'body', 'i')",
            "train('large', 'large28', 'body', 'i')",
            "train('both', 'large28', 'body', 'email')",
            "train_table('table', 'large28', 'i')",
        ]
        .iter()
        .enumerate()
        {
            let call = call.replacen("('", &format!("('m{room}_{number}"), 1);
            owner.run(&format!("SELECT crm_ai.{call}"));
        }
        let open = "SELECT count(*) FROM crm_ai.runs WHERE ended_at IS NULL";
        wait_until("the runs have ended", limit, || owner.value(open) == "0");
    }
    let errors = owner.column(
        "SELECT DISTINCT left(error, 13) AS error FROM crm_ai.runs
             WHERE error IS NOT NULL ORDER BY 1",
    );
    assert_eq!(errors, ["a label of 72", "out of memory"]);
    // No row stops the others.
    let left = "SELECT count(*) FROM note WHERE mood IS NULL AND body = 'great product'";
    wait_until("the watch has done what it can", limit, || owner.value(left) == "0");
    assert_eq!(cluster.postmaster(), postmaster);
    assert!(!cluster.log().contains("was terminated by signal"), "a worker died");
}
