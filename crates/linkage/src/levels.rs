//! Levels of comparison: how far two values of a column agree.

mod contact;
mod plain;
mod tokens;

use crate::distance::osa;
use crate::kind::Kind;
use crate::table::Column;
use crate::value::{Detail, Value};

/// The level of a pair in which a value is missing.
pub const MISSING: u8 = 15;

/// A value under comparison.
#[derive(Clone, Copy)]
struct Side<'a> {
    value: &'a Value,
    text: &'a [u16],
}

impl Side<'_> {
    fn detail(&self) -> Detail {
        self.value.detail
    }

    /// A bound on the number of characters that both have.
    fn common(&self, other: &Side<'_>) -> u32 {
        (self.value.signature & other.value.signature).count_ones() + 1
    }
}

/// The optimal string alignment distance of two values, or `max + 1` where it is larger. A step of
/// it changes at most two bits of a signature.
fn distance(a: Side<'_>, b: Side<'_>, max: usize) -> usize {
    let bits = (a.value.signature ^ b.value.signature).count_ones() as usize;
    if bits > 2 * max { max + 1 } else { osa(a.text, b.text, max) }
}

/// The level of two values of a column by their numbers; see [`Kind::levels`].
pub fn level(column: &Column, a: u32, b: u32) -> u8 {
    if a == 0 || b == 0 {
        return MISSING;
    }
    if a == b {
        return column.kind.top() as u8;
    }
    let dictionary = &*column.dictionary;
    let side = |id| {
        let (value, text) = dictionary.values.get(id);
        Side { value, text }
    };
    // In one order, so that the level does not depend on it.
    let (a, b) = (side(a.min(b)), side(a.max(b)));
    match column.kind {
        Kind::GivenName | Kind::FamilyName | Kind::Name => plain::name(a, b),
        Kind::Text => plain::text(a, b),
        Kind::Category => plain::category(a, b),
        Kind::Code => plain::code(a, b),
        Kind::Number => plain::number(a, b),
        Kind::Date | Kind::BirthDate => plain::date(a, b),
        Kind::Email => contact::email(a, b),
        Kind::Phone => contact::phone(a, b),
        Kind::Postcode => contact::postcode(a, b),
        Kind::Address => tokens::address(column, a, b),
        Kind::Words => tokens::words(column, a, b),
        Kind::Ignore => MISSING,
    }
}
