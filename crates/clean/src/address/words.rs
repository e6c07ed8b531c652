//! Meanings of single words of an address: street suffixes, directionals, units, states and the
//! rest.
//!
//! Sources: USPS Publication 28 (appendices B, C1, C2 and section 23 on directionals); the suffix
//! table is `data/address/suffixes.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

type Table = HashMap<&'static str, &'static str>;

fn table(rows: &[(&'static str, &'static str)]) -> Table {
    let mut table = Table::new();
    for (standard, variants) in rows {
        variants.split(' ').for_each(|variant| {
            table.insert(variant, standard);
        });
    }
    table
}

/// Appendix C1: `avenue` → `AVE`. Keys are lower case without full stops, as in all of this file.
pub fn suffix(key: &str) -> Option<&'static str> {
    static SUFFIXES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let mut suffixes = HashMap::new();
        for line in include_str!("../../data/address/suffixes.tsv").lines() {
            let (standard, variants) = line.split_once('\t').unwrap_or((line, ""));
            for word in variants.split(',').chain([standard]).filter(|word| !word.is_empty()) {
                suffixes.insert(word.to_lowercase(), standard);
            }
        }
        suffixes
    });
    SUFFIXES.get(key).copied()
}

/// True if a suffix is hardly ever anything else.
pub fn is_plain_suffix(standard: &str) -> bool {
    matches!(
        standard,
        "AVE"
            | "BLVD"
            | "CIR"
            | "CT"
            | "DR"
            | "EXPY"
            | "FWY"
            | "HWY"
            | "LN"
            | "PKWY"
            | "PL"
            | "PLZ"
            | "RD"
            | "SQ"
            | "ST"
            | "TER"
            | "TPKE"
            | "TRL"
            | "WAY"
            | "LOOP"
            | "ALY"
            | "CSWY"
            | "CV"
            | "XING"
            | "PIKE"
            | "TRCE"
    )
}

/// `north` → `N`, `s.w.` → `SW`.
pub fn directional(key: &str) -> Option<&'static str> {
    static DIRECTIONALS: LazyLock<Table> = LazyLock::new(|| {
        table(&[
            ("N", "n no nth north"),
            ("S", "s so sth south"),
            ("E", "e east"),
            ("W", "w west"),
            ("NE", "ne northeast north-east n-e"),
            ("NW", "nw northwest north-west n-w"),
            ("SE", "se southeast south-east s-e"),
            ("SW", "sw southwest south-west s-w"),
        ])
    });
    DIRECTIONALS.get(key).copied()
}

/// Appendix C2, and units that it does not have but that are written: `suite` → `Ste`.
pub fn unit(key: &str) -> Option<&'static str> {
    static UNITS: LazyLock<Table> = LazyLock::new(|| {
        table(&[
            ("Apt", "apartment apt apmt apts aptmt appt apartments"),
            ("Bldg", "building bldg bldng blg bld bldgs"),
            ("Bsmt", "basement bsmt bsmnt"),
            ("Dept", "department dept dpt"),
            ("Fl", "floor fl flr flo"),
            ("Frnt", "front frnt"),
            ("Hngr", "hangar hanger hngr"),
            ("Key", "key"),
            ("Lbby", "lobby lbby"),
            ("Lot", "lot"),
            ("Lowr", "lower lowr lwr"),
            ("Ofc", "office ofc offc"),
            ("Ph", "penthouse ph pnthse"),
            ("Pier", "pier"),
            ("Rear", "rear"),
            ("Rm", "room rm"),
            ("Side", "side"),
            ("Slip", "slip"),
            ("Spc", "space spc spac"),
            ("Stop", "stop"),
            ("Ste", "suite ste suit suites stes"),
            ("Trlr", "trailer trlr trl"),
            ("Unit", "unit unt units"),
            ("Uppr", "upper uppr upr"),
            ("Wing", "wing"),
            ("Twr", "tower twr towers"),
            ("Lvl", "level lvl"),
            ("Bay", "bay"),
            ("Box", "mailbox"),
            ("PMB", "pmb"),
            ("Mailstop", "mailstop ms mc mailcode"),
        ])
    });
    UNITS.get(key).copied()
}

