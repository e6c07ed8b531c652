//! Messages that new users meet first: each names what is wrong, and its hint the next step.

use crate::train::cluster;
use crm_ai_integration::cluster::Cluster;
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::classifier;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[track_caller]
fn tells(session: &mut Session, sql: &str, state: &str, message: &str, hint: &str) {
    let failure = session.fails_with(state, sql);
    assert!(failure.message.contains(message), "{sql}: {failure:?}");
    assert!(failure.hint.contains(hint), "{sql}: {failure:?}");
    assert!(!failure.message.contains("os error"), "{sql}: {failure:?}");
}

#[test]
fn a_function_that_needs_a_role_names_it() {
    let (_cluster, mut session) = cluster(&[]);
    session.run("CREATE ROLE newcomer; CREATE ROLE special; GRANT SELECT ON ticket TO newcomer");
    session.run("GRANT EXECUTE ON FUNCTION crm_ai.train TO special");
    session.run("SET ROLE newcomer");
    for (call, function, role) in [
        ("crm_ai.train('m', 'ticket', 'body', 'queue')", "train", "crm_ai_trainer"),
        ("crm_ai.unschedule(1)", "unschedule", "crm_ai_trainer"),
        ("crm_ai.import_model('m', 'm')", "import_model", "crm_ai_admin"),
        ("crm_ai.unwatch('ticket', 'queue')", "unwatch", "crm_ai_user"),
    ] {
        let message = format!("permission denied for function {function}");
        let sql = format!("SELECT {call}");
        tells(&mut session, &sql, "42501", &message, &format!("needs role {role}"));
        tells(&mut session, &format!("EXPLAIN {sql}"), "42501", &message, role);
    }
    // Nobody but the extension may call it.
    let failure = session.fails_with("42501", "SELECT crm_ai.register_scheduler()");
    assert_eq!(failure.hint, "");
    session.run("RESET ROLE; SET ROLE special");
    session
        .fails_with("42501", "SELECT crm_ai.train('m', 'ticket', 'body', 'queue')")
        .expect_message("start_run");
}

#[test]
fn training_tells_what_to_change() {
    let cluster = Cluster::new(&["crm_ai.train_nice = 0"]);
    let mut session = cluster.session();
    session.run(
        "CREATE TABLE ticket AS SELECT 'text ' || n AS body,
             CASE WHEN n < 3 THEN 'rare' ELSE 'common' END AS queue FROM generate_series(1, 40) n",
    );
    let train = |model: &str, rest: &str| {
        format!("SELECT crm_ai.train('{model}', 'ticket', 'body', 'queue'{rest})")
    };
    let invalid = "invalid value for method; expected auto, fine_tune or head";
    tells(&mut session, &train("m", ", method => 'magic'"), "22023", invalid, "default");
    let name = "begins with a letter";
    tells(&mut session, &train("1st", ""), "22023", "invalid model name", name);
    let schedule = "SELECT crm_ai.schedule_retrain('m', 'often', 'ticket', 'body', 'queue')";
    tells(&mut session, schedule, "22023", "invalid cron expression", "30 2 * * *");
    let run = session.value(&train("m", ", method => 'head'"));
    let few = "too few distinct texts for 1 of the classes; each needs 4";
    let wait_for = format!("SELECT crm_ai.wait({run}, '1 min')");
    tells(&mut session, &wait_for, "22000", few, "merge them with others");
}

#[test]
fn imports_and_exports_tell_what_to_change() {
    let (cluster, mut session) = cluster(&[]);
    let folder = |name: &str| cluster.imports().join(name);
    let import = |name: &str| format!("SELECT crm_ai.import_model('{name}', '{name}')");
    let export = |rest: &str| format!("SELECT crm_ai.export_model('tiny', 'out'{rest})");
    fs::create_dir(folder("empty")).unwrap();
    tells(&mut session, &import("empty"), "22P02", "no model found", "model.safetensors");
    tells(&mut session, &import("nowhere"), "58P01", "No such file", "crm_ai.import_directory");

    classifier(1).write(&folder("other"));
    let config = folder("other").join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("\"bert\"", "\"mpnet\"")).unwrap();
    tells(&mut session, &import("other"), "22P02", "model type mpnet", "ONNX");

    classifier(1).write(&folder("closed"));
    let weights = folder("closed").join("model.safetensors");
    fs::set_permissions(&weights, fs::Permissions::from_mode(0o000)).unwrap();
    tells(&mut session, &import("closed"), "42501", "Permission denied", "mode is 0000");

    tells(&mut session, &export(", 'onnx'"), "22023", "has no model.onnx", "'huggingface'");
    tells(&mut session, &export(", 'pickle'"), "22023", "invalid value for format", "format");
    session.run(&export(""));
    tells(&mut session, &export(""), "58P02", "already exists", "new folder");
}
