//! A name field cut into words: what touches them (commas, quotes, brackets) becomes their mark.

/// Signs that are words of their own.
const SIGNS: [char; 8] = ['&', '+', '＆', '/', '#', '@', '|', '*'];

/// Longest run of words, in words, that quotes may hold to be a nickname.
const QUOTED_WORDS_MAX: usize = 4;

/// A word of a name field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The word without commas, quotes and brackets; full stops, hyphens, apostrophes stay.
    pub text: &'a str,
    /// Start of `text` in the field, in bytes.
    pub start: usize,
    /// A comma or semicolon follows.
    pub has_comma: bool,
    /// Stands in quotes.
    pub is_quoted: bool,
    /// Stands in brackets.
    pub is_bracketed: bool,
}

/// The words of `text`, in order.
pub(super) fn tokenise(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut brackets = 0_usize;
    let mut start = None;
    for (position, c) in text.char_indices() {
        let is_sign = SIGNS.contains(&c) && !is_inside_word(text, position, c);
        let is_part = !(c.is_whitespace() || is_bracket(c) || is_comma(c) || is_sign);
        if is_part {
            start.get_or_insert(position);
            continue;
        }
        if let Some(from) = start.take() {
            push(&mut tokens, text, from, position, brackets > 0);
        }
        match c {
            '(' | '[' | '{' | '（' | '［' | '<' => brackets += 1,
            ')' | ']' | '}' | '）' | '］' | '>' => brackets = brackets.saturating_sub(1),
            c if is_comma(c) => mark_comma(&mut tokens),
            c if SIGNS.contains(&c) => {
                let stop = position + c.len_utf8();
                push(&mut tokens, text, position, stop, brackets > 0);
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        push(&mut tokens, text, from, text.len(), brackets > 0);
    }
    mark_quoted(&mut tokens);
    tokens.retain(|token| !token.text.is_empty());
    tokens
}

fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '（' | '）' | '［' | '］' | '<' | '>')
}

fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '，' | '、' | '؛' | '،' | '；')
}

/// True if a sign stands inside one word: `AT&T`, `A/S`, `c/o`, `d/b/a`.
fn is_inside_word(text: &str, position: usize, sign: char) -> bool {
    let reach = match sign {
        '&' => 3,
        '/' => 1,
        _ => return false,
    };
    let letters = |side: &mut dyn Iterator<Item = char>| {
        side.take(4).take_while(|c| c.is_alphanumeric()).count()
    };
    let before = letters(&mut text[..position].chars().rev());
    let after = letters(&mut text[position + sign.len_utf8()..].chars());
    (1..=reach).contains(&before) && (1..=reach).contains(&after)
}

fn push<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, from: usize, to: usize, bracketed: bool) {
    tokens.push(Token {
        text: &text[from..to],
        start: from,
        has_comma: false,
        is_quoted: false,
        is_bracketed: bracketed,
    });
}

fn mark_comma(tokens: &mut [Token<'_>]) {
    if let Some(last) = tokens.last_mut() {
        last.has_comma = true;
    }
}

/// The closing quote of an opening one.
fn closing(quote: char) -> Option<&'static [char]> {
    Some(match quote {
        '"' | '“' | '”' | '„' | '″' => &['"', '”', '“', '″'],
        '\'' | '‘' | '’' | '`' | '‚' | '´' => &['\'', '’', '‘', '`', '´'],
        '«' => &['»'],
        '»' => &['«'],
        '「' => &['」'],
        '『' => &['』'],
        '‹' => &['›'],
        _ => return None,
    })
}

/// Takes quotes off the words that they hold. A quote without its partner stays where it is part
/// of a word (`'t Hooft`, `Al-Sa'`), and goes where it is of the double kind.
fn mark_quoted(tokens: &mut [Token<'_>]) {
    let mut at = 0;
    while at < tokens.len() {
        let stop = quoted_until(&tokens[at..]).map(|words| at + words);
        let stop = stop.unwrap_or(at);
        for token in &mut tokens[at..stop] {
            token.is_quoted = true;
        }
        for token in &mut tokens[at..stop.max(at + 1)] {
            let is_loose = if token.is_quoted { is_quote } else { is_double_quote };
            let opened = token.text.trim_start_matches(is_loose);
            token.start += token.text.len() - opened.len();
            token.text = opened.trim_end_matches(is_loose);
        }
        at = stop.max(at + 1);
    }
}

/// The number of words in a quote that opens at the first one.
fn quoted_until(tokens: &[Token<'_>]) -> Option<usize> {
    let first = tokens.first()?.text;
    let ends = closing(first.chars().next()?)?;
    let reach = tokens.len().min(QUOTED_WORDS_MAX);
    let position = tokens[..reach].iter().position(|token| {
        let text = token.text.trim_end_matches(['.', ':']);
        text.len() > 1 && text.ends_with(ends)
    })?;
    (first.chars().count() > 1).then_some(position + 1)
}

fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '「' | '」' | '『' | '』' | '‹' | '›' | '″')
}

fn is_quote(c: char) -> bool {
    is_double_quote(c) || matches!(c, '\'' | '‘' | '’' | '`' | '‚' | '´')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokenise(text).iter().map(|token| token.text).collect()
    }

    #[test]
    fn signs_part_words_but_not_short_forms() {
        assert_eq!(words("AT&T Inc"), ["AT&T", "Inc"]);
        assert_eq!(words("Smith&Sons A/S"), ["Smith", "&", "Sons", "A/S"]);
        assert_eq!(words("John/Mary c/o Ann"), ["John", "/", "Mary", "c/o", "Ann"]);
    }

    #[test]
    fn quotes_and_brackets_become_marks() {
        let tokens = tokenise("William \"Big Bill\" O'Neil, (Billy)");
        let marks: Vec<_> =
            tokens.iter().map(|t| (t.text, t.is_quoted, t.is_bracketed, t.has_comma)).collect();
        let expected = [
            ("William", false, false, false),
            ("Big", true, false, false),
            ("Bill", true, false, false),
            ("O'Neil", false, false, true),
            ("Billy", false, true, false),
        ];
        assert_eq!(marks, expected);
        assert_eq!(words("Gerard 't Hooft"), ["Gerard", "'t", "Hooft"]);
        assert_eq!(words("Robert 'Bob' Smith"), ["Robert", "Bob", "Smith"]);
    }

    #[test]
    fn starts_point_at_the_words() {
        let text = "Smith, «Jo» J. (x)";
        for token in tokenise(text) {
            assert!(text[token.start..].starts_with(token.text));
        }
    }
}
