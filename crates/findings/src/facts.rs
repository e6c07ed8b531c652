//! Facts of a column before anything is looked for: its kind, and each value's reading.

use crate::read;
use crate::table::{Column, NULL, SqlType};
use crate::words::Title;
use crm_ai_clean::dates::Order;
use crm_ai_clean::phone::Region;
use crm_ai_clean::rows::{self, Kind};

/// Kind of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing is there.
    Empty,
    /// Numbers to reckon with.
    Number,
    /// Days or moments.
    Date,
    /// Truth values.
    Boolean,
    /// E-mail addresses.
    Email,
    /// Telephone numbers.
    Phone,
    /// Identifiers and codes without spaces.
    Code,
    /// Names of people, places and organisations.
    Name,
    /// Labels of which there are few.
    Label,
    /// Free text.
    Text,
}

/// Facts of a column.
#[derive(Debug)]
pub struct Facts {
    /// The words of its name.
    pub title: Title,
    /// Kind of its values.
    pub role: Role,
    /// The kind that cleaning would take it for.
    pub kind: Kind,
    /// The order of day and month in its dates.
    pub order: Order,
    /// Values that stand for none: blank or a placeholder.
    pub absent: Vec<bool>,
    /// Rows without a value: NULL or blank.
    pub missing: u64,
    /// Rows with a placeholder.
    pub placeholders: u64,
    /// Rows with a value.
    pub there: u64,
    /// Different values that are there.
    pub distinct: usize,
    /// The number that each value is; NaN where it is none.
    pub numbers: Vec<f64>,
    /// The day that each value is, since 1970; NaN where it is none.
    pub days: Vec<f64>,
    /// Few values make up nearly all rows: the numbers of these.
    pub labels: Vec<u32>,
}

impl Facts {
    /// Looks at a column.
    pub fn of(column: &Column, region: Region, pause: &dyn Fn()) -> Self {
        let title = Title::of(&column.head.name);
        let is_text = column.head.sql_type == SqlType::Text;
        let absences: Vec<Absence> = column
            .values()
            .map(|value| {
                pause();
                if is_text { absence(value) } else { Absence::No }
            })
            .collect();
        let rows = |wanted: Absence| -> u64 {
            let pairs = absences.iter().zip(&column.counts);
            pairs.filter(|pair| *pair.0 == wanted).map(|pair| pair.1).sum()
        };
        let (blank, placeholders) = (rows(Absence::Blank), rows(Absence::Placeholder));
        // A frequent word for nothing is a value like others: `none` among three states.
        let is_value = placeholders * 20 >= column.cells.len() as u64;
        let is_absent = |absence: &Absence| match absence {
            Absence::No => false,
            Absence::Blank => true,
            Absence::Placeholder => !is_value,
        };
        let absent: Vec<bool> = absences.iter().map(is_absent).collect();
        let pairs = || absent.iter().zip(&column.counts);
        let there: u64 = pairs().filter(|pair| !*pair.0).map(|pair| pair.1).sum();
        let mut facts = Self {
            title,
            role: Role::Empty,
            kind: Kind::Keep,
            order: Order::Unknown,
            missing: column.nulls + blank,
            placeholders: if is_value { 0 } else { placeholders },
            there,
            distinct: pairs().filter(|pair| !*pair.0 && *pair.1 > 0).count(),
            numbers: Vec::new(),
            days: Vec::new(),
            labels: Vec::new(),
            absent,
        };
        facts.read_numbers(column);
        facts.read_days(column, pause);
        if is_text {
            let sample: Vec<&str> = column.values().take(rows::SAMPLE_MAX).collect();
            facts.kind = rows::guess(&column.head.name, &sample, region).in_region(region);
        }
        facts.labels = facts.find_labels(column);
        facts.role = facts.find_role(column);
        facts
    }

    /// True if few values make up nearly all rows.
    pub fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The numbers or days of the values.
    pub fn measures(&self) -> Option<&[f64]> {
        match self.role {
            Role::Number => Some(&self.numbers),
            Role::Date => Some(&self.days),
            _ => None,
        }
    }

    /// The share of the rows with a value for whose value `test` holds.
    pub fn share(&self, column: &Column, test: impl Fn(u32, &str) -> bool) -> f64 {
        if self.there == 0 {
            return 0.0;
        }
        let passing: u64 = column
            .values()
            .zip(0..)
            .filter(|(value, number)| !self.absent[*number as usize] && test(*number, value))
            .map(|(_, number)| column.counts[number as usize])
            .sum();
        passing as f64 / self.there as f64
    }

    fn read_numbers(&mut self, column: &Column) {
        let is_read = !matches!(
            column.head.sql_type,
            SqlType::Date | SqlType::Timestamp | SqlType::Boolean | SqlType::Other
        );
        let number = |value: &str| if is_read { read::number(value) } else { None };
        self.numbers = column.values().map(|value| number(value).unwrap_or(f64::NAN)).collect();
    }

