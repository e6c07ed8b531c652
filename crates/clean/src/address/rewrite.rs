//! Words of an American address as the model knows them: what was run together is parted
//! (`STE100`, `RR2`), names of boxes get their usual words, leading units go behind the street, and
//! parts that stand for nothing (`N/A`) are left out.

use super::tokens::Token;
use super::words;

/// Units and routes that are written in one word with their number.
const GLUED: &[&str] = &[
    "ste",
    "suite",
    "apt",
    "apartment",
    "unit",
    "bldg",
    "building",
    "rm",
    "room",
    "floor",
    "lot",
    "spc",
    "space",
    "trlr",
    "pmb",
    "rr",
    "hc",
    "box",
    "ph",
];

/// Parts that stand for a missing value. A town could be called by some of them, and none is.
const NOTHING: &[&str] = &["n/a", "na", "nan", "none", "null", "nil", "#n/a", "unknown", "tbd"];

/// The words of `tokens` as the model is to see them.
pub fn rewrite(tokens: Vec<Token>) -> Vec<Token> {
    let tokens = if tokens.iter().any(is_nothing) { without_nothing(tokens) } else { tokens };
    let tokens =
        if tokens.iter().any(|token| glued(token).is_some()) { parted(tokens) } else { tokens };
    let tokens = if tokens.iter().any(is_box) { with_boxes(tokens) } else { tokens };
    let tokens = unit_behind_street(tokens);
    puerto_rican(tokens)
}

/// True if nothing but a state is left beside parts that stand for a missing value.
pub fn is_placeholder(tokens: &[Token]) -> bool {
    tokens.iter().any(is_nothing)
        && tokens
            .iter()
            .all(|token| token.ends_part && is_nothing(token) || words::state(&token.key).is_some())
}

fn is_nothing(token: &Token) -> bool {
    NOTHING.contains(&token.key.as_str())
}

/// Without the parts that are one such word, unless nothing else is there.
fn without_nothing(tokens: Vec<Token>) -> Vec<Token> {
    let is_alone = |at: usize| {
        let starts = at == 0 || tokens[at - 1].ends_part;
        let ends = tokens[at].ends_part || at + 1 == tokens.len();
        starts && ends && is_nothing(&tokens[at])
    };
    let kept: Vec<Token> =
        (0..tokens.len()).filter(|&at| !is_alone(at)).map(|at| tokens[at].clone()).collect();
    if kept.is_empty() { tokens } else { kept }
}

/// `STE100`, `Ste.100` and `suite-100` as two words.
fn glued(token: &Token) -> Option<(Token, Token)> {
    let core = token.core();
    let at = core.find(|c: char| c.is_ascii_digit())?;
    let (word, number) = core.split_at(at);
    let word = word.trim_end_matches(['.', '-', ':']);
    if !GLUED.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return None;
    }
    // `FL33101` is a state and its ZIP.
    if word.eq_ignore_ascii_case("fl") && number.len() > 2 {
        return None;
    }
    let is_number = number.chars().filter(char::is_ascii_alphabetic).count() <= 2
        && number.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let tail = token.text.rsplit_once(core).map_or("", |(_, tail)| tail);
    is_number.then(|| (Token::new(word), Token::new(&[number, tail].concat())))
}

fn parted(tokens: Vec<Token>) -> Vec<Token> {
    let mut words = Vec::with_capacity(tokens.len() + 1);
    for token in tokens {
        match glued(&token) {
            Some((word, number)) => words.extend([word, number]),
            None => words.push(token),
        }
    }
    words
}

fn is_box(token: &Token) -> bool {
    matches!(token.key.as_str(), "box" | "bx")
}

/// `P.0. Box` and `Route 2 Box 5` as `PO Box` and `RR 2 Box 5`.
fn with_boxes(mut tokens: Vec<Token>) -> Vec<Token> {
    for at in 0..tokens.len() {
        let starts = at == 0 || tokens[at - 1].ends_part;
        let follows = |offset: usize| tokens.get(at + offset).is_some_and(is_box);
        let is_number = |offset: usize| {
            tokens.get(at + offset).is_some_and(|token| {
                token.key.len() <= 3 && token.key.starts_with(|c: char| c.is_ascii_digit())
            })
        };
        let word = match tokens[at].key.as_str() {
            "p0" if follows(1) => "PO",
            "route" | "rt" | "rte" | "rural" if starts && is_number(1) && follows(2) => "RR",
            _ => continue,
        };
        tokens[at] = Token::new(word);
    }
    tokens
}

/// `#5 1 Elm St` and `PMB 123, 100 Main St` with the unit after the street.
fn unit_behind_street(tokens: Vec<Token>) -> Vec<Token> {
    let is_number = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|token: &Token| token.key.starts_with(|c: char| c.is_ascii_digit()))
    };
    let is_mark = tokens.first().is_some_and(|token| token.key == "#") && is_number(2);
    let is_mailbox = tokens.first().is_some_and(|token| token.key == "pmb")
        && tokens.get(1).is_some_and(|token| token.ends_part);
    if !(is_mark || is_mailbox) || !is_number(2) {
        return tokens;
    }
    let Some(end) = tokens.iter().skip(2).position(|token| token.ends_part) else { return tokens };
    let end = end + 2;
    let mut words: Vec<Token> = tokens[2..end].to_vec();
    words.push(Token::new(tokens[end].core()));
    words.push(tokens[0].clone());
    words.push(Token::new(&[tokens[1].core(), ","].concat()));
    words.extend_from_slice(&tokens[end + 1..]);
    words
}

/// `150 Calle A Urb Las Gladiolas`: in Puerto Rico, a part begins with the word for a development.
fn puerto_rican(mut tokens: Vec<Token>) -> Vec<Token> {
    let is_there = |token: &Token| words::state(&token.key) == Some("PR");
    let at = tokens.iter().position(|token| matches!(token.key.as_str(), "urb" | "urbanizacion"));
    if let Some(at) = at.filter(|at| *at > 1)
        && tokens.iter().any(is_there)
        && !tokens[at - 1].ends_part
    {
        let text = [tokens[at - 1].text.as_str(), ","].concat();
        tokens[at - 1] = Token::new(&text);
    }
    tokens
}
