//! Models over columns: imported, asked, exported.

use crm_ai_integration::Session;
use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::session::literal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Copies the fixture into the import directory.
fn bring(cluster: &Cluster, name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/model/table_classifier");
    let folder = cluster.imports().join(name);
    fs::create_dir(&folder).unwrap();
    crm_ai_integration::workplace::open_to_all(&folder);
    for file in ["features.json", "model.onnx"] {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    source
}

fn json(session: &mut Session, sql: &str) -> Value {
    serde_json::from_str(&session.value(sql)).unwrap()
}

#[test]
fn a_table_model_from_import_to_export() {
    let cluster = shared();
    let mut session = cluster.database("records");
    let source = bring(&cluster, "records_churn");
    session.run("SELECT crm_ai.import_model('churn', 'records_churn')");
    let shown = "SELECT task || ' ' || labels::text FROM crm_ai.models WHERE name = 'churn'";
    assert_eq!(session.value(shown), "predict {stays,leaves}");

    let expected: Value =
        serde_json::from_slice(&fs::read(source.join("expected.json")).unwrap()).unwrap();
    let rows = expected.as_array().unwrap();
    for row in rows {
        let record = literal(&row["record"].to_string());
        let answer = json(&mut session, &format!("SELECT crm_predict('churn', {record})"));
        let told = answer["probabilities"].as_object().unwrap();
        for (class, label) in ["stays", "leaves"].into_iter().enumerate() {
            let due = row["probabilities"][class].as_f64().unwrap();
            assert!((told[label].as_f64().unwrap() - due).abs() < 1e-6, "{answer}");
        }
        let label = answer["label"].as_str().unwrap();
        assert_eq!(answer["probability"], told[label]);
        assert!(answer["probability"].as_f64().unwrap() >= 0.5);
    }

    // The same for an array, with NULL for NULL, and for a table's rows by a batch node.
    session.run(&format!(
        "CREATE TABLE customer AS SELECT ordinality AS id, r.* FROM
             jsonb_array_elements({}) WITH ORDINALITY AS e,
             jsonb_to_record(value -> 'record') AS r(tenure text, contract text, since date,
                                                     city text, active bool)",
        literal(&expected.to_string())
    ));
    let same = "WITH one AS MATERIALIZED (
                    SELECT id, to_jsonb(c) AS record FROM customer c ORDER BY id),
                batch AS (SELECT crm_predict_batch('churn@1', array_agg(record ORDER BY id)
                              || NULL::jsonb) AS answers FROM one)
                SELECT count(*), sum((answers[id] = crm_predict('churn', record))::int),
                       bool_and(cardinality(answers) = 7 AND answers[7] IS NULL)
                FROM one, batch";
    assert_eq!(session.rows(same), [["6", "6", "t"].map(|v| Some(v.to_owned()))]);
    let plan = session.column(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off)
         SELECT crm_predict('churn', to_jsonb(c)) ->> 'label' FROM customer c",
    );
    assert!(plan.iter().any(|line| line.trim() == "Calls: crm_predict"), "{plan:#?}");
    assert!(plan.iter().any(|line| line.trim() == "Batched Rows: 6"), "{plan:#?}");

    assert_eq!(
        session.value("SELECT crm_ai.export_model('churn', 'records_out', 'onnx')"),
        "churn@1"
    );
    session.run("SELECT crm_ai.import_model('again', 'records_out')");
    let equal = "SELECT count(*) FROM customer c
                 WHERE crm_predict('churn', to_jsonb(c)) = crm_predict('again', to_jsonb(c))";
    assert_eq!(session.value(equal), "6");
    session.fails_with("22023", "SELECT crm_ai.export_model('churn', 'records_hf')").expect_hint();
}

#[test]
fn what_is_no_record_and_what_is_no_table_model() {
    let cluster = shared();
    let mut session = cluster.database("no_records");
    bring(&cluster, "no_records_churn");
    session.run("SELECT crm_ai.import_model('churn', 'no_records_churn')");
    for (state, call) in [
        ("22023", "crm_predict('churn', '[1, 2]')"),
        ("22023", "crm_predict('churn', '\"text\"')"),
        ("22023", "crm_predict('churn', 'null')"),
        ("22023", "crm_predict_batch('churn', ARRAY['{}', '1']::jsonb[])"),
        // PostgreSQL's own jsonb may be nested so.
        (
            "22023",
            "crm_predict('churn', ('{\"a\":' || repeat('[', 999) || repeat(']', 999) || '}')::jsonb)",
        ),
        ("22023", "crm_ai.train('m', 'x', 'y', 'z', label_sets => '{\"a\": 1e999}')"),
        ("22023", "crm_ai.clean_table('pg_class', 'x', '{\"a\": 1e999}')"),
        ("22023", "crm_predict('sentiment', '{}')"),
        ("22023", "crm_predict('minilm', '{}')"),
        ("22023", "crm_classify('churn', 'text')"),
        ("22023", "crm_embed('text', 'churn')"),
        ("22023", "crm_predict('churn@x', '{}')"),
        ("42704", "crm_predict('churn@9', '{}')"),
        ("42704", "crm_predict('nobody', '{}')"),
        ("54000", "crm_predict('churn', jsonb_build_object('note', repeat('x', 2000000)))"),
    ] {
        session.fails_with(state, &format!("SELECT {call}")).expect_hint();
        // From rows, by a batch node.
        let rows = format!("SELECT {call} FROM generate_series(1, 3)");
        session.fails_with(state, &rows).expect_hint();
    }
    for (call, answer) in [
        ("crm_predict('churn', NULL) IS NULL", "t"),
        ("crm_predict(NULL, '{}') IS NULL", "t"),
        ("crm_predict_batch('churn', '{}')", "{}"),
        // PostgreSQL's numbers may be larger than a float can hold.
        (
            "crm_predict('churn', '{\"tenure\": 1e999}') = crm_predict('churn', '{\"tenure\": 1e99}')",
            "t",
        ),
        ("crm_predict_batch('churn', ARRAY[NULL]::jsonb[])", "{NULL}"),
    ] {
        assert_eq!(session.value(&format!("SELECT {call}")), answer, "{call}");
    }
    // Files that do not belong together.
    for (file, content) in [("features.json", "{}"), ("model.onnx", "nonsense")] {
        let name = format!("no_records_{file}");
        bring(&cluster, &name);
        fs::write(cluster.imports().join(&name).join(file), content).unwrap();
        session.fails_with("22P02", &format!("SELECT crm_ai.import_model('broken', '{name}')"));
    }
}