/// Appendix B, with the abbreviations that were usual before two letters were.
const STATES: &[(&str, &str)] = &[
    ("AL", "alabama|ala"),
    ("AK", "alaska"),
    ("AS", "american samoa"),
    ("AZ", "arizona|ariz"),
    ("AR", "arkansas|ark"),
    ("CA", "california|calif|cal"),
    ("CO", "colorado|colo"),
    ("CT", "connecticut|conn"),
    ("DE", "delaware|del"),
    ("DC", "district of columbia|d c"),
    ("FM", "federated states of micronesia"),
    ("FL", "florida|fla"),
    ("GA", "georgia"),
    ("GU", "guam"),
    ("HI", "hawaii"),
    ("ID", "idaho"),
    ("IL", "illinois|ill"),
    ("IN", "indiana|ind"),
    ("IA", "iowa"),
    ("KS", "kansas|kans"),
    ("KY", "kentucky"),
    ("LA", "louisiana"),
    ("ME", "maine"),
    ("MH", "marshall islands"),
    ("MD", "maryland"),
    ("MA", "massachusetts|mass"),
    ("MI", "michigan|mich"),
    ("MN", "minnesota|minn"),
    ("MS", "mississippi|miss"),
    ("MO", "missouri"),
    ("MT", "montana|mont"),
    ("NE", "nebraska|nebr|neb"),
    ("NV", "nevada|nev"),
    ("NH", "new hampshire|n h"),
    ("NJ", "new jersey|n j"),
    ("NM", "new mexico|n mex|n m"),
    ("NY", "new york|n y"),
    ("NC", "north carolina|n carolina|n c|n car"),
    ("ND", "north dakota|n dakota|n d|n dak"),
    ("MP", "northern mariana islands"),
    ("OH", "ohio"),
    ("OK", "oklahoma|okla"),
    ("OR", "oregon|ore|oreg"),
    ("PW", "palau"),
    ("PA", "pennsylvania|penn|penna"),
    ("PR", "puerto rico|p r"),
    ("RI", "rhode island|r i"),
    ("SC", "south carolina|s carolina|s c|s car"),
    ("SD", "south dakota|s dakota|s d|s dak"),
    ("TN", "tennessee|tenn"),
    ("TX", "texas|tex"),
    ("UT", "utah"),
    ("VT", "vermont"),
    ("VI", "virgin islands|us virgin islands|v i"),
    ("VA", "virginia"),
    ("WA", "washington|wash"),
    ("WV", "west virginia|w virginia|w va|w v"),
    ("WI", "wisconsin|wis|wisc"),
    ("WY", "wyoming|wyo"),
    ("AA", "armed forces americas"),
    ("AE", "armed forces europe"),
    ("AP", "armed forces pacific"),
];

/// Longest state name, in words.
pub const STATE_WORDS_MAX: usize = 4;

/// A state, territory or military region by its name, or by its two letters: `ohio` → `OH`.
/// Several words are joined by one space.
pub fn state(key: &str) -> Option<&'static str> {
    static BY_NAME: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let mut states = HashMap::new();
        for (code, names) in STATES {
            states.insert(code.to_lowercase(), *code);
            names.split('|').for_each(|name| {
                states.insert(name.to_owned(), *code);
            });
        }
        states
    });
    BY_NAME.get(key).copied()
}

