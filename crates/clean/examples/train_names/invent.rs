//! Made-up names: what the labelled data has too few of. People of other countries and in other
//! orders, organisations of other legal forms, and the labelled rows in other case.

use crate::crf::random::Random;
use crm_ai_clean::name::sequence::gazetteer;

use super::labelled::Row;

/// People, and organisations, to make up.
const PEOPLE: usize = 6000;
const ORGANISATIONS: usize = 2500;

/// How much a made-up row counts beside a labelled one.
const WEIGHT: f64 = 0.25;

/// `labelled` in other case, and made-up names, each with its weight.
pub fn rows(labelled: &[Row]) -> Vec<(Row, f64)> {
    let mut rows = Vec::new();
    for row in labelled.iter().filter(|row| row.labels.len() > 1) {
        for recased in [row.text.to_uppercase(), row.text.to_lowercase(), title(&row.text)] {
            if recased != row.text && recased.len() == row.text.len() {
                rows.push((Row { text: recased, labels: row.labels.clone() }, WEIGHT));
            }
        }
    }
    let mut inventor = Inventor::new(labelled);
    for _ in 0..PEOPLE {
        rows.push((inventor.person(), WEIGHT));
    }
    for _ in 0..ORGANISATIONS {
        rows.push((inventor.organisation(), WEIGHT));
    }
    rows
}

fn title(text: &str) -> String {
    let mut is_start = true;
    let mut titled = String::new();
    for c in text.chars() {
        if is_start {
            titled.extend(c.to_uppercase());
        } else {
            titled.extend(c.to_lowercase());
        }
        is_start = !c.is_alphanumeric() && c != '\'';
    }
    titled
}

/// How people are written, with how often. Capital letters are filled in: G given name, M another
/// one, F family name, H one of those that stand in pairs, I initial, L the last name's, T title,
/// D degree, J generation, P particle, N nickname. A piece's label follows from its letter and
/// place.
const PEOPLE_FORMS: &[(&str, u32)] = &[
    ("G F", 30),
    ("G M F", 10),
    ("G I F", 12),
    ("G I I F", 1),
    ("G M M F", 2),
    ("I F", 4),
    ("I I F", 2),
    ("I M F", 2),
    ("G L", 2),
    ("F, G", 12),
    ("F, G I", 5),
    ("F, G M", 4),
    ("F, I", 2),
    ("F, I I", 1),
    ("F, T G", 2),
    ("F J, G", 2),
    ("F, J, G", 1),
    ("F, G J", 2),
    ("F, G, J", 1),
    ("F, G I, D", 1),
    ("H H, G", 2),
    ("P F, G", 3),
    ("P P F, G I", 1),
    ("T F", 4),
    ("T G F", 6),
    ("T I F", 2),
    ("T G I F", 3),
    ("T T G F", 1),
    ("T G F, D", 2),
    ("T F, D", 1),
    ("G F J", 3),
    ("G F, J", 2),
    ("G I F J", 2),
    ("G M F J", 1),
    ("G F D", 2),
    ("G F, D", 3),
    ("G F, D, D", 1),
    ("G I F, D", 2),
    ("G F J, D", 1),
    ("G N F", 3),
    ("G I N F", 1),
    ("G F N", 2),
    ("G N I F", 1),
    ("G H H", 6),
    ("G M H H", 4),
    ("G H y H", 1),
    ("G H de H", 1),
    ("G P F", 8),
    ("G P H H", 1),
    ("G P F P F", 1),
    ("G P P F", 3),
    ("G M P F", 3),
    ("G I P F", 2),
    ("G F-F", 4),
    ("G-G F", 4),
    ("T G P F", 2),
    ("G & G F", 3),
    ("G and G F", 3),
    ("G F and G F", 3),
    ("G F & G F", 2),
    ("F, G & G", 2),
    ("F, G and G", 1),
    ("G I and G F", 1),
    ("T and T F", 2),
    ("T & T G F", 2),
    ("T G & T G F", 1),
    ("T G F and T G F", 1),
];

const TITLES: &str = "\
    Mr.|Mr|Mrs.|Mrs|Ms.|Ms|Miss|Dr.|Dr|Prof.|Rev.|Sir|Hon.|Capt.|Col.|Lt.|Sgt.|Maj.|Gen.|\
    Senator|Judge|Rabbi|Herr|Frau|Mme|Sra.|Señor|Sheikh|Don|Doña|Professor|Doctor|Father|\
    Sister|Lord|Lady|Dame";
