//! Kind of a column's values, guessed from its name and its values.
//!
//! The name speaks first; values that plainly are something else overrule it. Where the name says
//! nothing, only values that can hardly be anything else decide: e-mail addresses, telephone
//! numbers with their punctuation, dates, words for yes and no. Names of people and addresses are
//! never guessed from values alone.

use super::kind::Kind;
use super::value::{Cleaned, clean, is_absence};
use crate::dates::Order;

/// So many values of a column are enough to guess from; more are not looked at.
pub const SAMPLE_MAX: usize = 200;

/// Fewer values than these do not overrule what a column's name says.
const OVERRULING_MIN: usize = 10;

/// The kind of the column `name` that holds `values`, NULLs left out. `region` is the one in which
/// phones without country code are read.
///
/// A date's order of day and month is told only where a value of one order was found, and none of
/// the other: one `25/03/2024` settles all. Dates of which one has a time of day are timestamps.
pub fn guess(name: &str, values: &[&str], region: crate::phone::Region) -> Kind {
    let values: Vec<&str> = values.iter().copied().take(SAMPLE_MAX).collect();
    let is_absent = |value: &&str| clean(value, Kind::Boolean).problem.is_some_and(is_absence);
    if !values.is_empty() && values.iter().all(is_absent) {
        // Nothing is known of what is not there.
        return Kind::Text;
    }
    let share = |kind: Kind| share_of_valid(&values, kind.in_region(region));
    let named = by_name(&tokens(name));
    let kind = match named {
        Some(kind @ (Kind::Phone(_) | Kind::Email | Kind::Date(_) | Kind::Boolean)) => {
            if values.len() >= OVERRULING_MIN && share(kind) < 0.3 { Kind::Text } else { kind }
        }
        Some(kind) => kind,
        None => by_values(&values, share),
    };
    match kind {
        Kind::Date(Order::Unknown) => {
            let order = order_of(&values);
            let has_time =
                |value: &&str| clean(value, Kind::Date(order)).problem == Some("time_dropped");
            // A time that is there is kept.
            if values.iter().any(has_time) { Kind::Timestamp(order) } else { Kind::Date(order) }
        }
        kind => kind,
    }
}

/// Titles of columns of given names, as their words without gaps.
const GIVEN_NAMES: &str = "\
    firstname|fname|givenname|givennames|forename|middlename|vorname|vornamen|prenom|prénom|\
    prenoms|nombres|voornaam|imię|名";

/// Titles of columns of family names.
const FAMILY_NAMES: &str = "\
    lastname|lname|surname|familyname|maidenname|secondname|nachname|familienname|zuname|\
    nomdefamille|apellido|apellidos|cognome|sobrenome|apelido|achternaam|nazwisko|фамилия|姓";

/// The part of a name that a column holds by its title; none for whole names and other columns.
pub(super) fn part_of_name(title: &str) -> Option<Kind> {
    part_of(&tokens(title))
}

fn part_of(words: &[String]) -> Option<Kind> {
    let last_two = &words[words.len().saturating_sub(2)..];
    let titles = [words.concat(), last_two.concat()];
    let is_in = |list: &str| list.split('|').any(|known| titles.iter().any(|title| title == known));
    if is_in(GIVEN_NAMES) {
        return Some(Kind::GivenName);
    }
    is_in(FAMILY_NAMES).then_some(Kind::FamilyName)
}

/// The words of a column's name in small letters: `firstName`, `CUST_ID`, `E-Mail` have two each.
pub fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = ' ';
    for c in name.chars() {
        let begins = !previous.is_alphanumeric()
            || (previous.is_lowercase() && c.is_uppercase())
            || previous.is_numeric() != c.is_numeric();
        if c.is_alphanumeric() {
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        previous = c;
    }
    words
}

/// The same with `email` as one word.
fn tokens(name: &str) -> Vec<String> {
    let mut words = words_of(name);
    if let Some(at) = words.windows(2).position(|pair| pair[0] == "e" && pair[1] == "mail") {
        words[at] = "email".to_owned();
        words.remove(at + 1);
    }
    words
}

