//! Tests of kinds, values, guesses, records and profiles. Properties are in `tests/properties.rs`.

use super::*;
use crate::dates::Order;
use crate::phone::Region;

fn us() -> Region {
    "US".parse().unwrap()
}

fn kind(text: &str) -> Kind {
    text.parse().unwrap()
}

fn cleaned(raw: &str, text: &str) -> (Option<String>, Option<&'static str>) {
    let cleaned = clean(raw, kind(text));
    (cleaned.value, cleaned.problem)
}

#[test]
fn kinds_are_written_as_they_are_read() {
    for text in [
        "phone",
        "phone:US",
        "phone:ZZ",
        "phone_digits:11",
        "phone_digits:0",
        "email",
        "name",
        "address",
        "text",
        "date",
        "date:dmy",
        "date:mdy",
        "boolean",
        "id",
        "keep",
    ] {
        assert_eq!(kind(text).to_string(), text);
    }
    assert_eq!(kind("phone_digits").to_string(), "phone_digits:11");
    assert_eq!(kind("phone:").to_string(), "phone:ZZ");
    for (text, error) in [
        ("", KindError::Unknown),
        ("Phone", KindError::Unknown),
        ("email:x", KindError::Unknown),
        ("phone:us", KindError::Region),
        ("phone:XX", KindError::Region),
        ("phone_digits:", KindError::Width),
        ("phone_digits:-1", KindError::Width),
        ("phone_digits:1001", KindError::Width),
        ("phone_digits:99999999999999999999", KindError::Width),
        ("date:ymd", KindError::Order),
    ] {
        assert_eq!(text.parse::<Kind>(), Err(error), "{text}");
    }
}

#[test]
fn values_become_clean_or_tell_why_not() {
    for (raw, kind, value, problem) in [
        ("(650) 253-0000", "phone:US", Some("+16502530000"), None),
        ("650 253 0000 x12", "phone:US", Some("+16502530000"), Some("extension_dropped")),
        ("6502530000.0", "phone:US", Some("+16502530000"), Some("trailing_decimal")),
        ("1.38E+10", "phone:US", None, Some("digits_lost")),
        ("12", "phone:US", None, Some("too_short")),
        ("650 253 0000", "phone", None, Some("invalid_country_code")),
        ("N/A", "phone:US", None, Some("placeholder")),
        (" \t", "phone:US", None, Some("empty")),
        (" (650) 253-0000", "phone_digits", Some("06502530000"), None),
        ("", "phone_digits", Some("00000000000"), None),
        ("n/a", "phone_digits:4", Some("0000"), None),
        ("  a &amp; b ", "text", Some("a & b"), None),
        ("<br>", "text", None, Some("empty")),
        ("N/A", "text", Some("N/A"), None),
        ("25/12/2024", "date", Some("2024-12-25"), None),
        ("03/04/2024", "date", None, Some("ambiguous")),
        ("03/04/2024", "date:dmy", Some("2024-04-03"), None),
        ("never", "date", None, Some("not_a_date")),
        ("Yes", "boolean", Some("true"), None),
        ("nein", "boolean", Some("false"), None),
        ("x", "boolean", None, Some("not_a_boolean")),
        ("unknown", "boolean", None, Some("placeholder")),
        (" 00017 ", "id", Some("00017"), None),
        ("1001.0", "id", Some("1001"), Some("trailing_decimal")),
        ("1.38E+10", "id", Some("1.38E+10"), Some("digits_lost")),
        ("a  b", "id", Some("a  b"), None),
        ("  anything ", "keep", Some("  anything "), None),
        (" ", "email", None, Some("empty")),
        ("\u{200b}", "name", None, Some("empty")),
    ] {
        let expected = (value.map(str::to_owned), problem);
        assert_eq!(cleaned(raw, kind), expected, "{raw:?} as {kind}");
    }
}

#[test]
fn timestamps_keep_their_time_and_texts_their_lines() {
    for (raw, kind, value, problem) in [
        ("Tue Nov 08 16:12:28 UTC 2011", "timestamp", Some("2011-11-08T16:12:28Z"), None),
        (
            "2012-11-02 04:16:13.5 PM EST (-05:00)",
            "timestamp",
            Some("2012-11-02T16:16:13.5-05:00"),
            None,
        ),
        ("20111108T161228Z", "timestamp", Some("2011-11-08T16:12:28Z"), None),
        ("2024-03-05 12:34", "timestamp", Some("2024-03-05T12:34:00"), None),
        ("2024-03-05", "timestamp", Some("2024-03-05"), None),
        ("12/01/2017 5:18 pm", "timestamp:dmy", Some("2017-01-12T17:18:00"), None),
        ("12/01/2017 5:18 pm", "timestamp", None, Some("ambiguous")),
        ("45356.75", "timestamp", Some("2024-03-05T18:00:00"), Some("day_number")),
        ("2024-03-05 25:00:00", "timestamp", None, Some("no_such_time")),
        ("2024-03-05 12:00 CST", "timestamp", None, Some("no_such_time")),
        ("2024-03-05 12:34", "date", Some("2024-03-05"), Some("time_dropped")),
        (" a  b\r\nc \n\n\n d", "text", Some("a b\nc\n\nd"), None),
        (" a  b\r\nc", "text:flat", Some("a b c"), None),
    ] {
        let expected = (value.map(str::to_owned), problem);
        assert_eq!(cleaned(raw, kind), expected, "{raw:?} as {kind}");
    }
    assert_eq!("timestamp:mdy".parse::<Kind>().unwrap().to_string(), "timestamp:mdy");
    assert_eq!("text:flat".parse::<Kind>().unwrap().to_string(), "text:flat");
}

