//! Changes a model's files at random, in ways that reach beyond their first checks.

use serde_json::Value;

/// A small generator, so that a run repeats itself.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }
}

/// Numbers that programs stumble over.
const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "127",
    "256",
    "65536",
    "16000000",
    "4294967295",
    "9223372036854775807",
    "1e308",
    "-0.5",
];

/// Changes the content of the file of that name.
pub fn change(name: &str, content: &[u8], random: &mut Random) -> Vec<u8> {
    let changed = match name {
        "model.safetensors" if random.below(3) > 0 => header(content, random),
        name if name.ends_with(".json") && random.below(4) > 0 => json(content, random),
        "model.onnx" if random.below(2) > 0 => numbers(content, random),
        _ => None,
    };
    changed.unwrap_or_else(|| bytes(content, random))
}

/// Bytes flipped, put in, taken out, doubled or cut off.
fn bytes(content: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = content.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(changed.len());
        let length = (1 + random.below(64)).min(changed.len() - at);
        match random.below(6) {
            0 => changed.truncate(at),
            1 => drop(changed.drain(at..at + length)),
            2 => {
                let part = changed[at..at + length].to_vec();
                changed.splice(at..at, part);
            }
            3 => {
                let put_in: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
                changed.splice(at..at, put_in);
            }
            _ if !changed.is_empty() => changed[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    changed
}

/// Numbers of protobuf: single bytes near the file's beginning and its end, where sizes, types and
/// settings are, and not weights.
fn numbers(content: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut changed = content.to_vec();
    for _ in 0..=random.below(3) {
        let near = random.below(changed.len().min(3000));
        let at = if random.below(2) == 0 { near } else { changed.len().checked_sub(near + 1)? };
        changed[at] = random.pick(&[0, 1, 2, 3, 6, 7, 8, 16, 0x7f, 0x80, 0xff]);
    }
    Some(changed)
}

/// The header of a safetensors file, its length set right again, the numbers as they were.
fn header(content: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let length = u64::from_le_bytes(content.get(..8)?.try_into().ok()?) as usize;
    let rest = content.get(8 + length..)?;
    let header = json(content.get(8..8 + length)?, random)?;
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header);
    changed.extend(rest);
    Some(changed)
}

/// Values of a JSON document changed, removed, doubled or exchanged.
fn json(content: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(content).ok()?;
    for _ in 0..=random.below(3) {
        let count = count(&document);
        let mut left = random.below(count);
        alter(&mut document, &mut left, random);
    }
    serde_json::to_vec(&document).ok()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(values) => values.values().map(count).sum(),
        _ => 0,
    }
}

/// Alters the value at that place in the document; whether it was found.
fn alter(value: &mut Value, left: &mut usize, random: &mut Random) -> bool {
    if *left == 0 {
        *value = altered(value, random);
        return true;
    }
    *left -= 1;
    match value {
        Value::Array(values) => values.iter_mut().any(|value| alter(value, left, random)),
        Value::Object(values) => values.values_mut().any(|value| alter(value, left, random)),
        _ => false,
    }
}

fn altered(value: &Value, random: &mut Random) -> Value {
    let number = serde_json::from_str(random.pick(&NUMBERS)).unwrap_or_default();
    match (value, random.below(8)) {
        (Value::Number(_), 0..=5) => number,
        (Value::Array(values), 0..=2) => {
            let mut values = values.clone();
            if let Some(first) = values.first().cloned() {
                let times = random.pick(&[1, 2, 50]);
                values.extend(std::iter::repeat_n(first, times));
            }
            Value::Array(values)
        }
        (Value::Array(values), 3..=4) => {
            Value::Array(values.iter().take(random.below(values.len())).cloned().collect())
        }
        (Value::Object(values), 0..=3) => {
            let dropped = random.below(values.len());
            let kept = values.iter().enumerate().filter(|(index, _)| *index != dropped);
            Value::Object(kept.map(|(_, (name, value))| (name.clone(), value.clone())).collect())
        }
        (Value::String(text), 0..=2) => {
            let times = random.pick(&[0, 2, 300]);
            Value::String(text.repeat(times))
        }
        (_, 6) => Value::Null,
        (_, 7) => Value::String("\u{0}é👍".to_owned()),
        (_, 5) => Value::Array(vec![value.clone()]),
        _ => number,
    }
}
