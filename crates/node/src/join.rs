//! Letting sites in and getting in: invites kept in the vault, spent once; the first session of a newcomer.

use crate::carrier::{Accept, Address, Channel, DialError, Dialer, JoinCall, Limits, Target};
use crate::invite::{
    self, Invite, InviteError, InviteSecret, JoinAnswer, JoinRefusal, JoinRequest, Joined, Welcome, kind_byte,
    kind_of_byte,
};
use crate::keep;
use crate::site::{NewSite, Site, SiteError, new_secrets, system_entropy};
use crate::sync::PeerAddress;
use crate::tls::Pin;
use minicbor::{Decode, Encode, bytes::ByteArray};
use sanad_log::control::{Enrolment, FacilitySecret, SiteKind, from_cbor, to_cbor};
use sanad_log::ids::DeviceId;
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier};
use sanad_store::{Folder, KdfCost, StoreError};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Prefix of stored invites; the secret in hexadecimal follows.
const INVITE_KEY: &str = "invite/";
/// The stored site that let this one in.
pub(crate) const INVITER_KEY: &str = "inviter";
/// Open invites at once.
const INVITES_MAX: usize = 64;
/// Wrong secrets that are answered before newcomers have to wait.
const WRONG_MAX: u32 = 10;
/// How long they wait, in seconds. One try a minute at 80 bits leads nowhere.
const WAIT_S: u32 = 60;
/// Between two looks whether the network's keys have come.
const READY_POLL: Duration = Duration::from_millis(500);

/// Why a network could not be joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The new folder, or the site in it.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The inviting site cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The inviting site refused.
    #[error(transparent)]
    Refused(#[from] JoinRefusal),
    /// The inviting site's answer does not hold.
    #[error("the answer of the inviting site does not hold")]
    Answer,
}

impl From<invite::JoinError> for JoinError {
    fn from(error: invite::JoinError) -> Self {
        match error {
            invite::JoinError::Dial(error) => JoinError::Dial(error),
            invite::JoinError::Refused(refusal) => JoinError::Refused(refusal),
            invite::JoinError::Answer => JoinError::Answer,
        }
    }
}

/// Wrong secrets lately, for the whole site: who guesses may come from many addresses.
#[derive(Default)]
pub(crate) struct Throttle(AtomicU32);

impl Throttle {
    fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= WRONG_MAX
    }

    fn count(&self, site: &Site) {
        if self.0.fetch_add(1, Ordering::Relaxed) + 1 == WRONG_MAX {
            let site = site.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(u64::from(WAIT_S))).await;
                site.throttle().0.store(0, Ordering::Relaxed);
            });
        }
    }
}

/// How the site that let this one in is reached, until its own contact has been read.
#[derive(Encode, Decode)]
pub(crate) struct Inviter {
    #[n(0)]
    device: DeviceId,
    /// Empty at a keeper, which keeps no other site's call sign.
    #[n(1)]
    call_sign: String,
    #[n(2)]
    pub(crate) addresses: Vec<String>,
    #[n(3)]
    certificate: ByteArray<32>,
}

impl Site {
    /// Makes an invite and keeps it until it is used.
    ///
    /// # Errors
    /// This site holds no authority, has no address to be reached at, or too many invites are open.
    pub async fn invite(&self, kind: SiteKind, addresses: Vec<String>) -> Result<Invite, SiteError> {
        if !self.holds_authority() {
            return Err(SiteError::NoAuthority);
        }
        let own = self.device();
        let known = self
            .with_directory(move |directory| directory.contact(&own).map(|contact| contact.addresses.clone()))
            .await?;
        let addresses = if addresses.is_empty() { known.unwrap_or_default() } else { addresses };
        let addresses: Vec<Address> = addresses
            .iter()
            .map(|address| address.parse().map_err(|_| SiteError::BadResource(format!("{address} is not an address"))))
            .collect::<Result<_, _>>()?;
        let bytes: [u8; invite::SECRET_LEN] = system_entropy().array();
        let hash = self.identity().certificate_hash();
        let invite =
            Invite::new(&self.network(), kind, addresses, &hash, InviteSecret::from_bytes(bytes)).map_err(|error| {
                match error {
                    InviteError::NoAddress => SiteError::NoAddress,
                    error => SiteError::BadResource(error.to_string()),
                }
            })?;
        let name = format!("{INVITE_KEY}{}", hex(&bytes));
        let value = [kind_byte(kind)];
        self.look(move |_, store| {
            if store.list_state(INVITE_KEY)?.len() >= INVITES_MAX {
                return Err(StoreError::TooLarge("open invites"));
            }
            store.put_state(&name, Some(&value))
        })
        .await??;
        Ok(invite)
    }

