//! Runs a target, and names the text that fails it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::generator::Generator;

/// Cases of each target in `make test`.
const CASES: usize = 10_000;

/// Feeds `check` with texts made of `seeds` and `fragments`, until one is wrong.
pub fn run(seeds: &[String], fragments: &[&str], check: impl Fn(&str) -> Result<(), String>) {
    let setting = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let cases = setting("CRM_AI_FUZZ_CASES").unwrap_or(CASES);
    let seed = setting("CRM_AI_FUZZ_SEED").unwrap_or(2026);
    assert!(seeds.len() > 10 && fragments.len() > 10);
    let mut generator = Generator::new(seed as u64, seeds, fragments);
    for case in 0..cases {
        let text = generator.text();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&text)));
        let fault = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(fault)) => fault,
            Err(_) => "it panics".to_owned(),
        };
        panic!("case {case} of seed {seed}, {text:?}: {fault}");
    }
}

/// A file of the fixtures.
pub fn fixture(name: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/clean");
    std::fs::read(root.join(name)).unwrap()
}

/// The claim holds, or the two sides are told.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: T, other: T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}: {one:?} and {other:?}")) }
}
