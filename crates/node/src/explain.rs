//! Where a record is, and why it is not elsewhere: what `sanad explain` and the patient's page say.
//!
//! Promises: a place counts as confirmed only by a signed receipt; what is on its way counts as not there; nothing of what
//! a record says is in the answer, and nothing of the patient but the id that was given.

use crate::exposure::{Amount, PolicyStatus, policy_status};
use crate::site::{Site, SiteError, now_ms};
use crate::status::kind_name;
use crate::talk::{Failing, Talk};
use sanad_log::control::SiteKind;
use sanad_log::exposure::{Elsewhere, exposure};
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, EntryId, FacilityId, Lane, LogId, ScopeTag, Seq};
use sanad_log::replica::Replica;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Fewest hexadecimal digits by which an entry or an author may be named: fewer fit too many.
pub const DIGITS_MIN: usize = 4;
/// Most ranges of places in an answer: a long chart has hundreds, and an answer is read by people.
pub const PLACES_MAX: usize = 100;
/// Longest FHIR id.
const ID_CHARS_MAX: usize = 64;

/// Why there is nothing to explain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// Neither a patient's id, nor an entry's, nor a place in a log.
    #[error("neither a patient's id, nor an entry's, nor AUTHOR/LANE/SEQ")]
    NotUnderstood,
    /// Nothing that is held here has this name.
    #[error("nothing that is held here has this name")]
    NotFound,
    /// The digits fit several.
    #[error("these digits fit several")]
    Ambiguous,
    /// The site is being closed, or the store cannot be read.
    #[error(transparent)]
    Site(#[from] SiteError),
}

impl From<sanad_store::StoreError> for ExplainError {
    fn from(error: sanad_store::StoreError) -> Self {
        ExplainError::Site(error.into())
    }
}

/// What somebody asks about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A patient, by the id of the Patient resource.
    Patient(String),
    /// An entry, by the first digits of its id.
    Entry(String),
    /// A patient's id that may as well be the digits of an entry's.
    Either(String),
    /// A place in a log: the first digits of its author's key, lane, place.
    Place(String, Lane, Seq),
}

impl Asked {
    /// Reads `ID`, `Patient/ID`, the hexadecimal digits of an entry's id, or `AUTHOR/LANE/SEQ`, where the lane is its name
    /// or its number.
    ///
    /// # Errors
    /// [`ExplainError::NotUnderstood`].
    pub fn read(text: &str) -> Result<Asked, ExplainError> {
        let text = text.trim();
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["Patient", id] if is_id(id) => Ok(Asked::Patient((*id).to_owned())),
            [id] if (DIGITS_MIN..=EntryId::LEN * 2).contains(&id.len()) && is_hex(id) => {
                Ok(Asked::Either((*id).to_owned()))
            }
            [id] if is_id(id) => Ok(Asked::Patient((*id).to_owned())),
            [author, lane, seq]
                if author.len() >= DIGITS_MIN && author.len() <= DeviceId::LEN * 2 && is_hex(author) =>
            {
                let lane = lane_of(lane).ok_or(ExplainError::NotUnderstood)?;
                let seq = seq.parse().ok().filter(|seq| *seq > 0).ok_or(ExplainError::NotUnderstood)?;
                Ok(Asked::Place(author.to_ascii_lowercase(), lane, seq))
            }
            _ => Err(ExplainError::NotUnderstood),
        }
    }
}

fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn lane_of(text: &str) -> Option<Lane> {
    Lane::ALL.into_iter().find(|lane| lane.name() == text || (*lane as u8).to_string() == text)
}

/// Something that has left and has not reported back: a stick on its way. It counts as not there.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// When it left, milliseconds since 1970 by this site's clock.
    pub left_ms: u64,
    /// For whom, if it was made for one site.
    pub to: Option<FacilityId>,
    /// What is on it.
    pub places: Frontier,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// What was asked about.
    pub subject: Subject,
    /// This site.
    pub site: String,
    /// When this was said, milliseconds since 1970 by this site's clock.
    pub as_of_ms: u64,
    /// What is held here of it.
    pub here: Amount,
    /// The places of its entries, in travelling order, at most [`PLACES_MAX`] ranges: what AUTHOR/LANE/SEQ may ask for.
    pub places: Vec<Stretch>,
    /// True if all of it can be read here.
    pub readable_here: bool,
    /// What of it no other site has confirmed.
    pub only_here: Amount,
    /// What of it is not confirmed as the policy wants.
    pub not_yet_safe: Amount,
    /// The policy.
    pub policy: PolicyStatus,
    /// The other sites.
    pub sites: Vec<Place>,
}

