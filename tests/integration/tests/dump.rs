//! A dump carries the registry: the restored database answers as the old one did.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::installation::run;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::{TinyModel, classifier};
use crm_ai_integration::{texts, workplace};

/// All that the two databases must agree on, in one text.
fn fingerprint(session: &mut Session) -> String {
    let texts = texts::messages(30);
    let answers = session
        .client()
        .query_one(
            "SELECT concat_ws(E'\\n',
                 (SELECT string_agg(crm_sentiment_score(t)::text, ',' ORDER BY t)
                  FROM unnest($1::text[]) t),
                 (SELECT string_agg(crm_classify('topics', t) || crm_classify('topics@1', t), ','
                  ORDER BY t) FROM unnest($1::text[]) t),
                 (SELECT crm_embed('x', 'large')::text))",
            &[&texts],
        )
        .unwrap()
        .get::<_, String>(0);
    let rows = session.column(
        "SELECT m::text FROM crm_ai.models m UNION ALL SELECT v::text FROM crm_ai.versions v
         UNION ALL SELECT d::text FROM crm_ai.deployments d WHERE d.id >= 1000
         UNION ALL SELECT concat(model, grantee) FROM crm_ai.model_grant
         UNION ALL SELECT concat(sha256, seq, md5(data)) FROM crm_ai.artifact_chunk ORDER BY 1",
    );
    // The built-in models were made when the extension was.
    let rows: Vec<String> = rows
        .into_iter()
        .filter(|row| !row.contains("minilm") && !row.contains("(sentiment"))
        .collect();
    format!("{answers}\n{}", rows.join("\n"))
}

/// A database with two imported models, the champion of one of which is its second version.
fn source(cluster: &Cluster, name: &str) -> Session {
    let mut session = cluster.database(name);
    for seed in 1..=3 {
        classifier(seed).write(&cluster.imports().join(format!("{name}{seed}")));
        session.run(&format!("SELECT crm_ai.import_model('topics', '{name}{seed}')"));
    }
    let large = TinyModel { labels: &[], spare_rows: 60_000, ..classifier(9) };
    large.write(&cluster.imports().join(format!("{name}_large")));
    session.run(&format!(
        "CREATE ROLE {name}_grantee;
         SELECT crm_ai.import_model('large', '{name}_large');
         SELECT crm_ai.promote('topics', 2); SELECT crm_ai.drop_version('topics', 3);
         SELECT crm_ai.grant_model('topics', '{name}_grantee');
         SELECT crm_ai.grant_model('topics', 'public');
         INSERT INTO crm_ai.run (model, kind, role, state, source, options, session, attempts,
             worker_pid, worker_started)
         SELECT 'topics', 'text', 'postgres', 'running', 'x', '{{}}', '{{}}', 3, pid, backend_start
         FROM pg_stat_activity WHERE pid = pg_backend_pid();
         INSERT INTO crm_ai.run_metric VALUES (1, 1, now(), 1, 1, 1, 1, 1);
         INSERT INTO crm_ai.run_seen VALUES ('topics', 1, '\\x0001020304050607');
         INSERT INTO crm_ai.schedule (model, kind, role, schedule, source, options, session,
             min_new_rows, keep_versions)
         VALUES ('topics', 'text', 'postgres', '@yearly', 'x', '{{}}', '{{}}', 0, 1)"
    ));
    session
}

/// The restored database equals the old one, and acts on its models go on.
fn check_restored(cluster: &Cluster, old: &mut Session, name: &str) {
    let mut new = cluster.connect("postgres", &format!("{name}_new"));
    assert_eq!(fingerprint(&mut new), fingerprint(old));
    let import = format!("SELECT crm_ai.import_model('topics', '{name}3')");
    assert_eq!(new.value(&import), "4");
    assert_eq!(new.value("SELECT crm_ai.rollback('topics')"), "1");
    new.run("SELECT crm_ai.promote('topics', 4)");
    assert_eq!(new.value("SELECT champion FROM crm_ai.models WHERE name = 'topics'"), "4");
    assert_eq!(new.value("SELECT crm_sentiment('great product')"), "positive");
    // A run that went on when it was dumped does not go on here.
    new.fails_with("58000", "SELECT crm_ai.wait(1, '30 s')").expect_hint();
    let training = "SELECT concat_ws(' ', (SELECT count(*) FROM crm_ai.schedules),
                        (SELECT count(*) FROM crm_ai.run_metrics),
                        (SELECT encode(hashes, 'hex') FROM crm_ai.run_seen),
                        nextval('crm_ai.run_id_seq'))";
    assert_eq!(new.value(training), "1 1 0001020304050607 2");
}

#[test]
fn a_plain_dump_restores() {
    let cluster = shared();
    let mut old = source(&cluster, "plaindump");
    let file = workplace::new_directory("dump").join("plain.sql");
    run(cluster.client_program("pg_dump").arg("--file").arg(&file).arg("plaindump"));
    cluster.session().run("CREATE DATABASE plaindump_new TEMPLATE template0");
    run(cluster
        .client_program("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=plaindump_new"])
        .arg("--file")
        .arg(&file));
    check_restored(&cluster, &mut old, "plaindump");
}

