//! Searches of FHIR: from a query to a page of resources.
//!
//! Names, codes and references are sorted lists in the index, and a search for nothing else goes through them only as far as
//! its page (`stream`). Any other condition is first a **set** of resource numbers (`sets`); sets are intersected, the
//! smallest first. Where the index knows less than the question, or few candidates are left, the condition is asked of
//! the resource's own bytes instead. Pages are cut by the last resource shown, so what is saved meanwhile shifts none of
//! them (`order`).
//!
//! Promise: what is found is what [`Criterion::matches`](sanad_record::search::Criterion::matches) says of each resource,
//! and no search, however it is put, takes more than [`STEPS_MAX`] steps.

mod history;
mod include;
mod order;
mod sets;
mod stream;
#[cfg(test)]
mod tests;

use crate::error::StoreError;
use crate::patients::ABOUT_PATIENT;
use crate::project::type_name;
use crate::resources::{Resource, resource_numbered};
pub(crate) use history::history;
pub use history::{HistoryPage, HistoryRow, HistoryWanted};
use order::{Cursor, Walk};
use roaring::RoaringBitmap;
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_record::json;
use sanad_record::search::{Filter, Query, Seen, Sight, SortKey, Summary, Total, table_of};
use std::cell::Cell;
use std::collections::BTreeMap;
use stream::Stream;

/// Rows of the index that one search may read; a resource counts as sixteen. A million resources are gone through
/// about ten times, in a few seconds.
pub const STEPS_MAX: u64 = 12_000_000;
/// What reading one resource counts.
const LOAD_STEPS: u64 = 16;
/// With so few candidates, the other conditions are asked of their bytes, which are needed anyway.
const CHECKED_MAX: u64 = 200;

/// A page of a search. No `Debug`: it holds patient text.
pub struct Found {
    /// What was searched for, in order.
    pub matches: Vec<Resource>,
    /// What comes along.
    pub included: Vec<Resource>,
    /// False if more would have come along than one page takes.
    pub all_included: bool,
    /// How many there are on all pages, where that was asked for or is known anyway.
    pub total: Option<u64>,
    /// Where the next page begins; `None` on the last.
    pub after: Option<String>,
}

/// A resource and its number here.
type Numbered = (u32, Resource);

/// A search under way, in one read transaction.
pub(crate) struct Finder<'c> {
    db: &'c Connection,
    steps: Cell<u64>,
    /// What may be looked at; everything if nothing is said.
    sight: Option<&'c Sight>,
}

/// What meets some conditions: a set, less what the rest of them takes out when the bytes are looked at.
struct Selection<'q> {
    /// `None` for all of the type.
    set: Option<RoaringBitmap>,
    rest: Vec<&'q Filter>,
}

/// Carries a search through.
pub(crate) fn find(db: &Connection, query: &Query, passes: Option<Passes<'_>>) -> Result<Found, StoreError> {
    let finder = Finder { db, steps: Cell::new(0), sight: query.sight.as_ref() };
    let cursor = query.after.as_deref().map(|after| Cursor::read(after).ok_or(StoreError::BadCursor)).transpose()?;
    let found = match finder.stream(query)? {
        Some(stream) => finder.find_in_stream(query, stream, cursor, passes),
        None => finder.find_in_sets(query, cursor, passes),
    }?;
    let (included, all_included) = finder.included(query, &found.matches)?;
    let matches = found.matches.into_iter().map(|(_, resource)| resource).collect();
    Ok(Found { matches, included, all_included, total: found.total, after: found.after })
}

/// What a resource has to pass beside the search itself.
pub(crate) type Passes<'p> = &'p dyn Fn(&Resource) -> bool;

/// What is asked of each resource that is read.
struct Asked<'a> {
    rest: &'a [&'a Filter],
    passes: Option<Passes<'a>>,
}

/// What a search is for, without what comes along.
struct Matches {
    matches: Vec<Numbered>,
    total: Option<u64>,
    after: Option<String>,
}

impl Finder<'_> {
    fn find_in_stream(
        &self,
        query: &Query,
        stream: Stream,
        cursor: Option<Cursor>,
        passes: Option<Passes<'_>>,
    ) -> Result<Matches, StoreError> {
        let is_first = cursor.is_none();
        let asked = Asked { rest: &[], passes };
        let (matches, after) = self.page(query, &asked, Walk::of_stream(stream, cursor)?, BTreeMap::new())?;
        let is_all = is_first && after.is_none() && passes.is_none();
        let total = is_all.then_some(matches.len() as u64);
        Ok(Matches { matches, total, after })
    }

    fn find_in_sets(
        &self,
        query: &Query,
        cursor: Option<Cursor>,
        passes: Option<Passes<'_>>,
    ) -> Result<Matches, StoreError> {
        let mut selection = self.select_all(query)?;
        if let Some(patient) = &query.within {
            let mut own = self.records_of(patient)?;
            for other in &query.within_also {
                own |= self.records_of(other)?;
            }
            self.keep_within(query.resource_type, own, &mut selection)?;
        }
        if query.summary == Summary::Count || query.count == 0 {
            return Ok(Matches { matches: vec![], total: Some(self.count(query, &selection)?), after: None });
        }
        let mut known = BTreeMap::new();
        let walk = self.walk(query, &selection, cursor, &mut known)?;
        let (matches, after) = self.page(query, &Asked { rest: &selection.rest, passes }, walk, known)?;
        let total = match (&selection.set, query.total) {
            // How many pass is known only of those that were looked at.
            _ if passes.is_some() => None,
            (Some(set), _) if selection.rest.is_empty() => Some(set.len()),
            (_, Total::Accurate) => Some(self.count(query, &selection)?),
            _ => None,
        };
        Ok(Matches { matches, total, after })
    }
}

