//! What a replica asks to be kept beside the log, at any site.

use crate::keep::{COPY_KEY, ENROLMENT_KEY, MEMBER_KEY, REACH_KEY};
use sanad_log::control::to_cbor;
use sanad_log::frontier::Frontier;
use sanad_log::ids::DeviceId;
use sanad_log::receipt::{Form, Receipt};
use sanad_log::replica::{InParts, Keep};
use sanad_log::sign::Ed25519Verifier;
use sanad_store::{Secrets, Store, StoreError};

/// Prefix of own receipts that a peer is known to hold.
const ACKNOWLEDGED_KEY: &str = "acknowledged/";
/// Prefix of what a device has confirmed in parts.
const PART_KEY: &str = "part/";

/// Own receipts that peers are known to hold.
pub(crate) fn acknowledged(store: &Store, secrets: &Secrets) -> Result<Vec<(DeviceId, Receipt)>, StoreError> {
    let read = |(key, value): (String, Vec<u8>)| {
        let peer = DeviceId::from_hex(key.strip_prefix(ACKNOWLEDGED_KEY)?)?;
        let receipt = Receipt::decode(&value, &secrets.network, &[], |_| None, &Ed25519Verifier).ok()?;
        Some((peer, receipt))
    };
    Ok(store.list_state(ACKNOWLEDGED_KEY)?.into_iter().filter_map(read).collect())
}

/// What others have confirmed in parts. What cannot be read overstates what is only here.
pub(crate) fn parts(store: &Store) -> Result<Vec<(DeviceId, InParts)>, StoreError> {
    let read = |(key, value): (String, Vec<u8>)| {
        let peer = DeviceId::from_hex(key.strip_prefix(PART_KEY)?)?;
        let (counter, places) = value.split_first_chunk::<8>()?;
        let places = Frontier::decode(places, &[]).ok()?;
        Some((peer, InParts { counter: u64::from_be_bytes(*counter), places }))
    };
    Ok(store.list_state(PART_KEY)?.into_iter().filter_map(read).collect())
}

/// The names and values under which something is kept.
pub(crate) fn kept(keep: &Keep) -> Vec<(String, Vec<u8>)> {
    match keep {
        Keep::Member(device, facility) => vec![(format!("{MEMBER_KEY}{device}"), facility.as_bytes().to_vec())],
        Keep::Enrolment(enrolment) => {
            let value = to_cbor(enrolment);
            vec![(ENROLMENT_KEY.to_owned(), value.clone()), (format!("{COPY_KEY}{ENROLMENT_KEY}"), value)]
        }
        Keep::Reach(reach) => vec![(REACH_KEY.to_owned(), to_cbor(reach))],
        Keep::Acknowledged(peer, receipt) => {
            vec![(format!("{ACKNOWLEDGED_KEY}{peer}"), receipt.encode(Form::Whole(&[])))]
        }
        Keep::Part(peer, parts) => {
            let value = [parts.counter.to_be_bytes().as_slice(), &parts.places.encode(&[])].concat();
            vec![(format!("{PART_KEY}{peer}"), value)]
        }
    }
}
