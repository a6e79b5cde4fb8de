//! What can go wrong here, in the words of an operator: what happened and, by its kind, what is safe.
//!
//! Promise: no variant carries patient text, a key, or a value from the database. Places in logs and counts only.

use sanad_log::ids::{LogId, Seq};
use std::io;

/// Why the store could not do what it was asked. Whatever the error, everything acknowledged before it is still held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another handle of this one, holds the folder.
    #[error("the data folder is in use by another process")]
    InUse,
    /// There is no vault in this folder.
    #[error("this folder holds no sanad data")]
    NoStore,
    /// There already is a vault in this folder; nothing was changed.
    #[error("this folder already holds sanad data")]
    Exists,
    /// No key slot opens with this passphrase. Nothing on disk was changed.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The vault file is damaged, or from a later release.
    #[error("the vault file cannot be read: {0}")]
    Vault(&'static str),
    /// The last key slot cannot be taken away like this.
    #[error("this is the last key slot")]
    LastSlot,
    /// The disk has no room. The operation was undone as a whole; reading goes on.
    #[error("the disk is full; nothing of this save was kept, everything before it is safe")]
    Full,
    /// The operating system could not read or write.
    #[error("input/output error while {doing}: {kind}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        kind: io::ErrorKind,
    },
    /// The stored bytes of one entry are damaged. All others are still served.
    #[error("the stored entry {} of lane {} of device {} is damaged", .seq, .log.lane as u8, .log.author)]
    Damaged {
        /// The log.
        log: LogId,
        /// The place in it.
        seq: Seq,
    },
    /// A page of the database does not pass its check.
    #[error("a page of the database is damaged; run a check")]
    DamagedFile,
    /// The first pages of the database, or the secrets in it, are damaged: nothing in it can be opened. Nothing was changed.
    #[error("the beginning of the database is damaged; nothing in it can be opened")]
    DamagedHead,
    /// The database was written by another release.
    #[error("the data folder has format {0}, which this release does not read")]
    OtherFormat(i64),
    /// A bound of this crate would be passed; the name says which.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// A search would go through more than one search may.
    #[error("the search would go through too much; narrow it")]
    TooCostly,
    /// A page of a search begins at a place that this store never named.
    #[error("no such page of this search")]
    BadCursor,
    /// Something the database reported that has no name above: its result code.
    #[error("the database refused with code {0}")]
    Database(i32),
}

impl StoreError {
    /// Names what was being done when the operating system failed.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            kind => StoreError::Io { doing, kind },
        }
    }
}

/// SQLite's result codes that have a meaning of their own here.
const SQLITE_FULL: i32 = 13;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;
const SQLITE_IOERR: i32 = 10;

impl From<rusqlite::Error> for StoreError {
    /// Keeps the code and drops the message, which may quote SQL.
    fn from(error: rusqlite::Error) -> Self {
        let extended = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
            rusqlite::Error::SqlInputError { error, .. } => error.extended_code,
            // A column of another type than this release wrote: a page was changed without its check noticing.
            _ => SQLITE_CORRUPT,
        };
        match extended & 0xff {
            SQLITE_FULL => StoreError::Full,
            SQLITE_CORRUPT | SQLITE_NOTADB => StoreError::DamagedFile,
            SQLITE_IOERR => StoreError::Io { doing: "using the database", kind: io::ErrorKind::Other },
            _ => StoreError::Database(extended),
        }
    }
}