impl Finder<'_> {
    /// Counts what was read; too much of it ends the search.
    fn step(&self, steps: u64) -> Result<(), StoreError> {
        self.steps.set(self.steps.get() + steps);
        if self.steps.get() > STEPS_MAX { Err(StoreError::TooCostly) } else { Ok(()) }
    }

    /// The numbers in the first column of the rows that a statement gives.
    fn numbers(&self, sql: &str, values: impl rusqlite::Params) -> Result<RoaringBitmap, StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut set = RoaringBitmap::new();
        while let Some(row) = rows.next()? {
            self.step(1)?;
            set.insert(number(row.get(0)?)?);
        }
        Ok(set)
    }

    /// A resource by its number; `None` if it is deleted.
    fn load(&self, n: u32) -> Result<Option<Resource>, StoreError> {
        self.step(LOAD_STEPS)?;
        Ok(resource_numbered(self.db, i64::from(n))?.filter(|resource| resource.raw.is_some()))
    }

    /// Everything that a query asks for, of whatever type.
    fn select_all<'q>(&self, query: &'q Query) -> Result<Selection<'q>, StoreError> {
        match query.resource_type {
            Some(resource_type) => self.select(resource_type, &query.filters),
            None if query.filters.is_empty() => Ok(Selection { set: None, rest: vec![] }),
            // Of all types: each by itself, with what is left to check done at once.
            None => {
                let mut all = RoaringBitmap::new();
                for resource_type in self.types()? {
                    let selection = self.select(resource_type, &query.filters)?;
                    all |= self.settled(resource_type, selection)?;
                }
                Ok(Selection { set: Some(all), rest: vec![] })
            }
        }
    }

    /// Everything about a patient, what is deleted included.
    fn records_of(&self, patient: &str) -> Result<RoaringBitmap, StoreError> {
        self.numbers(ABOUT_PATIENT, [patient])
    }

    /// What of a set of one type conditions may look at.
    fn seen(&self, resource_type: &str, set: RoaringBitmap) -> Result<RoaringBitmap, StoreError> {
        let Some(sight) = self.sight else { return Ok(set) };
        let own = match sight.searched.get(resource_type) {
            None => return Ok(RoaringBitmap::new()),
            Some(Seen::All) => return Ok(set),
            Some(Seen::Chart(patient)) => self.records_of(patient)?,
        };
        let mut about_nobody = self.db.prepare_cached("SELECT 1 FROM resource WHERE n = ?1 AND patients = ''")?;
        let mut seen = &set & &own;
        for n in set - own {
            self.step(1)?;
            if about_nobody.exists([n])? {
                seen.insert(n);
            }
        }
        Ok(seen)
    }

    /// Keeps of a selection what is of these.
    fn keep_within(
        &self,
        resource_type: Option<&str>,
        own: RoaringBitmap,
        selection: &mut Selection<'_>,
    ) -> Result<(), StoreError> {
        let of_type = resource_type.map(crate::project::type_number).transpose()?;
        let narrowed = match selection.set.take() {
            Some(set) => set & own,
            // Few, so each is looked at.
            None => {
                let mut alive = RoaringBitmap::new();
                let mut statement = self.db.prepare_cached(
                    "SELECT 1 FROM resource WHERE n = ?1 AND type = coalesce(?2, type) AND deleted = 0",
                )?;
                for n in &own {
                    self.step(1)?;
                    if statement.exists(params![n, of_type])? {
                        alive.insert(n);
                    }
                }
                alive
            }
        };
        selection.set = Some(narrowed);
        Ok(())
    }

    /// The types of which there are resources.
    fn types(&self) -> Result<Vec<&'static str>, StoreError> {
        let mut next = self.db.prepare_cached("SELECT type FROM resource WHERE type > ?1 ORDER BY type LIMIT 1")?;
        let (mut at, mut types) = (-1i64, Vec::new());
        while let Some(found) = next.query_row([at], |row| row.get(0)).optional()? {
            types.push(type_name(found)?);
            at = found;
        }
        Ok(types)
    }

    /// What of a type meets all conditions.
    fn select<'q>(&self, resource_type: &'static str, filters: &'q [Filter]) -> Result<Selection<'q>, StoreError> {
        let mut ordered: Vec<(u64, &Filter)> = Vec::with_capacity(filters.len());
        for filter in filters {
            // Alone, a condition need not be compared with others.
            let about = if filters.len() > 1 { self.about(resource_type, filter)? } else { 0 };
            ordered.push((about, filter));
        }
        ordered.sort_by_key(|(about, _)| *about);
        let (mut set, mut rest) = (None::<RoaringBitmap>, Vec::new());
        for (_, filter) in ordered {
            let is_small = set.as_ref().is_some_and(|set| set.len() <= CHECKED_MAX);
            if is_small && matches!(filter, Filter::Here(_)) {
                rest.push(filter);
                continue;
            }
            let found = self.set_of(resource_type, filter)?;
            if !found.is_exact {
                rest.push(filter);
            }
            set = Some(match set {
                Some(set) => set & found.set,
                None => found.set,
            });
        }
        Ok(Selection { set, rest })
    }

    /// A selection with nothing left to check.
    fn settled(&self, resource_type: &'static str, selection: Selection<'_>) -> Result<RoaringBitmap, StoreError> {
        let all = match selection.set {
            Some(set) => set,
            None => self.all_of(resource_type)?,
        };
        if selection.rest.is_empty() {
            return Ok(all);
        }
        let mut left = RoaringBitmap::new();
        for n in &all {
            if let Some(resource) = self.load(n)?
                && meets(&resource, &selection.rest)
            {
                left.insert(n);
            }
        }
        Ok(left)
    }

    /// All resources of a type that are not deleted.
    fn all_of(&self, resource_type: &str) -> Result<RoaringBitmap, StoreError> {
        let number = crate::project::type_number(resource_type)?;
        self.numbers("SELECT n FROM resource WHERE type = ?1 AND deleted = 0", [number])
    }

    fn count(&self, query: &Query, selection: &Selection<'_>) -> Result<u64, StoreError> {
        match (&selection.set, query.resource_type) {
            (Some(set), _) if selection.rest.is_empty() => Ok(set.len()),
            (_, Some(resource_type)) => {
                let selection = Selection { set: selection.set.clone(), rest: selection.rest.clone() };
                Ok(self.settled(resource_type, selection)?.len())
            }
            (_, None) => {
                let mut statement = self.db.prepare_cached("SELECT count(*) FROM resource WHERE deleted = 0")?;
                Ok(statement.query_row([], |row| row.get::<_, i64>(0))? as u64)
            }
        }
    }

    /// The resources of one page that meet what is left to ask, and where the next begins. `known` are those already read.
    fn page(
        &self,
        query: &Query,
        asked: &Asked<'_>,
        mut walk: Walk,
        mut known: BTreeMap<u32, Resource>,
    ) -> Result<(Vec<Numbered>, Option<String>), StoreError> {
        let count = query.count as usize;
        let mut page: Vec<Numbered> = Vec::new();
        while let Some((n, cursor)) = walk.next(self)? {
            let resource = match known.remove(&n) {
                Some(resource) => resource,
                None => match self.load(n)? {
                    Some(resource) => resource,
                    None => continue,
                },
            };
            if !meets(&resource, asked.rest) || asked.passes.is_some_and(|passes| !passes(&resource)) {
                continue;
            }
            if page.len() == count {
                // There is one more than this page takes.
                return Ok((page, walk.shown_last()));
            }
            page.push((n, resource));
            walk.note_shown(cursor);
        }
        Ok((page, None))
    }

    /// The number of a resource that is not deleted.
    fn number_of(&self, resource_type: &str, id: &str) -> Result<Option<u32>, StoreError> {
        self.step(1)?;
        let mut statement =
            self.db.prepare_cached("SELECT n FROM resource WHERE type = ?1 AND id = ?2 AND deleted = 0")?;
        let found: Option<i64> = statement
            .query_row(params![crate::project::type_number(resource_type)?, id], |row| row.get(0))
            .optional()?;
        found.map(number).transpose()
    }
}

/// A resource's number in a set.
fn number(n: i64) -> Result<u32, StoreError> {
    u32::try_from(n).map_err(|_| StoreError::TooLarge("number of resources"))
}

/// Whether a resource meets conditions on itself.
fn meets(resource: &Resource, filters: &[&Filter]) -> bool {
    if filters.is_empty() {
        return true;
    }
    let Some(table) = table_of(&resource.key.resource_type) else { return false };
    let Some(Ok(node)) = resource.raw.as_deref().map(json::parse) else { return false };
    filters.iter().all(|filter| match filter {
        Filter::Here(criterion) => criterion.matches(table, &node, resource.about()),
        // Conditions on others are exact as sets, and never left to be checked.
        Filter::Chain(..) | Filter::Has(..) => true,
    })
}

/// True if an order is the one in which resources stand anyway.
fn is_unsorted(sort: &[SortKey]) -> bool {
    sort.is_empty()
}
