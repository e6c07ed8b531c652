//! Reads a safetensors file one tensor at a time.
//!
//! The `safetensors` crate wants the whole file in memory (or a memory map, which needs `unsafe`);
//! here each tensor is read straight into the buffer that the graph will own, so a model is held
//! once while it loads. The layout: eight bytes with the header's length, the header (JSON: name →
//! dtype, shape, byte range), then the tensors' bytes.

use crate::Error;
use half::{bf16, f16};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Name of the file in a model's folder.
pub const FILE: &str = "model.safetensors";
/// Largest header that is read; the header of a model of 100,000 tensors has about 10 MB.
const HEADER_BYTES_MAX: u64 = 16 << 20;
/// Bytes that are converted at a time.
const CHUNK_BYTES: usize = 1 << 16;

/// Type of a tensor's elements, as the header names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dtype(String);

impl Dtype {
    /// Bytes of one element; `None` for types that weights never have.
    fn weight_bytes(&self) -> Option<u64> {
        match self.0.as_str() {
            "F32" => Some(4),
            "F16" | "BF16" => Some(2),
            _ => None,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name comes from a stranger's file: show what a type's name can be, no more.
        formatter.write_str(&self.0.chars().take(16).collect::<String>())
    }
}

/// Location of a tensor.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    dtype: Dtype,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// An open safetensors file whose header was checked against the file's length.
#[derive(Debug)]
pub struct SafeTensors {
    file: File,
    data_start: u64,
    entries: BTreeMap<String, Entry>,
}

impl SafeTensors {
    /// Opens `folder/model.safetensors` and checks its header: its size, every tensor's byte range
    /// (within the file, as long as shape and type say, not overlapping).
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { file: FILE, source };
        let mut file = File::open(folder.join(FILE)).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(io)?;
        let header_bytes = u64::from_le_bytes(length);
        if header_bytes > HEADER_BYTES_MAX {
            let limit = HEADER_BYTES_MAX;
            return Err(Error::TooLarge { file: FILE, bytes: header_bytes, limit });
        }
        let data_start = header_bytes + 8;
        if data_start > bytes {
            return Err(Error::malformed(FILE, "the file ends inside its header"));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(io)?;
        let entries = parse_header(&header)?;
        check_ranges(&entries, bytes - data_start)?;
        Ok(Self { file, data_start, entries })
    }

    /// True if there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The tensor's shape.
    pub fn shape(&self, name: &str) -> Result<&[u64], Error> {
        Ok(&self.entry(name)?.shape)
    }

    /// Number of elements of all floating-point tensors.
    pub fn parameters(&self) -> u64 {
        let weights = self.entries.values().filter(|entry| entry.dtype.weight_bytes().is_some());
        weights.map(|entry| entry.shape.iter().product::<u64>()).sum()
    }

    /// Reads a tensor as 32-bit numbers, row-major; refuses another shape than `shape` and any
    /// value that is infinite or not a number.
    pub fn read(&self, name: &str, shape: &[u64]) -> Result<Vec<f32>, Error> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            return Err(Error::Shape {
                name: name.to_owned(),
                found: entry.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        // Only of weights it was checked that they are as long as their shape says.
        if entry.dtype.weight_bytes().is_none() {
            let dtype = entry.dtype.clone();
            return Err(Error::TensorType { name: name.to_owned(), dtype });
        }
        let (start, end) = entry.data_offsets;
        let mut values = Vec::with_capacity(shape.iter().product::<u64>() as usize);
        let mut chunk = vec![0; CHUNK_BYTES.min((end - start) as usize)];
        let mut at = start;
        while at < end {
            let length = chunk.len().min((end - at) as usize);
            let bytes = &mut chunk[..length];
            let read = self.file.read_exact_at(bytes, self.data_start + at);
            read.map_err(|source| Error::Io { file: FILE, source })?;
            extend(&mut values, bytes, name, &entry.dtype)?;
            at += length as u64;
        }
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(Error::NotFinite(name.to_owned()))
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.entries.get(name).ok_or_else(|| Error::MissingTensor(name.to_owned()))
    }
}

/// Appends the little-endian numbers of `bytes`, a whole number of elements.
fn extend(values: &mut Vec<f32>, bytes: &[u8], name: &str, dtype: &Dtype) -> Result<(), Error> {
    let pairs = || bytes.as_chunks::<2>().0.iter();
    match dtype.0.as_str() {
        "F32" => {
            values.extend(bytes.as_chunks::<4>().0.iter().map(|&chunk| f32::from_le_bytes(chunk)));
        }
        "F16" => values.extend(pairs().map(|&pair| f16::from_le_bytes(pair).to_f32())),
        "BF16" => values.extend(pairs().map(|&pair| bf16::from_le_bytes(pair).to_f32())),
        _ => return Err(Error::TensorType { name: name.to_owned(), dtype: dtype.clone() }),
    }
    Ok(())
}

fn parse_header(header: &[u8]) -> Result<BTreeMap<String, Entry>, Error> {
    /// `__metadata__` has another form than a tensor's entry and is of no use here.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Item {
        Tensor(Entry),
        Metadata(serde::de::IgnoredAny),
    }
    let items: BTreeMap<String, Item> = serde_json::from_slice(header)
        .map_err(|error| Error::malformed(FILE, format!("header: {error}")))?;
    let mut entries = BTreeMap::new();
    for (name, item) in items {
        match item {
            Item::Tensor(entry) => drop(entries.insert(name, entry)),
            Item::Metadata(_) if name == "__metadata__" => {}
            Item::Metadata(_) => return Err(Error::malformed(FILE, "header: an odd entry")),
        }
    }
    Ok(entries)
}

fn check_ranges(entries: &BTreeMap<String, Entry>, data_bytes: u64) -> Result<(), Error> {
    let malformed = |reason: &str| Err(Error::malformed(FILE, reason));
    let mut ranges = Vec::with_capacity(entries.len());
    for entry in entries.values() {
        let (start, end) = entry.data_offsets;
        if start > end || end > data_bytes {
            return malformed("a tensor lies outside the file");
        }
        // A shape may claim any size, so its product is never taken unchecked.
        let elements = entry.shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim));
        let Some(elements) = elements else { return malformed("a tensor's size overflows") };
        if let Some(size) = entry.dtype.weight_bytes()
            && elements.checked_mul(size) != Some(end - start)
        {
            return malformed("a tensor's byte range disagrees with its shape");
        }
        ranges.push((start, end));
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return malformed("two tensors overlap");
    }
    Ok(())
}

/// Reads a whole small file of a model's folder; `None` where there is none.
pub(crate) fn read_small(
    folder: &Path,
    file: &'static str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let io = |source| Error::Io { file, source };
    let handle = match File::open(folder.join(file)) {
        Ok(handle) => handle,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let bytes = handle.metadata().map_err(io)?.len();
    if bytes > limit {
        return Err(Error::TooLarge { file, bytes, limit });
    }
    let mut content = Vec::with_capacity(bytes as usize);
    // The file may grow while it is read.
    handle.take(limit).read_to_end(&mut content).map_err(io)?;
    Ok(Some(content))
}
