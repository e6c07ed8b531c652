//! E-mail addresses, phone numbers and postcodes.

use super::{Side, distance};
use crate::distance::{jaro_winkler, osa};
use crate::value::Detail;

/// Fewest characters of a local part that tells one person from others.
const LOCAL_MIN: usize = 4;

/// Levels of an e-mail address.
pub(super) fn email(a: Side<'_>, b: Side<'_>) -> u8 {
    let (Detail::Email(at_a, mailbox_a), Detail::Email(at_b, mailbox_b)) = (a.detail(), b.detail())
    else {
        return 0;
    };
    if mailbox_a == mailbox_b {
        return 5;
    }
    let (local_a, domain_a) = a.text.split_at(usize::from(at_a));
    let (local_b, domain_b) = b.text.split_at(usize::from(at_b));
    let same_domain = u8::from(domain_a == domain_b);
    if local_a == local_b {
        let is_slip = osa(domain_a, domain_b, 2) <= 2;
        let is_long = local_a.len() >= LOCAL_MIN;
        return if is_slip {
            5
        } else if is_long {
            4
        } else {
            2
        };
    }
    let shorter = a.text.len().min(b.text.len()).min(28);
    if (a.common(&b) as usize) < shorter / 2 || local_a.len().min(local_b.len()) < LOCAL_MIN {
        return same_domain;
    }
    let steps = distance(a, b, 2);
    if steps <= 2 {
        return if steps <= 1 { 5 } else { 4 };
    }
    let similarity = jaro_winkler(local_a, local_b);
    if similarity >= 0.92 || osa(local_a, local_b, 1) <= 1 {
        3
    } else if similarity >= 0.84 {
        2
    } else {
        same_domain
    }
}

/// Levels of a phone number.
pub(super) fn phone(a: Side<'_>, b: Side<'_>) -> u8 {
    let ends_alike = |count: usize| {
        a.text.len() >= count
            && b.text.len() >= count
            && a.text[a.text.len() - count..] == b.text[b.text.len() - count..]
    };
    if ends_alike(7) {
        return 4;
    }
    match distance(a, b, 2) {
        0 | 1 => 3,
        2 => 2,
        _ => u8::from(ends_alike(4)),
    }
}

/// Levels of a postcode.
pub(super) fn postcode(a: Side<'_>, b: Side<'_>) -> u8 {
    let steps = distance(a, b, 2);
    if steps <= 1 {
        return 4;
    }
    let prefix = a.text.iter().zip(b.text).take_while(|(x, y)| x == y).count();
    if steps <= 2 || prefix + 2 >= a.text.len().max(b.text.len()) {
        3
    } else if prefix >= 3 {
        2
    } else {
        u8::from(prefix >= 2)
    }
}
