//! Protocol of the extension and the engine.
//!
//! A connection carries [`frame`]s. The kind in a frame's header tells which message its payload
//! is: a [`Request`] from the backend or a [`Reply`] from the engine. The frame's id ties a reply
//! to its request, so several requests may be outstanding on one connection and an abandoned
//! request's late reply is recognised and dropped.
//!
//! Texts and numbers travel in a flat little-endian layout; rare control messages carry JSON.
//! docs/wire.md describes the bytes. This crate knows neither PostgreSQL nor ONNX Runtime.

pub mod client;
mod control;
mod cursor;
mod digest;
pub mod frame;
pub mod json;
pub mod linkage;
mod manifest;
mod reply;
mod request;
pub mod training;

pub use control::{EngineStats, ModelInfo, ModelStats, Precision};
pub use digest::Digest;
pub use frame::{FRAME_BYTES_MAX, Frame, FrameReader, HEADER_BYTES, Header, VERSION};
pub use manifest::{FileEntry, Manifest};
pub use reply::{ErrorCode, Reply, Rows, Scores, Timings, Vectors};
pub use request::{Databases, Infer, REFERENCE_BYTES_MAX, Request, TEXTS_MAX, Task, Texts, Upload};

/// A peer sent bytes that are no frame or no message of this protocol.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The peer speaks another version of the protocol.
    #[error("protocol version {0} where {VERSION} was expected")]
    Version(u8),
    /// A frame is larger than [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes exceeds the limit of {FRAME_BYTES_MAX}")]
    TooLong(u64),
    /// The kind in the header is none of this side's messages.
    #[error("unknown message kind {0}")]
    Kind(u8),
    /// The payload ends early, has bytes left over, or holds an impossible value.
    #[error("malformed {0}")]
    Malformed(&'static str),
}
