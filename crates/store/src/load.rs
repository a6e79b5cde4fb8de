//! Reading the log back: runs to send, spans to start from, the control lane to fill a directory with.
//!
//! Promise: every entry that leaves here is hashed again first. A damaged one is named and stops no other.

use crate::append::EntryState;
use crate::damage::Lost;
use crate::error::StoreError;
use crate::store::{Store, log_of, logs};
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_log::chain::Span;
use sanad_log::entry::{Entry, HEADER_LEN, Header};
use sanad_log::frontier::Range;
use sanad_log::ids::{EntryId, Lane, LogId, ScopeTag, Seq};
use sanad_log::run::RUN_ENTRIES_MAX;
use sanad_record::version::VersionId;
use std::collections::BTreeSet;

/// The control lane as it stands on the disk.
#[derive(Default)]
pub struct ControlLane {
    /// Its entries, log by log, each in its order.
    pub entries: Vec<Entry>,
    /// Places whose bytes are damaged.
    pub damaged: Vec<(LogId, Seq)>,
}

/// Where an entry stands, and which.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EntryRef {
    /// The log.
    pub log: LogId,
    /// The place in it.
    pub seq: Seq,
    /// The entry.
    pub id: EntryId,
}

impl Store {
    /// Consecutive entries from the start of a range: as many as are held without a gap, at most about `bytes_max` bytes
    /// of bodies but at least one. Empty if the first place is not held.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the first place is damaged; ask again from the one after it. Input/output.
    pub fn load(&mut self, range: Range, bytes_max: usize) -> Result<Vec<Entry>, StoreError> {
        let loaded = shortened(range, |range| load(&self.db, range, bytes_max).map_err(|error| self.recover(error)));
        match loaded {
            // Only a place that the table of places names was ever held; the table itself may be what is damaged.
            Err(StoreError::Damaged { log, seq }) => match has_place(&self.db, log, seq) {
                Ok(true) => {
                    self.note_lost(log, seq);
                    Err(StoreError::Damaged { log, seq })
                }
                Ok(false) => Ok(Vec::new()),
                Err(error) => Err(self.recover(error)),
            },
            loaded => loaded,
        }
    }

    /// What is held: contiguous pieces of every log, in the order of logs and places. A place that cannot be read is not
    /// held; of those within a piece, only what has been met before is known.
    ///
    /// # Errors
    /// [`StoreError::DamagedFile`] if the table of places cannot be read. Input/output.
    pub fn spans(&mut self) -> Result<Vec<Span>, StoreError> {
        loop {
            // Every round names one more place, so this ends.
            match spans(&self.db, &self.lost) {
                Err(StoreError::Damaged { log, seq }) => {
                    self.recover(StoreError::DamagedFile);
                    self.note_lost(log, seq);
                }
                spans => return spans.map_err(|error| self.recover(error)),
            }
        }
    }

