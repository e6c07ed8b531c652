//! Features of each word for the sequence model.

use super::outline::Outline;
use super::tokens::Token;
use super::words;
use crate::tagger::AttributeSink;
use std::fmt::Write;

/// Writes the attributes of every word into `sink`, for training and for reading alike.
pub fn put(tokens: &[Token], sink: &mut impl AttributeSink) {
    let outline = Outline::new(tokens);
    let mut writer = Writer { sink, buffer: String::new() };
    for at in 0..tokens.len() {
        writer.sink.next_token();
        put_word(&mut writer, &tokens[at]);
        put_neighbours(&mut writer, tokens, &outline, at);
        put_place(&mut writer, tokens, &outline, at);
    }
}

/// Puts `name=value` together in one buffer.
struct Writer<'s, S> {
    sink: &'s mut S,
    buffer: String,
}

impl<S: AttributeSink> Writer<'_, S> {
    fn put(&mut self, attribute: std::fmt::Arguments) {
        self.buffer.clear();
        // Writing into a String cannot fail.
        let _ = self.buffer.write_fmt(attribute);
        self.sink.put(&self.buffer);
    }
}

/// The word by itself.
fn put_word<S: AttributeSink>(writer: &mut Writer<S>, token: &Token) {
    let key = token.key.as_str();
    writer.put(format_args!("bias"));
    if key.chars().all(|c| c.is_ascii_digit()) {
        writer.put(format_args!("zeros={}", key.len() - key.trim_end_matches('0').len()));
    } else {
        writer.put(format_args!("w={key}"));
        let letters: Vec<char> = key.chars().collect();
        if letters.len() > 4 {
            let tail: String = letters[letters.len() - 3..].iter().collect();
            writer.put(format_args!("tail={tail}"));
        }
        writer.put(format_args!("len={}", letters.len().min(10)));
    }
    if token.text.ends_with('.') {
        writer.put(format_args!("stop"));
    }
    if token.text.starts_with('(') || token.text.contains(')') {
        writer.put(format_args!("bracket"));
    }
    if let Some(standard) = words::suffix(key) {
        writer.put(format_args!("suffix={standard}"));
        let plain = words::is_plain_suffix(standard);
        writer.put(format_args!("is_suffix={plain}"));
    }
    for (name, standard) in [
        ("dir", words::directional(key)),
        ("unit", words::unit(key)),
        ("state", words::state(key)),
        ("hwy", words::highway(key)),
        ("box", words::boxes(key)),
    ] {
        if let Some(standard) = standard {
            writer.put(format_args!("{name}={standard}"));
            writer.put(format_args!("is_{name}"));
        }
    }
    if words::is_recipient_cue(key) {
        writer.put(format_args!("is_recipient"));
    }
    if words::is_building_cue(key) {
        writer.put(format_args!("is_building"));
    }
}

/// The words around it.
fn put_neighbours<S: AttributeSink>(
    writer: &mut Writer<S>,
    tokens: &[Token],
    outline: &Outline,
    at: usize,
) {
    let class = |offset: isize| outline.class(at, offset);
    let word = |offset: isize| {
        at.checked_add_signed(offset).and_then(|at| tokens.get(at)).map_or("", |token| {
            if token.key.starts_with(|c: char| c.is_ascii_digit()) { "0" } else { &token.key }
        })
    };
    let comma = |offset: isize| {
        let token = at.checked_add_signed(offset).and_then(|at| tokens.get(at));
        if token.is_some_and(|token| token.ends_part) { ',' } else { '_' }
    };
    let (here, before, after) = (class(0), class(-1), class(1));
    writer.put(format_args!("c={here}"));
    writer.put(format_args!("w-1={}", word(-1)));
    writer.put(format_args!("w+1={}", word(1)));
    writer.put(format_args!("w-2={}", word(-2)));
    writer.put(format_args!("w+2={}", word(2)));
    writer.put(format_args!("c-1={before}{}", comma(-1)));
    writer.put(format_args!("c+1={}{after}", comma(0)));
    writer.put(format_args!("c-2={}", class(-2)));
    writer.put(format_args!("c+2={}", class(2)));
    writer.put(format_args!("comma={}{}", comma(-1), comma(0)));
    writer.put(format_args!("c-1,0={before}{}{here}", comma(-1)));
    writer.put(format_args!("c0,1={here}{}{after}", comma(0)));
    writer.put(format_args!("c-1,0,1={before}|{here}|{after}"));
    writer.put(format_args!("c-2,-1,0={}|{before}|{here}", class(-2)));
    writer.put(format_args!("c0,1,2={here}|{after}|{}", class(2)));
    writer.put(format_args!("w-1,0={}|{}", word(-1), word(0)));
    writer.put(format_args!("w0,1={}|{}", word(0), word(1)));
}

/// Position in the whole address.
fn put_place<S: AttributeSink>(
    writer: &mut Writer<S>,
    tokens: &[Token],
    outline: &Outline,
    at: usize,
) {
    let here = outline.class(at, 0);
    let from_end = tokens.len() - 1 - at;
    writer.put(format_args!("start={}", at.min(3)));
    writer.put(format_args!("end={}", from_end.min(3)));
    if at == 0 || from_end == 0 {
        writer.put(format_args!("edge={}{}|{here}", at == 0, from_end == 0));
    }
    let tail = outline.tail(at);
    writer.put(format_args!("tail={tail}"));
    writer.put(format_args!("tail,c={tail}|{here}"));
    writer.put(format_args!("city={}", outline.city(at)));
    writer.put(format_args!("city,c={}|{here}", outline.city(at)));
    writer.put(format_args!("city,next={}|{}", outline.city(at), outline.class(at, 1)));
    if outline.is_city_apart(at) {
        writer.put(format_args!("city_apart"));
        writer.put(format_args!("city_apart={}", outline.city(at)));
    }
    writer.put(format_args!("name={}", outline.place_name(at)));
    let seen = outline.seen(at);
    writer.put(format_args!("number_seen={}|{here}", seen.numbers.min(2)));
    writer.put(format_args!("suffix_seen={}|{here}", seen.suffixes.min(2)));
    writer.put(format_args!("unit_seen={}|{here}", seen.units.min(2)));
    writer.put(format_args!("box_seen={}|{here}", seen.boxes.min(1)));
    let ahead = outline.suffixes_ahead(at);
    writer.put(format_args!("suffix_ahead={}|{here}", ahead.min(2)));
    writer.put(format_args!(
        "street={}|{}|{}|{tail}",
        seen.numbers.min(1),
        seen.suffixes.min(1),
        ahead.min(1)
    ));
    let (part, parts) = outline.part(at);
    writer.put(format_args!("part={}|{}", part.min(3), (parts - part).min(3)));
    writer.put(format_args!("part_kind={}|{here}", outline.part_kind(at)));
    writer.put(format_args!("part_kind={}|{}", outline.part_kind(at), outline.place_in_part(at)));
}
