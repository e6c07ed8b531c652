//! Variants of labelled addresses, so that the model learns forms rather than these texts: other
//! cities, streets, numbers and spellings, with and without commas, parts left out, typing errors.

use crate::crf::random::Random;
use crate::rows::Row;

const NUMBER: &str = "AddressNumber";
const STREET: &str = "StreetName";
const CITY: &str = "PlaceName";
const STATE: &str = "StateName";
const ZIP: &str = "ZipCode";

/// What variants are made of.
pub struct Stock {
    /// Name of a city and the first digits of one of its ZIPs and their state.
    places: Vec<(String, &'static str, &'static str)>,
    /// Street names of the labelled rows, and names of cities.
    streets: Vec<Vec<String>>,
    recipients: Vec<Vec<String>>,
    suffixes: Vec<Vec<String>>,
    units: Vec<Vec<String>>,
}

const DIRECTIONS: [[&str; 3]; 8] = [
    ["N", "North", "N."],
    ["S", "South", "S."],
    ["E", "East", "E."],
    ["W", "West", "W."],
    ["NE", "Northeast", "N.E."],
    ["NW", "Northwest", "N.W."],
    ["SE", "Southeast", "S.E."],
    ["SW", "Southwest", "S.W."],
];

const UNITS: [&str; 8] = [
    "Apt Apartment Apt.",
    "Ste Suite Ste.",
    "Unit",
    "Bldg Building Bldg.",
    "Fl Floor Flr",
    "Rm Room",
    "Lot",
    "Spc Space",
];

const STATES: [(&str, &str); 51] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "D.C."),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
];

impl Stock {
    /// From the files of `data/address` and the rows that may be trained on.
    pub fn new(places: &str, zips: &'static str, suffixes: &str, rows: &[Row]) -> Self {
        let states: std::collections::HashMap<&str, &str> =
            zips.lines().filter_map(|line| line.split_once('\t')).collect();
        let mut stock = Self {
            places: Vec::new(),
            streets: Vec::new(),
            recipients: Vec::new(),
            suffixes: Vec::new(),
            units: UNITS.iter().map(|unit| words_of(unit)).collect(),
        };
        for line in places.lines() {
            let Some((name, prefixes)) = line.split_once('\t') else { continue };
            for prefix in prefixes.split(',') {
                // A place without ZIPs takes any of its state's.
                let own = states.get_key_value(prefix);
                let any = || states.iter().filter(|(_, names)| **names == prefix).min();
                if let Some((prefix, states)) = own.or_else(any) {
                    let state = states.split(',').next().unwrap_or_default();
                    stock.places.push((title(name), prefix, state));
                }
            }
        }
        for line in suffixes.lines() {
            let (standard, variants) = line.split_once('\t').unwrap_or((line, ""));
            let all = variants.split(',').chain([standard]).filter(|word| !word.is_empty());
            stock.suffixes.push(all.map(title).collect());
        }
        for row in rows {
            stock.streets.extend(runs(row, STREET));
            stock.recipients.extend(runs(row, "Recipient"));
        }
        stock
    }

    /// One variant of a row.
    pub fn vary(&self, row: &Row, random: &mut Random) -> Row {
        let mut row: Row =
            row.iter().map(|(label, word)| (label.clone(), word.replace('\n', ","))).collect();
        self.vary_place(&mut row, random);
        self.vary_street(&mut row, random);
        self.vary_words(&mut row, random);
        self.add_parts(&mut row, random);
        vary_commas(&mut row, random);
        if random.chance(0.12) {
            mistype(&mut row, random);
        }
        vary_case(&mut row, random);
        row
    }

    /// Name of a street.
    pub fn street(&self, random: &mut Random) -> String {
        if random.chance(0.5) {
            let words = random.pick(&self.streets);
            let is_name = words.iter().all(|word| word.chars().all(char::is_alphabetic));
            if is_name {
                return words.join(" ");
            }
        }
        random.pick(&self.places).0.clone()
    }

