//! Finding members on the facility's own network, without anybody typing an address: multicast DNS, only where the
//! operator asked for it.
//!
//! Promises:
//! - what is announced looks like any small web server: the type `_http._tcp`, random names, random-looking text. Whoever
//!   does not hold the network's epoch key learns neither which network nor which site it is, and cannot tell two starts
//!   of one site from two sites;
//! - what is found is only an address, for a device that is a member already and whose certificate is pinned. The member
//!   vouches for address and port with a keyed hash, so nobody else on the network can make this site call anywhere;
//! - nothing is sent but multicast on this link, and answers to those on the link who ask for it.

use crate::carrier::Address;
use crate::site::{Site, SiteError, system_entropy};
use crate::sync::PeerAddress;
use crate::tls::Pin;
use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent, ServiceInfo};
use sanad_log::ids::{DeviceId, ScopeTag};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// The most ordinary service there is.
const SERVICE: &str = "_http._tcp.local.";
/// The name of the text record's one value.
const TEXT_KEY: &str = "v";
/// Addresses that one site vouches for; with their marks they fit the 255 bytes of a value.
const ADDRESSES_MAX: usize = 8;
/// Bytes of the random number of one announcement.
const NONCE_LEN: usize = 16;
/// Bytes of a mark: guessing one needs 2^63 announcements on average.
const MARK_LEN: usize = 8;
/// Between two looks whether the own addresses or the epoch key have changed.
const REFRESH: Duration = Duration::from_secs(30);

/// Why members cannot be looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// The site is being closed.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The system gives no multicast socket.
    #[error("this system does not let the program listen for announcements ({0})")]
    System(String),
}

impl From<mdns_sd::Error> for DiscoverError {
    fn from(error: mdns_sd::Error) -> Self {
        DiscoverError::System(error.to_string())
    }
}

/// Where members were found since this process started.
#[derive(Default)]
pub(crate) struct Found {
    addresses: Mutex<BTreeMap<DeviceId, Vec<Address>>>,
    news: watch::Sender<()>,
}

impl Found {
    /// Adds what was found to peers whose whole certificate is pinned, and to nobody else.
    pub(crate) fn add_to(&self, peers: &mut BTreeMap<DeviceId, PeerAddress>) {
        let found = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        for (device, addresses) in &*found {
            let Some(peer) = peers.get_mut(device).filter(|peer| matches!(peer.target.pin, Pin::Full(_))) else {
                continue;
            };
            // What is near is tried first.
            let said = std::mem::replace(&mut peer.target.addresses, addresses.clone());
            peer.target.addresses.extend(said.into_iter().filter(|address| !addresses.contains(address)));
        }
    }

    /// Changes whenever somebody was found somewhere new.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Resolves when this device is found elsewhere than there.
    pub(crate) async fn elsewhere(&self, device: &DeviceId, than: &Option<Vec<Address>>) {
        let mut news = self.news();
        // From here on no news is missed.
        while self.of(device) == *than && news.changed().await.is_ok() {}
    }

    /// Where a device was found.
    pub(crate) fn of(&self, device: &DeviceId) -> Option<Vec<Address>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(device).cloned()
    }

    fn note(&self, device: DeviceId, addresses: Vec<Address>) {
        let before = self.addresses.lock().unwrap_or_else(PoisonError::into_inner).insert(device, addresses.clone());
        if before != Some(addresses) {
            self.news.send_replace(());
        }
    }
}

impl Site {
    /// Tells the network's members this site's certificate, by which they recognise it, if they have not been told; says
    /// of its addresses what was said before. Waits for the network's keys if they have not come yet.
    pub async fn announce_certificate_when_ready(&self) {
        let (own, certificate) = (self.device(), self.identity().certificate_hash());
        let known = self.with_directory(move |directory| directory.contact(&own).map(|contact| *contact.certificate));
        if known.await.is_ok_and(|known| known != Some(certificate)) {
            self.announce_when_ready(vec![]).await;
        }
    }