const PHONE: &[&str] = &[
    "phone",
    "phones",
    "tel",
    "telephone",
    "mobile",
    "cell",
    "cellphone",
    "fax",
    "telefon",
    "téléphone",
    "teléfono",
    "telefono",
    "handy",
    "whatsapp",
    "msisdn",
    "phonenumber",
    "homephone",
    "workphone",
    "mobilephone",
    "电话",
    "電話",
    "手机",
    "手機",
    "電話番号",
    "电话号码",
];
const EMAIL: &[&str] = &[
    "email",
    "emails",
    "emailaddress",
    "mail",
    "courriel",
    "correo",
    "邮箱",
    "電子郵件",
    "メール",
];
const ADDRESS: &[&str] = &[
    "address",
    "addresses",
    "addr",
    "street",
    "streetaddress",
    "adresse",
    "anschrift",
    "dirección",
    "direccion",
    "indirizzo",
    "地址",
    "住所",
];
const NAME: &[&str] = &[
    "name",
    "names",
    "fullname",
    "firstname",
    "lastname",
    "surname",
    "forename",
    "givenname",
    "familyname",
    "customername",
    "companyname",
    "company",
    "organisation",
    "organization",
    "employer",
    "nombre",
    "apellido",
    "nom",
    "prénom",
    "vorname",
    "nachname",
    "姓名",
    "名前",
    "氏名",
];
const DATE: &[&str] = &[
    "date",
    "dob",
    "birthday",
    "birthdate",
    "dateofbirth",
    "datum",
    "fecha",
    "日期",
    "生日",
    "生年月日",
];
const ID: &[&str] = &[
    "id",
    "ids",
    "uuid",
    "guid",
    "key",
    "code",
    "sku",
    "ref",
    "reference",
    "identifier",
    "customerid",
    "userid",
    "accountid",
    "iban",
    "ssn",
    "isbn",
    "编号",
];
const BOOLEAN_FIRST: &[&str] = &["is", "has", "was", "can", "opt", "opted"];
const BOOLEAN: &[&str] = &[
    "active",
    "subscribed",
    "unsubscribed",
    "consent",
    "enabled",
    "verified",
    "churned",
    "optin",
    "optout",
    "bounced",
    "confirmed",
    "blocked",
    "archived",
    "deleted",
];
/// Words that make a flag of any column: `Unsubscribed from all email`.
const BOOLEAN_ANYWHERE: &[&str] = &["unsubscribed", "optin", "optout", "donotcall", "donotemail"];
/// Words at the end of a name that speak of a moment, whatever stands before them.
const MOMENT: &[&str] = &["date", "datum", "fecha", "at", "on", "since", "until"];

/// Words that make of `name` something else than a person's or an organisation's.
const OTHER_NAMES: &[&str] = &[
    "file",
    "user",
    "host",
    "domain",
    "product",
    "item",
    "table",
    "column",
    "field",
    "model",
    "event",
    "campaign",
    "city",
    "state",
    "country",
    "region",
    "plan",
    "package",
    "screen",
    "login",
    "db",
    "database",
    "server",
    "role",
    "group",
    "category",
    "service",
    "list",
    "tag",
    "type",
    "class",
    "day",
    "month",
    "program",
    "programme",
    "course",
    "project",
    "job",
    "task",
    "team",
    "department",
    "channel",
    "source",
    "segment",
    "device",
    "browser",
    "page",
    "sheet",
    "report",
    "form",
    "currency",
    "language",
    "method",
    "status",
    "size",
    "website",
    "url",
    "web",
    "site",
    "identification",
    "number",
    "revenue",
    "industry",
    "linkedin",
    "founded",
    "rating",
    "tier",
    "age",
    "brand",
    "color",
    "colour",
    "station",
    "sport",
    "species",
    "drug",
];
/// Words that make of `address` something else than a postal one.
const OTHER_ADDRESSES: &[&str] = &[
    "ip",
    "ipv4",
    "ipv6",
    "mac",
    "web",
    "url",
    "wallet",
    "bitcoin",
    "site",
    "number",
    "no",
    "nr",
    "num",
    "direction",
    "suffix",
    "prefix",
    "size",
];
/// Words after which nothing of the above is meant: `phone_type`, `email_status`, `address_count`.
const ABOUT: &[&str] = &[
    "type",
    "status",
    "count",
    "model",
    "brand",
    "plan",
    "verified",
    "valid",
    "preference",
    "opt",
    "optin",
    "optout",
    "consent",
    "note",
    "notes",
    "comment",
    "comments",
    "label",
    "source",
    "length",
    "score",
    "format",
    "domain",
    "provider",
    "host",
    "client",
    "template",
    "subject",
    "body",
    "frequency",
    "campaign",
    "opens",
    "clicks",
    "opened",
    "clicked",
    "sent",
    "rate",
    "extension",
    "ext",
    "carrier",
];

