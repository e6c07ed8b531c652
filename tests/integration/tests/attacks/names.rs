//! Operators and functions planted where a name of ours might be looked up.

use super::{assert_mallory_has_gained_nothing, lay_trap, make_mallory};
use crm_ai_integration::Cluster;
use crm_ai_integration::process::wait_until;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Operators and functions that are nearer to the arguments of ours than the server's own are.
const PLANTED: &str = "
    CREATE FUNCTION public.plant(oid, integer) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 <> $2::oid; END';
    CREATE OPERATOR public.<> (LEFTARG = oid, RIGHTARG = integer, FUNCTION = public.plant);
    CREATE FUNCTION public.plant_equal(oid, integer) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 = $2::oid; END';
    CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = integer, FUNCTION = public.plant_equal);
    CREATE FUNCTION public.plant_text(text, integer) RETURNS text LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 || $2::text; END';
    CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = public.plant_text);
    CREATE FUNCTION public.plant_contains(text[], text[]) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 OPERATOR(pg_catalog.@>) $2; END';
    CREATE OPERATOR public.@> (LEFTARG = text[], RIGHTARG = text[],
        FUNCTION = public.plant_contains);
    CREATE FUNCTION public.plant_time(timestamptz, timestamptz) RETURNS interval LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN $1 OPERATOR(pg_catalog.-) $2; END';
    CREATE OPERATOR public.- (LEFTARG = timestamptz, RIGHTARG = timestamptz,
        FUNCTION = public.plant_time);
    CREATE FUNCTION public.pg_has_role(regrole, text) RETURNS boolean LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN true; END';
    CREATE FUNCTION public.jsonb_build_object(text, text, text, text, text, integer, text, float8,
        text, float8, text, integer, text, text, text, boolean, text, text)
        RETURNS jsonb LANGUAGE plpgsql AS
        'BEGIN PERFORM public.take_over(); RETURN NULL; END'";

