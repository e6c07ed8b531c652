//! Telephone numbers: normal form, description, plain digits, and numbers inside free text.
//!
//! The numbering plans and the rules are libphonenumber's, through the crate `rlibphonenumber`.
//! What libphonenumber calls valid is returned as it says, but for a few readings that would make
//! another number of what was written: words turned into digits (`letters`), the last digits of a
//! second number, a country code without plus (`prefixes`). Where it finds no valid number, the
//! traces of spreadsheets and of several numbers in one field are looked for (`repair`). In each of
//! these cases `PhoneInfo::problem` says so.

mod digits;
mod find;
mod guards;
mod letters;
mod plans;
mod prefixes;
mod region;
mod repair;

pub use digits::digits;
pub use find::{Found, find};
pub use plans::PLANS_VERSION;
pub use region::{Region, UnknownRegion};

use plans::util;
use rlibphonenumber::{
    NumberLengthType, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil,
    ValidationError,
};

/// Longest text, in characters, that is read as one phone number: libphonenumber's own limit.
pub const INPUT_CHARS_MAX: usize = 250;

/// Description of one number by libphonenumber. The formats are filled for every text that parses,
/// valid or not; all is empty where nothing parses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhoneInfo {
    /// `+` and digits, without the extension: `+16502530000`.
    pub e164: Option<String>,
    /// For a reader abroad: `+1 650-253-0000`.
    pub international: Option<String>,
    /// For a reader in the number's country: `(650) 253-0000`.
    pub national: Option<String>,
    /// As a link: `tel:+1-650-253-0000`.
    pub rfc3966: Option<String>,
    /// Country calling code: 1, 44, 86.
    pub country_code: Option<i32>,
    /// Region of the number in CLDR's two letters, `001` for numbers of no country.
    pub region: Option<String>,
    /// Kind of the number; `Kind::Unknown` for a number that is not valid.
    pub kind: Option<Kind>,
    /// Extension as written.
    pub extension: Option<String>,
    /// True if the length is one that the country uses.
    pub is_possible: bool,
    /// True if the number lies in a range that the country has given out.
    pub is_valid: bool,
    /// The problem, or the repair made; none for a number valid as written.
    pub problem: Option<Problem>,
}

/// Kind of a number, as libphonenumber tells kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Tied to a place.
    FixedLine,
    /// Tied to a handset.
    Mobile,
    /// Either: some countries (the United States) do not tell them apart.
    FixedLineOrMobile,
    /// The called side pays.
    TollFree,
    /// The caller pays more.
    PremiumRate,
    /// Both sides pay.
    SharedCost,
    /// Voice over IP.
    Voip,
    /// Follows a person.
    PersonalNumber,
    /// Pager.
    Pager,
    /// Universal access number of a company.
    Uan,
    /// Voice mailbox.
    Voicemail,
    /// None of these, or not a valid number.
    Unknown,
}

impl Kind {
    /// Stable lower-case name: `fixed_line`, `mobile`, `fixed_line_or_mobile` …
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedLine => "fixed_line",
            Self::Mobile => "mobile",
            Self::FixedLineOrMobile => "fixed_line_or_mobile",
            Self::TollFree => "toll_free",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::PersonalNumber => "personal_number",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }
}

impl From<PhoneNumberType> for Kind {
    fn from(kind: PhoneNumberType) -> Self {
        match kind {
            PhoneNumberType::FixedLine => Self::FixedLine,
            PhoneNumberType::Mobile => Self::Mobile,
            PhoneNumberType::FixedLineOrMobile => Self::FixedLineOrMobile,
            PhoneNumberType::TollFree => Self::TollFree,
            PhoneNumberType::PremiumRate => Self::PremiumRate,
            PhoneNumberType::SharedCost => Self::SharedCost,
            PhoneNumberType::VoIP => Self::Voip,
            PhoneNumberType::PersonalNumber => Self::PersonalNumber,
            PhoneNumberType::Pager => Self::Pager,
            PhoneNumberType::UAN => Self::Uan,
            PhoneNumberType::VoiceMail => Self::Voicemail,
            PhoneNumberType::Unknown => Self::Unknown,
        }
    }
}

