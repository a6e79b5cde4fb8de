//! What a keeper's folder holds beside the log, and how much it takes. A keeper stores and forwards what is sealed and can
//! read nothing: what is kept here names no other site and opens nothing.

use crate::carrier::Address;
use crate::join::Inviter;
use crate::site::{Site, SiteError};
use crate::tls::Identity;
use minicbor::{Decode, Encode};
use sanad_log::control::{ADDRESSES_MAX, Authority, Contact, SignedEnrolment, SiteKind, from_cbor, to_cbor};
use sanad_log::ids::{DeviceId, FacilityId};
use sanad_log::reach::SignedReach;
use sanad_log::replica::{Input, Keeping, Replica, Room, Takes};
use sanad_store::{Secrets, Store, StoreError};
use serde::Serialize;
use zeroize::{Zeroize as _, Zeroizing};

const AUTHORITY_KEY: &str = "keeper/authority";
pub(crate) const ENROLMENT_KEY: &str = "keeper/enrolment";
/// Prefix of the second of what is kept twice, far from the first: one damaged page takes one of them.
pub(crate) const COPY_KEY: &str = "zz-copy/";
pub(crate) const REACH_KEY: &str = "keeper/reach";
const QUOTA_KEY: &str = "keeper/quota";
const IDENTITY_KEY: &str = "keeper/identity";
/// Prefix of devices that have shown their enrolment; the facility's id is the value.
pub(crate) const MEMBER_KEY: &str = "keeper/member/";
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
    for (key, value) in [(AUTHORITY_KEY, to_cbor(authority)), (ENROLMENT_KEY, to_cbor(enrolment))] {
        store.put_state(key, Some(&value))?;
        store.put_state(&format!("{COPY_KEY}{key}"), Some(&value))?;
    }
    Ok(())
}

/// What a keeper's replica is started with; `None` at any other site.
pub(crate) fn keeping(store: &Store, secrets: &Secrets) -> Result<Option<Keeping>, StoreError> {
    if secrets.kind != SiteKind::Keeper {
        return Ok(None);
    }
    let (Some(authority), Some(enrolment)) = (read_either(store, AUTHORITY_KEY)?, read_either(store, ENROLMENT_KEY)?)
    else {
        // Written before anything else at the join; without it no peer can be told from a stranger, and no repair of the
        // database brings it back.
        return Err(StoreError::DamagedHead);
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

/// What is kept twice, from either place.
fn read_either<T: for<'b> Decode<'b, ()>>(store: &Store, key: &str) -> Result<Option<T>, StoreError> {
    match read(store, key)? {
        Some(found) => Ok(Some(found)),
        None => read(store, &format!("{COPY_KEY}{key}")),
    }
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

/// A TLS identity as it is kept.
#[derive(Encode, Decode)]
struct KeptIdentity {
    #[cbor(n(0), with = "minicbor::bytes")]
    certificate_der: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    key_der: Vec<u8>,
}

impl Drop for KeptIdentity {
    fn drop(&mut self) {
        self.key_der.zeroize();
    }
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
        Ok(kept.map(|mut kept| Identity {
            certificate_der: std::mem::take(&mut kept.certificate_der),
            key_der: std::mem::take(&mut kept.key_der).into(),
        }))
    }

    /// Keeps the identity that the process shows.
    ///
    /// # Errors
    /// The disk refused.
    pub async fn share_identity(&self, identity: &Identity) -> Result<(), SiteError> {
        let kept =
            KeptIdentity { certificate_der: identity.certificate_der.clone(), key_der: identity.key_der.to_vec() };
        let value = Zeroizing::new(to_cbor(&kept));
        Ok(self.look(move |_, store| store.put_state(IDENTITY_KEY, Some(&value))).await??)
    }
}
