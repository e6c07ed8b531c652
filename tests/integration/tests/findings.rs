//! What ails a table: whose rights count, odd tables, cancel, and SQL that does what it says.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::session::Session;
use std::time::{Duration, Instant};

/// Orders with a few faults; rows without a key have a place.
const ORDERS: &str = "
    CREATE TABLE orders (id integer, status text, placed date, shipped date, price numeric, email text);
    INSERT INTO orders SELECT i, (ARRAY['open', 'sent', 'paid'])[1 + i % 3],
        date '2024-01-01' + i % 300, date '2024-01-04' + i % 300, 5 + i % 40,
        'u' || i || '@example.com' FROM generate_series(1, 600) i;
    UPDATE orders SET status = ' SENT' WHERE id = 50;
    UPDATE orders SET shipped = placed - 9 WHERE id IN (60, 61);
    UPDATE orders SET price = -5 WHERE id = 70;
    UPDATE orders SET id = 79 WHERE id = 80;
    UPDATE orders SET email = NULL WHERE id = 90";

/// Codes with their columns and rows, in the order in which they are told.
fn told(session: &mut Session, source: &str) -> Vec<String> {
    session.column(&format!(
        "SELECT concat_ws(' ', code, columns, rows) FROM crm_ai.findings('{source}')
         WHERE severity <> 'info'"
    ))
}

#[test]
fn faults_are_found_with_their_rows() {
    let mut session = shared().database("faults");
    session.run(ORDERS);
    let all = told(&mut session, "orders");
    for one in [
        "duplicate_key {id} 1",
        "order {shipped,placed} 2",
        "negative_value {price} 1",
        "missing_values {email} 1",
        "stray_space {status} 1",
        "category_variant {status} 1",
    ] {
        assert!(all.iter().any(|finding| finding == one), "{one} in {all:?}");
    }
    // Rows without a key are told by their place.
    let place = session.value(
        "SELECT examples->0->>'ctid' FROM crm_ai.findings('orders') WHERE code = 'negative_value'",
    );
    assert_eq!(session.value(&format!("SELECT price FROM orders WHERE ctid = '{place}'")), "-5");
    session
        .run("UPDATE orders SET id = 80 WHERE ctid = (SELECT max(ctid) FROM orders WHERE id = 79)");
    session.run("ALTER TABLE orders ADD PRIMARY KEY (id)");
    let key = "SELECT examples::text FROM crm_ai.findings('orders') WHERE code = 'order'";
    assert_eq!(session.value(key), "[{\"id\": 60}, {\"id\": 61}]");
    assert!(!told(&mut session, "orders").iter().any(|one| one.starts_with("duplicate_key")));
}

#[test]
fn what_mends_a_fault_runs_and_mends_it() {
    let mut session = shared().database("mends");
    session.run(ORDERS);
    // Names are looked up nowhere, so that nobody's operators stand in.
    session.run("SET search_path = ''");
    let mends = session.column(
        "SELECT mend FROM crm_ai.findings('public.orders')
         WHERE mend LIKE 'UPDATE%' OR mend LIKE 'ALTER%'",
    );
    assert!(mends.len() >= 4, "{mends:?}");
    for mend in &mends {
        session.run(mend);
    }
    session.run("RESET search_path");
    let left = told(&mut session, "orders");
    assert!(!left.iter().any(|one| one.contains("{status}")), "{left:?}");
    session
        .fails_with("23514", "INSERT INTO orders VALUES (700, 'open', NULL, NULL, -1, 'a@b.co')");
}

#[test]
fn suggested_checks_run_as_they_stand() {
    let mut session = shared().database("checks");
    session.run(ORDERS);
    session.run("CREATE VIEW seen AS SELECT * FROM orders");
    session.run(
        "CREATE TABLE \"a\"\"b'c\\d\" AS SELECT id AS \"x\"\"y'\", status AS \"s\nt\" FROM orders",
    );
    for source in ["orders", "seen", "\"a\"\"b''c\\d\""] {
        let sql = session.value(&format!("SELECT crm_ai.suggest_checks('{source}')"));
        session.run("SET search_path = ''");
        session.run(&sql);
        session.run("RESET search_path");
        assert!(sql.contains("crm_ai.clean_table("), "{sql}");
    }
    assert_eq!(session.value("SELECT count(*) FROM orders_clean"), "600");
    let sql = session.value("SELECT crm_ai.suggest_checks('orders')");
    assert!(sql.contains("ADD CHECK (\"id\" IS NOT NULL);"), "{sql}");
    assert!(sql.contains("-- Broken by 1 rows (negative_value):"), "{sql}");
}

