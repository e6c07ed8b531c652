//! Golden records: of each cluster one row, each value by a rule of its column.

use crate::error::{Error, Result};
use crate::store::linkage;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Choice of the value of a column.
#[derive(Debug, Clone, PartialEq)]
enum Rule {
    /// The one that most rows have.
    MostFrequent,
    /// The one with most characters.
    Longest,
    /// The one of the row with fewest missing values.
    MostComplete,
    /// The one of the row with the latest value of a column.
    MostRecent(String),
    /// The one of the row whose value of a column comes first in a list.
    SourcePriority(String, Vec<String>),
    /// The one that permits least: an opt-out is never lost.
    MostRestrictive,
}

const RULES: &str = "most_frequent, longest, most_complete, most_recent:COLUMN, \
                     most_restrictive, or {\"rule\": \"source_priority\", \"by\": COLUMN, \
                     \"order\": [...]}";

impl Rule {
    fn parse(column: &str, rule: &Value) -> Result<Self> {
        let unknown = || {
            Error::invalid_argument(format!("the rule of column \"{column}\" is not known"))
                .hint(format!("rules are {RULES}"))
        };
        let (name, by) = match rule {
            Value::String(rule) => match rule.split_once(':') {
                Some((name, by)) => (name, Some(by.to_owned())),
                None => (rule.as_str(), None),
            },
            Value::Object(rule) => {
                let text = |key: &str| rule.get(key).and_then(Value::as_str);
                (text("rule").ok_or_else(unknown)?, text("by").map(str::to_owned))
            }
            _ => return Err(unknown()),
        };
        match (name, by) {
            ("most_frequent", None) => Ok(Self::MostFrequent),
            ("longest", None) => Ok(Self::Longest),
            ("most_complete", None) => Ok(Self::MostComplete),
            ("most_restrictive", None) => Ok(Self::MostRestrictive),
            ("most_recent", Some(by)) => Ok(Self::MostRecent(by)),
            ("source_priority", Some(by)) => {
                let order = rule.get("order").and_then(Value::as_array).ok_or_else(unknown)?;
                let order = order.iter().map(|value| value.as_str().map(str::to_owned));
                Ok(Self::SourcePriority(by, order.collect::<Option<_>>().ok_or_else(unknown)?))
            }
            _ => Err(unknown()),
        }
    }

    /// The rule of a column that has none: consent by the one that permits least.
    fn default_for(column: &str) -> Self {
        if restricts_when(column).is_some() { Self::MostRestrictive } else { Self::MostFrequent }
    }

    /// A column that the rule reads beside its own.
    fn by(&self) -> Option<&str> {
        match self {
            Self::MostRecent(by) | Self::SourcePriority(by, _) => Some(by),
            _ => None,
        }
    }
}

/// The value of a consent column that permits less; `None` where the name tells of no consent.
fn restricts_when(column: &str) -> Option<bool> {
    const AGAINST: &[&str] = &["optout", "unsubscribed", "donot", "dnc", "blocked", "optedout"];
    const FOR: &[&str] = &["consent", "optin", "optedin", "subscribed", "permission", "newsletter"];
    let plain: String = column.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    if AGAINST.iter().any(|word| plain.contains(word)) {
        return Some(true);
    }
    FOR.iter().any(|word| plain.contains(word)).then_some(false)
}

/// One row of a cluster.
struct Member {
    key: String,
    record: Map<String, Value>,
}

impl Member {
    fn value(&self, column: &str) -> Option<&Value> {
        self.record.get(column).filter(|value| !is_blank(value))
    }

