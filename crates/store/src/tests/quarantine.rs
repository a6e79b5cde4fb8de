use super::*;
use crate::{Apart, BacklogOpened, Came, EntryState, QUARANTINE_OF_SOURCE_MAX, Quarantined, Source};
use sanad_log::ids::{DeviceId, ScopeTag};

const PEER: Source = Source::Peer(DeviceId([1; 32]));
const OTHER: Source = Source::Peer(DeviceId([2; 32]));

fn keep(store: &mut Store, reason: Reason, from: Source, seq: u64, bytes: &[u8]) -> bool {
    let log = LogId { lane: Lane::Bulk, author: DeviceId([7; 32]) };
    store.keep_apart(&Apart { log, seq, reason, came: Came { at_ms: 5, from }, bytes }).unwrap()
}

fn all(store: &Store) -> Vec<Quarantined> {
    store.reader().unwrap().quarantine(0, 100_000).unwrap()
}

fn dropped(store: &Store, reason: Reason) -> u64 {
    let counts = store.reader().unwrap().quarantine_counts().unwrap();
    counts.iter().find(|kept| kept.reason == reason).map_or(0, |kept| kept.dropped)
}

#[test]
fn the_same_bytes_are_kept_once_and_read_back_as_they_came() {
    let (_dir, _folder, mut store) = fresh();
    assert!(keep(&mut store, Reason::Signature, PEER, 1, b"as it came"));
    assert!(!keep(&mut store, Reason::Signature, PEER, 1, b"as it came"));
    assert!(!keep(&mut store, Reason::Form, Source::Carrier(None), 2, b"as it came"), "whoever brings it again");
    assert!(keep(&mut store, Reason::Form, Source::Carrier(None), u64::MAX, b"another"));
    let kept = all(&store);
    assert_eq!(kept.iter().map(|kept| (kept.n, kept.seq)).collect::<Vec<_>>(), [(1, 1), (2, i64::MAX as u64)]);
    assert_eq!(kept[0].came, Came { at_ms: 5, from: PEER });
    assert_eq!(kept[1].came.from, Source::Carrier(None));
    let reader = store.reader().unwrap();
    assert_eq!(reader.quarantined(1).unwrap().unwrap().1, b"as it came");
    assert!(reader.quarantined(9).unwrap().is_none() && reader.quarantined(u64::MAX).unwrap().is_none());
    store.mark_adopted(1, 77).unwrap();
    store.mark_adopted(1, 99).unwrap();
    assert_eq!(all(&store)[0].adopted_ms, Some(77), "the first time stands");
    assert_eq!(reader.counts().unwrap().refused, 2);
}

#[test]
fn one_source_fills_no_more_than_its_share_and_what_had_to_go_is_counted() {
    let (_dir, _folder, mut store) = fresh();
    keep(&mut store, Reason::Fork, PEER, 1, b"kept for another reason");
    keep(&mut store, Reason::Signature, OTHER, 1, b"kept for another site");
    for seq in 1..=QUARANTINE_OF_SOURCE_MAX + 5 {
        assert!(keep(&mut store, Reason::Signature, PEER, seq, format!("rubbish {seq}").as_bytes()));
    }
    let kept = store.reader().unwrap();
    let (first, rest) = (kept.quarantine(0, 3).unwrap(), kept.quarantine(2, 1_000).unwrap());
    assert_eq!(first.iter().map(|kept| kept.n).collect::<Vec<_>>(), [1, 2, 8], "the oldest of the same source went");
    assert_eq!(rest.len() as u64, QUARANTINE_OF_SOURCE_MAX);
    assert_eq!(dropped(&store, Reason::Signature), 5);
    assert_eq!(dropped(&store, Reason::Fork), 0);
}

#[test]
fn what_is_kept_is_bounded_in_bytes_for_a_source_and_in_all_and_numbers_are_never_given_again() {
    let (_dir, _folder, mut store) = fresh();
    let large = |n: u8| vec![n; 12 << 20];
    for n in 1..=4 {
        keep(&mut store, Reason::Signature, PEER, 1, &large(n));
    }
    assert_eq!(all(&store).iter().map(|kept| kept.n).collect::<Vec<_>>(), [3, 4], "32 MiB hold two of twelve");
    keep(&mut store, Reason::Signature, OTHER, 1, b"small, and of another source");
    for source in 10..30u8 {
        keep(&mut store, Reason::Signature, Source::Peer(DeviceId([source; 32])), 1, &large(source));
    }
    let kept = all(&store);
    assert!(kept.iter().map(|kept| kept.bytes).sum::<u64>() <= crate::QUARANTINE_BYTES_MAX);
    assert!(kept.iter().any(|kept| kept.came.from == OTHER), "who sent little loses nothing to who sent much");
    assert_eq!(kept.last().unwrap().n, 25);
    assert_eq!(dropped(&store, Reason::Signature) + kept.len() as u64, 25);
}

