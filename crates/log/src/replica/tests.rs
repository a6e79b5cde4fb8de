//! Replicas that talk over perfect links, with real keys. Faults are the simulator's business (`crates/drill`).

use super::*;
use crate::control::{Authority, Enrolment, SiteKind};
use crate::ids::Lane;
use crate::message::{Refusal, decode};
use crate::sign::{Ed25519Signer, Ed25519Verifier};
use crate::testing::{entropy, signer};
use std::cell::Cell;
use std::collections::VecDeque;

mod carried;
mod chaos;
mod exposed;
mod found;
mod keeper;
mod overlap;
mod restored;
mod strangers;

const NOW: u64 = 1_519_000_000_000;

thread_local! {
    static FRESH: Cell<u64> = const { Cell::new(0) };
}

/// A number that nobody in this test has had.
fn fresh() -> u64 {
    FRESH.replace(FRESH.get() + 1)
}

type Disk = BTreeMap<(LogId, Seq), Entry>;

/// A site with a disk that never fails.
struct Site {
    replica: Replica,
    disk: Disk,
    saved: Vec<EntryId>,
    failed: Option<SaveError>,
    refused: Vec<RefusedReason>,
    secret: FacilitySecret,
    /// The seed of its device's key.
    device: [u8; 32],
    kept: Vec<Keep>,
    took: Took,
}

impl Site {
    fn new(seed: u8, network: NetworkId, secret: &FacilitySecret) -> Site {
        Site::restarted(seed, network, secret, BTreeMap::new())
    }

    fn restarted(seed: u8, network: NetworkId, secret: &FacilitySecret, disk: Disk) -> Site {
        Site::started([seed; 32], network, secret, disk, None)
    }

    /// Keys and nonces are drawn anew at every start.
    fn started(
        device: [u8; 32],
        network: NetworkId,
        secret: &FacilitySecret,
        disk: Disk,
        keeper: Option<Keeping>,
    ) -> Site {
        let mut chains = Chains::default();
        disk.values().for_each(|entry| chains.insert(std::slice::from_ref(entry)));
        let mut replica = Replica::new(Start {
            network,
            signer: Box::new(Ed25519Signer::from_seed(&device)),
            verifier: Box::new(Ed25519Verifier),
            entropy: entropy(fresh()),
            secret: secret.clone(),
            spans: chains.spans().collect(),
            receipts: vec![],
            acknowledged: vec![],
            parts: vec![],
            keeper,
            lost: false,
        });
        disk.values()
            .filter(|entry| entry.header().log.lane == Lane::Control)
            .for_each(|entry| replica.remember(entry));
        let (secret, kept) = (secret.clone(), vec![]);
        let took = Took::default();
        Site { replica, disk, saved: vec![], failed: None, refused: vec![], kept, secret, device, took }
    }

