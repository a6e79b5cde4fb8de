use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::merge::tests::{kept, literals_in, resource_types, resources};

fn id(byte: u8) -> VersionId {
    VersionId::from_bytes([byte; 16])
}

fn put(name: u8, parents: &[u8], raw: &str) -> Version {
    let parents = parents.iter().map(|parent| id(*parent)).collect();
    Version { id: id(name), parents, action: Action::Put, raw: raw.as_bytes().into(), hlc: 0 }
}

fn delete(name: u8, parents: &[u8]) -> Version {
    Version { action: Action::Delete, ..put(name, parents, "") }
}

fn raw(current: &Current) -> &str {
    match &current.state {
        State::Live { raw } => std::str::from_utf8(raw).expect("UTF-8"),
        State::Deleted => "deleted",
    }
}

fn shown(versions: &[Version]) -> (String, Vec<String>) {
    let now = current(versions);
    let conflicts = now.conflicts.iter().map(|conflict| format!("{} {:?}", conflict.path, conflict.kind)).collect();
    (raw(&now).to_owned(), conflicts)
}

const A: &str = r#"{ "resourceType":"Patient", "x":1 ,"y":1}"#;

#[test]
fn one_head_is_its_bytes() {
    let now = current(&[put(1, &[], A), put(2, &[1], "not even json")]);
    assert_eq!((raw(&now), &now.heads[..], now.conflicts.len()), ("not even json", &[id(2)][..], 0));
    assert_eq!(now.version_id, id(2).to_string());
    let none = current(&[]);
    assert_eq!((none.state, none.version_id, none.heads.len()), (State::Deleted, String::new(), 0));
}

