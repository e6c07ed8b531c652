//! Words with a role in names: titles, degrees, particles, legal forms, trades.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Roles and standard spellings; its head says how it is read.
const WORDS: &str = include_str!("../../data/name/words.txt");

/// A role that a word can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Before a person's name: `Dr.`.
    Title,
    /// After it, a place in the family: `Jr.`.
    Generation,
    /// After it, a degree, an order or a post: `PhD`.
    Degree,
    /// Belongs to the name after it: `van`.
    Particle,
    /// Legal form of an organisation: `GmbH`.
    Legal,
    /// Word of organisations' names: `Hospital`.
    Organisation,
    /// Joins two names: `&`.
    And,
    /// Stands before another name of the same bearer: `aka`.
    Alias,
    /// Stands before an agent or a recipient: `c/o`.
    Care,
    /// Other common words that names of people do not have.
    Common,
}

/// All roles with their names in the word list.
pub(super) const ROLES: [(Role, &str); 10] = [
    (Role::Title, "title"),
    (Role::Generation, "generation"),
    (Role::Degree, "degree"),
    (Role::Particle, "particle"),
    (Role::Legal, "legal"),
    (Role::Organisation, "org"),
    (Role::And, "and"),
    (Role::Alias, "alias"),
    (Role::Care, "care"),
    (Role::Common, "common"),
];

/// The roles of a word, each with its standard spelling.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Roles {
    spellings: [Option<&'static str>; ROLES.len()],
}

impl Roles {
    /// True if the word can play `role`.
    pub fn has(&self, role: Role) -> bool {
        self.spelling(role).is_some()
    }

    /// Standard spelling of the word in `role`.
    pub fn spelling(&self, role: Role) -> Option<&'static str> {
        self.spellings.get(role as usize).copied().flatten()
    }

    /// Names of the roles.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        ROLES.iter().filter(|(role, _)| self.has(*role)).map(|(_, name)| *name)
    }
}

/// Small letters, without full stops at the end or between letters, and with a straight apostrophe:
/// how words are looked up.
pub(super) fn key(word: &str) -> String {
    let small = word.chars().flat_map(char::to_lowercase);
    small
        .filter(|c| *c != '.')
        .map(|c| if matches!(c, '’' | '‘' | '`') { '\'' } else { c })
        .collect()
}

/// Roles of the word with this key.
pub(super) fn roles(key: &str) -> Roles {
    static TABLE: OnceLock<HashMap<String, Roles>> = OnceLock::new();
    TABLE.get_or_init(read).get(key).copied().unwrap_or_default()
}

fn read() -> HashMap<String, Roles> {
    let mut table: HashMap<String, Roles> = HashMap::new();
    let mut role = None;
    for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            role = ROLES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role as usize);
            continue;
        }
        let (standard, words) = match line.split_once(": ") {
            Some((standard, words)) => (Some(standard), words),
            None => (None, line),
        };
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            let roles = table.entry(word.to_owned()).or_default();
            if let Some(spelling) = role.and_then(|role| roles.spellings.get_mut(role)) {
                spelling.get_or_insert(standard.unwrap_or(word));
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_spelling_leads_to_itself() {
        for (word, roles) in read() {
            assert_eq!(key(&word), word, "is not a key");
            for (role, name) in ROLES {
                let is_one = |spelling: &&str| spelling.is_ascii() && !spelling.contains(' ');
                if let Some(spelling) = roles.spelling(role).filter(is_one) {
                    let again = super::roles(&key(spelling)).spelling(role);
                    assert!(again.is_some(), "{spelling} is no {name}");
                }
            }
        }
    }

    #[test]
    fn roles_have_their_own_place() {
        for (place, (role, _)) in ROLES.iter().enumerate() {
            assert_eq!(*role as usize, place);
        }
        assert_eq!(roles("jr").spelling(Role::Generation), Some("Jr."));
        assert_eq!(roles("gmbh").spelling(Role::Legal), Some("GmbH"));
        assert!(roles("hospital").has(Role::Organisation));
        assert!(!roles("smith").has(Role::Organisation));
    }
}
