//! The order of what was found, and where a page begins in it.

use super::stream::Stream;
use super::{Finder, Selection, is_unsorted};
use crate::error::StoreError;
use crate::index::atom_number;
use crate::project::type_number;
use crate::resources::Resource;
use roaring::RoaringBitmap;
use rusqlite::params;
use sanad_record::identifier::identifier_key;
use sanad_record::json::{self, Node};
use sanad_record::names;
use sanad_record::search::{On, Param, ParamKind, Query, Reference, SortKey, Value, table_of, values_of_param};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::vec::IntoIter;

/// So many are put in order by their own bytes; of more, the index says the order, where it knows one.
const BY_BYTES_MAX: u64 = 2_000;
/// The same where the index knows none: a search that finds more has to be narrowed.
const BY_BYTES_AT_MOST: u64 = 50_000;
/// Resources read at once where all of a type are gone through.
const CHUNK: u32 = 64;

/// Where a page begins: after this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cursor {
    /// In the order of numbers.
    Number(u32),
    /// In the order of ids.
    Id(String),
    /// In an order of its own: the number, and the place it had, should it be gone.
    Sorted(u32, usize),
}

impl Cursor {
    pub(super) fn read(text: &str) -> Option<Cursor> {
        let (kind, rest) = text.split_at_checked(1)?;
        match kind {
            "n" => Some(Cursor::Number(rest.parse().ok()?)),
            "i" => sanad_record::key::is_legal_id(rest).then(|| Cursor::Id(rest.to_owned())),
            "s" => {
                let (n, at) = rest.split_once('.')?;
                Some(Cursor::Sorted(n.parse().ok()?, at.parse().ok()?))
            }
            _ => None,
        }
    }

    fn write(&self) -> String {
        match self {
            Cursor::Number(n) => format!("n{n}"),
            Cursor::Id(id) => format!("i{id}"),
            Cursor::Sorted(n, at) => format!("s{n}.{at}"),
        }
    }
}

/// Goes through what was found, from where the page begins.
pub(super) struct Walk {
    kind: Kind,
    shown: Option<Cursor>,
}

enum Kind {
    /// By number.
    Numbers(IntoIter<u32>),
    /// By number, as they are found; the least that may come.
    Stream(Stream, Option<u32>),
    /// As sorted; the place of the next one.
    Sorted(IntoIter<u32>, usize),
    /// All of a type, by id: some that were read, and where to read on.
    Ids { resource_type: i64, read: IntoIter<(u32, String)>, after: String, ended: bool },
    /// All of all types, by number.
    All { read: IntoIter<u32>, after: i64, ended: bool },
}

impl Walk {
    fn new(kind: Kind) -> Walk {
        Walk { kind, shown: None }
    }

    /// What lists have in common, from where a page begins.
    pub(super) fn of_stream(stream: Stream, cursor: Option<Cursor>) -> Result<Walk, StoreError> {
        Ok(Walk::new(Kind::Stream(stream, Some(first_number(cursor)?))))
    }

    /// The next one, and the cursor behind it.
    pub(super) fn next(&mut self, finder: &Finder<'_>) -> Result<Option<(u32, Cursor)>, StoreError> {
        loop {
            match &mut self.kind {
                Kind::Numbers(rest) => return Ok(rest.next().map(|n| (n, Cursor::Number(n)))),
                Kind::Stream(stream, from) => {
                    let Some(least) = *from else { return Ok(None) };
                    let found = stream.next(finder, least)?;
                    *from = found.and_then(|n| n.checked_add(1));
                    return Ok(found.map(|n| (n, Cursor::Number(n))));
                }
                Kind::Sorted(rest, at) => {
                    *at += 1;
                    let at = *at;
                    return Ok(rest.next().map(|n| (n, Cursor::Sorted(n, at))));
                }
                Kind::Ids { resource_type, read, after, ended } => {
                    if let Some((n, id)) = read.next() {
                        return Ok(Some((n, Cursor::Id(id))));
                    }
                    if *ended {
                        return Ok(None);
                    }
                    let chunk = finder.ids_after(*resource_type, after)?;
                    *ended = chunk.len() < CHUNK as usize;
                    if let Some((_, id)) = chunk.last() {
                        after.clone_from(id);
                    }
                    *read = chunk.into_iter();
                }
                Kind::All { read, after, ended } => {
                    if let Some(n) = read.next() {
                        return Ok(Some((n, Cursor::Number(n))));
                    }
                    if *ended {
                        return Ok(None);
                    }
                    let sql = "SELECT n FROM resource WHERE n > ?1 AND deleted = 0 ORDER BY n LIMIT ?2";
                    let chunk: Vec<u32> = finder.numbers(sql, params![*after, CHUNK])?.into_iter().collect();
                    *ended = chunk.len() < CHUNK as usize;
                    *after = chunk.last().map_or(*after, |last| i64::from(*last));
                    *read = chunk.into_iter();
                }
            }
        }
    }