    /// Carries an input through, the disk answering at once. Returns what goes out to sessions.
    fn run(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.replica.handle(NOW, input) {
                match effect {
                    Effect::Append { token, entries, cut, .. } => {
                        if let Some(Cut { log, from }) = cut {
                            let gone = self.disk.extract_if((log, from)..=(log, Seq::MAX), |_, _| true);
                            let gone: Vec<_> = gone.map(|(_, entry)| entry.carried().unwrap_or(entry)).collect();
                            let carried = self.carried();
                            assert!(gone.iter().all(|entry| carried.contains(&entry.id())), "nothing is lost");
                        }
                        for Appending { entry, .. } in entries {
                            self.disk.insert((entry.header().log, entry.header().seq), entry);
                        }
                        inputs.push_back(Input::Appended(token));
                    }
                    Effect::Load { session, range, .. } => {
                        let places = self.disk.range((range.log, range.from)..=(range.log, range.to));
                        let entries = places.map(|(_, entry)| entry.clone()).take(100).collect();
                        inputs.push_back(Input::Loaded(session, range, entries));
                    }
                    Effect::Read { ticket, places, uncarried_only } => {
                        let carried = self.carried();
                        let held = places.iter().filter_map(|range| self.disk.get(&(range.log, range.from)));
                        let read = held.filter(|entry| !uncarried_only || !carried.contains(&entry.id())).cloned();
                        inputs.push_back(Input::Read(ticket, read.collect()));
                    }
                    Effect::Renew => {
                        self.device = entropy(1_000_000 + fresh()).array();
                        let device = Ed25519Signer::from_seed(&self.device);
                        let enrolment = self.replica.succession(device.device(), &self.secret.signer()).unwrap();
                        inputs.push_back(Input::Renew(Box::new(device), enrolment));
                    }
                    Effect::Saved(_, ids) => self.saved.extend(ids),
                    Effect::SaveFailed(_, error) => self.failed = Some(error),
                    Effect::KeepRefused(refused) => self.refused.push(refused.reason),
                    Effect::Took(_, took) => self.took.add(took),
                    Effect::Keep(keep) => self.kept.push(keep),
                    Effect::KeepReceipt(_) | Effect::Changed | Effect::Welcomed(_) => {}
                    effect => out.push(effect),
                }
            }
        }
        out
    }

    /// The disk was made anew and holds less than before.
    fn recounted(&mut self) {
        let mut chains = Chains::default();
        self.disk.values().for_each(|entry| chains.insert(std::slice::from_ref(entry)));
        self.replica.recall(self.disk.values().filter(|entry| entry.header().log.lane == Lane::Control));
        assert!(self.run(Input::Recounted { spans: chains.spans().collect(), lost: true }).is_empty());
    }

    /// Entries that others of this disk carry.
    fn carried(&self) -> BTreeSet<EntryId> {
        self.disk.values().filter_map(|entry| Some(entry.carried()?.id())).collect()
    }

    fn save(&mut self, scope: u8, lane: Lane, text: &str) {
        let text = Clear::new(text.as_bytes().to_vec());
        let scope = ScopeTag([scope; 16]);
        assert!(self.run(Input::Save(7, vec![Part { lane, scope, text }])).is_empty());
    }

    fn text(&self, scope: u8) -> Vec<String> {
        let entries = self.disk.values().filter(|entry| entry.header().scope == ScopeTag([scope; 16]));
        let entries = entries.map(|entry| entry.carried().unwrap_or_else(|| entry.clone()));
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|entry| (entry.header().hlc, entry.id()));
        entries.dedup_by_key(|entry| entry.id());
        let texts = entries.into_iter().filter_map(|entry| self.replica.directory().open(&entry).ok());
        texts.map(|text| String::from_utf8(text.expose().to_vec()).unwrap()).collect()
    }

    fn only_here(&self) -> u64 {
        self.replica.only_here().iter().map(Range::count).sum()
    }
}

struct Report {
    outcomes: [Option<Outcome>; 2],
    bytes: [usize; 2],
    rounds: u32,
}

