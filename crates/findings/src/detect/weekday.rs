//! Weekends in columns of days that are else weekdays.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;

/// By chance two days of seven lie on a weekend; so few are exceptions.
const SHARE_MAX: f64 = 0.03;
/// Fewer days say nothing.
const ROWS_MIN: u64 = 200;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, _, facts) in study.columns() {
        if facts.role != Role::Date || facts.there < ROWS_MIN || facts.distinct < 20 {
            continue;
        }
        let odd = study.values(place, |number, _| {
            is_weekend(facts.days[number as usize]) && !findings.is_suspect(place, number)
        });
        if study.rows_of(place, &odd) as f64 <= SHARE_MAX * facts.there as f64 {
            let what = ("unusual_weekday", Severity::Warning);
            findings.values(study, place, what, &odd, None);
        }
    }
}

/// 1970-01-01 was a Thursday.
fn is_weekend(day: f64) -> bool {
    (day.floor() + 3.0).rem_euclid(7.0) >= 5.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::iso_day;

    #[test]
    fn saturdays_and_sundays_are_weekends() {
        let is = |day: &str| iso_day(day).is_some_and(is_weekend);
        assert!(is("2026-11-28") && is("2026-11-29") && is("1969-12-28"));
        assert!(!is("2026-11-30") && !is("2026-11-27"));
    }
}
