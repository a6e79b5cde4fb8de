//! The projections do not know in which order entries and keys came.

use super::{fresh, secrets};
use crate::testing::{Site, TempDir, delete, entropy, put, save, version};
use crate::{Check, Folder, KdfCost, Store};
use proptest::prelude::*;
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::ids::{Lane, ScopeTag};
use sanad_log::sign::Ed25519Verifier;
use sanad_record::op::Op;
use sanad_record::version::VersionId;
use std::collections::{BTreeMap, BTreeSet};

const KEYS: [&str; 6] = ["Patient/a", "Patient/b", "Patient/c", "Observation/o", "AllergyIntolerance/i", "Basic/x"];

/// What one site writes next.
#[derive(Clone, Debug)]
struct Step {
    site: usize,
    key: usize,
    word: usize,
    delete: bool,
    /// Which of the versions seen so far the writer had in view; several bits make a merge.
    parents: u8,
    lane: usize,
    chart: usize,
    idempotency: Option<u8>,
}

fn step() -> impl Strategy<Value = Step> {
    (
        0usize..2,
        0usize..KEYS.len(),
        0usize..6,
        prop::bool::weighted(0.15),
        any::<u8>(),
        0usize..3,
        0usize..3,
        prop::option::weighted(0.2, 0u8..3),
    )
        .prop_map(|(site, key, word, delete, parents, lane, chart, idempotency)| Step {
            site,
            key,
            word,
            delete,
            parents,
            lane,
            chart,
            idempotency,
        })
}

fn raw(key: &str, word: usize) -> String {
    let (kind, id) = key.split_once('/').unwrap();
    let names = ["محمد", "Mohammed", "أحمد الخطيب", "Layla", "زين", "x"];
    let (patient, other) = (["a", "b", "c"][word % 3], ["a", "b", "c"][(word + 1) % 3]);
    match kind {
        "Patient" if word == 5 => format!("not JSON {word}"),
        "Patient" => {
            let link = format!(r#","link":[{{"type":"replaced-by","other":{{"reference":"Patient/{other}"}}}}]"#);
            let link = if word % 2 == 1 { &*link } else { "" };
            format!(
                r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"value":"T{word}"}}],"name":[{{"text":"{}"}}]{link}}}"#,
                names[word]
            )
        }
        "Observation" => format!(
            r#"{{"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/{patient}"}},"valueInteger":{word}}}"#
        ),
        "AllergyIntolerance" => format!(
            r#"{{"resourceType":"AllergyIntolerance","patient":{{"reference":"Patient/{patient}"}},"note":[{{"text":"{word}"}}]}}"#
        ),
        _ => format!(r#"{{"resourceType":"{kind}","word":{word}}}"#),
    }
}

/// Two sites of one network, three charts, and the entries they write: sealed to charts, some not a save, some broken.
fn history(steps: &[Step]) -> (Site, Vec<Entry>, Vec<Entry>) {
    let mut first = Site::found(1);
    let mut second = Site::new(2, first.network);
    first.admit(&mut second, 2);
    let to = [second.secret.facility("-", sanad_log::control::SiteKind::Enclave).id()];
    let charts: Vec<ScopeTag> = (1..=3).map(|number| first.chart(number, &to)).collect();
    second.hear(&first.control);
    let mut seen: BTreeMap<usize, Vec<VersionId>> = BTreeMap::new();
    let mut entries = Vec::new();
    for step in steps {
        let site = if step.site == 0 { &mut first } else { &mut second };
        let lane = [Lane::Urgent, Lane::Clinical, Lane::Bulk][step.lane];
        let seen = seen.entry(step.key).or_default();
        let in_view = seen.iter().rev().take(8).enumerate();
        let parents: Vec<VersionId> =
            in_view.filter(|(bit, _)| step.parents >> bit & 1 == 1).map(|(_, id)| *id).collect();
        let key = KEYS[step.key];
        let op: Op = if step.delete { delete(key, &parents) } else { put(key, &raw(key, step.word), &parents) };
        let mut ops = vec![op];
        if step.word == 4 {
            ops.push(put("Basic/second", &raw("Basic/second", step.word), &[]));
        }
        let mut save = save(ops);
        save.idempotency = step.idempotency.map(|key| [key; 16]);
        let scope = charts[step.chart];
        let entry = match step.word {
            3 if step.delete => site.write(lane, scope, b"this is not a save"),
            0 if step.delete => {
                let entry = site.write(lane, scope, &save.encode());
                let mut body = entry.body().to_vec();
                *body.last_mut().unwrap() ^= 1;
                site.write_body(lane, scope, body)
            }
            _ => site.write(lane, scope, &save.encode()),
        };
        seen.push(version(&entry, 0));
        entries.push(entry);
    }
    let control = first.control.clone();
    (first, control, entries)
}

