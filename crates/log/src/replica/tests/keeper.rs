//! Keepers: they carry everything, open nothing, and take no more than they have room for.

use super::*;
use crate::reach::Reach;

/// Room that no test fills.
const PLENTY: Room = Room { held_bytes: 0, quota_bytes: 1 << 40 };

impl Network {
    /// What a keeper learns at its join.
    fn keeping(&self, seed: u8, secret: &FacilitySecret, room: Room) -> Keeping {
        let enrolment = self.enrolment(seed, secret, SiteKind::Keeper);
        Keeping { authority: self.authority.clone(), enrolment, members: vec![], reach: None, room }
    }

    /// A keeper that a site has let in, and that has met nobody.
    fn keeper(&self, seed: u8, by: &mut Site, room: Room) -> Site {
        let secret = Network::secret(seed);
        by.run(Input::Enrol(2, self.enrolment(seed, &secret, SiteKind::Keeper)));
        assert_eq!(by.failed, None);
        let keeping = self.keeping(seed, &secret, room);
        Site::started([seed; 32], self.authority.network(), &secret, BTreeMap::new(), Some(keeping))
    }
}

fn part(scope: u8) -> Part {
    Part { lane: Lane::Clinical, scope: ScopeTag([scope; 16]), text: Clear::new(b"x".to_vec()) }
}

#[test]
fn what_two_sites_that_never_meet_save_passes_through_a_keeper() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    quiet(&mut cedar, &mut haven);
    cedar.save(9, Lane::Clinical, "saved at cedar");
    cedar.save(9, Lane::Bulk, "its picture");
    let before = cedar.only_here();
    assert!(before > 2);
    quiet(&mut cedar, &mut keeper);
    assert_eq!(cedar.only_here(), 0, "a keeper is another facility, and its receipt counts");
    assert!(keeper.text(9).is_empty(), "it carries what it cannot open");
    // The haven is met first by the keeper, which it has not heard of: the keeper shows its enrolment, and asks for one.
    quiet(&mut keeper, &mut haven);
    assert_eq!(haven.text(9), ["saved at cedar", "its picture"]);
    // The haven's receipt comes back the same way.
    quiet(&mut cedar, &mut keeper);
    let theirs = cedar.replica.unconfirmed_by(&Network::secret(2).facility("-", SiteKind::Haven).id()).unwrap();
    let after: Vec<_> = theirs.into_iter().filter(|range| range.log.lane != Lane::Control).collect();
    assert!(after.is_empty(), "{after:?}");
    assert_eq!(keeper.replica.durable(), haven.replica.durable());
}

#[test]
fn nobody_hands_a_keeper_a_key_and_a_keeper_writes_nothing() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(9, Lane::Clinical, "a chart from before");
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    cedar.save(10, Lane::Clinical, "a chart from after");
    for _ in 0..2 {
        quiet(&mut cedar, &mut haven);
        quiet(&mut keeper, &mut haven);
        quiet(&mut keeper, &mut cedar);
    }
    let own = keeper.replica.directory().own();
    for site in [&cedar, &haven, &keeper] {
        let addressed = |entry: &&Entry| entry.header().kind == crate::entry::BodyKind::Addressed;
        let to_keeper = site.disk.values().filter(addressed).filter(|entry| entry.header().scope.0 == own.0).count();
        assert_eq!(to_keeper, 0, "nothing is addressed to the keeper");
        for scope in [9, 10] {
            let readers: Vec<_> = site.replica.directory().readers(&ScopeTag([scope; 16])).collect();
            assert!(!readers.contains(&own));
        }
    }
    let granted = cedar.run(Input::Grant(5, BTreeSet::from([ScopeTag([9; 16])]), own));
    assert!(granted.is_empty());
    assert_eq!(cedar.failed, Some(SaveError::KeeperGetsNoKeys));
    for input in [Input::Save(6, vec![part(4)]), Input::Grant(7, BTreeSet::new(), own)] {
        keeper.failed = None;
        keeper.run(input);
        assert_eq!(keeper.failed, Some(SaveError::KeeperWritesNothing));
    }
    assert!(keeper.disk.keys().all(|(log, _)| log.author != keeper.replica.device()));
    assert_eq!(keeper.replica.directory().readable_charts().count(), 0);
    assert!(!keeper.replica.directory().is_readable(&ScopeTag::NETWORK));
}

#[test]
fn a_keeper_reads_nothing_even_if_somebody_addresses_keys_to_it() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let keeper = network.keeper(3, &mut cedar, PLENTY);
    cedar.save(9, Lane::Clinical, "a secret");
    // A careless member: the same facility, described as a haven, is handed everything.
    let careless = network.enrolment(3, &Network::secret(3), SiteKind::Haven);
    cedar.run(Input::Enrol(8, careless));
    let addressed = cedar.disk.values().filter(|entry| entry.header().scope.0 == keeper.replica.directory().own().0);
    assert!(addressed.count() > 0);
    let mut keeper = keeper;
    quiet(&mut keeper, &mut cedar);
    assert_eq!(keeper.replica.durable(), cedar.replica.durable());
    assert!(keeper.text(9).is_empty() && !keeper.replica.directory().is_readable(&ScopeTag::NETWORK));
}

