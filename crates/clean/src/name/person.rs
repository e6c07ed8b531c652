//! The parts of a person's name, from the labels of its words.

use super::case::{self, Case};
use super::gazetteer;
use super::inverted;
use super::order::{self, Order};
use super::sequence::Label;
use super::tokens::Token;
use super::words::{self, Role, Roles};
use super::{NameInfo, Problem};

/// Part of the name that a word is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Title,
    Given,
    Middle,
    Family,
    Generation,
    Degree,
    Nickname,
    /// Joins two people.
    And,
}

/// A word with its part.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    pub token: Token<'a>,
    pub part: Part,
    pub roles: Roles,
}

/// Particles that belong to the family name after them even in a text without small letters.
pub(super) const STRONG_PARTICLES: &[&str] = &[
    "van", "von", "vom", "zu", "zum", "zur", "der", "den", "de", "del", "della", "di", "da", "dos",
    "das", "do", "du", "des", "la", "le", "bin", "bint", "ibn", "al", "el", "ter", "ten", "te",
    "af", "st", "mac", "o", "y", "abu", "las", "los", "'t", "santa", "san",
];

/// Words with the parts that the labels and the rules give them.
pub(super) fn words<'a>(tokens: &[Token<'a>], labels: &[Label]) -> Vec<Word<'a>> {
    let mut words: Vec<Word<'a>> = Vec::with_capacity(tokens.len());
    for (token, label) in tokens.iter().zip(labels) {
        let roles = words::roles(&words::key(token.text));
        words.push(Word { token: token.clone(), part: part(*label), roles });
    }
    mend_marks(&mut words);
    mend_people_as_firms(&mut words, labels);
    mend_generation(&mut words);
    mend_particles(&mut words);
    mend_double_family_names(&mut words);
    mend_marian_names(&mut words);
    words
}

fn part(label: Label) -> Part {
    match label {
        Label::PrefixMarital | Label::PrefixOther => Part::Title,
        Label::GivenName | Label::FirstInitial => Part::Given,
        Label::MiddleName | Label::MiddleInitial => Part::Middle,
        Label::SuffixGenerational => Part::Generation,
        Label::SuffixOther => Part::Degree,
        Label::Nickname => Part::Nickname,
        Label::And => Part::And,
        _ => Part::Family,
    }
}

/// Quotes and brackets hold nicknames, or what follows names: `(Ret.)`. Words that can only be one
/// thing are that.
fn mend_marks(words: &mut [Word<'_>]) {
    let count = words.len();
    // `Dr. med. univ. Margit Popp`: abbreviated titles before a name, however many.
    let is_title = |word: &&mut Word<'_>| {
        word.roles.has(Role::Title) && (word.token.text.ends_with('.') || word.part == Part::Title)
    };
    words[..count.saturating_sub(1)]
        .iter_mut()
        .take_while(is_title)
        .for_each(|word| word.part = Part::Title);
    for (at, word) in words.iter_mut().enumerate() {
        let is_after = at > 0;
        let can_follow = word.roles.has(Role::Degree) || word.roles.has(Role::Generation);
        if word.token.is_quoted || word.token.is_bracketed {
            if word.token.is_bracketed && is_after && word.roles.has(Role::Degree) {
                word.part = Part::Degree;
            } else if count > 1 && !(word.part == Part::Degree && can_follow) {
                word.part = Part::Nickname;
            }
        } else if word.part == Part::Nickname {
            word.part = if is_after { Part::Middle } else { Part::Given };
        } else if word.part == Part::Generation && !is_after && word.roles.has(Role::Title) {
            word.part = Part::Title;
        } else if word.part == Part::Degree
            && word.roles.has(Role::Generation)
            && !word.roles.has(Role::Degree)
        {
            word.part = Part::Generation;
        } else if word.part == Part::Title && !word.roles.has(Role::Title) && !is_after {
            // A title that no list knows stands if a name follows (`Congressman`).
            if count == 1 {
                word.part = Part::Given;
            }
        } else if word.part == Part::And && !word.roles.has(Role::And) && word.token.text != "/" {
            word.part = Part::Family;
        }
    }
}

