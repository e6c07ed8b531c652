//! Attempts to get round the rights.

use super::{EVERYONE, REFUSED, Roles};
use crm_ai_integration::cluster::shared;
use crm_ai_integration::tiny_model;

#[test]
fn settings_are_the_administrators() {
    let cluster = shared();
    let mut roles = Roles::new(&cluster, "configuring");
    roles.check(&["admin", "superuser"], "SET crm_ai.max_text_bytes = 1000");
    for session in roles.sessions() {
        session.run("SET crm_ai.timeout = '10s'; RESET crm_ai.timeout");
        session.fails_with("55P02", "SET crm_ai.engine_path = '/bin/sh'");
    }
    for role in ["plain", "user", "trainer"] {
        roles.of(role).fails_with(REFUSED, "ALTER SYSTEM SET crm_ai.threads = 2");
    }
    for act in ["SET crm_ai.threads = 2", "RESET crm_ai.threads"] {
        roles.of("admin").run(&format!("ALTER SYSTEM {act}"));
    }
    // Whoever names the program runs it as the server: for superusers alone.
    for setting in ["engine_path", "import_directory"] {
        let sql = format!("ALTER SYSTEM SET crm_ai.{setting} = '/nowhere'");
        for role in ["plain", "user", "trainer", "admin"] {
            roles.of(role).fails_with(REFUSED, &sql);
        }
    }
}

#[test]
fn a_model_is_granted_and_taken_back() {
    let cluster = shared();
    tiny_model::classifier(2).write(&cluster.imports().join("granting"));
    let mut roles = Roles::new(&cluster, "granting");
    roles.of("admin").run("SELECT crm_ai.import_model('topics', 'granting')");
    let owner = "SELECT owner FROM crm_ai.models WHERE name = 'topics'";
    assert_eq!(roles.of("admin").value(owner), "granting_admin");
    assert_eq!(roles.of("plain").try_value(owner), Ok(None));
    let classify = "SELECT crm_classify('topics', 'x')";
    roles.check(&["admin", "superuser"], classify);
    roles.of("admin").run("SELECT crm_ai.grant_model('topics', 'granting_plain')");
    roles.check(&["plain", "admin", "superuser"], classify);
    // Twice is once.
    roles.of("admin").run("SELECT crm_ai.grant_model('topics', 'granting_plain')");
    roles.of("admin").run("SELECT crm_ai.revoke_model('topics', 'granting_plain')");
    roles.check(&["admin", "superuser"], classify);
    roles.of("admin").run("SELECT crm_ai.grant_model('topics', 'crm_ai_user')");
    roles.check(&["user", "trainer", "admin", "table owner", "superuser"], classify);
    roles.of("admin").run("SELECT crm_ai.revoke_model('topics', 'crm_ai_user')");
    roles.of("admin").run("SELECT crm_ai.grant_model('topics', 'PUBLIC')");
    roles.check(&EVERYONE, classify);
    roles.of("admin").run("SELECT crm_ai.revoke_model('topics', 'public')");
    roles.check(&["admin", "superuser"], classify);
    let refusal = roles.of("plain").fails_with(REFUSED, classify);
    refusal.expect_hint().expect_message("topics");
    for undefined in [
        "SELECT crm_ai.grant_model('topics', 'nobody_of_that_name')",
        "SELECT crm_ai.grant_model('nobody', 'granting_plain')",
        "SELECT crm_ai.revoke_model('topics', 'granting_plain')",
        "SELECT crm_ai.revoke_model('topics', 'public')",
    ] {
        roles.of("admin").fails_with("42704", undefined);
    }
    // A function lends the rights of its owner, and SET ROLE takes those of its role.
    roles.of("superuser").run(
        "CREATE FUNCTION lend(body text) RETURNS text LANGUAGE sql SECURITY DEFINER
             SET search_path = public, pg_temp AS $$ SELECT crm_classify('topics', body) $$;
         ALTER FUNCTION lend OWNER TO granting_admin",
    );
    assert!(!roles.of("plain").value("SELECT lend('x')").is_empty());
    roles.of("superuser").run("SET ROLE granting_plain");
    roles.of("superuser").fails_with(REFUSED, classify);
    roles.of("superuser").run("RESET ROLE");
    assert!(!roles.of("superuser").value(classify).is_empty());
}

#[test]
fn a_hostile_search_path_hijacks_nothing() {
    let cluster = shared();
    tiny_model::classifier(3).write(&cluster.imports().join("hostile"));
    let mut roles = Roles::new(&cluster, "hostile");
    roles.of("superuser").run(
        "SELECT crm_ai.import_model('secret', 'hostile');
         CREATE SCHEMA evil AUTHORIZATION hostile_trainer",
    );
    let trainer = roles.of("trainer");
    trainer.run(
        "CREATE TABLE evil.trace (who name);
         GRANT ALL ON SCHEMA evil TO PUBLIC; GRANT ALL ON evil.trace TO PUBLIC;
         CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.yes(integer, integer) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.pg_has_role(oid, regrole, text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE FUNCTION evil.pg_has_role(oid, text, text) RETURNS boolean LANGUAGE plpgsql AS
             'BEGIN INSERT INTO evil.trace VALUES (current_user); RETURN true; END';
         CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
         CREATE OPERATOR evil.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.yes);
         CREATE OPERATOR evil.> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = evil.yes);
         CREATE VIEW evil.pg_roles AS SELECT 10::oid AS oid, 'x'::name AS rolname;
         CREATE TEMP TABLE pg_roles (oid oid, rolname name);
         SET search_path = pg_temp, evil, pg_catalog, public",
    );
    for refused in [
        "crm_classify('secret', 'x')",
        "crm_classify_detail('secret@1', 'x')",
        "crm_ai.promote('secret', 1)",
        "crm_ai.drop_model('secret')",
        "crm_ai.grant_model('secret', 'hostile_trainer')",
    ] {
        trainer.fails_with(REFUSED, &format!("SELECT {refused}"));
    }
    trainer.run("SET crm_ai.sentiment_model = 'secret'");
    trainer.fails_with(REFUSED, "SELECT crm_sentiment('x')");
    trainer.run("RESET crm_ai.sentiment_model");
    assert_eq!(trainer.value("SELECT crm_sentiment('great product')"), "positive");
    assert_eq!(trainer.value("SELECT count(*) FROM crm_ai.models"), "2");
    assert_eq!(trainer.value("SELECT engine_up FROM crm_ai.status"), "t");
    let owner = roles.of("superuser");
    owner.run(
        "SET search_path = evil, pg_catalog, public;
         SELECT crm_ai.promote('secret', 1); SELECT crm_classify('secret', 'x');
         SELECT crm_ai.grant_model('secret', 'hostile_plain'); SELECT crm_ai.drop_model('secret');
         RESET search_path",
    );
    assert_eq!(owner.value("SELECT count(*) FROM evil.trace"), "0");
}
