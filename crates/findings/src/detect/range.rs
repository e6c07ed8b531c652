//! Numbers and days outside what their column's name allows.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::Column;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        match facts.role {
            Role::Number => {
                limits(study, findings, place);
                signs(study, findings, place, column, facts);
                levels(study, findings, place, column, facts);
            }
            Role::Date => future(study, findings, place, facts),
            _ => {}
        }
    }
}

/// Bounds that a name sets; a column of which more than a tenth lies outside means something else.
fn bounds_of(facts: &Facts) -> Option<(f64, f64)> {
    let title = &facts.title;
    let is_change = title.has("change delta diff difference growth profit margin return");
    if title.has("age ages alter") && !title.has("days hours minutes months account") {
        Some((0.0, 120.0))
    } else if title.has("percent percentage pct") && !is_change {
        Some((0.0, 100.0))
    } else if title.has("latitude lat") {
        Some((-90.0, 90.0))
    } else if title.has("longitude lon lng long") {
        Some((-180.0, 180.0))
    } else if title.ends_in("month") {
        Some((1.0, 12.0))
    } else if title.ends_in("hour") {
        Some((0.0, 24.0))
    } else if title.has("probability prob") {
        Some((0.0, 1.0))
    } else if title.has("bpm pulse heart") {
        Some((20.0, 300.0))
    } else if title.has("spo2 saturation") {
        Some((0.0, 100.0))
    } else if title.has("bmi") {
        Some((8.0, 150.0))
    } else {
        None
    }
}

fn limits(study: &Study<'_>, findings: &mut Findings, place: usize) {
    const MINORITY_MAX: f64 = 0.1;
    let facts = &study.facts[place];
    let Some((least, most)) = bounds_of(facts) else { return };
    let odd = study.values(place, |number, _| {
        let value = facts.numbers[number as usize];
        !value.is_nan() && !(least..=most).contains(&value)
    });
    if study.rows_of(place, &odd) as f64 <= MINORITY_MAX * facts.there as f64 {
        let names = &study.context.names;
        let mend = names.check(&names.between(place, Some(least), Some(most)));
        findings.values(study, place, ("out_of_range", Severity::Error), &odd, mend);
    }
}

/// Negative numbers and zeros where nearly all are positive and the name speaks of a quantity.
fn signs(study: &Study<'_>, findings: &mut Findings, place: usize, column: &Column, facts: &Facts) {
    let quantity = facts.title.has(
        "price cost amount total subtotal quantity qty count stock salary income revenue weight \
         height length width distance duration size fee rate score rating number visits units \
         shipping tax age days hours minutes charge payment wage budget capacity views clicks \
         items inventory dose dosage copay",
    );
    let signed = facts.title.has(
        "balance change delta diff difference profit margin adjustment refund credit net \
         temperature temp latitude longitude lat lon lng growth offset return score index",
    );
    let number = |number: u32| facts.numbers[number as usize];
    let names = &study.context.names;
    let negative = study.values(place, |value, _| number(value) < 0.0);
    let rows = study.rows_of(place, &negative) as f64 / facts.there as f64;
    let most = if quantity { 0.1 } else { 0.02 };
    if rows <= most && !signed && (quantity || is_positive(column, facts)) {
        let severity = if quantity { Severity::Error } else { Severity::Warning };
        let mend = names.check(&names.between(place, Some(0.0), None));
        findings.values(study, place, ("negative_value", severity), &negative, mend);
    }
    let never_zero = facts.title.has("price weight height salary quantity qty income wage");
    let zero = study.values(place, |value, _| number(value) == 0.0);
    let rows = study.rows_of(place, &zero) as f64 / facts.there as f64;
    if never_zero && rows <= 0.03 && facts.distinct > 10 {
        findings.values(study, place, ("zero_value", Severity::Warning), &zero, None);
    }
}

/// Few whole numbers that make up nearly all rows, as marks from 1 to 5: others are none of them.
fn levels(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) {
    const LEVELS_MAX: usize = 15;
    const SHARE_MAX: f64 = 0.02;
    let number = |value: u32| facts.numbers[value as usize];
    let count = |value: u32| column.counts[value as usize];
    let usual = study.values(place, |value, _| {
        number(value).fract() == 0.0 && count(value) as f64 >= 0.02 * facts.there as f64
    });
    let bounds =
        usual.iter().map(|value| number(*value)).fold(None, |bounds, number| match bounds {
            None => Some((number, number)),
            Some((least, most)) => Some((number.min(least), number.max(most))),
        });
    let Some((least, most)) = bounds.filter(|_| (3..=LEVELS_MAX).contains(&usual.len())) else {
        return;
    };
    let odd = study.values(place, |value, _| {
        !number(value).is_nan()
            && !(least..=most).contains(&number(value))
            && !findings.is_suspect(place, value)
    });
    let share = study.rows_of(place, &odd) as f64 / facts.there as f64;
    // A tail goes down step by step; levels break off.
    let rarest = usual.iter().map(|value| count(*value)).min().unwrap_or(0);
    let breaks_off = odd.iter().all(|value| count(*value) * 10 <= rarest);
    if share <= SHARE_MAX && breaks_off && usual.len() as f64 == most - least + 1.0 {
        let names = &study.context.names;
        let mend = names.check(&names.between(place, Some(least), Some(most)));
        findings.values(study, place, ("out_of_range", Severity::Warning), &odd, mend);
    }
}

/// True if all but a few numbers lie well above zero.
fn is_positive(column: &Column, facts: &Facts) -> bool {
    const ROWS_MIN: u64 = 100;
    let small = facts.share(column, |number, _| facts.numbers[number as usize] <= 0.0);
    facts.there >= ROWS_MIN && small <= 0.02
}

/// Days to come where the column's name speaks of what has been.
fn future(study: &Study<'_>, findings: &mut Findings, place: usize, facts: &Facts) {
    if !facts.title.is_past() {
        return;
    }
    let today = study.context.today;
    let odd = study.values(place, |number, _| facts.days[number as usize] >= today + 2.0);
    let share = study.rows_of(place, &odd) as f64 / facts.there as f64;
    if share > 0.2 {
        return;
    }
    let names = &study.context.names;
    let mend = if names.is_text[place] {
        None
    } else {
        names.check(&format!("{} OPERATOR(pg_catalog.<=) pg_catalog.now()", names.column(place)))
    };
    let severity = if facts.title.is_birth() { Severity::Error } else { Severity::Warning };
    findings.values(study, place, ("future_date", severity), &odd, mend);
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn names_set_bounds() {
        let sheet = Sheet::new("age,unit_price,birth_date,account_balance").rows(300, |row| {
            vec![
                if row == 3 { "150".into() } else { (18 + row % 60).to_string() },
                if row == 4 { "-9.99".into() } else { format!("{}.25", 5 + row % 40) },
                if row == 5 { "2031-01-01".into() } else { format!("19{}-05-05", 50 + row % 50) },
                (row as i64 % 200 - 100).to_string(),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "age").contains(&"out_of_range"));
        assert!(sheet.codes(&findings, "unit_price").contains(&"negative_value"));
        assert!(sheet.codes(&findings, "birth_date").contains(&"future_date"));
        assert!(sheet.codes(&findings, "account_balance").is_empty());
    }
}
