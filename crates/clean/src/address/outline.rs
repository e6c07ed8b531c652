//! The outline of an address, found before any word is labelled: what kind of word each is, where
//! state and ZIP stand, which words before them are a known city, and the parts between commas.

use super::places;
use super::tokens::Token;
use super::words;

/// Counts of what came before a word.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub numbers: usize,
    pub suffixes: usize,
    pub units: usize,
    pub boxes: usize,
}

#[derive(Debug)]
pub struct Outline {
    classes: Vec<&'static str>,
    tails: Vec<&'static str>,
    cities: Vec<&'static str>,
    /// True if that city is all that stands between a comma and the tail.
    is_city_apart: bool,
    names: Vec<&'static str>,
    seen: Vec<Seen>,
    suffixes_before_tail: Vec<usize>,
    /// Part of each word, counted from 0, and what the parts hold.
    parts: Vec<usize>,
    part_kinds: Vec<&'static str>,
}

/// Words of a span: start and stop, the stop exclusive.
type Span = (usize, usize);

impl Outline {
    pub fn new(tokens: &[Token]) -> Self {
        let classes: Vec<_> = tokens.iter().map(class_of).collect();
        let (tails, body_end, zip, state) = tails(tokens);
        let (cities, is_city_apart) = cities(tokens, body_end, zip, state);
        let mut outline = Self {
            cities,
            is_city_apart,
            names: names(tokens, body_end),
            seen: seen(&classes),
            suffixes_before_tail: suffixes_ahead(&classes, body_end),
            parts: Vec::new(),
            part_kinds: Vec::new(),
            classes,
            tails,
        };
        outline.find_parts(tokens);
        outline
    }

    /// Kind of the word `offset` words away; `<` and `>` outside.
    pub fn class(&self, at: usize, offset: isize) -> &'static str {
        match at.checked_add_signed(offset) {
            None => "<",
            Some(at) => self.classes.get(at).copied().unwrap_or(">"),
        }
    }

    /// The word's place: body, state, ZIP or country.
    pub fn tail(&self, at: usize) -> &'static str {
        self.tails[at]
    }

    /// The word's place in the known city before the tail, and the city's fit to the tail.
    pub fn city(&self, at: usize) -> &'static str {
        self.cities[at]
    }

    /// True if the word is in a known city that stands alone before the tail.
    pub fn is_city_apart(&self, at: usize) -> bool {
        self.is_city_apart && !matches!(self.cities[at], "no" | "before")
    }

    /// The word's place in any known name of a city.
    pub fn place_name(&self, at: usize) -> &'static str {
        self.names[at]
    }

    pub fn seen(&self, at: usize) -> Seen {
        self.seen[at]
    }

    /// Street suffixes from the next word to the tail.
    pub fn suffixes_ahead(&self, at: usize) -> usize {
        self.suffixes_before_tail[at]
    }

    /// Position of the word's part, and the last part's.
    pub fn part(&self, at: usize) -> (usize, usize) {
        (self.parts[at], self.parts.last().copied().unwrap_or(0))
    }

    pub fn part_kind(&self, at: usize) -> &'static str {
        self.part_kinds[self.parts[at]]
    }

    /// The word's place in its part: first, last, both or neither.
    pub fn place_in_part(&self, at: usize) -> &'static str {
        let is_first = at == 0 || self.parts[at - 1] != self.parts[at];
        let is_last = self.parts.get(at + 1) != Some(&self.parts[at]);
        match (is_first, is_last) {
            (true, true) => "only",
            (true, false) => "first",
            (false, true) => "last",
            (false, false) => "inner",
        }
    }

    fn find_parts(&mut self, tokens: &[Token]) {
        let mut start = 0;
        for (at, token) in tokens.iter().enumerate() {
            self.parts.push(self.part_kinds.len());
            if token.ends_part || at + 1 == tokens.len() {
                self.part_kinds.push(part_kind(&self.classes[start..=at], &self.tails[start..=at]));
                start = at + 1;
            }
        }
    }
}