/// One session over a perfect link, to its end.
fn sync(a: &mut Site, b: &mut Site, tamper: &mut dyn FnMut(&mut Vec<u8>)) -> Report {
    let exporter = [5; 32];
    let mut report = Report { outcomes: [None; 2], bytes: [0; 2], rounds: 0 };
    let mut frames = 0;
    let expected = Some(b.replica.device());
    let connected =
        |initiator| Input::Connected { session: 1, initiator, exporter, expected: expected.filter(|_| initiator) };
    let mut queue: VecDeque<(usize, Effect)> = VecDeque::new();
    queue.extend(b.run(connected(false)).into_iter().map(|effect| (1, effect)));
    queue.extend(a.run(connected(true)).into_iter().map(|effect| (0, effect)));
    while let Some((from, effect)) = queue.pop_front() {
        match effect {
            Effect::Send { mut frame, paced, .. } => {
                tamper(&mut frame);
                report.bytes[from] += frame.len();
                frames += 1;
                assert!(frames < 10_000, "a session ends; at last {frame:02x?}");
                let (sender, receiver) = if from == 0 { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
                if paced {
                    queue.extend(sender.run(Input::Flushed(1)).into_iter().map(|effect| (from, effect)));
                }
                let input = decode(&frame, &receiver.replica.network(), &Ed25519Verifier)
                    .map_or(Input::Garbled(1), |incoming| Input::Message(1, incoming));
                queue.extend(receiver.run(input).into_iter().map(|effect| (1 - from, effect)));
            }
            Effect::Close { outcome, stats, .. } => {
                report.outcomes[from] = Some(outcome);
                if from == 0 {
                    report.rounds = stats.rounds;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    report
}

fn quiet(a: &mut Site, b: &mut Site) -> Report {
    let report = sync(a, b, &mut |_| {});
    assert_eq!(report.outcomes, [Some(Outcome::Done); 2]);
    report
}

struct Network {
    authority: Authority,
    authority_key: Ed25519Signer,
}

impl Network {
    fn new() -> Network {
        let authority = Authority {
            keys: vec![signer(200).device()],
            threshold: 1,
            salt: minicbor::bytes::ByteArray::from([1; 16]),
        };
        Network { authority, authority_key: signer(200) }
    }

    fn enrolment(&self, seed: u8, secret: &FacilitySecret, kind: SiteKind) -> SignedEnrolment {
        let facility = secret.facility(&format!("Site {seed}"), kind);
        let enrolment = Enrolment { network: self.authority.network(), facility, device: signer(seed).device() };
        SignedEnrolment::sign(&enrolment, &[(0, &self.authority_key)])
    }

    fn secret(seed: u8) -> FacilitySecret {
        FacilitySecret::generate(&mut entropy(1_000 + u64::from(seed)))
    }

    fn founder(&self, seed: u8) -> Site {
        let secret = Network::secret(seed);
        let mut site = Site::new(seed, self.authority.network(), &secret);
        let enrolment = self.enrolment(seed, &secret, SiteKind::Enclave);
        site.run(Input::Found(1, self.authority.clone(), enrolment));
        assert_eq!(site.failed, None);
        site
    }

    fn join(&self, seed: u8, kind: SiteKind, by: &mut Site) -> Site {
        let secret = Network::secret(seed);
        by.run(Input::Enrol(2, self.enrolment(seed, &secret, kind)));
        assert_eq!(by.failed, None);
        let mut site = Site::new(seed, self.authority.network(), &secret);
        quiet(&mut site, by);
        site
    }
}

#[test]
fn a_record_outlives_the_site_where_it_was_saved() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    cedar.save(9, Lane::Clinical, "saved at cedar");
    assert_eq!(cedar.only_here(), 2, "the save, and the grant of its key");
    quiet(&mut cedar, &mut haven);
    assert_eq!(cedar.only_here(), 0, "the haven's receipt came back");
    quiet(&mut olive, &mut haven);
    assert_eq!(haven.text(9), ["saved at cedar"]);
    assert_eq!(olive.text(9), Vec::<String>::new(), "carried blind: the chart was not granted to olive");
    // Cedar is destroyed. A new haven is let in by the founder's authority, at the haven that survives.
    drop(cedar);
    let secret = Network::secret(4);
    haven.run(Input::Enrol(3, network.enrolment(4, &secret, SiteKind::Haven)));
    let mut fourth = Site::new(4, network.authority.network(), &secret);
    quiet(&mut olive, &mut haven);
    quiet(&mut fourth, &mut olive);
    assert_eq!(fourth.text(9), ["saved at cedar"]);
}

#[test]
fn nothing_changed_costs_one_round_trip_and_few_bytes() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    for n in 0..300 {
        cedar.save(n as u8 % 9 + 1, Lane::ALL[1 + n % 3], "a short note");
    }
    let first = quiet(&mut haven, &mut cedar);
    assert!(first.rounds <= 4, "{} rounds", first.rounds);
    // Whoever dials, whoever received: neither has forgotten what the other told it last.
    assert_eq!(quiet(&mut cedar, &mut haven).rounds, 1);
    let again = quiet(&mut haven, &mut cedar);
    assert_eq!(again.rounds, 1);
    assert!(again.bytes.iter().sum::<usize>() < 700, "{:?} bytes", again.bytes);
    assert_eq!(haven.replica.durable(), cedar.replica.durable());
}

#[test]
fn never_lull_a_push_alone_does_not_lower_only_here() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    cedar.save(1, Lane::Urgent, "triage");
    let before = cedar.only_here();
    // The haven gets everything, but its last words are lost on the way back.
    let mut from_haven = 0;
    sync(&mut cedar, &mut haven, &mut |frame| {
        if frame[0] == 1 {
            from_haven += 1;
        }
        if from_haven > 2 {
            frame.truncate(1);
        }
    });
    assert_eq!(haven.text(1), ["triage"]);
    assert_eq!(cedar.only_here(), before, "no receipt, no confirmation");
    quiet(&mut cedar, &mut haven);
    assert_eq!(cedar.only_here(), 0);
}

#[test]
fn one_bad_entry_stops_nothing() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(1, Lane::Urgent, "urgent");
    cedar.save(1, Lane::Clinical, "clinical");
    cedar.save(1, Lane::Bulk, "bulk");
    let report = sync(&mut haven, &mut cedar, &mut |frame| {
        if frame[0] == 6 && frame[3] == Lane::Clinical as u8 {
            *frame.last_mut().unwrap() ^= 1;
        }
    });
    assert_eq!(report.outcomes, [Some(Outcome::Done); 2]);
    assert_eq!(haven.text(1), ["urgent", "bulk"]);
    assert_eq!(haven.refused, [RefusedReason::Entry(EntryError::Signature)]);
    quiet(&mut haven, &mut cedar);
    assert_eq!(haven.text(1), ["urgent", "clinical", "bulk"], "asked for again, and whole this time");
}

#[test]
fn strangers_are_refused_and_say_why() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let other =
        Network { authority: Authority { salt: [9; 16].into(), ..network.authority.clone() }, ..Network::new() };
    let mut foreign = other.founder(5);
    let report = sync(&mut foreign, &mut cedar, &mut |_| {});
    let why = Refusal::OtherNetwork;
    assert_eq!(report.outcomes, [Some(Outcome::RefusedByPeer(why)), Some(Outcome::Refused(why))]);
    let secret = Network::secret(6);
    let mut stranger = Site::new(6, network.authority.network(), &secret);
    let report = sync(&mut stranger, &mut cedar, &mut |_| {});
    assert_eq!(report.outcomes[0], None, "it has no enrolment to show and is left waiting");
    assert!(stranger.disk.is_empty());
}