    fn read_days(&mut self, column: &Column, pause: &dyn Fn()) {
        let days = |order: Order| -> Vec<f64> {
            let one = |value: &str| {
                pause();
                read::day(value, order).unwrap_or(f64::NAN)
            };
            column.values().map(one).collect()
        };
        match column.head.sql_type {
            SqlType::Date | SqlType::Timestamp => self.days = days(Order::Unknown),
            SqlType::Text if self.may_be_dates(column) => {
                let (month_first, day_first) = (days(Order::MonthFirst), days(Order::DayFirst));
                let read = |days: &[f64]| days.iter().filter(|day| !day.is_nan()).count();
                let is_day_first = read(&day_first) > read(&month_first);
                self.order = if is_day_first { Order::DayFirst } else { Order::MonthFirst };
                self.days = if is_day_first { day_first } else { month_first };
            }
            _ => self.days = vec![f64::NAN; column.distinct()],
        }
    }

    /// True if a few values look like dates, so that it is worth while to read all.
    fn may_be_dates(&self, column: &Column) -> bool {
        const LOOKED_AT: usize = 100;
        let (mut dates, mut looked_at) = (0, 0);
        let step = (column.distinct() / LOOKED_AT).max(1);
        for number in (0..column.distinct()).step_by(step).filter(|number| !self.absent[*number]) {
            looked_at += 1;
            let value = column.value(number as u32);
            dates += usize::from(read::day(value, Order::MonthFirst).is_some());
        }
        dates * 2 > looked_at
    }

    /// Values that are frequent enough, where they make up nearly all rows.
    fn find_labels(&self, column: &Column) -> Vec<u32> {
        const LABELS_MAX: usize = 300;
        const NEARLY_ALL: f64 = 0.9;
        let least = (self.there / 2000).max(5);
        let frequent: Vec<u32> = (0..column.distinct() as u32)
            .filter(|number| !self.absent[*number as usize])
            .filter(|number| column.counts[*number as usize] >= least)
            .collect();
        let rows: u64 = frequent.iter().map(|number| column.counts[*number as usize]).sum();
        let is_covered = rows as f64 >= NEARLY_ALL * self.there as f64;
        let are_few = frequent.len() <= LABELS_MAX && self.there >= 10 * frequent.len() as u64;
        if is_covered && are_few { frequent } else { Vec::new() }
    }

    fn find_role(&self, column: &Column) -> Role {
        if self.there == 0 {
            return Role::Empty;
        }
        match column.head.sql_type {
            SqlType::Boolean => return Role::Boolean,
            SqlType::Date | SqlType::Timestamp => return Role::Date,
            SqlType::Other => return Role::Text,
            _ => {}
        }
        let share = |test: &dyn Fn(u32, &str) -> bool| self.share(column, test);
        let numeric = share(&|number, _| !self.numbers[number as usize].is_nan());
        let dated = share(&|number, _| !self.days[number as usize].is_nan());
        if share(&|_, value| value.contains('@')) >= 0.5 || self.kind == Kind::Email {
            return Role::Email;
        }
        if dated >= 0.7 {
            return Role::Date;
        }
        if matches!(self.kind, Kind::Phone(_)) {
            return Role::Phone;
        }
        if numeric >= 0.8 {
            return if self.is_numeric_code(column) { Role::Code } else { Role::Number };
        }
        let truth = |_, value: &str| crm_ai_clean::booleans::parse(value).is_some();
        if self.distinct <= 12 && share(&truth) >= 0.8 {
            return Role::Boolean;
        }
        let is_named = matches!(self.kind, Kind::Name | Kind::GivenName | Kind::FamilyName);
        if is_named || self.title.is_name() && share(&|_, value| is_wordy(value)) >= 0.8 {
            return Role::Name;
        }
        let is_code = |_, value: &str| {
            value.len() <= 40
                && !value.trim().contains(char::is_whitespace)
                && value.bytes().any(|byte| byte.is_ascii_digit())
        };
        if share(&is_code) >= 0.8 {
            return Role::Code;
        }
        if self.has_labels() && !self.title.is_prose() { Role::Label } else { Role::Text }
    }

    /// True if figures name things: `02134`, which nobody adds up.
    fn is_numeric_code(&self, column: &Column) -> bool {
        let is_zip = self.title.has("zip zipcode postal postcode plz ssn npi mrn ein fips");
        let zeros = self.share(column, |_, value| {
            value.len() > 1 && value.starts_with('0') && !value.contains('.')
        });
        is_zip || zeros >= 0.01
    }
}

/// True if a text stands for no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    No,
    Blank,
    Placeholder,
}

fn absence(value: &str) -> Absence {
    const BYTES_MAX: usize = 40;
    if value.trim().is_empty() {
        return Absence::Blank;
    }
    // Only errors of spreadsheets have a figure: `#DIV/0!`.
    let has_figure = value.bytes().any(|byte| byte.is_ascii_digit()) && !value.contains('#');
    if value.len() > BYTES_MAX || has_figure {
        return Absence::No;
    }
    match rows::clean(value, Kind::Boolean).problem {
        Some("empty") => Absence::Blank,
        Some(problem) if rows::is_absence(problem) => Absence::Placeholder,
        _ => Absence::No,
    }
}

/// True if a text consists of words: letters with a few signs between them.
pub fn is_wordy(value: &str) -> bool {
    let mut letters = 0;
    for c in value.chars() {
        if c.is_alphabetic() {
            letters += 1;
        } else if !(c.is_whitespace() || ".,'’-&()/".contains(c)) {
            return false;
        }
    }
    letters > 0
}

/// A value's measure in a row; NaN where there is none.
pub fn measure_at(column: &Column, measures: &[f64], row: usize) -> f64 {
    match column.cells[row] {
        NULL => f64::NAN,
        number => measures[number as usize],
    }
}
