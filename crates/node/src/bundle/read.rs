//! Reading a bundle: one thread opens its chunks, every core checks signatures, the heart takes what holds, in order.

use super::file::{self, Bundle, Chunk};
use super::write::sync_folder_of;
use super::{BundleError, Material, Progress};
use crate::heart::Command;
use crate::site::{Site, SiteError, system_entropy};
use sanad_log::bundle::{
    BundleKey, Record, Unpacker, opening_records, places_of, read_record, receipt_records, small_bundle,
};
use sanad_log::frontier::Frontier;
use sanad_log::ids::{DeviceId, NetworkId};
use sanad_log::message::encode;
use sanad_log::receipt::Receipt;
use sanad_log::replica::{Carried, Took};
use sanad_log::seal::SealKey;
use sanad_log::sign::Ed25519Verifier;
use sanad_log::wire::FormatError;
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use tokio::sync::oneshot;

/// Records that wait for a thread, and answers that wait behind it: bounds memory, and keeps every core busy.
const AHEAD_MAX: usize = 2;
/// Pieces under way in the heart, so that they share the disk's commits; fewer than its queue holds.
const UNDER_WAY_MAX: usize = 48;
/// Bytes of records under way there; one is always.
const UNDER_WAY_BYTES: usize = 8 * 1024 * 1024;
/// Damaged chunks that are named one by one.
const DAMAGED_NAMED_MAX: usize = 100;
/// Letters of a receipt's file name.
const NAME_LEN: usize = 8;

/// Where the receipt goes.
#[derive(Clone, Debug)]
pub enum ReceiptTo {
    /// Beside the bundle, under a name that says nothing and is the same whenever the same bundle is read here.
    Beside,
    /// There.
    At(PathBuf),
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReadReport {
    /// Call sign of the site that wrote it, if it is known here.
    pub from: Option<String>,
    /// Entries that were not held before; they are durable now.
    pub new: u64,
    /// Entries that were held already.
    pub known: u64,
    /// Entries whose keys have not come yet: read the bundle again once they have.
    pub waiting: u64,
    /// Entries that do not hold: kept as evidence.
    pub refused: u64,
    /// Receipts that were newer than those held.
    pub receipts: u64,
    /// Chunks in the file.
    pub chunks: u64,
    /// Chunks that are damaged, moved or not of this bundle, by their place; the first hundred. One that is merely cut short
    /// is not among them.
    pub damaged: Vec<u64>,
    /// Records that make no sense to this release.
    pub not_understood: u64,
    /// False if the writing stopped before its end.
    pub whole: bool,
    /// Why the file could not be read to its end. What came before is in.
    pub read_problem: Option<String>,
    /// The receipt bundle to send back; `None` if the bundle held no entries.
    pub receipt: Option<PathBuf>,
    /// Why no receipt could be written. The entries are safe.
    pub receipt_problem: Option<String>,
}

/// What was taken out of a bundle.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) took: Took,
    pub(crate) writer: Option<DeviceId>,
    /// What the writer said last that it held.
    pub(crate) writer_held: Option<Arc<Frontier>>,
    /// True if there were entries in it at all, new or not.
    pub(crate) has_entries: bool,
    pub(crate) not_understood: u64,
    pub(crate) whole: bool,
    pub(crate) chunks: u64,
    pub(crate) damaged: Vec<u64>,
    /// What the operating system said where it could read no further; what came before is in.
    pub(crate) medium: Option<std::io::ErrorKind>,
}

impl Site {
    /// Reads a bundle. Reading it again changes nothing.
    ///
    /// # Errors
    /// [`BundleError::NotReadable`]: nothing was changed. The disk here is full: what was taken before stays, and the rest
    /// comes in when the bundle is read again.
    pub async fn read_bundle(
        &self,
        path: &Path,
        receipt: &ReceiptTo,
        progress: Progress<'_>,
    ) -> Result<ReadReport, BundleError> {
        let epochs = self.epochs().await?;
        let bundle = tokio::task::block_in_place(|| file::open(path, &epochs))?;
        let name = receipt_name(&bundle.key, self.device());
        let taken = self.take_bundle(bundle, progress).await?;
        let mut report = self.report_of(&taken).await?;
        if taken.has_entries {
            let out = match receipt {
                ReceiptTo::Beside => path.with_file_name(name),
                ReceiptTo::At(out) => out.clone(),
            };
            match self.write_receipt(&out).await {
                Ok(()) => report.receipt = Some(out),
                Err(error) => report.receipt_problem = Some(error.to_string()),
            }
        }
        Ok(report)
    }

