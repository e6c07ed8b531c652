//! Checks a compiled numbering plan: each region, length and pattern. Part of renewing the plans.
//!
//! `cargo run --release -p crm_ai_clean --example validate_phone_plans -- metadata/phone.bin`

use std::error::Error;

use prost::Message;
use rlibphonenumber::PhoneMetadataCollection;
use rlibphonenumber::metadata_validator::validate_metadata;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("the path of phone.bin is wanted")?;
    let collection = PhoneMetadataCollection::decode(&std::fs::read(path)?[..])?;
    let count = collection.metadata.len();
    validate_metadata(collection, false)?;
    println!("{count} plans are sound");
    Ok(())
}