/// What was asked about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Subject {
    /// A patient's chart.
    Patient {
        /// The id as it was given.
        id: String,
        /// Charts that hold records of the patient.
        charts: u64,
    },
    /// One entry.
    Entry {
        /// Its id.
        id: String,
        /// The key of the device that wrote it.
        author: String,
        /// The call sign of that device's site; `None` if it is not known here.
        by: Option<String>,
        /// Its lane.
        lane: &'static str,
        /// Its place there.
        seq: Seq,
        /// When it was written, milliseconds since 1970 by its author's clock.
        written_ms: u64,
    },
}

/// Entries that follow each other in one log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stretch {
    /// The key of the device that wrote them.
    pub author: String,
    /// Their lane.
    pub lane: &'static str,
    /// The first place.
    pub from: Seq,
    /// The last place.
    pub to: Seq,
}

impl Stretch {
    fn of(range: &Range) -> Stretch {
        let Range { log, from, to } = *range;
        Stretch { author: log.author.to_string(), lane: log.lane.name(), from, to }
    }
}

/// How it stands with a record at another site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its receipt speaks of all of it.
    Confirmed,
    /// Its receipt speaks of a part.
    Partly,
    /// Its newest receipt is older than the record: it does not speak of it.
    NotYet,
    /// No receipt of it has ever come.
    NeverHeard,
}

/// What a site may do with a record that it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reads {
    /// Open it: the keys were granted to it.
    Readable,
    /// Open a part of it.
    Partly,
    /// Hold and carry it, and not open it.
    Sealed,
}

/// A record at another site.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// Call sign.
    pub site: String,
    /// `enclave`, `haven`.
    pub kind: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// Entries of it that the site has confirmed.
    pub confirmed_entries: u64,
    /// Entries of it that the site has not confirmed.
    pub missing_entries: u64,
    /// When its newest receipt came, milliseconds since 1970 by this site's clock.
    pub receipt_ms: Option<u64>,
    /// The site that brought that receipt, if it was another.
    pub told_by: Option<String>,
    /// When this site last finished a session with it; `None` if never: it is known through others alone.
    pub talked_ms: Option<u64>,
    /// What it may do with it.
    pub reads: Reads,
    /// Sessions that failed since then.
    pub failing: Option<Failing>,
    /// What has left for it and has not reported back.
    pub under_way: Vec<UnderWay>,
}

/// Something on its way that holds a part of the record which the site has not confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct UnderWay {
    /// When it left, milliseconds since 1970 by this site's clock.
    pub left_ms: u64,
    /// How many of the missing entries are on it.
    pub entries: u64,
}

/// What is known here of how sites are heard.
#[derive(Clone, Default)]
pub(crate) struct Hearsay {
    /// When the newest receipt of each device came.
    pub(crate) heard_ms: BTreeMap<DeviceId, u64>,
    /// Who brought it.
    pub(crate) via: BTreeMap<DeviceId, DeviceId>,
    /// How talking to it went.
    pub(crate) talks: BTreeMap<DeviceId, Talk>,
}