#[test]
fn a_custom_dump_restores_with_two_jobs() {
    let cluster = shared();
    let mut old = source(&cluster, "customdump");
    let file = workplace::new_directory("dump").join("custom");
    run(cluster.client_program("pg_dump").args(["-Fc", "--file"]).arg(&file).arg("customdump"));
    cluster.session().run("CREATE DATABASE customdump_new TEMPLATE template0");
    run(cluster
        .client_program("pg_restore")
        .args(["--jobs=2", "--exit-on-error", "--dbname=customdump_new"])
        .arg(&file));
    check_restored(&cluster, &mut old, "customdump");
}

/// Which characters are letters is not the locale's to say.
#[test]
fn odd_names_restore_under_another_locale() {
    let cluster = shared();
    let mut old = cluster.database("oddnames");
    classifier(1).write(&cluster.imports().join("oddnames"));
    for name in ["küche", "日本", "room_2½", &"é".repeat(63)] {
        old.run(&format!("SELECT crm_ai.import_model('{name}', 'oddnames')"));
    }
    let file = workplace::new_directory("dump").join("oddnames");
    run(cluster.client_program("pg_dump").args(["-Fc", "--file"]).arg(&file).arg("oddnames"));
    cluster.session().run("CREATE DATABASE oddnames_new TEMPLATE template0 LOCALE 'C'");
    run(cluster
        .client_program("pg_restore")
        .args(["--exit-on-error", "--dbname=oddnames_new"])
        .arg(&file));
    let mut new = cluster.connect("postgres", "oddnames_new");
    assert_eq!(new.value("SELECT count(*) FROM crm_ai.models WHERE NOT builtin"), "4");
    let answer = "SELECT crm_classify('küche', 'Ärger mit der Übergabe 😡')";
    assert_eq!(new.value(answer), old.value(answer));
    new.run("SELECT crm_ai.import_model('ſtraße', 'oddnames')");
}

#[test]
fn the_built_in_models_need_no_roles_from_elsewhere() {
    let cluster = shared();
    let mut old = cluster.database("moved");
    old.run("CREATE TABLE judged AS SELECT crm_sentiment_score('great product') AS score");
    let file = workplace::new_directory("dump").join("moved.sql");
    run(cluster.client_program("pg_dump").arg("--file").arg(&file).arg("moved"));
    let other = Cluster::bare(&[]);
    run(other
        .client_program("psql")
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres", "--file"])
        .arg(&file));
    let same = "SELECT score = crm_sentiment_score('great product') FROM judged";
    assert_eq!(other.session().value(same), "t");
}

/// Generated columns over an imported and a built-in version, in a schema whose data are dumped
/// before the registry's.
const GENERATED: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.note (id int, body text,
        topic text GENERATED ALWAYS AS (public.crm_classify_at('topics@1', body)) STORED,
        mood text GENERATED ALWAYS AS (public.crm_sentiment_at('sentiment@1', body)) STORED);
    CREATE INDEX ON app.note (public.crm_classify_at('topics@1', body));
    INSERT INTO app.note SELECT i, 'invoice ' || i FROM generate_series(1, 60) i;
    CREATE TABLE app.mood AS SELECT id, body FROM app.note;
    ALTER TABLE app.mood
        ADD mood text GENERATED ALWAYS AS (public.crm_sentiment_at('sentiment@1', body)) STORED;
    CREATE TABLE late (LIKE app.note INCLUDING ALL);
    INSERT INTO late SELECT id, body FROM app.note";

fn generated_rows(session: &mut Session) -> Vec<String> {
    session.column(
        "SELECT concat('note', n) FROM app.note n UNION ALL SELECT concat('mood', m) FROM app.mood m
         UNION ALL SELECT concat('late', l) FROM late l ORDER BY 1",
    )
}

#[test]
fn generated_columns_are_restored_after_the_registry() {
    let cluster = shared();
    classifier(31).write(&cluster.imports().join("columns"));
    let mut old = cluster.database("columns");
    old.run("SELECT crm_ai.import_model('topics', 'columns')");
    old.run(GENERATED);
    let file = workplace::new_directory("dump").join("columns");
    run(cluster.client_program("pg_dump").args(["-Fc", "--file"]).arg(&file).arg("columns"));
    cluster.session().run("CREATE DATABASE columns_new TEMPLATE template0");
    for part in [
        &["--section=pre-data"][..],
        &["--section=data", "--schema=crm_ai"],
        &["--section=data", "--exclude-schema=crm_ai", "--jobs=4"],
        &["--section=post-data", "--jobs=4"],
    ] {
        run(cluster
            .client_program("pg_restore")
            .args(["--exit-on-error", "--dbname=columns_new"])
            .args(part)
            .arg(&file));
    }
    let mut new = cluster.connect("postgres", "columns_new");
    assert_eq!(generated_rows(&mut new), generated_rows(&mut old));
    // In one go, the column that is computed before its model is there fails, and says how to do.
    cluster.session().run("CREATE DATABASE columns_direct TEMPLATE template0");
    let output = cluster
        .client_program("pg_restore")
        .arg("--dbname=columns_direct")
        .arg(&file)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("model \"topics\" does not exist"), "{errors}");
    assert!(errors.contains("data of schema crm_ai first"), "{errors}");
    assert_eq!(errors.matches("ERROR:").count(), 1, "{errors}");
    let mut direct = cluster.connect("postgres", "columns_direct");
    // Versions of the package, and tables whose schema sorts after crm_ai, need no care.
    for table in ["app.mood", "late"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE mood IS NOT NULL");
        assert_eq!(direct.value(&sql), "60", "{table}");
    }
}
