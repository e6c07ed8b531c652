//! Code of a table's owner, which runs where a superuser writes the table.

use super::{assert_mallory_has_gained_nothing, assert_the_trap_works, lay_trap, make_mallory};
use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::Session;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A table of mallory's whose triggers run mallory's code, at once and at the end of the
/// transaction, and which try to leave settings behind.
const TABLE: &str = "
    CREATE TABLE customer (id int PRIMARY KEY, email text, body text, mood text);
    INSERT INTO customer VALUES (1, ' ANN@EXAMPLE.COM', 'great product', NULL),
        (2, 'x', 'awful product', NULL), (3, NULL, 'lovely product', NULL);
    CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $x$
        BEGIN
            PERFORM public.take_over();
            PERFORM set_config('search_path', 'public, pg_catalog', false);
            RETURN NEW;
        END $x$;
    CREATE FUNCTION spring_late() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN NULL; END';
    CREATE TRIGGER spring BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION spring();
    CREATE CONSTRAINT TRIGGER spring_late AFTER UPDATE OR DELETE ON customer
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spring_late();
    CREATE FUNCTION public.plant(oid, integer) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 <> $2::oid; END';
    CREATE OPERATOR public.<> (LEFTARG = oid, RIGHTARG = integer, FUNCTION = public.plant)";

