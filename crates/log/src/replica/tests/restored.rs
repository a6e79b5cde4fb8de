//! A device that goes back in time: restored from an old copy, or cloned.

use super::*;

/// Cedar and a haven, and cedar as a copy of its folder remembers it; then cedar saved two more notes and sent them off.
fn with_old_copy(network: &Network) -> (Site, Site, Site) {
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(4, Lane::Clinical, "before the copy");
    quiet(&mut cedar, &mut haven);
    let copy = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk.clone());
    cedar.save(4, Lane::Clinical, "sent, then lost");
    cedar.save(4, Lane::Clinical, "sent, then lost as well");
    cedar.save(5, Lane::Urgent, "in a new chart");
    quiet(&mut cedar, &mut haven);
    (cedar, haven, copy)
}

/// Sessions until both hold the same and nothing is said any more.
pub(super) fn until_quiet(sites: &mut [Site]) {
    for _ in 0..8 {
        for a in 0..sites.len() {
            for b in a + 1..sites.len() {
                let (left, right) = sites.split_at_mut(b);
                sync(&mut left[a], &mut right[0], &mut |_| {});
            }
        }
    }
    for site in &sites[1..] {
        assert_eq!(site.replica.durable(), sites[0].replica.durable());
        assert_eq!(site.replica.chains.digest(), sites[0].replica.chains.digest());
    }
    assert!(sites.iter().all(|site| site.replica.doubts.is_empty() && site.only_here() == 0));
}

#[test]
fn a_restored_device_gets_its_lost_tail_back_and_writes_as_a_new_one() {
    let network = Network::new();
    let (cedar, haven, mut copy) = with_old_copy(&network);
    drop(cedar);
    let old = copy.replica.device();
    let mut sites = [copy, haven];
    until_quiet(&mut sites);
    [copy, _] = sites;
    assert_ne!(copy.replica.device(), old, "the old key signs nothing more");
    assert_eq!(copy.text(4), ["before the copy", "sent, then lost", "sent, then lost as well"]);
    assert_eq!(copy.text(5), ["in a new chart"]);
    assert!(copy.replica.directory().is_replaced(&old) && copy.replica.directory().forks().is_empty());
    copy.save(4, Lane::Clinical, "after");
    assert_eq!(copy.failed, None);
}

/// A haven that was restored and had written nothing of its own since: only its receipts tell.
#[test]
fn a_restored_device_that_wrote_nothing_is_shown_its_own_receipt() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let disk = haven.disk.clone();
    let mut copy = Site::restarted(2, network.authority.network(), &Network::secret(2), disk);
    let old = copy.replica.device();
    cedar.save(4, Lane::Clinical, "held by the haven");
    quiet(&mut cedar, &mut haven);
    assert_eq!(cedar.only_here(), 0);
    let report = sync(&mut copy, &mut cedar, &mut |_| {});
    assert!(report.outcomes.contains(&Some(Outcome::Outlived)), "{:?}", report.outcomes);
    assert_ne!(copy.replica.device(), old);
    assert_eq!(cedar.only_here(), 2, "the record, and the grant of its chart");
    quiet(&mut copy, &mut cedar);
    assert_eq!((cedar.only_here(), copy.text(4)), (0, vec!["held by the haven".to_owned()]));
}

/// What every peer measured fails: restore the old folder, write before syncing, then sync.
#[test]
fn what_a_restored_device_writes_before_it_syncs_is_kept_beside_what_it_had_lost() {
    // Fewer, as many, and more entries than were lost.
    for written in [1, 2, 3, 5] {
        let network = Network::new();
        let (cedar, haven, mut copy) = with_old_copy(&network);
        drop(cedar);
        let notes: Vec<_> = (0..written).map(|n| format!("written before the sync {n}")).collect();
        notes.iter().for_each(|note| copy.save(4, Lane::Clinical, note));
        let mut sites = [copy, haven];
        until_quiet(&mut sites);
        for site in &sites {
            let texts = site.text(4);
            for lost in ["before the copy", "sent, then lost", "sent, then lost as well"] {
                assert!(texts.iter().any(|text| text == lost), "{written}: {lost} of {texts:?}");
            }
            assert!(notes.iter().all(|note| texts.contains(note)), "{written}: {texts:?}");
            assert_eq!(texts.len(), 3 + written, "nothing twice");
            assert_eq!(site.text(5), ["in a new chart"]);
            assert!(!site.replica.directory().forks().is_empty(), "staff are told");
        }
    }
}

#[test]
fn a_new_chart_on_either_branch_stays_readable() {
    let network = Network::new();
    let (cedar, haven, mut copy) = with_old_copy(&network);
    drop(cedar);
    copy.save(6, Lane::Urgent, "a chart whose key is granted on the losing branch");
    let mut sites = [copy, haven];
    until_quiet(&mut sites);
    for site in &sites {
        assert_eq!(site.text(6), ["a chart whose key is granted on the losing branch"]);
        assert_eq!(site.text(5), ["in a new chart"]);
    }
}

#[test]
fn twins_that_both_live_end_as_two_devices_and_lose_nothing() {
    let network = Network::new();
    let (mut cedar, haven, mut copy) = with_old_copy(&network);
    copy.save(4, Lane::Clinical, "by the twin");
    cedar.save(4, Lane::Clinical, "by the first");
    let mut sites = [cedar, copy, haven];
    until_quiet(&mut sites);
    for site in &sites {
        let texts = site.text(4);
        assert!(["by the twin", "by the first"].iter().all(|text| texts.iter().any(|other| other == text)));
        assert_eq!(texts.len(), 5);
    }
    assert_ne!(sites[0].replica.device(), sites[1].replica.device());
}

