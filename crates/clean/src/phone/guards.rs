//! Texts that `rlibphonenumber` takes otherwise than libphonenumber does.

use rlibphonenumber::PhoneNumber;

use super::digits::is_decimal_digit;

/// True if an RFC 3966 `phone-context` stands before its `tel:`. No number can be read from that,
/// and the library would slice the text backwards, which panics.
pub(super) fn are_parameters_out_of_order(raw: &str) -> bool {
    let Some(context) = raw.find(";phone-context=") else { return false };
    raw.find("tel:").is_some_and(|prefix| prefix > context)
}

/// True if `raw`, read as `number`, is two digits and an extension (`77#289`). libphonenumber
/// wants three digits before an extension, reading over punctuation; the library is content with
/// two, by a bracket in its pattern.
pub(super) fn is_too_short_for_extension(raw: &str, number: &PhoneNumber) -> bool {
    // The digits of a phone-context are put before the number, and count.
    let is_prefixed = raw.contains(";phone-context=+");
    if number.extension.is_none() || number.national_number > 99 || is_prefixed {
        return false;
    }
    let is_start = |c: char| is_decimal_digit(c) || matches!(c, '+' | '＋');
    let mut characters = raw.chars().skip_while(|&c| !is_start(c));
    let is_two_digits = characters.by_ref().take(2).filter(|&c| is_decimal_digit(c)).count() == 2;
    is_two_digits && !characters.find(|&c| !is_punctuation(c)).is_some_and(is_decimal_digit)
}

/// libphonenumber's VALID_PUNCTUATION and its star sign.
fn is_punctuation(c: char) -> bool {
    const SIGNS: &str =
        "-xX \u{A0}\u{AD}\u{200B}\u{2060}\u{3000}()（）［］.[]/~\u{2053}\u{223C}～*";
    SIGNS.contains(c)
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' | '\u{FF0D}'..='\u{FF0F}')
}
