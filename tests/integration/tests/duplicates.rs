//! Duplicates: searches, single records, golden records, rights and faults.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::installation::run;
use crm_ai_integration::process::{Process, Signal, signal, wait_until};
use crm_ai_integration::session::Session;
use crm_ai_integration::workplace;
use std::path::Path;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);

/// People by number, names from digests; every third has a second row with an error in the family
/// name and without phone.
fn people(session: &mut Session, table: &str, count: u32) {
    session.run(&format!(
        "CREATE TABLE {table} (id bigint PRIMARY KEY, first_name text, last_name text, email text,
             phone text, birth_date date, person int);
         INSERT INTO {table}
         SELECT 2 * i + copy,
             translate(substr(md5('g' || i % 211), 1, 5), '0123456789abcdef', 'bcdfgaeioulmnrst'),
             CASE copy WHEN 0 THEN family ELSE overlay(family PLACING 'x' FROM 3 FOR 1) END,
             family || i || '@example.com',
             CASE copy WHEN 0 THEN '030 ' || (1000000 + i * 7919 % 8999999) END,
             date '1940-01-01' + (i * 6151 % 25000), i
         FROM generate_series(1, {count}) i,
             translate(substr(md5('f' || i), 1, 7), '0123456789abcdef', 'bcdfgaeioulmnrst') family,
             generate_series(0, 1) copy
         WHERE copy = 0 OR i % 3 = 0"
    ));
}

const COLUMNS: &str = "'{\"first_name\": \"auto\", \"last_name\": \"auto\", \"email\": \"auto\",
    \"phone\": \"auto\", \"birth_date\": \"auto\"}'";

/// All pairs with the bits of their weights.
fn pairs(session: &mut Session, target: &str) -> Vec<String> {
    session.column(&format!(
        "SELECT concat_ws(' ', left_key, right_key, float8send(weight), evidence)
         FROM {target}_pairs ORDER BY left_key, right_key"
    ))
}

fn searches(cluster: &Cluster) -> Vec<Process> {
    let is_search = |process: &Process| process.command.contains("crm_ai_engine link");
    cluster.processes().into_iter().filter(is_search).collect()
}

/// Folders of searches that are left.
fn folders(cluster: &Cluster) -> usize {
    let temporary = cluster.data().join("base/pgsql_tmp");
    let is_search = |entry: &std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with("pgsql_tmp_crm_ai_link_")
    };
    std::fs::read_dir(temporary).into_iter().flatten().flatten().filter(is_search).count()
}

#[test]
fn duplicates_are_found_and_the_same_ones_whatever_the_order_of_rows() {
    let mut session = shared().database("dedupe");
    people(&mut session, "customer", 6000);
    let report = session.value(&format!(
        "SELECT concat_ws(' ', rows, clusters + duplicates = rows, largest_cluster, target)
         FROM crm_ai.dedupe('customer', 'id', {COLUMNS})"
    ));
    assert_eq!(report, "8000 t 2 public.customer_duplicates");
    let right = session.value(
        "SELECT count(*) FILTER (WHERE a.person = b.person) || ' of ' || count(*)
         FROM customer_duplicates_pairs p
         JOIN customer a ON a.id = left_key JOIN customer b ON b.id = right_key
         WHERE left_key < right_key AND probability >= 0.95",
    );
    assert_eq!(right, "2000 of 2000");
    let in_clusters = "SELECT count(*) || ' ' || count(DISTINCT cluster)
                       FROM customer_duplicates_clusters";
    assert_eq!(session.value(in_clusters), "8000 6000");
    let first = pairs(&mut session, "customer_duplicates");
    // Again, in place of what is there; then the rows in another order, on one thread.
    session.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS})"));
    assert!(pairs(&mut session, "customer_duplicates") == first);
    session.run(&format!(
        "CREATE TABLE shuffled AS SELECT * FROM customer ORDER BY md5(id::text);
         SELECT crm_ai.dedupe('shuffled', 'id', {COLUMNS}, target => 'again')"
    ));
    assert!(pairs(&mut session, "again") == first);
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.linkage"), "2");
}

