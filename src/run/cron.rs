//! Times of a schedule.

use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};

/// Five fields in the manner of cron, or one of its names such as `@daily`.
#[derive(Debug)]
pub struct Cron(croner::Cron);

impl Cron {
    /// Reads a schedule. 22023 where it is none, or can never fire.
    pub fn parse(text: &str) -> Result<Self> {
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text.trim()).map(Self).map_err(|_| malformed())?;
        // From a leap year's beginning every day that there is comes within eight years.
        cron.next_after(1_704_067_200).map(|_| cron).ok_or_else(|| {
            Error::invalid_argument("schedule never fires").hint("no such day is in the calendar")
        })
    }

    /// The next time after a time. Both are wall-clock times where the schedule applies, in seconds
    /// since the beginning of 1970 there.
    pub fn next_after(&self, seconds: i64) -> Option<i64> {
        let now: DateTime<Utc> = DateTime::from_timestamp(seconds, 0)?;
        self.0.find_next_occurrence(&now, false).ok().map(|next| next.timestamp())
    }
}

fn malformed() -> Error {
    Error::invalid_argument("invalid cron expression in schedule").hint(
        "five fields: minute, hour, day of the month, month, day of the week, as in '30 2 * * *'; \
         or @hourly, @daily, @weekly, @monthly, @yearly",
    )
}

#[cfg(test)]
mod tests {
    use super::Cron;

    /// Monday, 1 January 2024, 00:00.
    const NEW_YEAR: i64 = 1_704_067_200;
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn schedules_fire_when_cron_would() {
        for (text, after) in [
            ("* * * * *", MINUTE),
            ("30 2 * * *", 2 * HOUR + 30 * MINUTE),
            ("*/15 9-17 * * 1-5", 9 * HOUR),
            ("0 0 * * SUN", 6 * DAY),
            ("0 0 29 2 *", 59 * DAY),
            ("@hourly", HOUR),
            ("@daily", DAY),
            ("@weekly", 6 * DAY),
            ("@monthly", 31 * DAY),
        ] {
            let next = Cron::parse(text).unwrap().next_after(NEW_YEAR);
            assert_eq!(next, Some(NEW_YEAR + after), "{text}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "often", "61 * * * *", "* * * *", "* * * * * *", "0 0 30 2 *", "@reboot"] {
            assert_eq!(Cron::parse(text).unwrap_err().state(), "22023", "{text}");
        }
    }
}
