//! The arguments of `crm_enrich`: `target=function(column[, literal])`.

use crate::error::{Error, Result};

/// Second argument of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Nothing.
    Text,
    /// The text, and perhaps a literal after it.
    TextThenMaybe,
    /// The text, and perhaps a whole number after it.
    TextThenMaybeNumber,
    /// A literal before the text.
    LiteralThenText,
}

/// The functions that may be named, all of them ours and without effects. A function has one row.
const FUNCTIONS: [(&str, Takes); 16] = [
    ("crm_sentiment", Takes::Text),
    ("crm_sentiment_score", Takes::Text),
    ("crm_sentiment_level", Takes::Text),
    ("crm_sentiment_at", Takes::LiteralThenText),
    ("crm_sentiment_score_at", Takes::LiteralThenText),
    ("crm_sentiment_level_at", Takes::LiteralThenText),
    ("crm_classify", Takes::LiteralThenText),
    ("crm_classify_at", Takes::LiteralThenText),
    ("crm_embed", Takes::TextThenMaybe),
    ("crm_embed_at", Takes::LiteralThenText),
    ("crm_normalize_phone", Takes::TextThenMaybe),
    ("crm_phone_digits", Takes::TextThenMaybeNumber),
    ("crm_normalize_email", Takes::Text),
    ("crm_normalize_name", Takes::Text),
    ("crm_normalize_address", Takes::Text),
    ("crm_clean_text", Takes::Text),
];

const HINT: &str = "write EXECUTE FUNCTION crm_enrich('sentiment=crm_sentiment(note)'), or \
                    'topic=crm_classify(''topics'', note)'";

/// One argument, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrichment {
    /// The column that the value goes into.
    pub target: String,
    /// The column with the text.
    pub column: String,
    function: &'static str,
    takes: Takes,
    literal: Option<String>,
}

impl Enrichment {
    /// The call in SQL, of the function in `schema`; both are quoted by the caller's means.
    pub fn call(&self, schema: &str, text: &str, quote: impl Fn(&str) -> String) -> String {
        let function = self.function;
        match (self.takes, &self.literal) {
            (Takes::LiteralThenText, Some(literal)) => {
                format!("{schema}.{function}({}, {text})", quote(literal))
            }
            (Takes::TextThenMaybeNumber, Some(number)) => {
                format!("{schema}.{function}({text}, {number})")
            }
            (_, Some(literal)) => format!("{schema}.{function}({text}, {})", quote(literal)),
            (_, None) => format!("{schema}.{function}({text})"),
        }
    }
}

/// Reads all arguments of a trigger.
pub fn parse(arguments: &[String]) -> Result<Vec<Enrichment>> {
    if arguments.is_empty() {
        return Err(Error::invalid_argument("crm_enrich names no column to fill").hint(HINT));
    }
    arguments.iter().map(|argument| parse_one(argument)).collect()
}

/// A word between the parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Bare, or in double quotes.
    Name(String),
    /// In single quotes.
    Literal(String),
}

fn parse_one(argument: &str) -> Result<Enrichment> {
    let malformed = || {
        Error::invalid_argument("an argument of crm_enrich is not column=function(column)")
            .hint(HINT)
    };
    let (target, call) = argument.split_once('=').ok_or_else(malformed)?;
    let target = name(target.trim()).ok_or_else(malformed)?;
    let (function, rest) = call.trim().split_once('(').ok_or_else(malformed)?;
    let inside = rest.trim_end().strip_suffix(')').ok_or_else(malformed)?;
    let words = words(inside).ok_or_else(malformed)?;
    let wanted = function.trim();
    let Some(&(function, takes)) = FUNCTIONS.iter().find(|(known, _)| *known == wanted) else {
        let known: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
        return Err(Error::invalid_argument(
            "crm_enrich can call functions of crm_ai alone, and not this one",
        )
        .hint(format!("it knows {}", known.join(", "))));
    };
    let (column, literal) = roles(words).ok_or_else(malformed)?;
    let fits = match (takes, &literal) {
        (Takes::Text, literal) => literal.is_none(),
        (Takes::LiteralThenText, literal) => literal.is_some(),
        (Takes::TextThenMaybe, _) | (Takes::TextThenMaybeNumber, None) => true,
        (Takes::TextThenMaybeNumber, Some(number)) => number.parse::<i32>().is_ok(),
    };
    if !fits {
        return Err(Error::invalid_argument(format!(
            "crm_enrich: {function} takes other arguments than these"
        ))
        .hint(HINT));
    }
    Ok(Enrichment { target, column, function, takes, literal })
}