    /// Keys of the network.
    pub(crate) async fn epochs(&self) -> Result<Vec<SealKey>, BundleError> {
        let epochs: Vec<SealKey> = self.with_directory(|directory| directory.epoch_keys().cloned().collect()).await?;
        if epochs.is_empty() { Err(BundleError::NoKeys) } else { Ok(epochs) }
    }

    pub(crate) async fn report_of(&self, taken: &Taken) -> Result<ReadReport, SiteError> {
        let writer = taken.writer;
        let from = self.with_directory(move |directory| {
            let facility = directory.facility_of(&writer?)?;
            directory.facilities().get(&facility).map(|facility| facility.call_sign.clone())
        });
        Ok(ReadReport {
            from: from.await?,
            new: taken.took.new,
            known: taken.took.known,
            waiting: taken.took.waiting,
            refused: taken.took.refused,
            receipts: taken.took.receipts,
            chunks: taken.chunks,
            damaged: taken.damaged.clone(),
            not_understood: taken.not_understood,
            whole: taken.whole,
            read_problem: taken.medium.map(|kind| kind.to_string()),
            receipt: None,
            receipt_problem: None,
        })
    }

    /// Takes what a bundle in memory holds.
    pub(crate) async fn take_bytes(&self, bytes: &[u8], epochs: &[SealKey]) -> Result<Taken, BundleError> {
        let bundle = Bundle::begin(bytes, bytes.len() as u64, epochs)?;
        self.take_bundle(bundle, &|_, _| {}).await
    }

    /// Takes what a bundle holds. When this returns, all of it is durable.
    async fn take_bundle<R: Read + Send>(
        &self,
        bundle: Bundle<R>,
        progress: Progress<'_>,
    ) -> Result<Taken, BundleError> {
        let (held, registry) = self
            .look(|replica, _| {
                let devices: Vec<DeviceId> = replica.directory().devices().keys().copied().collect();
                (replica.durable().clone(), devices)
            })
            .await?;
        tokio::task::block_in_place(|| take(self, bundle, &held, registry, progress))
    }

    /// Writes a receipt bundle: what this site durably holds, what third sites have confirmed, and no entries.
    async fn write_receipt(&self, out: &Path) -> Result<(), BundleError> {
        let material = self.material(None).await?;
        let bytes = receipt_bundle(&material)?;
        tokio::task::block_in_place(|| {
            let ours = || file::writer_of(out, &material.epochs).is_ok_and(|writer| writer == Some(material.device));
            if fs::metadata(out).is_ok_and(|meta| meta.len() > 0) && !ours() {
                return Err(BundleError::Occupied);
            }
            let doing = || BundleError::io("writing the receipt");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(out).map_err(doing())?;
            let written = file.write_all(&bytes).and_then(|()| file.sync_all());
            if written.is_err() {
                // Half a receipt is of no use to anybody, and it is ours.
                drop(fs::remove_file(out));
            }
            sync_folder_of(out);
            written.map_err(doing())
        })
    }
}

/// The receipt bundle of this moment.
fn receipt_bundle(material: &Material) -> Result<Vec<u8>, BundleError> {
    let mut records = opening_records(&material.registry, &material.have(), material.credential.as_ref());
    records.extend(receipt_records(&material.third()));
    records.push(encode::done());
    let mut entropy = system_entropy();
    let key = material.key()?;
    Ok(small_bundle(key, &records, &mut entropy).unwrap_or_else(|| {
        let key = BundleKey::derive(key, entropy.array());
        file::large_bundle(&key, &records, &mut entropy)
    }))
}