fn part_kind(classes: &[&str], tails: &[&str]) -> &'static str {
    let has = |kinds: &[&str]| classes.iter().any(|class| kinds.contains(class));
    if tails.iter().all(|tail| *tail != "body") {
        "tail"
    } else if has(&["box"]) {
        "box"
    } else if classes.first().is_some_and(|class| is_number(class)) {
        if has(&["suffix", "dir", "d"]) { "street" } else { "number" }
    } else if has(&["unit", "#"]) {
        "unit"
    } else if tails.contains(&"body") && tails.iter().any(|tail| *tail != "body") {
        "city"
    } else if has(&["suffix"]) {
        "suffix"
    } else if classes.iter().any(|class| is_number(class)) {
        "digits"
    } else {
        "words"
    }
}

fn is_number(class: &str) -> bool {
    class.starts_with(|c: char| c.is_ascii_digit()) || matches!(class, "number" | "range")
}

/// The one kind of a word that is told to its neighbours.
fn class_of(token: &Token) -> &'static str {
    let key = token.key.as_str();
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let letters = key.chars().filter(|c| c.is_alphabetic()).count();
    if digits > 0 {
        return class_of_digits(key, digits, letters);
    }
    match key {
        "#" => return "#",
        "&" | "and" | "@" | "at" => return "&",
        "½" | "¼" | "¾" => return "fraction",
        _ => {}
    }
    if words::is_military_city(key) {
        return "military";
    }
    if words::directional(key).is_some() {
        return if letters > 2 { "direction" } else { "dir" };
    }
    if let Some(standard) = words::suffix(key)
        && words::is_plain_suffix(standard)
    {
        return "suffix";
    }
    if words::unit(key).is_some() {
        return "unit";
    }
    if matches!(words::boxes(key), Some("po" | "box" | "rr" | "hc" | "psc" | "lock")) {
        return "box";
    }
    if words::highway(key).is_some() {
        return "highway";
    }
    if words::state(key).is_some() {
        return if letters == 2 { "state" } else { "statename" };
    }
    if words::suffix(key).is_some() {
        return "maybe";
    }
    if words::is_number_word(key) {
        return "numeral";
    }
    if letters == 1 { "letter" } else { "word" }
}

fn class_of_digits(key: &str, digits: usize, letters: usize) -> &'static str {
    if letters == 0 {
        if key.contains('/') {
            return "fraction";
        }
        if digits == key.len() {
            return ["1", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"][digits.min(10)];
        }
        return if digits == 9 && key.as_bytes().get(5) == Some(&b'-') { "9" } else { "range" };
    }
    let starts_with_digit = key.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit
        && ["st", "nd", "rd", "th"].contains(&key.trim_start_matches(|c: char| c.is_ascii_digit()))
    {
        return "ordinal";
    }
    match (starts_with_digit, letters) {
        (true, 1) => "1a",
        (true, _) => "1aa",
        (false, 1) => "a1",
        (false, _) => "aa1",
    }
}

/// For each word body, state, ZIP or country; where the body ends; ZIP and state.
fn tails(tokens: &[Token]) -> (Vec<&'static str>, usize, Option<&str>, Option<&'static str>) {
    let mut tails = vec!["body"; tokens.len()];
    let mut end = tokens.len();
    let country = super::countries::trailing_us(tokens);
    tails[end - country..].fill("country");
    end -= country;
    let is_zip = |at: usize| at > 0 && matches!(class_of(&tokens[at]), "5" | "9");
    let mut zip = None;
    if end > 1 && is_zip(end - 1) {
        zip = Some(end - 1);
    } else if end > 2 && is_zip(end - 2) && class_of(&tokens[end - 1]) == "4" {
        zip = Some(end - 2);
    }
    if let Some(at) = zip {
        tails[at..end].fill("zip");
        end = at;
    }
    let mut state = None;
    for words in (1..=words::STATE_WORDS_MAX.min(end.saturating_sub(1))).rev() {
        let span = &tokens[end - words..end];
        if span[..words - 1].iter().any(|token| token.ends_part) {
            continue;
        }
        let key = span.iter().map(|token| token.key.as_str()).collect::<Vec<_>>().join(" ");
        if let Some(code) = words::state(&key) {
            state = Some(code);
            tails[end - words..end].fill("state");
            end -= words;
            break;
        }
    }
    (tails, end, zip.map(|at| tokens[at].key.as_str()), state)
}

