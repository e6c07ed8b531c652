//! Messages from the backend to the engine.

use crate::cursor::Cursor;
use crate::{Digest, Frame, Precision, ProtocolError};

/// Kind of computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Task {
    /// One probability per class and text.
    Classify = 1,
    /// One unit-length vector per text.
    Embed = 2,
    /// One probability per class and record; the texts are the records' JSON objects.
    Predict = 3,
}

/// Texts of one request: their bytes back to back, and where each ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts<'a> {
    lengths: &'a [[u8; 4]],
    bytes: &'a str,
}

impl<'a> Texts<'a> {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = self.bytes;
        self.lengths.iter().map(move |length| {
            // Decoding checked that every length falls on a character's boundary.
            let (text, tail) = rest.split_at(u32::from_le_bytes(*length) as usize);
            rest = tail;
            text
        })
    }
}

/// A request for answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Infer<'a> {
    /// The artifact that answers.
    pub model: Digest,
    /// The arithmetic of its version.
    pub precision: Precision,
    /// Kind of computation.
    pub task: Task,
    /// Milliseconds from now after which nobody wants the answer; 0 for never.
    pub deadline_ms: u32,
    /// Name of the version, `model@number`; for the log, may be empty.
    pub reference: &'a str,
    /// Texts to judge.
    pub texts: Texts<'a>,
}

/// Header of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload<'a> {
    /// OID of the database that has the artifact; 0 where none has.
    pub database: u32,
    /// Name of the version, `model@number`; for the log, may be empty.
    pub reference: &'a str,
    /// The artifact's manifest, JSON.
    pub manifest: &'a [u8],
}

impl<'a> Upload<'a> {
    /// An upload of no database and without a name.
    pub fn new(manifest: &'a [u8]) -> Self {
        Self { database: 0, reference: "", manifest }
    }

    fn encode(&self) -> Vec<u8> {
        let reference = shortened(self.reference);
        let mut payload = Vec::with_capacity(6 + reference.len() + self.manifest.len());
        payload.extend_from_slice(&self.database.to_le_bytes());
        payload.extend_from_slice(&(reference.len() as u16).to_le_bytes());
        payload.extend_from_slice(reference.as_bytes());
        payload.extend_from_slice(self.manifest);
        payload
    }

    /// Reads what an upload's first frame holds.
    pub fn decode(payload: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut cursor = Cursor::new(payload, "upload");
        let database = cursor.u32()?;
        let length = cursor.u16()?;
        let reference = decode_reference(&mut cursor, length)?;
        let manifest = cursor.bytes(cursor.remaining())?;
        Ok(Self { database, reference, manifest })
    }
}

/// Most texts of one request: each takes some hundred bytes while it waits, however short it is.
pub const TEXTS_MAX: usize = 1 << 20;

/// Longest name of a version, in bytes: 63 characters, `@` and a number.
pub const REFERENCE_BYTES_MAX: usize = 63 * 4 + 1 + 10;

/// A name's beginning that is no longer than a name may be.
fn shortened(reference: &str) -> &str {
    &reference[..reference.floor_char_boundary(REFERENCE_BYTES_MAX)]
}

fn decode_reference<'a>(cursor: &mut Cursor<'a>, length: u16) -> Result<&'a str, ProtocolError> {
    if usize::from(length) > REFERENCE_BYTES_MAX {
        return Err(cursor.malformed());
    }
    let bytes = cursor.bytes(length.into())?;
    std::str::from_utf8(bytes).map_err(|_| cursor.malformed())
}

