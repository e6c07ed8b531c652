//! The life of imported models, from import to drop.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::{Row, Session};
use crm_ai_integration::tiny_model::{TinyModel, classifier};
use std::time::Duration;

const DETAIL: &str =
    "SELECT string_agg(label || ' ' || probability, ', ') FROM crm_classify_detail";

/// Every class with its probability.
fn detail(session: &mut Session, model: &str) -> String {
    session.value(&format!("{DETAIL}('{model}', 'great invoice')"))
}

fn champion(session: &mut Session, model: &str) -> String {
    session.value(&format!("SELECT champion FROM crm_ai.models WHERE name = '{model}'"))
}

/// How much the registry holds beside the built-in models.
fn contents(session: &mut Session) -> Row {
    session
        .rows(
            "SELECT (SELECT count(*) FROM crm_ai.model WHERE NOT builtin),
                 (SELECT count(*) FROM crm_ai.version WHERE NOT builtin),
                 (SELECT count(*) FROM crm_ai.deployment WHERE NOT builtin),
                 (SELECT count(*) FROM crm_ai.artifact),
                 (SELECT count(DISTINCT sha256) FROM crm_ai.artifact_chunk)",
        )
        .remove(0)
}

fn counts(numbers: [u32; 5]) -> Row {
    numbers.iter().map(|number| Some(number.to_string())).collect()
}

#[test]
fn a_model_from_import_to_drop() {
    let cluster = shared();
    let mut session = cluster.database("life");
    classifier(1).write(&cluster.imports().join("life1"));
    classifier(2).write(&cluster.imports().join("life2"));
    assert_eq!(session.value("SELECT crm_ai.import_model('topics', 'life1')"), "1");
    assert_eq!(champion(&mut session, "topics"), "1");
    let shown = "SELECT task, labels, versions, builtin FROM crm_ai.models WHERE name = 'topics'";
    let expected = ["classify", "{billing,delivery,other}", "1", "f"].map(|v| Some(v.to_owned()));
    assert_eq!(session.rows(shown), [expected]);
    let label = session.value("SELECT crm_classify('topics', 'great invoice')");
    assert!(["billing", "delivery", "other"].contains(&label.as_str()), "{label}");

    let path = cluster.imports().join("life2");
    let absolute = format!("SELECT crm_ai.import_model('topics', '{}')", path.display());
    assert_eq!(session.value(&absolute), "2");
    assert_eq!(champion(&mut session, "topics"), "1");
    let (first, second) = (detail(&mut session, "topics@1"), detail(&mut session, "topics@2"));
    assert_ne!(first, second);
    assert_eq!(detail(&mut session, "topics"), first);
    session.run("SELECT crm_ai.promote('topics', 2)");
    assert_eq!(detail(&mut session, "topics"), second);
    assert_eq!(session.value("SELECT crm_ai.rollback('topics')"), "1");
    assert_eq!(detail(&mut session, "topics"), first);
    session.fails_with("55000", "SELECT crm_ai.rollback('topics')").expect_hint();
    let history =
        "SELECT action || version FROM crm_ai.deployments WHERE model = 'topics' ORDER BY id";
    assert_eq!(session.column(history), ["first1", "promote2", "rollback1"]);

    session.fails_with("55000", "SELECT crm_ai.drop_version('topics', 1)").expect_hint();
    session.fails_with("42704", "SELECT crm_ai.drop_version('topics', 7)");
    session.fails_with("42704", "SELECT crm_ai.promote('topics', 7)").expect_hint();
    assert_eq!(contents(&mut session), counts([1, 2, 3, 2, 2]));
    session.run("SELECT crm_ai.drop_version('topics', 2)");
    assert_eq!(contents(&mut session), counts([1, 1, 3, 1, 1]));
    session.fails_with("42704", "SELECT crm_classify('topics@2', 'x')").expect_hint();
    // The number of a dropped version is not given again.
    assert_eq!(session.value("SELECT crm_ai.import_model('topics', 'life2')"), "3");
    session.run("SELECT crm_ai.drop_model('topics')");
    assert_eq!(contents(&mut session), counts([0; 5]));
    session.fails_with("42704", "SELECT crm_classify('topics', 'x')");
    session.fails_with("42704", "SELECT crm_ai.drop_model('topics')");
    for builtin in ["drop_model('minilm')", "drop_model('sentiment')", "drop_version('minilm', 1)"]
    {
        session.fails_with("55000", &format!("SELECT crm_ai.{builtin}")).expect_hint();
    }
}