    pub(super) fn note_shown(&mut self, cursor: Cursor) {
        self.shown = Some(cursor);
    }

    /// The cursor behind the last one shown.
    pub(super) fn shown_last(&self) -> Option<String> {
        self.shown.as_ref().map(Cursor::write)
    }
}

impl Finder<'_> {
    /// What was found, from where a page begins. Resources that were read to put them in order stand in `known`.
    pub(super) fn walk(
        &self,
        query: &Query,
        selection: &Selection<'_>,
        cursor: Option<Cursor>,
        known: &mut BTreeMap<u32, Resource>,
    ) -> Result<Walk, StoreError> {
        if !is_unsorted(&query.sort) {
            let sorted = self.sorted(query, selection, known)?;
            let from = match cursor {
                None => 0,
                Some(Cursor::Sorted(n, at)) => {
                    sorted.iter().position(|other| *other == n).map_or(at, |place| place + 1)
                }
                Some(_) => return Err(StoreError::BadCursor),
            };
            let rest: Vec<u32> = sorted.get(from..).map_or_else(Vec::new, <[u32]>::to_vec);
            return Ok(Walk::new(Kind::Sorted(rest.into_iter(), from)));
        }
        match (&selection.set, query.resource_type) {
            (Some(set), _) => {
                let rest: Vec<u32> = set.range(first_number(cursor)?..).collect();
                Ok(Walk::new(Kind::Numbers(rest.into_iter())))
            }
            (None, Some(resource_type)) => {
                let after = match cursor {
                    None => String::new(),
                    Some(Cursor::Id(id)) => id,
                    Some(_) => return Err(StoreError::BadCursor),
                };
                let resource_type = type_number(resource_type)?;
                Ok(Walk::new(Kind::Ids { resource_type, read: Vec::new().into_iter(), after, ended: false }))
            }
            (None, None) => {
                let after = match cursor {
                    None => -1,
                    Some(Cursor::Number(n)) => i64::from(n),
                    Some(_) => return Err(StoreError::BadCursor),
                };
                Ok(Walk::new(Kind::All { read: Vec::new().into_iter(), after, ended: false }))
            }
        }
    }

    fn ids_after(&self, resource_type: i64, after: &str) -> Result<Vec<(u32, String)>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT n, id FROM resource WHERE type = ?1 AND id > ?2 AND deleted = 0 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![resource_type, after, CHUNK])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            self.step(1)?;
            found.push((super::number(row.get(0)?)?, row.get(1)?));
        }
        Ok(found)
    }

    /// Everything that was found, in the order that was asked for.
    fn sorted(
        &self,
        query: &Query,
        selection: &Selection<'_>,
        known: &mut BTreeMap<u32, Resource>,
    ) -> Result<Vec<u32>, StoreError> {
        let count = selection.set.as_ref().map_or(u64::MAX, RoaringBitmap::len);
        if count > BY_BYTES_MAX
            && let ([key], Some(resource_type)) = (&query.sort[..], query.resource_type)
            && let Some(sorted) = self.sorted_by_index(resource_type, *key, selection.set.as_ref())?
        {
            return Ok(sorted);
        }
        let all = match (&selection.set, query.resource_type) {
            (Some(set), _) => set.clone(),
            (None, Some(resource_type)) => self.all_of(resource_type)?,
            (None, None) => self.numbers("SELECT n FROM resource WHERE deleted = 0", [])?,
        };
        if all.len() > BY_BYTES_AT_MOST {
            return Err(StoreError::TooCostly);
        }
        let mut keyed = Vec::new();
        for n in &all {
            let Some(resource) = self.load(n)? else { continue };
            keyed.push((keys_of(&resource, &query.sort), n));
            if all.len() <= BY_BYTES_MAX {
                known.insert(n, resource);
            }
        }
        keyed.sort_by(|(a, m), (b, n)| compare(a, b, &query.sort).then(m.cmp(n)));
        Ok(keyed.into_iter().map(|(_, n)| n).collect())
    }

    /// The same by the index alone; `None` where it knows no order.
    fn sorted_by_index(
        &self,
        resource_type: &'static str,
        key: SortKey,
        set: Option<&RoaringBitmap>,
    ) -> Result<Option<Vec<u32>>, StoreError> {
        let direction = if key.descending { "DESC" } else { "ASC" };
        let (sql, numbers) = match key.on {
            On::LastUpdated => {
                let sql =
                    format!("SELECT n FROM resource WHERE type = ?1 AND deleted = 0 ORDER BY updated {direction}, n");
                (sql, vec![type_number(resource_type)?])
            }
            On::Param(param) if param.uses.len() == 1 => {
                let atom = atom_number(resource_type, param.uses[0].atom)?;
                let sql = match param.kind {
                    // Both widths in one order.
                    ParamKind::Date => {
                        format!("SELECT resource FROM found_date WHERE atom = ?1 ORDER BY start {direction}, resource")
                    }
                    ParamKind::Number | ParamKind::Quantity => {
                        format!("SELECT resource FROM found_number WHERE atom = ?1 ORDER BY low {direction}, resource")
                    }
                    // Keys by their sound stand before all letters.
                    ParamKind::String => format!(
                        "SELECT resource FROM found_text WHERE atom = ?1 AND key >= '\u{2}' ORDER BY key {direction}, resource"
                    ),
                    _ => return Ok(None),
                };
                (sql, vec![atom])
            }
            _ => return Ok(None),
        };
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([numbers[0]])?;
        let (mut sorted, mut seen) = (Vec::new(), RoaringBitmap::new());
        while let Some(row) = rows.next()? {
            self.step(1)?;
            let n = super::number(row.get(0)?)?;
            if set.is_none_or(|set| set.contains(n)) && seen.insert(n) {
                sorted.push(n);
            }
        }
        // What says nothing comes last, whichever way.
        let silent = match set {
            Some(set) => set - &seen,
            None => self.all_of(resource_type)? - &seen,
        };
        sorted.extend(&silent);
        Ok(Some(sorted))
    }
}

