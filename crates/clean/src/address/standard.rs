//! Standard forms of the parts of an address of the United States, by USPS Publication 28.
//!
//! Abbreviations are the publication's; case is proper (`N Main St`), which it allows, since
//! capitals cannot be turned back into names.

use super::casing::{is_small, of_suffix, proper, without_stops};
use super::tokens::Token;
use super::{words, zip};

/// A word and its label.
pub type Labelled<'a> = (&'a str, &'a Token);

/// House number: `221B`, `12 1/2`.
pub fn number(run: &[Labelled]) -> String {
    join(run.iter().map(|(_, token)| {
        let core = token.core();
        match core {
            "½" => "1/2".to_owned(),
            "¼" => "1/4".to_owned(),
            "¾" => "3/4".to_owned(),
            _ if core.contains(|c: char| c.is_ascii_digit()) || core.chars().count() < 3 => {
                without_stops(core).to_uppercase()
            }
            _ => proper(core, true),
        }
    }))
}

/// Street with everything that belongs to its name: `N Main St`, `US Highway 22`.
pub fn street(run: &[Labelled]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut last_label = "";
    let has_type = run.iter().any(|(label, _)| label.ends_with("Type"));
    for (at, (label, token)) in run.iter().enumerate() {
        let next = run.get(at + 1).map(|(label, _)| *label);
        let word = match *label {
            "CornerOf" => continue,
            "IntersectionSeparator" => "&".to_owned(),
            "StreetNamePreDirectional" | "StreetNamePostDirectional" => directional(token),
            // `Co-op City`, which is no county's road.
            "StreetNamePreType" if token.key == "co" && next == Some("StreetName") => {
                proper(token.core(), true)
            }
            "StreetNamePreType" => pre_type(token),
            "StreetNamePostType" if next != Some("StreetNamePostType") => suffix(token),
            // Publication 28, section 234: a name's last word is abbreviated if it is a suffix.
            // `The Green` is all of a name.
            "StreetName"
                if !has_type
                    && last_label == "StreetName"
                    && next != Some("StreetName")
                    && words.last().is_none_or(|last| last != "The")
                    // `Stony Island`, `Long Beach`: more a name than a kind of street.
                    && !matches!(token.key.as_str(), "island" | "beach" | "green") =>
            {
                suffix(token)
            }
            // `County Road UV`
            "StreetName"
                if last_label == "StreetNamePreType"
                    && token.key.len() < 3
                    && next != Some("StreetName")
                    && !is_small(&token.key) =>
            {
                token.core().to_uppercase()
            }
            _ => proper(token.core(), words.is_empty()),
        };
        let joins = last_label == *label
            && label.ends_with("Directional")
            && words.last().is_some_and(|last| matches!(last.as_str(), "N" | "S"))
            && matches!(word.as_str(), "E" | "W");
        match words.last_mut().filter(|_| joins) {
            Some(last) => last.push_str(&word),
            None => words.push(word),
        }
        last_label = label;
    }
    join(words)
}

fn directional(token: &Token) -> String {
    words::directional(&token.key).map_or_else(|| proper(token.core(), true), str::to_owned)
}

fn suffix(token: &Token) -> String {
    words::suffix(&token.key).map_or_else(|| proper(token.core(), true), of_suffix)
}

/// Numbered roads are spelt out (appendix E); so is a type before a name, `Avenue H`.
fn pre_type(token: &Token) -> String {
    let standard = match words::highway(&token.key) {
        Some("Hwy") => Some("Highway"),
        Some("Rte") => Some("Route"),
        Some("CR") => Some("County Road"),
        Some("SR") => Some("State Road"),
        Some("I") => Some("Interstate"),
        Some("Rd") => Some("Road"),
        known => known,
    };
    let standard = standard.or(match words::suffix(&token.key) {
        Some("AVE") => Some("Avenue"),
        Some("BLVD") => Some("Boulevard"),
        Some("ST") => Some("State"),
        _ => None,
    });
    standard.map_or_else(|| proper(token.core(), true), str::to_owned)
}

