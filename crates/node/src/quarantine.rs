//! What is kept apart: listed by name, handed out, taken in when a clinician says so; and forks, by the name of whose device
//! went back in time.
//!
//! Promise: nothing here decides. What is taken in is a new save of this site beside whatever else is said of the same
//! resource, with a record of where it comes from; what was kept apart stays kept.

use crate::heart::now_ms;
use crate::save::{Change, SaveRequest};
use crate::site::{Site, SiteError};
use sanad_log::control::is_call_sign;
use sanad_log::directory::{Directory, Unreadable};
use sanad_log::entry::{Entry, HEADER_LEN, Header};
use sanad_log::ids::{DeviceId, Lane, LogId, ScopeTag, Seq};
use sanad_record::adopt::Adopted;
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::key::ResourceKey;
use sanad_record::op::{Action, CodecError, DecodeError, Save};
use sanad_store::{Kept, Quarantined, Reason, Source, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;

/// Digits by which a device is named that nobody knows.
const DEVICE_DIGITS: usize = 16;

/// Something that is kept apart, by name.
#[derive(Clone, Debug, Serialize)]
pub struct Piece {
    /// Its number here.
    pub n: u64,
    /// The name of the reason.
    pub reason: &'static str,
    /// The device that is said to have written it, in hexadecimal digits.
    pub author: String,
    /// Call sign of its site, if it is known.
    pub site: Option<String>,
    /// The lane it claims.
    pub lane: &'static str,
    /// The place it claims.
    pub seq: Seq,
    /// When it came, milliseconds since 1970 by the clock here; `None` if that is not known.
    pub came_ms: Option<u64>,
    /// How it came: `session`, `carrier` (a stick or a message), or `here`.
    pub how: &'static str,
    /// From whom: a call sign, or the first digits of a device that nobody knows.
    pub from: Option<String>,
    /// Bytes of it.
    pub bytes: u64,
    /// True if it stands in the log, and so is held and passed on all the same.
    pub in_log: bool,
    /// When somebody here took its content in.
    pub adopted_ms: Option<u64>,
    /// True if it is readable as it stands: a resource that was shown before its entry was lost.
    pub readable: bool,
}

/// How much is kept apart, as `sanad status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QuarantineStatus {
    /// Pieces that wait for somebody.
    pub waiting: u64,
    /// Pieces whose content was taken in.
    pub adopted: u64,
    /// Pieces that had to give way to newer ones of the same source, and are not kept any more.
    pub dropped: u64,
    /// Those that wait, by the name of their reason.
    pub by_reason: BTreeMap<&'static str, u64>,
}

impl From<Vec<Kept>> for QuarantineStatus {
    fn from(counts: Vec<Kept>) -> Self {
        let mut status = QuarantineStatus::default();
        for kept in counts {
            status.waiting += kept.waiting;
            status.adopted += kept.adopted;
            status.dropped += kept.dropped;
            if kept.waiting > 0 {
                status.by_reason.insert(kept.reason.name(), kept.waiting);
            }
        }
        status
    }
}

/// A device that wrote two things in one place: it was restored from a copy, or cloned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForkHere {
    /// Call sign of its site, if it is known.
    pub site: Option<String>,
    /// The device, in hexadecimal digits.
    pub device: String,
    /// The lane.
    pub lane: &'static str,
    /// The first place at which it says two things.
    pub seq: Seq,
    /// When that was found, by the clock of who found it; `None` if nobody has written it down.
    pub found_ms: Option<u64>,
    /// Call sign of who found it.
    pub found_by: Option<String>,
    /// True if the site goes on with another device.
    pub replaced: bool,
    /// Entries of the branch that lost its places, carried on in other logs. All of them are readable where they were.
    pub carried_entries: u64,
    /// In whose logs: call sign and entries.
    pub carried_by: Vec<(String, u64)>,
}

/// A piece and its bytes, as they came.
pub struct Handed {
    /// The piece.
    pub piece: Piece,
    /// Header and body of an entry; for a lost one's resource, that.
    pub bytes: Vec<u8>,
}

/// What taking a piece in did.
#[derive(Clone, Debug, Serialize)]
pub struct AdoptedHere {
    /// Its number.
    pub n: u64,
    /// Resources that were saved anew.
    pub resources: u64,
    /// The Provenance that says where they come from.
    pub provenance: String,
    /// Whose chart they stand in.
    pub patient: Option<String>,
}

/// Why a piece was not taken in. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The site itself.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Nothing is kept under this number.
    #[error("nothing is kept apart under this number")]
    NoSuchNumber,
    /// It was taken in already.
    #[error("this was taken in already")]
    Already,
    /// The same entry is held and shown here, in its place or carried by another.
    #[error("the same entry is held here already")]
    Held,
    /// Its key is not here.
    #[error("this is sealed here: its key is not held")]
    Sealed,
    /// The seal does not hold.
    #[error("the seal does not hold: what was written cannot be read by anybody")]
    Broken,
    /// A later release wrote it.
    #[error("a later release wrote this")]
    Newer,
    /// It is no record.
    #[error("there is no record in this")]
    NoRecord,
    /// Its bytes cannot be read any more.
    #[error("the bytes of this cannot be read any more")]
    Lost,
}

