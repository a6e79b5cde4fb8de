//! Opening what was sealed, once its key has come.

use crate::append::{EntryState, Opened};
use crate::error::StoreError;
use crate::project::Projector;
use crate::quarantine;
use crate::store::{Store, logs};
use crate::tally::Tally;
use rusqlite::types::Value;
use rusqlite::{Transaction, TransactionBehavior, params};
use sanad_log::directory::Directory;
use sanad_log::entry::{Entry, HEADER_LEN};
use sanad_log::ids::{Lane, LogId, ScopeTag, Seq};
use std::collections::BTreeSet;

/// Entries opened in one transaction: a second or less, so that a save does not wait long behind a granted chart.
const ENTRIES_MAX: u32 = 1_000;
/// Bodies opened in one transaction, in bytes.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What opening a backlog did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BacklogOpened {
    /// Entries that can be read from now on.
    pub readable: u64,
    /// Entries that opened wrongly or hold no save.
    pub unreadable: u64,
    /// Entries whose key is still not here.
    pub sealed: u64,
    /// Entries whose author is still not known to be enrolled.
    pub strangers: u64,
}

/// How far a scope has been gone through: a log's number and a place.
type Cursor = (i64, i64);

impl Store {
    /// Projects the sealed entries of these scopes that can be opened now, in transactions of bounded size. Stopped half
    /// way, it goes on from there the next time; [`Store::sealed_scopes`] tells at the start what may be left.
    ///
    /// # Errors
    /// [`StoreError::Full`], input/output: what was opened before stays opened.
    pub fn open_backlog(
        &mut self,
        scopes: &BTreeSet<ScopeTag>,
        directory: &Directory,
    ) -> Result<BacklogOpened, StoreError> {
        let mut done = BacklogOpened::default();
        for scope in scopes {
            self.open_all(&Backlog::Sealed(*scope), directory, &mut done)?;
        }
        Ok(done)
    }

    /// Opens what the keys at hand open.
    pub(crate) fn open_readable(&mut self, directory: &Directory) -> Result<(), StoreError> {
        self.look_again(directory)?;
        let readable = self.sealed_scopes()?.into_iter().filter(|scope| directory.is_readable(scope)).collect();
        self.open_backlog(&readable, directory).map(drop)
    }

    /// Looks again at what the log holds and does not show: entries whose author has been enrolled meanwhile are taken in,
    /// and so is what this release reads and the one before did not. Sealed entries of authors that nobody knows are set
    /// apart, as they would have been when they came.
    ///
    /// # Errors
    /// [`StoreError::Full`], input/output: what was taken in before stays taken in.
    pub fn look_again(&mut self, directory: &Directory) -> Result<BacklogOpened, StoreError> {
        let mut done = BacklogOpened::default();
        for log in self.logs_of_strangers(directory)? {
            let unknown = Backlog::SealedIn(log);
            self.open_all(&unknown, directory, &mut done)?;
        }
        self.open_all(&Backlog::Apart, directory, &mut done)?;
        Ok(done)
    }

    /// Takes in what authors wrote who have been enrolled since.
    ///
    /// # Errors
    /// As [`Store::look_again`].
    pub fn take_in_strangers(&mut self, directory: &Directory) -> Result<BacklogOpened, StoreError> {
        let mut done = BacklogOpened::default();
        self.open_all(&Backlog::Strangers, directory, &mut done)?;
        Ok(done)
    }

    /// The numbers of logs whose author is not known to be enrolled.
    fn logs_of_strangers(&self, directory: &Directory) -> Result<Vec<i64>, StoreError> {
        if directory.is_keeper() {
            return Ok(Vec::new());
        }
        let unknown = |log: &LogId| log.lane != Lane::Control && directory.facility_of(&log.author).is_none();
        Ok(logs(&self.db)?.into_iter().filter(|(_, log)| unknown(log)).map(|(n, _)| n).collect())
    }

    fn open_all(&mut self, which: &Backlog, directory: &Directory, done: &mut BacklogOpened) -> Result<(), StoreError> {
        let mut cursor: Option<Cursor> = Some((0, 0));
        while let Some(from) = cursor {
            cursor = self.open_some(which, from, directory, done).map_err(|error| self.recover(error))?;
        }
        Ok(())
    }