    /// Suffix of a street, usual ones more often.
    pub fn suffix(&self, random: &mut Random) -> String {
        const USUAL: [&str; 22] = [
            "St", "Ave", "Rd", "Dr", "Ln", "Blvd", "Ct", "Way", "Street", "Avenue", "Road",
            "Drive", "Lane", "Court", "Circle", "Cir", "Pl", "Place", "Pkwy", "Trl", "Ter", "Loop",
        ];
        if random.chance(0.85) {
            return random.word(&USUAL).to_owned();
        }
        let suffix = random.pick(&self.suffixes);
        random.pick(suffix).clone()
    }

    /// Another city, state and ZIP, or fewer of them.
    fn vary_place(&self, row: &mut Row, random: &mut Random) {
        let had_any = row.iter().any(|(label, _)| is_place(label));
        if row.iter().any(|(_, word)| matches!(word.to_lowercase().as_str(), "apo" | "fpo" | "dpo"))
        {
            return;
        }
        if random.chance(if had_any { 0.6 } else { 0.5 }) {
            let at = row.iter().position(|(label, _)| is_place(label)).unwrap_or(row.len());
            row.retain(|(label, _)| !is_place(label));
            let (city, prefix, state) = random.pick(&self.places);
            let mut tail = Row::new();
            let mut add = |label: &str, text: &str| {
                text.split(' ').for_each(|word| tail.push((label.to_owned(), word.to_owned())));
            };
            add(CITY, city);
            let name = STATES.iter().find(|(code, _)| code == state).map(|(_, name)| *name);
            add(STATE, name.filter(|_| random.chance(0.2)).unwrap_or(state));
            add(ZIP, &format!("{prefix}{:02}", random.below(100)));
            let at = at.min(row.len());
            row.splice(at..at, tail);
        }
        if random.chance(0.15) {
            row.retain(|(label, _)| label != ZIP);
        }
        if random.chance(0.12) {
            row.retain(|(label, _)| label != STATE);
        }
        if random.chance(0.05) && row.iter().any(|(label, _)| label == NUMBER) {
            row.retain(|(label, _)| label != CITY);
        }
        if random.chance(0.15) {
            for (_, word) in row.iter_mut().filter(|(label, _)| label == ZIP) {
                if word.len() == 5 {
                    word.push_str(&format!("-{:04}", random.below(10_000)));
                }
            }
        }
    }

    /// Another street name and other numbers.
    fn vary_street(&self, row: &mut Row, random: &mut Random) {
        let is_named = row
            .iter()
            .filter(|(label, _)| label == STREET)
            .all(|(_, word)| word.len() > 1 && word.chars().all(|c| c.is_alphabetic() || c == ','));
        let street = row.iter().position(|(label, _)| label == STREET);
        if let Some(at) = street.filter(|_| is_named && random.chance(0.5)) {
            let end = at + row[at..].iter().take_while(|(label, _)| label == STREET).count();
            let comma = row[end - 1].1.ends_with(',');
            let name = self.street(random);
            let mut words: Row =
                name.split(' ').map(|word| (STREET.to_owned(), word.to_owned())).collect();
            if let Some(last) = words.last_mut().filter(|_| comma) {
                last.1.push(',');
            }
            row.splice(at..end, words);
        }
        if random.chance(0.6) {
            for (label, word) in row.iter_mut() {
                let is_number =
                    matches!(label.as_str(), NUMBER | "USPSBoxID" | "OccupancyIdentifier");
                if is_number && word.chars().all(|c| c.is_ascii_digit()) {
                    let digits = (word.len() + random.below(2)).clamp(1, 6);
                    *word = number(digits, random);
                }
            }
        }
    }

