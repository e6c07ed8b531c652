//! Reads rows `[raw, region]` as JSON, one a line, and writes what `describe` says of each: for
//! comparing with other ports of libphonenumber.

use std::error::Error;
use std::io::{BufRead, Write};

use crm_ai_clean::phone::{Region, describe};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let (raw, region): (String, String) = serde_json::from_str(&line?)?;
        let info = describe(&raw, region.parse::<Region>()?);
        let row = serde_json::json!({
            "e164": info.e164, "international": info.international, "national": info.national,
            "rfc3966": info.rfc3966, "country_code": info.country_code, "region": info.region,
            "kind": info.kind.map(|kind| kind.name()), "extension": info.extension,
            "is_possible": info.is_possible, "is_valid": info.is_valid,
            "problem": info.problem.map(|problem| problem.code()),
        });
        writeln!(out, "{row}")?;
    }
    Ok(())
}