#[test]
fn a_record_finds_its_person() {
    let mut session = shared().database("dedupefind");
    people(&mut session, "customer", 4000);
    session.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'found')"));
    let find = |session: &mut Session, record: &str| {
        session.column(&format!(
            "SELECT key || ' ' || CASE WHEN probability > 0.95 THEN 't' ELSE 'f' END
             FROM crm_ai.find_duplicates('found', {record}) ORDER BY key"
        ))
    };
    // The row itself by its key is left out; a form that has no key finds both.
    assert_eq!(
        find(&mut session, "(SELECT to_jsonb(c) FROM customer c WHERE id = 606)"),
        ["607 t"]
    );
    let form = "(SELECT to_jsonb(c) - 'id' - 'phone' FROM customer c WHERE id = 606)";
    assert_eq!(find(&mut session, form), ["606 t", "607 t"]);
    assert!(find(&mut session, "'{\"email\": \"nobody@example.com\"}'").is_empty());
    assert!(find(&mut session, "'{}'").is_empty());
    assert!(find(&mut session, "'{\"email\": null, \"other\": 5}'").is_empty());
    session.fails_with("22023", "SELECT crm_ai.find_duplicates('found', '[1]')").expect_hint();
    session.fails_with("22023", "SELECT crm_ai.find_duplicates('found', '{}', 0)").expect_hint();
    session.fails_with("42704", "SELECT crm_ai.find_duplicates('none', '{}')").expect_hint();
    session.run("BEGIN READ ONLY");
    assert_eq!(find(&mut session, form), ["606 t", "607 t"]);
    session.run("COMMIT");
    // Another search of the same name counts at once, also in this session.
    session.run("DELETE FROM customer WHERE id = 607");
    session.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'found')"));
    assert_eq!(find(&mut session, form), ["606 t"]);
    // A row that is gone since is not told.
    session.run("DELETE FROM customer WHERE id = 606");
    assert!(find(&mut session, form).is_empty());
    let lines = "SELECT string_agg(column_name || ' ' || coalesce(level, '-'), ', ')
                 FROM crm_ai.explain_pair('found', '612', '613')";
    let told = session.value(lines);
    assert!(told.starts_with("prior -, first_name equal, last_name one letter off"), "{told}");
    session.fails_with("P0002", "SELECT crm_ai.explain_pair('found', '612', '607')").expect_hint();
}

#[test]
fn golden_records_keep_the_best_of_each_row_and_every_opt_out() {
    let mut session = shared().database("dedupegolden");
    session.run(
        "CREATE TABLE customer (id int PRIMARY KEY, name text, email text, opt_in boolean,
             \"Updated \"\"At\" date);
         INSERT INTO customer VALUES
             (1, 'Ann Lee', 'ann@example.com', true, '2024-01-01'),
             (2, 'Ann M. Lee', NULL, false, '2025-01-01'),
             (3, 'Ann Lee', 'ann@example.com', NULL, '2023-01-01'),
             (4, 'Zoe Quinn', 'zoe@example.com', true, '2024-01-01'),
             (5, 'Tom Baker', 'tom@example.org', true, '2024-01-01'),
             (6, 'Priya Nair', 'priya@example.net', NULL, '2024-01-01');
         SELECT crm_ai.dedupe('customer', 'id', '{\"name\": \"name\", \"email\": \"email\"}');
         UPDATE customer_duplicates_clusters SET cluster = 100 WHERE key <= 3",
    );
    let golden = |session: &mut Session, rules: &str| {
        session.value(&format!(
            "SELECT concat_ws(' ', g->'keys', g->'record', g->'from')
             FROM crm_ai.golden('customer_duplicates', {rules}) g WHERE g->>'cluster' = '100'"
        ))
    };
    assert_eq!(
        golden(&mut session, "NULL"),
        "[\"1\", \"2\", \"3\"] {\"id\": 1, \"name\": \"Ann Lee\", \"email\": \"ann@example.com\", \
         \"opt_in\": false, \"Updated \\\"At\": \"2024-01-01\"} {\"id\": \"1\", \"name\": \"1\", \
         \"email\": \"1\", \"opt_in\": \"2\", \"Updated \\\"At\": \"1\"}"
    );
    let rules = "'{\"*\": \"most_recent:Updated \\\"At\", \"opt_in\": \"most_complete\"}'";
    let recent = golden(&mut session, rules);
    assert!(recent.contains("\"name\": \"Ann M. Lee\""), "{recent}");
    assert!(recent.contains("\"opt_in\": true"), "{recent}");
    for (state, rules) in [
        ("42703", "'{\"nix\": \"longest\"}'"),
        ("22023", "'{\"name\": \"best\"}'"),
        ("22023", "'{\"name\": \"most_recent\"}'"),
        ("42703", "'{\"name\": \"most_recent:nix\"}'"),
        ("22023", "'[]'"),
    ] {
        let sql = format!("SELECT crm_ai.golden('customer_duplicates', {rules})");
        session.fails_with(state, &sql).expect_hint();
    }
}

