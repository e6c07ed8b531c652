//! `link`: looks for duplicates among the rows of a job and tells how it goes, one event a line.

use super::{CommandError, lifeline};
use crate::sandbox::{self, Profile};
use crm_ai_linkage::model::probability;
use crm_ai_linkage::rows::{Header, Rows};
use crm_ai_linkage::stored::{Stored, evidence_of};
use crm_ai_linkage::watch::Watch;
use crm_ai_linkage::{Found, Options as Search, find};
use crm_ai_wire::linkage::{
    CLUSTERS, LinkEvent, LinkJob, LinkKey, LinkOutcome, PAIRS, RowReader, RowWriter,
};
use lexopt::Arg::Long;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Longest file that may be written.
const FILE_BYTES_MAX: u64 = 256 << 30;
/// Rows that are read between two reports.
const REPORT_ROWS: u64 = 100_000;

/// The command line.
pub(super) struct Options {
    job: PathBuf,
    lifeline: bool,
}

impl Options {
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Self, CommandError> {
        let (mut job, mut lifeline) = (None, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("job") => job = Some(arguments.value()?.into()),
                Long("lifeline") => lifeline = true,
                other => return Err(other.unexpected().into()),
            }
        }
        let job = job.ok_or_else(|| CommandError::Usage("--job is missing".to_owned()))?;
        Ok(Self { job, lifeline })
    }
}

/// Runs the job.
pub(super) fn run(options: Options) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let json = std::fs::read(&options.job).map_err(|error| failed(&error))?;
    let job: LinkJob = serde_json::from_slice(&json).map_err(|error| failed(&error))?;
    let folder = options.job.parent().unwrap_or(Path::new("."));
    sandbox::enter(&Profile {
        reads: vec![folder.to_path_buf()],
        writes: vec![job.output.clone()],
        file_bytes: FILE_BYTES_MAX,
        ..Profile::default()
    });
    if options.lifeline {
        lifeline::watch()?;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(job.threads.max(1)).build_global();
    let linked = pool
        .map_err(|error| failed(&error))
        .and_then(|()| link(&job).map_err(|error| failed(&error)));
    match linked {
        Ok(event) => {
            tell(&event);
            Ok(())
        }
        Err(error) => {
            tell(&LinkEvent::Failed { message: error.to_string() });
            Err(error)
        }
    }
}

/// Tells of phases. A backend that has gone ends the process.
struct Teller;

impl Watch for Teller {
    fn report(&self, phase: &'static str, done: u64, of: u64) {
        tell(&LinkEvent::Phase { phase: phase.to_owned(), done, of });
    }
}