#[test]
fn absent_is_not_invalid() {
    assert!(!clean("", kind("email")).is_invalid());
    assert!(!clean("N/A", kind("date")).is_invalid());
    assert!(!clean("6502530000.0", kind("phone:US")).is_invalid());
    assert!(clean("12", kind("phone:US")).is_invalid());
}

#[test]
fn names_of_columns_tell_their_kinds() {
    for (name, expected) in [
        ("phone", "phone"),
        ("HomePhone2", "phone"),
        ("Mobile No.", "phone"),
        ("电话", "phone"),
        ("E-Mail Address", "email"),
        ("email", "email"),
        ("contact_email", "email"),
        ("mailing_address", "address"),
        ("street", "address"),
        ("address_line_2", "text"),
        ("ip_address", "text"),
        ("customer_name", "name"),
        ("FirstName", "given_name"),
        ("company", "name"),
        ("file_name", "text"),
        ("user_name", "text"),
        ("customer_id", "id"),
        ("Zip Code", "id"),
        ("created_at", "date"),
        ("date of birth", "date"),
        ("updated", "text"),
        ("is_active", "boolean"),
        ("opt_in_sms", "boolean"),
        ("phone_type", "text"),
        ("email_status", "text"),
        ("notes", "text"),
        ("Email Opt Out", "boolean"),
        ("Unsubscribed from all email", "boolean"),
        ("Do Not Call", "boolean"),
        ("Email Bounced Date", "date"),
        ("email_verified_at", "date"),
        ("Email Domain", "text"),
        ("Company Size", "text"),
        ("Company Website", "text"),
        ("Employer Identification Number", "text"),
        ("street_number", "text"),
        ("Day Name", "text"),
        ("Program Name", "text"),
        ("Company Name", "name"),
        ("Phone Number", "phone"),
        ("", "text"),
        ("42", "text"),
    ] {
        assert_eq!(guess(name, &[], us()).to_string(), expected, "{name}");
    }
}

#[test]
fn values_overrule_a_name_only_where_there_are_many() {
    let models = ["iPhone 12"; 12];
    assert_eq!(guess("phone", &models, us()), Kind::Text);
    assert_eq!(guess("phone", &models[..3], us()), Kind::Phone(None));
    // Nothing is known of a column in which nothing is.
    assert_eq!(guess("phone", &["n/a"; 50], us()), Kind::Text);
}

#[test]
fn values_tell_what_a_name_does_not() {
    for (values, expected) in [
        (["ann@example.com", "bob@example.org"], "email"),
        (["(650) 253-0000", "650-253-0001"], "phone"),
        (["6502530000", "6502530001"], "text"),
        (["2024-05-06", "2023-01-31"], "date"),
        (["12.50", "1000.25"], "text"),
        (["yes", "no"], "boolean"),
        (["1", "0"], "text"),
        (["Ann Lee", "Bob Ray"], "text"),
    ] {
        assert_eq!(guess("c7", &values, us()).to_string(), expected, "{values:?}");
    }
}

#[test]
fn the_order_of_day_and_month_must_be_proved() {
    let day_first = ["25/12/2024", "13/01/2024", "31/01/2024", "03/04/2024"];
    assert_eq!(guess("date", &day_first, us()), Kind::Date(Order::DayFirst));
    // One value settles all.
    assert_eq!(guess("date", &day_first[2..], us()), Kind::Date(Order::DayFirst));
    assert_eq!(guess("date", &day_first[3..], us()), Kind::Date(Order::Unknown));
    let times = ["25/12/2024 00:00", "03/04/2024 17:18"];
    assert_eq!(guess("date", &times, us()), Kind::Timestamp(Order::DayFirst));
    assert_eq!(guess("created_at", &["2024-03-05T12:00:00Z"], us()).to_string(), "timestamp");
    let mixed = ["25/12/2024", "13/01/2024", "31/01/2024", "12/25/2024"];
    assert_eq!(guess("date", &mixed, us()), Kind::Date(Order::Unknown));
    let month_first = ["12/25/2024", "01/13/2024", "01/31/2024"];
    assert_eq!(guess("date", &month_first, us()), Kind::Date(Order::MonthFirst));
}

