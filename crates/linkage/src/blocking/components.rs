//! Parts of columns that keys are made of.

use crate::fold::hash;
use crate::kind::Kind;
use crate::table::{Column, Table};
use crate::value::{Detail, Value};

/// Most hashes that a component gives for a row.
pub const HASHES_MAX: usize = 3;

/// The hashes of a row in a component; 0 stands for none.
pub type Hashes = [u32; HASHES_MAX];

/// Origin of a component's hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// One column.
    Value,
    /// Given or family name: two hashes.
    Either,
    /// Given and family name, whichever comes first: one hash.
    Both,
}

/// A part of a column.
#[derive(Debug, Clone)]
pub struct Component {
    /// Name for the user: the column and the part.
    pub name: String,
    /// The column; given and family name count as one.
    pub group: usize,
    column: usize,
    /// True if it is telling enough to be a key alone.
    pub stands_alone: bool,
    from: Source,
    /// By the number of the value.
    first: Vec<u32>,
    more: Vec<[u32; HASHES_MAX - 1]>,
}

impl Component {
    /// Its hashes for a row.
    #[inline]
    pub fn hashes(&self, table: &Table, row: usize) -> Hashes {
        let id = table.columns[self.column].ids[row] as usize;
        match self.from {
            Source::Value if self.more.is_empty() => [self.first[id], 0, 0],
            Source::Value => [self.first[id], self.more[id][0], self.more[id][1]],
            Source::Either | Source::Both => {
                let other = self.first[table.columns[1].ids[row] as usize];
                match self.from {
                    Source::Both if self.first[id] == 0 || other == 0 => [0; 3],
                    Source::Both => [self.first[id].wrapping_add(other) | 1, 0, 0],
                    _ if other == self.first[id] => [other, 0, 0],
                    _ => [self.first[id], other, 0],
                }
            }
        }
    }

    /// True if a record may be looked up by it: a whole e-mail address, phone number or code, both
    /// names, or all words of a name or an address.
    pub fn is_lookup(&self, table: &Table) -> bool {
        let column = &table.columns[self.column];
        let is_whole = self.from == Source::Value && self.name == column.name;
        match column.kind {
            Kind::Email | Kind::Phone | Kind::Code | Kind::Name => is_whole,
            Kind::Words | Kind::Address => self.name.ends_with("(sorted words)"),
            _ => self.name == BOTH_NAMES,
        }
    }

    /// True if it may be joined with another to a key: parts of one column say the same, unless
    /// they are of given and family name.
    pub fn joins(&self, other: &Self) -> bool {
        let is_plain = self.from == Source::Value && other.from == Source::Value;
        self.group != other.group || (is_plain && self.column != other.column)
    }
}

/// The components of a table.
pub fn components(table: &Table) -> Vec<Component> {
    let mut all = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let group = if table.has_names && place == 1 { 0 } else { place };
        for part in parts(column) {
            let of = |id: u32| {
                let (value, text) = column.dictionary.values.get(id);
                if column.counts[id as usize] == 0 {
                    [0; 3]
                } else {
                    (part.hashes)(column, value, text)
                }
            };
            let hashes: Vec<Hashes> = (0..column.counts.len() as u32).map(of).collect();
            all.push(component(column, place, group, &part, &hashes));
        }
    }
    if table.has_names {
        all.extend(of_names(table));
    }
    all
}

fn component(
    column: &Column,
    place: usize,
    group: usize,
    part: &Part,
    hashes: &[Hashes],
) -> Component {
    let has_more = hashes.iter().any(|hashes| hashes[1] != 0);
    Component {
        name: if part.name.is_empty() {
            column.name.clone()
        } else {
            format!("{} ({})", column.name, part.name)
        },
        group,
        column: place,
        stands_alone: part.stands_alone,
        from: Source::Value,
        first: hashes.iter().map(|hashes| hashes[0]).collect(),
        more: if has_more { hashes.iter().map(|h| [h[1], h[2]]).collect() } else { Vec::new() },
    }
}

const BOTH_NAMES: &str = "both names";

/// The components of given and family name together.
fn of_names(table: &Table) -> impl Iterator<Item = Component> {
    type Of = fn(&Value, &[u16]) -> u32;
    let whole: Of = |_, text| own(text, 0);
    let by_sound: Of = |value, _| sound(value);
    let prefix: Of = |_, text| own(&text[..text.len().min(3)], 1);
    let forms: [(&str, Source, Of); 4] = [
        ("either name", Source::Either, whole),
        (BOTH_NAMES, Source::Both, whole),
        ("both names' sound", Source::Both, by_sound),
        ("both names' first 3", Source::Both, prefix),
    ];
    let dictionary = &table.columns[0].dictionary;
    forms.into_iter().map(move |(name, from, of)| Component {
        name: name.to_owned(),
        group: 0,
        column: 0,
        stands_alone: true,
        from,
        first: (0..dictionary.values.count() as u32)
            .map(|id| {
                let (value, text) = dictionary.values.get(id);
                if id == 0 { 0 } else { of(value, text) }
            })
            .collect(),
        more: Vec::new(),
    })
}

