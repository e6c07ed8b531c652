//! Every function tried as every role, and attempts to get round the rights.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;
use std::collections::BTreeMap;

const REFUSED: &str = "42501";

/// Sessions of a plain role, a member of each of the extension's roles and a superuser, by the
/// letter that tables below use.
struct Roles {
    sessions: BTreeMap<char, Session>,
}

impl Roles {
    /// Makes a database, and roles whose names begin with its name.
    fn new(cluster: &Cluster, database: &str) -> Self {
        let mut owner = cluster.database(database);
        let mut sessions = BTreeMap::new();
        for (letter, role, group) in [
            ('p', "plain", None),
            ('u', "user", Some("crm_ai_user")),
            ('t', "trainer", Some("crm_ai_trainer")),
            ('a', "admin", Some("crm_ai_admin")),
        ] {
            let role = format!("{database}_{role}");
            owner.run(&format!("CREATE ROLE {role} LOGIN"));
            if let Some(group) = group {
                owner.run(&format!("GRANT {group} TO {role}"));
            }
            sessions.insert(letter, cluster.connect(&role, database));
        }
        sessions.insert('s', owner);
        Self { sessions }
    }

    fn of(&mut self, letter: char) -> &mut Session {
        self.sessions.get_mut(&letter).unwrap()
    }

    /// Tries a statement as each role, and takes it back; those in `allowed` may, all others get
    /// 42501. What is allowed may still fail for another reason.
    #[track_caller]
    fn check(&mut self, allowed: &str, sql: &str) {
        for (letter, session) in &mut self.sessions {
            session.run("BEGIN");
            let outcome = session.try_rows(sql);
            session.run("ROLLBACK");
            let refused = outcome.as_ref().is_err_and(|failure| failure.state == REFUSED);
            assert_eq!(!refused, allowed.contains(*letter), "{sql} as {letter}: {outcome:?}");
            if let Err(failure) = outcome {
                assert_ne!(failure.state, "XX000", "{sql} as {letter}: {failure:?}");
            }
        }
    }
}

/// What every role may do.
const EVERYONES: [&str; 11] = [
    "SELECT crm_sentiment('x'), crm_sentiment_score('x'), crm_sentiment_level('x')",
    "SELECT crm_sentiment_detail('x'), crm_sentiment_batch(ARRAY['x'])",
    "SELECT crm_classify('sentiment', 'x'), crm_classify_batch('sentiment@1', ARRAY['x'])",
    "SELECT crm_classify_detail('sentiment', 'x')",
    "SELECT crm_embed('x'), crm_embed_batch(ARRAY['x'])",
    "SELECT crm_predict('sentiment', NULL), crm_predict_batch('sentiment', '{}')",
    "SELECT crm_normalize_phone('1'), crm_normalize_phone('1', 'US'), crm_phone('1', 'US')",
    "SELECT crm_find_phones('1', 'US'), crm_phone_digits('1'), crm_clean_text('1')",
    "SELECT * FROM crm_ai.engine_stats(), crm_ai.status",
    "SELECT * FROM crm_ai.models, crm_ai.versions, crm_ai.deployments",
    "SELECT * FROM crm_ai.runs, crm_ai.run_metrics, crm_ai.schedules",
];

#[test]
fn every_function_as_every_role() {
    let cluster = shared();
    tiny_model::classifier(1).write(&cluster.imports().join("rights"));
    let mut roles = Roles::new(&cluster, "rights");
    roles.of('s').run(
        "SELECT crm_ai.import_model('secret', 'rights');
         SELECT crm_ai.import_model('trained', 'rights');
         UPDATE crm_ai.model SET owner = 'rights_trainer' WHERE name = 'trained'",
    );
    for everyone in EVERYONES {
        roles.check("putas", everyone);
    }
    roles.check("as", "SELECT crm_classify('secret', 'x')");
    roles.check("as", "SELECT crm_classify('secret@1', 'x')");
    roles.check("as", "SELECT crm_classify_batch('secret', ARRAY['x'])");
    roles.check("as", "SELECT crm_classify_detail('secret', 'x')");
    roles.check("as", "SELECT crm_predict('secret', '{}')");
    roles.check("tas", "SELECT crm_classify('trained', 'x')");
    roles.check("as", "SELECT crm_ai.import_model('another', 'rights')");
    roles.check("as", "SELECT crm_ai.import_model('secret', 'rights')");
    roles.check("as", "SELECT crm_ai.export_model('nobody', 'rights_out')");
    for act in [
        "promote('MODEL', 1)",
        "rollback('MODEL')",
        "drop_version('MODEL', 1)",
        "drop_model('MODEL')",
        "grant_model('MODEL', 'rights_plain')",
        "revoke_model('MODEL', 'rights_plain')",
    ] {
        let act = format!("SELECT crm_ai.{act}");
        roles.check("as", &act.replace("MODEL", "secret"));
        roles.check("as", &act.replace("MODEL", "sentiment"));
        roles.check("tas", &act.replace("MODEL", "trained"));
        roles.check("tas", &act.replace("MODEL", "nobody"));
    }
    let watch = "watch('pg_class', 'relname', 'sentiment', 'relname')";
    for act in [watch, "unwatch('pg_class', 'relname')"] {
        let outcome = roles.of('p').failure(&format!("SELECT crm_ai.{act}"));
        outcome.expect_state(REFUSED).expect_message("function");
    }
    roles.check("utas", "SELECT crm_ai.unwatch('pg_class', 'relname')");
    roles.check("putas", "SELECT * FROM crm_ai.watches, crm_ai.watch_errors");
    roles.check("s", "SELECT crm_ai.register_builtin('x', 1, 'y', '{}')");
}

