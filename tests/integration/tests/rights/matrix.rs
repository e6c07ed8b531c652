//! The tables of `docs/rights.md`, run as every role and compared with the catalog.

use super::{EVERYONE, Roles};
use crm_ai_integration::cluster::shared;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../../docs/rights.md");

/// A line of the tables.
struct Line {
    object: &'static str,
    statement: &'static str,
    allowed: Vec<&'static str>,
}

/// The lines with three cells, whose first names an object of the extension.
fn lines() -> Vec<Line> {
    let cells = |line: &'static str| -> Option<[&'static str; 3]> {
        let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
        inner.split(" | ").collect::<Vec<_>>().try_into().ok()
    };
    let roles = |cell: &'static str| match cell {
        "everyone" => EVERYONE.to_vec(),
        listed => listed.split(", ").collect(),
    };
    DOCUMENT
        .lines()
        .filter_map(cells)
        .filter(|[object, ..]| object.starts_with("crm_"))
        .map(|[object, statement, allowed]| Line { object, statement, allowed: roles(allowed) })
        .collect()
}

/// The models and tables that the document describes.
fn prepare(roles: &mut Roles) {
    roles.of("superuser").run(
        "SELECT crm_ai.import_model('secret', 'rights');
         SELECT crm_ai.import_model('own', 'rights');
         UPDATE crm_ai.model SET owner = 'rights_trainer' WHERE name = 'own';
         CREATE SCHEMA shop AUTHORIZATION rights_table_owner;
         GRANT USAGE ON SCHEMA shop TO PUBLIC;
         SET ROLE rights_table_owner;
         CREATE TABLE shop.customers (id integer PRIMARY KEY, body text, label text);
         CREATE TABLE shop.salaries (LIKE shop.customers INCLUDING ALL);
         INSERT INTO shop.customers VALUES (1, ' x ', 'a');
         GRANT SELECT ON shop.customers TO PUBLIC;
         SELECT crm_ai.clean_table('shop.customers', 'shop.customers');
         RESET ROLE",
    );
}

/// Functions, views, tables, sequences and the schema of the extension.
fn objects(session: &mut Session) -> BTreeSet<String> {
    let members = "FROM pg_depend d JOIN pg_extension e ON refobjid = e.oid AND extname = 'crm_ai'
         WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'";
    let named = "CASE n.nspname WHEN 'crm_ai' THEN 'crm_ai.' ELSE '' END";
    session
        .column(&format!(
            "SELECT {named} || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
             WHERE p.oid IN (SELECT objid {members} AND classid = 'pg_proc'::regclass)
             UNION
             SELECT {named} || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
             WHERE relkind IN ('r', 'v', 'S', 'm', 'p', 'f')
             AND c.oid IN (SELECT objid {members} AND classid = 'pg_class'::regclass)
             UNION
             SELECT nspname FROM pg_namespace
             WHERE oid IN (SELECT objid {members} AND classid = 'pg_namespace'::regclass)"
        ))
        .into_iter()
        .collect()
}

#[test]
fn every_object_as_every_role() {
    let cluster = shared();
    tiny_model::classifier(1).write(&cluster.imports().join("rights"));
    let mut roles = Roles::new(&cluster, "rights");
    prepare(&mut roles);
    let lines = lines();
    let listed: BTreeSet<String> = lines.iter().map(|line| line.object.to_owned()).collect();
    let existing = objects(roles.of("superuser"));
    assert_eq!(listed, existing, "docs/rights.md and the catalog");
    let differences: Vec<String> =
        lines.iter().flat_map(|line| roles.differences(&line.allowed, line.statement)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
