//! Messages from the engine to the backend.

use crate::cursor::{Cursor, put_f32s, put_string};
use crate::{EngineStats, Frame, ModelInfo, ProtocolError};

/// Durations of the stages of a request, in microseconds, and the work that the cache saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From arrival until the first of its texts was taken up.
    pub queue_us: u32,
    /// Tokenising its texts, summed.
    pub tokenise_us: u32,
    /// From the start of its first batch to the end of its last.
    pub run_us: u32,
    /// Texts whose answers were kept from earlier requests; a count.
    pub cached_rows: u32,
}

/// A matrix of numbers, one row per text in the order of the request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// For each text whether it was cut at the model's limit.
    pub truncated: Vec<bool>,
    /// Row after row.
    pub numbers: Vec<f32>,
}

impl Rows {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.truncated.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.truncated.is_empty()
    }

    /// The numbers of one text; empty past the end.
    pub fn row(&self, index: usize) -> &[f32] {
        let width = self.numbers.len().checked_div(self.len()).unwrap_or(0);
        self.numbers.get(index * width..(index + 1) * width).unwrap_or(&[])
    }
}

/// Class probabilities.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Durations of the stages.
    pub timings: Timings,
    /// Class names in the order of each row's probabilities.
    pub labels: Vec<String>,
    /// One probability per class and text; each row sums to 1, unless labels may come together.
    pub rows: Rows,
}

/// Sentence vectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vectors {
    /// Durations of the stages.
    pub timings: Timings,
    /// Length of each vector.
    pub dimensions: u32,
    /// One unit-length vector per text.
    pub rows: Rows,
}

/// Reason for the failure of a request; the backend turns it into an SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum ErrorCode {
    /// The engine does not have the artifact: stream it, then ask again.
    UnknownModel = 1,
    /// The artifact is no valid model.
    InvalidModel = 2,
    /// The model cannot do the task (an encoder asked to classify).
    WrongTask = 3,
    /// The queue is full.
    QueueFull = 4,
    /// The deadline passed before the answer was there.
    DeadlinePassed = 5,
    /// Out of memory, or over the memory limit.
    OutOfMemory = 6,
    /// The disk that holds cached artifacts is full.
    DiskFull = 7,
    /// A defect in the engine.
    Internal = 8,
    /// The peer broke the protocol; the engine closes the connection after this.
    Protocol = 9,
    /// A model was at a batch for longer than `crm_ai.run_limit`.
    RunLimit = 10,
    /// A model was not examined within `crm_ai.import_limit`.
    ImportLimit = 11,
    /// The files of a model of the package are not those that were installed.
    Damaged = 12,
}

impl ErrorCode {
    const ALL: [Self; 12] = [
        Self::UnknownModel,
        Self::InvalidModel,
        Self::WrongTask,
        Self::QueueFull,
        Self::DeadlinePassed,
        Self::OutOfMemory,
        Self::DiskFull,
        Self::Internal,
        Self::Protocol,
        Self::RunLimit,
        Self::ImportLimit,
        Self::Damaged,
    ];
}

/// A message from the engine to the backend; the frame's id names the request that it answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Class probabilities.
    Scores(Scores),
    /// Sentence vectors.
    Vectors(Vectors),
    /// Texts judged so far; sent each second while a request is in work, so that the requester
    /// can tell a long request from a dead engine.
    Progress(u32),
    /// An artifact is there, or is forgotten.
    Loaded,
    /// Description of an artifact.
    Described(ModelInfo),
    /// The engine's state.
    Stats(EngineStats),
    /// Error. The text contains no customer's data.
    Error(ErrorCode, String),
    /// The engine lives and its threads make progress.
    Pong,
}

impl Reply {
    /// The whole frame.
    pub fn encode(&self, request_id: u64) -> Result<Vec<u8>, ProtocolError> {
        let mut payload = Vec::new();
        let kind = match self {
            Self::Scores(scores) => {
                put_timings(&mut payload, scores.timings);
                payload.extend_from_slice(&(scores.labels.len() as u32).to_le_bytes());
                for label in &scores.labels {
                    put_string(&mut payload, label);
                }
                put_rows(&mut payload, &scores.rows);
                129
            }
            Self::Vectors(vectors) => {
                put_timings(&mut payload, vectors.timings);
                payload.extend_from_slice(&vectors.dimensions.to_le_bytes());
                put_rows(&mut payload, &vectors.rows);
                130
            }
            Self::Progress(rows) => {
                payload.extend_from_slice(&rows.to_le_bytes());
                131
            }
            Self::Loaded => 132,
            Self::Described(info) => {
                payload = to_json(info)?;
                133
            }
            Self::Stats(stats) => {
                payload = to_json(stats)?;
                134
            }
            Self::Error(code, message) => {
                payload.extend_from_slice(&(*code as u16).to_le_bytes());
                put_string(&mut payload, message);
                135
            }
            Self::Pong => 136,
        };
        Frame::encode(kind, request_id, &payload)
    }

