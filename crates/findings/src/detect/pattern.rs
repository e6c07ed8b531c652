//! Codes of another form than nearly all others of their column, and figures that lost a zero.

use crate::facts::{Facts, Role};
use crate::finding::{Findings, Severity};
use crate::read::{Form, form};
use crate::study::Study;
use crate::table::Column;
use std::collections::HashMap;

/// Forms that are as frequent as this are forms of their own.
const USUAL_MIN: f64 = 0.03;
/// So large a part has the usual forms.
const NEARLY_ALL: f64 = 0.9;
/// More usual forms than these mean that the column has none.
const FORMS_MAX: usize = 4;
/// Fewer values say nothing.
const ROWS_MIN: u64 = 30;

pub fn detect(study: &Study<'_>, findings: &mut Findings) {
    for (place, column, facts) in study.columns() {
        if facts.there < ROWS_MIN || !may_have_form(facts) {
            continue;
        }
        let lost = lost_zeros(study, findings, place, column, facts);
        if study.is_text(place) && !lost {
            forms(study, findings, place, column, facts);
        }
    }
}

fn may_have_form(facts: &Facts) -> bool {
    match facts.role {
        Role::Code => true,
        Role::Number => facts.title.is_identifier() || facts.title.has("zip postal plz"),
        Role::Phone => true,
        Role::Label => !facts.has_labels(),
        _ => false,
    }
}

fn forms(study: &Study<'_>, findings: &mut Findings, place: usize, column: &Column, facts: &Facts) {
    let chosen = [Form::Exact, Form::Lengths, Form::Folded]
        .into_iter()
        .find_map(|kind| usual(study, place, column, facts, kind).map(|usual| (kind, usual)));
    let Some((kind, usual)) = chosen else { return };
    let counted = Counted::of(study, place, column, facts);
    let odd = study.values(place, |number, value| {
        !findings.is_suspect(place, number)
            && !usual.contains(&form(value.trim(), kind))
            && !counted.has(value.trim())
    });
    let is_phone = facts.role == Role::Phone;
    // Numbers that are dialled alike may be written otherwise.
    let severity = if is_phone { Severity::Info } else { Severity::Warning };
    let names = &study.context.names;
    let mend =
        pattern_of(&usual, kind).and_then(|pattern| names.check(&names.matches(place, &pattern)));
    let mend = if is_phone { names.clean(place, &facts.kind.to_string()) } else { mend };
    findings.values(study, place, ("pattern", severity), &odd, mend);
}

/// The usual forms, where nearly all values have one of a few, and what has not is rare.
fn usual(
    study: &Study<'_>,
    place: usize,
    column: &Column,
    facts: &Facts,
    kind: Form,
) -> Option<Vec<String>> {
    let mut rows: HashMap<String, u64> = HashMap::new();
    for number in study.values(place, |_, _| true) {
        let drawn = form(column.value(number).trim(), kind);
        *rows.entry(drawn).or_default() += column.counts[number as usize];
    }
    let total = facts.there as f64;
    let usual: Vec<(String, u64)> =
        rows.into_iter().filter(|(_, rows)| *rows as f64 >= USUAL_MIN * total).collect();
    let covered: u64 = usual.iter().map(|pair| pair.1).sum();
    let is_clear = covered as f64 >= NEARLY_ALL * total && usual.len() <= FORMS_MAX;
    (is_clear && !usual.is_empty()).then(|| usual.into_iter().map(|pair| pair.0).collect())
}

/// Values that end in a number which is counted up, so that each width has about a tenth of the
/// values of the next: their widths are no forms. By what stands before the number, the rows of
/// each width.
struct Counted(HashMap<String, Vec<u64>>);

impl Counted {
    fn of(study: &Study<'_>, place: usize, column: &Column, facts: &Facts) -> Self {
        const WIDTH_MAX: usize = 20;
        let mut heads: HashMap<String, Vec<u64>> = HashMap::new();
        for number in study.values(place, |_, _| true) {
            let Some((head, width)) = Self::split(column.value(number).trim()) else { continue };
            let rows = heads.entry(head).or_insert_with(|| vec![0; WIDTH_MAX + 1]);
            rows[width.min(WIDTH_MAX)] += column.counts[number as usize];
        }
        heads.retain(|_, rows| rows.iter().sum::<u64>() as f64 >= USUAL_MIN * facts.there as f64);
        Self(heads)
    }

    /// The form of what stands before the number, and its width; none with zeros before it.
    fn split(value: &str) -> Option<(String, usize)> {
        let head = value.trim_end_matches(|c: char| c.is_ascii_digit());
        let figures = &value[head.len()..];
        let is_counted = !figures.is_empty() && (!figures.starts_with('0') || figures == "0");
        is_counted.then(|| (form(head, Form::Exact), figures.len()))
    }

