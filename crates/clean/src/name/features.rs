//! Features of the words of a name for the sequence model.
//!
//! Case is seen only where a text mixes it: in `JOHN SMITH` and `acme inc` it says nothing.

use std::fmt::Write;

use super::gazetteer::{self, Commonness};
use super::tokens::Token;
use super::words::{self, Role, Roles};
use crate::tagger::AttributeSink;

/// Features of one word.
struct Look {
    key: String,
    roles: Roles,
    common: Commonness,
    /// Features that the neighbours see, too.
    atoms: Vec<String>,
}

/// Hands the features of all words to `sink`.
pub(super) fn put(tokens: &[Token<'_>], sink: &mut impl AttributeSink) {
    let is_mixed = is_mixed_case(tokens);
    let looks: Vec<Look> = tokens.iter().map(|token| look(token, is_mixed)).collect();
    let globals = globals(tokens, &looks);
    let mut line = String::new();
    let mut seen_comma = false;
    for (at, own) in looks.iter().enumerate() {
        sink.next_token();
        let mut put = |parts: &[&str]| {
            line.clear();
            parts.iter().for_each(|part| line.push_str(part));
            sink.put(&line);
        };
        put(&["bias"]);
        own.atoms.iter().for_each(|atom| put(&[atom]));
        affixes(&own.key, &mut put);
        globals.iter().for_each(|global| put(&["any=", global]));
        for (name, offset) in [("-1:", -1), ("+1:", 1)] {
            match at.checked_add_signed(offset).and_then(|near| looks.get(near)) {
                Some(near) => near.atoms.iter().for_each(|atom| put(&[name, atom])),
                None => put(&[name, "none"]),
            }
        }
        for (name, offset) in [("-2:", -2), ("+2:", 2)] {
            if let Some(near) = at.checked_add_signed(offset).and_then(|near| looks.get(near)) {
                near.roles.names().for_each(|role| put(&[name, "role=", role]));
            }
        }
        position(tokens, &looks, at, seen_comma, &mut put);
        seen_comma |= tokens[at].has_comma;
    }
}

/// True if some words are written large and some are not.
fn is_mixed_case(tokens: &[Token<'_>]) -> bool {
    let any = |test: fn(char) -> bool| tokens.iter().any(|token| token.text.chars().any(test));
    any(char::is_uppercase) && any(char::is_lowercase)
}

fn look(token: &Token<'_>, is_mixed: bool) -> Look {
    let key = words::key(token.text);
    let roles = words::roles(&key);
    let common = gazetteer::look_up(token.text);
    let mut atoms = vec![format!("w={key}")];
    atoms.extend(roles.names().map(|role| format!("role={role}")));
    atoms.push(format!("g={}", common.given));
    atoms.push(format!("f={}", common.family));
    atoms.push(format!("odds={}", odds(common)));
    let letters = key.chars().filter(|c| c.is_alphabetic()).count();
    atoms.push(format!("len={}", letters.min(8)));
    let marks = [
        (letters == 1 && key.chars().count() == 1, "initial"),
        (token.text.ends_with('.'), "dot"),
        (token.text.trim_end_matches('.').contains('.'), "dots"),
        (key.contains('-'), "hyphen"),
        (key.contains('\''), "apostrophe"),
        (key.ends_with("'s"), "possessive"),
        (key.chars().any(char::is_numeric), "digit"),
        (letters == 0, "no letter"),
        (!key.contains(is_vowel) && letters > 1, "no vowel"),
        (key.chars().all(|c| matches!(c, 'i' | 'v' | 'x')), "roman"),
        (key.ends_with(is_vowel), "ends with vowel"),
        (!key.is_ascii(), "not ascii"),
        (token.has_comma, "comma"),
        (token.is_quoted, "quoted"),
        (token.is_bracketed, "bracketed"),
        (is_mixed && is_all(token.text, char::is_uppercase) && letters > 1, "large"),
        (is_mixed && is_all(token.text, char::is_lowercase), "small"),
    ];
    atoms.extend(marks.iter().filter(|(holds, _)| *holds).map(|(_, name)| (*name).to_owned()));
    Look { key, roles, common, atoms }
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y') || !c.is_ascii()
}

fn is_all(word: &str, test: fn(char) -> bool) -> bool {
    let mut letters = word.chars().filter(|c| c.is_alphabetic()).peekable();
    letters.peek().is_some() && letters.all(test)
}

/// Given name or family name, in steps: -4 to 4, `x` for a word that is neither.
fn odds(common: Commonness) -> String {
    if common.is_unknown() {
        return "x".to_owned();
    }
    (i16::from(common.given) - i16::from(common.family)).clamp(-4, 4).to_string()
}

/// Beginnings and ends of the word.
fn affixes(key: &str, put: &mut impl FnMut(&[&str])) {
    let cuts: Vec<usize> = key.char_indices().map(|(cut, _)| cut).chain([key.len()]).collect();
    let count = cuts.len() - 1;
    for length in 1..=4.min(count.saturating_sub(1)) {
        if length <= 3 {
            put(&["p=", &key[..cuts[length]]]);
        }
        put(&["s=", &key[cuts[count - length]..]]);
    }
}

/// Roles that stand anywhere in the text.
fn globals(tokens: &[Token<'_>], looks: &[Look]) -> Vec<&'static str> {
    let any = |role| looks.iter().any(|look| look.roles.has(role));
    let commas = tokens.iter().rev().skip(1).filter(|token| token.has_comma).count();
    let mut globals = vec![["no comma", "1 comma", "commas"][commas.min(2)]];
    let named = [
        (any(Role::Legal), "legal"),
        (any(Role::Organisation), "org"),
        (any(Role::And), "and"),
        (any(Role::Common), "common"),
        (any(Role::Alias) || any(Role::Care), "alias"),
        (looks.iter().any(|look| look.key.chars().any(char::is_numeric)), "digit"),
        (looks.iter().any(|look| look.key.ends_with("'s")), "possessive"),
    ];
    globals.extend(named.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name));
    let is_plain = named.iter().all(|(holds, _)| !holds);
    if looks.iter().all(is_known) {
        globals.push(if is_plain { "plain, known" } else { "known" });
    } else if is_plain {
        globals.push(if looks.iter().any(is_known) { "plain, half known" } else { "plain" });
    }
    globals
}

/// True if people have the word in their names, for all that the lists know.
fn is_known(look: &Look) -> bool {
    let has = |role| look.roles.has(role);
    look.common.given.max(look.common.family) > 1
        || look.key.chars().count() == 1
        || has(Role::Title)
        || has(Role::Generation)
        || has(Role::Degree)
        || has(Role::Particle)
}

/// Position of the word, and its meaning for a word like it.
fn position(
    tokens: &[Token<'_>],
    looks: &[Look],
    at: usize,
    seen_comma: bool,
    put: &mut impl FnMut(&[&str]),
) {
    let own = &looks[at];
    let odds = odds(own.common);
    let after_comma = at > 0 && tokens[at - 1].has_comma;
    let places = [
        (tokens.len() == 1, "single"),
        (at == 0, "first"),
        (at == 1, "second"),
        (at + 1 == tokens.len(), "last"),
        (seen_comma, "seen comma"),
        (after_comma, "after comma"),
        (tokens[at].has_comma, "before comma"),
    ];
    for (_, place) in places.iter().filter(|(holds, _)| *holds) {
        put(&[place]);
        put(&[place, "&odds=", &odds]);
        own.roles.names().for_each(|role| put(&[place, "&role=", role]));
        if own.key.chars().count() == 1 {
            put(&[place, "&initial"]);
        }
    }
    if tokens[at].has_comma {
        match looks.get(at + 1) {
            Some(next) => next.roles.names().for_each(|role| put(&["comma, then role=", role])),
            None => put(&["comma, then none"]),
        }
    }
    let mut count = String::new();
    // Writing to a string cannot fail.
    let _ = write!(count, "n={}&i={}", tokens.len().min(5), at.min(3));
    put(&[&count]);
    put(&[&count, "&odds=", &odds]);
}
