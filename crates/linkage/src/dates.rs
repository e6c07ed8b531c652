//! Dates as they are compared.

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: i32,
    /// 1 to 31.
    pub day: i32,
}

impl Date {
    /// Days on a line, months counted as 30: near enough to tell how far two dates lie apart.
    pub fn days(self) -> i32 {
        self.year * 365 + (self.month - 1) * 30 + self.day
    }

    fn checked(year: i32, month: i32, day: i32) -> Option<Self> {
        let is_sound =
            (1000..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        is_sound.then_some(Self { year, month, day })
    }
}

/// Reads `2001-02-03`, `20010203`, `3.2.2001` and the like; a time of day is left out. Where day
/// and month may be either, the day comes first: that two dates agree does not depend on it.
pub fn read(text: &str) -> Option<Date> {
    let text = text.trim().split(['T', ' ']).next()?;
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i32 = text.parse().ok()?;
        return Date::checked(number / 10_000, number / 100 % 100, number % 100);
    }
    let parts: Vec<i32> = text.split(['-', '/', '.']).map_while(|part| part.parse().ok()).collect();
    let [a, b, c] = parts[..] else { return None };
    if text.split(['-', '/', '.']).count() != 3 {
        return None;
    }
    if a > 31 {
        Date::checked(a, b, c)
    } else if c > 31 {
        Date::checked(c, b, a).or_else(|| Date::checked(c, a, b))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_are_read() {
        let date = Some(Date { year: 2001, month: 2, day: 3 });
        for text in ["2001-02-03", "20010203", "3.2.2001", "03/02/2001", "2001-02-03T10:00:00"] {
            assert_eq!(read(text), date, "{text}");
        }
        assert_eq!(read("12/31/1999"), Some(Date { year: 1999, month: 12, day: 31 }));
        for text in ["", "x", "2001-13-01", "1-2-3", "99999999", "2001-02-03-04"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