/// A part of the values of a kind.
struct Part {
    name: &'static str,
    stands_alone: bool,
    hashes: fn(&Column, &Value, &[u16]) -> Hashes,
}

const fn part(
    name: &'static str,
    stands_alone: bool,
    hashes: fn(&Column, &Value, &[u16]) -> Hashes,
) -> Part {
    Part { name, stands_alone, hashes }
}

/// A hash that is not 0, of text that is not empty.
fn own(text: &[u16], salt: u64) -> u32 {
    if text.is_empty() { 0 } else { hash(text, salt) as u32 | 1 }
}

fn prefix(text: &[u16], count: usize, salt: u64) -> Hashes {
    [own(&text[..text.len().min(count)], salt), 0, 0]
}

fn sound(value: &Value) -> u32 {
    match value.detail {
        Detail::Name(_, sound) => sound | 1 << 31,
        _ => 0,
    }
}

fn parts(column: &Column) -> Vec<Part> {
    let is_coarse = matches!(column.kind, Kind::Category | Kind::Number);
    let mut parts = vec![part("", !is_coarse, |_, _, text| [own(text, 0), 0, 0])];
    match column.kind {
        Kind::GivenName | Kind::FamilyName | Kind::Name => parts.extend([
            part("first 3", true, |_, _, text| prefix(text, 3, 1)),
            part("initial", false, |_, _, text| prefix(text, 1, 7)),
            part("sound", true, |_, value, _| [sound(value), 0, 0]),
        ]),
        Kind::Text => parts.push(part("first 4", true, |_, _, text| prefix(text, 4, 1))),
        Kind::Date | Kind::BirthDate => parts.extend([
            part("year and month", true, |_, _, text| prefix(text, 6, 1)),
            part("month and day", true, |_, _, text| [own(&text[4..], 2), 0, 0]),
            part("year", true, |_, _, text| prefix(text, 4, 3)),
            part("year and day", true, |_, _, text| {
                [own(&[&text[..4], &text[6..]].concat(), 4), 0, 0]
            }),
        ]),
        Kind::Email => parts.extend([
            part("local part", true, |_, value, text| [own(&text[..local(value, text)], 1), 0, 0]),
            part("first 5", true, |_, _, text| prefix(text, 5, 2)),
            part("domain", false, |_, value, text| [own(&text[local(value, text)..], 3), 0, 0]),
        ]),
        Kind::Phone | Kind::Code => parts.extend([
            part("first half", true, |_, _, text| prefix(text, text.len() / 2 + 1, 1)),
            part("second half", true, |_, _, text| [own(&text[text.len() / 2..], 2), 0, 0]),
        ]),
        Kind::Postcode => parts.push(part("first 3", true, |_, _, text| prefix(text, 3, 1))),
        Kind::Address | Kind::Words => parts.extend(of_tokens(column.kind)),
        _ => {}
    }
    parts
}

fn local(value: &Value, text: &[u16]) -> usize {
    match value.detail {
        Detail::Email(local, _) => usize::from(local).min(text.len()),
        _ => text.len(),
    }
}

fn of_tokens(kind: Kind) -> Vec<Part> {
    let mut parts = vec![
        part("sorted words", true, |column, value, _| [sorted(column, value), 0, 0]),
        part("rarest words", true, rarest),
        part("first word", true, |column, value, _| [first_word(column, value, 4), 0, 0]),
    ];
    if kind == Kind::Address {
        parts.push(part("number", true, |_, value, _| [number(value), 0, 0]));
        parts.push(part("number and first word", true, |column, value, _| {
            let number = number(value);
            [if number == 0 { 0 } else { first_word(column, value, 3) ^ number }, 0, 0]
        }));
    }
    parts
}

fn number(value: &Value) -> u32 {
    match value.detail {
        Detail::Tokens(_, _, number) => number,
        _ => 0,
    }
}

/// A hash of a word. The word's number would be another in another table.
fn word_hash(column: &Column, token: u32) -> u32 {
    own(column.dictionary.words.text(token), 17)
}

fn sorted(column: &Column, value: &Value) -> u32 {
    let tokens = column.dictionary.tokens(value);
    let mut words: Vec<u32> = tokens.iter().map(|&token| word_hash(column, token)).collect();
    words.sort_unstable();
    words.iter().fold(number(value), |hash, word| hash.wrapping_mul(31).wrapping_add(*word)) | 1
}

fn rarest(column: &Column, value: &Value, _: &[u16]) -> Hashes {
    let ranked = |&token: &u32| (column.ranked_rarity(token), word_hash(column, token));
    let mut words: Vec<(f32, u32)> = column.dictionary.tokens(value).iter().map(ranked).collect();
    words.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut hashes = [0; HASHES_MAX];
    for (hash, (_, word)) in hashes.iter_mut().zip(words) {
        *hash = word;
    }
    hashes
}

fn first_word(column: &Column, value: &Value, count: usize) -> u32 {
    column.dictionary.tokens(value).first().map_or(0, |&token| {
        let word = column.dictionary.words.text(token);
        own(&word[..word.len().min(count)], 9)
    })
}
