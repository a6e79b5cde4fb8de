//! A site: an unlocked data folder with its replica running. The one handle that screens, carriers and commands share.

use crate::carrier::{Dialer, Limits};
use crate::discover::Found;
use crate::draft::Drafted;
use crate::elsewhere::Ahead;
use crate::exposure::Remembered;
pub use crate::heart::now_ms;
use crate::heart::{Command, Heart, QUEUE_MAX, RECEIPT_KEY, SharedDevice};
use crate::join::Throttle;
use crate::people::People;
use crate::roots;
use crate::save::{SaveRequest, Saved};
use crate::session::SessionReport;
use crate::talk::Talks;
use crate::tls::{Identity, TlsError};
use crate::tokens::Tokens;
use crate::turned_away::TurnedAway;
use sanad_log::control::{Authority, Contact, Enrolment, FacilitySecret, SignedEnrolment, SiteKind, is_call_sign};
use sanad_log::directory::Directory;
use sanad_log::entropy::Entropy;
use sanad_log::ids::{DeviceId, FacilityId, NetworkId, ScopeTag};
use sanad_log::receipt::Receipt;
use sanad_log::replica::{Input, Replica, SaveError, Start, Token};
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Signer as _};
use sanad_record::key::ResourceKey;
use sanad_store::{Check, Folder, KdfCost, Reader, Report, Secrets, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Why a site could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// The store: locked, in use, full, damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The replica refused the save.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// TLS material could not be made or read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What was given is not a resource that can be saved; the text names the place, not the content.
    #[error("{0}")]
    BadResource(String),
    /// A call sign that cannot be shown.
    #[error("a call sign is 1 to 64 bytes, without control characters or surrounding space")]
    BadCallSign,
    /// The site is being closed.
    #[error("the site is being closed")]
    Closed,
    /// Only a site that holds the network's authority can do this.
    #[error("this site does not hold the network's authority")]
    NoAuthority,
    /// No other site has this name.
    #[error("no other site is called {0}")]
    UnknownSite(String),
    /// Several other sites have this call sign; these are their ids.
    #[error("several sites have that call sign")]
    SeveralSites(Vec<FacilityId>),
    /// An invite without an address leads nowhere.
    #[error("this site has said no address yet")]
    NoAddress,
    /// What was to be changed has changed meanwhile; nothing was saved.
    #[error("{0} was changed meanwhile; nothing was saved")]
    Changed(ResourceKey),
    /// There are as many tokens as there may be, or this one says too much.
    #[error("too many tokens, or too many scopes in one")]
    TooManyTokens,
    /// There are as many jobs as there may be.
    #[error("too many exports and imports at once")]
    TooManyJobs,
}

/// A new site's own description.
pub struct NewSite {
    /// Call sign; never a place, never a person.
    pub call_sign: String,
    /// Enclave or haven.
    pub kind: SiteKind,
}

/// Bytes from the operating system's generator.
pub fn system_entropy() -> Entropy {
    Entropy::new(|out| {
        // Without randomness no key can be made safely: there is nothing to go on with.
        assert!(getrandom::fill(out).is_ok(), "the operating system gives no random bytes");
    })
}

/// A site. Cheap to clone; closes when the last clone is gone or [`Site::close`] is called.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    commands: mpsc::Sender<Command>,
    reader: Reader,
    secrets: Secrets,
    device: SharedDevice,
    facility: FacilityId,
    next_session: AtomicU64,
    changed: watch::Receiver<u64>,
    reports: Mutex<BTreeMap<DeviceId, SessionReport>>,
    accounts: Mutex<crate::budget::Accounts>,
    talks: Talks,
    remembered: Remembered,
    turned_away: TurnedAway,
    ahead: Ahead,
    throttle: Throttle,
    dialer: Dialer,
    answering: tokio::sync::Mutex<()>,
    subscribing: tokio::sync::Mutex<()>,
    nearby: Found,
    tokens: RwLock<Tokens>,
    people: Arc<People>,
    closing: Mutex<Vec<BeforeClose>>,
    // After `commands`: its queue has to be closed before this can be waited for.
    heart: HeartThread,
}

