//! What is held elsewhere, and how much of it is enough.

use super::*;
use crate::policy::{Policy, PolicyStatement, SignedPolicy};
use crate::receipt::Receipt;

fn signed(network: &Network, version: u64, copies: u32, outside: bool) -> SignedPolicy {
    let statement = PolicyStatement { network: network.authority.network(), version, copies, outside };
    SignedPolicy::sign(&statement, &[(0, &network.authority_key)])
}

fn entries_of(ranges: &[Range], lane: Lane) -> u64 {
    ranges.iter().filter(|range| range.log.lane == lane).map(Range::count).sum()
}

/// Clinical entries that are only here, and that are not yet safe.
fn clinical(site: &Site) -> (u64, u64) {
    let exposure = site.replica.exposure();
    assert_eq!(exposure.only_here, site.replica.only_here(), "both ways to the first figure");
    (entries_of(&exposure.only_here, Lane::Clinical), entries_of(&exposure.not_yet_safe, Lane::Clinical))
}

#[test]
fn never_lull_a_record_is_safe_when_enough_others_and_one_outside_have_confirmed() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(2, SiteKind::Enclave, &mut cedar);
    let mut reed = network.join(3, SiteKind::Enclave, &mut cedar);
    let mut haven = network.join(4, SiteKind::Haven, &mut cedar);
    cedar.save(9, Lane::Clinical, "saved at cedar");
    assert_eq!(clinical(&cedar), (1, 1));
    quiet(&mut cedar, &mut olive);
    assert_eq!(clinical(&cedar), (0, 1), "one copy");
    quiet(&mut cedar, &mut reed);
    assert_eq!(clinical(&cedar), (0, 1), "two copies, none outside");
    quiet(&mut cedar, &mut haven);
    assert_eq!(clinical(&cedar), (0, 0));
    // The haven itself counts for nothing at the haven: destroyed, it leaves two copies inside.
    quiet(&mut haven, &mut cedar);
    assert_eq!(clinical(&haven).1, 1);
}

#[test]
fn two_devices_of_one_facility_are_one_copy_and_a_stranger_is_none() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    // A second device of the haven, and one of cedar itself.
    let enrol = |cedar: &mut Site, device: u8, secret: &FacilitySecret, kind| {
        let facility = secret.facility("Again", kind);
        let enrolment = Enrolment { network: network.authority.network(), facility, device: signer(device).device() };
        cedar.run(Input::Enrol(3, SignedEnrolment::sign(&enrolment, &[(0, &network.authority_key)])));
    };
    enrol(&mut cedar, 12, &Network::secret(2), SiteKind::Haven);
    enrol(&mut cedar, 11, &Network::secret(1), SiteKind::Enclave);
    cedar.save(9, Lane::Clinical, "saved at cedar");
    quiet(&mut cedar, &mut haven);
    assert_eq!(clinical(&cedar), (0, 1));
    for stranger_or_double in [12, 11, 77] {
        let held = cedar.replica.durable().clone();
        let receipt = Receipt::sign(&network.authority.network(), held.count(), held, &signer(stranger_or_double));
        cedar.replica.receipts.insert(receipt.device, receipt);
        assert_eq!(clinical(&cedar), (0, 1), "device {stranger_or_double}");
    }
    assert_eq!(cedar.replica.elsewhere().len(), 1, "one facility");
}

#[test]
fn the_authority_sets_the_policy_and_every_site_takes_the_same() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(2, SiteKind::Enclave, &mut cedar);
    cedar.save(9, Lane::Clinical, "saved at cedar");
    quiet(&mut cedar, &mut olive);
    assert_eq!(clinical(&cedar), (0, 1));
    assert_eq!((cedar.replica.directory().policy(), cedar.replica.directory().policy_version()), (Policy::DEFAULT, 0));

    let forged = SignedPolicy::sign(
        &PolicyStatement { network: network.authority.network(), version: 99, copies: 1, outside: false },
        &[(0, &signer(1))],
    );
    cedar.run(Input::SetPolicy(4, forged));
    assert_eq!(cedar.failed.take(), Some(SaveError::NotAuthorised));
    assert_eq!(cedar.replica.directory().policy(), Policy::DEFAULT);

    cedar.run(Input::SetPolicy(5, signed(&network, 2, 1, false)));
    // Of an older one nothing is taken, whenever and by whomever it is written.
    olive.run(Input::SetPolicy(6, signed(&network, 1, 9, true)));
    assert_eq!(olive.replica.directory().policy().copies, 9);
    quiet(&mut cedar, &mut olive);
    quiet(&mut cedar, &mut olive);
    for site in [&cedar, &olive] {
        assert_eq!(site.replica.directory().policy(), Policy { copies: 1, outside: false });
        assert_eq!(site.replica.directory().policy_version(), 2);
    }
    assert_eq!(clinical(&cedar), (0, 0));
    // And so after a restart, from the log alone.
    let again = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk.clone());
    assert_eq!(again.replica.directory().policy_version(), 2);
}

/// Two statements of one version, in both orders.
#[test]
fn the_policy_does_not_depend_on_the_order_of_statements() {
    let network = Network::new();
    let (one, two) = (signed(&network, 5, 3, true), signed(&network, 5, 4, false));
    let after = |order: [&SignedPolicy; 2]| {
        let mut site = network.founder(1);
        order.into_iter().for_each(|policy| drop(site.run(Input::SetPolicy(1, policy.clone()))));
        site.replica.directory().policy()
    };
    assert_eq!(after([&one, &two]), after([&two, &one]));
}
