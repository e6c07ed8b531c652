//! Some hundred imports of changed models, always the same; `examples/fuzz_imports` does as many as
//! one likes.

use crate::process::*;
use std::sync::Mutex;

#[path = "../../examples/fuzz_imports/campaign.rs"]
mod campaign;
#[path = "../../examples/fuzz_imports/mutate.rs"]
mod mutate;

const CASES: u64 = 300;

#[test]
fn whatever_a_models_files_hold_the_engine_lives_and_says_what_is_wrong() {
    let arguments = ["--import-limit", "20000", "--run-limit", "10000"];
    let mut program = Program::start_with(tempfile::tempdir().unwrap(), &arguments);
    // Else the engine would wait for somebody to read its log.
    let mut log = program.child.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let fixtures = root("tests/fixtures/model");
    let place = tempfile::tempdir().unwrap();
    let tally = Mutex::default();
    campaign::run(&program.socket(), &fixtures, place.path(), 0..CASES, &tally).unwrap();
    let tally: campaign::Tally = tally.into_inner().unwrap();
    assert!(tally.faults.is_empty(), "{tally:?}");
    assert_eq!(tally.outcomes.values().sum::<usize>() as u64, CASES);
    // Some stay models, most do not.
    assert!(tally.outcomes["imported"] > 20 && tally.outcomes.len() > 10, "{tally:?}");
    assert_eq!(program.cached(), [""; 0]);
    assert!(!program.is_over());
}