/// Both branches live on at others only, at the same height: no frontier shows the difference.
#[test]
fn branches_of_one_height_are_found_without_their_author() {
    let network = Network::new();
    let (mut cedar, mut haven, mut copy) = with_old_copy(&network);
    let mut olive = network.join(3, SiteKind::Haven, &mut cedar);
    quiet(&mut haven, &mut cedar);
    // The twin knows nothing of olive, which knows its device.
    (0..4).for_each(|n| copy.save(4, Lane::Bulk, &format!("by the twin {n}")));
    (0..4).for_each(|n| cedar.save(4, Lane::Bulk, &format!("by the first {n}")));
    let log = LogId { lane: Lane::Bulk, author: cedar.replica.device() };
    quiet(&mut cedar, &mut haven);
    // Olive takes the twin's branch as a courier would bring it: entry by entry.
    let theirs: Vec<_> = copy.disk.range((log, 1)..=(log, Seq::MAX)).map(|(_, entry)| entry.clone()).collect();
    let mut out = Vec::new();
    assert_eq!(olive.replica.receive(NOW, None, theirs, None, &mut out).0, 4);
    for effect in out {
        if let Effect::Append { token, entries, .. } = effect {
            for Appending { entry, .. } in entries {
                olive.disk.insert((entry.header().log, entry.header().seq), entry);
            }
            olive.run(Input::Appended(token));
        }
    }
    drop((cedar, copy));
    let mut sites = [olive, haven];
    until_quiet(&mut sites);
    for site in &sites {
        let texts = site.text(4);
        assert_eq!(texts.iter().filter(|text| text.starts_with("by the")).count(), 8, "{texts:?}");
    }
}

/// Places that belong to two branches are not counted as one.
#[test]
fn never_lull_a_receipt_for_the_other_branch_is_no_receipt() {
    let network = Network::new();
    let (cedar, mut haven, mut copy) = with_old_copy(&network);
    drop(cedar);
    (0..2).for_each(|n| copy.save(4, Lane::Clinical, &format!("only at the copy {n}")));
    // The haven's last words never come back.
    for _ in 0..3 {
        sync(&mut copy, &mut haven, &mut |frame| {
            if frame[0] == 10 {
                frame.truncate(0)
            }
        });
        assert!(copy.only_here() >= 2 || haven.text(4).len() == 5, "{} only here", copy.only_here());
    }
}

#[test]
fn a_device_that_is_led_to_itself_is_no_twin_of_its_own() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let device = cedar.replica.device();
    let (mut queue, exporter) = (VecDeque::new(), [5; 32]);
    for session in [1, 2] {
        let connected = Input::Connected { session, initiator: session == 1, exporter, expected: None };
        queue.extend(cedar.run(connected));
    }
    while let Some(effect) = queue.pop_front() {
        if let Effect::Send { session, frame, .. } = effect {
            let incoming = decode(&frame, &cedar.replica.network(), &Ed25519Verifier).unwrap();
            queue.extend(cedar.run(Input::Message(3 - session, incoming)));
        }
    }
    assert_eq!(cedar.replica.device(), device);
}

/// Its own enrolment may be among what a disk has lost: no new device can be shown to anybody before that is back.
#[test]
fn a_site_whose_disk_lost_any_of_its_entries_gets_all_back_even_its_own_enrolment() {
    let network = Network::new();
    let (cedar, haven, _) = with_old_copy(&network);
    let old = cedar.replica.device();
    let of_haven = |log: &LogId| log.author != old;
    for number in 0..300 {
        let mut dice = entropy(number);
        let mut kept = cedar.disk.clone();
        // Of every author alike, of the haven alone, or of the end of each log.
        let one_in = 2 + number % 4;
        kept.retain(|(log, seq), _| match number % 3 {
            0 => u64::from_be_bytes(dice.array()).is_multiple_of(one_in),
            1 => of_haven(log),
            _ => of_haven(log) || *seq > one_in,
        });
        let mut damaged = Site::restarted(1, network.authority.network(), &Network::secret(1), kept);
        // A site that was open meanwhile, and one that has only just begun and does not know.
        if number % 2 == 0 {
            damaged.recounted();
        }
        let mut other = Site::restarted(2, network.authority.network(), &Network::secret(2), haven.disk.clone());
        if number % 5 == 0 {
            damaged.save(9, Lane::Clinical, "written meanwhile, if it may write");
        }
        let mut sites = [damaged, other];
        until_quiet(&mut sites);
        for site in &sites {
            assert_eq!(site.text(4), ["before the copy", "sent, then lost", "sent, then lost as well"], "{number}");
            assert_eq!(site.text(5), ["in a new chart"], "{number}");
        }
        [damaged, other] = sites;
        assert_ne!(damaged.replica.device(), old, "{number}");
        damaged.failed = None;
        damaged.save(4, Lane::Clinical, "after");
        assert_eq!(damaged.failed, None, "{number}");
        quiet(&mut damaged, &mut other);
        assert_eq!(other.text(4).len(), 4, "{number}");
    }
}