/// What is done before a site closes.
type BeforeClose = Box<dyn FnOnce(Site) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Makes the secrets of a new site.
pub(crate) fn new_secrets(site: &NewSite, founding: Option<(NetworkId, [u8; 32])>) -> Result<Secrets, SiteError> {
    if !is_call_sign(&site.call_sign) {
        return Err(SiteError::BadCallSign);
    }
    let mut entropy = system_entropy();
    let identity = Identity::generate()?;
    Ok(Secrets {
        // A newcomer learns its network from the site that lets it in.
        network: founding.map_or(NetworkId([0; 32]), |(network, _)| network),
        call_sign: site.call_sign.clone(),
        kind: site.kind,
        device_seed: entropy.array(),
        facility: *FacilitySecret::generate(&mut entropy).to_bytes(),
        authority_seed: founding.map(|(_, authority_seed)| authority_seed),
        tls_certificate_der: identity.certificate_der.clone(),
        tls_key_der: identity.key_der.to_vec(),
    })
}

/// Reads what a site starts from.
fn begin(store: &mut Store) -> Result<(Secrets, Replica), StoreError> {
    let secrets = store.secrets()?;
    let signer = Ed25519Signer::from_seed(&secrets.device_seed);
    let mut receipts = Vec::new();
    for (_, value) in store.list_state(RECEIPT_KEY)? {
        // A stored receipt that cannot be read overstates what is only here; its device will send another.
        let receipt = value
            .get(8..)
            .and_then(|bytes| Receipt::decode(bytes, &secrets.network, &[], |_| None, &Ed25519Verifier).ok());
        receipts.extend(receipt);
    }
    let secret = FacilitySecret::from_bytes(&secrets.facility);
    let keeper = crate::keep::keeping(store, &secrets)?;
    let is_keeper = keeper.is_some();
    // First what has to be read whole: a place that cannot be is in no span. A keeper can read none of it: what it holds is
    // not gone through at a start, however much it is.
    let control = match is_keeper {
        true => Vec::new(),
        false => roots::control_lane(store, &Directory::new(secrets.network, secret.clone()))?,
    };
    let mut replica = Replica::new(Start {
        network: secrets.network,
        signer: Box::new(signer),
        verifier: Box::new(Ed25519Verifier),
        entropy: system_entropy(),
        secret,
        spans: store.spans()?,
        receipts,
        acknowledged: crate::kept::acknowledged(store, &secrets)?,
        parts: crate::kept::parts(store)?,
        keeper,
        lost: store.lost().device_due,
    });
    control.iter().for_each(|entry| replica.remember(entry));
    if !is_keeper {
        // What could not be opened when it came, because the power went between a grant and its use.
        store.look_again(replica.directory())?;
        let sealed = store.sealed_scopes()?;
        let readable = sealed.into_iter().filter(|scope| replica.directory().is_readable(scope)).collect();
        store.open_backlog(&readable, replica.directory())?;
    }
    // The account starts from here.
    store.take_shrunk();
    Ok((secrets, replica))
}

/// The one thread that writes. It is waited for even where nobody called [`Site::close`]: the database's cryptography is
/// taken down when the process exits, and a thread that still closes its file then crashes.
struct HeartThread(Mutex<Option<JoinHandle<()>>>);

impl HeartThread {
    fn take(&self) -> Option<JoinHandle<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for HeartThread {
    fn drop(&mut self) {
        let own = std::thread::current().id();
        // Whatever is given to the thread to do may hold the last of a site; it ends by itself then.
        if let Some(heart) = self.take().filter(|heart| heart.thread().id() != own) {
            drop(heart.join());
        }
    }
}

impl Site {
    /// Founds a network in a new folder: its authority (one key of one), its first facility.
    ///
    /// # Errors
    /// The folder is in use or not empty of sanad data, or the disk refused. Nothing is left behind then.
    pub async fn found(dir: &Path, passphrase: &str, cost: KdfCost, site: &NewSite) -> Result<Site, SiteError> {
        let mut entropy = system_entropy();
        let authority_seed: [u8; 32] = entropy.array();
        let authority_key = Ed25519Signer::from_seed(&authority_seed);
        let authority =
            Authority { keys: vec![authority_key.device()], threshold: 1, salt: entropy.array::<16>().into() };
        let secrets = new_secrets(site, Some((authority.network(), authority_seed)))?;
        let folder = Folder::create(dir)?;
        let store = folder.found(passphrase, cost, &secrets, &mut system_entropy())?;
        let this = Site::start(store)?;
        let enrolment = SignedEnrolment::sign(&this.own_enrolment(), &[(0, &authority_key)]);
        this.write(move |token| Input::Found(token, authority, enrolment)).await?;
        Ok(this)
    }

