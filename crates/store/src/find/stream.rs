//! Conditions as sorted lists, gone through only as far as a page needs.
//!
//! A name, a code or a reference stands in the index with its resources in order. Where every condition of a search is of
//! that kind, what meets all of them is found by seeking forward in each list in turn (a leapfrog join), so a page costs
//! what is on it and not how many there are: the same for a name that twenty people bear and one that twenty thousand do.

use super::{Finder, number};
use crate::error::StoreError;
use crate::index::{BEYOND_SOUND, SOUND, atom_number, cut, hash, of_sound_key, short, target_hash};
use rusqlite::types::Value as SqlValue;
use rusqlite::{OptionalExtension as _, params, params_from_iter};
use sanad_record::identifier::identifier_key;
use sanad_record::names;
use sanad_record::search::{
    Atom, Criterion, Filter, Modifier, On, Param, ParamKind, Query, Reference, Summary, Total, Wanted, finds_tags,
    table_of,
};
use std::collections::BTreeSet;

/// Most lists of one condition: a word that begins more names than this is left to the sets.
const LISTS_MAX: usize = 32;
/// Rows read of a list at first, and at most at once.
const ROWS_FIRST: usize = 16;
const ROWS_MAX: usize = 512;

/// One key of the index and the resources under it, in order.
struct List {
    sql: &'static str,
    key: Vec<SqlValue>,
    /// Read and not yet passed.
    read: std::vec::IntoIter<u32>,
    rows: usize,
    /// Nothing stands before this that was not read; `None` at the end.
    from: Option<u32>,
}

impl List {
    fn new(sql: &'static str, key: Vec<SqlValue>) -> List {
        List { sql, key, read: Vec::new().into_iter(), rows: ROWS_FIRST, from: Some(0) }
    }

    /// The first number that is not less than this.
    fn seek(&mut self, finder: &Finder<'_>, least: u32) -> Result<Option<u32>, StoreError> {
        loop {
            while let Some(first) = self.read.as_slice().first() {
                if *first >= least {
                    return Ok(Some(*first));
                }
                self.read.next();
            }
            let Some(from) = self.from else { return Ok(None) };
            let from = from.max(least);
            let mut statement = finder.db.prepare_cached(self.sql)?;
            let end = [SqlValue::Integer(i64::from(from)), SqlValue::Integer(self.rows as i64)];
            let mut rows = statement.query(params_from_iter(self.key.iter().chain(&end)))?;
            let mut read = Vec::with_capacity(self.rows);
            while let Some(row) = rows.next()? {
                finder.step(1)?;
                read.push(number(row.get(0)?)?);
            }
            let ended = read.len() < self.rows;
            self.from = read.last().filter(|_| !ended).map(|last| last.saturating_add(1));
            self.read = read.into_iter();
            self.rows = (self.rows * 2).min(ROWS_MAX);
        }
    }
}

/// The lists of the conditions: of each condition, one of them is enough.
pub(super) struct Stream {
    conditions: Vec<Vec<List>>,
}

impl Stream {
    /// The first number from this one on that every condition has.
    pub(super) fn next(&mut self, finder: &Finder<'_>, from: u32) -> Result<Option<u32>, StoreError> {
        let mut at = from;
        'again: loop {
            for lists in &mut self.conditions {
                let mut first = None::<u32>;
                for list in lists.iter_mut() {
                    let found = list.seek(finder, at)?;
                    first = first.into_iter().chain(found).min();
                }
                match first {
                    None => return Ok(None),
                    Some(found) if found > at => {
                        at = found;
                        continue 'again;
                    }
                    Some(_) => {}
                }
            }
            return Ok(Some(at));
        }
    }
}

const BY_TEXT: &str =
    "SELECT resource FROM found_text WHERE atom = ?1 AND key = ?2 AND resource >= ?3 ORDER BY resource LIMIT ?4";
const BY_CODE: &str = "SELECT DISTINCT resource FROM found_token WHERE atom = ?1 AND code = ?2 AND resource >= ?3
     ORDER BY resource LIMIT ?4";
const BY_CODE_OF_SYSTEM: &str = "SELECT resource FROM found_token WHERE atom = ?1 AND code = ?2 AND system = ?3
     AND resource >= ?4 ORDER BY resource LIMIT ?5";
const BY_TARGET: &str = "SELECT resource FROM found_reference WHERE atom = ?1 AND target = ?2 AND resource >= ?3
     ORDER BY resource LIMIT ?4";

