//! A person or an organisation.

use super::gazetteer;
use super::order;
use super::organisation;
use super::sequence::Labelled;
use super::tokens::Token;
use super::words::{self, Role};

/// Kind of a name's bearer, by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    pub is_person: bool,
    /// It could be either.
    pub is_doubtful: bool,
}

/// Below this probability of the likelier kind, the kind is doubtful.
const SURE: f64 = 0.75;

/// A text whose words say nothing of organisations is a person's name above this probability, if a
/// list knows one of the words, and if none does.
const PERSON_KNOWN: f64 = 0.02;
const PERSON_UNKNOWN: f64 = 0.15;

/// Fields of customers hold more people than firms of two proper names, while the labelled data
/// has as many of either: hence the low thresholds.
pub(super) fn side(tokens: &[Token<'_>], labelled: &Labelled) -> Side {
    let has_form = tokens
        .iter()
        .skip(1)
        .any(|token| organisation::is_certain_form(&words::key(token.text)) && !token.is_bracketed);
    if has_form || has_form_after_comma(tokens) {
        return Side { is_person: false, is_doubtful: false };
    }
    if order::is_surely_a_person(tokens) {
        return Side { is_person: true, is_doubtful: false };
    }
    let certainty = labelled.person.max(1.0 - labelled.person);
    if tokens.len() == 1 || tokens.iter().any(is_marked) {
        return Side { is_person: labelled.person > 0.5, is_doubtful: certainty < SURE };
    }
    let known = tokens.iter().filter(|token| is_known(token)).count();
    let has_given = tokens
        .first()
        .is_some_and(|token| gazetteer::look_up(token.text).given > 2 || is_initials(token));
    let is_person = known == tokens.len()
        || labelled.person > PERSON_UNKNOWN
        || (known > 0 && labelled.person > PERSON_KNOWN);
    let is_vouched = has_given || known * 2 >= tokens.len() || labelled.person > 0.4;
    Side { is_person, is_doubtful: !is_person || (certainty < SURE && !is_vouched) }
}

/// `Telefónica, S.A.`: a legal form with full stops after a comma, that is no degree.
fn has_form_after_comma(tokens: &[Token<'_>]) -> bool {
    let [.., before, last] = tokens else { return false };
    let roles = words::roles(&words::key(last.text));
    before.has_comma
        && last.text.contains('.')
        && roles.has(Role::Legal)
        && !roles.has(Role::Degree)
        && !roles.has(Role::Generation)
}

/// `J.K.`: people's initials, in a word.
fn is_initials(token: &Token<'_>) -> bool {
    let parts = token.text.split('.').filter(|part| !part.is_empty());
    token.text.contains('.') && parts.clone().all(|part| part.chars().count() == 1)
}

/// True if organisations have the word and people hardly.
fn is_marked(token: &Token<'_>) -> bool {
    let key = words::key(token.text);
    let roles = words::roles(&key);
    let common = gazetteer::look_up(token.text);
    let has_role = [Role::Legal, Role::Organisation, Role::Common, Role::And]
        .into_iter()
        .any(|role| roles.has(role));
    let is_name = common.family >= 5 || common.given >= 4 || key.chars().count() == 1;
    (has_role && (!is_name || roles.has(Role::And)))
        || key.ends_with("'s")
        || key.contains(|c: char| c.is_numeric())
}

/// True if a list of names has the word.
fn is_known(token: &Token<'_>) -> bool {
    let common = gazetteer::look_up(token.text);
    common.given.max(common.family) > 1
}