#[test]
fn training_as_every_role() {
    let cluster = shared();
    tiny_model::classifier(1).write(&cluster.imports().join("training_rights"));
    let mut roles = Roles::new(&cluster, "training");
    roles.of('s').run(
        "SELECT crm_ai.import_model('secret', 'training_rights');
         SELECT crm_ai.import_model('trained', 'training_rights');
         UPDATE crm_ai.model SET owner = 'training_trainer' WHERE name = 'trained'",
    );
    roles
        .of('s')
        .run("CREATE TABLE labelled (body text, label text); GRANT SELECT ON labelled TO PUBLIC");
    for (model, allowed) in [("secret", "as"), ("trained", "tas"), ("fresh", "tas")] {
        let of = |call: &str| format!("SELECT crm_ai.{}", call.replace("MODEL", model));
        roles.check(allowed, &of("train('MODEL', 'labelled', 'body', 'label')"));
        roles.check(
            allowed,
            &of("schedule_retrain('MODEL', '@daily', 'labelled', 'body', 'label')"),
        );
    }
    roles.check(
        "tas",
        "SELECT crm_ai.train('mine', 'labelled', 'body', 'label', base => 'trained')",
    );
    roles.check("as", "SELECT crm_ai.train('mine', 'labelled', 'body', 'label', base => 'secret')");
    roles.check("tas", "SELECT crm_ai.evaluate('trained', 'labelled', 'body', 'label')");
    roles.check("as", "SELECT crm_ai.evaluate('secret', 'labelled', 'body', 'label')");
    roles.check("tas", "SELECT crm_ai.train_table('mine', 'labelled', 'label')");
    roles.check("as", "SELECT crm_ai.train_table('secret', 'labelled', 'label')");
    roles.check("tas", "SELECT crm_ai.schedule_retrain_table('m', '@daily', 'labelled', 'label')");
    roles.check("tas", "SELECT crm_ai.evaluate_table('trained', 'labelled', 'label')");
    for act in ["wait(1)", "cancel(1)", "unschedule(1)"] {
        roles.check("tas", &format!("SELECT crm_ai.{act}"));
    }
}

#[test]
fn the_registrys_tables_are_closed() {
    let cluster = shared();
    let mut roles = Roles::new(&cluster, "tables");
    for hidden in [
        "artifact",
        "artifact_chunk",
        "pending",
        "deployment",
        "model",
        "model_grant",
        "run",
        "run_cancel",
        "run_metric",
        "run_seen",
        "schedule",
        "version",
        "watch",
        "watch_error",
        "watch_state",
    ] {
        roles.check("s", &format!("SELECT * FROM crm_ai.{hidden}"));
    }
    for table in [
        "model",
        "version",
        "deployment",
        "model_grant",
        "artifact",
        "artifact_chunk",
        "pending",
        "watch",
        "watch_error",
        "watch_state",
        "run",
        "run_metric",
        "run_cancel",
        "run_seen",
        "schedule",
    ] {
        roles.check("s", &format!("DELETE FROM crm_ai.{table}"));
        roles.check("s", &format!("TRUNCATE crm_ai.{table} CASCADE"));
        roles.check(
            "s",
            &format!("INSERT INTO crm_ai.{table} SELECT * FROM crm_ai.{table} LIMIT 0"),
        );
        roles.check("s", &format!("LOCK TABLE crm_ai.{table} IN EXCLUSIVE MODE"));
    }
    roles.check("s", "UPDATE crm_ai.model SET owner = 'tables_plain'");
    roles.check("s", "UPDATE crm_ai.version SET sha256 = ''");
    roles.check("s", "SELECT nextval('crm_ai.deployment_id_seq')");
    roles.check("s", "CREATE TABLE crm_ai.intruder ()");
    roles.check("s", "CREATE FUNCTION crm_ai.intruder() RETURNS int LANGUAGE sql AS 'SELECT 1'");
}

