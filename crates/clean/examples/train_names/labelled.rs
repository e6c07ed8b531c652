//! Labelled names: probablepeople's XML, and lines `text<tab>labels` of rows left out.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A text and the label of each of its words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub text: String,
    pub labels: Vec<String>,
}

impl Row {
    /// A row from pieces of text with their labels, joined by spaces.
    pub fn new(pieces: &[(String, String)]) -> Self {
        let mut text = String::new();
        let mut starts = Vec::new();
        for (piece, label) in pieces {
            if !text.is_empty() {
                text.push(' ');
            }
            starts.push((text.len(), label.clone()));
            text.push_str(piece);
        }
        let labels = super::align(&text, &starts);
        Self { text, labels }
    }

    /// SHA-256 of the text, read as one big-endian number, modulo 5.
    pub fn fold(&self) -> u8 {
        let digest = Sha256::digest(self.text.as_bytes());
        digest.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % 5) as u8
    }
}

/// Reads the rows of a file, each once.
pub fn read(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let xml = std::fs::read_to_string(path)?;
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for name in xml.split("<Name>").skip(1) {
        let name = name.split("</Name>").next().unwrap_or_default();
        let mut pieces = Vec::new();
        for element in name.split("</").filter(|element| element.contains('<')) {
            let (_, element) = element.split_once('<').ok_or("an element is wanted")?;
            let (label, text) = element.split_once('>').ok_or("an element is not closed")?;
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            let text = text.replace("&apos;", "'").replace("&amp;", "&");
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if !text.is_empty() {
                pieces.push((text, label.to_owned()));
            }
        }
        let row = Row::new(&pieces);
        if !row.labels.is_empty() && seen.insert(row.clone()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Lines `text<tab>label label …`.
pub fn write(rows: &[Row]) -> String {
    rows.iter().map(|row| format!("{}\t{}\n", row.text, row.labels.join(" "))).collect()
}
