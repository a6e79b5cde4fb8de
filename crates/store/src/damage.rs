//! What was here and cannot be read any more.
//!
//! Promise: a place whose bytes cannot be read counts as not held. It is in no span, so it is claimed in no receipt and
//! asked of every peer; when a peer brings it, it is stored again and leaves this list. Receipts that were signed before
//! claim more than there is, so a device that has lost something is to be replaced: that is noted until it is.

use crate::error::StoreError;
use crate::load::has_place;
use crate::state::{get_state, put_state};
use crate::store::{Store, log_of};
use rusqlite::{Connection, params};
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::ids::{LogId, Seq};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// Where is kept what is noted beside the places.
pub(crate) const LOST_KEY: &str = "store/lost";

/// What was here and cannot be read any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lost {
    /// The places that are known.
    pub places: BTreeSet<(LogId, Seq)>,
    /// True if there may have been others that nothing names. Said until the projections are made anew for a check.
    pub unnamed: bool,
    /// True until the site's device, whose receipts may have claimed what was lost, has been replaced.
    pub device_due: bool,
}

impl Lost {
    /// True if everything that was ever stored here is here.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.unnamed
    }

    /// Places of one log, in order.
    pub(crate) fn of(&self, log: LogId) -> impl Iterator<Item = Seq> + '_ {
        self.places.range((log, 0)..=(log, Seq::MAX)).map(|(_, seq)| *seq)
    }

    fn flags(&self) -> u8 {
        u8::from(self.unnamed) | u8::from(self.device_due) << 1
    }

    /// Reads the list.
    pub(crate) fn read(db: &Connection) -> Result<Lost, StoreError> {
        let flags = match get_state(db, LOST_KEY)?.as_deref() {
            None => 0,
            Some([flags]) => *flags,
            Some(_) => return Err(StoreError::DamagedFile),
        };
        let mut statement = db.prepare_cached("SELECT lane, author, seq FROM lost")?;
        let mut rows = statement.query([])?;
        let mut places = BTreeSet::new();
        while let Some(row) = rows.next()? {
            places.insert((log_of(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)?.unsigned_abs()));
        }
        Ok(Lost { places, unnamed: flags & 1 != 0, device_due: flags & 2 != 0 })
    }

    /// Keeps all of the list.
    pub(crate) fn write(&self, db: &Connection) -> Result<(), StoreError> {
        db.execute("DELETE FROM lost", [])?;
        self.places.iter().try_for_each(|(log, seq)| put_place(db, *log, *seq))?;
        self.write_flags(db)
    }

    /// Keeps what is noted beside the places.
    pub(crate) fn write_flags(&self, db: &Connection) -> Result<(), StoreError> {
        let flags = [self.flags()];
        put_state(db, (LOST_KEY, Some(&flags[..]).filter(|_| flags != [0])))
    }
}

fn put_place(db: &Connection, log: LogId, seq: Seq) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO lost (lane, author, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![log.lane as u8, log.author.as_bytes(), seq as i64])?;
    Ok(())
}

/// A place can be read again.
pub(crate) fn forget_place(db: &Connection, log: LogId, seq: Seq) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM lost WHERE lane = ?1 AND author = ?2 AND seq = ?3")?.execute(params![
        log.lane as u8,
        log.author.as_bytes(),
        seq as i64
    ])?;
    Ok(())
}

impl Store {
    /// What was here and cannot be read any more, as far as it has been met.
    pub fn lost(&self) -> &Lost {
        &self.lost
    }

    /// True once after places were found unreadable or the database was made anew: whoever keeps an account of what is
    /// held reads it again then.
    pub fn take_shrunk(&mut self) -> bool {
        std::mem::take(&mut self.shrunk)
    }

    /// True once after somebody who read met a damaged page. [`Store::repair`] helps.
    pub fn take_met_damage(&mut self) -> bool {
        self.files.readers.met_damage.swap(false, Ordering::Relaxed)
    }

    /// Takes in what it does not hold of these: copies that were kept elsewhere.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn put_back(&mut self, entries: &[Entry], directory: &Directory) -> Result<(), StoreError> {
        let mut lacking = Vec::new();
        for entry in entries {
            let (log, seq) = (entry.header().log, entry.header().seq);
            let held = has_place(&self.db, log, seq).map_err(|error| self.recover(error))?;
            if !held || self.lost.places.contains(&(log, seq)) {
                lacking.push(entry.clone());
            }
        }
        if lacking.is_empty() { Ok(()) } else { self.append(&lacking, directory).map(drop) }
    }

    /// Notes a place that cannot be read.
    pub(crate) fn note_lost(&mut self, log: LogId, seq: Seq) {
        if self.lost.places.insert((log, seq)) {
            self.shrunk = true;
            self.lost.device_due = true;
            // What is not kept is found again; the note only saves looking.
            let kept = put_place(&self.db, log, seq).and_then(|()| self.lost.write_flags(&self.db));
            if let Err(error) = kept {
                self.recover(error);
            }
        }
    }
}