    /// The control lane, for filling a directory at the start. Damaged entries are named and left out.
    ///
    /// # Errors
    /// [`StoreError::DamagedFile`] if the table of places cannot be read. Input/output.
    pub fn control_entries(&mut self) -> Result<ControlLane, StoreError> {
        let mut lane = ControlLane::default();
        let spans = spans_of(&self.db, |log| log.lane == Lane::Control).map_err(|error| self.recover(error))?;
        for span in spans {
            let mut next = span.1;
            while next <= span.2 {
                match self.load(Range { log: span.0, from: next, to: span.2 }, usize::MAX) {
                    Ok(entries) if entries.is_empty() => return Err(StoreError::DamagedFile),
                    Ok(entries) => {
                        next += entries.len() as u64;
                        lane.entries.extend(entries);
                    }
                    Err(StoreError::Damaged { log, seq }) => {
                        lane.damaged.push((log, seq));
                        next = seq + 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(lane)
    }

    /// The current heads of a resource: the parents of an edit made with everything in view. Empty if it is not known.
    ///
    /// # Errors
    /// Input/output.
    pub fn heads(&self, key: &sanad_record::key::ResourceKey) -> Result<Vec<VersionId>, StoreError> {
        crate::resources::heads(&self.db, key)
    }

    /// The charts that records of this patient stand in, sorted.
    ///
    /// # Errors
    /// Input/output.
    pub fn scopes_of_patient(&self, id: &str) -> Result<Vec<ScopeTag>, StoreError> {
        crate::resources::scopes_of_patient(&self.db, id)
    }

    /// The entry that carries this idempotency key; if several sites saved under one key, the first by log and place.
    ///
    /// # Errors
    /// Input/output.
    pub fn entry_by_idempotency(&self, key: &[u8; 16]) -> Result<Option<EntryRef>, StoreError> {
        entry_by_idempotency(&self.db, key)
    }

    /// Scopes in which entries are held that are sealed here.
    ///
    /// # Errors
    /// Input/output.
    pub fn sealed_scopes(&mut self) -> Result<BTreeSet<ScopeTag>, StoreError> {
        sealed_scopes(&self.db).map_err(|error| self.recover(error))
    }
}

fn sealed_scopes(db: &Connection) -> Result<BTreeSet<ScopeTag>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT tag FROM scope WHERE n IN (SELECT scope FROM entry WHERE state = ?1)")?;
    let rows = statement.query_map([EntryState::Sealed as u8], |row| row.get(0).map(ScopeTag))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Loads a range, and what is before a damaged place if one is in it.
pub(crate) fn shortened(
    range: Range,
    mut load: impl FnMut(Range) -> Result<Vec<Entry>, StoreError>,
) -> Result<Vec<Entry>, StoreError> {
    match load(range) {
        Err(StoreError::Damaged { seq, .. }) if seq > range.from => load(Range { to: seq - 1, ..range }),
        other => other,
    }
}

/// As [`Store::load`], and an error at the first damaged place wherever it is in the range.
pub(crate) fn load(db: &Connection, range: Range, bytes_max: usize) -> Result<Vec<Entry>, StoreError> {
    assert!(range.from >= 1 && range.from <= range.to, "a range of places");
    let Some(log) = log_number(db, range.log)? else { return Ok(Vec::new()) };
    let mut statement = db.prepare_cached(
        "SELECT seq, header, body FROM entry JOIN blob ON blob.id = entry.blob
         WHERE log = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![log, range.from as i64, range.to as i64])?;
    let (mut entries, mut bytes) = (Vec::new(), 0usize);
    while entries.len() < RUN_ENTRIES_MAX && (entries.is_empty() || bytes < bytes_max) {
        let expected = range.from + entries.len() as u64;
        let damaged = || StoreError::Damaged { log: range.log, seq: expected };
        let row = rows.next().map_err(|error| match StoreError::from(error) {
            StoreError::DamagedFile => damaged(),
            other => other,
        })?;
        let Some(row) = row else { break };
        let (seq, header, body): (i64, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if seq as u64 != expected {
            break;
        }
        let entry = Entry::from_disk(&header, body).map_err(|_| damaged())?;
        if (entry.header().log, entry.header().seq) != (range.log, expected) {
            return Err(damaged());
        }
        bytes += entry.body().len();
        entries.push(entry);
    }
    Ok(entries)
}

/// The number of a log here.
pub(crate) fn log_number(db: &Connection, log: LogId) -> Result<Option<i64>, StoreError> {
    let mut statement = db.prepare_cached("SELECT n FROM log WHERE lane = ?1 AND author = ?2")?;
    Ok(statement.query_row(params![log.lane as u8, log.author.as_bytes()], |row| row.get(0)).optional()?)
}

/// As [`Store::spans`], and an error at the first end of a piece that cannot be read.
pub(crate) fn spans(db: &Connection, lost: &Lost) -> Result<Vec<Span>, StoreError> {
    let mut spans = Vec::new();
    for (log, from, to) in spans_of(db, |_| true)? {
        for (from, to) in around(from, to, lost.of(log)) {
            let first = header_at(db, log, from)?.ok_or(StoreError::Damaged { log, seq: from })?;
            let last = header_at(db, log, to)?.ok_or(StoreError::Damaged { log, seq: to })?;
            spans.push(Span { log, from, to, first_prev: first.prev, last_id: last.id() });
        }
    }
    Ok(spans)
}

/// Pieces of `from..=to` without the places left out, which are in order.
fn around(from: Seq, to: Seq, out: impl Iterator<Item = Seq>) -> Vec<(Seq, Seq)> {
    let (mut pieces, mut next) = (Vec::new(), from);
    for seq in out.filter(|seq| (from..=to).contains(seq)) {
        if next < seq {
            pieces.push((next, seq - 1));
        }
        next = seq + 1;
    }
    if next <= to {
        pieces.push((next, to));
    }
    pieces
}

/// True if the table of places names this one.
pub(crate) fn has_place(db: &Connection, log: LogId, seq: Seq) -> Result<bool, StoreError> {
    let Some(n) = log_number(db, log)? else { return Ok(false) };
    let mut statement = db.prepare_cached("SELECT 1 FROM entry WHERE log = ?1 AND seq = ?2")?;
    Ok(statement.exists(params![n, seq as i64])?)
}

/// Contiguous places of all logs.
pub(crate) fn places(db: &Connection) -> Result<Vec<Range>, StoreError> {
    let spans = spans_of(db, |_| true)?;
    Ok(spans.into_iter().map(|(log, from, to)| Range { log, from, to }).collect())
}

/// Contiguous places of the logs asked for. A log without gaps, which is nearly every one, is told by its ends and its
/// count; only the others are walked.
fn spans_of(db: &Connection, wanted: impl Fn(&LogId) -> bool) -> Result<Vec<(LogId, Seq, Seq)>, StoreError> {
    let mut spans: Vec<(LogId, Seq, Seq)> = Vec::new();
    let mut ends = db.prepare_cached("SELECT min(seq), max(seq), count(*) FROM entry WHERE log = ?1")?;
    let mut walk = db.prepare_cached("SELECT seq FROM entry WHERE log = ?1 ORDER BY seq")?;
    let mut logs: Vec<(LogId, i64)> = logs(db)?.into_iter().map(|(n, log)| (log, n)).collect();
    logs.sort_unstable();
    for (log, n) in logs.into_iter().filter(|(log, _)| wanted(log)) {
        let (first, last, count): (Option<i64>, Option<i64>, i64) =
            ends.query_row([n], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (Some(first), Some(last)) = (first, last) else { continue };
        if last - first + 1 == count {
            spans.push((log, first as u64, last as u64));
            continue;
        }
        let start = spans.len();
        let mut rows = walk.query([n])?;
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            match spans[start..].last_mut() {
                Some((_, _, to)) if *to + 1 == seq => *to = seq,
                _ => spans.push((log, seq, seq)),
            }
        }
    }
    Ok(spans)
}

/// The header at a place. [`StoreError::Damaged`] only if the table of places names it and its bytes cannot be read.
pub(crate) fn header_at(db: &Connection, log: LogId, seq: Seq) -> Result<Option<Header>, StoreError> {
    let Some(n) = log_number(db, log)? else { return Ok(None) };
    let mut place = db.prepare_cached("SELECT blob FROM entry WHERE log = ?1 AND seq = ?2")?;
    let Some(blob) = place.query_row(params![n, seq as i64], |row| row.get::<_, i64>(0)).optional()? else {
        return Ok(None);
    };
    let mut statement = db.prepare_cached("SELECT header FROM blob WHERE id = ?1")?;
    let header: Result<Option<[u8; HEADER_LEN]>, _> = statement.query_row([blob], |row| row.get(0)).optional();
    let header = header.map_err(|error| match StoreError::from(error) {
        StoreError::DamagedFile => StoreError::Damaged { log, seq },
        other => other,
    })?;
    Ok(header.and_then(|bytes| Header::decode(&bytes).ok()))
}

/// As [`Store::entry_by_idempotency`].
pub(crate) fn entry_by_idempotency(db: &Connection, key: &[u8; 16]) -> Result<Option<EntryRef>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT lane, author, seq FROM idempotency JOIN log ON log.n = idempotency.log WHERE key = ?1
         ORDER BY lane, author, seq LIMIT 1",
    )?;
    let place = statement
        .query_row([key], |row| Ok((log_of(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)? as u64)))
        .optional()?;
    let Some((log, seq)) = place else { return Ok(None) };
    let header = header_at(db, log, seq)?.ok_or(StoreError::Damaged { log, seq })?;
    Ok(Some(EntryRef { log, seq, id: header.id() }))
}

/// Places whose body opened wrongly or holds no save, with what is known of it.
pub(crate) fn unreadable(db: &Connection, limit: u32) -> Result<Vec<(LogId, Seq, EntryState)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT lane, author, seq, state FROM entry JOIN log ON log.n = entry.log WHERE state > 2 AND state <> ?1
         ORDER BY lane, author, seq LIMIT ?2",
    )?;
    let mut rows = statement.query(params![EntryState::Stranger as u8, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let state = EntryState::from_u8(row.get(3)?).ok_or(StoreError::DamagedFile)?;
        found.push((log_of(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)? as u64, state));
    }
    Ok(found)
}

/// Calls `visit` with every entry of a scope, log by log.
pub(crate) fn each_entry_of_scope(
    db: &Connection,
    scope: &ScopeTag,
    visit: &mut dyn FnMut(Result<Entry, (LogId, Seq)>),
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT lane, author, seq, header, body FROM entry JOIN log ON log.n = entry.log JOIN blob ON blob.id = entry.blob
         WHERE scope = (SELECT n FROM scope WHERE tag = ?1) ORDER BY lane, author, seq",
    )?;
    let mut rows = statement.query([scope.as_bytes()])?;
    while let Some(row) = rows.next()? {
        let (log, seq) = (log_of(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)? as u64);
        let (header, body): (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?);
        visit(Entry::from_disk(&header, body).map_err(|_| (log, seq)));
    }
    Ok(())
}
