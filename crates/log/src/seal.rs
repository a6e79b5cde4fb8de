//! Sealing: XChaCha20-Poly1305 under a 32-byte key, a random 24-byte nonce, the header of the entry as associated data,
//! the key's id in front and checked before opening.
//!
//! XChaCha20-Poly1305 does not commit to its key; the id does (it is a hash of the key), so a body that opens under two
//! keys cannot be made for two readers.

use crate::entropy::Entropy;
use crate::ids::KeyId;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes that sealing adds around the padded text: key id, nonce, tag.
pub const SEAL_OVERHEAD: usize = KeyId::LEN + NONCE_LEN + 16;
const NONCE_LEN: usize = 24;
/// Smallest padded text: hides the difference between an empty and a very short save.
const PADDED_MIN: usize = 64;

/// Plain text. It has no `Debug`, cannot be serialised, and is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Clear(Vec<u8>);

impl Clear {
    /// Takes ownership of plain bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Clear(bytes)
    }

    /// The plain bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// A symmetric key with its id. Wiped when dropped; shown only by id.
#[derive(Clone)]
pub struct SealKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealKey({:?})", self.id)
    }
}

/// Why a sealed body did not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Shorter than any sealed body, or the padding is wrong.
    #[error("the sealed body has no valid form")]
    Form,
    /// Sealed under another key than the one at hand.
    #[error("sealed under another key")]
    OtherKey,
    /// The tag does not match: the body or the header it belongs to was changed.
    #[error("the seal is broken")]
    Broken,
}

impl SealKey {
    /// From raw bytes; the id follows from them.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let digest = blake3::derive_key("sanad 2026 key id v1", &bytes);
        let mut id = [0u8; KeyId::LEN];
        id.copy_from_slice(&digest[..KeyId::LEN]);
        SealKey { id: KeyId(id), bytes: Zeroizing::new(bytes) }
    }

    /// A fresh random key.
    pub fn generate(entropy: &mut Entropy) -> Self {
        Self::from_bytes(entropy.array())
    }

    /// The id that sealed bodies carry.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The raw key, for wrapping it under another or keeping it in the vault.
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Pads and seals. `associated` is bound, not stored.
    pub fn seal(&self, text: &[u8], associated: &[u8], entropy: &mut Entropy) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = entropy.array();
        let padded = Zeroizing::new(pad(text));
        let mut out = Vec::with_capacity(padded.len() + SEAL_OVERHEAD);
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&nonce);
        let payload = Payload { msg: &padded, aad: associated };
        let sealed = XChaCha20Poly1305::new((&*self.bytes).into()).encrypt(&XNonce::from(nonce), payload);
        // The cipher's only error is a text over 256 GiB, which the bound on bodies makes impossible.
        out.extend_from_slice(&sealed.unwrap_or_default());
        assert!(out.len() == padded.len() + SEAL_OVERHEAD, "sealing adds a fixed overhead");
        out
    }

    /// Opens what [`SealKey::seal`] made with the same associated data.
    ///
    /// # Errors
    /// [`OpenError`] if it was sealed under another key, changed, or never was a sealed body.
    pub fn open(&self, sealed: &[u8], associated: &[u8]) -> Result<Clear, OpenError> {
        let id = key_id_of(sealed).ok_or(OpenError::Form)?;
        if id != self.id {
            return Err(OpenError::OtherKey);
        }
        let (nonce, cipher) = sealed[KeyId::LEN..].split_at(NONCE_LEN);
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| OpenError::Form)?;
        let payload = Payload { msg: cipher, aad: associated };
        let padded = XChaCha20Poly1305::new((&*self.bytes).into())
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| OpenError::Broken)?;
        unpad(padded).map(Clear).ok_or(OpenError::Form)
    }
}

/// The id of the key that a sealed body names, if it is long enough to be one.
pub fn key_id_of(sealed: &[u8]) -> Option<KeyId> {
    (sealed.len() >= SEAL_OVERHEAD + PADDED_MIN).then(|| KeyId::from_slice(&sealed[..KeyId::LEN])).flatten()
}