/// Known cities that end where the body does.
fn cities(
    tokens: &[Token],
    end: usize,
    zip: Option<&str>,
    state: Option<&str>,
) -> (Vec<&'static str>, bool) {
    let mut marks = vec!["no"; tokens.len()];
    let mut best: Option<(u8, Span)> = None;
    let mut start = end;
    while start > 0 && end - start < places::PLACE_WORDS_MAX {
        start -= 1;
        if tokens[start].ends_part && start + 1 < end {
            break;
        }
        let fit = fit(&tokens[start..end], zip, state);
        if fit > 0 && best.is_none_or(|(known, _)| fit >= known) {
            best = Some((fit, (start, end)));
        }
    }
    let Some((fit, (start, end))) = best else { return (marks, false) };
    let is_apart = start == 0 || tokens[start - 1].ends_part;
    if start > 0 {
        marks[start - 1] = "before";
    }
    let names = match fit {
        3 => ["zip first", "zip inner", "zip last", "zip only"],
        2 => ["state first", "state inner", "state last", "state only"],
        _ => ["first", "inner", "last", "only"],
    };
    mark(&mut marks, (start, end), names);
    (marks, is_apart)
}

/// The fit of a name: 3 as one of the ZIP's, 2 as one of the state's, 1 as any, 0 not known.
fn fit(span: &[Token], zip: Option<&str>, state: Option<&str>) -> u8 {
    let mut key = String::new();
    span.iter().for_each(|token| places::extend_place_key(&mut key, &token.key));
    let Some(mut prefixes) = places::prefixes_of(&key) else { return 0 };
    if zip.is_some_and(|zip| prefixes.clone().any(|prefix| zip.starts_with(prefix))) {
        return 3;
    }
    let in_state = |prefix: &str| {
        Some(prefix) == state
            || places::states_of(prefix)
                .is_some_and(|mut states| states.any(|known| Some(known) == state))
    };
    if prefixes.any(in_state) { 2 } else { 1 }
}

/// Longest known names of cities anywhere in the body.
fn names(tokens: &[Token], end: usize) -> Vec<&'static str> {
    let mut marks = vec!["no"; tokens.len()];
    let mut start = 0;
    while start < end {
        let mut key = String::new();
        let mut stop = start;
        let last = end.min(start + places::PLACE_WORDS_MAX);
        for (at, token) in tokens.iter().enumerate().take(last).skip(start) {
            places::extend_place_key(&mut key, &token.key);
            if places::prefixes_of(&key).is_some() {
                stop = at + 1;
            }
            if token.ends_part {
                break;
            }
        }
        if stop > start {
            mark(&mut marks, (start, stop), ["first", "inner", "last", "only"]);
            start = stop;
        } else {
            start += 1;
        }
    }
    marks
}

fn mark(marks: &mut [&'static str], (start, stop): Span, names: [&'static str; 4]) {
    let [first, inner, last, only] = names;
    marks[start..stop].fill(inner);
    marks[start] = first;
    marks[stop - 1] = if stop - start == 1 { only } else { last };
}

fn seen(classes: &[&str]) -> Vec<Seen> {
    let mut count = Seen::default();
    let mut seen = Vec::with_capacity(classes.len());
    for class in classes {
        seen.push(count);
        count.numbers += usize::from(is_number(class));
        count.suffixes += usize::from(*class == "suffix");
        count.units += usize::from(matches!(*class, "unit" | "#"));
        count.boxes += usize::from(*class == "box");
    }
    seen
}

fn suffixes_ahead(classes: &[&str], end: usize) -> Vec<usize> {
    let mut ahead = vec![0; classes.len()];
    for at in (0..end.saturating_sub(1)).rev() {
        ahead[at] = ahead[at + 1] + usize::from(classes[at + 1] == "suffix");
    }
    ahead
}