/// A message from the backend to the engine. The frame's request id identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// Judge texts. Answered by `Scores` or `Vectors`, with `Progress` before it when it takes
    /// long.
    Infer(Infer<'a>),
    /// The requester no longer wants the answer to the request of this frame's id. No reply.
    Cancel,
    /// Announces an artifact by its manifest. The content of its files follows in order, in
    /// `LoadChunk` frames of the same id. Answered by `Loaded` at once when the engine has the
    /// artifact already (chunks still under way are then ignored), else after the last byte.
    LoadBegin(Upload<'a>),
    /// The next bytes of the announced files.
    LoadChunk(&'a [u8]),
    /// Read an artifact and tell what it is. Answered by `Described`.
    Describe(Digest),
    /// Forget an artifact: free its memory and its cached files. Answered by `Loaded`.
    Evict(Digest),
    /// Answered by `Stats`.
    Stats,
    /// Announces an artifact as `LoadBegin` does, to be told what it is: the engine reads and tries
    /// it in a process of its own, answers by `Described`, and keeps nothing of it.
    Examine(Upload<'a>),
    /// Answered by `Pong`, at once, while the engine's threads make progress; else not at all.
    Ping,
    /// Names the databases that exist. Cached artifacts that only others sent are forgotten.
    /// Answered by `Loaded`.
    Sweep(Databases<'a>),
}

/// OIDs of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Databases<'a>(&'a [[u8; 4]]);

impl Databases<'_> {
    /// A whole frame that asks for a sweep.
    pub fn encode_sweep(request_id: u64, databases: &[u32]) -> Result<Vec<u8>, ProtocolError> {
        let payload: Vec<u8> = databases.iter().flat_map(|oid| oid.to_le_bytes()).collect();
        Frame::encode(10, request_id, &payload)
    }

    /// The OIDs.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|oid| u32::from_le_bytes(*oid))
    }
}

impl<'a> Request<'a> {
    /// A request takes this much at most beside the texts.
    pub const INFER_OVERHEAD_BYTES: usize = 44 + REFERENCE_BYTES_MAX;
    /// And this much for each text.
    pub const TEXT_OVERHEAD_BYTES: usize = 4;

    /// A whole frame that asks for answers; refuses texts that do not fit one frame.
    pub fn encode_infer(
        request_id: u64,
        target: (Digest, Precision, Task),
        deadline_ms: u32,
        texts: &[&str],
    ) -> Result<Vec<u8>, ProtocolError> {
        Self::encode_infer_named(request_id, target, "", deadline_ms, texts)
    }

    /// The same with what people call the version.
    pub fn encode_infer_named(
        request_id: u64,
        (model, precision, task): (Digest, Precision, Task),
        reference: &str,
        deadline_ms: u32,
        texts: &[&str],
    ) -> Result<Vec<u8>, ProtocolError> {
        let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
        let mut payload = Vec::with_capacity(
            Self::INFER_OVERHEAD_BYTES + texts.len() * Self::TEXT_OVERHEAD_BYTES + text_bytes,
        );
        let reference = shortened(reference);
        payload.extend_from_slice(&model.0);
        payload.extend_from_slice(&[precision as u8, task as u8]);
        payload.extend_from_slice(&(reference.len() as u16).to_le_bytes());
        payload.extend_from_slice(&deadline_ms.to_le_bytes());
        payload.extend_from_slice(&(texts.len() as u32).to_le_bytes());
        payload.extend_from_slice(reference.as_bytes());
        payload.extend(texts.iter().flat_map(|text| (text.len() as u32).to_le_bytes()));
        for text in texts {
            payload.extend_from_slice(text.as_bytes());
        }
        Frame::encode(1, request_id, &payload)
    }

    /// A whole frame of any other request.
    pub fn encode(&self, request_id: u64) -> Result<Vec<u8>, ProtocolError> {
        match self {
            Self::Infer(infer) => {
                let texts: Vec<&str> = infer.texts.iter().collect();
                let target = (infer.model, infer.precision, infer.task);
                let (reference, deadline_ms) = (infer.reference, infer.deadline_ms);
                Self::encode_infer_named(request_id, target, reference, deadline_ms, &texts)
            }
            Self::Cancel => Frame::encode(2, request_id, &[]),
            Self::LoadBegin(upload) => Frame::encode(3, request_id, &upload.encode()),
            Self::LoadChunk(bytes) => Frame::encode(4, request_id, bytes),
            Self::Describe(digest) => Frame::encode(5, request_id, &digest.0),
            Self::Evict(digest) => Frame::encode(6, request_id, &digest.0),
            Self::Stats => Frame::encode(7, request_id, &[]),
            Self::Examine(upload) => Frame::encode(8, request_id, &upload.encode()),
            Self::Ping => Frame::encode(9, request_id, &[]),
            Self::Sweep(databases) => Frame::encode(10, request_id, databases.0.as_flattened()),
        }
    }

    /// Reads the message of a frame.
    pub fn decode(frame: &'a Frame) -> Result<Self, ProtocolError> {
        let mut cursor = Cursor::new(&frame.payload, "request");
        let request = match frame.kind {
            1 => return Ok(Self::Infer(decode_infer(&frame.payload)?)),
            2 => Self::Cancel,
            3 => return Ok(Self::LoadBegin(Upload::decode(&frame.payload)?)),
            4 => return Ok(Self::LoadChunk(&frame.payload)),
            5 => Self::Describe(Digest(cursor.array()?)),
            6 => Self::Evict(Digest(cursor.array()?)),
            7 => Self::Stats,
            8 => return Ok(Self::Examine(Upload::decode(&frame.payload)?)),
            9 => Self::Ping,
            10 => {
                let (databases, rest) = frame.payload.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(cursor.malformed());
                }
                return Ok(Self::Sweep(Databases(databases)));
            }
            kind => return Err(ProtocolError::Kind(kind)),
        };
        cursor.finish()?;
        Ok(request)
    }
}

fn decode_infer(payload: &[u8]) -> Result<Infer<'_>, ProtocolError> {
    let mut cursor = Cursor::new(payload, "inference request");
    let model = Digest(cursor.array()?);
    let precision = match cursor.u8()? {
        0 => Precision::Fp32,
        1 => Precision::Int8,
        _ => return Err(cursor.malformed()),
    };
    let task = match cursor.u8()? {
        1 => Task::Classify,
        2 => Task::Embed,
        3 => Task::Predict,
        _ => return Err(cursor.malformed()),
    };
    let reference_bytes = cursor.u16()?;
    let deadline_ms = cursor.u32()?;
    let count = cursor.u32()? as usize;
    let reference = decode_reference(&mut cursor, reference_bytes)?;
    if count > TEXTS_MAX {
        return Err(cursor.malformed());
    }
    let length_bytes = count.checked_mul(4).ok_or(cursor.malformed())?;
    let (lengths, _) = cursor.bytes(length_bytes)?.as_chunks::<4>();
    let bytes = cursor.bytes(cursor.remaining())?;
    let bytes = std::str::from_utf8(bytes).map_err(|_| cursor.malformed())?;
    let mut end = 0;
    for length in lengths {
        end += u32::from_le_bytes(*length) as usize;
        if !bytes.is_char_boundary(end) {
            return Err(cursor.malformed());
        }
    }
    if end != bytes.len() {
        return Err(cursor.malformed());
    }
    Ok(Infer { model, precision, task, deadline_ms, reference, texts: Texts { lengths, bytes } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FrameReader;

    const TARGET: (Digest, Precision, Task) = (Digest([7; 32]), Precision::Int8, Task::Classify);

    fn frame(bytes: &[u8]) -> Frame {
        let mut reader = FrameReader::default();
        reader.push(bytes);
        reader.next_frame().unwrap().unwrap()
    }

    #[test]
    fn texts_come_back_as_sent() {
        let texts = ["", "plain", "你好 🎉", "\u{0}", "مرحبا"];
        let sent = frame(&Request::encode_infer_named(9, TARGET, "größe@2", 250, &texts).unwrap());
        let Request::Infer(infer) = Request::decode(&sent).unwrap() else { panic!("{sent:?}") };
        assert_eq!((infer.model, infer.precision, infer.task), TARGET);
        assert_eq!((infer.deadline_ms, infer.reference), (250, "größe@2"));
        assert_eq!(infer.texts.iter().collect::<Vec<_>>(), texts);
        assert_eq!(Request::Infer(infer).encode(9).unwrap()[16..], sent.payload);
    }

    #[test]
    fn control_messages_come_back_as_sent() {
        let digest = Digest::of(b"model");
        for request in [
            Request::Cancel,
            Request::LoadBegin(Upload { database: 16_384, reference: "m@1", manifest: b"{}" }),
            Request::Examine(Upload::new(b"{}")),
            Request::Ping,
            Request::Sweep(Databases(&[[1, 0, 0, 0], [0, 64, 0, 0]])),
            Request::LoadChunk(&[0, 255]),
            Request::Describe(digest),
            Request::Evict(digest),
            Request::Stats,
        ] {
            let sent = frame(&request.encode(1).unwrap());
            assert_eq!(Request::decode(&sent), Ok(request));
        }
    }

    #[test]
    fn databases_come_back_as_sent_and_half_an_oid_is_refused() {
        let sent = frame(&Databases::encode_sweep(3, &[1, 16_384, u32::MAX]).unwrap());
        let Ok(Request::Sweep(databases)) = Request::decode(&sent) else { panic!("{sent:?}") };
        assert_eq!(databases.iter().collect::<Vec<_>>(), [1, 16_384, u32::MAX]);
        let half = Frame { payload: vec![0; 6], ..sent };
        assert!(Request::decode(&half).is_err());
    }

    #[test]
    fn more_texts_than_a_request_may_have_are_refused() {
        for (count, is_fine) in [(TEXTS_MAX, true), (TEXTS_MAX + 1, false)] {
            let texts = vec![""; count];
            let sent = frame(&Request::encode_infer(1, TARGET, 0, &texts).unwrap());
            assert_eq!(Request::decode(&sent).is_ok(), is_fine);
        }
    }

    #[test]
    fn a_name_is_cut_at_its_longest_and_a_longer_one_refused() {
        let long = "é".repeat(200);
        let sent = frame(&Request::encode_infer_named(1, TARGET, &long, 0, &["a"]).unwrap());
        let Ok(Request::Infer(infer)) = Request::decode(&sent) else { panic!("{sent:?}") };
        assert_eq!(infer.reference.len(), REFERENCE_BYTES_MAX - REFERENCE_BYTES_MAX % 2);
        let mut payload = vec![0; 400];
        payload[4..6].copy_from_slice(&300_u16.to_le_bytes());
        assert!(Upload::decode(&payload).is_err());
    }

    #[test]
    fn every_shortened_or_bent_request_is_refused_not_read_past() {
        let whole = frame(&Request::encode_infer(1, TARGET, 0, &["añb", "c"]).unwrap());
        for length in 0..whole.payload.len() {
            let cut = Frame { payload: whole.payload[..length].to_vec(), ..whole.clone() };
            assert!(Request::decode(&cut).is_err(), "{length}");
        }
        for position in 0..whole.payload.len() {
            for value in 0..=255 {
                let mut bent = whole.clone();
                bent.payload[position] = value;
                if let Ok(Request::Infer(infer)) = Request::decode(&bent) {
                    infer.texts.iter().for_each(drop);
                }
            }
        }
    }
}
