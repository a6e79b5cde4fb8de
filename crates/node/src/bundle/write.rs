//! Writing a bundle: entries come from the store on every core, one thread packs and seals them and writes chunk after
//! chunk. No whole chunk with something in it is ever written over where a bundle is carried on, so a crash costs what was
//! being written and no more. One that cannot be carried on is begun anew, and what was in it is written again.

use super::couriers::BundleOut;
use super::file::{self, Survey};
use super::{BundleError, Material, Progress, Tiers};
use crate::heart::now_ms;
use crate::site::{Site, system_entropy};
use sanad_log::bundle::{
    BUNDLE_BYTES_MIN, BundleKey, CHUNK_LEN, CHUNK_PLAIN, Packer, SALT_LEN, bundle_id, chunk_len, opening_records,
    padded_chunks, receipt_records, small_plain,
};
use sanad_log::entropy::Entropy;
use sanad_log::entry::Entry;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{FacilityId, KeyId, Lane};
use sanad_log::message::encode;
use sanad_log::run::{RUN_ENTRIES_MAX, encode_run, run_entry_bytes_max};
use sanad_store::{Reader, StoreError};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Largest bundle if nothing else is said: the largest file of a stick with FAT.
pub const MAX_BYTES: u64 = u32::MAX as u64;
/// Bodies in one record of entries, in bytes, about; a sixteenth of a record at most is lost to a damaged chunk.
const RUN_BYTES: usize = 256 * 1024;
/// Places that one thread reads before the next one's turn.
const SLICE: u64 = 1_024;
/// Runs that a thread may be ahead, so that memory stays bounded.
const AHEAD_MAX: usize = 2;
/// The medium is asked to make durable what was written after so many bytes: a slow stick is then never behind by more
/// than a few seconds, and the progress that is shown is true.
const SYNC_BYTES: u64 = 32 * 1024 * 1024;
/// Pieces that are still tried once one did not fit: behind a large attachment there may be small ones.
const MISFITS_MAX: usize = 64;
/// What a record takes beside its bytes, at most, with the end after it.
const RECORD_HEAD_MAX: usize = 16;
/// Part of a bundle that receipts of third devices may take.
const RECEIPTS_PART: u64 = 8;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Largest size of the file, in bytes.
    pub max_bytes: u64,
    /// For whom; `None` for whoever reads it.
    pub site: Option<FacilityId>,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct WriteReport {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Entries that were added now.
    pub entries: u64,
    /// Entries in it altogether.
    pub holds: u64,
    /// Entries that did not fit.
    pub left: u64,
    /// True if an earlier bundle was carried on.
    pub continued: bool,
    /// What is in it altogether.
    #[serde(skip)]
    pub held: Frontier,
}

/// What already stands at the place where a bundle is to be written.
enum Standing {
    /// Nothing.
    Nothing,
    /// A bundle of this site that can be carried on.
    Bundle(BundleKey, Box<Survey>),
    /// A bundle of this site that is begun anew: small, sealed under an older key, or torn in its first chunk.
    Anew,
}