/// Words of numbered roads: `hwy` → `Hwy`, `county` → `County` (Publication 28, appendix E).
pub fn highway(key: &str) -> Option<&'static str> {
    static HIGHWAYS: LazyLock<Table> = LazyLock::new(|| {
        table(&[
            ("Hwy", "highway hwy hiway hiwy hway highwy hghwy"),
            ("Rte", "route rte rt"),
            ("County", "county cnty co"),
            ("State", "state"),
            ("US", "us"),
            ("Interstate", "interstate ih"),
            ("I", "i"),
            ("CR", "cr"),
            ("SR", "sr"),
            ("FM", "fm"),
            ("RM", "rm"),
            ("Farm", "farm"),
            ("Ranch", "ranch"),
            ("Township", "township twp"),
            ("Rd", "road rd"),
            ("Bypass", "bypass byp"),
            ("Loop", "loop"),
        ])
    });
    HIGHWAYS.get(key).copied()
}

/// `first` to `twentieth` and `one` to `twenty`: how numbers of houses, floors and streets are
/// spelt out.
pub fn is_number_word(key: &str) -> bool {
    matches!(
        key,
        "one"
            | "two"
            | "three"
            | "four"
            | "five"
            | "six"
            | "seven"
            | "eight"
            | "nine"
            | "ten"
            | "eleven"
            | "twelve"
            | "twenty"
            | "fifty"
    ) || is_ordinal_word(key)
}

/// `first` to `twentieth`.
pub fn is_ordinal_word(key: &str) -> bool {
    matches!(
        key,
        "first"
            | "second"
            | "third"
            | "fourth"
            | "fifth"
            | "sixth"
            | "seventh"
            | "eighth"
            | "ninth"
            | "tenth"
            | "eleventh"
            | "twelfth"
            | "thirteenth"
            | "twentieth"
    )
}

/// Words of boxes: `po box`, `lock box`, `rr`, `hc`, `psc`.
pub fn boxes(key: &str) -> Option<&'static str> {
    static BOXES: LazyLock<Table> = LazyLock::new(|| {
        table(&[
            ("po", "po p.o p/o pob pobox post p"),
            ("o", "o"),
            ("box", "box bx drawer bin caller lockbox"),
            ("office", "office"),
            ("lock", "lock"),
            ("rr", "rr rfd r.r rd rural"),
            ("hc", "hc hcr star"),
            ("psc", "psc cmr"),
        ])
    });
    BOXES.get(key).copied()
}

/// Streets that have a name and nothing else.
pub fn is_bare_street(key: &str) -> bool {
    matches!(
        key,
        "broadway"
            | "bowery"
            | "embarcadero"
            | "esplanade"
            | "boardwalk"
            | "strand"
            | "broadmoor"
            | "avenida"
            | "calle"
            | "camino"
            | "paseo"
            | "via"
            | "rue"
    )
}

/// Post offices of the forces.
pub fn is_military_city(key: &str) -> bool {
    matches!(key, "apo" | "fpo" | "dpo")
}

/// Words that tell of a person or a firm.
pub fn is_recipient_cue(key: &str) -> bool {
    matches!(
        key,
        "attn"
            | "attention"
            | "c/o"
            | "co"
            | "care"
            | "inc"
            | "llc"
            | "ltd"
            | "corp"
            | "company"
            | "mr"
            | "mrs"
            | "ms"
            | "dr"
            | "dept"
            | "department"
            | "lp"
            | "llp"
            | "group"
            | "services"
            | "association"
            | "bank"
            | "foundation"
            | "office"
            | "division"
    )
}

/// Words that tell of a building or a place of note.
pub fn is_building_cue(key: &str) -> bool {
    matches!(
        key,
        "building"
            | "tower"
            | "towers"
            | "center"
            | "centre"
            | "hall"
            | "plaza"
            | "mall"
            | "house"
            | "hospital"
            | "university"
            | "college"
            | "school"
            | "library"
            | "church"
            | "museum"
            | "airport"
            | "hotel"
            | "complex"
            | "courthouse"
            | "campus"
            | "terminal"
            | "stadium"
            | "apartments"
            | "condominiums"
            | "inn"
            | "club"
            | "lobby"
    )
}
