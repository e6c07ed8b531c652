//! Country codes and prefixes as people write them where libphonenumber does not expect them.

use rlibphonenumber::{PhoneNumber, PhoneNumberType, PhoneNumberUtil};

use super::letters::written_digits;
use super::{Problem, Region, is_valid, parse};

/// Fewest digits after an international prefix.
const ABROAD_DIGITS_MIN: usize = 8;

/// More national digits than these are written with the trunk prefix, if by anyone.
const NATIONAL_DIGITS_MAX: usize = 11;

/// The number that `raw` writes with its country code and no plus, where `number`, which takes all
/// digits for a national number, is valid too: `4917612345678` in Germany.
///
/// National numbers of such countries are written with the trunk prefix, so that digits that begin
/// with the country code are doubtful; they are taken for it where it gives a mobile number, or
/// where the national number would be longer than any that people write.
pub(super) fn with_country_code(
    util: &PhoneNumberUtil,
    raw: &str,
    number: &PhoneNumber,
) -> Option<PhoneNumber> {
    let first = raw.chars().find(|c| c.is_alphanumeric() || matches!(c, '+' | '＋'))?;
    if matches!(first, '+' | '＋' | '0') {
        return None;
    }
    let code = number.country_code.to_string();
    if !code.starts_with(first) {
        return None;
    }
    let digits = written_digits(raw);
    let rest = digits.strip_prefix(&code)?;
    // libphonenumber has seen the country code already.
    if rest.trim_start_matches('0') == number.national_number.to_string() {
        return None;
    }
    let other = parse(util, &format!("+{digits}"), Region::NONE).ok()?;
    if !is_valid(util, &other) || util.get_number_type(number) == PhoneNumberType::Mobile {
        return None;
    }
    let is_long = digits.len() > NATIONAL_DIGITS_MAX;
    (is_long || util.get_number_type(&other) == PhoneNumberType::Mobile).then_some(other)
}

/// The number in `raw`, which is none as it stands, by another reading of its first digits.
pub(super) fn read(
    util: &PhoneNumberUtil,
    raw: &str,
    region: Region,
) -> Option<(PhoneNumber, Problem)> {
    if super::letters::holds_letters(raw) {
        return None;
    }
    let is_usual = raw.strip_prefix('+').is_some_and(|rest| {
        !rest.contains('+') && !rest.starts_with(['0', '5']) && !rest.contains('(')
    });
    if is_usual {
        return None;
    }
    let valid = |text: &str| parse(util, text, region).ok().filter(|n| is_valid(util, n));
    let digits = written_digits(raw);
    let has_plus = raw.contains(['+', '＋']);
    if raw.contains("(0)")
        && let Some(number) = valid(&raw.replacen("(0)", " ", 1))
    {
        return Some((number, Problem::ForeignPrefix));
    }
    for prefix in ["00", "011"] {
        let rest = digits.strip_prefix(prefix).filter(|rest| rest.len() >= ABROAD_DIGITS_MIN);
        let number = rest.and_then(|rest| valid(&format!("+{rest}")));
        if let Some(number) = number.filter(|number| is_abroad(util, raw, region, number)) {
            return Some((number, Problem::ForeignPrefix));
        }
    }
    if let Some(number) = mexico(&digits, has_plus, region).and_then(|text| valid(&text)) {
        return Some((number, Problem::ForeignPrefix));
    }
    if let Some(number) = argentina(util, &digits, region) {
        return Some((number, Problem::ForeignPrefix));
    }
    let code = region.as_library().and_then(|region| util.get_country_code_for_region(region));
    let code = code.map(|code| code.to_string()).filter(|_| !has_plus);
    let bare = digits.strip_prefix('0').unwrap_or(&digits);
    let own = code.filter(|code| bare.starts_with(code.as_str()));
    if own.is_some()
        && let Some(number) = valid(&format!("+{bare}"))
    {
        return Some((number, Problem::CountryCodeWithoutPlus));
    }
    // `91+9876543210`
    let (before, _) = raw.split_once(['+', '＋'])?;
    let is_code = (1..=3).contains(&written_digits(before).len());
    let number = is_code.then(|| valid(&format!("+{digits}")))??;
    Some((number, Problem::CountryCodeWithoutPlus))
}

/// True if an international prefix that the region does not dial is one. In a bare row of digits
/// the region's own country code after it proves little; there only geographic numbers of the
/// United States and Canada are read, where exports write `001` so.
fn is_abroad(util: &PhoneNumberUtil, raw: &str, region: Region, number: &PhoneNumber) -> bool {
    use rlibphonenumber::Region as Library;
    let own = region.as_library().and_then(|region| util.get_country_code_for_region(region));
    own != Some(number.country_code)
        || !raw.chars().all(char::is_numeric)
        || matches!(region.as_library(), Some(Library::US | Library::CA))
            && util.get_number_type(number) == PhoneNumberType::FixedLineOrMobile
}

/// Mexico gave up its prefixes 01, 044 and 045, and the 1 after the country code, in 2019.
fn mexico(digits: &str, has_plus: bool, region: Region) -> Option<String> {
    let digits = digits.strip_prefix("00").unwrap_or(digits);
    let rest = digits.strip_prefix("52").filter(|rest| has_plus || rest.len() > 10);
    let is_home = region.as_library() == Some(rlibphonenumber::Region::MX);
    let rest = rest.or(Some(digits).filter(|_| is_home && !has_plus))?;
    let national = ["044", "045", "01", "1"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    (national.len() == 10).then(|| format!("+52{national}"))
}

/// `+54 9 (011) 15 …`: a mobile number of Argentina with its prefixes both for home and abroad.
fn argentina(util: &PhoneNumberUtil, digits: &str, region: Region) -> Option<PhoneNumber> {
    let rest = digits.strip_prefix("54")?;
    let rest = rest.strip_prefix('9').unwrap_or(rest);
    let rest = rest.strip_prefix('0').unwrap_or(rest);
    let mut found = (2..=4).filter_map(|area| {
        let (area, local) = rest.split_at_checked(area)?;
        let local = local.strip_prefix("15").filter(|local| area.len() + local.len() == 10)?;
        let number = parse(util, &format!("+549{area}{local}"), region).ok()?;
        is_valid(util, &number).then_some(number)
    });
    found.next().filter(|_| found.next().is_none())
}
