//! The node's own things (receipts, peers, invites) by name, and evidence of what was refused.

use crate::error::StoreError;
use crate::store::{Store, log_of};
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_log::ids::{LogId, Seq};

/// Longest name of a value.
pub const STATE_KEY_BYTES_MAX: usize = 256;
/// Largest value: the frontier of a thousand devices with room to spare.
pub const STATE_VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most pieces of evidence kept. A peer that sends rubbish without end must not fill the disk; what comes first is kept.
pub const EVIDENCE_MAX: u64 = 10_000;
/// Most bytes of evidence kept: ten of the largest entries, or ten thousand usual ones.
pub const EVIDENCE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest reason of a refusal.
const REASON_BYTES_MAX: usize = 256;

/// A change of one value: `None` takes it away.
pub type StateChange<'a> = (&'a str, Option<&'a [u8]>);

/// Something that was refused and kept, with its bytes, so that it can be shown and handed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The log it claimed to stand in.
    pub log: LogId,
    /// The place it claimed.
    pub seq: Seq,
    /// Why it was refused; never text of a record.
    pub reason: String,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
}

impl Store {
    /// A value by name.
    ///
    /// # Errors
    /// Input/output.
    pub fn get_state(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get_state(&self.db, key)
    }

    /// Sets one value, or takes it away; durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; input/output.
    pub fn put_state(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        put_state(&self.db, (key, value))
    }

    /// All values whose name begins with `prefix`, in the order of their names.
    ///
    /// # Errors
    /// Input/output.
    pub fn list_state(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        list_state(&self.db, prefix)
    }

    /// Keeps what was refused. Returns false if as much as [`EVIDENCE_MAX`] or [`EVIDENCE_BYTES_MAX`] allow is kept already;
    /// what is kept twice is kept once.
    ///
    /// # Errors
    /// Input/output.
    pub fn keep_refused(&mut self, log: LogId, seq: Seq, reason: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        keep_refused(&self.db, log, seq, reason, bytes)
    }

    /// What was refused, in the order of logs and places.
    ///
    /// # Errors
    /// Input/output.
    pub fn refused(&self) -> Result<Vec<Refused>, StoreError> {
        refused(&self.db)
    }
}

pub(crate) fn get_state(db: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = db.prepare_cached("SELECT value FROM state WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

pub(crate) fn put_state(db: &Connection, (key, value): StateChange<'_>) -> Result<(), StoreError> {
    if key.len() > STATE_KEY_BYTES_MAX || value.is_some_and(|value| value.len() > STATE_VALUE_BYTES_MAX) {
        return Err(StoreError::TooLarge("value of the node's state"));
    }
    match value {
        Some(value) => db
            .prepare_cached("INSERT INTO state (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
            .execute(params![key, value])?,
        None => db.prepare_cached("DELETE FROM state WHERE key = ?1")?.execute([key])?,
    };
    Ok(())
}

pub(crate) fn list_state(db: &Connection, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT key, value FROM state WHERE key >= ?1 AND substr(key, 1, ?2) = ?1 ORDER BY key")?;
    let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![prefix, length], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn keep_refused(
    db: &Connection,
    log: LogId,
    seq: Seq,
    reason: &str,
    bytes: &[u8],
) -> Result<bool, StoreError> {
    assert!(reason.len() <= REASON_BYTES_MAX, "a reason is a sentence");
    // Rows are never taken away, so the last one knows how many there are, and how large they are together.
    let mut last = db.prepare_cached("SELECT rowid, total FROM evidence ORDER BY rowid DESC LIMIT 1")?;
    let (count, total): (i64, i64) =
        last.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?.unwrap_or_default();
    let total = total + bytes.len() as i64;
    if count as u64 >= EVIDENCE_MAX || total as u64 > EVIDENCE_BYTES_MAX {
        return Ok(false);
    }
    let hash = blake3::hash(bytes);
    // A place from outside may be any number; one that no log has is kept as the largest.
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    db.prepare_cached(
        "INSERT INTO evidence (lane, author, seq, hash, reason, total, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![log.lane as u8, log.author.as_bytes(), seq, hash.as_bytes(), reason, total, bytes])?;
    Ok(true)
}

pub(crate) fn refused(db: &Connection) -> Result<Vec<Refused>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT lane, author, seq, reason, bytes FROM evidence ORDER BY lane, author, seq, hash")?;
    let rows = statement.query_map([], |row| {
        let seq: i64 = row.get(2)?;
        Ok(Refused {
            log: log_of(row.get(0)?, row.get(1)?)?,
            seq: seq.unsigned_abs(),
            reason: row.get(3)?,
            bytes: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
