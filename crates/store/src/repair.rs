//! The database made anew from what can be read of a damaged one.
//!
//! Promise: what can be read is carried over, what cannot is named, and nothing is destroyed: the damaged file is kept
//! beside the new one. Stopped at any moment, the old file or the whole new one is in place.
//!
//! The log is found again from the entries themselves, each hashed; the table of places only names those that are gone.
//! Every record comes over sealed, so [`Store::open_backlog`] makes the projections anew, in pieces, as after a grant. What
//! the old projections still knew of an entry that is gone is kept apart.

use crate::append::{EntryState, scope_number};
use crate::carried;
use crate::damage::{LOST_KEY, Lost};
use crate::db::{Files, Role};
use crate::error::StoreError;
use crate::quarantine::{self, Apart, Came, Reason};
use crate::schema;
use crate::secrets::{SECRETS_COPY_KEY, Secrets};
use crate::state::put_state;
use crate::store::{Store, log_of, put_secrets};
use crate::tally;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::ids::{Lane, LogId, Seq};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use zeroize::Zeroizing;

/// The new file while it is being written, and once it is whole.
const PART_FILE: &str = "store.db.part";
const WHOLE_FILE: &str = "store.db.whole";
/// The damaged file that is kept; a number follows from the second on.
pub(crate) const DAMAGED_FILE: &str = "store.db.damaged";
/// Damaged files kept beside each other; more would mean a disk that must not be written to at all.
const DAMAGED_FILES_MAX: u32 = 20;
/// Entries carried over in one transaction.
const BATCH_ROWS: u64 = 2_000;
/// Tries at rows that cannot be read, before the rest of a damaged stretch is given up: each opens the file once more.
const TRIES_MAX: u32 = 20_000;

/// What making a database anew did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repaired {
    /// Entries carried over.
    pub entries: u64,
    /// The damaged file, beside the new one.
    pub kept_as: PathBuf,
}

impl Store {
    /// Makes the database anew from what can be read of it. With a directory, what its keys open is opened before the new
    /// file takes the place of the old one; without, [`Store::open_backlog`] has to be called before anything is shown.
    /// Those who read go on reading the old file until then.
    ///
    /// # Errors
    /// [`StoreError::DamagedHead`], [`StoreError::Full`], input/output: everything is as it was before.
    pub fn repair(&mut self, directory: Option<&Directory>) -> Result<Repaired, StoreError> {
        let done = self.make_anew(directory);
        let opened = self.open_again();
        // Why it could not be done says more than that the file is as damaged as before.
        let done = done?;
        opened?;
        self.shrunk = true;
        self.repaired = Some(done.clone());
        Ok(done)
    }

    fn open_again(&mut self) -> Result<(), StoreError> {
        remove(&self.files.path().with_file_name(PART_FILE))?;
        self.db = self.files.connect(Role::Writer)?;
        self.refresh()
    }

    fn make_anew(&mut self, directory: Option<&Directory>) -> Result<Repaired, StoreError> {
        let part = self.files.path().with_file_name(PART_FILE);
        let doing = "making the database anew";
        remove(&part)?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(StoreError::io(doing))?;
        let files = self.files.beside(&part);
        let entries = salvage(&self.files, &files)?;
        if let Some(directory) = directory {
            let mut new = Store::over(files)?;
            new.refresh()?;
            new.open_readable(directory)?;
        }
        File::open(&part).and_then(|file| file.sync_all()).map_err(StoreError::io(doing))?;
        Ok(Repaired { entries, kept_as: self.swap(&part)? })
    }

    /// Puts the new file in the place of the old one while nobody has either open.
    fn swap(&mut self, part: &Path) -> Result<PathBuf, StoreError> {
        let files = self.files.clone();
        let _gate = files.readers.gate.write().unwrap_or_else(PoisonError::into_inner);
        files.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.db = Connection::open_in_memory()?;
        // What is still in the write-ahead log belongs into the old file, which is about to get another name.
        drop(files.connect(Role::Writer).and_then(|db| Ok(db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)));
        for path in [files.path(), part] {
            let log = with_end(path, "-wal");
            if std::fs::metadata(&log).is_ok_and(|meta| meta.len() > 0) {
                return Err(StoreError::Io { doing: "closing the damaged database", kind: ErrorKind::ResourceBusy });
            }
        }
        let whole = files.path().with_file_name(WHOLE_FILE);
        put_in_place(part, &whole)?;
        let kept_as = free_name(files.path())?;
        put_in_place(files.path(), &kept_as)?;
        put_in_place(&whole, files.path())?;
        Ok(kept_as)
    }
}

