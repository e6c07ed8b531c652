//! Made-up customers; `main.rs` says how.

struct Rates {
    name_typo: f64,
    short_name: f64,
    initial: f64,
    swapped_names: f64,
    email_missing: f64,
    email_other: f64,
    email_typo: f64,
    phone_missing: f64,
    phone_other: f64,
    phone_typo: f64,
    moved: f64,
    address_typo: f64,
    address_missing: f64,
    birth_missing: f64,
    birth_typo: f64,
    birth_swapped: f64,
}

const RATES: Rates = Rates {
    name_typo: 0.10,
    short_name: 0.08,
    initial: 0.03,
    swapped_names: 0.01,
    email_missing: 0.20,
    email_other: 0.15,
    email_typo: 0.05,
    phone_missing: 0.20,
    phone_other: 0.12,
    phone_typo: 0.04,
    moved: 0.15,
    address_typo: 0.08,
    address_missing: 0.10,
    birth_missing: 0.20,
    birth_typo: 0.04,
    birth_swapped: 0.02,
};

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, share: f64) -> bool {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 <= share
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// One letter replaced, left out, doubled or swapped with the next.
    fn typo(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        if chars.len() < 3 {
            return text.to_owned();
        }
        let place = 1 + self.below(chars.len() - 2);
        match self.below(4) {
            0 if chars[place].is_ascii_digit() => {
                chars[place] = (b'0' + self.below(10) as u8) as char
            }
            0 => chars[place] = (b'a' + self.below(26) as u8) as char,
            1 => drop(chars.remove(place)),
            2 => chars.insert(place, chars[place]),
            _ => chars.swap(place, place + 1),
        }
        chars.into_iter().collect()
    }
}

/// Names with the sum of the weights up to each.
struct Names(Vec<(f64, String)>);

impl Names {
    fn draw(&self, random: &mut Random) -> &str {
        let all = self.0.last().map_or(0.0, |name| name.0);
        let wanted = (random.next() >> 11) as f64 / (1u64 << 53) as f64 * all;
        let place = self.0.partition_point(|name| name.0 < wanted).min(self.0.len() - 1);
        &self.0[place].1
    }
}

fn names(place: usize) -> Names {
    const LIST: &str = include_str!("../../../clean/data/name/names.txt");
    let mut sum = 0.0;
    let mut names = Vec::new();
    for line in LIST.lines() {
        let Some((name, levels)) = line.split_once('\t') else { continue };
        let level = levels.as_bytes().get(place).map_or(0, |digit| digit - b'0');
        if level > 0 && name.is_ascii() {
            sum += 3.4f64.powi(i32::from(level));
            names.push((sum, name.to_owned()));
        }
    }
    Names(names)
}

const STREETS: &[&str] = &[
    "Main",
    "Oak",
    "Elm",
    "Maple",
    "Cedar",
    "Pine",
    "Washington",
    "Lake",
    "Hill",
    "Park",
    "Church",
    "Spring",
    "River",
    "Mill",
    "High",
    "School",
    "Franklin",
    "Jefferson",
    "Highland",
    "Union",
    "Chestnut",
    "Walnut",
    "Locust",
    "Madison",
    "Jackson",
    "Lincoln",
    "Adams",
    "Grove",
    "Meadow",
    "Forest",
    "Sunset",
    "Willow",
    "Dogwood",
    "Birch",
    "Prospect",
    "Center",
    "Railroad",
    "Valley",
];
const ENDINGS: &[&str] = &["Street", "Avenue", "Road", "Drive", "Lane", "Court", "Boulevard"];
const CITIES: &[&str] = &[
    "Springfield",
    "Riverton",
    "Fairview",
    "Greenville",
    "Madison",
    "Clinton",
    "Georgetown",
    "Salem",
    "Franklin",
    "Bristol",
    "Arlington",
    "Ashland",
    "Burlington",
    "Manchester",
    "Milton",
    "Newport",
    "Oxford",
    "Auburn",
    "Dayton",
    "Lexington",
    "Milford",
    "Winchester",
    "Hudson",
];
const DOMAINS: &[&str] =
    &["gmail.com", "yahoo.com", "outlook.com", "hotmail.com", "icloud.com", "aol.com", "web.de"];
const SHORT: &str = include_str!("../../data/short_names.txt");

#[derive(Clone)]
struct Person {
    given: String,
    family: String,
    email: String,
    phone: String,
    street: String,
    city: String,
    postcode: String,
    birth: (u32, u32, u32),
}

struct Maker {
    random: Random,
    given: Names,
    family: Names,
}

impl Maker {
    fn address(&mut self) -> (String, String, String) {
        let random = &mut self.random;
        let number = 1 + random.below(2000);
        let street = format!("{number} {} {}", random.of(STREETS), random.of(ENDINGS));
        let city = random.below(CITIES.len());
        let postcode = format!("{:05}", 10_000 + city * 40 + random.below(40));
        (street, CITIES[city].to_owned(), postcode)
    }

    fn email(&mut self, given: &str, family: &str) -> String {
        let random = &mut self.random;
        let number = random.below(100);
        let domain = random.of(DOMAINS);
        match random.below(4) {
            0 => format!("{given}.{family}@{domain}"),
            1 => format!("{}{family}{number}@{domain}", &given[..1.min(given.len())]),
            2 => format!("{given}{number}@{domain}"),
            _ => format!("{given}_{family}{number}@{domain}"),
        }
    }

    fn phone(&mut self) -> String {
        let random = &mut self.random;
        format!(
            "{:03}{:03}{:04}",
            201 + random.below(780),
            200 + random.below(800),
            random.below(10_000)
        )
    }