/// A name that says nothing, and is the same whenever the same bundle is read here, so that reading it a hundred times
/// leaves one file.
fn receipt_name(key: &BundleKey, device: DeviceId) -> String {
    let digest = blake3::derive_key("sanad 2026 receipt file v1", &[key.id().as_slice(), device.as_bytes()].concat());
    unremarkable(&digest)
}

/// A file name out of random bytes.
pub(super) fn unremarkable(random: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = random.iter().take(NAME_LEN).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    format!("{}.dat", letters.collect::<String>())
}

/// What travels from the thread that opens chunks to those that check, and on.
enum Piece {
    /// A record.
    Record(Vec<u8>),
    /// So many entries that are held already.
    Known(u64),
    /// How far the file has been read.
    At(u64),
}

enum Checked {
    /// A record, and its length.
    Record(Result<Record, FormatError>, usize),
    Known(u64),
    At(u64),
}

fn take<R: Read + Send>(
    site: &Site,
    mut bundle: Bundle<R>,
    held: &Frontier,
    registry: Vec<DeviceId>,
    progress: Progress<'_>,
) -> Result<Taken, BundleError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let network = site.network();
    let chunks = bundle.chunks();
    thread::scope(|scope| {
        let (mut lines, mut answers): (Vec<SyncSender<Piece>>, Vec<Receiver<Checked>>) = (vec![], vec![]);
        for _ in 0..threads {
            let (line, pieces) = sync_channel(AHEAD_MAX);
            let (answer, answered) = sync_channel(AHEAD_MAX);
            lines.push(line);
            answers.push(answered);
            scope.spawn(move || check(&pieces, &answer, &network));
        }
        let opening = scope.spawn(move || open_chunks(&mut bundle, held, &lines));
        let mut taking = Taking { site, network, registry, taken: Taken::default(), under_way: VecDeque::new() };
        let result = (0..).try_for_each(|turn: usize| match answers[turn % threads].recv() {
            Ok(Checked::At(chunk)) => {
                progress(chunk, chunks);
                Ok(())
            }
            Ok(Checked::Known(count)) => {
                (taking.taken.has_entries, taking.taken.whole) = (true, false);
                taking.taken.took.known += count;
                Ok(())
            }
            Ok(Checked::Record(record, len)) => taking.record(record, len).map_err(Some),
            Err(_) => Err(None),
        });
        // The other threads end when nobody listens to them.
        drop(answers);
        let opened = opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Err(Some(error)) = result {
            return Err(error);
        }
        while !taking.under_way.is_empty() {
            taking.settle_one()?;
        }
        let mut taken = taking.taken;
        taken.chunks = chunks;
        taken.whole &= opened.damaged.is_empty() && !opened.torn && opened.medium.is_none();
        (taken.damaged, taken.medium) = (opened.damaged, opened.medium);
        Ok(taken)
    })
}

/// What was wrong with the chunks of a file.
#[derive(Default)]
struct Opened {
    /// Places of damaged ones.
    damaged: Vec<u64>,
    /// The last one is cut short: the writing stopped there, or the stick was pulled out.
    torn: bool,
    /// The medium could not be read further.
    medium: Option<std::io::ErrorKind>,
}

/// Opens chunk after chunk.
fn open_chunks<R: Read>(bundle: &mut Bundle<R>, held: &Frontier, lines: &[SyncSender<Piece>]) -> Opened {
    let (mut unpacker, mut records, mut opened, mut turn) =
        (Unpacker::default(), Vec::new(), Opened::default(), 0usize);
    let mut send = |piece| {
        turn += 1;
        lines[(turn - 1) % lines.len()].send(piece).is_ok()
    };
    loop {
        let (index, chunk) = match bundle.next() {
            Ok(Some(next)) => next,
            Ok(None) => return opened,
            Err(error) => return Opened { medium: Some(error.kind()), ..opened },
        };
        let is_whole = match chunk {
            Chunk::Whole(plain) => unpacker.chunk(&plain, &mut records).is_ok(),
            Chunk::Damaged => false,
            Chunk::Torn => return Opened { torn: true, ..opened },
        };
        if !is_whole {
            unpacker.gap();
            if opened.damaged.len() < DAMAGED_NAMED_MAX {
                opened.damaged.push(index);
            }
        }
        for record in records.drain(..) {
            let piece = match places_of(&record) {
                // Held already: its signatures were checked when it came.
                Some(places)
                    if held.get(&places.log).is_some_and(|of_log| {
                        of_log.iter().any(|(from, to)| from <= places.from && places.to <= to)
                    }) =>
                {
                    Piece::Known(places.count())
                }
                _ => Piece::Record(record),
            };
            if !send(piece) {
                return opened;
            }
        }
        if !send(Piece::At(index + 1)) {
            return opened;
        }
    }
}

