//! Options as calls give them, and what follows from their table: SQL and the page.

use super::*;
use crm_ai_wire::training::ClassWeights;
use serde_json::json;
use values::Values;

fn given() -> Value {
    json!({ "text_column": "body", "label_column": "queue", "base": null, "epochs": 3,
        "batch_size": 16, "learning_rate": 5e-5, "warmup_steps": null, "weight_decay": 0.01,
        "max_tokens": 128, "test_size": 0.2, "seed": 42, "method": "auto", "device": "auto",
        "label_sets": null, "weight_column": null, "promote": "if_better", "label_smoothing": 0,
        "class_weights": null, "mixed_precision": "auto", "new_tokens": null,
        "pooling": null, "base_share": 0 })
}

#[test]
fn the_defaults_are_read() {
    let options = Options::read(Kind::Text, &given()).unwrap();
    let What::Text(text) = options.what else { panic!("{options:?}") };
    assert_eq!((text.task.epochs, text.task.warmup_steps), (3, None));
    assert_eq!(text.label_column, "queue");
}

#[test]
fn weights_and_smoothing_are_read() {
    let task = |name: &str, value: Value| {
        let mut options = given();
        options[name] = value;
        match Options::read(Kind::Text, &options).unwrap().what {
            What::Text(text) => text.task,
            What::Table(_) => unreachable!(),
        }
    };
    assert_eq!(task("label_smoothing", json!(0.1)).label_smoothing, 0.1);
    assert_eq!(task("class_weights", json!(null)).class_weights, ClassWeights::Equal);
    assert_eq!(task("class_weights", json!("balanced")).class_weights, ClassWeights::Balanced);
    let given = ClassWeights::Given([("a".to_owned(), 2.5)].into());
    assert_eq!(task("class_weights", json!({ "a": 2.5 })).class_weights, given);
}

/// A head is solved for: the option would be passed over in silence.
#[test]
fn a_head_takes_no_smoothing() {
    let mut options = given();
    options["method"] = json!("head");
    options["label_smoothing"] = json!(0.1);
    let error = Options::read(Kind::Text, &options).unwrap_err();
    assert_eq!(error.state(), "22023");
}

#[test]
fn each_wrong_option_is_named() {
    for (name, wrong) in [
        ("text_column", json!("")),
        ("label_column", json!(null)),
        ("epochs", json!(0)),
        ("batch_size", json!(1025)),
        ("learning_rate", json!("NaN")),
        ("warmup_steps", json!(-1)),
        ("weight_decay", json!(1.0)),
        ("max_tokens", json!(2)),
        ("test_size", json!(1.0)),
        ("seed", json!(null)),
        ("method", json!("magic")),
        ("device", json!("cuda:x")),
        ("label_sets", json!({ "a": "b" })),
        ("promote", json!("maybe")),
        ("label_smoothing", json!(1)),
        ("label_smoothing", json!(null)),
        ("mixed_precision", json!("fp8")),
        ("class_weights", json!("equal")),
        ("class_weights", json!(["a"])),
        ("class_weights", json!({ "a": 0 })),
        ("class_weights", json!({ "a": "2" })),
        ("class_weights", json!({ "a": 1e7 })),
        ("base_share", json!(1)),
        ("pooling", json!("max")),
        ("new_tokens", json!(["😡"])),
        ("new_tokens", json!({ "": "nothing" })),
        ("new_tokens", json!({ "two words": "" })),
        ("new_tokens", json!({ "😡": null })),
    ] {
        let mut options = given();
        options[name] = wrong;
        let error = Options::read(Kind::Text, &options).unwrap_err();
        assert_eq!(error.state(), "22023", "{name}");
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
}

/// Arguments as SQL gives them, and keys.
fn with_keys(name: &str, argument: Value, keys: Value) -> Result<Value> {
    let mut arguments = given();
    arguments[name] = argument;
    arguments["options"] = keys;
    Options::merge(Kind::Text, arguments)
}

#[test]
fn keys_are_options_as_arguments_are() {
    let keys = json!({ "epochs": 5, "min_accuracy": 0.75, "min_recall": { "refund": 1 } });
    let merged = with_keys("batch_size", json!(8), keys).unwrap();
    let options = Options::read(Kind::Text, &merged).unwrap();
    assert_eq!(options.common.minimums.min_accuracy, Some(0.75));
    assert_eq!(options.common.minimums.min_recall["refund"], 1.0);
    let What::Text(text) = options.what else { panic!() };
    assert_eq!((text.task.epochs, text.task.batch_size), (5, 8));
}

#[test]
fn an_option_is_given_once() {
    // Arguments that have their defaults are not given.
    assert!(with_keys("label_smoothing", json!(0), json!({ "label_smoothing": 0.1 })).is_ok());
    for (name, argument) in [("label_smoothing", json!(0.2)), ("base", json!("tiny"))] {
        let error = with_keys(name, argument, json!({ name: 0.1 })).unwrap_err();
        assert_eq!(error.state(), "22023");
        assert!(error.message().contains(name), "{}", error.message());
    }
}

#[test]
fn unknown_keys_are_named_with_those_that_are_known() {
    for (keys, word) in [
        (json!({ "minimum": 1 }), "\"minimum\""),
        (json!({ "rounds": 1 }), "\"rounds\""),
        (json!({ "label_column": "x" }), "\"label_column\""),
        (json!({ "options": {} }), "\"options\""),
        (json!(["epochs"]), "JSON object"),
        (json!(null), "JSON object"),
    ] {
        let error = with_keys("epochs", json!(3), keys).unwrap_err();
        assert_eq!(error.state(), "22023");
        assert!(error.message().contains(word), "{}", error.message());
    }
    let error = with_keys("epochs", json!(3), json!({ "minimum": 1 })).unwrap_err();
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("min_accuracy") && hint.contains("epochs"), "{hint}");
    let stored = json!({ "target_column": "t", "of_another_release": 1 });
    assert_eq!(Options::read(Kind::Table, &stored).unwrap_err().state(), "22023");
}

