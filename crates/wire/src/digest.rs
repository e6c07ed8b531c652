//! SHA-256 digests: the identity of an artifact and of each of its files.

use crate::ProtocolError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 digest (FIPS 180-4); shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of parts one after the other.
    pub fn of_parts(parts: impl Iterator<Item = impl AsRef<[u8]>>) -> Self {
        let mut hasher = Sha256::new();
        parts.for_each(|part| hasher.update(part));
        Self(hasher.finalize().into())
    }

    /// The digest of all that `reader` yields, read in pieces.
    pub fn of_reader(mut reader: impl std::io::Read) -> std::io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Self(hasher.finalize().into())),
                count => hasher.update(&buffer[..count]),
            }
        }
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(hex: &str) -> Result<Self, ProtocolError> {
        const MALFORMED: ProtocolError = ProtocolError::Malformed("digest");
        let nibble = |byte: u8| (byte as char).to_digit(16).ok_or(MALFORMED);
        let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return Err(MALFORMED) };
        let mut digest = [0; 32];
        if pairs.len() != digest.len() {
            return Err(MALFORMED);
        }
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = (nibble(*high)? * 16 + nibble(*low)?) as u8;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl TryFrom<String> for Digest {
    type Error = ProtocolError;
    fn try_from(hex: String) -> Result<Self, ProtocolError> {
        Self::parse(&hex)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_the_standard_example() {
        // FIPS 180-4's one-block example.
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), hex);
        assert_eq!(Digest::parse(hex), Ok(Digest::of(b"abc")));
        assert_eq!(Digest::of_reader(&b"abc"[..]).unwrap(), Digest::of(b"abc"));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for hex in ["", "ba78", &"zz".repeat(32), &"é".repeat(32), &"a".repeat(65)] {
            assert!(Digest::parse(hex).is_err(), "{hex}");
        }
    }
}
