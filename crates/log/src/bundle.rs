//! A bundle: what one site holds, as a file that a person carries. `docs/protocol.md` §11.
//!
//! Promises: without the network's epoch key the file is random bytes of a common length, under any name; it is usable up
//! to its last whole chunk, and past a damaged one; a chunk opens at its own place in its own bundle and nowhere else.
//!
//! Only bytes here: files and their faults are the node's business.

use crate::control::SignedEnrolment;
use crate::entropy::Entropy;
use crate::entry::SEQ_MAX;
use crate::frontier::{AUTHORS_MAX, Range};
use crate::ids::{DeviceId, Lane, LogId, NetworkId};
use crate::message::{ENTRIES_KIND, Incoming, Message, decode, encode};
use crate::run::{CheckedRun, RUN_ENTRIES_MAX};
use crate::seal::{SealKey, padded_len};
use crate::sign::Verifier;
use crate::wire::{FormatError, Reader, put_varint};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Random bytes at the start of a bundle.
pub const SALT_LEN: usize = 32;
/// A chunk as it lies in the file: large enough that its 45 bytes of overhead are nothing, small enough that a torn or
/// damaged one costs little.
pub const CHUNK_LEN: usize = 64 * 1024;
const NONCE_LEN: usize = 24;
/// Bytes that sealing adds to a chunk: nonce and tag.
const CHUNK_OVERHEAD: usize = NONCE_LEN + 16;
/// A chunk's plain bytes.
pub const CHUNK_PLAIN: usize = CHUNK_LEN - CHUNK_OVERHEAD;
/// First byte of every chunk.
const FORMAT_VERSION: u8 = 1;
/// Before each fragment: its length, and whether a record begins and ends with it.
const FRAGMENT_HEADER: usize = 4;
const FRAGMENT_FIRST: u32 = 1 << 31;
const FRAGMENT_LAST: u32 = 1 << 30;
/// Largest record: one entry of 24 MiB with its header and room to spare; the same as a frame of a carrier.
pub const RECORD_BYTES_MAX: usize = 25 * 1024 * 1024;
/// The smallest bundle there is: room for a receipt.
pub const BUNDLE_BYTES_MIN: u64 = (SALT_LEN + CHUNK_OVERHEAD + 256) as u64;
/// Most bytes of receipts in one record, about.
const RECEIPT_RECORD_BYTES: usize = 256 * 1024;

/// The key of one bundle.
pub struct BundleKey {
    salt: [u8; SALT_LEN],
    key: Zeroizing<[u8; 32]>,
}

impl BundleKey {
    /// From a key of the network and the bundle's salt.
    pub fn derive(epoch: &SealKey, salt: [u8; SALT_LEN]) -> BundleKey {
        let material = Zeroizing::new([epoch.expose().as_slice(), &salt].concat());
        BundleKey { salt, key: Zeroizing::new(blake3::derive_key("sanad 2026 bundle key v1", &material)) }
    }

    /// The key of the bundle whose first bytes these are, if one of `epochs` opens it. A foreign file fails here, after
    /// one chunk.
    pub fn find<'a>(epochs: impl IntoIterator<Item = &'a SealKey>, start: &[u8]) -> Option<(BundleKey, &'a SealKey)> {
        let (salt, chunk) = start.split_first_chunk::<SALT_LEN>()?;
        let mut keys = epochs.into_iter().map(|epoch| (BundleKey::derive(epoch, *salt), epoch));
        keys.find(|(key, _)| key.open(0, chunk).is_some())
    }

    /// The bundle's first bytes.
    pub fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    /// The bundle's name among those who know its salt.
    pub fn id(&self) -> [u8; 16] {
        bundle_id(&self.salt)
    }

    fn associated(&self, index: u64) -> [u8; SALT_LEN + 8] {
        let mut out = [0; SALT_LEN + 8];
        out[..SALT_LEN].copy_from_slice(&self.salt);
        out[SALT_LEN..].copy_from_slice(&index.to_be_bytes());
        out
    }

    /// Seals a chunk at its place.
    pub fn seal(&self, index: u64, plain: &[u8], entropy: &mut Entropy) -> Vec<u8> {
        assert!(plain.len() <= CHUNK_PLAIN, "a chunk is bounded");
        let nonce: [u8; NONCE_LEN] = entropy.array();
        let payload = Payload { msg: plain, aad: &self.associated(index) };
        // The cipher's only error is a text over 256 GiB.
        let sealed = XChaCha20Poly1305::new((&*self.key).into()).encrypt(&XNonce::from(nonce), payload);
        let out = [nonce.as_slice(), &sealed.unwrap_or_default()].concat();
        assert!(out.len() == plain.len() + CHUNK_OVERHEAD, "sealing adds a fixed overhead");
        out
    }

    /// Opens a chunk at its place; `None` if it was changed, is of another bundle, or stood elsewhere.
    pub fn open(&self, index: u64, chunk: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = chunk.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: &self.associated(index) };
        XChaCha20Poly1305::new((&*self.key).into()).decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

