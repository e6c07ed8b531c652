//! Imports that are refused, each with its SQLSTATE and nothing left behind.

use crm_ai_integration::cluster::{Cluster, shared};
use crm_ai_integration::session::Session;
use crm_ai_integration::tiny_model::classifier;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// Bytes of the registry's tables, which an import that failed must not have changed.
fn contents(session: &mut Session) -> String {
    session.value(
        "SELECT concat_ws(' ', (SELECT count(*) FROM crm_ai.model),
             (SELECT count(*) FROM crm_ai.version), (SELECT count(*) FROM crm_ai.deployment),
             (SELECT count(*) FROM crm_ai.artifact), (SELECT count(*) FROM crm_ai.artifact_chunk))",
    )
}

#[track_caller]
fn refused(session: &mut Session, state: &str, name: &str, path: &str) {
    let before = contents(session);
    let sql = format!("SELECT crm_ai.import_model('{name}', '{path}')");
    let failure = session.fails_with(state, &sql);
    assert!(!failure.message.is_empty());
    assert_eq!(contents(session), before, "{path}");
}

/// A model's folder, changed by `spoil`.
fn spoilt(cluster: &Cluster, folder: &str, spoil: impl FnOnce(&Path)) {
    let path = cluster.imports().join(folder);
    classifier(20).write(&path);
    spoil(&path);
}

#[test]
fn paths_that_lead_elsewhere() {
    let cluster = shared();
    let mut session = cluster.database("paths");
    let imports = cluster.imports();
    classifier(20).write(&imports.join("model"));
    let outside = cluster.sockets().join("outside");
    classifier(20).write(&outside);
    symlink(&outside, imports.join("link")).unwrap();
    symlink("model", imports.join("link_within")).unwrap();
    symlink("..", imports.join("up")).unwrap();
    fs::write(imports.join("plain_file"), "").unwrap();
    for path in [
        "..",
        "../outside",
        "model/../../outside",
        "model/../model",
        "/etc",
        "/",
        &outside.display().to_string(),
        &format!("{}/../outside", imports.display()),
        &format!("{}x", imports.display()),
        "link",
        "link_within",
        "up/outside",
        "plain_file",
        "",
        "   ",
    ] {
        let state = if path == "   " { "58P01" } else { "22023" };
        refused(&mut session, state, "m", path);
    }
    refused(&mut session, "58P01", "m", "missing");
    refused(&mut session, "58P01", "m", "model/missing");
    for name in ["", "a b", "a@1", "1a", "-a", "a''b", "a/b", &"a".repeat(64)] {
        refused(&mut session, "22023", name, "model");
    }
    let precision = "SELECT crm_ai.import_model('m', 'model', 'fp64')";
    session.fails_with("22023", precision).expect_hint();
    assert_eq!(session.value("SELECT crm_ai.import_model('größe_1.2-b', 'model/')"), "1");
}

#[test]
fn files_that_are_no_files() {
    let cluster = shared();
    let mut session = cluster.database("files");
    let elsewhere = cluster.sockets().join("elsewhere");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = format!("linked_{file}");
        spoilt(&cluster, &folder, |path| {
            fs::rename(path.join(file), &elsewhere).unwrap();
            symlink(&elsewhere, path.join(file)).unwrap();
        });
        refused(&mut session, "22023", "m", &folder);
        let folder = format!("piped_{file}");
        spoilt(&cluster, &folder, |path| {
            fs::remove_file(path.join(file)).unwrap();
            assert!(Command::new("mkfifo").arg(path.join(file)).status().unwrap().success());
        });
        session.run("SET statement_timeout = '20s'");
        refused(&mut session, "22P02", "m", &folder);
        let folder = format!("nested_{file}");
        spoilt(&cluster, &folder, |path| {
            fs::remove_file(path.join(file)).unwrap();
            fs::create_dir(path.join(file)).unwrap();
        });
        refused(&mut session, "22P02", "m", &folder);
    }
}

