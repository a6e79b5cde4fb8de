//! Taking entries in: one transaction, durable when it returns, readable at once where the key is here.
//!
//! Promise: what [`Store::commit`] has acknowledged is on the disk; what it refused has left no trace.

use crate::carried;
use crate::damage::forget_place;
use crate::error::StoreError;
use crate::project::Projector;
use crate::quarantine::{self, Apart, Came, Reason};
use crate::state::{StateChange, put_state};
use crate::store::Store;
use crate::tally::{CUT, Tally};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sanad_log::directory::{Directory, Unreadable};
use sanad_log::entry::{BODY_BYTES_MAX, Entry, HEADER_LEN, Header, SEQ_MAX};
use sanad_log::ids::{EntryId, Lane, LogId, ScopeTag, Seq};
use sanad_log::seal::Clear;
use sanad_record::op::{CodecError, DecodeError, Save};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// An entry to take in. The caller has checked it, or signed it.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its plain body, where the caller knows it already: what was sealed a moment ago need not be opened again.
    pub text: Option<&'a Clear>,
    /// What the plain body says, where the caller knows that too: it must be what [`Save::decode`] makes of it.
    pub save: Option<&'a Save>,
    /// When and from whom it came.
    pub came: Came,
}

/// What is to become durable together.
#[derive(Clone, Copy, Default)]
pub struct Batch<'a> {
    /// Entries; duplicates are passed over.
    pub entries: &'a [Incoming<'a>],
    /// Changes of the node's own values.
    pub state: &'a [StateChange<'a>],
}

/// What a commit did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Appended {
    /// Entries that were not held before.
    pub stored: u64,
    /// Entries that were held already.
    pub duplicates: u64,
    /// Places at which another entry of the same author is held: proof of a fork, kept as evidence.
    pub forks: Vec<(LogId, Seq)>,
    /// Of the stored ones, those that are sealed here.
    pub sealed: u64,
    /// Of the stored ones, those whose author is not known to be enrolled.
    pub strangers: u64,
    /// Places of stored entries that opened wrongly or do not hold a save: kept, listed, passed over.
    pub unreadable: Vec<(LogId, Seq)>,
}

/// What is known of an entry's body, as stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum EntryState {
    /// Of the control lane; the directory reads it, there is no record in it.
    Control = 0,
    /// Its key is not here.
    Sealed = 1,
    /// Opened; its records are in the projections.
    Readable = 2,
    /// Its key is here and the seal does not hold.
    BrokenSeal = 3,
    /// It opened and does not hold a save.
    NotASave = 4,
    /// Its author is not known to be enrolled: held and passed on, and shown once that is known.
    Stranger = 5,
}

impl EntryState {
    /// Reads the column.
    pub(crate) fn from_u8(byte: u8) -> Option<EntryState> {
        use EntryState::{BrokenSeal, Control, NotASave, Readable, Sealed, Stranger};
        [Control, Sealed, Readable, BrokenSeal, NotASave, Stranger].into_iter().find(|state| *state as u8 == byte)
    }

    /// True for what is listed as unreadable.
    pub fn is_unreadable(self) -> bool {
        matches!(self, EntryState::BrokenSeal | EntryState::NotASave)
    }
}

/// An entry's body as far as it can be read here.
pub(crate) struct Opened<'a> {
    pub(crate) state: EntryState,
    pub(crate) save: Option<Cow<'a, Save>>,
    /// True if it is no save because a later release wrote it.
    pub(crate) newer: bool,
}

impl<'a> Opened<'a> {
    /// Takes what the caller knows, and opens the rest.
    fn of_incoming(incoming: &Incoming<'a>, directory: &Directory) -> Opened<'a> {
        match (incoming.save, incoming.entry.header().log.lane) {
            (None, _) | (_, Lane::Control) => Opened::of(incoming.entry, incoming.text, directory),
            (Some(save), _) => Opened { state: EntryState::Readable, save: Some(Cow::Borrowed(save)), newer: false },
        }
    }

    /// Opens a body, or says why not. Depends on the entry and the directory only.
    pub(crate) fn of(entry: &Entry, text: Option<&Clear>, directory: &Directory) -> Opened<'static> {
        let bare = |state| Opened { state, save: None, newer: false };
        if entry.header().log.lane == Lane::Control {
            return bare(EntryState::Control);
        }
        // What this device has written itself needs nobody's word; what it knows the text of, it has written.
        if text.is_none() && is_strangers(entry, directory) {
            return bare(EntryState::Stranger);
        }
        let opened;
        let text = match text {
            Some(text) => text,
            None => match directory.open(entry) {
                Ok(text) => {
                    opened = text;
                    &opened
                }
                Err(Unreadable::Broken) => return bare(EntryState::BrokenSeal),
                Err(_) => return bare(EntryState::Sealed),
            },
        };
        match Save::decode(text.expose()) {
            Ok(save) => Opened { state: EntryState::Readable, save: Some(Cow::Owned(save)), newer: false },
            Err(error) => {
                let newer = matches!(error, DecodeError::Codec(CodecError::UnknownCodec(_)));
                Opened { newer, ..bare(EntryState::NotASave) }
            }
        }
    }

