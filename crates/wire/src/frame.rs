//! Frames: a fixed header, then a payload whose meaning the header's kind tells.

use crate::ProtocolError;

/// Version of frames and messages; both sides refuse any other.
pub const VERSION: u8 = 2;

/// Length of an encoded [`Header`].
pub const HEADER_BYTES: usize = 16;

/// Upper bound of a frame's payload: a peer that announces more is refused before any is read.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// Header of every payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length of the payload that follows.
    pub payload_bytes: u32,
    /// Kind of message of the payload.
    pub kind: u8,
    /// Chosen by the requester, echoed in every reply to that request.
    pub request_id: u64,
}

impl Header {
    /// Little-endian: payload length u32, version u8, kind u8, reserved u16, request id u64.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[4] = VERSION;
        bytes[5] = self.kind;
        bytes[8..16].copy_from_slice(&self.request_id.to_le_bytes());
        bytes
    }

    /// Reads a header; refuses another version and a payload over [`FRAME_BYTES_MAX`].
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, ProtocolError> {
        let [l0, l1, l2, l3, version, kind, _, _, id @ ..] = *bytes;
        if version != VERSION {
            return Err(ProtocolError::Version(version));
        }
        let payload_bytes = u32::from_le_bytes([l0, l1, l2, l3]);
        if payload_bytes as usize > FRAME_BYTES_MAX {
            return Err(ProtocolError::TooLong(payload_bytes.into()));
        }
        Ok(Self { payload_bytes, kind, request_id: u64::from_le_bytes(id) })
    }
}

/// One whole frame as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Kind of message of the payload.
    pub kind: u8,
    /// The request that this frame is or answers.
    pub request_id: u64,
    /// The message's bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Header and payload as they go over the wire; refuses a payload over [`FRAME_BYTES_MAX`].
    pub fn encode(kind: u8, request_id: u64, payload: &[u8]) -> Result<Vec<u8>, ProtocolError> {
        if payload.len() > FRAME_BYTES_MAX {
            return Err(ProtocolError::TooLong(payload.len() as u64));
        }
        let header = Header { payload_bytes: payload.len() as u32, kind, request_id };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        bytes.extend_from_slice(&header.encode());
        bytes.extend_from_slice(payload);
        Ok(bytes)
    }
}

/// Cuts a stream of bytes into frames, however the transport splits them.
///
/// It owns all bytes received and not yet handed out, so that a wait that is given up in the
/// middle of a frame (a cancelled query) leaves the stream in step.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were handed out already.
    consumed: usize,
}

impl FrameReader {
    /// Takes bytes as they arrive.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.consumed > 0 {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes arrive.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let pending = &self.buffer[self.consumed..];
        let Some((header, rest)) = pending.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let header = Header::decode(header)?;
        let Some(payload) = rest.get(..header.payload_bytes as usize) else {
            return Ok(None);
        };
        let frame =
            Frame { kind: header.kind, request_id: header.request_id, payload: payload.to_vec() };
        self.consumed += HEADER_BYTES + frame.payload.len();
        self.release_if_drained();
        Ok(Some(frame))
    }

    /// Bytes held for a frame that is not whole yet.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.consumed
    }

    /// Gives a large buffer back once it is empty: one huge answer must not pin its size for the
    /// life of the connection.
    fn release_if_drained(&mut self) {
        const KEEP_BYTES: usize = 1 << 20;
        if self.consumed == self.buffer.len() {
            self.consumed = 0;
            self.buffer.clear();
            self.buffer.shrink_to(KEEP_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_split() {
        let mut stream = Frame::encode(3, 7, b"hello").unwrap();
        stream.extend(Frame::encode(4, u64::MAX, b"").unwrap());
        for cut in 0..=stream.len() {
            let mut reader = FrameReader::default();
            let mut frames = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                reader.push(part);
                while let Some(frame) = reader.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(
                frames,
                [
                    Frame { kind: 3, request_id: 7, payload: b"hello".to_vec() },
                    Frame { kind: 4, request_id: u64::MAX, payload: Vec::new() },
                ]
            );
            assert_eq!(reader.pending_bytes(), 0);
        }
    }

    #[test]
    fn an_announced_giant_is_refused_before_it_is_read() {
        let mut header = Header { payload_bytes: 1, kind: 1, request_id: 1 }.encode();
        header[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut reader = FrameReader::default();
        reader.push(&header);
        assert_eq!(reader.next_frame(), Err(ProtocolError::TooLong(u32::MAX.into())));
    }

    #[test]
    fn another_version_is_refused() {
        let mut header = Header { payload_bytes: 0, kind: 1, request_id: 1 }.encode();
        header[4] = VERSION + 1;
        assert_eq!(Header::decode(&header), Err(ProtocolError::Version(VERSION + 1)));
    }
}