#[test]
fn a_member_not_heard_of_yet_shows_its_enrolment() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    olive.save(4, Lane::Clinical, "saved at olive");
    quiet(&mut olive, &mut haven);
    assert_eq!(haven.text(4), ["saved at olive"]);
    assert_eq!(olive.only_here(), 0);
    quiet(&mut cedar, &mut haven);
    assert_eq!(cedar.only_here(), 0, "the receipts of third sites are passed on");
}

#[test]
fn everything_is_found_again_from_the_log_and_the_facility_secret() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(1, Lane::Clinical, "one");
    quiet(&mut cedar, &mut haven);
    haven.save(2, Lane::Clinical, "two");
    let mut restarted = Site::restarted(2, network.authority.network(), &Network::secret(2), haven.disk.clone());
    assert_eq!((restarted.text(1), restarted.text(2)), (vec!["one".to_owned()], vec!["two".to_owned()]));
    restarted.save(1, Lane::Clinical, "three");
    quiet(&mut restarted, &mut cedar);
    assert_eq!(cedar.text(1), ["one", "three"]);
    assert_eq!(cedar.text(2), Vec::<String>::new(), "the haven's own chart was not granted to cedar");
}

#[test]
fn a_failed_append_leaves_nothing_behind() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    cedar.save(1, Lane::Clinical, "kept");
    let spans: Vec<_> = cedar.replica.chains.spans().collect();
    let part = || Part { lane: Lane::Clinical, scope: ScopeTag([1; 16]), text: Clear::new(b"lost".to_vec()) };
    let first = cedar.replica.handle(NOW, Input::Save(10, vec![part()]));
    let second = cedar.replica.handle(NOW, Input::Save(11, vec![part()]));
    let Effect::Append { token, .. } = &first[0] else { panic!("{first:?}") };
    assert!(matches!(second[0], Effect::Append { .. }));
    let failed = cedar.replica.handle(NOW, Input::AppendFailed(*token, spans));
    let tokens: Vec<_> = failed
        .iter()
        .filter_map(|effect| match effect {
            Effect::SaveFailed(token, SaveError::Disk) => Some(*token),
            _ => None,
        })
        .collect();
    assert_eq!(tokens, [10, 11]);
    cedar.save(1, Lane::Clinical, "after");
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut haven, &mut cedar);
    assert_eq!(haven.text(1), ["kept", "after"]);
}