    /// Opens a folder. A wrong passphrase costs `delay` and touches nothing.
    ///
    /// # Errors
    /// No such folder, in use, wrong passphrase, damaged.
    pub fn open(dir: &Path, passphrase: &str, delay: Duration) -> Result<Site, SiteError> {
        let folder = Folder::open(dir)?;
        Site::start(folder.unlock(passphrase, delay)?)
    }

    pub(crate) fn start(mut store: Store) -> Result<Site, SiteError> {
        let begun = match begin(&mut store) {
            // What is read at every start is damaged: the database is made anew from the rest.
            Err(StoreError::DamagedFile) => store.repair(None).and_then(|_| begin(&mut store)),
            begun => begun,
        };
        let (secrets, replica) = begun?;
        let device = replica.device();
        let talks = Talks::read(store.list_state(Talks::key())?);
        let accounts = Mutex::new(crate::budget::read(&store)?);
        let tokens = RwLock::new(crate::tokens::read(&store)?);
        let people = Arc::new(crate::people::read(&store)?);
        let reader = store.reader()?;
        let facility = replica.directory().own();
        let (commands, queue) = mpsc::channel(QUEUE_MAX);
        let (changes, changed) = watch::channel(0);
        let device = SharedDevice::new(device.into());
        let heart = Heart::new(replica, store, reader.clone(), device.clone(), changes);
        let heart = std::thread::Builder::new()
            .name("heart".to_owned())
            .spawn(move || heart.run(queue))
            .map_err(|error| StoreError::Io { doing: "starting a thread", kind: error.kind() })?;
        Ok(Site(Arc::new(Inner {
            commands,
            reader,
            secrets,
            device,
            facility,
            next_session: AtomicU64::new(1),
            changed,
            reports: Mutex::default(),
            accounts,
            talks,
            remembered: Remembered::default(),
            turned_away: TurnedAway::default(),
            ahead: Ahead::default(),
            throttle: Throttle::default(),
            dialer: Dialer::new(Limits::default()),
            answering: tokio::sync::Mutex::default(),
            subscribing: tokio::sync::Mutex::default(),
            nearby: Found::default(),
            tokens,
            people,
            closing: Mutex::default(),
            heart: HeartThread(Mutex::new(Some(heart))),
        })))
    }

    /// Has something carried through before the site closes: what was gathered and is yet to be saved. Done only where
    /// [`Site::close`] is called, and not after a crash.
    pub fn before_close<F: Future<Output = ()> + Send + 'static>(
        &self,
        finish: impl FnOnce(Site) -> F + Send + 'static,
    ) {
        let finish: BeforeClose = Box::new(|site| Box::pin(finish(site)));
        self.0.closing.lock().unwrap_or_else(PoisonError::into_inner).push(finish);
    }

    /// Carries through what was begun, and releases the folder. Further calls fail with [`SiteError::Closed`].
    pub async fn close(&self) {
        let closing = std::mem::take(&mut *self.0.closing.lock().unwrap_or_else(PoisonError::into_inner));
        for finish in closing {
            finish(self.clone()).await;
        }
        drop(self.0.commands.send(Command::Stop).await);
        if let Some(heart) = self.0.heart.take() {
            // The thread ends as soon as its queue is empty; joining it waits for the last commit.
            drop(tokio::task::spawn_blocking(move || heart.join()).await);
        }
    }

    /// This site's call sign.
    pub fn call_sign(&self) -> &str {
        &self.0.secrets.call_sign
    }

    /// Enclave, haven or keeper.
    pub fn kind(&self) -> SiteKind {
        self.0.secrets.kind
    }

