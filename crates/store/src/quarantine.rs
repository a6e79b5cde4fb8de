//! What cannot be accepted, or not yet: kept with its bytes, numbered, and named by a reason that is the same in every
//! release. None of it stops anything else.
//!
//! Two kinds stand in one list. What was refused came from outside and is in no log: its bytes are kept here, as they came,
//! and bounded, since a peer that sends rubbish without end must not fill the disk. What was accepted into the log and shows
//! nothing (its author is not known to be enrolled, its seal does not hold, it holds no save) stands in the log; here is
//! only its number, and the row goes when the entry can be read.

use crate::append::{EntryState, Opened};
use crate::error::StoreError;
use crate::store::{Store, log_of};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sanad_log::entry::{Entry, HEADER_LEN};
use sanad_log::ids::{DeviceId, LogId, Seq};

/// Most pieces kept that one source sent for one reason; the oldest gives way.
pub const QUARANTINE_OF_SOURCE_MAX: u64 = 1_000;
/// Most bytes of those: one of the largest entries and a thousand usual ones.
pub const QUARANTINE_BYTES_OF_SOURCE_MAX: u64 = 32 * 1024 * 1024;
/// Most pieces kept in all; the oldest of the source that fills most of it gives way.
pub const QUARANTINE_MAX: u64 = 10_000;
/// Most bytes of those.
pub const QUARANTINE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest list that is given at once.
pub const QUARANTINE_LISTED_MAX: u32 = 1_000;

/// Why something is kept apart. The numbers and the names never change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Reason {
    /// Its author has signed another entry for the same place.
    Fork = 1,
    /// The signature is not its author's.
    Signature = 2,
    /// It is not an entry, or its body is not the one that was signed.
    Form = 3,
    /// Of a format that this release does not know.
    UnknownFormat = 4,
    /// It carries another entry, and that one does not hold.
    Carried = 5,
    /// Its author is not known to be enrolled.
    UnknownAuthor = 6,
    /// Its key is here and the seal does not hold.
    BrokenSeal = 7,
    /// It opened and holds no save.
    NotASave = 8,
    /// A resource that was shown here before its entry was lost to damage.
    Damage = 9,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 9] = [
        Reason::Fork,
        Reason::Signature,
        Reason::Form,
        Reason::UnknownFormat,
        Reason::Carried,
        Reason::UnknownAuthor,
        Reason::BrokenSeal,
        Reason::NotASave,
        Reason::Damage,
    ];

    /// Its name, for scripts and messages.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Fork => "fork",
            Reason::Signature => "signature",
            Reason::Form => "form",
            Reason::UnknownFormat => "unknown-format",
            Reason::Carried => "carried",
            Reason::UnknownAuthor => "unknown-author",
            Reason::BrokenSeal => "broken-seal",
            Reason::NotASave => "not-a-save",
            Reason::Damage => "damage",
        }
    }

    fn from_u8(byte: u8) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| *reason as u8 == byte)
    }

    /// Why an entry that stands in the log is kept apart; `None` if it is not.
    fn of_state(opened: &Opened<'_>) -> Option<Reason> {
        match opened.state {
            EntryState::Stranger => Some(Reason::UnknownAuthor),
            EntryState::BrokenSeal => Some(Reason::BrokenSeal),
            EntryState::NotASave if opened.newer => Some(Reason::UnknownFormat),
            EntryState::NotASave => Some(Reason::NotASave),
            EntryState::Control | EntryState::Sealed | EntryState::Readable => None,
        }
    }
}

/// From whom something came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Source {
    /// From this site itself, or it is not known any more.
    #[default]
    Here,
    /// In a session with this device.
    Peer(DeviceId),
    /// On a stick or in a message, written by this device if that is one that is enrolled.
    Carrier(Option<DeviceId>),
}

impl Source {
    fn columns(&self) -> (u8, &[u8]) {
        match self {
            Source::Here => (0, &[]),
            Source::Peer(device) => (1, device.as_bytes()),
            Source::Carrier(device) => (2, device.as_ref().map_or(&[], |device| device.as_bytes())),
        }
    }

    fn of_columns(source: u8, device: &[u8]) -> Option<Source> {
        let device = <[u8; 32]>::try_from(device).ok().map(DeviceId);
        match source {
            0 => Some(Source::Here),
            1 => device.map(Source::Peer),
            2 => Some(Source::Carrier(device)),
            _ => None,
        }
    }
}

