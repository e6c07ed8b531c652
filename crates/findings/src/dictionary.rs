//! The different values of a column, each stored once and known by its number.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Longest beginning of a value that is stored, in bytes.
pub const VALUE_BYTES_MAX: usize = 512;

/// Values in one text, with where each ends.
#[derive(Debug, Default)]
pub struct Dictionary {
    text: String,
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Dictionary {
    /// The number of `value`, which is added if it is new. Of a long one the beginning counts.
    pub fn number(&mut self, value: &str) -> u32 {
        let value = beginning(value);
        let Self { text, ends, numbers, hasher } = self;
        let hash = hasher.hash_one(value);
        let is_it = |&number: &u32| slice(text, ends, number) == value;
        if let Some(&number) = numbers.find(hash, is_it) {
            return number;
        }
        let number = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        text.push_str(value);
        ends.push(text.len());
        numbers.insert_unique(hash, number, |&known| hasher.hash_one(slice(text, ends, known)));
        number
    }

    /// The value of a number.
    pub fn value(&self, number: u32) -> &str {
        slice(&self.text, &self.ends, number)
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All values in the order of their numbers.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|number| self.value(number))
    }

    /// About so many bytes of memory are used.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 8 + self.numbers.capacity() * 6
    }
}

fn slice<'t>(text: &'t str, ends: &[usize], number: u32) -> &'t str {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(number).and_then(|&end| text.get(start..end)).unwrap_or_default()
}

fn beginning(value: &str) -> &str {
    if value.len() <= VALUE_BYTES_MAX {
        return value;
    }
    let end = (0..=VALUE_BYTES_MAX).rev().find(|&end| value.is_char_boundary(end)).unwrap_or(0);
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let mut dictionary = Dictionary::default();
        let numbers: Vec<u32> =
            ["a", "", "b", "a", ""].iter().map(|value| dictionary.number(value)).collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1]);
        assert_eq!(dictionary.values().collect::<Vec<_>>(), ["a", "", "b"]);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let mut dictionary = Dictionary::default();
        let number = dictionary.number(&"é".repeat(1000));
        assert_eq!(dictionary.value(number).len(), VALUE_BYTES_MAX);
    }
}