/// The census reads the registered databases as the bootstrap superuser in database `postgres`.
#[test]
fn an_operator_in_public_of_database_postgres_does_not_reach_the_census() {
    let cluster = Cluster::bare(&["shared_preload_libraries = 'crm_ai'"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run(
        "GRANT CREATE ON SCHEMA public TO mallory;
         ALTER DATABASE postgres SET crm_ai.scheduler = 'on';
         ALTER DATABASE postgres SET search_path = public, pg_catalog",
    );
    let mut mallory = cluster.connect("mallory", "postgres");
    lay_trap(&mut mallory);
    mallory.run(PLANTED);
    // The census comes after a start and after each reload.
    cluster.stop(crm_ai_integration::Stop::Fast);
    cluster.start();
    let mut owner = cluster.session();
    for _ in 0..2 {
        owner.run("SELECT pg_reload_conf()");
        std::thread::sleep(Duration::from_secs(2));
    }
    assert_mallory_has_gained_nothing(&mut owner);
}

/// Whoever owns the target schema could have made what the install script means.
#[test]
fn what_was_planted_before_create_extension_is_not_bound() {
    let cluster = Cluster::bare(&["shared_preload_libraries = 'crm_ai'"]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run("CREATE DATABASE crm OWNER mallory");
    let mut mallory = cluster.connect("mallory", "crm");
    lay_trap(&mut mallory);
    mallory.run(PLANTED);
    mallory.run("ALTER DATABASE crm SET search_path = public, pg_catalog");
    let mut owner = cluster.connect("postgres", "crm");
    owner.run(
        "CREATE EXTENSION crm_ai;
         TABLE crm_ai.versions; TABLE crm_ai.models; TABLE crm_ai.deployments; TABLE crm_ai.status;
         TABLE crm_ai.runs; TABLE crm_ai.schedules; TABLE crm_ai.run_metrics;
         CREATE TABLE note (id int PRIMARY KEY, body text, label text, mood text);
         INSERT INTO note SELECT i, format('text %s', i), format('label %s', i % 2), NULL
             FROM generate_series(1, 20) i;
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         SELECT crm_ai.train_table('m', 'note', 'label')",
    );
    wait_until("the watch has done its work", LIMIT, || {
        owner.value("SELECT count(mood) FROM note") == "20"
    });
    owner.run("SELECT crm_ai.wait(1); TABLE crm_ai.watches; TABLE crm_ai.watch_errors");
    owner.run("SELECT crm_clean_row('{\"a\": \"b\"}')");
    assert_mallory_has_gained_nothing(&mut owner);
    assert_eq!(owner.rows(FOREIGN), Vec::<Vec<Option<String>>>::new());
}

/// Functions and operators that anything of the extension depends on, other than its own. Those of
/// `pg_catalog` that initdb made are not recorded as dependencies.
const FOREIGN: &str = "
    WITH member AS (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'crm_ai'),
    part AS (
        SELECT classid, objid FROM member
        UNION SELECT d.classid, d.objid FROM pg_depend d JOIN member m
            ON m.classid = d.refclassid AND m.objid = d.refobjid AND d.deptype IN ('i', 'a'))
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid),
        pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM pg_depend d JOIN part p ON p.classid = d.classid AND p.objid = d.objid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass)
        AND (d.refclassid, d.refobjid) NOT IN (SELECT classid, objid FROM member)";

/// A function in SQL must be bound when it is made, or look names up in `pg_catalog`; none lends the
/// rights of its owner.
#[test]
fn functions_look_names_up_in_pg_catalog() {
    let mut session = crm_ai_integration::cluster::shared().session();
    let loose = "
        SELECT p.oid::regprocedure FROM pg_proc p
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crm_ai'
        JOIN pg_language l ON l.oid = p.prolang
        WHERE p.prosecdef OR NOT (
            l.lanname = 'c' OR p.prosqlbody IS NOT NULL
            OR 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}')))";
    assert_eq!(session.column(loose), Vec::<String>::new());
    assert_eq!(session.rows(FOREIGN), Vec::<Vec<Option<String>>>::new());
    // Nothing unqualified in the script has landed among the server's own.
    let strays = "
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crm_ai'
        WHERE d.deptype = 'e' AND (
            EXISTS (SELECT FROM pg_proc p WHERE d.classid = 'pg_proc'::regclass
                AND p.oid = d.objid AND p.pronamespace = 'pg_catalog'::regnamespace)
            OR EXISTS (SELECT FROM pg_type t WHERE d.classid = 'pg_type'::regclass
                AND t.oid = d.objid AND t.typnamespace = 'pg_catalog'::regnamespace))";
    assert_eq!(session.column(strays), Vec::<String>::new());
}

/// A role that may create schemas makes ours before the extension does.
#[test]
fn a_schema_of_our_name_that_is_somebodys_is_refused() {
    let cluster = Cluster::bare(&[]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run("GRANT CREATE ON DATABASE postgres TO mallory");
    cluster.connect("mallory", "postgres").run(
        "CREATE SCHEMA crm_ai;
         CREATE TABLE crm_ai.model (name text)",
    );
    owner.fails_with("55000", "CREATE EXTENSION crm_ai");
}

/// What ALTER DEFAULT PRIVILEGES of the installing role opens.
#[test]
fn default_privileges_do_not_open_the_registry() {
    let cluster = Cluster::bare(&[]);
    let mut owner = cluster.session();
    make_mallory(&mut owner, &[]);
    owner.run(
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory, PUBLIC;
         ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC;
         ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO mallory;
         CREATE EXTENSION crm_ai",
    );
    let mut mallory = cluster.connect("mallory", "postgres");
    for table in owner.column(
        "SELECT relname FROM pg_class WHERE relnamespace = 'crm_ai'::regnamespace
             AND relkind IN ('r', 'S')",
    ) {
        mallory.fails_with("42501", &format!("SELECT * FROM crm_ai.{table}"));
    }
    mallory.fails_with("42501", "SELECT crm_ai.import_model('a', 'b')");
    mallory.run("TABLE crm_ai.models");
}
