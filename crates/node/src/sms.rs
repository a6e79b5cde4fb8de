//! Records as lines of text: for a phone that can send messages and nothing else. A person pastes them.
//!
//! Promises: every line is at most 160 characters that any phone sends as they are; lines may come in any order, twice,
//! with anything between them; what is taken in was sealed under this network's key.

use crate::bundle::{BundleError, BundleOut, Material, ReadReport, Taken, Tiers, shortened_run};
use crate::heart::now_ms;
use crate::site::{Site, system_entropy};
use sanad_log::bundle::{SALT_LEN, bundle_id, opening_records, small_bundle, small_bundle_len};
use sanad_log::control::SignedEnrolment;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{FacilityId, Lane};
use sanad_log::message::encode;
use sanad_log::receipt::Form;
use sanad_log::run::RUN_ENTRIES_MAX;
use sanad_log::text::{FRAME_PAYLOAD, Frame, find_frames, frames_of, message_id};
use sanad_store::{Store, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;

/// Lines if nothing else is said: what a person pastes without losing heart.
pub const FRAMES_DEFAULT: usize = 20;
/// Most lines of one message: the number stands in one byte.
pub const FRAMES_MAX: usize = 255;
/// Messages of which some lines have come; the oldest is forgotten first. All together they take at most 2 MB.
pub const PENDING_MAX: usize = 64;
/// Messages remembered as read, so that their lines are known when they come again.
const READ_MAX: usize = 256;
/// Largest text read at once: more than a thousand messages.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Entries that are tried once one did not fit.
const MISFITS_MAX: usize = 16;
/// Bodies loaded at once.
const LOAD_BYTES: usize = 32 * 1024;
/// Prefixes of the stored rows.
const PENDING_KEY: &str = "sms/";
const READ_KEY: &str = "sms-read/";

/// Lines to send.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SmsOut {
    /// The lines.
    pub lines: Vec<String>,
    /// Entries in them.
    pub entries: u64,
    /// Entries that did not fit.
    pub left: u64,
}

/// A message of which some lines are missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SmsPending {
    /// Its name, as every one of its lines begins.
    pub message: String,
    /// The lines that are missing, counted from 1.
    pub missing: Vec<u8>,
    /// Lines of it altogether.
    pub of: u8,
}

/// What lines that came have brought.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SmsIn {
    /// Lines that were understood, each counted once.
    pub lines: u64,
    /// Messages that have become whole, and what they brought.
    pub read: Vec<ReadReport>,
    /// Messages that were read before.
    pub known: u64,
    /// Messages that are whole and not readable with this network's keys.
    pub not_readable: u64,
    /// Messages of which lines are missing.
    pub pending: Vec<SmsPending>,
    /// The receipt to send back, if entries came.
    pub reply: Vec<String>,
}

/// A message on its way: when its first line came, and the lines that have.
#[derive(Clone)]
struct Pending {
    since_ms: u64,
    count: u8,
    parts: BTreeMap<u8, Vec<u8>>,
}

impl Pending {
    fn encode(&self) -> Vec<u8> {
        let mut out = self.since_ms.to_be_bytes().to_vec();
        out.push(self.count);
        for (number, part) in &self.parts {
            out.extend_from_slice(&[*number, part.len() as u8]);
            out.extend_from_slice(part);
        }
        out
    }

    fn decode(value: &[u8]) -> Option<Pending> {
        let (since, rest) = value.split_first_chunk::<8>()?;
        let (count, mut rest) = rest.split_first()?;
        let mut parts = BTreeMap::new();
        while let Some(([number, len], after)) = rest.split_first_chunk::<2>() {
            let (part, after) = after.split_at_checked(usize::from(*len))?;
            parts.insert(*number, part.to_vec());
            rest = after;
        }
        Some(Pending { since_ms: u64::from_be_bytes(*since), count: *count, parts })
    }

    fn missing(&self) -> Vec<u8> {
        (0..self.count).filter(|number| !self.parts.contains_key(number)).map(|number| number + 1).collect()
    }
}

fn key(prefix: &str, id: [u8; 4]) -> String {
    format!("{prefix}{:08x}", u32::from_be_bytes(id))
}

/// What lines became whole, and what is still missing.
struct Gathered {
    whole: Vec<Vec<u8>>,
    known: u64,
    pending: Vec<SmsPending>,
}

