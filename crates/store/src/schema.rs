//! The tables. Two kinds: what the log *is* (`log`, `entry`, `blob`, and the node's own rows), and projections, which can
//! all be made again from it.
//!
//! Large values stand in rowid tables (measured: the same rows in a `WITHOUT ROWID` table take 3.3 times the space);
//! narrow ones are clustered by their key. A save touches as few of them as it can, since each costs a page; and what is
//! named by random bytes has a small number here, so that rows about those who came last stand on the same few pages.

use crate::error::StoreError;
use rusqlite::{Connection, Transaction};

/// Format of the database.
const FORMAT_VERSION: i64 = 5;

/// The log and the node's own rows.
const LOG: &str = "
-- A log has a small number here; it is never the same at two sites and never leaves.
CREATE TABLE log (n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, author BLOB NOT NULL, UNIQUE (lane, author)) STRICT;
CREATE TABLE scope (n INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE) STRICT;
-- Where every entry stands. Narrow, so that spans and sums over a million entries are read quickly.
CREATE TABLE entry (
  log INTEGER NOT NULL, seq INTEGER NOT NULL, scope INTEGER NOT NULL,
  state INTEGER NOT NULL, records INTEGER, blob INTEGER NOT NULL, PRIMARY KEY (log, seq)) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_scope ON entry (scope, state, records);
CREATE TABLE blob (id INTEGER PRIMARY KEY, header BLOB NOT NULL, body BLOB NOT NULL) STRICT;
-- Entries that stand in the body of another one: their ids, the log that they were written in, and the one that they are in.
CREATE TABLE carried (id BLOB PRIMARY KEY, branch INTEGER NOT NULL, holder INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- Places whose bytes cannot be read any more (see damage.rs).
CREATE TABLE lost (lane INTEGER NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (lane, author, seq))
  STRICT, WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL) STRICT;
";

/// What is kept apart (see quarantine.rs).
const QUARANTINE: &str = "
-- bytes: as they came; none where the entry stands in the log. device: empty where no device is known.
CREATE TABLE quarantine (
  n INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE, reason INTEGER NOT NULL, source INTEGER NOT NULL, device BLOB NOT NULL, came INTEGER NOT NULL,
  adopted INTEGER, size INTEGER NOT NULL, bytes BLOB) STRICT;
