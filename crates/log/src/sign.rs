//! The signer and verifier seam: Ed25519 in the world, a cheap stand-in in the simulator.

use crate::ids::DeviceId;
use ed25519_dalek::{Signature as DalekSignature, Signer as _, SigningKey, VerifyingKey};

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// A detached signature.
pub type Signature = [u8; SIGNATURE_LEN];

/// What a signature is about. The label is part of what is signed, so that a signature made for one purpose is worth
/// nothing for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A header of an entry.
    Entry,
    /// A frontier that is durably held.
    Receipt,
    /// A part of a frontier that is durably held, where a whole one does not fit.
    Part,
    /// The exporter of a TLS connection: this device is at this end of this connection.
    Channel,
    /// A statement of the network's authority.
    Authority,
    /// A facility's statement that a device is its own now.
    Device,
    /// The network's policy, stated by its authority.
    Policy,
    /// Where a device is reached that cannot write it into the control lane.
    Reach,
}

impl Purpose {
    /// The domain label, 16 bytes, distinct for each purpose.
    pub fn label(self) -> &'static [u8; 16] {
        match self {
            Purpose::Entry => b"sanad/1 entry   ",
            Purpose::Receipt => b"sanad/1 receipt ",
            Purpose::Part => b"sanad/1 part    ",
            Purpose::Channel => b"sanad/1 channel ",
            Purpose::Authority => b"sanad/1 authorit",
            Purpose::Device => b"sanad/1 device  ",
            Purpose::Policy => b"sanad/1 policy  ",
            Purpose::Reach => b"sanad/1 reach   ",
        }
    }
}

/// Signs as one device.
pub trait Signer: Send {
    /// The device whose signatures these are.
    fn device(&self) -> DeviceId;
    /// Signs a message for a purpose.
    fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature;
}

/// Shows whose it is, and nothing of the key.
impl std::fmt::Debug for dyn Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?})", self.device())
    }
}

/// Checks signatures of any device. Must give the same verdict at every site.
pub trait Verifier: Send + Sync {
    /// True if this device signed this message for this purpose.
    fn verify(&self, device: &DeviceId, purpose: Purpose, message: &[u8], signature: &Signature) -> bool;
}

fn labelled(purpose: Purpose, message: &[u8]) -> Vec<u8> {
    [purpose.label().as_slice(), message].concat()
}

/// An Ed25519 signing key (RFC 8032). Zeroised when dropped.
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// From the 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Ed25519Signer(SigningKey::from_bytes(seed))
    }
}

impl Signer for Ed25519Signer {
    fn device(&self) -> DeviceId {
        DeviceId(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature {
        self.0.sign(&labelled(purpose, message)).to_bytes()
    }
}

/// Strict Ed25519 verification: refuses small-order keys and malleable signatures, so that all replicas agree
/// (Chalkias, Garillot, Nikolaenko 2020, "Taming the many EdDSAs").
#[derive(Clone, Copy, Default, Debug)]
pub struct Ed25519Verifier;

impl Verifier for Ed25519Verifier {
    fn verify(&self, device: &DeviceId, purpose: Purpose, message: &[u8], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&device.0) else {
            return false;
        };
        key.verify_strict(&labelled(purpose, message), &DalekSignature::from_bytes(signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_for_one_purpose_is_worth_nothing_for_another() {
        let signer = Ed25519Signer::from_seed(&[7; 32]);
        let signature = signer.sign(Purpose::Entry, b"x");
        let holds = |purpose, message: &[u8]| Ed25519Verifier.verify(&signer.device(), purpose, message, &signature);
        assert!(holds(Purpose::Entry, b"x"));
        assert!(!holds(Purpose::Receipt, b"x"));
        assert!(!holds(Purpose::Entry, b"y"));
        let other = Ed25519Signer::from_seed(&[8; 32]).device();
        assert!(!Ed25519Verifier.verify(&other, Purpose::Entry, b"x", &signature));
    }
}
