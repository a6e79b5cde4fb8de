//! The thread on which a site's replica and its store live. Everything that changes a site passes through one bounded
//! queue; what waits there at once goes to the disk together (group commit), and only then is anybody told.

use crate::draft::Drafted;
use crate::roots;
use crate::save::{Overlay, Saved};
use crate::site::SiteError;
use crate::site::system_entropy;
use crate::{keep, kept};
use sanad_log::control::FacilitySecret;
use sanad_log::entry::{Entry, EntryError};
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, EntryId, ScopeTag};
use sanad_log::receipt::{Form, Receipt};
use sanad_log::replica::{
    Appending, Carried, Cut, Effect, Input, Keep, Outcome, PlainBody, Refused, RefusedReason, Replica, SaveError,
    SessionId, SessionStats, Token, Took,
};
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_log::wire::FormatError;
use sanad_record::op::Save;
use sanad_store::{Apart, Batch, Came, Incoming, Reader, Reason, Source, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait: with frames of a quarter megabyte, at most some 16 MB.
pub(crate) const QUEUE_MAX: usize = 64;
/// Commands carried through between two commits: bounds how long the first of them waits.
const BATCH_MAX: usize = 256;
/// Bytes of entries in one commit, about; beyond it the batch is closed, so that a commit stays short.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Times that one process makes its database anew: a disk that damages it again and again must not be written to for ever.
const REPAIRS_MAX: u32 = 3;
/// Prefix of the stored receipts.
pub(crate) const RECEIPT_KEY: &str = "receipt/";
/// Prefix of who brought each receipt: the device that it came from.
pub(crate) const VIA_KEY: &str = "via/";

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
    /// Something that came by no session, and the device that wrote it down, if that is known; answered once what it
    /// brought is durable.
    Carry(Carried, Option<DeviceId>, oneshot::Sender<Result<Took, SiteError>>),
    /// A session begins; its frames go to this line.
    Open(SessionId, Input, Line),
    /// An input from a session.
    Session(Input),
    /// Looks at the replica and the store, between two commits.
    Look(Look),
    /// A keeper's room may have changed.
    Room,
    /// Ends the thread once everything before is done.
    Stop,
}

/// What a session's carrier is told.
pub(crate) enum Word {
    /// The peer has proven itself and is enrolled.
    Welcomed,
    /// Pass on a frame.
    Frame {
        /// Its bytes.
        frame: Vec<u8>,
        /// Say so when there is room again.
        paced: bool,
        /// Another follows at once: they may go together.
        more: bool,
    },
    /// The session is over.
    Close(Outcome, Option<DeviceId>, SessionStats),
}

/// The line to a session's carrier. What waits in it is bounded by the session's own pacing.
pub(crate) type Line = mpsc::UnboundedSender<Word>;

/// Milliseconds since 1970 by the wall clock: stored, shown, never trusted.
#[allow(clippy::disallowed_methods, reason = "the node is where the clock comes in")]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The device that writes here now.
pub(crate) type SharedDevice = Arc<RwLock<DeviceId>>;

type Answer = oneshot::Sender<Result<Saved, SiteError>>;

/// What goes to the disk together.
struct Append {
    token: Token,
    entries: Vec<Appending>,
    readable: BTreeSet<ScopeTag>,
    /// Places to take from a log instead; such an append has no entries.
    cut: Option<Cut>,
    /// What the last of the entries say, where it is known.
    saves: Vec<Save>,
    /// When and from whom they came.
    came: Came,
}

/// What is owed to somebody once an append is durable or has failed.
enum Owed {
    Save(Answer, Saved),
    Write(oneshot::Sender<Result<(), SiteError>>),
    Carry(oneshot::Sender<Result<Took, SiteError>>, Took),
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
    appends: Vec<Append>,
    append_bytes: usize,
    /// Receipts, and what else spares asking again, to keep with the next commit.
    receipts: BTreeMap<String, Vec<u8>>,
    /// What may wait for a commit that happens anyway, or for the end: losing it costs bytes.
    lazily: BTreeMap<String, Vec<u8>>,
    /// True if the last commit failed because the disk has no room: whoever waits is told that, and not just "the disk".
    full: bool,
    /// The same for a database that is damaged.
    damaged: bool,
    /// This device, which may be replaced by another.
    device: SharedDevice,
    /// True if the tables of the log were found damaged: they are made anew after this batch.
    met_damage: bool,
    /// Times the database was made anew.
    repairs: u32,
    /// Devices that were known to be enrolled when entries of strangers were last looked at.
    members: usize,
    changed: watch::Sender<u64>,
}