#[test]
fn a_keeper_takes_no_stranger_and_remembers_who_has_shown_its_enrolment() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    let other =
        Network { authority: Authority { salt: [9; 16].into(), ..network.authority.clone() }, ..Network::new() };
    let mut foreign = other.founder(5);
    let why = Refusal::OtherNetwork;
    let report = sync(&mut foreign, &mut keeper, &mut |_| {});
    assert_eq!(report.outcomes, [Some(Outcome::RefusedByPeer(why)), Some(Outcome::Refused(why))]);
    let mut stranger = Site::new(6, network.authority.network(), &Network::secret(6));
    assert_eq!(sync(&mut stranger, &mut keeper, &mut |_| {}).outcomes[0], None, "it has nothing to show");
    // One that shows what another authority signed.
    let signed = other.enrolment(7, &Network::secret(7), SiteKind::Enclave);
    let forged =
        Keeping { authority: network.authority.clone(), enrolment: signed, members: vec![], reach: None, room: PLENTY };
    let mut sybil =
        Site::started([7; 32], network.authority.network(), &Network::secret(7), BTreeMap::new(), Some(forged));
    sync(&mut sybil, &mut keeper, &mut |_| {});
    assert!(keeper.disk.is_empty() && keeper.kept.is_empty(), "strangers cost no disk: {:?}", keeper.kept);
    quiet(&mut cedar, &mut keeper);
    let member = Keep::Member(cedar.replica.device(), cedar.replica.directory().own());
    assert!(keeper.kept.contains(&member), "{:?}", keeper.kept);
    let mut credentials = 0;
    let mut count = |keeper: &mut Site| {
        sync(&mut cedar, keeper, &mut |frame| credentials += usize::from(frame[0] == 4));
        std::mem::take(&mut credentials)
    };
    assert_eq!(count(&mut keeper), 0, "shown once");
    let secret = Network::secret(3);
    let members = keeper.kept.iter().filter_map(|keep| match keep {
        Keep::Member(device, facility) => Some((*device, *facility)),
        _ => None,
    });
    let keeping = Keeping { members: members.collect(), ..network.keeping(3, &secret, PLENTY) };
    let disk = keeper.disk.clone();
    let mut restarted = Site::started([3; 32], network.authority.network(), &secret, disk, Some(keeping));
    assert_eq!(count(&mut restarted), 0, "and remembered over a restart");
}

#[test]
fn members_learn_where_a_keeper_is_from_whoever_met_it() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    let contact =
        |port: u16| Contact { addresses: vec![format!("https://198.51.100.7:{port}")], certificate: [7; 32].into() };
    keeper.run(Input::Announce(1, contact(8_470)));
    quiet(&mut cedar, &mut keeper);
    quiet(&mut haven, &mut cedar);
    let device = keeper.replica.device();
    assert_eq!(haven.replica.directory().contact(&device), Some(&contact(8_470)));
    let entries = cedar.disk.len();
    quiet(&mut cedar, &mut keeper);
    quiet(&mut haven, &mut keeper);
    assert_eq!(cedar.disk.len(), entries, "it is written once");
    // It moves, and moves again before the first is heard.
    keeper.run(Input::Announce(2, contact(8_471)));
    keeper.run(Input::Announce(3, contact(8_472)));
    quiet(&mut haven, &mut keeper);
    quiet(&mut haven, &mut cedar);
    assert_eq!(cedar.replica.directory().contact(&device), Some(&contact(8_472)));
    // Nobody else can say it for the keeper, and no enclave says it like this.
    let reach =
        Reach { network: network.authority.network(), device: signer(1).device(), counter: 9, contact: contact(1) };
    let signed = crate::reach::SignedReach::sign(&reach, &signer(1));
    let before = haven.disk.len();
    let mut out = Vec::new();
    haven.replica.hear_reach(NOW, cedar.replica.device(), signed.clone(), &mut out);
    haven.replica.hear_reach(NOW, device, signed, &mut out);
    assert!(out.is_empty() && haven.disk.len() == before);
}

#[test]
fn a_keeper_whose_inviter_was_destroyed_is_written_down_by_whoever_meets_it() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut olive = network.join(4, SiteKind::Enclave, &mut cedar);
    quiet(&mut haven, &mut cedar);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    drop(cedar);
    quiet(&mut keeper, &mut haven);
    quiet(&mut olive, &mut haven);
    let known = olive.replica.directory().facilities().get(&keeper.replica.directory().own());
    assert!(known.is_some_and(|facility| facility.kind == SiteKind::Keeper));
    let entries = haven.disk.len();
    quiet(&mut keeper, &mut haven);
    assert_eq!(haven.disk.len(), entries, "once");
}