/// Problem of a phone field. The names are stable and contain nothing of the customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but white space.
    Empty,
    /// No phone number can be read.
    NotANumber,
    /// No region to read a national number in, or a country code that no country has.
    InvalidCountryCode,
    /// Fewer digits than the country's shortest number.
    TooShort,
    /// More digits than the country's longest number.
    TooLong,
    /// A length between the shortest and the longest that the country does not use.
    InvalidLength,
    /// Can be dialled only inside its own area: the area code is missing.
    LocalOnly,
    /// The length is right, but the range is not given out.
    NotInUse,
    /// A spreadsheet has rounded the number (`1.38E+10`): digits are lost, there is no way back.
    DigitsLost,
    /// Mended: a spreadsheet's scientific notation that still had every digit.
    ScientificNotation,
    /// Mended: a trailing `.0` of a number column was taken off.
    TrailingDecimal,
    /// Mended: words stood beside the number.
    WordsAround,
    /// Mended: the field holds several numbers, each valid by itself; this is the first.
    SeveralNumbers,
    /// Mended: `00` or `011` of another country, or a prefix that a country has given up.
    ForeignPrefix,
    /// Mended: the country code was written without its plus.
    CountryCodeWithoutPlus,
    /// Mended: the letter O stood for a zero.
    LetterForDigit,
    /// Mended: signs that no phone number has stood between or after its digits.
    Separators,
    /// Mended: more letters than a number spelt with letters takes; the first ones count.
    SurplusLetters,
    /// Letters stand among the digits, and what they mean is not certain.
    LettersInside,
    /// Told by `clean` alone: the number has an extension, which its normal form leaves out.
    ExtensionDropped,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotANumber => "not_a_number",
            Self::InvalidCountryCode => "invalid_country_code",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::InvalidLength => "invalid_length",
            Self::LocalOnly => "local_only",
            Self::NotInUse => "not_in_use",
            Self::DigitsLost => "digits_lost",
            Self::ScientificNotation => "scientific_notation",
            Self::TrailingDecimal => "trailing_decimal",
            Self::WordsAround => "words_around",
            Self::SeveralNumbers => "several_numbers",
            Self::ForeignPrefix => "foreign_prefix",
            Self::CountryCodeWithoutPlus => "country_code_without_plus",
            Self::LetterForDigit => "letter_for_digit",
            Self::Separators => "separators",
            Self::SurplusLetters => "surplus_letters",
            Self::LettersInside => "letters_inside",
            Self::ExtensionDropped => "extension_dropped",
        }
    }
}

/// E.164 form (`+16502530000`) of the valid number in `raw`, none where there is no such number.
///
/// `region` reads numbers written without their country code. An extension is left out.
pub fn normalise(raw: &str, region: Region) -> Option<String> {
    let util = util();
    match read(util, raw, region) {
        Reading::Valid(number, _) => Some(e164(util, &number)),
        Reading::Invalid(..) => None,
    }
}

/// The results of `normalise` and the number's problem, at little more than the cost of the first.
pub fn clean(raw: &str, region: Region) -> (Option<String>, Option<Problem>) {
    let util = util();
    match read(util, raw, region) {
        Reading::Valid(number, problem) => {
            let has_extension = number.extension.as_ref().is_some_and(|text| !text.is_empty());
            let dropped = has_extension.then_some(Problem::ExtensionDropped);
            (Some(e164(util, &number)), problem.or(dropped))
        }
        Reading::Invalid(_, problem) => (None, Some(problem)),
    }
}

/// All that libphonenumber knows of the number in `raw`, and what ails it.
///
/// `normalise` is this function's `e164` where `is_valid` holds, at a fraction of the cost.
pub fn describe(raw: &str, region: Region) -> PhoneInfo {
    let util = util();
    match read(util, raw, region) {
        Reading::Valid(number, problem) => fill(util, &number, problem),
        Reading::Invalid(Some(number), problem) => fill(util, &number, Some(problem)),
        Reading::Invalid(None, problem) => {
            PhoneInfo { problem: Some(problem), ..PhoneInfo::default() }
        }
    }
}

/// Content of a field.
enum Reading {
    /// A valid number, and what was mended.
    Valid(PhoneNumber, Option<Problem>),
    /// None; the number that parses, if one does, is not valid.
    Invalid(Option<PhoneNumber>, Problem),
}

