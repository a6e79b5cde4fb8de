//! Is everything still there, and does what is shown still follow from it?
//!
//! Promise: the log is the truth. A rebuild makes every projection again from it and says whether anything differed; where
//! there is damage, the whole database is made anew from what can be read, and the damaged file is kept.

use crate::append::{EntryState, Opened};
use crate::damage::Lost;
use crate::db::Role;
use crate::digest;
use crate::error::StoreError;
use crate::load;
use crate::project::Projector;
use crate::quarantine;
use crate::repair::Repaired;
use crate::schema;
use crate::store::Store;
use crate::tally::{self, Tally};
use rusqlite::{Transaction, TransactionBehavior, params};
use sanad_log::chain::Span;
use sanad_log::directory::Directory;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{EntryId, LogId, NetworkId, Seq};
use sanad_log::sign::Verifier;

/// Places looked at between two reports of progress, and the piece in which a check can be cut into slices.
const PIECE: u64 = 1_024;
/// Bodies in memory at once, in bytes.
const PIECE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most damages listed; beyond, the count goes on.
const DAMAGES_MAX: usize = 1_000;
/// Lines that SQLite's own check may report.
const STRUCTURE_LINES_MAX: u32 = 100;

/// What to check.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    /// Check signatures with this, of this network; slower, and needed only where the disk is not trusted.
    pub signatures: Option<(&'a NetworkId, &'a dyn Verifier)>,
    /// Look at slice `n` of `t` of the entries only, from 1.
    pub slice: (u64, u64),
    /// Make all projections again and compare.
    pub rebuild: bool,
}

impl Default for Check<'_> {
    /// Everything once, without signatures and without a rebuild.
    fn default() -> Self {
        Check { signatures: None, slice: (1, 1), rebuild: false }
    }
}

/// What a check is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Looking at the pages of the database.
    Pages,
    /// Looking at entries.
    Entries,
    /// Making projections again.
    Rebuild,
}

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Damage {
    /// Pages of the database do not pass their check: how many lines were reported.
    Pages(u64),
    /// The tables do not fit together: how many lines were reported.
    Structure(u64),
    /// An entry's bytes do not match their hash, or cannot be read.
    Body(LogId, Seq),
    /// An entry does not name the one before it.
    Chain(LogId, Seq),
    /// An entry's signature does not hold.
    Signature(LogId, Seq),
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Entries looked at.
    pub entries: u64,
    /// What is damaged; at most a thousand are listed.
    pub damaged: Vec<Damage>,
    /// How many damages there are in all.
    pub damages: u64,
    /// Whether the rebuilt projections equal those that were there; `None` if none were rebuilt.
    pub projections_equal: Option<bool>,
    /// The digest of the projections as they are now; `None` if they cannot be read.
    pub projection_digest: Option<[u8; 32]>,
    /// What was here once and cannot be read now: named until it has come back from another site.
    pub lost: Lost,
    /// What making the database anew did, in this check or since the last one in this process; `None` if it was not.
    pub repaired: Option<Repaired>,
}

impl Report {
    /// True if nothing was lost or changed: `sanad check` ends with 0 and otherwise with 4.
    pub fn is_sound(&self) -> bool {
        let found_before = self.repaired.is_some() || !self.lost.is_empty();
        self.damages == 0 && self.projections_equal != Some(false) && !found_before
    }

    fn note(&mut self, damage: Damage) {
        self.damages += 1;
        if self.damaged.len() < DAMAGES_MAX {
            self.damaged.push(damage);
        }
    }
}

impl Store {
    /// The digest of all projections: equal at two stores that can read the same.
    ///
    /// # Errors
    /// Input/output; a damaged page.
    pub fn projection_digest(&self) -> Result<[u8; 32], StoreError> {
        digest::projections(&self.db)
    }

    /// Checks the store. `progress` hears the stage, how much of it is done, and how much there is.
    ///
    /// With `rebuild`, what the keys in `directory` open by now is opened first, and all projections are made again in one
    /// transaction; if they differ, the new ones stay. Where there is damage, [`Store::repair`] makes the database anew.
    ///
    /// # Errors
    /// Only what stops the check itself; damage is in the report. [`StoreError::Full`] if there is no room for another
    /// database beside the damaged one.
    pub fn check(
        &mut self,
        check: Check<'_>,
        directory: &Directory,
        progress: &mut dyn FnMut(Stage, u64, u64),
    ) -> Result<Report, StoreError> {
        let mut report = Report::default();
        self.check_pages(&mut report, progress)?;
        self.check_entries(check, &mut report, progress)?;
        if check.rebuild && report.damages == 0 {
            self.open_readable(directory)?;
            let equal = self.rebuild(directory, progress).map_err(|error| self.recover(error))?;
            report.projections_equal = Some(equal);
        } else if check.rebuild {
            progress(Stage::Rebuild, 0, 1);
            self.repair(Some(directory))?;
            progress(Stage::Rebuild, 1, 1);
        }
        report.lost = self.lost.clone();
        if check.rebuild && report.damages == 0 && self.lost.unnamed {
            // Said this once more; whoever rebuilds has brought back what other sites have.
            let lost = Lost { unnamed: false, ..self.lost.clone() };
            lost.write_flags(&self.db)?;
            self.lost = lost;
        }
        report.repaired = self.repaired.take();
        report.projection_digest = self.projection_digest().map_err(|error| self.recover(error)).ok();
        Ok(report)
    }

