//! Fixed signers, randomness and entries for tests.

use crate::clock::Hlc;
use crate::entropy::Entropy;
use crate::entry::{BodyKind, Entry, Header};
use crate::ids::{EntryId, Lane, LogId, NetworkId, ScopeTag};
use crate::sign::{Ed25519Signer, Signer as _};
use std::ops::RangeInclusive;

/// The network of the tests.
pub const NETWORK: NetworkId = NetworkId([42; 32]);

/// A seeded source of bytes: BLAKE3 in extendable-output mode.
pub fn entropy(seed: u64) -> Entropy {
    let mut stream = blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof();
    Entropy::new(move |out| stream.fill(out))
}

/// A device by number.
pub fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32])
}

/// The first `count` entries of a device's lane, with short bodies in changing scopes.
pub fn entries(seed: u8, lane: Lane, count: u64) -> Vec<Entry> {
    let log = LogId { lane, author: signer(seed).device() };
    extend(seed, log, EntryId([0; 32]), 1..=count, 0)
}

/// `past`, and after it `count` other entries than [`entries`] would make.
pub fn fork_after(seed: u8, past: &[Entry], count: u64) -> Vec<Entry> {
    let last = past.last().expect("a past");
    let from = last.header().seq + 1;
    [past, &extend(seed, last.header().log, last.id(), from..=from + count - 1, 100)].concat()
}

fn extend(seed: u8, log: LogId, mut prev: EntryId, places: RangeInclusive<u64>, salt: u8) -> Vec<Entry> {
    let signer = signer(seed);
    places
        .map(|seq| {
            let header = Header {
                log,
                seq,
                prev,
                scope: ScopeTag([(seq % 5) as u8; 16]),
                hlc: Hlc::from_ms(1_500_000_000_000 + seq * 17),
                kind: BodyKind::Sealed,
                body_hash: [0; 32],
                body_len: 0,
                signature: [0; 64],
            };
            let body = vec![seq as u8 + salt; 20 + (seq as usize * 7) % 50];
            let entry = Entry::sign(header, body, &NETWORK, &signer).expect("a short body");
            prev = entry.id();
            entry
        })
        .collect()
}