#[test]
fn a_full_keeper_stops_asking_bulk_first_and_goes_on_serving() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(2, SiteKind::Enclave, &mut cedar);
    let mut haven = network.join(4, SiteKind::Haven, &mut cedar);
    for n in 0..200 {
        cedar.save(1, Lane::ALL[1 + n % 3], "some words of a record, always as many as these");
    }
    let bytes: u64 = cedar.disk.values().map(keep::size_of).sum();
    let mut lanes = vec![];
    for (seed, percent) in (10..).zip([60, 97, 105, 200]) {
        let room = Room { held_bytes: 0, quota_bytes: bytes * percent / 100 };
        let mut keeper = network.keeper(seed, &mut cedar, room);
        quiet(&mut keeper, &mut cedar);
        let held: u64 = keeper.disk.values().map(keep::size_of).sum();
        assert!(held <= room.quota_bytes, "{held} of {room:?}");
        assert_eq!(keeper.replica.room().unwrap().held_bytes, held);
        let of = |lane| keeper.disk.keys().filter(|(log, _)| log.lane == lane).count();
        lanes.push([of(Lane::Urgent), of(Lane::Clinical), of(Lane::Bulk)]);
        // Asked again it takes no more, and what it has it gives.
        let count = keeper.disk.len();
        quiet(&mut keeper, &mut cedar);
        assert!(keeper.disk.len() >= count);
        quiet(&mut haven, &mut keeper);
        assert!(keeper.replica.durable().minus(haven.replica.durable()).is_empty());
        let unconfirmed = cedar.replica.unconfirmed_by(&keeper.replica.directory().own());
        assert_eq!(
            unconfirmed.is_some_and(|rest| rest.is_empty()),
            percent == 200,
            "nothing is claimed that is not held"
        );
    }
    let everything = lanes[3];
    assert!(everything.iter().all(|count| *count >= 66));
    assert!(lanes[0][2] == 0 && lanes[0][1] < everything[1], "{lanes:?}");
    assert!(lanes[1][0] == everything[0] && lanes[1][2] < everything[2], "{lanes:?}");
    assert!(lanes[2][2] < everything[2], "{lanes:?}");
    quiet(&mut olive, &mut cedar);
}

#[test]
fn a_keepers_full_disk_is_like_a_used_up_quota_until_there_is_room() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    cedar.save(1, Lane::Clinical, "a record");
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    keeper.run(Input::Connected { session: 9, initiator: false, exporter: [6; 32], expected: None });
    let run = encode_first_run(&cedar);
    let (_, out) = (keeper.replica.receive(NOW, None, run, None, &mut vec![]), keeper.replica.pending.len());
    assert_eq!(out, 1);
    let token = *keeper.replica.pending.keys().next().unwrap();
    keeper.run(Input::AppendFailed(token, vec![]));
    assert_eq!((keeper.replica.takes(), keeper.replica.room()), (Some(Takes::Nothing), Some(PLENTY)));
    quiet(&mut keeper, &mut cedar);
    assert!(keeper.disk.is_empty(), "it asks for nothing");
    keeper.run(Input::Room(PLENTY));
    quiet(&mut keeper, &mut cedar);
    assert_eq!(keeper.replica.durable(), cedar.replica.durable());
}

/// The entries of some log of a site.
fn encode_first_run(site: &Site) -> Vec<Entry> {
    let log = site.disk.keys().next().unwrap().0;
    site.disk.iter().filter(|((of, _), _)| *of == log).map(|(_, entry)| entry.clone()).collect()
}

/// Frontiers of a thousand authors, whom a keeper knows only by what it holds of them.
fn thousand_authors(sites: &mut [&mut Site]) {
    for n in 0..1_000u32 {
        let author = DeviceId(*blake3::hash(&n.to_be_bytes()).as_bytes());
        for (lane, to) in [(Lane::Control, 3), (Lane::Urgent, 60), (Lane::Clinical, 937)] {
            let log = LogId { lane, author };
            let span = Span { log, from: 1, to, first_prev: EntryId([0; 32]), last_id: EntryId([n as u8; 32]) };
            for of in sites.iter_mut() {
                of.replica.durable.insert(Range { log, from: 1, to });
                let spans: Vec<_> = of.replica.chains.spans().chain([span]).collect();
                of.replica.chains = Chains::new(spans);
            }
        }
    }
}

