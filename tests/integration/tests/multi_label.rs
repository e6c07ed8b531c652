//! Texts that carry several labels at a time.

use crate::train::{nothing_left, of_run, wait};
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model;

/// Notes about a parcel, an invoice, both or neither; the labels as text[] and as jsonb.
const NOTES: &str = "CREATE TABLE note AS
    SELECT body, tags, to_jsonb(tags) AS json, n FROM (
        SELECT CASE n % 4
                   WHEN 0 THEN format('my parcel %s arrived late', n)
                   WHEN 1 THEN format('invoice %s charges me twice', n)
                   WHEN 2 THEN format('parcel %s is late and its invoice is wrong', n)
                   ELSE format('thank you very much, number %s', n) END AS body,
               CASE n % 4
                   WHEN 0 THEN '{delivery}'::text[] WHEN 1 THEN '{billing}'
                   WHEN 2 THEN '{delivery,billing,delivery}' ELSE '{}' END AS tags, n
        FROM generate_series(1, 160) n) x";

#[test]
fn a_model_of_several_labels_is_trained_served_and_judged() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(NOTES);
    session.run("INSERT INTO note VALUES ('no labels known', NULL, NULL, 0)");
    let run = session.value("SELECT crm_ai.train('tags', 'note', 'body', 'tags')");
    assert_eq!(wait(&mut session, &run), "succeeded");
    let shown = of_run(
        &mut session,
        &run,
        "concat_ws('|', promoted, method, rows, null_rows, classes,
             (figures->'evaluation'->>'micro_f1')::float8 > 0.9)",
    );
    assert_eq!(shown, "t|head|160|1|{\"billing\": 80, \"delivery\": 80}|t");

    // Each label's probability is one of its own; the most probable one is the text's class.
    let probabilities = |body: &str| {
        format!(
            "SELECT string_agg(label || (probability >= 0.5)::int, ' ' ORDER BY label)
             FROM crm_classify_detail('tags', '{body}')"
        )
    };
    for (body, expected) in [
        ("where is my parcel, it is late", "billing0 delivery1"),
        ("the invoice charges twice", "billing1 delivery0"),
        ("my parcel is late and the invoice is wrong", "billing1 delivery1"),
        ("thank you very much", "billing0 delivery0"),
    ] {
        assert_eq!(session.value(&probabilities(body)), expected, "{body}");
    }
    let class = "SELECT crm_classify('tags', 'where is my parcel, it is late')";
    assert_eq!(session.value(class), "delivery");

    for column in ["tags", "json"] {
        let figures = session.value(&format!(
            "SELECT concat_ws('|', rows, null_rows, accuracy > 0.9, micro_f1 > 0.9, macro_f1 > 0.9,
                 classes->'delivery'->>'rows', confusion)
             FROM crm_ai.evaluate('tags', 'note', 'body', '{column}')"
        ));
        assert_eq!(figures, "160|1|t|t|t|80|{}");
    }

    // The same rows from jsonb are no new ones; labels by chance do not take over.
    let run = session.value("SELECT crm_ai.train('tags', 'note', 'body', 'json')");
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "new_rows"), "0");
    let run = session.value(
        "SELECT crm_ai.train('tags', 'SELECT body, CASE WHEN n <= 80
             THEN ARRAY[CASE hashtext(body) % 2 WHEN 0 THEN ''billing'' ELSE ''delivery'' END]
             ELSE tags END AS tags FROM note', 'body', 'tags')",
    );
    assert_eq!(wait(&mut session, &run), "succeeded");
    assert_eq!(of_run(&mut session, &run, "promoted"), "f");

    refuses_options_of_one_label(&mut session);
    nothing_left(&cluster);
}

/// One label a text is another model's business, and so are the options of such models.
fn refuses_options_of_one_label(session: &mut Session) {
    for (source, column, rest) in [
        ("note", "json", ", label_smoothing => 0.1"),
        ("note", "json", ", class_weights => ''\"balanced\"''"),
        ("SELECT body, tags[1] AS tag FROM note", "tag", ""),
        ("SELECT body, json->0 AS tag FROM note", "tag", ""),
    ] {
        let run = session.value(&format!(
            "SELECT crm_ai.train('tags', '{source}', 'body', '{column}'{})",
            rest.replace("''", "'")
        ));
        session.fails_with("22023", &format!("SELECT crm_ai.wait({run}, '1 min')")).expect_hint();
    }
    // Where the column's type tells it, at once.
    for rest in ["label_smoothing => 0.1", "label_sets => '{\"any\": [\"billing\"]}'"] {
        let call = format!("SELECT crm_ai.train('tags', 'note', 'body', 'tags', {rest})");
        session.fails_with("22023", &call).expect_hint();
    }
}

/// A folder of Hugging Face's that says `multi_label_classification` is answered by sigmoid: the
/// odds of its probabilities are what the softmax of the same weights is made of.
#[test]
fn an_imported_model_of_several_labels_is_served_by_sigmoid() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    for name in ["one", "several"] {
        tiny_model::classifier(1).write(&cluster.imports().join(name));
    }
    let path = cluster.imports().join("several/config.json");
    let config = std::fs::read_to_string(&path).unwrap();
    let problem = "{\"problem_type\": \"multi_label_classification\",";
    std::fs::write(path, config.replacen('{', problem, 1)).unwrap();
    session
        .run("SELECT crm_ai.import_model('one', 'one'), crm_ai.import_model('several', 'several')");
    let off = session.number(
        "SELECT max(abs(one.probability - odds / total)) FROM (
             SELECT label, probability / (1 - probability) AS odds,
                 sum(probability / (1 - probability)) OVER () AS total
             FROM crm_classify_detail('several', 'my parcel is late')) several
         JOIN crm_classify_detail('one', 'my parcel is late') one USING (label)",
    );
    assert!(off < 1e-5, "{off}");
    let sum = "SELECT abs(sum(probability) - 1) > 0.01
               FROM crm_classify_detail('several', 'my parcel is late')";
    assert_eq!(session.value(sum), "t");
}