/// Adds lines to what came before.
fn gather(store: &mut Store, frames: Vec<Frame>, now_ms: u64) -> Result<Gathered, StoreError> {
    let mut messages: BTreeMap<String, Pending> = BTreeMap::new();
    let mut gathered = Gathered { whole: vec![], known: 0, pending: vec![] };
    let mut known = std::collections::BTreeSet::new();
    for frame in frames {
        let name = key(PENDING_KEY, frame.id);
        if store.get_state(&key(READ_KEY, frame.id))?.is_some() {
            known.insert(name);
            continue;
        }
        if !messages.contains_key(&name) {
            let stored = store.get_state(&name)?.and_then(|value| Pending::decode(&value));
            let fresh = Pending { since_ms: now_ms, count: frame.count, parts: BTreeMap::new() };
            messages.insert(name.clone(), stored.filter(|stored| stored.count == frame.count).unwrap_or(fresh));
        }
        if let Some(message) = messages.get_mut(&name).filter(|message| message.count == frame.count) {
            message.parts.insert(frame.number, frame.payload);
        }
    }
    for (name, message) in messages {
        if !message.missing().is_empty() {
            store.put_state(&name, Some(&message.encode()))?;
            continue;
        }
        let bytes = message.parts.values().flatten().copied().collect::<Vec<u8>>();
        if key(PENDING_KEY, message_id(&bytes)) == name {
            gathered.whole.push(bytes);
        } else {
            // Lines of two messages that chose one name: they come again, and the name is free.
            store.put_state(&name, None)?;
        }
    }
    forget_oldest(store, PENDING_KEY, PENDING_MAX)?;
    for (name, value) in store.list_state(PENDING_KEY)? {
        // Still stored until what it holds is in.
        if gathered.whole.iter().any(|bytes| key(PENDING_KEY, message_id(bytes)) == name) {
            continue;
        }
        if let Some(message) = Pending::decode(&value).filter(|message| !message.missing().is_empty()) {
            let (missing, of) = (message.missing(), message.count);
            let message = name[PENDING_KEY.len()..].to_owned();
            gathered.pending.push(SmsPending { message, missing, of });
        }
    }
    gathered.known = known.len() as u64;
    Ok(gathered)
}

/// Values begin with the time at which they were stored.
fn forget_oldest(store: &mut Store, prefix: &str, keep: usize) -> Result<(), StoreError> {
    let mut rows = store.list_state(prefix)?;
    rows.sort_by(|(_, a), (_, b)| b.get(..8).cmp(&a.get(..8)));
    rows.iter().skip(keep).try_for_each(|(name, _)| store.put_state(name, None))
}

/// A message being filled.
struct Draft {
    records: Vec<Vec<u8>>,
    bytes_max: usize,
}

impl Draft {
    fn fits(&self, record_len: usize) -> bool {
        // The end of it, too.
        let lens = self.records.iter().map(Vec::len).chain([record_len, 1]);
        small_bundle_len(lens) <= self.bytes_max
    }

    fn put(&mut self, record: Vec<u8>) -> bool {
        let fits = self.fits(record.len());
        if fits {
            self.records.push(record);
        }
        fits
    }

    fn lines(mut self, material: &Material) -> Result<(Vec<u8>, Vec<String>), BundleError> {
        self.records.push(encode::done());
        let bundle =
            small_bundle(material.key()?, &self.records, &mut system_entropy()).ok_or(BundleError::TooSmall)?;
        let lines = frames_of(&bundle);
        Ok((bundle, lines))
    }
}

/// This site's receipt: in the order of a registry that both know, or by key.
fn opening(material: &Material, same_registry: bool, credential: Option<&SignedEnrolment>) -> Vec<Vec<u8>> {
    let registry = if same_registry { material.registry.as_slice() } else { &[] };
    let have = material.receipt.encode(Form::Whole(registry));
    // The first record of a bundle names the registry; in a message the reader's own stands for it.
    opening_records(&[], &have, credential).split_off(1)
}