#[test]
fn concurrent_edits_meet() {
    let versions = [
        put(1, &[], A),
        put(2, &[1], r#"{"resourceType":"Patient","x":2,"y":1}"#),
        put(3, &[1], r#"{"resourceType":"Patient","x":1,"y":3}"#),
    ];
    let now = current(&versions);
    assert_eq!((raw(&now), now.conflicts.len()), (r#"{"resourceType":"Patient","x":2,"y":3}"#, 0));
    assert_eq!(now.heads, [id(2), id(3)]);
    assert!(now.version_id.starts_with('m') && now.version_id.len() == 33 && crate::key::is_legal_id(&now.version_id));
    // Two who merge the same way make two heads that say the same: no conflict, and then one more edit ends it.
    let both = [&versions[..], &[put(4, &[2, 3], raw(&now)), put(5, &[2, 3], raw(&now))]].concat();
    assert_eq!(shown(&both), (raw(&now).to_owned(), vec![]));
}

#[test]
fn a_delete_beside_an_update_keeps_the_update() {
    let versions = [put(1, &[], A), delete(2, &[1]), put(3, &[1], r#"{"resourceType":"Patient","x":2}"#)];
    let (text, conflicts) = shown(&versions);
    assert_eq!(
        (&*text, &conflicts[..]),
        (r#"{"resourceType":"Patient","x":2}"#, &["Patient DeletedElsewhere".to_owned()][..])
    );
    assert_eq!(current(&[put(1, &[], A), delete(2, &[1])]).state, State::Deleted);
    assert_eq!(current(&[put(1, &[], A), delete(2, &[1]), delete(3, &[1])]).state, State::Deleted);
    assert_eq!(shown(&[put(1, &[], A), delete(2, &[1]), put(3, &[2], A)]), (A.to_owned(), vec![]));
}

#[test]
fn criss_cross_merges_have_two_bases() {
    // 2 and 3 conflict on x; 4 settles it one way, 5 the other: both are decisions, so they conflict.
    let mut versions = vec![
        put(1, &[], r#"{"resourceType":"Patient","x":0,"y":0}"#),
        put(2, &[1], r#"{"resourceType":"Patient","x":2,"y":0}"#),
        put(3, &[1], r#"{"resourceType":"Patient","x":3,"y":1}"#),
        put(4, &[2, 3], r#"{"resourceType":"Patient","x":2,"y":1}"#),
        put(5, &[2, 3], r#"{"resourceType":"Patient","x":3,"y":7}"#),
    ];
    assert_eq!(
        shown(&versions),
        (r#"{"resourceType":"Patient","x":3,"y":7}"#.to_owned(), vec!["Patient.x Value".to_owned()])
    );
    // Where both settled it alike, only what changed since counts.
    versions[4] = put(5, &[2, 3], r#"{"resourceType":"Patient","x":2,"y":7}"#);
    assert_eq!(shown(&versions), (r#"{"resourceType":"Patient","x":2,"y":7}"#.to_owned(), vec![]));
}

#[test]
fn parents_that_are_not_here_yet_are_named() {
    let now = current(&[put(2, &[1], A), put(3, &[1], r#"{"resourceType":"Patient","x":2,"y":1}"#)]);
    assert_eq!((now.missing, now.conflicts.len()), (vec![id(1)], 1));
}

#[test]
fn bytes_that_are_no_json_stop_nothing() {
    let versions = [put(1, &[], A), put(2, &[1], "{torn"), put(3, &[1], A)];
    assert_eq!(shown(&versions), (A.to_owned(), vec!["Patient Unreadable".to_owned()]));
    let (text, conflicts) = shown(&[put(2, &[], "{torn"), put(3, &[], "[]")]);
    assert_eq!((&*text, conflicts.len()), ("[]", 1));
    // A circle cannot be written, but is not allowed to hang or hide anything either.
    assert_eq!(current(&[put(1, &[2], A), put(2, &[1], A), put(3, &[3], A)]).heads, [id(3)]);
    assert_eq!(current(&[put(1, &[2], A), put(2, &[1], A)]).heads.len(), 2);
}

fn choose(choices: &[(&str, u8)]) -> Choices {
    choices.iter().map(|(path, side)| ((*path).to_owned(), id(*side))).collect()
}

fn settled_text(versions: &[Version], choices: &[(&str, u8)]) -> String {
    match settled(versions, &choose(choices)).expect("settled") {
        State::Live { raw } => String::from_utf8(raw).expect("UTF-8"),
        State::Deleted => "deleted".to_owned(),
    }
}

/// Base, two sides, what is chosen, and what stands then.
type Choice<'c> = (&'c str, &'c str, &'c str, &'c [(&'c str, u8)], &'c str);

#[test]
fn what_is_chosen_stands_as_its_side_says_it_and_the_rest_as_the_merge_has_it() {
    let table: &[Choice<'_>] = &[
        (
            r#"{"resourceType":"Patient","gender":"other","x":1}"#,
            r#"{"resourceType":"Patient","gender":"male","x":1}"#,
            r#"{"resourceType":"Patient","gender":"female","x":3}"#,
            &[("Patient.gender", 2)],
            r#"{"resourceType":"Patient","gender":"male","x":3}"#,
        ),
        (
            r#"{"resourceType":"Observation","valueInteger":1}"#,
            r#"{"resourceType":"Observation","valueInteger":2,"_valueInteger":{"id":"a"}}"#,
            r#"{"resourceType":"Observation","valueString":"x"}"#,
            &[("Observation.value", 2)],
            r#"{"resourceType":"Observation","valueInteger":2,"_valueInteger":{"id":"a"}}"#,
        ),
        (
            r#"{"resourceType":"Observation","valueQuantity":{"value":5,"unit":"mg"}}"#,
            r#"{"resourceType":"Observation","valueQuantity":{"value":10,"unit":"mg"}}"#,
            r#"{"resourceType":"Observation","valueQuantity":{"value":5,"unit":"g"}}"#,
            &[("Observation.value", 3)],
            r#"{"resourceType":"Observation","valueQuantity":{"value":5,"unit":"g"}}"#,
        ),
        // Inside an array, and two conflicts at once.
        (
            r#"{"resourceType":"Patient","name":[{"id":"n","family":"A","text":"a"}],"gender":"other"}"#,
            r#"{"resourceType":"Patient","name":[{"id":"n","family":"B","text":"a"}],"gender":"male"}"#,
            r#"{"resourceType":"Patient","name":[{"id":"n","family":"C","text":"b"}],"gender":"female"}"#,
            &[("Patient.name[0].family", 2), ("Patient.gender", 3)],
            r#"{"resourceType":"Patient","name":[{"id":"n","family":"B","text":"b"}],"gender":"female"}"#,
        ),
        // What one side removed from a list goes when that side is chosen, and the list with its last element.
        (
            r#"{"resourceType":"AllergyIntolerance","reaction":[{"id":"r","severity":"mild"}]}"#,
            r#"{"resourceType":"AllergyIntolerance","reaction":[{"id":"r","severity":"severe"}]}"#,
            r#"{"resourceType":"AllergyIntolerance","reaction":[]}"#,
            &[("AllergyIntolerance.reaction[0]", 3)],
            r#"{"resourceType":"AllergyIntolerance"}"#,
        ),
        (
            r#"{"resourceType":"AllergyIntolerance","reaction":[{"id":"r","severity":"mild"}]}"#,
            r#"{"resourceType":"AllergyIntolerance","reaction":[{"id":"r","severity":"severe"}]}"#,
            r#"{"resourceType":"AllergyIntolerance","reaction":[]}"#,
            &[("AllergyIntolerance.reaction[0]", 2)],
            r#"{"resourceType":"AllergyIntolerance","reaction":[{"id":"r","severity":"severe"}]}"#,
        ),
    ];
    for (base, a, b, choices, expected) in table {
        let versions = [put(1, &[], base), put(2, &[1], a), put(3, &[1], b)];
        assert!(!current(&versions).conflicts.is_empty(), "{base}");
        assert_eq!(settled_text(&versions, choices), *expected, "{base}");
    }
}

#[test]
fn a_conflict_that_nobody_chose_for_is_not_settled() {
    let versions = [
        put(1, &[], r#"{"resourceType":"Patient","gender":"other"}"#),
        put(2, &[1], r#"{"resourceType":"Patient","gender":"male"}"#),
        put(3, &[1], r#"{"resourceType":"Patient","gender":"female"}"#),
    ];
    for choices in [&[][..], &[("Patient.gender", 1)], &[("Patient.gender", 9)], &[("Patient.active", 2)]] {
        assert_eq!(settled(&versions, &choose(choices)), Err(NotSettled::Unchosen), "{choices:?}");
    }
    let torn = [put(1, &[], A), put(2, &[1], "{torn"), put(3, &[1], A)];
    assert_eq!(settled(&torn, &choose(&[("Patient", 2)])), Err(NotSettled::Unreadable));
}

#[test]
fn a_delete_can_be_chosen_or_turned_down() {
    let changed = r#"{"resourceType":"Patient","x":2}"#;
    let versions = [put(1, &[], A), delete(2, &[1]), put(3, &[1], changed)];
    assert_eq!(settled_text(&versions, &[("Patient", 2)]), "deleted");
    assert_eq!(settled_text(&versions, &[("Patient", 3)]), changed);
    assert_eq!(settled(&versions, &choose(&[("Patient", 1)])), Err(NotSettled::Unchosen));
    assert_eq!(settled(&versions, &choose(&[])), Err(NotSettled::Unchosen));
    assert_eq!(settled_text(&[put(1, &[], A)], &[]), A, "nothing to settle");
}

/// What happens at three sites: somebody edits what their site shows, or a site hears from another.
#[derive(Clone, Debug)]
enum Event {
    Edit { site: usize, resource: Value },
    Delete { site: usize },
    Hear { site: usize, from: usize },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0usize..3, resources()).prop_map(|(site, resource)| Event::Edit { site, resource }),
        1 => (0usize..3).prop_map(|site| Event::Delete { site }),
        3 => (0usize..3, 0usize..3).prop_map(|(site, from)| Event::Hear { site, from }),
    ];
    prop::collection::vec(event, 1..14)
}

/// All versions the three sites wrote. Ids are hashes, as in life, so their order is no order of events.
fn history(resource_type: &str, events: &[Event]) -> Vec<Version> {
    let mut sites: [Vec<Version>; 3] = Default::default();
    for (index, event) in events.iter().enumerate() {
        let mut write = |site: usize, action, raw: String| {
            let parents = current(&sites[site]).heads;
            let id = VersionId::derive(&[7; 32], index as u32);
            sites[site].push(Version { id, parents, action, raw: raw.into_bytes().into(), hlc: 0 });
        };
        match event {
            Event::Edit { site, resource } => {
                let mut resource = resource.clone();
                resource["resourceType"] = resource_type.into();
                write(*site, Action::Put, resource.to_string());
            }
            Event::Delete { site } => write(*site, Action::Delete, String::new()),
            Event::Hear { site, from } => {
                let heard = sites[*from].clone();
                sites[*site].extend(heard);
            }
        }
    }
    sites.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_site_shows_the_same_and_no_edit_is_lost(
        resource_type in resource_types(),
        events in events(),
        seed in any::<prop::sample::Index>(),
    ) {
        let versions = history(resource_type, &events);
        let now = current(&versions);
        let mut other = versions.clone();
        other.reverse();
        if !other.is_empty() {
            let middle = seed.index(other.len());
            other.rotate_left(middle);
        }
        prop_assert_eq!(&now, &current(&other));

        // What a head says and nothing before it said is in what is shown, or in the conflicts.
        if let State::Live { raw } = &now.state {
            let kept = kept(raw, &now.conflicts);
            let heads = versions.iter().filter(|version| now.heads.contains(&version.id) && version.action == Action::Put);
            for head in heads {
                let text = |version: &Version| String::from_utf8_lossy(&version.raw).into_owned();
                let before: BTreeSet<_> = versions.iter()
                    .filter(|version| version.action == Action::Put && !now.heads.contains(&version.id))
                    .flat_map(|version| literals_in(&text(version)))
                    .collect();
                let lost: Vec<_> = literals_in(&text(head)).into_iter().filter(|literal| !before.contains(literal) && !kept.contains(literal)).collect();
                prop_assert!(lost.is_empty(), "{:?}", lost);
            }
        }

        // Whichever side is chosen, what it says stands, and saved over all heads it ends all conflicts.
        for side in 0..2 {
            let choices: Choices = now.conflicts.iter()
                .filter_map(|conflict| Some((conflict.path.clone(), conflict.values.get(side).or(conflict.values.first())?.0)))
                .collect();
            let raw = match settled(&versions, &choices).expect("every conflict has a choice") {
                State::Deleted => continue,
                State::Live { raw } => raw,
            };
            let text = String::from_utf8(raw).expect("UTF-8");
            prop_assert!(json::parse_object(text.as_bytes()).is_ok());
            if now.conflicts.is_empty() {
                prop_assert_eq!(State::Live { raw: text.clone().into_bytes() }, now.state.clone());
            }
            let ended = Version { id: id(0), parents: now.heads.clone(), action: Action::Put, raw: text.as_bytes().into(), hlc: 0 };
            let after = current(&[&versions[..], &[ended]].concat());
            prop_assert_eq!((after.conflicts.len(), after.state), (0, State::Live { raw: text.into_bytes() }));
        }

        // An edit made with everything in view ends all conflicts.
        let mut settled = versions;
        settled.push(Version { id: id(0), parents: now.heads, action: Action::Put, raw: A.as_bytes().into(), hlc: 0 });
        let now = current(&settled);
        prop_assert_eq!((now.heads, now.conflicts.len(), now.state), (vec![id(0)], 0, State::Live { raw: A.as_bytes().to_vec() }));
    }
}