    fn check_pages(
        &mut self,
        report: &mut Report,
        progress: &mut dyn FnMut(Stage, u64, u64),
    ) -> Result<(), StoreError> {
        progress(Stage::Pages, 0, 1);
        // So that the file is the whole database. Where there is no room for that, the pages it has are looked at.
        drop(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        // On a connection of its own: one that meets a damaged page is of no use afterwards.
        let db = self.files.connect(Role::Reader)?;
        let lines = |sql: &str| -> Result<Vec<String>, StoreError> {
            let mut statement = db.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let pages = lines("PRAGMA cipher_integrity_check")?.len() as u64;
        if pages > 0 {
            report.note(Damage::Pages(pages));
        } else {
            match lines(&format!("PRAGMA integrity_check({STRUCTURE_LINES_MAX})")) {
                Ok(lines) if lines == ["ok"] => {}
                Ok(lines) => report.note(Damage::Structure(lines.len() as u64)),
                Err(StoreError::DamagedFile) => report.note(Damage::Structure(1)),
                Err(error) => return Err(error),
            }
        }
        progress(Stage::Pages, 1, 1);
        Ok(())
    }

    fn check_entries(
        &mut self,
        check: Check<'_>,
        report: &mut Report,
        progress: &mut dyn FnMut(Stage, u64, u64),
    ) -> Result<(), StoreError> {
        let (slice, slices) = check.slice;
        assert!((1..=slices).contains(&slice), "slice n of t");
        let spans = match load::places(&self.db) {
            Ok(spans) => spans,
            Err(error) => {
                // Without the table of places nothing can be named.
                return match self.recover(error) {
                    StoreError::DamagedFile => {
                        report.note(Damage::Structure(1));
                        Ok(())
                    }
                    error => Err(error),
                };
            }
        };
        let total: u64 = spans.iter().map(Range::count).sum::<u64>() / slices;
        for span in spans {
            let mut from = span.from;
            while from <= span.to {
                let to = span.to.min((from / PIECE + 1) * PIECE - 1);
                if from / PIECE % slices == slice - 1 {
                    let before = if from > span.from {
                        load::header_at(&self.db, span.log, from - 1).ok().flatten()
                    } else {
                        None
                    };
                    self.check_piece(Range { from, to, ..span }, before.map(|header| header.id()), check, report)?;
                    progress(Stage::Entries, report.entries.min(total), total);
                }
                from = to + 1;
            }
        }
        Ok(())
    }

    fn check_piece(
        &mut self,
        piece: Range,
        mut before: Option<EntryId>,
        check: Check<'_>,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let (log, mut next) = (piece.log, piece.from);
        while next <= piece.to {
            match self.load(Range { from: next, ..piece }, PIECE_BYTES_MAX) {
                // The table of places says one thing here and another there.
                Ok(entries) if entries.is_empty() => {
                    report.note(Damage::Structure(1));
                    return Ok(());
                }
                Err(StoreError::DamagedFile) => {
                    report.note(Damage::Structure(1));
                    return Ok(());
                }
                Ok(entries) => {
                    for entry in &entries {
                        if before.is_some_and(|id| id != entry.header().prev) {
                            report.note(Damage::Chain(log, entry.header().seq));
                        }
                        if check.signatures.is_some_and(|by| !is_signed(entry, by)) {
                            report.note(Damage::Signature(log, entry.header().seq));
                        }
                        before = Some(entry.id());
                    }
                    next += entries.len() as u64;
                    report.entries += entries.len() as u64;
                }
                Err(StoreError::Damaged { seq, .. }) => {
                    report.note(Damage::Body(log, seq));
                    report.entries += 1;
                    before = None;
                    next = seq + 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// True if what was there equals what the log says.
    fn rebuild(
        &mut self,
        directory: &Directory,
        progress: &mut dyn FnMut(Stage, u64, u64),
    ) -> Result<bool, StoreError> {
        let spans = load::spans(&self.db, &self.lost)?;
        let total: u64 = spans.iter().map(|span| span.to - span.from + 1).sum();
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let before = digest::projections(&tx)?;
        schema::recreate_projections(&tx)?;
        let mut projector = Projector::new(&tx)?;
        let mut done = 0;
        for Span { log, from, to, .. } in spans {
            let number = load::log_number(&tx, log)?.ok_or(StoreError::DamagedFile)?;
            let mut next = from;
            while next <= to {
                let entries = load::load(&tx, Range { log, from: next, to }, PIECE_BYTES_MAX)?;
                assert!(!entries.is_empty(), "a held place loads");
                for entry in &entries {
                    reproject(&tx, &mut projector, number, entry, directory)?;
                }
                next += entries.len() as u64;
                done += entries.len() as u64;
                progress(Stage::Rebuild, done, total);
            }
        }
        let mut tally = Tally::default();
        projector.finish(&mut tally)?;
        tally.write(&tx)?;
        tally::recount_entries(&tx)?;
        quarantine::forget_gone(&tx)?;
        let after = digest::projections(&tx)?;
        tx.commit()?;
        Ok(before == after)
    }
}

fn reproject(
    tx: &Transaction<'_>,
    projector: &mut Projector<'_>,
    log: i64,
    entry: &Entry,
    directory: &Directory,
) -> Result<(), StoreError> {
    let opened = Opened::of(entry, None, directory);
    // Written only where it differs: most rows are right already.
    tx.prepare_cached(
        "UPDATE entry SET state = ?3, records = ?4 WHERE log = ?1 AND seq = ?2 AND (state, records) IS NOT (?3, ?4)",
    )?
    .execute(params![log, entry.header().seq as i64, opened.state as u8, opened.records()])?;
    if opened.state > EntryState::Readable {
        quarantine::note_again(tx, entry, &opened)?;
    }
    match &opened.save {
        Some(save) => projector.save(log, entry, save),
        None => Ok(()),
    }
}

fn is_signed(entry: &Entry, (network, verifier): (&NetworkId, &dyn Verifier)) -> bool {
    Entry::check(entry.header().clone(), entry.body().to_vec(), network, verifier).is_ok()
}