/// The padded length of `len` bytes of text with its 4-byte length: Padmé (Nikitin et al. 2019, "Reducing Metadata
/// Leakage from Encrypted Files and Communication with PURBs"), which leaks O(log log len) bits and costs at most 12 %.
pub fn padded_len(len: usize) -> usize {
    let total = (len + 4).max(PADDED_MIN);
    let exponent = usize::BITS - 1 - total.leading_zeros();
    let mantissa_bits = (u32::BITS - 1 - exponent.leading_zeros()) + 1;
    let mask = (1usize << exponent.saturating_sub(mantissa_bits)) - 1;
    (total + mask) & !mask
}

/// Bytes of a wrapped key: nonce, key, tag.
pub const WRAPPED_LEN: usize = NONCE_LEN + 32 + 16;

impl SealKey {
    /// Wraps another key under this one, bound to `associated`.
    pub fn wrap(&self, key: &SealKey, associated: &[u8], entropy: &mut Entropy) -> [u8; WRAPPED_LEN] {
        let nonce: [u8; NONCE_LEN] = entropy.array();
        let payload = Payload { msg: key.expose(), aad: associated };
        let sealed = XChaCha20Poly1305::new((&*self.bytes).into()).encrypt(&XNonce::from(nonce), payload);
        let mut out = [0u8; WRAPPED_LEN];
        out[..NONCE_LEN].copy_from_slice(&nonce);
        // Sealing 32 bytes cannot fail and always gives 48.
        out[NONCE_LEN..].copy_from_slice(&sealed.unwrap_or_default());
        out
    }

    /// Takes a wrapped key back out; the caller compares its id with the one that was announced.
    pub fn unwrap(&self, wrapped: &[u8; WRAPPED_LEN], associated: &[u8]) -> Option<SealKey> {
        let (nonce, cipher) = wrapped.split_at(NONCE_LEN);
        let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
        let payload = Payload { msg: cipher, aad: associated };
        let bytes = XChaCha20Poly1305::new((&*self.bytes).into()).decrypt(&XNonce::from(nonce), payload).ok()?;
        let bytes = Zeroizing::new(bytes);
        Some(SealKey::from_bytes(bytes.as_slice().try_into().ok()?))
    }
}

fn pad(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(padded_len(text.len()));
    // Bodies are bounded far below 4 GiB by `BODY_BYTES_MAX`.
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text);
    out.resize(padded_len(text.len()), 0);
    out
}

fn unpad(mut padded: Vec<u8>) -> Option<Vec<u8>> {
    let len = u32::from_be_bytes(padded.get(..4)?.try_into().ok()?) as usize;
    let whole = len <= padded.len().saturating_sub(4) && padded.len() == padded_len(len);
    if !whole || padded[4 + len..].iter().any(|byte| *byte != 0) {
        padded.zeroize();
        return None;
    }
    padded.drain(..4);
    padded.truncate(len);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entropy;
    use proptest::prelude::*;

    #[test]
    fn padding_follows_padme() {
        for (len, padded) in [(0, 64), (60, 64), (61, 72), (250, 256), (253, 272), (1_000, 1_024), (99_996, 100_352)] {
            assert_eq!(padded_len(len), padded, "{len}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_only_whole_under_its_key_and_its_header(
            text in proptest::collection::vec(any::<u8>(), 0..700), flip in any::<usize>(), bit in 0u8..8,
        ) {
            let mut random = entropy(1);
            let key = SealKey::generate(&mut random);
            let sealed = key.seal(&text, b"header", &mut random);
            prop_assert!(padded_len(text.len()) <= (text.len() + 4) * 112 / 100 + 64);
            prop_assert_eq!(key.open(&sealed, b"header").map(|c| c.expose().to_vec()), Ok(text));
            prop_assert!(matches!(key.open(&sealed, b"other"), Err(OpenError::Broken)));
            let other = SealKey::generate(&mut random);
            prop_assert!(matches!(other.open(&sealed, b"header"), Err(OpenError::OtherKey)));
            let mut bad = sealed.clone();
            let at = flip % bad.len();
            bad[at] ^= 1 << bit;
            prop_assert!(key.open(&bad, b"header").is_err());
            prop_assert!(key.open(&sealed[..sealed.len() - 1], b"header").is_err());
        }
    }
}
