//! What only this site knows, kept in the one row of the encrypted database that is never shown.

use minicbor::{Decode, Encode};
use sanad_log::control::{SiteKind, from_cbor, to_cbor};
use sanad_log::ids::NetworkId;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Where a copy is kept among the node's own values, on another page than the row itself. No prefix that the node lists
/// begins like this.
pub(crate) const SECRETS_COPY_KEY: &str = "store/secrets";

/// A site's secrets and its own name. No `Debug`; wiped when dropped. Later fields are added with new numbers.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Encode, Decode)]
pub struct Secrets {
    /// The network.
    #[n(0)]
    #[zeroize(skip)]
    pub network: NetworkId,
    /// The site's call sign.
    #[n(1)]
    pub call_sign: String,
    /// Enclave or haven.
    #[n(2)]
    #[zeroize(skip)]
    pub kind: SiteKind,
    /// Ed25519 seed of this device. Never in a backup: a restored device is a new one.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub device_seed: [u8; 32],
    /// The facility's keys, as `FacilitySecret::to_bytes` gives them.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub facility: [u8; 64],
    /// Ed25519 seed of the network's authority, where this site keeps it.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub authority_seed: Option<[u8; 32]>,
    /// Certificate that the site shows, DER.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub tls_certificate_der: Vec<u8>,
    /// Its private key, PKCS#8 DER.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub tls_key_der: Vec<u8>,
}

impl Secrets {
    /// The bytes of the row.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(to_cbor(self))
    }

    /// Reads the row.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Secrets> {
        from_cbor(bytes).ok()
    }
}
