//! Names of persons: parts, short forms, sound.

use crate::fold::{self, words};
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

const SHORT_NAMES: &str = include_str!("../data/short_names.txt");

/// Most groups of short forms that one name is in.
const GROUPS_MAX: usize = 3;

/// The groups of names that a name is a form of; 0 for none.
pub type Groups = [u8; GROUPS_MAX];

static GROUPS: LazyLock<FxHashMap<&'static str, Groups>> = LazyLock::new(|| {
    let mut groups: FxHashMap<&str, Groups> = FxHashMap::default();
    let lines = SHORT_NAMES.lines().filter(|line| !line.starts_with('#'));
    for (line, number) in lines.zip(1u8..) {
        for name in line.split_whitespace() {
            let known = groups.entry(name).or_default();
            if let Some(free) = known.iter_mut().find(|group| **group == 0) {
                *free = number;
            }
        }
    }
    groups
});

/// The groups of a folded name.
pub fn groups(name: &str) -> Groups {
    GROUPS.get(name).copied().unwrap_or_default()
}

/// True if two names are forms of one.
pub fn share_group(a: Groups, b: Groups) -> bool {
    a.iter().any(|group| *group != 0 && b.contains(group))
}

/// Soundex (Russell 1918) of a folded name as a number; of a name in another script a hash of all.
pub fn sound(name: &[u16]) -> u32 {
    let Some(&first) = name.first() else { return 0 };
    if first > 127 {
        return fold::hash(name, 3) as u32 | 1;
    }
    let mut code = u32::from(first);
    let mut last = sound_class(first);
    let mut count = 0;
    for &unit in name[1..].iter().filter(|&&unit| unit < 128) {
        let class = sound_class(unit);
        if class == SILENT {
            continue;
        }
        if class != 0 && class != last {
            code = code * 8 + class;
            count += 1;
            if count == 3 {
                break;
            }
        }
        last = class;
    }
    code * 8u32.pow(3 - count)
}

/// The class of `h` and `w`, which do not part equal classes.
const SILENT: u32 = 8;

fn sound_class(unit: u16) -> u32 {
    match unit as u8 {
        b'b' | b'f' | b'p' | b'v' => 1,
        b'c' | b'g' | b'j' | b'k' | b'q' | b's' | b'x' | b'z' => 2,
        b'd' | b't' => 3,
        b'l' => 4,
        b'm' | b'n' => 5,
        b'r' => 6,
        b'h' | b'w' => SILENT,
        _ => 0,
    }
}

const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "dr", "sir", "jr", "sr", "ii", "iii", "prof", "miss", "lady", "lord",
    "herr", "frau", "mme", "mlle", "sra", "dott", "ing",
];

/// A whole name as given and family name, folded: `Last, First` or `First M Last`. Initials in the
/// middle are left out.
pub fn split(name: &str) -> (String, String) {
    if let Some((family, given)) = name.split_once(',') {
        let (family, given) = (words(family), words(given));
        let is_suffix = given.split(' ').all(|word| TITLES.contains(&word));
        if !family.is_empty() && !given.is_empty() && !family.contains(' ') && !is_suffix {
            return (given, family);
        }
    }
    let folded = words(name);
    let parts: Vec<&str> = folded.split(' ').filter(|word| !TITLES.contains(word)).collect();
    match parts[..] {
        [] => (String::new(), folded),
        [only] => (String::new(), only.to_owned()),
        [given, .., family] => {
            let middle = parts[1..parts.len() - 1].iter().filter(|word| word.chars().count() > 1);
            let rest: Vec<&str> = middle.copied().chain([family]).collect();
            (given.to_owned(), rest.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::units;

    #[test]
    fn names_are_split() {
        for (name, given, family) in [
            ("John Q. Public", "john", "public"),
            ("Public, John", "john", "public"),
            ("Dr. Ann Lee", "ann", "lee"),
            ("John Smith, Jr.", "john", "smith"),
            ("Cher", "", "cher"),
            ("Maria del Mar", "maria", "del mar"),
        ] {
            assert_eq!(split(name), (given.to_owned(), family.to_owned()), "{name}");
        }
    }

    #[test]
    fn names_that_sound_alike_have_one_code() {
        // The National Archives' examples.
        let of = |name: &str| sound(&units(name));
        assert_eq!(of("robert"), of("rupert"));
        assert_eq!(of("ashcraft"), of("ashcroft"));
        assert_ne!(of("robert"), of("rubin"));
        assert!(share_group(groups("bob"), groups("robert")));
        assert!(!share_group(groups("bob"), groups("will")));
        assert!(!share_group(groups("zzz"), groups("yyy")));
    }
}
