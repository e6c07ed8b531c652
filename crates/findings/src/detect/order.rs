//! Days and numbers that come in an order on nearly all rows: ended before it started, sold under
//! cost.

use crate::facts::{Facts, Role, measure_at};
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::NULL;

/// Fewer rows with both values say nothing.
const ROWS_MIN: usize = 50;
/// Most of the rows that may break an order of which the names say nothing,
const UNNAMED_MAX: f64 = 0.005;
/// and at least so many do.
const UNNAMED_ROWS_MIN: usize = 3;
/// More columns of one role are not compared with each other.
const COLUMNS_MAX: usize = 40;

/// Pairs of words: the first comes before the second, or is the smaller.
const BEFORE: &[(&str, &str)] = &[
    (
        "start started begin began from opened open",
        "end ended finish finished to until closed close completed expiry expires expiration",
    ),
    (
        "created create signup signed registered registration joined",
        "updated modified changed last login closed deleted cancelled activity",
    ),
    (
        "order ordered purchase purchased placed",
        "ship shipped shipping delivery delivered received returned return refund refunded invoice \
         paid fulfilled",
    ),
    ("ship shipped shipping dispatched", "delivery delivered arrived received returned return"),
    ("admission admitted admit", "discharge discharged release released"),
    (
        "birth dob born birthdate",
        "death deceased hire hired admission admitted signup created visit registered enrollment \
         diagnosis joined",
    ),
    ("hire hired", "termination terminated left"),
    ("issue issued invoice", "due expiry expires expiration paid payment"),
    ("min minimum low lower least", "max maximum high upper most"),
    ("diastolic", "systolic"),
    ("cost", "price retail msrp"),
    ("subtotal net", "total gross"),
    ("sale discounted", "list original regular"),
    (
        "payment paid reimbursed refund refunded copay",
        "claim claimed billed charge charged invoiced",
    ),
    ("scheduled check_in checkin", "checkout check_out"),
];

/// Columns whose order is broken, the later first, and the rows.
type Broken = (usize, usize, Vec<usize>);

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for role in [Role::Date, Role::Number] {
        let columns: Vec<usize> = study
            .columns()
            .filter(|(_, _, facts)| facts.role == role && !facts.title.is_identifier())
            .map(|(place, _, _)| place)
            .collect();
        if columns.len() > COLUMNS_MAX {
            continue;
        }
        let mut told: Vec<Broken> = Vec::new();
        for named in [true, false] {
            for &earlier in &columns {
                for &later in columns.iter().filter(|later| **later != earlier) {
                    (study.context.pause)();
                    if is_named(&study.facts[earlier], &study.facts[later]) == named {
                        told.extend(compare(study, findings, &told, earlier, later));
                    }
                }
            }
        }
    }
}

/// True if most of these rows break an order of one of the columns with a third one already.
fn is_told(told: &[Broken], columns: [usize; 2], broken: &[usize]) -> bool {
    told.iter().any(|(later, earlier, rows)| {
        let is_one = columns.contains(later) || columns.contains(earlier);
        let common = broken.iter().filter(|row| rows.binary_search(row).is_ok()).count();
        is_one && common * 2 >= broken.len()
    })
}

/// Words for what is spent, and for how much may be.
const LIMITED: (&str, &str) = (
    "amount total cost charge claim balance used spent usage value quantity",
    "max maximum limit cap ceiling allowed allowance quota capacity",
);

/// True if the names say that one is the limit of the other.
fn is_limit(earlier: &Facts, later: &Facts) -> bool {
    later.title.has(LIMITED.1)
        && earlier.title.has(LIMITED.0)
        && !earlier.title.has(LIMITED.1)
        && !earlier.title.has("min minimum")
}

/// True if the names say that the first comes before the second: one word apart, or of known pairs.
fn is_named(earlier: &Facts, later: &Facts) -> bool {
    BEFORE.iter().any(|(first, second)| {
        earlier.title.has(first)
            && later.title.has(second)
            && (!earlier.title.has(second) || later.title.has(first))
    })
}