#[test]
fn two_tables_are_linked() {
    let mut session = shared().database("dedupelink");
    people(&mut session, "customer", 3000);
    session.run(
        "CREATE TABLE web AS SELECT 'w' || id AS id, last_name, first_name, email, birth_date, phone,
             person FROM customer WHERE id % 2 = 1;
         DELETE FROM customer WHERE id % 2 = 1",
    );
    for one_to_one in ["false", "true"] {
        let rows = session.value(&format!(
            "SELECT rows || ' ' || largest_cluster FROM crm_ai.link('web', 'customer', 'id',
                 {COLUMNS}, target => 'linked', one_to_one => {one_to_one})"
        ));
        assert_eq!(rows, "4000 2");
        let right = session.value(
            "SELECT count(*) FILTER (WHERE w.person = c.person) || ' of ' || count(*)
             FROM linked_pairs JOIN web w ON w.id = left_key JOIN customer c ON c.id = right_key",
        );
        assert_eq!(right, "1000 of 1000");
        let sides = "SELECT string_agg(side || ' ' || n, ', ' ORDER BY side)
                     FROM (SELECT side, count(*) n FROM linked_clusters GROUP BY side) s";
        assert_eq!(session.value(sides), "left 1000, right 3000");
    }
    let found = "SELECT key FROM crm_ai.find_duplicates('linked',
                     (SELECT to_jsonb(w) FROM web w WHERE id = 'w7'))";
    assert_eq!(session.value(found), "6");
    session
        .fails_with("42703", "SELECT crm_ai.link('web', 'customer', 'id', '{\"nix\": \"auto\"}')");
}