impl From<StoreError> for AdoptError {
    fn from(error: StoreError) -> Self {
        AdoptError::Site(error.into())
    }
}

/// Names of devices, as this site knows them.
struct Names(BTreeMap<DeviceId, (String, String)>);

impl Names {
    fn of(directory: &Directory) -> Names {
        let named = directory.devices().iter().filter_map(|(device, id)| {
            let facility = directory.facilities().get(id)?;
            Some((*device, (id.to_string(), facility.call_sign.clone())))
        });
        Names(named.collect())
    }

    fn call_sign(&self, device: &DeviceId) -> Option<String> {
        self.0.get(device).map(|(_, call_sign)| call_sign.clone())
    }

    /// A call sign, or the first digits of a device that nobody knows.
    fn or_digits(&self, device: &DeviceId) -> String {
        self.call_sign(device).unwrap_or_else(|| device.to_string()[..DEVICE_DIGITS].to_owned())
    }

    fn piece(&self, kept: &Quarantined) -> Piece {
        let (how, from) = match kept.came.from {
            Source::Here => ("here", None),
            Source::Peer(device) => ("session", Some(device)),
            Source::Carrier(device) => ("carrier", device),
        };
        Piece {
            n: kept.n,
            reason: kept.reason.name(),
            author: kept.log.author.to_string(),
            site: self.call_sign(&kept.log.author),
            lane: kept.log.lane.name(),
            seq: kept.seq,
            came_ms: Some(kept.came.at_ms).filter(|at_ms| *at_ms > 0),
            how,
            from: from.map(|device| self.or_digits(&device)),
            bytes: kept.bytes,
            in_log: kept.in_log,
            adopted_ms: kept.adopted_ms,
            readable: kept.reason == Reason::Damage,
        }
    }
}

/// What is to be saved anew.
struct Content {
    changes: Vec<Change>,
    chart: Option<ScopeTag>,
}

impl Site {
    async fn names(&self) -> Result<Names, SiteError> {
        self.with_directory(Names::of).await
    }

    /// What is kept apart after a number, in the order in which it came; at most
    /// [`sanad_store::QUARANTINE_LISTED_MAX`].
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn quarantine(&self, after: u64, limit: u32) -> Result<Vec<Piece>, SiteError> {
        let names = self.names().await?;
        Ok(self.reader().quarantine(after, limit)?.iter().map(|kept| names.piece(kept)).collect())
    }

    /// A page of it, newest first.
    ///
    /// # Errors
    /// As [`Site::quarantine`].
    pub async fn quarantine_newest(&self, page: sanad_store::Page) -> Result<Vec<Piece>, SiteError> {
        let names = self.names().await?;
        Ok(self.reader().quarantine_newest(page)?.iter().map(|kept| names.piece(kept)).collect())
    }

    /// One piece with its bytes as they came; `None` if there is none of this number.
    ///
    /// # Errors
    /// As [`Site::quarantine`].
    pub async fn hand_out(&self, n: u64) -> Result<Option<Handed>, SiteError> {
        let names = self.names().await?;
        let found = self.reader().quarantined(n)?;
        Ok(found.map(|(kept, bytes)| Handed { piece: names.piece(&kept), bytes }))
    }

    /// Forks, by name, in the order of their logs.
    ///
    /// # Errors
    /// As [`Site::quarantine`].
    pub async fn forks(&self) -> Result<Vec<ForkHere>, SiteError> {
        let (names, forks) = self
            .with_directory(|directory| {
                let logs = directory.forks().logs().map(|(log, seq)| {
                    let stated: Vec<_> = directory.forks().stated(&log).collect();
                    (log, seq, stated, directory.is_replaced(&log.author))
                });
                (Names::of(directory), logs.collect::<Vec<_>>())
            })
            .await?;
        let reader = self.reader();
        forks
            .into_iter()
            .map(|(log, seq, stated, replaced)| {
                let mut found = Vec::new();
                for (author, seq) in stated {
                    let header = reader.header(LogId { lane: Lane::Control, author }, seq)?;
                    found.extend(header.map(|header| (header.hlc.ms(), author)));
                }
                let first = found.into_iter().min();
                let mut carried_by: BTreeMap<String, u64> = BTreeMap::new();
                for (device, entries) in reader.carried_of(log)? {
                    *carried_by.entry(names.or_digits(&device)).or_default() += entries;
                }
                Ok(ForkHere {
                    site: names.call_sign(&log.author),
                    device: log.author.to_string(),
                    lane: log.lane.name(),
                    seq,
                    found_ms: first.map(|(at_ms, _)| at_ms),
                    found_by: first.map(|(_, author)| names.or_digits(&author)),
                    replaced,
                    carried_entries: carried_by.values().sum(),
                    carried_by: carried_by.into_iter().collect(),
                })
            })
            .collect()
    }

