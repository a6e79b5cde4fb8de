//! Finding a patient by what is remembered: part of a name in either script, a tag number, an id.
//!
//! It stands on the index that searches of FHIR use (index.rs). A word finds the names that sound like it (one consonant
//! skeleton, so that محمد and Mhmd meet) and those that begin with it; a query, the identifiers that begin with it. Only
//! when few fit every word, the last word is taken for half of one, which the other script may have written (محم and
//! Mahmoud), and the names in use here are gone through for those that contain a word; when nobody does, for those that
//! were written with a letter wrong.

use crate::error::StoreError;
use crate::index::{BEYOND_SOUND, SOUND, cut, identifier_atom, name_atoms, of_sound_key};
use crate::patients::{PatientRow, row_of};
use crate::resources::Page;
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_record::identifier::identifier_key;
use sanad_record::names::{NameWord, words, worth_of};
use std::collections::{BTreeMap, BTreeSet};

/// Most words of a query that are looked at; a name has fewer.
const WORDS_MAX: usize = 8;
/// Most patients that one word may bring in. A name that more people share has to be narrowed by a second word.
const FOUND_MAX: u32 = 20_000;
/// With fewer than this, names and identifiers that contain a word are looked for as well.
const ENOUGH: usize = 20;
/// Most different names, and most identifiers, gone through one by one.
const VOCABULARY_MAX: u32 = 200_000;
/// What a word inside a name is worth, beside the worth that [`worth_of`] gives to spellings of a whole one.
const INSIDE: u32 = 40;
/// What a name is worth that begins with the consonants of half a word.
const HALF: u32 = 30;
/// Fewest consonants of half a word: one alone begins a tenth of all names.
const HALF_LETTERS_MIN: usize = 2;
/// What a query that is part of an identifier is worth, and one that is all of it.
const IDENTIFIER_PART: u32 = 80;
const IDENTIFIER_WHOLE: u32 = 101;

/// Patients and what each word of the query is worth for them.
struct Found {
    words: usize,
    worth: BTreeMap<i64, Vec<u32>>,
}

impl Found {
    fn note(&mut self, patient: i64, at: usize, worth: u32) {
        let of = self.worth.entry(patient).or_insert_with(|| vec![0; self.words]);
        of[at] = of[at].max(worth);
    }

    /// How many fit every word.
    fn whole(&self) -> usize {
        self.worth.values().filter(|worth| worth.iter().all(|worth| *worth > 0)).count()
    }
}

/// Patients that match, best first, those merged away shown as their survivor.
pub(crate) fn patients(db: &Connection, query: &str, page: Page) -> Result<Vec<PatientRow>, StoreError> {
    let words: Vec<NameWord> = words(query).into_iter().take(WORDS_MAX).collect();
    let mut found = Found { words: words.len(), worth: BTreeMap::new() };
    for atom in name_atoms()? {
        for (at, word) in words.iter().enumerate() {
            sounding(db, atom, word, &mut |patient, worth| found.note(patient, at, worth))?;
            beginning(db, atom, word, &mut |patient, worth| found.note(patient, at, worth))?;
        }
    }
    if let Some(last) = words.last().filter(|_| found.whole() < ENOUGH) {
        half(db, last, &mut |patient| found.note(patient, words.len() - 1, HALF))?;
    }
    if !words.is_empty() && found.whole() < ENOUGH {
        inside(db, &words, &mut found)?;
    }
    if !words.is_empty() && found.whole() == 0 {
        misspelt(db, &words, &mut found)?;
    }
    let mut ranked: Vec<(u32, i64)> = found.worth.iter().map(|(patient, worth)| (mean(worth), *patient)).collect();
    identifiers(db, &identifier_key(query), &mut |patient, worth| ranked.push((worth, patient)))?;
    ranked.retain(|(worth, _)| *worth > 0);
    // Of equals, the one that came last is asked for most.
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    rows(db, &ranked, page)
}

/// As [`matches`](fn@sanad_record::names::matches) counts: the mean, if at least half of the words fit.
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

/// The keys at an atom from one on and before another, and the patients that they stand for.
fn in_range(
    db: &Connection,
    atom: i64,
    (from, before): (&str, &str),
    limit: u32,
    found: &mut dyn FnMut(i64, &str),
) -> Result<(), StoreError> {
    let mut statement =
        db.prepare_cached("SELECT resource, key FROM found_text WHERE atom = ?1 AND key >= ?2 AND key < ?3 LIMIT ?4")?;
    let mut rows = statement.query(params![atom, from, before, limit])?;
    while let Some(row) = rows.next()? {
        found(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default());
    }
    Ok(())
}

/// What all keys that begin with a text stand before.
fn behind(text: &str) -> String {
    format!("{text}\u{10ffff}")
}

