//! Keepers of one or many networks in one process, behind one port.
//!
//! Promises:
//! - a session goes to the network that its first message names, and to no other; who names none that is kept here learns
//!   that and nothing else;
//! - whoever has not shown yet that it is a member takes a place among strangers, of which there are few: a stranger that
//!   waits makes room for the next one, and members are not among them;
//! - on the port there is no page, and nothing says what it is.

use crate::carrier::{Accept, Address, Channel, JoinCall, Limits, serve};
use crate::invite::{JoinAnswer, JoinRefusal};
use crate::site::{Site, SiteError};
use crate::tls::{Identity, TlsError};
use crate::turned_away::Why;
use sanad_log::ids::NetworkId;
use sanad_log::message::{Refusal, encode, network_of_hello};
use sanad_store::{Folder, StoreError};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// Networks kept by one process: each has a thread, a database, and a share of the cache.
pub const NETWORKS_MAX: usize = 64;
/// Page caches of all databases together.
const CACHE_KIB: u32 = 24 * 1024;
/// Page cache of one database, at least.
const CACHE_KIB_MIN: u32 = 1024;
/// Sessions at once with callers that have not shown that they are members.
const STRANGERS_MAX: usize = 24;
/// Of these, from one address.
const STRANGERS_PER_ADDRESS_MAX: usize = 6;
/// A Hello has 147 bytes.
const HELLO_BYTES_MAX: usize = 1024;
/// How long a caller may take to say the first word.
const HELLO_WAIT: Duration = Duration::from_secs(60);

/// What a keeper's port gives: less than a facility's, since anybody may call, and nobody needs many connections. What a
/// connection may have unread ([`crate::carrier::CONNECTION_WINDOW_BYTES`]) bounds the memory that all of them can take.
pub fn limits() -> Limits {
    Limits { connections: 96, connections_per_address: 24, sessions: 48, ..Limits::default() }
}

/// Why keepers could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeepersError {
    /// One of the folders.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The TLS identity.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A folder with a site that is no keeper.
    #[error("{0} holds a site that is no keeper")]
    NotAKeeper(PathBuf),
    /// Two folders of one network.
    #[error("{0} and {1} are keepers of the same network")]
    Twice(PathBuf, PathBuf),
    /// More networks than [`NETWORKS_MAX`].
    #[error("more than {NETWORKS_MAX} networks")]
    TooMany,
}

impl From<StoreError> for KeepersError {
    fn from(error: StoreError) -> Self {
        KeepersError::Site(error.into())
    }
}

/// The keepers of one process.
pub struct Keepers {
    /// By network: the folder and the site.
    sites: BTreeMap<NetworkId, (PathBuf, Site)>,
    identity: Identity,
    door: Arc<Door>,
}

