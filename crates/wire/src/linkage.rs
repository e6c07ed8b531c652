//! Messages between a backend and the child that looks for duplicates.
//!
//! The backend writes a [`LinkJob`] as JSON into a file and the rows beside it ([`RowWriter`]). The
//! child writes [`LinkEvent`]s to its standard output, one JSON object a line, and its results into
//! files of rows: [`PAIRS`] and [`CLUSTERS`]. Paths are relative to the child's working directory.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

/// The file of pairs: left key, right key, probability, weight, evidence as JSON.
pub const PAIRS: &str = "pairs";
/// The file of clusters: key, cluster, whether the row is of the right table, hashes as an array.
pub const CLUSTERS: &str = "clusters";

/// One search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkJob {
    /// The columns to be compared.
    pub columns: Vec<LinkColumn>,
    /// The rows of the table, or of the left one: the key and a value for each column.
    pub rows: PathBuf,
    /// The rows of the right table, where two are linked.
    pub right_rows: Option<PathBuf>,
    /// The folder for results.
    pub output: PathBuf,
    /// Least probability of a pair, above 0 and below 1.
    pub threshold: f64,
    /// True if a row is linked with one row of the other table alone.
    pub one_to_one: bool,
    /// Threads that may be used.
    pub threads: usize,
}

/// A column of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkColumn {
    /// Its name.
    pub name: String,
    /// The name of its kind; `None` to have it guessed.
    pub kind: Option<String>,
}

/// Events of the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkEvent {
    /// Progress.
    Phase {
        /// The phase.
        phase: String,
        /// Units done.
        done: u64,
        /// Of how much.
        of: u64,
    },
    /// The results are written.
    Finished(Box<LinkOutcome>),
    /// A key comes twice in a table.
    KeyNotUnique,
    /// It failed.
    Failed {
        /// Why: no customer's text is in it.
        message: String,
    },
}

/// Findings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LinkOutcome {
    /// Rows that were read.
    pub rows: u64,
    /// Clusters, those of one row included.
    pub clusters: u64,
    /// Rows of the largest cluster.
    pub largest_cluster: u64,
    /// Pairs that were written.
    pub pairs: u64,
    /// Pairs that were compared.
    pub compared: u64,
    /// The expected number of pairs of one person.
    pub expected_pairs: f64,
    /// The compared columns and their kinds.
    pub kinds: BTreeMap<String, String>,
    /// The keys of blocks, best first. Of a small table all pairs are compared all the same.
    pub keys: Vec<LinkKey>,
    /// The learned model as JSON to be kept; `None` where nothing could be compared.
    pub model: Option<String>,
}

/// A key of blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkKey {
    /// The columns and parts that must agree.
    pub key: String,
    /// The number of pairs that it was estimated to give.
    pub pairs: f64,
    /// The share of expected matches that it added, each counted up to twice.
    pub gain: f64,
}

/// Marks a missing value.
const MISSING: u32 = u32::MAX;

/// Writes rows: each value as its length in four bytes, little-endian, and its bytes.
#[derive(Debug)]
pub struct RowWriter<W>(W);

impl<W: Write> RowWriter<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self(out)
    }

    /// Writes one value; gives the bytes written.
    pub fn value(&mut self, value: Option<&str>) -> io::Result<u64> {
        let Some(value) = value else {
            self.0.write_all(&MISSING.to_le_bytes())?;
            return Ok(4);
        };
        let length = u32::try_from(value.len()).ok().filter(|length| *length != MISSING);
        let length = length.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(value.as_bytes())?;
        Ok(4 + u64::from(length))
    }

    /// Writes out what is held back.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads rows of a known number of values.
#[derive(Debug)]
pub struct RowReader<R> {
    input: R,
    values: Vec<Option<String>>,
}

impl<R: Read> RowReader<R> {
    /// Reads rows of `columns` values each.
    pub fn new(input: R, columns: usize) -> Self {
        Self { input, values: vec![None; columns] }
    }

    /// The next row; `None` at the end.
    pub fn next_row(&mut self) -> io::Result<Option<&mut [Option<String>]>> {
        for place in 0..self.values.len() {
            let Some(length) = self.length(place == 0)? else { return Ok(None) };
            if length == MISSING {
                self.values[place] = None;
                continue;
            }
            let mut bytes = Vec::new();
            (&mut self.input).take(u64::from(length)).read_to_end(&mut bytes)?;
            if bytes.len() != length as usize {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let text =
                String::from_utf8(bytes).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
            self.values[place] = Some(text);
        }
        Ok(Some(&mut self.values))
    }

    /// The length of the next value; `None` at the end of the file, allowed before a row alone.
    fn length(&mut self, may_end: bool) -> io::Result<Option<u32>> {
        let mut bytes = [0; 4];
        let mut read = 0;
        while read < bytes.len() {
            match self.input.read(&mut bytes[read..]) {
                Ok(0) if read == 0 && may_end => return Ok(None),
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => read += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(u32::from_le_bytes(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let rows = [[Some("1"), None, Some("")], [Some("2"), Some("ü\n\t"), Some("x")]];
        let mut bytes = Vec::new();
        let mut writer = RowWriter::new(&mut bytes);
        for value in rows.iter().flatten() {
            writer.value(*value).unwrap();
        }
        writer.finish().unwrap();
        let mut reader = RowReader::new(&bytes[..], 3);
        for row in rows {
            let read = reader.next_row().unwrap().unwrap();
            assert!(read.iter().map(Option::as_deref).eq(row));
        }
        assert!(reader.next_row().unwrap().is_none());
        for end in 1..bytes.len() {
            let mut reader = RowReader::new(&bytes[..end], 3);
            let mut count = 0;
            while let Ok(Some(_)) = reader.next_row() {
                count += 1;
            }
            assert!(count < 2);
        }
    }
}
