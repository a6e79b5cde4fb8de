//! What a resource looks like as it leaves: its own bytes with `id`, `meta.versionId` and `meta.lastUpdated` set.
//!
//! They are set here and never stored (design §6): the id may differ from the one in an imported document, the
//! version is not known before it is written, and the time is the reader's to judge.

use crate::json::{Edits, Kind, Member, Node, SyntaxError, parse_object, quote};
use crate::key::ResourceKey;

/// The system of the tags that say what state a resource is in.
pub const STATE_SYSTEM: &str = "urn:sanad:state";

/// The last millisecond of the year 9999: RFC 3339 has no later one, and a wrong clock must still give a legal time.
const LAST_MS: u64 = 253_402_300_799_999;

/// What the reader of an outgoing resource has to know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictTag {
    /// Edits met that a clinician has not settled yet.
    Conflict,
}

impl ConflictTag {
    /// The code in `meta.tag`.
    pub fn code(self) -> &'static str {
        match self {
            ConflictTag::Conflict => "conflict",
        }
    }
}

/// The bytes that leave: `raw` with `id`, `meta.versionId`, `meta.lastUpdated` and the state tags set.
///
/// A caller may rely on: every other byte is as it came, white space, order, escapes, number literals and duplicate
/// members included. Tags of [`STATE_SYSTEM`] say exactly `tags`: one that a client sent back with its edit goes.
///
/// # Errors
/// [`SyntaxError`] if the bytes are not a JSON object; then they can only leave as they are.
pub fn with_meta(
    raw: &[u8],
    key: &ResourceKey,
    version_id: &str,
    last_updated_ms: u64,
    tags: &[ConflictTag],
) -> Result<Vec<u8>, SyntaxError> {
    let resource = parse_object(raw)?;
    let (version, updated) = (quote(version_id), quote(&rfc3339(last_updated_ms)));
    let tags: Vec<String> =
        tags.iter().map(|tag| format!(r#"{{"system":"{STATE_SYSTEM}","code":"{}"}}"#, tag.code())).collect();
    let mut edits = Edits::default();
    edits.set_member(raw, &resource, "id", &quote(&key.id), &["resourceType"]);
    let metas: Vec<&Member<'_>> = resource.members().iter().filter(|member| member.key == "meta").collect();
    if metas.iter().all(|meta| matches!(meta.value.kind, Kind::Object(_))) && !metas.is_empty() {
        for meta in metas {
            if meta.value.members().iter().all(|member| member.key == "tag") {
                // Nothing to stand beside: what is added and what is taken out would meet in one place.
                let foreign = meta.value.get("tag").map_or(&[][..], Node::items).iter().filter(|tag| !is_state(tag));
                let tags = foreign.map(|tag| tag.text.to_owned()).chain(tags.iter().cloned()).collect::<Vec<_>>();
                edits.replace(meta.value.start..meta.value.end(), new_meta(&version, &updated, &tags));
                continue;
            }
            edits.set_member(raw, &meta.value, "versionId", &version, &[]);
            edits.set_member(raw, &meta.value, "lastUpdated", &updated, &["versionId"]);
            set_tags(&mut edits, raw, &meta.value, &tags);
        }
    } else {
        let meta = new_meta(&version, &updated, &tags);
        edits.set_member(raw, &resource, "meta", &meta, &["id", "resourceType"]);
    }
    Ok(edits.apply(raw))
}

fn new_meta(version: &str, updated: &str, tags: &[String]) -> String {
    let tags = if tags.is_empty() { String::new() } else { format!(r#","tag":[{}]"#, tags.join(",")) };
    format!(r#"{{"versionId":{version},"lastUpdated":{updated}{tags}}}"#)
}

fn is_state(tag: &Node<'_>) -> bool {
    tag.get_str("system").as_deref() == Some(STATE_SYSTEM)
}

/// Makes the state tags in `meta` exactly these.
fn set_tags(edits: &mut Edits, raw: &[u8], meta: &Node<'_>, tags: &[String]) {
    let Some(list) = meta.get("tag").filter(|list| matches!(list.kind, Kind::Array(_))) else {
        if !tags.is_empty() {
            edits.set_member(raw, meta, "tag", &format!("[{}]", tags.join(",")), &[]);
        }
        return;
    };
    let goes: Vec<bool> = list.items().iter().map(is_state).collect();
    if goes.contains(&false) {
        edits.remove_items(list, &goes);
        tags.iter().for_each(|tag| edits.push_item(raw, list, tag));
    } else if tags.is_empty() {
        edits.remove_members(meta, &["tag"]);
    } else {
        edits.replace(list.start..list.end(), format!("[{}]", tags.join(",")));
    }
}

/// A time in milliseconds since 1970 as RFC 3339 in UTC with milliseconds, as FHIR's `instant`.
pub fn rfc3339(ms: u64) -> String {
    let ms = ms.min(LAST_MS);
    let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
    // Days since 0000-03-01, so that the leap day is the last of its year (H. Hinnant, "chrono-Compatible Low-Level
    // Date Algorithms").
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", in_day % 1_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::merge::tests::resources;

    fn leaves(raw: &str, tags: &[ConflictTag]) -> String {
        let key = ResourceKey::new("Patient", "k").expect("key");
        String::from_utf8(with_meta(raw.as_bytes(), &key, "v", 0, tags).expect("JSON")).expect("UTF-8")
    }

    const META: &str = r#""meta":{"versionId":"v","lastUpdated":"1970-01-01T00:00:00.000Z""#;
    const TAG: &str = r#"{"system":"urn:sanad:state","code":"conflict"}"#;

    #[test]
    fn only_what_must_change_changes() {
        let cases: [(&str, String); 7] = [
            (r#"{"resourceType":"Patient"}"#, format!(r#"{{"resourceType":"Patient","id":"k",{META}}}}}"#)),
            (r#"{}"#, format!(r#"{{"id":"k",{META}}}}}"#)),
            (r#"{"id":"x","meta":{}}"#, format!(r#"{{"id":"k",{META}}}}}"#)),
            (r#"{"id":"x","x":1.10,"y":"\u0645"}"#, format!(r#"{{"id":"k",{META}}},"x":1.10,"y":"\u0645"}}"#)),
            (r#"{"a":1, "a":2, "id":"x", "id":"y", "meta":null}"#, format!(r#"{{"a":1, "a":2, "id":"k", "id":"k", {META}}}}}"#)),
            (
                "{\n  \"resourceType\" : \"Patient\",\n  \"meta\" : {\n    \"profile\" : [ \"p\" ]\n  }\n}\n",
                "{\n  \"resourceType\" : \"Patient\",\n  \"id\" : \"k\",\n  \"meta\" : {\n    \"profile\" : [ \"p\" ],\n    \"versionId\" : \"v\",\n    \"lastUpdated\" : \"1970-01-01T00:00:00.000Z\"\n  }\n}\n".to_owned(),
            ),
            (r#"{"id":"k","meta":{"lastUpdated":"2020","versionId":"7"}}"#, r#"{"id":"k","meta":{"lastUpdated":"1970-01-01T00:00:00.000Z","versionId":"v"}}"#.to_owned()),
        ];
        for (raw, expected) in cases {
            assert_eq!(leaves(raw, &[]), expected, "{raw}");
        }
        assert!(with_meta(b"[]", &ResourceKey::new("Patient", "k").expect("key"), "v", 0, &[]).is_err());
    }

    #[test]
    fn a_conflict_is_tagged_as_long_as_it_lasts() {
        let conflict = &[ConflictTag::Conflict];
        assert_eq!(leaves(r#"{"id":"k"}"#, conflict), format!(r#"{{"id":"k",{META},"tag":[{TAG}]}}}}"#));
        let tagged = |tags: &str| format!(r#"{{"id":"k",{META}{tags}}}}}"#);
        let other = r#"{"code":"x"}"#;
        let alone = format!(r#"{{"id":"k","meta":{{"tag":[{TAG}]}}}}"#);
        assert_eq!(leaves(&alone, &[]), format!(r#"{{"id":"k",{META}}}}}"#));
        assert_eq!(leaves(&alone, conflict), format!(r#"{{"id":"k",{META},"tag":[{TAG}]}}}}"#));
        for (before, settled, still) in [
            (String::new(), String::new(), format!(r#","tag":[{TAG}]"#)),
            (format!(r#","tag":[{other}]"#), format!(r#","tag":[{other}]"#), format!(r#","tag":[{other},{TAG}]"#)),
            (format!(r#","tag":[{TAG}]"#), String::new(), format!(r#","tag":[{TAG}]"#)),
            (
                format!(r#","tag":[{TAG},{other},{TAG}]"#),
                format!(r#","tag":[{other}]"#),
                format!(r#","tag":[{other},{TAG}]"#),
            ),
        ] {
            assert_eq!(leaves(&tagged(&before), &[]), tagged(&settled));
            assert_eq!(leaves(&tagged(&before), conflict), tagged(&still));
        }
    }

    #[test]
    fn times_are_instants() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_520_985_599_999, "2018-03-13T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    proptest! {
        #[test]
        fn the_rest_says_the_same(resource in resources(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&resource).expect("JSON") } else { resource.to_string() };
            let out = leaves(&text, &[ConflictTag::Conflict]);
            let mut read: Value = serde_json::from_str(&out).expect("JSON");
            prop_assert_eq!(&read["id"], "k");
            prop_assert_eq!(&read["meta"]["tag"][0]["code"], "conflict");
            // Leaving twice is leaving once.
            prop_assert_eq!(leaves(&out, &[ConflictTag::Conflict]), out.clone());
            let members = read.as_object_mut().expect("object");
            members.remove("id");
            members.remove("meta");
            prop_assert_eq!(&read, &resource);
        }
    }
}
