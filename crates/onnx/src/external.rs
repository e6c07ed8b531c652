//! Detection of ONNX files that keep numbers in other files. Such a file makes its reader open
//! whatever it names, so it is looked for before anybody reads the model.

use std::io::{self, BufRead, ErrorKind, Seek};

/// Deepest nesting of messages; ONNX Runtime reads no deeper.
const DEPTH_MAX: usize = 100;

/// The messages of onnx.proto that hold tensors, themselves or deeper inside.
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    TrainingInfo,
    Function,
}

impl Message {
    /// The message in a field, where it may hold a tensor.
    fn inside(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::TrainingInfo, 1 | 2) | (Self::Attribute, 6 | 11) => {
                Self::Graph
            }
            (Self::Model, 20) => Self::TrainingInfo,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Self::Tensor
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            _ => return None,
        })
    }
}

/// True if any tensor of the model says that its numbers lie elsewhere. Fails with `InvalidData`
/// where the bytes are no protobuf.
pub fn has_external_data(file: &mut (impl BufRead + Seek)) -> io::Result<bool> {
    let bytes = file.seek(io::SeekFrom::End(0))?;
    file.rewind()?;
    search(file, Message::Model, bytes, 0)
}

fn search(
    file: &mut (impl BufRead + Seek),
    message: Message,
    bytes: u64,
    depth: usize,
) -> io::Result<bool> {
    if depth > DEPTH_MAX {
        return Err(malformed());
    }
    let mut left = bytes;
    while left > 0 {
        let key = varint(file, &mut left)?;
        let (field, kind) = (key >> 3, key & 7);
        match kind {
            0 => {
                let value = varint(file, &mut left)?;
                // data_location: EXTERNAL.
                if matches!(message, Message::Tensor) && field == 14 && value != 0 {
                    return Ok(true);
                }
            }
            1 => skip(file, 8, &mut left)?,
            5 => skip(file, 4, &mut left)?,
            2 => {
                let length = varint(file, &mut left)?;
                if matches!(message, Message::Tensor) && field == 13 {
                    return Ok(true);
                }
                match message.inside(field) {
                    Some(inside) => {
                        left = left.checked_sub(length).ok_or_else(malformed)?;
                        if search(file, inside, length, depth + 1)? {
                            return Ok(true);
                        }
                    }
                    None => skip(file, length, &mut left)?,
                }
            }
            _ => return Err(malformed()),
        }
    }
    Ok(false)
}

fn varint(file: &mut impl BufRead, left: &mut u64) -> io::Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        *left = left.checked_sub(1).ok_or_else(malformed)?;
        file.read_exact(&mut byte).map_err(|_| malformed())?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(value);
        }
    }
    Err(malformed())
}

fn skip(file: &mut (impl BufRead + Seek), bytes: u64, left: &mut u64) -> io::Result<()> {
    *left = left.checked_sub(bytes).ok_or_else(malformed)?;
    file.seek_relative(i64::try_from(bytes).map_err(|_| malformed())?)
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "model.onnx is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;
    use prost::Message as _;
    use std::io::Cursor;

    fn tensor(is_external: bool) -> TensorProto {
        TensorProto {
            data_location: i32::from(is_external),
            raw_data: Some(vec![0x6a; 40]),
            ..TensorProto::default()
        }
    }

    fn model(graph: GraphProto) -> Vec<u8> {
        ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }.to_bytes()
    }

    fn found(bytes: Vec<u8>) -> io::Result<bool> {
        has_external_data(&mut Cursor::new(bytes))
    }

    #[test]
    fn an_external_tensor_is_found_wherever_it_is() {
        for is_external in [false, true] {
            let graph = GraphProto {
                initializer: vec![tensor(false), tensor(is_external)],
                ..GraphProto::default()
            };
            assert_eq!(found(model(graph.clone())).unwrap(), is_external);
            // In a graph that is an operator's setting (field 6), as the body of a loop.
            let mut setting = vec![6 << 3 | 2];
            let inner = graph.encode_to_vec();
            prost::encoding::encode_varint(inner.len() as u64, &mut setting);
            setting.extend(inner);
            let mut node = vec![5 << 3 | 2, setting.len() as u8];
            node.extend(&setting);
            let mut outer = vec![1 << 3 | 2, node.len() as u8];
            outer.extend(node);
            let mut whole = vec![7 << 3 | 2];
            prost::encoding::encode_varint(outer.len() as u64, &mut whole);
            whole.extend(outer);
            assert_eq!(found(whole).unwrap(), is_external);
        }
        let external_data =
            vec![StringStringEntryProto { key: "location".into(), value: "x".into() }];
        let named = TensorProto { external_data, ..tensor(false) };
        let graph = GraphProto { initializer: vec![named], ..GraphProto::default() };
        assert!(found(model(graph)).unwrap());
    }

    #[test]
    fn what_is_no_protobuf_is_refused() {
        let graph = GraphProto { initializer: vec![tensor(false)], ..GraphProto::default() };
        let whole = model(graph);
        for length in 1..whole.len() {
            // A message may end after any field; inside one it may not.
            let cut = found(whole[..length].to_vec());
            assert!(cut.is_err() || cut.is_ok_and(|found| !found), "{length}");
        }
        for bytes in [&b"\x08"[..], b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0b\x0c"] {
            assert!(found(bytes.to_vec()).is_err(), "{bytes:?}");
        }
        // Graphs in graphs in graphs.
        let mut deep = Vec::new();
        for _ in 0..60 {
            for field in [6, 5, 1] {
                let mut outer = vec![field << 3 | 2];
                prost::encoding::encode_varint(deep.len() as u64, &mut outer);
                outer.extend(deep);
                deep = outer;
            }
        }
        let mut outer = vec![7 << 3 | 2];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.extend(deep);
        assert!(found(outer).is_err());
    }
}
