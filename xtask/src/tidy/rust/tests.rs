//! Each rule with what it refuses, where it does not apply, and what only looks like it.

use super::*;

/// The messages for a file of this body.
fn messages(path: &str, body: &str) -> Vec<String> {
    let problems = check(path, &format!("//! A file.\n{body}\n"));
    problems.into_iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
}

fn assert_refused(path: &str, body: &str, part: &str) {
    let messages = messages(path, body);
    assert!(
        messages.len() == 1 && messages[0].starts_with("2: ") && messages[0].contains(part),
        "{path}: {body}: {messages:?}"
    );
}

fn assert_passes(path: &str, body: &str) {
    assert_eq!(messages(path, body), Vec::<String>::new(), "{path}: {body}");
}

#[test]
fn a_file_says_what_its_job_is() {
    assert_eq!(check("src/a.rs", "// A file.\nuse a;\n").len(), 1);
    assert_eq!(check("src/a.rs", "//! A file.\nuse a;\n"), vec![]);
}

#[test]
fn unsafe_lies_in_src_pg() {
    let body = "fn f() { unsafe { g() } }";
    assert_refused("src/api/clean.rs", body, "src/pg");
    assert_refused("crates/wire/src/lib.rs", "unsafe impl Send for A {}", "src/pg");
    assert_refused("src/plan/find.rs", body, "src/pg");
    assert_passes("src/pg/latch.rs", body);
    assert_passes("src/plan/execute/run.rs", body);
    assert_passes("src/api/clean.rs", "// unsafe\nconst A: &str = \"unsafe {}\";");
    assert_passes("src/lib.rs", "#![deny(unsafe_code)]");
}

#[test]
fn spi_lies_in_one_file_that_two_may_call() {
    assert_refused("src/api/models.rs", "fn f() { Spi::run(\"\") }", "src/store/spi.rs");
    assert_refused("src/store/models.rs", "fn f() { Spi::run(\"\") }", "src/store/spi.rs");
    assert_refused("src/pg/loading.rs", "fn f() { pg_sys::SPI_connect() }", "src/store/spi.rs");
    assert_passes("src/store/spi.rs", "fn f() { Spi::run(\"\") }");
    assert_passes("src/pg/query.rs", "fn f() { pg_sys::SPI_connect() }");
    assert_refused("src/store/models.rs", "use super::spi::change;", "store::registry");
    assert_refused("src/store/models.rs", "use super::{registry, spi};", "store::registry");
    assert_passes("src/store/caller.rs", "use super::spi;");
    assert_passes("src/error.rs", "fn f(error: pgrx::spi::Error) {}");
}

#[test]
fn onnx_runtime_and_pgrx_keep_to_their_rooms() {
    assert_refused("crates/engine/src/lib.rs", "use ort::session;", "crates/infer");
    assert_passes("crates/infer/src/session.rs", "use ort::session;");
    assert_passes("crates/engine/src/lib.rs", "use sort::session; fn ort() {}");
    assert_refused("crates/clean/src/lib.rs", "use pgrx::prelude;", "pgrx");
    assert_passes("src/lib.rs", "use pgrx::prelude;");
}

#[test]
fn errors_become_sqlstates_in_one_place() {
    assert_refused("src/api/clean.rs", "fn f() { error!(\"no\") }", "src/error.rs");
    assert_passes("src/error.rs", "fn f() { error!(\"no\") }");
    let state = "const A: u32 = PgSqlErrorCode::ERRCODE_CONNECTION_FAILURE;";
    assert_refused("src/error.rs", state, "pools");
    assert_passes("src/error.rs", "const A: u32 = PgSqlErrorCode::ERRCODE_SYSTEM_ERROR;");
}

#[test]
fn vague_modules_and_leftovers_are_refused() {
    assert_refused("src/lib.rs", "mod utils;", "named for its job");
    assert_refused("src/lib.rs", "use crate::common::thing;", "named for its job");
    assert_refused("src/lib.rs", "fn f() { dbg!(1); }", "dbg!");
    assert_refused("src/lib.rs", "#[ignore] fn f() {}", "a test runs");
    assert_refused("src/lib.rs", "fn f() -> anyhow::Result<()> {}", "typed");
    assert_passes("src/lib.rs", "fn f() { a.ignore(); uncommon::b(); }");
}

#[test]
fn functions_have_a_limit() {
    let function = |lines: usize| format!("fn long() {{\n{}}}", "a();\n".repeat(lines - 2));
    assert_passes("src/lib.rs", &function(70));
    assert_refused("src/lib.rs", &function(71), "long has 71 lines");
    // Nested ones are found, and neither a declaration nor a function's type begins one.
    let nested = format!("mod a {{ impl B {{ {} }} }}", function(71));
    assert_refused("src/lib.rs", &nested, "71 lines");
    let long_module = format!("type F = fn(u8);\nmod a {{\n{}}}", "use b;\n".repeat(90));
    assert_passes("src/lib.rs", &long_module);
    let declaration = format!("trait T {{ fn f(); }}\nstruct S {{\n{}}}", "a: u8,\n".repeat(90));
    assert_passes("src/lib.rs", &declaration);
}
