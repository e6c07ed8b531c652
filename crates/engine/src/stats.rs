//! Counters, and the throughput of the last ten seconds.

use std::time::Instant;

/// Seconds over which the throughput is averaged.
const WINDOW_SECONDS: u64 = 10;

/// Counters since the engine's start.
#[derive(Debug)]
pub(crate) struct Counters {
    started: Instant,
    pub requests: u64,
    pub rows: u64,
    pub batches: u64,
    pub cached: u64,
    pub rejected: u64,
    pub abandoned: u64,
    pub errors: u64,
    /// For each second of the window, and the one under way: which second, and its texts.
    recent: [(u64, u64); WINDOW_SECONDS as usize + 1],
}

impl Counters {
    pub fn new(now: Instant) -> Self {
        Self {
            started: now,
            requests: 0,
            rows: 0,
            batches: 0,
            cached: 0,
            rejected: 0,
            abandoned: 0,
            errors: 0,
            recent: [(0, 0); WINDOW_SECONDS as usize + 1],
        }
    }

    /// Time since the start.
    pub fn uptime_seconds(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.started).as_secs_f64()
    }

    /// Counts judged texts.
    pub fn add_rows(&mut self, rows: u64, now: Instant) {
        self.rows += rows;
        let second = self.uptime_seconds(now) as u64;
        let slot = &mut self.recent[(second % (WINDOW_SECONDS + 1)) as usize];
        if slot.0 != second {
            *slot = (second, 0);
        }
        slot.1 += rows;
    }

    /// Texts judged per second over the last ten seconds, or since the start if that is later.
    pub fn rows_per_second(&self, now: Instant) -> f64 {
        let uptime = self.uptime_seconds(now);
        let second = uptime as u64;
        let oldest = second.saturating_sub(WINDOW_SECONDS);
        let recent = self.recent.iter().filter(|(at, _)| (oldest..=second).contains(at));
        let rows: u64 = recent.map(|(_, rows)| rows).sum();
        // The window begins with a whole second and ends in the one under way.
        rows as f64 / (uptime - oldest as f64).max(1.0)
    }
}

/// Resident memory of the process; 0 where the system does not tell.
pub(crate) fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok().and_then(|line| {
        line.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok())
    });
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn throughput_forgets_what_is_older_than_its_window() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut counters = Counters::new(start);
        for second in 0..20 {
            counters.add_rows(100, at(second));
        }
        assert_eq!(counters.rows_per_second(at(20)), 100.0);
        assert!((1.0..=100.0).contains(&counters.rows_per_second(at(25))));
        assert_eq!(counters.rows_per_second(at(40)), 0.0);
        assert_eq!(counters.rows, 2000);
    }
}
