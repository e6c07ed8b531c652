//! Meanings of single JSON values: numbers in texts, dates, truth values.

use serde_json::Value;

/// Currency signs that may stand before or after a number.
const CURRENCIES: &[char] = &['$', '€', '£', '¥'];
/// Seconds of a day.
const DAY_SECONDS: f64 = 86_400.0;
/// The day of `infinity`: after all others, and still a number that the trees compare.
const END: f64 = f32::MAX as f64;

/// A text without white space around it; `None` for a blank one, which is a missing value.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// True if a value is missing: NULL, or a blank text.
pub(crate) fn is_missing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// True if a value is PostgreSQL's `NaN`, which says that a number is not known.
pub(crate) fn is_nan(value: &Value) -> bool {
    text_of(value) == Some("NaN")
}

/// The number that a value is or holds as text; `None` for anything else. `NaN` is no number.
pub(crate) fn number_of(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => parse_number(text.trim())?,
        _ => return None,
    };
    // A number too large for 32 bits stays the largest; the trees only compare.
    let number = number.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
    (!number.is_nan()).then_some(number)
}

/// Reads `-12.5`, `1e3`, `1,234.50`, `$ 12`, `12 %` and PostgreSQL's `Infinity`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(CURRENCIES).trim_end_matches(CURRENCIES);
    let text = text.strip_suffix('%').unwrap_or(text).trim();
    if text == "Infinity" {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let plain = if text.contains(',') { without_thousands(text)? } else { text.to_owned() };
    let number: f64 = plain.parse().ok()?;
    Some(if negative { -number } else { number })
}

/// Removes the commas of `1,234,567.8`; `None` where they do not part thousands.
fn without_thousands(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let well_made = (1..=3).contains(&first.len())
        && groups.all(|group| group.len() == 3)
        && whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    let plain = whole.replace(',', "");
    well_made.then(|| if fraction.is_empty() { plain } else { format!("{plain}.{fraction}") })
}

/// True if a text is a code that only looks like a number: `02134`.
pub(crate) fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 1 && bytes[0] == b'0' && bytes.iter().all(u8::is_ascii_digit)
}

/// A date, or a point in time, as PostgreSQL writes it into JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Days since 1970-01-01, with the time as a part of a day; in UTC where a zone is given.
    /// Those of `infinity` are 32-bit floating point's largest number.
    pub days: f64,
    /// True if there is a time beside the date.
    pub has_time: bool,
}

impl Moment {
    /// Reads `2026-11-24`, `2026-11-24T09:25:39.5` and `…+02:00`, also with a space for the `T`;
    /// `infinity` and `-infinity`.
    pub fn of(text: &str) -> Option<Self> {
        let end = |days| Some(Self { days, has_time: false });
        match text {
            "infinity" => return end(END),
            "-infinity" => return end(-END),
            _ => {}
        }
        let (date, rest) = text.split_at_checked(text.find(['T', ' ']).unwrap_or(text.len()))?;
        let days = parse_date(date)? as f64;
        if rest.is_empty() {
            return Some(Self { days, has_time: false });
        }
        let (time, offset) = split_zone(&rest[1..]);
        let seconds = parse_time(time)? - parse_zone(offset)?;
        Some(Self { days: days + seconds / DAY_SECONDS, has_time: true })
    }

    /// Month 1 … 12, day of the month 1 … 31, weekday 1 (Monday) … 7, hour 0 … 23; NaN at
    /// infinity.
    pub fn parts(&self) -> [f32; 4] {
        if self.days.abs() >= END {
            return [f32::NAN; 4];
        }
        let day = self.days.floor();
        let (_, month, day_of_month) = civil_of_days(day as i64);
        // 1970-01-01 was a Thursday.
        let weekday = (day as i64 + 3).rem_euclid(7) + 1;
        // Half a second, so that a whole hour does not fall to the one before by rounding.
        let hour = (((self.days - day) * DAY_SECONDS + 0.5) / 3600.0).floor();
        [month as f32, day_of_month as f32, weekday as f32, hour.min(23.0) as f32]
    }
}

fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str, least: usize, most: usize| {
        let fits = (least..=most).contains(&part.len());
        (fits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<i64>().ok())?
    };
    let (year, month, day) = (digits(year, 4, 6)?, digits(month, 2, 2)?, digits(day, 2, 2)?);
    let days = days_of_civil(year, month, day);
    // A day that the calendar does not have comes back as another.
    (parts.next().is_none() && civil_of_days(days) == (year, month, day)).then_some(days)
}

