//! Authors of whom nobody has said here that they belong to the network. What they write is taken, held and passed on like
//! any other entry, since their enrolment may come later and by another way; but only so much of it, so that whoever makes
//! up authors fills no disk. What does not fit is claimed by no receipt and asked for again in the next session.

use super::Replica;
use crate::entry::Entry;
use crate::frontier::Range;
use crate::ids::{Lane, LogId};

/// Entries of strangers that are held, the control lane left out: a day of a large facility.
pub const STRANGER_ENTRIES_MAX: u64 = 4_096;
/// Largest body that is taken from a stranger. With [`STRANGER_ENTRIES_MAX`] it bounds what they can take up to 256 MiB.
pub const STRANGER_BODY_BYTES_MAX: usize = 64 * 1024;

impl Replica {
    /// True if this log's author is not known to be enrolled. A keeper knows few who are, and has a bound of its own; and
    /// without control entries nobody would ever be known.
    fn is_stranger(&self, log: &LogId) -> bool {
        self.keeper.is_none() && log.lane != Lane::Control && self.directory.facility_of(&log.author).is_none()
    }

    /// How many more entries of strangers are taken.
    fn strangers_left(&self) -> u64 {
        let of_strangers = self.chains.spans().filter(|span| self.is_stranger(&span.log));
        STRANGER_ENTRIES_MAX.saturating_sub(of_strangers.map(|span| span.to - span.from + 1).sum())
    }

    /// Asks for nothing of strangers once as much of them is held as may be.
    pub(super) fn bound_strangers(&self, wanted: &mut Vec<Range>) {
        if wanted.iter().any(|range| self.is_stranger(&range.log)) && self.strangers_left() == 0 {
            wanted.retain(|range| !self.is_stranger(&range.log));
        }
    }

    /// Leaves out of a run what is not taken from a stranger. Returns how many entries that were.
    pub(super) fn bound_stranger(&self, log: &LogId, entries: &mut Vec<Entry>) -> u64 {
        if entries.is_empty() || !self.is_stranger(log) {
            return 0;
        }
        let came = entries.len();
        let fit = entries.iter().take_while(|entry| entry.body().len() <= STRANGER_BODY_BYTES_MAX).count();
        entries.truncate(fit.min(usize::try_from(self.strangers_left()).unwrap_or(usize::MAX)));
        (came - entries.len()) as u64
    }
}