/// The least number that a page in the order of numbers may show.
fn first_number(cursor: Option<Cursor>) -> Result<u32, StoreError> {
    match cursor {
        None => Ok(0),
        Some(Cursor::Number(n)) => Ok(n.saturating_add(1)),
        Some(_) => Err(StoreError::BadCursor),
    }
}

/// What a resource is put in order by.
#[derive(PartialEq)]
enum SortValue {
    Number(f64),
    Time(i64),
    Text(String),
}

fn keys_of(resource: &Resource, sort: &[SortKey]) -> Vec<Option<SortValue>> {
    let node = resource.raw.as_deref().and_then(|raw| json::parse(raw).ok());
    let key = |key: &SortKey| match key.on {
        On::Id => Some(SortValue::Text(resource.key.id.clone())),
        On::LastUpdated => Some(SortValue::Time(i64::try_from(resource.updated_ms).unwrap_or(i64::MAX))),
        On::Param(param) => first_of(resource, param, node.as_ref()?, key.descending),
    };
    sort.iter().map(key).collect()
}

/// The least value of a parameter; the largest where the order descends.
fn first_of(resource: &Resource, param: &Param, node: &Node<'_>, descending: bool) -> Option<SortValue> {
    let table = table_of(&resource.key.resource_type)?;
    let values = values_of_param(table, param, node);
    let keys = values.iter().flat_map(|value| match value {
        Value::Token(token) => vec![SortValue::Text(identifier_key(&token.code))],
        Value::Text(text, true) => names::words(text).into_iter().map(|word| SortValue::Text(word.key)).collect(),
        Value::Text(text, false) => vec![SortValue::Text(names::text_key(text))],
        Value::Reference(Reference::Local(kind, id)) => vec![SortValue::Text(format!("{kind}/{id}"))],
        Value::Reference(Reference::Address(address)) => vec![SortValue::Text(address.clone())],
        Value::Reference(Reference::Identifier(_, value)) => vec![SortValue::Text(identifier_key(value))],
        Value::Date(span) => vec![SortValue::Time(span.from_ms)],
        Value::Number(range) => vec![SortValue::Number(range.low)],
        Value::Quantity(quantity) => vec![SortValue::Number(quantity.range.low)],
        Value::Uri(uri) => vec![SortValue::Text(uri.clone())],
    });
    if descending { keys.max_by(order) } else { keys.min_by(order) }
}

fn order(a: &SortValue, b: &SortValue) -> Ordering {
    match (a, b) {
        (SortValue::Number(a), SortValue::Number(b)) => a.total_cmp(b),
        (SortValue::Time(a), SortValue::Time(b)) => a.cmp(b),
        (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
        // One parameter has one kind of values.
        _ => Ordering::Equal,
    }
}

/// By each key in turn; what says nothing comes last.
fn compare(a: &[Option<SortValue>], b: &[Option<SortValue>], sort: &[SortKey]) -> Ordering {
    let each = a.iter().zip(b).zip(sort).map(|((a, b), key)| match (a, b) {
        (Some(a), Some(b)) if key.descending => order(b, a),
        (Some(a), Some(b)) => order(a, b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
    each.fold(Ordering::Equal, Ordering::then)
}
