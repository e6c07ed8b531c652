//! Customers made up by a seed, some of them several times and with errors:
//! `cargo run --release -p crm_ai_linkage --example customers ROWS SEED > customers.csv`
//!
//! Names are drawn by how common they are among the lists of crates/clean, streets and cities from
//! short lists. Of 100 people 70 have one row, 20 two, 7 three and 3 four; one in five lives with
//! another of the same family name, address and, in half of the cases, phone. In every row after
//! a person's first, each of these happens by itself with the chance in `RATES`.

#![allow(missing_docs)]

mod maker;

use std::error::Error;
use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().ok_or("how many rows?")?.parse()?;
    let seed: u64 = arguments.next().as_deref().unwrap_or("1").parse()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", maker::HEADER)?;
    for line in maker::lines(rows, seed) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
