//! What the simulator of `crates/drill` found in the heart, each in its smallest form.

use super::*;
use crate::wire::put_varint;

/// The one that dials has not heard of the other, and the other, which knows it, goes on without waiting to be known.
#[test]
fn who_dials_a_member_not_heard_of_yet_hears_it_out() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    olive.save(4, Lane::Clinical, "saved at olive");
    haven.save(5, Lane::Clinical, "saved at the haven");
    quiet(&mut haven, &mut olive);
    assert_eq!(haven.text(4), ["saved at olive"]);
    assert_eq!(haven.replica.durable(), olive.replica.durable());
}

#[test]
fn a_haven_that_shows_its_enrolment_is_granted_what_was_made_before() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    olive.save(4, Lane::Clinical, "made before there was a haven");
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut haven, &mut olive);
    quiet(&mut haven, &mut olive);
    assert_eq!(haven.text(4), ["made before there was a haven"]);
}

#[test]
fn what_is_owed_to_a_haven_is_owed_after_a_restart() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    cedar.save(4, Lane::Clinical, "made before there was a haven");
    // Power goes when the haven's enrolment is on the disk and the grants to it are not.
    let secret = Network::secret(2);
    let before = cedar.disk.clone();
    cedar.run(Input::Enrol(2, network.enrolment(2, &secret, SiteKind::Haven)));
    let grants = cedar.disk.keys().filter(|place| !before.contains_key(*place)).max().copied().unwrap();
    cedar.disk.remove(&grants);
    let mut cedar = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk);
    let mut haven = Site::new(2, network.authority.network(), &secret);
    quiet(&mut haven, &mut cedar);
    quiet(&mut haven, &mut cedar);
    assert_eq!(haven.text(4), ["made before there was a haven"]);
}

#[test]
fn a_key_whose_grant_never_reached_the_disk_seals_nothing() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let part = Part { lane: Lane::Clinical, scope: ScopeTag([8; 16]), text: Clear::new(b"lost".to_vec()) };
    let effects = cedar.replica.handle(NOW, Input::Save(10, vec![part]));
    let Effect::Append { token, .. } = &effects[0] else { panic!("{effects:?}") };
    let mut chains = Chains::default();
    cedar.disk.values().for_each(|entry| chains.insert(std::slice::from_ref(entry)));
    cedar.replica.handle(NOW, Input::AppendFailed(*token, chains.spans().collect()));
    cedar.replica.recall(cedar.disk.values().filter(|entry| entry.header().log.lane == Lane::Control));
    cedar.save(8, Lane::Clinical, "saved once the disk was well");
    quiet(&mut haven, &mut cedar);
    assert_eq!(haven.text(8), ["saved once the disk was well"]);
    let cedar = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk);
    assert_eq!(cedar.text(8), ["saved once the disk was well"]);
}

#[test]
fn asking_for_places_that_do_not_exist_costs_one_answer() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut haven, &mut cedar);
    cedar.save(0, Lane::Urgent, "all that there is");
    let mut needs = 0;
    let report = sync(&mut haven, &mut cedar, &mut |frame| {
        if frame[0] == 5 {
            // The last number of a Need is how far its last range goes.
            needs += 1;
            frame.pop();
            put_varint(frame, 1 << 40);
        }
    });
    assert_eq!((report.outcomes, needs), ([Some(Outcome::Done); 2], 1));
    assert_eq!(haven.replica.durable(), cedar.replica.durable());
}