    fn filled(&self) -> usize {
        self.record.values().filter(|value| !is_blank(value)).count()
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// One best row of each cluster of a search.
pub fn golden(target: &str, rules: Option<&Value>) -> Result<Vec<Value>> {
    let registered = linkage::registered(target)?;
    let columns = linkage::column_names(&registered)?;
    let rules = rules_of(rules, &columns)?;
    let mut golden = Vec::new();
    linkage::golden(&registered, |cluster, rows| {
        let members = rows.into_iter().map(|(key, record)| {
            let record = serde_json::from_str(&record)
                .map_err(|error| Error::internal(format!("a row as JSON: {error}")))?;
            Ok(Member { key, record })
        });
        golden.push(survivor(cluster, &members.collect::<Result<Vec<_>>>()?, &rules));
        Ok(())
    })?;
    Ok(golden)
}

/// The rule of every column; `*` stands for those that are not named.
fn rules_of(rules: Option<&Value>, columns: &[String]) -> Result<BTreeMap<String, Rule>> {
    let empty = Map::new();
    let given = match rules {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(rules)) => rules,
        Some(_) => {
            return Err(Error::invalid_argument("rules are not a JSON object")
                .hint("give rules by column, as in '{\"email\": \"most_recent:updated_at\"}'"));
        }
    };
    let check = |column: &str| {
        if columns.iter().any(|known| known == column) {
            return Ok(());
        }
        Err(Error::undefined_column(format!("column \"{column}\" does not exist"))
            .hint("rules name columns of the table that was searched"))
    };
    for column in given.keys().filter(|column| *column != "*") {
        check(column)?;
    }
    let rule = |column: &String| {
        let rule = match given.get(column).or_else(|| given.get("*")) {
            Some(rule) => Rule::parse(column, rule)?,
            None => Rule::default_for(column),
        };
        rule.by().map_or(Ok(()), check)?;
        Ok((column.clone(), rule))
    };
    columns.iter().map(rule).collect()
}

/// The best row of a cluster, and which row each value is of.
fn survivor(cluster: i64, members: &[Member], rules: &BTreeMap<String, Rule>) -> Value {
    let (mut record, mut from) = (Map::new(), Map::new());
    for (column, rule) in rules {
        let chosen = choose(members, column, rule);
        let value = chosen.and_then(|member| member.value(column)).cloned();
        record.insert(column.clone(), value.unwrap_or(Value::Null));
        if let Some(member) = chosen {
            from.insert(column.clone(), Value::String(member.key.clone()));
        }
    }
    let keys: Vec<&str> = members.iter().map(|member| member.key.as_str()).collect();
    json!({ "cluster": cluster, "keys": keys, "record": record, "from": from })
}

/// The row whose value is taken; the first of equals, fuller rows before.
fn choose<'a>(members: &'a [Member], column: &str, rule: &Rule) -> Option<&'a Member> {
    let mut having: Vec<&Member> =
        members.iter().filter(|member| member.value(column).is_some()).collect();
    having.sort_by_key(|member| Reverse(member.filled()));
    let text = |member: &Member, column: &str| {
        member.value(column).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    match rule {
        Rule::MostComplete => {}
        Rule::MostFrequent => {
            let mut counts: HashMap<Option<String>, usize> = HashMap::new();
            for member in &having {
                *counts.entry(text(member, column)).or_default() += 1;
            }
            having.sort_by_key(|member| Reverse(counts[&text(member, column)]));
        }
        Rule::Longest => {
            having.sort_by_key(|member| {
                Reverse(text(member, column).map_or(0, |text| text.chars().count()))
            });
        }
        Rule::MostRecent(by) => having.sort_by_key(|member| Reverse(text(member, by))),
        Rule::SourcePriority(by, order) => {
            let rank = |member: &&Member| {
                let source = text(member, by);
                order.iter().position(|known| Some(known) == source.as_ref())
            };
            having.sort_by_key(|member| rank(member).unwrap_or(order.len()));
        }
        Rule::MostRestrictive => {
            let restricts = restricts_when(column).unwrap_or(false);
            having.sort_by_key(|member| !is_value(member.value(column), restricts));
        }
    }
    having.first().copied()
}

/// True if a value is this truth value, however it is written.
fn is_value(value: Option<&Value>, wanted: bool) -> bool {
    let words: &[&str] = if wanted {
        &["true", "t", "yes", "y", "1", "on"]
    } else {
        &["false", "f", "no", "n", "0", "off"]
    };
    value.is_some_and(|value| match value {
        Value::Bool(is_true) => *is_true == wanted,
        Value::String(text) => words.contains(&text.trim().to_lowercase().as_str()),
        other => words.contains(&other.to_string().as_str()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<Member> {
        let of = |key: &str, record: Value| Member {
            key: key.to_owned(),
            record: record.as_object().cloned().unwrap_or_default(),
        };
        vec![
            of("1", json!({"name": "Ann", "opt_in": true, "at": "2024-01-01", "src": "web"})),
            of("2", json!({"name": "Ann Lee", "opt_in": false, "at": "2023-01-01", "src": "crm"})),
            of("3", json!({"name": "Ann", "opt_in": null, "at": "2022-01-01", "src": "old"})),
        ]
    }

    fn chosen(column: &str, rule: &Rule) -> String {
        choose(&members(), column, rule).map(|member| member.key.clone()).unwrap_or_default()
    }

    #[test]
    fn each_rule_takes_its_row() {
        assert_eq!(chosen("name", &Rule::MostFrequent), "1");
        assert_eq!(chosen("name", &Rule::Longest), "2");
        assert_eq!(chosen("name", &Rule::MostRecent("at".to_owned())), "1");
        let order = vec!["old".to_owned(), "crm".to_owned()];
        assert_eq!(chosen("name", &Rule::SourcePriority("src".to_owned(), order)), "3");
        assert_eq!(chosen("opt_in", &Rule::default_for("opt_in")), "2");
    }

    #[test]
    fn an_opt_out_is_never_lost() {
        assert_eq!(Rule::default_for("Email Opt Out"), Rule::MostRestrictive);
        assert_eq!(restricts_when("unsubscribed"), Some(true));
        assert_eq!(restricts_when("marketing_consent"), Some(false));
        assert_eq!(Rule::default_for("name"), Rule::MostFrequent);
    }
}
