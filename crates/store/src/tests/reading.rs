//! What is shown: merged patients, versions, conflicts, gauges.

use super::fresh;
use crate::testing::{Site, delete, key_of, put, save, version};
use crate::{Batch, Came, Concern, Incoming, Page, Store};
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::Lane;
use sanad_log::seal::Clear;
use sanad_record::op::Action;

fn append(store: &mut Store, site: &Site, entry: &Entry) {
    store.append(std::slice::from_ref(entry), &site.directory).unwrap();
}

fn patient(id: &str, name: &str, link: Option<&str>) -> String {
    let link = link.map_or_else(String::new, |other| {
        format!(r#","link":[{{"type":"replaced-by","other":{{"reference":"Patient/{other}"}}}}]"#)
    });
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","gender":"female","birthDate":"1980","identifier":[{{"value":"T-{id}"}}],"name":[{{"text":"{name}"}},{{"use":"nickname","text":"أم علي"}}]{link}}}"#
    )
}

fn observation(patient: &str) -> String {
    format!(r#"{{"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/{patient}"}}}}"#)
}

#[test]
fn a_patient_who_was_merged_away_is_shown_under_the_survivor_and_comes_back_when_it_is_undone() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let (one, two) = (site.chart(1, &[]), site.chart(2, &[]));
    let a = site.save(
        one,
        &save(vec![
            put("Patient/a", &patient("a", "ليلى حمود", None), &[]),
            put("Observation/oa", &observation("a"), &[]),
        ]),
    );
    let b = site.save(
        two,
        &save(vec![
            put("Patient/b", &patient("b", "Layla Hammoud", None), &[]),
            put("Observation/ob", &observation("b"), &[]),
        ]),
    );
    append(&mut store, &site, &a);
    append(&mut store, &site, &b);
    let reader = store.reader().unwrap();
    let ids = |query: Option<&str>| {
        let rows = reader.patients(query, Page::first(10)).unwrap();
        rows.iter().map(|row| (row.id.clone(), row.survivor_of.clone(), row.resources)).collect::<Vec<_>>()
    };
    let row = |id: &str, of: &[&str], resources| {
        (id.to_owned(), of.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), resources)
    };
    assert_eq!(ids(None), [row("b", &[], 2), row("a", &[], 2)]);

    let merged =
        site.save(two, &save(vec![put("Patient/b", &patient("b", "Layla Hammoud", Some("a")), &[version(&b, 0)])]));
    append(&mut store, &site, &merged);
    assert_eq!(ids(None), [row("a", &["b"], 4)]);
    assert_eq!(ids(Some("T-b")), [row("a", &["b"], 4)], "found by either number");
    assert_eq!(ids(Some("Laila")), [row("a", &["b"], 4)], "once, though both fit");
    for id in ["a", "b"] {
        let page = reader.patient(id).unwrap().unwrap();
        assert_eq!((&*page.row.id, page.resources.len(), page.scopes.as_slice()), ("a", 4, &[one, two][..]));
        assert_eq!(page.row.display.as_deref(), Some("ليلى حمود"));
        assert_eq!(page.row.call_name.as_deref(), Some("أم علي"));
    }

    let undone =
        site.save(two, &save(vec![put("Patient/b", &patient("b", "Layla Hammoud", None), &[version(&merged, 0)])]));
    append(&mut store, &site, &undone);
    assert_eq!(ids(None), [row("b", &[], 2), row("a", &[], 2)]);
    assert!(reader.patient("nobody").unwrap().is_none());
}

#[test]
fn a_patient_merged_into_one_who_is_not_here_stays_in_sight() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let chart = site.chart(1, &[]);
    let b = site.save(chart, &save(vec![put("Patient/b", &patient("b", "x", Some("a")), &[])]));
    append(&mut store, &site, &b);
    let reader = store.reader().unwrap();
    assert_eq!(reader.patients(None, Page::first(9)).unwrap().len(), 1);
    let a = site.save(chart, &save(vec![put("Patient/a", &patient("a", "x", None), &[])]));
    append(&mut store, &site, &a);
    let rows = reader.patients(None, Page::first(9)).unwrap();
    assert_eq!((rows.len(), &*rows[0].id), (1, "a"));
    let gone = site.save(chart, &save(vec![delete("Patient/a", &[version(&a, 0)])]));
    append(&mut store, &site, &gone);
    let rows = reader.patients(None, Page::first(9)).unwrap();
    assert_eq!((rows.len(), &*rows[0].id), (1, "b"), "nobody is hidden behind a deleted patient");
}