    fn person(&mut self) -> Person {
        let given = self.given.draw(&mut self.random).to_owned();
        let family = self.family.draw(&mut self.random).to_owned();
        let (street, city, postcode) = self.address();
        Person {
            email: self.email(&given, &family),
            phone: self.phone(),
            birth: self.birth(),
            given,
            family,
            street,
            city,
            postcode,
        }
    }

    fn birth(&mut self) -> (u32, u32, u32) {
        let random = &mut self.random;
        (1940 + random.below(66) as u32, 1 + random.below(12) as u32, 1 + random.below(28) as u32)
    }

    /// Another who lives with a person.
    fn relative(&mut self, of: &Person) -> Person {
        let given = self.given.draw(&mut self.random).to_owned();
        let phone = if self.random.chance(0.5) { of.phone.clone() } else { self.phone() };
        let email = self.email(&given, &of.family);
        Person { given, phone, email, birth: self.birth(), ..of.clone() }
    }

    /// A later row of a person.
    fn again(&mut self, person: &Person) -> Person {
        let mut row = person.clone();
        let random = &mut self.random;
        if random.chance(RATES.short_name)
            && let Some(group) = SHORT.lines().find(|l| l.split(' ').any(|name| name == row.given))
        {
            let forms: Vec<&str> = group.split(' ').collect();
            random.of(&forms).clone_into(&mut row.given);
        }
        if random.chance(RATES.initial) {
            row.given = row.given.chars().take(1).collect();
        }
        if random.chance(RATES.name_typo) {
            let which = if random.chance(0.5) { &mut row.given } else { &mut row.family };
            *which = random.typo(which);
        }
        if random.chance(RATES.swapped_names) {
            std::mem::swap(&mut row.given, &mut row.family);
        }
        self.contact(&mut row, person);
        self.rest(&mut row);
        row
    }

    fn contact(&mut self, row: &mut Person, person: &Person) {
        if self.random.chance(RATES.email_other) {
            row.email = self.email(&person.given, &person.family);
        } else if self.random.chance(RATES.email_typo) {
            row.email = self.random.typo(&row.email);
        }
        if self.random.chance(RATES.email_missing) {
            row.email.clear();
        }
        if self.random.chance(RATES.phone_other) {
            row.phone = self.phone();
        } else if self.random.chance(RATES.phone_typo) {
            row.phone = self.random.typo(&row.phone);
        }
        if self.random.chance(RATES.phone_missing) {
            row.phone.clear();
        }
    }

    fn rest(&mut self, row: &mut Person) {
        if self.random.chance(RATES.moved) {
            (row.street, row.city, row.postcode) = self.address();
        } else if self.random.chance(RATES.address_typo) {
            row.street = self.random.typo(&row.street);
        }
        if self.random.chance(RATES.address_missing) {
            row.street.clear();
        }
        let random = &mut self.random;
        if random.chance(RATES.birth_typo) {
            row.birth.2 = 1 + random.below(28) as u32;
        }
        if random.chance(RATES.birth_swapped) && row.birth.2 <= 12 {
            row.birth = (row.birth.0, row.birth.2, row.birth.1);
        }
        if random.chance(RATES.birth_missing) {
            row.birth.0 = 0;
        }
    }

    /// How a row is written.
    fn line(&mut self, person: &Person) -> String {
        let random = &mut self.random;
        let title = |text: &str| {
            let mut chars = text.chars();
            chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
        };
        let (given, family) = (title(&person.given), title(&person.family));
        let p = &person.phone;
        let phone = match random.below(3) {
            _ if p.len() != 10 => p.clone(),
            0 => format!("({}) {}-{}", &p[..3], &p[3..6], &p[6..]),
            1 => format!("+1 {} {} {}", &p[..3], &p[3..6], &p[6..]),
            _ => p.clone(),
        };
        let street = if random.chance(0.3) {
            person.street.replace("Street", "St").replace("Avenue", "Ave").replace("Road", "Rd")
        } else {
            person.street.clone()
        };
        let (year, month, day) = person.birth;
        let birth = if year == 0 { String::new() } else { format!("{year}-{month:02}-{day:02}") };
        format!(
            "{given},{family},{},{phone},{street},{},{},{birth}",
            person.email, person.city, person.postcode
        )
    }
}

/// The header of [`lines`].
pub const HEADER: &str =
    "customer_id,first_name,last_name,email,phone,street,city,zip,birth_date,true_id";

/// Rows as lines of CSV, those of one person scattered.
pub fn lines(rows: usize, seed: u64) -> Vec<String> {
    let mut maker = Maker { random: Random(seed), given: names(0), family: names(1) };
    let mut lines: Vec<String> = Vec::with_capacity(rows);
    let mut last: Option<Person> = None;
    let mut person_number = 0;
    while lines.len() < rows {
        let person = match &last {
            Some(other) if maker.random.chance(0.2) => maker.relative(&other.clone()),
            _ => maker.person(),
        };
        person_number += 1;
        let copies = match maker.random.below(100) {
            0..70 => 1,
            70..90 => 2,
            90..97 => 3,
            _ => 4,
        };
        for copy in 0..copies {
            let row = if copy == 0 { person.clone() } else { maker.again(&person) };
            lines.push(format!("{},{person_number}", maker.line(&row)));
        }
        last = Some(person);
    }
    lines.truncate(rows);
    for place in (1..lines.len()).rev() {
        let other = maker.random.below(place + 1);
        lines.swap(place, other);
    }
    lines.iter().zip(1..).map(|(line, id)| format!("{id},{line}")).collect()
}
