//! What was here and cannot be read any more.
//!
//! Promise: a place whose bytes cannot be read counts as not held. It is in no span, so it is claimed in no receipt and
//! asked of every peer; when a peer brings it, it is stored again and leaves this list. The list is also what keeps a
//! device from writing a second entry at a place of its own log that it may have shown to others.

use crate::error::StoreError;
use crate::load::has_place;
use crate::state::{get_state, put_state};
use crate::store::{Store, log_of};
use rusqlite::Connection;
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::ids::{DeviceId, Lane, LogId, Seq};
use std::collections::{BTreeMap, BTreeSet};
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
    /// True if there may have been others that nothing names: then nobody knows where this device's own logs ended.
    pub ends_unknown: bool,
}

impl Lost {
    /// True if everything that was ever stored here is here.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && !self.ends_unknown
    }

    /// Places of one log, in order.
    pub(crate) fn of(&self, log: LogId) -> impl Iterator<Item = Seq> + '_ {
        self.places.range((log, 0)..=(log, Seq::MAX)).map(|(_, seq)| *seq)
    }

    /// The last place of each of a device's logs that cannot be read; the largest number where it is not known. A device
    /// may write on in a log only where it holds an entry at that place or after it.
    pub fn ends_of(&self, device: DeviceId) -> BTreeMap<Lane, Seq> {
        let end = |lane| match self.ends_unknown {
            true => Some(Seq::MAX),
            false => self.of(LogId { lane, author: device }).last(),
        };
        Lane::ALL.into_iter().filter_map(|lane| Some((lane, end(lane)?))).collect()
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.ends_unknown)];
        for (log, seq) in &self.places {
            bytes.push(log.lane as u8);
            bytes.extend_from_slice(log.author.as_bytes());
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Lost> {
        let (flag, places) = bytes.split_first()?;
        let place = |bytes: &[u8]| {
            let (author, seq) = (bytes[1..33].try_into().ok()?, bytes[33..].try_into().ok()?);
            Some((log_of(bytes[0], author).ok()?, u64::from_be_bytes(seq)))
        };
        let places = places.chunks(PLACE_BYTES).map(|bytes| (bytes.len() == PLACE_BYTES).then(|| place(bytes))?);
        Some(Lost { places: places.collect::<Option<_>>()?, ends_unknown: *flag != 0 })
    }

    /// Reads the list.
    pub(crate) fn read(db: &Connection) -> Result<Lost, StoreError> {
        let bytes = get_state(db, LOST_KEY)?;
        bytes.map_or_else(|| Ok(Lost::default()), |bytes| Lost::decode(&bytes).ok_or(StoreError::DamagedFile))
    }

    /// Keeps the list.
    pub(crate) fn write(&self, db: &Connection) -> Result<(), StoreError> {
        let bytes = self.encode();
        put_state(db, (LOST_KEY, Some(bytes.as_slice()).filter(|_| !self.is_empty())))
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

    #[test]
    fn the_list_reads_back_and_a_torn_one_is_refused() {
        let log = LogId { lane: Lane::Urgent, author: DeviceId([7; 32]) };
        let lost = Lost { places: BTreeSet::from([(log, 3), (log, 9)]), ends_unknown: false };
        assert_eq!(Lost::decode(&lost.encode()), Some(lost.clone()));
        assert_eq!(lost.ends_of(log.author), BTreeMap::from([(Lane::Urgent, 9)]));
        assert_eq!(lost.ends_of(DeviceId([8; 32])), BTreeMap::new());
        let bytes = lost.encode();
        assert_eq!(Lost::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Lost::decode(&[]), None);
        let unknown = Lost { ends_unknown: true, ..Lost::default() };
        assert_eq!(unknown.ends_of(log.author).len(), 4);
        assert!(!unknown.is_empty() && Lost::default().is_empty());
    }
}
