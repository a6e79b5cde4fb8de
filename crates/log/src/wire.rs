//! Small helpers to read and write the binary formats: big-endian integers, LEB128 varints, bounded slices. A reader
//! never panics and never allocates more than the bytes at hand justify.

/// Why bytes could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes end before the form does.
    #[error("the bytes end too early")]
    Short,
    /// A version or suite this program does not know.
    #[error("unknown format version {0}")]
    Version(u8),
    /// A value outside its range; the name says which.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// More than the named bound allows.
    #[error("too large: {0}")]
    TooLarge(&'static str),
}

/// Reads forward through a slice.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// Bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// True once everything is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], FormatError> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(FormatError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        self.take(N)?.try_into().map_err(|_| FormatError::Short)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(self.array::<1>()?[0])
    }

    /// An unsigned LEB128 integer in its shortest form.
    pub fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part || (byte == 0 && shift > 0) {
                return Err(FormatError::Invalid("varint"));
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FormatError::Invalid("varint"))
    }

    /// A signed integer: zigzag over a varint.
    pub fn zigzag(&mut self) -> Result<i64, FormatError> {
        let raw = self.varint()?;
        Ok(((raw >> 1) as i64) ^ -((raw & 1) as i64))
    }
}

/// Appends an unsigned LEB128 integer.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer: zigzag over a varint.
pub fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_survive_and_have_one_form(value in any::<u64>(), signed in any::<i64>(), junk in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            put_zigzag(&mut out, signed);
            let mut reader = Reader::new(&out);
            prop_assert_eq!((reader.varint(), reader.zigzag(), reader.is_empty()), (Ok(value), Ok(signed), true));
            if let Ok(value) = Reader::new(&junk).varint() {
                let mut again = Vec::new();
                put_varint(&mut again, value);
                prop_assert!(junk.starts_with(&again), "two forms for one integer");
            }
        }
    }
}