#[test]
fn what_is_exported_comes_back_the_same() {
    let cluster = shared();
    let mut session = cluster.database("exporting");
    let large = TinyModel { spare_rows: 80_000, ..classifier(4) };
    large.write(&cluster.imports().join("large"));
    session.run("SELECT crm_ai.import_model('large', 'large')");
    assert!(session.number("SELECT count(*) FROM crm_ai.artifact_chunk") > 3.0);
    assert_eq!(session.value("SELECT crm_ai.export_model('large', 'large_out')"), "large@1");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let read = |folder: &str| std::fs::read(cluster.imports().join(folder).join(file)).unwrap();
        assert!(read("large") == read("large_out"), "{file}");
    }
    session.run("SELECT crm_ai.import_model('copy', 'large_out')");
    let same = "SELECT count(DISTINCT sha256) FROM crm_ai.versions WHERE NOT builtin";
    assert_eq!(session.value(same), "1");
    // Its bytes are there once, until no version needs them.
    assert_eq!(contents(&mut session), counts([2, 2, 2, 1, 1]));
    let of_large = detail(&mut session, "large");
    session.run("SELECT crm_ai.drop_model('large')");
    assert_eq!(contents(&mut session), counts([1, 1, 1, 1, 1]));
    assert_eq!(detail(&mut session, "copy"), of_large);

    session.fails_with("58P02", "SELECT crm_ai.export_model('copy', 'large_out')");
    for (state, path) in [
        ("22023", "../large_out"),
        ("22023", "/tmp/crm_ai_out"),
        ("22023", ""),
        ("58P01", "no/such/parent"),
    ] {
        session.fails_with(state, &format!("SELECT crm_ai.export_model('copy', '{path}')"));
    }
    session.fails_with("22023", "SELECT crm_ai.export_model('copy', 'o1', 'onnx')").expect_hint();
    session.fails_with("22023", "SELECT crm_ai.export_model('copy', 'o1', 'pickle')");
    session.fails_with("42704", "SELECT crm_ai.export_model('nobody', 'o1')");
    assert!(!cluster.imports().join("o1").exists());
}

#[test]
fn a_built_in_model_is_exported_and_imported_as_ones_own() {
    let cluster = shared();
    let mut session = cluster.database("builtin");
    session.run(
        "SELECT crm_ai.export_model('minilm', 'minilm_out');
         SELECT crm_ai.export_model('sentiment@1', 'sentiment_out');
         SELECT crm_ai.import_model('encoder', 'minilm_out');
         SELECT crm_ai.import_model('sentiment', 'sentiment_out', 'fp32')",
    );
    let same = "SELECT v.sha256 = b.sha256 AND v.precision = b.precision
                FROM crm_ai.versions v, crm_ai.versions b
                WHERE v.name = 'encoder@1' AND b.name = 'minilm@1'";
    assert_eq!(session.value(same), "t");
    assert_eq!(session.value("SELECT crm_embed('x', 'encoder') = crm_embed('x')"), "t");
    // Versions that users add to a built-in model come after those of the package.
    let added = "SELECT max(version) FROM crm_ai.versions WHERE model = 'sentiment'";
    assert_eq!(session.value(added), "1001");
    assert_eq!(champion(&mut session, "sentiment"), "1");
    session.run("SELECT crm_ai.promote('sentiment', 1001)");
    let version = "SELECT version FROM crm_sentiment_detail('great product')";
    assert_eq!(session.value(version), "1001");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
    assert_eq!(session.value("SELECT crm_ai.rollback('sentiment')"), "1");
    assert_eq!(session.value(version), "1");
    session.run("SELECT crm_ai.drop_version('sentiment', 1001)");
}

