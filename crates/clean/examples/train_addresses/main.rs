//! Trains the model of `address` on the labelled addresses and their variants.
//!
//! ```text
//! cargo run --release -p crm_ai_clean --example train_addresses -- OUTPUT [options]
//!   --hold-out WHICH   fifth (default), none, upper, lower, commas, no-commas: rows that are
//!                      neither trained on nor varied; the model is tried on them
//!   --variants N       variants of each row (6)
//!   --made N           addresses made from nothing (2000)
//!   --weight X         what a variant or made address counts beside a labelled one (0.2)
//!   --show             print the held-out rows that are read otherwise
//! ```
//!
//! The same arguments give the same bytes.

mod augment;
#[path = "../crf/mod.rs"]
mod crf;
mod make;
mod rows;

use crf::random::Random;
use crf::trainer::fit;
use crm_ai_clean::address::{label, put_attributes};
use crm_ai_clean::tagger::{Tagger, pack};
use rows::Row;

/// State weights nearer to zero are left out of the packed model.
const WEIGHT_FLOOR: f64 = 0.02;

const LABELLED: &str = include_str!("../../data/address/labelled.tsv");
const PLACES: &str = include_str!("../../data/address/places.tsv");
const ZIPS: &str = include_str!("../../data/address/zips.tsv");
const SUFFIXES: &str = include_str!("../../data/address/suffixes.tsv");

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: &str| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).cloned().unwrap_or(default.to_owned())
    };
    let output = arguments.first().ok_or("no output is named")?;
    let which = option("--hold-out", "fifth");
    let (held_out, rows): (Vec<Row>, Vec<Row>) =
        rows::read(LABELLED).into_iter().partition(|row| rows::is_held_out(row, &which));
    let variants = option("--variants", "6").parse()?;
    let set = training_set(&rows, variants, option("--made", "2000").parse()?);
    println!("{} labelled rows, {} with their variants", rows.len(), set.len());
    let weight: f64 = option("--weight", "0.2").parse()?;
    let examples = set.iter().enumerate().map(|(at, row)| {
        let labels = row.iter().map(|(label, _)| label.clone()).collect();
        (attributes(row), labels, if at < rows.len() { 1.0 } else { weight })
    });
    let packed = pack(&fit(examples), WEIGHT_FLOOR)?;
    println!("{} bytes", packed.len());
    let tagger = Tagger::new(&packed)?;
    std::fs::write(output, packed)?;
    try_on(&held_out, &tagger, arguments.iter().any(|argument| argument == "--show"));
    Ok(())
}

/// The rows, their variants, and made addresses.
fn training_set(rows: &[Row], variants: usize, made: usize) -> Vec<Row> {
    let stock = augment::Stock::new(PLACES, ZIPS, SUFFIXES, rows);
    let mut random = Random(20_241_124);
    let mut set = rows.to_vec();
    for row in rows {
        for _ in 0..variants {
            set.push(stock.vary(row, &mut random));
        }
    }
    for _ in 0..made {
        set.push(make::make(&stock, &mut random));
    }
    set
}

fn attributes(row: &Row) -> Vec<Vec<String>> {
    let mut attributes = Vec::new();
    put_attributes(&words(row), &mut attributes);
    attributes
}

fn words(row: &Row) -> Vec<&str> {
    row.iter().map(|(_, word)| word.as_str()).collect()
}

/// Prints how many words and whole rows are labelled as in the data.
fn try_on(rows: &[Row], tagger: &Tagger, shows: bool) {
    let (mut word_count, mut right_words, mut right_rows, mut right_parts) = (0, 0, 0, 0);
    for row in rows {
        let labels = label(tagger, &words(row));
        let right = row.iter().zip(&labels).filter(|((label, _), read)| label == *read).count();
        word_count += row.len();
        right_words += right;
        right_rows += usize::from(right == row.len());
        let is_part = |((label, _), read): (&(String, String), &&str)| part(label) == part(read);
        right_parts += usize::from(row.iter().zip(&labels).all(is_part));
        if shows && right < row.len() {
            let marks = row.iter().zip(&labels).map(|((label, word), read)| {
                let other = if label == read { String::new() } else { format!("!{read}") };
                format!("{}/{label}{other}", word.trim())
            });
            println!("{}", marks.collect::<Vec<_>>().join(" "));
        }
    }
    println!(
        "{} rows held out: {:.4} of words, {:.4} of rows, {:.4} of rows by parts",
        rows.len(),
        right_words as f64 / word_count.max(1) as f64,
        right_rows as f64 / rows.len().max(1) as f64,
        right_parts as f64 / rows.len().max(1) as f64
    );
}

/// Which part of the answer a label ends in, near enough.
fn part(label: &str) -> &str {
    match label {
        "CornerOf" | "IntersectionSeparator" => "StreetNa",
        "Recipient" | "BuildingName" | "LandmarkName" | "NotAddress" => "Other",
        "SubaddressType" | "SubaddressIdentifier" => "Occupanc",
        _ => label.get(..8).unwrap_or(label),
    }
}
