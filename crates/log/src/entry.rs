//! An entry: a fixed 200-byte header and a detached sealed body. `docs/protocol.md` §2 is this file in prose.
//!
//! The signature covers the network and the header; the header covers the body by its hash and the past of the lane by
//! the hash of the entry before it. Nothing about an entry's *content* decides whether it is accepted.

use crate::clock::Hlc;
use crate::ids::{DeviceId, EntryId, KeyId, Lane, LogId, NetworkId, ScopeTag, Seq};
use crate::sign::{Purpose, SIGNATURE_LEN, Signature, Signer, Verifier};
use crate::wire::{FormatError, Reader};

/// Bytes of a header.
pub const HEADER_LEN: usize = 200;
/// Bytes of the header that the seal binds: everything known before the body is sealed.
pub const SEALED_HEADER_LEN: usize = 100;
const SIGNED_LEN: usize = HEADER_LEN - SIGNATURE_LEN;
/// Version of the entry format.
pub const FORMAT_VERSION: u8 = 1;
/// Cipher suite: Ed25519, BLAKE3, XChaCha20-Poly1305, X-Wing.
pub const SUITE: u8 = 1;
/// Largest body, in bytes: one scanned image or one large document. Bounds the memory of every buffer that holds entries.
pub const BODY_BYTES_MAX: usize = 24 * 1024 * 1024;

/// What the body of an entry begins with that carries another one: where a key's id would stand, what no key's id is (the
/// first 16 bytes of BLAKE3's derivation of nothing in the context "sanad 2026 carried v1"). The other entry follows, whole;
/// it lost its place in its own log to a fork, and whoever held it carries it on in a log of their own.
pub const CARRYING: [u8; KeyId::LEN] =
    [0xb4, 0x5f, 0xbc, 0xee, 0x60, 0x0b, 0x80, 0x70, 0x74, 0xcf, 0xfd, 0x3c, 0x88, 0xf1, 0xe1, 0x65];
/// Bytes that carrying adds to a body.
pub const CARRYING_LEN: usize = KeyId::LEN + HEADER_LEN;

/// What the body is sealed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BodyKind {
    /// Under a symmetric key: a chart's, or the network's epoch key.
    Sealed = 0,
    /// By HPKE to one facility, whose id stands in the scope tag.
    Addressed = 1,
}

/// The header, parsed. `Header::encode` is its only form: the format is fixed-width, so parsing and encoding are inverse.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// The log it stands in.
    pub log: LogId,
    /// Its place there, from 1.
    pub seq: Seq,
    /// The entry before it in this log; zeroes at 1.
    pub prev: EntryId,
    /// What it belongs to.
    pub scope: ScopeTag,
    /// The author's clock; for display only.
    pub hlc: Hlc,
    /// What the body is sealed to.
    pub kind: BodyKind,
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
    /// Length of the body in bytes.
    pub body_len: u32,
    /// The author's signature.
    pub signature: Signature,
}

impl Header {
    /// The 200 bytes: version, suite, lane, kind, author, seq, prev, scope, hlc, body hash, body length, signature.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0u8; HEADER_LEN];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&[FORMAT_VERSION, SUITE, self.log.lane as u8, self.kind as u8]);
        put(self.log.author.as_bytes());
        put(&self.seq.to_be_bytes());
        put(self.prev.as_bytes());
        put(self.scope.as_bytes());
        put(&self.hlc.0.to_be_bytes());
        put(&self.body_hash);
        put(&self.body_len.to_be_bytes());
        put(&self.signature);
        assert!(at == HEADER_LEN, "the header has a fixed width");
        out
    }

    /// Parses a header. Says nothing yet of its signature.
    ///
    /// # Errors
    /// An unknown version or suite, a lane or kind out of range, seq 0, or a body length over the bound.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Header, FormatError> {
        let mut r = Reader::new(bytes);
        let [version, suite, lane, kind] = r.array()?;
        if version != FORMAT_VERSION {
            return Err(FormatError::Version(version));
        }
        if suite != SUITE {
            return Err(FormatError::Version(suite));
        }
        let header = Header {
            log: LogId { lane: Lane::from_u8(lane).ok_or(FormatError::Invalid("lane"))?, author: DeviceId(r.array()?) },
            kind: BodyKind::from_u8(kind).ok_or(FormatError::Invalid("body kind"))?,
            seq: u64::from_be_bytes(r.array()?),
            prev: EntryId(r.array()?),
            scope: ScopeTag(r.array()?),
            hlc: Hlc(u64::from_be_bytes(r.array()?)),
            body_hash: r.array()?,
            body_len: u32::from_be_bytes(r.array()?),
            signature: r.array()?,
        };
        header.check_ranges()?;
        Ok(header)
    }

    fn check_ranges(&self) -> Result<(), FormatError> {
        if self.seq == 0 || self.seq > SEQ_MAX || (self.seq == 1) != (self.prev == EntryId([0; 32])) {
            return Err(FormatError::Invalid("place in the log"));
        }
        if self.body_len as usize > BODY_BYTES_MAX + CARRYING_LEN {
            return Err(FormatError::TooLarge("body"));
        }
        Ok(())
    }

    /// True if the author signed this header in this network. What the body says is not looked at.
    pub fn is_signed(&self, network: &NetworkId, verifier: &dyn Verifier) -> bool {
        verifier.verify(&self.log.author, Purpose::Entry, &self.signed_message(network), &self.signature)
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        EntryId(*blake3::hash(&self.encode()).as_bytes())
    }

    /// The associated data of the body's seal.
    pub fn sealed_part(&self) -> [u8; SEALED_HEADER_LEN] {
        let mut out = [0u8; SEALED_HEADER_LEN];
        out.copy_from_slice(&self.encode()[..SEALED_HEADER_LEN]);
        out
    }

    fn signed_message(&self, network: &NetworkId) -> Vec<u8> {
        [network.as_bytes(), &self.encode()[..SIGNED_LEN]].concat()
    }
}

