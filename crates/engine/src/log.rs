//! The log: one line per event on stderr, which the server's log collector keeps, in the form of
//! the server's own lines.
//!
//! A line never holds a customer's text. A panic's message could, so only its place is told.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: u64 = 86_400;

/// Writes one line about what was done.
pub fn event(message: impl Display) {
    write("LOG", message);
}

/// Writes one line about what somebody should look at.
pub fn warning(message: impl Display) {
    write("WARNING", message);
}

/// Writes one line about why the process ends.
pub fn fatal(message: impl Display) {
    write("FATAL", message);
}

/// A log that cannot be written is no reason to stop serving.
fn write(level: &str, message: impl Display) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = line(now, std::process::id(), level, &message.to_string());
    // One write, so that lines of several threads never mix.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn line(since_1970: Duration, process: u32, level: &str, message: &str) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = date(seconds / SECONDS_PER_DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let millisecond = since_1970.subsec_millis();
    // What is quoted, as a model's name, could hold the end of a line.
    let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millisecond:03} UTC \
         [{process}] {level}:  crm_ai engine: {message}\n"
    )
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // The day of an era of 400 years, which begins on the first of March of the year 0.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day_of_month)
}

/// Makes panics tell their place alone: a message such as "byte index 3 is inside 'é' of `…`"
/// repeats the text that was being judged.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|info| match info.location() {
        Some(place) => warning(format_args!("panic at {}:{}", place.file(), place.line())),
        None => warning("panic"),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_form_of_the_servers_own() {
        // 2026-11-30 19:10:11.123 UTC
        let time = Duration::from_millis(1_796_065_811_123);
        assert_eq!(
            line(time, 1234, "LOG", "model a\nb@1"),
            "2026-11-30 19:10:11.123 UTC [1234] LOG:  crm_ai engine: model a b@1\n"
        );
    }

    #[test]
    fn days_have_their_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (10_957, (2000, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_322, (2000, 12, 31)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
