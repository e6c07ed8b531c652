//! Common spellings, ambiguity, and what is no date.

use super::*;

fn check(order: Order, cases: &[(&str, Option<&str>, Option<Problem>)]) {
    for (raw, iso, problem) in cases {
        let date = parse(raw, order);
        assert_eq!((date.iso.as_deref(), date.problem), (*iso, *problem), "of {raw:?}");
    }
}

#[test]
fn reads_what_has_one_meaning() {
    check(
        Order::Unknown,
        &[
            ("2024-03-05", Some("2024-03-05"), None),
            (" 2024/3/5 ", Some("2024-03-05"), None),
            ("2024.03.05.", Some("2024-03-05"), None),
            ("20240305", Some("2024-03-05"), None),
            ("25/03/2024", Some("2024-03-25"), None),
            ("03/25/2024", Some("2024-03-25"), None),
            ("25032024", Some("2024-03-25"), None),
            ("5/5/2024", Some("2024-05-05"), None),
            ("5 March 2024", Some("2024-03-05"), None),
            ("March 5th, 2024", Some("2024-03-05"), None),
            ("Tue, 05-Mar-2024", Some("2024-03-05"), None),
            ("the 1st of May 2024", Some("2024-05-01"), None),
            ("2024 Mar 5", Some("2024-03-05"), None),
            ("5. März 2024", Some("2024-03-05"), None),
            ("1er août 2023", Some("2023-08-01"), None),
            ("3 de diciembre de 2021", Some("2021-12-03"), None),
            ("2024年3月5日", Some("2024-03-05"), None),
            ("２０２４－０３－０５", Some("2024-03-05"), None),
            ("٢٠٢٤-٠٣-٠٥", Some("2024-03-05"), None),
            ("2024-02-29", Some("2024-02-29"), None),
            ("2024-03-05T00:00:00Z", Some("2024-03-05"), None),
            ("9999-12-31", Some("9999-12-31"), None),
        ],
    );
}

#[test]
fn reports_what_it_assumed() {
    check(
        Order::Unknown,
        &[
            ("2024-03-05T10:11:12.5+02:00", Some("2024-03-05"), Some(Problem::TimeDropped)),
            ("March 5, 2024 10:11 pm", Some("2024-03-05"), Some(Problem::TimeDropped)),
            ("5 Mar 24", Some("2024-03-05"), Some(Problem::TwoDigitYear)),
            ("5-Mar-69", Some("1969-03-05"), Some(Problem::TwoDigitYear)),
            ("45356", Some("2024-03-05"), Some(Problem::DayNumber)),
        ],
    );
    check(Order::MonthFirst, &[("25/03/2024", Some("2024-03-25"), Some(Problem::OtherOrder))]);
    check(Order::DayFirst, &[("25/03/24", Some("2024-03-25"), Some(Problem::TwoDigitYear))]);
}

#[test]
fn never_guesses_day_and_month() {
    let date = parse("03/04/2024", Order::Unknown);
    assert_eq!(date.iso, None);
    assert!(date.is_ambiguous);
    assert_eq!(date.readings, ["2024-04-03", "2024-03-04"]);
    assert_eq!(parse("03/04/2024", Order::DayFirst).iso.as_deref(), Some("2024-04-03"));
    assert_eq!(parse("03/04/2024", Order::MonthFirst).iso.as_deref(), Some("2024-03-04"));
    assert_eq!(parse("03042024", Order::Unknown).problem, Some(Problem::Ambiguous));
    let short = parse("01-02-03", Order::Unknown);
    assert_eq!(short.readings, ["2003-02-01", "2003-01-02", "2001-02-03"]);
}

#[test]
fn rejects_what_is_no_date() {
    check(
        Order::Unknown,
        &[
            ("", None, Some(Problem::Empty)),
            ("  ", None, Some(Problem::Empty)),
            ("n/a", None, Some(Problem::NotADate)),
            ("tomorrow", None, Some(Problem::NotADate)),
            ("2023-02-29", None, Some(Problem::NoSuchDay)),
            ("31/04/2024", None, Some(Problem::NoSuchDay)),
            ("2024-13-05", None, Some(Problem::NoSuchDay)),
            ("00/00/0000", None, Some(Problem::NotADate)),
            ("March 2024", None, Some(Problem::Incomplete)),
            ("2024", None, Some(Problem::Incomplete)),
            ("2024-03", None, Some(Problem::Incomplete)),
            ("650-253-0000", None, Some(Problem::NotADate)),
            ("12:30", None, Some(Problem::NotADate)),
            ("1/2/3/4", None, Some(Problem::NotADate)),
            ("2024-03-05 or so", None, Some(Problem::NotADate)),
        ],
    );
}