fn sounding(db: &Connection, atom: i64, word: &NameWord, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    if word.skeleton.is_empty() {
        return Ok(());
    }
    let sound = format!("{SOUND}{}", cut(&word.skeleton));
    let range = (format!("{sound}{SOUND}"), format!("{sound}{BEYOND_SOUND}"));
    // Keys come in order, so what one is worth is worked out once.
    let mut last: Option<(String, u32)> = None;
    in_range(db, atom, (&range.0, &range.1), FOUND_MAX, &mut |patient, key| {
        let known = last.as_ref().filter(|(known, _)| known == key).map(|(_, worth)| *worth);
        let worth = known.unwrap_or_else(|| worth_by_sound(word, key));
        if known.is_none() {
            last = Some((key.to_owned(), worth));
        }
        found(patient, worth);
    })
}

/// What the name of a key by sound is worth for a word; nothing if it does not fit.
fn worth_by_sound(word: &NameWord, key: &str) -> u32 {
    let Some((skeleton, key)) = of_sound_key(key) else { return 0 };
    worth_of(word, &NameWord { key: key.to_owned(), skeleton: skeleton.to_owned() })
}

fn beginning(db: &Connection, atom: i64, word: &NameWord, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    let from = cut(&word.key);
    in_range(db, atom, (from, &behind(from)), FOUND_MAX, &mut |patient, key| {
        let worth = worth_of(word, &NameWord { key: key.to_owned(), skeleton: String::new() });
        found(patient, worth.max(INSIDE));
    })
}

/// Names that begin with the consonants of a word of which somebody has typed the first letters.
fn half(db: &Connection, word: &NameWord, found: &mut dyn FnMut(i64)) -> Result<(), StoreError> {
    if word.skeleton.chars().count() < HALF_LETTERS_MIN {
        return Ok(());
    }
    let from = format!("{SOUND}{}", cut(&word.skeleton));
    for atom in name_atoms()? {
        in_range(db, atom, (&from, &behind(&from)), FOUND_MAX, &mut |patient, _| found(patient))?;
    }
    Ok(())
}

/// Identifiers and ids that are, begin with or contain the whole query.
fn identifiers(db: &Connection, wanted: &str, found: &mut dyn FnMut(i64, u32)) -> Result<(), StoreError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let atom = identifier_atom()?;
    let mut count = 0;
    in_range(db, atom, (wanted, &behind(wanted)), FOUND_MAX, &mut |patient, key| {
        count += 1;
        found(patient, if key == wanted { IDENTIFIER_WHOLE } else { IDENTIFIER_PART });
    })?;
    // What is remembered of a number has a digit in it; a name would be looked for in all numbers for nothing.
    if count < ENOUGH && wanted.contains(|letter: char| letter.is_ascii_digit()) {
        in_range(db, atom, ("", &behind("")), VOCABULARY_MAX, &mut |patient, key| {
            if key.contains(wanted) {
                found(patient, IDENTIFIER_PART);
            }
        })?;
    }
    Ok(())
}

/// Goes through the different keys at an atom in a range, until there are too many.
fn each_key(
    db: &Connection,
    atom: i64,
    (from, before): (&str, &str),
    visit: &mut dyn FnMut(&str) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut next =
        db.prepare_cached("SELECT key FROM found_text WHERE atom = ?1 AND key > ?2 AND key < ?3 ORDER BY key LIMIT 1")?;
    let mut at = from.to_owned();
    for _ in 0..VOCABULARY_MAX {
        let key: Option<String> = next.query_row(params![atom, at, before], |row| row.get(0)).optional()?;
        let Some(key) = key else { break };
        visit(&key)?;
        at = key;
    }
    Ok(())
}

/// The patients of one key.
fn bearers(db: &Connection, atom: i64, key: &str, found: &mut dyn FnMut(i64)) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached("SELECT resource FROM found_text WHERE atom = ?1 AND key = ?2 LIMIT ?3")?;
    let mut rows = statement.query(params![atom, key, FOUND_MAX])?;
    while let Some(row) = rows.next()? {
        found(row.get(0)?);
    }
    Ok(())
}

/// Names in use that contain a word.
fn inside(db: &Connection, words: &[NameWord], found: &mut Found) -> Result<(), StoreError> {
    for atom in name_atoms()? {
        each_key(db, atom, (&BEYOND_SOUND.to_string(), &behind("")), &mut |key| {
            for (at, _) in words.iter().enumerate().filter(|(_, word)| key.contains(&word.key)) {
                bearers(db, atom, key, &mut |patient| found.note(patient, at, INSIDE))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Compares the words that nobody fits together with every name in use.
fn misspelt(db: &Connection, words: &[NameWord], found: &mut Found) -> Result<(), StoreError> {
    for atom in name_atoms()? {
        each_key(db, atom, (&SOUND.to_string(), &BEYOND_SOUND.to_string()), &mut |key| {
            for (at, word) in words.iter().enumerate() {
                let worth = worth_by_sound(word, key);
                if worth > 0 {
                    bearers(db, atom, key, &mut |patient| found.note(patient, at, worth))?;
                }
            }
            Ok(())
        })?;
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
            ("خط", &["b"]),
            ("fat", &["c"]),
            ("najj", &["c"]),
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
