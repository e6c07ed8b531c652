//! Tables cleaned into new ones: what pandas gives, odd tables, nothing lost, nothing left behind.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::session::{Session, literal};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The counts of a report, by name.
fn report(session: &mut Session, call: &str) -> Value {
    let sql = format!("SELECT pg_catalog.to_jsonb(t) FROM crm_ai.{call} t");
    serde_json::from_str(&session.value(&sql)).unwrap()
}

/// A JSON value as SQL.
fn sql_of(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => literal(text),
        other => other.to_string(),
    }
}

/// Rows as the body of an INSERT.
fn values(rows: &[Value]) -> String {
    let row = |row: &Value| {
        let fields: Vec<String> = row.as_array().unwrap().iter().map(sql_of).collect();
        format!("({})", fields.join(","))
    };
    rows.iter().map(row).collect::<Vec<_>>().join(",")
}

#[test]
fn the_notebooks_recipe_gives_what_pandas_gives() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/clean/recipe_expected.json");
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut session = shared().database("recipe");
    session.run(&format!(
        "CREATE TABLE crm_data (customer_id text, name text, email text, phone text, address text,
             segment text, spent float8);
         INSERT INTO crm_data VALUES {}",
        values(expected["source"].as_array().unwrap())
    ));
    let report = report(
        &mut session,
        "clean_table('crm_data', 'crm_clean', columns => '{\"phone\": \"phone_digits:11\"}',
             required => '{*}', distinct_on => '{*}',
             keep => '{customer_id,name,email,phone,address}')",
    );
    assert_eq!(report["duplicate"], expected["duplicate"]);
    assert_eq!(report["missing"], expected["missing"]);
    assert_eq!(report["invalid"], 0);
    let kept = session.value(
        "SELECT json_agg(json_build_array(customer_id, name, email, phone, address))
         FROM (SELECT * FROM crm_clean) t",
    );
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, expected["kept"]);
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

const VALUES: [&str; 12] = [
    "NULL",
    "''",
    "' '",
    "'n/a'",
    "'650-253-0000'",
    "'12'",
    "'ann@example.com'",
    "'ANN@EXAMPLE.com'",
    "'25/12/2024'",
    "'03/04/2024'",
    "'yes'",
    "'Ann Lee'",
];
const KINDS: [&str; 9] =
    ["phone:US", "phone_digits", "email", "name", "text", "date", "boolean", "id", "keep"];

#[test]
fn any_table_is_kept_and_rejected_without_a_loss() {
    let mut session = shared().database("anytable");
    let mut numbers = Numbers(7);
    for round in 0..40 {
        let columns = 1 + numbers.below(4);
        let names: Vec<String> = (0..columns).map(|index| format!("c{index}")).collect();
        let some = |numbers: &mut Numbers| -> String {
            let chosen: Vec<&str> =
                names.iter().map(String::as_str).filter(|_| numbers.below(2) == 0).collect();
            if chosen.is_empty() { "*".to_owned() } else { chosen.join(",") }
        };
        let kinds: Vec<String> =
            names.iter().map(|name| format!("\"{name}\": \"{}\"", numbers.pick(&KINDS))).collect();
        let rows: Vec<String> = (0..numbers.below(60))
            .map(|_| {
                let fields: Vec<&str> = names.iter().map(|_| numbers.pick(&VALUES)).collect();
                format!("({})", fields.join(","))
            })
            .collect();
        session.run(&format!(
            "DROP TABLE IF EXISTS raw; CREATE TABLE raw ({} text)",
            names.join(" text,")
        ));
        if !rows.is_empty() {
            session.run(&format!("INSERT INTO raw VALUES {}", rows.join(",")));
        }
        let required = if numbers.below(2) == 0 { String::new() } else { some(&mut numbers) };
        let distinct = if numbers.below(2) == 0 {
            "NULL".to_owned()
        } else {
            format!("'{{{}}}'", some(&mut numbers))
        };
        let call = format!(
            "clean_table('raw', 'clean', columns => '{{{}}}', required => '{{{required}}}',
                 distinct_on => {distinct}, replace => true)",
            kinds.join(",")
        );
        let report = report(&mut session, &call);
        let count = |name: &str| report[name].as_i64().unwrap();
        let context = format!("round {round}: {call} of {} rows: {report}", rows.len());
        assert_eq!(count("read"), rows.len() as i64, "{context}");
        assert_eq!(count("read"), count("kept") + count("rejected"), "{context}");
        let rejected = count("duplicate") + count("missing") + count("invalid");
        assert_eq!(count("rejected"), rejected, "{context}");
        // The tables hold what the report says, and each row is in one of them, once.
        let found = session.value(
            "SELECT concat_ws(' ', (SELECT count(*) FROM clean), (SELECT count(*) FROM clean_rejects),
                 (SELECT count(DISTINCT source_row) FROM clean_changes),
                 (SELECT count(*) FROM clean_changes WHERE before IS NOT DISTINCT FROM after),
                 (SELECT count(*) FROM clean_changes c JOIN clean_rejects r USING (source_row)),
                 (SELECT count(*) FROM (SELECT record FROM clean_rejects
                      EXCEPT ALL SELECT to_jsonb(raw) FROM raw) lost))",
        );
        let expected =
            format!("{} {} {} 0 0 0", count("kept"), count("rejected"), count("repaired"));
        assert_eq!(found, expected, "{context}");
    }
}

