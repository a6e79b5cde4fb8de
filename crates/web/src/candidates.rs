//! Who may be the person that a Patient resource speaks of: everybody who shares an identifier, or a name however it is
//! spelt. `Patient/$match` grades them, and so does the screen that makes a person.

use std::collections::BTreeMap;

use sanad_record::search::{Now, QueryError, read};
use sanad_store::{Reader, Resource, StoreError};
use serde_json::Value;

/// Most that one name or identifier brings in.
const COMPARED_MAX: u32 = 500;
/// Most names and identifiers that are looked for: a person has fewer.
const SEARCHES_MAX: usize = 32;

/// The Patients to compare with this one, by id.
///
/// # Errors
/// The record cannot be read.
pub(crate) fn candidates<E: From<StoreError> + From<QueryError>>(
    reader: &Reader,
    wanted: &Value,
    now_ms: u64,
) -> Result<BTreeMap<String, Resource>, E> {
    let mut found = BTreeMap::new();
    for (name, value) in searches(wanted).into_iter().take(SEARCHES_MAX) {
        let value = literal(&value);
        let mut query = read(Some("Patient"), [(name, value.as_str())], Now(now_ms))?;
        query.count = COMPARED_MAX;
        let page = reader.find(&query)?;
        found.extend(page.matches.into_iter().map(|resource| (resource.key.id.clone(), resource)));
    }
    Ok(found)
}

fn searches(wanted: &Value) -> Vec<(&'static str, String)> {
    let texts = |list: &str, part: &str| -> Vec<String> {
        let items = wanted.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let parts = items.iter().filter_map(|item| item.get(part)).flat_map(|part| match part {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        });
        parts.collect()
    };
    let mut searches: Vec<_> = texts("identifier", "value").into_iter().map(|value| ("identifier", value)).collect();
    for part in ["text", "family", "given"] {
        searches.extend(texts("name", part).into_iter().map(|text| ("name", text)));
    }
    searches
}

/// A text as the value of a parameter that means just that text (FHIR R4 §3.1.1.4.1).
pub(crate) fn literal(text: &str) -> String {
    let escaped = |letter: char| {
        let escape = matches!(letter, ',' | '|' | '$' | '\\').then_some('\\');
        escape.into_iter().chain([letter])
    };
    text.chars().flat_map(escaped).collect()
}
