//! Energy used by a run.

use nvml_wrapper::Nvml;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the processors' energy counters in Linux.
const POWERCAP: &str = "/sys/class/powercap";
/// Watts of a busy core where no counter can be read: about the thermal design power of present
/// server processors divided by their cores (AMD EPYC 9354: 280 W for 32).
const WATTS_PER_CORE: f64 = 9.0;

/// The library of NVIDIA's driver that reads its counters; the name without a number comes with
/// development files alone.
const NVML: &str = "libnvidia-ml.so.1";

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Energy {
    counters: Vec<(PathBuf, f64)>,
    processor_seconds: f64,
    graphics: Option<Graphics>,
}

/// The counter of a graphics processor.
#[derive(Debug)]
struct Graphics {
    nvml: Nvml,
    number: u32,
    /// Millijoules since its driver was loaded.
    first: u64,
}

impl Energy {
    /// Begins to measure, also that CUDA device where it can be read.
    pub fn begin(device: Option<i32>) -> Self {
        let counters = packages().into_iter().filter_map(|path| {
            let joules = read(&path)?;
            Some((path, joules))
        });
        Self {
            counters: counters.collect(),
            processor_seconds: processor_seconds(),
            graphics: device.and_then(Graphics::begin),
        }
    }

    /// Joules since, and how they are known: `rapl`, the counters of all processors, others' work
    /// included; `estimate`, this process's processor time at nine watts a core; or, of a run on a
    /// device, `nvml`: either of these and the device's counter.
    pub fn end(&self, on_device: bool) -> (f64, &'static str) {
        let (joules, source) = self.of_processors();
        let graphics = self.graphics.as_ref().filter(|_| on_device);
        match graphics.and_then(Graphics::joules) {
            Some(more) => (joules + more, "nvml"),
            None => (joules, source),
        }
    }

    fn of_processors(&self) -> (f64, &'static str) {
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

impl Graphics {
    /// The device of that number; Volta and later ones have a counter. Both libraries number by the
    /// same order where `CUDA_DEVICE_ORDER` is `PCI_BUS_ID` or all devices are alike.
    fn begin(number: i32) -> Option<Self> {
        let nvml = Nvml::builder().lib_path(OsStr::new(NVML)).init().ok()?;
        let number = u32::try_from(number).ok()?;
        let first = millijoules(&nvml, number)?;
        Some(Self { nvml, number, first })
    }

    fn joules(&self) -> Option<f64> {
        let now = millijoules(&self.nvml, self.number)?;
        Some(now.saturating_sub(self.first) as f64 / 1e3)
    }
}

fn millijoules(nvml: &Nvml, number: u32) -> Option<u64> {
    nvml.device_by_index(number).and_then(|device| device.total_energy_consumption()).ok()
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

#[cfg(test)]
mod tests {
    use super::Energy;

    /// A device that is not there leaves the processors' joules alone.
    #[test]
    fn energy_is_told_with_its_source() {
        for (device, on_device) in [(None, false), (Some(999), true), (Some(-1), true)] {
            let energy = Energy::begin(device);
            let sum: f64 = (0..20_000_000).map(f64::from).map(f64::sqrt).sum();
            assert!(sum > 0.0);
            let (joules, source) = energy.end(on_device);
            assert!((0.0..1e4).contains(&joules), "{joules}");
            assert!(["rapl", "estimate"].contains(&source), "{source}");
        }
    }
}
