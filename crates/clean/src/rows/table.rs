//! The rows of a table, cleaned one by one by a plan: what each column's clean value is, what ails
//! it, and whether the row must be rejected.

use std::fmt;

use serde_json::{Value, json};
use thiserror::Error;

use super::kind::Kind;
use super::value::{Cleaned, clean, is_absence};

/// The problem of a required value that is NULL.
const MISSING: &str = "missing";
/// The problem of a clean value that is longer than its column.
const DOES_NOT_FIT: &str = "does_not_fit";

/// Treatment of a value that its kind cannot read, in a column that is not required.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInvalid {
    /// It becomes NULL.
    #[default]
    Null,
    /// It stays as it is.
    Keep,
    /// Its row is rejected.
    Reject,
}

impl OnInvalid {
    /// Stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Keep => "keep",
            Self::Reject => "reject",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Null, Self::Keep, Self::Reject].into_iter().find(|one| one.name() == name)
    }
}

/// Treatment of one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Kind of the column's values.
    pub kind: Kind,
    /// True if a row without a value here is rejected.
    pub is_required: bool,
    /// True if the column is part of the result; where not, its changes are not told.
    pub is_kept: bool,
    /// Most characters that the result's column takes.
    pub chars_max: Option<usize>,
    /// True if the result's column takes no NULL, so that what cannot be read stays as it is.
    pub is_not_null: bool,
    /// Treatment of a value that cannot be read.
    pub on_invalid: OnInvalid,
}

/// Treatment of a row, column by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan(pub Vec<Step>);

/// The text is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the plan of the columns to clean cannot be read")]
pub struct InvalidPlan;

/// Reason why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A required value is NULL, blank or a placeholder.
    Missing,
    /// A required value cannot be read.
    Invalid,
}

impl Reason {
    /// Stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
        }
    }
}

/// A row after cleaning; each list has one element for each step of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Clean values.
    pub values: Vec<Option<String>>,
    /// Their problems.
    pub problems: Vec<Option<&'static str>>,
    /// True if the value is another than it was, in a column that is kept.
    pub changed: Vec<bool>,
    /// True if there was a value that its kind cannot read.
    pub unreadable: Vec<bool>,
    /// Reason why the row must be rejected; none where it is kept.
    pub reason: Option<Reason>,
}

impl Plan {
    /// The row `raw` after cleaning; missing fields are NULL.
    pub fn clean(&self, raw: &[Option<&str>]) -> Row {
        let mut row = Row::default();
        for (index, step) in self.0.iter().enumerate() {
            let raw = raw.get(index).copied().flatten();
            let cleaned = step.read(raw);
            let is_unreadable = raw.is_some() && cleaned.is_invalid();
            let Cleaned { value, problem } = step.settle(raw, cleaned);
            let is_refused = is_unreadable && step.on_invalid == OnInvalid::Reject;
            if (step.is_required || is_refused) && value.is_none() {
                let reason = match problem {
                    Some(problem) if problem != MISSING && !is_absence(problem) => Reason::Invalid,
                    _ => Reason::Missing,
                };
                // A row that lacks one value and has a wrong one is told as missing.
                if row.reason != Some(Reason::Missing) {
                    row.reason = Some(reason);
                }
            }
            row.changed.push(step.is_kept && value.as_deref() != raw);
            row.unreadable.push(is_unreadable);
            row.values.push(value);
            row.problems.push(problem);
        }
        row
    }
}

impl Step {
    fn read(&self, raw: Option<&str>) -> Cleaned {
        match raw {
            Some(raw) => clean(raw, self.kind),
            None => Cleaned { value: None, problem: self.is_required.then_some(MISSING) },
        }
    }

    /// The written form of a reading.
    fn settle(&self, raw: Option<&str>, cleaned: Cleaned) -> Cleaned {
        let Some(raw) = raw else { return cleaned };
        let stays = |problem| Cleaned { value: Some(raw.to_owned()), problem };
        let is_kept = self.on_invalid == OnInvalid::Keep && cleaned.is_invalid();
        match &cleaned.value {
            None if is_kept && !self.is_required => stays(cleaned.problem),
            None if self.is_not_null && !self.is_required => stays(cleaned.problem),
            Some(value) if self.chars_max.is_some_and(|max| value.chars().nth(max).is_some()) => {
                stays(Some(DOES_NOT_FIT))
            }
            _ => cleaned,
        }
    }
}

impl fmt::Display for Plan {
    /// Writes what `from_str` reads: JSON, one array for each step.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<Value> = self
            .0
            .iter()
            .map(|step| {
                json!([
                    step.kind.to_string(),
                    step.is_required,
                    step.is_kept,
                    step.chars_max,
                    step.is_not_null,
                    step.on_invalid.name()
                ])
            })
            .collect();
        write!(formatter, "{}", Value::from(steps))
    }
}

impl std::str::FromStr for Plan {
    type Err = InvalidPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        type Written = (String, bool, bool, Option<usize>, bool, String);
        let steps: Vec<Written> = serde_json::from_str(text).map_err(|_| InvalidPlan)?;
        let steps =
            steps.into_iter().map(|(kind, is_required, is_kept, chars_max, is_not_null, on)| {
                let kind = kind.parse().map_err(|_| InvalidPlan)?;
                let on_invalid = OnInvalid::of(&on).ok_or(InvalidPlan)?;
                Ok(Step { kind, is_required, is_kept, chars_max, is_not_null, on_invalid })
            });
        steps.collect::<Result<_, _>>().map(Self)
    }
}
