//! Opening what was sealed, once its key has come.

use crate::append::{EntryState, Opened};
use crate::error::StoreError;
use crate::project::Projector;
use crate::store::Store;
use crate::tally::Tally;
use rusqlite::{Transaction, TransactionBehavior, params};
use sanad_log::directory::Directory;
use sanad_log::entry::{Entry, HEADER_LEN};
use sanad_log::ids::{ScopeTag, Seq};
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
            let mut cursor: Option<Cursor> = Some((0, 0));
            while let Some(from) = cursor {
                cursor = self.open_some(scope, from, directory, &mut done).map_err(|error| self.recover(error))?;
            }
        }
        Ok(done)
    }

    /// Opens what the keys at hand open.
    pub(crate) fn open_readable(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let readable = self.sealed_scopes()?.into_iter().filter(|scope| directory.is_readable(scope)).collect();
        self.open_backlog(&readable, directory).map(drop)
    }

    /// One transaction's worth; the cursor to go on from, or `None` at the end.
    fn open_some(
        &mut self,
        scope: &ScopeTag,
        from: Cursor,
        directory: &Directory,
        done: &mut BacklogOpened,
    ) -> Result<Option<Cursor>, StoreError> {
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let Piece { sealed, next } = sealed_of(&tx, scope, from)?;
        let mut projector = Projector::new(&tx)?;
        let (mut step, mut tally) = (BacklogOpened::default(), Tally::default());
        let mut update = tx.prepare_cached("UPDATE entry SET state = ?3, records = ?4 WHERE log = ?1 AND seq = ?2")?;
        for (log, entry) in &sealed {
            let opened = Opened::of(entry, None, directory);
            match opened.state {
                EntryState::Sealed | EntryState::Control => {
                    step.sealed += 1;
                    continue;
                }
                EntryState::Readable => step.readable += 1,
                EntryState::BrokenSeal | EntryState::NotASave => step.unreadable += 1,
            }
            let seq = entry.header().seq as i64;
            let updated = update.execute(params![log, seq, opened.state as u8, opened.records()])?;
            assert!(updated == 1, "an entry has one row");
            let bytes = HEADER_LEN + entry.body().len();
            tally.bytes(EntryState::Sealed, bytes, -1);
            tally.bytes(opened.state, bytes, 1);
            tally.entry(EntryState::Sealed, None, -1);
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
        Ok(next)
    }
}

/// One transaction's worth of a backlog.
struct Piece {
    /// The number of the log, and the entry.
    sealed: Vec<(i64, Entry)>,
    /// Where to go on; `None` at the end.
    next: Option<Cursor>,
}

/// Sealed entries of a scope after a cursor.
fn sealed_of(tx: &Transaction<'_>, scope: &ScopeTag, from: Cursor) -> Result<Piece, StoreError> {
    let mut places = tx.prepare_cached(
        "SELECT log, seq, blob FROM entry WHERE scope = (SELECT n FROM scope WHERE tag = ?1) AND state = ?2
         AND (log, seq) > (?3, ?4) ORDER BY log, seq LIMIT ?5",
    )?;
    let sealed = EntryState::Sealed as u8;
    let rows = places.query_map(params![scope.as_bytes(), sealed, from.0, from.1, ENTRIES_MAX], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    let places: Vec<(i64, i64, i64)> = rows.collect::<Result<_, _>>()?;
    let mut blob = tx.prepare_cached("SELECT header, body FROM blob WHERE id = ?1")?;
    let (mut piece, mut bytes) = (Piece { sealed: Vec::new(), next: None }, 0usize);
    for (log, seq, id) in &places {
        let (header, body): (Vec<u8>, Vec<u8>) = blob.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        bytes += body.len();
        // A body that no longer matches its hash stays sealed; the check names it, and nothing else waits for it.
        if let Ok(entry) = Entry::from_disk(&header, body) {
            assert!(entry.header().seq == *seq as Seq, "a body stands at its place");
            piece.sealed.push((*log, entry));
        }
        piece.next = Some((*log, *seq));
        if bytes >= BYTES_MAX {
            return Ok(piece);
        }
    }
    piece.next = piece.next.filter(|_| places.len() == ENTRIES_MAX as usize);
    Ok(piece)
}