#[test]
fn settings_are_the_administrators() {
    let cluster = shared();
    let mut roles = Roles::new(&cluster, "configuring");
    roles.check("as", "SET crm_ai.max_text_bytes = 1000");
    for session in roles.sessions.values_mut() {
        session.run("SET crm_ai.timeout = '10s'; RESET crm_ai.timeout");
        session.fails_with("55P02", "SET crm_ai.engine_path = '/bin/sh'");
    }
    for letter in ['p', 'u', 't'] {
        roles.of(letter).fails_with(REFUSED, "ALTER SYSTEM SET crm_ai.threads = 2");
    }
    for act in ["SET crm_ai.threads = 2", "RESET crm_ai.threads"] {
        roles.of('a').run(&format!("ALTER SYSTEM {act}"));
    }
    // Whoever names the program runs it as the server: for superusers alone.
    for setting in ["engine_path", "import_directory"] {
        let sql = format!("ALTER SYSTEM SET crm_ai.{setting} = '/nowhere'");
        for letter in ['p', 'u', 't', 'a'] {
            roles.of(letter).fails_with(REFUSED, &sql);
        }
    }
}

#[test]
fn a_model_is_granted_and_taken_back() {
    let cluster = shared();
    tiny_model::classifier(2).write(&cluster.imports().join("granting"));
    let mut roles = Roles::new(&cluster, "granting");
    roles.of('a').run("SELECT crm_ai.import_model('topics', 'granting')");
    let owner = "SELECT owner FROM crm_ai.models WHERE name = 'topics'";
    assert_eq!(roles.of('a').value(owner), "granting_admin");
    assert_eq!(roles.of('p').try_value(owner), Ok(None));
    let classify = "SELECT crm_classify('topics', 'x')";
    roles.check("as", classify);
    roles.of('a').run("SELECT crm_ai.grant_model('topics', 'granting_plain')");
    roles.check("pas", classify);
    // Twice is once.
    roles.of('a').run("SELECT crm_ai.grant_model('topics', 'granting_plain')");
    roles.of('a').run("SELECT crm_ai.revoke_model('topics', 'granting_plain')");
    roles.check("as", classify);
    roles.of('a').run("SELECT crm_ai.grant_model('topics', 'crm_ai_user')");
    roles.check("utas", classify);
    roles.of('a').run("SELECT crm_ai.revoke_model('topics', 'crm_ai_user')");
    roles.of('a').run("SELECT crm_ai.grant_model('topics', 'PUBLIC')");
    roles.check("putas", classify);
    roles.of('a').run("SELECT crm_ai.revoke_model('topics', 'public')");
    roles.check("as", classify);
    let refusal = roles.of('p').fails_with(REFUSED, classify);
    refusal.expect_hint().expect_message("topics");
    for undefined in [
        "SELECT crm_ai.grant_model('topics', 'nobody_of_that_name')",
        "SELECT crm_ai.grant_model('nobody', 'granting_plain')",
        "SELECT crm_ai.revoke_model('topics', 'granting_plain')",
        "SELECT crm_ai.revoke_model('topics', 'public')",
    ] {
        roles.of('a').fails_with("42704", undefined);
    }
    // A function lends the rights of its owner, and SET ROLE takes those of its role.
    roles.of('s').run(
        "CREATE FUNCTION lend(body text) RETURNS text LANGUAGE sql SECURITY DEFINER
             SET search_path = public, pg_temp AS $$ SELECT crm_classify('topics', body) $$;
         ALTER FUNCTION lend OWNER TO granting_admin",
    );
    assert!(!roles.of('p').value("SELECT lend('x')").is_empty());
    roles.of('s').run("SET ROLE granting_plain");
    roles.of('s').fails_with(REFUSED, classify);
    roles.of('s').run("RESET ROLE");
    assert!(!roles.of('s').value(classify).is_empty());
}

#[test]
fn a_hostile_search_path_hijacks_nothing() {
    let cluster = shared();
    tiny_model::classifier(3).write(&cluster.imports().join("hostile"));
    let mut roles = Roles::new(&cluster, "hostile");
    roles.of('s').run(
        "SELECT crm_ai.import_model('secret', 'hostile');
         CREATE SCHEMA evil AUTHORIZATION hostile_trainer",
    );
    let trainer = roles.of('t');
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
    let owner = roles.of('s');
    owner.run(
        "SET search_path = evil, pg_catalog, public;
         SELECT crm_ai.promote('secret', 1); SELECT crm_classify('secret', 'x');
         SELECT crm_ai.grant_model('secret', 'hostile_plain'); SELECT crm_ai.drop_model('secret');
         RESET search_path",
    );
    assert_eq!(owner.value("SELECT count(*) FROM evil.trace"), "0");
}