/// Every other site of the network, and how it stands there with these places.
fn places(
    replica: &Replica,
    record: &Frontier,
    scopes: &BTreeSet<ScopeTag>,
    hearsay: &Hearsay,
    outgoing: &[Outgoing],
) -> Vec<Place> {
    let directory = replica.directory();
    let elsewhere: Elsewhere<'_> = replica.elsewhere();
    let others = directory.facilities().iter().filter(|(id, _)| **id != directory.own());
    let name = |device: &DeviceId| {
        let facility = directory.facilities().get(&directory.facility_of(device)?)?;
        Some(facility.call_sign.clone())
    };
    let mut out = Vec::new();
    for (id, facility) in others {
        let devices: Vec<_> =
            directory.devices().iter().filter(|(_, of)| *of == id).map(|(device, _)| *device).collect();
        let missing: Frontier = match elsewhere.get(id) {
            Some(confirmed) => record.minus(&confirmed.places).into_iter().collect(),
            None => record.clone(),
        };
        let missing_entries = missing.count();
        let standing = match elsewhere.contains_key(id) {
            false => Standing::NeverHeard,
            true if missing_entries == 0 => Standing::Confirmed,
            true if missing_entries < record.count() => Standing::Partly,
            true => Standing::NotYet,
        };
        let newest = devices.iter().filter_map(|device| Some((*hearsay.heard_ms.get(device)?, *device))).max();
        let told_by = newest.and_then(|(_, device)| {
            let via = *hearsay.via.get(&device)?;
            (directory.facility_of(&via) != Some(*id)).then(|| name(&via)).flatten()
        });
        let talks: Vec<&Talk> = devices.iter().filter_map(|device| hearsay.talks.get(device)).collect();
        let for_it = outgoing.iter().filter(|outgoing| outgoing.to.is_none_or(|to| to == *id));
        let under_way = for_it.filter_map(|outgoing| {
            let entries = missing.count() - missing.minus(&outgoing.places).iter().map(Range::count).sum::<u64>();
            (entries > 0).then_some(UnderWay { left_ms: outgoing.left_ms, entries })
        });
        out.push(Place {
            site: facility.call_sign.clone(),
            kind: kind_name(facility.kind),
            standing,
            confirmed_entries: record.count() - missing_entries,
            missing_entries,
            receipt_ms: newest.map(|(at_ms, _)| at_ms),
            told_by,
            talked_ms: talks.iter().map(|talk| talk.done_ms).filter(|at_ms| *at_ms > 0).max(),
            reads: reads(replica, id, facility.kind, scopes),
            failing: talks.iter().filter_map(|talk| talk.failing.clone()).max_by_key(|failing| failing.last_ms),
            under_way: under_way.collect(),
        });
    }
    out.sort_by(|a, b| a.site.cmp(&b.site));
    out
}

fn reads(replica: &Replica, facility: &FacilityId, kind: SiteKind, scopes: &BTreeSet<ScopeTag>) -> Reads {
    // What is the network's is for those who take part in care; a handover is for the one it is addressed to.
    let may = |scope: &&ScopeTag| match **scope {
        ScopeTag::NETWORK => matches!(kind, SiteKind::Enclave | SiteKind::Haven),
        scope if scope.0 == facility.0 => true,
        scope => replica.directory().readers(&scope).any(|reader| reader == *facility),
    };
    match scopes.iter().filter(may).count() {
        0 => Reads::Sealed,
        readable if readable == scopes.len() => Reads::Readable,
        _ => Reads::Partly,
    }
}

/// What the replica says of a record.
struct Looked {
    held: Vec<Range>,
    only_here: Vec<Range>,
    not_yet_safe: Vec<Range>,
    readable_here: bool,
    policy: PolicyStatus,
    sites: Vec<Place>,
    by: Option<String>,
}

