//! Times of day after a date, with their zones.

/// Hours, minutes, seconds and zone as they were written.
#[derive(Debug)]
pub(super) struct Time<'a> {
    hours: &'a str,
    minutes: &'a str,
    /// With a fraction, empty where none are written.
    seconds: &'a str,
    /// `Some(true)` after noon, none for a clock of 24 hours.
    half: Option<bool>,
    zone: Zone,
}

/// Text after the time.
#[derive(Debug)]
enum Zone {
    None,
    /// `Z`, or hours and minutes with their sign.
    Known(String),
    /// A name that zones share.
    Shared,
}

/// Names of time zones, and what they are in ISO 8601; none where zones share the name.
const ZONES: [(&str, &str); 26] = [
    ("z", "Z"),
    ("utc", "Z"),
    ("gmt", "Z"),
    ("est", "-05:00"),
    ("edt", "-04:00"),
    ("cst", ""),
    ("cdt", "-05:00"),
    ("mst", "-07:00"),
    ("mdt", "-06:00"),
    ("pst", "-08:00"),
    ("pdt", "-07:00"),
    ("akst", "-09:00"),
    ("akdt", "-08:00"),
    ("hst", "-10:00"),
    ("cet", "+01:00"),
    ("cest", "+02:00"),
    ("mez", "+01:00"),
    ("mesz", "+02:00"),
    ("wet", "+00:00"),
    ("west", "+01:00"),
    ("eet", "+02:00"),
    ("eest", "+03:00"),
    ("msk", "+03:00"),
    ("jst", "+09:00"),
    ("bst", ""),
    ("ist", ""),
];

impl Time<'_> {
    /// `T16:12:28.5+01:00`; none for a time that no clock shows, or a zone that is not certain.
    pub(super) fn iso(&self) -> Option<String> {
        let mut hours: u32 = self.hours.parse().ok()?;
        if let Some(is_afternoon) = self.half
            && hours <= 12
        {
            hours = hours % 12 + if is_afternoon { 12 } else { 0 };
        }
        let whole = self.seconds.split(['.', ',']).next().unwrap_or_default();
        let is_time = hours < 24
            && self.minutes.parse::<u32>().ok()? < 60
            && whole.parse::<u32>().unwrap_or(0) <= 60
            && whole.len() <= 2;
        let zone = match &self.zone {
            Zone::None => "",
            Zone::Known(zone) => zone,
            Zone::Shared => return None,
        };
        let seconds = match self.seconds {
            "" => "00".to_owned(),
            seconds => seconds.replace(',', "."),
        };
        is_time.then(|| format!("T{hours:02}:{}:{seconds:0>2}{zone}", self.minutes))
    }

    /// True if the time is midnight, as an export writes for a day that has no time.
    pub(super) fn is_midnight(&self) -> bool {
        let is_zero = |text: &str| text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b','));
        let is_twelve = self.half == Some(false) && self.hours == "12";
        (is_zero(self.hours) && self.half.is_none() || is_twelve)
            && is_zero(self.minutes)
            && is_zero(self.seconds)
    }
}

/// A spreadsheet's count of days, and the time that its fraction is: `45356.0`, `45356.5`. Three
/// decimals may be thousands, and are read if they are zeros alone.
pub(super) fn serial(text: &str) -> Option<(u64, Option<String>)> {
    let (whole, decimals) = text.split_once(['.', ','])?;
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 5 || !all_digits(whole) || !all_digits(decimals) || decimals.len() > 15 {
        return None;
    }
    let days = whole.parse().ok()?;
    if decimals.bytes().all(|byte| byte == b'0') {
        return Some((days, None));
    }
    if decimals.len() == 3 {
        return None;
    }
    // To the second, as a spreadsheet shows it; integers, so that every machine rounds alike.
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let parts: u64 = decimals.parse().ok()?;
    let seconds = (u128::from(parts) * 86_400 + u128::from(scale) / 2) / u128::from(scale);
    let seconds = seconds.min(86_399);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    Some((days, Some(format!("T{hours:02}:{minutes:02}:{:02}", seconds % 60))))
}