fn check(pieces: &Receiver<Piece>, answer: &SyncSender<Checked>, network: &NetworkId) {
    for piece in pieces {
        let checked = match piece {
            Piece::Record(record) => Checked::Record(read_record(&record, network, &Ed25519Verifier), record.len()),
            Piece::Known(count) => Checked::Known(count),
            Piece::At(chunk) => Checked::At(chunk),
        };
        if answer.send(checked).is_err() {
            return;
        }
    }
}

struct Taking<'a> {
    site: &'a Site,
    network: NetworkId,
    /// In whose order the receipts are written: the bundle's own, or, in a message of text, this site's.
    registry: Vec<DeviceId>,
    taken: Taken,
    /// The length of each, and where it is told that it is durable.
    under_way: VecDeque<(usize, oneshot::Receiver<Result<Took, SiteError>>)>,
}

impl Taking<'_> {
    fn record(&mut self, record: Result<Record, FormatError>, len: usize) -> Result<(), BundleError> {
        self.taken.whole = matches!(record, Ok(Record::End));
        match record {
            Ok(Record::Registry(registry)) => self.registry = registry,
            Ok(Record::Have(bytes)) => match self.receipt(&bytes) {
                Some(receipt) => {
                    self.taken.writer = Some(receipt.device);
                    self.taken.writer_held = Some(Arc::new(receipt.frontier.clone()));
                    self.carry(Carried::Receipts(vec![receipt]), len)?;
                }
                None => self.taken.not_understood += 1,
            },
            Ok(Record::Credential(credential)) => self.carry(Carried::Credential(credential), len)?,
            Ok(Record::Receipts(receipts)) => {
                let read: Vec<_> = receipts.iter().filter_map(|bytes| self.receipt(bytes)).collect();
                self.taken.not_understood += (receipts.len() - read.len()) as u64;
                self.carry(Carried::Receipts(read), len)?;
            }
            Ok(Record::Entries(run)) => {
                self.taken.has_entries = true;
                self.carry(Carried::Entries(run, self.taken.writer_held.clone()), len)?;
            }
            Ok(Record::End) => {}
            Err(_) => self.taken.not_understood += 1,
        }
        Ok(())
    }

    fn receipt(&self, bytes: &[u8]) -> Option<Receipt> {
        Receipt::decode(bytes, &self.network, &self.registry, |_| None, &Ed25519Verifier).ok()
    }

    fn carry(&mut self, carried: Carried, len: usize) -> Result<(), BundleError> {
        let is_full = |taking: &Taking<'_>| {
            let bytes: usize = taking.under_way.iter().map(|(len, _)| len).sum();
            taking.under_way.len() >= UNDER_WAY_MAX || (bytes > 0 && bytes + len > UNDER_WAY_BYTES)
        };
        while is_full(self) {
            self.settle_one()?;
        }
        let (answer, answered) = oneshot::channel();
        self.site.send_blocking(Command::Carry(carried, self.taken.writer, answer))?;
        self.under_way.push_back((len, answered));
        Ok(())
    }

    /// Waits for the oldest piece to be durable.
    fn settle_one(&mut self) -> Result<(), BundleError> {
        if let Some((_, answered)) = self.under_way.pop_front() {
            self.taken.took.add(answered.blocking_recv().map_err(|_| SiteError::Closed)??);
        }
        Ok(())
    }
}