/// Largest place in a log: far beyond any use, and small enough that sums of places never overflow.
pub const SEQ_MAX: Seq = 1 << 48;

impl BodyKind {
    /// Reads the byte of a header.
    pub fn from_u8(byte: u8) -> Option<BodyKind> {
        match byte {
            0 => Some(BodyKind::Sealed),
            1 => Some(BodyKind::Addressed),
            _ => None,
        }
    }
}

/// Why an entry was refused. None of these says anything about its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The bytes are not an entry.
    #[error("not an entry: {0}")]
    Format(#[from] FormatError),
    /// The body does not hash to what the header says.
    #[error("the body does not match its hash")]
    Body,
    /// The signature is not the author's, or was made in another network.
    #[error("the signature does not hold")]
    Signature,
    /// It carries another entry, and that one does not hold, or belongs elsewhere.
    #[error("the entry that it carries does not hold")]
    Carried,
}

/// An entry whose signature and body hash hold. Only [`Entry::check`] and [`Entry::sign`] make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    header: Header,
    id: EntryId,
    body: Vec<u8>,
}

impl Entry {
    /// Signs a header over a sealed body. `header.body_hash`, `body_len` and `signature` are filled in.
    ///
    /// # Errors
    /// A body over [`BODY_BYTES_MAX`].
    pub fn sign(
        mut header: Header,
        body: Vec<u8>,
        network: &NetworkId,
        signer: &dyn Signer,
    ) -> Result<Entry, EntryError> {
        header.body_hash = *blake3::hash(&body).as_bytes();
        header.body_len = u32::try_from(body.len()).map_err(|_| FormatError::TooLarge("body"))?;
        header.check_ranges()?;
        assert!(header.log.author == signer.device(), "a device signs its own logs only");
        header.signature = signer.sign(Purpose::Entry, &header.signed_message(network));
        Ok(Entry { id: header.id(), header, body })
    }

    /// Checks hash and signature of what came from outside.
    ///
    /// # Errors
    /// [`EntryError`], the same at every site.
    pub fn check(
        header: Header,
        body: Vec<u8>,
        network: &NetworkId,
        verifier: &dyn Verifier,
    ) -> Result<Entry, EntryError> {
        header.check_ranges()?;
        if header.body_len as usize != body.len() || *blake3::hash(&body).as_bytes() != header.body_hash {
            return Err(EntryError::Body);
        }
        if !header.is_signed(network, verifier) {
            return Err(EntryError::Signature);
        }
        let entry = Entry { id: header.id(), header, body };
        if entry.carries() && !entry.carried().is_some_and(|inner| inner.header.is_signed(network, verifier)) {
            return Err(EntryError::Carried);
        }
        Ok(entry)
    }

    /// True if the body is another entry.
    fn carries(&self) -> bool {
        self.header.kind == BodyKind::Sealed && self.body.starts_with(&CARRYING)
    }

