//! Postal addresses: parts, normal form, and what ails them.
//!
//! Addresses of the United States are read by a sequence model and standardised by USPS
//! Publication 28; those of other countries are kept whole and only their country and postcode are
//! looked at. `docs/addresses.md` says what is done and what is not.

/// Longest text, in characters, that is read as one address.
pub const INPUT_CHARS_MAX: usize = 500;

/// The parts of one address, each in its standard form. An address of another country, or one that
/// cannot be taken apart, stands whole in `street`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressInfo {
    /// House number with its letters and fractions: `221B`, `12 1/2`, `N6W23001`.
    pub number: Option<String>,
    /// Street with directionals and suffix: `N Main St`.
    pub street: Option<String>,
    /// Units inside the building: `Bldg 3 Apt 5`, `# 12`.
    pub unit: Option<String>,
    /// Box: `PO Box 123`, `RR 2 Box 18`, `PSC 802 Box 74`.
    pub po_box: Option<String>,
    /// City; `APO`, `FPO` or `DPO` of military mail.
    pub city: Option<String>,
    /// State, territory or military region in two letters.
    pub state: Option<String>,
    /// ZIP or ZIP+4 (`60601`, `60601-1234`); another country's postcode in its own form.
    pub postcode: Option<String>,
    /// ISO 3166 code of two letters, where written or proved by the other parts.
    pub country: Option<String>,
    /// What is wrong or doubtful; none for an ordinary address.
    pub problem: Option<Problem>,
}

/// What ails an address field. The names are stable and hold nothing of the customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but white space and punctuation.
    Empty,
    /// Words that stand for a missing value: `N/A`, `none`, `unknown`.
    Placeholder,
    /// An e-mail address or a web address.
    Email,
    /// A telephone number.
    Phone,
    /// No part of an address can be read.
    NotAnAddress,
    /// Longer than `INPUT_CHARS_MAX`.
    TooLong,
    /// Read, but the parts may be others: see docs/addresses.md.
    Ambiguous,
    /// More than one address; the parts are the first one's, the normal form has all.
    SeveralAddresses,
    /// Neither a street nor a box nor a building.
    NoStreet,
    /// The ZIP has four digits: a spreadsheet took the leading zero.
    ZipTooShort,
    /// No ZIP begins with these three digits, or it is not of five or nine digits.
    InvalidZip,
    /// The ZIP belongs to another state.
    ZipStateMismatch,
    /// An address of another country: kept whole, not taken apart.
    CountryKeptWhole,
    /// The same, and its postcode is missing or is not of the country's form.
    InvalidPostcode,
    /// Not an address of the United States, and the country is not written: kept whole.
    UnknownCountry,
}

impl Problem {
    /// Stable lower-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Placeholder => "placeholder",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::NotAnAddress => "not_an_address",
            Self::TooLong => "too_long",
            Self::Ambiguous => "ambiguous",
            Self::SeveralAddresses => "several_addresses",
            Self::NoStreet => "no_street",
            Self::ZipTooShort => "zip_too_short",
            Self::InvalidZip => "invalid_zip",
            Self::ZipStateMismatch => "zip_state_mismatch",
            Self::CountryKeptWhole => "country_kept_whole",
            Self::InvalidPostcode => "invalid_postcode",
            Self::UnknownCountry => "unknown_country",
        }
    }

    /// Whether the field holds no address at all: then there is no normal form.
    pub fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::Placeholder
                | Self::Email
                | Self::Phone
                | Self::NotAnAddress
                | Self::TooLong
        )
    }
}

/// The address on one line in its standard form, none where `raw` is no address at all.
pub fn normalise(raw: &str) -> Option<String> {
    let text = crate::text::clean(raw);
    if text.is_empty() || text.chars().nth(INPUT_CHARS_MAX).is_some() {
        return None;
    }
    Some(text)
}

/// The parts of the address in `raw`, and what ails it.
pub fn describe(raw: &str) -> AddressInfo {
    let text = crate::text::clean(raw);
    if text.is_empty() {
        return AddressInfo { problem: Some(Problem::Empty), ..AddressInfo::default() };
    }
    AddressInfo { street: Some(text), ..AddressInfo::default() }
}