#[test]
fn a_transaction_taken_back_leaves_nothing() {
    let cluster = shared();
    let mut session = cluster.database("undone");
    classifier(5).write(&cluster.imports().join("undone"));
    session.run("BEGIN; SELECT crm_ai.import_model('topics', 'undone')");
    let inside = detail(&mut session, "topics");
    session.run("ROLLBACK");
    assert_eq!(contents(&mut session), counts([0; 5]));
    session.fails_with("42704", "SELECT crm_classify('topics', 'x')");
    session.run(
        "BEGIN; SAVEPOINT s; SELECT crm_ai.import_model('topics', 'undone'); ROLLBACK TO s;
         SELECT crm_ai.import_model('topics', 'undone'); COMMIT",
    );
    assert_eq!(detail(&mut session, "topics@1"), inside);
    // Nor is it seen by others before it is committed.
    let mut other = cluster.connect("postgres", "undone");
    session
        .run("BEGIN; SELECT crm_ai.import_model('topics', 'undone'), crm_ai.promote('topics', 2)");
    other.fails_with("42704", "SELECT crm_classify('topics@2', 'x')");
    session.run("COMMIT");
    assert_eq!(detail(&mut other, "topics@2"), inside);
}

#[test]
fn imports_of_one_model_at_the_same_time_get_different_numbers() {
    let cluster = shared();
    let mut session = cluster.database("crowded");
    for seed in 1..=4 {
        classifier(10 + seed % 2).write(&cluster.imports().join(format!("crowd{seed}")));
    }
    let mut numbers: Vec<String> = std::thread::scope(|scope| {
        let importers: Vec<_> = (1..=4)
            .map(|seed| {
                let mut session = cluster.connect("postgres", "crowded");
                let sql = format!("SELECT crm_ai.import_model('topics', 'crowd{seed}')");
                scope.spawn(move || session.value(&sql))
            })
            .collect();
        importers.into_iter().map(|importer| importer.join().unwrap()).collect()
    });
    numbers.sort();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    assert_eq!(contents(&mut session), counts([1, 4, 1, 2, 2]));
}

#[test]
fn an_artifact_that_is_being_imported_again_is_not_dropped() {
    let cluster = shared();
    let mut session = cluster.database("contested");
    classifier(30).write(&cluster.imports().join("contested"));
    session.run("SELECT crm_ai.import_model('first', 'contested')");
    session.run("BEGIN; SELECT crm_ai.import_model('second', 'contested')");
    std::thread::scope(|scope| {
        let mut other = cluster.connect("postgres", "contested");
        let dropping = scope.spawn(move || other.run("SELECT crm_ai.drop_model('first')"));
        // Long enough for it to have found the artifact unused, had it not waited.
        std::thread::sleep(Duration::from_millis(300));
        session.run("COMMIT");
        dropping.join().unwrap();
    });
    assert_eq!(contents(&mut session), counts([1, 1, 1, 1, 1]));
    assert!(detail(&mut session, "second").contains("billing"));
}

#[test]
fn a_champion_changes_between_statements_never_within_one() {
    let cluster = shared();
    let mut session = cluster.database("switching");
    for seed in [1, 2] {
        classifier(seed).write(&cluster.imports().join(format!("switch{seed}")));
        session.run(&format!("SELECT crm_ai.import_model('topics', 'switch{seed}')"));
    }
    let known = [detail(&mut session, "topics@1"), detail(&mut session, "topics@2")];
    std::thread::scope(|scope| {
        let mut reader = cluster.connect("postgres", "switching");
        let known = &known;
        let reading = scope.spawn(move || {
            for _ in 0..40 {
                let answers = reader.column(
                    "SELECT DISTINCT (SELECT string_agg(label || ' ' || probability, ', ')
                         FROM crm_classify_detail('topics', 'great invoice' || left(i::text, 0)))
                     FROM generate_series(1, 20) i",
                );
                assert_eq!(answers.len(), 1, "{answers:?}");
                assert!(known.contains(&answers[0]), "{answers:?}");
            }
        });
        let mut version = 2;
        while !reading.is_finished() {
            session.run(&format!("SELECT crm_ai.promote('topics', {version})"));
            version = 3 - version;
        }
    });
    // A transaction that must see one state of the database sees one champion.
    session.run("SELECT crm_ai.promote('topics', 1)");
    let mut reader = cluster.connect("postgres", "switching");
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(detail(&mut reader, "topics"), known[0]);
    session.run("SELECT crm_ai.promote('topics', 2)");
    assert_eq!(detail(&mut reader, "topics"), known[0]);
    reader.run("COMMIT");
    assert_eq!(detail(&mut reader, "topics"), known[1]);
}

