//! What was here and cannot be read any more.
//!
//! Promise: a place whose bytes cannot be read counts as not held. It is in no span, so it is claimed in no receipt and
//! asked of every peer; when a peer brings it, it is stored again and leaves this list. Receipts that were signed before
//! claim more than there is, so a device that has lost something is to be replaced: that is noted until it is.

use crate::error::StoreError;
use crate::load::has_place;
use crate::state::{get_state, put_state};
use crate::store::{Store, log_of};
use rusqlite::Connection;
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::ids::{LogId, Seq};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// Where the list is kept.
pub(crate) const LOST_KEY: &str = "store/lost";
/// Bytes of one place in it: lane, author, place.
const PLACE_BYTES: usize = 1 + 32 + 8;

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

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.unnamed) | u8::from(self.device_due) << 1];
        for (log, seq) in &self.places {
            bytes.push(log.lane as u8);
            bytes.extend_from_slice(log.author.as_bytes());
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Lost> {
        let (flags, places) = bytes.split_first()?;
        let place = |bytes: &[u8]| {
            let (author, seq) = (bytes[1..33].try_into().ok()?, bytes[33..].try_into().ok()?);
            Some((log_of(bytes[0], author).ok()?, u64::from_be_bytes(seq)))
        };
        let places = places.chunks(PLACE_BYTES).map(|bytes| (bytes.len() == PLACE_BYTES).then(|| place(bytes))?);
        let places = places.collect::<Option<_>>()?;
        Some(Lost { places, unnamed: flags & 1 != 0, device_due: flags & 2 != 0 })
    }

    /// Reads the list.
    pub(crate) fn read(db: &Connection) -> Result<Lost, StoreError> {
        let bytes = get_state(db, LOST_KEY)?;
        bytes.map_or_else(|| Ok(Lost::default()), |bytes| Lost::decode(&bytes).ok_or(StoreError::DamagedFile))
    }

    /// Keeps the list.
    pub(crate) fn write(&self, db: &Connection) -> Result<(), StoreError> {
        let bytes = self.encode();
        put_state(db, (LOST_KEY, Some(bytes.as_slice()).filter(|_| *self != Lost::default())))
    }
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
            if let Err(error) = self.lost.write(&self.db) {
                self.recover(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sanad_log::ids::{DeviceId, Lane};

    #[test]
    fn the_list_reads_back_and_a_torn_one_is_refused() {
        let log = LogId { lane: Lane::Urgent, author: DeviceId([7; 32]) };
        let lost = Lost { places: BTreeSet::from([(log, 3), (log, 9)]), unnamed: false, device_due: true };
        assert_eq!(Lost::decode(&lost.encode()), Some(lost.clone()));
        let bytes = lost.encode();
        assert_eq!(Lost::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Lost::decode(&[]), None);
        let unnamed = Lost { unnamed: true, ..Lost::default() };
        assert_eq!(Lost::decode(&unnamed.encode()), Some(unnamed.clone()));
        assert!(!unnamed.is_empty() && Lost::default().is_empty());
    }
}