    /// Announces this site on the networks it listens on, and looks for members there, until `stop` changes.
    ///
    /// # Errors
    /// The system gives no multicast socket; the site is being closed.
    pub async fn discover(&self, listening: SocketAddr, mut stop: watch::Receiver<bool>) -> Result<(), DiscoverError> {
        let daemon = ServiceDaemon::new()?;
        if !listening.ip().is_unspecified() {
            // Where nobody could call, nobody is told.
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(IfKind::Addr(listening.ip()))?;
        }
        let events = daemon.browse(SERVICE)?;
        let mut said: Option<(Said, String)> = None;
        let mut refresh = tokio::time::interval(REFRESH);
        let ended = loop {
            tokio::select! {
                () = stopped(&mut stop) => break Ok(()),
                _ = refresh.tick() => {
                    let now = match self.to_say(listening).await {
                        Ok(now) => now,
                        Err(error) => break Err(error.into()),
                    };
                    if now.as_ref() != said.as_ref().map(|(said, _)| said) {
                        if let Some((_, name)) = said.take() {
                            drop(daemon.unregister(&name));
                        }
                        if let Some(now) = now {
                            let info = now.announcement(self.identity().certificate_hash())?;
                            let name = info.get_fullname().to_owned();
                            daemon.register(info)?;
                            said = Some((now, name));
                        }
                    }
                }
                event = events.recv_async() => match event {
                    Ok(ServiceEvent::ServiceResolved(service)) => {
                        let addresses = service.addresses.iter().map(|address| address.to_ip_addr()).collect();
                        if let Some(text) = service.txt_properties.get_property_val_str(TEXT_KEY)
                            && let Err(error) = self.recognise(text, addresses, service.port).await
                        {
                            break Err(error.into());
                        }
                    }
                    Ok(_) => {}
                    Err(_) => break Err(DiscoverError::System("the listener ended".to_owned())),
                },
            }
        };
        drop(daemon.shutdown());
        ended
    }

    /// What this site would announce now; `None` before the network's keys have come.
    async fn to_say(&self, listening: SocketAddr) -> Result<Option<Said>, SiteError> {
        let key = self.discovery_key().await?;
        let addresses = own_addresses(listening.ip());
        Ok(key.filter(|_| !addresses.is_empty()).map(|key| Said { key, addresses, port: listening.port() }))
    }

    async fn discovery_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, SiteError> {
        self.with_directory(|directory| directory.seal_key(&ScopeTag::NETWORK).map(|key| derive(key.expose()))).await
    }

    /// Notes a member's addresses if its mark is on them.
    async fn recognise(&self, text: &str, addresses: Vec<IpAddr>, port: u16) -> Result<(), SiteError> {
        // What is none of ours costs no more than looking at it.
        let Some(text) = Text::parse(text) else { return Ok(()) };
        let Some(key) = self.discovery_key().await? else { return Ok(()) };
        let own = self.device();
        let members = self.with_directory(move |directory| {
            let others = directory.devices().keys().filter(|device| **device != own);
            others.filter_map(|device| Some((*device, *directory.contact(device)?.certificate))).collect::<Vec<_>>()
        });
        for (device, certificate) in members.await? {
            let vouched = addresses
                .iter()
                .take(ADDRESSES_MAX)
                .filter(|address| text.marks.contains(&mark(&key, &text.nonce, &certificate, **address, port)));
            let vouched: Vec<_> = vouched.map(|ip| Address::of_socket(SocketAddr::new(*ip, port))).collect();
            if !vouched.is_empty() {
                self.nearby().note(device, vouched);
            }
        }
        Ok(())
    }
}

/// Resolves once `stop` says so, or when nobody is left to say it.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // What is lent out by the wait must not be held over the next one.
    drop(stop.wait_for(|stop| *stop).await);
}

/// What an announcement follows from. Another one is made when any of it changes.
#[derive(PartialEq, Eq)]
struct Said {
    key: Zeroizing<[u8; 32]>,
    addresses: Vec<IpAddr>,
    port: u16,
}

impl Said {
    fn announcement(&self, certificate: [u8; 32]) -> Result<ServiceInfo, mdns_sd::Error> {
        let mut entropy = system_entropy();
        let nonce: [u8; NONCE_LEN] = entropy.array();
        let marks = self.addresses.iter().map(|ip| mark(&self.key, &nonce, &certificate, *ip, self.port)).collect();
        let text = Text { nonce, marks }.to_string();
        let name = hex(&entropy.array::<8>());
        let host = format!("{}.local.", hex(&entropy.array::<8>()));
        ServiceInfo::new(SERVICE, &name, &host, &self.addresses[..], self.port, &[(TEXT_KEY, text.as_str())][..])
    }
}

/// The value of the text record: a random number, then one mark for each address, in hexadecimal.
#[derive(PartialEq, Eq, Debug)]
struct Text {
    nonce: [u8; NONCE_LEN],
    marks: Vec<[u8; MARK_LEN]>,
}

impl Text {
    fn parse(text: &str) -> Option<Text> {
        let bytes = unhex(text)?;
        let (nonce, marks) = bytes.split_at_checked(NONCE_LEN)?;
        let marks: Vec<[u8; MARK_LEN]> =
            marks.chunks(MARK_LEN).map(|mark| mark.try_into().ok()).collect::<Option<_>>()?;
        (marks.len() <= ADDRESSES_MAX).then_some(Text { nonce: nonce.try_into().ok()?, marks })
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.nonce))?;
        self.marks.iter().try_for_each(|mark| f.write_str(&hex(mark)))
    }
}