const MARITAL: &str = "\
    mr|mrs|ms|miss|herr|frau|mme|sra|señor|mx";
const DEGREES: &str = "\
    PhD|Ph.D.|MD|M.D.|DDS|Esq.|Esq|CPA|RN|MBA|JD|PE|DVM|OBE|MSc|QC|FACS|LLM|PharmD|PsyD|EdD|\
    DO|MPH|MP|CFA|LCSW|NP|DMD|Ret.";
const GENERATIONS: &str = "\
    Jr.|Jr|Sr.|Sr|II|III|IV|Junior|Filho|Neto|V|2nd|3rd";
const PARTICLES: &str = "\
    van|von|de|del|della|di|da|dos|das|du|des|la|le|el|al|bin|ibn|ben|ter|ten|van der|van den|\
    van de|de la|de los|von der|zu|St.|af|abu|bint|Van|De|La|Le|Di|Da|Del|Van Der|De La|Von|\
    O'|Mac|d'";
const LEGAL: &str = "\
    Inc|Inc.|LLC|L.L.C.|Ltd|Ltd.|Limited|Corp|Corp.|Corporation|Co.|Company|LLP|PLC|plc|GmbH|\
    AG|KG|GmbH & Co. KG|e.V.|S.A.|SA|SARL|SAS|S.p.A.|S.r.l.|B.V.|BV|N.V.|AB|A/S|ApS|Oy|Oyj|\
    S.L.|S.A. de C.V.|Ltda.|Lda.|Pty Ltd|Pvt. Ltd.|Private Limited|Pte Ltd|Sdn Bhd|K.K.|Kft.|\
    s.r.o.|a.s.|d.o.o.|Sp. z o.o.|PLLC|P.C.|P.A.|Co., Ltd.|Incorporated|SE|ООО|ОАО|LP|UG|AS|\
    OÜ|JSC";
const ORGANISATION_FORMS: &[(&str, u32)] = &[
    ("F O", 6),
    ("F O L", 8),
    ("F O, L", 6),
    ("F L", 6),
    ("F, L", 3),
    ("F & F", 4),
    ("F & F L", 3),
    ("F, F & F L", 3),
    ("F & Sons", 2),
    ("F and Sons L", 2),
    ("F Brothers O", 1),
    ("G F O", 3),
    ("G F O L", 2),
    ("G's O", 3),
    ("G F & Associates", 2),
    ("F & Co.", 2),
    ("W O", 8),
    ("W O L", 8),
    ("W W L", 6),
    ("W L", 6),
    ("W W O L", 4),
    ("W, L", 3),
    ("The W O", 3),
    ("The O of W", 2),
    ("O of F", 2),
    ("W O of W", 2),
    ("W W", 1),
    ("O W", 3),
    ("O F L", 3),
    ("O G F", 1),
    ("W & O L", 1),
    ("L W", 1),
];

