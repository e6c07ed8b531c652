//! The form of a model as it is compiled in, and how a trained model gets into it.
//!
//! Little-endian: `CRF1`; number of labels, one byte; each label as length byte and UTF-8;
//! transition weights, f32, row by row; scale, f32; number of attributes, u32; for each attribute,
//! ascending by hash: hash, u64; number of weights, one byte; each weight as label byte and i16 in
//! units of the scale. Attributes are known by hash, so their names take no room.

use super::{ModelError, PassThrough};
use std::collections::{BTreeMap, HashMap};

const MAGIC: &[u8; 4] = b"CRF1";

/// FNV-1a of 64 bits, its bits mixed once more (the finaliser of MurmurHash3), since the low bits
/// choose the bucket.
pub(super) fn hash(attribute: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in attribute.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

pub(super) struct Unpacked {
    pub labels: Vec<String>,
    pub transitions: Vec<f64>,
    pub attributes: HashMap<u64, (u32, u32), PassThrough>,
    pub weights: Vec<(u8, f32)>,
}

/// Reason why a trained model cannot be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A line of the dump that is no weight.
    #[error("line {0} of the model's dump is no weight")]
    Line(usize),
    /// Fewer than one label, more than 255, or a name over 255 bytes.
    #[error("1 to 255 labels of at most 255 bytes are allowed")]
    Labels,
    /// Two attributes have one hash: rename one.
    #[error("the attributes {0} and {1} have the same hash")]
    Collision(String, String),
}

/// Packs a model in CRFsuite's text form, as `crfs::Model::dump` writes it. State weights nearer
/// to zero than `floor` are left out.
pub fn pack(dump: &str, floor: f64) -> Result<Vec<u8>, PackError> {
    let dumped = read_dump(dump)?;
    let names = &dumped.labels;
    if names.is_empty() || names.len() > 255 || names.iter().any(|name| name.len() > 255) {
        return Err(PackError::Labels);
    }
    let mut attributes: BTreeMap<u64, Attribute> = BTreeMap::new();
    for (attribute, label, weight) in &dumped.states {
        if weight.abs() < floor {
            continue;
        }
        let entry = attributes.entry(hash(attribute)).or_insert_with(|| (attribute, Vec::new()));
        if entry.0 != attribute {
            return Err(PackError::Collision(entry.0.to_owned(), attribute.clone()));
        }
        entry.1.push((*label, *weight));
    }
    let weights = attributes.values().flat_map(|(_, weights)| weights.iter());
    let top = weights.fold(0.0_f64, |top, (_, weight)| top.max(weight.abs()));
    let scale = (top.max(f64::from(f32::MIN_POSITIVE)) / f64::from(i16::MAX)) as f32;
    let mut packed = MAGIC.to_vec();
    packed.push(names.len() as u8);
    for name in names {
        packed.push(name.len() as u8);
        packed.extend_from_slice(name.as_bytes());
    }
    for weight in &dumped.transitions {
        packed.extend_from_slice(&(*weight as f32).to_le_bytes());
    }
    packed.extend_from_slice(&scale.to_le_bytes());
    packed.extend_from_slice(&(attributes.len() as u32).to_le_bytes());
    for (hash, (_, weights)) in &attributes {
        packed.extend_from_slice(&hash.to_le_bytes());
        packed.push(weights.len() as u8);
        for (label, weight) in weights {
            packed.push(*label);
            let units = (weight / f64::from(scale)).round() as i16;
            packed.extend_from_slice(&units.to_le_bytes());
        }
    }
    Ok(packed)
}

/// Name of an attribute and its weights by label.
type Attribute<'a> = (&'a str, Vec<(u8, f64)>);

struct Dumped {
    labels: Vec<String>,
    transitions: Vec<f64>,
    states: Vec<(String, u8, f64)>,
}