    /// This device: another than before once it has been found to have gone back in time.
    pub fn device(&self) -> DeviceId {
        *self.0.device.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// This facility.
    pub fn facility(&self) -> FacilityId {
        self.0.facility
    }

    /// The other site with this call sign, or with this id in hexadecimal.
    ///
    /// # Errors
    /// [`SiteError::UnknownSite`], [`SiteError::SeveralSites`].
    pub async fn site_named(&self, name: &str) -> Result<FacilityId, SiteError> {
        let (wanted, own) = (name.to_owned(), self.facility());
        let found = self.with_directory(move |directory| {
            let others = || directory.facilities().iter().filter(|(id, _)| **id != own);
            if let Some((id, _)) = others().find(|(id, _)| FacilityId::from_hex(&wanted) == Some(**id)) {
                return vec![*id];
            }
            let called = others().filter(|(_, facility)| facility.call_sign == wanted);
            called.map(|(id, _)| *id).collect::<Vec<_>>()
        });
        match found.await?[..] {
            [] => Err(SiteError::UnknownSite(name.to_owned())),
            [id] => Ok(id),
            ref several => Err(SiteError::SeveralSites(several.to_vec())),
        }
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.0.secrets.network
    }

    /// The TLS identity of this site.
    pub fn identity(&self) -> Identity {
        Identity {
            certificate_der: self.0.secrets.tls_certificate_der.clone(),
            key_der: self.0.secrets.tls_key_der.clone().into(),
        }
    }

    /// Reads the projections, beside the writer.
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Changes whenever something that a screen shows has changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.clone()
    }

    /// Saves resources together. When this returns they are on this site's disk.
    ///
    /// # Errors
    /// Refused as a whole; nothing of it remains.
    pub async fn save(&self, request: SaveRequest) -> Result<Saved, SiteError> {
        self.save_in(request, None).await
    }

    /// The same, only if what the changes follow is still all that there is: whoever has not seen what was saved meanwhile
    /// is told so, and nothing is saved.
    ///
    /// # Errors
    /// [`SiteError::Changed`]; as [`Site::save`].
    pub async fn save_unchanged(&self, request: SaveRequest) -> Result<Saved, SiteError> {
        let mut drafted = Box::new(Drafted::of(request).await?);
        drafted.only_unchanged = true;
        self.save_drafted(drafted).await
    }

    /// The same, in this chart if it can be opened here, whatever the resources say whose they are.
    pub(crate) async fn save_in(&self, request: SaveRequest, chart: Option<ScopeTag>) -> Result<Saved, SiteError> {
        let mut drafted = Box::new(Drafted::of(request).await?);
        drafted.chart = chart;
        self.save_drafted(drafted).await
    }

