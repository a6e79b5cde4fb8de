//! The name of one version of one resource: the same at every site, unguessable in advance, and never a clock.

use std::fmt;
use std::str::FromStr;

/// What separates these hashes from every other use of BLAKE3 in the system.
const CONTEXT: &str = "sanad 2026 version id v1";

/// Names one version of one resource.
///
/// A caller may rely on: two sites that hold the same entry derive the same id from it; the text form is 32
/// lower-case hexadecimal digits, which is a legal FHIR `id` and so a legal `meta.versionId`; the order is the order
/// of the bytes and means nothing except that it is the same everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId([u8; 16]);

impl VersionId {
    /// Derives the id of the version that the operation `op_index` of the entry `entry_id` makes.
    ///
    /// Sixteen bytes of a keyed hash: 2^64 versions before an accidental collision is likely, and nobody can choose
    /// an id, because the entry's own id is a hash of what it says.
    pub fn derive(entry_id: &[u8; 32], op_index: u32) -> VersionId {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(entry_id);
        hasher.update(&op_index.to_be_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        VersionId(id)
    }

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> VersionId {
        VersionId(bytes)
    }

    /// The bytes of this id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version id is 32 lower-case hexadecimal digits")]
pub struct NotAVersionId;

impl FromStr for VersionId {
    type Err = NotAVersionId;

    fn from_str(text: &str) -> Result<VersionId, NotAVersionId> {
        hex16(text.as_bytes()).map(VersionId).ok_or(NotAVersionId)
    }
}

/// Reads 32 lower-case hexadecimal digits; upper case is refused so that every id has exactly one text form.
pub(crate) fn hex16(digits: &[u8]) -> Option<[u8; 16]> {
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_id_has_one_text_form() {
        let id = VersionId::derive(&[7; 32], 0);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 32);
        assert_eq!(id.to_string().to_uppercase().parse::<VersionId>(), Err(NotAVersionId));
        for wrong in ["", "0", &"g".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
            assert_eq!(wrong.parse::<VersionId>(), Err(NotAVersionId));
        }
    }

    #[test]
    fn entry_and_operation_both_count() {
        let id = VersionId::derive(&[7; 32], 0);
        assert_ne!(id, VersionId::derive(&[7; 32], 1));
        assert_ne!(id, VersionId::derive(&[8; 32], 0));
    }

    /// A changed derivation would give every stored version a new name, so this one is fixed for ever.
    #[test]
    fn the_derivation_never_changes() {
        assert_eq!(VersionId::derive(&[0; 32], 0).to_string(), "4199c1ed16e33700865535afd3a411c3");
    }
}
