//! Calendar dates as people and exports write them, to ISO 8601.
//!
//! What can be read as two days is never guessed: without an order of day and month `03/04/2024`
//! gives no date but both readings. What had to be assumed otherwise (the century, a spreadsheet's
//! day number) is reported as a problem beside the date.

mod time;
mod words;

use std::str::FromStr;

use chrono::{Days, NaiveDate};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use words::Word;

/// Longest text, in bytes, that is read as a date.
const BYTES_MAX: usize = 100;

/// Order of day and month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Not known: a date that reads both ways is ambiguous.
    #[default]
    Unknown,
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// The text names no order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("unknown order of day and month: dmy or mdy is wanted")]
pub struct UnknownOrder;

impl FromStr for Order {
    type Err = UnknownOrder;

    /// Reads `dmy` and `mdy`; empty is unknown.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Ok(Self::Unknown),
            "dmy" => Ok(Self::DayFirst),
            "mdy" => Ok(Self::MonthFirst),
            _ => Err(UnknownOrder),
        }
    }
}

/// Date that a field contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Date {
    /// The day as `YYYY-MM-DD`; none where the field holds no date or more than one reading.
    pub iso: Option<String>,
    /// True if more than one day can be meant.
    pub is_ambiguous: bool,
    /// All readings of an ambiguous date, day first, then month first, then year first.
    pub readings: Vec<String>,
    /// The problem, or the assumption made.
    pub problem: Option<Problem>,
    /// The time of day with its zone as `iso` would go on: `T16:12:28.5+01:00`; none where the
    /// field has none.
    time: Option<String>,
}

/// Problem of a date field. The names are stable and contain nothing of the customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but white space.
    Empty,
    /// No date can be read.
    NotADate,
    /// The calendar has no such day (30 February, month 13).
    NoSuchDay,
    /// Year, month or day is missing.
    Incomplete,
    /// Day and month can be either way round; see `Date::readings`.
    Ambiguous,
    /// Read: but the other way round than the order asked for, which gives no day.
    OtherOrder,
    /// Read: a year of two digits was taken for 1969 to 2068.
    TwoDigitYear,
    /// Read: a spreadsheet's count of days since 1899-12-30.
    DayNumber,
    /// Read: the time of day was left out.
    TimeDropped,
    /// Read as a day; its time of day is none, or its time zone has more than one meaning.
    NoSuchTime,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotADate => "not_a_date",
            Self::NoSuchDay => "no_such_day",
            Self::Incomplete => "incomplete",
            Self::Ambiguous => "ambiguous",
            Self::OtherOrder => "other_order",
            Self::TwoDigitYear => "two_digit_year",
            Self::DayNumber => "day_number",
            Self::TimeDropped => "time_dropped",
            Self::NoSuchTime => "no_such_time",
        }
    }
}

/// Reads the day in `raw`, `order` saying which of day and month comes first in numbers alone.
pub fn parse(raw: &str, order: Order) -> Date {
    match read(raw, order) {
        Ok(date) => date,
        Err(problem) => Date { problem: Some(problem), ..Date::default() },
    }
}

/// Reads the day and the time of day in `raw`: `Date::iso` is `YYYY-MM-DDTHH:MM:SS` with the
/// fraction and the zone that were written, or the day alone where no time stands. A time that
/// cannot be read gives nothing.
pub fn parse_timestamp(raw: &str, order: Order) -> Date {
    let mut date = parse(raw, order);
    if date.problem == Some(Problem::NoSuchTime) {
        return Date { problem: date.problem, ..Date::default() };
    }
    let time = date.time.take();
    if let (Some(day), Some(time)) = (&mut date.iso, &time) {
        day.push_str(time);
        date.problem = date.problem.filter(|problem| *problem != Problem::TimeDropped);
    }
    date
}

fn read(raw: &str, order: Order) -> Result<Date, Problem> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Err(Problem::Empty);
    }
    if raw.len() > BYTES_MAX || raw.starts_with(['-', '−']) {
        return Err(Problem::NotADate);
    }
    let folded: String = raw.nfkc().flat_map(char::to_lowercase).map(ascii_digit).collect();
    if let Some((days, fraction)) = time::serial(&folded) {
        let mut date = day_number(days)?;
        date.time = fraction;
        return Ok(date);
    }
    let folded = time::spread(&folded).unwrap_or(folded);
    let (day, time) = time::split(&folded).ok_or(Problem::NotADate)?;
    let words = words::words(&day).ok_or(Problem::NotADate)?;
    let mut date = by_form(&words, order)?;
    let Some(time) = time else { return Ok(date) };
    let iso = time.iso();
    if date.problem.is_none() {
        date.problem = match &iso {
            None => Some(Problem::NoSuchTime),
            Some(_) if !time.is_midnight() => Some(Problem::TimeDropped),
            Some(_) => None,
        };
    } else if iso.is_none() {
        date.problem = date.problem.max(Some(Problem::NoSuchTime));
    }
    date.time = iso;
    Ok(date)
}

