//! Finding a patient by what is remembered: part of a name in either script, a tag number, an id.
//!
//! A word finds the names that sound like it (one consonant skeleton, so that محمد and Mhmd meet), those that contain it,
//! and the identifiers that contain the whole query. Only when nobody fits every word, each word is compared with every
//! name in use here, which also finds names that were written with a letter wrong.

use crate::error::StoreError;
use crate::patients::{PatientRow, row_of};
use crate::people::{PART_IDENTIFIER, identifier_key};
use crate::resources::Page;
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_record::names::{NamePart, NameTerm, latin_skeleton, matches, name_key};
use std::collections::{BTreeMap, BTreeSet};

/// Most words of a query that are looked at; a name has fewer.
const WORDS_MAX: usize = 8;
/// Most patients that one word may bring in. A name that more people share has to be narrowed by a second word.
const FOUND_MAX: u32 = 20_000;
/// Most different names compared with a word one by one.
const VOCABULARY_MAX: usize = 200_000;
/// Letters of a word from which it is looked for inside names by its three-letter pieces.
const TRIGRAM: usize = 3;
/// What a word inside a name is worth, beside the worth that [`matches`] gives to spellings of a whole one.
const INSIDE: u32 = 40;
/// What a query that is part of an identifier is worth, and one that is all of it.
const IDENTIFIER_PART: u32 = 80;
const IDENTIFIER_WHOLE: u32 = 101;

/// A word of a query.
struct Word {
    key: String,
    skeleton: String,
}

/// Patients and what each word of the query is worth for them.
type Found = BTreeMap<i64, Vec<u32>>;

/// Patients that match, best first, those merged away shown as their survivor.
pub(crate) fn patients(db: &Connection, query: &str, page: Page) -> Result<Vec<PatientRow>, StoreError> {
    let (keys, skeletons) = (name_key(query), latin_skeleton(query));
    let words: Vec<Word> = keys
        .split(' ')
        .zip(skeletons.split(' '))
        .filter(|(key, _)| !key.is_empty())
        .take(WORDS_MAX)
        .map(|(key, skeleton)| Word { key: key.to_owned(), skeleton: skeleton.to_owned() })
        .collect();
    let mut found = Found::new();
    for (at, word) in words.iter().enumerate() {
        same_skeleton(db, word, &mut |patient, worth| note(&mut found, patient, at, words.len(), worth))?;
        inside(db, word, &mut |patient, worth| note(&mut found, patient, at, words.len(), worth))?;
    }
    if !words.is_empty() && !found.values().any(|worth| worth.iter().all(|worth| *worth > 0)) {
        misspelt(db, &words, &mut found)?;
    }
    let mut ranked: Vec<(u32, i64)> = found.iter().map(|(patient, worth)| (mean(worth), *patient)).collect();
    identifiers(db, &identifier_key(query), &mut |patient, worth| ranked.push((worth, patient)))?;
    ranked.retain(|(worth, _)| *worth > 0);
    // Of equals, the one that came last is asked for most.
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    rows(db, &ranked, page)
}

fn note(found: &mut Found, patient: i64, at: usize, words: usize, worth: u32) {
    let of = found.entry(patient).or_insert_with(|| vec![0; words]);
    of[at] = of[at].max(worth);
}

/// As [`matches`] counts: the mean, if at least half of the words fit.
fn mean(worth: &[u32]) -> u32 {
    let fitting = worth.iter().filter(|worth| **worth > 0).count();
    if fitting * 2 < worth.len() { 0 } else { worth.iter().sum::<u32>() / worth.len() as u32 }
}

/// The page, in rank order, each survivor once.
fn rows(db: &Connection, ranked: &[(u32, i64)], page: Page) -> Result<Vec<PatientRow>, StoreError> {
    let mut statement = db.prepare_cached("SELECT coalesce(survivor, id) FROM patient WHERE n = ?1")?;
    let (mut seen, mut rows) = (BTreeSet::new(), Vec::new());
    for (_, patient) in ranked {
        if rows.len() >= page.rows() as usize {
            break;
        }
        let shown: Option<String> = statement.query_row([patient], |row| row.get(0)).optional()?;
        let Some(id) = shown.filter(|id| seen.insert(id.clone())) else { continue };
        if seen.len() > page.offset as usize {
            rows.push(row_of(db, id)?);
        }
    }
    Ok(rows)
}

/// What a name in use is worth for a word; nothing if it does not fit.
fn worth(word: &Word, key: &str, skeleton: &str) -> u32 {
    let term = NameTerm { key: key.to_owned(), skeleton: skeleton.to_owned(), part: NamePart::Given };
    matches(&word.key, &[term])
}

fn same_skeleton(db: &Connection, word: &Word, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    if word.skeleton.is_empty() {
        return Ok(());
    }
    let mut statement = db.prepare_cached("SELECT patient, key FROM term WHERE skeleton = ?1 ORDER BY key LIMIT ?2")?;
    let mut rows = statement.query(params![word.skeleton, FOUND_MAX])?;
    let mut last: Option<(String, u32)> = None;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_str().unwrap_or_default();
        let known = last.as_ref().filter(|(known, _)| known == key).map(|(_, worth)| *worth);
        let worth = known.unwrap_or_else(|| worth(word, key, &word.skeleton));
        if known.is_none() {
            last = Some((key.to_owned(), worth));
        }
        found(row.get(0)?, worth);
    }
    Ok(())
}

/// Names that contain the word.
fn inside(db: &Connection, word: &Word, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    containing(db, &word.key, |patient, key, skeleton, part| {
        if part != PART_IDENTIFIER {
            found(patient, worth(word, key, skeleton).max(INSIDE));
        }
    })
}