    /// Reads the message of a frame.
    pub fn decode(frame: &Frame) -> Result<Self, ProtocolError> {
        let mut cursor = Cursor::new(&frame.payload, "reply");
        let reply = match frame.kind {
            129 => Self::Scores(take_scores(&mut cursor)?),
            130 => {
                let timings = take_timings(&mut cursor)?;
                let dimensions = cursor.u32()?;
                let rows = take_rows(&mut cursor, dimensions as usize)?;
                Self::Vectors(Vectors { timings, dimensions, rows })
            }
            131 => Self::Progress(cursor.u32()?),
            132 => Self::Loaded,
            133 => return Ok(Self::Described(from_json(&frame.payload)?)),
            134 => return Ok(Self::Stats(from_json(&frame.payload)?)),
            135 => {
                let code = cursor.u16()?;
                let known = ErrorCode::ALL.into_iter().find(|known| *known as u16 == code);
                Self::Error(known.ok_or(cursor.malformed())?, cursor.string()?.to_owned())
            }
            136 => Self::Pong,
            kind => return Err(ProtocolError::Kind(kind)),
        };
        cursor.finish()?;
        Ok(reply)
    }
}

fn put_timings(payload: &mut Vec<u8>, timings: Timings) {
    let Timings { queue_us, tokenise_us, run_us, cached_rows } = timings;
    for number in [queue_us, tokenise_us, run_us, cached_rows] {
        payload.extend_from_slice(&number.to_le_bytes());
    }
}

fn take_timings(cursor: &mut Cursor<'_>) -> Result<Timings, ProtocolError> {
    Ok(Timings {
        queue_us: cursor.u32()?,
        tokenise_us: cursor.u32()?,
        run_us: cursor.u32()?,
        cached_rows: cursor.u32()?,
    })
}

fn put_rows(payload: &mut Vec<u8>, rows: &Rows) {
    payload.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    payload.extend(rows.truncated.iter().map(|cut| u8::from(*cut)));
    put_f32s(payload, &rows.numbers);
}

fn take_rows(cursor: &mut Cursor<'_>, width: usize) -> Result<Rows, ProtocolError> {
    let count = cursor.u32()? as usize;
    let truncated = cursor.bytes(count)?.iter().map(|byte| *byte != 0).collect();
    let numbers = cursor.f32s(count.checked_mul(width).ok_or(cursor.malformed())?)?;
    Ok(Rows { truncated, numbers })
}

fn take_scores(cursor: &mut Cursor<'_>) -> Result<Scores, ProtocolError> {
    let timings = take_timings(cursor)?;
    let count = cursor.u32()? as usize;
    if count > cursor.remaining() {
        return Err(cursor.malformed());
    }
    let labels =
        (0..count).map(|_| cursor.string().map(str::to_owned)).collect::<Result<_, _>>()?;
    Ok(Scores { timings, labels, rows: take_rows(cursor, count)? })
}

fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, ProtocolError> {
    serde_json::to_vec(value).map_err(|_| ProtocolError::Malformed("control message"))
}

fn from_json<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, ProtocolError> {
    serde_json::from_slice(payload).map_err(|_| ProtocolError::Malformed("control message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameReader, Precision};

    fn frame(reply: &Reply) -> Frame {
        let mut reader = FrameReader::default();
        reader.push(&reply.encode(5).unwrap());
        reader.next_frame().unwrap().unwrap()
    }

    fn scores() -> Reply {
        Reply::Scores(Scores {
            timings: Timings { queue_us: 1, tokenise_us: 2, run_us: 3, cached_rows: 4 },
            labels: vec!["no".into(), "ja 🎉".into()],
            rows: Rows { truncated: vec![false, true], numbers: vec![0.25, 0.75, 1.0, 0.0] },
        })
    }

    #[test]
    fn replies_come_back_as_sent() {
        let info = ModelInfo {
            architecture: "bert".into(),
            labels: vec![],
            dimensions: 384,
            max_tokens: 256,
            temperature: 1.0,
            precision: Precision::Fp32,
            int8_agreement: Some(0.995),
            parameters: 22_000_000,
        };
        for reply in [
            scores(),
            Reply::Vectors(Vectors {
                timings: Timings::default(),
                dimensions: 3,
                rows: Rows { truncated: vec![true], numbers: vec![0.0, 0.6, -0.8] },
            }),
            Reply::Progress(17),
            Reply::Loaded,
            Reply::Described(info),
            Reply::Error(ErrorCode::QueueFull, "the queue is full".into()),
            Reply::Error(ErrorCode::Damaged, String::new()),
            Reply::Pong,
        ] {
            assert_eq!(Reply::decode(&frame(&reply)), Ok(reply));
        }
    }

    #[test]
    fn every_shortened_reply_is_refused() {
        let whole = frame(&scores());
        for length in 0..whole.payload.len() {
            let cut = Frame { payload: whole.payload[..length].to_vec(), ..whole.clone() };
            assert!(Reply::decode(&cut).is_err(), "{length}");
        }
    }

    #[test]
    fn an_absurd_count_allocates_nothing() {
        let mut bent = frame(&scores());
        bent.payload[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Reply::decode(&bent), Err(ProtocolError::Malformed("reply")));
    }
}