#[test]
fn whatever_a_table_holds_is_searched_or_refused_by_name() {
    let mut session = shared().database("dedupeodd");
    session.run(
        "CREATE TABLE \"Odd \"\"One\" (\"the 'Key'\" text PRIMARY KEY, \"first name\" varchar(40),
             \"last name\" char(40), mail text, extra jsonb, list int[], body text);
         INSERT INTO \"Odd \"\"One\"
         SELECT E'k''\\\\\"{,}' || i, 'Ann' || chr(233) || i % 40, '李' || repeat('x', i % 30),
             CASE WHEN i % 4 > 0 THEN 'm' || i / 2 || '@example.com' END, '{}', '{1}',
             CASE i WHEN 7 THEN repeat('long 😀 ', 1000000) WHEN 8 THEN E'\\u202eabc\\u0301' END
         FROM generate_series(1, 400) i",
    );
    let rows = "SELECT rows FROM crm_ai.dedupe('\"Odd \"\"One\"', 'the ''Key''')";
    assert_eq!(session.value(rows), "400");
    let known = "SELECT count(*) FROM \"Odd \"\"One_duplicates_clusters\" c
                 JOIN \"Odd \"\"One\" o ON o.\"the 'Key'\" = c.key";
    assert_eq!(session.value(known), "400");
    let found = "SELECT count(*) > 0 FROM crm_ai.find_duplicates('\"Odd \"\"One_duplicates\"',
                     '{\"mail\": \"m5@example.com\", \"first name\": \"Anné11\"}')";
    assert_eq!(session.value(found), "t");
    session.run(
        "CREATE TYPE mood AS ENUM ('a', 'b');
         CREATE TABLE keyed (id int, m mood, name text, copy int, nothing jsonb);
         INSERT INTO keyed VALUES (1, 'a', 'x', 1, NULL), (NULL, 'b', 'y', 1, NULL);
         CREATE TABLE keyed_duplicates_pairs (mine text);
         CREATE SEQUENCE counter",
    );
    for (state, sql) in [
        ("22004", "crm_ai.dedupe('keyed', 'id', target => 'k')"),
        ("23505", "crm_ai.dedupe('keyed', 'copy', target => 'k')"),
        ("42804", "crm_ai.dedupe('keyed', 'm', target => 'k')"),
        ("42703", "crm_ai.dedupe('keyed', 'nix', target => 'k')"),
        ("42P07", "crm_ai.dedupe('keyed', 'id')"),
        ("22023", "crm_ai.dedupe('keyed', 'copy', '{\"name\": \"quux\"}', target => 'k')"),
        ("22023", "crm_ai.dedupe('keyed', 'copy', '[]', target => 'k')"),
        ("22023", "crm_ai.dedupe('keyed', 'copy', '{}', target => 'k')"),
        ("22023", "crm_ai.dedupe('keyed', 'copy', target => 'k', threshold => 1)"),
        ("22023", "crm_ai.dedupe('keyed', 'copy', target => 'k', threshold => 'NaN')"),
        ("22004", "crm_ai.dedupe(NULL, 'id')"),
        ("42809", "crm_ai.dedupe('counter', 'last_value', target => 'k')"),
        ("42622", "crm_ai.dedupe('keyed', 'copy', target => repeat('k', 60))"),
        ("3F000", "crm_ai.dedupe('keyed', 'copy', target => 'nix.k')"),
        ("22023", "crm_similarity('a', 'b', 'nix')"),
        ("54000", "crm_similarity(repeat('a', 5000), 'b', 'levenshtein')"),
    ] {
        let failure = session.fails_with(state, &format!("SELECT {sql}"));
        // A schema that is not there is the server's own error.
        if state != "3F000" {
            failure.expect_hint();
        }
    }
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.linkage"), "1");
}

#[test]
fn searches_nest_and_tables_without_rows_are_searched() {
    let mut session = shared().database("dedupenest");
    session.run(
        "CREATE TABLE small AS SELECT i AS id, 'name ' || i / 2 AS name FROM generate_series(1, 40) i;
         CREATE FUNCTION again(x int) RETURNS int LANGUAGE plpgsql AS $$
             BEGIN
                 IF x = 7 THEN PERFORM crm_ai.dedupe('small', 'id'); END IF;
                 RETURN x;
             END $$;
         CREATE VIEW nested AS SELECT again(id) AS id, name FROM small;
         SELECT crm_ai.dedupe('nested', 'id')",
    );
    assert_eq!(session.value("SELECT count(*) FROM nested_duplicates_clusters"), "40");
    assert_eq!(session.value("SELECT count(*) FROM small_duplicates_clusters"), "40");
    // Nothing to compare, nothing to find.
    session.run("CREATE TABLE empty (id int, name text); SELECT crm_ai.dedupe('empty', 'id')");
    assert_eq!(session.value("SELECT count(*) FROM empty_duplicates_clusters"), "0");
    session
        .fails_with("55000", "SELECT crm_ai.find_duplicates('empty_duplicates', '{}')")
        .expect_hint();
    session.run("INSERT INTO empty VALUES (1, 'same'), (2, 'same'), (3, 'same')");
    session.run("SELECT crm_ai.dedupe('empty', 'id')");
    assert_eq!(session.value("SELECT count(*) FROM empty_duplicates_pairs"), "3");
}