#[test]
fn odd_tables_are_read() {
    let mut session = shared().database("oddities");
    session.run(
        "CREATE TABLE bare (); CREATE TABLE void (a text, b integer); INSERT INTO bare DEFAULT VALUES;
         CREATE TABLE nothing (a text, b integer, c date);
         INSERT INTO nothing SELECT NULL, NULL, NULL FROM generate_series(1, 100);
         CREATE TABLE odd (a integer[], b point, c json, d xml, e interval, f bytea, g inet,
             h timestamptz, i date, j float8, k uuid, l \"char\", m citizen.mood);
         CREATE TABLE parted (a integer, b text) PARTITION BY HASH (a);
         CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO parted SELECT i, CASE WHEN i % 50 = 7 THEN ' x' ELSE 'x' END
             FROM generate_series(1, 200) i;
         CREATE MATERIALIZED VIEW stored AS SELECT * FROM parted"
            .replace("citizen.mood", "text")
            .as_str(),
    );
    session.run(
        "INSERT INTO odd SELECT '{1}', '(1,2)', '{}', '<a/>', '1 day', 'x', '::1', 'infinity', '-infinity',
             'NaN', gen_random_uuid(), 'c', 'm' FROM generate_series(1, 50)",
    );
    for (source, expected) in [("bare", "0"), ("void", "0"), ("nothing", "3")] {
        let count = format!("SELECT count(*) FROM crm_ai.findings('{source}')");
        assert_eq!(session.value(&count), expected, "{source}");
    }
    session.run("SELECT * FROM crm_ai.findings('odd'); SELECT crm_ai.suggest_checks('odd')");
    for source in ["parted", "stored"] {
        assert!(told(&mut session, source).contains(&"stray_space {b} 4".to_owned()), "{source}");
    }
    let keys = "SELECT string_agg(DISTINCT e->>'tableoid', ' ' ORDER BY e->>'tableoid')
        FROM crm_ai.findings('parted') f, jsonb_array_elements(f.examples) e WHERE code = 'stray_space'";
    assert_eq!(session.value(keys), "parted_0 parted_1");
    session.fails_with("42P01", "SELECT * FROM crm_ai.findings(1)");
    session.fails_with("22004", "SELECT * FROM crm_ai.findings(NULL)");
    session.fails_with("22023", "SELECT * FROM crm_ai.findings('void', 0)").expect_hint();
    session.run("CREATE SEQUENCE s");
    session.fails_with("42809", "SELECT * FROM crm_ai.findings('s')");
}

#[test]
fn samples_are_even_and_the_same_each_time() {
    let mut session = shared().database("samples");
    session.run(
        "CREATE TABLE many AS SELECT i AS n, CASE WHEN i % 10 = 0 THEN ' x' ELSE 'x' END AS label
             FROM generate_series(1, 20000) i;
         CREATE VIEW many_seen AS SELECT * FROM many",
    );
    for source in ["many", "many_seen"] {
        let call = format!(
            "SELECT rows || ' ' || round(share::numeric, 1) FROM crm_ai.findings('{source}', 2000)
             WHERE code = 'stray_space'"
        );
        let first = session.value(&call);
        assert_eq!(session.value(&call), first);
        assert!(first.ends_with(" 0.1"), "{source}: {first}");
    }
}

#[test]
fn rows_are_those_that_the_caller_may_see() {
    let mut owner = shared().database("rows_seen");
    owner.run(ORDERS);
    owner.run(
        "DROP ROLE IF EXISTS finder; CREATE ROLE finder LOGIN;
         ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
         CREATE POLICY few ON orders USING (id <= 40); GRANT SELECT ON orders TO finder",
    );
    let all =
        owner.value("SELECT count(*) FROM crm_ai.findings('orders') WHERE severity = 'error'");
    owner.run("SET ROLE finder");
    let few =
        owner.value("SELECT count(*) FROM crm_ai.findings('orders') WHERE severity = 'error'");
    assert!(all != "0" && few == "0", "{all} {few}");
    owner.run("RESET ROLE; REVOKE SELECT ON orders FROM finder; SET ROLE finder");
    owner.fails_with("42501", "SELECT * FROM crm_ai.findings('orders')");
    owner.run("RESET ROLE; DROP OWNED BY finder; DROP ROLE finder");
}

#[test]
fn long_values_and_long_work_can_be_cancelled() {
    let mut session = shared().database("lengths");
    session.run(
        "CREATE TABLE long AS SELECT i AS id, repeat('lorem ipsum ', 900000) || i AS body
             FROM generate_series(1, 3) i;
         CREATE TABLE wide AS SELECT i AS id, md5(i::text) AS a, md5((i * 7)::text) AS b,
             'word ' || i || ' of ' || i * 3 AS c, i % 1000 AS d, i % 77 AS e
             FROM generate_series(1, 400000) i",
    );
    session.run("SELECT * FROM crm_ai.findings('long')");
    session.run("SET statement_timeout = '700ms'");
    let start = Instant::now();
    session.fails_with("57014", "SELECT * FROM crm_ai.findings('wide')");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn findings_are_told_on_a_standby() {
    let primary = Cluster::new(&[]);
    primary.session().run(ORDERS);
    let (standby, _) = primary.standby();
    let mut session = standby.session();
    assert!(told(&mut session, "orders").contains(&"negative_value {price} 1".to_owned()));
    assert!(session.value("SELECT crm_ai.suggest_checks('orders')").contains("NOT VALID"));
}