/// When and from whom something came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Came {
    /// Milliseconds since 1970 by the clock here; 0 if it is not known.
    pub at_ms: u64,
    /// From whom.
    pub from: Source,
}

/// Something to keep apart.
#[derive(Clone, Copy)]
pub struct Apart<'a> {
    /// The log it claims to stand in.
    pub log: LogId,
    /// The place it claims.
    pub seq: Seq,
    /// Why.
    pub reason: Reason,
    /// When and from whom.
    pub came: Came,
    /// As they came.
    pub bytes: &'a [u8],
}

/// What is kept apart, without its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantined {
    /// Its number, which is never given again.
    pub n: u64,
    /// The log it claims to stand in.
    pub log: LogId,
    /// The place it claims.
    pub seq: Seq,
    /// Why.
    pub reason: Reason,
    /// When and from whom.
    pub came: Came,
    /// When somebody here took its content in.
    pub adopted_ms: Option<u64>,
    /// Bytes of it.
    pub bytes: u64,
    /// True if it stands in the log all the same, and so is held, confirmed and passed on.
    pub in_log: bool,
}

/// How much is kept apart for a reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The reason.
    pub reason: Reason,
    /// Pieces, those left out that were taken in.
    pub waiting: u64,
    /// Pieces whose content was taken in.
    pub adopted: u64,
    /// Pieces that had to give way to newer ones of the same source; they are not kept any more.
    pub dropped: u64,
}

impl Store {
    /// Keeps something apart. The same bytes are kept once; false if they were here already.
    ///
    /// # Errors
    /// Input/output.
    pub fn keep_apart(&mut self, apart: &Apart<'_>) -> Result<bool, StoreError> {
        let tx = self.db.transaction()?;
        let kept = keep_apart(&tx, apart)?;
        tx.commit()?;
        Ok(kept)
    }

    /// Notes that the content of a piece was taken in.
    ///
    /// # Errors
    /// Input/output.
    pub fn mark_adopted(&mut self, n: u64, at_ms: u64) -> Result<(), StoreError> {
        self.db
            .prepare_cached("UPDATE quarantine SET adopted = ?2 WHERE n = ?1 AND adopted IS NULL")?
            .execute(params![stored(n), stored(at_ms)])?;
        Ok(())
    }
}

/// A number from outside as a column; one that no clock and no log has is kept as the largest.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const INSERT: &str = "
INSERT INTO quarantine (lane, author, seq, hash, reason, source, device, came, size, bytes)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Keeps something whose bytes stand in no log.
pub(crate) fn keep_apart(db: &Connection, apart: &Apart<'_>) -> Result<bool, StoreError> {
    let Apart { log, seq, reason, came, bytes } = *apart;
    let (source, device) = came.from.columns();
    let (hash, size) = (blake3::hash(bytes), bytes.len() as i64);
    if db.prepare_cached("SELECT 1 FROM quarantine WHERE hash = ?1")?.exists([hash.as_bytes()])? {
        return Ok(false);
    }
    db.prepare_cached(INSERT)?.execute(params![
        log.lane as u8,
        log.author.as_bytes(),
        stored(seq),
        hash.as_bytes(),
        reason as u8,
        source,
        device,
        stored(came.at_ms),
        size,
        bytes,
    ])?;
    make_room(db, source, device, reason)?;
    Ok(true)
}

