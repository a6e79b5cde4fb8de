//! Bundles between replicas: records as a reader finds them, without the file around them.

use super::*;
use crate::bundle::{Record, opening_records, places_of, read_record, receipt_records};
use crate::message::encode;
use crate::receipt::Form;
use crate::run::encode_run;
use proptest::prelude::*;
use std::sync::Arc;

/// What a site would write for a reader that holds `theirs`, two entries a run so that a tear falls between them.
fn write(site: &Site, theirs: &Frontier) -> Vec<Vec<u8>> {
    let replica = &site.replica;
    let registry: Vec<_> = replica.directory().devices().keys().copied().collect();
    let whole = Form::Whole(&registry);
    let have = replica.own_receipt().encode(whole);
    let mut records = opening_records(&registry, &have, replica.directory().credential(&replica.device()));
    for range in replica.durable().minus(theirs) {
        let places = site.disk.range((range.log, range.from)..=(range.log, range.to));
        let entries: Vec<_> = places.map(|(_, entry)| entry.clone()).collect();
        records.extend(entries.chunks(2).map(|entries| encode::entries(&encode_run(entries).unwrap())));
    }
    let third: Vec<_> = replica.receipts().values().map(|receipt| receipt.encode(whole)).collect();
    records.extend(receipt_records(&third));
    records.push(encode::done());
    records
}

fn everything(site: &Site) -> Vec<Vec<u8>> {
    write(site, &Frontier::default())
}

/// Reads a bundle. Returns what it brought.
fn read(site: &mut Site, records: &[Vec<u8>]) -> Took {
    let before = std::mem::take(&mut site.took);
    assert_eq!(before, Took::default(), "read by this function alone");
    let network = site.replica.network();
    let (mut registry, mut writer) = (vec![], None);
    for record in records {
        let decode = |bytes: &[u8]| Receipt::decode(bytes, &network, &registry, |_| None, &Ed25519Verifier).unwrap();
        let carried = match read_record(record, &network, &Ed25519Verifier).unwrap() {
            Record::Registry(devices) => {
                registry = devices;
                continue;
            }
            Record::Have(bytes) => {
                let receipt = decode(&bytes);
                writer = Some(Arc::new(receipt.frontier.clone()));
                Carried::Receipts(vec![receipt])
            }
            Record::Credential(enrolment) => Carried::Credential(enrolment),
            Record::Receipts(receipts) => Carried::Receipts(receipts.iter().map(|bytes| decode(bytes)).collect()),
            Record::Entries(run) => Carried::Entries(run, writer.clone()),
            Record::End => continue,
        };
        assert!(site.run(Input::Carried(9, carried)).is_empty(), "nobody is spoken to");
    }
    std::mem::take(&mut site.took)
}

#[test]
fn a_bundle_is_read_like_a_session_and_its_receipt_lowers_only_here() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    cedar.save(9, Lane::Clinical, "carried on a stick");
    let bundle = everything(&cedar);
    assert_eq!(cedar.only_here(), 2, "a push never counts");
    let took = read(&mut haven, &bundle);
    assert_eq!((took.new, took.waiting, took.refused), (2, 0, 0));
    assert_eq!(haven.text(9), ["carried on a stick"]);
    assert_eq!(cedar.only_here(), 2);
    assert_eq!(read(&mut haven, &bundle).new, 0, "the same again brings nothing");
    assert_eq!(read(&mut cedar, &everything(&haven)).receipts, 1);
    assert_eq!(cedar.only_here(), 0);
}

#[test]
fn never_lull_a_bundle_carried_on_by_a_third_site_counts_when_its_receipt_returns() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(2, SiteKind::Enclave, &mut cedar);
    let mut reed = network.join(3, SiteKind::Enclave, &mut cedar);
    quiet(&mut cedar, &mut olive);
    cedar.save(9, Lane::Clinical, "from hand to hand");
    let bundle = everything(&cedar);
    // The same stick at both; only Reed's receipt comes back, and by way of Olive.
    read(&mut olive, &bundle);
    read(&mut reed, &bundle);
    read(&mut olive, &everything(&reed));
    let returned = write(&olive, olive.replica.durable());
    assert!(returned.iter().all(|record| places_of(record).is_none()), "a receipt bundle has no entries");
    assert_eq!(cedar.only_here(), 2);
    read(&mut cedar, &returned);
    assert_eq!(cedar.only_here(), 0);
    let of_reed = cedar.replica.unconfirmed_by(&reed.replica.directory().own()).unwrap();
    assert!(of_reed.iter().all(|range| range.log.author != cedar.replica.device()), "Reed confirmed it, through Olive");
}

