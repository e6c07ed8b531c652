//! Words of an address with what stands around them.

/// One word as written, with the punctuation that follows it; `#` and `&` are words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As written, opening brackets and trailing punctuation included.
    pub text: String,
    /// Lower case without the punctuation at its ends, full stops and apostrophes.
    pub key: String,
    /// A comma, semicolon or line end follows.
    pub ends_part: bool,
}

impl Token {
    /// A word that was cut out already.
    pub fn new(text: &str) -> Self {
        let core = core(text);
        let key: String = core
            .chars()
            .filter(|c| !matches!(c, '.' | '\'' | '’'))
            .flat_map(char::to_lowercase)
            .collect();
        let ends_part = text.ends_with([',', ';', '\n']);
        Self { text: text.to_owned(), key, ends_part }
    }

    /// Without the punctuation at its ends.
    pub fn core(&self) -> &str {
        core(&self.text)
    }
}

fn core(text: &str) -> &str {
    let is_edge = |c: char| !(c.is_alphanumeric() || matches!(c, '#' | '&'));
    let core = text.trim_matches(is_edge);
    if core.is_empty() { text.trim() } else { core }
}

/// Cuts a cleaned text into words: at white space, after commas and semicolons, around `#` and `&`
/// and before brackets. Marks that stand alone are no words; a comma among them ends the part
/// before it.
pub fn split(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        let is_mark = matches!(c, ',' | ';');
        let closes = word.ends_with([',', ';']) && !is_mark && c != '"';
        if c.is_whitespace() || matches!(c, '#' | '&' | '(') || closes {
            push(&mut tokens, &mut word);
        }
        if matches!(c, '#' | '&') {
            tokens.push(Token::new(c.encode_utf8(&mut [0; 4])));
        } else if !c.is_whitespace() {
            word.push(c);
        }
    }
    push(&mut tokens, &mut word);
    tokens
}

fn push(tokens: &mut Vec<Token>, word: &mut String) {
    if word.chars().any(char::is_alphanumeric) {
        tokens.push(Token::new(word));
    } else if word.contains([',', ';', '-', '–', '—', '|', '/'])
        && let Some(last) = tokens.last_mut()
    {
        last.ends_part = true;
    }
    word.clear();
}
