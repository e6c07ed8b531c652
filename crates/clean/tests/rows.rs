//! What holds for any value, record and row: cleaning twice is cleaning once, nothing is lost.

use crm_ai_clean::phone::Region;
use crm_ai_clean::rows::{Column, Kind, Plan, Step, clean, clean_record, guess, shape};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const KINDS: [&str; 13] = [
    "phone:US",
    "phone:ZZ",
    "phone_digits:11",
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
];

const VALUES: &[&str] = &[
    "",
    " ",
    "n/a",
    "null",
    "-",
    "(650) 253-0000",
    "650 253 0000 x5",
    "6502530000.0",
    "1.38E+10",
    "12",
    "ann@example.com",
    "Ann <ann@EXAMPLE.com>",
    "ann@",
    "ANN LEE",
    "Lee, Ann",
    "Dr. Ann B. Lee Jr.",
    "ACME GmbH",
    "王小明",
    "12 Main Street, Springfield, IL 62701",
    "PO Box 12",
    "03/04/2024",
    "25/12/2024",
    "45356",
    "yes",
    "N",
    "x",
    "0017",
    "1001.0",
    " a &amp;  b ",
    "<b>bold</b>",
    "cafÃ©",
    "\u{200b}",
    "\u{202e}abc",
    "\u{92}",
    "🎉",
    "مرحبا",
    "\u{1}",
    "#REF!",
];

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(count)
    }
}

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(VALUES).prop_map(str::to_owned), any::<String>()]
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS[..]).prop_map(|kind| kind.parse().unwrap_or_default())
}

fn us() -> Region {
    "US".parse().unwrap_or_default()
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn cleaning_a_value_twice_is_cleaning_it_once(raw in any_value(), kind in any_kind()) {
        let once = clean(&raw, kind);
        prop_assert!(once.value.is_some() || once.problem.is_some(), "{:?} as {}", raw, kind);
        if let Some(value) = &once.value {
            let twice = clean(value, kind);
            prop_assert_eq!(twice.value.as_ref(), Some(value), "of {:?} as {}", raw, kind);
        }
    }

    #[test]
    fn any_name_and_values_have_a_kind(name in ".{0,20}", values in prop::collection::vec(any_value(), 0..20)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let kind = guess(&name, &values, us());
        prop_assert_eq!(kind.to_string().parse(), Ok(kind));
        let mut column = Column::new(&name, None, us());
        for value in &values {
            column.add(Some(value));
            prop_assert!(shape(value).chars().count() <= 33);
        }
        let profile = column.finish();
        prop_assert_eq!(profile.kind, kind.in_region(us()));
        prop_assert!(profile.valid_share.is_none_or(|share| (0.0..=1.0).contains(&share)));
    }

    #[test]
    fn a_clean_record_is_clean(
        fields in prop::collection::btree_map("[a-z]{1,3}|email|phone|name|date|address", any_value(), 0..8),
        kinds in prop::collection::btree_map("[a-z]{1,3}|email|phone|name|date|address", any_kind(), 0..8),
        guessed in any::<bool>(),
    ) {
        let kinds = (!guessed).then_some(&kinds);
        let record = serde_json::json!(fields).to_string();
        let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap_or_default() };
        let fail = |_| TestCaseError::fail("a record was refused");
        let once = read(&clean_record(&record, kinds, us()).map_err(fail)?);
        // No column is lost, none is added.
        let columns: Vec<&String> = once["row"].as_object().map(|row| row.keys().collect()).unwrap_or_default();
        prop_assert_eq!(columns, fields.keys().collect::<Vec<_>>());
        if kinds.is_some() {
            let twice = read(&clean_record(&once["row"].to_string(), kinds, us()).map_err(fail)?);
            prop_assert_eq!(&twice["row"], &once["row"]);
            prop_assert_eq!(&twice["ok"], &serde_json::Value::Bool(true));
        }
    }

    #[test]
    fn a_row_is_kept_or_rejected_for_a_reason(
        steps in prop::collection::vec((any_kind(), any::<bool>(), any::<bool>(), any::<bool>()), 0..6),
        raw in prop::collection::vec(prop::option::of(any_value()), 6),
    ) {
        let steps = steps.into_iter().map(|(kind, is_required, is_kept, is_not_null)| Step {
            kind, is_required, is_kept, is_not_null, ..Step::default()
        });
        let plan = Plan(steps.collect());
        let raw: Vec<Option<&str>> = raw.iter().map(Option::as_deref).collect();
        let row = plan.clean(&raw);
        let lacks = |(step, value): (&Step, &Option<String>)| step.is_required && value.is_none();
        prop_assert_eq!(row.reason.is_some(), plan.0.iter().zip(&row.values).any(lacks));
        for (index, step) in plan.0.iter().enumerate() {
            // What was there and is not any more has a problem that says why.
            let is_lost = raw[index].is_some() && row.values[index].is_none();
            prop_assert!(!is_lost || row.problems[index].is_some());
            let is_changed = row.values[index].as_deref() != raw[index];
            prop_assert_eq!(row.changed[index], step.is_kept && is_changed);
        }
    }
}
