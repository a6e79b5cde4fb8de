//! Where a device is reached that cannot write it into the control lane itself: a keeper holds no epoch key. It signs the
//! statement, tells it to every member it meets, and a member writes it down for it. `docs/protocol.md` §4.

use crate::control::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, Contact, from_cbor, to_cbor};
use crate::ids::{DeviceId, NetworkId};
use crate::sign::{Purpose, Signer, Verifier};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

/// Longest statement, in bytes: all the addresses there may be, and the names beside them.
const STATEMENT_BYTES_MAX: usize = ADDRESSES_MAX * (ADDRESS_BYTES_MAX + 4) + 256;

/// Where a device is reached, in its own words.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reach {
    /// The network: the statement is worth nothing in another.
    #[n(0)]
    pub network: NetworkId,
    /// Who is reached.
    #[n(1)]
    pub device: DeviceId,
    /// Grows with every statement of this device; the highest counts.
    #[n(2)]
    pub counter: u64,
    /// Where, and which certificate.
    #[n(3)]
    pub contact: Contact,
}

/// A [`Reach`] with its device's signature over the bytes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedReach {
    /// CBOR of the [`Reach`], exactly as signed.
    #[cbor(n(0), with = "minicbor::bytes")]
    statement: Vec<u8>,
    /// Signature of the device in it.
    #[n(1)]
    signature: ByteArray<64>,
}

impl SignedReach {
    /// Signs. The signer is the device that is spoken of.
    pub fn sign(reach: &Reach, signer: &dyn Signer) -> SignedReach {
        assert!(reach.device == signer.device(), "a device speaks for itself");
        let statement = to_cbor(reach);
        let signature = signer.sign(Purpose::Reach, &statement).into();
        SignedReach { statement, signature }
    }

    /// What is said, if its device said it, for this network, within the bounds of a contact.
    pub fn verify(&self, network: &NetworkId, verifier: &dyn Verifier) -> Option<Reach> {
        if self.statement.len() > STATEMENT_BYTES_MAX {
            return None;
        }
        let reach: Reach = from_cbor(&self.statement).ok()?;
        let addresses = &reach.contact.addresses;
        let bounded =
            addresses.len() <= ADDRESSES_MAX && addresses.iter().all(|address| address.len() <= ADDRESS_BYTES_MAX);
        let holds = || verifier.verify(&reach.device, Purpose::Reach, &self.statement, &self.signature);
        (bounded && reach.network == *network && holds()).then_some(reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, signer};

    #[test]
    fn a_reach_is_its_devices_own_word_for_one_network() {
        let contact = Contact { addresses: vec!["https://198.51.100.7:8470".to_owned()], certificate: [3; 32].into() };
        let reach = Reach { network: NETWORK, device: signer(1).device(), counter: 4, contact };
        let signed = SignedReach::sign(&reach, &signer(1));
        assert_eq!(signed.verify(&NETWORK, &Ed25519Verifier).as_ref(), Some(&reach));
        assert_eq!(signed.verify(&NetworkId([1; 32]), &Ed25519Verifier), None);
        let mut other = signed.clone();
        let last = other.statement.len() - 1;
        other.statement[last] ^= 1;
        assert_eq!(other.verify(&NETWORK, &Ed25519Verifier), None, "another certificate under the same signature");
        let many = Contact { addresses: vec!["https://a:1".to_owned(); ADDRESSES_MAX + 1], ..reach.contact.clone() };
        let many = SignedReach::sign(&Reach { contact: many, ..reach }, &signer(1));
        assert_eq!(many.verify(&NETWORK, &Ed25519Verifier), None);
    }
}
