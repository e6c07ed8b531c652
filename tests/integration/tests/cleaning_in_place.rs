//! Tables cleaned where they are, and the undoing of it.

use crm_ai_integration::cluster::shared;
use crm_ai_integration::installation::run;
use crm_ai_integration::session::Session;
use crm_ai_integration::workplace;

const CLEAN: &str = "SELECT (crm_ai.clean_table('customer', 'customer',
    columns => '{\"email\": \"email\", \"phone\": \"phone:US\", \"note\": \"text\"}',
    required => '{email}', distinct_on => '{email}')).kept";

/// Customers of whom two are rejected and two are changed.
fn customers(session: &mut Session) {
    session.run(
        "CREATE TABLE customer (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             email text, phone varchar(14) NOT NULL, note char(9), amount numeric,
             twice numeric GENERATED ALWAYS AS (amount * 2) STORED);
         INSERT INTO customer (email, phone, note, amount) VALUES
             ('Ann@EXAMPLE.com', '650-253-0000', ' a  b', 1.50),
             ('Ann@example.com', '650-253-0001', NULL, 2),
             (NULL, '650-253-0002', ' x', 'NaN'),
             ('bob@example.com', 'call me', 'c', NULL)",
    );
}

fn all(session: &mut Session) -> Vec<String> {
    session.column("SELECT customer::text FROM customer ORDER BY id")
}

#[test]
fn what_was_cleaned_in_place_comes_back() {
    let mut session = shared().database("inplace");
    customers(&mut session);
    let before = all(&mut session);
    assert_eq!(session.value(CLEAN), "2");
    let after = [
        "(1,Ann@example.com,+16502530000,\"a b      \",1.50,3.00)",
        // NOT NULL: what cannot be read stays.
        "(4,bob@example.com,\"call me\",\"c        \",,)",
    ];
    assert_eq!(all(&mut session), after);
    // What is recorded is not thrown away by a second call.
    session.fails_with("42P07", CLEAN).expect_hint();
    let undone = session.value(
        "SELECT u.restored || ' ' || u.conflicts
                                FROM crm_ai.undo_clean('customer') u",
    );
    assert_eq!(undone, "5 0");
    assert_eq!(all(&mut session), before);
    session.fails_with("55000", "SELECT crm_ai.undo_clean('customer')").expect_hint();
    assert_eq!(session.value(CLEAN), "2");
}

#[test]
fn what_was_changed_since_is_told_and_stays() {
    let mut session = shared().database("changedsince");
    customers(&mut session);
    session.run(CLEAN);
    session.run(
        "UPDATE customer SET note = 'mine' WHERE id = 1;
         INSERT INTO customer (id, email, phone) OVERRIDING SYSTEM VALUE VALUES (2, 'new', '1')",
    );
    let report = session.value("SELECT to_jsonb(u) FROM crm_ai.undo_clean('customer') u");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["restored"], &report["conflicts"]), (&3.into(), &2.into()));
    let conflict = &report["examples"]["changed_since"][0];
    assert_eq!((&conflict["column_name"], &conflict["before"]), (&"note".into(), &" a  b".into()));
    assert_eq!(report["examples"]["rows_not_back"][0]["id"], 2);
    assert_eq!(session.value("SELECT note FROM customer WHERE id = 1").trim_end(), "mine");
    assert_eq!(session.value("SELECT phone FROM customer WHERE id = 1"), "650-253-0000");
    assert_eq!(session.value("SELECT email FROM customer WHERE id = 2"), "new");
    // What could not come back is still recorded, and comes back when its place is free again.
    session.run("DELETE FROM customer WHERE id = 2; UPDATE customer SET note = 'a b' WHERE id = 1");
    assert_eq!(session.value("SELECT (crm_ai.undo_clean('customer')).conflicts"), "0");
    assert_eq!(session.value("SELECT count(*) FROM customer"), "4");
}

#[test]
fn rows_of_other_tables_are_never_deleted_along() {
    let mut session = shared().database("followers");
    customers(&mut session);
    session.run(
        "CREATE TABLE invoice (customer integer REFERENCES customer ON DELETE CASCADE);
         INSERT INTO invoice VALUES (2)",
    );
    session.fails_with("55000", CLEAN).expect_message("invoice").expect_hint();
    assert_eq!(session.value("SELECT count(*) FROM customer"), "4");
    session.run("SELECT crm_ai.clean_table('customer', 'customer')");
    assert_eq!(session.value("SELECT count(*) FROM invoice"), "1");
}

#[test]
fn a_row_that_cannot_be_changed_stops_it_all() {
    let mut session = shared().database("stubborn");
    customers(&mut session);
    session.run(
        "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER stay BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION stay()",
    );
    session.fails_with("55000", CLEAN).expect_hint();
    assert_eq!(session.value("SELECT count(*) FROM customer"), "4");
    assert_eq!(
        session.value(
            "SELECT count(*) FROM pg_class WHERE relname ~ '^customer_'
                              AND relkind = 'r'"
        ),
        "0"
    );
}

#[test]
fn others_wait_with_their_changes() {
    let cluster = shared();
    let mut session = cluster.database("waiting");
    customers(&mut session);
    session.run("BEGIN");
    session.run(CLEAN);
    let mut other = cluster.connect("postgres", "waiting");
    other.run("SET lock_timeout = '200ms'");
    assert_eq!(other.value("SELECT count(*) FROM customer"), "4");
    other.fails_with("55P03", "UPDATE customer SET note = 'x'");
    session.run("ROLLBACK");
    other.run("UPDATE customer SET note = 'x'");
}

#[test]
fn a_dump_carries_what_undo_needs() {
    let cluster = shared();
    let mut session = cluster.database("undodump");
    customers(&mut session);
    let before = all(&mut session);
    session.run(CLEAN);
    let file = workplace::new_directory("dump").join("clean.sql");
    run(cluster.client_program("pg_dump").arg("--file").arg(&file).arg("undodump"));
    cluster.session().run("CREATE DATABASE undodump_new TEMPLATE template0");
    run(cluster
        .client_program("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=undodump_new"])
        .arg("--file")
        .arg(&file));
    let mut restored = cluster.connect("postgres", "undodump_new");
    assert_eq!(restored.value("SELECT (crm_ai.undo_clean('customer')).conflicts"), "0");
    assert_eq!(all(&mut restored), before);
}