    fn has(&self, value: &str) -> bool {
        const PART_MIN: f64 = 0.02;
        let Some((head, width)) = Self::split(value) else { return false };
        let Some(rows) = self.0.get(&head) else { return false };
        let main = (0..rows.len()).max_by_key(|width| rows[*width]).unwrap_or(0);
        let follows = |width: usize| {
            rows[width + 1] > 0 && rows[width] as f64 >= PART_MIN * rows[width + 1] as f64
        };
        // Beyond the most frequent width the count has only begun.
        (width..main).all(follows) && width <= main + 1
    }
}

/// A regular expression for forms.
fn pattern_of(usual: &[String], kind: Form) -> Option<String> {
    const CHARS_MAX: usize = 60;
    if usual.iter().any(|form| form.chars().count() > CHARS_MAX) {
        return None;
    }
    let class = |c: char| match c {
        '9' => "[0-9]".to_owned(),
        'A' => "[A-Z]".to_owned(),
        'a' => "[a-z]".to_owned(),
        'x' if kind == Form::Lengths => "[[:alnum:]]".to_owned(),
        c if c.is_alphanumeric() || c == ' ' => c.to_string(),
        c => format!("[{c}]").replace("[^]", "\\^").replace("[\\]", "\\\\"),
    };
    let more = if kind == Form::Folded { "+" } else { "" };
    let one = |form: &String| {
        let parts: Vec<String> = form
            .chars()
            .map(|c| {
                if matches!(c, '9' | 'A' | 'a') { format!("{}{more}", class(c)) } else { class(c) }
            })
            .collect();
        parts.concat()
    };
    let mut forms: Vec<String> = usual.iter().map(one).collect();
    forms.sort_unstable();
    Some(format!("^({})$", forms.join("|")))
}

/// Figures of fixed width of which some are shorter, as a spreadsheet leaves `02134` as `2134`.
fn lost_zeros(
    study: &Study<'_>,
    findings: &mut Findings,
    place: usize,
    column: &Column,
    facts: &Facts,
) -> bool {
    const MINORITY_MAX: f64 = 0.15;
    let is_figures =
        |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let mut rows: HashMap<usize, u64> = HashMap::new();
    for number in study.values(place, |_, value| is_figures(value)) {
        *rows.entry(column.value(number).len()).or_default() += column.counts[number as usize];
    }
    let Some((&width, &most)) = rows.iter().max_by_key(|(width, rows)| (**rows, **width)) else {
        return false;
    };
    let figures: u64 = rows.values().sum();
    if width < 4
        || (most as f64) < 0.8 * figures as f64
        || (figures as f64) < 0.8 * facts.there as f64
    {
        return false;
    }
    let has_zeros =
        facts.share(column, |_, value| value.len() == width && value.starts_with('0')) > 0.0;
    let is_padded = has_zeros || facts.title.has("zip zipcode postal plz ssn upc ean fips");
    let short = study.values(place, |_, value| {
        is_figures(value)
            && value.len() < width
            && value.len() + 2 >= width
            && !value.starts_with('0')
    });
    if !is_padded || study.rows_of(place, &short) as f64 > MINORITY_MAX * facts.there as f64 {
        return false;
    }
    let names = &study.context.names;
    let text = names.text(place);
    let mend = names.update(
        place,
        &format!("pg_catalog.lpad({text}, {width}, '0')"),
        &names.matches(place, &format!("^[0-9]{{{},{}}}$", width - 2, width - 1)),
    );
    findings.values(study, place, ("lost_leading_zero", Severity::Warning), &short, mend) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Sheet, found};

    #[test]
    fn strange_forms_are_found() {
        let sheet = Sheet::new("sku,invoice_no,zip").rows(400, |row| {
            vec![
                if row == 31 { "AB-12".into() } else { format!("AB-{:04}", row * 7 % 9000) },
                if row == 32 { "INV_77".into() } else { format!("INV-{row}") },
                if row % 60 == 3 {
                    "2134".into()
                } else {
                    format!("{:05}", 501 + row * 237 % 90_000)
                },
            ]
        });
        let findings = found(&sheet);
        assert!(sheet.codes(&findings, "sku").contains(&"pattern"));
        assert!(sheet.codes(&findings, "invoice_no").contains(&"pattern"));
        assert!(sheet.codes(&findings, "zip").contains(&"lost_leading_zero"));
    }

    #[test]
    fn forms_become_expressions() {
        assert_eq!(
            pattern_of(&["AA-99".to_owned()], Form::Exact).as_deref(),
            Some("^([A-Z][A-Z][-][0-9][0-9])$")
        );
        assert_eq!(
            pattern_of(&["A^9".to_owned()], Form::Folded).as_deref(),
            Some("^([A-Z]+\\^[0-9]+)$")
        );
    }
}
