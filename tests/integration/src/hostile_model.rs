//! ONNX files that a stranger means ill with, written by hand as protobuf.

/// A field of bytes, a text or a message.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    varint(&mut encoded, u64::from(field) << 3 | 2);
    varint(&mut encoded, content.len() as u64);
    encoded.extend_from_slice(content);
    encoded
}

/// A field of a number.
fn number(field: u8, value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    varint(&mut encoded, u64::from(field) << 3);
    varint(&mut encoded, value);
    encoded
}

fn varint(encoded: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        encoded.push(value as u8 | 0x80);
        value >>= 7;
    }
    encoded.push(value as u8);
}

/// A setting of an operator: its name, the field with its value, and which kind that is.
fn attribute(name: &str, value: &[u8], kind: u64) -> Vec<u8> {
    bytes(5, &[bytes(1, name.as_bytes()), value.to_vec(), number(20, kind)].concat())
}

fn integer(name: &str, value: u64) -> Vec<u8> {
    attribute(name, &number(3, value), 2)
}

fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    attribute(name, &values, 7)
}

fn node(kind: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut content = Vec::new();
    content.extend(inputs.iter().flat_map(|name| bytes(1, name.as_bytes())));
    content.extend(outputs.iter().flat_map(|name| bytes(2, name.as_bytes())));
    content.extend(bytes(4, kind.as_bytes()));
    content.extend(attributes.concat());
    bytes(1, &content)
}

const FLOAT: u64 = 1;
const INT64: u64 = 7;
const BOOL: u64 = 9;

/// An input or an output of a graph; a length of 0 stands for any.
fn value(field: u8, name: &str, kind: u64, lengths: &[u64]) -> Vec<u8> {
    let dimension = |length: &u64| match length {
        0 => bytes(1, &bytes(2, b"any")),
        length => bytes(1, &number(1, *length)),
    };
    let shape: Vec<u8> = lengths.iter().flat_map(dimension).collect();
    let tensor = [number(1, kind), bytes(2, &shape)].concat();
    bytes(field, &[bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat())
}

/// A constant: integers of 64 bits or a truth value.
fn constant(name: &str, kind: u64, lengths: &[u64], content: &[u8]) -> Vec<u8> {
    let lengths: Vec<u8> = lengths.iter().flat_map(|length| number(1, *length)).collect();
    let tensor = [lengths, number(2, kind), bytes(8, name.as_bytes()), bytes(9, content)];
    bytes(5, &tensor.concat())
}

fn model(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), bytes(7, graph), bytes(8, &number(2, 17))].concat()
}

/// A classifier of two classes whose logits come out of a loop with 2⁶² turns, for every text or
/// for those alone in which a token occurs.
pub fn endless(token: Option<u64>) -> Vec<u8> {
    let body = [
        node("Identity", &["go_in"], &["go_out"], &[]),
        node("Identity", &["x_in"], &["x_out"], &[]),
        bytes(2, b"body"),
        value(11, "turn", INT64, &[]),
        value(11, "go_in", BOOL, &[]),
        value(11, "x_in", FLOAT, &[0, 1]),
        value(12, "go_out", BOOL, &[]),
        value(12, "x_out", FLOAT, &[0, 1]),
    ]
    .concat();
    let turns = match token {
        None => vec![constant("turns", INT64, &[], &(1_u64 << 62).to_le_bytes())],
        Some(token) => vec![
            constant("token", INT64, &[], &token.to_le_bytes()),
            constant("many", INT64, &[], &(1_u64 << 62).to_le_bytes()),
            node("Equal", &["input_ids", "token"], &["is_token"], &[]),
            node("Cast", &["is_token"], &["found"], &[integer("to", INT64)]),
            node("ReduceMax", &["found"], &["any_found"], &[integer("keepdims", 0)]),
            node("Mul", &["any_found", "many"], &["turns"], &[]),
        ],
    };
    let graph = [
        turns.concat(),
        constant("go", BOOL, &[], &[1]),
        node("Cast", &["input_ids"], &["ids"], &[integer("to", FLOAT)]),
        node("ReduceMean", &["ids"], &["mean"], &[integers("axes", &[1])]),
        node("Loop", &["turns", "go", "mean"], &["x"], &[attribute("body", &bytes(6, &body), 5)]),
        node("Concat", &["mean", "x"], &["logits"], &[integer("axis", 1)]),
        bytes(2, b"graph"),
        value(11, "input_ids", INT64, &[0, 0]),
        value(11, "attention_mask", INT64, &[0, 0]),
        value(12, "logits", FLOAT, &[0, 2]),
    ]
    .concat();
    model(&graph)
}

/// A classifier that wants so many bytes of memory for each answer.
pub fn greedy(memory_bytes: u64) -> Vec<u8> {
    let graph = [
        constant("lengths", INT64, &[1], &(memory_bytes / 4).to_le_bytes()),
        node("Cast", &["input_ids"], &["ids"], &[integer("to", FLOAT)]),
        node("ReduceMean", &["ids"], &["mean"], &[integers("axes", &[1])]),
        // What depends on the text cannot be worked out beforehand.
        node("ReduceMax", &["mean"], &["one"], &[integer("keepdims", 0)]),
        node("Expand", &["one", "lengths"], &["many"], &[]),
        node("Exp", &["many"], &["grown"], &[]),
        node("ReduceSum", &["grown"], &["sum"], &[integer("keepdims", 0)]),
        node("Add", &["mean", "sum"], &["x"], &[]),
        node("Concat", &["mean", "x"], &["logits"], &[integer("axis", 1)]),
        bytes(2, b"graph"),
        value(11, "input_ids", INT64, &[0, 0]),
        value(11, "attention_mask", INT64, &[0, 0]),
        value(12, "logits", FLOAT, &[0, 2]),
    ]
    .concat();
    model(&graph)
}

/// A classifier of which a constant's numbers are said to lie in another file: eight bytes at an
/// offset, in a folder beside.
pub fn reading(location: &str, offset: u64) -> Vec<u8> {
    let pair = |key: &str, value: &str| {
        bytes(13, &[bytes(1, key.as_bytes()), bytes(2, value.as_bytes())].concat())
    };
    let tensor = [
        number(1, 2),
        number(2, FLOAT),
        bytes(8, b"stolen"),
        pair("location", location),
        pair("offset", &offset.to_string()),
        pair("length", "8"),
        number(14, 1),
    ]
    .concat();
    let graph = [
        bytes(5, &tensor),
        node("Cast", &["input_ids"], &["ids"], &[integer("to", FLOAT)]),
        node("ReduceMean", &["ids"], &["mean"], &[integers("axes", &[1])]),
        node("Add", &["mean", "stolen"], &["logits"], &[]),
        bytes(2, b"graph"),
        value(11, "input_ids", INT64, &[0, 0]),
        value(11, "attention_mask", INT64, &[0, 0]),
        value(12, "logits", FLOAT, &[0, 2]),
    ]
    .concat();
    model(&graph)
}