#[test]
fn an_encoder_without_a_classifier_embeds() {
    let cluster = shared();
    let mut session = cluster.database("encoding");
    let encoder = TinyModel { labels: &[], ..classifier(6) };
    encoder.write(&cluster.imports().join("encoder"));
    session.run("SELECT crm_ai.import_model('tiny', 'encoder')");
    let shown = "SELECT task || dimensions FROM crm_ai.models WHERE name = 'tiny'";
    assert_eq!(session.value(shown), "embed32");
    let unit = "SELECT abs(sum(x * x) - 1) < 1e-4 FROM unnest(crm_embed('great', 'tiny')) x";
    assert_eq!(session.value(unit), "t");
    session.fails_with("22023", "SELECT crm_classify('tiny', 'x')").expect_hint();
    session.run("SET crm_ai.sentiment_model = 'tiny'");
    session.fails_with("22023", "SELECT crm_sentiment('x')").expect_hint();
}

/// Cluster with the imported models `good` and `bad`, whose engine has neither, nor their files.
fn with_forgetful_engine(spoil: &str) -> (Cluster, String) {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    for (name, seed) in [("good", 1), ("bad", 2)] {
        classifier(seed).write(&cluster.imports().join(name));
        session.run(&format!("SELECT crm_ai.import_model('{name}', '{name}')"));
    }
    let known = detail(&mut session, "good");
    session.run(spoil);
    drop(session);
    cluster.stop(crm_ai_integration::Stop::Fast);
    std::fs::remove_dir_all(cluster.own_files().join("models")).unwrap();
    cluster.start();
    (cluster, known)
}

#[test]
fn an_engine_that_lacks_an_artifact_is_given_it() {
    let (cluster, known) = with_forgetful_engine("SELECT 1");
    let mut plain = cluster.session();
    assert_eq!(detail(&mut plain, "good"), known);
    // Also from a transaction that may not write, and to several that ask at once.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let mut session = cluster.session();
            scope.spawn(move || {
                session.run("BEGIN READ ONLY");
                assert!(detail(&mut session, "bad").contains("billing"));
            });
        }
    });
}

#[test]
fn a_spoilt_artifact_fails_alone() {
    // A bit flipped, bytes missing, bytes left over, no bytes at all.
    for spoil in [
        "UPDATE crm_ai.artifact_chunk SET data = set_byte(data, 100, get_byte(data, 100) # 1)",
        "UPDATE crm_ai.artifact_chunk SET data = substr(data, 1, length(data) - 1)",
        "UPDATE crm_ai.artifact_chunk SET data = data || 'x'",
        "DELETE FROM crm_ai.artifact_chunk",
    ] {
        let spoil = format!(
            "{spoil} WHERE sha256 = (SELECT sha256 FROM crm_ai.version WHERE model = 'bad')"
        );
        let (cluster, known) = with_forgetful_engine(&spoil);
        let mut session = cluster.session();
        session.run("SET statement_timeout = '20s'");
        for _ in 0..2 {
            let failure = session.failure("SELECT crm_classify('bad', 'x')");
            assert!(["22P02", "XX001"].contains(&failure.state.as_str()), "{spoil}: {failure:?}");
            assert_eq!(detail(&mut session, "good"), known);
        }
        assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
        let engine = cluster.engine();
        session.failure("SELECT crm_classify('bad', 'x')");
        wait_until("the engine is the same", Duration::from_secs(1), || cluster.engine() == engine);
    }
}
