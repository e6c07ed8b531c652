//! Numbers that are made of others on nearly all rows: a total of its parts, a price by a quantity.

use crate::facts::{Role, measure_at};
use crate::finding::{Findings, Severity};
use crate::study::Study;

/// Rows that a rule is tried on before all are.
const TRIED: usize = 60;
/// So many of these must fit.
const NEARLY_ALL: f64 = 0.75;
/// Fewer rows say nothing.
const ROWS_MIN: usize = 50;
/// More columns of numbers are not tried with each other.
const COLUMNS_MAX: usize = 16;

/// Relations of numbers.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Sum([(usize, f64); 4]),
    Product(usize, usize),
    /// The product, less a discount or more a tax given as a part or in percent.
    Rated(usize, usize, usize, f64),
}

struct Numbers {
    /// By column that is tried, the number in each row.
    rows: Vec<Vec<f64>>,
    places: Vec<usize>,
}

const NONE: (usize, f64) = (usize::MAX, 0.0);

impl Rule {
    fn result(&self, numbers: &Numbers, row: usize) -> f64 {
        let at = |column: usize| numbers.rows[column][row];
        match self {
            Self::Sum(parts) => {
                parts.iter().filter(|part| part.0 != NONE.0).map(|part| at(part.0) * part.1).sum()
            }
            Self::Product(left, right) => at(*left) * at(*right),
            Self::Rated(left, right, rate, unit) => {
                at(*left) * at(*right) * (1.0 + at(*rate) * unit)
            }
        }
    }

    fn fits(&self, numbers: &Numbers, target: usize, row: usize) -> Option<bool> {
        let (expected, found) = (self.result(numbers, row), numbers.rows[target][row]);
        let is_there = !expected.is_nan() && !found.is_nan();
        is_there.then(|| (expected - found).abs() <= 0.011 + 0.0002 * found.abs())
    }

    fn columns(&self) -> Vec<usize> {
        match self {
            Self::Sum(parts) => {
                parts.iter().map(|part| part.0).filter(|column| *column != NONE.0).collect()
            }
            Self::Product(left, right) => vec![*left, *right],
            Self::Rated(left, right, rate, _) => vec![*left, *right, *rate],
        }
    }
}

impl Rule {
    /// All columns of the rule, in order.
    fn with(&self, target: usize) -> Vec<usize> {
        let mut columns = self.columns();
        columns.push(target);
        columns.sort_unstable();
        columns
    }
}

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    let places: Vec<usize> = study
        .columns()
        .filter(|(_, _, facts)| {
            facts.role == Role::Number && facts.distinct > 2 && !facts.title.is_identifier()
        })
        .map(|(place, ..)| place)
        .collect();
    if study.table.rows() < ROWS_MIN || places.len() < 3 {
        return;
    }
    let places: Vec<usize> = places.into_iter().take(COLUMNS_MAX).collect();
    let row_of = |place: usize| {
        let column = &study.table.columns[place];
        (0..study.table.rows())
            .map(|row| measure_at(column, &study.facts[place].numbers, row))
            .collect()
    };
    let numbers = Numbers { rows: places.iter().map(|place| row_of(*place)).collect(), places };
    let step = (study.table.rows() / TRIED).max(1);
    let tried: Vec<usize> = (0..study.table.rows()).step_by(step).take(TRIED).collect();
    // Columns that go together by a rule already: the same the other way round says nothing new.
    let mut known: Vec<Vec<usize>> = Vec::new();
    for target in 0..numbers.places.len() {
        (study.context.pause)();
        let is_new = |rule: &Rule| !known.contains(&rule.with(target));
        let rule = rules(numbers.places.len(), target)
            .find(|rule| is_new(rule) && holds(rule, &numbers, target, &tried));
        if let Some(rule) = rule.filter(|rule| note(study, findings, &numbers, target, rule)) {
            known.push(rule.with(target));
        }
    }
}

fn holds(rule: &Rule, numbers: &Numbers, target: usize, tried: &[usize]) -> bool {
    let (mut fitting, mut compared, mut telling) = (0, 0, 0);
    for &row in tried {
        let Some(fits) = rule.fits(numbers, target, row) else { continue };
        compared += 1;
        fitting += usize::from(fits);
        // Zeros and ones make every rule hold.
        let is_plain = rule.columns().iter().any(|column| {
            let number = numbers.rows[*column][row];
            number == 0.0 || number == 1.0 && !matches!(rule, Rule::Sum(_))
        });
        telling += usize::from(fits && !is_plain);
        if compared == 12 && fitting < 6 {
            return false;
        }
    }
    compared * 2 >= tried.len()
        && fitting as f64 >= NEARLY_ALL * compared as f64
        && telling * 5 >= compared
}

