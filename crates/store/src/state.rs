//! The node's own things (receipts, peers, invites) by name.

use crate::error::StoreError;
use crate::store::Store;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Longest name of a value.
pub const STATE_KEY_BYTES_MAX: usize = 256;
/// Largest value: the frontier of a thousand devices with room to spare.
pub const STATE_VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A change of one value: `None` takes it away.
pub type StateChange<'a> = (&'a str, Option<&'a [u8]>);

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