/// The name of the bundle with this salt; says nothing to who has not seen the file.
pub fn bundle_id(salt: &[u8; SALT_LEN]) -> [u8; 16] {
    let digest = blake3::derive_key("sanad 2026 bundle id v1", salt);
    let mut out = [0; 16];
    out.copy_from_slice(&digest[..16]);
    out
}

/// How long the chunks of a file of this length are: [`CHUNK_LEN`], or, in a smaller file, all of it after the salt.
/// `None` if no bundle has this length.
pub fn chunk_len(file_len: u64) -> Option<usize> {
    if file_len >= (SALT_LEN + CHUNK_LEN) as u64 {
        return Some(CHUNK_LEN);
    }
    let plain = (file_len as usize).checked_sub(SALT_LEN + CHUNK_OVERHEAD)?;
    (plain > 0 && bucket(plain) == plain).then_some(plain + CHUNK_OVERHEAD)
}

/// The padded length of a bundle's only chunk: Padmé, as for bodies.
fn bucket(plain: usize) -> usize {
    padded_len(plain.saturating_sub(4)).min(CHUNK_PLAIN)
}

/// How many chunks a bundle is padded to: Padmé again, at most 12 % more.
pub fn padded_chunks(chunks: u64) -> u64 {
    if chunks < 4 {
        return chunks;
    }
    let exponent = chunks.ilog2();
    let mask = (1u64 << exponent.saturating_sub(exponent.ilog2() + 1)) - 1;
    (chunks + mask) & !mask
}

/// Packs records into chunks. Records are cut into fragments, as in the logs of LevelDB, so that a reader finds the next
/// record again after a torn or damaged chunk.
pub struct Packer {
    next: u64,
    plain: Vec<u8>,
}

impl Packer {
    /// Begins at a chunk: 0 for a new bundle.
    pub fn at(next: u64) -> Packer {
        Packer { next, plain: vec![FORMAT_VERSION] }
    }

    /// The chunk that is being filled.
    pub fn index(&self) -> u64 {
        self.next
    }

    /// True if nothing is in the chunk that is being filled.
    fn is_fresh(&self) -> bool {
        self.plain.len() == 1
    }

    /// Bytes left in the chunk that is being filled, if it has `plain` bytes.
    pub fn left(&self, plain: usize) -> usize {
        plain.saturating_sub(self.plain.len() + FRAGMENT_HEADER)
    }

    /// True if a record of this length fits into the chunks before `chunks`, the only one of which has `plain` bytes if
    /// the bundle is small.
    pub fn has_room(&self, record_len: usize, chunks: u64, plain: usize) -> bool {
        let per_chunk = plain - 1 - FRAGMENT_HEADER;
        let here = self.left(plain);
        let more = record_len.saturating_sub(here).div_ceil(per_chunk) as u64;
        self.next + more < chunks
    }