/// `JOHN PARK JR`: at the end of a name these words are nothing else.
fn mend_generation(words: &mut [Word<'_>]) {
    let Some((last, before)) = words.split_last_mut() else { return };
    let is_sure = matches!(words::key(last.token.text).as_str(), "jr" | "sr" | "ii" | "iii" | "iv");
    let is_name =
        |word: &&mut Word<'_>| matches!(word.part, Part::Given | Part::Middle | Part::Family);
    if !is_sure || before.iter_mut().filter(is_name).count() < 2 {
        return;
    }
    last.part = Part::Generation;
    let has_family = before.iter().any(|word| word.part == Part::Family);
    if let Some(name) = before.iter_mut().rev().find(is_name).filter(|_| !has_family) {
        name.part = Part::Family;
    }
}

/// Corrects words that the model took for an organisation's where the name was found to be a
/// person's: the last one is the family name.
fn mend_people_as_firms(words: &mut [Word<'_>], labels: &[Label]) {
    if !labels.iter().any(|label| label.is_organisation()) {
        return;
    }
    let comma = words.iter().position(|word| word.token.has_comma);
    let named: Vec<usize> = (0..words.len())
        .filter(|at| matches!(words[*at].part, Part::Given | Part::Middle | Part::Family))
        .collect();
    let is_inverted = comma.is_some_and(|at| named.iter().any(|name| *name > at));
    for (place, at) in named.iter().enumerate() {
        words[*at].part = match (is_inverted, comma) {
            (true, Some(comma)) if *at <= comma => Part::Family,
            (true, Some(comma)) if named.get(place.wrapping_sub(1)).is_none_or(|b| *b <= comma) => {
                Part::Given
            }
            (true, _) => Part::Middle,
            _ if place == 0 => Part::Given,
            _ if place + 1 == named.len() => Part::Family,
            _ => Part::Middle,
        };
    }
}

/// Particles before the family name are part of it; so is a particle that the model cut off.
fn mend_particles(words: &mut [Word<'_>]) {
    for at in (0..words.len().saturating_sub(1)).rev() {
        let is_before_family = words[at + 1].part == Part::Family && !words[at].token.has_comma;
        let is_first = !words[..at].iter().any(|word| word.part == Part::Given);
        let key = words::key(words[at].token.text);
        let is_small = words[at].token.text.chars().all(|c| !c.is_uppercase());
        let is_particle = words[at].roles.has(Role::Particle)
            && (STRONG_PARTICLES.contains(&key.as_str()) || is_small);
        let is_name = matches!(words[at].part, Part::Middle | Part::Given);
        if is_before_family && is_particle && is_name && !is_first {
            words[at].part = Part::Family;
        }
    }
}

/// `Juan Carlos García López`, `José Ortega y Gasset`: both are family names. Elsewhere, what
/// stands between a given and a family name is a middle name: `Franklin Delano Roosevelt`.
fn mend_double_family_names(words: &mut [Word<'_>]) {
    for at in (1..words.len().saturating_sub(1)).rev() {
        let is_joint = matches!(words[at].token.text, "y" | "i" | "e");
        let last = words.get(at + 1).filter(|word| word.part == Part::Family);
        let are_iberian = last.is_some_and(|last| order::is_iberian(last.token.text))
            && order::is_iberian(words[at].token.text);
        let is_common_given = |word: &Word<'_>| gazetteer::look_up(word.token.text).given >= 4;
        // Two given names before it: Jorge Luis Borges Acevedo.
        let are_iberian = are_iberian
            || (last.is_some()
                && at >= 2
                && order::is_iberian(words[at].token.text)
                && words[at - 2..at].iter().all(is_common_given));
        let has_given = words[..at].iter().any(|word| word.part == Part::Given);
        let is_middle = words[at].part == Part::Family
            && last.is_some()
            && has_given
            && !are_iberian
            && !is_joint
            && !words[at].roles.has(Role::Particle)
            && words[at - 1].part != Part::Family
            && !words[at].token.has_comma;
        if is_middle && !words[at + 1].roles.has(Role::Particle) {
            words[at].part = Part::Middle;
        } else if words[at].part == Part::Middle && has_given && (are_iberian || is_joint) {
            words[at].part = Part::Family;
            if is_joint && at > 1 && words[at - 1].part == Part::Middle {
                words[at - 1].part = Part::Family;
            }
        }
    }
}

/// `María del Carmen García`: a given name with a particle of its own.
fn mend_marian_names(words: &mut [Word<'_>]) {
    const NAMES: [&str; 24] = [
        "carmen",
        "pilar",
        "rosario",
        "mar",
        "sol",
        "ángeles",
        "angeles",
        "jesús",
        "jesus",
        "josé",
        "jose",
        "luz",
        "socorro",
        "rocío",
        "rocio",
        "dolores",
        "remedios",
        "lourdes",
        "fátima",
        "fatima",
        "refugio",
        "consuelo",
        "mercedes",
        "guadalupe",
    ];
    let keys: Vec<String> = words.iter().map(|word| words::key(word.token.text)).collect();
    let Some(first) = keys.iter().position(|key| matches!(key.as_str(), "maria" | "maría" | "mª"))
    else {
        return;
    };
    let is_article = |key: &&String| matches!(key.as_str(), "de" | "del" | "la" | "las" | "los");
    let articles = keys[first + 1..].iter().take_while(is_article).count();
    let name = first + 1 + articles;
    let is_name = keys.get(name).is_some_and(|key| NAMES.contains(&key.as_str()));
    let has_family = words
        .iter()
        .enumerate()
        .any(|(at, word)| word.part == Part::Family && !(first..=name).contains(&at));
    if articles > 0 && is_name && has_family {
        words[first..=name].iter_mut().for_each(|word| word.part = Part::Given);
    }
}

/// Applies the order of the words where it is not the one that was read, and gives it.
pub(super) fn reorder(words: &mut [Word<'_>]) -> Order {
    let named: Vec<usize> = (0..words.len())
        .filter(|at| matches!(words[*at].part, Part::Given | Part::Middle | Part::Family))
        .collect();
    let has_comma = named.iter().skip(1).any(|at| words[..*at].iter().any(|w| w.token.has_comma));
    let has_and = words.iter().any(|word| word.part == Part::And);
    if has_comma && !has_and {
        inverted::read_inverted(words);
    }
    if named.len() < 2 || has_comma || has_and {
        return Order::AsRead;
    }
    if inverted::is_family_and_initial(words, &named) {
        for (place, at) in named.iter().enumerate() {
            words[*at].part = if place + 1 == named.len() { Part::Given } else { Part::Family };
        }
        return Order::AsRead;
    }
    let tokens: Vec<&Token<'_>> = named.iter().map(|at| &words[*at].token).collect();
    let found = order::order(&tokens);
    let is_given_last = order::is_given_last(&tokens);
    if matches!(found, Order::AsRead | Order::Doubtful) {
        if found == Order::Doubtful || is_read_oddly(words, &named) {
            read_plainly(words, &named);
        }
        return found;
    }
    for (place, at) in named.iter().enumerate() {
        let is_given = place == 1 || words[*at].token.text.contains('-');
        let is_last = place + 1 == named.len();
        words[*at].part = match place {
            0 => Part::Family,
            _ if is_given_last => {
                if is_last {
                    Part::Given
                } else {
                    Part::Middle
                }
            }
            _ if is_given => Part::Given,
            _ => Part::Middle,
        };
    }
    found
}

/// True if the labels do not give given names before family names, where no comma turns them.
fn is_read_oddly(words: &[Word<'_>], named: &[usize]) -> bool {
    let parts: Vec<Part> = named.iter().map(|at| words[*at].part).collect();
    let has_title = words.iter().any(|word| word.part == Part::Title);
    let is_turned = parts.windows(2).any(|pair| pair[0] == Part::Family && pair[1] != Part::Family);
    let first = gazetteer::look_up(words[named[0]].token.text);
    let is_given_first = parts.len() > 1 && first.given >= 4 && first.given > first.family;
    let may_lack_given = has_title && !is_given_first;
    is_turned
        || !parts.contains(&Part::Family)
        || (!parts.contains(&Part::Given) && !may_lack_given)
}

/// Given name, middle names, family name.
fn read_plainly(words: &mut [Word<'_>], named: &[usize]) {
    for (place, at) in named.iter().enumerate() {
        words[*at].part = match place {
            0 => Part::Given,
            _ if place + 1 == named.len() => Part::Family,
            _ => Part::Middle,
        };
    }
    mend_particles(words);
    mend_double_family_names(words);
    mend_marian_names(words);
}

/// The parts of the words, in standard spelling, and the name that they make.
pub(super) fn assemble(words: &[Word<'_>], order: Order) -> NameInfo {
    let case = case::case_of(
        words
            .iter()
            .filter(|word| !matches!(word.part, Part::Degree | Part::Generation | Part::And))
            .map(|word| word.token.text),
    );
    let people: Vec<&[Word<'_>]> =
        words.split(|word| word.part == Part::And).filter(|person| !person.is_empty()).collect();
    let mut info = NameInfo::default();
    if let Some(first) = people.first() {
        fill(&mut info, first, case);
    }
    if people.len() > 1 {
        info.problem = Some(Problem::SeveralPeople);
        borrow(&mut info, &people, case);
        info.display = Some(display_people(&people, case));
    } else {
        info.display = Some(display(&info, order)).filter(|display| !display.is_empty());
    }
    if matches!(order, Order::Doubtful | Order::FamilyFirstLikely) {
        info.problem = info.problem.or(Some(Problem::UnclearOrder));
    }
    info
}

fn fill(info: &mut NameInfo, words: &[Word<'_>], case: Case) {
    let join = |parts: &[Part], gap: &str| {
        let chosen = words.iter().enumerate().filter(|(_, word)| parts.contains(&word.part));
        let spelt: Vec<String> = chosen.map(|(at, word)| spell(words, at, word, case)).collect();
        Some(spelt.join(gap)).filter(|joined| !joined.is_empty())
    };
    info.title = join(&[Part::Title], " ");
    info.given = join(&[Part::Given], " ");
    info.middle = join(&[Part::Middle], " ");
    info.family = join(&[Part::Family], " ");
    info.suffix = join(&[Part::Generation, Part::Degree], ", ");
    info.nickname = join(&[Part::Nickname], " ");
}

/// Gives the first of several people the parts of the next: the family name, and in `Mr. and Mrs.
/// John Smith` the given one.
fn borrow(info: &mut NameInfo, people: &[&[Word<'_>]], case: Case) {
    for person in people.iter().skip(1) {
        let mut other = NameInfo::default();
        fill(&mut other, person, case);
        if info.family.is_none() {
            if info.given.is_none() {
                info.given = other.given;
                info.middle = other.middle;
            }
            info.family = other.family;
        }
    }
}

/// All people, in the order in which they are named; a family name before a comma goes to the end.
fn display_people(people: &[&[Word<'_>]], case: Case) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut shared = None;
    for (place, person) in people.iter().enumerate() {
        let mut info = NameInfo::default();
        fill(&mut info, person, case);
        let is_inverted = person
            .iter()
            .take_while(|word| word.part == Part::Family || word.part == Part::Generation)
            .any(|word| word.token.has_comma);
        let others_have_none =
            people[1..].iter().all(|person| person.iter().all(|word| word.part != Part::Family));
        if place == 0 && is_inverted && others_have_none {
            shared = info.family.take();
        }
        shown.push(display(&info, Order::AsRead));
    }
    let mut shown = shown.join(" and ");
    if let Some(family) = shared {
        shown.push(' ');
        shown.push_str(&family);
    }
    shown
}

/// Title, given name, nickname, middle name, family name, generation; degrees after commas. Names
/// that always stand with the family name first stay so.
fn display(info: &NameInfo, order: Order) -> String {
    let mut display = String::new();
    let nickname = info.nickname.as_ref().map(|nickname| format!("\"{nickname}\""));
    let is_kept = order == Order::FamilyFirstKept;
    let parts = if is_kept {
        [&info.title, &info.family, &info.middle, &info.given, &nickname]
    } else {
        [&info.title, &info.given, &nickname, &info.middle, &info.family]
    };
    for part in parts.into_iter().flatten() {
        if !display.is_empty() {
            display.push(' ');
        }
        display.push_str(part);
    }
    for suffix in info.suffix.iter().flat_map(|suffix| suffix.split(", ")) {
        let is_generation = words::roles(&words::key(suffix)).has(Role::Generation);
        if !display.is_empty() {
            display.push_str(if is_generation { " " } else { ", " });
        }
        display.push_str(suffix);
    }
    display
}

/// A word in standard spelling.
fn spell(words: &[Word<'_>], at: usize, word: &Word<'_>, case: Case) -> String {
    let text = word.token.text;
    let of = |role| word.roles.spelling(role);
    let standard = match word.part {
        Part::Title => of(Role::Title),
        Part::Generation => of(Role::Generation),
        Part::Degree => of(Role::Degree).or(of(Role::Generation)),
        _ => None,
    };
    if let Some(standard) = standard {
        return standard.to_owned();
    }
    if word.part == Part::Degree && case == Case::Flat && text.chars().count() <= 5 {
        return text.to_uppercase();
    }
    let text = text.trim_end_matches([':', ',']);
    let mut letters = text.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        let is_initial = matches!(word.part, Part::Given | Part::Middle)
            && letter.is_alphabetic()
            && words.len() > 1;
        let is_latin_like = letter.is_lowercase() || letter.is_uppercase();
        if is_initial && is_latin_like {
            return format!("{}.", letter.to_uppercase());
        }
    }
    let is_inside = matches!(word.part, Part::Family | Part::Given)
        && (word.part == Part::Family || at > 0)
        && words.get(at + 1).is_some_and(|next| next.part == word.part);
    case::person_word(text, &word.roles, case, is_inside)
}
