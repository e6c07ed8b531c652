//! The words of a column's name, and what they say of its values.

use crm_ai_clean::rows::words_of;

/// Meaning of the words of a name.
#[derive(Debug, Clone, Default)]
pub struct Title(Vec<String>);

impl Title {
    /// The title that a name makes.
    pub fn of(name: &str) -> Self {
        Self(words_of(name))
    }

    /// True if one of its words is in `list`, words parted by spaces.
    pub fn has(&self, list: &str) -> bool {
        self.0.iter().any(|word| list.split(' ').any(|known| known == word))
    }

    /// True if its last word, numbers left out, is in `list`.
    pub fn ends_in(&self, list: &str) -> bool {
        let last = self.0.iter().rev().find(|word| !word.chars().all(char::is_numeric));
        last.is_some_and(|last| list.split(' ').any(|known| known == last))
    }

    /// True if values may well be missing.
    pub fn is_optional(&self) -> bool {
        self.has(
            "middle second suffix prefix nick nickname note notes comment comments remark remarks \
             fax ext extension line2 2 apt apartment unit suite referral referrer coupon promo \
             discount end ended termination terminated closed deleted cancelled canceled \
             cancellation optional other alternate alt alternative secondary tertiary parent \
             returned return refund resolved completed description bio website twitter linkedin \
             reason feedback deceased death discharge",
        )
    }

    /// True if values tell one row from another.
    pub fn is_identifier(&self) -> bool {
        self.ends_in(
            "id ids uuid guid key code sku ref reference identifier number no nr num ssn isbn iban \
             ean upc vin npi mrn account username login barcode serial token hash customerid \
             userid accountid orderid",
        ) && !self.has(
            "phone tel mobile fax house street count quantity floor room unit zip postal country \
             area state currency language coupon promo discount referral dial airport color colour \
             status department error tax diagnosis procedure dx icd cpt hcpcs",
        )
    }

    /// True if values are names of people or places.
    pub fn is_name(&self) -> bool {
        self.has(
            "name names firstname lastname fullname surname forename city town county country \
             state province region vorname nachname contact company organisation \
             organization employer",
        ) && !self.is_identifier()
    }

    /// True if values are sentences.
    pub fn is_prose(&self) -> bool {
        self.has("note notes comment comments remark remarks message text body review feedback")
    }

    /// True if values are moments that lie behind.
    pub fn is_past(&self) -> bool {
        self.is_birth()
            || self.has(
                "created updated modified signup signed joined registered registration order \
                 ordered purchase purchased sold hired hire admission admitted visited visit \
                 logged last since enrolled enrollment paid login inserted founded diagnosis \
                 diagnosed recorded",
            ) && !self.has(
                "due next expected planned scheduled expiry expires expiration end until estimated",
            )
    }

    /// True if values are days of birth.
    pub fn is_birth(&self) -> bool {
        self.has("birth birthday birthdate dob born geburtsdatum")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words_of("CUST_ID"), ["cust", "id"]);
        assert_eq!(words_of("firstName2"), ["first", "name", "2"]);
        assert!(words_of("_").is_empty());
    }

    #[test]
    fn titles_tell_what_values_are() {
        assert!(Title::of("customer_id").is_identifier());
        assert!(!Title::of("phone_number").is_identifier());
        assert!(Title::of("DateOfBirth").is_birth());
        assert!(!Title::of("due_date").is_past());
        assert!(Title::of("middle_name").is_optional());
    }
}