#[test]
fn edits_made_apart_both_stay_and_an_edit_with_both_in_view_settles_them() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let chart = site.chart(1, &[]);
    let raw = |status: &str| {
        format!(r#"{{"resourceType":"Observation","status":"{status}","subject":{{"reference":"Patient/p"}}}}"#)
    };
    let key = key_of("Observation/o");
    let first = site.save(chart, &save(vec![put("Observation/o", &raw("preliminary"), &[])]));
    let parent = [version(&first, 0)];
    let left = site.save(chart, &save(vec![put("Observation/o", &raw("final"), &parent)]));
    let right = site.save(chart, &save(vec![put("Observation/o", &raw("cancelled"), &parent)]));
    for entry in [&first, &left, &right] {
        append(&mut store, &site, entry);
    }
    let reader = store.reader().unwrap();
    let now = reader.resource(&key).unwrap().unwrap();
    let mut heads = vec![version(&left, 0), version(&right, 0)];
    heads.sort();
    assert_eq!((&now.heads, now.versions), (&heads, 3));
    assert!(now.version_id.starts_with('m'));
    assert_eq!((now.conflicts.len(), &*now.conflicts[0].path), (1, "Observation.status"));
    let listed = reader.conflicts(Page::first(9)).unwrap();
    assert!(listed == now.conflicts);
    let versions = reader.versions(&key).unwrap();
    assert_eq!(versions.iter().map(|version| version.head).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((versions[2].by.as_deref(), versions[2].action, versions[2].seq), (Some("Falcon"), Action::Put, 1));
    assert_eq!(reader.version_raw(&key, &parent[0]).unwrap().unwrap(), raw("preliminary").as_bytes());
    assert_eq!(reader.counts().unwrap().conflicts, 1);
    assert_eq!(reader.patient("p").unwrap().unwrap().row.conflicts, 1);

    let settled = site.save(chart, &save(vec![put("Observation/o", &raw("final"), &heads)]));
    append(&mut store, &site, &settled);
    let now = reader.resource(&key).unwrap().unwrap();
    assert_eq!((now.heads, now.version_id), (vec![version(&settled, 0)], version(&settled, 0).to_string()));
    assert!(now.conflicts.is_empty() && reader.conflicts(Page::first(9)).unwrap().is_empty());
    let mut all = Vec::new();
    reader
        .each_resource(|resource| {
            all.push(resource.key.to_string());
            true
        })
        .unwrap();
    assert_eq!(all, ["Observation/o"]);
}

#[test]
fn the_gauges_count_records_and_a_sealed_entry_as_one() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let blind = site.as_of_now();
    let (one, two) = (site.chart(1, &[]), site.chart(2, &[]));
    store.append(&site.control, &site.directory).unwrap();
    let three = site.save(one, &save((0..3).map(|n| put(&format!("Basic/a{n}"), "{}", &[])).collect()));
    let sealed = site.save(two, &save((0..3).map(|n| put(&format!("Basic/b{n}"), "{}", &[])).collect()));
    let junk = site.write(Lane::Clinical, one, b"junk");
    append(&mut store, &site, &three);
    store.append(&[sealed, junk.clone()], &blind).unwrap();
    store.open_backlog(&[one].into(), &site.directory).unwrap();
    let reader = store.reader().unwrap();
    let everything: Vec<Range> =
        store.spans().unwrap().iter().map(|span| Range { log: span.log, from: span.from, to: span.to }).collect();
    let sums = reader.records_in(&everything).unwrap();
    assert_eq!((sums.entries, sums.records), (site.control.len() as u64 + 3, 3 + 1 + 1));
    let of = |scopes: &[_]| reader.records_in_scopes(&everything, &scopes.iter().copied().collect()).unwrap();
    assert_eq!((of(&[one]).records, of(&[two]).records, of(&[one, two]).entries), (4, 1, 3));
    let part = [Range { log: junk.header().log, from: 3, to: 9 }];
    assert_eq!(reader.records_in_scopes(&part, &[one, two].into()).unwrap().records, 1);
    let by_lane = reader.records_by_lane(&everything).unwrap();
    assert_eq!((by_lane[0].entries, by_lane[0].records), (site.control.len() as u64, 0), "control holds no records");
    assert_eq!((by_lane[2].entries, by_lane[2].records, by_lane[1].entries), (3, 5, 0));
    assert_eq!(reader.records_in_scopes_by_lane(&part, &[one].into()).unwrap()[2].records, 1);

    // Where these stand, found by the chart, by the place and by the first digits of the id.
    let places = reader.places_of_scopes(&[one].into()).unwrap();
    let log = junk.header().log;
    assert_eq!([1, 2, 3, 4].map(|seq| places.contains(&log, seq)), [true, false, true, false]);
    assert_eq!(reader.header(log, 3).unwrap().map(|header| header.id()), Some(junk.id()));
    assert_eq!((reader.header(log, 4).unwrap(), reader.header(log, u64::MAX).unwrap()), (None, None));
    let digits = junk.id().to_string();
    assert_eq!(reader.entries_by_id(&digits[..16]).unwrap(), [(log, 3, junk.id())]);
    assert_eq!(reader.entries_by_id("").unwrap().len(), crate::FOUND_MAX, "too short a search is seen to be");
    assert_eq!(reader.authors_by_key(&log.author.to_string()[..8]).unwrap(), [log.author]);
    assert!(reader.authors_by_key("not hexadecimal").unwrap().is_empty());
    let counts = reader.counts().unwrap();
    assert_eq!(
        (counts.readable_records, counts.records, counts.sealed_entries, counts.unreadable_entries),
        (3, 5, 1, 1)
    );
    assert_eq!(reader.unreadable(9).unwrap(), [(junk.header().log, 3, crate::EntryState::NotASave)]);
}