    async fn save_drafted(&self, drafted: Box<Drafted>) -> Result<Saved, SiteError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Save(drafted, answer)).await?;
        answered.await.map_err(|_| SiteError::Closed)?
    }

    /// Says where this site is reached; other sites learn it with the control lane.
    ///
    /// # Errors
    /// The keys of the network have not arrived yet, or the disk refused.
    pub async fn announce(&self, addresses: Vec<String>) -> Result<(), SiteError> {
        let certificate = self.identity().certificate_hash().into();
        self.write(move |token| Input::Announce(token, Contact { addresses, certificate })).await
    }

    /// Grants charts to a facility.
    ///
    /// # Errors
    /// A chart is sealed here, the facility is not known, or the disk refused.
    pub async fn grant(&self, scopes: BTreeSet<ScopeTag>, to: FacilityId) -> Result<(), SiteError> {
        self.write(move |token| Input::Grant(token, scopes, to)).await
    }

    /// Enrols a facility. Only where the authority is held.
    ///
    /// # Errors
    /// [`SiteError::NoAuthority`], or the disk refused.
    pub async fn enrol(&self, enrolment: Enrolment) -> Result<SignedEnrolment, SiteError> {
        let seed = self.0.secrets.authority_seed.ok_or(SiteError::NoAuthority)?;
        let signed = SignedEnrolment::sign(&enrolment, &[(0, &Ed25519Signer::from_seed(&seed))]);
        let sent = signed.clone();
        self.write(move |token| Input::Enrol(token, sent)).await?;
        Ok(signed)
    }

    pub(crate) fn authority_seed(&self) -> Option<[u8; 32]> {
        self.0.secrets.authority_seed
    }

    pub(crate) fn talks_kept(&self) -> &Talks {
        &self.0.talks
    }

    pub(crate) fn remembered(&self) -> &Remembered {
        &self.0.remembered
    }

    /// True if this site can let others in.
    pub fn holds_authority(&self) -> bool {
        self.0.secrets.authority_seed.is_some()
    }

    /// This site as it asks to be enrolled.
    pub fn own_enrolment(&self) -> Enrolment {
        let facility = self.facility_secret().facility(self.call_sign(), self.kind());
        Enrolment { network: self.network(), facility, device: self.device() }
    }

    pub(crate) fn facility_secret(&self) -> FacilitySecret {
        FacilitySecret::from_bytes(&self.0.secrets.facility)
    }

    /// Keeps connections to peers open between sessions, so that a session costs no handshake.
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.0.dialer
    }

    pub(crate) fn all_accounts(&self) -> &Mutex<crate::budget::Accounts> {
        &self.0.accounts
    }

    pub(crate) fn all_tokens(&self) -> &RwLock<Tokens> {
        &self.0.tokens
    }

    pub(crate) fn all_people(&self) -> &Arc<People> {
        &self.0.people
    }

    /// Where members were found on this network.
    pub(crate) fn nearby(&self) -> &Found {
        &self.0.nearby
    }

    /// Held while an ask is answered or a chart granted: one at a time.
    pub(crate) fn answering(&self) -> &tokio::sync::Mutex<()> {
        &self.0.answering
    }

    pub(crate) fn subscribing_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.subscribing
    }

    /// Who was last known to be ahead.
    pub(crate) fn ahead(&self) -> &Ahead {
        &self.0.ahead
    }

    /// Who was turned away at the door since this process started.
    pub fn turned_away(&self) -> &TurnedAway {
        &self.0.turned_away
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) async fn write(&self, input: impl FnOnce(Token) -> Input + Send + 'static) -> Result<(), SiteError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Write(Box::new(input), answer)).await?;
        answered.await.map_err(|_| SiteError::Closed)?
    }

    /// Tells a keeper how much room it has now.
    pub(crate) async fn refresh_room(&self) -> Result<(), SiteError> {
        self.send(Command::Room).await
    }

    /// Looks at the replica and the store between two commits.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Replica, &mut Store) -> T + Send + 'static,
    ) -> Result<T, SiteError> {
        let (answer, answered) = oneshot::channel();
        let look = move |replica: &Replica, store: &mut Store| drop(answer.send(look(replica, store)));
        self.send(Command::Look(Box::new(look))).await?;
        answered.await.map_err(|_| SiteError::Closed)
    }

    /// Membership and keys, for as long as the closure runs.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn with_directory<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Directory) -> T + Send + 'static,
    ) -> Result<T, SiteError> {
        self.look(|replica, _| look(replica.directory())).await
    }

    /// Checks everything that is stored; with `rebuild`, makes the projections anew from the log and compares. Saves wait
    /// meanwhile.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub async fn check(&self, rebuild: bool) -> Result<Report, SiteError> {
        let network = self.network();
        let check = self.look(move |replica, store| {
            let what = Check { signatures: Some((&network, &Ed25519Verifier)), rebuild, ..Check::default() };
            store.check(what, replica.directory(), &mut |_, _, _| {})
        });
        Ok(check.await??)
    }

    pub(crate) async fn send(&self, command: Command) -> Result<(), SiteError> {
        self.0.commands.send(command).await.map_err(|_| SiteError::Closed)
    }

    /// As [`Site::send`], from a thread that may wait.
    pub(crate) fn send_blocking(&self, command: Command) -> Result<(), SiteError> {
        self.0.commands.blocking_send(command).map_err(|_| SiteError::Closed)
    }

    pub(crate) fn next_session(&self) -> u64 {
        self.0.next_session.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn note_report(&self, peer: DeviceId, report: SessionReport) {
        self.0.reports.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, report);
    }

    /// How the last session with each device went.
    pub fn reports(&self) -> BTreeMap<DeviceId, SessionReport> {
        self.0.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