CREATE INDEX quarantine_by_source ON quarantine (source, device, reason, n, size) WHERE bytes IS NOT NULL;
CREATE INDEX quarantine_in_log ON quarantine (lane, author, seq) WHERE bytes IS NULL;
CREATE TABLE quarantine_dropped (reason INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
-- Entries in the log that show nothing though their place is held: few, and looked for when somebody is enrolled. 2 is
-- EntryState::Readable, the last of those that show something.
CREATE INDEX entry_apart ON entry (log, seq) WHERE state > 2;
";

/// The projections. `resource.n` is a number of this site only and is in no digest.
const PROJECTIONS: &str = "
-- heads: version ids, 16 bytes each. version_id and raw only where several heads were merged. patients: ids, by spaces.
CREATE TABLE resource (
  n INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL, heads BLOB NOT NULL, versions INTEGER NOT NULL,
  deleted INTEGER NOT NULL, conflicts INTEGER NOT NULL, updated INTEGER NOT NULL, patients TEXT NOT NULL,
  version_id TEXT, raw BLOB, UNIQUE (type, id)) STRICT;
CREATE INDEX resource_by_time ON resource (type, updated);
CREATE INDEX resource_in_conflict ON resource (type, id) WHERE conflicts > 0;
-- n: the resource's number and the version's place among its versions (see versions_of!), so that no index is needed.
CREATE TABLE version (
  n INTEGER PRIMARY KEY, id BLOB NOT NULL, log INTEGER NOT NULL, seq INTEGER NOT NULL, op INTEGER NOT NULL,
  action INTEGER NOT NULL, hlc INTEGER NOT NULL, by TEXT, parents BLOB NOT NULL, raw BLOB NOT NULL) STRICT;
CREATE INDEX version_by_time ON version (hlc);
-- Whom resources name as their patients, whether or not the Patient is here.
CREATE TABLE person (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE about (person INTEGER NOT NULL, resource INTEGER NOT NULL, PRIMARY KEY (person, resource)) STRICT, WITHOUT ROWID;
CREATE TABLE chart (patient TEXT NOT NULL, scope BLOB NOT NULL, PRIMARY KEY (patient, scope)) STRICT, WITHOUT ROWID;
CREATE TABLE conflict (
  resource INTEGER NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL, kind INTEGER NOT NULL, sides BLOB NOT NULL,
  PRIMARY KEY (resource, at)) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency (key BLOB NOT NULL, log INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (key, log, seq))
  STRICT, WITHOUT ROWID;
CREATE TABLE patient (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, updated INTEGER NOT NULL, survivor TEXT) STRICT;
CREATE INDEX patient_shown ON patient (updated) WHERE survivor IS NULL;
CREATE INDEX patient_merged ON patient (survivor) WHERE survivor IS NOT NULL;
-- Running counts by a fixed number each (see tally.rs).
CREATE TABLE tally (name INTEGER PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE replaced (patient TEXT NOT NULL, by TEXT NOT NULL, PRIMARY KEY (patient, by)) STRICT, WITHOUT ROWID;
CREATE INDEX replaced_by ON replaced (by);
-- What searches find resources by (see index.rs): atom numbers are of sanad_record::search, resource is resource.n.
CREATE TABLE found_token (atom INTEGER NOT NULL, code INTEGER NOT NULL, resource INTEGER NOT NULL, system INTEGER NOT NULL,
  PRIMARY KEY (atom, code, resource, system)) STRICT, WITHOUT ROWID;
CREATE TABLE found_reference (atom INTEGER NOT NULL, target INTEGER NOT NULL, resource INTEGER NOT NULL,
  PRIMARY KEY (atom, target, resource)) STRICT, WITHOUT ROWID;
CREATE TABLE found_text (atom INTEGER NOT NULL, key TEXT NOT NULL, resource INTEGER NOT NULL,
  PRIMARY KEY (atom, key, resource)) STRICT, WITHOUT ROWID;
CREATE TABLE found_date (atom INTEGER NOT NULL, width INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  resource INTEGER NOT NULL, PRIMARY KEY (atom, width, start, end, resource)) STRICT, WITHOUT ROWID;
CREATE TABLE found_number (atom INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, unit INTEGER NOT NULL,
  system INTEGER NOT NULL, resource INTEGER NOT NULL, PRIMARY KEY (atom, low, high, unit, system, resource)) STRICT, WITHOUT ROWID;
";

/// In which order this site came to know versions (see changes.rs). It is local, as `resource.n` is, and in no digest.
const CHANGES: &str = "
-- The numbers begin anywhere, so that one of an earlier table is known to be none of this one. The first row is nobody's.
CREATE TABLE change (n INTEGER PRIMARY KEY, resource INTEGER NOT NULL) STRICT;
INSERT INTO change (n, resource) VALUES (abs(random() % (1 << 55)), 0);
";

/// Most versions of one resource. Working out what it says takes memory for all of them, which ends long before.
pub(crate) const VERSIONS_MAX: i64 = 1 << 24;

/// Which numbers the versions of a resource have, as a condition on them; `$resource` is the SQL that says the resource's.
macro_rules! versions_of {
    ($resource:literal) => {
        concat!("BETWEEN ", $resource, " << 24 AND ", $resource, " << 24 | 16777215")
    };
}
pub(crate) use versions_of;

/// Projection tables, so that a rebuild can drop them.
const PROJECTION_TABLES: [&str; 16] = [
    "resource",
    "version",
    "person",
    "about",
    "chart",
    "conflict",
    "idempotency",
    "patient",
    "replaced",
    "tally",
    "found_token",
    "found_reference",
    "found_text",
    "found_date",
    "found_number",
    "change",
];

/// Makes the tables of a new database, or checks the format of one that exists.
pub(crate) fn ensure(db: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        FORMAT_VERSION => Ok(()),
        0 => {
            let tx = db.transaction()?;
            tx.execute_batch(LOG)?;
            tx.execute_batch(QUARANTINE)?;
            tx.execute_batch(PROJECTIONS)?;
            tx.execute_batch(CHANGES)?;
            tx.execute_batch(&format!("PRAGMA user_version = {FORMAT_VERSION}"))?;
            Ok(tx.commit()?)
        }
        other => Err(StoreError::OtherFormat(other)),
    }
}

/// Empties all projections, as before the first entry was opened.
pub(crate) fn recreate_projections(tx: &Transaction<'_>) -> Result<(), StoreError> {
    for table in PROJECTION_TABLES {
        tx.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    tx.execute_batch(PROJECTIONS)?;
    Ok(tx.execute_batch(CHANGES)?)
}
