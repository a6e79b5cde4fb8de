//! What a keeper's folder holds beside the log, and how much it takes. A keeper stores and forwards what is sealed and can
//! read nothing: what is kept here names no other site and opens nothing.

use crate::carrier::Address;
use crate::join::Inviter;
use crate::site::{Site, SiteError};
use crate::tls::Identity;
use minicbor::{Decode, Encode};
use sanad_log::control::{ADDRESSES_MAX, Authority, Contact, SignedEnrolment, SiteKind, from_cbor, to_cbor};
use sanad_log::frontier::Frontier;
use sanad_log::ids::{DeviceId, FacilityId};
use sanad_log::reach::SignedReach;
use sanad_log::receipt::{Form, Receipt};
use sanad_log::replica::{InParts, Input, Keep, Keeping, Replica, Room, Takes};
use sanad_log::sign::Ed25519Verifier;
use sanad_store::{Secrets, Store, StoreError};
use serde::Serialize;

const AUTHORITY_KEY: &str = "keeper/authority";
const ENROLMENT_KEY: &str = "keeper/enrolment";
const REACH_KEY: &str = "keeper/reach";
const QUOTA_KEY: &str = "keeper/quota";
const IDENTITY_KEY: &str = "keeper/identity";
/// Prefix of devices that have shown their enrolment; the facility's id is the value.
const MEMBER_KEY: &str = "keeper/member/";
/// Prefix of own receipts that a peer is known to hold, at any site.
const ACKNOWLEDGED_KEY: &str = "acknowledged/";
/// Prefix of what a device has confirmed in parts, at any site.
const PART_KEY: &str = "part/";
/// Bytes of the disk that a keeper leaves free: the write-ahead log, and its own small notes.
const DISK_RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// What a keeper's site shows of itself.
#[derive(Clone, Debug, Serialize)]
pub struct KeeperStatus {
    /// Bytes of entries held: headers and bodies.
    pub held_bytes: u64,
    /// Bytes of entries that may be held; `None` if only the disk sets a bound.
    pub quota_bytes: Option<u64>,
    /// `everything`, `no bulk`, `urgent`, or `nothing`.
    pub takes: &'static str,
}

/// The word for what a keeper still takes.
fn takes_name(takes: Takes) -> &'static str {
    match takes {
        Takes::Everything => "everything",
        Takes::NoBulk => "no bulk",
        Takes::Urgent => "urgent",
        Takes::Nothing => "nothing",
    }
}

/// What is written when a keeper joins.
pub(crate) fn joined(store: &mut Store, authority: &Authority, enrolment: &SignedEnrolment) -> Result<(), StoreError> {
    store.put_state(AUTHORITY_KEY, Some(&to_cbor(authority)))?;
    store.put_state(ENROLMENT_KEY, Some(&to_cbor(enrolment)))
}

/// What a keeper's replica is started with; `None` at any other site.
pub(crate) fn keeping(store: &Store, secrets: &Secrets) -> Result<Option<Keeping>, StoreError> {
    if secrets.kind != SiteKind::Keeper {
        return Ok(None);
    }
    let (Some(authority), Some(enrolment)) = (read(store, AUTHORITY_KEY)?, read(store, ENROLMENT_KEY)?) else {
        // Written before anything else at the join; without it no peer can be told from a stranger.
        return Err(StoreError::DamagedFile);
    };
    let member = |(key, value): (String, Vec<u8>)| {
        Some((DeviceId::from_hex(key.strip_prefix(MEMBER_KEY)?)?, FacilityId::from_slice(&value)?))
    };
    Ok(Some(Keeping {
        authority,
        enrolment,
        members: store.list_state(MEMBER_KEY)?.into_iter().filter_map(member).collect(),
        reach: read::<SignedReach>(store, REACH_KEY)?,
        room: room(store, store.reader()?.counts()?.unread_bytes)?,
    }))
}

fn read<T: for<'b> Decode<'b, ()>>(store: &Store, key: &str) -> Result<Option<T>, StoreError> {
    Ok(store.get_state(key)?.and_then(|value| from_cbor(&value).ok()))
}

/// How much room there is: the quota, or what the disk has left if that is less. A full disk and a used-up quota are one.
pub(crate) fn room(store: &Store, held_bytes: u64) -> Result<Room, StoreError> {
    let quota = read::<u64>(store, QUOTA_KEY)?.unwrap_or(u64::MAX);
    let disk = held_bytes.saturating_add(store.free_bytes()?.saturating_sub(DISK_RESERVE_BYTES));
    Ok(Room { held_bytes, quota_bytes: quota.min(disk) })
}

/// The room of a replica now, to be told to it.
pub(crate) fn room_now(replica: &Replica, store: &Store) -> Option<Input> {
    let held_bytes = replica.room()?.held_bytes;
    // A disk that does not say how full it is says so when something is written.
    room(store, held_bytes).ok().map(Input::Room)
}

/// Own receipts that peers are known to hold.
pub(crate) fn acknowledged(store: &Store, secrets: &Secrets) -> Result<Vec<(DeviceId, Receipt)>, StoreError> {
    let read = |(key, value): (String, Vec<u8>)| {
        let peer = DeviceId::from_hex(key.strip_prefix(ACKNOWLEDGED_KEY)?)?;
        let receipt = Receipt::decode(&value, &secrets.network, &[], |_| None, &Ed25519Verifier).ok()?;
        Some((peer, receipt))
    };
    Ok(store.list_state(ACKNOWLEDGED_KEY)?.into_iter().filter_map(read).collect())
}