#[test]
fn the_callers_rights_and_row_security_hold() {
    let cluster = shared();
    let mut session = cluster.database("deduperights");
    people(&mut session, "customer", 3000);
    session.run(
        "DROP ROLE IF EXISTS steward; CREATE ROLE steward LOGIN;
         ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
         CREATE POLICY seen ON customer FOR SELECT TO steward USING (person <= 1000);
         CREATE SCHEMA work AUTHORIZATION steward",
    );
    let mut steward = cluster.connect("steward", "deduperights");
    let search = format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'work.found')");
    steward.fails_with("42501", &search);
    session.run("GRANT SELECT ON customer TO steward");
    steward.fails_with("42501", "SELECT crm_ai.dedupe('customer', 'id', target => 'public.found')");
    steward.run(&search);
    assert_eq!(steward.value("SELECT count(*) FROM work.found_clusters"), "1333");
    let find = "SELECT count(*) FROM crm_ai.find_duplicates('work.found',
                    (SELECT to_jsonb(c) - 'id' FROM public.customer c WHERE id = 606))";
    assert_eq!(steward.value(find), "2");
    // Also where the keys were made by somebody who sees more.
    session.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'all_found')"));
    session.run("GRANT SELECT ON all_found_keys, all_found_clusters TO steward");
    let hidden = "SELECT count(*) FROM crm_ai.find_duplicates('all_found',
                      '{\"email\": \"' || (%) || '\"}'::jsonb)";
    let email = session.value("SELECT email FROM customer WHERE id = 4002");
    let record = hidden.replace("' || (%) || '", &email).replace("::jsonb", "");
    assert_ne!(session.value(&record), "0");
    assert_eq!(steward.value(&record), "0");
    steward.fails_with("P0002", "SELECT crm_ai.explain_pair('all_found', '4002', '4004')");
    assert_eq!(steward.value("SELECT count(*) FROM crm_ai.golden('all_found')"), "1000");
    session.run("REVOKE SELECT ON all_found_keys FROM steward");
    steward.fails_with("42501", &record);
}

#[test]
fn a_search_of_another_role_runs_no_code_of_it() {
    let cluster = Cluster::new(&[]);
    let mut owner = cluster.session();
    owner.run("CREATE ROLE mallory LOGIN; GRANT CREATE ON SCHEMA public TO mallory");
    let mut mallory = cluster.connect("mallory", "postgres");
    people(&mut mallory, "bait", 300);
    mallory.run(&format!(
        "CREATE FUNCTION spring(x bigint) RETURNS bigint LANGUAGE plpgsql AS $$
             BEGIN
                 IF current_user <> 'mallory' THEN
                     EXECUTE 'ALTER ROLE mallory SUPERUSER';
                 END IF;
                 RETURN x;
             END $$;
         SELECT crm_ai.dedupe('bait', 'id', {COLUMNS}, 'found');
         ALTER TABLE bait RENAME TO prey;
         CREATE VIEW bait AS SELECT spring(id) AS id, first_name, last_name, email, phone, birth_date,
             person FROM prey"
    ));
    let asks = [
        "SELECT crm_ai.find_duplicates('found', (SELECT to_jsonb(p) - 'id' FROM prey p LIMIT 1))",
        "SELECT crm_ai.explain_pair('found', '6', '7')",
        "SELECT crm_ai.golden('found')",
    ];
    for ask in asks {
        owner.fails_with("42501", ask).expect_hint();
        mallory.run(ask);
    }
    // Nor by a companion that was made anew.
    mallory.run(
        "DROP VIEW bait; ALTER TABLE prey RENAME TO bait;
         ALTER TABLE found_keys RENAME TO old_keys; ALTER TABLE found_clusters RENAME TO old_clusters;
         CREATE VIEW found_keys AS SELECT spring(key) AS key, hashes FROM old_keys;
         CREATE VIEW found_clusters AS SELECT spring(key) AS key, cluster FROM old_clusters;
         CREATE VIEW prey AS SELECT * FROM bait",
    );
    owner.fails_with("42501", asks[0]).expect_hint();
    owner.fails_with("42501", asks[2]).expect_hint();
    assert_eq!(owner.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), "f");
}