impl Heart {
    pub(crate) fn new(
        replica: Replica,
        store: Store,
        reader: Reader,
        device: SharedDevice,
        changed: watch::Sender<u64>,
    ) -> Heart {
        Heart {
            device,
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
            damaged: false,
            met_damage: false,
            repairs: 0,
            members: 0,
            changed,
        }
    }

    /// Runs until [`Command::Stop`], until nobody can send any more, or until the disk can be neither written nor read;
    /// whoever waits then learns that the site is closed. What was begun is carried through.
    pub(crate) fn run(mut self, commands: mpsc::Receiver<Command>) {
        drop(self.beat(commands));
    }

    fn beat(&mut self, mut commands: mpsc::Receiver<Command>) -> Result<(), StoreError> {
        self.drive(Input::Begin);
        self.commit()?;
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
            Command::Room => self.refresh_room(),
            Command::Carry(carried, writer, answer) => {
                let token = self.token();
                self.owed.insert(token, Owed::Carry(answer, Took::default()));
                // Anybody can make up who wrote a bundle; a name is kept only of those who belong.
                let writer = writer.filter(|device| self.replica.directory().facility_of(device).is_some());
                self.drive_from(Input::Carried(token, carried), Source::Carrier(writer));
            }
            Command::Open(session, input, line) => {
                self.refresh_room();
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
                // What it met may be less than was said to be held.
                self.commit()?;
            }
            Command::Stop => {}
        }
        Ok(())
    }

    /// Tells a keeper how much it may still take. Other sites take what there is.
    fn refresh_room(&mut self) {
        if let Some(room) = keep::room_now(&self.replica, &self.store) {
            self.drive(room);
        }
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
        let mut prepared = self.overlay.prepare(&mut drafted, &mut self.replica, &self.store, &self.reader);
        if matches!(prepared, Err(SiteError::Store(StoreError::DamagedFile))) {
            // What the save follows cannot be read; it can once the projections are made anew.
            self.commit()?;
            if self.mend() {
                self.commit()?;
                prepared = self.overlay.prepare(&mut drafted, &mut self.replica, &self.store, &self.reader);
            }
        }
        let prepared = match prepared {
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
        let written: Option<(Vec<EntryId>, u64)> = self.appends.get_mut(before).map(|append| {
            append.saves = prepared.saves;
            let parts = &append.entries[append.entries.len() - count..];
            let at_ms = parts.iter().map(|appending| appending.entry.header().hlc.0 >> 16).max();
            (parts.iter().map(|appending| appending.entry.id()).collect(), at_ms.unwrap_or_default())
        });
        match written {
            Some((ids, at_ms)) => {
                let saved = self.overlay.note(&drafted.request, &prepared.places, &ids, at_ms);
                self.owed.insert(token, Owed::Save(answer, saved));
            }
            None => {
                let error = self.overlay.take_failure().unwrap_or(SaveError::Disk);
                drop(answer.send(Err(SiteError::Save(error))));
            }
        }
        Ok(())
    }

    /// As [`Heart::drive_from`], for what comes from a session or from this site itself.
    fn drive(&mut self, input: Input) {
        self.drive_from(input, Source::Here);
    }

    /// One input through the replica; its effects, and what follows from them, except commits. `source` is who brought what
    /// came by no session.
    fn drive_from(&mut self, input: Input, source: Source) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let session = session_of(&input);
            // Known before the input unless it is the one that proves it, and after it unless it ends the session.
            let known = session.and_then(|session| self.replica.peer_of(session));
            let effects = self.replica.handle(now_ms(), input);
            let from = known.or_else(|| session.and_then(|session| self.replica.peer_of(session)));
            let came = Came { at_ms: now_ms(), from: from.map_or(source, Source::Peer) };
            let last_of = last_frames(&effects);
            for (at, effect) in effects.into_iter().enumerate() {
                match effect {
                    Effect::Send { session, frame, paced } => {
                        let more = last_of.get(&session).is_some_and(|last| at < *last);
                        if let Some(line) = self.lines.get(&session) {
                            drop(line.send(Word::Frame { frame, paced, more }));
                        }
                    }
                    Effect::KeepReceipt(receipt) => self.keep_receipt(&receipt, from),
                    Effect::Append { token, entries, readable, cut } => {
                        self.append_bytes +=
                            entries.iter().map(|appending| appending.entry.body().len()).sum::<usize>();
                        self.appends.push(Append { token, entries, readable, cut, saves: Vec::new(), came });
                    }
                    Effect::Load { session, range, bytes_max } => {
                        inputs.push_back(Input::Loaded(session, range, self.load(range, bytes_max)));
                    }
                    Effect::Read { ticket, places, uncarried_only } => {
                        // What cannot be read is left out, and so is left where it is.
                        let read = self.store.read_places(&places, uncarried_only).unwrap_or_default();
                        inputs.push_back(Input::Read(ticket, read));
                    }
                    Effect::Renew => inputs.extend(self.new_device()),
                    Effect::KeepRefused(refused) => self.keep_refused(&refused, came),
                    effect => self.tell(effect),
                }
            }
        }
    }

    /// A new device key for this facility, durable before anything is signed with it. `None` if the disk does not take it:
    /// nothing is written then, and the next session asks again.
    fn new_device(&mut self) -> Option<Input> {
        let mut secrets = self.store.secrets().ok()?;
        let facility = FacilitySecret::from_bytes(&secrets.facility);
        secrets.device_seed = system_entropy().array();
        let signer = Ed25519Signer::from_seed(&secrets.device_seed);
        let enrolment = self.replica.succession(signer.device(), &facility.signer())?;
        self.store.replace_secrets(&secrets).ok()?;
        *self.device.write().unwrap_or_else(PoisonError::into_inner) = signer.device();
        Some(Input::Renew(Box::new(signer), enrolment))
    }

    fn load(&mut self, range: Range, bytes_max: usize) -> Vec<Entry> {
        // The replica tells the peer that this place cannot be served; the store notes it, and counts it as held no more.
        let loaded = self.store.load(range, bytes_max);
        self.met_damage |= matches!(loaded, Err(StoreError::DamagedFile));
        loaded.unwrap_or_default()
    }

    fn tell(&mut self, effect: Effect) {
        match effect {
            Effect::Saved(token, _) => match self.owed.remove(&token) {
                Some(Owed::Save(answer, saved)) => drop(answer.send(Ok(saved))),
                Some(Owed::Write(answer)) => drop(answer.send(Ok(()))),
                Some(Owed::Carry(answer, took)) => drop(answer.send(Ok(took))),
                None => {}
            },
            Effect::SaveFailed(token, error) => match self.owed.remove(&token) {
                Some(Owed::Save(answer, _)) => drop(answer.send(Err(self.refusal(error)))),
                Some(Owed::Write(answer)) => drop(answer.send(Err(self.refusal(error)))),
                Some(Owed::Carry(answer, _)) => drop(answer.send(Err(self.refusal(error)))),
                None => self.overlay.fail(error),
            },
            Effect::Close { session, outcome, peer, stats } => {
                if let Some(line) = self.lines.remove(&session) {
                    drop(line.send(Word::Close(outcome, peer, stats)));
                }
            }
            Effect::Keep(keep) => self.keep(&keep),
            Effect::Took(token, took) => {
                if let Some(Owed::Carry(_, owed)) = self.owed.get_mut(&token) {
                    *owed = took;
                }
            }
            Effect::Welcomed(session) => {
                if let Some(line) = self.lines.get(&session) {
                    drop(line.send(Word::Welcomed));
                }
            }
            Effect::Changed => self.changed.send_modify(|generation| *generation += 1),
            Effect::Append { .. } | Effect::Load { .. } | Effect::Read { .. } => {}
            Effect::Renew | Effect::KeepReceipt(_) | Effect::KeepRefused(_) | Effect::Send { .. } => {}
        }
    }

    fn keep(&mut self, keep: &Keep) {
        let waits = matches!(keep, Keep::Acknowledged(peer, _) if !self.replica.keeps_acknowledged(peer));
        let to = if waits { &mut self.lazily } else { &mut self.receipts };
        to.extend(kept::kept(keep));
    }

    fn refusal(&self, error: SaveError) -> SiteError {
        match error {
            SaveError::Disk if self.full => StoreError::Full.into(),
            SaveError::Disk if self.damaged => StoreError::DamagedFile.into(),
            error => SiteError::Save(error),
        }
    }

    fn keep_receipt(&mut self, receipt: &Receipt, from: Option<DeviceId>) {
        let brought = from.map_or_else(Vec::new, |from| from.as_bytes().to_vec());
        self.receipts.insert(format!("{VIA_KEY}{}", receipt.device), brought);
        let mut value = now_ms().to_be_bytes().to_vec();
        value.extend_from_slice(&receipt.encode(Form::Whole(&[])));
        self.receipts.insert(format!("{RECEIPT_KEY}{}", receipt.device), value);
    }

    fn keep_refused(&mut self, refused: &Refused, came: Came) {
        let reason = match refused.reason {
            RefusedReason::Fork => Reason::Fork,
            RefusedReason::Entry(EntryError::Signature) => Reason::Signature,
            RefusedReason::Entry(EntryError::Carried) => Reason::Carried,
            RefusedReason::Entry(EntryError::Format(FormatError::Version(_))) => Reason::UnknownFormat,
            RefusedReason::Entry(_) => Reason::Form,
        };
        let (log, seq) = (refused.log, refused.seq);
        // What the disk does not take is offered again by the peer's next session.
        drop(self.store.keep_apart(&Apart { log, seq, reason, came, bytes: &refused.bytes }));
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Takes in what authors wrote of whom it was not known that they belong, once it is.
    fn take_in_strangers(&mut self) {
        let members = self.replica.directory().devices().len();
        if members != self.members {
            self.members = members;
            // What the disk does not take now is looked at again at the next start.
            drop(self.store.take_in_strangers(self.replica.directory()));
            self.changed.send_modify(|generation| *generation += 1);
        }
    }

    /// Makes everything of this batch durable in one transaction, then tells whoever waits. Telling may lead to more
    /// appends (grants to a new haven); they are committed too.
    ///
    /// # Errors
    /// Neither written nor read: the heart stops. What was acknowledged is on the disk, and screens go on reading.
    fn commit(&mut self) -> Result<(), StoreError> {
        // Each round is caused by entries of the round before; grants cause no further appends, so this ends.
        while !self.appends.is_empty() || !self.receipts.is_empty() {
            let mut appends = std::mem::take(&mut self.appends);
            // Taking places from a log is a transaction of its own: what came before it is durable whether it works or not.
            let cut_at = appends.iter().skip(1).position(|append| append.cut.is_some()).map(|at| at + 1);
            let only_a_cut = appends.first().is_some_and(|append| append.cut.is_some());
            self.appends = appends.split_off(if only_a_cut { 1 } else { cut_at.unwrap_or(appends.len()) });
            self.append_bytes = 0;
            self.receipts.append(&mut self.lazily);
            let mut stored = self.store_all(&appends);
            if matches!(stored, Err(StoreError::DamagedFile)) && self.mend() {
                stored = self.store_all(&appends);
            }
            self.full = matches!(stored, Err(StoreError::Full));
            self.damaged = matches!(stored, Err(StoreError::DamagedFile));
            // A receipt that is not kept overstates what is only here, and comes again. A cut takes none along.
            if !only_a_cut {
                self.receipts.clear();
            }
            self.overlay = Overlay::default();
            match (stored, appends.first()) {
                (Ok(()), _) => appends.iter().for_each(|append| self.drive(Input::Appended(append.token))),
                (Err(_), Some(first)) => {
                    self.appends.clear();
                    self.recover(first.token)?;
                }
                (Err(_), None) => {}
            }
        }
        self.overlay = Overlay::default();
        self.take_in_strangers();
        if std::mem::take(&mut self.met_damage) | self.store.take_met_damage() {
            self.mend();
        }
        if !self.store.take_shrunk() {
            return Ok(());
        }
        match self.recount() {
            Err(StoreError::DamagedFile) if self.mend() => self.recount(),
            recounted => recounted,
        }
    }

    /// Makes the database anew from what can be read of it; false if that cannot be done.
    fn mend(&mut self) -> bool {
        self.repairs += 1;
        self.repairs <= REPAIRS_MAX && self.store.repair(Some(self.replica.directory())).is_ok()
    }

    /// After places were found that cannot be read: what is held without them. Nothing may be on its way to the disk.
    ///
    /// # Errors
    /// As [`Heart::recover`].
    fn recount(&mut self) -> Result<(), StoreError> {
        let control = roots::control_lane(&mut self.store, self.replica.directory())?;
        let spans = self.store.spans()?;
        self.replica.recall(&control);
        self.drive(Input::Recounted { spans, lost: self.store.lost().device_due });
        let sealed = self.store.sealed_scopes()?;
        let readable = sealed.into_iter().filter(|scope| self.replica.directory().is_readable(scope)).collect();
        self.store.open_backlog(&readable, self.replica.directory())?;
        self.store.take_shrunk();
        Ok(())
    }

    /// After a failed append: what the disk really holds, and the keys that follow from that.
    ///
    /// # Errors
    /// The disk cannot be read either. A replica that does not know its own logs must not write another entry: it might
    /// be a second one at the same place.
    fn recover(&mut self, failed: Token) -> Result<(), StoreError> {
        let spans = match self.store.spans() {
            Err(StoreError::DamagedFile) if self.mend() => self.store.spans()?,
            spans => spans?,
        };
        // A keeper has read nothing that it would have to forget.
        let is_keeper = self.replica.directory().is_keeper();
        let control = if is_keeper { vec![] } else { self.store.control_entries()?.entries };
        self.drive(Input::AppendFailed(failed, spans));
        self.replica.recall(&control);
        Ok(())
    }

    fn store_all(&mut self, appends: &[Append]) -> Result<(), StoreError> {
        if let [Append { cut: Some(Cut { log, from }), .. }] = appends {
            return self.store.cut(*log, *from);
        }
        let incoming: Vec<_> = appends.iter().flat_map(Append::incoming).collect();
        let entries = appends.iter().flat_map(|append| &append.entries);
        let roots: Vec<_> =
            entries.filter_map(|appending| roots::copy_of(&appending.entry, self.replica.directory())).collect();
        let state = self.receipts.iter().chain(roots.iter().map(|(key, value)| (key, value)));
        let state: Vec<_> = state.map(|(key, value)| (key.as_str(), Some(value.as_slice()))).collect();
        self.store.commit(Batch { entries: &incoming, state: &state }, self.replica.directory())?;
        let readable: BTreeSet<_> = appends.iter().flat_map(|append| append.readable.iter().copied()).collect();
        if !readable.is_empty() {
            // The entries are durable whatever happens here; what stays sealed is opened at the next start.
            drop(self.store.open_backlog(&readable, self.replica.directory()));
        }
        self.take_in_strangers();
        Ok(())
    }
}

impl Append {
    fn incoming(&self) -> impl Iterator<Item = Incoming<'_>> {
        let before = self.entries.len() - self.saves.len();
        self.entries.iter().enumerate().map(move |(at, Appending { entry, text })| Incoming {
            entry,
            text: text.as_ref().map(|PlainBody(text)| text),
            save: at.checked_sub(before).map(|at| &self.saves[at]),
            came: self.came,
        })
    }
}

/// Where the last frame of each session stands among these.
fn last_frames(effects: &[Effect]) -> BTreeMap<SessionId, usize> {
    let frame = |(at, effect): (usize, &Effect)| match effect {
        Effect::Send { session, .. } => Some((*session, at)),
        _ => None,
    };
    effects.iter().enumerate().filter_map(frame).collect()
}

/// The session that an input is about.
fn session_of(input: &Input) -> Option<SessionId> {
    match input {
        Input::Message(session, _) | Input::Flushed(session) | Input::Loaded(session, ..) => Some(*session),
        _ => None,
    }
}
