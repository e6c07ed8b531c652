//! Addresses made from nothing but the stock: forms that the labelled rows have seldom.

use crate::augment::{Stock, direction, finish, number, number_or_letter};
use crate::crf::random::Random;
use crate::rows::Row;

/// Adds the words of a text, all with one label.
fn add(row: &mut Row, label: &str, text: &str) {
    row.extend(text.split(' ').map(|word| (label.to_owned(), word.to_owned())));
}

/// One address with or without unit, city, state and ZIP.
pub fn make(stock: &Stock, random: &mut Random) -> Row {
    let mut row = Row::new();
    match random.below(40) {
        0 | 1 => {
            let kind = random.word(&["PO Box", "P.O. Box", "P O Box", "POB", "Box"]);
            add(&mut row, "USPSBoxType", kind);
            add(&mut row, "USPSBoxID", &house(random));
        }
        2 => make_route(&mut row, random),
        3 => make_military(&mut row, random),
        4..=7 => make_highway(&mut row, random),
        8 => {
            let grid = format!("N{}W{}", 10 + random.below(200), 10_000 + random.below(20_000));
            add(&mut row, "AddressNumber", &grid);
            add(&mut row, "StreetName", &stock.street(random));
            add(&mut row, "StreetNamePostType", &stock.suffix(random));
        }
        9 => {
            add(&mut row, "AddressNumber", &house(random));
            add(&mut row, "AddressNumberSuffix", random.word(&["1/2", "A", "B", "C", "1/4"]));
            add(&mut row, "StreetName", &stock.street(random));
            add(&mut row, "StreetNamePostType", &stock.suffix(random));
        }
        10 => {
            add(&mut row, "AddressNumber", &house(random));
            let kind = random.word(&["Avenue", "Ave", "Via", "Calle", "Camino"]);
            add(&mut row, "StreetNamePreType", kind);
            let letter = random.word(&["A", "B", "C", "D", "J", "K", "M", "X"]).to_owned();
            let name = if random.chance(0.5) { letter } else { stock.street(random) };
            add(&mut row, "StreetName", &name);
        }
        _ => make_street(&mut row, stock, random),
    }
    finish(stock, &mut row, random);
    row
}

fn house(random: &mut Random) -> String {
    let digits = 1 + random.below(5);
    number(digits, random)
}

fn make_route(row: &mut Row, random: &mut Random) {
    let kind = random.word(&["RR", "HC", "Rural Route", "R.R.", "HCR"]);
    add(row, "USPSBoxGroupType", kind);
    add(row, "USPSBoxGroupID", &number_or_letter(random));
    add(row, "USPSBoxType", "Box");
    add(row, "USPSBoxID", &house(random));
}

fn make_military(row: &mut Row, random: &mut Random) {
    add(row, "USPSBoxGroupType", random.word(&["PSC", "CMR", "Unit", "PSC"]));
    add(row, "USPSBoxGroupID", &house(random));
    add(row, "USPSBoxType", "Box");
    add(row, "USPSBoxID", &random.below(9999).to_string());
    add(row, "PlaceName", random.word(&["APO", "FPO", "DPO"]));
    let (state, zip) = *random.pick(&[("AE", "09"), ("AP", "96"), ("AA", "34")]);
    add(row, "StateName", state);
    add(row, "ZipCode", &format!("{zip}{:03}", random.below(1000)));
}

fn make_highway(row: &mut Row, random: &mut Random) {
    const ROADS: [&str; 20] = [
        "Highway",
        "US Highway",
        "State Highway",
        "County Road",
        "State Route",
        "Route",
        "US Hwy",
        "Hwy",
        "CR",
        "SR",
        "FM",
        "Interstate",
        "County Highway",
        "State Road",
        "Township Road",
        "Farm to Market Road",
        "US Route",
        "Co Rd",
        "I",
        "County Rd",
    ];
    add(row, "AddressNumber", &house(random));
    add(row, "StreetNamePreType", random.word(&ROADS));
    add(row, "StreetName", &number_or_letter(random));
    if random.chance(0.3) {
        add(row, "StreetNamePostDirectional", direction(2, random));
    }
}

fn make_street(row: &mut Row, stock: &Stock, random: &mut Random) {
    add(row, "AddressNumber", &house(random));
    if random.chance(0.3) {
        add(row, "StreetNamePreDirectional", direction(3, random));
    }
    let numbered = format!("{}th", 1 + random.below(180));
    let name = if random.chance(0.2) { numbered } else { stock.street(random) };
    add(row, "StreetName", &name);
    if random.chance(0.95) {
        add(row, "StreetNamePostType", &stock.suffix(random));
    }
    if random.chance(0.12) {
        add(row, "StreetNamePostDirectional", direction(3, random));
    }
}