/// Options that a run of an earlier release lacks have their defaults.
#[test]
fn options_that_are_missing_have_their_defaults() {
    let options = Options::read(Kind::Table, &json!({ "target_column": "t" })).unwrap();
    let What::Table(table) = options.what else { panic!() };
    assert_eq!((table.task.rounds, table.task.learning_rate), (1000, 0.05));
    assert_eq!(options.common.promote, Promote::IfBetter);
}

#[test]
fn defaults_are_valid() {
    for kind in [Kind::Text, Kind::Table] {
        for spec in table::of(kind) {
            assert!(check(spec, &spec.default()).is_ok(), "{}", spec.name);
        }
    }
}

/// The arguments of a function in the install script.
fn arguments_of(function: &str) -> String {
    let script = include_str!("../../../sql/schema/33_training.sql");
    let head = format!("CREATE OR REPLACE FUNCTION crm_ai.{function}(");
    let (_, rest) = script.split_once(&head).unwrap();
    let (arguments, _) = rest.split_once("\n) RETURNS").unwrap();
    arguments.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An option as an argument of a function, `name type DEFAULT value`.
fn declaration(spec: &Spec) -> String {
    let sql_type = match spec.values {
        Values::Integer(..) => "integer",
        Values::Number(..) => "double precision",
        Values::Text | Values::Word(_) => "text",
        Values::Form { sql_type, .. } => sql_type,
    };
    let default = match spec.default {
        "null" => "NULL".to_owned(),
        other => other.replace('"', "'"),
    };
    format!("{} {sql_type} DEFAULT {default}", spec.name)
}

#[test]
fn the_arguments_in_sql_are_those_of_the_table() {
    for (function, kind, others) in [
        ("train", Kind::Text, 1),
        ("train_table", Kind::Table, 1),
        ("schedule_retrain", Kind::Text, 3),
        ("schedule_retrain_table", Kind::Table, 3),
    ] {
        let arguments = arguments_of(function);
        let declared: Vec<_> = table::of(kind).filter(|spec| spec.is_argument).collect();
        for spec in &declared {
            let argument = declaration(spec);
            assert!(arguments.contains(&argument), "{function} lacks {argument}: {arguments}");
        }
        assert_eq!(arguments.matches(" DEFAULT ").count(), declared.len() + others, "{function}");
        assert!(arguments.ends_with("options jsonb DEFAULT '{}'"), "{arguments}");
    }
}

/// The rows of a table of the page.
fn page_rows<'a>(specs: impl Iterator<Item = &'a Spec>) -> String {
    let mut rows = "| option | default | values | |\n|---|---|---|---|\n".to_owned();
    for spec in specs {
        let default = match spec.default {
            "null" => "NULL".to_owned(),
            text if text.starts_with('"') => format!("`{}`", text.replace('"', "")),
            other => other.to_owned(),
        };
        let values = spec.values.describe();
        rows += &format!("| `{}` | {default} | {values} | {} |\n", spec.name, spec.help);
    }
    rows
}

/// With `CRM_AI_WRITE_REFERENCE` set, the page's tables are written anew.
#[test]
fn the_page_has_the_options_of_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/training.md");
    let page = std::fs::read_to_string(file).unwrap();
    let mut wanted = page.clone();
    for (name, rows) in [
        ("texts", page_rows(table::of(Kind::Text).filter(|spec| spec.is_argument))),
        ("tables", page_rows(table::of(Kind::Table).filter(|spec| spec.is_argument))),
        ("keys", page_rows(table::SPECS.iter().filter(|spec| !spec.is_argument))),
    ] {
        let (begin, end) = (format!("<!-- options: {name} -->\n"), "<!-- end of options -->");
        let (before, rest) = wanted.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        wanted = format!("{before}{begin}\n{rows}\n{end}{after}");
    }
    if std::env::var_os("CRM_AI_WRITE_REFERENCE").is_some() {
        std::fs::write(file, &wanted).unwrap();
    } else {
        assert!(page == wanted, "run with CRM_AI_WRITE_REFERENCE=1 to write docs/training.md");
    }
}
