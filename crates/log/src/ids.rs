//! The small names of the log: who, which lane, which place, which key. Parsed once at the edge; inside, no string stands for a thing.

use std::fmt;

/// Declares a fixed-size opaque name: ordered, hashable, shown as lower-case hexadecimal, encoded as one CBOR byte string.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Reads a name from a slice of exactly [`Self::LEN`] bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes of the name.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Reads the hexadecimal form that `Display` writes.
            pub fn from_hex(text: &str) -> Option<Self> {
                if text.len() != $len * 2 || !text.is_ascii() {
                    return None;
                }
                let mut out = [0u8; $len];
                for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).ok()?;
                    *byte = u8::from_str_radix(pair, 16).ok()?;
                }
                Some(Self(out))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:02x}{:02x}{:02x}{:02x})", stringify!($name), self.0[0], self.0[1], self.0[2], self.0[3])
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("wrong length of a name"))
            }
        }
    };
}

opaque!(
    /// A network: BLAKE3 over the keys of its authority and a salt, so that a network's name commits to who may enrol.
    NetworkId, 32
);
opaque!(
    /// A device: its Ed25519 public key. One incarnation; a restored or cloned device is a new one.
    DeviceId, 32
);
opaque!(
    /// A facility: the first 16 bytes of BLAKE3 over its public keys.
    FacilityId, 16
);
opaque!(
    /// An entry: BLAKE3 of its 200-byte header, signature included.
    EntryId, 32
);
opaque!(
    /// What an entry belongs to, as carriers may see it: random per chart, so that it tells a carrier nothing but sameness.
    ScopeTag, 16
);
opaque!(
    /// A symmetric key: the first 16 bytes of its BLAKE3 derivation. It commits to the key and is checked before opening.
    KeyId, 16
);

impl ScopeTag {
    /// The scope of what all facilities of the network may read, and of control entries.
    pub const NETWORK: ScopeTag = ScopeTag([0; 16]);
}

/// The four lanes of a device, in the order in which they travel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Lane {
    /// Membership, keys, policy, fork proofs.
    Control = 0,
    /// Triage, allergies, transfers, alarms.
    Urgent = 1,
    /// The clinical record.
    Clinical = 2,
    /// Attachments, reports, whole documents.
    Bulk = 3,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Lane; 4] = [Lane::Control, Lane::Urgent, Lane::Clinical, Lane::Bulk];

    /// Reads the byte of a header.
    pub fn from_u8(byte: u8) -> Option<Lane> {
        Lane::ALL.get(usize::from(byte)).copied()
    }

    /// The word for it, in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Control => "control",
            Lane::Urgent => "urgent",
            Lane::Clinical => "clinical",
            Lane::Bulk => "bulk",
        }
    }
}

/// One append-only log: one lane of one device. Ordered by lane first, so that a walk over logs is in travelling order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LogId {
    /// The lane.
    pub lane: Lane,
    /// The device that alone may append.
    pub author: DeviceId,
}

/// The place of an entry in its log, counted from 1.
pub type Seq = u64;