fn trapped() -> (Cluster, Session, Session) {
    let cluster = Cluster::new(&["max_worker_processes = 16"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run("GRANT CREATE ON SCHEMA public TO mallory");
    let mut mallory = cluster.connect("mallory", "postgres");
    lay_trap(&mut mallory);
    mallory.run(TABLE);
    assert_the_trap_works(&mut owner, "UPDATE customer SET email = email WHERE id = 1");
    (cluster, owner, mallory)
}

#[test]
fn a_superusers_watch_runs_triggers_as_the_tables_owner() {
    let (_cluster, mut owner, mut mallory) = trapped();
    owner.run("SELECT crm_ai.watch('customer', 'body', 'sentiment', 'mood')");
    wait_until("the watch has written", LIMIT, || {
        owner.value("SELECT count(mood) FROM customer") == "3"
    });
    assert_eq!(owner.value("SELECT count(*) > 0 FROM trace WHERE who = 'mallory'"), "t");
    assert_mallory_has_gained_nothing(&mut owner);
    // Looked at again at each batch: another owner's triggers run as that one.
    owner.run("CREATE ROLE other; GRANT CREATE ON SCHEMA public TO other");
    mallory.run("TRUNCATE trace");
    owner.run(
        "ALTER TABLE customer OWNER TO other; GRANT ALL ON customer TO mallory;
         UPDATE customer SET mood = NULL, body = 'a great product'",
    );
    owner.run("TRUNCATE trace");
    wait_until("the watch has written again", LIMIT, || {
        owner.value("SELECT count(mood) FROM customer") == "3"
    });
    let others = "SELECT string_agg(DISTINCT who, ',') FROM trace";
    assert_eq!(owner.value(others), "other");
}

#[test]
fn a_superusers_cleaning_in_place_runs_triggers_as_the_tables_owner() {
    let (_cluster, mut owner, _) = trapped();
    owner.run("TRUNCATE trace");
    let kinds = "'{\"email\": \"email\"}'";
    owner.run("BEGIN");
    owner.run(&format!(
        "SELECT crm_ai.clean_table('customer', 'customer', {kinds}, required => '{{email}}')"
    ));
    owner.run("COMMIT");
    let left = "SELECT string_agg(id || ' ' || email, ', ') FROM customer";
    assert_eq!(owner.value(left), "1 ANN@example.com");
    assert_eq!(owner.value("SELECT count(*) > 0 FROM trace WHERE who = 'mallory'"), "t");
    assert_mallory_has_gained_nothing(&mut owner);
    let owners = "SELECT string_agg(DISTINCT tableowner, ',') FROM pg_tables
                  WHERE tablename LIKE 'customer_%'";
    assert_eq!(owner.value(owners), "mallory");
    owner.run("BEGIN");
    assert_eq!(owner.value("SELECT (crm_ai.undo_clean('customer')).restored"), "3");
    owner.run("COMMIT");
    assert_eq!(owner.value("SELECT count(*) FROM customer WHERE email = ' ANN@EXAMPLE.COM'"), "1");
    assert_mallory_has_gained_nothing(&mut owner);
    assert_eq!(owner.value("SELECT current_setting('search_path')"), "\"$user\", public");
}

/// Deferred again by its own code, a trigger would run at the end with the superuser's rights.
#[test]
fn a_trigger_that_defers_others_is_refused() {
    let (_cluster, mut owner, mut mallory) = trapped();
    mallory.run(
        "CREATE OR REPLACE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN SET CONSTRAINTS ALL DEFERRED; RETURN NEW; END'; TRUNCATE trace",
    );
    let kinds = "'{\"email\": \"email\"}'";
    owner.fails_with(
        "42501",
        &format!("SELECT crm_ai.clean_table('customer', 'customer', {kinds})"),
    );
    owner.run("SELECT crm_ai.watch('customer', 'body', 'sentiment', 'mood')");
    wait_until("the watch has failed", LIMIT, || {
        owner.value("SELECT count(*) FROM crm_ai.watches WHERE error_state = '42501'") == "1"
    });
    assert_mallory_has_gained_nothing(&mut owner);
}

/// A trigger that is deferred by somebody else's statement before runs as that one.
#[test]
fn triggers_that_wait_run_before_the_role_is_changed() {
    let (_cluster, mut owner, _) = trapped();
    owner.run(
        "CREATE TABLE own (id int PRIMARY KEY, who name);
         CREATE FUNCTION note_who() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN UPDATE own SET who = current_user; RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON own DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION note_who();
         TRUNCATE trace; BEGIN; INSERT INTO own VALUES (1)",
    );
    owner.run("SELECT crm_ai.clean_table('customer', 'customer', '{\"email\": \"email\"}')");
    owner.run("COMMIT");
    assert_eq!(owner.value("SELECT who FROM own"), "postgres");
    assert_mallory_has_gained_nothing(&mut owner);
}

/// A role that has grants on the table, and may not become its owner, writes it as itself.
#[test]
fn a_role_with_grants_writes_as_itself() {
    let (cluster, mut owner, mut mallory) = trapped();
    owner.run("CREATE ROLE clerk LOGIN; GRANT crm_ai_user TO clerk; TRUNCATE trace");
    mallory.run("GRANT SELECT, UPDATE, TRIGGER ON customer TO clerk");
    let mut clerk = cluster.connect("clerk", "postgres");
    clerk.run("SELECT crm_ai.watch('customer', 'body', 'sentiment', 'mood')");
    wait_until("the watch has written", LIMIT, || {
        owner.value("SELECT count(mood) FROM customer") == "3"
    });
    assert_eq!(owner.value("SELECT string_agg(DISTINCT who, ',') FROM trace"), "clerk");
    // Without the grant it fails as the clerk would, and the owner's rights are not lent.
    mallory.run("REVOKE UPDATE ON customer FROM clerk");
    owner.run("UPDATE customer SET mood = NULL, body = body || '!'");
    wait_until("the watch has failed", LIMIT, || {
        owner.value("SELECT count(*) FROM crm_ai.watches WHERE error_state = '42501'") == "1"
    });
    assert_eq!(owner.value("SELECT count(mood) FROM customer"), "0");
}

/// Companions that somebody else has put there: a view with a comment like ours, and tables.
#[test]
fn undo_trusts_no_companion_of_somebody_else() {
    let cluster = Cluster::new(&[]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run(
        "GRANT CREATE ON SCHEMA public TO mallory;
         CREATE ROLE keeper; CREATE TABLE customer (id int PRIMARY KEY, email text);
         ALTER TABLE customer OWNER TO keeper; INSERT INTO customer VALUES (1, 'x')",
    );
    let mut mallory = cluster.connect("mallory", "postgres");
    lay_trap(&mut mallory);
    let comment = "IS 'crm_ai.clean_table in place: rejected rows of public.customer'";
    mallory.run(&format!(
        "CREATE FUNCTION spring() RETURNS jsonb LANGUAGE plpgsql AS
             'BEGIN PERFORM public.take_over(); RETURN ''{{}}''; END';
         CREATE VIEW customer_rejects AS SELECT 1::bigint AS source_row, spring() AS key,
             spring() AS record, 'invalid'::text AS reason;
         CREATE VIEW customer_changes AS SELECT 1::bigint AS source_row, spring() AS key,
             'email'::text AS column_name, 'y'::text AS before, 'x'::text AS after;
         COMMENT ON VIEW customer_rejects {comment}; COMMENT ON VIEW customer_changes {comment}"
    ));
    owner.fails_with("55000", "SELECT crm_ai.undo_clean('customer')");
    assert_mallory_has_gained_nothing(&mut owner);
    mallory.run(&format!(
        "DROP VIEW customer_rejects, customer_changes;
         CREATE TABLE customer_rejects (source_row bigint, key jsonb, record jsonb, reason text);
         CREATE TABLE customer_changes (source_row bigint, key jsonb, column_name text,
             before text, after text);
         INSERT INTO customer_changes VALUES (1, '{{\"id\": 1}}', 'email', 'y', 'x');
         COMMENT ON TABLE customer_rejects {comment}; COMMENT ON TABLE customer_changes {comment};
         CREATE FUNCTION spring_row() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM public.take_over(); RETURN OLD; END';
         CREATE TRIGGER spring BEFORE DELETE ON customer_changes FOR EACH ROW
             EXECUTE FUNCTION spring_row();
         GRANT ALL ON customer_rejects, customer_changes TO PUBLIC"
    ));
    owner.fails_with("42501", "SELECT crm_ai.undo_clean('customer')").expect_hint();
    assert_eq!(owner.value("SELECT email FROM customer"), "x");
    assert_mallory_has_gained_nothing(&mut owner);
}
