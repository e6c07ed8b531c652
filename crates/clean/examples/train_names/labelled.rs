//! Labelled names, in lines `text<tab>label label …`: a label for each word between spaces.

use std::error::Error;
use std::path::Path;

use crm_ai_clean::name::sequence::words;
use sha2::{Digest, Sha256};

/// A text and the label of each of its words, as `sequence::words` parts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    pub labels: Vec<String>,
}

impl Row {
    /// A row from the words between spaces with their labels.
    pub fn new<'a>(pieces: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = String::new();
        let mut starts = Vec::new();
        for (piece, label) in pieces {
            if !text.is_empty() {
                text.push(' ');
            }
            starts.push((text.len(), label));
            text.push_str(piece);
        }
        let label = |start: usize| {
            let piece = starts.iter().rev().find(|(from, _)| *from <= start);
            piece.map_or_else(String::new, |(_, label)| (*label).to_owned())
        };
        let labels = words(&text).iter().map(|word| label(word.start)).collect();
        Self { text, labels }
    }

    /// SHA-256 of the text, read as one big-endian number, modulo 5.
    pub fn fold(&self) -> u8 {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % 5) as u8
    }
}

/// Reads the rows of a file.
pub fn read(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let (text, labels) = line.split_once('\t').ok_or("a line has no tab")?;
        rows.push(Row::new(text.split(' ').zip(labels.split(' '))));
    }
    Ok(rows)
}

/// Lines of the same form, a label for each of our words.
pub fn write(rows: &[Row]) -> String {
    rows.iter().map(|row| format!("{}\t{}\n", row.text, row.labels.join(" "))).collect()
}