#[test]
fn files_that_hold_no_model() {
    let cluster = shared();
    let mut session = cluster.database("spoilt");
    fs::create_dir(cluster.imports().join("empty")).unwrap();
    refused(&mut session, "22P02", "m", "empty");
    spoilt(&cluster, "pickled", |path| {
        fs::rename(path.join("model.safetensors"), path.join("pytorch_model.bin")).unwrap();
    });
    refused(&mut session, "22P02", "m", "pickled");
    let failure = session.failure("SELECT crm_ai.import_model('m', 'pickled')");
    assert!(failure.hint.contains("pickle"), "{failure:?}");
    spoilt(&cluster, "no_tokenizer", |path| fs::remove_file(path.join("tokenizer.json")).unwrap());
    refused(&mut session, "22P02", "m", "no_tokenizer");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let whole = {
            let path = cluster.imports().join(format!("whole_{file}"));
            classifier(20).write(&path);
            fs::read(path.join(file)).unwrap()
        };
        let spoils: [(&str, Vec<u8>); 5] = [
            ("emptied", Vec::new()),
            ("garbage", b"\x80\x04garbage\xff\xfe".to_vec()),
            ("halved", whole[..whole.len() / 2].to_vec()),
            ("shortened", whole[..whole.len() - 4].to_vec()),
            ("giant_header", [&u64::MAX.to_le_bytes(), &whole[8..]].concat()),
        ];
        for (kind, bytes) in spoils {
            let folder = format!("{kind}_{file}");
            spoilt(&cluster, &folder, |path| fs::write(path.join(file), bytes).unwrap());
            refused(&mut session, "22P02", "m", &folder);
        }
    }
    for (kind, from, to) in [
        ("family", "\"bert\"", "\"gpt2\""),
        ("width", "\"hidden_size\": 32", "\"hidden_size\": 48"),
        ("layers", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
        ("classes", "\"2\": \"other\"", "\"3\": \"other\""),
        ("size", "\"vocab_size\": ", "\"vocab_size\": 9"),
        ("negative", "\"max_position_embeddings\": 64", "\"max_position_embeddings\": -64"),
    ] {
        spoilt(&cluster, &format!("config_{kind}"), |path| {
            let config = fs::read_to_string(path.join("config.json")).unwrap();
            assert!(config.contains(from), "{config}");
            fs::write(path.join("config.json"), config.replace(from, to)).unwrap();
        });
        refused(&mut session, "22P02", "m", &format!("config_{kind}"));
    }
    for (folder, bytes) in [("onnx_empty", &b""[..]), ("onnx_garbage", b"\x08\x07garbage")] {
        spoilt(&cluster, folder, |path| {
            fs::remove_file(path.join("model.safetensors")).unwrap();
            fs::write(path.join("model.onnx"), bytes).unwrap();
        });
        refused(&mut session, "22P02", "m", folder);
    }
    // All that nonsense did the engine no harm.
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
}

#[test]
fn a_file_that_the_server_may_not_read() {
    let cluster = shared();
    let mut session = cluster.database("unreadable");
    spoilt(&cluster, "unreadable", |path| {
        let file = path.join("model.safetensors");
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    });
    // Where the tests do not run as root, the file is the server's own and 0 forbids it too.
    refused(&mut session, "42501", "m", "unreadable");
}

#[test]
fn acts_in_a_read_only_transaction() {
    let cluster = shared();
    let mut session = cluster.database("reading");
    classifier(21).write(&cluster.imports().join("reading"));
    session.run("SELECT crm_ai.import_model('m', 'reading')");
    for act in [
        "import_model('m', 'reading')",
        "export_model('m', 'reading_out')",
        "promote('m', 1)",
        "rollback('m')",
        "drop_version('m', 1)",
        "drop_model('m')",
        "grant_model('m', 'public')",
        "revoke_model('m', 'public')",
    ] {
        session.run("BEGIN READ ONLY");
        session.fails_with("25006", &format!("SELECT crm_ai.{act}"));
        session.run("ROLLBACK");
    }
    assert!(!cluster.imports().join("reading_out").exists());
}

#[test]
fn without_an_import_directory() {
    let cluster = Cluster::new(&[]);
    let mut session = cluster.session();
    classifier(22).write(&cluster.imports().join("m"));
    let imports = cluster.imports().display().to_string();
    for directory in ["", "/nonexistent"] {
        cluster.set(&mut session, "crm_ai.import_directory", directory);
        let state = if directory.is_empty() { "55000" } else { "58P01" };
        refused(&mut session, state, "m", "m");
        session.fails_with(state, "SELECT crm_ai.export_model('sentiment', 'out')");
    }
    cluster.set(&mut session, "crm_ai.import_directory", &imports);
    assert_eq!(session.value("SELECT crm_ai.import_model('m', 'm')"), "1");
}