/// Lets the oldest go where there is more than is kept: first of what this source sent for this reason, then of whoever
/// fills most.
fn make_room(db: &Connection, source: u8, device: &[u8], reason: Reason) -> Result<(), StoreError> {
    let mut of_source = db.prepare_cached(
        "SELECT count(*), coalesce(sum(size), 0) FROM quarantine
         WHERE bytes IS NOT NULL AND source = ?1 AND device = ?2 AND reason = ?3",
    )?;
    loop {
        let (count, bytes) = of_source.query_row(params![source, device, reason as u8], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let fits = count as u64 <= QUARANTINE_OF_SOURCE_MAX && bytes as u64 <= QUARANTINE_BYTES_OF_SOURCE_MAX;
        if fits || count <= 1 {
            break;
        }
        drop_oldest(db, source, device, reason as u8)?;
    }
    let mut groups = db.prepare_cached(
        "SELECT source, device, reason, count(*), sum(size) FROM quarantine WHERE bytes IS NOT NULL
         GROUP BY source, device, reason",
    )?;
    loop {
        let rows = groups.query_map([], |row| {
            Ok((row.get::<_, u8>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, u8>(2)?, row.get(3)?, row.get(4)?))
        })?;
        let groups: Vec<(u8, Vec<u8>, u8, i64, i64)> = rows.collect::<Result<_, _>>()?;
        let (count, bytes) = groups.iter().fold((0, 0), |sum, group| (sum.0 + group.3, sum.1 + group.4));
        let (too_many, too_large) = (count as u64 > QUARANTINE_MAX, bytes as u64 > QUARANTINE_BYTES_MAX);
        let fullest = groups.iter().max_by_key(|group| if too_many { group.3 } else { group.4 });
        match fullest {
            Some((source, device, reason, ..)) if too_many || too_large => drop_oldest(db, *source, device, *reason)?,
            _ => return Ok(()),
        }
    }
}

fn drop_oldest(db: &Connection, source: u8, device: &[u8], reason: u8) -> Result<(), StoreError> {
    let dropped = db
        .prepare_cached(
            "DELETE FROM quarantine WHERE n = (SELECT min(n) FROM quarantine
             WHERE bytes IS NOT NULL AND source = ?1 AND device = ?2 AND reason = ?3)",
        )?
        .execute(params![source, device, reason])?;
    assert!(dropped == 1, "a source that fills something has sent something");
    count_dropped(db, reason, 1)
}

pub(crate) fn count_dropped(db: &Connection, reason: u8, count: i64) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO quarantine_dropped (reason, count) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?
    .execute(params![reason, count])?;
    Ok(())
}

/// Lists an entry that came into the log, if it is kept apart there.
pub(crate) fn note(db: &Connection, entry: &Entry, opened: &Opened<'_>, came: Came) -> Result<(), StoreError> {
    let Some(reason) = Reason::of_state(opened) else { return Ok(()) };
    let header = entry.header();
    let (source, device) = came.from.columns();
    let bytes = [&header.encode(), entry.body()].concat();
    let again = format!("{INSERT} ON CONFLICT DO UPDATE SET reason = excluded.reason, bytes = NULL");
    db.prepare_cached(&again)?.execute(params![
        header.log.lane as u8,
        header.log.author.as_bytes(),
        stored(header.seq),
        blake3::hash(&bytes).as_bytes(),
        reason as u8,
        source,
        device,
        stored(came.at_ms),
        bytes.len() as i64,
        None::<Vec<u8>>,
    ])?;
    Ok(())
}

/// Brings the list in line with what an entry that stands in the log turned out to be.
pub(crate) fn note_again(db: &Connection, entry: &Entry, opened: &Opened<'_>) -> Result<(), StoreError> {
    match Reason::of_state(opened) {
        Some(_) => note(db, entry, opened, Came::default()),
        None => forget(db, entry),
    }
}

/// Takes an entry that stands in the log off the list.
fn forget(db: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let header = entry.header();
    db.prepare_cached("DELETE FROM quarantine WHERE lane = ?1 AND author = ?2 AND seq = ?3 AND bytes IS NULL")?
        .execute(params![header.log.lane as u8, header.log.author.as_bytes(), stored(header.seq)])?;
    Ok(())
}

/// Takes off the list what was kept of an entry that is here again, unless somebody took it in.
pub(crate) fn forget_shown(db: &Connection, log: LogId, seq: Seq) -> Result<(), StoreError> {
    db.prepare_cached(
        "DELETE FROM quarantine WHERE lane = ?1 AND author = ?2 AND seq = ?3 AND reason = ?4 AND adopted IS NULL",
    )?
    .execute(params![log.lane as u8, log.author.as_bytes(), stored(seq), Reason::Damage as u8])?;
    Ok(())
}

/// Takes off the list what the log does not hold apart any more: a branch that was carried elsewhere, a rebuilt state.
pub(crate) fn forget_gone(db: &Connection) -> Result<(), StoreError> {
    db.execute(
        "DELETE FROM quarantine WHERE bytes IS NULL AND NOT EXISTS (
           SELECT 1 FROM entry JOIN log ON log.n = entry.log
           WHERE log.lane = quarantine.lane AND log.author = quarantine.author AND entry.seq = quarantine.seq
             AND entry.state > ?1)",
        [EntryState::Readable as u8],
    )?;
    Ok(())
}

const COLUMNS: &str = "n, lane, author, seq, reason, source, device, came, adopted, size, bytes IS NULL";