/// What others have confirmed in parts. What cannot be read overstates what is only here.
pub(crate) fn parts(store: &Store) -> Result<Vec<(DeviceId, InParts)>, StoreError> {
    let read = |(key, value): (String, Vec<u8>)| {
        let peer = DeviceId::from_hex(key.strip_prefix(PART_KEY)?)?;
        let (counter, places) = value.split_first_chunk::<8>()?;
        let places = Frontier::decode(places, &[]).ok()?;
        Some((peer, InParts { counter: u64::from_be_bytes(*counter), places }))
    };
    Ok(store.list_state(PART_KEY)?.into_iter().filter_map(read).collect())
}

/// The name and the value under which something is kept.
pub(crate) fn kept(keep: &Keep) -> (String, Vec<u8>) {
    match keep {
        Keep::Member(device, facility) => (format!("{MEMBER_KEY}{device}"), facility.as_bytes().to_vec()),
        Keep::Enrolment(enrolment) => (ENROLMENT_KEY.to_owned(), to_cbor(enrolment)),
        Keep::Reach(reach) => (REACH_KEY.to_owned(), to_cbor(reach)),
        Keep::Acknowledged(peer, receipt) => (format!("{ACKNOWLEDGED_KEY}{peer}"), receipt.encode(Form::Whole(&[]))),
        Keep::Part(peer, parts) => {
            let value = [parts.counter.to_be_bytes().as_slice(), &parts.places.encode(&[])].concat();
            (format!("{PART_KEY}{peer}"), value)
        }
    }
}

/// A TLS identity as it is kept.
#[derive(Encode, Decode)]
struct KeptIdentity {
    #[cbor(n(0), with = "minicbor::bytes")]
    certificate_der: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    key_der: Vec<u8>,
}

impl Site {
    /// True if this site is a keeper.
    pub fn is_keeper(&self) -> bool {
        self.kind() == SiteKind::Keeper
    }

    /// Gives a keeper a quota of entries' bytes, or takes it away; kept for the next start.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn set_quota(&self, bytes: Option<u64>) -> Result<(), SiteError> {
        let value = bytes.map(|bytes| to_cbor(&bytes));
        self.look(move |_, store| store.put_state(QUOTA_KEY, value.as_deref())).await??;
        self.refresh_room().await
    }

    /// What a keeper holds and takes; `None` at any other site.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn keeper_status(&self) -> Result<Option<KeeperStatus>, SiteError> {
        let status = self.look(|replica, store| -> Result<Option<KeeperStatus>, StoreError> {
            let (Some(room), Some(takes)) = (replica.room(), replica.takes()) else { return Ok(None) };
            let quota_bytes = read::<u64>(store, QUOTA_KEY)?;
            Ok(Some(KeeperStatus { held_bytes: room.held_bytes, quota_bytes, takes: takes_name(takes) }))
        });
        Ok(status.await??)
    }

    /// Says where this keeper is reached and which certificate it shows there. Members hear it when they meet the keeper,
    /// and tell each other.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn announce_keeper(&self, addresses: Vec<String>, certificate: [u8; 32]) -> Result<(), SiteError> {
        let contact = Contact { addresses, certificate: certificate.into() };
        self.write(move |token| Input::Announce(token, contact)).await
    }

    /// Adds addresses at which the site that let this one in is reached, before those that are known. The certificate that
    /// was learned at the join stays the one that is accepted there.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn add_inviter_addresses(&self, addresses: &[Address]) -> Result<(), SiteError> {
        let added: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let done = self.look(move |_, store| {
            let Some(mut inviter) = read::<Inviter>(store, crate::join::INVITER_KEY)? else { return Ok(()) };
            inviter.addresses.retain(|known| !added.contains(known));
            inviter.addresses.splice(0..0, added);
            inviter.addresses.truncate(ADDRESSES_MAX);
            store.put_state(crate::join::INVITER_KEY, Some(&to_cbor(&inviter)))
        });
        Ok(done.await??)
    }

    /// Keeps a smaller page cache: one process may serve many keepers.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn limit_cache(&self, kib: u32) -> Result<(), SiteError> {
        Ok(self.look(move |_, store| store.limit_cache(kib)).await??)
    }

    /// The identity that a process with several keepers shows on its one port, if this folder has been given one.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn shared_identity(&self) -> Result<Option<Identity>, SiteError> {
        let kept = self.look(|_, store| read::<KeptIdentity>(store, IDENTITY_KEY)).await??;
        Ok(kept.map(|kept| Identity { certificate_der: kept.certificate_der, key_der: kept.key_der.into() }))
    }

    /// Keeps the identity that the process shows.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn share_identity(&self, identity: &Identity) -> Result<(), SiteError> {
        let kept =
            KeptIdentity { certificate_der: identity.certificate_der.clone(), key_der: identity.key_der.to_vec() };
        let value = zeroize::Zeroizing::new(to_cbor(&kept));
        Ok(self.look(move |_, store| store.put_state(IDENTITY_KEY, Some(&value))).await??)
    }
}