/// Units: `Apt 5`, `Bldg 3 Ste 200`, `# 12`, `Fl 5`.
pub fn unit(run: &[Labelled]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut has_type = false;
    let mut at = 0;
    while at < run.len() {
        let (label, token) = run[at];
        at += 1;
        let is_type = label.ends_with("Type");
        if token.key == "#" {
            if !has_type {
                words.push("#".to_owned());
            }
            continue;
        }
        let next = run.get(at).map(|(_, token)| *token);
        if let Some(floor) = floor(token, next) {
            words.push(floor);
            has_type = false;
            at += 1;
            continue;
        }
        if is_type {
            words.push(
                words::unit(&token.key).map_or_else(|| proper(token.core(), true), str::to_owned),
            );
        } else {
            words.push(identifier(token));
        }
        has_type = is_type;
    }
    join(words)
}

/// `5th Floor`, `Second Fl` → `Fl 5`, `Fl 2`.
fn floor(token: &Token, next: Option<&Token>) -> Option<String> {
    next.filter(|next| words::unit(&next.key) == Some("Fl"))?;
    let digits = token.key.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    if digits.len() + 2 == token.key.len() && digits.chars().all(|c| c.is_ascii_digit()) {
        return Some(format!("Fl {digits}"));
    }
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];
    let at = ordinals.iter().position(|ordinal| *ordinal == token.key)?;
    Some(format!("Fl {}", at + 1))
}

fn identifier(token: &Token) -> String {
    let core = token.core();
    if core.chars().count() <= 2 || core.contains(|c: char| c.is_ascii_digit()) {
        without_stops(core).to_uppercase()
    } else if let Some(standard) = words::unit(&token.key) {
        standard.to_owned()
    } else {
        proper(core, true)
    }
}

/// Boxes: `PO Box 123`, `RR 2 Box 18`, `PSC 802 Box 74`.
pub fn po_box(run: &[Labelled]) -> String {
    let has_group = run.iter().any(|(_, token)| group(&token.key).is_some());
    let mut words: Vec<String> = Vec::new();
    let mut last = "";
    for (label, token) in run {
        let is_word = label.ends_with("Type");
        match (is_word, group(&token.key)) {
            (true, Some(group)) if words.last().is_none_or(|last| last != group) => {
                words.push(group.to_owned());
            }
            (true, Some(_)) => {}
            // The words of `Rural Route` and `P O Box` are one.
            (true, None) if token.key == "route" || (last == *label && !has_group) => {}
            (true, None) if has_group && words::boxes(&token.key) == Some("po") => {
                words.push("PO".to_owned());
            }
            (true, None) => words.push(if has_group { "Box" } else { "PO Box" }.to_owned()),
            (false, _) if token.key == "#" => {}
            (false, _) => {
                let id = without_stops(token.core()).to_uppercase();
                // Publication 28, section 244: no leading zeros before a route's number.
                let bare = id.trim_start_matches('0');
                let is_route = words.last().is_some_and(|last| last == "RR" || last == "HC");
                words.push(if is_route && !bare.is_empty() { bare.to_owned() } else { id });
            }
        }
        last = label;
    }
    join(words)
}

fn group(key: &str) -> Option<&'static str> {
    match key {
        "rr" | "rural" | "rfd" | "rd" => Some("RR"),
        "hc" | "hcr" | "star" => Some("HC"),
        "psc" => Some("PSC"),
        "cmr" => Some("CMR"),
        "unit" => Some("Unit"),
        _ => None,
    }
}

/// City in proper case, without full stops.
pub fn city(run: &[Labelled]) -> String {
    if let [(_, only)] = run
        && words::is_military_city(&only.key)
    {
        return only.key.to_uppercase();
    }
    plain(run)
}

/// Two letters of a state; as written in capitals where it is none.
pub fn state(run: &[Labelled]) -> String {
    let key = join(run.iter().map(|(_, token)| token.key.clone()));
    words::state(&key).map_or_else(|| key.to_uppercase(), str::to_owned)
}

/// ZIP or ZIP+4.
pub fn postcode(run: &[Labelled]) -> String {
    let written = run.iter().map(|(_, token)| token.core()).collect::<Vec<_>>().join(" ");
    let digits = written.chars().filter(char::is_ascii_digit).count();
    // `041 01` is a ZIP that was torn apart; `60601 1234` a ZIP+4.
    zip::standard(&if digits <= 5 { written.replace(' ', "") } else { written })
}

/// Anything else, in proper case.
pub fn plain(run: &[Labelled]) -> String {
    join(run.iter().enumerate().map(|(at, (_, token))| proper(token.core(), at == 0)))
}

fn join(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