/// The folders with data: this one, or those directly in it, in the order of their names.
///
/// # Errors
/// There is none, or the folder cannot be read.
pub fn folders(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if Folder::is_founded(dir)? {
        return Ok(vec![dir.to_owned()]);
    }
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NoStore,
        kind => StoreError::Io { doing: "looking at the data folder", kind },
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if Folder::is_founded(&path)? {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() { Err(StoreError::NoStore) } else { Ok(found) }
}

impl Keepers {
    /// Opens the keeper in a folder, or those in the folders in it. All open with one passphrase.
    ///
    /// # Errors
    /// [`KeepersError`]; nothing stays open then.
    pub async fn open(dir: &Path, passphrase: &str, delay_if_wrong: Duration) -> Result<Keepers, KeepersError> {
        let mut sites: BTreeMap<NetworkId, (PathBuf, Site)> = BTreeMap::new();
        let folders = folders(dir)?;
        if folders.len() > NETWORKS_MAX {
            return Err(KeepersError::TooMany);
        }
        let cache_kib = (CACHE_KIB / u32::try_from(folders.len()).unwrap_or(u32::MAX)).max(CACHE_KIB_MIN);
        for folder in folders {
            let site = Site::open(&folder, passphrase, delay_if_wrong)?;
            if !site.is_keeper() {
                return Err(KeepersError::NotAKeeper(folder));
            }
            site.limit_cache(cache_kib).await?;
            if let Some((other, _)) = sites.get(&site.network()) {
                return Err(KeepersError::Twice(other.clone(), folder));
            }
            sites.insert(site.network(), (folder, site));
        }
        let identity = shared_identity(&sites).await?;
        Ok(Keepers { sites, identity, door: Arc::default() })
    }

    /// The folders and their sites.
    pub fn sites(&self) -> impl Iterator<Item = (&Path, &Site)> {
        self.sites.values().map(|(folder, site)| (folder.as_path(), site))
    }

    /// Gives the site of a folder more addresses of the site that let it in. Without a name, there must be one folder.
    /// False if none is meant.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn add_peer(&self, name: Option<&str>, address: Address) -> Result<bool, SiteError> {
        let named = |folder: &Path| match name {
            Some(name) => folder.file_name().is_some_and(|last| last == name),
            None => self.sites.len() == 1,
        };
        let Some((_, site)) = self.sites().find(|(folder, _)| named(folder)) else { return Ok(false) };
        site.add_inviter_addresses(std::slice::from_ref(&address)).await?;
        Ok(true)
    }

    /// Listens and keeps in touch until `stop` says so; then closes all folders. `addresses` are told to the members of
    /// each network.
    ///
    /// # Errors
    /// The identity is damaged. What goes wrong with one peer ends that session only.
    pub async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        addresses: Vec<String>,
        stop: watch::Receiver<bool>,
    ) -> Result<(), KeepersError> {
        let certificate = self.identity.certificate_hash();
        let mut tasks = JoinSet::new();
        for (_, site) in self.sites() {
            if !addresses.is_empty() {
                site.announce_keeper(addresses.clone(), certificate).await?;
            }
            let (site, until) = (site.clone(), stop.clone());
            tasks.spawn(async move { site.keep_in_touch(until).await });
        }
        let mut until = stop.clone();
        let shutdown = async move { drop(until.wait_for(|stop| *stop).await) };
        // A path that leads nowhere is all there is.
        let nothing = axum::Router::new();
        let served = serve(listener, &self.identity, nothing, self.clone(), limits(), shutdown).await;
        tasks.shutdown().await;
        for (_, site) in self.sites() {
            site.close().await;
        }
        Ok(served?)
    }

    async fn session(&self, mut channel: Channel, stranger: Stranger) {
        let limit = channel.reader.limit();
        limit.store(HELLO_BYTES_MAX, Ordering::Relaxed);
        let first = match tokio::time::timeout(HELLO_WAIT, channel.reader.next()).await {
            Ok(Ok(Some(first))) => first,
            Ok(Err(_)) => return self.note(Why::Malformed),
            Ok(Ok(None)) | Err(_) => return self.note(Why::Silent),
        };
        let Some(network) = network_of_hello(&first) else {
            self.note(Why::Malformed);
            return refuse(channel, Refusal::Malformed).await;
        };
        let Some((_, site)) = self.sites.get(&network) else {
            self.note(Why::OtherNetwork);
            return refuse(channel, Refusal::OtherNetwork).await;
        };
        channel.reader.put_back(first);
        // A session that ends badly is in the report; the peer comes again.
        drop(site.run_session_holding(channel, false, None, stranger).await);
    }

    /// Who belongs to no network that is known is on every network's list.
    fn note(&self, why: Why) {
        for (_, site) in self.sites() {
            site.turned_away().note(why);
        }
    }
}

async fn refuse(mut channel: Channel, why: Refusal) {
    if channel.writer.send(&encode::refuse(why)).await.is_ok() {
        let _ = channel.writer.finish().await;
    }
}