#[test]
fn odd_tables_are_cleaned_like_others() {
    let mut session = shared().database("oddtables");
    session.run(
        "CREATE TABLE norows (a text);
         CREATE TABLE allnull (phone text, email text);
         INSERT INTO allnull VALUES (NULL, NULL), (NULL, NULL);
         CREATE SCHEMA \"Odd \"\"S\";
         CREATE TABLE \"Odd \"\"S\".\"Odd 'T\" (\"Source\" text, source text COLLATE \"C\",
             \"a\"\"b'c\\\" text, \"*\" integer, j json, p point, gone integer,
             computed text GENERATED ALWAYS AS (source || 'x') STORED, name name);
         ALTER TABLE \"Odd \"\"S\".\"Odd 'T\" DROP COLUMN gone;
         INSERT INTO \"Odd \"\"S\".\"Odd 'T\" (\"Source\", source, \"a\"\"b'c\\\", \"*\", j, p)
             SELECT ' a', 'b ', 'c', 1, '{\"a\":1,\"a\":2}', '(1,2)' FROM generate_series(1, 2);
         CREATE VIEW seen AS SELECT \"Source\", source FROM \"Odd \"\"S\".\"Odd 'T\";
         CREATE TABLE parted (id integer, email text) PARTITION BY RANGE (id);
         CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
         CREATE TABLE parted2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
         INSERT INTO parted VALUES (1, 'A@X.com '), (11, 'a@x.com'), (12, 'A@x.com')",
    );
    for (call, expected) in [
        ("clean_table('norows', 'n1', required => '{*}', distinct_on => '{*}')", [0, 0, 0, 0]),
        ("clean_table('allnull', 'n2', required => '{phone}')", [2, 0, 0, 2]),
        ("clean_table('allnull', 'n3', distinct_on => '{phone}')", [2, 2, 0, 0]),
        ("clean_table('allnull', 'n4', distinct_on => '{*}')", [2, 1, 1, 0]),
        (
            "clean_table('\"Odd \"\"S\".\"Odd ''T\"', '\"Odd \"\"S\".\"New ''T\"', distinct_on => '{*}')",
            [2, 1, 1, 0],
        ),
        ("clean_table('seen', 'n5', distinct_on => '{source}')", [2, 1, 1, 0]),
        ("clean_table('parted', 'n6', distinct_on => '{email}')", [3, 2, 1, 0]),
        ("clean_table('pg_class', 'n7')", [-1, -1, 0, 0]),
    ] {
        let report = report(&mut session, call);
        for (count, expected) in ["read", "kept", "duplicate", "missing"].iter().zip(expected) {
            if expected >= 0 {
                assert_eq!(report[count], expected, "{count} of {call}: {report}");
            }
        }
    }
    let cleaned = "SELECT concat_ws('|', \"Source\", source, \"a\"\"b'c\\\", \"*\", computed)
                   FROM \"Odd \"\"S\".\"New 'T\"";
    assert_eq!(session.value(cleaned), "a|b|c|1|b x");
    let collations = "SELECT string_agg(attname || ':' || collname, ' ' ORDER BY attnum)
        FROM pg_attribute a JOIN pg_collation c ON c.oid = attcollation
        WHERE attrelid = '\"Odd \"\"S\".\"New ''T\"'::regclass AND attname ILIKE 'source'";
    assert_eq!(session.value(collations), "Source:default source:C");
}

