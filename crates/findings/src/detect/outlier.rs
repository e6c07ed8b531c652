//! Numbers and days far away from all others, where the shape of the distribution says that none
//! should be there.

use crate::facts::Role;
use crate::finding::{Findings, Severity};
use crate::study::Study;
use crate::table::Column;

/// So many different values are needed to know the shape.
const DISTINCT_MIN: usize = 20;
/// So many rows are needed.
const ROWS_MIN: u64 = 50;
/// Distance from the quartiles, in their distance from each other, that no value of a symmetric
/// distribution has; the more lopsided it is, the further off values are expected.
const FENCE: f64 = 3.5;
/// Factor for a distribution that lies wholly on one side.
const LOPSIDED: f64 = 4.0;
/// Within this distance all but a fiftieth must lie, or the tails are heavy by nature.
const BULK: f64 = 2.0;
/// More rows than this part are no outliers.
const SHARE_MAX: f64 = 0.02;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let mut days: Vec<(usize, Vec<u32>, Vec<usize>)> = Vec::new();
    for (place, column, facts) in study.columns() {
        let Some(measures) = facts.measures() else { continue };
        if facts.there < ROWS_MIN || facts.distinct < DISTINCT_MIN || facts.title.is_identifier() {
            continue;
        }
        let sorted = Sorted::of(column, measures, |number| !findings.is_suspect(place, number));
        let Some(fence) = sorted.fence(facts.role == Role::Number) else { continue };
        let odd = study.values(place, |number, _| {
            !findings.is_suspect(place, number) && fence.is_beyond(measures[number as usize])
        });
        let rows = study.rows_of(place, &odd) as f64;
        if rows > SHARE_MAX * facts.there as f64 {
            continue;
        }
        if facts.role == Role::Date {
            let rows = rows_with(column, &odd);
            days.push((place, odd, rows));
            continue;
        }
        let names = &study.context.names;
        let mend = fence.bounds().and_then(|(least, most)| {
            names.check(&names.between(place, Some(rounded(least)), Some(rounded(most))))
        });
        findings.values(study, place, ("outlier", Severity::Warning), &odd, mend);
    }
    for (place, odd, rows) in &days {
        // Days that are far off together are of a row that is, not of a slip.
        let agree = |(other, _, others): &&(usize, Vec<u32>, Vec<usize>)| {
            let common = rows.iter().filter(|row| others.binary_search(row).is_ok()).count();
            other != place && common * 10 >= rows.len() * 8
        };
        let is_together = days.iter().any(|other| agree(&other));
        let severity = if is_together { Severity::Info } else { Severity::Warning };
        findings.values(study, *place, ("date_outlier", severity), odd, None);
        findings.suspect(*place, odd);
    }
}

/// The rows that hold one of these values.
fn rows_with(column: &Column, numbers: &[u32]) -> Vec<usize> {
    let mut is_wanted = vec![false; column.distinct()];
    numbers.iter().for_each(|number| is_wanted[*number as usize] = true);
    let is_one = |number: u32| is_wanted.get(number as usize).copied().unwrap_or(false);
    (0..column.cells.len()).filter(|row| is_one(column.cells[*row])).collect()
}