/// All rules for one column that is made of others.
fn rules(columns: usize, target: usize) -> impl Iterator<Item = Rule> {
    let others: Vec<usize> = (0..columns).filter(|column| *column != target).collect();
    let mut rules = Vec::new();
    let count = others.len();
    for i in 0..count {
        for j in i + 1..count {
            let (a, b) = (others[i], others[j]);
            rules.push(Rule::Product(a, b));
            rules.push(Rule::Sum([(a, 1.0), (b, 1.0), NONE, NONE]));
            for k in 0..count {
                let c = others[k];
                if k == i || k == j {
                    continue;
                }
                rules.extend([-1.0, 1.0, -0.01, 0.01].map(|unit| Rule::Rated(a, b, c, unit)));
                rules.push(Rule::Sum([(a, 1.0), (b, 1.0), (c, -1.0), NONE]));
                if k > j {
                    rules.push(Rule::Sum([(a, 1.0), (b, 1.0), (c, 1.0), NONE]));
                    for (l, &d) in others.iter().enumerate() {
                        if l != i && l != j && l != k {
                            rules.push(Rule::Sum([(a, 1.0), (b, 1.0), (c, 1.0), (d, -1.0)]));
                        }
                    }
                }
            }
        }
    }
    rules.into_iter()
}

/// Notes the rows that break the rule; gives whether it is one.
fn note(
    study: &Study<'_>,
    findings: &mut Findings,
    numbers: &Numbers,
    target: usize,
    rule: &Rule,
) -> bool {
    const BROKEN_MAX: f64 = 0.2;
    let mut compared = 0;
    let mut odd = Vec::new();
    for row in 0..study.table.rows() {
        match rule.fits(numbers, target, row) {
            None => {}
            Some(fits) => {
                compared += 1;
                if !fits {
                    odd.push(row);
                }
            }
        }
    }
    if odd.len() as f64 > BROKEN_MAX * f64::from(compared) {
        return false;
    }
    let mut columns = vec![numbers.places[target]];
    columns.extend(rule.columns().iter().map(|column| numbers.places[*column]));
    let mend = study.context.names.check(&condition(study, numbers, target, rule));
    findings.rows(&columns, ("arithmetic", Severity::Error), &odd, mend);
    true
}

fn condition(study: &Study<'_>, numbers: &Numbers, target: usize, rule: &Rule) -> String {
    let names = &study.context.names;
    let number = |column: usize| format!("({})", names.number(numbers.places[column]));
    let times = " OPERATOR(pg_catalog.*) ";
    let result = match rule {
        Rule::Sum(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .filter(|part| part.0 != NONE.0)
                .map(|part| {
                    if part.1 < 0.0 {
                        format!("(0 OPERATOR(pg_catalog.-) {})", number(part.0))
                    } else {
                        number(part.0)
                    }
                })
                .collect();
            parts.join(" OPERATOR(pg_catalog.+) ")
        }
        Rule::Product(left, right) => [number(*left), number(*right)].join(times),
        Rule::Rated(left, right, rate, unit) => {
            let factor = format!("(1 OPERATOR(pg_catalog.+) {}{times}{unit})", number(*rate));
            [number(*left), number(*right), factor].join(times)
        }
    };
    format!(
        "pg_catalog.abs({} OPERATOR(pg_catalog.-) ({result})) OPERATOR(pg_catalog.<=) 0.011",
        number(target)
    )
}

#[cfg(test)]
mod tests {
    use crate::detect::testing::{Sheet, found, random};

    #[test]
    fn totals_are_held_against_their_parts() {
        let noise = random(11);
        let sheet = Sheet::new("quantity,unit_price,shipping,subtotal,total").rows(400, |row| {
            let quantity = 2.0 + (noise(row) * 8.0).floor();
            let price = (noise(row + 1000) * 9000.0).floor() / 100.0 + 3.0;
            let shipping = (noise(row + 2000) * 1500.0).floor() / 100.0 + 1.0;
            let subtotal = quantity * price;
            let total = if row % 90 == 4 { subtotal } else { subtotal + shipping };
            [quantity, price, shipping, subtotal, total]
                .iter()
                .map(|number| format!("{number:.2}"))
                .collect()
        });
        let findings = found(&sheet);
        let broken: Vec<_> =
            findings.iter().filter(|finding| finding.code == "arithmetic").collect();
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].columns[0], 4);
        assert_eq!(broken[0].rows, 5);
    }
}
