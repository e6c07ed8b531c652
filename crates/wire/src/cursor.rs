//! Bounds-checked reading of the flat little-endian layout, and its writing twin.

use crate::ProtocolError;

/// Reads from the front of a payload; every shortage is [`ProtocolError::Malformed`].
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    /// Names the message in an error.
    what: &'static str,
}

impl<'a> Cursor<'a> {
    pub fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], ProtocolError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, ProtocolError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, ProtocolError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, ProtocolError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// `count` numbers; the count is checked against the bytes there before anything is allocated.
    pub fn f32s(&mut self, count: usize) -> Result<Vec<f32>, ProtocolError> {
        let length = count.checked_mul(4).ok_or(self.malformed())?;
        let (words, _) = self.bytes(length)?.as_chunks::<4>();
        Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }

    /// A UTF-8 string behind its u32 length.
    pub fn string(&mut self) -> Result<&'a str, ProtocolError> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| self.malformed())
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading; bytes left over make the message malformed.
    pub fn finish(self) -> Result<(), ProtocolError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed()) }
    }

    pub fn malformed(&self) -> ProtocolError {
        ProtocolError::Malformed(self.what)
    }
}

/// Appends a string behind its u32 length.
pub(crate) fn put_string(payload: &mut Vec<u8>, text: &str) {
    payload.extend_from_slice(&(text.len() as u32).to_le_bytes());
    payload.extend_from_slice(text.as_bytes());
}

/// Appends numbers, four bytes each.
pub(crate) fn put_f32s(payload: &mut Vec<u8>, numbers: &[f32]) {
    payload.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}