/// Lines `  12: label` in the section LABELS, `  (1) from --> to: 0.5` in TRANSITIONS and
/// `  (0) attribute --> label: 0.5` in STATE_FEATURES.
fn read_dump(dump: &str) -> Result<Dumped, PackError> {
    let mut dumped = Dumped { labels: Vec::new(), transitions: Vec::new(), states: Vec::new() };
    let mut section = "";
    for (at, line) in dump.lines().enumerate() {
        if let Some(name) = line.strip_suffix(" = {") {
            section = name;
            if section == "TRANSITIONS" {
                dumped.transitions = vec![0.0; dumped.labels.len() * dumped.labels.len()];
            }
            continue;
        }
        if line == "}" || line.is_empty() {
            section = "";
            continue;
        }
        let failed = || PackError::Line(at + 1);
        match section {
            "LABELS" => {
                let (_, name) = line.split_once(": ").ok_or_else(failed)?;
                dumped.labels.push(name.to_owned());
            }
            "TRANSITIONS" | "STATE_FEATURES" => {
                let (from, to, weight) = edge(line).ok_or_else(failed)?;
                let find = |name: &str| dumped.labels.iter().position(|label| label == name);
                let to = find(to).ok_or_else(failed)?;
                if section == "TRANSITIONS" {
                    let from = find(from).ok_or_else(failed)?;
                    dumped.transitions[from * dumped.labels.len() + to] = weight;
                } else {
                    dumped.states.push((from.to_owned(), to as u8, weight));
                }
            }
            _ => {}
        }
    }
    Ok(dumped)
}

fn edge(line: &str) -> Option<(&str, &str, f64)> {
    let (edge, weight) = line.rsplit_once(": ")?;
    let (from, to) = edge.rsplit_once(" --> ")?;
    let (_, from) = from.split_once(") ")?;
    Some((from, to, weight.parse().ok()?))
}

/// Reads a packed model; every length is checked.
pub(super) fn unpack(packed: &[u8]) -> Result<Unpacked, ModelError> {
    let mut bytes = Bytes(packed);
    if &bytes.take::<4>()? != MAGIC {
        return Err(ModelError);
    }
    let count = usize::from(bytes.byte()?);
    let mut labels = Vec::with_capacity(count);
    for _ in 0..count {
        let length = usize::from(bytes.byte()?);
        let name = bytes.slice(length)?;
        labels.push(std::str::from_utf8(name).map_err(|_| ModelError)?.to_owned());
    }
    let mut transitions = Vec::with_capacity(count * count);
    for _ in 0..count * count {
        transitions.push(f64::from(bytes.float()?));
    }
    let scale = bytes.float()?;
    let attribute_count = u32::from_le_bytes(bytes.take()?) as usize;
    // An attribute takes nine bytes at least: a damaged count must not reserve memory.
    let room = attribute_count.min(packed.len() / 9);
    let mut attributes = HashMap::with_capacity_and_hasher(room, PassThrough);
    let mut weights = Vec::with_capacity(packed.len() / 6);
    for _ in 0..attribute_count {
        let hash = u64::from_le_bytes(bytes.take()?);
        let start = weights.len() as u32;
        for _ in 0..bytes.byte()? {
            let label = bytes.byte()?;
            if usize::from(label) >= count {
                return Err(ModelError);
            }
            weights.push((label, f32::from(i16::from_le_bytes(bytes.take()?)) * scale));
        }
        attributes.insert(hash, (start, weights.len() as u32));
    }
    if !bytes.0.is_empty() {
        return Err(ModelError);
    }
    weights.shrink_to_fit();
    Ok(Unpacked { labels, transitions, attributes, weights })
}

/// The bytes left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], ModelError> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(ModelError)?;
        self.0 = tail;
        Ok(head)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.slice(N)?.try_into().map_err(|_| ModelError)
    }

    fn byte(&mut self) -> Result<u8, ModelError> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    /// A finite number.
    fn float(&mut self) -> Result<f32, ModelError> {
        let value = f32::from_le_bytes(self.take()?);
        if value.is_finite() { Ok(value) } else { Err(ModelError) }
    }
}