    /// Other spellings of the same suffix, directional, unit or state.
    fn vary_words(&self, row: &mut Row, random: &mut Random) {
        for (label, word) in row.iter_mut() {
            if !random.chance(0.35) {
                continue;
            }
            let comma = word.ends_with(',');
            let key = word.trim_end_matches([',', '.']).to_lowercase();
            let is_same = |other: &&Vec<String>| {
                other.iter().any(|known| known.trim_end_matches('.').eq_ignore_ascii_case(&key))
            };
            let new = match label.as_str() {
                "StreetNamePostType" => {
                    self.suffixes.iter().find(is_same).map(|all| random.pick(all).clone())
                }
                "OccupancyType" | "SubaddressType" => {
                    self.units.iter().find(is_same).map(|all| random.pick(all).clone())
                }
                "StreetNamePreDirectional" | "StreetNamePostDirectional" => DIRECTIONS
                    .iter()
                    .find(|all| all.iter().any(|known| known.eq_ignore_ascii_case(&key)))
                    .map(|all| (*random.pick(all)).to_owned()),
                STATE => STATES
                    .iter()
                    .find(|(code, name)| {
                        code.eq_ignore_ascii_case(&key) || name.eq_ignore_ascii_case(&key)
                    })
                    .map(|(code, _)| (*code).to_owned()),
                _ => None,
            };
            if let Some(new) = new.filter(|new| !new.contains(' ')) {
                *word = if comma { format!("{new},") } else { new };
            }
        }
    }

    /// A unit, a recipient or the country where there was none.
    fn add_parts(&self, row: &mut Row, random: &mut Random) {
        let has = |row: &Row, start: &str| row.iter().any(|(label, _)| label.starts_with(start));
        let street_end = row.iter().rposition(|(label, _)| label.starts_with("StreetName"));
        if let Some(end) = street_end.filter(|_| {
            !has(row, "Occupancy") && !has(row, "Subaddress") && !has(row, "Intersection")
        }) && random.chance(0.2)
        {
            let mut unit = Row::new();
            // As the labelled rows have it: buildings and floors are subaddresses.
            let mut is_outer = false;
            if random.chance(0.25) {
                unit.push(("OccupancyIdentifier".to_owned(), "#".to_owned()));
            } else {
                let kind = random.pick(&self.units);
                if matches!(kind[0].as_str(), "Bldg" | "Fl") {
                    is_outer = true;
                }
                unit.push((kind_label(is_outer).to_owned(), random.pick(kind).clone()));
                if random.chance(0.1) {
                    unit.push(("OccupancyIdentifier".to_owned(), "#".to_owned()));
                }
            }
            let label = if is_outer { "SubaddressIdentifier" } else { "OccupancyIdentifier" };
            unit.push((label.to_owned(), number_or_letter(random)));
            row.splice(end + 1..end + 1, unit);
        }
        if !has(row, "Recipient") && random.chance(0.05) && !self.recipients.is_empty() {
            let words = random.pick(&self.recipients);
            row.splice(0..0, words.iter().map(|word| ("Recipient".to_owned(), word.clone())));
        }
        if !has(row, "BuildingName") && random.chance(0.04) {
            const KINDS: [&str; 6] = ["Building", "Tower", "Center", "Plaza", "Hall", "House"];
            let words = format!("{} {}", self.street(random), random.word(&KINDS));
            row.splice(
                0..0,
                words.split(' ').map(|word| ("BuildingName".to_owned(), word.to_owned())),
            );
        }
        if row.last().is_some_and(|(label, _)| matches!(label.as_str(), ZIP | STATE))
            && random.chance(0.06)
        {
            let name = random.word(&["USA", "United States", "US", "U.S.A.", "UNITED STATES"]);
            name.split(' ').for_each(|word| row.push(("CountryName".to_owned(), word.to_owned())));
        }
    }
}

fn kind_label(is_outer: bool) -> &'static str {
    if is_outer { "SubaddressType" } else { "OccupancyType" }
}

/// Gives a made address its place, units, commas, typing errors and case.
pub fn finish(stock: &Stock, row: &mut Row, random: &mut Random) {
    stock.vary_place(row, random);
    stock.add_parts(row, random);
    vary_commas(row, random);
    if random.chance(0.1) {
        mistype(row, random);
    }
    vary_case(row, random);
}