impl Site {
    /// Writes a bundle, or carries on the one that this site has begun there. What is on the medium when this returns is
    /// durable there.
    ///
    /// # Errors
    /// [`BundleError::Occupied`]: nothing was touched. [`BundleError::Full`]: what was written is a bundle up to its last
    /// whole chunk, and is carried on when there is room.
    pub async fn write_bundle(
        &self,
        out: &Path,
        options: WriteOptions,
        progress: Progress<'_>,
    ) -> Result<WriteReport, BundleError> {
        if options.max_bytes < BUNDLE_BYTES_MIN {
            return Err(BundleError::TooSmall);
        }
        let material = self.material(options.site).await?;
        let newest = material.key()?.id();
        let began = match file::id_of(out) {
            Some(id) => self.is_bundle_of_ours(id).await?,
            None => false,
        };
        let standing = tokio::task::block_in_place(|| standing_at(out, &material, newest, began))?;
        let (key, survey) = match standing {
            Standing::Bundle(key, survey) => (key, Some(*survey)),
            Standing::Nothing | Standing::Anew => (BundleKey::derive(material.key()?, system_entropy().array()), None),
        };
        let holds = survey.as_ref().map(|survey| survey.holds.clone()).unwrap_or_default();
        let pinned = self.pinned_places().await?;
        let tiers = Tiers::new(&material.wanted, &material.first, &pinned, &holds);
        let continued = survey.is_some();
        let as_it_is = |survey: &Survey| {
            let nothing_to_add = survey.ended && tiers.count() == 0 && survey.have == material.have();
            nothing_to_add || !begins(&material, survey.next, options.max_bytes)
        };
        if survey.as_ref().is_some_and(as_it_is) {
            let bytes = std::fs::metadata(out).map_err(BundleError::io("looking at the file"))?.len();
            let (file, left) = (out.to_owned(), tiers.count());
            return Ok(WriteReport { file, bytes, entries: 0, holds: holds.count(), left, continued, held: holds });
        }
        let note =
            |holds: Frontier| BundleOut { id: bundle_id(key.salt()), written_ms: now_ms(), site: options.site, holds };
        // Before its first byte, so that this site knows it again however little of it is written.
        self.note_bundle(note(holds.clone())).await?;
        let reader = self.reader().clone();
        let written = tokio::task::block_in_place(|| {
            let sink = Sink::open(out, &key, survey.as_ref(), options.max_bytes)?;
            fill(sink, &reader, &material, &tiers, progress)
        });
        match written {
            Ok((added, bytes)) => {
                let mut all = holds;
                all.extend(&added);
                let report = WriteReport {
                    file: out.to_owned(),
                    bytes,
                    entries: added.count(),
                    holds: all.count(),
                    left: tiers.count() - added.count(),
                    continued,
                    held: all.clone(),
                };
                self.note_bundle(note(all)).await?;
                Ok(report)
            }
            Err(error) => {
                // What is really there, as a reader would find it.
                let survey = || file::open(out, &material.epochs).and_then(|mut bundle| file::survey(&mut bundle));
                let survey = tokio::task::block_in_place(survey);
                if let Ok(survey) = survey {
                    self.note_bundle(note(survey.holds)).await?;
                }
                Err(error)
            }
        }
    }
}

/// True if a bundle that goes on at this chunk has room for who writes it; what it holds already stands in any case.
fn begins(material: &Material, next: u64, bytes_max: u64) -> bool {
    let (chunks_max, plain_max) = chunks_of(bytes_max);
    let records = opening_records(&material.registry, &material.have(), material.credential.as_ref());
    let bytes: usize = records.iter().map(|record| record.len() + RECORD_HEAD_MAX).sum();
    Packer::at(next).has_room(bytes + RECORD_HEAD_MAX, chunks_max, plain_max)
}

/// Chunks of a bundle of this size, one at least, and the plain bytes of each.
fn chunks_of(bytes_max: u64) -> (u64, usize) {
    match (bytes_max - SALT_LEN as u64) / CHUNK_LEN as u64 {
        0 => (1, small_plain(bytes_max)),
        chunks => (chunks, CHUNK_PLAIN),
    }
}

/// Finds out whether a bundle may be written there. A file that this site did not write is never touched.
fn standing_at(out: &Path, material: &Material, newest: KeyId, began: bool) -> Result<Standing, BundleError> {
    match std::fs::metadata(out) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        Ok(meta) if meta.is_file() && meta.len() == 0 => return Ok(Standing::Nothing),
        _ => {}
    }
    let mut bundle = match file::open(out, &material.epochs) {
        Ok(bundle) => bundle,
        Err(BundleError::NotReadable) if began => return Ok(Standing::Anew),
        Err(BundleError::NotReadable) => return Err(BundleError::Occupied),
        Err(error) => return Err(error),
    };
    let survey = file::survey(&mut bundle)?;
    if survey.writer != Some(material.device) {
        return if began { Ok(Standing::Anew) } else { Err(BundleError::Occupied) };
    }
    // What comes now must not be sealed under a key that a device held which is trusted no more.
    if bundle.epoch != newest || bundle.chunk != CHUNK_LEN {
        return Ok(Standing::Anew);
    }
    Ok(Standing::Bundle(bundle.key, Box::new(survey)))
}