impl Site {
    /// Where a record is, and why it is not elsewhere.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub async fn explain(&self, asked: &Asked) -> Result<Explained, ExplainError> {
        let outgoing = self.bundles_out().await?.into_iter();
        let outgoing =
            outgoing.map(|bundle| Outgoing { left_ms: bundle.written_ms, to: bundle.site, places: bundle.holds });
        self.explain_with(asked, outgoing.collect()).await
    }

    /// The same, with what is on its way.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub async fn explain_with(&self, asked: &Asked, outgoing: Vec<Outgoing>) -> Result<Explained, ExplainError> {
        let (mut subject, record, scopes) = self.find(asked).await?;
        let author = match &subject {
            Subject::Entry { author, .. } => DeviceId::from_hex(author),
            Subject::Patient { .. } => None,
        };
        let hearsay = self.hearsay().await?;
        let looked = self
            .look(move |replica, _| {
                let directory = replica.directory();
                let policy = directory.policy();
                let exposed = exposure(&record, &replica.elsewhere(), &policy);
                let by = author.and_then(|author| directory.facilities().get(&directory.facility_of(&author)?));
                Looked {
                    held: record.minus(&Frontier::default()),
                    only_here: exposed.only_here,
                    not_yet_safe: exposed.not_yet_safe,
                    readable_here: scopes
                        .iter()
                        .all(|scope| directory.is_readable(scope) || scope.0 == directory.own().0),
                    policy: policy_status(directory),
                    sites: places(replica, &record, &scopes, &hearsay, &outgoing),
                    by: by.map(|facility| facility.call_sign.clone()),
                }
            })
            .await?;
        if let Subject::Entry { by, .. } = &mut subject {
            *by = looked.by;
        }
        let amount = |ranges: &[Range]| self.reader().records_in(ranges).map(Amount::from);
        Ok(Explained {
            subject,
            site: self.call_sign().to_owned(),
            as_of_ms: now_ms(),
            here: amount(&looked.held)?,
            places: looked.held.iter().take(PLACES_MAX).map(Stretch::of).collect(),
            readable_here: looked.readable_here,
            only_here: amount(&looked.only_here)?,
            not_yet_safe: amount(&looked.not_yet_safe)?,
            policy: looked.policy,
            sites: looked.sites,
        })
    }

    /// What is meant, its places and its scopes.
    async fn find(&self, asked: &Asked) -> Result<(Subject, Frontier, BTreeSet<ScopeTag>), ExplainError> {
        let reader = self.reader();
        let patient = |id: &str| {
            let Some(page) = reader.patient(id)? else { return Ok(None) };
            let scopes: BTreeSet<ScopeTag> = page.scopes.into_iter().collect();
            let places = reader.places_of_scopes(&scopes)?;
            let subject = Subject::Patient { id: id.to_owned(), charts: scopes.len() as u64 };
            Ok::<_, ExplainError>(Some((subject, places, scopes)))
        };
        let by_digits = |digits: &str| match reader.entries_by_id(&digits.to_ascii_lowercase())?.as_slice() {
            [] => Err(ExplainError::NotFound),
            [(log, seq, _)] => Ok((*log, *seq)),
            _ => Err(ExplainError::Ambiguous),
        };
        let (log, seq) = match asked {
            Asked::Patient(id) => return patient(id)?.ok_or(ExplainError::NotFound),
            Asked::Either(text) => match patient(text)? {
                Some(found) => return Ok(found),
                None => by_digits(text)?,
            },
            Asked::Entry(digits) => by_digits(digits)?,
            Asked::Place(author, lane, seq) => match reader.authors_by_key(author)?.as_slice() {
                [] => return Err(ExplainError::NotFound),
                [author] => (LogId { lane: *lane, author: *author }, *seq),
                _ => return Err(ExplainError::Ambiguous),
            },
        };
        let header = reader.header(log, seq)?.ok_or(ExplainError::NotFound)?;
        let subject = Subject::Entry {
            id: header.id().to_string(),
            author: log.author.to_string(),
            by: None,
            lane: log.lane.name(),
            seq,
            written_ms: header.hlc.ms(),
        };
        Ok((subject, Frontier::from_iter([Range { log, from: seq, to: seq }]), BTreeSet::from([header.scope])))
    }

    /// When and through whom other sites were heard.
    pub(crate) async fn hearsay(&self) -> Result<Hearsay, SiteError> {
        let (receipts, vias) = self
            .look(|_, store| {
                Ok::<_, sanad_store::StoreError>((
                    store.list_state(crate::heart::RECEIPT_KEY)?,
                    store.list_state(crate::heart::VIA_KEY)?,
                ))
            })
            .await??;
        let heard = |(key, value): (String, Vec<u8>)| {
            let device = DeviceId::from_hex(key.strip_prefix(crate::heart::RECEIPT_KEY)?)?;
            Some((device, u64::from_be_bytes(value.get(..8)?.try_into().ok()?)))
        };
        let via = |(key, value): (String, Vec<u8>)| {
            let device = DeviceId::from_hex(key.strip_prefix(crate::heart::VIA_KEY)?)?;
            Some((device, DeviceId::from_slice(&value)?))
        };
        Ok(Hearsay {
            heard_ms: receipts.into_iter().filter_map(heard).collect(),
            via: vias.into_iter().filter_map(via).collect(),
            talks: self.talks(),
        })
    }
}

#[cfg(test)]
mod tests;