struct Inventor {
    random: Random,
    given: Vec<(&'static str, u64)>,
    family: Vec<(&'static str, u64)>,
    /// Words of organisations in the labelled rows.
    words: Vec<String>,
    trades: Vec<String>,
}

impl Inventor {
    fn new(labelled: &[Row]) -> Self {
        // Rarer names are drawn more often than they occur: the many are to be learnt, not the few.
        let weight = |level: u8| 1_u64 << (level / 2);
        let pick = |test: fn(u8, u8) -> bool, level: fn(u8, u8) -> u8| {
            let words = gazetteer().filter(|(_, given, family)| test(*given, *family));
            words.map(|(word, given, family)| (word, weight(level(given, family)))).collect()
        };
        let (mut words, mut trades) = (Vec::new(), Vec::new());
        for row in labelled {
            let texts = row.text.split(' ').map(|word| word.trim_matches([',', '.', '(', ')']));
            for (text, label) in texts.zip(&row.labels) {
                match label.as_str() {
                    "CorporationName" if text.len() > 2 => words.push(text.to_owned()),
                    "CorporationNameOrganization" => trades.push(text.to_owned()),
                    _ => {}
                }
            }
        }
        Self {
            random: Random(42),
            given: pick(|given, family| given > 0 && given >= family, |given, _| given),
            family: pick(|given, family| family > 0 && family >= given, |_, family| family),
            words,
            trades,
        }
    }

    fn person(&mut self) -> Row {
        let form = self.random.weighted(PEOPLE_FORMS);
        let pieces: Vec<&str> = form.split(' ').collect();
        let has_comma =
            form.starts_with("F,") || form.starts_with("F J,") || form.starts_with("F, J,");
        let has_comma = has_comma || form.starts_with("H ") || form.starts_with("P ");
        let mut seen_given = false;
        let mut row: Vec<(String, String)> = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let (letter, comma) = match piece.strip_suffix(',') {
                Some(letter) => (letter, ","),
                None => (*piece, ""),
            };
            let (text, label) = match letter {
                "G" | "M" if seen_given && letter == "M" => (self.given(), "MiddleName"),
                "M" => (self.given(), "MiddleName"),
                "G" => (self.given(), "GivenName"),
                "G-G" => (format!("{}-{}", self.given(), self.given()), "GivenName"),
                "F" => (self.family(), "Surname"),
                "H" => (title(self.random.choice(IBERIAN)), "Surname"),
                "F-F" => (format!("{}-{}", self.family(), self.family()), "Surname"),
                "L" => (self.initial(), "LastInitial"),
                "I" if seen_given => (self.initial(), "MiddleInitial"),
                "I" if at > 0 && !has_comma && pieces[at - 1] == "I" => {
                    (self.initial(), "MiddleInitial")
                }
                "I" => (self.initial(), "FirstInitial"),
                "T" => {
                    let title = self.random.choice(TITLES);
                    let key = title.trim_end_matches('.').to_lowercase();
                    let is_marital = MARITAL.split('|').any(|word| word == key);
                    (title.to_owned(), if is_marital { "PrefixMarital" } else { "PrefixOther" })
                }
                "D" => (self.random.choice(DEGREES).to_owned(), "SuffixOther"),
                "J" => (self.random.choice(GENERATIONS).to_owned(), "SuffixGenerational"),
                "P" => (self.random.choice(PARTICLES).to_owned(), "Surname"),
                "N" => (self.nickname(), "Nickname"),
                "y" | "de" => (letter.to_owned(), "Surname"),
                _ => (letter.to_owned(), "And"),
            };
            seen_given |= matches!(label, "GivenName" | "FirstInitial");
            if label == "And" {
                seen_given = false;
            }
            for word in text.split(' ') {
                row.push((word.to_owned(), label.to_owned()));
            }
            if let Some((text, _)) = row.last_mut() {
                text.push_str(comma);
            }
        }
        let pieces = row.iter().map(|(text, label)| (text.as_str(), label.as_str()));
        let row = Row::new(pieces);
        self.recase(row)
    }

    fn organisation(&mut self) -> Row {
        let form = self.random.weighted(ORGANISATION_FORMS);
        let mut row: Vec<(String, String)> = Vec::new();
        for piece in form.split(' ') {
            let (letter, comma) = match piece.strip_suffix(',') {
                Some(letter) => (letter, ","),
                None => (piece, ""),
            };
            let (text, label) = match letter {
                "F" => (self.family(), "CorporationName"),
                "G" => (self.given(), "CorporationName"),
                "G's" => (format!("{}'s", self.given()), "CorporationName"),
                "W" => (self.word(), "CorporationName"),
                "O" => self.trade(),
                "L" => (self.random.choice(LEGAL).to_owned(), "CorporationLegalType"),
                "&" if form.ends_with("Associates") || form.ends_with("Co.") => {
                    ("&".to_owned(), "CorporationNameAndCompany")
                }
                "Sons" | "Associates" | "Co." => (letter.to_owned(), "CorporationNameAndCompany"),
                _ => (letter.to_owned(), "CorporationName"),
            };
            for word in text.split(' ') {
                row.push((word.to_owned(), label.to_owned()));
            }
            if let Some((text, _)) = row.last_mut() {
                text.push_str(comma);
            }
        }
        let pieces = row.iter().map(|(text, label)| (text.as_str(), label.as_str()));
        let row = Row::new(pieces);
        self.recase(row)
    }

    fn given(&mut self) -> String {
        let name = self.random.weighted(&self.given);
        self.vary(name.to_owned())
    }

    fn family(&mut self) -> String {
        let name = self.random.weighted(&self.family);
        self.vary(name.to_owned())
    }

    /// Now and then a name that no list has.
    fn vary(&mut self, name: String) -> String {
        if self.random.below(6) > 0 || !name.is_ascii() || name.len() < 3 {
            return title(&name);
        }
        let mut letters: Vec<char> = name.chars().collect();
        let at = 1 + self.random.below(letters.len() - 1);
        let new = if "aeiou".contains(letters[at]) { "aeiouy" } else { "bdfgklmnprstvz" };
        let choice = self.random.below(new.len());
        letters[at] = char::from(new.as_bytes()[choice]);
        title(&letters.into_iter().collect::<String>())
    }

    fn initial(&mut self) -> String {
        let letter = char::from(b'A' + self.random.below(26) as u8);
        if self.random.below(3) == 0 { letter.to_string() } else { format!("{letter}.") }
    }

    fn nickname(&mut self) -> String {
        let name = self.given();
        match self.random.below(4) {
            0 => format!("({name})"),
            1 => format!("'{name}'"),
            2 => format!("(\"{name}\")"),
            _ => format!("\"{name}\""),
        }
    }

    fn word(&mut self) -> String {
        let at = self.random.below(self.words.len());
        title(&self.words[at])
    }

    fn trade(&mut self) -> (String, &'static str) {
        if self.random.below(2) == 0 {
            let at = self.random.below(self.trades.len());
            return (title(&self.trades[at]), "CorporationNameOrganization");
        }
        let trade = self.random.choice(TRADES);
        (title(trade), "CorporationName")
    }

    /// One text of four is all large, one all small.
    fn recase(&mut self, row: Row) -> Row {
        let text = match self.random.below(4) {
            0 => row.text.to_uppercase(),
            1 => row.text.to_lowercase(),
            _ => return row,
        };
        if text.len() == row.text.len() { Row { text, labels: row.labels } } else { row }
    }
}

/// Family names that mostly stand in pairs.
const IBERIAN: &str = "\
    garcía|garcia|martínez|martinez|lópez|lopez|sánchez|sanchez|gonzález|gonzalez|rodríguez|\
    rodriguez|fernández|fernandez|pérez|perez|gómez|gomez|díaz|diaz|ruiz|hernández|hernandez|\
    jiménez|jimenez|álvarez|alvarez|moreno|muñoz|romero|alonso|gutiérrez|gutierrez|navarro|\
    torres|domínguez|vázquez|ramos|gil|ramírez|ramirez|serrano|blanco|molina|morales|suárez|\
    ortega|delgado|castro|ortiz|rubio|marín|sanz|núñez|iglesias|medina|cortés|castillo|santos|\
    lozano|guerrero|cano|prieto|méndez|mendez|cruz|flores|herrera|peña|reyes|rivera|vargas|\
    mendoza|silva|souza|oliveira|pereira|ferreira|costa|rodrigues|almeida|carvalho|ribeiro|\
    gomes|lima";

const TRADES: &str = "\
    plumbing|consulting|services|construction|bakery|motors|software|systems|technologies|\
    holdings|logistics|electric|roofing|insurance|realty|properties|dental|pharmacy|\
    restaurant|hotel|law firm|design|studio|media|energy|engineering|transport|trading|foods|\
    farms|auto repair|financial|capital|maschinenbau|bäckerei|apotheke|autohaus|versicherung|\
    verlag|handel|banque|boulangerie|hôtel|transports|construcciones|servicios|inversiones|\
    comercial|ristorante|costruzioni|bouwbedrijf|stichting|consultoria|comércio|solutions|\
    industries|manufacturing|partners|ventures|labs|networks|marketing|group";

/// Draws from lists as they stand here.
trait Draw {
    /// One of the texts between bars.
    fn choice<'a>(&mut self, all: &'a str) -> &'a str;
    /// One of the items, as probable as its weight tells.
    fn weighted<'a, W: Copy + Into<u64>>(&mut self, all: &[(&'a str, W)]) -> &'a str;
}

impl Draw for Random {
    fn choice<'a>(&mut self, all: &'a str) -> &'a str {
        let count = all.split('|').count();
        all.split('|').nth(self.below(count)).unwrap_or_default()
    }

    fn weighted<'a, W: Copy + Into<u64>>(&mut self, all: &[(&'a str, W)]) -> &'a str {
        let sum: u64 = all.iter().map(|(_, weight)| (*weight).into()).sum();
        let mut rest = self.below(sum as usize) as u64;
        for (item, weight) in all {
            match rest.checked_sub((*weight).into()) {
                Some(less) => rest = less,
                None => return item,
            }
        }
        ""
    }
}