#[test]
fn a_fork_is_seen_kept_and_stops_only_its_log() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let mut clone = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk.clone());
    cedar.save(1, Lane::Clinical, "the original");
    quiet(&mut cedar, &mut haven);
    clone.save(2, Lane::Clinical, "the clone");
    clone.save(2, Lane::Clinical, "the clone again");
    sync(&mut clone, &mut haven, &mut |_| {});
    assert!(haven.refused.contains(&RefusedReason::Fork));
    haven.save(3, Lane::Clinical, "life goes on");
    for _ in 0..4 {
        sync(&mut cedar, &mut haven, &mut |_| {});
        sync(&mut clone, &mut haven, &mut |_| {});
    }
    assert_eq!((haven.text(1), haven.text(2).len(), haven.text(3).len()), (vec!["the original".to_owned()], 2, 1));
    quiet(&mut cedar, &mut haven);
    quiet(&mut clone, &mut haven);
}

#[test]
fn never_lull_no_site_holds_a_record_without_the_grant_that_came_before_it() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    cedar.save(7, Lane::Clinical, "the first of a new chart");
    // Cedar begins to send to the haven; the link hangs after the haven has asked.
    haven.run(Input::Connected { session: 9, initiator: false, exporter: [6; 32], expected: None });
    let greeting = cedar.run(Input::Connected {
        session: 9,
        initiator: true,
        exporter: [6; 32],
        expected: Some(haven.replica.device()),
    });
    for effect in greeting {
        let Effect::Send { frame, .. } = effect else { panic!("{effect:?}") };
        haven.run(Input::Message(9, decode(&frame, &network.authority.network(), &Ed25519Verifier).unwrap()));
    }
    // Meanwhile a second record of that chart reaches the haven by way of Olive.
    cedar.save(7, Lane::Clinical, "the second");
    quiet(&mut olive, &mut cedar);
    quiet(&mut haven, &mut olive);
    let clinical = LogId { lane: Lane::Clinical, author: cedar.replica.device() };
    assert!(!haven.replica.durable().contains(&clinical, 2), "the grant is still on its way: the record waits");
    haven.run(Input::Disconnected(9));
    quiet(&mut haven, &mut olive);
    assert_eq!(haven.text(7), ["the first of a new chart", "the second"]);
}

#[test]
fn a_device_whose_disk_lost_something_is_replaced_and_its_receipts_count_no_more() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    quiet(&mut cedar, &mut olive);
    haven.save(2, Lane::Clinical, "of the haven");
    cedar.save(1, Lane::Clinical, "one");
    quiet(&mut cedar, &mut haven);
    assert_eq!((cedar.only_here(), haven.only_here()), (0, 0));
    let [own, theirs] = [&cedar, &haven].map(|site| LogId { lane: Lane::Clinical, author: site.replica.device() });
    assert!(cedar.disk.remove(&(own, 1)).is_some() && cedar.disk.remove(&(theirs, 1)).is_some());
    let old = cedar.replica.device();
    cedar.recounted();
    assert_ne!(cedar.replica.device(), old, "at once, before any contact");
    assert!(!cedar.replica.durable().contains(&own, 1), "what cannot be read is not held");
    cedar.save(1, Lane::Clinical, "goes on");
    assert_eq!(cedar.failed, None);
    // The haven hears of it by way of a site that holds neither entry: they are only there now.
    quiet(&mut cedar, &mut olive);
    quiet(&mut haven, &mut olive);
    assert!(haven.replica.directory().is_replaced(&old));
    let only_here = |site: &Site, log| site.replica.only_here().iter().any(|range| range.log == log);
    assert!(only_here(&haven, theirs) || olive.replica.durable().contains(&theirs, 1));
    quiet(&mut cedar, &mut haven);
    assert_eq!(cedar.text(1), ["one", "goes on"]);
    quiet(&mut cedar, &mut haven);
    assert!(!only_here(&haven, theirs) && !only_here(&haven, own));
    assert_eq!((cedar.refused, haven.refused), (vec![], vec![]));
}