fn compare(
    study: &Study<'_>,
    findings: &mut Findings,
    told: &[Broken],
    earlier: usize,
    later: usize,
) -> Option<Broken> {
    let (first, second) = (&study.facts[earlier], &study.facts[later]);
    let named = is_named(first, second);
    if !named && is_named(second, first) {
        return None;
    }
    let lags = lags(study, findings, earlier, later);
    if lags.len() < ROWS_MIN {
        return None;
    }
    // Of what lasts hours, hours count.
    let short = lags.iter().filter(|pair| pair.1 < 1.0).count() * 2 > lags.len();
    let day = if first.role == Role::Date && !short { 1.0 } else { 0.0 };
    let mut broken = below(&lags, day);
    let mut severity = Severity::Error;
    if broken.is_empty() && first.role == Role::Date {
        // Times of one day that are in no order may come of clocks and time zones.
        broken = below(&lags, 0.0);
        severity = Severity::Info;
    }
    let share = broken.len() as f64 / lags.len() as f64;
    let is_limited = first.role == Role::Number && is_limit(first, second);
    let is_rule = match (named, first.role) {
        _ if is_limited => share <= 0.02,
        (true, Role::Date) => share <= 0.15,
        (true, _) => share <= 0.05 && follows(study, earlier, &lags, 0.9),
        // Numbers of like size are not in an order yet.
        (false, Role::Date) => {
            share <= UNNAMED_MAX && follows(study, earlier, &lags, 0.4) && breaks_off(&lags)
        }
        (false, _) => {
            share <= UNNAMED_MAX && follows(study, earlier, &lags, 0.4) && breaks_off(&lags)
        }
    };
    let is_strict = lags.iter().filter(|pair| pair.1 > 0.0).count() * 2 > lags.len();
    if broken.is_empty() || !is_rule || !is_strict {
        return None;
    }
    broken.sort_unstable();
    let is_weak = || broken.len() < UNNAMED_ROWS_MIN || is_told(told, [later, earlier], &broken);
    if !named && is_weak() {
        return None;
    }
    if !named && !is_limited {
        // The columns may have nothing to do with each other.
        severity = Severity::Info;
    }
    findings.rows(&[later, earlier], ("order", severity), &broken, mend(study, earlier, later));
    Some((later, earlier, broken))
}

/// Conditions on columns whose names tell their order, where all rows keep it.
pub fn kept(study: &Study<'_>) -> Vec<String> {
    let nothing = Findings::new(study.table);
    let mut conditions = Vec::new();
    for (earlier, _, first) in study.columns() {
        for (later, _, second) in study.columns() {
            let is_pair = earlier != later && first.role == second.role && first.role == Role::Date;
            if !is_pair || !is_named(first, second) {
                continue;
            }
            let lags = lags(study, &nothing, earlier, later);
            if lags.len() >= ROWS_MIN && lags.iter().all(|pair| pair.1 >= 0.0) {
                conditions.extend(condition(study, earlier, later));
            }
        }
    }
    conditions
}

/// The rows whose lag is negative: of days by a day at least, or any time where `day` is zero.
fn below(lags: &[(usize, f64)], day: f64) -> Vec<usize> {
    let is_below = |lag: f64| lag < 0.0 && (day == 0.0 || lag.abs() >= day);
    lags.iter().filter(|pair| is_below(pair.1)).map(|pair| pair.0).collect()
}

fn mend(study: &Study<'_>, earlier: usize, later: usize) -> Option<String> {
    study.context.names.check(&condition(study, earlier, later)?)
}

