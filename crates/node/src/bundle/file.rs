//! A file as a bundle: whether it is one, whose, and what lies in it.

use super::BundleError;
use sanad_log::bundle::{BundleKey, CHUNK_LEN, Packer, SALT_LEN, Unpacker, bundle_id, chunk_len, have_of, places_of};
use sanad_log::frontier::Frontier;
use sanad_log::ids::{DeviceId, KeyId};
use sanad_log::message::encode;
use sanad_log::seal::SealKey;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A file that opens under a key of this network.
pub(super) struct Bundle<R> {
    source: R,
    /// The first chunk, which was read to find the key.
    first: Option<Vec<u8>>,
    next: u64,
    pub(super) key: BundleKey,
    /// The epoch key it is sealed under.
    pub(super) epoch: KeyId,
    /// Bytes of a chunk.
    pub(super) chunk: usize,
    /// Bytes of the file when it was opened.
    pub(super) len: u64,
}

/// A chunk as it was found.
pub(super) enum Chunk {
    /// Its plain bytes.
    Whole(Vec<u8>),
    /// Changed, moved, or never one.
    Damaged,
    /// Fewer bytes than a chunk: the writing stopped here.
    Torn,
}

/// Looks at a path before it is opened: a pipe or a device may never end.
fn length_of(path: &Path) -> Result<u64, BundleError> {
    let meta = fs::metadata(path).map_err(BundleError::io("looking at the file"))?;
    if meta.is_file() { Ok(meta.len()) } else { Err(BundleError::NotAFile) }
}

/// Opens a file.
pub(super) fn open(path: &Path, epochs: &[SealKey]) -> Result<Bundle<File>, BundleError> {
    let len = length_of(path)?;
    let file = File::open(path).map_err(BundleError::io("opening the file"))?;
    Bundle::begin(file, len, epochs)
}

/// The name that a file would have as a bundle.
pub(super) fn id_of(path: &Path) -> Option<[u8; 16]> {
    length_of(path).ok()?;
    let mut salt = [0; SALT_LEN];
    File::open(path).ok()?.read_exact(&mut salt).ok()?;
    Some(bundle_id(&salt))
}

impl<R: Read> Bundle<R> {
    /// Reads the salt and the first chunk of `len` bytes.
    pub(super) fn begin(mut source: R, len: u64, epochs: &[SealKey]) -> Result<Bundle<R>, BundleError> {
        let chunk = chunk_len(len).ok_or(BundleError::NotReadable)?;
        let mut start = vec![0; SALT_LEN + chunk];
        source.read_exact(&mut start).map_err(BundleError::io("reading the file"))?;
        let (key, epoch) = BundleKey::find(epochs, &start).ok_or(BundleError::NotReadable)?;
        let first = start.split_off(SALT_LEN);
        Ok(Bundle { source, first: Some(first), next: 0, key, epoch: epoch.id(), chunk, len })
    }

    /// How many chunks the file has, a torn one included.
    pub(super) fn chunks(&self) -> u64 {
        (self.len - SALT_LEN as u64).div_ceil(self.chunk as u64)
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// The medium cannot be read here. What came before stands.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Chunk)>> {
        let index = self.next;
        let bytes = match self.first.take() {
            Some(first) => first,
            None if index >= self.chunks() => return Ok(None),
            None => {
                let mut bytes = Vec::with_capacity(self.chunk);
                self.source.by_ref().take(self.chunk as u64).read_to_end(&mut bytes)?;
                if bytes.is_empty() {
                    return Ok(None);
                }
                bytes
            }
        };
        self.next += 1;
        let chunk = match self.key.open(index, &bytes) {
            Some(plain) => Chunk::Whole(plain),
            None if bytes.len() < self.chunk => Chunk::Torn,
            None => Chunk::Damaged,
        };
        Ok(Some((index, chunk)))
    }
}

/// What lies in a bundle, up to its first chunk that is not whole.
#[derive(Default)]
pub(super) struct Survey {
    /// Who wrote it.
    pub(super) writer: Option<DeviceId>,
    /// The entries in it.
    pub(super) holds: Frontier,
    /// The writer's receipt that was written last.
    pub(super) have: Vec<u8>,
    /// The chunk after the last one with something in it: where writing goes on.
    pub(super) next: u64,
    /// Bytes of records.
    pub(super) content: u64,
    /// True if it was ended, and nothing in it is damaged.
    pub(super) ended: bool,
}

/// Surveys a bundle. Nothing in it is believed: whoever sealed it is a member, and what it says of places is not used for
/// more than what to add to it.
pub(super) fn survey<R: Read>(bundle: &mut Bundle<R>) -> Result<Survey, BundleError> {
    let (mut survey, mut unpacker, mut records) = (Survey::default(), Unpacker::default(), Vec::new());
    let end = encode::done();
    while let Some((index, chunk)) = bundle.next().map_err(BundleError::io("reading the file"))? {
        let Chunk::Whole(plain) = chunk else {
            survey.ended = false;
            break;
        };
        let Ok(any) = unpacker.chunk(&plain, &mut records) else { break };
        if any {
            survey.next = index + 1;
        }
        for record in records.drain(..) {
            survey.content += record.len() as u64;
            survey.ended = record == end;
            if let Some(have) = have_of(&record) {
                survey.writer = survey.writer.or_else(|| have.first_chunk().map(|device| DeviceId(*device)));
                survey.have = have.to_vec();
            }
            if let Some(range) = places_of(&record) {
                survey.holds.insert(range);
            }
        }
    }
    Ok(survey)
}

/// Who wrote the bundle, as its first chunk says; for telling whose a file is without reading all of it.
pub(super) fn writer_of(path: &Path, epochs: &[SealKey]) -> Result<Option<DeviceId>, BundleError> {
    let mut bundle = open(path, epochs)?;
    let (mut unpacker, mut records) = (Unpacker::default(), Vec::new());
    // A long list of devices may come before the first receipt.
    for _ in 0..FIRST_CHUNKS_MAX {
        let Some((_, Chunk::Whole(plain))) = bundle.next().map_err(BundleError::io("reading the file"))? else { break };
        if unpacker.chunk(&plain, &mut records).is_err() {
            break;
        }
        let have = records.drain(..).find_map(|record| have_of(&record)?.first_chunk().map(|device| DeviceId(*device)));
        if have.is_some() {
            return Ok(have);
        }
    }
    Ok(None)
}

/// Chunks in which the first receipt stands: behind the keys of the most authors there can be, and its own length.
const FIRST_CHUNKS_MAX: u64 = 256;

/// A bundle of whole chunks in memory, for what is more than a small one holds.
pub(super) fn large_bundle(key: &BundleKey, records: &[Vec<u8>], entropy: &mut sanad_log::entropy::Entropy) -> Vec<u8> {
    let mut out = key.salt().to_vec();
    let mut packer = Packer::at(0);
    let mut full = |index: u64, plain: &[u8]| {
        out.extend_from_slice(&key.seal(index, plain, entropy));
        Ok::<_, std::convert::Infallible>(())
    };
    for record in records {
        let Ok(()) = packer.put(record, &mut full);
    }
    let Ok(()) = packer.flush(&mut full);
    assert!((out.len() - SALT_LEN).is_multiple_of(CHUNK_LEN), "whole chunks");
    out
}