/// A record cleaned by kinds, or by guesses where there are none.
fn record(record: &str, kinds: Option<&str>) -> serde_json::Value {
    let kinds = kinds.map(|kinds| kinds_of(kinds).unwrap());
    let cleaned = clean_record(record, kinds.as_ref(), us()).unwrap();
    serde_json::from_str(&cleaned).unwrap()
}

#[test]
fn a_record_is_cleaned_column_by_column() {
    let given = r#"{"p": "650 253 0000", "e": "none", "d": "03/04/2024", "n": 1.50, "x": [1]}"#;
    let kinds = r#"{"p": "phone", "e": "email", "d": "date", "absent": "text"}"#;
    let expected = serde_json::json!({
        "row": {"p": "+16502530000", "e": null, "d": null, "n": 1.5, "x": [1]},
        "problems": [
            {"column": "d", "value_kind": "date", "problem": "ambiguous"},
            {"column": "e", "value_kind": "email", "problem": "placeholder"},
        ],
        "ok": false,
    });
    assert_eq!(record(given, Some(kinds)), expected);
    let ok = record(r#"{"p": "650 253 0000", "e": ""}"#, Some(kinds));
    assert_eq!(ok["ok"], true);
    assert_eq!(record("{}", None), serde_json::json!({"row": {}, "problems": [], "ok": true}));
}

#[test]
fn a_record_without_kinds_is_guessed() {
    let given = r#"{"customer_id": 12345678901234567890.12300, "phone": 6502530000,
        "is_active": "yes", "other": "ann@example.com ", "flag": true, "birthday": null}"#;
    let row = &record(given, None)["row"];
    assert_eq!(row["phone"], "+16502530000");
    assert_eq!(row["is_active"], true);
    assert_eq!(row["other"], "ann@example.com");
    assert_eq!(row["flag"], true);
    assert_eq!(row["birthday"], serde_json::Value::Null);
    // Not a digit of a number is lost.
    let text = clean_record(given, None, us()).unwrap();
    assert!(text.contains("12345678901234567890.12300"), "{text}");
}

