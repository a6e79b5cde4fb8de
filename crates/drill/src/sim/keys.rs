//! Signatures of the simulation: Ed25519, or a stand-in that costs a microsecond.
//!
//! The stand-in is BLAKE3 keyed by the *public* name of the device, so anybody can forge it. That is by design: it is worth
//! as much as a checksum, which is what the simulator needs of most seeds, where nobody forges. It is compiled into this
//! crate alone; one seed in fifty runs with the real thing.

use sanad_log::ids::DeviceId;
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Purpose, SIGNATURE_LEN, Signature, Signer, Verifier};

struct StandInSigner(DeviceId);

struct StandInVerifier;

fn stand_in(device: &DeviceId, purpose: Purpose, message: &[u8]) -> Signature {
    let mut out = [0; SIGNATURE_LEN];
    blake3::Hasher::new_keyed(&device.0).update(purpose.label()).update(message).finalize_xof().fill(&mut out);
    out
}

impl Signer for StandInSigner {
    fn device(&self) -> DeviceId {
        self.0
    }

    fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature {
        stand_in(&self.0, purpose, message)
    }
}

impl Verifier for StandInVerifier {
    fn verify(&self, device: &DeviceId, purpose: Purpose, message: &[u8], signature: &Signature) -> bool {
        stand_in(device, purpose, message) == *signature
    }
}

/// The signer of a key number, the same at every start.
pub(super) fn signer(real: bool, seed: u64, number: u64) -> Box<dyn Signer> {
    let bytes = *blake3::Hasher::new().update(&seed.to_be_bytes()).update(&number.to_be_bytes()).finalize().as_bytes();
    if real { Box::new(Ed25519Signer::from_seed(&bytes)) } else { Box::new(StandInSigner(DeviceId(bytes))) }
}

/// The verifier that goes with [`signer`].
pub(super) fn verifier(real: bool) -> Box<dyn Verifier> {
    if real { Box::new(Ed25519Verifier) } else { Box::new(StandInVerifier) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_tell_a_changed_message_another_device_and_another_purpose() {
        for real in [false, true] {
            let (one, two) = (signer(real, 1, 1), signer(real, 1, 2));
            let signature = one.sign(Purpose::Entry, b"x");
            let holds =
                |by: &dyn Signer, purpose, text: &[u8]| verifier(real).verify(&by.device(), purpose, text, &signature);
            assert!(holds(&*one, Purpose::Entry, b"x"));
            assert!(!holds(&*one, Purpose::Entry, b"y"));
            assert!(!holds(&*one, Purpose::Receipt, b"x"));
            assert!(!holds(&*two, Purpose::Entry, b"x"));
        }
    }
}