/// Assigns column and literal: the first name is the column, the other word the literal. So both
/// orders are understood.
fn roles(words: Vec<Word>) -> Option<(String, Option<String>)> {
    let mut words = words.into_iter();
    match (words.next()?, words.next(), words.next()) {
        (Word::Name(column), None, None) => Some((column, None)),
        (Word::Name(column), Some(Word::Name(literal) | Word::Literal(literal)), None)
        | (Word::Literal(literal), Some(Word::Name(column)), None) => Some((column, Some(literal))),
        _ => None,
    }
}

/// A name as it is stored: bare, or in double quotes. Case is kept.
fn name(text: &str) -> Option<String> {
    match words(text)?.as_slice() {
        [Word::Name(name)] => Some(name.clone()),
        _ => None,
    }
}

/// The words between commas; `None` where quotes do not close or a word is missing.
fn words(text: &str) -> Option<Vec<Word>> {
    let mut rest = text.trim();
    let mut words = Vec::new();
    loop {
        let quote = rest.chars().next()?;
        if quote == '"' || quote == '\'' {
            let (word, after) = quoted(&rest[1..], quote)?;
            words.push(if quote == '"' { Word::Name(word) } else { Word::Literal(word) });
            rest = after.trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let word = rest[..end].trim();
            if word.is_empty() || word.contains(['\'', '"', '(', ')']) {
                return None;
            }
            words.push(Word::Name(word.to_owned()));
            rest = &rest[end..];
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None => return rest.is_empty().then_some(words),
        }
    }
}

/// The text before the closing quote, doubled ones made single, and the rest after it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once(quote)?;
        word.push_str(before);
        match after.strip_prefix(quote) {
            Some(after) => {
                word.push(quote);
                rest = after;
            }
            None => return (!word.is_empty()).then_some((word, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(argument: &str) -> Option<(String, String, String)> {
        let read = parse(&[argument.to_owned()]).ok()?.remove(0);
        let call = read.call("s", "$1", |text| format!("'{}'", text.replace('\'', "''")));
        Some((read.target, read.column, call))
    }

    #[test]
    fn arguments_are_read_in_both_orders() {
        for (argument, target, column, call) in [
            ("a=crm_sentiment(note)", "a", "note", "s.crm_sentiment($1)"),
            (" a = crm_sentiment ( \"My, note\" ) ", "a", "My, note", "s.crm_sentiment($1)"),
            ("\"A b\"=crm_embed(n)", "A b", "n", "s.crm_embed($1)"),
            ("a=crm_embed(n, 'minilm')", "a", "n", "s.crm_embed($1, 'minilm')"),
            ("a=crm_classify('m''s', n)", "a", "n", "s.crm_classify('m''s', $1)"),
            ("a=crm_classify(n, m)", "a", "n", "s.crm_classify('m', $1)"),
            ("a=crm_phone_digits(n, 9)", "a", "n", "s.crm_phone_digits($1, 9)"),
            ("a=crm_normalize_phone(n, DE)", "a", "n", "s.crm_normalize_phone($1, 'DE')"),
        ] {
            let expected = (target.to_owned(), column.to_owned(), call.to_owned());
            assert_eq!(read(argument), Some(expected), "{argument}");
        }
    }

    #[test]
    fn nothing_else_is_let_through() {
        for argument in [
            "",
            "a",
            "a=",
            "a=note",
            "a=upper(note)",
            "a=pg_catalog.upper(note)",
            "a=crm_sentiment()",
            "a=crm_sentiment(note",
            "a=crm_sentiment(note, x)",
            "a=crm_sentiment(note) || pg_sleep(1)",
            "a=crm_sentiment(crm_clean_text(note))",
            "a=crm_sentiment('note')",
            "a=crm_classify(note)",
            "a=crm_classify('m', 'n')",
            "a=crm_phone_digits(n, 1+1)",
            "a=crm_embed(n, 'm', 'x')",
            "a=crm_embed(n, 'm)",
            "a=crm_sentiment_batch(note)",
        ] {
            assert_eq!(read(argument), None, "{argument}");
        }
        assert!(parse(&[]).is_err());
    }
}
