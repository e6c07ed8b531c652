//! The numbering plans that are compiled in, and how to renew them.
//!
//! `metadata/phone.bin` is Google's metadata in the form that `rlibphonenumber` reads; the head of
//! `metadata/renew_phone.py` tells how it is made and how it was checked. New plans may change what
//! is valid: the oracle in `tests/fixtures/clean` is renewed with them, and the release notes tell
//! users to REINDEX what holds phone numbers.

use std::sync::LazyLock;

use prost::Message;
use rlibphonenumber::phonenumber_matcher::PhoneNumberMatcherFactory;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneMetadataCollection, PhoneNumberUtil};

/// Version of the numbering plans, as libphonenumber counts.
pub const PLANS_VERSION: &str = "9.0.43";

const PLANS: &[u8] = include_bytes!("../../metadata/phone.bin");

static UTIL: LazyLock<Option<PhoneNumberUtil>> = LazyLock::new(|| {
    let collection = PhoneMetadataCollection::decode(PLANS).ok()?;
    PhoneNumberUtil::new_for_metadata(collection).ok()
});

static MATCHERS: LazyLock<PhoneNumberMatcherFactory<PhoneNumberUtil, &'static PhoneNumberUtil>> =
    LazyLock::new(|| PhoneNumberMatcherFactory::new_for_util(util()));

/// libphonenumber over our plans, decoded at the first call of the process (milliseconds).
pub(super) fn util() -> &'static PhoneNumberUtil {
    // The library's own plans stand in if ours did not decode; a test holds that they do.
    UTIL.as_ref().unwrap_or_else(|| &PHONE_NUMBER_UTIL)
}

/// libphonenumber's matcher over the same plans. Its alternative groupings are the library's own.
pub(super) fn matchers()
-> &'static PhoneNumberMatcherFactory<PhoneNumberUtil, &'static PhoneNumberUtil> {
    &MATCHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_are_ours() {
        let collection = PhoneMetadataCollection::decode(PLANS).unwrap();
        assert_eq!(collection.metadata.len(), 254);
        assert!(UTIL.is_some());
    }
}
