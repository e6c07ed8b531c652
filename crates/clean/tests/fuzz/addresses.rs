//! Postal addresses, from the addresses of which the parts are known.

use crm_ai_clean::address;

use crate::runner::{fixture, run, same};

/// What the rules look for.
const FRAGMENTS: &[&str] = &[
    ",",
    "\n",
    ".",
    "#",
    "-",
    "/",
    " & ",
    "(",
    ")",
    "\"",
    "'",
    " ",
    "  ",
    "½",
    "1/2",
    "0",
    "12345",
    "60601-1234",
    "606O1",
    "N",
    "SW",
    "North",
    "St",
    "Street",
    "Ave",
    "Blvd",
    "Apt",
    "Unit ",
    "Ste ",
    "PO Box ",
    "P.O.",
    "RR 2",
    "HC",
    "APO AP",
    "Springfield",
    "IL",
    "Illinois",
    "New York",
    "USA",
    "United Kingdom",
    "SW1A 1AA",
    "Berlin",
    "Straße",
    "北京市",
    "c/o ",
    "Attn: ",
    "N/A",
    "at the corner of ",
    "é",
    "e\u{301}",
    "İ",
    "ﬁ",
    "１２",
    "\u{200b}",
    "\u{202e}",
    "\u{a0}",
    "😀",
    "<b>",
    "&amp;",
    "&#8217;",
    "Ã©",
    "a@x.com",
    "650-253-0000",
    "\u{fffd}",
];

#[test]
fn postal_addresses_hold_what_they_promise() {
    let rows: Vec<serde_json::Value> =
        serde_json::from_slice(&fixture("addresses_expected.json")).unwrap();
    let seeds: Vec<String> =
        rows.iter().filter_map(|row| row["raw"].as_str()).map(str::to_owned).collect();
    run(&seeds, FRAGMENTS, |text| {
        let info = address::describe(text);
        let normal = address::normalise(text);
        let is_fatal = info.problem.is_some_and(address::Problem::is_fatal);
        same("a normal form, or a fatal problem", normal.is_some(), !is_fatal)?;
        let parts = [
            &info.number,
            &info.street,
            &info.unit,
            &info.po_box,
            &info.city,
            &info.state,
            &info.postcode,
            &info.country,
        ];
        let is_blank = |part: &&Option<String>| part.as_ref().is_some_and(|p| p.trim().is_empty());
        same("no part is blank", parts.iter().find(|part| is_blank(part)), None)?;
        let Some(normal) = normal else { return Ok(()) };
        same("twice", address::normalise(&normal), Some(normal))
    });
}
