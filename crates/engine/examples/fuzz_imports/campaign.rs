//! Imports changed models through an engine that runs, and tells what came of them.

use super::mutate::{Random, change};
use crm_ai_wire::client::Client;
use crm_ai_wire::{Digest, ErrorCode, Manifest, ModelInfo, Precision, Reply, Request, Task};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest silence of the engine, which says each second that it is at work.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Longest wait for an answer of a model that was imported.
const DEADLINE_MS: u32 = 3000;
/// Files of one model that are changed at a time, at most.
const FILES_MAX: usize = 2;

/// What came of a number of cases.
#[derive(Debug, Default)]
pub struct Tally {
    /// Models by what became of them.
    pub outcomes: BTreeMap<String, usize>,
    /// What should never be: the case's seed, and what happened.
    pub faults: Vec<(u64, String)>,
    /// The longest case.
    pub longest: Duration,
}

/// Tries the cases of these seeds, and adds what came of them to `tally`. `fixtures` holds models'
/// folders, `place` is an empty folder.
pub fn run(
    socket: &Path,
    fixtures: &Path,
    place: &Path,
    seeds: impl Iterator<Item = u64>,
    tally: &Mutex<Tally>,
) -> io::Result<()> {
    let mut models: Vec<_> = fs::read_dir(fixtures)?.flatten().map(|entry| entry.path()).collect();
    models.retain(|path| path.is_dir());
    models.sort();
    for seed in seeds {
        let mut random = Random(seed);
        let model = &models[random.below(models.len())];
        let folder = place.join(seed.to_string());
        spoil(model, &folder, &mut random)?;
        let began = Instant::now();
        let outcome = try_case(socket, &folder);
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.longest = tally.longest.max(began.elapsed());
        match outcome {
            Ok(outcome) => *tally.outcomes.entry(outcome).or_default() += 1,
            Err(error) => tally.faults.push((seed, error.to_string())),
        }
        drop(tally);
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// A copy of a model's folder with some of its files changed.
fn spoil(model: &Path, folder: &Path, random: &mut Random) -> io::Result<()> {
    fs::create_dir_all(folder.join("1_Pooling"))?;
    let mut files = Vec::new();
    for name in Manifest::FILES {
        if let Ok(content) = fs::read(model.join(name)) {
            fs::write(folder.join(name), &content)?;
            files.push((name, content));
        }
    }
    for _ in 0..=random.below(FILES_MAX) {
        let (name, content) = &files[random.below(files.len())];
        fs::write(folder.join(name), change(name, content, random))?;
    }
    Ok(())
}

/// Imports a model, and asks it where it is one still. Fails where the engine does what it should
/// not.
fn try_case(socket: &Path, folder: &Path) -> io::Result<String> {
    let fault = |what: String| Err(io::Error::other(what));
    let mut client = Client::connect(socket)?;
    client.set_limit(SILENCE_MAX)?;
    let info = match client.examine(folder)? {
        Reply::Described(info) => info,
        Reply::Error(code, message) => {
            return match code {
                ErrorCode::InvalidModel | ErrorCode::OutOfMemory | ErrorCode::ImportLimit => {
                    Ok(refusal(code, &message))
                }
                _ => fault(format!("import: {code:?}: {message}")),
            };
        }
        other => return fault(format!("import: {other:?}")),
    };
    let digest = Manifest::of_folder(folder)?.digest();
    client.load(folder)?;
    for (precision, texts) in
        [(Precision::Fp32, ["please help", "a"]), (Precision::Int8, ["a", "{\"age\": 1}"])]
    {
        match ask(&mut client, digest, &info, precision, &texts)? {
            Reply::Scores(_) | Reply::Vectors(_) => {}
            // What is no record, a number that is none, or a graph that fails: told as what it is.
            Reply::Error(ErrorCode::Protocol, _) if info.architecture == "table" => {}
            Reply::Error(
                ErrorCode::Internal
                | ErrorCode::InvalidModel
                | ErrorCode::OutOfMemory
                | ErrorCode::DeadlinePassed
                | ErrorCode::RunLimit,
                _,
            ) => {}
            other => return fault(format!("call: {other:?}")),
        }
    }
    client.call(Request::Evict(digest))?;
    Ok("imported".to_owned())
}

fn ask(
    client: &mut Client,
    model: Digest,
    info: &ModelInfo,
    precision: Precision,
    texts: &[&str],
) -> io::Result<Reply> {
    let task = match (info.architecture.as_str(), info.labels.is_empty()) {
        ("table", _) => Task::Predict,
        (_, true) => Task::Embed,
        (_, false) => Task::Classify,
    };
    client.infer_within(DEADLINE_MS, (model, precision, task), texts)
}

/// A refusal without what differs from case to case.
fn refusal(code: ErrorCode, message: &str) -> String {
    let what = message.strip_prefix("invalid model: ").unwrap_or(message);
    let words: Vec<&str> = what.split_whitespace().take(3).collect();
    format!("refused, {code:?}: {}", words.join(" "))
}