fn store() -> (TempDir, Store) {
    let dir = TempDir::new();
    let store = Folder::create(dir.path()).unwrap().found("p", KdfCost::TEST, &secrets(), &mut entropy(3)).unwrap();
    (dir, store)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_entries_and_keys_gives_the_same_projections_and_so_does_a_rebuild(
        steps in prop::collection::vec(step(), 1..40),
        order in any::<u64>(),
        batch in 1usize..12,
    ) {
        let (site, control, entries) = history(&steps);
        let (_a, mut straight) = store();
        straight.append(&control, &site.directory).unwrap();
        straight.append(&entries, &site.directory).unwrap();
        let expected = straight.projection_digest().unwrap();

        // Another order, in batches of another size, and the keys arrive half way.
        let mut shuffled: Vec<Entry> = control.iter().chain(&entries).cloned().collect();
        shuffled.sort_by_key(|entry| *blake3::hash(&[&order.to_be_bytes(), entry.id().as_bytes()].concat()).as_bytes());
        let mut directory = Directory::new(site.network, site.secret.clone());
        let (_b, mut other) = store();
        let half = shuffled.len() / 2;
        for (at, chunk) in shuffled.chunks(batch).enumerate() {
            if at * batch >= half {
                for entry in chunk {
                    directory.absorb(entry, &Ed25519Verifier);
                }
            }
            other.append(chunk, &directory).unwrap();
        }
        let mut readable = BTreeSet::new();
        for entry in &shuffled {
            readable.extend(directory.absorb(entry, &Ed25519Verifier).readable);
        }
        let sealed = other.sealed_scopes().unwrap();
        other.open_backlog(&sealed, &directory).unwrap();
        other.take_in_strangers(&directory).unwrap();
        prop_assert_eq!(other.projection_digest().unwrap(), expected);

        let report = other.check(Check { rebuild: true, ..Check::default() }, &directory, &mut |_, _, _| {}).unwrap();
        prop_assert!(report.is_sound(), "{report:?}");
        prop_assert_eq!(report.projections_equal, Some(true));
        prop_assert_eq!(report.projection_digest, Some(expected));
        prop_assert_eq!(report.entries, shuffled.len() as u64);
    }
}

#[test]
fn what_was_sealed_is_read_once_its_key_comes() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let blind = site.as_of_now();
    let scope = site.chart(1, &[]);
    let entries: Vec<Entry> = (0..2_500)
        .map(|n| site.save(scope, &save(vec![put(&format!("Basic/b{n}"), r#"{"resourceType":"Basic"}"#, &[])])))
        .collect();
    let done = store.append(&entries, &blind).unwrap();
    assert_eq!((done.stored, done.sealed), (2_500, 2_500));
    let reader = store.reader().unwrap();
    let before = reader.counts().unwrap();
    assert_eq!((before.sealed_entries, before.records, before.readable_records), (2_500, 2_500, 0));
    assert_eq!(store.sealed_scopes().unwrap(), [scope].into());
    assert_eq!(store.open_backlog(&[scope].into(), &blind).unwrap().sealed, 2_500);
    let opened = store.open_backlog(&[scope].into(), &site.directory).unwrap();
    assert_eq!((opened.readable, opened.sealed), (2_500, 0));
    let after = reader.counts().unwrap();
    assert_eq!((after.sealed_entries, after.readable_records, after.resources), (0, 2_500, 2_500));
    assert!(store.sealed_scopes().unwrap().is_empty());
}
