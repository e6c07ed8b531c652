//! Phone numbers, from libphonenumber's oracle.

use std::io::Read;

use crm_ai_clean::phone::{self, Region};

use crate::runner::{fixture, run, same};

/// What the rules look for.
const FRAGMENTS: &[&str] = &[
    "+",
    "＋",
    "00",
    "011",
    "1",
    "44",
    "86",
    "(",
    ")",
    "-",
    "/",
    " / ",
    ".",
    ".0",
    "E+10",
    "1.38E+10",
    ",",
    ";",
    "x",
    "ext. ",
    "#",
    "*",
    " ",
    "\n",
    "tel:",
    ";phone-context=",
    ";isub=",
    ";ext=",
    "FLOWERS",
    "６",
    "٦",
    "६",
    "\u{200b}",
    "é",
    "😀",
    "~",
    "[",
    "доб",
    " or ",
];

#[test]
fn phone_numbers_hold_what_they_promise() {
    let mut oracle = String::new();
    let compressed = fixture("phone_truth.csv.gz");
    flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut oracle).unwrap();
    let seeds: Vec<String> = csv::Reader::from_reader(oracle.as_bytes())
        .records()
        .map(|record| record.unwrap().get(0).unwrap().to_owned())
        .collect();
    let regions: Vec<Region> =
        ["US", "", "CN", "DE"].into_iter().map(|code| code.parse().unwrap()).collect();
    run(&seeds, FRAGMENTS, |text| {
        for &region in &regions {
            let info = phone::describe(text, region);
            let normal = phone::normalise(text, region);
            same("both answers", &info.e164.clone().filter(|_| info.is_valid), &normal)?;
            same("a number, or a reason", info.is_valid || info.problem.is_some(), true)?;
            if let Some(number) = normal {
                same("twice", phone::normalise(&number, Region::NONE), Some(number))?;
            }
        }
        let characters: Vec<char> = text.chars().collect();
        let mut previous = 1;
        for found in phone::find(text, regions[0]) {
            same("positions in order", previous <= found.start && found.start < found.stop, true)?;
            let taken = characters.get(found.start - 1..found.stop - 1).ok_or("out of bounds")?;
            same("text at its position", taken.iter().collect(), found.raw)?;
            previous = found.stop;
        }
        let digits = phone::digits(text, 11);
        same("digits twice", phone::digits(&digits, 11), digits)
    });
}