/// Parts `09:25:39.5+02:00` into time and zone.
fn split_zone(text: &str) -> (&str, &str) {
    let zone = text.find(['+', '-', 'Z', ' ']).unwrap_or(text.len());
    text.split_at(zone)
}

/// Seconds since midnight.
fn parse_time(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hour, minute) = (number_below(parts.next()?, 25)?, number_below(parts.next()?, 60)?);
    let second = match parts.next() {
        None => 0.0,
        Some(part) if part.starts_with(|c: char| c.is_ascii_digit()) => {
            part.parse::<f64>().ok().filter(|second| *second < 61.0)?
        }
        Some(_) => return None,
    };
    parts.next().is_none().then_some(f64::from(hour) * 3600.0 + f64::from(minute) * 60.0 + second)
}

/// Seconds east of Greenwich; nothing and `Z` stand for none.
fn parse_zone(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() || text == "Z" {
        return Some(0.0);
    }
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let mut parts = text.get(1..)?.split(':');
    let hours = number_below(parts.next()?, 16)?;
    let minutes = parts.next().map_or(Some(0), |part| number_below(part, 60))?;
    Some(sign * (f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0))
}

fn number_below(text: &str, limit: u32) -> Option<u32> {
    let is_plain = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&number| is_plain && number < limit)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, counted in eras of 400 years that
/// begin in March (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_of_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of days since 1970-01-01; the way back of [`days_of_civil`].
fn civil_of_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + shifted.div_euclid(146_097) * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_read_out_of_texts() {
        for (text, number) in [
            ("12", 12.0),
            ("-1.5", -1.5),
            ("+3", 3.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("1,234.50", 1234.5),
            ("$1,000", 1000.0),
            ("12 %", 12.0),
            ("-$5", -5.0),
            ("Infinity", f64::INFINITY),
        ] {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for text in ["", "-", "12a", "1,23", "1,2345", "nan", "NaN", "inf", "1.2.3", "0x1", ","] {
            assert_eq!(parse_number(text), None, "{text}");
        }
        assert_eq!(number_of(&json!(1e300)), Some(f32::MAX));
        assert_eq!(number_of(&json!("NaN")), None);
        assert_eq!(number_of(&json!([1])), None);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        let days = |text: &str| Moment::of(text).map(|moment| moment.days);
        assert_eq!(days("1970-01-01"), Some(0.0));
        assert_eq!(days("2000-03-01"), Some(11_017.0));
        assert_eq!(days("1969-12-31"), Some(-1.0));
        assert_eq!(days("2024-02-29"), Some(19_782.0));
        assert_eq!(days("1970-01-02T12:00:00"), Some(1.5));
        assert_eq!(days("1970-01-02T12:00:00.000+06:00"), Some(1.25));
        assert_eq!(days("1970-01-02 00:00:00-12"), Some(1.5));
        for bad in ["", "2023-02-29", "2023-13-01", "24-01-01", "2023-1-1", "Infinity", "x"] {
            assert_eq!(days(bad), None, "{bad}");
        }
        assert_eq!(days("1970-01-02T00:00:60"), Some(1.0 + 1.0 / 1440.0));
        for bad in [
            "2023-01-01T00:00:61",
            "2023-01-01T00:00:1e400",
            "2023-01-01T",
            "2023-01-01T9",
            "2023-01-01T99:00:00",
            "0044-03-15 BC",
        ] {
            assert_eq!(days(bad), None, "{bad}");
        }
    }

    #[test]
    fn infinity_is_beyond_every_day_and_has_no_month() {
        let moment = |text: &str| Moment::of(text).unwrap();
        assert_eq!((moment("infinity").days, moment("-infinity").days), (END, -END));
        assert!(moment("infinity").parts().iter().all(|part| part.is_nan()));
        assert!(moment("9999-12-31").days < END);
    }

    #[test]
    fn every_day_comes_back() {
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = civil_of_days(days);
            assert_eq!(days_of_civil(year, month, day), days);
        }
        // A Tuesday.
        let parts = Moment::of("2026-11-24T09:00:00").unwrap().parts();
        assert_eq!(parts, [11.0, 24.0, 2.0, 9.0]);
    }
}