#[test]
fn a_cold_exchange_with_a_keeper_costs_the_difference_after_the_first() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    quiet(&mut cedar, &mut keeper);
    thousand_authors(&mut [&mut keeper, &mut cedar]);
    let bytes = |report: Report| report.bytes.iter().sum::<usize>();
    cedar.replica.acknowledged.clear();
    keeper.replica.acknowledged.clear();
    let first = bytes(quiet(&mut cedar, &mut keeper));
    let warm = bytes(quiet(&mut cedar, &mut keeper));
    // Both are started anew, with what they kept.
    let acknowledged = |site: &Site| {
        let kept = site.kept.iter().rev().filter_map(|keep| match keep {
            Keep::Acknowledged(peer, receipt) => Some((*peer, receipt.clone())),
            _ => None,
        });
        kept.take(1).collect::<BTreeMap<_, _>>()
    };
    for site in [&mut cedar, &mut keeper] {
        site.replica.acknowledged = acknowledged(site);
        assert_eq!(site.replica.acknowledged.len(), 1);
    }
    cedar.save(1, Lane::Urgent, "triage");
    let cold = bytes(quiet(&mut cedar, &mut keeper));
    // Measured: 74,553, 502 and 1,239 bytes. By key an author costs 34 bytes each way; the difference costs what is new.
    assert!(first < 85_000, "{first}");
    assert!(warm < 700, "{warm}");
    assert!(cold < 2_200, "{cold}");
}

#[test]
fn a_third_sites_receipt_beside_the_senders_own_costs_few_bytes() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    quiet(&mut cedar, &mut keeper);
    quiet(&mut haven, &mut keeper);
    quiet(&mut cedar, &mut haven);
    thousand_authors(&mut [&mut keeper, &mut cedar, &mut haven]);
    quiet(&mut haven, &mut keeper);
    quiet(&mut cedar, &mut keeper);
    // Only a receipt of the haven's is news at Cedar.
    haven.save(4, Lane::Urgent, "a word");
    quiet(&mut haven, &mut keeper);
    let mut receipts = 0;
    sync(&mut cedar, &mut keeper, &mut |frame| receipts += if frame[0] == 9 { frame.len() } else { 0 });
    // Measured: 108 bytes, where the whole by key has 41 kB.
    assert!((100..600).contains(&receipts), "{receipts}");
    let of_haven = &cedar.replica.receipts()[&haven.replica.device()];
    assert_eq!(of_haven, &keeper.replica.receipts()[&haven.replica.device()]);
}

#[test]
fn a_keeper_that_was_restored_is_shown_its_own_receipt_and_goes_on_as_a_new_device() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut keeper = network.keeper(3, &mut cedar, PLENTY);
    let contact = Contact { addresses: vec!["https://198.51.100.7:8470".to_owned()], certificate: [7; 32].into() };
    keeper.run(Input::Announce(1, contact.clone()));
    quiet(&mut cedar, &mut keeper);
    let disk = keeper.disk.clone();
    cedar.save(4, Lane::Clinical, "held by the keeper");
    quiet(&mut cedar, &mut keeper);
    let only_here = |site: &Site| site.replica.only_here().iter().any(|range| range.log.lane == Lane::Clinical);
    assert!(!only_here(&cedar));

    let start = |disk, enrolment: Option<SignedEnrolment>, reach, device| {
        let keeping = network.keeping(3, &Network::secret(3), PLENTY);
        let keeping = Keeping { enrolment: enrolment.unwrap_or(keeping.enrolment), reach, ..keeping };
        Site::started(device, network.authority.network(), &Network::secret(3), disk, Some(keeping))
    };
    let reach = |kept: &[Keep]| {
        kept.iter().rev().find_map(|keep| if let Keep::Reach(reach) = keep { Some(reach.clone()) } else { None })
    };
    let old = keeper.replica.device();
    let mut keeper = start(disk, None, reach(&keeper.kept), [3; 32]);
    sync(&mut cedar, &mut keeper, &mut |_| {});
    assert_ne!(keeper.replica.device(), old);
    assert!(only_here(&cedar), "the keeper has said less than before");

    // What it kept of that is enough to start from, and a member that meets it tells the others.
    let enrolment = keeper.kept.iter().find_map(|keep| match keep {
        Keep::Enrolment(enrolment) => Some(enrolment.clone()),
        _ => None,
    });
    let mut keeper = start(keeper.disk, enrolment, reach(&keeper.kept), keeper.device);
    assert!(keeper.run(Input::Begin).is_empty());
    let new = keeper.replica.device();
    quiet(&mut cedar, &mut keeper);
    quiet(&mut cedar, &mut keeper);
    assert!(!only_here(&cedar) && keeper.replica.device() == new);
    quiet(&mut haven, &mut cedar);
    assert!(haven.replica.directory().is_replaced(&old));
    assert_eq!(haven.replica.directory().contact(&new), Some(&contact));
}