fn derive(epoch_key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(blake3::derive_key("sanad 2026 discovery key v1", epoch_key))
}

/// What a member puts on one of its addresses.
fn mark(key: &[u8; 32], nonce: &[u8; NONCE_LEN], certificate: &[u8; 32], ip: IpAddr, port: u16) -> [u8; MARK_LEN] {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(nonce).update(certificate).update(&ip.octets()).update(&port.to_be_bytes());
    let mut mark = [0; MARK_LEN];
    mark.copy_from_slice(&hasher.finalize().as_bytes()[..MARK_LEN]);
    mark
}

/// Where others on the link can reach a listener: the address itself, or all of this machine's that are no loopback and
/// need no name of an interface.
fn own_addresses(listening: IpAddr) -> Vec<IpAddr> {
    if !listening.is_unspecified() {
        return vec![listening];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.ip())
        .filter(|ip| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => listening.is_ipv6() && !ip.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_unstable();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Target;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));

    #[test]
    fn a_mark_holds_for_one_network_certificate_address_port_and_announcement() {
        let (key, nonce, certificate) = ([1; 32], [2; NONCE_LEN], [3; 32]);
        let made = mark(&key, &nonce, &certificate, IP, 8443);
        let other_ip = IpAddr::from([10, 0, 0, 6]);
        for other in [
            mark(&[9; 32], &nonce, &certificate, IP, 8443),
            mark(&key, &[9; NONCE_LEN], &certificate, IP, 8443),
            mark(&key, &nonce, &[9; 32], IP, 8443),
            mark(&key, &nonce, &certificate, other_ip, 8443),
            mark(&key, &nonce, &certificate, IP, 443),
        ] {
            assert_ne!(other, made);
        }
        // The derivation is part of the protocol.
        let key = derive(&[7; 32]);
        assert_eq!(hex(&mark(&key, &[0; NONCE_LEN], &[1; 32], IP, 8443)), VECTOR);
    }

    const VECTOR: &str = "078320f5a47d3683";

    #[test]
    fn an_announcement_names_nobody_and_never_looks_the_same() {
        let said = || Said { key: Zeroizing::new([1; 32]), addresses: vec![IP], port: 8443 };
        let (one, two) = (said().announcement([3; 32]).unwrap(), said().announcement([3; 32]).unwrap());
        assert_eq!(one.get_type(), "_http._tcp.local.");
        assert_ne!(one.get_fullname(), two.get_fullname());
        assert_ne!(one.get_hostname(), two.get_hostname());
        let text = |info: &ServiceInfo| info.get_property_val_str(TEXT_KEY).unwrap().to_owned();
        assert_ne!(text(&one), text(&two));
        assert!(!text(&one).contains(&hex(&[3; 8])), "the certificate's hash is not in it");
        let read = Text::parse(&text(&one)).unwrap();
        assert_eq!(read.marks, [mark(&[1; 32], &read.nonce, &[3; 32], IP, 8443)]);
        let full = Said { addresses: vec![IP; ADDRESSES_MAX], ..said() }.announcement([3; 32]).unwrap();
        assert!(text(&full).len() + TEXT_KEY.len() < 255);
        for wrong in ["", "00", "zz", &"0".repeat(33), &"0".repeat(50), &"0".repeat(1_000)] {
            assert_eq!(Text::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_found_is_only_an_address_of_a_peer_that_is_pinned_whole() {
        let (pinned, short, stranger) = (DeviceId([1; 32]), DeviceId([2; 32]), DeviceId([3; 32]));
        let peer = |device, pin| {
            let target = Target { addresses: vec!["https://haven.example".parse().unwrap()], pin };
            (device, PeerAddress { device, call_sign: "Haven".to_owned(), target })
        };
        let mut peers = BTreeMap::from([peer(pinned, Pin::Full([0; 32])), peer(short, Pin::Short([0; 16]))]);
        let found = Found::default();
        let address = Address::of_socket(SocketAddr::new(IP, 8443));
        for device in [pinned, short, stranger] {
            found.note(device, vec![address.clone()]);
        }
        found.add_to(&mut peers);
        assert_eq!(peers.len(), 2, "a stranger does not become a peer");
        assert_eq!(peers[&pinned].target.addresses[0], address);
        assert_eq!((peers[&pinned].target.addresses.len(), peers[&short].target.addresses.len()), (2, 1));
        found.add_to(&mut peers);
        assert_eq!(peers[&pinned].target.addresses.len(), 2, "once");
    }
}
