//! What was saved afterwards, and what was there.

use super::{MomentWanted, Whose};
use crate::testing::{Site, delete, key_of, put, save};
use crate::tests::fresh;
use crate::{Reader, Store};
use sanad_log::ids::ScopeTag;

struct Fixture {
    store: Store,
    site: Site,
    scope: ScopeTag,
}

impl Fixture {
    fn put(&mut self, name: &str, raw: &str) {
        let heads = self.store.heads(&key_of(name)).unwrap();
        self.append(put(name, raw, &heads));
    }

    fn append(&mut self, op: sanad_record::op::Op) {
        let entry = self.site.save(self.scope, &save(vec![op]));
        self.store.append(&[entry], &self.site.directory).unwrap();
    }

    fn observation(&mut self, id: &str, patient: &str, value: u32) {
        let raw = format!(
            r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/{patient}"}},"valueInteger":{value}}}"#
        );
        self.put(&format!("Observation/{id}"), &raw);
    }
}

fn wanted(stamp: u64, whose: Whose) -> MomentWanted {
    MomentWanted { resource_type: "Observation", whose, since_ms: 0, stamp, after: String::new(), through: None }
}

/// Ids and texts, in pages of two.
fn read(reader: &Reader, mut wanted: MomentWanted) -> Vec<(String, String)> {
    let (mut all, mut named) = (Vec::new(), Vec::new());
    let begin = wanted.after.clone();
    loop {
        let page = reader.resources_then(&wanted, 2, usize::MAX).unwrap();
        assert!(page.items.len() <= 2);
        all.extend(
            page.items.into_iter().map(|item| (item.key.id.clone(), String::from_utf8(item.raw.unwrap()).unwrap())),
        );
        let Some(after) = page.after else { break };
        wanted.after = after;
    }
    wanted.after = begin;
    loop {
        let page = reader.ids_then(&wanted).unwrap();
        named.extend(page.items);
        let Some(after) = page.after else { break };
        wanted.after = after;
    }
    assert_eq!(all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), named);
    all
}

#[test]
fn what_is_saved_after_the_moment_changes_nothing_of_it() {
    let (_dir, _folder, store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let mut fixture = Fixture { store, site, scope };
    let reader = fixture.store.reader().unwrap();
    assert_eq!(reader.newest_stamp().unwrap(), 0);
    for (id, patient) in [("c", "p"), ("a", "p"), ("b", "q"), ("e", "p"), ("d", "r")] {
        fixture.observation(id, patient, 1);
    }
    fixture.put("Observation/f", r#"{"resourceType":"Observation","id":"f"}"#);
    let stamp = reader.newest_stamp().unwrap();
    let all = |whose| read(&reader, wanted(stamp, whose));
    let before = all(Whose::All);
    let ids = |all: &[(String, String)]| all.iter().map(|(id, _)| id.clone()).collect::<String>();
    assert_eq!(ids(&before), "abcdef");
    assert_eq!(ids(&all(Whose::Patients)), "abcde");
    let two = Whose::Only(["q".to_owned(), "r".to_owned(), "nobody".to_owned()].into());
    assert_eq!(ids(&all(two.clone())), "bd");

    fixture.observation("a", "p", 2);
    fixture.observation("a", "p", 3);
    fixture.observation("bb", "q", 2);
    assert!(all(Whose::All) == before, "neither changes nor newcomers");
    assert_eq!(ids(&all(two)), "bd");
    let heads = fixture.store.heads(&key_of("Observation/c")).unwrap();
    fixture.append(delete("Observation/c", &heads));
    assert_eq!(ids(&all(Whose::All)), "abdef", "what is withdrawn is not handed out");
    fixture.observation("c", "p", 4);
    assert!(all(Whose::All) == before, "what came back says what it said");

    let now = reader.newest_stamp().unwrap();
    let between = MomentWanted { after: "a".to_owned(), through: Some("c".to_owned()), ..wanted(now, Whose::All) };
    assert_eq!(ids(&read(&reader, between)), ["b", "bb", "c"].concat());
    let later = MomentWanted { since_ms: (now >> 16) + 1, ..wanted(now, Whose::All) };
    assert!(read(&reader, later).is_empty());
}