/// One port shows one certificate. It is the one that members of the networks were told; a folder that comes later takes
/// it over, whatever its name.
async fn shared_identity(sites: &BTreeMap<NetworkId, (PathBuf, Site)>) -> Result<Identity, KeepersError> {
    let mut by_folder: Vec<_> = sites.values().collect();
    by_folder.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut shared = None;
    for (_, site) in &by_folder {
        shared = shared.or(site.shared_identity().await?);
    }
    let own = || by_folder.first().map(|(_, site)| site.identity());
    let identity = shared.or_else(own).ok_or(TlsError::Identity)?;
    for (_, site) in &by_folder {
        let kept = site.shared_identity().await?;
        if kept.is_none_or(|kept| kept.certificate_der != identity.certificate_der) {
            site.share_identity(&identity).await?;
        }
    }
    Ok(identity)
}

impl Accept for Keepers {
    async fn sync(&self, channel: Channel) {
        let (stranger, mut sent_away) = self.door.enter(channel.peer_addr.ip());
        tokio::select! {
            biased;
            // Whoever is welcome has left the list, and the word to leave can no longer come.
            Ok(()) = &mut sent_away => self.note(Why::Crowded),
            () = self.session(channel, stranger) => {}
        }
    }

    async fn join(&self, _: JoinCall) -> Vec<u8> {
        // A keeper lets nobody in. Whoever tries is told what any site tells to a code that is not open.
        JoinAnswer::Refused(JoinRefusal::Secret).to_bytes()
    }
}

/// The strangers inside, those who wait longest first.
#[derive(Default)]
struct Door(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    next: u64,
    strangers: Vec<(u64, IpAddr, oneshot::Sender<()>)>,
}

/// A place among the strangers, given back when dropped.
struct Stranger {
    door: Arc<Door>,
    number: u64,
}

impl Door {
    /// Lets a caller in. If there are too many, the one that has waited longest leaves: of the same address, if it has more
    /// than its share.
    fn enter(self: &Arc<Self>, ip: IpAddr) -> (Stranger, oneshot::Receiver<()>) {
        let (leave, left) = oneshot::channel();
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(_, of, _): &&(u64, IpAddr, oneshot::Sender<()>)| *of == ip;
        let oldest = if inside.strangers.iter().filter(same).count() >= STRANGERS_PER_ADDRESS_MAX {
            inside.strangers.iter().position(|stranger| same(&stranger))
        } else {
            (inside.strangers.len() >= STRANGERS_MAX).then_some(0)
        };
        if let Some(at) = oldest {
            let (_, _, leave) = inside.strangers.remove(at);
            let _ = leave.send(());
        }
        let number = inside.next;
        inside.next += 1;
        inside.strangers.push((number, ip, leave));
        (Stranger { door: self.clone(), number }, left)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut inside = self.door.0.lock().unwrap_or_else(PoisonError::into_inner);
        inside.strangers.retain(|(number, _, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_for_the_next_and_one_address_has_its_share() {
        let door = Arc::new(Door::default());
        let ip = |last: u8| IpAddr::from([198, 51, 100, last]);
        let mut crowd: Vec<_> = (0..40).map(|_| door.enter(ip(1))).collect();
        let sent_away = |(_, left): &mut (Stranger, oneshot::Receiver<()>)| left.try_recv().is_ok();
        let gone = crowd.iter_mut().map(sent_away).filter(|gone| *gone).count();
        assert_eq!(gone, 40 - STRANGERS_PER_ADDRESS_MAX);
        let mut other = door.enter(ip(2));
        for last in 3..60 {
            // They leave by themselves, or are known to be members: nobody else has to.
            drop(door.enter(ip(last)));
        }
        assert!(!sent_away(&mut other));
        let many: Vec<_> = (60..120).map(|last| door.enter(ip(last))).collect();
        assert!(sent_away(&mut other), "the oldest leaves");
        assert_eq!(door.0.lock().unwrap().strangers.len(), STRANGERS_MAX);
        drop((crowd, many, other));
        assert!(door.0.lock().unwrap().strangers.is_empty());
    }
}