/// A number to three figures.
fn rounded(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

/// Measures in order, with the rows that have each.
pub struct Sorted(Vec<(f64, u64)>);

impl Sorted {
    /// The measures of the values that are wanted.
    pub fn of(column: &Column, measures: &[f64], is_wanted: impl Fn(u32) -> bool) -> Self {
        let mut sorted: Vec<(f64, u64)> = measures
            .iter()
            .zip(&column.counts)
            .zip(0..)
            .filter(|((measure, count), number)| {
                !measure.is_nan() && **count > 0 && is_wanted(*number)
            })
            .map(|((measure, count), _)| (*measure, *count))
            .collect();
        sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
        Self(sorted)
    }

    /// The measure below which this part of the rows lies.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let rows: u64 = self.0.iter().map(|pair| pair.1).sum();
        let wanted = part * rows as f64;
        let mut before = 0;
        for (measure, count) in &self.0 {
            before += count;
            if before as f64 >= wanted {
                return Some(*measure);
            }
        }
        self.0.last().map(|pair| pair.0)
    }

    /// Limits of outliers; none where the shape tells nothing.
    fn fence(&self, may_be_logarithmic: bool) -> Option<Fence> {
        let quantiles = [0.02, 0.25, 0.5, 0.75, 0.98].map(|part| self.quantile(part));
        let [Some(low), Some(first), Some(middle), Some(third), Some(high)] = quantiles else {
            return None;
        };
        let points = [low, first, middle, third, high];
        let skew = |points: [f64; 5]| {
            ((points[4] + points[0] - 2.0 * points[2]) / (points[4] - points[0])).abs()
        };
        let logs = points.map(f64::ln);
        let is_logarithmic = may_be_logarithmic && low > 0.0 && skew(logs) < skew(points);
        let points = if is_logarithmic { logs } else { points };
        let spread = points[3] - points[1];
        let distance = FENCE * (1.0 + LOPSIDED * skew(points)) * spread;
        let is_narrow =
            points[4] <= points[3] + BULK * spread && points[0] >= points[1] - BULK * spread;
        (spread > 0.0 && is_narrow).then_some(Fence {
            // Towards nothing, logarithms have a tail of their own.
            least: if is_logarithmic && skew(points) > 0.15 {
                f64::NEG_INFINITY
            } else {
                points[1] - distance
            },
            most: points[3] + distance,
            is_logarithmic,
        })
    }
}

/// Limits of outliers.
struct Fence {
    least: f64,
    most: f64,
    is_logarithmic: bool,
}

impl Fence {
    fn is_beyond(&self, measure: f64) -> bool {
        if measure.is_nan() {
            return false;
        }
        if !self.is_logarithmic {
            return measure < self.least || measure > self.most;
        }
        measure <= 0.0 || measure.ln() < self.least || measure.ln() > self.most
    }

    fn bounds(&self) -> Option<(f64, f64)> {
        let (least, most) = match self.is_logarithmic {
            true => (self.least.exp(), self.most.exp()),
            false => (self.least, self.most),
        };
        (least.is_finite() && most.is_finite()).then_some((least, most))
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found, random};

    fn codes_of(value: impl Fn(usize) -> f64) -> Vec<&'static str> {
        let sheet = Sheet::new("reading").rows(2000, |row| vec![format!("{:.3}", value(row))]);
        sheet.codes(&found(&sheet), "reading")
    }

    fn normal(row: usize) -> f64 {
        let (a, b) = (random(1)(row), random(2)(row));
        (-2.0 * a.max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    #[test]
    fn values_far_off_are_found() {
        assert_eq!(
            codes_of(|row| if row == 77 { 900.0 } else { 100.0 + 10.0 * normal(row) }),
            ["outlier"]
        );
        assert_eq!(
            codes_of(|row| if row == 77 { 9e5 } else { (3.0 + 0.5 * normal(row)).exp() }),
            ["outlier"]
        );
        assert_eq!(
            codes_of(|row| if row % 400 == 7 { 900.0 } else { 100.0 * random(3)(row) + 20.0 }),
            ["outlier"]
        );
    }

    #[test]
    fn tails_are_no_outliers() {
        for (name, value) in [
            ("uniform", (|row| random(4)(row) * 1000.0) as fn(usize) -> f64),
            ("normal", |row| 50.0 + 5.0 * normal(row)),
            ("lognormal", |row| (4.0 + normal(row)).exp()),
            ("exponential", |row| -random(5)(row).max(1e-9).ln() * 100.0),
            ("pareto", |row| random(6)(row).max(1e-9).powf(-1.0)),
            ("cubed", |row| normal(row).powi(3)),
        ] {
            let codes = codes_of(value);
            assert!(!codes.contains(&"outlier"), "{name}: {codes:?}");
        }
    }
}
