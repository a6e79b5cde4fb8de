//! Keys of a tiny link, derived from an epoch key of the network, which every facility but a keeper holds, or for keepers
//! from the network's authority, which they were told at their join: whoever holds it is let in, whoever does not sees
//! noise and is not answered. Sealing is AES-SIV (RFC 5297): sixteen bytes around a message, no
//! nonce to send, and no harm but the loss of secrecy of sameness if one were repeated.

use super::EPOCHS_MAX;
use crate::control::{Authority, Facility, SiteKind, to_cbor};
use crate::directory::Directory;
use crate::ids::DeviceId;
use crate::seal::SealKey;
use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use zeroize::Zeroizing;

/// Bytes that sealing adds: the synthetic vector, which is the tag as well.
pub const SEAL_LEN: usize = 16;
/// Bytes that prove a frame: a stranger's, or a bent one, passes once in four thousand million.
pub const CHECK_LEN: usize = 4;

fn siv(key: &[u8; 64]) -> Aes256Siv {
    Aes256Siv::new(key.into())
}

fn seal(key: &[u8; 64], bound: &[&[u8]], text: &[u8]) -> Vec<u8> {
    // The cipher's only error is more than 126 things to bind.
    let sealed = siv(key).encrypt(bound, text).unwrap_or_default();
    assert!(sealed.len() == text.len() + SEAL_LEN, "sealing adds a fixed overhead");
    sealed
}

fn derive<const N: usize>(context: &str, parts: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut hash = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hash.update(part);
    }
    let mut out = Zeroizing::new([0; N]);
    hash.finalize_xof().fill(&mut *out);
    out
}

/// What opens a conversation.
#[derive(Clone)]
pub struct LinkKey {
    epoch: Zeroizing<[u8; 32]>,
    call: Zeroizing<[u8; 64]>,
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey(..)")
    }
}

impl LinkKey {
    /// All that a site may be called under, the one to call `to` with first: the newest epoch keys, and that of keepers if
    /// the network has any.
    pub fn all(directory: &Directory, to: Option<&DeviceId>) -> Vec<LinkKey> {
        let mut keys: Vec<_> = directory.epoch_keys().rev().take(EPOCHS_MAX).map(LinkKey::of).collect();
        let is_keeper = |facility: &Facility| facility.kind == SiteKind::Keeper;
        let with_keepers = directory.is_keeper() || directory.facilities().values().any(is_keeper);
        let to_keeper =
            to.and_then(|to| directory.facility_of(to)).is_some_and(|facility| directory.gets_no_keys(&facility));
        if let Some(authority) = directory.authority().filter(|_| with_keepers) {
            let at = if to_keeper { 0 } else { keys.len() };
            keys.insert(at, LinkKey::of_keepers(authority));
        }
        keys
    }

    /// From an epoch key of the network.
    pub fn of(epoch: &SealKey) -> LinkKey {
        LinkKey::from_root(Zeroizing::new(*epoch.expose()))
    }

    /// From what a keeper holds too. It proves less: whoever was ever told the network's authority holds it.
    pub fn of_keepers(authority: &Authority) -> LinkKey {
        LinkKey::from_root(derive("sanad 2026 tiny keepers v1", &[&to_cbor(authority)]))
    }

    fn from_root(epoch: Zeroizing<[u8; 32]>) -> LinkKey {
        LinkKey { call: derive("sanad 2026 tiny call v1", &[&*epoch]), epoch }
    }

    /// Seals one of the messages that open a conversation. `bound` is bound, not sent.
    pub(super) fn seal(&self, bound: &[&[u8]], text: &[u8]) -> Vec<u8> {
        seal(&self.call, bound, text)
    }

    /// Opens what [`LinkKey::seal`] made.
    pub(super) fn open(&self, bound: &[&[u8]], sealed: &[u8]) -> Option<Vec<u8>> {
        siv(&self.call).decrypt(bound, sealed).ok()
    }