/// Takes records, gives chunks to the medium.
struct Sink<'a> {
    file: File,
    path: &'a Path,
    key: &'a BundleKey,
    packer: Packer,
    entropy: Entropy,
    /// Chunks that fit, and the plain bytes of each.
    chunks_max: u64,
    plain_max: usize,
    unsynced: u64,
}

impl<'a> Sink<'a> {
    fn open(
        path: &'a Path,
        key: &'a BundleKey,
        survey: Option<&Survey>,
        max_bytes: u64,
    ) -> Result<Sink<'a>, BundleError> {
        let doing = BundleError::io("opening the file");
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(doing)?;
        let next = survey.map_or(0, |survey| survey.next);
        let begin = |file: &mut File| {
            // Padding, and what was torn.
            file.set_len(if next == 0 { 0 } else { SALT_LEN as u64 + next * CHUNK_LEN as u64 })?;
            if next == 0 {
                file.write_all(key.salt())?;
            }
            file.seek(SeekFrom::End(0))
        };
        begin(&mut file).map_err(BundleError::io("writing the file"))?;
        let (chunks_max, plain_max) = chunks_of(max_bytes);
        let (packer, entropy) = (Packer::at(next), system_entropy());
        Ok(Sink { file, path, key, packer, entropy, chunks_max, plain_max, unsynced: 0 })
    }

    /// True if a record fits, and the end after it.
    fn has_room(&self, record_len: usize) -> bool {
        self.packer.has_room(record_len + RECORD_HEAD_MAX, self.chunks_max, self.plain_max)
    }

    /// Bytes of records that still fit, about.
    fn room(&self) -> usize {
        let chunks = self.chunks_max.saturating_sub(self.packer.index() + 1);
        let per_chunk = (self.plain_max - 8) as u64;
        let here = self.packer.left(self.plain_max) as u64;
        usize::try_from(chunks.saturating_mul(per_chunk).saturating_add(here)).unwrap_or(usize::MAX)
    }

    fn put(&mut self, record: &[u8]) -> Result<(), BundleError> {
        let Sink { file, key, packer, entropy, unsynced, .. } = self;
        packer.put(record, &mut |index, plain| write_chunk(file, key, entropy, unsynced, index, plain))
    }

    /// Ends it, and makes it durable. Returns its size.
    fn finish(mut self) -> Result<u64, BundleError> {
        self.put(&encode::done())?;
        if self.packer.index() == 0
            && let Some(plain) = self.packer.only_chunk()
        {
            let chunk = self.key.seal(0, &plain, &mut self.entropy);
            self.file.write_all(&chunk).map_err(BundleError::io("writing the file"))?;
        } else {
            let Sink { file, key, packer, entropy, unsynced, chunks_max, .. } = &mut self;
            packer.flush(&mut |index, plain| write_chunk(file, key, entropy, unsynced, index, plain))?;
            let padding = Packer::padding();
            for index in packer.index()..padded_chunks(packer.index()).min(*chunks_max) {
                write_chunk(file, key, entropy, unsynced, index, &padding)?;
            }
        }
        let len = self.file.metadata().map_err(BundleError::io("looking at the file"))?.len();
        assert!(chunk_len(len).is_some(), "a bundle has a length that a bundle has");
        self.file.sync_all().map_err(BundleError::io("making the file durable"))?;
        sync_folder_of(self.path);
        Ok(len)
    }

    /// After an error: nothing stays but whole chunks.
    fn abandon(self) {
        let whole = SALT_LEN as u64 + self.packer.index() * CHUNK_LEN as u64;
        if self.file.metadata().is_ok_and(|meta| meta.len() > whole) {
            drop(self.file.set_len(whole));
        }
        drop(self.file.sync_all());
        sync_folder_of(self.path);
    }
}