    /// Takes the content of a piece in: its resources are saved anew by this site, as versions beside all others, with a
    /// Provenance that names author, place and reason. Done again, it does nothing again.
    ///
    /// # Errors
    /// [`AdoptError`]: nothing has changed.
    pub async fn adopt(&self, n: u64, by: Option<&str>) -> Result<AdoptedHere, AdoptError> {
        if !by.is_none_or(is_call_sign) {
            return Err(SiteError::BadCallSign.into());
        }
        let (kept, bytes) = self.reader().quarantined(n)?.ok_or(AdoptError::NoSuchNumber)?;
        if kept.adopted_ms.is_some() {
            return Err(AdoptError::Already);
        }
        if bytes.is_empty() {
            return Err(AdoptError::Lost);
        }
        let digest = *blake3::hash(&bytes).as_bytes();
        let Content { mut changes, chart } = match kept.reason {
            Reason::Damage => shown_before(bytes)?,
            _ => self.open_piece(&kept, bytes).await?,
        };
        let patient = changes.iter().find_map(|change| {
            let value = read_for_patients(&change.key, change.raw.as_deref()?)?;
            patients_of_key(&change.key, &value).into_iter().next()
        });
        let names = self.names().await?;
        let at_ms = now_ms();
        let record = Adopted {
            digest,
            targets: changes.iter().map(|change| change.key.clone()).collect(),
            patient: patient.clone(),
            device: kept.log.author.to_string(),
            author: names.0.get(&kept.log.author).cloned(),
            place: format!("{}/{}/{}", kept.log.author, kept.log.lane.name(), kept.seq),
            reason: kept.reason.name(),
            by: by.map(str::to_owned),
            here: (self.facility().to_string(), self.call_sign().to_owned()),
            recorded: crate::ask::instant(at_ms),
        };
        let provenance = ResourceKey::new("Provenance", record.id()).map_err(|_| AdoptError::NoRecord)?;
        let resources = changes.len() as u64;
        let raw = Some(record.to_provenance());
        changes.push(Change { key: provenance.clone(), raw, about: patient.clone(), follows: None });
        let mut idempotency = [0; 16];
        idempotency.copy_from_slice(&blake3::derive_key("sanad 2026 adopted v1", &digest)[..16]);
        let request = SaveRequest { changes, idempotency: Some(idempotency), by: by.map(str::to_owned) };
        let saved = self.save_in(request, chart).await.map_err(|error| match error {
            SiteError::BadResource(_) => AdoptError::NoRecord,
            error => error.into(),
        })?;
        // Another site may have taken in the same, and its save be here: that counts as taken in.
        self.look(move |_, store| store.mark_adopted(n, at_ms)).await??;
        if saved.repeated {
            return Err(AdoptError::Already);
        }
        Ok(AdoptedHere { n, resources, provenance: provenance.to_string(), patient })
    }

    /// What an entry says that is kept apart.
    async fn open_piece(&self, kept: &Quarantined, bytes: Vec<u8>) -> Result<Content, AdoptError> {
        let Some((head, body)) = bytes.split_at_checked(HEADER_LEN) else { return Err(AdoptError::NoRecord) };
        let later = if kept.reason == Reason::UnknownFormat { AdoptError::Newer } else { AdoptError::NoRecord };
        let header = head.try_into().ok().and_then(|head| Header::decode(head).ok()).ok_or(later)?;
        if !kept.in_log && self.reader().holds(header.log, header.seq, &header.id())? {
            return Err(AdoptError::Held);
        }
        let chart = header.scope;
        let (header, body) = match Entry::from_disk(head, body.to_vec()).ok().and_then(|entry| entry.carried()) {
            Some(inner) => (inner.header().clone(), inner.body().to_vec()),
            None => (header, body.to_vec()),
        };
        let opened = self.with_directory(move |directory| directory.open_apart(&header, &body)).await?;
        let text = opened.map_err(|error| match error {
            Unreadable::Broken => AdoptError::Broken,
            _ => AdoptError::Sealed,
        })?;
        let save = Save::decode(text.expose()).map_err(|error| match error {
            DecodeError::Codec(CodecError::UnknownCodec(_)) => AdoptError::Newer,
            _ => AdoptError::NoRecord,
        })?;
        // They follow what their author had seen, so that they stand beside whatever was said since and hide none of it.
        let changes = save.ops.into_iter().map(|op| Change {
            raw: (op.action == Action::Put).then_some(op.raw),
            key: op.key,
            about: None,
            follows: Some(op.parents),
        });
        Ok(Content { changes: changes.collect(), chart: Some(chart) })
    }
}

/// A resource that was shown here before its entry was lost to damage. What it followed is not known: it stands beside
/// whatever is said now, and hides none of it.
fn shown_before(raw: Vec<u8>) -> Result<Content, AdoptError> {
    let value: serde_json::Value = serde_json::from_slice(&raw).map_err(|_| AdoptError::NoRecord)?;
    let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let key = ResourceKey::new(text("resourceType"), text("id")).map_err(|_| AdoptError::NoRecord)?;
    Ok(Content { changes: vec![Change { key, raw: Some(raw), about: None, follows: Some(vec![]) }], chart: None })
}

#[cfg(test)]
mod tests;