    /// Adds a record; `full` gets every chunk that is full.
    pub fn put<E>(&mut self, record: &[u8], full: &mut impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        assert!(!record.is_empty() && record.len() <= RECORD_BYTES_MAX, "a record is bounded");
        let (mut rest, mut first) = (record, FRAGMENT_FIRST);
        loop {
            if self.plain.len() + FRAGMENT_HEADER >= CHUNK_PLAIN {
                self.flush(full)?;
            }
            let (part, after) = rest.split_at(rest.len().min(CHUNK_PLAIN - FRAGMENT_HEADER - self.plain.len()));
            let last = if after.is_empty() { FRAGMENT_LAST } else { 0 };
            self.plain.extend_from_slice(&(part.len() as u32 | first | last).to_be_bytes());
            self.plain.extend_from_slice(part);
            (rest, first) = (after, 0);
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Ends the chunk that is being filled, if anything is in it.
    pub fn flush<E>(&mut self, full: &mut impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        if !self.is_fresh() {
            self.plain.resize(CHUNK_PLAIN, 0);
            full(self.next, &self.plain)?;
            self.next += 1;
            self.plain.truncate(1);
        }
        Ok(())
    }

    /// The only chunk of a small bundle, padded to its bucket; `None` if it is not small.
    pub fn only_chunk(&self) -> Option<Vec<u8>> {
        let mut plain = self.plain.clone();
        plain.resize(bucket(plain.len()), 0);
        (self.next == 0).then_some(plain)
    }

    /// A chunk with nothing in it.
    pub fn padding() -> Vec<u8> {
        let mut plain = vec![0; CHUNK_PLAIN];
        plain[0] = FORMAT_VERSION;
        plain
    }
}

/// A bundle that fits into one chunk, whole. For receipts, and for messages of text.
pub fn small_bundle(epoch: &SealKey, records: &[Vec<u8>], entropy: &mut Entropy) -> Option<Vec<u8>> {
    let key = BundleKey::derive(epoch, entropy.array());
    let mut packer = Packer::at(0);
    for record in records {
        if !packer.has_room(record.len(), 1, CHUNK_PLAIN) {
            return None;
        }
        packer.put(record, &mut |_, _| Err(())).ok()?;
    }
    let chunk = key.seal(0, &packer.only_chunk()?, entropy);
    Some([key.salt.as_slice(), &chunk].concat())
}

/// Bytes of a small bundle that holds records of these lengths.
pub fn small_bundle_len(record_lens: impl IntoIterator<Item = usize>) -> usize {
    let plain = 1 + record_lens.into_iter().map(|len| len + FRAGMENT_HEADER).sum::<usize>();
    SALT_LEN + CHUNK_OVERHEAD + bucket(plain)
}

/// The plain bytes of the only chunk of the largest small bundle of at most so many bytes.
pub fn small_plain(bytes_max: u64) -> usize {
    let room = usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_sub(SALT_LEN + CHUNK_OVERHEAD);
    let mut plain = room.min(CHUNK_PLAIN);
    // Buckets lie at most an eighth apart, so this ends soon.
    while plain > 0 && bucket(plain) > room {
        plain -= 1;
    }
    plain
}

/// Takes chunks apart into records.
#[derive(Default)]
pub struct Unpacker {
    partial: Option<Vec<u8>>,
}

impl Unpacker {
    /// The records that end in this chunk. Returns false for a chunk of padding.
    ///
    /// # Errors
    /// The chunk is of another version, or makes no sense; treat it as a gap.
    pub fn chunk(&mut self, plain: &[u8], records: &mut Vec<Vec<u8>>) -> Result<bool, FormatError> {
        let mut r = Reader::new(plain);
        let version = r.u8()?;
        if version != FORMAT_VERSION {
            return Err(FormatError::Version(version));
        }
        let mut any = false;
        while r.rest().len() > FRAGMENT_HEADER {
            let mark = u32::from_be_bytes(r.array()?);
            if mark == 0 {
                break;
            }
            any = true;
            let (first, last) = (mark & FRAGMENT_FIRST != 0, mark & FRAGMENT_LAST != 0);
            let part = r.take((mark & !(FRAGMENT_FIRST | FRAGMENT_LAST)) as usize)?;
            if first {
                self.partial = Some(Vec::new());
            }
            // A fragment without its beginning: it stood in a chunk that is gone.
            let Some(record) = &mut self.partial else { continue };
            if record.len() + part.len() > RECORD_BYTES_MAX {
                self.partial = None;
                return Err(FormatError::TooLarge("record"));
            }
            record.extend_from_slice(part);
            if last {
                records.extend(self.partial.take());
            }
        }
        Ok(any)
    }

    /// A chunk is missing here: a record that ran into it is lost.
    pub fn gap(&mut self) {
        self.partial = None;
    }
}

/// Kind byte of the one record that is no message of a session.
const REGISTRY: u8 = 64;

/// A record of a bundle.
#[derive(Debug)]
pub enum Record {
    /// The devices in whose order the receipts that follow are written, sorted.
    Registry(Vec<DeviceId>),
    /// The writer's receipt: what it durably held when it wrote what follows.
    Have(Vec<u8>),
    /// The writer's enrolment.
    Credential(Box<SignedEnrolment>),
    /// Receipts of third devices.
    Receipts(Vec<Vec<u8>>),
    /// Consecutive entries of one log, checked.
    Entries(CheckedRun),
    /// The writer had no more to say when it ended here.
    End,
}

/// The registry.
pub fn encode_registry(registry: &[DeviceId]) -> Vec<u8> {
    let mut out = vec![REGISTRY];
    put_varint(&mut out, registry.len() as u64);
    registry.iter().for_each(|device| out.extend_from_slice(device.as_bytes()));
    out
}

/// What comes first in every bundle: who writes, and what it holds. Receipts are written in the order of `registry`.
pub fn opening_records(registry: &[DeviceId], have: &[u8], credential: Option<&SignedEnrolment>) -> Vec<Vec<u8>> {
    let mut out = vec![encode_registry(registry), encode::have(have)];
    out.extend(credential.map(encode::credential));
    out
}

/// Receipts of third devices, in records of a moderate size.
pub fn receipt_records(receipts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for at in 0..receipts.len() {
        bytes += receipts[at].len();
        if bytes >= RECEIPT_RECORD_BYTES || at + 1 - from >= 1_000 || at + 1 == receipts.len() {
            out.push(encode::receipts(&receipts[from..=at]));
            (from, bytes) = (at + 1, 0);
        }
    }
    out
}

/// Reads a record. Checks hashes and signatures of entries; may run in parallel.
///
/// # Errors
/// The bytes are no record of this version.
pub fn read_record(bytes: &[u8], network: &NetworkId, verifier: &dyn Verifier) -> Result<Record, FormatError> {
    if bytes.first() == Some(&REGISTRY) {
        return read_registry(&bytes[1..]).map(Record::Registry);
    }
    match decode(bytes, network, verifier)? {
        Incoming::Ready(Message::Have(receipt)) => Ok(Record::Have(receipt)),
        Incoming::Ready(Message::Credential(credential)) => Ok(Record::Credential(credential)),
        Incoming::Ready(Message::Receipts(receipts)) => Ok(Record::Receipts(receipts)),
        Incoming::Ready(Message::Entries(run)) => Ok(Record::Entries(run)),
        Incoming::Ready(Message::Done) => Ok(Record::End),
        _ => Err(FormatError::Invalid("kind of record")),
    }
}

fn read_registry(bytes: &[u8]) -> Result<Vec<DeviceId>, FormatError> {
    let mut r = Reader::new(bytes);
    let count = r.varint()?;
    if count > AUTHORS_MAX as u64 {
        return Err(FormatError::TooLarge("registry"));
    }
    let devices = (0..count).map(|_| Ok(DeviceId(r.array()?))).collect::<Result<Vec<_>, FormatError>>()?;
    if !r.is_empty() || !devices.is_sorted_by(|a, b| a < b) {
        return Err(FormatError::Invalid("registry"));
    }
    Ok(devices)
}

/// The places that a record of entries holds, read off its first bytes; `None` for another record. Nothing is checked.
pub fn places_of(record: &[u8]) -> Option<Range> {
    let mut r = Reader::new(record);
    if r.u8().ok()? != ENTRIES_KIND {
        return None;
    }
    let [_, _, lane] = r.array().ok()?;
    let log = LogId { lane: Lane::from_u8(lane)?, author: DeviceId(r.array().ok()?) };
    let from = r.varint().ok()?;
    if from > 1 {
        r.take(32).ok()?;
    }
    let count = r.varint().ok().filter(|count| (1..=RUN_ENTRIES_MAX as u64).contains(count))?;
    let to = from.checked_add(count - 1).filter(|to| from > 0 && *to <= SEQ_MAX)?;
    Some(Range { log, from, to })
}

/// The receipt in a record that tells what the writer held; `None` for another record.
pub fn have_of(record: &[u8]) -> Option<&[u8]> {
    record.split_first().filter(|(kind, _)| **kind == 1).map(|(_, receipt)| receipt)
}

#[cfg(test)]
mod tests;