fn read(util: &PhoneNumberUtil, raw: &str, region: Region) -> Reading {
    let mut parsed = parse(util, raw, region);
    if let Ok(number) = &parsed
        && is_valid(util, number)
    {
        match repair::doubt(util, raw, region, number) {
            None => {
                return match parsed {
                    Ok(number) => Reading::Valid(number, None),
                    Err(problem) => Reading::Invalid(None, problem),
                };
            }
            Some(repair::Doubt::Other(number, problem)) => {
                return Reading::Valid(number, Some(problem));
            }
            Some(repair::Doubt::Letters) => parsed = Err(Problem::LettersInside),
        }
    }
    match repair::repair(util, raw, region) {
        Some((Some(number), problem)) if is_valid(util, &number) => {
            Reading::Valid(number, Some(problem))
        }
        Some((Some(number), _)) if parsed == Err(Problem::LettersInside) => {
            let problem = length_problem(util, &number);
            Reading::Invalid(Some(number), problem)
        }
        Some((None, problem)) => Reading::Invalid(parsed.ok(), problem),
        _ => match parsed {
            Ok(number) => {
                let problem = length_problem(util, &number);
                Reading::Invalid(Some(number), problem)
            }
            Err(problem) => Reading::Invalid(None, problem),
        },
    }
}

/// libphonenumber's reading of `raw`, or why there is none.
fn parse(util: &PhoneNumberUtil, raw: &str, region: Region) -> Result<PhoneNumber, Problem> {
    if raw.len() > INPUT_CHARS_MAX && raw.chars().nth(INPUT_CHARS_MAX).is_some() {
        return Err(Problem::TooLong);
    }
    if guards::are_parameters_out_of_order(raw) {
        return Err(Problem::NotANumber);
    }
    let number = util.parse(raw, region.as_library()).map_err(|error| match error {
        ParseError::InvalidCountryCode => Problem::InvalidCountryCode,
        ParseError::NotANumber(_) if raw.trim().is_empty() => Problem::Empty,
        ParseError::NotANumber(_) => Problem::NotANumber,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Problem::TooShort,
        ParseError::TooLongNsn => Problem::TooLong,
    })?;
    if guards::is_too_short_for_extension(raw, &number) {
        return Err(Problem::NotANumber);
    }
    Ok(number)
}

/// libphonenumber's `is_valid_number`. A number that is valid in the main region of its country
/// code is found there first; asking for that saves matching its patterns twice.
fn is_valid(util: &PhoneNumberUtil, number: &PhoneNumber) -> bool {
    util.get_region_for_country_code(number.country_code)
        .is_some_and(|main| util.is_valid_number_for_region(number, main))
        || util.is_valid_number(number)
}

fn e164(util: &PhoneNumberUtil, number: &PhoneNumber) -> String {
    util.format(number, PhoneNumberFormat::E164).into_owned()
}

fn fill(util: &PhoneNumberUtil, number: &PhoneNumber, problem: Option<Problem>) -> PhoneInfo {
    let format = |form| Some(util.format(number, form).into_owned());
    PhoneInfo {
        e164: format(PhoneNumberFormat::E164),
        international: format(PhoneNumberFormat::International),
        national: format(PhoneNumberFormat::National),
        rfc3966: format(PhoneNumberFormat::RFC3966),
        country_code: Some(number.country_code),
        region: util.get_region_for_number(number).map(|region| region.as_region_str().to_string()),
        kind: Some(util.get_number_type(number).into()),
        extension: number.extension.clone().filter(|extension| !extension.is_empty()),
        is_possible: util.is_possible_number(number),
        is_valid: is_valid(util, number),
        problem,
    }
}

/// The reason why a number that parses is not valid.
fn length_problem(util: &PhoneNumberUtil, number: &PhoneNumber) -> Problem {
    match util.is_possible_number_with_reason(number) {
        Ok(NumberLengthType::IsPossible) => Problem::NotInUse,
        Ok(NumberLengthType::IsPossibleLocalOnly) => Problem::LocalOnly,
        Err(ValidationError::InvalidCountryCode) => Problem::InvalidCountryCode,
        Err(ValidationError::TooShort) => Problem::TooShort,
        Err(ValidationError::InvalidLength) => Problem::InvalidLength,
        Err(ValidationError::TooLong) => Problem::TooLong,
    }
}

#[cfg(test)]
mod tests;
