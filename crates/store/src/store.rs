//! The writer: the one handle that changes a store.

use crate::damage::Lost;
use crate::db::{Files, Role};
use crate::error::StoreError;
use crate::folder::Hold;
use crate::reader::Reader;
use crate::repair::{self, Repaired};
use crate::schema;
use crate::secrets::{SECRETS_COPY_KEY, Secrets};
use crate::state::put_state;
use rusqlite::{Connection, OptionalExtension as _};
use sanad_log::ids::{DeviceId, Lane, LogId};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An open store. There is one per folder; [`Store::reader`] gives any number of threads something to read with.
pub struct Store {
    pub(crate) db: Connection,
    pub(crate) files: Files,
    /// The number of each log in this database.
    pub(crate) logs: BTreeMap<LogId, i64>,
    /// Where the next body goes.
    pub(crate) next_blob: i64,
    /// What was here and cannot be read any more.
    pub(crate) lost: Lost,
    /// True if less is held than was said before.
    pub(crate) shrunk: bool,
    /// What making the database anew did, until a check has told it.
    pub(crate) repaired: Option<Repaired>,
    /// Last, so that the database is closed before the folder lets another store be opened.
    _turn: Option<Turn>,
}

/// The folder's one turn at having a store open.
struct Turn(Arc<Hold>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Store {
    /// Opens or makes the database. The caller has taken the folder's turn; it ends with the store, or with an error here.
    /// One in which the log's own tables are damaged is made anew from what can be read.
    pub(crate) fn open(files: Files, hold: Arc<Hold>) -> Result<Store, StoreError> {
        let turn = Some(Turn(hold));
        repair::finish(&files)?;
        let head = |error| if matches!(error, StoreError::DamagedFile) { StoreError::DamagedHead } else { error };
        let mut store = Store { _turn: turn, ..Store::over(files).map_err(head)? };
        match store.refresh() {
            Err(StoreError::DamagedFile) => drop(store.repair(None)?),
            done => done?,
        }
        Ok(store)
    }

    /// A database, of which nothing is known yet but that it can be opened.
    pub(crate) fn over(files: Files) -> Result<Store, StoreError> {
        let mut db = files.connect(Role::Writer)?;
        schema::ensure(&mut db)?;
        let (logs, lost) = (BTreeMap::new(), Lost::default());
        Ok(Store { db, files, logs, next_blob: 1, lost, shrunk: false, repaired: None, _turn: None })
    }

    /// Reads again what is kept in memory beside the database.
    pub(crate) fn refresh(&mut self) -> Result<(), StoreError> {
        self.logs = logs(&self.db)?.into_iter().map(|(n, log)| (log, n)).collect();
        self.next_blob = self.db.query_row("SELECT coalesce(max(id), 0) + 1 FROM blob", [], |row| row.get(0))?;
        self.lost = Lost::read(&self.db)?;
        Ok(())
    }

    /// After a failed change: the transaction is gone, and so is what was noted of it in memory. A connection that met a
    /// damaged page is of no further use (SQLCipher refuses everything on it from then on), so a new one is opened.
    pub(crate) fn recover(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::DamagedFile | StoreError::Damaged { .. })
            && let Ok(db) = self.files.connect(Role::Writer)
        {
            self.db = db;
        }
        match self.refresh() {
            Ok(()) => error,
            Err(worse) => worse,
        }
    }

    /// Connections for reading, usable from other threads while this one writes. They see what was committed.
    ///
    /// # Errors
    /// Input/output.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::new(self.files.clone())
    }

    /// Gives the writer a page cache of another size: a process that holds many stores has to share.
    ///
    /// # Errors
    /// Input/output.
    pub fn limit_cache(&mut self, kib: u32) -> Result<(), StoreError> {
        self.files.writer_cache_kib = kib;
        Ok(self.db.execute_batch(&format!("PRAGMA cache_size = -{kib}"))?)
    }

    /// Bytes that are free on the store's disk.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        self.files.free_bytes()
    }

    /// The site's secrets.
    ///
    /// # Errors
    /// They are damaged, or the database is.
    pub fn secrets(&self) -> Result<Secrets, StoreError> {
        let bytes: Option<Vec<u8>> = self.db.query_row("SELECT value FROM secret", [], |row| row.get(0)).optional()?;
        let bytes = Zeroizing::new(bytes.ok_or(StoreError::DamagedFile)?);
        Secrets::decode(&bytes).ok_or(StoreError::DamagedFile)
    }

    /// Puts other secrets in the place of those that are kept: a device among them that has claimed nothing yet.
    ///
    /// # Errors
    /// Input/output.
    pub fn replace_secrets(&mut self, secrets: &Secrets) -> Result<(), StoreError> {
        let bytes = secrets.encode();
        assert!(Secrets::decode(&bytes).as_ref() == Some(secrets), "what is kept reads back");
        let lost = Lost { device_due: false, ..self.lost.clone() };
        let tx = self.db.transaction()?;
        put_secrets(&tx, &bytes)?;
        lost.write_flags(&tx)?;
        tx.commit()?;
        self.lost = lost;
        Ok(())
    }
}

/// Writes the secrets, twice: without them nothing here is of use, and one page may be damaged.
pub(crate) fn put_secrets(db: &Connection, bytes: &[u8]) -> Result<(), StoreError> {
    db.execute("INSERT INTO secret (id, value) VALUES (1, ?1) ON CONFLICT DO UPDATE SET value = ?1", [bytes])?;
    put_state(db, (SECRETS_COPY_KEY, Some(bytes)))
}

/// All logs by their number.
pub(crate) fn logs(db: &Connection) -> Result<BTreeMap<i64, LogId>, StoreError> {
    let mut statement = db.prepare_cached("SELECT n, lane, author FROM log")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, log_of(row.get(1)?, row.get(2)?)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A log from its columns.
pub(crate) fn log_of(lane: u8, author: [u8; 32]) -> Result<LogId, rusqlite::Error> {
    let lane = Lane::from_u8(lane).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, i64::from(lane)))?;
    Ok(LogId { lane, author: DeviceId(author) })
}