    /// Judges a request to join. Each invite is spent once.
    async fn admit(&self, call: &JoinCall) -> Result<Welcome, JoinRefusal> {
        if self.throttle().is_closed() {
            return Err(JoinRefusal::Later { wait_s: WAIT_S });
        }
        let request = JoinRequest::from_bytes(&call.request)?;
        let unable = |_: SiteError| JoinRefusal::Unable;
        let open = self.look(|_, store| store.list_state(INVITE_KEY)).await.map_err(unable)?;
        let open = open.map_err(|_| JoinRefusal::Unable)?;
        let found = open.into_iter().find_map(|(name, value)| {
            let secret = InviteSecret::from_bytes(unhex(name.strip_prefix(INVITE_KEY)?)?);
            request.proves(&secret, &call.exporter).then_some((name, value, secret))
        });
        let Some((name, value, secret)) = found else {
            self.throttle().count(self);
            return Err(JoinRefusal::Secret);
        };
        let kind = value.first().and_then(|byte| kind_of_byte(*byte)).ok_or(JoinRefusal::Unable)?;
        let (facility, device) = request.verify(&secret, kind, &call.exporter, &Ed25519Verifier)?;
        let (call_sign, own) = (facility.call_sign.clone(), self.device());
        let taken = self.with_directory(move |directory| {
            let taken = directory.facilities().values().any(|facility| facility.call_sign == call_sign);
            (taken, directory.authority().cloned())
        });
        let (taken, authority) = taken.await.map_err(unable)?;
        if taken {
            return Err(JoinRefusal::CallSign);
        }
        // Spent before it is used: of two who come at once with one invite, one is let in.
        let spent = self.look(move |_, store| {
            let there = store.get_state(&name)?.is_some();
            store.put_state(&name, None).map(|()| there)
        });
        if !spent.await.map_err(unable)?.map_err(|_| JoinRefusal::Unable)? {
            return Err(JoinRefusal::Secret);
        }
        let enrolment = Enrolment { network: self.network(), facility: facility.clone(), device };
        let enrolment = self.enrol(enrolment).await.map_err(unable)?;
        let authority = authority.ok_or(JoinRefusal::Unable)?;
        Ok(Welcome { authority, enrolment, inviter: own, call_sign: self.call_sign().to_owned() })
    }

    /// Joins a network: makes the folder, proves the invite, and takes a first look at what the inviting site has.
    ///
    /// # Errors
    /// [`JoinError`]. Unless the inviting site had said yes, nothing is left behind but an empty folder.
    pub async fn join(
        dir: &Path,
        passphrase: &str,
        cost: KdfCost,
        call_sign: &str,
        invite: &Invite,
    ) -> Result<Site, JoinError> {
        let described = NewSite { call_sign: call_sign.to_owned(), kind: invite.kind };
        let mut secrets = new_secrets(&described, None)?;
        let folder = Folder::create(dir).map_err(SiteError::from)?;
        let facility_secret = FacilitySecret::from_bytes(&secrets.facility);
        let facility = facility_secret.facility(call_sign, invite.kind);
        let device = Ed25519Signer::from_seed(&secrets.device_seed);
        let dialer = Dialer::new(Limits::default());
        let Joined { enrolment, welcome, certificate } =
            invite::join(&dialer, invite, &facility, &facility_secret.signer(), &device, &Ed25519Verifier).await?;
        secrets.network = enrolment.network;
        let mut store = folder.found(passphrase, cost, &secrets, &mut system_entropy()).map_err(SiteError::from)?;
        let keeper = invite.kind == SiteKind::Keeper;
        if keeper {
            keep::joined(&mut store, &welcome.authority, &welcome.enrolment).map_err(SiteError::from)?;
        }
        let site = Site::start(store)?;
        let inviter = Inviter {
            device: welcome.inviter,
            call_sign: if keeper { String::new() } else { welcome.call_sign },
            addresses: invite.addresses.iter().map(ToString::to_string).collect(),
            certificate: certificate.into(),
        };
        let value = to_cbor(&inviter);
        site.look(move |_, store| store.put_state(INVITER_KEY, Some(&value))).await?.map_err(SiteError::from)?;
        // What does not come now comes with the first sync. A keeper waits until it is told where it listens and how much
        // it may take.
        if let Some(peer) = site.inviter().await?.filter(|_| !keeper) {
            drop(site.sync_with(&peer).await);
        }
        Ok(site)
    }

    /// The site that let this one in.
    pub(crate) async fn inviter(&self) -> Result<Option<PeerAddress>, SiteError> {
        let value = self.look(|_, store| store.get_state(INVITER_KEY)).await??;
        let inviter = value.and_then(|value| from_cbor::<Inviter>(&value).ok());
        Ok(inviter.map(|inviter| PeerAddress {
            device: inviter.device,
            // A keeper knows it by where it is, not by name.
            call_sign: match inviter.call_sign.is_empty() {
                true => inviter.addresses.first().cloned().unwrap_or_default(),
                false => inviter.call_sign,
            },
            target: Target {
                addresses: inviter.addresses.iter().filter_map(|address| address.parse().ok()).collect(),
                pin: Pin::Full(*inviter.certificate),
            },
        }))
    }

    /// Announces this site's addresses as soon as the network's keys are here.
    pub async fn announce_when_ready(&self, addresses: Vec<String>) {
        while let Err(SiteError::Save(_)) = self.announce(addresses.clone()).await {
            tokio::time::sleep(READY_POLL).await;
        }
    }
}

impl Accept for Site {
    async fn sync(&self, channel: Channel) {
        // A session that ends badly is in the report; the peer comes again.
        drop(self.run_session(channel, false, None).await);
    }

    async fn join(&self, call: JoinCall) -> Vec<u8> {
        match self.admit(&call).await {
            Ok(welcome) => JoinAnswer::Welcome(Box::new(welcome)),
            Err(refusal) => JoinAnswer::Refused(refusal),
        }
        .to_bytes()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; invite::SECRET_LEN]> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