    /// Records in it: the operations of a readable save, none in a control entry, unknown otherwise.
    pub(crate) fn records(&self) -> Option<i64> {
        match (&self.save, self.state) {
            (Some(save), _) => Some(save.ops.len() as i64),
            (None, EntryState::Control) => Some(0),
            (None, _) => None,
        }
    }
}

/// True if nobody has said that its author, or that of the entry it carries, belongs to the network. A keeper reads nothing
/// and so need not know.
fn is_strangers(entry: &Entry, directory: &Directory) -> bool {
    let unknown = |entry: &Entry| directory.facility_of(&entry.header().log.author).is_none();
    !directory.is_keeper() && (unknown(entry) || entry.carried().as_ref().is_some_and(unknown))
}

impl Store {
    /// Takes entries in. See [`Store::commit`].
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn append(&mut self, entries: &[Entry], directory: &Directory) -> Result<Appended, StoreError> {
        let entries: Vec<_> =
            entries.iter().map(|entry| Incoming { entry, text: None, save: None, came: Came::default() }).collect();
        self.commit(Batch { entries: &entries, state: &[] }, directory)
    }

    /// Takes a batch in: all of it durable when this returns, or none of it after an error. Entries already held are
    /// passed over; what can be opened is projected in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`]: nothing of the batch is kept, the next one works when there is room
    /// again. [`StoreError::DamagedFile`]: a page that had to be read is damaged.
    pub fn commit(&mut self, batch: Batch<'_>, directory: &Directory) -> Result<Appended, StoreError> {
        let error = match self.try_commit(batch, directory) {
            Ok(done) => return Ok(done),
            Err(error) => self.recover(error),
        };
        // An earlier read may have met a damaged page that this batch does not need; on the new connection it goes through.
        match error {
            StoreError::DamagedFile => self.try_commit(batch, directory).map_err(|error| self.recover(error)),
            error => Err(error),
        }
    }

    fn try_commit(&mut self, batch: Batch<'_>, directory: &Directory) -> Result<Appended, StoreError> {
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let mut places = Places { tx: &tx, logs: &mut self.logs, next_blob: &mut self.next_blob };
        let mut projector = Projector::new(&tx)?;
        let (mut done, mut counts, mut found) = (Appended::default(), Tally::default(), BTreeSet::new());
        for incoming in batch.entries {
            let entry = incoming.entry;
            let (log, header) = (places.log(entry.header().log)?, entry.header());
            if self.lost.places.contains(&(header.log, header.seq)) {
                found.insert((header.log, header.seq));
                forget_place(&tx, header.log, header.seq)?;
                quarantine::forget_shown(&tx, header.log, header.seq)?;
                if places.put_again(log, entry)? {
                    // The bytes have another number now, and the old one stands for nothing.
                    counts.add(CUT, 1);
                    done.stored += 1;
                    continue;
                }
            }
            match places.held(log, header.seq)? {
                Some(id) if id == entry.id() => done.duplicates += 1,
                Some(_) => {
                    let bytes = [header.encode().as_slice(), entry.body()].concat();
                    let (log, seq) = (header.log, header.seq);
                    let apart = Apart { log, seq, reason: Reason::Fork, came: incoming.came, bytes: &bytes };
                    quarantine::keep_apart(&tx, &apart)?;
                    done.forks.push((header.log, header.seq));
                }
                None => {
                    let opened = Opened::of_incoming(incoming, directory);
                    places.put(log, entry, &opened)?;
                    counts.entry(opened.state, opened.records(), 1);
                    counts.bytes(opened.state, HEADER_LEN + entry.body().len(), 1);
                    done.stored += 1;
                    done.sealed += u64::from(opened.state == EntryState::Sealed);
                    done.strangers += u64::from(opened.state == EntryState::Stranger);
                    if opened.state.is_unreadable() {
                        done.unreadable.push((header.log, header.seq));
                    }
                    quarantine::note(&tx, entry, &opened, incoming.came)?;
                    if let Some(inner) = entry.carried() {
                        let branch = places.log(inner.header().log)?;
                        carried::note(&tx, &inner.id(), branch, log)?;
                        projector.expect_twice();
                    }
                    if let Some(save) = &opened.save {
                        projector.save(log, entry, save)?;
                    }
                }
            }
        }
        projector.finish(&mut counts)?;
        counts.write(&tx)?;
        for change in batch.state {
            put_state(&tx, *change)?;
        }
        tx.commit()?;
        self.lost.places.retain(|place| !found.contains(place));
        let sum = done.stored + done.duplicates + done.forks.len() as u64;
        assert!(sum == batch.entries.len() as u64, "every entry of the batch is accounted for");
        Ok(done)
    }
}

