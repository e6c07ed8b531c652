//! What a run cost in energy.

use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux shows the processors' counters.
const POWERCAP: &str = "/sys/class/powercap";
/// Watts of a busy core where no counter can be read: about the thermal design power of present
/// server processors divided by their cores (AMD EPYC 9354: 280 W for 32).
const WATTS_PER_CORE: f64 = 9.0;

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Energy {
    counters: Vec<(PathBuf, f64)>,
    processor_seconds: f64,
}

impl Energy {
    /// Begins to measure.
    pub fn begin() -> Self {
        let counters = packages().into_iter().filter_map(|path| {
            let joules = read(&path)?;
            Some((path, joules))
        });
        Self { counters: counters.collect(), processor_seconds: processor_seconds() }
    }

    /// Joules since, and how they are known: `rapl`, the counters of all processors, others' work
    /// included; or `estimate`, this process's processor time at nine watts a core.
    pub fn end(&self) -> (f64, &'static str) {
        let spent: Option<f64> =
            self.counters.iter().map(|(path, first)| since(path, *first)).sum();
        match spent {
            Some(joules) if !self.counters.is_empty() => (joules, "rapl"),
            _ => {
                let seconds = processor_seconds() - self.processor_seconds;
                (seconds * WATTS_PER_CORE, "estimate")
            }
        }
    }
}

/// Counters of whole processors: `intel-rapl:0`, not its parts `intel-rapl:0:0`.
fn packages() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(POWERCAP) else { return Vec::new() };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().matches(':').count() == 1)
        .collect()
}

fn read(package: &Path) -> Option<f64> {
    number(&package.join("energy_uj"))
}

/// Joules since the counter stood at `first`; it begins again at its range's end.
fn since(package: &Path, first: f64) -> Option<f64> {
    let now = read(package)?;
    let range = number(&package.join("max_energy_range_uj")).unwrap_or(0.0);
    let spent = if now >= first { now - first } else { now + range - first };
    Some(spent / 1e6)
}

fn number(path: &Path) -> Option<f64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Processor time of this process and its threads.
fn processor_seconds() -> f64 {
    let ticks = || {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name may hold anything; utime and stime are the 14th and 15th field.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        Some(user + system)
    };
    // Linux counts in hundredths of a second wherever it shows times to users.
    ticks().unwrap_or(0.0) / 100.0
}
