//! The thread on which a site's replica and its store live. Everything that changes a site passes through one bounded
//! queue; what waits there at once goes to the disk together (group commit), and only then is anybody told.

use crate::draft::Drafted;
use crate::save::{Overlay, Saved};
use crate::site::SiteError;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{EntryId, ScopeTag};
use sanad_log::receipt::{Form, Receipt};
use sanad_log::replica::{
    Appending, Effect, Input, Outcome, PlainBody, Refused, RefusedReason, Replica, SaveError, SessionId, SessionStats,
    Token,
};
use sanad_log::seal::Clear;
use sanad_store::{Batch, Incoming, Reader, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait: with frames of a quarter megabyte, at most some 16 MB.
pub(crate) const QUEUE_MAX: usize = 64;
/// Commands carried through between two commits: bounds how long the first of them waits.
const BATCH_MAX: usize = 256;
/// Bytes of entries in one commit, about; beyond it the batch is closed, so that a commit stays short.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Prefix of the stored receipts.
pub(crate) const RECEIPT_KEY: &str = "receipt/";
/// Prefix of own receipts that others are known to hold.
pub(crate) const TOLD_KEY: &str = "told/";
/// Prefix of what others have confirmed in parts.
pub(crate) const PART_KEY: &str = "part/";

/// What looks at the replica and the store.
type Look = Box<dyn FnOnce(&Replica, &mut Store) + Send>;
/// An input for the token it is to be answered under.
type MakeInput = Box<dyn FnOnce(Token) -> Input + Send>;

/// Something to do on the heart's thread.
pub(crate) enum Command {
    /// Save resources.
    Save(Box<Drafted>, oneshot::Sender<Result<Saved, SiteError>>),
    /// An input that is answered like a save.
    Write(MakeInput, oneshot::Sender<Result<(), SiteError>>),
    /// A session begins; its frames go to this line.
    Open(SessionId, Input, Line),
    /// An input from a session.
    Session(Input),
    /// Looks at the replica and the store, between two commits.
    Look(Look),
    /// Ends the thread once everything before is done.
    Stop,
}

/// What a session's carrier is told.
pub(crate) enum Word {
    /// Pass on a frame; say so when there is room again, if it is paced.
    Frame(Vec<u8>, bool),
    /// The session is over.
    Close(Outcome, Option<sanad_log::ids::DeviceId>, SessionStats),
}

/// The line to a session's carrier. What waits in it is bounded by the session's own pacing.
pub(crate) type Line = mpsc::UnboundedSender<Word>;

/// Milliseconds since 1970 by the wall clock: stored, shown, never trusted.
#[allow(clippy::disallowed_methods, reason = "the node is where the clock comes in")]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

type Answer = oneshot::Sender<Result<Saved, SiteError>>;

/// What is owed to somebody once an append is durable or has failed.
enum Owed {
    Save(Answer, Saved),
    Write(oneshot::Sender<Result<(), SiteError>>),
}

pub(crate) struct Heart {
    replica: Replica,
    store: Store,
    reader: Reader,
    lines: BTreeMap<SessionId, Line>,
    owed: BTreeMap<Token, Owed>,
    next_token: Token,
    /// What this batch has saved and the disk does not show yet.
    overlay: Overlay,
    /// Appends of this batch, in order.
    appends: Vec<(Token, Vec<Appending>, BTreeSet<ScopeTag>)>,
    append_bytes: usize,
    /// Receipts to keep with the next commit.
    receipts: BTreeMap<String, Vec<u8>>,
    /// What may wait for a commit that happens anyway, or for the end: losing it costs bytes on a tiny link.
    lazily: BTreeMap<String, Vec<u8>>,
    /// True if the last commit failed because the disk has no room: whoever waits is told that, and not just "the disk".
    full: bool,
    changed: watch::Sender<u64>,
}

impl Heart {
    pub(crate) fn new(replica: Replica, store: Store, reader: Reader, changed: watch::Sender<u64>) -> Heart {
        Heart {
            replica,
            store,
            reader,
            lines: BTreeMap::new(),
            owed: BTreeMap::new(),
            next_token: 1,
            overlay: Overlay::default(),
            appends: Vec::new(),
            append_bytes: 0,
            receipts: BTreeMap::new(),
            lazily: BTreeMap::new(),
            full: false,
            changed,
        }
    }

    /// Runs until [`Command::Stop`], until nobody can send any more, or until the disk can be neither written nor read;
    /// whoever waits then learns that the site is closed. What was begun is carried through.
    pub(crate) fn run(mut self, commands: mpsc::Receiver<Command>) {
        drop(self.beat(commands));
    }

    fn beat(&mut self, mut commands: mpsc::Receiver<Command>) -> Result<(), StoreError> {
        while let Some(first) = commands.blocking_recv() {
            let mut next = Some(first);
            let mut taken = 0;
            while let Some(command) = next.take() {
                if matches!(command, Command::Stop) {
                    self.receipts.append(&mut self.lazily);
                    return self.commit();
                }
                self.carry(command)?;
                taken += 1;
                if taken < BATCH_MAX && self.append_bytes < BATCH_BYTES {
                    next = commands.try_recv().ok();
                }
            }
            self.commit()?;
        }
        Ok(())
    }

    fn carry(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Save(drafted, answer) => self.save(*drafted, answer)?,
            Command::Write(input, answer) => {
                let token = self.token();
                self.owed.insert(token, Owed::Write(answer));
                self.drive(input(token));
            }
            Command::Open(session, input, line) => {
                self.lines.insert(session, line);
                self.drive(input);
            }
            Command::Session(input) => {
                if let Input::Disconnected(session) = &input {
                    self.lines.remove(session);
                }
                self.drive(input);
            }
            Command::Look(look) => {
                // Sees a settled state: what this batch has saved so far included.
                self.commit()?;
                look(&self.replica, &mut self.store);
            }
            Command::Stop => {}
        }
        Ok(())
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        self.next_token
    }

    fn save(&mut self, mut drafted: Drafted, answer: Answer) -> Result<(), StoreError> {
        if drafted.request.idempotency.is_some_and(|key| self.overlay.has_seen(&key)) {
            // The first of the two must be durable before the second is told so.
            self.commit()?;
        }
        let prepared = match self.overlay.prepare(&mut drafted, &mut self.replica, &self.store, &self.reader) {
            Ok(prepared) => prepared,
            Err(error) => {
                drop(answer.send(Err(error)));
                return Ok(());
            }
        };
        if let Some(saved) = prepared.already {
            drop(answer.send(Ok(saved)));
            return Ok(());
        }
        let token = self.token();
        let count = prepared.parts.len();
        let before = self.appends.len();
        self.drive(Input::Save(token, prepared.parts));
        // The entries of the parts are the last of the append, after what the replica wrote of its own accord.
        let ids: Option<Vec<EntryId>> = self.appends.get(before).map(|(_, entries, _)| {
            entries[entries.len() - count..].iter().map(|appending| appending.entry.id()).collect()
        });
        match ids {
            Some(ids) => {
                let saved = self.overlay.note(&drafted.request, &prepared.places, &ids);
                self.owed.insert(token, Owed::Save(answer, saved));
            }
            None => {
                let error = self.overlay.take_failure().unwrap_or(SaveError::Disk);
                drop(answer.send(Err(SiteError::Save(error))));
            }
        }
        Ok(())
    }

    /// One input through the replica; its effects, and what follows from them, except commits.
    fn drive(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.replica.handle(now_ms(), input) {
                match effect {
                    Effect::Append { token, entries, readable } => {
                        self.append_bytes +=
                            entries.iter().map(|appending| appending.entry.body().len()).sum::<usize>();
                        self.appends.push((token, entries, readable));
                    }
                    Effect::Load { session, range, bytes_max } => {
                        inputs.push_back(Input::Loaded(session, range, self.load(range, bytes_max)));
                    }
                    effect => self.tell(effect),
                }
            }
        }
    }

    fn load(&mut self, range: Range, bytes_max: usize) -> Vec<Entry> {
        // What cannot be read is named by `sanad check`; the replica tells the peer that this place cannot be served.
        self.store.load(range, bytes_max).unwrap_or_default()
    }

    fn tell(&mut self, effect: Effect) {
        match effect {
            Effect::Saved(token, _) => match self.owed.remove(&token) {
                Some(Owed::Save(answer, saved)) => drop(answer.send(Ok(saved))),
                Some(Owed::Write(answer)) => drop(answer.send(Ok(()))),
                None => {}
            },
            Effect::SaveFailed(token, error) => match self.owed.remove(&token) {
                Some(Owed::Save(answer, _)) => drop(answer.send(Err(self.refusal(error)))),
                Some(Owed::Write(answer)) => drop(answer.send(Err(self.refusal(error)))),
                None => self.overlay.fail(error),
            },
            Effect::Send { session, frame, paced } => {
                if let Some(line) = self.lines.get(&session) {
                    drop(line.send(Word::Frame(frame, paced)));
                }
            }
            Effect::Close { session, outcome, peer, stats } => {
                if let Some(line) = self.lines.remove(&session) {
                    drop(line.send(Word::Close(outcome, peer, stats)));
                }
            }
            Effect::KeepReceipt(receipt) => self.keep_receipt(&receipt),
            Effect::KeepTold(device, receipt) => {
                let value = receipt.encode(Form::Whole(&[]));
                self.lazily.insert(format!("{TOLD_KEY}{device}"), value);
            }
            Effect::KeepPart(device, confirmed) => {
                let mut value = confirmed.counter.to_be_bytes().to_vec();
                value.extend_from_slice(&confirmed.places.encode(&[]));
                self.receipts.insert(format!("{PART_KEY}{device}"), value);
            }
            Effect::KeepRefused(refused) => self.keep_refused(&refused),
            Effect::Changed => self.changed.send_modify(|generation| *generation += 1),
            Effect::Append { .. } | Effect::Load { .. } => {}
        }
    }

    fn refusal(&self, error: SaveError) -> SiteError {
        if self.full && error == SaveError::Disk { StoreError::Full.into() } else { SiteError::Save(error) }
    }

    fn keep_receipt(&mut self, receipt: &Receipt) {
        let mut value = now_ms().to_be_bytes().to_vec();
        value.extend_from_slice(&receipt.encode(Form::Whole(&[])));
        self.receipts.insert(format!("{RECEIPT_KEY}{}", receipt.device), value);
    }

    fn keep_refused(&mut self, refused: &Refused) {
        let reason = match refused.reason {
            RefusedReason::Fork => "fork",
            RefusedReason::Entry(_) => "entry",
        };
        let bytes = refused.entry.as_ref().map(|entry| [&entry.header().encode(), entry.body()].concat());
        // Evidence that the disk does not take is offered again by the peer's next session.
        drop(self.store.keep_refused(refused.log, refused.seq, reason, bytes.as_deref().unwrap_or_default()));
    }

    /// Makes everything of this batch durable in one transaction, then tells whoever waits. Telling may lead to more
    /// appends (grants to a new haven); they are committed too.
    ///
    /// # Errors
    /// Neither written nor read: the heart stops. What was acknowledged is on the disk, and screens go on reading.
    fn commit(&mut self) -> Result<(), StoreError> {
        // Each round is caused by entries of the round before; grants cause no further appends, so this ends.
        while !self.appends.is_empty() || !self.receipts.is_empty() {
            let appends = std::mem::take(&mut self.appends);
            self.append_bytes = 0;
            self.receipts.append(&mut self.lazily);
            let stored = self.store_all(&appends);
            self.full = matches!(stored, Err(StoreError::Full));
            // A receipt that is not kept overstates what is only here, and comes again.
            self.receipts.clear();
            self.overlay = Overlay::default();
            match (stored, appends.first()) {
                (Ok(()), _) => appends.iter().for_each(|(token, _, _)| self.drive(Input::Appended(*token))),
                (Err(_), Some((token, _, _))) => self.recover(*token)?,
                (Err(_), None) => {}
            }
        }
        self.overlay = Overlay::default();
        Ok(())
    }

    /// After a failed append: what the disk really holds, and the keys that follow from that.
    ///
    /// # Errors
    /// The disk cannot be read either. A replica that does not know its own logs must not write another entry: it might
    /// be a second one at the same place.
    fn recover(&mut self, failed: Token) -> Result<(), StoreError> {
        let spans = self.store.spans()?;
        let control = self.store.control_entries()?;
        self.drive(Input::AppendFailed(failed, spans));
        self.replica.recall(&control.entries);
        Ok(())
    }

    fn store_all(&mut self, appends: &[(Token, Vec<Appending>, BTreeSet<ScopeTag>)]) -> Result<(), StoreError> {
        let entries = appends.iter().flat_map(|(_, entries, _)| entries);
        let incoming: Vec<_> =
            entries.map(|Appending { entry, text }| Incoming { entry, text: text.as_ref().map(clear) }).collect();
        let state: Vec<_> = self.receipts.iter().map(|(key, value)| (key.as_str(), Some(value.as_slice()))).collect();
        self.store.commit(Batch { entries: &incoming, state: &state }, self.replica.directory())?;
        let readable: BTreeSet<_> = appends.iter().flat_map(|(_, _, readable)| readable.iter().copied()).collect();
        if !readable.is_empty() {
            // The entries are durable whatever happens here; what stays sealed is opened at the next start.
            drop(self.store.open_backlog(&readable, self.replica.directory()));
        }
        Ok(())
    }
}

fn clear(PlainBody(text): &PlainBody) -> &Clear {
    text
}