/// Where entries go, within one transaction.
struct Places<'a> {
    tx: &'a Transaction<'a>,
    logs: &'a mut BTreeMap<LogId, i64>,
    next_blob: &'a mut i64,
}

impl Places<'_> {
    fn log(&mut self, log: LogId) -> Result<i64, StoreError> {
        if let Some(n) = self.logs.get(&log) {
            return Ok(*n);
        }
        self.tx
            .prepare_cached("INSERT INTO log (lane, author) VALUES (?1, ?2)")?
            .execute(params![log.lane as u8, log.author.as_bytes()])?;
        let n = self.tx.last_insert_rowid();
        self.logs.insert(log, n);
        Ok(n)
    }

    /// Puts the bytes of an entry back where they could not be read any more; false if the place itself is gone too. What
    /// is known of the entry and what the projections made of it stays: the author has signed one entry for this place.
    /// (Where the author has signed two, a rebuild tells.)
    fn put_again(&mut self, log: i64, entry: &Entry) -> Result<bool, StoreError> {
        let header = entry.header();
        let mut place = self.tx.prepare_cached("UPDATE entry SET blob = ?3 WHERE log = ?1 AND seq = ?2")?;
        if place.execute(params![log, header.seq as i64, *self.next_blob])? == 0 {
            return Ok(false);
        }
        drop(place);
        self.put_blob(entry)?;
        Ok(true)
    }

    fn held(&self, log: i64, seq: Seq) -> Result<Option<EntryId>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT header FROM entry JOIN blob ON blob.id = entry.blob WHERE log = ?1 AND seq = ?2")?;
        let header: Option<[u8; HEADER_LEN]> =
            statement.query_row(params![log, seq as i64], |row| row.get(0)).optional()?;
        header
            .map(|bytes| Header::decode(&bytes).map(|header| header.id()))
            .transpose()
            .map_err(|_| StoreError::DamagedFile)
    }

    fn put(&mut self, log: i64, entry: &Entry, opened: &Opened<'_>) -> Result<(), StoreError> {
        let header = entry.header();
        assert!((1..=SEQ_MAX).contains(&header.seq), "a place in a log");
        assert!(header.body_len as usize == entry.body().len() && entry.body().len() <= BODY_BYTES_MAX, "a whole body");
        let blob = self.put_blob(entry)?;
        self.tx
            .prepare_cached(
                "INSERT INTO entry (log, seq, scope, state, records, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                log,
                header.seq as i64,
                scope_number(self.tx, &header.scope)?,
                opened.state as u8,
                opened.records(),
                blob
            ])?;
        Ok(())
    }

    fn put_blob(&mut self, entry: &Entry) -> Result<i64, StoreError> {
        let blob = *self.next_blob;
        let mut statement = self.tx.prepare_cached("INSERT INTO blob (id, header, body) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![blob, entry.header().encode(), entry.body()])?;
        *self.next_blob += 1;
        Ok(blob)
    }
}

/// The number of a scope, given if it has none yet. Charts may be too many to be kept in memory.
pub(crate) fn scope_number(db: &Connection, scope: &ScopeTag) -> Result<i64, StoreError> {
    let mut known = db.prepare_cached("SELECT n FROM scope WHERE tag = ?1")?;
    if let Some(n) = known.query_row([scope.as_bytes()], |row| row.get(0)).optional()? {
        return Ok(n);
    }
    db.prepare_cached("INSERT INTO scope (tag) VALUES (?1)")?.execute([scope.as_bytes()])?;
    Ok(db.last_insert_rowid())
}
