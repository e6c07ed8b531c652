//! Names of organisations in standard spelling.

use super::case;
use super::sequence::Label;
use super::tokens::Token;
use super::words::{self, Role};

/// Legal forms that are also other words or short for something else: they count where the model
/// says so.
const DOUBTFUL: &[&str] = &[
    "co", "me", "as", "sa", "pa", "pc", "pt", "na", "se", "ad", "ae", "sp", "oo", "sci", "private",
    "bt", "spa", "asa", "sia", "sal", "kk", "pl", "ps", "ev", "eg", "ek", "ab", "dd", "hb", "ky",
    "sc", "sca", "cv", "ug", "oy", "lp", "gk", "ag", "kg", "limited", "company", "ag", "ие", "ао",
];

/// Words that join legal forms: `GmbH & Co. KG`, `S.A. de C.V.`.
const JOINTS: &[&str] = &["&", "de", "und", "and", "z", "+"];

/// True if the word is a legal form whatever stands around it.
pub(super) fn is_certain_form(key: &str) -> bool {
    words::roles(key).has(Role::Legal) && !DOUBTFUL.contains(&key)
}

/// The name that the tokens of `text` give, with its legal form in standard spelling: no comma
/// before it, no other spelling of it. Words written all large or all small get capitals.
pub(super) fn spell(text: &str, tokens: &[Token<'_>], labels: &[Label]) -> String {
    let case = case::case_of(tokens.iter().map(|token| token.text));
    let forms = forms_from(tokens, labels);
    let mut spelt = String::with_capacity(text.len());
    let mut done = 0;
    for (at, token) in tokens.iter().enumerate() {
        let gap = &text[done..token.start];
        spelt.push_str(if at >= forms && gap.contains(',') { " " } else { gap });
        let key = words::key(token.text);
        let is_form = at >= forms && at > 0;
        let form = words::roles(&key).spelling(Role::Legal).filter(|_| is_form);
        match form {
            Some(form) => spelt.push_str(dotted_apart(&key, token.text).unwrap_or(form)),
            None if is_form => spelt.push_str(&token.text.to_lowercase()),
            None => spelt.push_str(&case::organisation_word(token.text, case, at == 0)),
        }
        done = token.start + token.text.len();
    }
    let is_form_last = forms < tokens.len();
    let tail = text[done..].trim_end();
    spelt.push_str(if is_form_last { tail.trim_end_matches([',', ';', '.']) } else { tail });
    spelt.trim_matches(|c: char| c.is_whitespace() || c == ',' || c == ';').to_owned()
}

/// Position of the first of the legal forms that end the name; the number of tokens where none
/// does.
fn forms_from(tokens: &[Token<'_>], labels: &[Label]) -> usize {
    let mut from = tokens.len();
    for at in (1..tokens.len()).rev() {
        let key = words::key(tokens[at].text);
        let is_labelled = labels.get(at) == Some(&Label::CorporationLegalType);
        let is_form = words::roles(&key).has(Role::Legal)
            && (is_labelled
                || !DOUBTFUL.contains(&key.as_str())
                || from == at + 1
                || is_last_co(&key));
        let is_joint = JOINTS.contains(&key.as_str()) && from == at + 1 && is_joined(tokens, at);
        if is_form {
            from = at;
        } else if !is_joint {
            break;
        }
    }
    from
}

/// `Co.` and `Company` at the end are legal forms; `Smith & Co.` is not, but is spelt alike.
fn is_last_co(key: &str) -> bool {
    matches!(key, "co" | "company" | "limited")
}

/// True if a joint has a legal form on both sides.
fn is_joined(tokens: &[Token<'_>], at: usize) -> bool {
    let is_form = |token: &Token<'_>| words::roles(&words::key(token.text)).has(Role::Legal);
    at > 1 && is_form(&tokens[at - 1])
}

/// Forms that differ in their full stops alone: Czech `a.s.` and Norwegian `AS`.
fn dotted_apart(key: &str, written: &str) -> Option<&'static str> {
    match key {
        "as" if written.contains('.') => Some("a.s."),
        "sas" if written.contains('.') => Some("S.A.S."),
        "plc" if written == "plc" => Some("plc"),
        _ => None,
    }
}