fn write_chunk(
    file: &mut File,
    key: &BundleKey,
    entropy: &mut Entropy,
    unsynced: &mut u64,
    index: u64,
    plain: &[u8],
) -> Result<(), BundleError> {
    file.write_all(&key.seal(index, plain, entropy)).map_err(BundleError::io("writing the file"))?;
    *unsynced += CHUNK_LEN as u64;
    if *unsynced >= SYNC_BYTES {
        *unsynced = 0;
        file.sync_data().map_err(BundleError::io("making the file durable"))?;
    }
    Ok(())
}

/// The name in the folder is durable too. Not every file system of a stick can do this; those write it with the file.
pub(super) fn sync_folder_of(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    drop(File::open(folder).and_then(|folder| folder.sync_all()));
}

/// Fills a bundle. Returns what was added and the size of the file.
fn fill(
    mut sink: Sink<'_>,
    reader: &Reader,
    material: &Material,
    tiers: &Tiers,
    progress: Progress<'_>,
) -> Result<(Frontier, u64), BundleError> {
    match fill_tiers(&mut sink, reader, material, tiers, progress) {
        Ok(added) => Ok((added, sink.finish()?)),
        Err(error) => {
            sink.abandon();
            Err(error)
        }
    }
}

fn fill_tiers(
    sink: &mut Sink<'_>,
    reader: &Reader,
    material: &Material,
    tiers: &Tiers,
    progress: Progress<'_>,
) -> Result<Frontier, BundleError> {
    // A very small bundle may have no room for who wrote it: then it is too small for anything.
    for record in opening_records(&material.registry, &material.have(), material.credential.as_ref()) {
        if !sink.has_room(record.len()) {
            return Err(BundleError::TooSmall);
        }
        sink.put(&record)?;
    }
    let mut filling = Filling { sink, reader, added: Frontier::default(), misfits: 0, done: 0, of: tiers.count() };
    // Keys and what is urgent; then how far third sites are; then the rest.
    let (before, after) = tiers.0.split_at(tiers.0.len().min(2));
    filling.tiers(before, progress)?;
    let mut allowed = if filling.of == 0 { u64::MAX } else { filling.sink.room() as u64 / RECEIPTS_PART };
    for record in receipt_records(&material.third()) {
        if record.len() as u64 <= allowed && filling.sink.has_room(record.len()) {
            allowed = allowed.saturating_sub(record.len() as u64);
            filling.sink.put(&record)?;
        }
    }
    filling.tiers(after, progress)?;
    Ok(filling.added)
}

struct Filling<'a, 'b> {
    sink: &'a mut Sink<'b>,
    reader: &'a Reader,
    added: Frontier,
    misfits: usize,
    done: u64,
    of: u64,
}

/// What a thread has read.
enum Item {
    Run(Range, Vec<u8>),
    SliceDone,
    Failed(StoreError),
}