fn is_place(label: &str) -> bool {
    matches!(label, CITY | STATE | ZIP | "ZipPlus4")
}

fn words_of(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// The words of each run of one label, without their punctuation.
fn runs(row: &Row, label: &str) -> Vec<Vec<String>> {
    let mut runs: Vec<Vec<String>> = vec![Vec::new()];
    for (known, word) in row {
        if known == label {
            if let Some(run) = runs.last_mut() {
                run.push(word.trim_end_matches([',', ';', '\n', '.']).to_owned());
            }
        } else {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A directional in one of its first `forms` forms.
pub fn direction(forms: usize, random: &mut Random) -> &'static str {
    let all = *random.pick(&DIRECTIONS);
    all[random.below(forms)]
}

fn title(text: &str) -> String {
    let mut is_start = true;
    text.chars()
        .flat_map(|c| {
            let out: Vec<char> =
                if is_start { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
            is_start = c == ' ';
            out
        })
        .collect()
}

pub fn number(digits: usize, random: &mut Random) -> String {
    (0..digits)
        .map(|at| {
            char::from(b'0' + random.below(if at == 0 { 9 } else { 10 }) as u8 + u8::from(at == 0))
        })
        .collect()
}

pub fn number_or_letter(random: &mut Random) -> String {
    let letter = char::from(b'A' + random.below(26) as u8);
    let digits = 1 + random.below(4);
    let number = number(digits, random);
    match random.below(8) {
        0 => letter.to_string(),
        1 => format!("{number}{letter}"),
        2 => format!("{letter}{number}"),
        3 => format!("{letter}-{number}"),
        _ => number,
    }
}

/// Which line or part of an address a label belongs to, for commas.
fn block(label: &str) -> u8 {
    match label {
        "Recipient" | "NotAddress" => 0,
        "BuildingName" | "LandmarkName" => 1,
        label if label.starts_with("Address") || label.starts_with("StreetName") => 2,
        "IntersectionSeparator" | "CornerOf" => 2,
        label if label.starts_with("Occupancy") || label.starts_with("Subaddress") => 3,
        label if label.starts_with("USPS") => 4,
        CITY => 5,
        STATE | ZIP | "ZipPlus4" => 6,
        _ => 7,
    }
}

/// No commas, commas between parts, or as they were.
fn vary_commas(row: &mut Row, random: &mut Random) {
    let form = random.below(4);
    if form == 0 {
        return;
    }
    let unit = random.chance(0.5);
    for at in 0..row.len() {
        let next = row.get(at + 1).map(|(label, _)| block(label));
        let here = block(&row[at].0);
        let word = &mut row[at].1;
        while word.ends_with([',', ';']) {
            word.pop();
        }
        let wants = next.is_some_and(|next| next != here && (unit || next != 3));
        if form > 1 && wants && !word.ends_with(')') {
            word.push(',');
        }
    }
    row.retain(|(_, word)| !word.is_empty());
}

fn vary_case(row: &mut Row, random: &mut Random) {
    let form = random.below(10);
    for (label, word) in row.iter_mut() {
        *word = match form {
            0..=2 => word.to_uppercase(),
            3 | 4 => word.to_lowercase(),
            5 if label != STATE => title(word),
            _ => continue,
        };
    }
}

/// One letter left out, doubled or swapped with its neighbour.
fn mistype(row: &mut Row, random: &mut Random) {
    let at = random.below(row.len());
    let (label, word) = &mut row[at];
    let mut letters: Vec<char> = word.chars().collect();
    let is_word = letters.len() >= 5 && letters.iter().all(|c| c.is_alphabetic());
    if !is_word || !matches!(label.as_str(), STREET | CITY | "StreetNamePostType" | STATE) {
        return;
    }
    let spot = 1 + random.below(letters.len() - 2);
    match random.below(3) {
        0 => {
            letters.remove(spot);
        }
        1 => letters.insert(spot, letters[spot]),
        _ => letters.swap(spot, spot + 1),
    }
    *word = letters.into_iter().collect();
}