fn of_row(row: &Row<'_>) -> Result<Quarantined, rusqlite::Error> {
    let number = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let broken = |at: usize| rusqlite::Error::IntegralValueOutOfRange(at, 0);
    let device: Vec<u8> = row.get(6)?;
    Ok(Quarantined {
        n: number(0)?,
        log: log_of(row.get(1)?, row.get(2)?)?,
        seq: number(3)?,
        reason: Reason::from_u8(row.get(4)?).ok_or_else(|| broken(4))?,
        came: Came { at_ms: number(7)?, from: Source::of_columns(row.get(5)?, &device).ok_or_else(|| broken(5))? },
        adopted_ms: row.get::<_, Option<i64>>(8)?.map(i64::unsigned_abs),
        bytes: number(9)?,
        in_log: row.get(10)?,
    })
}

/// What is kept apart after a number, in the order in which it came.
pub(crate) fn list(db: &Connection, after: u64, limit: u32) -> Result<Vec<Quarantined>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM quarantine WHERE n > ?1 ORDER BY n LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![stored(after), limit.min(QUARANTINE_LISTED_MAX)], of_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest that wait, newest first.
pub(crate) fn newest(db: &Connection, offset: u32, limit: u32) -> Result<Vec<Quarantined>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM quarantine ORDER BY n DESC LIMIT ?2 OFFSET ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params![offset, limit.min(QUARANTINE_LISTED_MAX)], of_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One piece with its bytes; `None` if there is none of this number.
pub(crate) fn piece(db: &Connection, n: u64) -> Result<Option<(Quarantined, Vec<u8>)>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM quarantine WHERE n = ?1");
    let Some(found) = db.prepare_cached(&sql)?.query_row([stored(n)], of_row).optional()? else { return Ok(None) };
    let bytes = if found.in_log {
        let mut blob = db.prepare_cached(
            "SELECT header, body FROM entry JOIN blob ON blob.id = entry.blob
             WHERE log = (SELECT n FROM log WHERE lane = ?1 AND author = ?2) AND seq = ?3",
        )?;
        let place = params![found.log.lane as u8, found.log.author.as_bytes(), stored(found.seq)];
        let parts: Option<(Vec<u8>, Vec<u8>)> =
            blob.query_row(place, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        parts.map(|(header, body)| [header, body].concat()).filter(|bytes| bytes.len() >= HEADER_LEN)
    } else {
        db.prepare_cached("SELECT bytes FROM quarantine WHERE n = ?1")?.query_row([stored(n)], |row| row.get(0))?
    };
    Ok(Some((found, bytes.unwrap_or_default())))
}

/// How much is kept, reason by reason; reasons for which nothing is or was are left out.
pub(crate) fn counts(db: &Connection) -> Result<Vec<Kept>, StoreError> {
    let of = |sql: &str| -> Result<Vec<(u8, i64)>, StoreError> {
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let waiting = of("SELECT reason, count(*) FROM quarantine WHERE adopted IS NULL GROUP BY reason")?;
    let adopted = of("SELECT reason, count(*) FROM quarantine WHERE adopted IS NOT NULL GROUP BY reason")?;
    let dropped = of("SELECT reason, count FROM quarantine_dropped")?;
    let count = |list: &[(u8, i64)], reason: Reason| {
        list.iter().find(|(code, _)| *code == reason as u8).map_or(0, |(_, count)| count.unsigned_abs())
    };
    let all = Reason::ALL.map(|reason| Kept {
        reason,
        waiting: count(&waiting, reason),
        adopted: count(&adopted, reason),
        dropped: count(&dropped, reason),
    });
    Ok(all.into_iter().filter(|kept| kept.waiting + kept.adopted + kept.dropped > 0).collect())
}

/// Copies a row of a database that is being made anew.
pub(crate) const COPY: &str = "SELECT n, lane, author, seq, hash, reason, source, device, came, adopted, size, bytes
  FROM quarantine WHERE n BETWEEN ?1 AND ?2 ORDER BY n";

/// Values of a row of [`COPY`].
pub(crate) fn copy_of(row: &Row<'_>) -> Result<Vec<Value>, rusqlite::Error> {
    (0..12).map(|at| row.get(at)).collect()
}

/// Takes such a row over.
pub(crate) fn take_copy(db: &Connection, values: Vec<Value>) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached(
        "INSERT INTO quarantine (n, lane, author, seq, hash, reason, source, device, came, adopted, size, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
    )?;
    insert.execute(rusqlite::params_from_iter(values))?;
    Ok(())
}
