//! Labelled addresses.

use sha2::{Digest, Sha256};

/// An address as words with their labels; a word has its trailing punctuation.
pub type Row = Vec<(String, String)>;

/// Reads `labelled.tsv`: label TAB word TAB label TAB word …; `\n` stands for a line end.
pub fn read(text: &str) -> Vec<Row> {
    text.lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let pairs = cells.chunks_exact(2);
            pairs.map(|pair| (pair[0].to_owned(), pair[1].replace("\\n", "\n"))).collect()
        })
        .collect()
}

/// Whether a row is held out: `fifth` by hash, or all rows of one style.
pub fn is_held_out(row: &Row, which: &str) -> bool {
    let has = |is: fn(char) -> bool| row.iter().any(|(_, word)| word.contains(is));
    match which {
        "fifth" => is_of_the_fifth(row),
        "upper" => !has(char::is_lowercase),
        "lower" => !has(char::is_uppercase),
        "commas" => has(|c| c == ','),
        "no-commas" => !has(|c| c == ','),
        _ => false,
    }
}

/// SHA-256 of the words, joined by one space, as a big-endian number, is divisible by five. Equal
/// addresses fall together.
fn is_of_the_fifth(row: &Row) -> bool {
    let words: Vec<&str> = row.iter().map(|(_, word)| word.trim()).collect();
    // 256 is 1 modulo 5, so the number is as its digits' sum.
    let digits = Sha256::digest(words.join(" ").as_bytes());
    digits.iter().map(|&digit| u32::from(digit)).sum::<u32>().is_multiple_of(5)
}