/// Writes an event. Whoever asked is gone when nobody reads: then nothing is left to do.
fn tell(event: &LinkEvent) {
    let Ok(mut line) = serde_json::to_vec(event) else { return };
    line.push(b'\n');
    let mut out = io::stdout().lock();
    if out.write_all(&line).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// Searches and writes the results; gives the last event.
fn link(job: &LinkJob) -> io::Result<LinkEvent> {
    let mut keys = Keys::default();
    let mut rows = Rows::new(headers(job)?);
    read(&job.rows, job.columns.len(), &mut keys, &mut rows)?;
    let left = keys.count();
    if let Some(right) = &job.right_rows {
        rows.end_left();
        read(right, job.columns.len(), &mut keys, &mut rows)?;
    }
    if !keys.are_unique(left) {
        return Ok(LinkEvent::KeyNotUnique);
    }
    let search = Search { threshold: job.threshold, one_to_one: job.one_to_one };
    let found = find(rows, search, &Teller).map_err(io::Error::other)?;
    Teller.report("writing", 0, found.pairs.len() as u64);
    let names = job.columns.iter().map(|column| column.name.clone()).collect();
    let stored = Stored::of(&found, names);
    let results = Results { found: &found, keys: &keys, left, threshold: job.threshold };
    let pairs = results.write_pairs(&job.output.join(PAIRS))?;
    results.write_clusters(&job.output.join(CLUSTERS), stored.as_ref())?;
    let model = stored.map(|stored| serde_json::to_string(&stored)).transpose();
    let model = model.map_err(io::Error::other)?;
    Ok(LinkEvent::Finished(Box::new(LinkOutcome { pairs, model, ..outcome(&found) })))
}

fn headers(job: &LinkJob) -> io::Result<Vec<Header>> {
    let header = |column: &crm_ai_wire::linkage::LinkColumn| {
        let kind = column.kind.as_deref().map(str::parse).transpose();
        Ok(Header { name: column.name.clone(), kind: kind.map_err(io::Error::other)? })
    };
    job.columns.iter().map(header).collect()
}

/// The keys of all rows, side by side.
#[derive(Default)]
struct Keys {
    text: String,
    ends: Vec<usize>,
}

impl Keys {
    fn push(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    /// True if no key of a table comes twice; the first `left` are of the left one.
    fn are_unique(&self, left: usize) -> bool {
        let is_unique = |rows: std::ops::Range<usize>| {
            let mut keys: Vec<&str> = rows.map(|row| self.get(row)).collect();
            keys.sort_unstable();
            keys.windows(2).all(|pair| pair[0] != pair[1])
        };
        is_unique(0..left) && is_unique(left..self.count())
    }

    fn count(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }
}

fn read(path: &Path, columns: usize, keys: &mut Keys, rows: &mut Rows) -> io::Result<()> {
    let mut reader =
        RowReader::new(BufReader::with_capacity(1 << 18, File::open(path)?), columns + 1);
    let mut count = 0;
    while let Some(row) = reader.next_row()? {
        let key = row[0].as_deref().unwrap_or_default();
        keys.push(key);
        rows.push(key, row[1..].iter().map(Option::as_deref));
        count += 1;
        if count % REPORT_ROWS == 0 {
            Teller.report("reading", count, 0);
        }
    }
    Ok(())
}

fn outcome(found: &Found) -> LinkOutcome {
    let mut sizes = vec![0u64; found.clusters.iter().max().map_or(0, |last| *last as usize + 1)];
    for &cluster in &found.clusters {
        sizes[cluster as usize] += 1;
    }
    let kinds: BTreeMap<String, String> =
        found.table.columns.iter().map(|c| (c.name.clone(), c.kind.to_string())).collect();
    let keys = found.keys.iter().map(|(key, chosen)| LinkKey {
        key: key.clone(),
        pairs: chosen.pairs,
        gain: chosen.gain,
    });
    LinkOutcome {
        rows: found.table.rows as u64,
        clusters: found.clusters.iter().max().map_or(0, |last| u64::from(*last)),
        largest_cluster: sizes.iter().max().copied().unwrap_or_default(),
        compared: found.compared as u64,
        expected_pairs: found.expected_matches,
        kinds,
        keys: keys.collect(),
        ..LinkOutcome::default()
    }
}

struct Results<'a> {
    found: &'a Found,
    keys: &'a Keys,
    /// The number of rows of the table, or of the left one.
    left: usize,
    threshold: f64,
}

impl Results<'_> {
    fn key(&self, row: u32) -> &str {
        self.keys.get(self.found.order[row as usize] as usize)
    }

    /// Writes the pairs of the threshold and above; gives their number.
    fn write_pairs(&self, path: &Path) -> io::Result<u64> {
        let mut writer = create(path)?;
        let mut count = 0;
        for pair in &self.found.pairs {
            let weight = f64::from(pair.weight);
            let probability = probability(weight);
            if probability < self.threshold {
                continue;
            }
            count += 1;
            let (mut left, mut right) = (self.key(pair.a), self.key(pair.b));
            // Of linked tables the left row comes first as it is.
            if self.found.table.left.is_none() && is_after(left, right) {
                (left, right) = (right, left);
            }
            writer.value(Some(left))?;
            writer.value(Some(right))?;
            writer.value(Some(&probability.to_string()))?;
            writer.value(Some(&weight.to_string()))?;
            writer.value(Some(&evidence_of(self.found, pair).to_string()))?;
        }
        writer.finish()?;
        Ok(count)
    }

    fn write_clusters(&self, path: &Path, stored: Option<&Stored>) -> io::Result<()> {
        let mut writer = create(path)?;
        let table = &self.found.table;
        let hasher = stored.map(|stored| stored.hashes(table));
        for (row, cluster) in self.found.clusters.iter().enumerate() {
            let is_right = self.found.order[row] as usize >= self.left;
            let hashes = hasher.as_ref().map(|hasher| hasher.of(table, row)).unwrap_or_default();
            let hashes: Vec<String> = hashes.iter().map(i32::to_string).collect();
            writer.value(Some(self.key(row as u32)))?;
            writer.value(Some(&cluster.to_string()))?;
            writer.value(Some(if is_right { "t" } else { "f" }))?;
            writer.value(Some(&format!("{{{}}}", hashes.join(","))))?;
        }
        writer.finish()
    }
}

fn create(path: &Path) -> io::Result<RowWriter<BufWriter<File>>> {
    let file = File::options().write(true).create_new(true).open(path)?;
    Ok(RowWriter::new(BufWriter::with_capacity(1 << 18, file)))
}

/// True if a key comes after another: as numbers where both are, else as text.
fn is_after(left: &str, right: &str) -> bool {
    match (left.parse::<i64>(), right.parse::<i64>()) {
        (Ok(left), Ok(right)) => left > right,
        _ => left > right,
    }
}