/// `20111108t161228z`, `20111108161228` and `2011:11:08 16:12:28` with their usual signs.
pub(super) fn spread(text: &str) -> Option<String> {
    let part = |start: usize, stop: usize| {
        let part = text.get(start..stop)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then_some(part)
    };
    let is_colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    if is_colon(4) && is_colon(7) {
        let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
        return Some(format!("{year}-{month}-{day}{}", text.get(10..)?));
    }
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let at = if text.as_bytes().get(8) == Some(&b't') { 9 } else { 8 };
    let (hours, minutes) = (part(at, at + 2)?, part(at + 2, at + 4)?);
    let (seconds, rest) = match part(at + 4, at + 6) {
        Some(seconds) => (seconds, text.get(at + 6..)?),
        None if at == 9 => ("00", text.get(at + 4..)?),
        None => return None,
    };
    let is_end = !rest.starts_with(|c: char| c.is_ascii_digit());
    is_end.then(|| format!("{year}-{month}-{day} {hours}:{minutes}:{seconds}{rest}"))
}

/// Splits the time of day off `text`: what is left is the day. None where what follows the day is
/// no time. A year may stand after the zone: `tue nov 08 00:00:00 utc 2011`.
pub(super) fn split(text: &str) -> Option<(String, Option<Time<'_>>)> {
    let Some(colon) = text.find(':') else { return Some((text.to_owned(), None)) };
    let before = text.get(..colon)?;
    let day = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let hours = before.get(day.len()..)?;
    let (minutes, rest) = text.get(colon + 1..)?.split_at_checked(2)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if hours.len() > 2 || !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let (seconds, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let is_second = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
            let length = rest.find(|c| !is_second(c)).unwrap_or(rest.len());
            rest.split_at_checked(length)?
        }
        None => ("", rest),
    };
    let halves = [("am", false), ("pm", true), ("a.m.", false), ("p.m.", true), ("uhr", false)];
    let (half, rest) = halves
        .iter()
        .find_map(|(word, half)| Some((word, half, rest.trim_start().strip_prefix(word)?)))
        .map_or((None, rest), |(word, half, rest)| ((*word != "uhr").then_some(*half), rest));
    let (zone, year) = zone(rest.trim())?;
    let day = day.trim_end();
    let is_after_digit =
        day.strip_suffix('t').is_some_and(|d| d.ends_with(|c: char| c.is_ascii_digit()));
    let day = if is_after_digit { day.strip_suffix('t')? } else { day };
    let day = if year.is_empty() { day.to_owned() } else { format!("{day} {year}") };
    Some((day, Some(Time { hours, minutes, seconds, half, zone })))
}

/// The zone in what follows a time, and the year after it; none where something else follows.
fn zone(text: &str) -> Option<(Zone, &str)> {
    let (text, year) = match text.rsplit_once(' ') {
        Some((rest, year)) if is_year(year) => (rest.trim_end(), year),
        _ if is_year(text) => ("", text),
        _ => (text, ""),
    };
    let length = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, offset) = text.split_at_checked(length)?;
    let offset = offset.trim().trim_start_matches('(').trim_end_matches(')').trim();
    let named = match name {
        "" => None,
        _ => Some(ZONES.iter().find(|(known, _)| *known == name)?.1),
    };
    let zone = match (named, offset) {
        (None, "") => Zone::None,
        (Some(""), "") => Zone::Shared,
        (Some(known), "") => Zone::Known(known.to_owned()),
        // A name in brackets after nothing: `12:00 (UTC)`.
        (_, offset) => match offset_of(offset) {
            Some(offset) => Zone::Known(offset),
            None => Zone::Known(
                ZONES.iter().find(|(known, iso)| *known == offset && !iso.is_empty())?.1.to_owned(),
            ),
        },
    };
    Some((zone, year))
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `+0100`, `+01:00` and `+01` as `+01:00`.
fn offset_of(text: &str) -> Option<String> {
    let text = text.split_whitespace().next()?;
    let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'))?;
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.len() {
        1 => Some(format!("{sign}0{digits}:00")),
        2 => Some(format!("{sign}{digits}:00")),
        4 => Some(format!("{sign}{}:{}", digits.get(..2)?, digits.get(2..)?)),
        _ => None,
    }
}