#[test]
fn a_search_that_is_ended_leaves_nothing_behind() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    people(&mut session, "customer", 60_000);
    let search = format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS})");
    let pid = session.pid;
    let mut other = cluster.session();
    let mut during =
        |session: &mut Session, state: &str, act: &(dyn Fn(&mut Session, i32) + Sync)| {
            std::thread::scope(|scope| {
                let (cluster, other) = (&cluster, &mut other);
                let actor = scope.spawn(move || {
                    let mut found = None;
                    wait_until("the search goes on", LIMIT, || {
                        found = searches(cluster).first().map(|process| process.pid);
                        found.is_some()
                    });
                    std::thread::sleep(Duration::from_millis(200));
                    act(other, found.unwrap());
                    Instant::now()
                });
                session.fails_with(state, &search);
                let ended = Instant::now();
                let took = ended.saturating_duration_since(actor.join().unwrap());
                assert!(took < Duration::from_secs(2), "{took:?}");
            });
            wait_until("the child has ended", LIMIT, || searches(&cluster).is_empty());
            assert_eq!(folders(&cluster), 0);
            let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'customer_duplicates%'";
            assert_eq!(session.value(left), "0");
            assert_eq!(session.value("SELECT count(*) FROM crm_ai.linkage"), "0");
        };
    during(&mut session, "57014", &|other, _| {
        other.run(&format!("SELECT pg_cancel_backend({pid})"));
    });
    during(&mut session, "58000", &|_, child| signal(child, Signal::KILL));
    session.run("SET statement_timeout = '900ms'");
    session.fails_with("57014", &search);
    session.run("RESET statement_timeout");
    // A session that is terminated takes its child along; the next search removes its files.
    std::thread::scope(|scope| {
        let cluster = &cluster;
        let other = &mut other;
        scope.spawn(move || {
            wait_until("the search goes on", LIMIT, || !searches(cluster).is_empty());
            other.run(&format!("SELECT pg_terminate_backend({pid})"));
        });
        assert!(session.try_value(&search).is_err());
    });
    wait_until("the child has ended", LIMIT, || searches(&cluster).is_empty());
    let mut session = cluster.session();
    session.run("CREATE TABLE small AS SELECT * FROM customer LIMIT 100");
    session.run("SELECT crm_ai.dedupe('small', 'id')");
    assert_eq!(folders(&cluster), 0);
    // Limits of memory and of temporary files.
    cluster.set(&mut session, "crm_ai.link_memory", "8MB");
    session.fails_with("53200", &search).expect_hint();
    cluster.reset(&mut session, "crm_ai.link_memory");
    session.run("SET temp_file_limit = '1MB'");
    session.fails_with("53400", &search).expect_hint();
    assert_eq!(folders(&cluster), 0);
}

#[test]
fn a_dump_carries_what_was_learned_and_a_standby_answers() {
    let cluster = Cluster::new(&[]);
    let mut old = cluster.database("dedupedump");
    people(&mut old, "customer", 1500);
    old.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'found')"));
    let ask = "SELECT string_agg(concat_ws(' ', key, float8send(probability), evidence), ', ')
               FROM crm_ai.find_duplicates('found',
                   (SELECT to_jsonb(c) - 'id' FROM customer c WHERE id = 606))";
    let answer = old.value(ask);
    let file = workplace::new_directory("dedupe").join("dump");
    dump_and_restore(&cluster, &file);
    let mut new = cluster.connect("postgres", "dedupedump_new");
    assert_eq!(new.value(ask), answer);
    new.run(&format!("SELECT crm_ai.dedupe('customer', 'id', {COLUMNS}, 'found')"));
    assert!(pairs(&mut new, "found") == pairs(&mut old, "found"));

    let (standby, _) = cluster.standby();
    let mut reader = standby.connect("postgres", "dedupedump");
    assert_eq!(reader.value(ask), answer);
    assert_eq!(reader.value("SELECT count(*) FROM crm_ai.golden('found')"), "1500");
    reader.fails_with("25006", "SELECT crm_ai.dedupe('customer', 'id')");
}

fn dump_and_restore(cluster: &Cluster, file: &Path) {
    run(cluster.client_program("pg_dump").args(["-Fc", "--file"]).arg(file).arg("dedupedump"));
    cluster.session().run("CREATE DATABASE dedupedump_new TEMPLATE template0");
    run(cluster
        .client_program("pg_restore")
        .args(["--jobs=2", "--exit-on-error", "--dbname=dedupedump_new"])
        .arg(file));
}