#[test]
fn a_form_that_is_sent_twice_is_recognised_by_its_key() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let chart = site.chart(1, &[]);
    let mut form = save(vec![put("Basic/a", "{}", &[])]);
    form.idempotency = Some([7; 16]);
    let entry = site.save(chart, &form);
    let text = Clear::new(form.encode());
    assert!(store.entry_by_idempotency(&[7; 16]).unwrap().is_none());
    store
        .commit(
            Batch {
                entries: &[Incoming { entry: &entry, text: Some(&text), save: None, came: Came::default() }],
                state: &[],
            },
            &site.directory,
        )
        .unwrap();
    let held = store.entry_by_idempotency(&[7; 16]).unwrap().unwrap();
    assert_eq!((held.id, held.log, held.seq), (entry.id(), entry.header().log, 1));
    assert_eq!(store.reader().unwrap().entry_by_idempotency(&[7; 16]).unwrap(), Some(held));
}

#[test]
fn changes_are_told_in_the_order_in_which_they_came_each_once_a_page() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    let start = store.reader().unwrap().changes_end().unwrap();
    let told = |store: &Store, place, limit| {
        let page = store.reader().unwrap().changes_after(place, limit).unwrap();
        let keys: Vec<_> = page.changed.iter().map(|(_, key)| key.to_string()).collect();
        (keys, page)
    };
    let first = site.save(
        scope,
        &save(vec![
            put("Patient/a", &patient("a", "Rima", None), &[]),
            put("Observation/o", &observation("a"), &[]),
            put("Observation/p", &observation("a"), &[]),
        ]),
    );
    // Written later, here earlier.
    let second = site.save(scope, &save(vec![put("Observation/q", &observation("a"), &[])]));
    append(&mut store, &site, &second);
    append(&mut store, &site, &first);
    let third = site.save(scope, &save(vec![delete("Observation/o", &[version(&first, 1)])]));
    append(&mut store, &site, &third);
    let (keys, page) = told(&store, start, 100);
    assert_eq!(keys, ["Observation/q", "Patient/a", "Observation/p", "Observation/o"]);
    assert!(!page.has_more && !page.is_anew && page.end == store.reader().unwrap().changes_end().unwrap());
    assert_eq!(told(&store, page.end, 100).0, Vec::<String>::new());
    // Behind a change in the middle of a page comes the rest of it; what changed again, at its last place.
    assert_eq!(told(&store, page.changed[1].0, 100).0, ["Observation/p", "Observation/o"]);
    let (keys, page) = told(&store, start, 2);
    assert_eq!((keys, page.has_more), (vec!["Observation/q".to_owned(), "Patient/a".to_owned()], true));
    assert_eq!(told(&store, page.end, 2).0, ["Observation/o", "Observation/p"]);

    // What somebody looks at, and whether it is still as it was.
    let reader = store.reader().unwrap();
    let changed = |place, concern: &Concern| reader.has_changed(place, concern).unwrap();
    let chart = |id: &str, of: Option<&str>| Concern::Patient(id.to_owned(), of.map(str::to_owned));
    let before = told(&store, start, 2).1.end;
    for (concern, is_new) in [
        (chart("a", None), true),
        (chart("a", Some("Observation")), true),
        (chart("a", Some("Patient")), false),
        (chart("b", None), false),
        (Concern::Resource(key_of("Observation/p")), true),
        (Concern::Resource(key_of("Observation/q")), false),
        (Concern::Type("Observation".to_owned()), true),
        (Concern::Type("Patient".to_owned()), false),
        (Concern::Conflicts, false),
    ] {
        assert_eq!(changed(before, &concern), is_new, "{concern:?}");
        assert!(!changed(reader.changes_end().unwrap(), &concern), "{concern:?}");
    }
    let seen =
        put("AuditEvent/e", r#"{"resourceType":"AuditEvent","entity":[{"what":{"reference":"Patient/a"}}]}"#, &[]);
    let place = reader.changes_end().unwrap();
    let looked = site.save(scope, &save(vec![seen]));
    append(&mut store, &site, &looked);
    assert!(!changed(place, &chart("a", None)) && changed(place, &chart("a", Some("AuditEvent"))));

    // Made anew, the order is another, and a place of before is known for what it is.
    let old = told(&store, start, 100).1.end;
    let what = crate::Check { rebuild: true, ..crate::Check::default() };
    assert_eq!(store.check(what, &site.directory, &mut |_, _, _| {}).unwrap().projections_equal, Some(true));
    let (keys, page) = told(&store, old, 100);
    assert_eq!((keys.len(), page.is_anew), (5, true));
    assert!(!told(&store, page.end, 100).1.is_anew);
}