fn condition(study: &Study<'_>, earlier: usize, later: usize) -> Option<String> {
    let names = &study.context.names;
    let is_date = study.facts[earlier].role == Role::Date;
    let is_builtin = names.is_builtin[earlier] && names.is_builtin[later];
    if !is_builtin || is_date && (names.is_text[earlier] || names.is_text[later]) {
        return None;
    }
    let side = |place| if is_date { names.column(place) } else { names.number(place) };
    Some(format!("{} OPERATOR(pg_catalog.<=) {}", side(earlier), side(later)))
}

/// By row, how much later the second is; rows with suspect values left out.
fn lags(study: &Study<'_>, findings: &Findings, earlier: usize, later: usize) -> Vec<(usize, f64)> {
    let (first, second) = (&study.table.columns[earlier], &study.table.columns[later]);
    let (Some(firsts), Some(seconds)) =
        (study.facts[earlier].measures(), study.facts[later].measures())
    else {
        return Vec::new();
    };
    let is_sound = |row: usize| {
        let (one, other) = (first.cells[row], second.cells[row]);
        one != NULL
            && other != NULL
            && !findings.is_suspect(earlier, one)
            && !findings.is_suspect(later, other)
    };
    let is_days = study.facts[earlier].role == Role::Date;
    (0..study.table.rows())
        .filter(|row| is_sound(*row))
        .map(|row| {
            let (one, other) = (measure_at(first, firsts, row), measure_at(second, seconds, row));
            // A day without a time is no earlier than a moment of it.
            let is_same_day = is_days
                && one.floor() == other.floor()
                && (one.fract() == 0.0 || other.fract() == 0.0);
            (row, if is_same_day { 0.0 } else { other - one })
        })
        .filter(|pair| !pair.1.is_nan())
        .collect()
}

/// True if lags become rare all at once below zero, rather than gradually as those of two columns
/// do that have no order.
fn breaks_off(lags: &[(usize, f64)]) -> bool {
    const TIMES_MIN: usize = 4;
    let mut below: Vec<f64> = lags.iter().map(|pair| -pair.1).filter(|lag| *lag > 0.0).collect();
    below.sort_by(f64::total_cmp);
    let Some(&width) = below.get(below.len() / 2) else { return false };
    let within = |lag: f64| lag > 0.0 && lag <= width;
    let above = lags.iter().filter(|pair| within(pair.1)).count();
    above >= TIMES_MIN * below.iter().filter(|lag| within(**lag)).count()
}

/// True if the second value goes along with the first: the lags vary far less than the values.
fn follows(study: &Study<'_>, earlier: usize, lags: &[(usize, f64)], most: f64) -> bool {
    let column = &study.table.columns[earlier];
    let Some(measures) = study.facts[earlier].measures() else { return false };
    let values = lags.iter().map(|(row, _)| measure_at(column, measures, *row)).collect();
    let lags = lags.iter().map(|pair| pair.1).collect();
    spread(lags) <= most * spread(values)
}

/// The distance between the quartiles.
fn spread(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or(0.0);
    at(3) - at(1)
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found, random};

    fn day(number: usize) -> String {
        format!(
            "20{:02}-{:02}-{:02}",
            10 + number / 336 % 14,
            1 + number / 28 % 12,
            1 + number % 28
        )
    }

    #[test]
    fn broken_order_is_found_by_names_and_by_values() {
        let noise = random(9);
        let sheet = Sheet::new("start_date,end_date,a_on,b_on,c_on").rows(600, |row| {
            let start = (noise(row) * 4000.0) as usize + 400;
            let end = if row % 50 == 3 { start - 40 } else { start + 30 };
            let seen = if row % 250 == 7 { start - 9 } else { start + 5 + row % 7 };
            vec![
                day(start),
                day(end),
                day(start),
                day(seen),
                day((noise(row + 9999) * 4000.0) as usize),
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "end_date").contains(&"order"));
        assert!(sheet.codes(&findings, "b_on").contains(&"order"));
        assert!(!sheet.codes(&findings, "c_on").contains(&"order"));
    }
}
