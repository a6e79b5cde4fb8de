//! Receipts: a device's signed statement "I durably hold this frontier". Exposure is computed from receipts alone; a push
//! never counts by itself. They are not entries, since a receipt for a receipt would never end.

use crate::frontier::{DecodeError, Frontier};
use crate::ids::{DeviceId, NetworkId};
use crate::sign::{Purpose, Signature, Signer, Verifier};
use crate::wire::{FormatError, Reader, put_varint};

/// A receipt whose signature holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Who holds it.
    pub device: DeviceId,
    /// Grows with every receipt of this device.
    pub counter: u64,
    /// What it durably holds.
    pub frontier: Frontier,
    pub(crate) signature: Signature,
}

/// How the frontier of a receipt is written.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// As the difference to an older receipt of the same device that the reader holds.
    Since(&'a Receipt),
    /// Whole, authors by their place in the registry; an empty registry names every key.
    Whole(&'a [DeviceId]),
}

fn signed_message(network: &NetworkId, counter: u64, frontier_hash: &[u8; 32]) -> Vec<u8> {
    [network.as_bytes(), &counter.to_be_bytes(), frontier_hash].concat()
}

impl Receipt {
    /// Signs a frontier. The caller has made sure that the disk has confirmed all of it.
    pub fn sign(network: &NetworkId, counter: u64, frontier: Frontier, signer: &dyn Signer) -> Receipt {
        let signature = signer.sign(Purpose::Receipt, &signed_message(network, counter, &frontier.hash()));
        Receipt { device: signer.device(), counter, frontier, signature }
    }

    /// True if this device has signed a receipt of this counter for a frontier of this hash.
    pub fn is_signed(
        network: &NetworkId,
        device: &DeviceId,
        (counter, frontier_hash, signature): (u64, &[u8; 32], &Signature),
        verifier: &dyn Verifier,
    ) -> bool {
        let message = signed_message(network, counter, frontier_hash);
        counter > 0 && verifier.verify(device, Purpose::Receipt, &message, signature)
    }

    /// Bytes: device, counter, form, signature, frontier.
    pub fn encode(&self, form: Form<'_>) -> Vec<u8> {
        let mut out = self.device.as_bytes().to_vec();
        put_varint(&mut out, self.counter);
        match form {
            Form::Since(base) => {
                // 0 stands for "whole"; counters start at 1.
                put_varint(&mut out, base.counter);
                out.extend_from_slice(&self.signature);
                out.extend_from_slice(&self.frontier.encode_delta(&base.frontier));
            }
            Form::Whole(registry) => {
                put_varint(&mut out, 0);
                out.extend_from_slice(&self.signature);
                out.extend_from_slice(&self.frontier.encode(registry));
            }
        }
        out
    }

    /// Reads and checks a receipt. `base` finds the newest receipt held of a device.
    ///
    /// # Errors
    /// [`ReceiptError::OtherBase`] asks the sender for the whole, by key.
    pub fn decode<'a>(
        bytes: &[u8],
        network: &NetworkId,
        registry: &[DeviceId],
        base: impl Fn(&DeviceId) -> Option<&'a Receipt>,
        verifier: &dyn Verifier,
    ) -> Result<Receipt, ReceiptError> {
        let mut r = Reader::new(bytes);
        let device = DeviceId(r.array()?);
        let counter = r.varint()?;
        let base_counter = r.varint()?;
        let signature: Signature = r.array()?;
        let frontier = if base_counter == 0 {
            Frontier::decode(r.rest(), registry).map_err(|error| match error {
                DecodeError::OtherRegistry => ReceiptError::OtherBase,
                DecodeError::Format(error) => error.into(),
            })?
        } else {
            let base = base(&device).filter(|base| base.counter == base_counter).ok_or(ReceiptError::OtherBase)?;
            Frontier::decode_delta(r.rest(), &base.frontier)?
        };
        if !Receipt::is_signed(network, &device, (counter, &frontier.hash(), &signature), verifier) {
            return Err(ReceiptError::Signature);
        }
        Ok(Receipt { device, counter, frontier, signature })
    }
}

/// Why a receipt was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("not a receipt: {0}")]
    Format(#[from] FormatError),
    /// Written against a receipt or a registry that is not ours.
    #[error("written against a receipt or a registry that is not held here")]
    OtherBase,
    /// The signature does not hold.
    #[error("the receipt's signature does not hold")]
    Signature,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontier::Range;
    use crate::ids::{Lane, LogId};
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, signer};

    #[test]
    fn a_receipt_holds_in_every_form_and_only_for_what_was_signed() {
        let me = signer(1);
        let log = LogId { lane: Lane::Clinical, author: signer(2).device() };
        let mut frontier = Frontier::default();
        frontier.insert(Range { log, from: 1, to: 9 });
        let old = Receipt::sign(&NETWORK, 1, frontier.clone(), &me);
        frontier.insert(Range { log, from: 10, to: 12 });
        let new = Receipt::sign(&NETWORK, 2, frontier, &me);
        let decode = |bytes: &[u8], held: Option<&Receipt>, network| {
            Receipt::decode(bytes, network, &[], |_| held, &Ed25519Verifier)
        };
        for (bytes, held) in [(new.encode(Form::Whole(&[])), None), (new.encode(Form::Since(&old)), Some(&old))] {
            assert_eq!(decode(&bytes, held, &NETWORK).as_ref(), Ok(&new));
            assert_eq!(decode(&bytes, held, &NetworkId([1; 32])), Err(ReceiptError::Signature));
            let mut bad = bytes.clone();
            *bad.last_mut().unwrap() ^= 2;
            assert!(decode(&bad, held, &NETWORK).is_err(), "another frontier under the same signature");
        }
        assert_eq!(decode(&new.encode(Form::Since(&old)), None, &NETWORK), Err(ReceiptError::OtherBase));
        assert!(new.encode(Form::Since(&old)).len() < 140);
    }
}