impl Finder<'_> {
    /// A search as lists; `None` where sets are the way.
    pub(super) fn stream(&self, query: &Query) -> Result<Option<Stream>, StoreError> {
        let Some(resource_type) = query.resource_type else { return Ok(None) };
        let needs_all = query.total == Total::Accurate || query.summary == Summary::Count || query.count == 0;
        if needs_all || !query.sort.is_empty() || query.within.is_some() || query.filters.is_empty() {
            return Ok(None);
        }
        let mut conditions = Vec::new();
        for filter in &query.filters {
            let Filter::Here(criterion) = filter else { return Ok(None) };
            let On::Param(param) = criterion.on else { return Ok(None) };
            let Some(lists) = self.lists(resource_type, param, criterion)? else { return Ok(None) };
            conditions.extend(lists);
        }
        Ok(Some(Stream { conditions }))
    }

    /// A criterion as conditions that all have to be met.
    fn lists(
        &self,
        resource_type: &'static str,
        param: &Param,
        criterion: &Criterion,
    ) -> Result<Option<Vec<Vec<List>>>, StoreError> {
        let Some(table) = table_of(resource_type) else { return Ok(None) };
        // A composite has no values of its own, and tags are not only those in the bytes.
        if criterion.modifier != Modifier::Plain || param.uses.is_empty() || finds_tags(param) {
            return Ok(None);
        }
        if let ([Wanted::Text(text)], ParamKind::String) = (&criterion.any_of[..], param.kind) {
            let is_name = param.uses.iter().all(|used| table.atoms[used.atom].is_of_a_name());
            return if is_name { self.lists_of_words(resource_type, param, text) } else { Ok(None) };
        }
        let mut lists = Vec::new();
        for used in &param.uses {
            let atom = atom_number(resource_type, used.atom)?;
            for wanted in &criterion.any_of {
                let found = match wanted {
                    Wanted::Token(system, Some(code)) => {
                        Some(vec![list_of_code(atom, &table.atoms[used.atom], system.as_deref(), code)])
                    }
                    Wanted::Reference(references) => lists_of_references(atom, used.only, references),
                    _ => None,
                };
                let Some(found) = found else { return Ok(None) };
                lists.extend(found);
            }
        }
        Ok((lists.len() <= LISTS_MAX).then(|| vec![lists]))
    }

    /// One condition for each word of a name.
    fn lists_of_words(
        &self,
        resource_type: &str,
        param: &Param,
        text: &str,
    ) -> Result<Option<Vec<Vec<List>>>, StoreError> {
        let words = names::words(text);
        let mut conditions = Vec::new();
        for word in &words {
            let key = cut(&word.key);
            if key.len() != word.key.len() {
                return Ok(None);
            }
            let mut lists = Vec::new();
            for used in &param.uses {
                let atom = atom_number(resource_type, used.atom)?;
                let sound = format!("{SOUND}{}", cut(&word.skeleton));
                let sounding = match word.skeleton.is_empty() {
                    true => Some(Vec::new()),
                    false => self.keys_between(atom, &format!("{sound}{SOUND}"), &format!("{sound}{BEYOND_SOUND}"))?,
                };
                let written = self.keys_between(atom, key, &format!("{key}\u{10ffff}"))?;
                let (Some(mut keys), Some(written)) = (sounding, written) else { return Ok(None) };
                // What sounds like the word and is written so stands under both.
                let heard: BTreeSet<String> =
                    keys.iter().filter_map(|key| of_sound_key(key)).map(|(_, key)| key.to_owned()).collect();
                keys.extend(written.into_iter().filter(|key| !heard.contains(key)));
                lists.extend(keys.into_iter().map(|key| List::new(BY_TEXT, vec![atom.into(), key.into()])));
            }
            if lists.len() > LISTS_MAX {
                return Ok(None);
            }
            conditions.push(lists);
        }
        Ok((!conditions.is_empty()).then_some(conditions))
    }

    /// The different keys at an atom in a range; `None` if there are many.
    fn keys_between(&self, atom: i64, from: &str, before: &str) -> Result<Option<Vec<String>>, StoreError> {
        let mut first = self.db.prepare_cached(
            "SELECT key FROM found_text WHERE atom = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT 1",
        )?;
        let mut next = self.db.prepare_cached(
            "SELECT key FROM found_text WHERE atom = ?1 AND key > ?2 AND key < ?3 ORDER BY key LIMIT 1",
        )?;
        let mut found = first.query_row(params![atom, from, before], |row| row.get::<_, String>(0)).optional()?;
        let mut keys = Vec::new();
        while let Some(key) = found {
            self.step(1)?;
            if keys.len() == LISTS_MAX {
                return Ok(None);
            }
            found = next.query_row(params![atom, key, before], |row| row.get(0)).optional()?;
            keys.push(key);
        }
        Ok(Some(keys))
    }
}

fn list_of_code(atom: i64, place: &Atom, system: Option<&str>, code: &str) -> List {
    let code = hash(identifier_key(code).as_bytes());
    // An element that can say no system is found by a search that wants none.
    match system.filter(|system| !(system.is_empty() && place.is_bare())) {
        None => List::new(BY_CODE, vec![atom.into(), code.into()]),
        Some(system) => List::new(BY_CODE_OF_SYSTEM, vec![atom.into(), code.into(), short(system).into()]),
    }
}

/// Lists of references to resources here; `None` for others, of which the resource itself has to be asked.
fn lists_of_references(atom: i64, only: Option<&str>, references: &[Reference]) -> Option<Vec<List>> {
    let list = |reference: &Reference| match reference {
        Reference::Local(kind, _) if only.is_some_and(|only| only != kind) => None,
        reference => Some(List::new(BY_TARGET, vec![atom.into(), target_hash(reference).into()])),
    };
    let is_local = references.iter().all(|reference| matches!(reference, Reference::Local(..)));
    is_local.then(|| references.iter().filter_map(list).collect())
}