/// Identifiers and ids that contain the whole query.
fn identifiers(db: &Connection, wanted: &str, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    containing(db, wanted, |patient, key, _, part| {
        if part == PART_IDENTIFIER {
            found(patient, if key == wanted { IDENTIFIER_WHOLE } else { IDENTIFIER_PART });
        }
    })
}

/// Terms that contain a text: by its three-letter pieces where it has any, else by looking at every term.
fn containing(db: &Connection, wanted: &str, mut found: impl FnMut(i64, &str, &str, i64)) -> Result<(), StoreError> {
    let pieces = trigrams(wanted);
    let sql = if pieces.is_empty() {
        "SELECT patient, key, skeleton, part FROM term WHERE ?1 = '' AND instr(key, ?2) > 0 LIMIT ?3"
    } else {
        "SELECT patient, key, skeleton, part FROM term_text JOIN term ON term.patient = term_text.rowid
         WHERE term_text MATCH ?1 AND instr(key, ?2) > 0 LIMIT ?3"
    };
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![pieces, wanted, FOUND_MAX])?;
    while let Some(row) = rows.next()? {
        let (key, skeleton) = (row.get_ref(1)?, row.get_ref(2)?);
        found(row.get(0)?, key.as_str().unwrap_or_default(), skeleton.as_str().unwrap_or_default(), row.get(3)?);
    }
    Ok(())
}

/// A query of the full-text index that wants all three-letter pieces of a text; empty for a shorter one. What it finds is
/// looked at again, since the pieces may stand in another order.
fn trigrams(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.windows(TRIGRAM).map(|piece| {
        let piece: String = piece.iter().collect();
        format!("\"{}\"", piece.replace('"', "\"\""))
    });
    pieces.collect::<BTreeSet<String>>().into_iter().collect::<Vec<_>>().join(" AND ")
}

/// Compares the words that nobody fits together with every name in use.
fn misspelt(db: &Connection, words: &[Word], found: &mut Found) -> Result<(), StoreError> {
    let mut next = db.prepare_cached(
        "SELECT skeleton, key FROM term WHERE (skeleton, key) > (?1, ?2) AND skeleton > '' ORDER BY skeleton, key LIMIT 1",
    )?;
    let mut bearers = db.prepare_cached("SELECT patient FROM term WHERE skeleton = ?1 AND key = ?2 LIMIT ?3")?;
    let mut at = (String::new(), String::new());
    for _ in 0..VOCABULARY_MAX {
        let row: Option<(String, String)> =
            next.query_row(params![at.0, at.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((skeleton, key)) = row else { break };
        for (index, word) in words.iter().enumerate() {
            let worth = worth(word, &key, &skeleton);
            if worth == 0 {
                continue;
            }
            let mut rows = bearers.query(params![skeleton, key, FOUND_MAX])?;
            while let Some(row) = rows.next()? {
                note(found, row.get(0)?, index, words.len(), worth);
            }
        }
        at = (skeleton, key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Page;
    use crate::testing::{Site, put, save};
    use crate::tests::fresh;

    #[test]
    fn a_name_is_found_however_it_is_spelt() {
        let (_dir, _folder, mut store) = fresh();
        let mut site = Site::found(1);
        let scope = site.chart(1, &[]);
        let people = [
            ("a", r#"{"text":"محمد خالد الأحمد"}"#, "TAG-0001"),
            ("b", r#"{"given":["Muhamad"],"family":"El Khatib"}"#, "TAG-0002"),
            ("c", r#"{"text":"فاطمة النجار"}"#, "TAG-0113"),
            ("d", r#"{"text":"عبد الرحمن حمود"}"#, "٤٤-٧٧"),
            ("e", r#"{"use":"nickname","text":"أبو ليلى"}"#, "x"),
        ];
        for (id, name, tag) in people {
            let raw = format!(
                r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"value":"{tag}"}}],"name":[{name}]}}"#
            );
            let entry = site.save(scope, &save(vec![put(&format!("Patient/{id}"), &raw, &[])]));
            store.append(&[entry], &site.directory).unwrap();
        }
        let reader = store.reader().unwrap();
        for (query, expected) in [
            ("محمد", &["a", "b"][..]),
            ("Mohammed", &["a", "b"]),
            ("Mhmd", &["a", "b"]),
            ("مُحَمَّد", &["a", "b"]),
            ("احمد", &["a"]),
            ("الأحمد", &["a"]),
            ("al-ahmad", &["a"]),
            ("Mohamad Ahmad", &["a"]),
            ("خطيب", &["b"]),
            ("حمو", &["d"]),
            ("abdulrahman", &["d"]),
            ("ABU LAYLA", &["e"]),
            ("ليل", &["e"]),
            ("tag-01", &["c"]),
            ("TAG-0002", &["b"]),
            ("44-77", &["d"]),
            ("فاطنة نجار", &["c"]),
            ("zzz", &[]),
            ("\"' OR 1 --", &[]),
            ("%", &[]),
        ] {
            let rows = reader.patients(Some(query), Page::first(10)).unwrap();
            let ids: Vec<&str> = rows.iter().map(|row| &*row.id).collect();
            let head = &ids[..expected.len().min(ids.len())];
            let mut sorted = head.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, expected, "{query}: {ids:?}");
            assert!(!expected.is_empty() || ids.is_empty(), "{query}: {ids:?}");
        }
        let both = reader.patients(Some("محمد"), Page { offset: 1, limit: 1 }).unwrap();
        assert_eq!(both.len(), 1);
        assert_eq!(reader.patients(Some("Patient"), Page::first(10)).unwrap().len(), 0);
    }
}