/// The ASCII digit of a digit of Arabic, Persian, Hindi or Bengali; others as they are.
fn ascii_digit(c: char) -> char {
    let zero = match c {
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6F0}'..='\u{6F9}' => 0x6F0,
        '\u{966}'..='\u{96F}' => 0x966,
        '\u{9E6}'..='\u{9EF}' => 0x9E6,
        _ => return c,
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

fn by_form(words: &[Word<'_>], order: Order) -> Result<Date, Problem> {
    match *words {
        [Word::Number(only)] => compact(only, order),
        [Word::Number(a), Word::Number(b), Word::Number(c)] => three_numbers([a, b, c], order),
        [Word::Number(a), Word::Month(month), Word::Number(b)]
        | [Word::Month(month), Word::Number(a), Word::Number(b)]
        | [Word::Number(a), Word::Number(b), Word::Month(month)] => named_month(a, month, b),
        [_, _] | [Word::Month(_)] => Err(Problem::Incomplete),
        _ => Err(Problem::NotADate),
    }
}

/// `5 March 2024`, `March 5, 2024`, `2024 March 5`: the month is named, the year told by its four
/// digits, or else stands last.
fn named_month(first: &str, month: u32, second: &str) -> Result<Date, Problem> {
    let (day, year) = if first.len() == 4 { (second, first) } else { (first, second) };
    let (year, is_short) = year_of(year).ok_or(Problem::NotADate)?;
    let day = small(day).ok_or(Problem::NotADate)?;
    let date = NaiveDate::from_ymd_opt(year, month, day).ok_or(Problem::NoSuchDay)?;
    Ok(one(date, is_short.then_some(Problem::TwoDigitYear)))
}

fn three_numbers([a, b, c]: [&str; 3], order: Order) -> Result<Date, Problem> {
    if a.len() == 4 {
        let (year, _) = year_of(a).ok_or(Problem::NotADate)?;
        let month = small(b).ok_or(Problem::NotADate)?;
        let day = small(c).ok_or(Problem::NotADate)?;
        let date = NaiveDate::from_ymd_opt(year, month, day).ok_or(Problem::NoSuchDay)?;
        return Ok(one(date, None));
    }
    let (left, middle) = small(a).zip(small(b)).ok_or(Problem::NotADate)?;
    let (year, is_short) = year_of(c).ok_or(Problem::NotADate)?;
    let day_first = NaiveDate::from_ymd_opt(year, middle, left);
    let month_first = NaiveDate::from_ymd_opt(year, left, middle);
    let year_first = || {
        let (year, is_short) = year_of(a)?;
        NaiveDate::from_ymd_opt(year, middle, small(c)?).filter(|_| is_short)
    };
    let assumed = is_short.then_some(Problem::TwoDigitYear);
    let (wanted, other) = match order {
        Order::DayFirst => (day_first, month_first),
        Order::MonthFirst => (month_first, day_first),
        Order::Unknown => return several([day_first, month_first, year_first()], assumed),
    };
    match (wanted, other) {
        (Some(date), _) => Ok(one(date, assumed)),
        (None, Some(date)) => Ok(one(date, Some(Problem::OtherOrder))),
        (None, None) => match year_first() {
            Some(date) => Ok(one(date, Some(Problem::OtherOrder))),
            None => Err(Problem::NoSuchDay),
        },
    }
}

/// `20240305`, `05032024`, and a spreadsheet's `45356`.
fn compact(digits: &str, order: Order) -> Result<Date, Problem> {
    match digits.len() {
        5 => day_number(digits.parse().map_err(|_| Problem::NotADate)?),
        8 => {
            let part = |start: usize, stop: usize| digits.get(start..stop).unwrap_or_default();
            let is_year = |text: &str| matches!(text.get(..2), Some("18" | "19" | "20" | "21"));
            if is_year(part(0, 4)) {
                let iso = three_numbers([part(0, 4), part(4, 6), part(6, 8)], order);
                if iso.is_ok() || !is_year(part(4, 8)) {
                    return iso;
                }
            }
            three_numbers([part(0, 2), part(2, 4), part(4, 8)], order)
        }
        4 => Err(Problem::Incomplete),
        _ => Err(Problem::NotADate),
    }
}

/// The day that a spreadsheet counts so, since 1899-12-30. Counts of five digits that are no day of
/// these times are taken for something else.
fn day_number(days: u64) -> Result<Date, Problem> {
    // 1927-05-18 to 2099-12-31.
    if !(10_000..=73_050).contains(&days) {
        return Err(Problem::NotADate);
    }
    let date = NaiveDate::from_ymd_opt(1899, 12, 30)
        .and_then(|zero| zero.checked_add_days(Days::new(days)))
        .ok_or(Problem::NotADate)?;
    Ok(one(date, Some(Problem::DayNumber)))
}

/// The year that `text` writes, and whether with two digits: 69 to 99 are 1969 to 1999, 00 to 68
/// are 2000 to 2068 (POSIX).
fn year_of(text: &str) -> Option<(i32, bool)> {
    let number: i32 = text.parse().ok()?;
    match text.len() {
        4 if number >= 1000 => Some((number, false)),
        2 if number >= 69 => Some((1900 + number, true)),
        2 => Some((2000 + number, true)),
        _ => None,
    }
}

/// A day or a month: one or two digits.
fn small(text: &str) -> Option<u32> {
    if text.len() > 2 { None } else { text.parse().ok() }
}

fn one(date: NaiveDate, problem: Option<Problem>) -> Date {
    Date { iso: Some(date.to_string()), problem, ..Date::default() }
}

fn several(readings: [Option<NaiveDate>; 3], assumed: Option<Problem>) -> Result<Date, Problem> {
    let mut different: Vec<NaiveDate> = Vec::new();
    for date in readings.into_iter().flatten() {
        if !different.contains(&date) {
            different.push(date);
        }
    }
    match different[..] {
        [] => Err(Problem::NoSuchDay),
        [date] => Ok(one(date, assumed)),
        _ => Ok(Date {
            iso: None,
            is_ambiguous: true,
            readings: different.iter().map(NaiveDate::to_string).collect(),
            problem: Some(Problem::Ambiguous),
            time: None,
        }),
    }
}

#[cfg(test)]
mod tests;