#[test]
fn never_lull_no_record_is_taken_from_a_bundle_before_its_authors_keys() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    cedar.save(9, Lane::Clinical, "its key stands in lane 0");
    let bundle = everything(&cedar);
    let is_control = |record: &Vec<u8>| places_of(record).is_some_and(|range| range.log.lane == Lane::Control);
    let without_keys: Vec<_> = bundle.iter().filter(|record| !is_control(record)).cloned().collect();
    let took = read(&mut haven, &without_keys);
    assert_eq!((took.new, took.waiting), (0, 1), "the record waits, and no receipt vouches for it");
    let without_receipt: Vec<_> = bundle.iter().filter(|record| record[0] != 1).cloned().collect();
    let took = read(&mut haven, &without_receipt);
    assert_eq!((took.new, took.waiting), (1, 1), "who does not say what it held is believed no record");
    assert_eq!(read(&mut haven, &without_keys).new, 1, "the keys have come meanwhile");
    assert_eq!(haven.text(9), ["its key stands in lane 0"]);
}

#[test]
fn a_fork_and_a_bad_entry_in_a_bundle_are_kept_as_evidence_and_stop_nothing() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    quiet(&mut cedar, &mut haven);
    let mut clone = Site::restarted(1, network.authority.network(), &Network::secret(1), cedar.disk.clone());
    cedar.save(1, Lane::Clinical, "the original");
    clone.save(2, Lane::Clinical, "the clone");
    clone.save(2, Lane::Urgent, "the clone, urgently");
    quiet(&mut cedar, &mut haven);
    read(&mut haven, &everything(&clone));
    assert!(haven.refused.contains(&RefusedReason::Fork));
    haven.refused.clear();
    cedar.save(3, Lane::Bulk, "bad on the way");
    cedar.save(1, Lane::Clinical, "good");
    let mut bundle = write(&cedar, haven.replica.durable());
    let bulk = bundle.iter_mut().find(|record| places_of(record).is_some_and(|range| range.log.lane == Lane::Bulk));
    *bulk.unwrap().last_mut().unwrap() ^= 1;
    let took = read(&mut haven, &bundle);
    assert!(took.refused == 1 && matches!(haven.refused[..], [RefusedReason::Entry(_)]), "{took:?}");
    assert_eq!(haven.text(1), ["the original", "good"]);
}

#[test]
fn a_haven_reached_by_bundles_alone_is_granted_what_was_made_before() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut olive = network.join(3, SiteKind::Enclave, &mut cedar);
    olive.save(4, Lane::Clinical, "made before there was a haven");
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    read(&mut olive, &everything(&haven));
    olive.run(Input::Settle(5));
    read(&mut haven, &everything(&olive));
    assert_eq!(haven.text(4), ["made before there was a haven"]);
}

#[test]
fn a_bundle_leaves_no_log_in_more_pieces_than_a_receipt_can_tell() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    let sent = crate::testing::entries(9, Lane::Clinical, 9_000);
    assert_eq!(sent[0].header().log.lane, Lane::Clinical);
    quiet(&mut cedar, &mut haven);
    let writer = Some(Arc::new(Frontier::default()));
    let mut took = Took::default();
    for entry in sent.into_iter().step_by(2) {
        let run = crate::run::CheckedRun { log: entry.header().log, entries: vec![entry], refused: None };
        haven.run(Input::Carried(9, Carried::Entries(run, writer.clone())));
        took.add(std::mem::take(&mut haven.took));
    }
    assert!(took.new == 2_048 && took.waiting == 4_500 - 2_048, "{took:?}");
    let receipt = haven.replica.own_receipt().encode(Form::Whole(&[]));
    let read = Receipt::decode(&receipt, &network.authority.network(), &[], |_| None, &Ed25519Verifier);
    assert!(read.is_ok());
}

