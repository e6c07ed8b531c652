//! The shape of a value: what its characters are, without telling which.

/// Longest shape, in characters, before it is cut off with an ellipsis.
const CHARS_MAX: usize = 32;

/// The shape of `value`: each digit is a `9`, a run of capitals one `A`, a run of other letters one
/// `a`, a run of white space one space; punctuation stays, what nobody sees is `·`.
///
/// `650-253-0000` has `999-999-9999`, `Ann.Lee@example.com` has `Aa.Aa@a.a`. Longer shapes than 32
/// characters end with `…`.
pub fn shape(value: &str) -> String {
    let mut shape = String::new();
    let mut length = 0;
    let mut previous = None;
    for c in value.chars() {
        let class = class(c);
        if previous == Some(class) && matches!(class, 'A' | 'a' | ' ') {
            continue;
        }
        if length == CHARS_MAX {
            shape.push('…');
            break;
        }
        shape.push(class);
        length += 1;
        previous = Some(class);
    }
    shape
}

fn class(c: char) -> char {
    if c.is_numeric() {
        '9'
    } else if c.is_uppercase() {
        'A'
    } else if c.is_alphabetic() {
        'a'
    } else if c.is_whitespace() {
        ' '
    } else if c.is_ascii_punctuation() {
        c
    } else if c.is_control() || super::value::is_zero_width(c) {
        '·'
    } else {
        // Typographic signs, emoji.
        '*'
    }
}
