//! Connections to the encrypted database: how each is opened, and nothing of what is in it.
//!
//! Promise: nothing readable leaves SQLCipher. No temporary file, no memory map, and what is deleted is overwritten
//! before its page is encrypted again.

use crate::error::StoreError;
use rusqlite::{Connection, OpenFlags};
use sanad_log::seal::SealKey;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Once, RwLock};
use zeroize::Zeroizing;

/// Name of the database file; `-wal` and `-shm` stand beside it while it is open.
pub(crate) const DB_FILE: &str = "store.db";
/// Bytes of a page. A small save touches ten, so twice the size makes it dearer and a bulk import no cheaper (measured).
/// Each page is authenticated with HMAC-SHA-256: a third of what SQLCipher's own SHA-512 costs where the processor has
/// instructions for it, and somewhat more on old ones (decisions/0020).
const PAGE_BYTES: u32 = 4096;
/// Page cache of the writer. SQLite goes through all of it at each commit that split a page, so four times as much made a
/// save dearer and nothing cheaper (measured with 100,000 resources).
const WRITER_CACHE_KIB: u32 = 12 * 1024;
/// Page cache of one reader.
const READER_CACHE_KIB: u32 = 8 * 1024;
/// Prepared statements kept by a connection: more than this crate has.
const STATEMENTS_MAX: usize = 160;
/// How long a reader waits while the writer restarts its log, in milliseconds.
const BUSY_WAIT_MS: u64 = 5_000;
/// Pages of write-ahead log before they are moved into the database: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Size to which the write-ahead log is cut after a large batch.
const LOG_BYTES_KEPT: u32 = 32 * 1024 * 1024;

/// Set up once SQLCipher is. SQLite calls itself ready before it has set up the encryption, so that a connection opened
/// meanwhile on another thread is refused.
static SET_UP: Once = Once::new();

/// Where the database is and what opens it. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct Files {
    path: PathBuf,
    /// The `PRAGMA key` statement.
    key: Zeroizing<String>,
    /// What all who read share, so that the file can be put in another's place when nobody has it open.
    pub(crate) readers: Arc<Readers>,
    /// Page cache of the writer.
    pub(crate) writer_cache_kib: u32,
}

/// The connections of those who read.
#[derive(Default)]
pub(crate) struct Readers {
    /// Held shared while something is read, alone while another file takes the place of the database.
    pub(crate) gate: RwLock<()>,
    /// Idle connections.
    pub(crate) idle: Mutex<Vec<Connection>>,
    /// True once one of them met a damaged page.
    pub(crate) met_damage: AtomicBool,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one connection that changes the store.
    Writer,
    /// One of several that only look.
    Reader,
}

impl Files {
    /// The database of a folder. Its raw key is derived from the vault key, so SQLCipher's own stretching is skipped.
    pub(crate) fn new(dir: &Path, vault_key: &SealKey) -> Files {
        let raw = Zeroizing::new(blake3::derive_key("sanad 2026 store key v1", vault_key.expose()));
        // Long enough from the start, so that no half-written copy is left behind by growing.
        let mut key = Zeroizing::new(String::with_capacity(96));
        key.push_str("PRAGMA key = \"x'");
        for byte in raw.iter() {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key.push_str("'\"");
        assert!(key.len() == 16 + 64 + 2, "a raw key has 64 digits");
        Files { path: dir.join(DB_FILE), key, readers: Arc::default(), writer_cache_kib: WRITER_CACHE_KIB }
    }

    /// The same keys over another file of the folder.
    pub(crate) fn beside(&self, path: &Path) -> Files {
        let writer_cache_kib = self.writer_cache_kib;
        Files { path: path.to_owned(), key: self.key.clone(), readers: Arc::default(), writer_cache_kib }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are free on the disk, for whoever runs this.
    pub(crate) fn free_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(&self.path)
            .map_err(|errno| StoreError::io("asking how much room the disk has")(errno.into()))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Opens a connection.
    pub(crate) fn connect(&self, role: Role) -> Result<Connection, StoreError> {
        let access = match role {
            Role::Writer => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        // The first connection of the process sets the library up. Why it failed, if it does, the next one says.
        SET_UP.call_once(|| drop(Connection::open_in_memory()));
        let db = Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        // SQLCipher writes to standard error of its own accord otherwise.
        db.execute_batch("PRAGMA cipher_log_level = NONE")?;
        db.execute_batch(&self.key)?;
        let cache_kib = if role == Role::Writer { self.writer_cache_kib } else { READER_CACHE_KIB };
        db.execute_batch(&format!(
            "PRAGMA cipher_page_size = {PAGE_BYTES};
             PRAGMA cipher_hmac_algorithm = HMAC_SHA256;
             PRAGMA temp_store = MEMORY;
             PRAGMA mmap_size = 0;
             PRAGMA cache_size = -{cache_kib};
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA foreign_keys = ON;"
        ))?;
        db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        db.busy_timeout(std::time::Duration::from_millis(BUSY_WAIT_MS))?;
        if role == Role::Writer {
            db.execute_batch(&format!(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 PRAGMA secure_delete = ON;
                 PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
                 PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
            ))?;
            check_writer(&db)?;
        }
        Ok(db)
    }
}

/// What durability and secrecy rest on is read back: SQLite ignores a setting it does not like without a word.
fn check_writer(db: &Connection) -> Result<(), StoreError> {
    let mode: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = db.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    let temporary: i64 = db.query_row("PRAGMA temp_store", [], |row| row.get(0))?;
    let cipher: String = db.query_row("PRAGMA cipher_version", [], |row| row.get(0))?;
    let hmac: String = db.query_row("PRAGMA cipher_hmac_algorithm", [], |row| row.get(0))?;
    assert!(mode == "wal" && synchronous == 2 && temporary == 2, "the settings that promises rest on hold");
    assert!(!cipher.is_empty() && hmac == "HMAC_SHA256", "the database is encrypted, each page sealed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DB_FILE, Files, Role};
    use crate::testing::TempDir;
    use sanad_log::seal::SealKey;
    use std::process::Command;
    use std::sync::Barrier;

    const CHILD: &str = "SANAD_STORE_TEST_FIRST_THREADS";
    const THREADS: usize = 6;

    /// Runs in a process of its own, started by the test below.
    #[test]
    fn a_child_process_opens_on_all_threads_at_once() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let start = Barrier::new(THREADS);
        let opened = std::thread::scope(|scope| {
            let threads: Vec<_> = std::iter::repeat_with(|| {
                scope.spawn(|| {
                    let dir = TempDir::new();
                    std::fs::write(dir.path().join(DB_FILE), []).unwrap();
                    let files = Files::new(dir.path(), &SealKey::from_bytes([7; 32]));
                    start.wait();
                    files.connect(Role::Writer).is_ok()
                })
            })
            .take(THREADS)
            .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&opened| opened).count()
        });
        std::process::exit(if opened == THREADS { 10 } else { 11 });
    }

    #[test]
    fn the_first_connections_of_a_process_may_be_opened_at_once() {
        for _ in 0..60 {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "db::tests::a_child_process_opens_on_all_threads_at_once"]).env(CHILD, "1");
            assert_eq!(child.output().unwrap().status.code(), Some(10));
        }
    }
}