#[derive(Clone, Debug)]
enum Step {
    Save(usize, u8, usize),
    Write(usize, usize),
    Read(usize, prop::sample::Index, Option<prop::sample::Index>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let site = 0usize..3;
    let step = prop_oneof![
        (site.clone(), 1u8..5, 0usize..3).prop_map(|(at, scope, lane)| Step::Save(at, scope, lane)),
        (site.clone(), site.clone()).prop_map(|(at, reader)| Step::Write(at, reader)),
        (site, any::<prop::sample::Index>(), any::<Option<prop::sample::Index>>())
            .prop_map(|(at, which, tear)| Step::Read(at, which, tear)),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is written, torn, doubled and brought in whatever order: in the end all sites hold what sessions would
    /// have given them, and every gauge has said at least what was true.
    #[test]
    fn bundles_in_any_order_doubled_and_torn_lead_to_the_same_state_as_sessions(steps in steps()) {
        let network = Network::new();
        let mut cedar = network.founder(1);
        let haven = network.join(2, SiteKind::Haven, &mut cedar);
        let olive = network.join(3, SiteKind::Enclave, &mut cedar);
        let mut sites = [cedar, haven, olive];
        let mut bundles: Vec<Vec<Vec<u8>>> = Vec::new();
        for step in steps {
            match step {
                // Scopes of its own for each site: a chart of another that was not granted cannot be written.
                Step::Save(at, scope, lane) => {
                    let lane = [Lane::Urgent, Lane::Clinical, Lane::Bulk][lane];
                    sites[at].save(scope + 10 * at as u8, lane, "a record");
                }
                // For a reader, as far as its receipts have come here; for whoever it may be, if it is oneself.
                Step::Write(at, reader) => {
                    let theirs = sites[at].replica.receipts().get(&sites[reader].replica.device());
                    let theirs = theirs.map(|receipt| receipt.frontier.clone()).unwrap_or_default();
                    bundles.push(write(&sites[at], &theirs));
                }
                Step::Read(at, which, tear) => if !bundles.is_empty() {
                    let bundle = &bundles[which.index(bundles.len())];
                    let whole = tear.map_or(bundle.len(), |tear| tear.index(bundle.len() + 1));
                    read(&mut sites[at], &bundle[..whole]);
                },
            }
            for at in 0..3 {
                let mut elsewhere = Frontier::default();
                (0..3).filter(|other| *other != at).for_each(|other| elsewhere.extend(sites[other].replica.durable()));
                let truly = sites[at].replica.durable().minus(&elsewhere);
                let said: Frontier = sites[at].replica.only_here().into_iter().collect();
                let mut said_and_true = said.clone();
                truly.into_iter().for_each(|range| said_and_true.insert(range));
                prop_assert_eq!(said, said_and_true, "exact or over-stated");
            }
        }
        // Every site hears every other, twice: the second time for the receipts.
        for _ in 0..2 {
            for from in 0..3 {
                let bundle = everything(&sites[from]);
                for to in (0..3).filter(|to| *to != from) {
                    read(&mut sites[to], &bundle);
                }
            }
        }
        for bundle in &bundles {
            for site in &mut sites {
                let took = read(site, bundle);
                prop_assert_eq!((took.new, took.waiting, took.refused), (0, 0, 0));
            }
        }
        let [cedar, haven, olive] = &mut sites;
        let held = [cedar.disk.clone(), haven.disk.clone(), olive.disk.clone()];
        quiet(cedar, haven);
        quiet(olive, haven);
        quiet(cedar, olive);
        prop_assert_eq!(&held, &[cedar.disk.clone(), haven.disk.clone(), olive.disk.clone()], "sessions find nothing more");
        prop_assert!(held[0] == held[1] && held[1] == held[2]);
        prop_assert_eq!([cedar.only_here(), haven.only_here(), olive.only_here()], [0; 3]);
        for scope in 1..35 {
            prop_assert!(cedar.text(scope).iter().all(|text| haven.text(scope).contains(text)), "the haven reads all");
        }
    }
}