impl Site {
    /// Lines for a site: control and urgent first, then pinned patients, then the rest, as far as `frames_max` lines hold.
    ///
    /// # Errors
    /// No keys yet; too few lines for a receipt; the store cannot be read.
    pub async fn sms_encode(&self, site: FacilityId, frames_max: usize) -> Result<SmsOut, BundleError> {
        let material = self.material(Some(site)).await?;
        let tiers = Tiers::new(&material.wanted, &material.first, &self.pinned_places().await?, &Frontier::default());
        let bytes_max = frames_max.min(FRAMES_MAX) * FRAME_PAYLOAD;
        let mut draft = Draft { records: vec![], bytes_max };
        for record in opening(&material, material.same_registry, None) {
            if !draft.put(record) {
                return Err(BundleError::TooSmall);
            }
        }
        let added = tokio::task::block_in_place(|| self.fill(&mut draft, &tiers))?;
        let (bundle, lines) = draft.lines(&material)?;
        let salt = bundle.first_chunk::<SALT_LEN>().ok_or(BundleError::TooSmall)?;
        let (entries, left) = (added.count(), tiers.count() - added.count());
        let out = BundleOut { id: bundle_id(salt), written_ms: now_ms(), site: Some(site), holds: added };
        self.note_bundle(out).await?;
        Ok(SmsOut { lines, entries, left })
    }

    fn fill(&self, draft: &mut Draft, tiers: &Tiers) -> Result<Frontier, BundleError> {
        let (mut added, mut misfits) = (Frontier::default(), 0);
        for range in tiers.0.iter().flatten() {
            let mut from = range.from;
            while from <= range.to {
                let to = range.to.min(from + RUN_ENTRIES_MAX as u64 - 1);
                let entries = self.reader().load(Range { from, to, ..*range }, LOAD_BYTES)?;
                let Some((count, record)) = shortened_run(&entries, draft.bytes_max, &|len| draft.fits(len)) else {
                    // A large one stays out, and those behind it are tried; but not behind a key that stays out.
                    (misfits, from) = (misfits + 1, from + 1);
                    if misfits > MISFITS_MAX || range.log.lane == Lane::Control {
                        return Ok(added);
                    }
                    continue;
                };
                let last = from + count as u64 - 1;
                added.insert(Range { from, to: last, ..*range });
                draft.put(record);
                from = last + 1;
            }
        }
        Ok(added)
    }

    /// Takes lines in, whatever stands between them. What has become whole is durable when this returns.
    ///
    /// # Errors
    /// The disk here is full, or the site is being closed. Lines may be given again.
    pub async fn sms_decode(&self, text: &str) -> Result<SmsIn, BundleError> {
        let epochs = self.epochs().await?;
        let frames = find_frames(text);
        let mut report = SmsIn { lines: frames.len() as u64, ..SmsIn::default() };
        let now = now_ms();
        let gathered = self.look(move |_, store| gather(store, frames, now)).await??;
        (report.known, report.pending) = (gathered.known, gathered.pending);
        let mut answer: Option<Taken> = None;
        for bytes in gathered.whole {
            // A message whose keys or whose forerunners are yet to come is not known: its lines may be pasted again.
            let known = match self.take_bytes(&bytes, &epochs).await {
                Ok(taken) => {
                    let all_in = taken.took.waiting == 0;
                    report.read.push(self.report_of(&taken).await?);
                    answer = Some(taken).filter(|taken| taken.has_entries).or(answer);
                    all_in
                }
                Err(BundleError::NotReadable) => {
                    report.not_readable += 1;
                    false
                }
                Err(error) => return Err(error),
            };
            // Only once it is in: lines of a message that the disk refused are kept.
            let id = message_id(&bytes);
            let done = move |store: &mut Store| {
                store.put_state(&key(PENDING_KEY, id), None)?;
                if known {
                    store.put_state(&key(READ_KEY, id), Some(&now.to_be_bytes()))?;
                }
                forget_oldest(store, READ_KEY, READ_MAX)
            };
            self.look(move |_, store| done(store)).await??;
        }
        if let Some(taken) = answer {
            report.reply = self.sms_receipt(&taken).await?;
        }
        Ok(report)
    }

    /// This site's receipt, for the writer of what was taken.
    async fn sms_receipt(&self, taken: &Taken) -> Result<Vec<String>, BundleError> {
        let material = self.material(None).await?;
        let control = |frontier: &Frontier| {
            let ranges = frontier.minus(&Frontier::default());
            ranges.into_iter().filter(|range| range.log.lane == Lane::Control).collect::<Vec<_>>()
        };
        let held = taken.writer_held.as_ref();
        let same = held.is_some_and(|held| control(held) == control(&material.receipt.frontier));
        let mut draft = Draft { records: vec![], bytes_max: FRAMES_MAX * FRAME_PAYLOAD };
        for record in opening(&material, same, None) {
            draft.put(record);
        }
        Ok(draft.lines(&material)?.1)
    }
}