#[test]
fn a_table_of_1600_columns_is_cleaned() {
    let mut session = shared().database("wide");
    let columns: Vec<String> = (1..=1600).map(|index| format!("c{index} text")).collect();
    session.run(&format!("CREATE TABLE wide ({})", columns.join(",")));
    session.run("INSERT INTO wide (c1, c1600) VALUES (' a', ' b'), (' a', ' b'), (NULL, 'b')");
    let call = "clean_table('wide', 'narrow', distinct_on => '{*}', required => '{c1}')";
    let report = report(&mut session, call);
    assert_eq!(report["kept"], 1);
    assert_eq!((&report["duplicate"], &report["missing"]), (&1.into(), &1.into()));
    assert_eq!(session.value("SELECT c1 || c1600 FROM narrow"), "ab");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.profile('wide')"), "1600");
}

#[test]
fn everything_runs_as_the_caller() {
    let cluster = shared();
    let mut owner = cluster.database("callers");
    owner.run(
        "CREATE ROLE callers_reader LOGIN; CREATE ROLE callers_stranger LOGIN;
         CREATE TABLE raw (tenant text, note text);
         INSERT INTO raw VALUES ('a', ' x'), ('b', ' y'), ('b', NULL);
         ALTER TABLE raw ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON raw USING (tenant = 'b');
         GRANT SELECT ON raw TO callers_reader;
         CREATE SCHEMA mine AUTHORIZATION callers_reader",
    );
    let mut stranger = cluster.connect("callers_stranger", "callers");
    for call in ["clean_table('raw', 'pg_temp.x')", "profile('raw')"] {
        stranger.fails_with("42501", &format!("SELECT crm_ai.{call}"));
    }
    let mut reader = cluster.connect("callers_reader", "callers");
    reader.fails_with("42501", "SELECT crm_ai.clean_table('raw', 'public.clean')");
    // Row-level security shows two rows; the new tables are the caller's.
    let report = report(&mut reader, "clean_table('raw', 'mine.clean', required => '{note}')");
    assert_eq!((&report["read"], &report["kept"]), (&2.into(), &1.into()));
    let owners = "SELECT count(*) FROM pg_class WHERE relname ~ '^clean' AND relkind = 'r'
                  AND relowner = 'callers_reader'::regrole";
    assert_eq!(reader.value(owners), "3");
    // Nobody's operators and functions are taken for the catalogue's.
    owner.run(
        "CREATE SCHEMA evil; CREATE TABLE evil.trace (who name);
         GRANT ALL ON SCHEMA evil TO PUBLIC; GRANT ALL ON evil.trace TO PUBLIC;
         CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.yes(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.yes(oid, oid) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.count(text) RETURNS bigint LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN 1; END';
         CREATE FUNCTION evil.to_jsonb(text) RETURNS jsonb LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN NULL; END';
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
         CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.yes);
         CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.yes);
         CREATE OPERATOR evil.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.yes);
         CREATE TABLE keyed (id integer PRIMARY KEY, note text);
         INSERT INTO keyed VALUES (1, ' a'), (2, ' a'), (3, NULL);
         SET search_path = evil, pg_catalog, public",
    );
    let call = "clean_table('public.keyed', 'public.keyed', required => '{note}',
                    distinct_on => '{note}')";
    assert_eq!(self::report(&mut owner, call)["kept"], 1);
    assert_eq!(self::report(&mut owner, "undo_clean('public.keyed')")["restored"], 3);
    owner.run("SELECT * FROM crm_ai.profile('public.keyed'); SELECT crm_clean_row('{\"a\": 1}')");
    assert_eq!(owner.value("SELECT count(*) FROM evil.trace"), "0");
}