    /// One transaction's worth; the cursor to go on from, or `None` at the end.
    fn open_some(
        &mut self,
        which: &Backlog,
        from: Cursor,
        directory: &Directory,
        done: &mut BacklogOpened,
    ) -> Result<Option<Cursor>, StoreError> {
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let Piece { closed, next } = piece_of(&tx, which, from)?;
        let mut projector = Projector::new(&tx)?;
        let (mut step, mut tally) = (BacklogOpened::default(), Tally::default());
        let mut update = tx.prepare_cached("UPDATE entry SET state = ?3, records = ?4 WHERE log = ?1 AND seq = ?2")?;
        for (log, was, entry) in &closed {
            let opened = Opened::of(entry, None, directory);
            match opened.state {
                EntryState::Sealed | EntryState::Control => step.sealed += 1,
                EntryState::Readable => step.readable += 1,
                EntryState::BrokenSeal | EntryState::NotASave => step.unreadable += 1,
                EntryState::Stranger => step.strangers += 1,
            }
            if opened.state == *was {
                continue;
            }
            let seq = entry.header().seq as i64;
            let updated = update.execute(params![log, seq, opened.state as u8, opened.records()])?;
            assert!(updated == 1, "an entry has one row");
            quarantine::note_again(&tx, entry, &opened)?;
            let bytes = HEADER_LEN + entry.body().len();
            tally.bytes(*was, bytes, -1);
            tally.bytes(opened.state, bytes, 1);
            tally.entry(*was, None, -1);
            tally.entry(opened.state, opened.records(), 1);
            if let Some(save) = &opened.save {
                projector.save(*log, entry, save)?;
            }
        }
        drop(update);
        projector.finish(&mut tally)?;
        tally.write(&tx)?;
        tx.commit()?;
        done.readable += step.readable;
        done.unreadable += step.unreadable;
        done.sealed += step.sealed;
        done.strangers += step.strangers;
        Ok(next)
    }
}

/// Which entries to look at again.
enum Backlog {
    /// The sealed ones of a chart.
    Sealed(ScopeTag),
    /// The sealed ones of a log.
    SealedIn(i64),
    /// Those of authors who were not known.
    Strangers,
    /// All that the log holds apart.
    Apart,
}

impl Backlog {
    /// What they are, as a condition; `?1` is the chart or the log.
    fn condition(&self) -> &'static str {
        match self {
            Backlog::Sealed(_) => "scope = (SELECT n FROM scope WHERE tag = ?1) AND state = 1",
            Backlog::SealedIn(_) => "log = ?1 AND state = 1",
            Backlog::Strangers => "state > 2 AND state = 5 AND ?1 IS NULL",
            Backlog::Apart => "state > 2 AND ?1 IS NULL",
        }
    }

    fn of_what(&self) -> Value {
        match self {
            Backlog::Sealed(scope) => Value::Blob(scope.as_bytes().to_vec()),
            Backlog::SealedIn(log) => Value::Integer(*log),
            Backlog::Strangers | Backlog::Apart => Value::Null,
        }
    }
}

/// One transaction's worth of a backlog.
struct Piece {
    /// The number of the log, what was known of the entry, and the entry.
    closed: Vec<(i64, EntryState, Entry)>,
    /// Where to go on; `None` at the end.
    next: Option<Cursor>,
}

/// Entries of a backlog after a cursor.
fn piece_of(tx: &Transaction<'_>, which: &Backlog, from: Cursor) -> Result<Piece, StoreError> {
    let sql = format!(
        "SELECT log, seq, blob, state FROM entry WHERE {} AND (log, seq) > (?2, ?3) ORDER BY log, seq LIMIT ?4",
        which.condition()
    );
    let mut places = tx.prepare_cached(&sql)?;
    let rows = places.query_map(params![which.of_what(), from.0, from.1, ENTRIES_MAX], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let places: Vec<(i64, i64, i64, u8)> = rows.collect::<Result<_, _>>()?;
    let mut blob = tx.prepare_cached("SELECT header, body FROM blob WHERE id = ?1")?;
    let (mut piece, mut bytes) = (Piece { closed: Vec::new(), next: None }, 0usize);
    for (log, seq, id, state) in &places {
        let (header, body): (Vec<u8>, Vec<u8>) = blob.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let state = EntryState::from_u8(*state).ok_or(StoreError::DamagedFile)?;
        bytes += body.len();
        // A body that no longer matches its hash stays closed; the check names it, and nothing else waits for it.
        if let Ok(entry) = Entry::from_disk(&header, body) {
            assert!(entry.header().seq == *seq as Seq, "a body stands at its place");
            piece.closed.push((*log, state, entry));
        }
        piece.next = Some((*log, *seq));
        if bytes >= BYTES_MAX {
            return Ok(piece);
        }
    }
    piece.next = piece.next.filter(|_| places.len() == ENTRIES_MAX as usize);
    Ok(piece)
}
