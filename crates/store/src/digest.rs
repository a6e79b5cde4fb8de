//! One number over all projections: equal at two stores, or before and after a rebuild, exactly if what can be read is.
//!
//! Numbers that are only local (of logs, of resources, of rows) are replaced by what they stand for, and every table is
//! walked in the order of names that are the same everywhere.

use crate::error::StoreError;
use crate::schema::versions_of;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// What is hashed, and in which order. The large tables are walked along an index, so that nothing large is sorted.
const WALKS: [&str; 10] = [
    "SELECT lane, author, seq, state, records FROM log CROSS JOIN entry ON entry.log = log.n ORDER BY lane, author, seq",
    "SELECT type, id, heads, versions, deleted, conflicts, updated, patients, version_id, raw FROM resource
     ORDER BY type, id",
    concat!(
        "SELECT resource.type, resource.id, version.id, lane, author, seq, op, action, hlc, by, parents, version.raw
         FROM resource CROSS JOIN version ON version.n ",
        versions_of!("resource.n"),
        " CROSS JOIN log ON log.n = version.log ORDER BY resource.type, resource.id, version.id"
    ),
    "SELECT person.id, type, resource.id FROM about JOIN person ON person.n = about.person
     JOIN resource ON resource.n = about.resource ORDER BY 1, 2, 3",
    "SELECT patient, scope FROM chart ORDER BY 1, 2",
    "SELECT type, id, at, path, kind, sides FROM conflict JOIN resource ON resource.n = conflict.resource ORDER BY 1, 2, 3",
    "SELECT key, lane, author, seq FROM idempotency JOIN log ON log.n = idempotency.log ORDER BY 1, 2, 3, 4",
    "SELECT id, updated, survivor FROM patient ORDER BY id",
    "SELECT patient, by FROM replaced ORDER BY 1, 2",
    // 30 counts numbers of rows that stand for nothing any more (tally.rs), which is local too.
    "SELECT name, value FROM tally WHERE value <> 0 AND name <> 30 ORDER BY name",
];

/// What searches find by. Its order is one of local numbers, and ten rows a resource are too many to sort: each row is hashed
/// by itself and the hashes are added up.
const HEAPS: [&str; 5] = [
    "SELECT atom, code, system, type, id FROM found_token JOIN resource ON n = resource",
    "SELECT atom, target, type, id FROM found_reference JOIN resource ON n = resource",
    "SELECT atom, key, type, id FROM found_text JOIN resource ON n = resource",
    "SELECT atom, width, start, end, type, id FROM found_date JOIN resource ON n = resource",
    "SELECT atom, low, high, unit, system, type, id FROM found_number JOIN resource ON n = resource",
];

/// The digest of all projections.
pub(crate) fn projections(db: &Connection) -> Result<[u8; 32], StoreError> {
    let mut hash = blake3::Hasher::new_derive_key("sanad 2026 projection digest v1");
    for walk in WALKS {
        let mut statement = db.prepare(walk)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let mut count = 0u64;
        while let Some(row) = rows.next()? {
            count += 1;
            for column in 0..columns {
                add(&mut hash, row.get_ref(column)?);
            }
        }
        hash.update(&count.to_be_bytes());
    }
    for heap in HEAPS {
        hash.update(&sum(db, heap)?);
    }
    Ok(*hash.finalize().as_bytes())
}

/// The hashes of all rows, added up without order.
fn sum(db: &Connection, walk: &str) -> Result<[u8; 32], StoreError> {
    let mut statement = db.prepare(walk)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut sums = [0u64; 4];
    while let Some(row) = rows.next()? {
        let mut hash = blake3::Hasher::new();
        for column in 0..columns {
            add(&mut hash, row.get_ref(column)?);
        }
        let hash = hash.finalize();
        let (words, _) = hash.as_bytes().as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*word));
        }
    }
    let mut out = [0; 32];
    for (bytes, sum) in out.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
        *bytes = sum.to_be_bytes();
    }
    Ok(out)
}

/// A value with its type and length in front, so that two rows never run into one another.
fn add(hash: &mut blake3::Hasher, value: ValueRef<'_>) {
    let mut put = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]).update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
    };
    match value {
        ValueRef::Null => put(0, &[]),
        ValueRef::Integer(number) => put(1, &number.to_be_bytes()),
        ValueRef::Real(number) => put(2, &number.to_be_bytes()),
        ValueRef::Text(text) => put(3, text),
        ValueRef::Blob(bytes) => put(4, bytes),
    }
}