impl Filling<'_, '_> {
    /// Puts entries in, in order; they are read on every core meanwhile.
    fn tiers(&mut self, tiers: &[Vec<Range>], progress: Progress<'_>) -> Result<(), BundleError> {
        let slices: Vec<Range> = tiers.iter().flatten().flat_map(|range| slices_of(*range)).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(slices.len());
        thread::scope(|scope| {
            let lines: Vec<Receiver<Item>> = (0..threads)
                .map(|thread| {
                    let (line, items) = sync_channel(AHEAD_MAX);
                    let (slices, reader) = (&slices, self.reader);
                    scope.spawn(move || {
                        for slice in slices.iter().skip(thread).step_by(threads) {
                            // The other end is gone once the bundle is full.
                            if read_slice(reader, *slice, &line).is_none() {
                                break;
                            }
                        }
                    });
                    items
                })
                .collect();
            for (at, slice) in slices.iter().enumerate() {
                if self.misfits > MISFITS_MAX {
                    return Ok(());
                }
                while let Ok(item) = lines[at % threads].recv() {
                    match item {
                        Item::Run(range, record) => {
                            if !self.run(range, &record)? {
                                return Ok(());
                            }
                        }
                        Item::SliceDone => break,
                        Item::Failed(error) => return Err(error.into()),
                    }
                }
                self.done += slice.count();
                progress(self.done, self.of);
            }
            Ok(())
        })
    }

    /// Puts a run in, or as much of it as fits. Returns false once nothing more is tried.
    fn run(&mut self, range: Range, record: &[u8]) -> Result<bool, BundleError> {
        if self.sink.has_room(record.len()) {
            self.sink.put(record)?;
            self.added.insert(range);
            return Ok(true);
        }
        let mut from = range.from;
        while from <= range.to {
            let entries = self.reader.load(Range { from, ..range }, self.sink.room().clamp(1, RUN_BYTES))?;
            let sink = &*self.sink;
            match shortened_run(&entries, sink.room(), &|len| sink.has_room(len)) {
                Some((count, record)) => {
                    self.sink.put(&record)?;
                    self.added.insert(Range { from, to: from + count as u64 - 1, ..range });
                    from += count as u64;
                }
                // A large one stays out, and those behind it are tried.
                None => {
                    from += 1;
                    self.misfits += 1;
                    // Records whose keys are not in the bundle would wait at the reader.
                    if self.misfits > MISFITS_MAX || range.log.lane == Lane::Control {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

fn slices_of(range: Range) -> impl Iterator<Item = Range> {
    (range.from..=range.to).step_by(SLICE as usize).map(move |from| Range {
        from,
        to: range.to.min(from + SLICE - 1),
        ..range
    })
}

/// Reads a slice run by run. `None` if nobody listens any more.
fn read_slice(reader: &Reader, slice: Range, line: &SyncSender<Item>) -> Option<()> {
    let mut from = slice.from;
    while from <= slice.to {
        let wanted = Range { from, ..slice };
        let entries = match reader.load(wanted, RUN_BYTES) {
            Ok(entries) => entries,
            // A place that cannot be read is named by `sanad check`, and passed over here.
            Err(StoreError::Damaged { .. }) => vec![],
            Err(error) => {
                drop(line.send(Item::Failed(error)));
                return None;
            }
        };
        if let Some(run) = encode_run(&entries) {
            let range = Range { to: from + entries.len() as u64 - 1, ..wanted };
            line.send(Item::Run(range, encode::entries(&run))).ok()?;
        }
        from += (entries.len() as u64).max(1);
    }
    line.send(Item::SliceDone).ok()
}

/// The most of the first entries whose record fits, and that record.
pub(crate) fn shortened_run(entries: &[Entry], room: usize, fits: &dyn Fn(usize) -> bool) -> Option<(usize, Vec<u8>)> {
    let mut bytes = 0;
    let mut count = entries
        .iter()
        .take(RUN_ENTRIES_MAX)
        .take_while(|entry| {
            // What an entry takes at least; what it takes exactly is known once it is written.
            bytes += run_entry_bytes_max(entry.body().len()) - RUN_SAVES_AT_MOST;
            bytes <= room
        })
        .count();
    while count > 0 {
        let record = encode::entries(&encode_run(&entries[..count])?);
        if fits(record.len()) {
            return Some((count, record));
        }
        count -= (count / 16).max(1);
    }
    None
}

/// Bytes that an entry's header is shorter in a run than by itself, at most.
const RUN_SAVES_AT_MOST: usize = 132;