/// The kind that a column's name suggests; none where it suggests nothing.
fn by_name(words: &[String]) -> Option<Kind> {
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let last = words.iter().rev().find(|word| !word.chars().all(char::is_numeric))?;
    if words.len() > 1 && MOMENT.contains(&last.as_str()) {
        return Some(Kind::Date(Order::Unknown));
    }
    let says = |said: &[&str]| words.windows(said.len()).any(|part| part == said);
    if says(&["opt", "out"])
        || says(&["opt", "in"])
        || says(&["do", "not"])
        || has(BOOLEAN_ANYWHERE)
    {
        return Some(Kind::Boolean);
    }
    let is_flag = words.len() > 1 && BOOLEAN_FIRST.contains(&words[0].as_str())
        || BOOLEAN.contains(&last.as_str());
    if is_flag {
        return Some(Kind::Boolean);
    }
    if ABOUT.contains(&last.as_str()) {
        return None;
    }
    if ID.contains(&last.as_str()) {
        return Some(Kind::Id);
    }
    if has(EMAIL) {
        return Some(Kind::Email);
    }
    if has(PHONE) {
        return Some(Kind::Phone(None));
    }
    if has(DATE) {
        return Some(Kind::Date(Order::Unknown));
    }
    if has(ADDRESS) {
        let second_line = words.iter().any(|word| matches!(word.as_str(), "2" | "3" | "4"));
        return Some(if has(OTHER_ADDRESSES) || second_line { Kind::Text } else { Kind::Address });
    }
    if let Some(part) = part_of(words) {
        return Some(part);
    }
    if has(NAME) {
        return Some(if has(OTHER_NAMES) { Kind::Text } else { Kind::Name });
    }
    None
}

fn by_values(values: &[&str], share: impl Fn(Kind) -> f64) -> Kind {
    const NEARLY_ALL: f64 = 0.8;
    if values.is_empty() {
        return Kind::Text;
    }
    let all = |test: fn(&str) -> bool| {
        let passing = values.iter().filter(|value| test(value)).count();
        passing as f64 >= NEARLY_ALL * values.len() as f64
    };
    if all(|value| value.contains('@')) && share(Kind::Email) >= NEARLY_ALL {
        return Kind::Email;
    }
    if all(is_punctuated) {
        if share(Kind::Date(Order::DayFirst)) >= NEARLY_ALL {
            return Kind::Date(Order::Unknown);
        }
        if share(Kind::Phone(None)) >= NEARLY_ALL {
            return Kind::Phone(None);
        }
    }
    if all(|value| value.chars().any(char::is_alphabetic)) && share(Kind::Boolean) >= 1.0 {
        return Kind::Boolean;
    }
    Kind::Text
}

/// Digits with signs between them or a plus before them, as dates and phones have and plain numbers
/// have not.
fn is_punctuated(value: &str) -> bool {
    let value = value.trim();
    let signs = value.chars().filter(|c| "+()-/. ".contains(*c)).count();
    let digits = value.chars().filter(|c| c.is_numeric()).count();
    let is_decimal = value.parse::<f64>().is_ok() && !value.starts_with('+');
    signs > 0 && digits >= 5 && !is_decimal
}

/// The share of values that their kind can read, of those that are there at all.
fn share_of_valid(values: &[&str], kind: Kind) -> f64 {
    let cleaned: Vec<Cleaned> = values.iter().map(|value| clean(value, kind)).collect();
    let there = cleaned.iter().filter(|one| !one.problem.is_some_and(is_absence)).count();
    let read = |one: &&Cleaned| one.value.is_some() || one.problem == Some("ambiguous");
    if there == 0 { 1.0 } else { cleaned.iter().filter(read).count() as f64 / there as f64 }
}

/// The order of day and month that the values prove.
fn order_of(values: &[&str]) -> Order {
    const PROOFS_MIN: usize = 1;
    // A date that has a meaning only the other way round is read, and told.
    let against = |order: Order| {
        let problem =
            |value: &&&str| clean(value, Kind::Date(order)).problem == Some("other_order");
        values.iter().filter(problem).count()
    };
    match (against(Order::MonthFirst), against(Order::DayFirst)) {
        (day_first, 0) if day_first >= PROOFS_MIN => Order::DayFirst,
        (0, month_first) if month_first >= PROOFS_MIN => Order::MonthFirst,
        _ => Order::Unknown,
    }
}
