//! Authors of whom nobody has said yet that they belong.

use super::*;
use crate::entry::{BodyKind, Header};
use crate::run::CheckedRun;
use std::sync::Arc;

/// Entries of a device, with bodies of these sizes.
fn written(seed: u8, network: NetworkId, bodies: &[usize]) -> Vec<Entry> {
    let log = LogId { lane: Lane::Clinical, author: signer(seed).device() };
    let mut prev = EntryId([0; 32]);
    let entries = bodies.iter().enumerate().map(|(at, bytes)| {
        let header = Header {
            log,
            seq: at as Seq + 1,
            prev,
            scope: ScopeTag([9; 16]),
            hlc: crate::clock::Hlc::from_ms(NOW),
            kind: BodyKind::Sealed,
            body_hash: [0; 32],
            body_len: 0,
            signature: [0; 64],
        };
        let entry = Entry::sign(header, vec![7; *bytes], &network, &signer(seed)).unwrap();
        prev = entry.id();
        entry
    });
    entries.collect()
}

fn carry(site: &mut Site, entries: &[Entry]) -> Took {
    let log = entries[0].header().log;
    let held = Some(Arc::new(Frontier::default()));
    let run = CheckedRun { log, entries: entries.to_vec(), refused: None };
    site.run(Input::Carried(9, Carried::Entries(run, held)));
    std::mem::take(&mut site.took)
}

#[test]
fn what_a_stranger_writes_is_taken_up_to_a_bound_and_all_of_it_once_it_is_enrolled() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let most = STRANGER_ENTRIES_MAX as usize;
    let many = written(30, network.authority.network(), &vec![1; most + 200]);
    let took = many.chunks(1_000).fold(Took::default(), |mut sum, piece| {
        sum.add(carry(&mut haven, piece));
        sum
    });
    assert_eq!((took.new, took.waiting, took.refused), (most as u64, 200, 0));
    let large = written(31, network.authority.network(), &[1]);
    assert_eq!(carry(&mut haven, &large).new, 0, "the bound is for all strangers together");
    // Nothing more of them is asked for, and the session ends as any other.
    let at_cedar = cedar.replica.durable().clone();
    quiet(&mut cedar, &mut haven);
    assert!(cedar.replica.durable().minus(&at_cedar).iter().all(|range| range.log == many[0].header().log));

    haven.run(Input::Enrol(3, network.enrolment(30, &Network::secret(30), SiteKind::Enclave)));
    assert_eq!(carry(&mut haven, &many[most..]).new, 200);
    assert_eq!(carry(&mut haven, &large).new, 1, "there is room again");
}

#[test]
fn a_large_body_waits_for_the_enrolment_and_what_comes_before_it_does_not() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let entries = written(30, network.authority.network(), &[10, STRANGER_BODY_BYTES_MAX + 1, 10]);
    let enrolled = network.enrolment(30, &Network::secret(30), SiteKind::Enclave);
    cedar.run(Input::Enrol(4, enrolled));
    assert_eq!(carry(&mut cedar, &entries).new, 3);
    let took = carry(&mut haven, &entries);
    assert_eq!((took.new, took.waiting), (1, 2));
    // In a session the enrolment comes first, and the rest with it.
    quiet(&mut haven, &mut cedar);
    quiet(&mut haven, &mut cedar);
    assert_eq!(haven.replica.durable(), cedar.replica.durable());
}