/// After a repair that was cut short: either file is a whole one.
pub(crate) fn finish(files: &Files) -> Result<(), StoreError> {
    let whole = files.path().with_file_name(WHOLE_FILE);
    if !exists(files.path())? && exists(&whole)? {
        return put_in_place(&whole, files.path());
    }
    [PART_FILE, WHOLE_FILE].into_iter().try_for_each(|name| remove(&files.path().with_file_name(name)))
}

fn put_in_place(from: &Path, to: &Path) -> Result<(), StoreError> {
    let synced = || {
        std::fs::rename(from, to)?;
        to.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    synced().map_err(StoreError::io("putting the new database in its place"))
}

fn free_name(path: &Path) -> Result<PathBuf, StoreError> {
    let name = |n| if n == 1 { DAMAGED_FILE.to_owned() } else { format!("{DAMAGED_FILE}-{n}") };
    for n in 1..=DAMAGED_FILES_MAX {
        let kept = path.with_file_name(name(n));
        if !exists(&kept)? {
            return Ok(kept);
        }
    }
    Err(StoreError::TooLarge("damaged databases kept beside this one"))
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(StoreError::io("looking at the data folder"))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes a half-written database and what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm"] {
        match std::fs::remove_file(with_end(path, end)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(StoreError::io("removing a half-written database")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Carries over what can be read. Returns how many entries.
fn salvage(old: &Files, new: &Files) -> Result<u64, StoreError> {
    let mut old = Old { files: old, db: None, tries: 0 };
    let mut db = new.connect(Role::Writer)?;
    // Nothing rests on this file before it is whole and synced.
    db.execute_batch("PRAGMA synchronous = OFF")?;
    schema::ensure(&mut db)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    let mut into = New { db: &db, logs: BTreeMap::new(), entries: 0, rows: 0 };

    let secrets = secrets_of(&mut old)?.ok_or(StoreError::DamagedHead)?;
    put_secrets(into.db, &secrets)?;
    let known = old.read(|db| Ok(Lost::read(db)?)).ok();
    let mut lost = known.clone().unwrap_or_default();
    let places = Places::of(&mut old)?;
    let bodies_whole =
        old.sweep("SELECT id, header, body FROM blob WHERE id BETWEEN ?1 AND ?2 ORDER BY id", places.last, |row| {
            let (header, body): (Vec<u8>, Vec<u8>) = (row.get(1)?, row.get(2)?);
            Ok(into.entry(&header, body)?)
        })?;
    states(&mut old, &mut into)?;
    old.sweep(quarantine::COPY, 0, |row| {
        quarantine::take_copy(into.db, quarantine::copy_of(row)?)?;
        Ok(into.row()?)
    })?;
    old.sweep(
        "SELECT reason, count FROM quarantine_dropped WHERE reason BETWEEN ?1 AND ?2 ORDER BY reason",
        0,
        |row| Ok(quarantine::count_dropped(into.db, row.get(0)?, row.get(1)?)?),
    )?;

    places.each(&mut old, |log, seq| {
        if !into.holds(log, seq)? {
            lost.places.insert((log, seq));
        }
        Ok(())
    })?;
    let mut still = lost.places.clone();
    still.retain(|(log, seq)| !matches!(into.holds(*log, *seq), Ok(true)));
    let unnamed = lost.unnamed || !(bodies_whole || places.whole);
    let known = known.unwrap_or(Lost { device_due: true, ..Lost::default() });
    let device_due = known.device_due || unnamed != known.unnamed || !still.is_subset(&known.places);
    let lost = Lost { places: still, unnamed, device_due };
    keep_what_was_shown(&mut old, &mut into, &places, &lost)?;
    lost.write(into.db)?;
    tally::recount_entries(into.db)?;
    let entries = into.entries;
    db.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(entries)
}

/// The secrets, from either place.
fn secrets_of(old: &mut Old<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let queries = ["SELECT value FROM secret", "SELECT value FROM state WHERE key = ?1"];
    for (query, given) in queries.into_iter().zip([&[][..], &[&SECRETS_COPY_KEY as &dyn ToSql]]) {
        match old.read(|db| Ok(db.query_row(query, given, |row| row.get::<_, Vec<u8>>(0)).optional()?)) {
            Ok(Some(found)) if Secrets::decode(&found).is_some() => return Ok(Some(Zeroizing::new(found))),
            Ok(_) | Err(Stop::Damaged) => {}
            Err(Stop::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// The node's own values: from the front to the first damage, and from the back.
fn states(old: &mut Old<'_>, into: &mut New<'_>) -> Result<(), StoreError> {
    for order in ["ASC", "DESC"] {
        let read = old.read(|db| {
            let mut statement = db.prepare(&format!("SELECT key, value FROM state ORDER BY key {order}"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (key, value): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
                if key != LOST_KEY && key != SECRETS_COPY_KEY {
                    put_state(into.db, (&key, Some(&value)))?;
                }
            }
            Ok(())
        });
        match read {
            Ok(()) => return Ok(()),
            Err(Stop::Damaged) => {}
            Err(Stop::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Keeps the resources that entries had brought which cannot be read any more, where the old projections still have them:
/// no site may hold the entry, and the projections made anew do not show them.
fn keep_what_was_shown(old: &mut Old<'_>, into: &mut New<'_>, places: &Places, lost: &Lost) -> Result<(), StoreError> {
    if lost.places.is_empty() {
        return Ok(());
    }
    let versions = "SELECT n, log, seq, raw FROM version WHERE n BETWEEN ?1 AND ?2 ORDER BY n";
    old.sweep(versions, 0, |row| {
        let (log, seq) = (places.logs.get(&row.get(1)?), row.get::<_, i64>(2)? as u64);
        let bytes: Vec<u8> = row.get(3)?;
        // A deletion showed nothing.
        if let Some(log) = log.filter(|log| lost.places.contains(&(**log, seq)) && !bytes.is_empty()) {
            let reason = Reason::Damage;
            quarantine::keep_apart(into.db, &Apart { log: *log, seq, reason, came: Came::default(), bytes: &bytes })?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What the old table of places says.
struct Places {
    logs: BTreeMap<i64, LogId>,
    /// The largest number of a body.
    last: i64,
    /// True if all of it can be read.
    whole: bool,
}

impl Places {
    fn of(old: &mut Old<'_>) -> Result<Places, StoreError> {
        let mut places = Places { logs: BTreeMap::new(), last: 0, whole: true };
        let logs = &mut places.logs;
        places.whole = old.sweep("SELECT n, lane, author FROM log WHERE n BETWEEN ?1 AND ?2 ORDER BY n", 0, |row| {
            logs.insert(row.get(0)?, log_of(row.get(1)?, row.get(2)?)?);
            Ok(())
        })?;
        let mut last = 0;
        places.whole &= places.walk(old, |_, _, blob| {
            last = last.max(blob);
            Ok(())
        })?;
        places.last = last;
        Ok(places)
    }

    fn each(
        &self,
        old: &mut Old<'_>,
        mut visit: impl FnMut(LogId, Seq) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.walk(old, |log, seq, _| visit(log, seq)).map(drop)
    }

    /// Goes through each log from the front to the first damage, and from the back; true if there is none.
    fn walk(
        &self,
        old: &mut Old<'_>,
        mut visit: impl FnMut(LogId, Seq, i64) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let mut whole = true;
        for (n, log) in &self.logs {
            for order in ["ASC", "DESC"] {
                let read = old.read(|db| {
                    let sql = format!("SELECT seq, blob FROM entry WHERE log = ?1 ORDER BY seq {order}");
                    let mut statement = db.prepare_cached(&sql)?;
                    let mut rows = statement.query([n])?;
                    while let Some(row) = rows.next()? {
                        visit(*log, row.get::<_, i64>(0)? as u64, row.get(1)?)?;
                    }
                    Ok(())
                });
                match read {
                    Ok(()) => break,
                    Err(Stop::Damaged) => whole = false,
                    Err(Stop::Error(error)) => return Err(error),
                }
            }
        }
        Ok(whole)
    }
}

/// The new database.
struct New<'n> {
    db: &'n Connection,
    logs: BTreeMap<LogId, i64>,
    entries: u64,
    rows: u64,
}

impl New<'_> {
    /// Takes an entry over if its bytes are what their hash says and its place is free.
    fn entry(&mut self, header: &[u8], body: Vec<u8>) -> Result<(), StoreError> {
        let Ok(entry) = Entry::from_disk(header, body) else { return Ok(()) };
        let head = entry.header();
        if self.holds(head.log, head.seq)? {
            return Ok(());
        }
        if let Some(inner) = entry.carried() {
            let (branch, holder) = (self.log(inner.header().log)?, self.log(head.log)?);
            carried::note(self.db, &inner.id(), branch, holder)?;
        }
        let log = self.log(head.log)?;
        let mut blob = self.db.prepare_cached("INSERT INTO blob (header, body) VALUES (?1, ?2)")?;
        blob.execute(params![header, entry.body()])?;
        let blob_number = self.db.last_insert_rowid();
        let control = head.log.lane == Lane::Control;
        let state = if control { EntryState::Control } else { EntryState::Sealed };
        self.db
            .prepare_cached(
                "INSERT INTO entry (log, seq, scope, state, records, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                log,
                head.seq as i64,
                scope_number(self.db, &head.scope)?,
                state as u8,
                control.then_some(0),
                blob_number
            ])?;
        self.entries += 1;
        self.row()
    }

    fn log(&mut self, log: LogId) -> Result<i64, StoreError> {
        if let Some(n) = self.logs.get(&log) {
            return Ok(*n);
        }
        let mut statement = self.db.prepare_cached("INSERT INTO log (lane, author) VALUES (?1, ?2)")?;
        statement.execute(params![log.lane as u8, log.author.as_bytes()])?;
        let n = self.db.last_insert_rowid();
        self.logs.insert(log, n);
        Ok(n)
    }

    fn holds(&self, log: LogId, seq: Seq) -> Result<bool, StoreError> {
        let Some(n) = self.logs.get(&log) else { return Ok(false) };
        let mut statement = self.db.prepare_cached("SELECT 1 FROM entry WHERE log = ?1 AND seq = ?2")?;
        Ok(statement.exists(params![n, seq as i64])?)
    }

    /// Counts a row, and begins another transaction now and then.
    fn row(&mut self) -> Result<(), StoreError> {
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH_ROWS) {
            self.db.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
        }
        Ok(())
    }
}

/// Why reading stopped.
enum Stop {
    /// The old file cannot be read here.
    Damaged,
    /// Something else, which ends the repair.
    Error(StoreError),
}

impl From<rusqlite::Error> for Stop {
    /// Of the old file; what the new one says comes as a [`StoreError`].
    fn from(error: rusqlite::Error) -> Stop {
        match StoreError::from(error) {
            StoreError::DamagedFile | StoreError::Io { .. } => Stop::Damaged,
            other => Stop::Error(other),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Error(error)
    }
}

/// The damaged database, which is only read. A connection that met a damaged page is of no further use, so the next try opens another.
struct Old<'f> {
    files: &'f Files,
    db: Option<Connection>,
    tries: u32,
}

impl Old<'_> {
    fn read<T>(&mut self, read: impl FnOnce(&Connection) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.db.is_none() {
            self.db = Some(self.files.connect(Role::Writer).map_err(|error| match error {
                StoreError::DamagedFile => Stop::Damaged,
                other => Stop::Error(other),
            })?);
        }
        let Some(db) = &self.db else { return Err(Stop::Damaged) };
        let result = read(db);
        if matches!(result, Err(Stop::Damaged)) {
            self.db = None;
            self.tries += 1;
        }
        result
    }

    /// Visits all rows of a table by number, around what is damaged. `sql` selects the number first, between two, in
    /// rising order; `last` is a number up to which there may be rows that cannot be seen. True if nothing was in the way.
    fn sweep(
        &mut self,
        sql: &str,
        last: i64,
        mut visit: impl FnMut(&Row<'_>) -> Result<(), Stop>,
    ) -> Result<bool, StoreError> {
        let falling = format!("{sql} DESC");
        let mut whole = true;
        // Whatever lies beyond the last readable row is looked for as far as something is known of it.
        let mut stretches = vec![(1, i64::MAX)];
        while let Some((mut from, mut to)) = stretches.pop() {
            let up = self.stretch(sql, from, to, &mut visit)?;
            let Some(read) = up else { continue };
            whole = false;
            from = read.map_or(from, |read| read + 1);
            match self.stretch(&falling, from, to, &mut visit)? {
                None => continue,
                Some(Some(read)) => to = read - 1,
                Some(None) if to == i64::MAX => to = last.max(from),
                Some(None) => {}
            }
            // Both ends cannot be read. What lies between may be on other pages.
            if to - from >= 2 && self.tries < TRIES_MAX {
                let middle = from + (to - from) / 2;
                stretches.push((middle + 1, to - 1));
                stretches.push((from + 1, middle));
            }
        }
        Ok(whole)
    }

    /// Visits rows until one cannot be read: `None` if all could, else the number of the last that could.
    fn stretch(
        &mut self,
        sql: &str,
        from: i64,
        to: i64,
        visit: &mut dyn FnMut(&Row<'_>) -> Result<(), Stop>,
    ) -> Result<Option<Option<i64>>, StoreError> {
        if from > to {
            return Ok(None);
        }
        let mut last = None;
        let read = self.read(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query([from, to])?;
            while let Some(row) = rows.next()? {
                visit(row)?;
                last = Some(row.get(0)?);
            }
            Ok(())
        });
        match read {
            Ok(()) => Ok(None),
            Err(Stop::Damaged) => Ok(Some(last)),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}
