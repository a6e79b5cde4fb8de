//! The data folder: one process at a time, one passphrase at a time.
//!
//! Promise: the second process is refused; a wrong passphrase changes nothing on disk and makes the next guess wait.

use crate::db::{DB_FILE, Files};
use crate::error::StoreError;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::vault::{KdfCost, VAULT_FILE, Vault};
use rustix::fs::{FlockOperation, flock};
use sanad_log::entropy::Entropy;
use sanad_log::seal::SealKey;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LOCK_FILE: &str = "lock";

/// How long a wrong passphrase keeps the folder locked after it was found wrong, so that guesses through this program
/// come one after another and slowly. Argon2 is what slows a guess on a copy of the folder.
pub const WRONG_PASSPHRASE_DELAY: Duration = Duration::from_secs(2);

/// A data folder that this process holds alone. The hold ends with the last of the folder and the [`Store`]s from it, or
/// with the process, however it ends.
pub struct Folder {
    dir: PathBuf,
    hold: Arc<Hold>,
}

/// The advisory lock, and whether a store is open on it.
pub(crate) struct Hold {
    _lock: File,
    opened: AtomicBool,
}

impl Hold {
    /// Lets another store be opened from the same folder.
    pub(crate) fn release(&self) {
        self.opened.store(false, Ordering::Release);
    }
}

impl Folder {
    /// Takes hold of a folder that has data.
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`StoreError::InUse`].
    pub fn open(dir: &Path) -> Result<Folder, StoreError> {
        if !is_file(&dir.join(VAULT_FILE))? {
            return Err(StoreError::NoStore);
        }
        Ok(Folder { dir: dir.to_owned(), hold: lock(dir)? })
    }

    /// True if a folder has data.
    ///
    /// # Errors
    /// Input/output.
    pub fn is_founded(dir: &Path) -> Result<bool, StoreError> {
        is_file(&dir.join(VAULT_FILE))
    }

    /// Makes the folder if need be, and takes hold of it. It has no data yet: [`Folder::found`] comes next.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if it has data, [`StoreError::InUse`].
    pub fn create(dir: &Path) -> Result<Folder, StoreError> {
        if is_file(&dir.join(VAULT_FILE))? {
            return Err(StoreError::Exists);
        }
        let doing = "making the data folder";
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(StoreError::io(doing))?;
        std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(StoreError::io(doing))?;
        Ok(Folder { dir: dir.to_owned(), hold: lock(dir)? })
    }

    /// Founds the store: a fresh vault key under one passphrase, an empty database, the site's secrets in it. The vault
    /// is written last, so that a folder with a vault is a whole one.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if it was founded before; input/output.
    pub fn found(
        &self,
        passphrase: &str,
        cost: KdfCost,
        secrets: &Secrets,
        entropy: &mut Entropy,
    ) -> Result<Store, StoreError> {
        if is_file(&self.dir.join(VAULT_FILE))? {
            return Err(StoreError::Exists);
        }
        // What an interrupted founding left has no key any more.
        for name in [DB_FILE, "store.db-wal", "store.db-shm"] {
            match std::fs::remove_file(self.dir.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("making the data folder")(error));
                }
                _ => {}
            }
        }
        let (vault, key) = Vault::create(passphrase, cost, entropy)?;
        self.create_db_file()?;
        let mut store = self.open_store(&key)?;
        store.replace_secrets(secrets)?;
        vault.write(&self.dir)?;
        Ok(store)
    }

    /// Opens the store. A wrong passphrase holds this thread and the folder for `delay_if_wrong`
    /// ([`WRONG_PASSPHRASE_DELAY`] outside tests).
    ///
    /// # Errors
    /// [`StoreError::WrongPassphrase`]; [`StoreError::InUse`] if a store of this folder is open; a damaged vault or
    /// database.
    pub fn unlock(&self, passphrase: &str, delay_if_wrong: Duration) -> Result<Store, StoreError> {
        let key = self.vault_key(passphrase, delay_if_wrong)?;
        self.open_store(&key)
    }

    /// How many passphrases open this folder.
    ///
    /// # Errors
    /// A damaged vault.
    pub fn slots(&self) -> Result<usize, StoreError> {
        Ok(Vault::read(&self.dir)?.slots())
    }

    /// Lets a second passphrase open the folder, given one that does.
    ///
    /// # Errors
    /// [`StoreError::WrongPassphrase`]; too many slots.
    pub fn add_slot(
        &self,
        known: &str,
        added: &str,
        cost: KdfCost,
        entropy: &mut Entropy,
        delay_if_wrong: Duration,
    ) -> Result<(), StoreError> {
        let key = self.vault_key(known, delay_if_wrong)?;
        let mut vault = Vault::read(&self.dir)?;
        vault.add(&key, added, cost, entropy)?;
        vault.write(&self.dir)
    }

    /// Takes away the slot that this passphrase opens.
    ///
    /// # Errors
    /// [`StoreError::WrongPassphrase`]; [`StoreError::LastSlot`].
    ///
    /// # Erasure
    /// The old file is replaced, not overwritten: its blocks may still be on the disk, and a passphrase that was known
    /// to someone with a copy of the folder opens that copy. Removing a slot protects this folder, not its copies.
    pub fn remove_slot(&self, passphrase: &str, delay_if_wrong: Duration) -> Result<(), StoreError> {
        let mut vault = Vault::read(&self.dir)?;
        let (_, index) = slowed(vault.open(passphrase), delay_if_wrong)?;
        vault.remove(index)?;
        vault.write(&self.dir)
    }

    fn vault_key(&self, passphrase: &str, delay_if_wrong: Duration) -> Result<SealKey, StoreError> {
        slowed(Vault::read(&self.dir)?.open(passphrase), delay_if_wrong).map(|(key, _)| key)
    }

    fn open_store(&self, key: &SealKey) -> Result<Store, StoreError> {
        if self.hold.opened.swap(true, Ordering::AcqRel) {
            return Err(StoreError::InUse);
        }
        Store::open(Files::new(&self.dir, key), self.hold.clone())
    }

    /// SQLite would make its file with the process's umask; its companions copy this file's mode.
    fn create_db_file(&self) -> Result<(), StoreError> {
        let path = self.dir.join(DB_FILE);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map(drop)
            .map_err(StoreError::io("making the database"))
    }
}

fn slowed<T>(opened: Result<T, StoreError>, delay_if_wrong: Duration) -> Result<T, StoreError> {
    if matches!(opened, Err(StoreError::WrongPassphrase)) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the delay is the point: guesses come slowly, one after another"
        )]
        std::thread::sleep(delay_if_wrong);
    }
    opened
}

fn is_file(path: &Path) -> Result<bool, StoreError> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.is_file()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(StoreError::io("looking at the data folder")(error)),
    }
}

fn lock(dir: &Path) -> Result<Arc<Hold>, StoreError> {
    let doing = "locking the data folder";
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(LOCK_FILE))
        .map_err(StoreError::io(doing))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Arc::new(Hold { _lock: file, opened: AtomicBool::new(false) })),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse),
        Err(errno) => Err(StoreError::io(doing)(errno.into())),
    }
}
