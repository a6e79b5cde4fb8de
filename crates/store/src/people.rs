//! The projections that only patients have: under which names and numbers they are found, and who was taken for whom.

use crate::error::StoreError;
use crate::project::stored_hlc;
use rusqlite::{CachedStatement, Transaction, params};
pub(crate) use sanad_record::identifier::identifier_key;
use sanad_record::identifier::identifiers;
use sanad_record::key::ResourceKey;
use sanad_record::link::{replaced_by, survivors};
use sanad_record::names::{NamePart, search_terms};
use serde_json::Value;
use std::collections::BTreeMap;

/// Most search terms kept of one patient. A resource with more names than this is not a person's.
const TERMS_MAX: usize = 64;
/// Longest identifier that is searched for, in bytes.
const IDENTIFIER_BYTES_MAX: usize = 64;

/// Something a patient is found by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// Which part of a name, or [`PART_IDENTIFIER`].
    pub(crate) part: i64,
    /// The normalised text.
    pub(crate) key: String,
    /// What is left of it in Latin consonants; empty where that means nothing.
    pub(crate) skeleton: String,
}

/// The part number of ids and identifiers.
pub(crate) const PART_IDENTIFIER: i64 = 100;

/// Writes patients within one transaction.
pub(crate) struct People<'t> {
    tx: &'t Transaction<'t>,
    /// True once a link between patients appeared or went, or a patient that others are replaced by.
    links_changed: bool,
}

impl<'t> People<'t> {
    pub(crate) fn new(tx: &'t Transaction<'t>) -> Self {
        People { tx, links_changed: false }
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'t>, StoreError> {
        Ok(self.tx.prepare_cached(sql)?)
    }

    /// Notes what a resource says now: `None` if it is deleted, `Some(None)` if its bytes are not JSON.
    pub(crate) fn changed(
        &mut self,
        n: i64,
        key: &ResourceKey,
        now: Option<Option<&Value>>,
        updated: u64,
    ) -> Result<(), StoreError> {
        if key.resource_type != "Patient" {
            return Ok(());
        }
        let (terms, replaced) = match now {
            Some(Some(value)) => (terms_of(&key.id, value), replaced_by(value)),
            Some(None) => (terms_of(&key.id, &Value::Null), Vec::new()),
            None => (Vec::new(), Vec::new()),
        };
        if now.is_some() {
            let added = self
                .statement("UPDATE patient SET updated = ?2 WHERE n = ?1")?
                .execute(params![n, stored_hlc(updated)])?
                == 0;
            if added {
                self.statement("INSERT INTO patient (n, id, updated) VALUES (?1, ?2, ?3)")?.execute(params![
                    n,
                    key.id,
                    stored_hlc(updated)
                ])?;
            }
            self.links_changed |= added && self.is_named(&key.id)?;
        } else {
            let gone = self.statement("DELETE FROM patient WHERE n = ?1")?.execute([n])? == 1;
            self.links_changed |= gone && self.is_named(&key.id)?;
        }
        self.replaced(&key.id, &replaced)?;
        self.terms(n, &terms)
    }

    /// True if another patient is replaced by this one.
    fn is_named(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.statement("SELECT 1 FROM replaced WHERE by = ?1")?.exists([id])?)
    }

    fn replaced(&mut self, id: &str, by: &[String]) -> Result<(), StoreError> {
        let mut statement = self.statement("SELECT by FROM replaced WHERE patient = ?1 ORDER BY by")?;
        let before: Vec<String> = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if before == by {
            return Ok(());
        }
        self.links_changed = true;
        self.statement("DELETE FROM replaced WHERE patient = ?1")?.execute([id])?;
        for other in by {
            self.statement("INSERT INTO replaced (patient, by) VALUES (?1, ?2)")?.execute(params![id, other])?;
        }
        Ok(())
    }

    fn terms_before(&self, n: i64) -> Result<Vec<Term>, StoreError> {
        let mut statement = self.statement("SELECT part, key, skeleton FROM term WHERE patient = ?1 ORDER BY at")?;
        let rows =
            statement.query_map([n], |row| Ok(Term { part: row.get(0)?, key: row.get(1)?, skeleton: row.get(2)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn terms(&self, n: i64, terms: &[Term]) -> Result<(), StoreError> {
        let before = self.terms_before(n)?;
        if before == terms {
            return Ok(());
        }
        if !before.is_empty() {
            self.statement("DELETE FROM term WHERE patient = ?1")?.execute([n])?;
            self.statement("DELETE FROM term_text WHERE rowid = ?1")?.execute([n])?;
        }
        for (at, term) in terms.iter().enumerate() {
            self.statement("INSERT INTO term (patient, at, part, key, skeleton) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![n, at as i64, term.part, term.key, term.skeleton])?;
        }
        if !terms.is_empty() {
            let keys: Vec<&str> = terms.iter().map(|term| &*term.key).collect();
            self.statement("INSERT INTO term_text (rowid, keys) VALUES (?1, ?2)")?
                .execute(params![n, keys.join(" ")])?;
        }
        Ok(())
    }

    /// Works out anew who survives in whose place, if any link changed.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        if !self.links_changed {
            return Ok(());
        }
        // A link to a patient that is not here hides nobody: the one at hand stays in the list.
        let mut statement = self.statement(
            "SELECT replaced.patient, replaced.by FROM replaced JOIN patient ON patient.id = replaced.by ORDER BY 1, 2",
        )?;
        let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            links.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        let survivors = survivors(&links);
        let mut statement = self.statement("SELECT id FROM patient WHERE survivor IS NOT NULL")?;
        let merged: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut set = self.statement("UPDATE patient SET survivor = ?2 WHERE id = ?1 AND survivor IS NOT ?2")?;
        for id in merged.iter().filter(|id| survivors.get(*id).is_none_or(|survivor| survivor == *id)) {
            set.execute(params![id, None::<String>])?;
        }
        for (id, survivor) in survivors.iter().filter(|(id, survivor)| id != survivor) {
            set.execute(params![id, survivor])?;
        }
        Ok(())
    }
}

/// What a patient is found by: each word of the names once, the id, the identifiers.
fn terms_of(id: &str, patient: &Value) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut add = |term: Term| {
        let known = terms.iter().any(|other| other.key == term.key && other.skeleton == term.skeleton);
        if !term.key.is_empty() && !known && terms.len() < TERMS_MAX {
            terms.push(term);
        }
    };
    for name in search_terms(patient) {
        let part = part_number(name.part);
        for (key, skeleton) in name.key.split(' ').zip(name.skeleton.split(' ')) {
            add(Term { part, key: key.to_owned(), skeleton: skeleton.to_owned() });
        }
    }
    for text in std::iter::once(id).chain(identifiers(patient)).filter(|text| text.len() <= IDENTIFIER_BYTES_MAX) {
        add(Term { part: PART_IDENTIFIER, key: identifier_key(text), skeleton: String::new() });
    }
    terms
}

fn part_number(part: NamePart) -> i64 {
    match part {
        NamePart::Given => 0,
        NamePart::Family => 1,
        NamePart::Text => 2,
        NamePart::Kunya => 3,
    }
}