    /// For what the caller says before it has heard the answer.
    pub(super) fn early(&self, call: &[u8]) -> PhaseKey {
        PhaseKey(derive("sanad 2026 tiny early v1", &[&*self.epoch, call]))
    }

    /// For everything after the answer. Both sides have put randomness of their own into it.
    pub(super) fn session(&self, call: &[u8], answer: &[u8]) -> PhaseKey {
        let length = (call.len() as u64).to_be_bytes();
        PhaseKey(derive("sanad 2026 tiny session v1", &[&*self.epoch, &length, call, answer]))
    }
}

/// Keys of one phase of one conversation: 64 bytes that seal, 32 that check frames.
pub(super) struct PhaseKey(Zeroizing<[u8; 96]>);

impl PhaseKey {
    fn parts(&self) -> (&[u8; 64], &[u8; 32]) {
        let (seal, check) = self.0.split_at(64);
        // The lengths are those of the type.
        match (seal.try_into(), check.try_into()) {
            (Ok(seal), Ok(check)) => (seal, check),
            _ => unreachable!("96 bytes are 64 and 32"),
        }
    }

    fn bound(from_caller: bool, number: u32) -> [u8; 5] {
        let [a, b, c, d] = number.to_be_bytes();
        [u8::from(from_caller), a, b, c, d]
    }

    /// Seals the parcel of this number.
    pub(super) fn seal(&self, from_caller: bool, number: u32, text: &[u8]) -> Vec<u8> {
        seal(self.parts().0, &[&Self::bound(from_caller, number)], text)
    }

    /// Opens the parcel of this number.
    pub(super) fn open(&self, from_caller: bool, number: u32, sealed: &[u8]) -> Option<Vec<u8>> {
        siv(self.parts().0).decrypt([&Self::bound(from_caller, number)], sealed).ok()
    }

    /// What proves a frame.
    pub(super) fn check(&self, from_caller: bool, frame: &[u8]) -> [u8; CHECK_LEN] {
        let mut hash = blake3::Hasher::new_keyed(self.parts().1);
        let mut out = [0; CHECK_LEN];
        hash.update(&[u8::from(from_caller)]).update(frame).finalize_xof().fill(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5297, appendix A.1, made for 128-bit keys; the wider cipher has the same construction.
    #[test]
    fn the_cipher_is_that_of_the_rfc() {
        let bytes = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] =
            bytes("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
        let bound = bytes("101112131415161718191a1b1c1d1e1f2021222324252627");
        let sealed =
            aes_siv::siv::Aes128Siv::new(&key.into()).encrypt([&bound], &bytes("112233445566778899aabbccddee"));
        assert_eq!(sealed.unwrap(), bytes("85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"));
    }

    #[test]
    fn a_parcel_opens_only_in_its_place_its_direction_and_its_conversation() {
        let key = LinkKey::of(&SealKey::from_bytes([1; 32]));
        let other = LinkKey::of(&SealKey::from_bytes([2; 32]));
        let sealed = key.session(b"call", b"answer").seal(true, 7, b"text");
        let open = |key: &LinkKey, call: &[u8], from, number| key.session(call, b"answer").open(from, number, &sealed);
        assert_eq!(open(&key, b"call", true, 7).as_deref(), Some(b"text".as_slice()));
        assert_eq!(open(&key, b"call", true, 8), None);
        assert_eq!(open(&key, b"call", false, 7), None);
        assert_eq!(open(&key, b"cal1", true, 7), None);
        assert_eq!(open(&other, b"call", true, 7), None);
        assert_eq!(key.early(b"call").open(true, 7, &sealed), None);
        let call = key.seal(&[b"call"], b"who");
        assert_eq!(key.open(&[b"call"], &call).as_deref(), Some(b"who".as_slice()));
        assert_eq!((key.open(&[b"same"], &call), other.open(&[b"call"], &call)), (None, None));
        let phase = key.early(b"call");
        assert_ne!(phase.check(true, b"frame"), phase.check(false, b"frame"));
    }
}