/// A table large enough to be worked on for a while.
fn large(session: &mut Session, rows: usize) {
    session.run(&format!(
        "CREATE TABLE large AS SELECT i AS id, '650-253-' || lpad((i % 10000)::text, 4, '0') AS phone,
             'Ann ' || i || ' Lee' AS name, repeat('x &amp; y ', 20) AS note
         FROM generate_series(1, {rows}) i;
         ANALYZE large"
    ));
}

#[test]
fn a_cancelled_call_leaves_nothing() {
    let cluster = shared();
    let mut session = cluster.database("cancelled");
    large(&mut session, 300_000);
    session.run("SET statement_timeout = '700ms'");
    let began = Instant::now();
    session.fails_with("57014", "SELECT crm_ai.clean_table('large', 'clean')");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    session.run("RESET statement_timeout");
    let left = "SELECT count(*) FROM pg_class WHERE relname ~ '^clean|crm_ai_staging'";
    assert_eq!(session.value(left), "0");
}

#[test]
fn rows_are_cleaned_by_parallel_workers() {
    let mut session = shared().database("parallel");
    large(&mut session, 60_000);
    session.run("SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0");
    for expression in [
        "crm_normalize_email(phone)",
        "crm_normalize_name(name)",
        "crm_normalize_address(note)",
        "crm_clean_text(note)",
        "crm_normalize_phone(phone, 'US')",
        "crm_clean_row(to_jsonb(large))",
        "crm_ai.clean_values(ARRAY[phone], '[[\"phone:US\",false,true,null,false,\"null\"]]')",
    ] {
        let sql = format!("EXPLAIN (ANALYZE, COSTS OFF) SELECT count({expression}) FROM large");
        let plan = session.column(&sql).join("\n");
        let launched = plan.lines().any(|line| {
            line.trim().strip_prefix("Workers Launched: ").is_some_and(|count| count != "0")
        });
        assert!(launched, "{expression}:\n{plan}");
    }
}

#[test]
fn a_table_is_the_same_with_workers_and_without() {
    let mut session = shared().database("workers");
    large(&mut session, 40_000);
    session.run("SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0");
    session.run("SELECT crm_ai.clean_table('large', 'many', distinct_on => '{phone}')");
    session.run("SET max_parallel_workers_per_gather = 0");
    session.run("SELECT crm_ai.clean_table('large', 'one', distinct_on => '{phone}')");
    let same = "SELECT (SELECT md5(string_agg(t::text, ',')) FROM many t)
                     = (SELECT md5(string_agg(t::text, ',')) FROM one t)";
    assert_eq!(session.value(same), "t");
    assert_eq!(session.value("SELECT count(*) FROM many"), "10000");
    assert_eq!(session.value("SELECT max(id) FROM many"), "10000");
}

#[test]
fn two_calls_for_one_target_do_not_mix() {
    let cluster = Cluster::new(&[]);
    let mut first = cluster.session();
    let mut second = cluster.session();
    first.run("CREATE TABLE raw AS SELECT ' a' AS note");
    first.run("BEGIN; SELECT crm_ai.clean_table('raw', 'clean')");
    let waited = std::thread::scope(|scope| {
        let call =
            scope.spawn(|| second.try_rows("SELECT crm_ai.clean_table('raw', 'clean')").map(drop));
        std::thread::sleep(Duration::from_millis(300));
        first.run("COMMIT");
        call.join().unwrap()
    });
    // PostgreSQL's own answer to two who make one name at a time.
    let failure = waited.unwrap_err();
    assert!(["42P07", "23505"].contains(&failure.state.as_str()), "{failure:?}");
    assert_eq!(first.value("SELECT count(*) FROM clean"), "1");
}