#[test]
fn nested_values_are_told_not_cleaned() {
    let given = r#"{"e": {"home": "x"}, "b": true, "t": false}"#;
    let answer = record(given, Some(r#"{"e": "email", "b": "boolean", "t": "text"}"#));
    assert_eq!(answer["row"], serde_json::json!({"e": {"home": "x"}, "b": true, "t": false}));
    assert_eq!(answer["problems"].as_array().unwrap().len(), 2);
    assert_eq!(answer["ok"], false);
}

#[test]
fn what_is_no_record_is_refused() {
    for bad in ["[]", "1", "null", "\"x\"", ""] {
        assert!(matches!(clean_record(bad, None, us()), Err(RecordError::NotAnObject)), "{bad}");
    }
    for bad in ["[]", "{\"a\": 1}", "{\"a\": null}", "x"] {
        assert!(matches!(kinds_of(bad), Err(RecordError::NotAMap)), "{bad}");
    }
    let error = kinds_of(r#"{"tel": "phone:us"}"#).unwrap_err();
    assert!(error.to_string().starts_with("column \"tel\": unknown region"), "{error}");
}

#[test]
fn shapes_hide_what_they_are_made_of() {
    for (value, expected) in [
        ("650-253-0000", "999-999-9999"),
        ("Ann O'Neil", "Aa A'Aa"),
        ("Ann.Lee@example.com", "Aa.Aa@a.a"),
        ("", ""),
        ("a\u{200b}\u{1}\t b", "a·· a"),
        ("６５０", "999"),
        ("王小明", "a"),
        ("🎉", "*"),
    ] {
        assert_eq!(shape(value), expected, "{value:?}");
    }
    assert_eq!(shape(&"1".repeat(1000)), "9".repeat(32) + "…");
}

#[test]
fn a_profile_counts_what_is_there() {
    let mut column = Column::new("phone", None, us());
    for value in [Some("650-253-0000"), Some("650-253-0000"), Some("12"), Some("n/a"), None] {
        column.add(value);
    }
    let profile = column.finish();
    assert_eq!(profile.kind.to_string(), "phone:US");
    assert_eq!(profile.null_share, Some(0.2));
    assert_eq!(profile.distinct_values, 3);
    assert_eq!(profile.valid_share, Some(2.0 / 3.0));
    let problems: Vec<_> = profile.problems.into_iter().collect();
    assert_eq!(problems, [("placeholder", 1), ("too_short", 1)]);
    assert_eq!(profile.shapes[0], ("999-999-9999".to_owned(), 2));
}

#[test]
fn a_profile_of_nothing_has_no_shares() {
    let profile = Column::new("note", None, us()).finish();
    assert_eq!((profile.null_share, profile.valid_share), (None, None));
    let mut nulls = Column::new("note", None, us());
    nulls.add(None);
    let profile = nulls.finish();
    assert_eq!((profile.null_share, profile.valid_share), (Some(1.0), None));
}

#[test]
fn a_profile_waits_for_values_before_it_guesses() {
    let mut column = Column::new("contact", None, us());
    for index in 0..1000 {
        column.add(Some(&format!("user{index}@example.com")));
    }
    let profile = column.finish();
    assert_eq!(profile.kind, Kind::Email);
    assert_eq!((profile.distinct_values, profile.valid_share), (1000, Some(1.0)));
    assert_eq!(profile.shapes.iter().map(|(_, count)| count).sum::<u64>(), 1000);
}

/// A plan of one step, changed by `change`.
fn step(text: &str, change: impl FnOnce(&mut Step)) -> Plan {
    let mut step = Step { kind: kind(text), is_kept: true, ..Step::default() };
    change(&mut step);
    Plan(vec![step])
}

#[test]
fn a_required_value_must_be_there_and_readable() {
    let plan = step("phone:US", |step| step.is_required = true);
    for (raw, reason, problem) in [
        (None, Some(Reason::Missing), Some("missing")),
        (Some(" "), Some(Reason::Missing), Some("empty")),
        (Some("n/a"), Some(Reason::Missing), Some("placeholder")),
        (Some("12"), Some(Reason::Invalid), Some("too_short")),
        (Some("650 253 0000"), None, None),
    ] {
        let row = plan.clean(&[raw]);
        assert_eq!((row.reason, row.problems[0]), (reason, problem), "{raw:?}");
    }
    let optional = step("phone:US", |_| {}).clean(&[None]);
    assert_eq!((optional.reason, optional.problems[0], optional.changed[0]), (None, None, false));
}

#[test]
fn missing_comes_before_invalid() {
    let required = Step { kind: kind("email"), is_required: true, ..Step::default() };
    let plan = Plan(vec![required, required]);
    assert_eq!(plan.clean(&[Some("x"), None]).reason, Some(Reason::Missing));
    assert_eq!(plan.clean(&[None, Some("x")]).reason, Some(Reason::Missing));
    assert_eq!(plan.clean(&[Some("x"), Some("y")]).reason, Some(Reason::Invalid));
    // A row that is too short has no values at its end.
    assert_eq!(plan.clean(&[Some("a@example.com")]).reason, Some(Reason::Missing));
}

#[test]
fn kept_and_digits_take_blank_for_a_value() {
    for text in ["keep", "phone_digits"] {
        let plan = step(text, |step| step.is_required = true);
        assert_eq!(plan.clean(&[Some("")]).reason, None, "{text}");
        assert_eq!(plan.clean(&[None]).reason, Some(Reason::Missing), "{text}");
    }
}

#[test]
fn what_a_column_cannot_take_stays_as_it_was() {
    let narrow = step("phone:US", |step| step.chars_max = Some(10));
    let row = narrow.clean(&[Some("6502530000")]);
    assert_eq!(row.values[0].as_deref(), Some("6502530000"));
    assert_eq!((row.problems[0], row.changed[0]), (Some("does_not_fit"), false));
    let not_null = step("phone:US", |step| step.is_not_null = true);
    let row = not_null.clean(&[Some("12")]);
    assert_eq!(row.values[0].as_deref(), Some("12"));
    assert_eq!((row.problems[0], row.changed[0]), (Some("too_short"), false));
}

#[test]
fn changes_are_told_of_kept_columns_alone() {
    let plan = step("text", |step| step.is_kept = false);
    assert!(!plan.clean(&[Some(" a ")]).changed[0]);
    assert!(step("text", |_| {}).clean(&[Some(" a ")]).changed[0]);
    assert!(!step("text", |_| {}).clean(&[Some("a")]).changed[0]);
}

#[test]
fn a_plan_is_written_as_it_is_read() {
    let plan = Plan(vec![
        Step { kind: kind("phone:US"), is_required: true, is_kept: false, ..Step::default() },
        Step { kind: kind("date:dmy"), is_kept: true, chars_max: Some(7), ..Step::default() },
        Step { kind: kind("keep"), is_not_null: true, ..Step::default() },
    ]);
    assert_eq!(plan.to_string().parse(), Ok(plan));
    for bad in ["", "[1]", "[[\"x\",true,true,null,true]]", "[[\"text\",true]]"] {
        assert_eq!(bad.parse::<Plan>(), Err(InvalidPlan), "{bad}");
    }
}