    /// The entry that this one carries; `None` if it carries none, or the bytes are not one of the same lane and scope. In an
    /// entry that came through [`Entry::check`] its signature holds.
    pub fn carried(&self) -> Option<Entry> {
        let whole = self.body.strip_prefix(&CARRYING).filter(|_| self.carries())?;
        let (header, body) = whole.split_at_checked(HEADER_LEN)?;
        let inner = Entry::from_disk(header, body.to_vec()).ok()?;
        let same = (inner.header.log.lane, inner.header.scope) == (self.header.log.lane, self.header.scope);
        (same && !inner.carries()).then_some(inner)
    }

    /// The body of an entry that carries this one. Its kind is [`BodyKind::Sealed`], whatever that of this one is.
    pub fn to_carry(&self) -> Vec<u8> {
        [CARRYING.as_slice(), &self.header.encode(), &self.body].concat()
    }

    /// Takes back from the own disk what was checked before it was stored: the hash is checked again, the signature not.
    ///
    /// # Errors
    /// The stored bytes were damaged.
    pub fn from_disk(header: &[u8], body: Vec<u8>) -> Result<Entry, EntryError> {
        let header: [u8; HEADER_LEN] = header.try_into().map_err(|_| FormatError::Short)?;
        let header = Header::decode(&header)?;
        if header.body_len as usize != body.len() || *blake3::hash(&body).as_bytes() != header.body_hash {
            return Err(EntryError::Body);
        }
        Ok(Entry { id: header.id(), header, body })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The sealed body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, entries, signer};
    use proptest::prelude::*;

    #[test]
    fn a_header_has_one_form() {
        let entry = &entries(1, Lane::Urgent, 3)[2];
        let bytes = entry.header().encode();
        assert_eq!(Header::decode(&bytes).as_ref(), Ok(entry.header()));
        for (at, value, error) in [
            (0, 9, FormatError::Version(9)),
            (1, 7, FormatError::Version(7)),
            (2, 4, FormatError::Invalid("lane")),
            (3, 2, FormatError::Invalid("body kind")),
            (36, 1, FormatError::Invalid("place in the log")),
            (132, 255, FormatError::TooLarge("body")),
        ] {
            let mut bad = bytes;
            bad[at] = value;
            assert_eq!(Header::decode(&bad), Err(error), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_refused(at in 0usize..HEADER_LEN + 100, bit in 0u8..8) {
            let entry = entries(1, Lane::Clinical, 2).pop().unwrap();
            let mut bytes = [entry.header().encode().as_slice(), entry.body()].concat();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let (header, body) = bytes.split_at(HEADER_LEN);
            let checked = Header::decode(header.try_into().unwrap())
                .map_err(EntryError::from)
                .and_then(|header| Entry::check(header, body.to_vec(), &NETWORK, &Ed25519Verifier));
            prop_assert!(checked.is_err());
        }
    }

    #[test]
    fn an_entry_of_another_network_is_refused() {
        let entry = entries(1, Lane::Clinical, 1).pop().unwrap();
        let other = NetworkId([9; 32]);
        let checked = Entry::check(entry.header().clone(), entry.body().to_vec(), &other, &Ed25519Verifier);
        assert_eq!(checked, Err(EntryError::Signature));
        assert_eq!(entry.header().log.author, signer(1).device());
    }

    #[test]
    fn an_entry_that_carries_another_holds_only_if_that_one_does() {
        assert_eq!(CARRYING.as_slice(), &blake3::derive_key("sanad 2026 carried v1", b"")[..16]);
        let inner = crate::testing::entries(1, Lane::Clinical, 1).remove(0);
        let carrier = crate::testing::signer(2);
        let carry = |body: Vec<u8>, scope: ScopeTag| {
            let log = LogId { lane: Lane::Clinical, author: carrier.device() };
            let header = Header { log, seq: 1, scope, ..inner.header().clone() };
            let entry = Entry::sign(header, body, &NETWORK, &carrier).unwrap();
            Entry::check(entry.header().clone(), entry.body().to_vec(), &NETWORK, &Ed25519Verifier)
        };
        let scope = inner.header().scope;
        let outer = carry(inner.to_carry(), scope).unwrap();
        assert_eq!(outer.carried(), Some(inner.clone()));
        assert_eq!(inner.carried(), None);
        assert_eq!(carry(inner.to_carry(), ScopeTag([9; 16])), Err(EntryError::Carried), "in another chart");
        assert_eq!(carry(outer.to_carry(), scope), Err(EntryError::Carried), "one within another");
        let mut forged = inner.to_carry();
        forged[CARRYING_LEN - 1] ^= 1;
        assert_eq!(carry(forged, scope), Err(EntryError::Carried), "signed by nobody");
        assert_eq!(carry(CARRYING.to_vec(), scope), Err(EntryError::Carried), "nothing in it");
    }
}