#[test]
fn an_author_who_is_not_enrolled_is_held_and_not_shown_until_the_enrolment_comes() {
    let (_dir, _folder, mut store) = fresh();
    let mut founder = Site::found(1);
    let (mut here, mut other) = (Site::new(3, founder.network), Site::new(2, founder.network));
    founder.admit(&mut here, 3);
    founder.admit(&mut other, 2);
    // The other was let in after this site last heard of anybody.
    let entry = other.save(ScopeTag::NETWORK, &save(vec![put("Basic/a", r#"{"resourceType":"Basic"}"#, &[])]));
    let came = Came { at_ms: 40, from: PEER };
    let incoming = [Incoming { entry: &entry, text: None, save: None, came }];
    let done = store.commit(Batch { entries: &incoming, state: &[] }, &here.directory).unwrap();
    assert_eq!((done.stored, done.strangers, done.sealed), (1, 1, 0));
    let reader = store.reader().unwrap();
    assert!(reader.resource(&key_of("Basic/a")).unwrap().is_none());
    let kept = all(&store);
    assert_eq!((kept[0].reason, kept[0].came, kept[0].in_log), (Reason::UnknownAuthor, came, true));
    assert_eq!(reader.quarantined(1).unwrap().unwrap().1, [&entry.header().encode(), entry.body()].concat());
    let counts = reader.counts().unwrap();
    assert_eq!((counts.stranger_entries, counts.records, counts.readable_records, counts.refused), (1, 1, 0, 0));
    drop(reader);
    assert_eq!(store.spans().unwrap().len(), 1, "it is held, and so is passed on");
    assert_eq!(store.take_in_strangers(&here.directory).unwrap().strangers, 1);
    let rebuild = crate::Check { rebuild: true, ..Default::default() };
    assert_eq!(store.check(rebuild, &here.directory, &mut |_, _, _| {}).unwrap().projections_equal, Some(true));
    store.repair(Some(&here.directory)).unwrap();
    assert_eq!(all(&store), kept, "however it is made anew, it says the same");

    here.hear(&founder.control);
    assert_eq!(store.take_in_strangers(&here.directory).unwrap(), BacklogOpened { readable: 1, ..Default::default() });
    assert!(all(&store).is_empty());
    let reader = store.reader().unwrap();
    assert!(reader.resource(&key_of("Basic/a")).unwrap().unwrap().raw.is_some());
    assert_eq!(reader.counts().unwrap().stranger_entries, 0);
    assert_eq!(store.check(rebuild, &here.directory, &mut |_, _, _| {}).unwrap().projections_equal, Some(true));
}

#[test]
fn what_shows_nothing_is_listed_with_its_reason_and_a_later_format_by_itself() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let junk = site.write(Lane::Clinical, scope, b"\x01no save");
    let newer = site.write(Lane::Clinical, scope, b"\xf0a way to compress that is not known yet");
    let mut body = site.write(Lane::Clinical, scope, b"whole").body().to_vec();
    *body.last_mut().unwrap() ^= 1;
    let broken = site.write_body(Lane::Urgent, scope, body);
    store.append(&[junk, newer, broken], &site.directory).unwrap();
    let reasons = |store: &Store| all(store).iter().map(|kept| kept.reason).collect::<Vec<_>>();
    assert_eq!(reasons(&store), [Reason::NotASave, Reason::UnknownFormat, Reason::BrokenSeal]);
    let states: Vec<_> =
        store.reader().unwrap().unreadable(9).unwrap().into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(states, [EntryState::BrokenSeal, EntryState::NotASave, EntryState::NotASave]);
    store.look_again(&site.directory).unwrap();
    assert_eq!(reasons(&store).len(), 3, "looking again changes nothing that is as it was");
    store.repair(Some(&site.directory)).unwrap();
    assert_eq!(reasons(&store), [Reason::NotASave, Reason::UnknownFormat, Reason::BrokenSeal]);
    assert_eq!(all(&store).iter().map(|kept| kept.n).collect::<Vec<_>>(), [1, 2, 3], "under the same numbers");
}

#[test]
fn a_database_made_anew_keeps_what_was_apart_and_what_had_to_go() {
    let (_dir, _folder, mut store) = fresh();
    let site = Site::found(1);
    keep(&mut store, Reason::Signature, PEER, 3, b"one");
    keep(&mut store, Reason::Fork, Source::Carrier(Some(DeviceId([4; 32]))), 4, b"two");
    store.mark_adopted(2, 8).unwrap();
    crate::quarantine::count_dropped(&store.db, Reason::Form as u8, 6).unwrap();
    let before = (all(&store), store.reader().unwrap().quarantine_counts().unwrap());
    store.repair(Some(&site.directory)).unwrap();
    assert_eq!((all(&store), store.reader().unwrap().quarantine_counts().unwrap()), before);
}

#[test]
fn what_a_damaged_entry_had_shown_is_kept_until_the_entry_is_here_again() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let raw = r#"{"resourceType":"Basic","id":"a"}"#;
    let first = site.save(scope, &save(vec![put("Basic/a", raw, &[])]));
    let second = site.save(scope, &save(vec![delete("Basic/b", &[])]));
    store.append(&[first.clone(), second.clone()], &site.directory).unwrap();
    store.db.execute_batch("UPDATE blob SET body = zeroblob(length(body)) WHERE id IN (1, 2)").unwrap();
    store.repair(Some(&site.directory)).unwrap();
    let places = [first.header().seq, second.header().seq].map(|seq| (first.header().log, seq));
    assert_eq!(store.lost().places.iter().copied().collect::<Vec<_>>(), places);
    let kept = all(&store);
    assert_eq!(kept.iter().map(|kept| (kept.n, kept.reason, kept.seq)).collect::<Vec<_>>(), [(1, Reason::Damage, 1)]);
    assert_eq!(store.reader().unwrap().quarantined(1).unwrap().unwrap().1, raw.as_bytes());

    store.put_back(&[first, second], &site.directory).unwrap();
    assert!(all(&store).is_empty() && store.lost().places.is_empty() && store.lost().device_due);
    assert_eq!(store.reader().unwrap().lost().unwrap(), *store.lost());
    assert!(store.reader().unwrap().resource(&key_of("Basic/a")).unwrap().unwrap().raw.is_some());
}
